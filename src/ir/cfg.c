/*
 * The control flow graph: order of blocks, dominators, loops; critical edges.
 * needs: block ends and predecessor lists; keeps: ssa; gives: func->order, rpo, idom, depth.
 * Unreachable blocks are emptied and leave func->blocks.
 *
 * Dominators after Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001).
 */
#include "ir/ir_priv.h"

struct walk {
	struct ir_block *b;
	struct ir_block *succs[2];
	unsigned n, next;
};

/* Whether @b does nothing but leave the function. */
static bool exits(const struct ir_block *b)
{
	const struct ir_value *end = b->last;

	if (b->first == end && end && end->op == IR_JUMP)
		end = end->to[0]->first;
	return end && end->op == IR_RETURN;
}

/* What is visited first comes last in the order: the arm that leaves a loop, or the function;
 * otherwise the second one. So loops stay in one piece, and the first arm follows its branch. */
static bool comes_last(const struct ir_block *b, const struct ir_block *other)
{
	if (b->depth != other->depth)
		return b->depth < other->depth;
	return exits(b) && !exits(other);
}

static struct walk enter(struct ir_block *b)
{
	struct walk w = { .b = b };

	b->rpo = 0;
	w.n = ir_succs(b, w.succs);
	if (w.n == 2 && !comes_last(w.succs[0], w.succs[1])) {
		struct ir_block *first = w.succs[0];

		w.succs[0] = w.succs[1];
		w.succs[1] = first;
	}
	return w;
}

static void set_order(struct ir_func *f)
{
	struct arena *a = f->module->arena;
	VEC(struct walk) stack = { 0 };

	for (uint32_t i = 0; i < f->blocks.n; i++)
		f->blocks.v[i]->rpo = UINT32_MAX;
	f->order.n = 0;
	vec_push(a, &stack, enter(f->blocks.v[0]));
	while (stack.n) {
		struct walk *w = &stack.v[stack.n - 1];

		if (w->next == w->n) {
			vec_push(a, &f->order, w->b);
			stack.n--;
		} else if (w->succs[w->next++]->rpo == UINT32_MAX) {
			struct walk in = enter(w->succs[w->next - 1]);

			vec_push(a, &stack, in);
		}
	}
	for (uint32_t i = 0, j = f->order.n - 1; i < j; i++, j--) {
		struct ir_block *b = f->order.v[i];

		f->order.v[i] = f->order.v[j];
		f->order.v[j] = b;
	}
	for (uint32_t i = 0; i < f->order.n; i++)
		f->order.v[i]->rpo = i;
}

static void drop_unreachable(struct ir_func *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->blocks.n; i++) {
		struct ir_block *b = f->blocks.v[i], *succs[2];
		unsigned k = b->rpo == UINT32_MAX ? ir_succs(b, succs) : 0;

		while (k--)
			ir_pred_remove(succs[k], b);
		if (b->rpo != UINT32_MAX) {
			b->id = n;
			f->blocks.v[n++] = b;
		}
	}
	f->blocks.n = n;
}

static struct ir_block *common(struct ir_block *a, struct ir_block *b)
{
	while (a != b) {
		while (a->rpo > b->rpo)
			a = a->idom;
		while (b->rpo > a->rpo)
			b = b->idom;
	}
	return a;
}

static void set_dominators(struct ir_func *f)
{
	bool changed = true;

	for (uint32_t i = 0; i < f->blocks.n; i++)
		f->blocks.v[i]->idom = NULL;
	f->order.v[0]->idom = f->order.v[0];
	while (changed) {
		changed = false;
		for (uint32_t i = 1; i < f->order.n; i++) {
			struct ir_block *b = f->order.v[i], *dom = NULL;

			for (uint32_t k = 0; k < b->preds.n; k++) {
				struct ir_block *pred = b->preds.v[k];

				if (pred->idom)
					dom = dom ? common(pred, dom) : pred;
			}
			changed |= dom != b->idom;
			b->idom = dom;
		}
	}
}

/* Numbers the dominator tree so that ir_dominates is two comparisons: dom_last first counts the
 * subtree, then becomes the end of its stretch; dom_next is what its next child begins at. */
static void number_dominators(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->order.n; i++)
		f->order.v[i]->dom_last = 1;
	for (uint32_t i = f->order.n; --i > 0;)
		f->order.v[i]->idom->dom_last += f->order.v[i]->dom_last;
	f->order.v[0]->dom_first = 0;
	for (uint32_t i = 0; i < f->order.n; i++) {
		struct ir_block *b = f->order.v[i];
		uint32_t size = b->dom_last;

		if (i) {
			b->dom_first = b->idom->dom_next;
			b->idom->dom_next += size;
		}
		b->dom_next = b->dom_first + 1;
		b->dom_last = b->dom_first + size;
	}
}

bool ir_dominates(const struct ir_block *a, const struct ir_block *b)
{
	return b->rpo != UINT32_MAX && a->dom_first <= b->dom_first && b->dom_first < a->dom_last;
}

/* Every block of the natural loop of @head gets one level deeper. */
static void deepen(struct ir_func *f, struct ir_block *head, uint32_t *seen, uint32_t loop)
{
	struct arena *a = f->module->arena;
	struct ir_blocks work = { 0 };

	seen[head->rpo] = loop;
	head->depth++;
	for (uint32_t i = 0; i < head->preds.n; i++)
		if (ir_dominates(head, head->preds.v[i]))
			vec_push(a, &work, head->preds.v[i]);
	while (work.n) {
		struct ir_block *b = work.v[--work.n];

		if (b->rpo == UINT32_MAX || seen[b->rpo] == loop)
			continue;
		seen[b->rpo] = loop;
		b->depth++;
		for (uint32_t i = 0; i < b->preds.n; i++)
			vec_push(a, &work, b->preds.v[i]);
	}
}

static bool set_depth(struct ir_func *f)
{
	uint32_t *seen = arena_array(f->module->arena, uint32_t, f->order.n), loops = 0;

	for (uint32_t i = 0; i < f->order.n; i++)
		f->order.v[i]->depth = 0;
	for (uint32_t i = 0; i < f->order.n; i++) {
		struct ir_block *b = f->order.v[i];
		bool head = false;

		for (uint32_t k = 0; k < b->preds.n; k++)
			head |= ir_dominates(b, b->preds.v[k]);
		if (head)
			deepen(f, b, seen, ++loops);
	}
	return loops;
}

/* ir_order - the same without dropping anything, for the checker. */
void ir_order(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->blocks.n; i++)
		f->blocks.v[i]->depth = 0;
	set_order(f);
	set_dominators(f);
	number_dominators(f);
	if (!set_depth(f))
		return;
	/* again, now that loops are known */
	set_order(f);
	set_dominators(f);
	number_dominators(f);
	set_depth(f);
}

void ir_cfg(struct ir_func *f)
{
	ir_order(f);
	drop_unreachable(f);
}

/* ir_split_critical - afterwards no edge leads from a block with two successors to one with
 * several predecessors, so that moves on an edge have a place. breaks: cfg. */
void ir_split_critical(struct ir_func *f)
{
	uint32_t n = f->blocks.n;

	for (uint32_t i = 0; i < n; i++) {
		struct ir_block *b = f->blocks.v[i], *succs[2];

		if (ir_succs(b, succs) < 2)
			continue;
		for (int k = 0; k < 2; k++)
			if (succs[k]->preds.n > 1)
				ir_split_edge(b, succs[k]);
	}
}
