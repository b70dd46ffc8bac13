/*
 * From pieces of lives to moves: where a value changes places inside a block, along the edges
 * between blocks, and into phis. Gives stack words to what is spilled.
 * needs: scan; keeps: everything; gives: moves of gaps and edges, frame offsets.
 *
 * A spilled value is stored once, right after it is computed: SSA values never change. One
 * whose bounds a comparison tells (mark) is stored where its register is given up instead, so
 * that the stack holds what the verifier has learned by then.
 */
#include "ir/life.h"

struct loc ir_loc(const struct ir_value *v, uint32_t pos)
{
	const struct life *l = v->life;

	if (ir_is_leaf(v) && v->op != IR_PARAM)
		return (struct loc){ .kind = LOC_LEAF, .leaf = (struct ir_value *)v };
	if (!l)
		return (struct loc){ .kind = LOC_NONE };
	while (l->next && life_start(l->next) <= pos)
		l = l->next;
	if (l->reg >= 0)
		return loc_reg(l->reg);
	if (ir_remat(v))
		return (struct loc){ .kind = LOC_LEAF, .leaf = v->leaf };
	return loc_stack(v->frame);
}

uint32_t ir_free_regs(const struct allocation *al, uint32_t a, uint32_t b)
{
	uint32_t mask = 0x3ff;

	for (uint32_t i = 0; i < al->lives.n; i++)
		for (const struct life *l = al->lives.v[i]; l; l = l->next)
			if (l->reg >= 0 && (life_covers(l, a) || life_covers(l, b)))
				mask &= ~(1u << l->reg);
	return mask;
}

/* ---- stack words ---- */

static bool spilled(const struct life *l)
{
	if (ir_remat(l->value))
		return false;
	while (l && l->reg >= 0)
		l = l->next;
	return l;
}

static uint32_t last_end(const struct life *l)
{
	while (l->next)
		l = l->next;
	return life_end(l);
}

/* A word that is free from @start on; words[i] is when word i becomes free. */
static int32_t take_word(struct allocation *al, struct lives *words, struct life *l)
{
	struct arena *a = al->f->module->arena;

	for (uint32_t i = 0; i < words->n; i++)
		if (last_end(words->v[i]) <= life_start(l)) {
			int32_t frame = words->v[i]->value->frame;

			words->v[i] = l;
			return frame;
		}
	vec_push(a, words, l);
	al->stack -= 8;
	return al->stack;
}

static void sort_by_start(struct lives *ls)
{
	for (uint32_t i = 1; i < ls->n; i++)
		for (uint32_t j = i; j && life_start(ls->v[j]) < life_start(ls->v[j - 1]); j--) {
			struct life *l = ls->v[j];

			ls->v[j] = ls->v[j - 1];
			ls->v[j - 1] = l;
		}
}

static void give_words(struct allocation *al)
{
	struct arena *a = al->f->module->arena;
	struct lives need = { 0 }, words = { 0 };

	/* lives were found last one first: so they are nearly in order */
	for (uint32_t i = al->lives.n; i-- > 0;)
		if (spilled(al->lives.v[i]))
			vec_push(a, &need, al->lives.v[i]);
	sort_by_start(&need);
	for (uint32_t i = 0; i < need.n; i++)
		need.v[i]->value->frame = take_word(al, &words, need.v[i]);
}

static void give_slots(struct allocation *al)
{
	struct ir_func *f = al->f;

	for (uint32_t i = 0; i < f->leaves.n; i++) {
		struct ir_value *v = f->leaves.v[i];

		if (v->op != IR_SLOT)
			continue;
		al->stack -= ALIGN_UP(v->n, 8);
		v->frame = al->stack;
	}
}

/* ---- moves ---- */

static void add(struct allocation *al, struct moves *at, struct loc to, struct loc from)
{
	if (to.kind == LOC_LEAF || (to.kind == from.kind && to.n == from.n))
		return;
	vec_push(al->f->module->arena, at, (struct move){ .to = to, .from = from });
}

