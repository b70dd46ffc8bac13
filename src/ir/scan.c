/*
 * Registers by linear scan over lives with holes, splitting them where registers run out (after
 * Wimmer and Moessenboeck, "Optimized Interval Splitting in a Linear Scan Register Allocator",
 * VEE 2005).
 * needs: lives; gives: every piece a register, or none: then the value is on the stack there.
 *
 * Going by start, each life takes a register that is free for all of it; or one that is free for
 * a while, and the rest is looked at again; or the one whose holder is needed farthest ahead,
 * which waits on the stack until an instruction must have it in a register.
 */
#include "ir/life.h"

enum { NREGS = 10 };

struct scan {
	struct allocation *al;
	struct arena *a;
	struct lives heap; /* waiting, by start */
	struct lives active, inactive;
	bool failed;
};

/* ---- the waiting ones: a heap ---- */

static bool earlier(const struct life *x, const struct life *y)
{
	uint32_t a = life_start(x), b = life_start(y);

	return a != b ? a < b : x->value->id < y->value->id;
}

static void heap_push(struct scan *s, struct life *l)
{
	uint32_t i = s->heap.n;

	vec_push(s->a, &s->heap, l);
	for (; i && earlier(l, s->heap.v[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap.v[i] = s->heap.v[(i - 1) / 2];
	s->heap.v[i] = l;
}

static struct life *heap_pop(struct scan *s)
{
	struct life *top = s->heap.v[0], *l = s->heap.v[--s->heap.n];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < s->heap.n) {
		if (child + 1 < s->heap.n && earlier(s->heap.v[child + 1], s->heap.v[child]))
			child++;
		if (!earlier(s->heap.v[child], l))
			break;
		s->heap.v[i] = s->heap.v[child];
		i = child;
	}
	s->heap.v[i] = l;
	return top;
}

/* ---- lives ---- */

static uint32_t next_use(const struct life *l, uint32_t pos)
{
	for (uint32_t i = 0; i < l->uses.n; i++)
		if (l->uses.v[i].pos >= pos)
			return l->uses.v[i].pos;
	return NEVER;
}

static uint32_t next_must(const struct life *l, uint32_t pos)
{
	for (uint32_t i = 0; i < l->uses.n; i++)
		if (l->uses.v[i].must && l->uses.v[i].pos >= pos)
			return l->uses.v[i].pos;
	return NEVER;
}

/* The first position that both cover. */
static uint32_t meet(const struct life *x, const struct life *y)
{
	uint32_t i = 0, j = 0;

	while (i < x->ranges.n && j < y->ranges.n) {
		struct stretch a = x->ranges.v[i], b = y->ranges.v[j];

		if (a.end <= b.start)
			i++;
		else if (b.end <= a.start)
			j++;
		else
			return MAX(a.start, b.start);
	}
	return NEVER;
}

/* Cuts @l at @pos, inside it; the new piece is what begins there or later. */
static struct life *split(struct scan *s, struct life *l, uint32_t pos)
{
	struct life *rest = arena_new(s->a, struct life);
	uint32_t keep = 0;

	rest->value = l->value;
	rest->reg = -1;
	rest->next = l->next;
	l->next = rest;
	while (keep < l->ranges.n && l->ranges.v[keep].start < pos)
		keep++;
	if (keep && l->ranges.v[keep - 1].end > pos) {
		vec_push(s->a, &rest->ranges, (struct stretch){ pos, l->ranges.v[keep - 1].end });
		l->ranges.v[keep - 1].end = pos;
	}
	for (uint32_t i = keep; i < l->ranges.n; i++)
		vec_push(s->a, &rest->ranges, l->ranges.v[i]);
	l->ranges.n = keep;
	keep = 0;
	while (keep < l->uses.n && l->uses.v[keep].pos < pos)
		keep++;
	for (uint32_t i = keep; i < l->uses.n; i++)
		vec_push(s->a, &rest->uses, l->uses.v[i]);
	l->uses.n = keep;
	return rest;
}

/* @l stays without a register until an instruction must have it in one. */
static void wait_on_stack(struct scan *s, struct life *l)
{
	uint32_t gap = next_must(l, life_start(l));

	l->reg = -1;
	if (gap == NEVER)
		return;
	gap = gap_of(gap);
	if (gap <= life_start(l))
		heap_push(s, l);
	else
		heap_push(s, split(s, l, gap));
}

static void drop(struct lives *list, uint32_t i)
{
	list->v[i] = list->v[--list->n];
}

/* Sorts the held ones by whether they cover @pos; done ones leave. */
static void advance(struct scan *s, uint32_t pos)
{
	uint32_t old_inactive = s->inactive.n;

	for (uint32_t i = s->active.n; i-- > 0;) {
		struct life *l = s->active.v[i];

		if (life_covers(l, pos))
			continue;
		drop(&s->active, i);
		if (life_end(l) > pos)
			vec_push(s->a, &s->inactive, l);
	}
	for (uint32_t i = old_inactive; i-- > 0;) {
		struct life *l = s->inactive.v[i];

		if (life_end(l) > pos && !life_covers(l, pos))
			continue;
		drop(&s->inactive, i);
		if (life_end(l) > pos)
			vec_push(s->a, &s->active, l);
	}
}

/* limit[r]: where @l first meets an instruction that overwrites r. */
static void clobbered(const struct scan *s, const struct life *l, uint32_t limit[NREGS])
{
	const struct clobbers *c = &s->al->clobbers;
	uint32_t lo = 0, hi = c->n, seen = 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->v[mid].end <= life_start(l))
			lo = mid + 1;
		else
			hi = mid;
	}
	for (uint32_t r = 0; r < NREGS; r++)
		limit[r] = NEVER;
	for (uint32_t k = 0; k < l->ranges.n; k++)
		for (; lo < c->n && c->v[lo].start < l->ranges.v[k].end && seen != 0x3f; lo++) {
			if (c->v[lo].end <= l->ranges.v[k].start)
				continue;
			for (uint32_t r = 0; r < 6; r++)
				if (c->v[lo].mask & ~seen & 1u << r)
					limit[r] = MAX(c->v[lo].start, l->ranges.v[k].start);
			seen |= c->v[lo].mask;
		}
}

