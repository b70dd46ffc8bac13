/*
 * The checker: whether a function is well formed. It runs after every pass when ir_options.check
 * is set, which -DSKEP_CHECK forces; unit tests always ask for it.
 * needs: block ends and predecessor lists; keeps: everything (computes the order and dominators).
 * Blocks that cannot be reached are looked at no further than their shape.
 */
#include "ir/ir_priv.h"

#include <string.h>

struct check {
	struct ir_func *f;
	const char *why;
	uint32_t *order; /* by value id: 1 + index in its block; 0: not in a block */
};

static bool bad(struct check *c, const struct ir_value *v, const char *what)
{
	struct buf text = { 0 };

	if (v)
		ir_print_value(&text, c->f, v);
	c->why = arena_printf(c->f->module->arena, "%s: %s%s%s", c->f->name, what, v ? ": " : "",
			      text.data ? text.data : "");
	buf_done(&text);
	return false;
}

static bool check_shape(struct check *c, const struct ir_value *v)
{
	uint32_t values = 0, blocks = 0;
	bool many = false;

	for (const char *p = ir_ops[v->op].shape; *p; p++) {
		values += *p == 'v' || *p == '@';
		blocks += *p == 'b';
		many |= *p == '*';
		if (*p == 'f' && !v->callee)
			return bad(c, v, "names no function");
		if (*p == 'm' && c->f->module->img && v->index >= c->f->module->img->maps.n)
			return bad(c, v, "names no map");
	}
	if (many ? v->nargs < values : v->nargs != values)
		return bad(c, v, "wrong number of operands");
	if ((blocks > 0) != !!v->to[0] || (blocks > 1) != !!v->to[1])
		return bad(c, v, "wrong number of targets");
	if ((v->op == IR_HELPER || v->op == IR_CALL) && v->nargs > 5)
		return bad(c, v, "more than 5 arguments");
	if (v->op == IR_CALL && v->nargs != v->callee->nparams)
		return bad(c, v, "as many arguments as there are parameters are needed");
	return true;
}

static bool check_sizes(struct check *c, const struct ir_value *v)
{
	if (v->op >= IR_ATOMIC_ADD && v->op <= IR_CMPXCHG && v->n != 4 && v->n != 8)
		return bad(c, v, "atomic operations have 4 or 8 bytes");
	if ((v->op == IR_ZERO || v->op == IR_COPY) && (v->n < 1 || v->n > 1 << 20))
		return bad(c, v, "size out of range");
	return true;
}

static bool check_operands(struct check *c, const struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++) {
		const struct ir_value *arg = v->args[i];

		if (!arg)
			return bad(c, v, "operand missing");
		if (arg->same)
			return bad(c, v, "operand was replaced");
		if (!ir_gives(arg))
			return bad(c, v, "operand gives no value");
		if (ir_is_leaf(arg))
			continue;
		if (!arg->block || arg->block->func != c->f || !c->order[arg->id])
			return bad(c, v, "operand is in no block");
		if (v->op == IR_PHI) {
			if (v->block->preds.v[i]->rpo != UINT32_MAX &&
			    !ir_dominates(arg->block, v->block->preds.v[i]))
				return bad(c, v, "phi operand does not reach its edge");
		} else if (arg->block == v->block ? c->order[arg->id] >= c->order[v->id]
						  : !ir_dominates(arg->block, v->block)) {
			return bad(c, v, "operand does not come before");
		}
		if (arg->op == IR_SLOT && (arg->n < 1 || arg->n > 1 << 20))
			return bad(c, v, "slot size out of range");
	}
	return true;
}

static bool check_leaf(struct check *c, const struct ir_value *v)
{
	if (v->op == IR_PARAM && (v->n < 0 || v->n >= (int64_t)c->f->nparams))
		return bad(c, v, "no such parameter");
	if (v->op == IR_SLOT && (v->n < 1 || v->n > 1 << 20))
		return bad(c, v, "slot size out of range");
	return check_shape(c, v);
}

static bool check_value(struct check *c, const struct ir_value *v)
{
	if (ir_has(v, ENDS) != (v == v->block->last))
		return bad(c, v, "a block ends with its only jump, branch or return");
	if (v->op == IR_PHI && v->prev && v->prev->op != IR_PHI)
		return bad(c, v, "phis come first");
	if (v->op == IR_PHI && v->nargs != v->block->preds.n)
		return bad(c, v, "one operand for each predecessor is needed");
	return check_shape(c, v) && check_sizes(c, v) && check_operands(c, v);
}

static uint32_t count_edges(const struct ir_block *from, const struct ir_block *to)
{
	struct ir_block *succs[2];
	unsigned n = ir_succs(from, succs);

	return (n > 0 && succs[0] == to) + (n > 1 && succs[1] == to);
}

static bool check_edges(struct check *c, const struct ir_block *b)
{
	struct ir_block *succs[2];
	unsigned n = ir_succs(b, succs), found;

	if (n == 2 && succs[0] == succs[1])
		return bad(c, b->last, "both ways lead to one block");
	for (uint32_t i = 0; i < b->preds.n; i++)
		if (count_edges(b->preds.v[i], b) != 1)
			return bad(c, b->first, "a predecessor does not lead here");
	for (unsigned k = 0; k < n; k++) {
		found = 0;
		for (uint32_t i = 0; i < succs[k]->preds.n; i++)
			found += succs[k]->preds.v[i] == b;
		if (found != 1)
			return bad(c, b->last, "the target does not know this predecessor");
	}
	return true;
}

static bool check_block_shape(struct check *c, const struct ir_block *b)
{
	const struct ir_value *prev = NULL;
	uint32_t n = 0;

	if (!b->last || !ir_has(b->last, ENDS))
		return bad(c, b->last, "a block has no end");
	for (const struct ir_value *v = b->first; v; prev = v, v = v->next) {
		if (v->block != b || v->prev != prev || v->same || v->id >= c->f->nvalues)
			return bad(c, v, "the list of values is broken");
		c->order[v->id] = ++n;
	}
	return check_edges(c, b);
}

bool ir_check(struct ir_func *f, const char **ret_why)
{
	struct check c = { .f = f };
	bool ok = true;

	c.order = arena_array(f->module->arena, uint32_t, f->nvalues);
	if (f->blocks.v[0]->preds.n)
		ok = bad(&c, NULL, "the first block is jumped to");
	for (uint32_t i = 0; ok && i < f->leaves.n; i++)
		ok = check_leaf(&c, f->leaves.v[i]);
	for (uint32_t i = 0; ok && i < f->blocks.n; i++)
		ok = check_block_shape(&c, f->blocks.v[i]);
	if (ok)
		ir_order(f);
	for (uint32_t i = 0; ok && i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; ok && v; v = v->next)
			ok = check_value(&c, v);
	if (!ok)
		*ret_why = c.why;
	return ok;
}
