/* Names of programs and libraries to files, and the dynamic loader's cache. */
#include "elf/elf.h"
#include "elf/ldcache.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void names_of_libraries(void **state)
{
	static const struct {
		const char *file, *name;
		bool same;
	} rows[] = {
		{ "libc.so.6", "libc", true },
		{ "libc.so.6", "libc.so", true },
		{ "libc.so.6", "libc.so.6", true },
		{ "libc.so", "libc", true },
		{ "libcap.so.2", "libc", false },
		{ "libc.so.6", "libc.so.5", false },
		{ "libc", "libc", false },
		{ "libc.so.6", "lib", false },
		{ "libc.so.60", "libc.so.6", false },
		{ "libc.soup", "libc", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(ldcache_matches(rows[i].file, rows[i].name), rows[i].same);
}

#if defined(__aarch64__)
enum { OWN = 0x0a03, OTHER = 0x0303 };
#else
enum { OWN = 0x0303, OTHER = 0x0a03 };
#endif

struct entry {
	int32_t flags;
	uint32_t name, path, os_version;
	uint64_t hwcap;
};

static void add_entry(struct buf *entries, struct buf *strings, uint32_t base, const char *name,
		      const char *path, int flags, uint64_t hwcap)
{
	struct entry e = { .flags = flags, .hwcap = hwcap, .name = base + strings->len };

	buf_add(strings, name, strlen(name) + 1);
	e.path = base + strings->len;
	buf_add(strings, path, strlen(path) + 1);
	buf_add(entries, &e, sizeof(e));
}

/* A cache of four libraries, after an old one of @old entries if that is not negative. */
static void make_cache(struct buf *cache, int old)
{
	enum { COUNT = 5, BASE = 48 + COUNT * 24 };
	struct buf entries = { 0 }, strings = { 0 };
	uint32_t count = COUNT;

	add_entry(&entries, &strings, BASE, "libx.so.2", "/other/libx.so.2", OTHER, 0);
	add_entry(&entries, &strings, BASE, "libx.so.2", "/fast/libx.so.2", OWN, 1);
	add_entry(&entries, &strings, BASE, "libx.so.2", "/lib/libx.so.2", OWN, 0);
	add_entry(&entries, &strings, BASE, "libx.so.1", "/lib/libx.so.1", OWN, 0);
	add_entry(&entries, &strings, BASE, "liby.so.1", "/fast/liby.so.1", OWN, 1);
	buf_clear(cache);
	if (old >= 0) {
		buf_add(cache, "ld.so-1.7.0\0", 12);
		buf_add(cache, &old, 4);
		buf_pad(cache, 'x', ALIGN_UP(16 + old * 12, 8) - 16);
	}
	buf_puts(cache, "glibc-ld.so.cache1.1");
	buf_add(cache, &count, 4);
	buf_pad(cache, 0, 24);
	buf_add(cache, entries.data, entries.len);
	buf_add(cache, strings.data, strings.len);
	buf_done(&entries);
	buf_done(&strings);
}

static void the_best_entry_is_taken(void **state)
{
	struct buf cache = { 0 };

	(void)state;
	for (int old = -1; old < 3; old++) {
		make_cache(&cache, old);
		assert_string_equal(ldcache_find(cache.data, cache.len, "libx"), "/lib/libx.so.2");
		assert_string_equal(ldcache_find(cache.data, cache.len, "libx.so.1"),
				    "/lib/libx.so.1");
		assert_string_equal(ldcache_find(cache.data, cache.len, "liby"), "/fast/liby.so.1");
		assert_null(ldcache_find(cache.data, cache.len, "libz"));
	}
	buf_done(&cache);
}

static void damaged_caches_find_nothing(void **state)
{
	struct buf cache = { 0 };
	uint32_t huge = UINT32_MAX;

	(void)state;
	assert_null(ldcache_find("", 0, "libx"));
	make_cache(&cache, 1);
	memcpy(cache.data + 12, &huge, 4); /* old entries */
	assert_null(ldcache_find(cache.data, cache.len, "libx"));
	make_cache(&cache, -1);
	memcpy(cache.data + 20, &huge, 4); /* more entries than there is room for */
	assert_string_equal(ldcache_find(cache.data, cache.len, "libx"), "/lib/libx.so.2");
	for (uint32_t i = 0; i < 5; i++) /* paths beyond the end */
		memcpy(cache.data + 48 + i * 24 + 8, &huge, 4);
	assert_null(ldcache_find(cache.data, cache.len, "libx"));
	buf_done(&cache);
}

static void paths_and_programs(void **state)
{
	char folder[] = "/tmp/skep-find-XXXXXX", program[PATH_MAX], path[PATH_MAX];
	char *old = strdup(getenv("PATH"));
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(program, sizeof(program), "%s/a-program", folder);
	f = fopen(program, "w");
	assert_non_null(f);
	fclose(f);
	snprintf(path, sizeof(path), "/no/such/folder::%s", folder);
	setenv("PATH", path, 1);

	assert_int_equal(elf_find_file("a-program", path, sizeof(path)), -ENOENT);
	assert_int_equal(chmod(program, 0755), 0);
	assert_int_equal(elf_find_file("a-program", path, sizeof(path)), 0);
	assert_string_equal(path, program);
	assert_int_equal(elf_find_file("a-program", path, 8), -ENAMETOOLONG);
	assert_int_equal(elf_find_file(program, path, sizeof(path)), 0);
	assert_string_equal(path, program);
	assert_int_equal(elf_find_file(folder, path, sizeof(path)), -ENOENT);
	assert_int_equal(elf_find_file("./a-program", path, sizeof(path)), -ENOENT);
	assert_int_equal(elf_find_file("another-program", path, sizeof(path)), -ENOENT);
	assert_int_equal(elf_find_file("", path, sizeof(path)), -ENOENT);

	setenv("PATH", old, 1);
	free(old);
	unlink(program);
	rmdir(folder);
}

/* The C library that this test runs with, where it is a shared one. */
static void the_c_library(void **state)
{
	char path[PATH_MAX], *version;
	const char *why = NULL;
	struct elf_symbol sym;
	struct elf *elf;

	(void)state;
	if (elf_find_file("libc", path, sizeof(path)))
		skip();
	version = strstr(path, "/libc.");
	assert_non_null(version);
	assert_int_equal(elf_open(path, &elf, &why), 0);
	assert_true(elf_find(elf, "malloc", &sym));
	assert_true(sym.is_func);
	elf_close(elf);
	assert_int_equal(elf_find_file("libnosuchlibrary", path, sizeof(path)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_libraries),
		cmocka_unit_test(the_best_entry_is_taken),
		cmocka_unit_test(damaged_caches_find_nothing),
		cmocka_unit_test(paths_and_programs),
		cmocka_unit_test(the_c_library),
	};

	return cmocka_run_group_tests_name("elf_find_file", tests, NULL, NULL);
}