/* ---- registers ---- */

static bool usable(const struct scan *s, uint32_t r)
{
	return s->al->f->module->registers >> r & 1;
}

/* The register that a neighbour of @l in the program is in, or -1: the first operand of a
 * two-address operation, operands of a phi, or a phi that @l feeds. */
static int neighbour(const struct life *l, uint32_t nth)
{
	const struct ir_value *v = l->value, *arg;

	if (nth >= v->nargs || (v->op != IR_PHI && (nth || v->op < IR_ADD || v->op > IR_BSWAP64)))
		return -1;
	arg = v->args[nth];
	return arg->life ? arg->life->reg : -1;
}

static int phi_fed(const struct life *l)
{
	const struct ir_value *v = l->value;
	struct ir_block *succs[2];
	unsigned n = v->block ? ir_succs(v->block, succs) : 0;

	for (unsigned k = 0; k < n; k++)
		for (struct ir_value *phi = succs[k]->first; phi && phi->op == IR_PHI;
		     phi = phi->next)
			for (uint32_t i = 0; i < phi->nargs; i++)
				if (phi->args[i] == v && phi->life)
					return phi->life->reg;
	return -1;
}

static int hinted(const struct life *l, const uint32_t until[NREGS], uint32_t end)
{
	int r;

	if (l->value->op == IR_PARAM && until[l->value->n + 1] >= end)
		return l->value->n + 1;
	for (uint32_t i = 0; i < l->uses.n; i++) {
		r = l->uses.v[i].hint;
		if (r >= 0 && until[r] >= end)
			return r;
	}
	for (uint32_t i = 0; i < l->value->nargs && i < 8; i++) {
		r = neighbour(l, i);
		if (r >= 0 && until[r] >= end)
			return r;
	}
	r = phi_fed(l);
	return r >= 0 && until[r] >= end ? r : -1;
}

/* Of those free to the end, the one that is free the shortest: it is of least use to others. */
static int closest_fit(const uint32_t until[NREGS], uint32_t end)
{
	static const uint8_t order[NREGS] = { 0, 5, 4, 3, 2, 1, 6, 7, 8, 9 };
	int best = -1;

	for (uint32_t i = 0; i < NREGS; i++) {
		int r = order[i];

		if (until[r] >= end && (best < 0 || until[r] < until[best]))
			best = r;
	}
	return best;
}

