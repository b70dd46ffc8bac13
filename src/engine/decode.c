/*
 * Decoding: checked instructions to ops, with every map, helper and jump target in place.
 * Needs: linked and checked instructions (link.c, insn_check_prog), the engine's maps and helpers.
 * Called by vm_prog_new(). Nothing is decided here that could be decided at run time differently:
 * an access by r10 outside its frame becomes an op that ends the run when it is reached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/helper.h"
#include "engine/engine.h"
#include "engine/interp.h"
#include "engine/map_special.h"
#include "engine/prog.h"

/* A program being decoded. */
struct decoder {
	struct vm_prog *p;
	struct buf *why;
	uint32_t *index; /* of each instruction: its op */
	bool *entry;     /* of each op: a function begins there */
	uint32_t at;     /* the instruction in hand */
};

PRINTF_LIKE(3, 4) static int refuse(struct decoder *d, int err, const char *fmt, ...)
{
	va_list args;

	buf_printf(d->why, "instruction %u: ", d->at);
	va_start(args, fmt);
	buf_vprintf(d->why, fmt, args);
	va_end(args);
	return err;
}

/* ---- maps ---- */

int prog_keep_map(struct vm_prog *p, struct map *m)
{
	for (uint32_t i = 0; i < p->nmaps; i++) {
		if (p->maps[i] == m)
			return 0;
	}
	struct map **maps = reallocarray(p->maps, p->nmaps + 1, sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	p->maps = maps;
	p->maps[p->nmaps++] = map_ref(m);
	return 0;
}

static int decode_map(struct decoder *d, const struct insn *i, struct map **ret)
{
	const struct engine *e = d->p->engine;

	if (i->imm < 0 || (uint32_t)i->imm >= e->nmaps)
		return refuse(d, -ENOENT, "there is no map %d; the engine has %u", i->imm,
			      e->nmaps);
	*ret = e->maps[i->imm];
	return prog_keep_map(d->p, *ret);
}

static int decode_map_address(struct decoder *d, const struct insn *i, struct op *op)
{
	struct map *m;
	int err = decode_map(d, i, &m);

	if (!err)
		op->imm = (int64_t)(uint64_t)m;
	return err;
}

/* Where the only value of @m is; the kernel too knows that of no other kinds. */
static int decode_map_value(struct decoder *d, const struct insn *i, struct op *op)
{
	uint32_t offset = (uint32_t)i[1].imm;
	struct map *m;
	int err = decode_map(d, i, &m);

	if (err)
		return err;
	bool lone = m->def.type == BPF_MAP_TYPE_ARRAY && m->def.max_entries == 1;
	if (!lone && m->def.type != BPF_MAP_TYPE_ARENA)
		return refuse(d, -EOPNOTSUPP,
			      "map %s has no value with a fixed address; an array "
			      "with one entry does",
			      m->def.name ? m->def.name : "");
	if (offset >= m->storage.size)
		return refuse(d, -EINVAL, "offset %u lies outside the value of map %s", offset,
			      m->def.name ? m->def.name : "");
	op->imm = (int64_t)((uint64_t)m->values + offset);
	return 0;
}

/* ---- calls, jumps, functions ---- */

static int decode_helper(struct decoder *d, const struct insn *i, struct op *op)
{
	const struct engine *e = d->p->engine;
	const struct helper *h = helper_by_id(i->imm);

	if (i->imm >= 0 && (uint32_t)i->imm < e->nhelpers && e->helpers[i->imm].fn) {
		op->helper = e->helpers[i->imm].fn;
		return 0;
	}
	if (h)
		return refuse(d, -EOPNOTSUPP, "the helper bpf_%s has no meaning outside the kernel",
			      h->name);
	return refuse(d, -EINVAL, "there is no helper %d", i->imm);
}

static void decode_jump(struct decoder *d, struct op *op, uint32_t self)
{
	int64_t target = 0;

	insn_target(d->p->insns, d->at, &target);
	op->target = (int32_t)d->index[target];
	op->cost = op->target <= (int32_t)self ? self - (uint32_t)op->target + 1 : 0;
}

static void decode_func(struct decoder *d, struct op *op)
{
	int64_t target = 0;

	insn_target(d->p->insns, d->at, &target);
	op->target = (int32_t)d->index[target];
	op->imm = (int64_t)(VM_CODE + (uint64_t)op->target);
	d->entry[op->target] = true;
}

/* ---- memory ---- */

/* The upper half that a pointer to the program's arena has in user space; 0 for casts to the
 * kernel's space, which leaves only the lower half. */
static int decode_cast(struct decoder *d, const struct insn *i, struct op *op)
{
	const struct vm_prog *p = d->p;

	for (uint32_t m = 0; m < p->nmaps; m++) {
		if (p->maps[m]->def.type != BPF_MAP_TYPE_ARENA)
			continue;
		uint64_t base = map_arena_base(p->maps[m]);
		op->imm = i->imm == 1 ? 0 : (int64_t)(base & ~(uint64_t)UINT32_MAX);
		return 0;
	}
	return refuse(d, -EINVAL, "addresses are cast only in programs that use an arena");
}

static void decode_access(struct op *op, const struct insn_form *f, bool by_src,
			  const void *const *handlers)
{
	uint8_t base = by_src ? op->src : op->dst;
	bool inside = op->offset >= -VM_STACK_SIZE && op->offset + f->width / 8 <= 0;

	op->window = offsetof(struct vm, windows);
	if (base == 10 && !inside)
		op->handler = handlers[INTERP_FAULT];
}

/* ---- the pass ---- */

static int decode_one(struct decoder *d, struct op *op, const void *const *handlers)
{
	const struct insn *i = &d->p->insns[d->at];
	enum insn_id id = insn_find(i);
	const struct insn_form *f = &insn_forms[id];

	*op = (struct op){ .handler = handlers[id],
			   .dst = i->dst,
			   .src = i->src,
			   .offset = i->offset,
			   .imm = i->imm,
			   .insn = d->at,
			   .id = id };
	if (f->off == RULE_JUMP || f->imm == RULE_JUMP)
		decode_jump(d, op, (uint32_t)(op - d->p->ops));
	switch (f->op) {
	case OP_LOAD:
	case OP_LOADSX:
	case OP_LOAD_ACQ: decode_access(op, f, true, handlers); return 0;
	case OP_STORE ... OP_CMPXCHG:
	case OP_STORE_REL: decode_access(op, f, false, handlers); return 0;
	case OP_ADDR_SPACE_CAST: return decode_cast(d, i, op);
	case OP_CALL: return decode_helper(d, i, op);
	case OP_CALL_LOCAL:
	case OP_FUNC: decode_func(d, op); return 0;
	case OP_IMM64:
		op->imm = (int64_t)((uint64_t)(uint32_t)i[1].imm << 32 | (uint32_t)i->imm);
		return 0;
	case OP_MAP_FD:
	case OP_MAP_IDX: return decode_map_address(d, i, op);
	case OP_MAP_VALUE:
	case OP_MAP_IDX_VALUE: return decode_map_value(d, i, op);
	case OP_BTF_ID:
		return refuse(d, -EOPNOTSUPP,
			      "there are no kernel variables (BTF id %d) outside the "
			      "kernel",
			      i->imm);
	case OP_CALL_KFUNC:
		return refuse(d, -EOPNOTSUPP,
			      "there are no kernel functions (BTF id %d) outside the "
			      "kernel",
			      i->imm);
	default: return 0;
	}
}

/* Numbers the ops; how many there are. */
static uint32_t decode_index(struct decoder *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->p->ninsns; i++, n++) {
		d->index[i] = n;
		if (insn_is_wide(&d->p->insns[i]))
			d->index[++i] = n;
	}
	return n;
}

