/*
 * User symbols: of this process, of one that has ended, and of made-up ones in a folder that
 * stands in for /proc, whose root is another one (as in a container).
 */
#include "sym/sym.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int a_function_of_the_test(int x);

__attribute__((noinline)) int a_function_of_the_test(int x)
{
	return x ^ 5;
}

static void assert_own_function(struct symbol sym, uint64_t offset)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	assert_true(len > 0);
	own[len] = '\0';
	assert_non_null(sym.name);
	assert_string_equal(sym.name, "a_function_of_the_test");
	assert_int_equal(sym.offset, offset);
	assert_string_equal(sym.module, own);
}

static void this_process(void **state)
{
	struct symbols *s = symbols_new(NULL, NULL);
	uint64_t here = (uintptr_t)a_function_of_the_test;
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	struct symbol sym;
	int on_stack = 0;

	(void)state;
	assert_own_function(symbols_user(s, getpid(), here), 0);
	assert_own_function(symbols_user(s, getpid(), here + 2), 2);
	sym = symbols_user(s, getpid(), (uintptr_t)printf);
	assert_non_null(sym.name);
	assert_null(symbols_user(s, getpid(), 1).name);
	assert_null(symbols_user(s, 0x7fffffff, here).name);
	if (vdso) {
		sym = symbols_user(s, getpid(), vdso + 16);
		assert_string_equal(sym.name, "[vdso]");
		assert_int_equal(sym.offset, 16);
	}
	sym = symbols_user(s, getpid(), (uintptr_t)&on_stack);
	if (sym.name) /* sanitizers may have a stack elsewhere */
		assert_string_equal(sym.name, "[stack]");
	symbols_free(s);
}

static void a_process_that_has_ended(void **state)
{
	struct symbols *s = symbols_new(NULL, NULL);
	uint64_t here = (uintptr_t)a_function_of_the_test;
	pid_t seen = fork(), unseen;

	(void)state;
	if (!seen) {
		pause();
		_exit(0);
	}
	unseen = fork();
	if (!unseen)
		_exit(0);
	symbols_see(s, seen);
	kill(seen, SIGKILL);
	waitpid(seen, NULL, 0);
	waitpid(unseen, NULL, 0);
	assert_own_function(symbols_user(s, seen, here + 1), 1);
	assert_null(symbols_user(s, unseen, here + 1).name);
	symbols_see(s, seen); /* nothing to see, nothing lost */
	assert_own_function(symbols_user(s, seen, here), 0);
	symbols_free(s);
}

/* A folder as /proc would be: 42/{maps,stat,status,root/...}. */
struct stage {
	char proc[64];
	struct symbols *s;
};

static const char *in_stage(const struct stage *st, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", st->proc, name);
	return path;
}