static bool take_free(struct scan *s, struct life *l)
{
	uint32_t until[NREGS], start = life_start(l), end = life_end(l);
	int r;

	clobbered(s, l, until);
	for (uint32_t i = 0; i < NREGS; i++)
		if (!usable(s, i))
			until[i] = 0;
	for (uint32_t i = 0; i < s->active.n; i++)
		until[s->active.v[i]->reg] = 0;
	for (uint32_t i = 0; i < s->inactive.n; i++) {
		const struct life *other = s->inactive.v[i];

		if (until[other->reg])
			until[other->reg] = MIN(until[other->reg], meet(l, other));
	}
	r = hinted(l, until, end);
	if (r < 0)
		r = closest_fit(until, end);
	if (r >= 0) {
		l->reg = r;
		return true;
	}
	r = 0;
	for (uint32_t i = 1; i < NREGS; i++)
		if (until[i] > until[r])
			r = i;
	/* free for a while: worth it if that serves a use */
	if (gap_of(until[r]) <= start || next_use(l, start) >= gap_of(until[r]))
		return false;
	l->reg = r;
	heap_push(s, split(s, l, gap_of(until[r])));
	return true;
}

/* When the holder @l of a register will want it again; 0: the instruction at @pos must have it.
 * Values that are compared keep their register longer: what the verifier learned of them in a
 * register it may not know of their copy on the stack. */
static uint32_t patience(const struct life *l, uint32_t pos)
{
	uint32_t use = next_use(l, pos), must = next_must(l, pos);

	if (must != NEVER && gap_of(must) <= pos)
		return 0;
	if (use == NEVER && l->value->mark)
		return pos + (NEVER - pos) / 2;
	return use != NEVER && l->value->mark ? pos + (use - pos) / 4 : use;
}

static void evict(struct scan *s, struct life *l, uint32_t pos)
{
	if (life_start(l) >= pos)
		wait_on_stack(s, l);
	else
		wait_on_stack(s, split(s, l, pos));
}

static void evict_all(struct scan *s, struct life *l)
{
	uint32_t pos = life_start(l);

	for (uint32_t i = s->active.n; i-- > 0;) {
		struct life *other = s->active.v[i];

		if (other->reg != l->reg)
			continue;
		drop(&s->active, i);
		evict(s, other, pos);
	}
	for (uint32_t i = s->inactive.n; i-- > 0;) {
		struct life *other = s->inactive.v[i];

		if (other->reg != l->reg || meet(l, other) == NEVER)
			continue;
		drop(&s->inactive, i);
		heap_push(s, split(s, other, pos));
	}
}

static void take_by_force(struct scan *s, struct life *l)
{
	uint32_t wanted[NREGS], limit[NREGS], start = life_start(l), r = 0, first;

	clobbered(s, l, limit);
	for (uint32_t i = 0; i < NREGS; i++)
		wanted[i] = usable(s, i) && gap_of(limit[i]) > start ? limit[i] : 0;
	for (uint32_t i = 0; i < s->active.n; i++) {
		const struct life *other = s->active.v[i];

		wanted[other->reg] = MIN(wanted[other->reg], patience(other, start));
	}
	for (uint32_t i = 0; i < s->inactive.n; i++) {
		const struct life *other = s->inactive.v[i];

		if (meet(l, other) != NEVER)
			wanted[other->reg] = MIN(wanted[other->reg], patience(other, start));
	}
	for (uint32_t i = 1; i < NREGS; i++)
		if (wanted[i] > wanted[r])
			r = i;
	first = patience(l, start);
	if (first && wanted[r] <= first) {
		wait_on_stack(s, l);
		return;
	}
	if (!wanted[r]) {
		s->failed = true;
		return;
	}
	l->reg = r;
	if (limit[r] < life_end(l))
		heap_push(s, split(s, l, gap_of(limit[r])));
	evict_all(s, l);
	vec_push(s->a, &s->active, l);
}

bool ir_scan(struct allocation *al)
{
	struct scan s = { .al = al, .a = al->f->module->arena };

	for (uint32_t i = 0; i < al->lives.n; i++)
		heap_push(&s, al->lives.v[i]);
	while (s.heap.n && !s.failed) {
		struct life *l = heap_pop(&s);

		advance(&s, life_start(l));
		if (take_free(&s, l))
			vec_push(s.a, &s.active, l);
		else
			take_by_force(&s, l);
	}
	return !s.failed;
}
