/* Programs in this process: options, helpers, contexts, how runs end, reasons. */
#include "api_testing.h"

static const uint32_t ways[] = { 0, SKEP_INTERPRET, SKEP_BLIND };
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void runs_with_a_context(void **state)
{
	(void)state;
	for (int i = 0; i < WAYS; i++) {
		struct machine m;
		uint32_t numbers[2] = { 40, 0 };
		uint64_t r0 = 0;

		machine_init(&m, "r0 = *(u32 *)(r1 +0)\nr0 += 2\n*(u32 *)(r1 +4) = r0\nexit\n",
			     ways[i]);
		assert_int_equal(skep_run(m.run, m.prog, numbers, sizeof(numbers), &r0), 0);
		assert_int_equal(r0, 42);
		assert_int_equal(numbers[1], 42);
		skep_run_why(m.run, &why);
		assert_string_equal(why.text, "");
		assert_int_equal(skep_run(m.run, m.prog, numbers, sizeof(numbers), NULL), 0);
		machine_done(&m);
	}
}

static void interpreting_is_an_option(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, "r0 = 0\nexit\n", SKEP_INTERPRET);
	assert_false(skep_prog_is_compiled(m.prog));
	machine_done(&m);
#ifdef __x86_64__
	machine_init(&m, "r0 = 0\nexit\n", 0);
	assert_true(skep_prog_is_compiled(m.prog));
	machine_done(&m);
#endif
}

static const struct ending {
	const char *text;
	int err;
	const char *why;
} endings[] = {
	{ "r0 = *(u64 *)(r1 +8)\nexit\n", -EFAULT, "memory that is not its own" },
	{ "a: if r1 == r1 goto a\nexit\n", -ETIME, "too long" },
	{ "f: call f\nexit\n", -ELOOP, "nested" },
};

static void bad_ends_have_reasons(void **state)
{
	(void)state;
	for (int i = 0; i < WAYS; i++) {
		for (size_t k = 0; k < sizeof(endings) / sizeof(endings[0]); k++) {
			struct machine m;
			uint64_t context = 0, r0 = 77;

			machine_init(&m, endings[k].text, ways[i]);
			assert_int_equal(skep_run(m.run, m.prog, &context, 8, &r0), endings[k].err);
			assert_int_equal(r0, 77);
			skep_run_why(m.run, &why);
			assert_why(endings[k].why);
			assert_why("test:1:"); /* the line of the text */
			machine_done(&m);
		}
	}
}

static void reasons_outlive_the_object(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, "r0 = *(u64 *)(r1 +8)\nexit\n", 0);
	skep_object_free(m.object);
	m.object = NULL;
	assert_int_equal(skep_run(m.run, m.prog, NULL, 0, NULL), -EFAULT);
	skep_run_why(m.run, &why);
	assert_why("test:1:");
	machine_done(&m);
}

/* ---- helpers ---- */

static uint64_t sum(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		    struct skep_run *run)
{
	const uint8_t *p = skep_memory(run, a, b, false);
	uint64_t n = 0;

	(void)c, (void)d, (void)e;
	for (uint64_t i = 0; p && i < b; i++)
		n += p[i];
	return n + *(int *)skep_run_ctx(run);
}

static uint64_t stop(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		     struct skep_run *run)
{
	(void)a, (void)b, (void)c, (void)d, (void)e;
	skep_run_stop(run);
	return 0;
}

