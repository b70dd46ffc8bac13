/*
 * Constant folding and algebra, exactly as BPF computes.
 * needs: ssa, settled; keeps: ssa, cfg; leaves: settled.
 *
 * ir_simplify looks at one value and never makes a second one, so that the builder can use it too.
 * Two things it does not do, because the kernel's verifier learns from what programs compare:
 * it never derives a compared value anew from another (that is why sums are only regrouped when
 * the inner one has no other use), and never computes with pointers in 32 bits.
 */
#include "ir/ir_priv.h"

static uint64_t mask_of(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static int64_t signed_div(int64_t a, int64_t b)
{
	if (!b)
		return 0;
	return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t signed_mod(int64_t a, int64_t b)
{
	if (!b)
		return a;
	return b == -1 ? 0 : a % b;
}

/* ir_eval - what BPF computes for @op on constants; false when it is no arithmetic. */
bool ir_eval(enum ir_op op, int64_t sa, int64_t sb, int64_t *ret)
{
	uint64_t a = sa, b = sb;

	switch (op) {
	case IR_ADD: *ret = a + b; break;
	case IR_SUB: *ret = a - b; break;
	case IR_MUL: *ret = a * b; break;
	case IR_UDIV: *ret = b ? a / b : 0; break;
	case IR_UMOD: *ret = b ? a % b : a; break;
	case IR_SDIV: *ret = signed_div(sa, sb); break;
	case IR_SMOD: *ret = signed_mod(sa, sb); break;
	case IR_AND: *ret = a & b; break;
	case IR_OR: *ret = a | b; break;
	case IR_XOR: *ret = a ^ b; break;
	case IR_SHL: *ret = a << (b & 63); break;
	case IR_LSHR: *ret = a >> (b & 63); break;
	case IR_ASHR: *ret = sa >> (b & 63); break;
	case IR_NEG: *ret = 0 - a; break;
	case IR_NOT: *ret = ~a; break;
	case IR_ZEXT8: *ret = (uint8_t)a; break;
	case IR_ZEXT16: *ret = (uint16_t)a; break;
	case IR_ZEXT32: *ret = (uint32_t)a; break;
	case IR_SEXT8: *ret = (int8_t)a; break;
	case IR_SEXT16: *ret = (int16_t)a; break;
	case IR_SEXT32: *ret = (int32_t)a; break;
	case IR_BSWAP16: *ret = __builtin_bswap16(a); break;
	case IR_BSWAP32: *ret = __builtin_bswap32(a); break;
	case IR_BSWAP64: *ret = __builtin_bswap64(a); break;
	case IR_CMP_EQ: *ret = a == b; break;
	case IR_CMP_NE: *ret = a != b; break;
	case IR_CMP_ULT: *ret = a < b; break;
	case IR_CMP_ULE: *ret = a <= b; break;
	case IR_CMP_UGT: *ret = a > b; break;
	case IR_CMP_UGE: *ret = a >= b; break;
	case IR_CMP_SLT: *ret = sa < sb; break;
	case IR_CMP_SLE: *ret = sa <= sb; break;
	case IR_CMP_SGT: *ret = sa > sb; break;
	case IR_CMP_SGE: *ret = sa >= sb; break;
	default: return false;
	}
	return true;
}

/* ir_width - @v is known to be less than 2 to this power. */
unsigned ir_width(const struct ir_value *v)
{
	unsigned a;

	switch (v->op) {
	case IR_CONST: return v->n ? 64 - __builtin_clzll(v->n) : 0;
	case IR_LOAD8:
	case IR_ZEXT8: return 8;
	case IR_LOAD16:
	case IR_ZEXT16:
	case IR_BSWAP16: return 16;
	case IR_LOAD32:
	case IR_ZEXT32:
	case IR_BSWAP32: return 32;
	case IR_AND:
		/* only a constant mask: a chain of operands could be long */
		return v->args[1]->op == IR_CONST ? ir_width(v->args[1]) : 64;
	case IR_LSHR: a = v->args[1]->op == IR_CONST ? v->args[1]->n & 63 : 0; return 64 - a;
	default: return ir_is_cmp(v->op) ? 1 : v->narrow ? 32 : 64;
	}
}

static bool const_of(const struct ir_value *v, int64_t *ret)
{
	if (v->op != IR_CONST)
		return false;
	*ret = v->n;
	return true;
}

static struct ir_value *turn_into(struct ir_func *f, struct ir_value *v, enum ir_op op,
				  struct ir_value *a, int64_t n)
{
	v->op = op;
	v->args[0] = a;
	v->args[1] = ir_const(f, n);
	return ir_simplify(f, v);
}

static struct ir_value *turn_unary(struct ir_func *f, struct ir_value *v, enum ir_op op,
				   struct ir_value *a)
{
	v->op = op;
	v->args[0] = a;
	v->nargs = 1;
	return ir_simplify(f, v);
}

static struct ir_value *simplify_and(struct ir_func *f, struct ir_value *v, struct ir_value *a,
				     uint64_t n)
{
	uint64_t known = mask_of(ir_width(a));

	if (!n)
		return ir_const(f, 0);
	if ((n & known) == known)
		return a;
	if (n == UINT32_MAX)
		return turn_unary(f, v, IR_ZEXT32, a);
	if (a->op == IR_AND && a->args[1]->op == IR_CONST)
		return turn_into(f, v, IR_AND, a->args[0], n & a->args[1]->n);
	return v;
}

/* @v is "a op n". */
static struct ir_value *simplify_const(struct ir_func *f, struct ir_value *v, struct ir_value *a,
				       int64_t n)
{
	bool power = n > 0 && !(n & (n - 1));
	int log = n ? __builtin_ctzll(n) : 0;

	switch (v->op) {
	case IR_ADD:
	case IR_OR:
	case IR_XOR:
		if (!n)
			return a;
		if (v->op == IR_OR && n == -1)
			return v->args[1];
		return v;
	case IR_SUB: return n == INT64_MIN ? v : turn_into(f, v, IR_ADD, a, -n);
	case IR_MUL:
		if (n == 0 || n == 1)
			return n ? a : v->args[1];
		return power ? turn_into(f, v, IR_SHL, a, log) : v;
	case IR_UDIV:
		if (n == 0 || n == 1)
			return n ? a : v->args[1];
		return power ? turn_into(f, v, IR_LSHR, a, log) : v;
	case IR_UMOD:
		if (!n)
			return a;
		return power ? turn_into(f, v, IR_AND, a, n - 1) : v;
	case IR_SDIV:
		if (n == 0 || n == 1)
			return n ? a : v->args[1];
		return n == -1 ? turn_unary(f, v, IR_NEG, a) : v;
	case IR_SMOD:
		if (!n)
			return a;
		return n == 1 || n == -1 ? ir_const(f, 0) : v;
	case IR_SHL:
	case IR_LSHR:
	case IR_ASHR:
		if (!(n & 63))
			return a;
		return n & ~INT64_C(63) ? turn_into(f, v, v->op, a, n & 63) : v;
	case IR_AND: return simplify_and(f, v, a, n);
	default: return v;
	}
}

static struct ir_value *simplify_same(struct ir_func *f, struct ir_value *v, struct ir_value *a)
{
	switch (v->op) {
	case IR_SUB:
	case IR_XOR: return ir_const(f, 0);
	case IR_AND:
	case IR_OR: return a;
	case IR_CMP_EQ:
	case IR_CMP_ULE:
	case IR_CMP_UGE:
	case IR_CMP_SLE:
	case IR_CMP_SGE: return ir_const(f, 1);
	case IR_CMP_NE:
	case IR_CMP_ULT:
	case IR_CMP_UGT:
	case IR_CMP_SLT:
	case IR_CMP_SGT: return ir_const(f, 0);
	default: return v;
	}
}

/* @v compares @a with the constant @n. */
static struct ir_value *simplify_cmp(struct ir_func *f, struct ir_value *v, struct ir_value *a,
				     int64_t n)
{
	bool equality = v->op == IR_CMP_EQ || v->op == IR_CMP_NE;

	if (ir_is_cmp(a->op) && equality && (n == 0 || n == 1)) {
		/* eq 0 and ne 1 invert the inner comparison; the others are it */
		if ((v->op == IR_CMP_EQ) == (n == 1))
			return a;
		v->op = ir_cmp_inverted(a->op);
		v->args[1] = a->args[1];
		v->args[0] = a->args[0];
		return v;
	}
	if (equality && (uint64_t)n > mask_of(ir_width(a)))
		return ir_const(f, v->op == IR_CMP_NE);
	if (n == 0 && (v->op == IR_CMP_ULT || v->op == IR_CMP_UGE))
		return ir_const(f, v->op == IR_CMP_UGE);
	if (n == 0 && v->op == IR_CMP_ULE)
		v->op = IR_CMP_EQ;
	if (n == 0 && v->op == IR_CMP_UGT)
		v->op = IR_CMP_NE;
	return v;
}

static struct ir_value *simplify_unary(struct ir_func *f, struct ir_value *v, struct ir_value *a)
{
	unsigned bits = ir_ops[v->op].code;
	int64_t n;

	if (const_of(a, &n) && ir_eval(v->op, n, 0, &n))
		return ir_const(f, n);
	switch (v->op) {
	case IR_NEG:
	case IR_NOT: return a->op == v->op ? a->args[0] : v;
	case IR_ZEXT8:
	case IR_ZEXT16:
		/* one spelling for masks */
		v->nargs = 2;
		v->args = arena_array(f->module->arena, struct ir_value *, 2);
		return turn_into(f, v, IR_AND, a, mask_of(bits));
	case IR_ZEXT32:
		if (ir_width(a) <= bits)
			return a;
		if (a->op == IR_SEXT32)
			v->args[0] = a->args[0];
		return v;
	case IR_SEXT8:
	case IR_SEXT16:
	case IR_SEXT32:
		if (ir_width(a) < bits || a->op == v->op)
			return a;
		if (v->op == IR_SEXT32 && a->op == IR_ZEXT32)
			v->args[0] = a->args[0];
		return v;
	default: return v;
	}
}

static struct ir_value *simplify_binary(struct ir_func *f, struct ir_value *v)
{
	struct ir_value *a = v->args[0], *b = v->args[1];
	int64_t n, m;

	if (const_of(a, &n) && const_of(b, &m) && ir_eval(v->op, n, m, &n))
		return ir_const(f, n);
	if (a->op == IR_CONST && (ir_has(v, COMMUTES) || ir_is_cmp(v->op))) {
		if (ir_is_cmp(v->op))
			v->op = ir_cmp_swapped(v->op);
		v->args[0] = b;
		v->args[1] = a;
		a = b;
		b = v->args[1];
	}
	if (a == b)
		return simplify_same(f, v, a);
	if (!const_of(b, &n))
		return v;
	return ir_is_cmp(v->op) ? simplify_cmp(f, v, a, n) : simplify_const(f, v, a, n);
}

/* base + constant goes into the offset, when the sum can be one. */
static void fold_address(struct ir_value *v, uint32_t arg, int32_t *offset)
{
	struct ir_value *base = v->args[arg];
	int64_t sum;

	while (base->op == IR_ADD && base->args[1]->op == IR_CONST) {
		if (__builtin_add_overflow(base->args[1]->n, *offset, &sum) || sum != (int16_t)sum)
			return;
		*offset = sum;
		base = base->args[0];
		v->args[arg] = base;
	}
}

/* A store of n bits need not care what lies above them. */
static void fold_stored(struct ir_value *v)
{
	unsigned bits = v->op == IR_STORE8 ? 8 : v->op == IR_STORE16 ? 16 : 32;

	for (;;) {
		struct ir_value *a = v->args[1];
		bool masked = a->op == IR_AND && a->args[1]->op == IR_CONST &&
			      (a->args[1]->n & mask_of(bits)) == mask_of(bits);
		bool extended = (a->op == IR_ZEXT32 || (a->op >= IR_SEXT8 && a->op <= IR_SEXT32)) &&
				ir_ops[a->op].code >= bits;

		if (!masked && !extended)
			return;
		v->args[1] = a->args[0];
	}
}

static struct ir_value *simplify_phi(struct ir_func *f, struct ir_value *v)
{
	struct ir_value *only = NULL;

	for (uint32_t i = 0; i < v->nargs; i++) {
		if (v->args[i] == v || v->args[i] == only)
			continue;
		if (only)
			return v;
		only = v->args[i];
	}
	return only ? only : ir_const(f, 0);
}

struct ir_value *ir_simplify(struct ir_func *f, struct ir_value *v)
{
	if (v->narrow)
		return v;
	if (v->op == IR_PHI)
		return simplify_phi(f, v);
	if (ir_has(v, PURE) && v->nargs == 1)
		return simplify_unary(f, v, v->args[0]);
	if (ir_has(v, PURE) && v->nargs == 2)
		return simplify_binary(f, v);
	if (v->op >= IR_LOAD8 && v->op <= IR_COPY)
		fold_address(v, 0, &v->offset);
	if (v->op == IR_COPY)
		fold_address(v, 1, &v->offset2);
	if (v->op >= IR_STORE8 && v->op <= IR_STORE32)
		fold_stored(v);
	return v;
}

/* (x + c) + d, when the inner sum is used for nothing else. */
static void regroup(struct ir_func *f, struct ir_value *v)
{
	struct ir_value *inner;
	int64_t sum;

	if (v->op != IR_ADD || v->args[1]->op != IR_CONST)
		return;
	inner = v->args[0];
	if (inner->op != IR_ADD || inner->uses != 1 || inner->args[1]->op != IR_CONST)
		return;
	if (__builtin_add_overflow(inner->args[1]->n, v->args[1]->n, &sum))
		return;
	v->args[0] = inner->args[0];
	v->args[1] = ir_const(f, sum);
	inner->uses = 0;
}

static bool fold_block(struct ir_func *f, struct ir_block *b)
{
	bool changed = false;
	struct ir_value *next, *better;

	for (struct ir_value *v = b->first; v; v = next) {
		next = v->next;
		for (uint32_t i = 0; i < v->nargs; i++)
			v->args[i] = ir_resolve(v->args[i]);
		regroup(f, v);
		better = ir_simplify(f, v);
		if (better == v)
			continue;
		ir_remove(v);
		better->uses += v->uses;
		v->same = better;
		changed = true;
	}
	return changed;
}

void ir_fold(struct ir_func *f)
{
	bool changed = true;

	ir_count_uses(f);
	/* what is found at a loop's end may matter at its head: twice does for nearly all */
	for (int round = 0; changed && round < 3; round++) {
		changed = false;
		for (uint32_t i = 0; i < f->order.n; i++)
			changed |= fold_block(f, f->order.v[i]);
	}
	ir_settle(f);
}