static int decode_all(struct decoder *d, bool trace)
{
	const void *const *handlers = interp_handlers();
	struct vm_prog *p = d->p;

	for (uint32_t i = 0; i < p->nops; i++) {
		int err = decode_one(d, &p->ops[i], handlers);

		if (err)
			return err;
		if (trace && p->ops[i].handler != handlers[INTERP_FAULT])
			p->ops[i].handler = handlers[INTERP_STEP];
		d->at += insn_is_wide(&p->insns[d->at]) ? 2 : 1;
	}
	return 0;
}

static int decode_funcs(struct decoder *d)
{
	struct vm_prog *p = d->p;
	uint32_t n = 0;

	d->entry[0] = true;
	for (uint32_t i = 0; i < p->nops; i++)
		p->nfuncs += d->entry[i];
	p->funcs = calloc(p->nfuncs, sizeof(*p->funcs));
	if (!p->funcs)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nops; i++) {
		if (d->entry[i])
			p->funcs[n++] = (struct vm_func){ .prog = p, .op = i };
		p->funcs[n - 1].length++;
	}
	return 0;
}

/* What follows from all ops: a call costs what its function is long. */
static void decode_costs(struct vm_prog *p)
{
	for (uint32_t i = 0; i < p->nops; i++) {
		struct op *op = &p->ops[i];

		p->has_frame |= op->dst == 10 || op->src == 10 || op->id == INSN_CALLX;
		if (insn_forms[op->id].op == OP_CALL_LOCAL)
			op->cost = prog_func(p, VM_CODE + (uint64_t)op->target)->length;
	}
}

int prog_decode(struct vm_prog *p, bool trace, struct buf *why)
{
	struct decoder d = { .p = p, .why = why };
	int err = -ENOMEM;

	d.index = calloc(p->ninsns, sizeof(*d.index));
	d.entry = calloc(p->ninsns, sizeof(*d.entry));
	if (!d.index || !d.entry)
		goto out;
	p->nops = decode_index(&d);
	p->ops = aligned_alloc(64, ALIGN_UP(p->nops * sizeof(*p->ops), 64));
	if (!p->ops)
		goto out;
	err = decode_all(&d, trace);
	if (!err)
		err = decode_funcs(&d);
	if (!err)
		decode_costs(p);
out:
	free(d.index);
	free(d.entry);
	return err;
}

const struct vm_func *prog_func(const struct vm_prog *p, uint64_t target)
{
	uint32_t lo = 0, hi = p->nfuncs;

	if (target < VM_CODE || target - VM_CODE >= p->nops)
		return NULL;
	uint32_t op = (uint32_t)(target - VM_CODE);
	while (hi - lo > 1) {
		uint32_t middle = lo + (hi - lo) / 2;

		if (p->funcs[middle].op <= op)
			lo = middle;
		else
			hi = middle;
	}
	return p->funcs[lo].op == op ? &p->funcs[lo] : NULL;
}
