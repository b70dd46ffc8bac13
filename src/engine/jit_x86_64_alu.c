/*
 * x86-64: arithmetic.
 * Needs: jops of three operands. Called by jit_emit_x86_64().
 */
#include "engine/jit_x86_64.h"

/* ---- moves and numbers ---- */

void x86_number(struct x86 *x, unsigned to, uint64_t value)
{
	if (!value) {
		x86_rr(x, 0x31, to, to); /* xor */
	} else if (value <= UINT32_MAX) {
		x86_opcode(x, 0xb8 | (to & 7), 0, 0, to);
		x86_half(x, (uint32_t)value);
	} else if (fits32((int64_t)value)) {
		x86_rr(x, 0xc7 | OP_W, 0, to);
		x86_half(x, (uint32_t)value);
	} else {
		x86_opcode(x, OP_W | 0xb8 | (to & 7), 0, 0, to);
		x86_wide(x, value);
	}
}

/* A number that is the same for the same jop of the same program, and unlike its value. */
static uint64_t blinding(const struct x86 *x)
{
	uint64_t n = (x->plan->prog->id << 32) + x->jop + 1;

	n *= 0x9e3779b97f4a7c15;
	n ^= x->plan->opt->seed;
	n = (n ^ n >> 31) * 0xbf58476d1ce4e5b9;
	return n ^ n >> 29;
}

void x86_imm(struct x86 *x, unsigned to, int64_t value)
{
	uint64_t mask = blinding(x);

	if (!x->plan->opt->blind) {
		x86_number(x, to, (uint64_t)value);
		return;
	}
	if (fits32(value)) {
		x86_rr(x, 0xc7 | OP_W, 0, to); /* mov to, value ^ mask */
		x86_half(x, (uint32_t)value ^ (uint32_t)mask);
		x86_rr(x, 0x81 | OP_W, 6, to); /* xor to, mask */
		x86_half(x, (uint32_t)mask);
		return;
	}
	/* The halves apart, for xor takes no 64-bit number. */
	x86_opcode(x, 0xb8 | (to & 7), 0, 0, to);
	x86_half(x, (uint32_t)((uint64_t)value >> 32) ^ (uint32_t)mask);
	x86_rr(x, 0x81, 6, to);
	x86_half(x, (uint32_t)mask);
	x86_rr(x, 0xc1 | OP_W, 4, to); /* shl to, 32 */
	x86_byte(x, 32);
	mask = mask >> 33; /* 31 bits: xor extends the sign */
	x86_rr(x, 0x81 | OP_W, 6, to);
	x86_half(x, (uint32_t)mask);
	uint32_t low = (uint32_t)value ^ (uint32_t)mask;
	x86_rr(x, 0x81 | OP_W, 6, to); /* bits 0 to 30 */
	x86_half(x, low & INT32_MAX);
	if (low >> 31) {
		x86_rr(x, OP_W | OP_0F | 0xba, 7, to); /* btc to, 31 */
		x86_byte(x, 31);
	}
}

static void mov(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst];

	if (j->a == JIT_NONE)
		x86_imm(x, to, j->width == 32 ? (int64_t)(uint32_t)j->imm : j->imm);
	else if (j->width == 32)
		x86_mov(x, 0, to, x86_regs[j->a]);
	else
		x86_copy(x, to, x86_regs[j->a]);
}

static void movsx(struct x86 *x, const struct jop *j)
{
	static const uint32_t ops[] = {
		[1] = OP_0F | OP_RMB | 0xbe, [2] = OP_0F | 0xbf, [4] = 0x63
	};

	x86_rr(x, ops[j->imm / 8] | x86_w(j), x86_regs[j->dst], x86_regs[j->a]);
}

/* Brings a into dst, for operations in place. */
static unsigned into_dst(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst];

	x86_copy(x, to, x86_regs[j->a]);
	return to;
}

/* ---- two operands ---- */

static void lea(struct x86 *x, const struct jop *j)
{
	struct x86_mem m;

	x86_address(j, &m);
	/* Index alone wants four bytes of displacement; twice itself needs none. */
	if (m.base == NO_REG && m.shift == 1)
		m = (struct x86_mem){ m.index, m.index, 0, m.disp };
	if (m.base == NO_REG && m.shift == 0)
		m = (struct x86_mem){ m.index, NO_REG, 0, m.disp };
	if (m.index == NO_REG && m.base == x86_regs[j->dst])
		x86_ri(x, x86_w(j), 0, m.base, m.disp);
	else if (m.index == NO_REG && !m.disp)
		x86_mov(x, x86_w(j), x86_regs[j->dst], m.base);
	else if (!m.shift && !m.disp && m.index != NO_REG && m.base == x86_regs[j->dst])
		x86_rr(x, 0x01 | x86_w(j), m.index, m.base);
	else
		x86_rm(x, 0x8d | x86_w(j), x86_regs[j->dst], &m);
}

