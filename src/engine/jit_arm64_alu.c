/*
 * arm64: arithmetic. Its division has BPF's results as they are.
 * Needs: jops of three operands. Called by jit_emit_arm64().
 */
#include "engine/jit_arm64.h"

/* ---- numbers ---- */

void a64_number(struct a64 *x, unsigned rd, uint64_t value)
{
	bool negative = (int64_t)value < 0;
	uint64_t plain = negative ? ~value : value;
	unsigned first = 0;

	while (first < 3 && !(plain >> (16 * first) & 0xffff))
		first++;
	if (!plain)
		first = 0;
	/* movz or movn of one part, movk of the others that differ */
	a64_put(x, (negative ? 0x92800000 : 0xd2800000) | first << 21 |
			   (uint32_t)(plain >> (16 * first) & 0xffff) << 5 | rd);
	for (unsigned i = first + 1; i < 4; i++) {
		if (plain >> (16 * i) & 0xffff)
			a64_put(x, 0xf2800000 | i << 21 |
					   (uint32_t)(value >> (16 * i) & 0xffff) << 5 | rd);
	}
}

void a64_imm(struct a64 *x, unsigned rd, int64_t value)
{
	uint64_t mask = (x->plan->prog->id << 32) + x->jop + 1;

	if (!x->plan->opt->blind) {
		a64_number(x, rd, (uint64_t)value);
		return;
	}
	mask = (mask * 0x9e3779b97f4a7c15) ^ x->plan->opt->seed;
	mask = (mask ^ mask >> 31) * 0xbf58476d1ce4e5b9;
	a64_number(x, rd, (uint64_t)value ^ mask);
	a64_number(x, T4, mask);
	a64_rrr(x, A64_EOR | WIDE, rd, rd, T4);
}

/* add or sub with a number of 12 bits, shifted by 12 or not; false: it has more. */
static bool add_imm12(struct a64 *x, uint32_t op, unsigned rd, unsigned rn, uint64_t value)
{
	if (value < 4096)
		a64_put(x, op | (uint32_t)value << 10 | rn << 5 | rd);
	else if (value < 1 << 24 && !(value & 4095))
		a64_put(x, op | 1 << 22 | (uint32_t)(value >> 12) << 10 | rn << 5 | rd);
	else
		return false;
	return true;
}

void a64_add_number(struct a64 *x, uint32_t w, unsigned rd, unsigned rn, int64_t value)
{
	if (value >= 0 ? add_imm12(x, 0x11000000 | w, rd, rn, (uint64_t)value)
		       : add_imm12(x, 0x51000000 | w, rd, rn, -(uint64_t)value))
		return;
	a64_number(x, T3, (uint64_t)value);
	a64_rrr(x, A64_ADD | w, rd, rn, T3);
}

void a64_compare(struct a64 *x, uint32_t w, unsigned rn, int64_t value)
{
	if (value >= 0 ? add_imm12(x, 0x71000000 | w, ZR, rn, (uint64_t)value)
		       : add_imm12(x, 0x31000000 | w, ZR, rn, -(uint64_t)value))
		return;
	a64_number(x, T3, (uint64_t)value);
	a64_rrr(x, A64_SUBS | w, ZR, rn, T3);
}

/*
 * A bitwise immediate is a run of ones, rotated, in an element of 2 to 64 bits that repeats. With
 * the element's size as e: N and imms tell e and the run's length, immr the rotation.
 */
bool a64_bitmask(uint64_t value, unsigned width, uint32_t *ret)
{
	unsigned e = 64;

	if (width == 32)
		value = (value & UINT32_MAX) | value << 32;
	if (!value || !~value)
		return false;
	while (e > 2 &&
	       (value << (64 - e / 2) >> (64 - e / 2)) == (value << (64 - e) >> (64 - e / 2)))
		e /= 2;
	uint64_t mask = e == 64 ? UINT64_MAX : ((uint64_t)1 << e) - 1, element = value & mask;
	for (unsigned turn = 0; turn < e; turn++) {
		uint64_t t = turn ? (element >> turn | element << (e - turn)) & mask : element;

		if (t & (t + 1))
			continue;
		unsigned ones = (unsigned)__builtin_popcountll(t);
		unsigned imms = ((~(e - 1) << 1) & 63) | (ones - 1), immr = (e - turn) & (e - 1);
		*ret = (e == 64) << 22 | immr << 16 | (imms & 63) << 10;
		return true;
	}
	return false;
}

/* ---- operations ---- */

static void mov(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst];

	if (j->a == JIT_NONE)
		a64_imm(x, rd, j->width == 32 ? (int64_t)(uint32_t)j->imm : j->imm);
	else if (j->width == 32)
		a64_mov(x, 0, rd, a64_regs[j->a]);
	else
		a64_copy(x, rd, a64_regs[j->a]);
}

static void bitfield(struct a64 *x, uint32_t op, uint32_t w, unsigned rd, unsigned rn,
		     unsigned immr, unsigned imms)
{
	a64_put(x, op | w | (w ? 1 << 22 : 0) | immr << 16 | imms << 10 | rn << 5 | rd);
}

enum { UBFM = 0x53000000, SBFM = 0x13000000 };

