/*
 * Branches: constant ones become jumps, those on a comparison with 0 lose it, a jump to a
 * block that only branches on a value known on the way goes straight on, and blocks that follow
 * each other become one.
 * needs: settled, cfg; keeps: ssa; breaks: cfg (and leaves it computed anew).
 */
#include "ir/ir_priv.h"

static bool simplify_branch(struct ir_block *b)
{
	struct ir_value *end = b->last, *cond;
	struct ir_block *then;
	int64_t n;

	if (end->op != IR_BRANCH)
		return false;
	cond = end->args[0];
	if (cond->op == IR_CONST) {
		ir_set_jump(b, end->to[cond->n ? 0 : 1]);
		return true;
	}
	if ((cond->op != IR_CMP_NE && cond->op != IR_CMP_EQ) || !ir_is_const(cond->args[1], &n) ||
	    n)
		return false;
	if (cond->op == IR_CMP_EQ) {
		then = end->to[0];
		end->to[0] = end->to[1];
		end->to[1] = then;
	}
	end->args[0] = cond->args[0];
	end->args[0]->uses++;
	return true;
}

/* ---- threading: pred --const--> b: [phis, cmp,] branch ---- */

/* What @v (in @b, or older) is when @b is entered through predecessor @at. */
static struct ir_value *seen_from(struct ir_value *v, const struct ir_block *b, uint32_t at)
{
	return v->op == IR_PHI && v->block == b ? v->args[at] : v;
}

/* Where @b's branch goes from predecessor @at, if that is known. */
static struct ir_block *known_way(struct ir_block *b, uint32_t at)
{
	struct ir_value *cond = b->last->args[0];
	int64_t x, y, n;

	if (ir_is_cmp(cond->op) && cond->block == b) {
		if (!ir_is_const(seen_from(cond->args[0], b, at), &x) ||
		    !ir_is_const(seen_from(cond->args[1], b, at), &y))
			return NULL;
		ir_eval(cond->op, x, y, &n);
	} else if (!ir_is_const(seen_from(cond, b, at), &n)) {
		return NULL;
	}
	return b->last->to[n ? 0 : 1];
}

/* Whether @b has nothing but phis, perhaps a comparison for its branch alone, and the branch. */
static bool only_branches(struct ir_block *b)
{
	struct ir_value *v = b->first;

	while (v->op == IR_PHI)
		v = v->next;
	if (ir_is_cmp(v->op) && v == b->last->args[0] && v->uses == 1)
		v = v->next;
	return v == b->last && v->op == IR_BRANCH;
}

/* How often @phi of @b is used where an edge around @b cannot hurt: in @b itself (not by phis), and
 * by phis of its successors for the edge from @b. */
static uint32_t uses_near(const struct ir_value *phi, struct ir_block *b)
{
	struct ir_block *succs[2];
	unsigned n = ir_succs(b, succs);
	uint32_t found = 0;

	for (struct ir_value *v = b->first; v; v = v->next)
		for (uint32_t i = 0; v->op != IR_PHI && i < v->nargs; i++)
			found += v->args[i] == phi;
	for (unsigned k = 0; k < n; k++) {
		uint32_t at = ir_pred_index(succs[k], b);

		for (struct ir_value *v = succs[k]->first; v && v->op == IR_PHI; v = v->next)
			found += v->args[at] == phi;
	}
	return found;
}

static bool can_thread(struct ir_block *b)
{
	if (!only_branches(b))
		return false;
	for (struct ir_value *v = b->first; v->op == IR_PHI; v = v->next)
		if (v->uses != uses_near(v, b))
			return false;
	return true;
}

static bool has_pred(const struct ir_block *b, const struct ir_block *pred)
{
	for (uint32_t i = 0; i < b->preds.n; i++)
		if (b->preds.v[i] == pred)
			return true;
	return false;
}

/* Lets @pred, number @at of @b's predecessors, go straight to @to. */
static void redirect(struct ir_block *b, uint32_t at, struct ir_block *to)
{
	struct ir_block *pred = b->preds.v[at];
	uint32_t from_b = ir_pred_index(to, b);
	struct ir_func *f = b->func;

	for (struct ir_value *v = to->first; v && v->op == IR_PHI; v = v->next) {
		struct ir_value *arg = seen_from(v->args[from_b], b, at);

		arg->uses++;
		ir_push_arg(f, v, arg);
	}
	vec_push(f->module->arena, &to->preds, pred);
	for (int i = 0; i < 2; i++)
		if (pred->last->to[i] == b)
			pred->last->to[i] = to;
	ir_pred_remove(b, pred);
}

static bool thread(struct ir_block *b)
{
	bool changed = false;

	if (b->last->op != IR_BRANCH || b->preds.n < 2 || !can_thread(b))
		return false;
	for (uint32_t i = b->preds.n; i-- > 0 && b->preds.n > 1;) {
		struct ir_block *to = known_way(b, i);

		if (!to || to == b || has_pred(to, b->preds.v[i]))
			continue;
		redirect(b, i, to);
		changed = true;
	}
	return changed;
}

/* ---- straightening ---- */

/* b: jump to;  to: no phis, one predecessor  =>  one block */
static bool merge(struct ir_block *b)
{
	struct ir_block *to = b->last->to[0], *succs[2];
	struct ir_value *next;
	unsigned n;

	if (b->last->op != IR_JUMP || to->preds.n != 1 || to == b || to->first->op == IR_PHI)
		return false;
	n = ir_succs(to, succs);
	ir_remove(b->last);
	for (struct ir_value *v = to->first; v; v = next) {
		next = v->next;
		ir_remove(v);
		ir_append(b, v);
	}
	for (unsigned i = 0; i < n; i++)
		succs[i]->preds.v[ir_pred_index(succs[i], to)] = b;
	return true;
}

/* b holds nothing but a jump: its predecessors may go on by themselves. */
static bool skip(struct ir_block *b)
{
	struct ir_block *to = b->last->to[0];
	bool changed = false;

	if (b->first != b->last || b->last->op != IR_JUMP || to == b)
		return false;
	for (uint32_t i = b->preds.n; i-- > 0;) {
		if (has_pred(to, b->preds.v[i]))
			continue;
		redirect(b, i, to);
		changed = true;
	}
	return changed;
}

static bool one_round(struct ir_func *f)
{
	bool changed = false;

	ir_count_uses(f);
	for (uint32_t i = 0; i < f->order.n; i++) {
		struct ir_block *b = f->order.v[i];

		/* emptied by a merge, or cut off by a redirection */
		if (!b->first || (i && !b->preds.n))
			continue;
		while (simplify_branch(b))
			changed = true;
		if (thread(b) || (b->preds.n && skip(b))) {
			changed = true;
			continue;
		}
		while (merge(b))
			changed = true;
	}
	return changed;
}

void ir_jumps(struct ir_func *f)
{
	for (int round = 0; round < 8 && one_round(f); round++) {
		ir_cfg(f);
		ir_fold(f);
	}
	ir_cfg(f);
}
