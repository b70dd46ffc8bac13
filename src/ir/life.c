/*
 * Lives from liveness, backwards over each block (after Wimmer and Franz, "Linear Scan Register
 * Allocation on SSA Form", CGO 2010).
 * needs: selected, placed, critical edges split, cfg, numbered, live; keeps: everything.
 */
#include "ir/life.h"

#include "bpf/uapi.h"

static struct life *life_of(struct allocation *al, struct ir_value *v)
{
	if (v->life)
		return v->life;
	v->life = arena_new(al->f->module->arena, struct life);
	v->life->value = v;
	v->life->reg = -1;
	vec_push(al->f->module->arena, &al->lives, v->life);
	return v->life;
}

/* Ranges are collected last one first. */
static void add_range(struct allocation *al, struct ir_value *v, uint32_t start, uint32_t end)
{
	struct life *l = life_of(al, v);
	struct stretch *first = l->ranges.n ? &l->ranges.v[l->ranges.n - 1] : NULL;

	if (first && first->start <= end) {
		first->start = MIN(first->start, start);
		first->end = MAX(first->end, end);
		return;
	}
	vec_push(al->f->module->arena, &l->ranges, (struct stretch){ start, end });
}

static void add_use(struct allocation *al, struct ir_value *v, uint32_t pos, bool must, int hint)
{
	vec_push(al->f->module->arena, &life_of(al, v)->uses,
		 (struct life_use){ .pos = pos, .must = must, .hint = hint });
}

/* Its result comes in r0, from where it may go anywhere. */
static bool gives_r0(const struct ir_value *v)
{
	return ir_calls(v) || v->op == IR_CMPXCHG;
}

static void add_result(struct allocation *al, struct ir_value *v)
{
	if (!ir_gives(v) || v->op == IR_PHI)
		return;
	if (!v->life && gives_r0(v))
		return;
	if (!v->life)
		add_range(al, v, v->pos + 3, v->pos + 4);
	v->life->ranges.v[v->life->ranges.n - 1].start = v->pos + 3;
	add_use(al, v, v->pos + 3, !gives_r0(v), gives_r0(v) ? 0 : -1);
}

/* The register in which @v's result will be wanted first, if its uses say so. */
static int wanted(const struct ir_value *v)
{
	/* uses were collected last one first */
	for (uint32_t i = v->life ? v->life->uses.n : 0; i-- > 0;)
		if (v->life->uses.v[i].hint >= 0)
			return v->life->uses.v[i].hint;
	return -1;
}

static bool ends_here(const struct ir_value *arg, uint32_t pos)
{
	return !arg->life || arg->life->ranges.v[arg->life->ranges.n - 1].start > pos;
}

/* d = a + b may as well be d = b + a, when that lets d take b's place. */
static void swap_if_better(struct ir_value *v)
{
	struct ir_value *a, *b;

	if (!ir_has(v, COMMUTES) || ir_is_cmp(v->op))
		return;
	a = v->args[0];
	b = v->args[1];
	/* an address that is made on the spot can only be made in the first place */
	if (!ir_lives(b) || !ir_lives(a))
		return;
	if (ends_here(b, v->pos) && !ends_here(a, v->pos)) {
		v->args[0] = b;
		v->args[1] = a;
	}
}

static void add_operands(struct allocation *al, struct ir_block *b, struct ir_value *v)
{
	bool two_address = v->op >= IR_ADD && v->op <= IR_BSWAP64;
	int want = two_address ? wanted(v) : -1;

	for (uint32_t i = 0; i < v->nargs; i++) {
		struct ir_value *arg = v->args[i];
		enum ir_use use = ir_use(v, i);
		bool late = use == USE_LATE;
		int hint = i == 0 && two_address ? want : ir_wants(v, i);

		if (!ir_lives(arg) || use == USE_NONE)
			continue;
		/* in one instruction the late use was added last, and comes first */
		add_range(al, arg, b->start, v->pos + (late ? 4 : 2));
		add_use(al, arg, v->pos + (late ? 3 : 1), use >= USE_REG, hint);
	}
}

static void add_clobber(struct allocation *al, const struct ir_value *v)
{
	if (ir_calls(v))
		vec_push(al->f->module->arena, &al->clobbers,
			 (struct clobber){ v->pos + 2, v->pos + 3, 0x3f });
	else if (v->op == IR_CMPXCHG)
		vec_push(al->f->module->arena, &al->clobbers,
			 (struct clobber){ v->pos + 1, v->pos + 3, 0x01 });
}

static void build_block(struct allocation *al, struct ir_block *b, struct ir_value **by_id)
{
	uint32_t n = al->f->nvalues;

	for (uint32_t id = 0; (id = live_next(b->live_out, id, n)) < n; id++)
		add_range(al, by_id[id], b->start, b->end);
	for (struct ir_value *v = b->last; v; v = v->prev) {
		add_clobber(al, v);
		add_result(al, v);
		if (v->op == IR_PHI)
			continue;
		swap_if_better(v);
		add_operands(al, b, v);
	}
}

