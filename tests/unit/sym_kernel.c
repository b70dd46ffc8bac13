/* Kernel symbols, from lists of the test's own (fixtures/kallsyms) and from the running kernel. */
#include "sym/sym.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = symbols_new("tests/fixtures/kallsyms/small", NULL);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	symbols_free(*state);
	return 0;
}

static void assert_symbol(struct symbols *s, uint64_t address, const char *name, uint64_t offset,
			  const char *module)
{
	struct symbol sym = symbols_kernel(s, address);

	assert_non_null(sym.name);
	assert_string_equal(sym.name, name);
	assert_int_equal(sym.offset, offset);
	if (module)
		assert_string_equal(sym.module, module);
	else
		assert_null(sym.module);
}

static void addresses(void **state)
{
	assert_symbol(*state, 0xffffffff81000000, "_stext", 0, NULL); /* the first of two */
	assert_symbol(*state, 0xffffffff810000ff, "_stext", 0xff, NULL);
	assert_symbol(*state, 0xffffffff81000310, "vfs_read", 0x10, NULL);
	assert_symbol(*state, 0xffffffffc0100041, "nft_do_chain", 1, "nf_tables");
	assert_symbol(*state, 0xffffffffc0201000, "ftrace_trampoline", 0, "__builtin__ftrace");
	assert_symbol(*state, 0xffffffffc0300123, "bpf_prog_6deef7357e7b4530", 0x123, "bpf");
}

static void addresses_of_nothing(void **state)
{
	static const uint64_t addresses[] = {
		0, 0x1000, 0x7fffffffffff, 0xffffffff80ffffff, 0xffffffff90000000, UINT64_MAX
	};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		assert_null(symbols_kernel(*state, addresses[i]).name);
}

static void names(void **state)
{
	assert_true(symbols_kernel_address(*state, "vfs_read") == 0xffffffff81000300);
	assert_true(symbols_kernel_address(*state, "jiffies") == 0xffffffff81000400);
	assert_int_equal(symbols_kernel_address(*state, "vfs_rea"), 0);
	assert_int_equal(symbols_kernel_address(*state, ""), 0);
}

struct listed {
	unsigned functions, of_modules, stop_at;
};

static bool list(void *ctx, const char *name, const char *module)
{
	struct listed *l = ctx;

	assert_false(streq(name, "jiffies"));
	l->of_modules += !!module;
	return ++l->functions != l->stop_at;
}

static void functions_are_listed(void **state)
{
	struct listed all = { 0 }, two = { .stop_at = 2 };

	assert_int_equal(symbols_kernel_each(*state, list, &all), 0);
	assert_int_equal(all.functions, 9);
	assert_int_equal(all.of_modules, 4);
	symbols_kernel_each(*state, list, &two);
	assert_int_equal(two.functions, 2);
}

static void hidden_addresses(void **state)
{
	struct symbols *s = symbols_new("tests/fixtures/kallsyms/hidden", NULL);
	struct listed all = { 0 };

	(void)state;
	assert_null(symbols_kernel(s, 0xffffffff81000000).name);
	assert_int_equal(symbols_kernel_address(s, "vfs_read"), 0);
	assert_int_equal(symbols_kernel_each(s, list, &all), 0);
	assert_int_equal(all.functions, 2);
	symbols_free(s);
}

static void no_list(void **state)
{
	struct symbols *s = symbols_new("tests/fixtures/kallsyms/absent", NULL);
	struct listed all = { 0 };

	(void)state;
	assert_null(symbols_kernel(s, 0xffffffff81000000).name);
	assert_int_equal(symbols_kernel_each(s, list, &all), -ENOENT);
	symbols_free(s);
	symbols_free(NULL);
}

static void the_running_kernel(void **state)
{
	struct symbols *s = symbols_new(NULL, NULL);
	uint64_t address = symbols_kernel_address(s, "vfs_read");
	struct symbol sym = symbols_kernel(s, address + 1);

	(void)state;
	if (!address) {
		symbols_free(s);
		skip(); /* not permitted to see addresses */
	}
	assert_string_equal(sym.name, "vfs_read");
	assert_int_equal(sym.offset, 1);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(addresses),
		TEST(addresses_of_nothing),
		TEST(names),
		TEST(functions_are_listed),
		TEST(hidden_addresses),
		TEST(no_list),
		TEST(the_running_kernel),
	};

	return cmocka_run_group_tests_name("sym_kernel", tests, NULL, NULL);
}
