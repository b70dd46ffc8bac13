/*
 * The x86-64 back end: one pass over the jops, and one more when all places are known, which
 * makes jumps short.
 * Needs: a plan. Called by jit_compile().
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "engine/jit_x86_64.h"

const uint8_t x86_regs[16] = { RAX, RDI, RSI, RDX,    RCX,    R8,     RBX,    R13,
			       R14, R15, RBP, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG };

enum { HEAD_ALIGN = 32 };

/* ---- jumps ---- */

void x86_cold(struct x86 *x, int cc, enum jit_cold_kind kind, uint32_t back)
{
	if (cc < 0) {
		x86_byte(x, 0xe9);
	} else {
		x86_byte(x, 0x0f);
		x86_byte(x, (uint8_t)(0x80 | cc));
	}
	jit_cold_add(x->b, x->jop, kind, x86_here(x), back);
	x86_half(x, 0);
}

/* Whether the way to jop @target, further on, is surely short: it was in the last pass, when no
 * code was shorter than now. Heads of loops on the way may take more than then. */
static bool is_near(const struct x86 *x, uint32_t target)
{
	return x->old && x->old[target] - x->old[x->jop] < 128 - HEAD_ALIGN;
}

/* Jumps to jop @target if @cc, always when it is negative. */
static void jump(struct x86 *x, int cc, uint32_t target)
{
	bool back = target <= x->jop;
	int64_t distance = (int64_t)x->b->where[target] - (x86_here(x) + 2);

	if (back ? distance >= INT8_MIN : is_near(x, target)) {
		x86_byte(x, (uint8_t)(cc < 0 ? 0xeb : 0x70 | cc));
		if (back)
			x86_byte(x, (uint8_t)distance);
		else {
			jit_fix_add(x->b, target, x86_here(x), 1);
			x86_byte(x, 0);
		}
		return;
	}
	if (cc < 0) {
		x86_byte(x, 0xe9);
	} else {
		x86_byte(x, 0x0f);
		x86_byte(x, (uint8_t)(0x80 | cc));
	}
	jit_fix_add(x->b, target, x86_here(x), 4);
	x86_half(x, 0);
}

static void burn(struct x86 *x, const struct jop *j)
{
	if (!x->plan->burns)
		return;
	x86_ri(x, OP_W, 5, FUEL, (int32_t)j->cost);
	x86_cold(x, CC_S, COLD_FUEL, 0);
}

/* Takes the fuel of a jump backwards and jumps if there is some left. */
static void burn_and_jump(struct x86 *x, const struct jop *j)
{
	x86_ri(x, OP_W, 5, FUEL, (int32_t)j->cost);
	jump(x, CC_NS, j->target);
	x86_cold(x, -1, COLD_FUEL, 0);
}

static void jump_always(struct x86 *x, const struct jop *j)
{
	if (x->plan->burns && j->cost)
		burn_and_jump(x, j);
	else if (j->target != x->jop + 1)
		jump(x, -1, j->target);
}

static void compare(struct x86 *x, const struct jop *j)
{
	unsigned a = x86_regs[j->a], b = x86_regs[j->b];
	bool bits = j->op == OP_JSET || j->op == JIT_JNSET;
	int32_t imm = (int32_t)j->imm;

	if (j->b == JIT_NONE && x->plan->opt->blind) {
		x86_imm(x, T0, imm);
		b = T0;
	}
	if (b != NO_REG) {
		x86_rr(x, (bits ? 0x85 : 0x39) | x86_w(j), b, a);
	} else if (bits && imm >= 0 && imm < 128) {
		x86_rr(x, 0xf6 | OP_RMB, 0, a);
		x86_byte(x, (uint8_t)imm);
	} else if (bits) {
		x86_rr(x, 0xf7 | (imm >= 0 ? 0 : x86_w(j)), 0, a);
		x86_half(x, (uint32_t)imm);
	} else if (imm) {
		x86_ri(x, x86_w(j), 7, a, imm);
	} else {
		x86_rr(x, 0x85 | x86_w(j), a, a);
	}
}

/* Whether an AND has just compared with 0 already. */
static bool is_compared(const struct x86 *x, const struct jop *j)
{
	return (j->op == OP_JEQ || j->op == OP_JNE) && j->b == JIT_NONE && !j->imm &&
	       x->flags_at == x86_here(x) && x->flags_of == j->a && x->flags_width <= j->width &&
	       !(j->flags & JOP_TARGET);
}

