/*
 * arm64: loads, stores, atomic operations, and the check before them, which is that of
 * jit_x86_64_mem.c:
 *
 *	ldr w9, [hint]; add x9, x23, x9; ldr x11, [x9]; sub x11, address, x11
 *	ldr x12, [x9, room]; cmp x11, x12; b.hs miss
 *
 * Needs: jops of three operands. Called by jit_emit_arm64().
 */
#include <stddef.h>

#include "engine/jit_arm64.h"
#include "engine/map.h"

static unsigned log_of(const struct jop *j)
{
	return (unsigned)__builtin_ctz(j->width / 8u);
}

unsigned a64_address(struct a64 *x, const struct jop *j)
{
	unsigned base = j->a == JIT_NONE ? ZR : a64_regs[j->a];

	if (j->b != JIT_NONE) {
		a64_rrr(x, A64_ADD | WIDE | (uint32_t)j->shift << 10, T1, base, a64_regs[j->b]);
		base = T1;
	}
	if (j->disp)
		a64_add_number(x, WIDE, T1, base, j->disp);
	return j->disp ? T1 : base;
}

/* T0 = vm + hint */
static void load_hint(struct a64 *x, const struct jop *j)
{
	int64_t distance = (int64_t)jit_hint(j->at) - a64_here(x);

	if (distance >= -(1 << 20)) {
		a64_put(x, 0x18000000 | ((uint32_t)(distance / 4) & 0x7ffff) << 5 | T0);
	} else {
		a64_put(x, 0x10000000 | T0); /* adr: here */
		a64_add_number(x, WIDE, T0, T0, distance);
		a64_member(x, A64_LDR32, T0, T0, 0);
	}
	a64_rrr(x, A64_ADD | WIDE, T0, VM, T0);
}

/* Checks the address in register @at, and gives the one that has the address to use. */
static unsigned check(struct a64 *x, const struct jop *j, unsigned at, uint32_t top)
{
	size_t room = offsetof(struct window, room) +
		      (jop_is_write(j) * 4 + log_of(j)) * sizeof(uint64_t);

	load_hint(x, j);
	a64_member(x, A64_LDR64, T2, T0, 0);
	a64_rrr(x, A64_SUB | WIDE, T2, at, T2);
	a64_member(x, A64_LDR64, T3, T0, room);
	a64_rrr(x, A64_SUBS | WIDE, ZR, T2, T3);
	a64_cold(x, COND_HS, COLD_MISS, top);
	if (!x->plan->translate)
		return at;
	a64_member(x, A64_LDR64, T2, T0, offsetof(struct window, delta));
	a64_rrr(x, A64_ADD | WIDE, T1, at, T2);
	return T1;
}

static bool is_checked(const struct a64 *x, const struct jop *j)
{
	return x->plan->checked && !(j->flags & JOP_FRAME);
}

/* The size and kind of a load or store; + 0 register, + 0x01000000 unsigned offset. */
static uint32_t access_op(const struct jop *j)
{
	uint32_t kind = j->op == OP_STORE ? 0 : j->op == OP_LOAD ? 0x400000 : 0x800000;

	return 0x38000000 | log_of(j) << 30 | kind;
}

/* Loads or stores @rt by the best form that the address has. */
static void access_by_form(struct a64 *x, const struct jop *j, unsigned rt)
{
	uint32_t op = access_op(j), log = log_of(j);
	unsigned base = a64_regs[j->a];

	if (j->a != JIT_NONE && j->b != JIT_NONE && !j->disp && (!j->shift || j->shift == log))
		a64_put(x, op | 0x206800 | (uint32_t)(j->shift && log ? 1 : 0) << 12 |
				   (uint32_t)a64_regs[j->b] << 16 | base << 5 | rt);
	else if (j->a == JIT_NONE || j->b != JIT_NONE)
		a64_put(x, op | 0x01000000 | a64_address(x, j) << 5 | rt);
	else if (j->disp >= 0 && !(j->disp & ((1 << log) - 1)) && j->disp >> log < 4096)
		a64_put(x, op | 0x01000000 | (uint32_t)(j->disp >> log) << 10 | base << 5 | rt);
	else if (j->disp >= -256 && j->disp < 256)
		a64_put(x, op | ((uint32_t)j->disp & 511) << 12 | base << 5 | rt);
	else
		a64_put(x, op | 0x01000000 | a64_address(x, j) << 5 | rt);
}

static void plain(struct a64 *x, const struct jop *j)
{
	unsigned rt = j->op == OP_STORE ? a64_regs[j->c] : a64_regs[j->dst];
	uint32_t top = a64_here(x);
	unsigned at = 0;

	if (is_checked(x, j))
		at = check(x, j, a64_address(x, j), top);
	if (j->op == OP_STORE && j->c == JIT_NONE) {
		rt = j->imm ? T2 : ZR;
		if (j->imm || x->plan->opt->blind) {
			rt = T2;
			a64_imm(x, T2, (int32_t)j->imm);
		}
	}
	if (is_checked(x, j))
		a64_put(x, access_op(j) | 0x01000000 | at << 5 | rt);
	else
		access_by_form(x, j, rt);
}

/* ---- atomic operations ---- */

