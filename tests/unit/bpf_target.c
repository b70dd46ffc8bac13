/* Features of a target, and kernel releases as numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/target.h"

static unsigned tries;

static bool only_cookie(void *ctx, enum feature f)
{
	(void)ctx;
	tries++;
	return f == FEATURE_COOKIE;
}

static void version_decides_without_a_trial(void **state)
{
	struct target old = { .kernel = KERNEL(5, 14) }, new = { .kernel = KERNEL(5, 15) };

	(void)state;
	assert_false(target_has(&old, FEATURE_COOKIE));
	assert_true(target_has(&new, FEATURE_COOKIE));
	assert_false(target_has(&new, FEATURE_BPF_LOOP));
}

static void a_trial_is_made_once(void **state)
{
	struct target t = { .kernel = KERNEL(5, 8), .trial = only_cookie };

	(void)state;
	tries = 0;
	for (int i = 0; i < 3; i++) {
		assert_true(target_has(&t, FEATURE_COOKIE));
		assert_false(target_has(&t, FEATURE_BPF_LOOP));
	}
	assert_int_equal(tries, 2);
}

static void forced_features_are_not_tried(void **state)
{
	struct target t = { .kernel = KERNEL(6, 1), .trial = only_cookie };
	const char *bad = NULL;

	(void)state;
	tries = 0;
	assert_int_equal(target_force(&t, "cookie=off,bpf_loop=on", &bad), 0);
	assert_false(target_has(&t, FEATURE_COOKIE));
	assert_true(target_has(&t, FEATURE_BPF_LOOP));
	assert_int_equal(target_force(&t, "cookie=on,ringbuf,uprobe_multi", &bad), 0);
	assert_true(target_has(&t, FEATURE_COOKIE));
	assert_false(target_has(&t, FEATURE_RINGBUF));
	assert_false(target_has(&t, FEATURE_UPROBE_MULTI));
	assert_int_equal(tries, 0);
	assert_null(bad);
}

static void every_row_can_be_forced(void **state)
{
	(void)state;
	for (unsigned f = 0; f < FEATURE_COUNT; f++) {
		struct target t = { .kernel = KERNEL(99, 0) };
		const char *bad;

		assert_true(target_has(&t, f));
		assert_int_equal(target_force(&t, feature_rows[f].name, &bad), 0);
		assert_false(target_has(&t, f));
		assert_true(feature_rows[f].since >= KERNEL(5, 8));
		assert_true(strlen(feature_rows[f].fallback) > 0);
	}
}

static void a_word_that_is_no_feature_is_shown(void **state)
{
	static const char *const lists[] = { "cookie=off,cooky", "cookie,cookie=maybe",
					     "cookie,=off" };
	struct target t = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *bad = NULL;

		assert_int_equal(target_force(&t, lists[i], &bad), -EINVAL);
		assert_ptr_equal(bad, strchr(lists[i], ',') + 1);
	}
}

static void releases_become_numbers(void **state)
{
	static const struct {
		const char *release;
		uint32_t kernel;
	} rows[] = {
		{ "6.1.0-13-amd64", KERNEL(6, 1) },
		{ "5.15", KERNEL(5, 15) },
		{ "6.18.44-fc-v657", KERNEL(6, 18) },
		{ "6.12-rc1", KERNEL(6, 12) },
		{ "5.10+", KERNEL(5, 10) },
		{ "", 0 },
		{ "6", 0 },
		{ "6.", 0 },
		{ ".1", 0 },
		{ "v6.1", 0 },
		{ "6.x", 0 },
		{ "6.1x", 0 },
		{ "6.256", 0 },
		{ "256.1", 0 },
		{ "6.99999999999999999999", 0 },
		{ "six", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(target_parse_kernel(rows[i].release), rows[i].kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_decides_without_a_trial),
		cmocka_unit_test(a_trial_is_made_once),
		cmocka_unit_test(forced_features_are_not_tried),
		cmocka_unit_test(every_row_can_be_forced),
		cmocka_unit_test(a_word_that_is_no_feature_is_shown),
		cmocka_unit_test(releases_become_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