static void shift_imm(struct a64 *x, const struct jop *j)
{
	unsigned width = j->width, by = (unsigned)j->imm & (width - 1);
	unsigned rd = a64_regs[j->dst], rn = a64_regs[j->a];

	if (j->op == OP_LSH)
		bitfield(x, UBFM, a64_w(j), rd, rn, -by & (width - 1), width - 1 - by);
	else
		bitfield(x, j->op == OP_RSH ? UBFM : SBFM, a64_w(j), rd, rn, by, width - 1);
}

static uint32_t three(uint8_t op)
{
	switch (op) {
	case OP_ADD: return A64_ADD;
	case OP_SUB: return A64_SUB;
	case OP_AND: return A64_AND;
	case OP_OR: return A64_ORR;
	case OP_XOR: return A64_EOR;
	case OP_LSH: return A64_LSLV;
	case OP_RSH: return A64_LSRV;
	case OP_ARSH: return A64_ASRV;
	case OP_DIV: return A64_UDIV;
	case OP_SDIV: return A64_SDIV;
	default: return 0;
	}
}

/* Operations with a number that need no register for it; false: it is to be loaded. */
static bool by_number(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst], rn = a64_regs[j->a];
	uint32_t field;

	if (x->plan->opt->blind)
		return false;
	switch (j->op) {
	case OP_ADD: a64_add_number(x, a64_w(j), rd, rn, j->imm); return true;
	case OP_SUB: a64_add_number(x, a64_w(j), rd, rn, -j->imm); return true;
	case OP_LSH:
	case OP_RSH:
	case OP_ARSH: shift_imm(x, j); return true;
	case OP_AND:
	case OP_OR:
	case OP_XOR:
		if (!a64_bitmask((uint64_t)j->imm, j->width, &field))
			return false;
		/* the immediate forms lie 0x08000000 above the others */
		a64_put(x, (three(j->op) + 0x08000000) | a64_w(j) | field | rn << 5 | rd);
		return true;
	default: return false;
	}
}

static void binary(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst], rn = a64_regs[j->a], rm = a64_regs[j->b];
	uint32_t w = a64_w(j);

	if (j->b == JIT_NONE) {
		if (by_number(x, j))
			return;
		a64_imm(x, T0, j->imm);
		rm = T0;
	}
	switch (j->op) {
	case OP_MUL: a64_rrr(x, A64_MADD | w | ZR << 10, rd, rn, rm); break;
	case OP_MOD:
	case OP_SMOD:
		a64_rrr(x, (j->op == OP_MOD ? A64_UDIV : A64_SDIV) | w, T1, rn, rm);
		a64_rrr(x, A64_MSUB | w | rn << 10, rd, T1, rm); /* rn - T1 * rm */
		break;
	default: a64_rrr(x, three(j->op) | w, rd, rn, rm);
	}
}

static void lea(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst], base = j->a == JIT_NONE ? ZR : a64_regs[j->a];
	uint32_t w = a64_w(j);

	if (j->b == JIT_NONE) {
		a64_add_number(x, w, rd, base, j->disp);
		return;
	}
	a64_rrr(x, A64_ADD | w | (uint32_t)j->shift << 10, j->disp ? T0 : rd, base, a64_regs[j->b]);
	if (j->disp)
		a64_add_number(x, w, rd, T0, j->disp);
}

static void swap(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst], rn = a64_regs[j->a];

	if (j->width == 64) {
		a64_put(x, 0xdac00c00 | rn << 5 | rd);
	} else if (j->width == 32) {
		a64_put(x, 0x5ac00800 | rn << 5 | rd);
	} else {
		a64_put(x, 0x5ac00400 | rn << 5 | rd);
		bitfield(x, UBFM, 0, rd, rd, 0, 15);
	}
}

static void to_little(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst], rn = a64_regs[j->a];

	if (j->width == 64)
		a64_copy(x, rd, rn);
	else
		bitfield(x, UBFM, 0, rd, rn, 0, j->width - 1u);
}

static void cast(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst];

	a64_mov(x, 0, rd, a64_regs[j->a]);
	if (!j->imm)
		return;
	uint8_t *zero = a64_hop(x, 0x34000000 | rd); /* cbz */
	a64_number(x, T0, (uint64_t)j->imm);
	a64_rrr(x, A64_ORR | WIDE, rd, rd, T0);
	a64_land(x, zero);
}

void a64_alu(struct a64 *x, const struct jop *j)
{
	unsigned rd = a64_regs[j->dst], rn = a64_regs[j->a];

	switch (j->op) {
	case OP_MOV: mov(x, j); break;
	case OP_MOVSX: bitfield(x, SBFM, a64_w(j), rd, rn, 0, (unsigned)j->imm - 1); break;
	case JIT_LEA: lea(x, j); break;
	case JIT_ROTATE: /* extr rd, rn, rn, width - imm */
		a64_rrr(x,
			0x13800000 | a64_w(j) | (j->width == 64 ? 1 << 22 : 0) |
				(uint32_t)(j->width - j->imm) << 10,
			rd, rn, rn);
		break;
	case OP_NEG: a64_rrr(x, A64_SUB | a64_w(j), rd, ZR, rn); break;
	case OP_TO_LE: to_little(x, j); break;
	case OP_TO_BE:
	case OP_BSWAP: swap(x, j); break;
	case OP_ADDR_SPACE_CAST: cast(x, j); break;
	default: binary(x, j);
	}
}