static void lea_imm(struct x86 *x, const struct jop *j, int32_t disp)
{
	x86_mem(x, 0x8d | x86_w(j), x86_regs[j->dst], x86_regs[j->a], disp);
}

/* A comparison with 0 that follows needs no instruction. */
static void set_flags(struct x86 *x, const struct jop *j)
{
	x->flags_at = x86_here(x);
	x->flags_of = j->dst;
	x->flags_width = j->width;
}

static void and_imm(struct x86 *x, const struct jop *j, unsigned ext)
{
	unsigned to = x86_regs[j->dst], from = x86_regs[j->a];
	int32_t imm = (int32_t)j->imm;

	if (imm == 0xff) {
		x86_rr(x, OP_0F | OP_RMB | 0xb6, to, from);
	} else if (imm == 0xffff) {
		x86_rr(x, OP_0F | 0xb7, to, from);
	} else {
		/* What is not negative clears the upper half either way. */
		x86_ri(x, imm >= 0 ? 0 : x86_w(j), ext, into_dst(x, j), imm);
		set_flags(x, j);
	}
}

/* The /ext of the immediate forms; the opcode is 8 * ext + 1. */
static unsigned ext_of(uint8_t op)
{
	switch (op) {
	case OP_ADD: return 0;
	case OP_OR: return 1;
	case OP_AND: return 4;
	case OP_SUB: return 5;
	default: return 6;
	}
}

static void binary_imm(struct x86 *x, const struct jop *j)
{
	unsigned ext = ext_of(j->op);
	int32_t imm = (int32_t)j->imm;

	if (x->plan->opt->blind) {
		x86_imm(x, T0, imm);
		x86_rr(x, (8 * ext + 1) | x86_w(j), T0, into_dst(x, j));
	} else if (j->op == OP_AND) {
		and_imm(x, j, ext);
	} else if (j->dst != j->a && j->op == OP_ADD) {
		lea_imm(x, j, imm);
	} else if (j->dst != j->a && j->op == OP_SUB && imm != INT32_MIN) {
		lea_imm(x, j, -imm);
	} else if (imm == 128 && (j->op == OP_ADD || j->op == OP_SUB)) {
		x86_ri(x, x86_w(j), 5 - ext, into_dst(x, j), -128);
	} else {
		x86_ri(x, x86_w(j), ext, into_dst(x, j), imm);
	}
}

static void binary(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst], a = x86_regs[j->a], b = x86_regs[j->b];
	uint32_t op = (8 * ext_of(j->op) + 1) | x86_w(j);

	if (j->b == JIT_NONE) {
		binary_imm(x, j);
	} else if (j->dst == j->a) {
		x86_rr(x, op, b, to);
	} else if (j->op == OP_ADD) {
		const struct x86_mem m = { .base = (uint8_t)a, .index = (uint8_t)b };

		x86_rm(x, 0x8d | x86_w(j), to, &m);
	} else if (j->dst != j->b) {
		x86_copy(x, to, a);
		x86_rr(x, op, b, to);
	} else if (j->op != OP_SUB) {
		x86_rr(x, op, a, to);
	} else {
		x86_rr(x, 0xf7 | x86_w(j), 3, to); /* neg */
		x86_rr(x, 0x01 | x86_w(j), a, to);
	}
	if (j->op == OP_AND && j->b != JIT_NONE)
		set_flags(x, j);
}

static void multiply(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst], a = x86_regs[j->a], b = x86_regs[j->b];
	uint32_t w = x86_w(j);
	int32_t imm = (int32_t)j->imm;

	if (j->b == JIT_NONE && x->plan->opt->blind) {
		x86_imm(x, T0, imm);
		b = T0;
	} else if (j->b == JIT_NONE) {
		x86_rr(x, (fits8(imm) ? 0x6b : 0x69) | w, to, a);
		if (fits8(imm))
			x86_byte(x, (uint8_t)imm);
		else
			x86_half(x, (uint32_t)imm);
		return;
	}
	if (to == b) {
		x86_rr(x, OP_0F | 0xaf | w, to, a);
	} else {
		x86_copy(x, to, a);
		x86_rr(x, OP_0F | 0xaf | w, to, b);
	}
}

/* ---- shifts ---- */

/* VEX.LZ.pp.0F38 f7: pp 1 shlx, 2 sarx, 3 shrx; map 3 (0F3A) with pp 3 f0: rorx */
static void vex(struct x86 *x, unsigned map, unsigned w, unsigned pp, uint8_t op, unsigned reg,
		unsigned rm, unsigned v)
{
	x86_byte(x, 0xc4);
	x86_byte(x, (uint8_t)((~reg & 8) << 4 | 0x40 | (~rm & 8) << 2 | map));
	x86_byte(x, (uint8_t)(w << 7 | (~v & 15) << 3 | pp));
	x86_byte(x, op);
	x86_byte(x, (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7)));
}

static unsigned shift_ext(uint8_t op)
{
	return op == OP_LSH ? 4 : op == OP_RSH ? 5 : 7;
}

