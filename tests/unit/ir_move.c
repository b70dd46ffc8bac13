/*
 * Parallel moves: every way to fill up to 4 registers and 2 stack words from each other and from
 * a constant, with and without a free register, does in steps what it says at once.
 */
#include "ir_testing.h"

#include "ir/life.h"

enum { REGS = 4, WORDS = 2, PLACES = REGS + WORDS, SOURCES = PLACES + 2 };

struct machine {
	int64_t reg[10], word[WORDS], spare[2];
};

static struct ir_value small = { .op = IR_CONST, .n = 7 };
static struct ir_value large = { .op = IR_CONST, .n = INT64_C(1) << 40 };

/* Places 0..3 are registers, 4 and 5 stack words, 6 and 7 constants. */
static struct loc place(int n)
{
	if (n < REGS)
		return loc_reg(n);
	if (n < PLACES)
		return loc_stack(-8 * (n - REGS + 1));
	return (struct loc){ .kind = LOC_LEAF, .leaf = n == PLACES ? &small : &large };
}

static int64_t *cell(struct machine *m, struct loc l)
{
	if (l.kind == LOC_REG)
		return &m->reg[l.n];
	return l.kind == LOC_SPARE ? &m->spare[l.n] : &m->word[-l.n / 8 - 1];
}

static int64_t content(struct machine *m, struct loc l)
{
	return l.kind == LOC_LEAF ? l.leaf->n : *cell(m, l);
}

static void fill(struct machine *m)
{
	for (int i = 0; i < 10; i++)
		m->reg[i] = 100 + i;
	for (int i = 0; i < WORDS; i++)
		m->word[i] = 200 + i;
}

/* What one BPF instruction cannot do must not come out: memory to memory, a large constant to
 * memory. */
static void do_step(struct machine *m, struct move s)
{
	bool direct = s.to.kind == LOC_REG || s.from.kind == LOC_REG ||
		      (s.from.kind == LOC_LEAF && fits_s32(s.from.leaf->n));

	assert_true(direct);
	*cell(m, s.to) = content(m, s.from);
}

static void try(const struct moves *m, uint32_t free_regs, struct arena *a)
{
	struct machine before = { 0 }, after;
	struct moves steps = { 0 };
	uint32_t written = free_regs;

	fill(&before);
	after = before;
	ir_order_moves(a, m, free_regs, &steps);
	for (uint32_t i = 0; i < steps.n; i++)
		do_step(&after, steps.v[i]);
	for (uint32_t i = 0; i < m->n; i++) {
		assert_int_equal(content(&after, m->v[i].to), content(&before, m->v[i].from));
		if (m->v[i].to.kind == LOC_REG)
			written |= 1u << m->v[i].to.n;
	}
	for (int r = 0; r < 10; r++)
		if (!(written >> r & 1))
			assert_int_equal(after.reg[r], before.reg[r]);
}

/* Each place takes one of the sources, or (its own number) keeps what it has. */
static void all_cases(uint32_t free_regs)
{
	struct arena a;
	jmp_buf no_memory;
	uint32_t cases = 1;

	for (int i = 0; i < PLACES; i++)
		cases *= SOURCES;
	arena_init(&a, &no_memory);
	for (uint32_t n = 0; n < cases; n++) {
		struct moves m = { 0 };
		uint32_t code = n;

		for (int to = 0; to < PLACES; to++, code /= SOURCES)
			if ((int)(code % SOURCES) != to)
				vec_push(&a, &m, (struct move){ place(to), place(code % SOURCES) });
		try(&m, free_regs, &a);
		if (n % 256 == 0)
			arena_done(&a);
	}
	arena_done(&a);
}

static void with_a_free_register(void **state)
{
	(void)state;
	all_cases(1u << 9);
}

static void with_none(void **state)
{
	(void)state;
	all_cases(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_free_register),
		cmocka_unit_test(with_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
