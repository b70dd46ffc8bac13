/*
 * The arm64 back end: one pass over the jops.
 * Needs: a plan. Called by jit_compile().
 */
#include <errno.h>
#include <stddef.h>

#include "engine/jit_arm64.h"

const uint8_t a64_regs[16] = { 7,  0,  1,  2,      3,      4,      19,     20,
			       21, 22, 25, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG };

/* More jops than whose code conditional branches, which reach 1 MiB, surely span. */
enum { FAR = 6000 };

/* ---- jumps ---- */

/* A conditional branch to be fixed: inverted over a plain one where it may not reach. */
static uint32_t branch_if(struct a64 *x, enum a64_cond cond)
{
	if (cond != COND_AL && x->far)
		a64_put(x, 0x54000000 | 2 << 5 | (cond ^ 1));
	uint32_t at = a64_here(x);
	a64_put(x, cond == COND_AL || x->far ? 0x14000000 : 0x54000000 | cond);
	return at;
}

static void patch(struct a64 *x, uint32_t from, uint32_t to)
{
	int32_t distance = ((int32_t)to - (int32_t)from) / 4;
	uint32_t insn;

	memcpy(&insn, x->b->data + from, 4);
	if ((insn >> 26 & 31) == 5)
		insn |= (uint32_t)distance & 0x3ffffff;
	else
		insn |= ((uint32_t)distance & 0x7ffff) << 5;
	memcpy(x->b->data + from, &insn, 4);
}

void a64_cold(struct a64 *x, enum a64_cond cond, enum jit_cold_kind kind, uint32_t back)
{
	uint32_t from = branch_if(x, cond);

	jit_cold_add(x->b, x->jop, kind, from, back);
}

void a64_branch_to(struct a64 *x, uint32_t op, uint32_t to)
{
	int32_t distance = ((int32_t)to - (int32_t)a64_here(x)) / 4;

	a64_put(x, op | ((uint32_t)distance & 0x3ffffff));
}

static void jump(struct a64 *x, enum a64_cond cond, uint32_t target)
{
	jit_fix_add(x->b, target, branch_if(x, cond), FIX_BRANCH26);
}

static void burn(struct a64 *x, const struct jop *j)
{
	if (j->cost < 4096) {
		a64_put(x, 0xf1000000 | j->cost << 10 | FUEL << 5 | FUEL); /* subs */
	} else {
		a64_number(x, T0, j->cost);
		a64_rrr(x, A64_SUBS | WIDE, FUEL, FUEL, T0);
	}
}

static void burn_and_jump(struct a64 *x, const struct jop *j)
{
	burn(x, j);
	jump(x, COND_PL, j->target);
	a64_cold(x, COND_AL, COLD_FUEL, 0);
}

static void jump_always(struct a64 *x, const struct jop *j)
{
	if (x->plan->burns && j->cost)
		burn_and_jump(x, j);
	else if (j->target != x->jop + 1)
		jump(x, COND_AL, j->target);
}

static void compare(struct a64 *x, const struct jop *j)
{
	bool bits = j->op == OP_JSET || j->op == JIT_JNSET;
	unsigned a = a64_regs[j->a], b = a64_regs[j->b];
	uint32_t field;

	if (j->b == JIT_NONE && !x->plan->opt->blind) {
		if (!bits) {
			a64_compare(x, a64_w(j), a, (int32_t)j->imm);
			return;
		}
		if (a64_bitmask((uint64_t)j->imm, j->width, &field)) {
			a64_put(x, 0x7200001f | a64_w(j) | field | a << 5); /* tst */
			return;
		}
	}
	if (j->b == JIT_NONE) {
		a64_imm(x, T0, (int32_t)j->imm);
		b = T0;
	}
	a64_rrr(x, (bits ? A64_ANDS : A64_SUBS) | a64_w(j), ZR, a, b);
}

static void branch(struct a64 *x, const struct jop *j)
{
	static const uint8_t conds[] = {
		[OP_JEQ] = COND_EQ,  [OP_JNE] = COND_NE,  [OP_JSET] = COND_NE,
		[OP_JGT] = COND_HI,  [OP_JGE] = COND_HS,  [OP_JLT] = COND_LO,
		[OP_JLE] = COND_LS,  [OP_JSGT] = COND_GT, [OP_JSGE] = COND_GE,
		[OP_JSLT] = COND_LT, [OP_JSLE] = COND_LE, [JIT_JNSET] = COND_EQ,
	};
	enum a64_cond cond = conds[j->op];

	compare(x, j);
	if (!x->plan->burns || !j->cost) {
		jump(x, cond, j->target);
		return;
	}
	uint8_t *skip = a64_hop(x, 0x54000000 | (cond ^ 1));
	burn_and_jump(x, j);
	a64_land(x, skip);
}

static void may_goto(struct a64 *x)
{
	a64_member(x, A64_LDR32, T0, SP, 0);
	a64_compare(x, 0, T0, 0);
	a64_cold(x, COND_EQ, COLD_LOOPS, 0);
	a64_add_number(x, 0, T0, T0, -1);
	a64_member(x, A64_STR32, T0, SP, 0);
}

/* ---- one jop ---- */

