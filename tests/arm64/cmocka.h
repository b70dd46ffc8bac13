/*
 * As much of cmocka as the engine's tests use, for machines that have none: tests/arm64.sh.
 */
#ifndef TEST_SMALL_CMOCKA_H
#define TEST_SMALL_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test)(void **state);
	int (*setup)(void **state), (*teardown)(void **state);
};

static jmp_buf small_failed;

__attribute__((noreturn)) static inline void small_fail(const char *file, int line)
{
	fprintf(stderr, "%s:%d: failed\n", file, line);
	longjmp(small_failed, 1);
}

#define cmocka_unit_test(f)       \
	{                         \
#f, f, NULL, NULL \
	}
#define cmocka_unit_test_teardown(f, t) \
	{                               \
#f, f, NULL, t          \
	}
#define cmocka_unit_test_setup_teardown(f, s, t) \
	{                                        \
#f, f, s, t                      \
	}
#define print_error(...) fprintf(stderr, __VA_ARGS__)
#define fail_msg(...) \
	(print_error(__VA_ARGS__), fputs("\n", stderr), small_fail(__FILE__, __LINE__))
#define fail() small_fail(__FILE__, __LINE__)
#define assert_true(c) ((c) ? (void)0 : small_fail(__FILE__, __LINE__))
#define assert_false(c) assert_true(!(c))
#define assert_int_equal(a, b) assert_true((uint64_t)(a) == (uint64_t)(b))
#define assert_int_not_equal(a, b) assert_true((uint64_t)(a) != (uint64_t)(b))
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_null(p) assert_true((p) == NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_string_equal(a, b) assert_true(!strcmp(a, b))
#define assert_memory_equal(a, b, n) assert_true(!memcmp(a, b, n))
#define skip() longjmp(small_failed, 2)

static inline int small_one(const struct CMUnitTest *t, void **state)
{
	int how = setjmp(small_failed);

	if (!how) {
		if (t->setup)
			t->setup(state);
		t->test(state);
	}
	if (t->teardown)
		t->teardown(state);
	printf("[%s] %s\n", how == 1 ? "  FAILED  " : how ? "  SKIPPED " : "       OK ", t->name);
	return how == 1;
}

#define cmocka_run_group_tests(tests, setup, teardown) \
	small_group(tests, sizeof(tests) / sizeof(tests[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	(printf("-- %s\n", name), cmocka_run_group_tests(tests, setup, teardown))

static inline int small_group(const struct CMUnitTest *tests, size_t n, int (*setup)(void **),
			      int (*teardown)(void **))
{
	void *state = NULL;
	int failed = 0;

	if (setup)
		setup(&state);
	for (size_t i = 0; i < n; i++)
		failed += small_one(&tests[i], &state);
	if (teardown)
		teardown(&state);
	return failed;
}

#endif
