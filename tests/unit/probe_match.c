/* Providers: what matches, how it is attached, where its arguments are. */
#include <fcntl.h>
#include <unistd.h>

#include "probe_bench.h"

static void assert_access(struct access a, enum access_kind kind, uint32_t base, uint32_t offset)
{
	assert_int_equal(a.kind, kind);
	assert_int_equal(a.base, base);
	assert_int_equal(a.offset, offset);
}

static const struct event_field *field_of(struct bench *b, struct event *e, const char *name)
{
	const struct event_field *f;

	assert_int_equal(event_fields(&b->env, e, SPAN_NONE), 0);
	f = event_field(e, name);
	assert_non_null(f);
	return f;
}

/* ---- tracepoints ---- */

static void tracepoint_by_full_name(void **state)
{
	struct bench *b = *state;
	struct event *e = bench_event(b, "t:syscalls:sys_enter_openat");

	assert_string_equal(e->name, "tracepoint:syscalls:sys_enter_openat");
	assert_int_equal(e->attach.kind, ATTACH_TRACEPOINT);
	assert_string_equal(e->attach.target, "syscalls");
	assert_string_equal(e->attach.func, "sys_enter_openat");
	assert_int_equal(e->attach.config, 782);
}

static void tracepoints_by_wildcard(void **state)
{
	struct bench *b = *state;

	assert_events(b, "tracepoint:syscalls:sys_enter_*",
		      "tracepoint:syscalls:sys_enter_execve tracepoint:syscalls:sys_enter_openat "
		      "tracepoint:syscalls:sys_enter_writev");
	assert_events(b, "tracepoint:*:sys_e????", "tracepoint:raw_syscalls:sys_enter");
	assert_refused(b, "tracepoint:sched:x*", "no tracepoint matches sched:x*\n");
}

static void misspelt_tracepoints(void **state)
{
	struct bench *b = *state;

	assert_refused(b, "tracepoint:syscalls:sys_enter_opnat",
		       "no tracepoint matches syscalls:sys_enter_opnat\n"
		       "HINT: did you mean sys_enter_openat?\n");
	assert_refused(b, "tracepoint:shed:sched_switch",
		       "no tracepoint matches shed:sched_switch\nHINT: did you mean sched?\n");
	assert_refused(b, "tracepoint:..:available_events",
		       "no tracepoint matches ..:available_events\n");
}

static void without_tracefs(void **state)
{
	struct bench *b = *state;

	b->tracefs.root = "tests/fixtures/no-such-folder";
	assert_int_equal(probe_list(&b->env, "tracepoint:*", false, &(struct buf){ 0 }), -ENOENT);
	assert_non_null(strstr(bench_said(b), "the kernel's tracepoints cannot be read"));
	assert_int_equal(probe_list(&b->env, "tracepoint:a:b", false, &(struct buf){ 0 }), -ENOENT);
	assert_non_null(strstr(bench_said(b), "the kernel's tracepoints cannot be read"));
}

static void tracepoint_fields(void **state)
{
	struct bench *b = *state;
	struct event *e = bench_event(b, "tracepoint:syscalls:sys_enter_openat");
	const struct event_field *f = field_of(b, e, "filename");

	assert_access(f->access, ACCESS_CONTEXT, 0, 24);
	assert_int_equal(f->type->kind, TYPE_POINTER);
	assert_int_equal(f->type->space, SPACE_USER);
	assert_null(event_field(e, "common_pid"));
	assert_non_null(e->args);
	e = bench_event(b, "tracepoint:irq:irq_handler_entry");
	assert_access(field_of(b, e, "name")->access, ACCESS_DATA_LOC, 0, 12);
}

static void no_fields_elsewhere(void **state)
{
	struct bench *b = *state;

	assert_int_equal(event_fields(&b->env, bench_event(b, "interval:s:1"), SPAN_NONE), -EINVAL);
	assert_string_equal(bench_said(b), "interval probes have no args\n");
}

/* ---- raw tracepoints ---- */

