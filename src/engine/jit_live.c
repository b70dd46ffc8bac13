/*
 * Which registers are read later: backwards over the program until nothing changes.
 * Needs: jops with their targets. Called by jit_plan_make() and the passes.
 *
 * A local call reads what its function reads, and the registers r1 to r5 that the caller reads
 * after it are read by the function's exits: a return leaves them as the function did. A helper
 * leaves r1 to r5 alone, as the interpreter does; few programs read them.
 */
#include "engine/jit_priv.h"

enum { ALL = JOP_REGISTERS, R0 = 1, CALLER = 0x3e, FRAME = 1 << 10 };

/* What is live before @j when @out is after it. */
static uint32_t before(const struct jit_plan *plan, const struct jop *j, uint32_t out)
{
	if (jop_is_pure(j) || jop_is_access(j))
		return (out & ~jop_writes(j)) | jop_reads(j);
	switch (j->op) {
	case OP_EXIT: return plan->exit_live;
	case OP_JA: return plan->in[j->target];
	case OP_CALL: return (out & ~R0) | CALLER | jop_reads(j);
	case OP_CALL_LOCAL: return (out & ~(R0 | CALLER)) | plan->in[j->target];
	case OP_CALLX: return ALL;
	case OP_LD_ABS:
	case OP_LD_IND: return (out & ~R0) | (plan->exit_live & ~R0) | jop_reads(j);
	case JIT_FAULT: return FRAME;
	}
	if (jop_is_branch(j) || j->op == OP_MAY_GOTO)
		out |= plan->in[j->target];
	return (out & ~jop_writes(j)) | jop_reads(j);
}

/* One pass; whether anything changed at a target. */
static bool live_pass(struct jit_plan *plan)
{
	uint16_t exits = plan->exit_live;
	uint32_t live = 0;
	bool change = false;

	for (uint32_t i = plan->n; i-- > 0;) {
		struct jop *j = &plan->jops[i];

		j->out = (uint16_t)live;
		if (j->op == OP_CALL_LOCAL || j->op == OP_CALLX)
			exits |= live & CALLER;
		live = before(plan, j, live);
		if (j->flags & JOP_TARGET && plan->in[i] != live) {
			plan->in[i] = (uint16_t)live;
			change = true;
		}
	}
	change |= exits != plan->exit_live;
	plan->exit_live = exits;
	return change;
}

void jit_live(struct jit_plan *plan)
{
	plan->exit_live = R0;
	while (live_pass(plan))
		;
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		plan->funcs[i].in = plan->in[plan->funcs[i].first];
}

void jit_live_prune(struct jit_plan *plan)
{
	uint32_t live = 0;

	for (uint32_t i = plan->n; i-- > 0;) {
		struct jop *j = &plan->jops[i];

		j->out = (uint16_t)live;
		if (jop_is_pure(j) && !(jop_writes(j) & live)) {
			j->op = JIT_NOP;
			j->dst = j->a = j->b = JIT_NONE;
		}
		live = before(plan, j, live);
		if (j->flags & JOP_TARGET)
			live = plan->in[i];
	}
}