static void put(const struct stage *st, const char *name, const void *data, size_t len)
{
	int fd = open(in_stage(st, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void put_text(const struct stage *st, const char *name, const char *text)
{
	put(st, name, text, strlen(text));
}

static void put_start_time(const struct stage *st, unsigned long long start)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "42 (a ) b) S 1 42 42 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 1 0 %llu 5 6\n", start);
	put_text(st, "42/stat", text);
}

/* The library lies at 0x10000, its data at 0x12000; after that memory of a JIT compiler. */
static void put_maps(const struct stage *st, unsigned long long base)
{
	struct stat file;
	char text[1024];

	assert_int_equal(stat(in_stage(st, "42/root/lib/sample.so"), &file), 0);
	snprintf(text, sizeof(text),
		 "%llx-%llx r-xp 00000000 fe:00 %llu    /lib/sample.so\n"
		 "%llx-%llx rw-p 00001000 fe:00 %llu    /lib/sample.so\n"
		 "700000-710000 rwxp 00000000 00:00 0 \n"
		 "720000-730000 rw-p 00000000 00:00 0 \n"
		 "800000-810000 rw-p 00000000 00:00 0    [heap]\n"
		 "900000-910000 r-xp 00002000 fe:00 99999    /lib/gone.so (deleted)\n"
		 "nonsense\n",
		 base, base + 0x1000, (unsigned long long)file.st_ino, base + 0x2000, base + 0x3000,
		 (unsigned long long)file.st_ino);
	put_text(st, "42/maps", text);
}

static int raise_stage(void **state)
{
	static const char *const folders[] = { "42", "42/root", "42/root/lib", "42/root/tmp" };
	struct stage *st = calloc(1, sizeof(*st));
	char library[16384];
	int fd = open("tests/fixtures/elf/sample.so", O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, library, sizeof(library));

	close(fd);
	strcpy(st->proc, "/tmp/skep-proc-XXXXXX");
	if (len <= 0 || !mkdtemp(st->proc))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		mkdir(in_stage(st, folders[i]), 0755);
	put(st, "42/root/lib/sample.so", library, len);
	put_text(st, "42/status", "Name:\tx\nNSpid:\t42\t7\nNSpgid:\t1\t2\n");
	put_start_time(st, 1000);
	put_maps(st, 0x10000);
	st->s = symbols_new(NULL, st->proc);
	*state = st;
	return st->s ? 0 : -1;
}

static void clear_stage(const struct stage *st)
{
	static const char *const names[] = {
		"42/root/lib/sample.so",
		"42/root/tmp/perf-7.map",
		"42/root/tmp/other",
		"42/maps",
		"42/stat",
		"42/status",
		"42/root/lib",
		"42/root/tmp",
		"42/root",
		"42",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		remove(in_stage(st, names[i]));
	rmdir(st->proc);
}

static int strike_stage(void **state)
{
	struct stage *st = *state;

	clear_stage(st);
	symbols_free(st->s);
	free(st);
	return 0;
}

static void assert_name(struct stage *st, uint64_t address, const char *name, uint64_t offset)
{
	struct symbol sym = symbols_user(st->s, 42, address);

	assert_non_null(sym.name);
	assert_string_equal(sym.name, name);
	assert_int_equal(sym.offset, offset);
}

static void another_root(void **state)
{
	struct stage *st = *state;
	struct symbol sym;

	assert_name(st, 0x10412, "plain", 0);
	assert_name(st, 0x10418, "hidden", 2);
	assert_name(st, 0x800010, "[heap]", 0x10);
	sym = symbols_user(st->s, 42, 0x10100); /* mapped, but in no function */
	assert_null(sym.name);
	assert_string_equal(sym.module, "/lib/sample.so");
	assert_int_equal(sym.offset, 0x100);
	sym = symbols_user(st->s, 42, 0x900010);
	assert_null(sym.name);
	assert_int_equal(sym.offset, 0x2010);
	assert_null(symbols_user(st->s, 42, 0x720010).name);
	assert_null(symbols_user(st->s, 42, 0x11000).name); /* between mappings */
}

static void a_container_that_is_gone(void **state)
{
	struct stage *st = *state;

	put_text(st, "42/root/tmp/perf-7.map", "700100 20 compiled\n");
	symbols_see(st->s, 42);
	clear_stage(st);
	assert_name(st, 0x10413, "plain", 1);
	assert_name(st, 0x700110, "compiled", 0x10);
}

static void names_of_a_jit_compiler(void **state)
{
	struct stage *st = *state;
	const char *first;

	put_text(st, "42/root/tmp/perf-7.map",
		 "700100 20 first one\n700200 10 second\nrubbish\n700100 20 first again\n"
		 "700300 zz bad\n700300 10\n");
	assert_name(st, 0x700100, "first again", 0);
	first = symbols_user(st->s, 42, 0x700100).name;
	assert_name(st, 0x70020f, "second", 15);
	assert_null(symbols_user(st->s, 42, 0x700210).name);
	assert_null(symbols_user(st->s, 42, 0x700300).name);
	/* The compiler writes on; names seen before stay where they are. */
	put_text(st, "42/root/tmp/perf-7.map", "700100 20 first again\n700400 10 third\n");
	for (int i = 0; i < 8 && !symbols_user(st->s, 42, 0x700400).name; i++)
		;
	assert_name(st, 0x700401, "third", 1);
	assert_string_equal(first, "first again");
}

static void links_stay_inside_of_the_root(void **state)
{
	struct stage *st = *state;
	char target[256];

	/* Seen from the process's root this file does not exist; from ours it does. */
	snprintf(target, sizeof(target), "%s/42/root/tmp/other", st->proc);
	put_text(st, "42/root/tmp/other", "700100 20 smuggled\n");
	assert_int_equal(symlink(target, in_stage(st, "42/root/tmp/perf-7.map")), 0);
	assert_null(symbols_user(st->s, 42, 0x700110).name);
}

static void a_number_used_again(void **state)
{
	struct stage *st = *state;

	assert_name(st, 0x10412, "plain", 0);
	put_start_time(st, 2000);
	put_maps(st, 0x50000);
	symbols_see(st->s, 42);
	assert_null(symbols_user(st->s, 42, 0x10412).module);
	assert_name(st, 0x50412, "plain", 0);
	/* Without being told, too, once another process was asked about in between. */
	put_start_time(st, 3000);
	put_maps(st, 0x60000);
	symbols_user(st->s, 43, 0x1000);
	assert_name(st, 0x60412, "plain", 0);
}

static void a_library_loaded_later(void **state)
{
	struct stage *st = *state;

	assert_null(symbols_user(st->s, 42, 0x50412).name);
	put_maps(st, 0x50000);
	for (int i = 0; i < 4 && !symbols_user(st->s, 42, 0x50412).name; i++)
		;
	assert_name(st, 0x50412, "plain", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STAGED(f) cmocka_unit_test_setup_teardown(f, raise_stage, strike_stage)
		cmocka_unit_test(this_process),
		cmocka_unit_test(a_process_that_has_ended),
		STAGED(another_root),
		STAGED(a_container_that_is_gone),
		STAGED(names_of_a_jit_compiler),
		STAGED(links_stay_inside_of_the_root),
		STAGED(a_number_used_again),
		STAGED(a_library_loaded_later),
	};

	return cmocka_run_group_tests_name("sym_user", tests, NULL, NULL);
}
