/* Listing: patterns, order, argument lines, types in C form. */
#include "probe_bench.h"

static void assert_lists(struct bench *b, const char *pattern, bool verbose, const char *text)
{
	struct buf out = { 0 };

	assert_int_equal(probe_list(&b->env, pattern, verbose, &out), 0);
	assert_string_equal(out.data ? out.data : "", text);
	buf_done(&out);
}

static void tracepoints(void **state)
{
	struct bench *b = *state;

	assert_lists(b, "tracepoint:sched:*", false,
		     "tracepoint:sched:sched_process_exec\ntracepoint:sched:sched_process_exit\n"
		     "tracepoint:sched:sched_switch\ntracepoint:sched:sched_wakeup\n");
	assert_lists(b, "t:raw*", false,
		     "tracepoint:raw_syscalls:sys_enter\ntracepoint:raw_syscalls:sys_exit\n");
	assert_lists(b, "tracepoint:syscalls:sys_enter_openat", false,
		     "tracepoint:syscalls:sys_enter_openat\n");
	assert_lists(b, "tracepoint:no:such", false, "");
}

static void arguments(void **state)
{
	struct bench *b = *state;

	assert_lists(b, "tracepoint:syscalls:sys_enter_openat", true,
		     "tracepoint:syscalls:sys_enter_openat\n"
		     "    int __syscall_nr\n    int dfd\n    const char * filename\n"
		     "    int flags\n    umode_t mode\n");
	assert_lists(b, "rawtracepoint:sched_switch", true,
		     "rawtracepoint:sched_switch\n    bool preempt\n"
		     "    struct task_struct *prev\n    struct task_struct *next\n"
		     "    u32 prev_state\n");
}

static void any_provider(void **state)
{
	struct bench *b = *state;

	assert_lists(b, "*openat*", false,
		     "tracepoint:syscalls:sys_enter_openat\ntracepoint:syscalls:sys_exit_openat\n");
	assert_lists(b, "sched_switch", false,
		     "tracepoint:sched:sched_switch\nrawtracepoint:sched_switch\n");
	assert_lists(b, "*tracepoint:sched_sw*,t*:sched:sched_w*", false,
		     "rawtracepoint:sched_switch\ntracepoint:sched:sched_wakeup\n");
}

static void endless_providers(void **state)
{
	struct bench *b = *state;

	assert_lists(b, "interval:*", false,
		     "interval:hz:\ninterval:s:\ninterval:ms:\ninterval:us:\n");
	assert_lists(b, "software:*faults*", false,
		     "software:alignment-faults:\nsoftware:emulation-faults:\n"
		     "software:major-faults:\nsoftware:minor-faults:\nsoftware:page-faults:\n");
	assert_lists(b, "software:dummy", false, "software:dummy:\n");
	assert_lists(b, "profile", false, "profile:hz:\nprofile:s:\nprofile:ms:\nprofile:us:\n");
	assert_lists(b, "BEGIN", false, "BEGIN\n");
}

static void everything(void **state)
{
	struct bench *b = *state;
	struct buf out = { 0 };

	assert_int_equal(probe_list(&b->env, NULL, false, &out), 0);
	assert_non_null(strstr(out.data, "BEGIN\nEND\ninterval:hz:\n"));
	assert_non_null(strstr(out.data, "\ntracepoint:tcp:tcp_retransmit_skb\n"));
	assert_non_null(strstr(out.data, "\nrawtracepoint:sys_enter\n"));
	assert_non_null(strstr(out.data, "\nkprobe:vfs_write\n"));
	assert_int_equal(b->diags.errors, 0);
	buf_done(&out);
}

static void kernel_types(void **state)
{
	struct bench *b = *state;

	assert_lists(b, "struct task_struct", true,
		     "struct task_struct {\n"
		     "\tu64 before;\n"
		     "\tstruct thread_info thread_info;\n"
		     "\tchar comm[16];\n"
		     "\tint (*act)(struct task_struct *, int);\n"
		     "\tint (*grid)[4];\n"
		     "\tunion {\n"
		     "\t\tu32 word;\n"
		     "\t\tstruct {\n"
		     "\t\t\tu32 low : 4;\n"
		     "\t\t\tu32 high : 28;\n"
		     "\t\t};\n"
		     "\t};\n"
		     "\tstruct list_head tasks;\n"
		     "};\n\n");
	assert_lists(b, "enum colour", true, "enum colour {\n\tRED = 0,\n\tGREEN = 5,\n};\n\n");
	assert_lists(b, "struct t*", false, "struct task_struct\nstruct thread_info\n");
	assert_lists(b, "union x", true, "");
}

static void wrong_patterns(void **state)
{
	struct bench *b = *state;
	struct buf out = { 0 };

	assert_int_equal(probe_list(&b->env, "tracepont:sched:*", false, &out), -EINVAL);
	assert_string_equal(bench_said(b),
			    "unknown probe type: tracepont\nHINT: did you mean tracepoint?\n");
	assert_null(out.data);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tracepoints),       TEST(arguments),  TEST(any_provider),
		TEST(endless_providers), TEST(everything), TEST(kernel_types),
		TEST(wrong_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
