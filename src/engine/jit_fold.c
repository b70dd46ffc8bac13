/*
 * The windows that pay. Forwards over each run of jops that is entered only at its top, knowing
 * what each register is in terms of others:
 *
 *	r3 = r2; r3 <<= 3; r3 += r1; r4 = *(u64 *)(r3 + 8)	r4 = *(u64 *)(r1 + (r2 << 3) + 8)
 *	r3 = r2; r3 += 8					r3 = r2 + 8
 *	r3 = r2; r3 <<= 4; r2 >>= 28; r3 |= r2			r3 = r2 rotated by 4
 *	r3 = r2; r3 &= 4; if r3 != 0				if r2 & 4
 *
 * and copies give way to what they are copies of. What nobody reads any more goes afterwards
 * (jit_live_prune). Nothing read here is read across a call: r1 to r5 would have to be saved.
 *
 * Needs: liveness. Keeps: in[]. Called by jit_plan_make().
 */
#include <string.h>

#include "engine/helper.h"
#include "engine/jit_priv.h"
#include "engine/map.h"

#define BIT(r) (1u << (r))

/* A register's value: base + (index << shift) + disp, of registers as they were when @vbase and
 * @vindex counted their changes. */
struct sum {
	enum { SUM_NONE, SUM_LOW /* its lower 32 bits are */, SUM_ALL } kind;
	uint8_t base, index, shift;
	int32_t disp;
	uint32_t vbase, vindex;
};

/* A register's value: a shift of another by a number, a bitwise AND with one, a number. */
struct made {
	uint8_t op; /* OP_LSH, OP_RSH, OP_AND, OP_MOV; 0: none of them */
	uint8_t width, root;
	uint32_t vroot;
	int64_t imm;
};

struct fold {
	struct jit_plan *plan;
	uint32_t at;                    /* jop in hand */
	uint32_t branch;                /* the last one left from here, as at + 1 */
	uint32_t version[VM_REGISTERS]; /* how often it has changed */
	struct sum sums[VM_REGISTERS];
	struct made made[VM_REGISTERS];
	uint8_t bits[VM_REGISTERS]; /* all bits from here up are zero */
	uint32_t def[VM_REGISTERS]; /* jop that wrote it */
	uint32_t uses[VM_REGISTERS];
};

/* ---- what is known ---- */

static void forget(struct fold *f, unsigned r)
{
	f->version[r]++;
	f->sums[r].kind = SUM_NONE;
	f->made[r].op = 0;
	f->bits[r] = 64;
}

static void wrote(struct fold *f, unsigned r, unsigned bits)
{
	forget(f, r);
	f->bits[r] = (uint8_t)bits;
	f->def[r] = f->at;
	f->uses[r] = 0;
}

static struct sum self(const struct fold *f, unsigned r)
{
	return (struct sum){
		.kind = SUM_ALL, .base = (uint8_t)r, .index = JIT_NONE, .vbase = f->version[r]
	};
}

static bool holds(const struct fold *f, const struct sum *s)
{
	return (s->base == JIT_NONE || f->version[s->base] == s->vbase) &&
	       (s->index == JIT_NONE || f->version[s->index] == s->vindex);
}

/* What r is; good for the lower 32 bits only when @width is 32. */
static struct sum sum_of(const struct fold *f, unsigned r, unsigned width)
{
	const struct sum *s = &f->sums[r];

	if (s->kind == SUM_NONE || (s->kind == SUM_LOW && width > 32) || !holds(f, s))
		return self(f, r);
	return *s;
}

static bool is_plain(const struct sum *s)
{
	return s->index == JIT_NONE && !s->disp;
}

/* The register that r is a copy of, or r. */
static uint8_t copy_of(const struct fold *f, uint8_t r, unsigned width)
{
	if (r == JIT_NONE)
		return r;
	const struct sum s = sum_of(f, r, width);

	return is_plain(&s) ? s.base : r;
}

/* Says that @d, just written, is @s, unless that was in terms of what it was before. */
static void know(struct fold *f, unsigned d, struct sum s, unsigned width)
{
	if (s.base == d || s.index == d)
		return;
	if (width == 32)
		s.kind = SUM_LOW;
	f->sums[d] = s;
}

/* s = a + b; false: it takes more than one of each. */
static bool add_sums(struct sum *s, const struct sum *a, const struct sum *b)
{
	const struct sum *with = a->index == JIT_NONE ? b : a, *other = with == a ? b : a;
	int64_t disp = (int64_t)a->disp + b->disp;

	if (other->index != JIT_NONE || disp != (int32_t)disp)
		return false;
	*s = *with;
	s->disp = (int32_t)disp;
	if (with->index == JIT_NONE) { /* two bases */
		s->index = other->base;
		s->vindex = other->vbase;
		s->shift = 0;
	} else if (with->base == JIT_NONE) {
		s->base = other->base;
		s->vbase = other->vbase;
	} else {
		return false;
	}
	return true;
}

