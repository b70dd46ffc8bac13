/*
 * Parallel moves: several values change places at once; here they get an order.
 * needs: nothing but the moves; called by emission, and by a test that tries all small cases.
 *
 * A move may be done when no other still has to read what it overwrites. When none may, all that
 * are left form rings: one place is saved aside, which opens its ring.
 */
#include "ir/life.h"

struct solver {
	struct arena *a;
	struct moves pending;
	uint32_t free_regs;
	struct moves *out;
};

static bool loc_equal(struct loc a, struct loc b)
{
	return a.kind == b.kind && a.n == b.n && a.kind != LOC_LEAF;
}

static void step(struct solver *s, struct loc to, struct loc from)
{
	vec_push(s->a, s->out, (struct move){ .to = to, .from = from });
}

static bool still_read(const struct solver *s, struct loc place)
{
	for (uint32_t i = 0; i < s->pending.n; i++)
		if (loc_equal(s->pending.v[i].from, place))
			return true;
	return false;
}

/* A register to pass something through, or a spare word. */
static struct loc aside(const struct solver *s)
{
	for (int r = 0; r < 10; r++)
		if (s->free_regs >> r & 1 && !still_read(s, loc_reg(r)))
			return loc_reg(r);
	return (struct loc){ .kind = LOC_SPARE, .n = 0 };
}

static bool needs_register(struct move m)
{
	if (m.to.kind == LOC_REG || m.from.kind == LOC_REG)
		return false;
	return m.from.kind != LOC_LEAF || m.from.leaf->op != IR_CONST || !fits_s32(m.from.leaf->n);
}

/* One move by itself. From memory to memory it goes through a register, if need be one whose
 * content is put away meanwhile. */
static void do_move(struct solver *s, struct move m)
{
	struct loc spare = { .kind = LOC_SPARE, .n = 1 }, via;

	if (!needs_register(m)) {
		step(s, m.to, m.from);
		return;
	}
	via = aside(s);
	if (via.kind == LOC_REG) {
		step(s, via, m.from);
		step(s, m.to, via);
		return;
	}
	via = loc_reg(0);
	step(s, spare, via);
	step(s, via, m.from);
	step(s, m.to, via);
	step(s, via, spare);
}

static bool do_ready(struct solver *s)
{
	bool any = false;

	for (uint32_t i = s->pending.n; i-- > 0;) {
		struct move m = s->pending.v[i];

		s->pending.v[i] = s->pending.v[--s->pending.n];
		if (!still_read(s, m.to)) {
			do_move(s, m);
			any = true;
		} else {
			vec_push(s->a, &s->pending, s->pending.v[i]);
			s->pending.v[i] = m;
		}
	}
	return any;
}

static void open_ring(struct solver *s)
{
	struct loc place = s->pending.v[0].to, temp = aside(s);

	do_move(s, (struct move){ .to = temp, .from = place });
	for (uint32_t i = 0; i < s->pending.n; i++)
		if (loc_equal(s->pending.v[i].from, place))
			s->pending.v[i].from = temp;
}

void ir_order_moves(struct arena *a, const struct moves *m, uint32_t free_regs, struct moves *out)
{
	struct solver s = { .a = a, .free_regs = free_regs, .out = out };

	for (uint32_t i = 0; i < m->n; i++) {
		struct move one = m->v[i];

		if (one.to.kind == LOC_REG)
			s.free_regs &= ~(1u << one.to.n);
		if (!loc_equal(one.to, one.from))
			vec_push(a, &s.pending, one);
	}
	while (s.pending.n)
		if (!do_ready(&s))
			open_ring(&s);
}