static void raw_tracepoints(void **state)
{
	struct bench *b = *state;
	struct event *e = bench_event(b, "rt:sched_switch");

	assert_string_equal(e->name, "rawtracepoint:sched_switch");
	assert_string_equal(e->attach.func, "sched_switch");
	assert_int_equal(e->attach.kind, ATTACH_RAW_TRACEPOINT);
	assert_int_equal(e->provider->prog_type, BPF_PROG_TYPE_RAW_TRACEPOINT);
	assert_access(event_argn(&b->env, e, 2), ACCESS_CONTEXT, 0, 16);
	assert_events(b, "rawtracepoint:sched_*",
		      "rawtracepoint:sched_switch rawtracepoint:sched_wakeup");
	assert_events(b, "rawtracepoint:vmlinux:sched_switch",
		      "rawtracepoint:vmlinux:sched_switch");
	assert_refused(b, "rawtracepoint:sched_swich",
		       "no rawtracepoint matches sched_swich\nHINT: did you mean sched_switch?\n");
}

static void raw_tracepoint_fields(void **state)
{
	struct bench *b = *state;
	struct event *e = bench_event(b, "rawtracepoint:sched_switch");
	const struct event_field *f = field_of(b, e, "next");

	assert_access(f->access, ACCESS_CONTEXT, 0, 16);
	assert_string_equal(type_name(&b->types, f->type), "struct task_struct *");
	assert_access(field_of(b, e, "preempt")->access, ACCESS_CONTEXT, 0, 0);
	assert_null(event_field(e, "__data"));
	/* four arguments, so there is no fifth */
	assert_access(event_argn(&b->env, e, 3), ACCESS_CONTEXT, 0, 24);
	assert_int_equal(event_argn(&b->env, e, 4).kind, ACCESS_NONE);
	e = bench_event(b, "rawtracepoint:sys_enter");
	assert_int_equal(event_fields(&b->env, e, SPAN_NONE), -ENOENT);
	assert_string_equal(bench_said(b),
			    "the arguments of rawtracepoint:sys_enter are not known: its BTF is "
			    "missing\nHINT: arg0, arg1, ... work without it\n");
}

static void raw_tracepoints_without_btf(void **state)
{
	struct bench *b = *state;

	b->env.btf_path = "tests/fixtures/btf/no-such-file";
	assert_events(b, "rawtracepoint:anything", "rawtracepoint:anything");
	assert_refused(b, "rawtracepoint:any*",
		       "raw tracepoints cannot be listed without the kernel's BTF\n"
		       "HINT: name the raw tracepoint without a wildcard\n");
}

/* ---- kprobes ---- */

static void with_symbols(struct bench *b)
{
	b->env.symbols = symbols_new("tests/fixtures/kallsyms-probe", NULL);
	assert_non_null(b->env.symbols);
	b->env.own_symbols = true;
}

static void kprobes_by_name(void **state)
{
	struct bench *b = *state;
	struct event *e;

	with_symbols(b);
	e = bench_event(b, "k:vfs_read");
	assert_string_equal(e->name, "kprobe:vfs_read");
	assert_int_equal(e->attach.kind, ATTACH_KPROBE);
	assert_string_equal(e->attach.func, "vfs_read");
	assert_null(e->attach.target);
	assert_false(e->attach.is_return);
	e = bench_event(b, "kprobe:vfs_read+0x10");
	assert_string_equal(e->name, "kprobe:vfs_read+16");
	assert_int_equal(e->attach.offset, 16);
	e = bench_event(b, "kprobe:nf_tables:nf_hook_slow");
	assert_string_equal(e->name, "kprobe:nf_tables:nf_hook_slow");
	assert_string_equal(e->attach.target, "nf_tables");
	assert_null(bench_event(b, "kprobe:vmlinux:vfs_read")->attach.target);
	assert_true(bench_event(b, "kretprobe:vfs_read")->attach.is_return);
}

static void kprobes_by_wildcard(void **state)
{
	struct bench *b = *state;

	with_symbols(b);
	assert_events(b, "kprobe:vfs_*", "kprobe:vfs_read kprobe:vfs_write");
	assert_events(b, "kprobe:nf_tables:*", "kprobe:nf_tables:nf_hook_slow");
	/* a folder without available_filter_functions, where kprobes are built in */
	tracefs_done(&b->tracefs);
	b->tracefs.root = "tests/fixtures/kprobes-only";
	assert_events(b, "kretprobe:vfs_*",
		      "kretprobe:vfs_read kretprobe:vfs_write kretprobe:vfs_readv");
	/* and one of a kernel without kprobes */
	tracefs_done(&b->tracefs);
	b->tracefs.root = "tests/fixtures/btf";
	assert_refused(b, "kprobe:vfs_*", "no kprobe matches vfs_*\n");
}