struct ir_value **ir_index(struct ir_func *f)
{
	struct ir_value **by_id = arena_array(f->module->arena, struct ir_value *, f->nvalues);

	for (uint32_t i = 0; i < f->leaves.n; i++)
		by_id[f->leaves.v[i]->id] = f->leaves.v[i];
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			by_id[v->id] = v;
	return by_id;
}

/* From last-first to first-first; uses of one instruction by position. */
static void turn_round(struct life *l)
{
	for (uint32_t i = 0, j = l->ranges.n; i + 1 < j; i++) {
		struct stretch s = l->ranges.v[i];

		l->ranges.v[i] = l->ranges.v[--j];
		l->ranges.v[j] = s;
	}
	for (uint32_t i = 0, j = l->uses.n; i + 1 < j; i++) {
		struct life_use u = l->uses.v[i];

		l->uses.v[i] = l->uses.v[--j];
		l->uses.v[j] = u;
	}
	for (uint32_t i = 1; i < l->uses.n; i++)
		for (uint32_t j = i; j && l->uses.v[j].pos < l->uses.v[j - 1].pos; j--) {
			struct life_use u = l->uses.v[j];

			l->uses.v[j] = l->uses.v[j - 1];
			l->uses.v[j - 1] = u;
		}
}

/* What a loop uses it will use again: a use at the loop's end keeps it near. */
static void add_loop_use(struct allocation *al, struct life *l, uint32_t start, uint32_t end)
{
	uint32_t at = 0;

	while (at < l->uses.n && l->uses.v[at].pos < start)
		at++;
	if (at == l->uses.n || l->uses.v[at].pos >= end)
		return;
	while (at < l->uses.n && l->uses.v[at].pos < end - 1)
		at++;
	vec_push(al->f->module->arena, &l->uses, (struct life_use){ 0 });
	for (uint32_t i = l->uses.n - 1; i > at; i--)
		l->uses.v[i] = l->uses.v[i - 1];
	l->uses.v[at] = (struct life_use){ .pos = end - 1, .hint = -1 };
}

static void add_loop_uses(struct allocation *al, struct ir_block *head, struct ir_value **by_id)
{
	uint32_t end = 0, n = al->f->nvalues;

	for (uint32_t i = 0; i < head->preds.n; i++)
		if (ir_dominates(head, head->preds.v[i]))
			end = MAX(end, head->preds.v[i]->end);
	if (!end)
		return;
	for (uint32_t id = 0; (id = live_next(head->live_in, id, n)) < n; id++)
		add_loop_use(al, by_id[id]->life, head->start, end);
}

/* Marks values whose bounds a comparison may tell. */
static void mark_compared(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			v->mark = false;
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next) {
			bool equality = v->n == BPF_JEQ || v->n == BPF_JNE || v->n == BPF_JSET;

			if (v->op != IR_TEST || equality)
				continue;
			v->args[0]->mark = true;
			v->args[1]->mark = true;
		}
}

void ir_lives_build(struct allocation *al)
{
	struct ir_func *f = al->f;
	struct ir_value **by_id = ir_index(f);

	mark_compared(f);
	for (uint32_t i = f->order.n; i-- > 0;)
		build_block(al, f->order.v[i], by_id);
	for (uint32_t i = 0; i < al->lives.n; i++)
		turn_round(al->lives.v[i]);
	for (uint32_t i = 0; i < f->order.n; i++)
		add_loop_uses(al, f->order.v[i], by_id);
	/* clobbers too were collected last one first */
	for (uint32_t i = 0, j = al->clobbers.n; i + 1 < j; i++) {
		struct clobber c = al->clobbers.v[i];

		al->clobbers.v[i] = al->clobbers.v[--j];
		al->clobbers.v[j] = c;
	}
}

bool life_covers(const struct life *l, uint32_t pos)
{
	for (uint32_t i = 0; i < l->ranges.n && l->ranges.v[i].start <= pos; i++)
		if (pos < l->ranges.v[i].end)
			return true;
	return false;
}

static void print_loc(struct buf *out, const struct life *l)
{
	if (l->reg >= 0)
		buf_printf(out, " r%d", l->reg);
	else if (ir_remat(l->value))
		buf_puts(out, " anew");
	else
		buf_printf(out, " [r10%d]", l->value->frame);
}

void ir_print_lives(struct buf *out, const struct allocation *al)
{
	for (uint32_t i = 0; i < al->lives.n; i++) {
		buf_printf(out, "\t%%%u:", al->lives.v[i]->value->id);
		for (const struct life *l = al->lives.v[i]; l; l = l->next) {
			print_loc(out, l);
			for (uint32_t k = 0; k < l->ranges.n; k++)
				buf_printf(out, " %u-%u", l->ranges.v[k].start, l->ranges.v[k].end);
			buf_puts(out, l->next ? "," : "\n");
		}
	}
}
