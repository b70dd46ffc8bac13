/*
 * Random programs, built through the builder, give the same when the IR is interpreted as when
 * it is compiled, for any number of registers, with slots on the stack or in the scratch frame.
 */
#include "ir_random.h"

static uint64_t execute(struct fixture *x, struct world *w)
{
	struct bpf_run r = { .w = w, .img = x->img, .prog = &x->prog };
	uint64_t params[5] = { (uintptr_t)w->context };

	return bpf_run_from(&r, 0, params);
}

static void compare(struct shape s, unsigned registers)
{
	struct fixture a, b;
	struct world before, after;
	uint64_t wanted, got = 0;
	bool same;
	int err;

	build(&a, s);
	build(&b, s);
	world_init(&before, s.seed);
	world_init(&after, s.seed);
	wanted = interpret(&a, &before);
	err = ir_compile(b.m, &(struct ir_options){ .registers = registers, .check = true },
			 &b.prog, &b.diags);
	if (!err)
		got = execute(&b, &after);
	same = !err && (before.stopped || after.stopped ||
			(wanted == got && before.log == after.log &&
			 !memcmp(before.context, after.context, sizeof(before.context)) &&
			 !memcmp(before.map, after.map, sizeof(before.map))));
	for (uint32_t i = 0; same && i < 8 * SCRATCH_LEVELS; i++)
		same = !world_load((uintptr_t)after.scratch + i * after.scratch_size, 8);
	if (!same) {
		show_diags(&b);
		print_error("%u registers: wanted %#llx, got %#llx\n", registers,
			    (unsigned long long)wanted, (unsigned long long)got);
		show_failure(&b, s);
	}
	free(before.scratch);
	free(after.scratch);
	fixture_done(&a);
	fixture_done(&b);
	assert_true(same);
}

static uint64_t rounds(void)
{
	const char *s = getenv("FUZZ_ROUNDS");

	return s ? strtoull(s, NULL, 10) : 150;
}

static void small_programs(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= rounds(); seed++)
		for (unsigned k = 0; k < 4; k++)
			compare((struct shape){ .seed = seed, .size = 12 },
				(unsigned[]){ 0, 4, 2, 3 }[k]);
}

static void larger_programs(void **state)
{
	(void)state;
	for (uint64_t seed = 1000; seed < 1000 + rounds(); seed++)
		for (unsigned k = 0; k < 4; k++)
			compare((struct shape){ .seed = seed, .size = 60, .functions = seed & 1 },
				(unsigned[]){ 0, 4, 2, 5 }[k]);
}

static void programs_with_scratch(void **state)
{
	(void)state;
	for (uint64_t seed = 5000; seed < 5000 + rounds(); seed++)
		for (unsigned k = 0; k < 4; k++)
			compare((struct shape){ .seed = seed, .size = 40, .large = true },
				(unsigned[]){ 0, 4, 2, 6 }[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_programs),
		cmocka_unit_test(larger_programs),
		cmocka_unit_test(programs_with_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