static void wrong_kprobes(void **state)
{
	struct bench *b = *state;

	with_symbols(b);
	assert_refused(b, "kprobe:vfs_raed",
		       "no kprobe matches vfs_raed\nHINT: did you mean vfs_read?\n");
	assert_refused(b, "kprobe:vfs_read+x", "x is not an offset\n");
	assert_refused(b, "kprobe:vfs_*+4", "an offset needs a full function name\n");
	assert_refused(b, "kprobe:m*:f", "name the module without a wildcard\n");
	assert_refused(b, "kretprobe:vfs_read+4",
		       "a kretprobe is for a whole function: it takes no offset\n");
	assert_refused(b, "kprobe:0xffffffff81001000",
		       "a kprobe at a bare address needs --unsafe\n"
		       "HINT: name the function instead, with +OFFSET when needed\n");
	b->env.unsafe = true;
	assert_int_equal(bench_event(b, "kprobe:0xffffffff81001000")->attach.address,
			 0xffffffff81001000);
	assert_refused(b, "kprobe:0xfg", "0xfg is not an address\n");
}

static void registers(void **state)
{
	struct bench *b = *state;
	struct event *in, *out;
	uint32_t offset = 0;

	with_symbols(b);
	in = bench_event(b, "kprobe:vfs_read");
	out = bench_event(b, "kretprobe:vfs_read");
	assert_access(event_argn(&b->env, in, 0), ACCESS_CONTEXT, 0, 112);
	assert_access(event_argn(&b->env, in, 3), ACCESS_CONTEXT, 0, 88);
	assert_access(event_argn(&b->env, in, 6), ACCESS_STACK, 152, 8);
	assert_access(event_argn(&b->env, in, 7), ACCESS_STACK, 152, 16);
	assert_int_equal(event_argn(&b->env, in, 99).kind, ACCESS_NONE);
	assert_int_equal(event_retval(&b->env, in).kind, ACCESS_NONE);
	assert_access(event_retval(&b->env, out), ACCESS_CONTEXT, 0, 80);
	assert_int_equal(event_argn(&b->env, out, 0).kind, ACCESS_NONE);
	assert_true(register_find(ARCH_X86_64, "sp", &offset));
	assert_int_equal(offset, 152);
	assert_false(register_find(ARCH_X86_64, "r30", &offset));
	b->target.arch = ARCH_ARM64;
	assert_access(event_argn(&b->env, in, 7), ACCESS_CONTEXT, 0, 56);
	assert_access(event_argn(&b->env, in, 8), ACCESS_STACK, 248, 0);
	assert_access(event_retval(&b->env, out), ACCESS_CONTEXT, 0, 0);
	assert_true(register_find(ARCH_ARM64, "r30", &offset));
	assert_int_equal(offset, 240);
}

/* ---- uprobes: on the test's own program ---- */

