/*
 * x86-64: division. The machine divides rdx:rax, which are r3 and r0, and faults where BPF has a
 * result: by zero, and INT_MIN by -1.
 * Needs: liveness, to save no more than it must. Called by x86_alu().
 */
#include "engine/jit_x86_64.h"

static bool is_signed(const struct jop *j)
{
	return j->op == OP_SDIV || j->op == OP_SMOD;
}

static bool is_modulo(const struct jop *j)
{
	return j->op == OP_MOD || j->op == OP_SMOD;
}

/* The dividend in rax, the divisor in @by, not zero if @sure; leaves the result in rax or rdx. */
static void divide(struct x86 *x, const struct jop *j, unsigned by, bool sure)
{
	uint32_t w = x86_w(j);
	uint8_t *skip = NULL, *minus = NULL;

	if (is_modulo(j))
		x86_mov(x, w, RDX, RAX);
	if (!sure) {
		x86_rr(x, 0x85 | w, by, by);
		if (!is_modulo(j))
			x86_rr(x, OP_0F | 0x44 | w, RAX, by); /* cmovz: zero by zero is zero */
		skip = x86_hop(x, CC_E);
	}
	if (is_signed(j) && !sure) {
		if (is_modulo(j))
			x86_rr(x, 0x31, RDX, RDX);
		x86_ri(x, w, 7, by, -1);
		uint8_t *other = x86_hop(x, CC_NE);
		if (!is_modulo(j))
			x86_rr(x, 0xf7 | w, 3, RAX);
		minus = x86_hop(x, -1);
		x86_land(x, other);
	}
	if (is_signed(j))
		x86_opcode(x, 0x99 | w, 0, 0, 0); /* cdq, cqo */
	else
		x86_rr(x, 0x31, RDX, RDX);
	x86_rr(x, 0xf7 | w, is_signed(j) ? 7 : 6, by);
	if (minus)
		x86_land(x, minus);
	if (skip)
		x86_land(x, skip);
}

/* Division by what needs none; false: it does. */
static bool divide_simply(struct x86 *x, const struct jop *j)
{
	uint64_t by = j->width == 64 ? (uint64_t)j->imm : (uint32_t)j->imm;
	struct jop simple = *j;

	if (j->b != JIT_NONE || x->plan->opt->blind)
		return false;
	if (!by || (by == 1 && !is_modulo(j))) {
		simple.op = OP_MOV;
		if (!by && !is_modulo(j))
			simple.a = JIT_NONE;
	} else if (j->imm == -1 && is_signed(j)) {
		simple.op = is_modulo(j) ? OP_MOV : OP_NEG;
		if (is_modulo(j)) {
			simple.a = JIT_NONE;
			simple.imm = 0;
		}
	} else if (!is_signed(j) && !(by & (by - 1)) && by <= INT32_MAX) {
		simple.op = is_modulo(j) ? OP_AND : OP_RSH;
		simple.imm = is_modulo(j) ? (int64_t)by - 1 : __builtin_ctzll(by);
	} else {
		return false;
	}
	x86_alu(x, &simple);
	return true;
}

void x86_divide(struct x86 *x, const struct jop *j)
{
	unsigned by = x86_regs[j->b];
	bool keep_rdx = j->dst != 3 && j->out >> 3 & 1, keep_rax = j->dst != 0 && j->out & 1;
	bool sure = j->b == JIT_NONE && j->imm != 0 && j->imm != -1;

	if (divide_simply(x, j))
		return;
	if (j->b == JIT_NONE) {
		x86_imm(x, T1, j->imm);
		by = T1;
	} else if (by == RAX || by == RDX) {
		x86_copy(x, T1, by);
		by = T1;
	}
	if (keep_rdx)
		x86_copy(x, T0, RDX);
	if (keep_rax)
		x86_push(x, RAX);
	if (j->a != 0 || j->width == 32)
		x86_mov(x, x86_w(j), RAX, x86_regs[j->a]);
	divide(x, j, by, sure);
	x86_copy(x, x86_regs[j->dst], is_modulo(j) ? RDX : RAX);
	if (keep_rdx)
		x86_copy(x, RDX, T0);
	if (keep_rax)
		x86_pop(x, RAX);
}