static unsigned bits_in(uint64_t value)
{
	return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

static unsigned bits_of(const struct fold *f, unsigned r, unsigned width)
{
	return MIN(f->bits[r], width);
}

/* ---- rewriting ---- */

static void into_lea(struct jop *j, const struct sum *s)
{
	if (is_plain(s)) {
		j->op = OP_MOV;
		j->a = s->base;
		j->b = JIT_NONE;
		return;
	}
	j->op = JIT_LEA;
	j->a = s->base;
	j->b = s->index;
	j->shift = s->shift;
	j->disp = s->disp;
	j->imm = 0;
}

static void fold_mov(struct fold *f, struct jop *j)
{
	if (j->a == JIT_NONE) {
		wrote(f, j->dst, bits_in(j->width == 32 ? (uint32_t)j->imm : (uint64_t)j->imm));
		f->made[j->dst] = (struct made){ .op = OP_MOV, .width = 64, .imm = j->imm };
		return;
	}
	unsigned bits = bits_of(f, j->a, j->width);
	if (j->width == 32 && f->bits[j->a] <= 32)
		j->width = 64;
	struct sum s = sum_of(f, j->a, j->width);
	if (is_plain(&s) || !(j->out & BIT(j->a)))
		into_lea(j, &s);
	if (j->op == OP_MOV && j->a == j->dst && j->width == 64) {
		j->op = JIT_NOP;
		j->dst = j->a = JIT_NONE;
		return;
	}
	unsigned d = j->dst;
	wrote(f, d, bits);
	know(f, d, s, j->width);
}

static void fold_add_imm(struct fold *f, struct jop *j, int64_t imm)
{
	struct sum s = sum_of(f, j->a, j->width);
	int64_t disp = s.disp + imm;
	bool same = s.base == j->dst && s.index == JIT_NONE && !s.disp;

	if (disp != (int32_t)disp) {
		wrote(f, j->dst, j->width);
		return;
	}
	s.disp = (int32_t)disp;
	if (!same)
		into_lea(j, &s);
	/* A sum of 0 would be cut to 32 bits by its mov, as it should. */
	wrote(f, j->dst, j->width);
	know(f, j->dst, s, j->width);
}

/* Undoes the shift of R in place that made its present value, if that was for this jop alone. */
static bool undo(struct fold *f, const struct jop *j, unsigned r, uint32_t version)
{
	struct jop *shift = &f->plan->jops[f->def[r]];

	if (f->version[r] != version + 1 || f->uses[r] || f->def[r] < f->branch ||
	    shift->dst != r || shift->a != r || (j->dst != r && j->out & BIT(r)))
		return false;
	shift->op = JIT_NOP;
	shift->dst = shift->a = JIT_NONE;
	forget(f, r);
	f->version[r] = version;
	return true;
}

/* Two shifts of one register that make a rotation. */
static bool fold_rotate(struct fold *f, struct jop *j)
{
	const struct made *x = &f->made[j->a], *y = &f->made[j->b];

	if (!(x->op == OP_LSH && y->op == OP_RSH) && !(x->op == OP_RSH && y->op == OP_LSH))
		return false;
	const struct made left = x->op == OP_LSH ? *x : *y;
	if (x->width != y->width || x->width > j->width || x->imm + y->imm != x->width ||
	    x->root != y->root || x->vroot != y->vroot)
		return false;
	if (f->version[left.root] != left.vroot && !undo(f, j, left.root, left.vroot))
		return false;
	j->op = JIT_ROTATE;
	j->width = left.width;
	j->a = left.root;
	j->b = JIT_NONE;
	j->imm = left.imm;
	f->uses[j->a]++;
	wrote(f, j->dst, j->width);
	return true;
}

static void fold_add(struct fold *f, struct jop *j)
{
	struct sum a = sum_of(f, j->a, j->width), b = sum_of(f, j->b, j->width), s;

	if (j->out & BIT(j->b) && !is_plain(&b))
		b = self(f, j->b);
	if (!add_sums(&s, &a, &b)) {
		a = self(f, j->a);
		if (!add_sums(&s, &a, &b)) {
			b = self(f, j->b);
			add_sums(&s, &a, &b);
		}
	}
	if (s.base == j->dst && !s.shift && !s.disp)
		j->b = s.index;
	else if (s.index == j->dst && !s.shift && !s.disp)
		j->b = s.base;
	else
		into_lea(j, &s);
	wrote(f, j->dst, j->width);
	know(f, j->dst, s, j->width);
}

static void fold_shift(struct fold *f, struct jop *j)
{
	unsigned by = (unsigned)j->imm & (j->width - 1u), d = j->dst;
	uint8_t root = copy_of(f, j->a, j->width);
	const struct made made = { j->op, j->width, root, f->version[root], by };
	struct sum s = self(f, root);
	unsigned bits = bits_of(f, root, j->width);

	j->a = root;
	if (j->op == OP_RSH) {
		bits = bits > by ? bits - by : 0;
		s.kind = SUM_NONE;
	} else {
		/* Nothing is shifted out and nothing lies above: as good as in 64 bits. */
		bool exact = j->width == 64 || (f->bits[root] <= 32 && bits + by <= 32);

		bits = MIN(bits + by, (unsigned)j->width);
		s = (struct sum){ .kind = by > 3  ? SUM_NONE
					  : exact ? SUM_ALL
						  : SUM_LOW,
				  .base = JIT_NONE,
				  .index = root,
				  .shift = (uint8_t)by,
				  .vindex = f->version[root] };
	}
	f->uses[root]++;
	wrote(f, d, bits);
	if (s.kind != SUM_NONE && root != d)
		f->sums[d] = s;
	if (by)
		f->made[d] = made;
}

static void fold_and(struct fold *f, struct jop *j)
{
	uint64_t mask = j->width == 32 ? (uint32_t)j->imm : (uint64_t)j->imm;
	uint8_t root = copy_of(f, j->a, j->width);
	const struct made made = { OP_AND, j->width, root, f->version[root], j->imm };
	unsigned bits = bits_of(f, root, j->width);

	j->a = root;
	uint64_t low = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;

	if (f->bits[root] <= j->width && (mask & low) == low) {
		j->op = OP_MOV; /* takes nothing away */
		j->width = 64;
		fold_mov(f, j);
		return;
	}
	f->uses[root]++;
	wrote(f, j->dst, MIN(bits, bits_in(mask)));
	f->made[j->dst] = made;
}

static void fold_other(struct fold *f, struct jop *j)
{
	unsigned bits = j->width;

	j->a = copy_of(f, j->a, j->width);
	j->b = copy_of(f, j->b, j->width);
	if (j->op == OP_OR || j->op == OP_XOR) {
		unsigned a = bits_of(f, j->a, j->width);
		unsigned b = j->b != JIT_NONE ? bits_of(f, j->b, j->width)
					      : bits_in(j->width == 32 ? (uint32_t)j->imm
								       : (uint64_t)j->imm);
		bits = MAX(a, b);
	} else if (j->op == OP_AND) {
		bits = MIN(bits_of(f, j->a, j->width), bits_of(f, j->b, j->width));
	} else if (j->op == OP_MOVSX || j->op == OP_ADDR_SPACE_CAST) {
		bits = j->op == OP_MOVSX ? j->width : 64;
	}
	if (j->a != JIT_NONE)
		f->uses[j->a]++;
	if (j->b != JIT_NONE)
		f->uses[j->b]++;
	wrote(f, j->dst, bits);
}

static void fold_alu(struct fold *f, struct jop *j)
{
	bool by_number = j->b == JIT_NONE;
	bool joins = j->op == OP_OR || j->op == OP_XOR || j->op == OP_ADD;

	if (joins && !by_number && fold_rotate(f, j))
		return;
	if (j->op == OP_ADD || (j->op == OP_SUB && by_number)) {
		if (!by_number)
			fold_add(f, j);
		else
			fold_add_imm(f, j, j->op == OP_ADD ? j->imm : -j->imm);
		if (j->a != JIT_NONE)
			f->uses[j->a] += j->a != j->dst;
		if (j->b != JIT_NONE)
			f->uses[j->b] += j->b != j->dst;
	} else if (j->op == OP_MOV) {
		uint8_t from = j->a;

		fold_mov(f, j);
		if (from != JIT_NONE && j->op != JIT_NOP)
			f->uses[j->a != JIT_NONE ? j->a : from] += j->a != j->dst;
		if (j->op == JIT_LEA && j->b != JIT_NONE)
			f->uses[j->b]++;
	} else if ((j->op == OP_LSH || j->op == OP_RSH) && by_number) {
		fold_shift(f, j);
	} else if (j->op == OP_AND && by_number) {
		fold_and(f, j);
	} else {
		fold_other(f, j);
	}
}

/* ---- memory, branches, calls ---- */

static void fold_address(struct fold *f, struct jop *j)
{
	struct sum s = sum_of(f, j->a, 64);
	int64_t disp = (int64_t)s.disp + j->disp;

	if (disp == (int32_t)disp) {
		j->a = s.base;
		j->b = s.index;
		j->shift = s.shift;
		j->disp = (int32_t)disp;
	}
	if (j->a == 10 && j->b == JIT_NONE && j->disp >= -VM_STACK_SIZE &&
	    j->disp + j->width / 8 <= 0)
		j->flags |= JOP_FRAME;
	if (j->a != JIT_NONE)
		f->uses[j->a]++;
	if (j->b != JIT_NONE)
		f->uses[j->b]++;
}

static void fold_access(struct fold *f, struct jop *j)
{
	fold_address(f, j);
	if (j->op == OP_STORE)
		j->c = copy_of(f, j->c, MIN(j->width < 32 ? 32u : j->width, 64u));
	if (j->c != JIT_NONE)
		f->uses[j->c]++;
	if (j->op == OP_CMPXCHG)
		f->uses[0]++;
	if (j->dst != JIT_NONE)
		wrote(f, j->dst, j->op == OP_LOADSX ? 64 : j->width);
}

static void fold_branch(struct fold *f, struct jop *j)
{
	const struct made *m = &f->made[j->a];

	if ((j->op == OP_JEQ || j->op == OP_JNE) && j->b == JIT_NONE && !j->imm &&
	    m->op == OP_AND && m->width == j->width && f->version[m->root] == m->vroot) {
		j->op = j->op == OP_JEQ ? JIT_JNSET : OP_JSET;
		j->a = m->root;
		j->imm = m->imm;
	}
	j->a = copy_of(f, j->a, j->width);
	j->b = copy_of(f, j->b, j->width);
	f->uses[j->a]++;
	if (j->b != JIT_NONE)
		f->uses[j->b]++;
	f->branch = f->at + 1;
}

/* Whether a program's number is an array of its maps that it may read. */
static bool is_array(const struct vm_prog *p, int64_t value)
{
	for (uint32_t i = 0; i < p->nmaps; i++) {
		if ((int64_t)(uint64_t)p->maps[i] == value)
			return p->maps[i]->def.type == BPF_MAP_TYPE_ARRAY &&
			       !(p->maps[i]->def.flags & BPF_F_WRONLY_PROG);
	}
	return false;
}

/* Helpers that take less code than a call of them. */
static bool fold_call(struct fold *f, struct jop *j)
{
	const struct made *map = &f->made[copy_of(f, 1, 64)];
	struct sum key = sum_of(f, 2, 64);
	bool in_frame = key.base == 10 && key.index == JIT_NONE && key.disp >= -VM_STACK_SIZE &&
			key.disp <= -4;

	if (j->helper == helper_get_smp_processor_id) {
		j->op = JIT_CPU;
	} else if (j->helper == helper_map_lookup_elem && map->op == OP_MOV &&
		   is_array(f->plan->prog, map->imm) && (in_frame || !f->plan->opt->checked)) {
		j->op = JIT_ARRAY;
		j->a = key.base;
		j->b = key.index;
		j->shift = key.shift;
		j->disp = key.disp;
		j->imm = map->imm;
		for (unsigned r = 0; r < VM_REGISTERS; r++)
			f->uses[r] += j->a == r || j->b == r;
	} else {
		return false;
	}
	j->width = 64;
	wrote(f, 0, j->op == JIT_CPU ? 32 : 64);
	return true;
}

static void fold_one(struct fold *f, struct jop *j)
{
	if (j->flags & JOP_TARGET) {
		for (unsigned r = 0; r < VM_REGISTERS; r++)
			forget(f, r);
		f->branch = f->at;
	}
	if (j->op == OP_CALL && fold_call(f, j))
		return;
	if (jop_is_pure(j)) {
		fold_alu(f, j);
	} else if (jop_is_access(j)) {
		fold_access(f, j);
	} else if (jop_is_branch(j)) {
		fold_branch(f, j);
	} else if (j->op != JIT_NOP) {
		for (unsigned r = 0; r <= 5; r++) { /* calls; exits do not mind */
			forget(f, r);
			f->uses[r]++;
		}
		f->branch = f->at + 1;
	}
}

void jit_fold(struct jit_plan *plan)
{
	struct fold f = { .plan = plan };

	memset(f.bits, 64, sizeof(f.bits));
	for (f.at = 0; f.at < plan->n; f.at++)
		fold_one(&f, &plan->jops[f.at]);
	jit_live_prune(plan);
}