static void helpers_of_ones_own(void **state)
{
	(void)state;
	for (int i = 0; i < WAYS; i++) {
		const struct skep_prog_options opt = { .flags = ways[i] };
		struct skep_engine *e;
		struct skep_object *o = from_text("call 60000\nexit\n");
		struct skep_prog *p;
		struct skep_run *run;
		uint8_t bytes[3] = { 1, 2, 3 };
		int base = 100;
		uint64_t r0;

		assert_int_equal(skep_engine_new(NULL, &e), 0);
		assert_int_equal(skep_prog_new(e, o, 0, &opt, &p, &why), -EINVAL);
		assert_why("60000");
		assert_int_equal(skep_engine_helper(e, 65536, "sum", sum), -EINVAL);
		assert_int_equal(skep_engine_helper(e, 60000, "sum", sum), 0);
		assert_done(skep_prog_new(e, o, 0, &opt, &p, &why));
		assert_int_equal(skep_run_new(e, 0, &run), 0);
		skep_run_set_ctx(run, &base);
		assert_int_equal(skep_run(run, p, bytes, 3, &r0), 0);
		assert_int_equal(r0, 106);
		skep_prog_free(p);
		assert_int_equal(skep_engine_helper(e, 60000, "stop", stop), 0);
		assert_done(skep_prog_new(e, o, 0, &opt, &p, &why));
		assert_int_equal(skep_run(run, p, bytes, 3, &r0), -ECANCELED);
		skep_prog_free(p);
		assert_int_equal(skep_engine_helper(e, 60000, NULL, NULL), 0);
		assert_int_equal(skep_prog_new(e, o, 0, &opt, &p, NULL), -EINVAL);
		skep_run_free(run);
		skep_object_free(o);
		skep_engine_free(e);
	}
}

static void helpers_cannot_be_given_foreign_memory(void **state)
{
	struct skep_engine *e;
	struct skep_object *o = from_text("r2 = 9\ncall 60000\nexit\n");
	struct skep_prog *p;
	struct skep_run *run;
	uint64_t context = 0;

	(void)state;
	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_int_equal(skep_engine_helper(e, 60000, "sum", sum), 0);
	assert_done(skep_prog_new(e, o, 0, NULL, &p, &why));
	assert_int_equal(skep_run_new(e, 0, &run), 0);
	skep_run_set_ctx(run, &(int){ 0 });
	assert_int_equal(skep_run(run, p, &context, 8, NULL), -EFAULT);
	skep_run_free(run);
	skep_prog_free(p);
	skep_object_free(o);
	skep_engine_free(e);
}

static void lent_memory_can_be_used(void **state)
{
	struct machine m;
	uint64_t there = 5, pointer = (uint64_t)(uintptr_t)&there, r0;

	(void)state;
	machine_init(&m, "r1 = *(u64 *)(r1 +0)\nr0 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +0) = 6\nexit\n",
		     0);
	assert_int_equal(skep_run(m.run, m.prog, &pointer, 8, &r0), -EFAULT);
	assert_int_equal(skep_run_lend(m.run, &there, 8, false), 0);
	assert_int_equal(skep_run(m.run, m.prog, &pointer, 8, &r0), -EFAULT);
	assert_int_equal(there, 5);
	skep_run_take_back(m.run);
	assert_int_equal(skep_run_lend(m.run, &there, 8, true), 0);
	assert_int_equal(skep_run(m.run, m.prog, &pointer, 8, &r0), 0);
	assert_int_equal(r0, 5);
	assert_int_equal(there, 6);
	for (int i = 1; i < 16; i++)
		assert_int_equal(skep_run_lend(m.run, &there, 8, true), 0);
	assert_int_equal(skep_run_lend(m.run, &there, 8, true), -ENOSPC);
	machine_done(&m);
}

/* ---- engines ---- */

static void take_text(void *ctx, const char *text, size_t size)
{
	strncat(ctx, text, size);
}

static uint64_t at_noon(void *ctx, int clock)
{
	(void)ctx, (void)clock;
	return 12;
}