static void branch(struct x86 *x, const struct jop *j)
{
	static const uint8_t codes[] = {
		[OP_JEQ] = CC_E,   [OP_JNE] = CC_NE, [OP_JSET] = CC_NE, [OP_JGT] = CC_A,
		[OP_JGE] = CC_AE,  [OP_JLT] = CC_B,  [OP_JLE] = CC_BE,  [OP_JSGT] = CC_G,
		[OP_JSGE] = CC_GE, [OP_JSLT] = CC_L, [OP_JSLE] = CC_LE, [JIT_JNSET] = CC_E,
	};
	int cc = codes[j->op];

	if (!is_compared(x, j))
		compare(x, j);
	if (!x->plan->burns || !j->cost) {
		jump(x, cc, j->target);
		return;
	}
	uint8_t *skip = x86_hop(x, cc ^ 1);
	burn_and_jump(x, j);
	x86_land(x, skip);
}

static void may_goto(struct x86 *x)
{
	const struct x86_mem left = { RSP, NO_REG, 0, X86_LOOPS_AT };

	x86_rm(x, 0x83, 5, &left); /* sub dword, 1 */
	x86_byte(x, 1);
	x86_cold(x, CC_B, COLD_LOOPS, 0);
}

/* ---- one jop ---- */

static void emit(struct x86 *x, const struct jop *j)
{
	if (jop_is_access(j)) {
		x86_access(x, j);
		return;
	}
	if (jop_is_branch(j)) {
		branch(x, j);
		return;
	}
	switch (j->op) {
	case JIT_NOP: break;
	case OP_JA: jump_always(x, j); break;
	case JIT_CPU: x86_mem(x, 0x8b, x86_regs[j->dst], VM, offsetof(struct vm, cpu)); break;
	case JIT_ARRAY: x86_array(x, j); break;
	case JIT_BURN: burn(x, j); break;
	case OP_MAY_GOTO: may_goto(x); break;
	case OP_CALL: x86_call_helper(x, j); break;
	case OP_CALL_LOCAL: x86_call_local(x, j); break;
	case OP_CALLX: x86_callx(x, j); break;
	case OP_EXIT: x86_exit(x); break;
	case OP_LD_ABS:
	case OP_LD_IND: x86_packet(x, j); break;
	case JIT_FAULT:
		x86_copy(x, T1, RBP);
		x86_cold(x, -1, COLD_UNALIGNED, 0);
		break;
	default: x86_alu(x, j);
	}
}

/* ---- out of line ---- */

static void patch(struct x86 *x, uint32_t from, uint32_t to)
{
	uint32_t distance = to - (from + 4);

	memcpy(x->b->data + from, &distance, 4);
}

static void end_run(struct x86 *x, const struct jop *j, enum vm_end end)
{
	const struct x86_mem at_insn = { VM, NO_REG, 0, offsetof(struct vm, insn) };
	const struct x86_mem at_end = { VM, NO_REG, 0, offsetof(struct vm, end) };

	x86_rm(x, 0xc7, 0, &at_insn);
	x86_half(x, x->plan->prog->ops[j->at].insn);
	x86_rm(x, 0xc7, 0, &at_end);
	x86_half(x, end);
	x86_byte(x, 0xe9);
	x86_half(x, x->bad_end - (x86_here(x) + 4));
}

/* r11 = address, r10 = op; a thunk goes on from there. */
static void miss(struct x86 *x, const struct jop *j, const struct jit_cold *c)
{
	struct x86_mem m;
	unsigned which = j->op == JIT_FAULT ? 2 : c->kind == COLD_UNALIGNED ? 1 : 0;

	x86_address(j, &m);
	if (which != 2)
		x86_rm(x, OP_W | 0x8d, T1, &m);
	x86_number(x, T0, j->at);
	x86_byte(x, 0xe8);
	x86_half(x, x->thunks[which] - (x86_here(x) + 4));
	if (which == 0) {
		x86_byte(x, 0xe9);
		x86_half(x, c->back - (x86_here(x) + 4));
	}
}

/* may_goto has gone round often enough: stays at 0 and goes to its target. */
static void loops_end(struct x86 *x, const struct jop *j)
{
	const struct x86_mem left = { RSP, NO_REG, 0, X86_LOOPS_AT };

	x86_rm(x, 0xc7, 0, &left);
	x86_half(x, 0);
	if (x->plan->burns && j->cost) {
		x86_ri(x, OP_W, 5, FUEL, (int32_t)j->cost);
		uint8_t *left_some = x86_hop(x, CC_NS);
		end_run(x, j, VM_OUT_OF_FUEL);
		x86_land(x, left_some);
	}
	x86_byte(x, 0xe9);
	jit_fix_add(x->b, j->target, x86_here(x), 4);
	x86_half(x, 0);
}