static void shift_imm(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst], by = (unsigned)j->imm & (j->width - 1u);

	if (!by) {
		if (j->width == 32)
			x86_mov(x, 0, to, x86_regs[j->a]);
		else
			x86_copy(x, to, x86_regs[j->a]);
	} else if (j->op == OP_LSH && by == 1 && j->dst != j->a) {
		const struct x86_mem m = { x86_regs[j->a], x86_regs[j->a], 0, 0 };

		x86_rm(x, 0x8d | x86_w(j), to, &m);
	} else {
		into_dst(x, j);
		x86_rr(x, (by == 1 ? 0xd1 : 0xc1) | x86_w(j), shift_ext(j->op), to);
		if (by != 1)
			x86_byte(x, (uint8_t)by);
	}
}

/* Without BMI2 the count has to be in cl. */
static void shift_by_cl(struct x86 *x, const struct jop *j, unsigned by)
{
	unsigned to = x86_regs[j->dst], ext = shift_ext(j->op);

	if (by == RCX && j->dst == j->a) {
		x86_rr(x, 0xd3 | x86_w(j), ext, to);
		return;
	}
	x86_copy(x, T1, x86_regs[j->a]);
	if (by != RCX) {
		if (by == T0)
			x86_rr(x, 0x87 | OP_W, T0, RCX); /* xchg */
		else {
			x86_copy(x, T0, RCX);
			x86_copy(x, RCX, by);
		}
	}
	x86_rr(x, 0xd3 | x86_w(j), ext, T1);
	if (by != RCX)
		x86_copy(x, RCX, T0);
	x86_mov(x, x86_w(j), to, T1);
}

static void shift(struct x86 *x, const struct jop *j)
{
	static const uint8_t pp[] = { [4] = 1, [5] = 3, [7] = 2 };
	unsigned by = x86_regs[j->b];

	if (j->b == JIT_NONE && !x->plan->opt->blind) {
		shift_imm(x, j);
		return;
	}
	if (j->b == JIT_NONE) {
		x86_imm(x, T0, j->imm);
		by = T0;
	}
	if (x->bmi2)
		vex(x, 2, j->width == 64, pp[shift_ext(j->op)], 0xf7, x86_regs[j->dst],
		    x86_regs[j->a], by);
	else
		shift_by_cl(x, j, by);
}

static void rotate(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst];

	if (j->dst != j->a && x->bmi2) {
		vex(x, 3, j->width == 64, 3, 0xf0, to, x86_regs[j->a], 0);
		x86_byte(x, (uint8_t)(j->width - j->imm));
	} else {
		into_dst(x, j);
		x86_rr(x, 0xc1 | x86_w(j), 0, to); /* rol */
		x86_byte(x, (uint8_t)j->imm);
	}
}

/* ---- bytes in another order ---- */

static void swap(struct x86 *x, const struct jop *j)
{
	unsigned to = into_dst(x, j);

	if (j->width == 16) {
		x86_rr(x, OP_16 | 0xc1, 0, to); /* rol to, 8 */
		x86_byte(x, 8);
		x86_rr(x, OP_0F | 0xb7, to, to);
	} else {
		x86_opcode(x, OP_0F | x86_w(j) | 0xc8 | (to & 7), 0, 0, to);
	}
}

static void to_little(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst], from = x86_regs[j->a];

	if (j->width == 16)
		x86_rr(x, OP_0F | 0xb7, to, from);
	else if (j->width == 32)
		x86_mov(x, 0, to, from);
	else
		x86_copy(x, to, from);
}

static void cast(struct x86 *x, const struct jop *j)
{
	unsigned to = x86_regs[j->dst];

	x86_mov(x, 0, to, x86_regs[j->a]);
	if (!j->imm)
		return;
	x86_rr(x, 0x85, to, to);
	uint8_t *zero = x86_hop(x, CC_E);
	x86_number(x, T1, (uint64_t)j->imm);
	x86_rr(x, 0x09 | OP_W, T1, to);
	x86_land(x, zero);
}

void x86_alu(struct x86 *x, const struct jop *j)
{
	switch (j->op) {
	case OP_MOV: mov(x, j); break;
	case OP_MOVSX: movsx(x, j); break;
	case JIT_LEA: lea(x, j); break;
	case OP_ADD:
	case OP_SUB:
	case OP_OR:
	case OP_AND:
	case OP_XOR: binary(x, j); break;
	case OP_MUL: multiply(x, j); break;
	case OP_LSH:
	case OP_RSH:
	case OP_ARSH: shift(x, j); break;
	case JIT_ROTATE: rotate(x, j); break;
	case OP_NEG: x86_rr(x, 0xf7 | x86_w(j), 3, into_dst(x, j)); break;
	case OP_TO_LE: to_little(x, j); break;
	case OP_TO_BE:
	case OP_BSWAP: swap(x, j); break;
	case OP_ADDR_SPACE_CAST: cast(x, j); break;
	default: x86_divide(x, j);
	}
}
