/* Attach points: splitting, forms, numbers, and what is said of wrong ones. */
#include "probe_bench.h"

static void providers_go_by_name_and_alias(void **state)
{
	static const char *const pairs[][2] = {
		{ "t", "tracepoint" }, { "rt", "rawtracepoint" }, { "k", "kprobe" },
		{ "kr", "kretprobe" }, { "u", "uprobe" },         { "ur", "uretprobe" },
		{ "p", "profile" },    { "i", "interval" },       { "s", "software" },
		{ "BEGIN", "begin" },  { "End", "end" },          { "TRACEPOINT", "tracepoint" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++)
		assert_string_equal(provider_find(pairs[i][0])->name, pairs[i][1]);
	assert_null(provider_find("T"));
	assert_null(provider_find(""));
}

static void globs(void **state)
{
	(void)state;
	assert_true(glob_match("*", ""));
	assert_true(glob_match("sys_*_open*", "sys_enter_openat2"));
	assert_true(glob_match("a*b*c", "a1b2b3c"));
	assert_true(glob_match("?bc", "abc"));
	assert_false(glob_match("?bc", "bc"));
	assert_false(glob_match("a*b", "abc"));
	assert_false(glob_match("", "a"));
	/* as many ways to match as there are, none of which does */
	assert_false(
		glob_match("*a*a*a*a*a*a*a*a*a*a*b",
			   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void parts_are_unquoted(void **state)
{
	struct bench *b = *state;
	struct probe_spec spec;

	assert_int_equal(probe_parse(&b->env, "tracepoint:\"a:b\":c\\:d", SPAN_NONE, &spec), 0);
	assert_string_equal(spec.target, "a:b");
	assert_string_equal(spec.func, "c:d");
	assert_int_equal(probe_parse(&b->env, "tracepoint:\"a\\\"b\":c", SPAN_NONE, &spec), 0);
	assert_string_equal(spec.target, "a\"b");
	assert_false(spec.is_wild);
	assert_refused(b, "tracepoint:\"a:b", "a quote is missing at the end of a:b\n");
	assert_refused(b, "tracepoint:1:2:3:4:5:6:7:8", "an attach point has at most 8 parts\n");
}

static void unknown_providers(void **state)
{
	struct bench *b = *state;

	assert_refused(b, "tracepont:a:b",
		       "unknown probe type: tracepont\nHINT: did you mean tracepoint?\n");
	assert_refused(b, "zzzzzzzzz:a:b", "unknown probe type: zzzzzzzzz\n");
	assert_refused(b, "*probe:a",
		       "unknown probe type: *probe\n"
		       "HINT: wildcards may stand for events, but not for the probe type\n");
	assert_refused(b, "", "unknown probe type: \n");
}

static void wrong_numbers_of_parts(void **state)
{
	struct bench *b = *state;

	assert_refused(b, "tracepoint:syscalls",
		       "tracepoint probe type requires 2 arguments, found 1\n"
		       "HINT: write it as tracepoint:SUBSYSTEM:EVENT\n");
	assert_refused(b, "interval",
		       "interval probe type requires 1 or 2 arguments, found 0\n"
		       "HINT: write it as interval:hz:N, interval:s:N, interval:ms:N, "
		       "interval:us:N or interval:1s\n");
	assert_refused(b, "software:a:1:2",
		       "software probe type requires 1 or 2 arguments, found 3\n"
		       "HINT: write it as software:EVENT or software:EVENT:COUNT\n");
	assert_refused(b, "BEGIN:now", "begin takes no target\n");
	assert_refused(b, "kprobe:a:b:c",
		       "kprobe probe type requires 1 or 2 arguments, found 3\n"
		       "HINT: write it as kprobe:FUNCTION, kprobe:MODULE:FUNCTION or "
		       "kprobe:FUNCTION+OFFSET\n");
}

static void begin_and_end(void **state)
{
	struct bench *b = *state;
	struct event *e = bench_event(b, "begin");

	assert_string_equal(e->name, "BEGIN");
	assert_int_equal(e->attach.kind, ATTACH_BEGIN);
	e = bench_event(b, "END");
	assert_string_equal(e->name, "END");
	assert_int_equal(e->attach.kind, ATTACH_END);
	assert_string_equal(bench_event(b, "begin:*")->name, "BEGIN");
}

static void assert_timer(struct bench *b, const char *text, const char *name, uint64_t period,
			 bool is_frequency)
{
	struct event *e = bench_event(b, text);

	assert_string_equal(e->name, name);
	assert_string_equal(e->attach.name, name);
	assert_int_equal(e->attach.period, period);
	assert_int_equal(e->attach.is_frequency, is_frequency);
}

static void timers(void **state)
{
	struct bench *b = *state;

	assert_timer(b, "profile:hz:99", "profile:hz:99", 99, true);
	assert_timer(b, "p:ms:10", "profile:ms:10", 10000000, false);
	assert_timer(b, "interval:s:1", "interval:s:1", 1000000000, false);
	assert_timer(b, "i:us:1", "interval:us:1", 1000, false);
	assert_timer(b, "interval:1s", "interval:1s", 1000000000, false);
	assert_timer(b, "interval:100ms", "interval:100ms", 100000000, false);
	assert_timer(b, "interval:2m", "interval:2m", 120000000000, false);
	assert_timer(b, "interval:5000", "interval:5000", 5000, false);
	assert_timer(b, "interval:1_000", "interval:1_000", 1000, false);
	assert_timer(b, "interval:1e6", "interval:1e6", 1000000, false);
	assert_int_equal(bench_event(b, "profile:hz:99")->attach.kind, ATTACH_PROFILE);
	assert_int_equal(bench_event(b, "interval:s:1")->attach.kind, ATTACH_INTERVAL);
}

static void wrong_timers(void **state)
{
	struct bench *b = *state;

	assert_refused(
		b, "profile:99",
		"profile period must be at least 1000 ns, not 99\n"
		"HINT: a number alone is in nanoseconds: write profile:hz:99 or profile:1s\n");
	assert_refused(b, "interval:min:1",
		       "unknown unit of time: min\nHINT: the units are hz, s, ms and us\n");
	assert_refused(b, "interval:s:x",
		       "x is not a time\n"
		       "HINT: write a positive number, or one with a unit such as 100ms\n");
	assert_refused(b, "interval:s:99999999999999",
		       "99999999999999 is not a time\n"
		       "HINT: write a positive number, or one with a unit such as 100ms\n");
	assert_refused(b, "profile:hz:0", "profile frequency must be between 1 and 1000000 Hz\n");
	assert_refused(b, "profile:hz:1000001",
		       "profile frequency must be between 1 and 1000000 Hz\n");
	assert_refused(b, "interval:s:0",
		       "interval period must be at least 1000 ns, not 0\n"
		       "HINT: a number alone is in nanoseconds: write interval:hz:99 or "
		       "interval:1s\n");
	assert_refused(b, "interval:1e99",
		       "1e99 is not a time\n"
		       "HINT: write a positive number, or one with a unit such as 100ms\n");
}

static void software_events(void **state)
{
	struct bench *b = *state;
	struct event *e = bench_event(b, "software:page-faults:7");

	assert_string_equal(e->name, "software:page-faults:7");
	assert_int_equal(e->attach.config, 2);
	assert_int_equal(e->attach.period, 7);
	e = bench_event(b, "s:cs");
	assert_string_equal(e->name, "software:cs");
	assert_int_equal(e->attach.config, 3);
	assert_int_equal(e->attach.period, 1000);
	assert_int_equal(e->attach.pid, -1);
	b->env.pid = 42;
	assert_int_equal(bench_event(b, "software:faults:")->attach.pid, 42);
	assert_refused(b, "software:page-fault",
		       "there is no software event page-fault\nHINT: did you mean page-faults?\n");
	assert_refused(b, "software:faults:0",
		       "0 is not a count of events\n"
		       "HINT: write a positive number, as in software:page-faults:100\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(providers_go_by_name_and_alias),
		cmocka_unit_test(globs),
		cmocka_unit_test_setup_teardown(parts_are_unquoted, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(unknown_providers, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(wrong_numbers_of_parts, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(begin_and_end, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(timers, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(wrong_timers, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(software_events, bench_setup, bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
