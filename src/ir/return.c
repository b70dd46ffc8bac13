/*
 * Returns: branches to blocks that only return the same constant share one such block, which then
 * stands at the end; jumps to one return by themselves.
 * needs: settled, cfg; keeps: ssa; breaks: cfg (and leaves it computed anew).
 */
#include "ir/ir_priv.h"

static bool only_returns(const struct ir_block *b)
{
	return b->first == b->last && b->last->op == IR_RETURN && ir_is_leaf(b->last->args[0]) &&
	       b->last->args[0]->op == IR_CONST;
}

static bool leads_to(const struct ir_block *from, const struct ir_block *to)
{
	return from->last->to[0] == to || from->last->to[1] == to;
}

/* The first block that does what @b does. */
static struct ir_block *the_same(struct ir_func *f, struct ir_block *b)
{
	uint32_t i = 0;

	while (!only_returns(f->order.v[i]) || f->order.v[i]->last->args[0] != b->last->args[0])
		i++;
	return f->order.v[i];
}

static void share(struct ir_func *f, struct ir_block *from)
{
	for (int k = 0; k < 2; k++) {
		struct ir_block *to = from->last->to[k], *same;

		if (!only_returns(to))
			continue;
		same = the_same(f, to);
		if (same == to || leads_to(from, same))
			continue;
		ir_pred_remove(to, from);
		vec_push(f->module->arena, &same->preds, from);
		from->last->to[k] = same;
	}
}

static void return_here(struct ir_func *f, struct ir_block *from)
{
	struct ir_block *to = from->last->to[0];

	if (!only_returns(to))
		return;
	ir_pred_remove(to, from);
	from->last->op = IR_RETURN;
	from->last->to[0] = NULL;
	ir_push_arg(f, from->last, to->last->args[0]);
}

void ir_returns(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->order.n; i++)
		if (f->order.v[i]->last->op == IR_BRANCH)
			share(f, f->order.v[i]);
	for (uint32_t i = 0; i < f->order.n; i++)
		if (f->order.v[i]->last->op == IR_JUMP)
			return_here(f, f->order.v[i]);
	ir_cfg(f);
}
