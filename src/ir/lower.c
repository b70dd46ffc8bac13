/*
 * Lowering: operations that BPF lacks become ones it has. Signed division by way of unsigned, no
 * branches; filling and copying as loads and stores, or one helper call when long; sign-extending
 * loads; offsets beyond 16 bits.
 * needs: settled, cfg; keeps: ssa, cfg; leaves: settled. Wants fold, cse and dce after it.
 */
#include "ir/ir_priv.h"

#include <string.h>

#include "bpf/uapi.h"

enum { UNROLL_LIMIT = 128 }; /* bytes that are filled or copied without a call */

static struct ir_value *put2(struct ir_value *at, enum ir_op op, struct ir_value *a,
			     struct ir_value *b)
{
	struct ir_func *f = at->block->func;
	struct ir_value *v = ir_new2(f, op, a, b), *better;

	v->span = at->span;
	better = ir_simplify(f, v);
	if (better == v)
		ir_insert(at, v);
	return better;
}

static struct ir_value *number(struct ir_value *at, int64_t n)
{
	return ir_const(at->block->func, n);
}

static void replace(struct ir_value *v, struct ir_value *by)
{
	ir_remove(v);
	v->same = by;
}

/* (x ^ sign) - sign: negates x where sign is -1, not where it is 0 */
static struct ir_value *negate_if(struct ir_value *at, struct ir_value *x, struct ir_value *sign)
{
	return put2(at, IR_SUB, put2(at, IR_XOR, x, sign), sign);
}

static struct ir_value *sign_of(struct ir_value *at, struct ir_value *x)
{
	return put2(at, IR_ASHR, x, number(at, 63));
}

/* |a| / |b| and |a| % |b| are unsigned; their signs are those of a ^ b, and of a. Division by 0
 * gives 0 and the dividend, as the unsigned ones do; the least number by -1 wraps around. */
static void lower_signed(struct ir_value *v)
{
	struct ir_value *a = v->args[0], *b = v->args[1];
	struct ir_value *sa = sign_of(v, a), *sb = sign_of(v, b);
	struct ir_value *ua = negate_if(v, a, sa), *ub = negate_if(v, b, sb);

	if (v->op == IR_SDIV)
		replace(v, negate_if(v, put2(v, IR_UDIV, ua, ub), put2(v, IR_XOR, sa, sb)));
	else
		replace(v, negate_if(v, put2(v, IR_UMOD, ua, ub), sa));
}

static void lower_signed_load(struct ir_value *v)
{
	struct ir_func *f = v->block->func;
	struct ir_value *load = ir_new1(f, v->op - IR_LOADS8 + IR_LOAD8, v->args[0]);

	load->offset = v->offset;
	load->span = v->span;
	ir_insert(v, load);
	v->op = v->op - IR_LOADS8 + IR_SEXT8;
	v->args[0] = load;
}

_Static_assert(IR_LOADS32 - IR_LOADS8 == IR_LOAD32 - IR_LOAD8 &&
		       IR_LOADS32 - IR_LOADS8 == IR_SEXT32 - IR_SEXT8,
	       "loads and extensions are in the same order");

/* ---- filling and copying ---- */

/* log2 of the widest access at @offset that @left bytes allow */
static int widest(int64_t offset, int64_t left)
{
	int log = 3;

	while (log && (offset % (1 << log) || left < 1 << log))
		log--;
	return log;
}

static struct ir_value *put_load(struct ir_value *at, int log, struct ir_value *base,
				 int32_t offset)
{
	struct ir_value *v = ir_new1(at->block->func, IR_LOAD8 + log, base);

	v->offset = offset;
	v->span = at->span;
	ir_insert(at, v);
	return v;
}

static void put_store(struct ir_value *at, int log, struct ir_value *base, int32_t offset,
		      struct ir_value *value)
{
	struct ir_value *v = ir_new2(at->block->func, IR_STORE8 + log, base, value);

	v->offset = offset;
	v->span = at->span;
	ir_insert(at, v);
}

static void put_read(struct ir_value *at, struct ir_value *to, int32_t to_offset, int64_t size,
		     struct ir_value *from)
{
	struct ir_value *v = ir_new(at->block->func, IR_HELPER, 3);

	v->n = BPF_FUNC_probe_read_kernel;
	v->args[0] = put2(at, IR_ADD, to, number(at, to_offset));
	v->args[1] = number(at, size);
	v->args[2] = from;
	v->span = at->span;
	ir_insert(at, v);
}

/* The image's map of zeroes, @size bytes of them at least. */
static uint32_t zeroes(struct image *img, uint32_t size)
{
	struct image_map *map;
	uint32_t at = 0;

	while (at < img->maps.n && !streq(img->maps.v[at].name, ".zero"))
		at++;
	if (at == img->maps.n)
		at = image_map_add(img, &(struct image_map){ .name = ".zero",
							     .role = MAP_RODATA,
							     .key_size = 4,
							     .max_entries = 1 });
	map = &img->maps.v[at];
	if (map->value_size < size) {
		map->value_size = ALIGN_UP(size, 8);
		map->data = arena_alloc(img->arena, map->value_size);
	}
	return at;
}

static void lower_zero(struct ir_value *v)
{
	struct ir_func *f = v->block->func;
	int64_t done = 0;

	if (v->n > UNROLL_LIMIT) {
		put_read(v, v->args[0], v->offset, v->n,
			 ir_map_value(f, zeroes(f->module->img, v->n), 0));
		done = v->n;
	}
	while (done < v->n) {
		int log = widest(v->offset + done, v->n - done);

		put_store(v, log, v->args[0], v->offset + done, number(v, 0));
		done += 1 << log;
	}
	ir_remove(v);
}

static void lower_copy(struct ir_value *v)
{
	int64_t done = 0;

	if (v->n > UNROLL_LIMIT) {
		put_read(v, v->args[0], v->offset, v->n,
			 put2(v, IR_ADD, v->args[1], number(v, v->offset2)));
		done = v->n;
	}
	while (done < v->n) {
		int to = widest(v->offset + done, v->n - done);
		int from = widest(v->offset2 + done, v->n - done);
		int log = MIN(to, from);

		put_store(v, log, v->args[0], v->offset + done,
			  put_load(v, log, v->args[1], v->offset2 + done));
		done += 1 << log;
	}
	ir_remove(v);
}

/* An offset that an instruction cannot hold moves into the base. */
static void lower_offset(struct ir_value *v)
{
	if (v->offset == (int16_t)v->offset)
		return;
	v->args[0] = put2(v, IR_ADD, v->args[0], number(v, v->offset));
	v->offset = 0;
}

static void lower_value(struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++)
		v->args[i] = ir_resolve(v->args[i]);
	if (v->op >= IR_LOADS8 && v->op <= IR_LOADS32)
		lower_signed_load(v);
	switch (v->op) {
	case IR_SDIV:
	case IR_SMOD: lower_signed(v); break;
	case IR_ZERO: lower_zero(v); break;
	case IR_COPY: lower_copy(v); break;
	case IR_NOT: replace(v, put2(v, IR_XOR, v->args[0], number(v, -1))); break;
	default: break;
	}
}

void ir_lower(struct ir_func *f)
{
	struct ir_value *next;

	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = next) {
			next = v->next;
			lower_value(v);
		}
	ir_settle(f);
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			if (v->op >= IR_LOAD8 && v->op <= IR_CMPXCHG)
				lower_offset(v);
}
