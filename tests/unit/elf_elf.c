/*
 * ELF files: symbols, offsets and build ids of a library made for it (fixtures/elf/sample.c says
 * what it has), of this very program, and of what is no ELF file.
 */
#include "elf/elf.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SAMPLE "tests/fixtures/elf/sample.so"
#define STRIPPED "tests/fixtures/elf/stripped.so"

static struct elf *open_elf(const char *path)
{
	const char *why = NULL;
	struct elf *elf = NULL;

	assert_int_equal(elf_open(path, &elf, &why), 0);
	return elf;
}

static void symbols_by_name(void **state)
{
	static const struct {
		const char *name;
		uint64_t address, size;
		bool is_func;
	} rows[] = {
		{ "plain", 0x412, 4, true },   { "__plain", 0x412, 4, true },
		{ "hidden", 0x416, 12, true }, { "counter", 0x2000, 4, false },
		{ "way", 0x428, 9, true },     { "chosen", 0x431, 8, true },
		{ "inside", 0x408, 2, true },
	};
	struct elf *elf = open_elf(SAMPLE), *stripped = open_elf(STRIPPED);
	struct elf_symbol sym;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(elf_find(elf, rows[i].name, &sym));
		assert_string_equal(sym.name, rows[i].name);
		assert_int_equal(sym.address, rows[i].address);
		assert_int_equal(sym.size, rows[i].size);
		assert_int_equal(sym.is_func, rows[i].is_func);
		if (streq(rows[i].name, "hidden")) {
			assert_false(elf_find(stripped, "hidden", &sym));
			continue;
		}
		assert_true(elf_find(stripped, rows[i].name, &sym));
		assert_int_equal(sym.address, rows[i].address);
	}
	assert_false(elf_find(elf, "plai", &sym));
	assert_false(elf_find(elf, "plainer", &sym));
	assert_false(elf_find(elf, "", &sym));
	assert_false(elf_find(elf, "sample.c", &sym));
	elf_close(elf);
	elf_close(stripped);
}

static const char *name_at(struct elf *elf, uint64_t address)
{
	struct elf_symbol sym;

	return elf_at(elf, address, &sym) ? sym.name : NULL;
}

static void symbols_by_address(void **state)
{
	struct elf *elf = open_elf(SAMPLE);
	struct elf_symbol sym;

	(void)state;
	assert_string_equal(name_at(elf, 0x412), "plain"); /* not __plain */
	assert_string_equal(name_at(elf, 0x415), "plain");
	assert_string_equal(name_at(elf, 0x416), "hidden");
	assert_string_equal(name_at(elf, 0x400), "sizeless");
	assert_string_equal(name_at(elf, 0x403), "sizeless");
	assert_string_equal(name_at(elf, 0x404), "around");
	assert_string_equal(name_at(elf, 0x408), "inside");
	assert_string_equal(name_at(elf, 0x40a), "around"); /* after what lies inside of it */
	assert_string_equal(name_at(elf, 0x438),
			    "choose"); /* an ifunc's address is its chooser's */
	assert_null(name_at(elf, 0x439));
	assert_null(name_at(elf, 0x3ff));
	assert_null(name_at(elf, UINT64_MAX));
	assert_true(elf_at(elf, 0x40b, &sym));
	assert_int_equal(sym.address, 0x404);
	elf_close(elf);
	elf = open_elf(STRIPPED);
	assert_string_equal(name_at(elf, 0x413), "plain");
	elf_close(elf);
}

struct names {
	char text[512];
	unsigned n, stop_at;
};

static bool add_name(void *ctx, const struct elf_symbol *sym)
{
	struct names *names = ctx;

	assert_true(sym->is_func);
	strcat(strcat(names->text, sym->name), " ");
	return ++names->n != names->stop_at;
}

