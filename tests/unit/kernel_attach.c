/*
 * Every kind of attach record on the live kernel: the program runs as often as the event
 * happens, knows its cookie, and is gone soon after it was let go. Each feature that has another
 * way is forced off as well, and the counts must be the same.
 */
#include "kernel_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* word[0] += 1 for each event of ours */
static struct as count_program(struct fixture *f, const char *name, uint32_t type, uint32_t globals)
{
	struct as a = as_new(f, name, type);

	as_only_us(&a);
	as_count(&a, globals, 0);
	as_exit(&a);
	return a;
}

/* word[cookie] += 1 for each event of ours; the cookie comes from the kernel, or, where
 * @per_attach, is a constant of each copy */
static struct as cookie_program(struct fixture *f, const char *name, uint32_t type,
				uint32_t globals, bool per_attach)
{
	struct as a = as_new(f, name, type);

	as_copy(&a, 6, 1);
	as_only_us(&a);
	if (per_attach) {
		as_reloc(&a, 0, RELOC_PARAM, PARAM_COOKIE, 0);
	} else {
		as_copy(&a, 1, 6);
		as_call(&a, BPF_FUNC_get_attach_cookie);
	}
	a.p->per_attach = per_attach;
	uint32_t small = as_if(&a, BPF_JLT, 0, 16);
	as_exit(&a);
	as_here(&a, small);
	as_reloc(&a, 1, RELOC_MAP_VALUE, globals, sizeof(struct image_globals));
	as_raw(&a, BPF_ALU64 | BPF_LSH | BPF_K, 0, 0, 0, 3);
	as_raw(&a, BPF_ALU64 | BPF_ADD | BPF_X, 1, 0, 0, 0);
	as_mov(&a, 2, 1);
	as_raw(&a, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
	as_exit(&a);
	return a;
}

enum { WORDS_SIZE = 16 * sizeof(uint64_t) };

/* Forced off, what the kernel has must not be used; @list NULL: as it is. */
static struct fixture *fixture_forced(const char *list)
{
	struct fixture *f = fixture_new("");

	if (list)
		fixture_force(f, list);
	return f;
}

static void tracepoints(const char *list, bool per_attach)
{
	struct fixture *f = fixture_forced(list);
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	const char *const events[] = { "sys_enter_getppid", "sys_exit_getppid",
				       "sys_enter_getuid" };
	struct as a = cookie_program(f, "attach_tp", BPF_PROG_TYPE_TRACEPOINT, globals, per_attach);

	for (uint32_t i = 0; i < ARRAY_LEN(events); i++)
		as_attach(&a, (struct attach){ .kind = ATTACH_TRACEPOINT,
					       .target = "syscalls",
					       .func = events[i],
					       .config = tracepoint_id("syscalls", events[i]),
					       .cookie = i + 1 });
	fixture_load(f);
	fixture_attach(f, 3);
	call_getppid(777);
	for (int i = 0; i < 55; i++)
		syscall(SYS_getuid);
	f->host->ops->stop(f->host);
	assert_int_equal(f->host->ops->globals(f->host)->stop, 1);
	assert_int_equal(fixture_words(f)[0], 0);
	assert_int_equal(fixture_words(f)[1], 777);
	assert_int_equal(fixture_words(f)[2], 777);
	assert_int_equal(fixture_words(f)[3], 55);
	fixture_done(f);
	assert_true(programs_gone("attach_tp"));
}

static void test_tracepoints(void **state)
{
	(void)state;
	tracepoints(NULL, false);
}

static void test_tracepoints_no_cookie(void **state)
{
	(void)state;
	tracepoints("cookie=off", true);
}

static void test_tracepoints_no_defer(void **state)
{
	(void)state;
	tracepoints("link_defer=off", false);
}

static void raw_tracepoints(const char *list, bool per_attach)
{
	struct fixture *f = fixture_forced(list);
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = cookie_program(f, "attach_raw", BPF_PROG_TYPE_RAW_TRACEPOINT, globals,
				     per_attach);

	for (uint32_t i = 0; i < 2; i++)
		as_attach(&a, (struct attach){ .kind = ATTACH_RAW_TRACEPOINT,
					       .func = i ? "sys_exit" : "sys_enter",
					       .cookie = i + 1 });
	fixture_load(f);
	fixture_attach(f, 2);
	uint64_t *words = fixture_words(f), before = words[1];
	call_getppid(1000);
	assert_in_range(words[1] - before, 1000, 1100);
	assert_in_range(words[2] - before, 1000, 1100);
	assert_int_equal(words[0], 0);
	fixture_done(f);
	assert_true(programs_gone("attach_raw"));
}

static void test_raw_tracepoints(void **state)
{
	struct fixture *f = fixture_new("");
	bool cookies = target_has(&f->target, FEATURE_RAWTP_COOKIE);

	(void)state;
	fixture_done(f);
	if (!cookies) {
		print_message("skipped: raw tracepoints have no cookies on this kernel\n");
		skip();
	}
	raw_tracepoints(NULL, false);
}

static void test_raw_tracepoints_no_cookie(void **state)
{
	(void)state;
	raw_tracepoints("rawtp_cookie=off", true);
}

/* By the dozen they are let go in another way. */
static void test_raw_many(void **state)
{
	enum { DOZENS = 36 };
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = as_new(f, "attach_raws", BPF_PROG_TYPE_RAW_TRACEPOINT);

	(void)state;
	as_only_call(&a, SYS_getppid);
	as_count(&a, globals, 0);
	as_exit(&a);
	for (int i = 0; i < DOZENS; i++)
		as_on_sys_enter(&a);
	fixture_load(f);
	fixture_attach(f, DOZENS);
	call_getppid(10);
	assert_int_equal(fixture_words(f)[0], 10 * DOZENS);
	f->host->ops->stop(f->host);
	fixture_done(f);
	assert_true(programs_gone("attach_raws"));
}

/* ---- uprobes, on functions of this program ---- */

__attribute__((noinline)) static int probed_one(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

__attribute__((noinline)) static int probed_two(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 2;
}

static uint64_t file_offset(const void *address)
{
	unsigned long long start, end, offset;
	uintptr_t at = (uintptr_t)address;
	char line[4096 + 100];
	uint64_t found = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 && at >= start &&
		    at < end)
			found = at - start + offset;
	fclose(maps);
	return found;
}

static void uprobes(const char *list, bool per_attach, bool is_return, int32_t pid)
{
	struct fixture *f = fixture_forced(list);
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = cookie_program(f, "attach_up", BPF_PROG_TYPE_KPROBE, globals, per_attach);
	const void *const places[] = { probed_one, probed_two };

	for (uint32_t i = 0; i < ARRAY_LEN(places); i++)
		as_attach(&a, (struct attach){ .kind = ATTACH_UPROBE,
					       .target = "/proc/self/exe",
					       .offset = file_offset(places[i]),
					       .cookie = i + 1,
					       .is_return = is_return,
					       .pid = pid });
	fixture_load(f);
	fixture_attach(f, 2);
	for (int i = 0; i < 50; i++)
		probed_one(i);
	for (int i = 0; i < 20; i++)
		probed_two(i);
	f->host->ops->stop(f->host);
	assert_int_equal(fixture_words(f)[0], 0);
	assert_int_equal(fixture_words(f)[1], 50);
	assert_int_equal(fixture_words(f)[2], 20);
	fixture_done(f);
	assert_true(programs_gone("attach_up"));
}

static void test_uprobes(void **state)
{
	(void)state;
	uprobes(NULL, false, false, -1);
	uprobes(NULL, false, true, getpid());
}

static void test_uprobes_one_by_one(void **state)
{
	(void)state;
	uprobes("uprobe_multi=off", false, false, -1);
	uprobes("uprobe_multi=off", false, true, getpid());
}

static void test_uprobes_no_cookie(void **state)
{
	(void)state;
	uprobes("uprobe_multi=off,cookie=off", true, false, getpid());
}

/* Of two places in one link, one is not there: the other is attached all the same. */
static void test_uprobe_missing(void **state)
{
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = count_program(f, "attach_half", BPF_PROG_TYPE_KPROBE, globals);

	(void)state;
	as_attach(&a, (struct attach){ .kind = ATTACH_UPROBE,
				       .target = "/proc/self/exe",
				       .offset = file_offset(probed_one),
				       .pid = -1 });
	as_attach(&a, (struct attach){ .kind = ATTACH_UPROBE,
				       .name = "uprobe:/nowhere:f",
				       .target = "/nowhere",
				       .offset = 64,
				       .pid = -1 });
	fixture_load(f);
	assert_int_equal(f->host->ops->attach(f->host, &f->diags, true, NULL, NULL), 1);
	assert_int_equal(f->diags.warnings, 1);
	assert_int_equal(f->diags.errors, 0);
	assert_non_null(strstr(f->diags.first->text, "uprobe:/nowhere:f"));
	probed_one(1);
	assert_int_equal(fixture_words(f)[0], 1);
	fixture_done(f);
}

/* Of many places in one link, the one that cannot be is named, and the others stay. */
static void test_uprobe_bad(void **state)
{
	static const char *const names[] = { "f0", "f1", "f2", "f3", "f4" };
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = count_program(f, "attach_bad", BPF_PROG_TYPE_KPROBE, globals);
	uint64_t place = file_offset(probed_one);

	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
		as_attach(&a, (struct attach){ .kind = ATTACH_UPROBE,
					       .name = names[i],
					       .target = "/proc/self/exe",
					       .offset = i == 3 ? 1ULL << 40 : place,
					       .pid = -1 });
	fixture_load(f);
	assert_true(f->host->ops->attach(f->host, &f->diags, false, NULL, NULL) < 0);
	assert_int_equal(f->diags.errors, 1);
	assert_non_null(strstr(f->diags.first->text, "f3"));
	assert_null(strstr(f->diags.first->text, "f2"));
	fixture_done(f);
}

/* ---- kprobes: on kernels that have them ---- */

static void kprobes(const char *list, bool per_attach)
{
	struct fixture *f = fixture_forced(list);
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = cookie_program(f, "attach_kp", BPF_PROG_TYPE_KPROBE, globals, per_attach);

	if (access("/sys/bus/event_source/devices/kprobe", F_OK)) {
		fixture_done(f);
		print_message("skipped: this kernel is built without kprobes\n");
		skip();
	}
	as_attach(&a, (struct attach){
			      .kind = ATTACH_KPROBE, .func = "__x64_sys_getppid", .cookie = 1 });
	as_attach(&a, (struct attach){
			      .kind = ATTACH_KPROBE, .func = "__x64_sys_getuid", .cookie = 2 });
	fixture_load(f);
	fixture_attach(f, 2);
	call_getppid(88);
	f->host->ops->stop(f->host);
	assert_int_equal(fixture_words(f)[1], 88);
	assert_int_equal(fixture_words(f)[2], 0);
	fixture_done(f);
	assert_true(programs_gone("attach_kp"));
}

static void test_kprobes(void **state)
{
	(void)state;
	kprobes(NULL, false);
}

static void test_kprobes_one_by_one(void **state)
{
	(void)state;
	kprobes("kprobe_multi=off", false);
}

/* Where there are none, the message says so. */
static void test_kprobe_absent(void **state)
{
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = count_program(f, "attach_kp", BPF_PROG_TYPE_KPROBE, globals);

	(void)state;
	if (access("/sys/bus/event_source/devices/kprobe", F_OK) == 0) {
		fixture_done(f);
		print_message("skipped: this kernel has kprobes\n");
		skip();
	}
	as_attach(&a, (struct attach){ .kind = ATTACH_KPROBE, .name = "kprobe:f", .func = "f" });
	fixture_load(f);
	assert_true(f->host->ops->attach(f->host, &f->diags, true, NULL, NULL) < 0);
	assert_int_equal(f->diags.errors, 1);
	assert_non_null(strstr(f->diags.first->text, "kprobe:f"));
	assert_int_equal(f->diags.first->hints.n, 1);
	assert_non_null(strstr(f->diags.first->hints.v[0], "built without it"));
	fixture_done(f);
}

/* ---- counted events and clocks ---- */

static void touch_pages(uint32_t n)
{
	size_t page = (size_t)getpagesize();
	char *at = mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	madvise(at, n * page, MADV_NOHUGEPAGE);
	for (uint32_t i = 0; i < n; i++)
		*(volatile char *)(at + i * page) = 1;
	munmap(at, n * page);
}

static void software(int32_t pid)
{
	enum { PAGE_FAULTS = 2 };
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = count_program(f, "attach_sw", BPF_PROG_TYPE_PERF_EVENT, globals);

	as_attach(&a, (struct attach){ .kind = ATTACH_SOFTWARE,
				       .config = PAGE_FAULTS,
				       .period = 1,
				       .pid = pid });
	fixture_load(f);
	fixture_attach(f, 1);
	uint64_t before = fixture_words(f)[0];
	touch_pages(500);
	assert_in_range(fixture_words(f)[0] - before, 500, 600);
	fixture_done(f);
	assert_true(programs_gone("attach_sw"));
}

static void test_software(void **state)
{
	(void)state;
	software(-1);
	software(getpid());
}

/* Waits until word[0] has come to @n; the clock of a loaded machine may be late. */
static bool word_reaches(struct fixture *f, uint64_t n)
{
	const struct timespec moment = { 0, 1000000 };

	for (int i = 0; i < 10000; i++) {
		if (__atomic_load_n(fixture_words(f), __ATOMIC_RELAXED) >= n)
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

/* Counts whatever the clock interrupts. */
static void clocks(enum attach_kind kind, bool is_frequency)
{
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = as_new(f, "attach_clock", BPF_PROG_TYPE_PERF_EVENT);

	as_count(&a, globals, 0);
	as_exit(&a);
	as_attach(&a, (struct attach){ .kind = kind,
				       .period = is_frequency ? 1000 : 1000000,
				       .is_frequency = is_frequency,
				       .pid = -1 });
	fixture_load(f);
	fixture_attach(f, 1);
	assert_true(word_reaches(f, 20));
	f->host->ops->stop(f->host);
	fixture_done(f);
	assert_true(programs_gone("attach_clock"));
}

static void test_clocks(void **state)
{
	(void)state;
	clocks(ATTACH_INTERVAL, false);
	clocks(ATTACH_PROFILE, false);
	clocks(ATTACH_PROFILE, true);
}

/* ---- BEGIN and END ---- */

static void begin(const char *list)
{
	struct fixture *f = fixture_forced(list);
	uint32_t globals = fixture_globals(f, WORDS_SIZE);

	for (uint32_t i = 0; i < 3; i++) {
		/* word[0] = word[0] * 10 + i + 1: the order shows */
		struct as a = as_new(f, "begin", BPF_PROG_TYPE_RAW_TRACEPOINT);

		as_reloc(&a, 1, RELOC_MAP_VALUE, globals, sizeof(struct image_globals));
		as_load(&a, 2, 1, 0);
		as_raw(&a, BPF_ALU64 | BPF_MUL | BPF_K, 2, 0, 0, 10);
		as_add(&a, 2, (int32_t)i + 1);
		as_store(&a, 1, 0, 2);
		as_exit(&a);
		as_attach(&a, (struct attach){ .kind = i == 2 ? ATTACH_END : ATTACH_BEGIN });
	}
	fixture_load(f);
	assert_int_equal(f->host->ops->run(f->host, ATTACH_BEGIN), 0);
	assert_int_equal(fixture_words(f)[0], 12);
	fixture_attach(f, 0);
	f->host->ops->stop(f->host);
	assert_int_equal(f->host->ops->run(f->host, ATTACH_END), 0);
	assert_int_equal(fixture_words(f)[0], 123);
	fixture_done(f);
}

static void test_begin(void **state)
{
	(void)state;
	begin(NULL);
}

static void test_begin_by_uprobe(void **state)
{
	(void)state;
	begin("rawtp_test_run=off");
	begin("rawtp_test_run=off,cookie=off");
}

/* ---- many, and gone ---- */

enum { MANY = 360 };

static uint32_t attach_many(struct fixture *f, struct as *a)
{
	struct tracefs fs = { .dirfd = -1 };
	struct buf text = { 0 };
	uint32_t n = 0;

	if (tracefs_read(&fs, "available_events", &text)) {
		print_message("skipped: tracefs cannot be read\n");
		skip();
	}
	for (char *line = strtok(text.data, "\n"); line && n < MANY; line = strtok(NULL, "\n"))
		if (strncmp(line, "syscalls:sys_enter_", 19) == 0) {
			const char *event = arena_strdup(&f->arena, line + 9);

			as_attach(a, (struct attach){ .kind = ATTACH_TRACEPOINT,
						      .config = tracepoint_id("syscalls", event),
						      .func = event });
			n++;
		}
	buf_done(&text);
	tracefs_done(&fs);
	return n;
}

static void progressed(void *ctx, uint32_t done, uint32_t all)
{
	uint32_t *last = ctx;

	assert_int_equal(done, *last + 1);
	assert_true(done <= all);
	*last = done;
}

/* What was attached by the hundred is gone soon, though closing the events takes far longer. */
static void test_many_gone(void **state)
{
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE), told = 0;
	struct as a = count_program(f, "attach_many", BPF_PROG_TYPE_TRACEPOINT, globals);
	uint32_t n = attach_many(f, &a);

	(void)state;
	fixture_load(f);
	assert_int_equal(f->host->ops->attach(f->host, &f->diags, false, progressed, &told), n);
	assert_int_equal(told, n);
	uint64_t before = fixture_words(f)[0];
	call_getppid(100);
	assert_in_range(fixture_words(f)[0] - before, 100, 120);
	fixture_done(f);
	assert_true(programs_gone("attach_many"));
}

/* The same when nobody is left to let go. */
static void test_killed(void **state)
{
	struct fixture *f = fixture_new("");
	uint32_t globals = fixture_globals(f, WORDS_SIZE);
	struct as a = count_program(f, "attach_kill", BPF_PROG_TYPE_TRACEPOINT, globals);
	int ready[2], status;
	char byte;

	(void)state;
	attach_many(f, &a);
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int err = fixture_try_load(f);

		if (!err)
			f->host->ops->attach(f->host, &f->diags, false, NULL, NULL);
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(programs_named("attach_kill"), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(programs_gone("attach_kill"));
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tracepoints),
		cmocka_unit_test(test_tracepoints_no_cookie),
		cmocka_unit_test(test_tracepoints_no_defer),
		cmocka_unit_test(test_raw_tracepoints),
		cmocka_unit_test(test_raw_tracepoints_no_cookie),
		cmocka_unit_test(test_raw_many),
		cmocka_unit_test(test_uprobes),
		cmocka_unit_test(test_uprobes_one_by_one),
		cmocka_unit_test(test_uprobes_no_cookie),
		cmocka_unit_test(test_uprobe_missing),
		cmocka_unit_test(test_uprobe_bad),
		cmocka_unit_test(test_kprobes),
		cmocka_unit_test(test_kprobes_one_by_one),
		cmocka_unit_test(test_kprobe_absent),
		cmocka_unit_test(test_software),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_begin_by_uprobe),
		cmocka_unit_test(test_many_gone),
		cmocka_unit_test(test_killed),
	};
	return cmocka_run_group_tests_name("kernel attach", tests, NULL, NULL);
}
