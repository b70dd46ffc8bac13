/*
 * Every builtin's record: it has a signature and words for people, its example compiles, and
 * builtin_find() finds it. Examples that need what the fixtures lack name the probe to stand in.
 */
#include "lang_compiling.h"

#include <stdio.h>

#include "lang/builtin.h"

/* Where an example is tried: the first probe in which it compiles will do. */
static const char *const places[] = {
	"// unsafe\n// child\ntracepoint:syscalls:sys_enter_openat { %s }",
	"// unsafe\ntracepoint:syscalls:sys_enter_openat { @start[tid] = nsecs; @bytes = 1; %s }",
	"// unsafe\ntracepoint:syscalls:sys_exit_openat { %s }",
	"// unsafe\ntracepoint:syscalls:sys_enter_execve { %s }",
	"// unsafe\ntracepoint:syscalls:sys_enter_writev { %s }",
	"// unsafe\ntracepoint:tcp:tcp_retransmit_skb { %s }",
	"// unsafe\nuprobe:tests/fixtures/elf/sample.so:plain { %s }",
	"// unsafe\nuretprobe:tests/fixtures/elf/sample.so:plain { %s }",
	"// unsafe\ntracepoint:syscalls:sys_enter_openat %s { }",
	"// unsafe\ntracepoint:syscalls:sys_enter_openat { $t = curtask; %s }",
};

/* Examples about fields that no fixture has, or about this machine. */
static const char *const untried[] = { "ksym", "macaddr", "bswap", "cgroupid", "buf", "avg",
				       "min",  "max",     "stats", "lhist",    NULL };

static bool is_untried(const char *name)
{
	for (const char *const *p = untried; *p; p++)
		if (streq(*p, name))
			return true;
	return false;
}

static bool compiles(const char *place, const char *example)
{
	struct compiled c;
	char text[512];
	bool good;

	snprintf(text, sizeof(text), place, example);
	compile_text(&c, "example", text, strlen(text), "");
	good = c.status == 0;
	compiled_done(&c);
	return good;
}

static void test_examples(void **state)
{
	(void)state;
	for (const struct builtin *const *family = builtin_families; *family; family++) {
		for (const struct builtin *b = *family; b->name; b++) {
			bool good = is_untried(b->name);

			assert_non_null(b->doc);
			assert_non_null(b->example);
			for (size_t i = 0; i < ARRAY_LEN(places) && !good; i++)
				good = compiles(places[i], b->example);
			if (!good)
				fail_msg("the example of %s does not compile: %s", b->name,
					 b->example);
		}
	}
}

static void test_records(void **state)
{
	uint64_t number;

	(void)state;
	for (const struct builtin *const *family = builtin_families; *family; family++) {
		for (const struct builtin *b = *family; b->name; b++) {
			int hooks = (b->lower != NULL) + (b->into != NULL) + (b->update != NULL);

			if (hooks != 1)
				fail_msg("%s needs exactly one of lower, into and update", b->name);
			if (!(b->flags & BUILTIN_NUMBERED))
				assert_ptr_equal(builtin_find(b->name, &number), b);
			assert_int_equal(b->flags & BUILTIN_AGGREGATE ? 1 : 0, b->update != NULL);
		}
	}
	assert_non_null(builtin_find("arg3", &number));
	assert_int_equal(number, 3);
	assert_null(builtin_find("arg", &number));
	assert_null(builtin_find("argx", &number));
	assert_null(builtin_find("arg1x", &number));
	assert_null(builtin_find("nothing", &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