/* The address, checked and aligned, in T1. */
static void atomic_address(struct a64 *x, const struct jop *j)
{
	uint32_t top = a64_here(x);
	unsigned at = a64_address(x, j);

	if (is_checked(x, j))
		at = check(x, j, at, top);
	a64_copy(x, T1, at);
	if (!x->plan->checked || j->width == 8)
		return;
	a64_put(x, 0xf240001f | (log_of(j) - 1) << 10 | T1 << 5); /* tst T1, size - 1 */
	a64_cold(x, COND_NE, COLD_UNALIGNED, 0);
}

static uint32_t sized(const struct jop *j, uint32_t op)
{
	return op | log_of(j) << 30;
}

/* The operation as ldadd and its like have it: and is clear, of the complement in T2. */
static uint32_t lse_op(const struct jop *j)
{
	switch (j->op) {
	case OP_ATOMIC_ADD:
	case OP_FETCH_ADD: return 0x38200000;
	case OP_ATOMIC_AND:
	case OP_FETCH_AND: return 0x38201000;
	case OP_ATOMIC_XOR:
	case OP_FETCH_XOR: return 0x38202000;
	case OP_ATOMIC_OR:
	case OP_FETCH_OR: return 0x38203000;
	default: return 0x38208000; /* swp */
	}
}

static void with_lse(struct a64 *x, const struct jop *j)
{
	unsigned value = a64_regs[j->c], old = j->dst == JIT_NONE ? (unsigned)ZR : a64_regs[j->dst];
	uint32_t ordered = j->dst == JIT_NONE ? 0 : 0xc00000;

	if (j->op == OP_CMPXCHG) {
		a64_copy(x, T2, a64_regs[0]);
		a64_rrr(x, sized(j, 0x08e0fc00), value, T1, T2); /* casal */
		a64_mov(x, a64_w(j), a64_regs[0], T2);
		return;
	}
	if (j->op == OP_ATOMIC_AND || j->op == OP_FETCH_AND) {
		a64_rrr(x, A64_ORR | 1 << 21 | WIDE, T2, ZR, value); /* mvn */
		value = T2;
	}
	a64_rrr(x, sized(j, lse_op(j)) | ordered, old, T1, value);
}

static uint32_t combine(const struct jop *j)
{
	switch (j->op) {
	case OP_ATOMIC_ADD:
	case OP_FETCH_ADD: return A64_ADD;
	case OP_ATOMIC_AND:
	case OP_FETCH_AND: return A64_AND;
	case OP_ATOMIC_XOR:
	case OP_FETCH_XOR: return A64_EOR;
	default: return A64_ORR;
	}
}

/* T2 = old value, T3 = new one, T4: whether somebody came between. */
static void with_loop(struct a64 *x, const struct jop *j)
{
	unsigned value = a64_regs[j->c];
	uint32_t w = a64_w(j);
	uint8_t *differs = NULL;
	uint32_t top = a64_here(x);

	a64_put(x, sized(j, 0x085ffc00) | T1 << 5 | T2); /* ldaxr */
	if (j->op == OP_CMPXCHG) {
		a64_rrr(x, A64_SUBS | w, ZR, T2, a64_regs[0]);
		differs = a64_hop(x, 0x54000000 | COND_NE);
	}
	if (j->op == OP_CMPXCHG || j->op == OP_XCHG)
		a64_copy(x, T3, value);
	else
		a64_rrr(x, combine(j) | w, T3, T2, value);
	a64_put(x, sized(j, 0x0800fc00) | (uint32_t)T4 << 16 | T1 << 5 | T3); /* stlxr */
	int32_t back = ((int32_t)top - (int32_t)a64_here(x)) / 4;
	a64_put(x, 0x35000000 | ((uint32_t)back & 0x7ffff) << 5 | T4); /* cbnz */
	if (differs)
		a64_land(x, differs);
	if (j->dst != JIT_NONE)
		a64_mov(x, w, a64_regs[j->dst], T2);
}

/* A value of an array: 0 when the index, at the address, is beyond it. */
void a64_array(struct a64 *x, const struct jop *j)
{
	const struct map *map = (const struct map *)j->imm;
	unsigned to = a64_regs[j->dst];

	a64_member(x, A64_LDR32, T0, a64_address(x, j), 0);
	a64_number(x, to, 0);
	a64_number(x, T2, map->def.max_entries);
	a64_rrr(x, A64_SUBS, ZR, T0, T2);
	uint8_t *beyond = a64_hop(x, 0x54000000 | COND_HS);
	a64_number(x, T2, map->value_stride);
	a64_number(x, to, (uint64_t)map->values);
	a64_rrr(x, A64_MADD | WIDE | to << 10, to, T0, T2);
	a64_land(x, beyond);
}

void a64_access(struct a64 *x, const struct jop *j)
{
	if (!jop_is_atomic(j)) {
		plain(x, j);
		return;
	}
	atomic_address(x, j);
	if (j->op == OP_LOAD_ACQ)
		a64_put(x, sized(j, 0x08dffc00) | T1 << 5 | a64_regs[j->dst]);
	else if (j->op == OP_STORE_REL)
		a64_put(x, sized(j, 0x089ffc00) | T1 << 5 | a64_regs[j->c]);
	else if (x->lse)
		with_lse(x, j);
	else
		with_loop(x, j);
}