static void options_decide_what_programs_see(void **state)
{
	char text[64] = "";
	const struct skep_engine_options opt = {
		.ctx = text, .print = take_text, .clock = at_noon, .seed = 7
	};
	struct skep_engine *e;
	struct skep_object *o = from_text("r1 = 0x6968\n" /* "hi" */
					  "*(u64 *)(r10 -8) = r1\nr1 = r10\nr1 += -8\nr2 = 3\n"
					  "call bpf_trace_printk\ncall bpf_ktime_get_ns\nexit\n");
	struct skep_prog *p;
	struct skep_run *run;
	uint64_t r0;

	(void)state;
	assert_int_equal(skep_engine_new(&opt, &e), 0);
	assert_done(skep_prog_new(e, o, 0, NULL, &p, &why));
	assert_int_equal(skep_run_new(e, 0, &run), 0);
	assert_int_equal(skep_run(run, p, NULL, 0, &r0), 0);
	assert_int_equal(r0, 12);
	assert_string_equal(text, "hi");
	assert_int_equal(skep_run_new(e, 1 << 20, &run), -EINVAL);
	skep_run_free(run);
	skep_prog_free(p);
	skep_object_free(o);
	skep_engine_free(e);
}

static void bad_options_are_refused(void **state)
{
	const struct skep_prog_options opt = { .flags = 1 << 9 };
	struct machine m;
	struct skep_prog *p;

	(void)state;
	machine_init(&m, "r0 = 0\nexit\n", 0);
	assert_int_equal(skep_prog_new(m.engine, m.object, 0, &opt, &p, &why), -EINVAL);
	assert_why("0x200");
	assert_int_equal(skep_prog_new(m.engine, m.object, 1, NULL, &p, &why), -ENOENT);
	assert_why("no program 1");
	machine_done(&m);
	skep_engine_free(NULL);
	skep_prog_free(NULL);
	skep_run_free(NULL);
	skep_object_free(NULL);
}

static void broken_programs_are_refused(void **state)
{
	struct skep_engine *e;
	struct skep_object *o = from_text("r0 = 0\n");
	struct skep_prog *p;

	(void)state;
	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_int_equal(skep_prog_new(e, o, 0, NULL, &p, &why), -EINVAL);
	assert_why("instruction 0");
	skep_object_free(o);
	skep_engine_free(e);
}

/* ---- tail calls ---- */

static void programs_call_each_other_through_an_array(void **state)
{
	struct skep_map *array = new_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, SKEP_PROCESS);
	struct skep_map *other = new_map(BPF_MAP_TYPE_ARRAY, 4, 4, 2, SKEP_PROCESS);
	struct machine m;
	struct skep_object *o = from_text("r2 = map[fd:0]\nr3 = 1\ncall bpf_tail_call\n"
					  "r0 = 1\nexit\n");
	struct skep_prog *p;
	uint64_t r0;

	(void)state;
	machine_init(&m, "r0 = 33\nexit\n", 0);
	assert_int_equal(skep_object_set_map(o, 0, array), 0);
	assert_done(skep_prog_new(m.engine, o, 0, NULL, &p, &why));
	assert_int_equal(skep_run(m.run, p, NULL, 0, &r0), 0);
	assert_int_equal(r0, 1);
	assert_int_equal(skep_map_set_prog(array, 1, m.prog), 0);
	assert_int_equal(skep_run(m.run, p, NULL, 0, &r0), 0);
	assert_int_equal(r0, 33);
	assert_int_equal(skep_map_set_prog(array, 2, m.prog), -E2BIG);
	assert_int_equal(skep_map_set_prog(other, 0, m.prog), -EINVAL);
	skep_prog_free(p);
	skep_object_free(o);
	skep_map_put(array);
	skep_map_put(other);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_with_a_context),
		cmocka_unit_test(interpreting_is_an_option),
		cmocka_unit_test(bad_ends_have_reasons),
		cmocka_unit_test(reasons_outlive_the_object),
		cmocka_unit_test(helpers_of_ones_own),
		cmocka_unit_test(helpers_cannot_be_given_foreign_memory),
		cmocka_unit_test(lent_memory_can_be_used),
		cmocka_unit_test(options_decide_what_programs_see),
		cmocka_unit_test(bad_options_are_refused),
		cmocka_unit_test(broken_programs_are_refused),
		cmocka_unit_test(programs_call_each_other_through_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
