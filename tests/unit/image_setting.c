/* Settings: every text form, the environment, and who wins. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/setting.h"

static struct settings fresh(void)
{
	struct settings s;

	settings_default(&s);
	return s;
}

static int put(struct settings *s, const char *name, const char *text)
{
	const char *why = NULL;
	int which = setting_find(name), err;

	assert_true(which >= 0);
	err = setting_put(s, which, text, &why);
	assert_true(err == 0 || why);
	return err;
}

static void defaults_are_those_of_the_rows(void **state)
{
	struct settings s = fresh();

	(void)state;
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 1024);
	assert_int_equal(s.value[SETTING_PRINT_MAPS_ON_EXIT], 1);
	assert_int_equal(s.value[SETTING_MISSING_PROBES], 0);
	assert_string_equal(s.trailer, "..");
	assert_string_equal(s.license, "GPL");
	assert_int_equal(s.from_env, 0);
}

static void names_come_in_any_case_and_with_prefixes(void **state)
{
	(void)state;
	assert_int_equal(setting_find("max_strlen"), SETTING_MAX_STRLEN);
	assert_int_equal(setting_find("MAX_STRLEN"), SETTING_MAX_STRLEN);
	assert_int_equal(setting_find("BPFTRACE_MAX_STRLEN"), SETTING_MAX_STRLEN);
	assert_int_equal(setting_find("skep_max_strlen"), SETTING_MAX_STRLEN);
	assert_int_equal(setting_find("max_strle"), -1);
	assert_int_equal(setting_find(""), -1);
	assert_int_equal(setting_find("BPFTRACE_"), -1);
	assert_string_equal(setting_name(SETTING_STACK_MODE), "stack_mode");
	for (int i = 0; i < SETTING_COUNT; i++)
		assert_int_equal(setting_find(setting_name(i)), i);
}

static void old_names_are_known_as_such(void **state)
{
	(void)state;
	assert_string_equal(setting_renamed("strlen"), "max_strlen");
	assert_string_equal(setting_renamed("BPFTRACE_CAT_BYTES_MAX"), "max_cat_bytes");
	assert_null(setting_renamed("max_strlen"));
	assert_int_equal(setting_find("strlen"), -1);
}

static void numbers_take_suffixes_and_have_limits(void **state)
{
	static const char *const bad[] = { "",     "0",   "-1",    "x",
					   "12x",  "1kk", "65537", "0x",
					   "1a",   " 1",  "K",     "99999999999999999999",
					   "64KB", "1M",  "0x1g",  "1 " };
	struct settings s = fresh();

	(void)state;
	assert_int_equal(put(&s, "max_strlen", "64"), 0);
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 64);
	assert_int_equal(put(&s, "max_strlen", "4k"), 0);
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 4096);
	assert_int_equal(put(&s, "max_strlen", "0x10"), 0);
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 16);
	assert_int_equal(put(&s, "max_cat_bytes", "4M"), 0);
	assert_int_equal(s.value[SETTING_MAX_CAT_BYTES], 4 << 20);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(put(&s, "max_strlen", bad[i]), -EINVAL);
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 16);
}

static void words_stand_for_numbers(void **state)
{
	struct settings s = fresh();

	(void)state;
	assert_int_equal(put(&s, "print_maps_on_exit", "false"), 0);
	assert_int_equal(s.value[SETTING_PRINT_MAPS_ON_EXIT], 0);
	assert_int_equal(put(&s, "print_maps_on_exit", "1"), 0);
	assert_int_equal(s.value[SETTING_PRINT_MAPS_ON_EXIT], 1);
	assert_int_equal(put(&s, "print_maps_on_exit", "2"), -EINVAL);
	assert_int_equal(put(&s, "missing_probes", "warn"), 0);
	assert_int_equal(s.value[SETTING_MISSING_PROBES], 1);
	assert_int_equal(put(&s, "missing_probes", "IGNORE"), 0);
	assert_int_equal(s.value[SETTING_MISSING_PROBES], 2);
	assert_int_equal(put(&s, "missing_probes", "maybe"), -EINVAL);
	assert_int_equal(put(&s, "stack_mode", "perf"), 0);
	assert_int_equal(s.value[SETTING_STACK_MODE], 1);
	assert_int_equal(put(&s, "stack_mode", "build_id"), 0);
	assert_int_equal(s.value[SETTING_STACK_MODE], 3);
	assert_int_equal(put(&s, "cache_user_symbols", "PER_PROGRAM"), 0);
	assert_int_equal(s.value[SETTING_CACHE_USER_SYMBOLS], 2);
}

static void texts_are_kept(void **state)
{
	struct settings s = fresh();

	(void)state;
	assert_int_equal(put(&s, "str_trunc_trailer", ""), 0);
	assert_string_equal(s.trailer, "");
	assert_int_equal(put(&s, "license", "Dual MIT/GPL"), 0);
	assert_string_equal(s.license, "Dual MIT/GPL");
	assert_int_equal(put(&s, "license", "proprietary"), -EINVAL);
	assert_string_equal(s.license, "Dual MIT/GPL");
}

static void the_environment_wins_over_the_script(void **state)
{
	char *const env[] = { "HOME=/",
			      "BPFTRACE_MAX_STRLEN=77",
			      "SKEP_MAX_MAP_KEYS=5",
			      "BPFTRACE_MAX_MAP_KEYS=9",
			      "BPFTRACE_COLOR=never",
			      "BPFTRACE_MAX_STRLENS=1",
			      NULL };
	struct settings s = fresh();
	const char *bad = NULL;

	(void)state;
	assert_int_equal(settings_env(&s, env, &bad), 0);
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 77);
	assert_int_equal(s.value[SETTING_MAX_MAP_KEYS], 5);
	assert_int_equal(put(&s, "max_strlen", "12"), 0);
	assert_int_equal(s.value[SETTING_MAX_STRLEN], 77);
	assert_int_equal(put(&s, "max_cat_bytes", "12"), 0);
	assert_int_equal(s.value[SETTING_MAX_CAT_BYTES], 12);
	assert_int_equal(put(&s, "max_strlen", "nonsense"), -EINVAL);
}

static void a_bad_variable_is_named(void **state)
{
	char *const env[] = { "BPFTRACE_MAX_STRLEN=lots", NULL };
	struct settings s = fresh();
	const char *bad = NULL;

	(void)state;
	assert_int_equal(settings_env(&s, env, &bad), -EINVAL);
	assert_string_equal(bad, env[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_rows),
		cmocka_unit_test(names_come_in_any_case_and_with_prefixes),
		cmocka_unit_test(old_names_are_known_as_such),
		cmocka_unit_test(numbers_take_suffixes_and_have_limits),
		cmocka_unit_test(words_stand_for_numbers),
		cmocka_unit_test(texts_are_kept),
		cmocka_unit_test(the_environment_wins_over_the_script),
		cmocka_unit_test(a_bad_variable_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