static void emit(struct a64 *x, const struct jop *j)
{
	if (jop_is_access(j)) {
		a64_access(x, j);
		return;
	}
	if (jop_is_branch(j)) {
		branch(x, j);
		return;
	}
	switch (j->op) {
	case JIT_NOP: break;
	case OP_JA: jump_always(x, j); break;
	case JIT_CPU:
		a64_member(x, A64_LDR32, a64_regs[j->dst], VM, offsetof(struct vm, cpu));
		break;
	case JIT_ARRAY: a64_array(x, j); break;
	case JIT_BURN:
		if (x->plan->burns) {
			burn(x, j);
			a64_cold(x, COND_MI, COLD_FUEL, 0);
		}
		break;
	case OP_MAY_GOTO: may_goto(x); break;
	case OP_CALL: a64_call_helper(x, j); break;
	case OP_CALL_LOCAL: a64_call_local(x, j); break;
	case OP_CALLX: a64_callx(x, j); break;
	case OP_EXIT: a64_exit(x); break;
	case OP_LD_ABS:
	case OP_LD_IND: a64_packet(x, j); break;
	case JIT_FAULT:
		a64_copy(x, T1, a64_regs[10]);
		a64_cold(x, COND_AL, COLD_UNALIGNED, 0);
		break;
	default: a64_alu(x, j);
	}
}

/* ---- out of line ---- */

static void end_run(struct a64 *x, const struct jop *j, enum vm_end end)
{
	a64_number(x, T0, x->plan->prog->ops[j->at].insn);
	a64_member(x, A64_STR32, T0, VM, offsetof(struct vm, insn));
	a64_number(x, T0, end);
	a64_member(x, A64_STR32, T0, VM, offsetof(struct vm, end));
	a64_branch_to(x, 0x14000000, x->bad_end);
}

static void miss(struct a64 *x, const struct jop *j, const struct jit_cold *c)
{
	unsigned which = j->op == JIT_FAULT ? 2 : c->kind == COLD_UNALIGNED ? 1 : 0;

	if (which != 2)
		a64_copy(x, T1, a64_address(x, j));
	a64_number(x, T0, j->at);
	a64_branch_to(x, 0x94000000, x->thunks[which]);
	if (which == 0)
		a64_branch_to(x, 0x14000000, c->back);
}

/* may_goto has gone round often enough: goes to its target. */
static void loops_end(struct a64 *x, const struct jop *j)
{
	if (x->plan->burns && j->cost) {
		burn(x, j);
		uint8_t *some_left = a64_hop(x, 0x54000000 | COND_PL);
		end_run(x, j, VM_OUT_OF_FUEL);
		a64_land(x, some_left);
	}
	jump(x, COND_AL, j->target);
}

static struct jit_func *func_at(const struct jit_plan *plan, uint32_t jop)
{
	struct jit_func *f = plan->funcs;

	while (f->end <= jop)
		f++;
	return f;
}

static bool emit_cold(struct a64 *x)
{
	for (uint32_t i = 0; i < x->b->ncold; i++) {
		const struct jit_cold c = x->b->cold[i];
		const struct jop *j = &x->plan->jops[c.jop];

		if (!jit_room(x->b, &x->p))
			return false;
		patch(x, c.from, a64_here(x));
		x->jop = c.jop;
		x->func = func_at(x->plan, c.jop);
		switch (c.kind) {
		case COLD_MISS:
		case COLD_UNALIGNED: miss(x, j, &c); break;
		case COLD_FUEL: end_run(x, j, VM_OUT_OF_FUEL); break;
		case COLD_DEEP: end_run(x, j, VM_TOO_DEEP); break;
		case COLD_ENDED: a64_tail(x, j); break;
		case COLD_LOOPS: loops_end(x, j); break;
		}
	}
	return true;
}

/* ---- the program ---- */

static bool emit_func(struct a64 *x, struct jit_func *f)
{
	x->func = f;
	if (!jit_room(x->b, &x->p))
		return false;
	x->bodies[f - x->plan->funcs] = a64_here(x);
	a64_body(x, f);
	for (uint32_t i = f->first; i < f->end; i++) {
		if (!jit_room(x->b, &x->p))
			return false;
		x->jop = i;
		x->b->where[i] = a64_here(x);
		emit(x, &x->plan->jops[i]);
	}
	return true;
}

static bool emit_all(struct a64 *x, uint32_t *entries)
{
	const struct jit_plan *plan = x->plan;

	x->p = x->b->data;
	if (!jit_room(x->b, &x->p))
		return false;
	for (uint32_t i = 0; i < plan->nfuncs; i++) {
		struct jit_func *f = &plan->funcs[i];
		bool is_inline = a64_is_inline(x, f);

		if (is_inline) {
			entries[i] = a64_here(x);
			a64_way_in(x, f);
		}
		if (!emit_func(x, f) || !jit_room(x->b, &x->p))
			return false;
		if (!is_inline) {
			entries[i] = a64_here(x);
			a64_way_in(x, f);
		}
	}
	x->func = plan->funcs;
	if (x->vm) {
		if (!jit_room(x->b, &x->p))
			return false;
		a64_thunks(x);
	}
	return emit_cold(x);
}

int jit_emit_arm64(const struct jit_plan *plan, struct jit_buf *b, uint32_t *ret_entries,
		   uint32_t *ret_bodies)
{
	struct a64 x = { .b = b,
			 .plan = plan,
			 .lse = plan->opt->features & JIT_LSE,
			 .far = plan->n > FAR,
			 .bodies = ret_bodies };

	a64_frames(&x);
	if (!emit_all(&x, ret_entries))
		return -ENOMEM;
	for (uint32_t i = 0; i < b->nfixes; i++) {
		const struct jit_fix *f = &b->fixes[i];

		patch(&x, f->from, f->size == FIX_BODY ? ret_bodies[f->jop] : b->where[f->jop]);
	}
	b->size = a64_here(&x);
	return 0;
}
