/*
 * Selection: how BPF's instructions are used well. Branches take their comparison in (TEST), also
 * "and" against 0 (JSET) and 32-bit forms; an extension to 64 bits becomes the 32-bit form of
 * the operation before it.
 * needs: lowered, settled, cfg; keeps: ssa, cfg; leaves: settled; nothing may fold after it.
 */
#include "ir/ir_priv.h"

#include "bpf/uapi.h"

/* ---- 32-bit operations ---- */

/* Whether the low half of the result depends on the low halves of the operands alone. */
static bool low_half_closed(const struct ir_value *v)
{
	switch (v->op) {
	case IR_ADD:
	case IR_SUB:
	case IR_MUL:
	case IR_AND:
	case IR_OR:
	case IR_XOR:
	case IR_NEG: return true;
	case IR_SHL: return v->args[1]->op == IR_CONST && (v->args[1]->n & 63) < 32;
	default: return false;
	}
}

/* Operands of a 32-bit operation need no extension. */
static void strip_extensions(struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++) {
		struct ir_value *arg = v->args[i];

		if ((arg->op == IR_ZEXT32 || arg->op == IR_SEXT32) && arg->uses == 1)
			v->args[i] = arg->args[0];
	}
}

static void narrow(struct ir_value *v)
{
	struct ir_value *a = v->args[0];

	if (v->op == IR_ZEXT32 && a->block && a->uses == 1 && !a->narrow && low_half_closed(a)) {
		a->narrow = true;
		strip_extensions(a);
		a->uses = v->uses;
		ir_remove(v);
		v->same = a;
	} else if ((v->op == IR_UDIV || v->op == IR_UMOD) && ir_width(a) <= 32 &&
		   ir_width(v->args[1]) <= 32) {
		v->narrow = true;
		strip_extensions(v);
	}
}

/* ---- branches ---- */

static bool is_signed(enum ir_op cmp)
{
	return cmp >= IR_CMP_SLT;
}

static bool is_equality(enum ir_op cmp)
{
	return cmp == IR_CMP_EQ || cmp == IR_CMP_NE;
}

/* Whether comparing the low halves of @a and @b, each extended as the comparison takes it, says
 * the same; and whether that is worth it. */
static bool half_serves(enum ir_op cmp, const struct ir_value *a, const struct ir_value *b)
{
	bool wide = b->op == IR_CONST && !fits_s32(b->n);
	bool zext = a->op == IR_ZEXT32 && a->uses == 1;
	bool sext = a->op == IR_SEXT32 && a->uses == 1;

	if (!is_signed(cmp) && ir_width(a) <= 32 && ir_width(b) <= 32)
		return zext || wide;
	return sext && (is_signed(cmp) || is_equality(cmp)) &&
	       (b->op == IR_SEXT32 || (b->op == IR_CONST && !wide));
}

static void swap_targets(struct ir_value *end)
{
	struct ir_block *to = end->to[0];

	end->to[0] = end->to[1];
	end->to[1] = to;
}

/* @cond->pos counts the branches that use it: all uses must be such. */
static bool fusable(const struct ir_value *cond)
{
	return ir_is_cmp(cond->op) && cond->pos == cond->uses;
}

static void select_test(struct ir_func *f, struct ir_value *end)
{
	struct ir_value *cond = end->args[0], *a = cond, *b = ir_const(f, 0);
	enum ir_op cmp = IR_CMP_NE;

	if (fusable(cond)) {
		cmp = cond->op;
		a = cond->args[0];
		b = cond->args[1];
	}
	end->n = ir_ops[cmp].code;
	if (is_equality(cmp) && b->op == IR_CONST && !b->n && a->op == IR_AND && a->uses == 1 &&
	    !a->narrow) {
		if (cmp == IR_CMP_EQ)
			swap_targets(end);
		end->n = BPF_JSET;
		b = a->args[1];
		a = a->args[0];
	}
	end->op = IR_TEST;
	end->nargs = 0;
	end->args = NULL;
	ir_push_arg(f, end, a);
	ir_push_arg(f, end, b);
	if (end->n == BPF_JSET || !half_serves(cmp, a, b))
		return;
	end->narrow = true;
	strip_extensions(end);
}

/* ---- the rest ---- */

static void select_value(struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++)
		v->args[i] = ir_resolve(v->args[i]);
	if (v->nargs && ir_has(v, PURE) && v->op != IR_PHI)
		narrow(v);
	if (v->op >= IR_FETCH_ADD && v->op <= IR_FETCH_XOR && !v->uses)
		v->op = v->op - IR_FETCH_ADD + IR_ATOMIC_ADD;
}

void ir_select(struct ir_func *f)
{
	struct ir_value *next;

	ir_count_uses(f);
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = next) {
			next = v->next;
			v->pos = 0;
			select_value(v);
		}
	ir_settle(f);
	for (uint32_t i = 0; i < f->order.n; i++)
		if (f->order.v[i]->last->op == IR_BRANCH)
			f->order.v[i]->last->args[0]->pos++;
	for (uint32_t i = 0; i < f->order.n; i++)
		if (f->order.v[i]->last->op == IR_BRANCH)
			select_test(f, f->order.v[i]->last);
	ir_dce(f);
}