static struct jit_func *func_at(const struct jit_plan *plan, uint32_t jop)
{
	struct jit_func *f = plan->funcs;

	while (f->end <= jop)
		f++;
	return f;
}

static bool emit_cold(struct x86 *x)
{
	for (uint32_t i = 0; i < x->b->ncold; i++) {
		const struct jit_cold c = x->b->cold[i];
		const struct jop *j = &x->plan->jops[c.jop];

		if (!jit_room(x->b, &x->p))
			return false;
		patch(x, c.from, x86_here(x));
		x->jop = c.jop;
		x->func = func_at(x->plan, c.jop);
		switch (c.kind) {
		case COLD_MISS:
		case COLD_UNALIGNED: miss(x, j, &c); break;
		case COLD_FUEL: end_run(x, j, VM_OUT_OF_FUEL); break;
		case COLD_DEEP: end_run(x, j, VM_TOO_DEEP); break;
		case COLD_ENDED: x86_tail(x, j); break;
		case COLD_LOOPS: loops_end(x, j); break;
		}
	}
	return true;
}

/* ---- the program ---- */

/* Nops of n bytes, as the manuals recommend. */
static void align_head(struct x86 *x)
{
	static const uint8_t nops[][8] = {
		{ 0x90 },
		{ 0x66, 0x90 },
		{ 0x0f, 0x1f, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0x00 },
		{ 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	};
	uint32_t left = -x86_here(x) & (HEAD_ALIGN - 1);

	while (left) {
		uint32_t n = MIN(left, 8u);

		memcpy(x->p, nops[n - 1], n);
		x->p += n;
		left -= n;
	}
}

static bool emit_func(struct x86 *x, struct jit_func *f)
{
	x->func = f;
	if (!jit_room(x->b, &x->p))
		return false;
	x->bodies[f - x->plan->funcs] = x86_here(x);
	x86_body(x, f);
	for (uint32_t i = f->first; i < f->end; i++) {
		const struct jop *j = &x->plan->jops[i];

		if (!jit_room(x->b, &x->p))
			return false;
		x->jop = i;
		if (j->flags & JOP_LOOP)
			align_head(x);
		x->b->where[i] = x86_here(x);
		emit(x, j);
	}
	return true;
}

static bool emit_all(struct x86 *x, uint32_t *entries)
{
	const struct jit_plan *plan = x->plan;

	x->p = x->b->data;
	x->b->ncold = x->b->nfixes = 0;
	if (!jit_room(x->b, &x->p))
		return false;
	for (uint32_t i = 0; i < plan->nfuncs; i++) {
		struct jit_func *f = &plan->funcs[i];
		bool is_inline = x86_is_inline(x, f);

		if (is_inline)
			entries[i] = x86_here(x);
		if (is_inline)
			x86_way_in(x, f);
		if (!emit_func(x, f) || !jit_room(x->b, &x->p))
			return false;
		if (is_inline)
			continue;
		align_head(x);
		entries[i] = x86_here(x);
		x86_way_in(x, f);
	}
	x->func = plan->funcs;
	if (x->vm)
		x86_thunks(x);
	if (!emit_cold(x))
		return false;
	x->b->size = x86_here(x);
	return true;
}

/* Fills in distances; false: one that was taken for short is not. */
static bool fix(struct x86 *x)
{
	for (uint32_t i = 0; i < x->b->nfixes; i++) {
		const struct jit_fix *f = &x->b->fixes[i];

		if (f->size == 1) {
			int64_t distance = (int64_t)x->b->where[f->jop] - (f->from + 1);

			if (!fits8(distance))
				return false;
			x->b->data[f->from] = (uint8_t)distance;
		} else {
			patch(x, f->from, f->size ? x->b->where[f->jop] : x->bodies[f->jop]);
		}
	}
	return true;
}

int jit_emit_x86_64(const struct jit_plan *plan, struct jit_buf *b, uint32_t *ret_entries,
		    uint32_t *ret_bodies)
{
	struct x86 x = {
		.b = b, .plan = plan, .bmi2 = plan->opt->features & JIT_BMI2, .bodies = ret_bodies
	};
	uint32_t *old = malloc(plan->n * sizeof(*old));
	bool ok = old != NULL;

	x86_frames(&x);
	ok = ok && emit_all(&x, ret_entries);
	if (ok) {
		memcpy(old, b->where, plan->n * sizeof(*old));
		x.old = old;
		ok = emit_all(&x, ret_entries);
	}
	if (ok && !fix(&x)) {
		x.old = NULL;
		ok = emit_all(&x, ret_entries) && fix(&x);
	}
	free(old);
	return ok ? 0 : -ENOMEM;
}