static void every_function_once(void **state)
{
	struct elf *elf = open_elf(SAMPLE);
	struct names all = { 0 }, two = { .stop_at = 2 };

	(void)state;
	elf_each(elf, add_name, &all);
	assert_string_equal(all.text, "__plain around choose chosen chosen_here hidden inside "
				      "new_way old_way plain sizeless way ");
	elf_each(elf, add_name, &two);
	assert_int_equal(two.n, 2);
	elf_close(elf);
}

static void addresses_and_offsets(void **state)
{
	struct elf *elf = open_elf(SAMPLE);
	uint64_t v = 0;

	(void)state;
	assert_true(elf_offset(elf, 0x412, &v));
	assert_int_equal(v, 0x412);
	assert_true(elf_offset(elf, 0x2000, &v));
	assert_int_equal(v, 0x1000);
	assert_true(elf_address(elf, 0x1003, &v));
	assert_int_equal(v, 0x2003);
	assert_false(elf_offset(elf, 0x2004, &v)); /* one past the last byte of the file's part */
	assert_false(elf_offset(elf, 0x800, &v));
	assert_false(elf_offset(elf, UINT64_MAX, &v));
	assert_false(elf_address(elf, 0x500, &v));
	elf_close(elf);
}

static void build_ids(void **state)
{
	struct elf *elf = open_elf(SAMPLE);
	uint8_t id[20] = { 0 };

	(void)state;
	assert_int_equal(elf_build_id(elf, id), 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(id[i], i + 1);
	elf_close(elf);
}

int found_by_its_own_program(int x);

__attribute__((noinline)) int found_by_its_own_program(int x)
{
	return x + 1;
}

static int first_base(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	*(uint64_t *)ctx = info->dlpi_addr;
	return 1; /* the program itself comes first */
}

static void this_program(void **state)
{
	struct elf *elf = open_elf("/proc/self/exe");
	uint64_t base = 0, here = (uintptr_t)found_by_its_own_program;
	struct elf_symbol sym;

	(void)state;
	dl_iterate_phdr(first_base, &base);
	assert_true(elf_find(elf, "found_by_its_own_program", &sym));
	assert_int_equal(sym.address, here - base);
	assert_string_equal(name_at(elf, here - base + 1), "found_by_its_own_program");
	elf_close(elf);
}

static void what_is_no_elf_file(void **state)
{
	static const struct {
		const char *path;
		int err;
	} rows[] = {
		{ "no/such/file", -ENOENT },
		{ "tests", -ENOEXEC },
		{ "/dev/null", -ENOEXEC },
		{ "tests/fixtures/elf/sample.c", -ENOEXEC },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct elf *elf = NULL;
		const char *why = NULL;

		assert_int_equal(elf_open(rows[i].path, &elf, &why), rows[i].err);
		assert_null(elf);
		assert_non_null(why);
	}
	elf_close(NULL);
}

/* Cuts the sample at every 16th byte; each cut must open or be refused, and never crash. */
static void cut_files(void **state)
{
	char whole[16384], path[64];
	int in = open(SAMPLE, O_RDONLY | O_CLOEXEC), fd = memfd_create("cut", MFD_CLOEXEC);
	ssize_t len = read(in, whole, sizeof(whole));

	(void)state;
	assert_true(len > 0 && fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (ssize_t n = 0; n < len; n += 16) {
		struct elf *elf = NULL;
		const char *why = NULL;
		struct elf_symbol sym;
		uint8_t id[20];

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, whole, n, 0), n);
		if (elf_open(path, &elf, &why))
			continue;
		elf_at(elf, 0x412, &sym);
		elf_find(elf, "way", &sym);
		elf_build_id(elf, id);
		elf_close(elf);
	}
	close(fd);
	close(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_by_name),     cmocka_unit_test(symbols_by_address),
		cmocka_unit_test(every_function_once), cmocka_unit_test(addresses_and_offsets),
		cmocka_unit_test(build_ids),           cmocka_unit_test(this_program),
		cmocka_unit_test(what_is_no_elf_file), cmocka_unit_test(cut_files),
	};

	return cmocka_run_group_tests_name("elf_elf", tests, NULL, NULL);
}