int probed_by_the_test(int n);
__attribute__((noinline)) int probed_by_the_test(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

static const char *own_path(struct bench *b)
{
	char *path = arena_alloc(&b->arena, 4096);

	assert_true(readlink("/proc/self/exe", path, 4095) > 0);
	return path;
}

/* The bytes at the file offset are those of the function. */
static void assert_lands_on(struct bench *b, uint64_t offset, const void *code)
{
	uint8_t bytes[4];
	int fd = open(own_path(b), O_RDONLY);

	assert_int_equal(pread(fd, bytes, sizeof(bytes), offset), sizeof(bytes));
	assert_memory_equal(bytes, code, sizeof(bytes));
	close(fd);
}

static void uprobes_by_name(void **state)
{
	struct bench *b = *state;
	const char *path = own_path(b);
	const char *text = arena_printf(&b->arena, "uprobe:%s:probed_by_the_test", path);
	struct event *e = bench_event(b, text);
	uint64_t offset = e->attach.offset;

	assert_string_equal(e->name, text);
	assert_int_equal(e->attach.kind, ATTACH_UPROBE);
	assert_string_equal(e->attach.target, path);
	assert_int_equal(e->attach.pid, -1);
	assert_false(e->attach.is_return);
	assert_lands_on(b, offset, (const void *)probed_by_the_test);
	e = bench_event(b, arena_printf(&b->arena, "%s+1", text));
	assert_int_equal(e->attach.offset, offset + 1);
	e = bench_event(b, arena_printf(&b->arena, "uretprobe:%s:probed_by_the_test", path));
	assert_true(e->attach.is_return);
	assert_int_equal(e->attach.offset, offset);
	assert_events(b, arena_printf(&b->arena, "uprobe:%s:probed_by_*", path), text);
}

static void uprobes_of_a_process(void **state)
{
	struct bench *b = *state;
	struct event *e;

	b->env.pid = getpid();
	e = bench_event(b, "uprobe:probed_by_the_test");
	assert_int_equal(e->attach.pid, getpid());
	assert_string_equal(e->attach.target, arena_printf(&b->arena, "/proc/%d/exe", getpid()));
	assert_lands_on(b, e->attach.offset, (const void *)probed_by_the_test);
}

static void wrong_uprobes(void **state)
{
	struct bench *b = *state;
	const char *path = own_path(b);

	assert_refused(b, "uprobe:/no/such/file:f",
		       "there is no file /no/such/file\n"
		       "HINT: give a path, a program in $PATH, or a library such as libc\n");
	assert_refused(b, "uprobe:f",
		       "uprobe probe type needs a file\n"
		       "HINT: write it as uprobe:FILE:FUNCTION, uprobe:FILE:FUNCTION+OFFSET or "
		       "uprobe:FILE:ADDRESS, or give -p PID for a process's own program\n");
	assert_refused(b, arena_printf(&b->arena, "uprobe:%s:probed_by_the_tset", path),
		       arena_printf(&b->arena,
				    "no uprobe matches %s:probed_by_the_tset\n"
				    "HINT: did you mean probed_by_the_test?\n",
				    path));
	assert_refused(b, arena_printf(&b->arena, "uretprobe:%s:probed_by_the_test+1", path),
		       "a uretprobe is for a whole function: it takes no offset\n");
	assert_refused(b, arena_printf(&b->arena, "uprobe:%s:0xfffffffffffffff0", path),
		       arena_printf(&b->arena,
				    "no loaded part of %s holds address 0xfffffffffffffff0\n",
				    path));
	assert_int_equal(probe_parse(&b->env, "uprobe:/proc/self/maps:f", SPAN_NONE,
				     &(struct probe_spec){ 0 }),
			 0);
	assert_true(probe_list(&b->env, "uprobe:/proc/self/maps:f", false, &(struct buf){ 0 }) < 0);
	assert_non_null(strstr(bench_said(b), "/proc/self/maps cannot be probed: "));
}

static void offsets_outside_the_function(void **state)
{
	struct bench *b = *state;
	const char *text = arena_printf(&b->arena, "uprobe:%s:probed_by_the_test+4096",
					own_path(b));

	assert_int_equal(probe_list(&b->env, text, false, &(struct buf){ 0 }), -EPERM);
	assert_non_null(strstr(bench_said(b), "+4096 lies outside probed_by_the_test"));
	b->env.unsafe = true;
	bench_event(b, text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tracepoint_by_full_name),
		TEST(tracepoints_by_wildcard),
		TEST(misspelt_tracepoints),
		TEST(without_tracefs),
		TEST(tracepoint_fields),
		TEST(no_fields_elsewhere),
		TEST(raw_tracepoints),
		TEST(raw_tracepoint_fields),
		TEST(raw_tracepoints_without_btf),
		TEST(kprobes_by_name),
		TEST(kprobes_by_wildcard),
		TEST(wrong_kprobes),
		TEST(registers),
		TEST(uprobes_by_name),
		TEST(uprobes_of_a_process),
		TEST(wrong_uprobes),
		TEST(offsets_outside_the_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