/* The store of a spilled value right after it came to be. */
static void store_early(struct allocation *al, const struct life *l)
{
	struct ir_value *v = l->value;
	bool at_start = v->op == IR_PHI || !v->block;
	const struct ir_block *b = v->block ? v->block : al->f->order.v[0];
	uint32_t gap = at_start ? b->start : v->pos + 4;

	if (l->reg >= 0 && spilled(l) && !v->mark)
		add(al, &al->gaps[gap / 4], loc_stack(v->frame), loc_reg(l->reg));
}

static void join_pieces(struct allocation *al, const struct life *p, const bool *block_starts)
{
	const struct life *q = p->next;
	uint32_t start = life_start(q), gap = gap_of(start);
	struct ir_value *v = p->value;
	struct loc from;

	/* across blocks the edges see to it */
	if (life_end(p) != start || (start == gap && block_starts[gap / 4]))
		return;
	if (q->reg >= 0) {
		add(al, &al->gaps[gap / 4], loc_reg(q->reg), ir_loc(v, start - 1));
		return;
	}
	/* before this instruction; at a block's start the edges have already done their part */
	from = ir_loc(v, block_starts[gap / 4] ? gap : gap - 1);
	if (v->mark && !ir_remat(v) && from.kind == LOC_REG)
		add(al, &al->gaps[gap / 4], loc_stack(v->frame), from);
}

static void join_edge(struct allocation *al, struct ir_block *from, struct ir_block *to,
		      struct ir_value **by_id)
{
	struct ir_block *succs[2];
	bool single = ir_succs(from, succs) == 1;
	struct moves *at = single ? &al->leaving[from->rpo] : &al->entering[to->rpo];
	uint32_t end = from->end - 1, nth = ir_pred_index(to, from), n = al->f->nvalues;

	for (uint32_t id = 0; (id = live_next(to->live_in, id, n)) < n; id++) {
		struct loc dst = ir_loc(by_id[id], to->start), src = ir_loc(by_id[id], end);

		if (dst.kind == LOC_REG || (by_id[id]->mark && src.kind == LOC_REG))
			add(al, at, dst, src);
	}
	for (struct ir_value *v = to->first; v && v->op == IR_PHI; v = v->next)
		add(al, at, ir_loc(v, to->start), ir_loc(v->args[nth], end));
}

static void join_params(struct allocation *al)
{
	struct ir_func *f = al->f;

	for (uint32_t i = 0; i < f->leaves.n; i++) {
		struct ir_value *v = f->leaves.v[i];

		if (v->op == IR_PARAM && v->life)
			add(al, &al->entering[0], ir_loc(v, 0), loc_reg(v->n + 1));
	}
}

void ir_resolve_moves(struct allocation *al)
{
	struct ir_func *f = al->f;
	struct arena *a = f->module->arena;
	uint32_t n = f->order.v[f->order.n - 1]->end / 4;
	bool *block_starts = arena_array(a, bool, n + 1);
	struct ir_value **by_id = ir_index(f);

	al->gaps = arena_array(a, struct moves, n + 1);
	al->entering = arena_array(a, struct moves, f->order.n);
	al->leaving = arena_array(a, struct moves, f->order.n);
	give_slots(al);
	give_words(al);
	for (uint32_t i = 0; i < f->order.n; i++)
		block_starts[f->order.v[i]->start / 4] = true;
	for (uint32_t i = 0; i < al->lives.n; i++) {
		store_early(al, al->lives.v[i]);
		for (struct life *l = al->lives.v[i]; l->next; l = l->next)
			join_pieces(al, l, block_starts);
	}
	for (uint32_t i = 0; i < f->order.n; i++)
		for (uint32_t k = 0; k < f->order.v[i]->preds.n; k++)
			join_edge(al, f->order.v[i]->preds.v[k], f->order.v[i], by_id);
	join_params(al);
}
