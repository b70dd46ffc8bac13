/*
 * What instructions ask of their operands: folded, in a register, or anywhere. Selection,
 * placement, register allocation and emission all ask here. needs: lowered IR.
 */
#include "ir/ir_priv.h"

#include "bpf/uapi.h"

/* Whether operand @i can be the immediate of @v. */
static bool immediate(const struct ir_value *v, uint32_t i)
{
	const struct ir_value *arg = v->args[i];

	if (arg->op != IR_CONST || arg->block)
		return false;
	return v->narrow || (v->op >= IR_STORE8 && v->op <= IR_STORE32) || fits_s32(arg->n);
}

static enum ir_use use_of_base(const struct ir_value *v, enum ir_use otherwise)
{
	/* the stack is addressed through r10 */
	return v->args[0]->op == IR_SLOT && !v->args[0]->block ? USE_NONE : otherwise;
}

/* d = a op b is d = a; d op= b, so b must outlast the first step. */
static enum ir_use use_in_alu(const struct ir_value *v, uint32_t i)
{
	if (i == 0)
		return USE_ANY;
	if (immediate(v, i))
		return USE_NONE;
	return v->args[0] == v->args[1] ? USE_REG : USE_LATE;
}

static enum ir_use use_in_memory(const struct ir_value *v, uint32_t i)
{
	bool fetches = v->op >= IR_FETCH_ADD && v->op <= IR_XCHG;

	if (i == 0)
		return use_of_base(v, fetches ? USE_LATE : USE_REG);
	if (v->op >= IR_STORE8 && v->op <= IR_STORE64)
		return immediate(v, i) ? USE_NONE : USE_REG;
	/* what is fetched takes the register of what is given */
	return fetches || (v->op == IR_CMPXCHG && i == 1) ? USE_ANY : USE_REG;
}

enum ir_use ir_use(const struct ir_value *v, uint32_t i)
{
	if (v->op >= IR_LOAD8 && v->op <= IR_CMPXCHG)
		return use_in_memory(v, i);
	if (ir_is_cmp(v->op) || v->op == IR_TEST)
		return i == 1 && immediate(v, i) ? USE_NONE : USE_REG;
	if (v->op >= IR_ADD && v->op <= IR_ASHR)
		return use_in_alu(v, i);
	return USE_ANY;
}

bool ir_calls(const struct ir_value *v)
{
	return v->op == IR_HELPER || v->op == IR_CALL;
}

int ir_wants(const struct ir_value *v, uint32_t i)
{
	if (ir_calls(v))
		return 1 + i;
	return v->op == IR_RETURN ? 0 : -1;
}
