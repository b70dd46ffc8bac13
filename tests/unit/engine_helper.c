/*
 * Helpers that need no maps: what they answer, what the hooks decide, and that wrong arguments end
 * the run. engine_kernel.c and engine_kernel_format.c compare others with the kernel's.
 */
#include "engine_world.h"

/* ---- time, task ---- */

static void clocks_and_tasks_come_from_hooks(void **state)
{
	struct machine m;
	char comm[8];

	(void)state;
	setup(&m);
	m.vm.cpu = 2;
#define CALL(name) run_text(&m, "call bpf_" name "\nexit", NULL, 0)
	assert_int_equal(CALL("ktime_get_ns"), 1000000000 + CLOCK_MONOTONIC);
	assert_int_equal(CALL("ktime_get_boot_ns"), 1000000000 + CLOCK_BOOTTIME);
	assert_int_equal(CALL("ktime_get_tai_ns"), 1000000000 + CLOCK_TAI);
	assert_int_equal(CALL("jiffies64"), 250);
	assert_true(CALL("get_current_pid_tgid") == 0x200000003);
	assert_true(CALL("get_current_uid_gid") == 0x400000005);
	assert_int_equal(CALL("get_smp_processor_id"), 2);
	memset(comm, 'x', sizeof(comm));
	assert_int_equal(run_text(&m, "call bpf_get_current_comm\nexit", comm, sizeof(comm)), 0);
	assert_memory_equal(comm, "hive\0\0\0\0", 8);
	assert_int_equal(run_text(&m, "r2 = 3\ncall bpf_get_current_comm\nexit", comm, 8), 0);
	assert_memory_equal(comm, "hi\0e", 3);
	/* longer than the memory it may write */
	run_text(&m, "r2 = 9\ncall bpf_get_current_comm\nexit", comm, 8);
	assert_ends(&m, VM_BAD_ACCESS);
	teardown(&m);
}

static void random_numbers_follow_the_seed(void **state)
{
	struct machine m, n;
	uint64_t first[8];
	bool differ = false;

	(void)state;
	setup(&m);
	for (int i = 0; i < 8; i++) {
		first[i] = CALL("get_prandom_u32");
		assert_true(first[i] <= UINT32_MAX);
		differ |= first[i] != first[0];
	}
	assert_true(differ);
	setup(&n);
	for (int i = 0; i < 8; i++)
		assert_int_equal(run_text(&n, "call bpf_get_prandom_u32\nexit", NULL, 0), first[i]);
	teardown(&n);
	machine_done(&m);
}

/* ---- memory that is tried ---- */

static void probe_reads(void **state)
{
	struct machine m;
	char context[32];

	(void)state;
	setup(&m);
	world.far = "abcdefgh\0ij";
	world.far_size = 11;
#define READ(helper, size, from)                                                            \
	(memset(context, 'x', sizeof(context)),                                             \
	 (int64_t)run_text(&m, "r2 = " #size "\nr3 = " #from "\ncall bpf_" helper "\nexit", \
			   context, sizeof(context)))
	assert_int_equal(READ("probe_read_kernel", 4, 0x5001), 0);
	assert_memory_equal(context, "bcdex", 5);
	assert_int_equal(READ("probe_read_user", 12, 0x5000), -EFAULT);
	assert_memory_equal(context, "\0\0\0\0\0\0\0\0\0\0\0\0x", 13);
	assert_int_equal(READ("probe_read", 4, 0), -EFAULT);
	assert_int_equal(READ("probe_read_kernel_str", 32, 0x5002), 7);
	assert_memory_equal(context, "cdefgh\0x", 8);
	assert_int_equal(READ("probe_read_user_str", 4, 0x5002), 4);
	assert_memory_equal(context, "cde\0x", 5);
	assert_int_equal(READ("probe_read_str", 1, 0x5002), 1);
	assert_memory_equal(context, "\0x", 2);
	/* a text that runs off its memory */
	assert_int_equal(READ("probe_read_kernel_str", 8, 0x5009), -EFAULT);
	assert_memory_equal(context, "\0\0\0\0\0\0\0\0x", 9);
	assert_ends(&m, VM_DONE);
	/* the program's own memory needs no hook */
	assert_int_equal(run_text(&m,
				  "*(u64 *)(r10 -8) = 0x6968\nr2 = 8\nr3 = r10\nr3 += -8\n"
				  "call bpf_probe_read_kernel_str\nexit",
				  context, 32),
			 3);
	assert_string_equal(context, "hi");
	/* where it is put must be the program's */
	run_text(&m, "r1 = 0x5000\nr2 = 4\nr3 = r10\nr3 += -8\ncall bpf_probe_read\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_true(m.vm.fault_write);
	teardown(&m);
}

static void kernel_symbols(void **state)
{
	const char *text =
		"*(u64 *)(r10 -8) = 0\nr2 = *(u32 *)(r1 +12)\nr3 = 0\nr4 = r10\nr4 += -8\n"
		"call bpf_kallsyms_lookup_name\nr0 += 1\nr1 = *(u64 *)(r10 -8)\n"
		"r0 += r1\nexit";
	struct machine m;
	struct {
		char name[12];
		uint32_t size;
	} context = { "jiffies", 8 };

	(void)state;
	setup(&m);
	assert_int_equal(run_text(&m, text, &context, sizeof(context)), 0x1235);
	context.name[0] = 'x';
	assert_int_equal((int64_t)run_text(&m, text, &context, sizeof(context)), 1 - ENOENT);
	context.size = 5;
	assert_int_equal((int64_t)run_text(&m, text, &context, sizeof(context)), 1 - EINVAL);
	teardown(&m);
}

/* ---- text ---- */

static void prints(void **state)
{
	const char *text = "r2 = 16\nr3 = 5\nr4 = -1\nr5 = 7\ncall bpf_trace_printk\nexit";
	struct machine m;
	char format[16] = "%d %u\xc3\xa4\n";

	(void)state;
	setup(&m);
	assert_int_equal(run_text(&m, text, format, sizeof(format)), 15);
	assert_string_equal(world.printed.data, "5 4294967295\xc3\xa4\n");
	memcpy(format, "%d%d%d%d", 9);
	assert_int_equal((int64_t)run_text(&m, text, format, sizeof(format)), -EINVAL);
	memset(format, 'a', sizeof(format)); /* no NUL in its size */
	assert_int_equal((int64_t)run_text(&m, text, format, sizeof(format)), -EINVAL);
	memcpy(format, "%99999d", 8); /* a width that would only cost memory */
	assert_int_equal((int64_t)run_text(&m, text, format, sizeof(format)), -EINVAL);
	assert_ends(&m, VM_DONE);
	run_text(&m, text, format, 15);
	assert_ends(&m, VM_BAD_ACCESS);
	teardown(&m);
}

static void prints_with_an_array_of_arguments(void **state)
{
	const char *text = "r2 = 8\nr3 = r1\nr3 += 8\nr4 = *(u64 *)(r1 +40)\n"
			   "call bpf_trace_vprintk\nexit";
	struct machine m;
	struct {
		char format[8];
		uint64_t args[4], size;
	} context = { "%d %x%c", { 1, 0xab, 'c', 'd' }, 24 };

	(void)state;
	setup(&m);
	assert_int_equal(run_text(&m, text, &context, sizeof(context)), 5);
	assert_string_equal(world.printed.data, "1 abc");
	context.size = 16;
	assert_int_equal((int64_t)run_text(&m, text, &context, sizeof(context)), -EINVAL);
	context.size = 23;
	assert_int_equal((int64_t)run_text(&m, text, &context, sizeof(context)), -EINVAL);
	teardown(&m);
}

static void string_comparison(void **state)
{
	const char *text = "r2 = *(u32 *)(r1 +16)\nr3 = r1\nr3 += 8\ncall bpf_strncmp\nexit";
	const struct {
		char a[8], b[8];
		uint32_t size, result;
	} rows[] = { { "abc", "abc", 8, 0 }, { "abd", "abc", 8, 1 },   { "abb", "abc", 8, -1 },
		     { "ab", "abc", 8, -1 }, { "abcd", "abcx", 3, 0 }, { "x", "y", 0, 0 },
		     { "abc", "ab", 2, 0 },  { "\xff", "\x01", 8, 1 } };
	struct machine m;

	(void)state;
	setup(&m);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char context[20];

		memcpy(context, &rows[i], sizeof(context));
		assert_int_equal((uint32_t)run_text(&m, text, context, sizeof(context)),
				 rows[i].result);
		assert_ends(&m, VM_DONE);
	}
	teardown(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_and_tasks_come_from_hooks),
		cmocka_unit_test(random_numbers_follow_the_seed),
		cmocka_unit_test(probe_reads),
		cmocka_unit_test(kernel_symbols),
		cmocka_unit_test(prints),
		cmocka_unit_test(prints_with_an_array_of_arguments),
		cmocka_unit_test(string_comparison),
	};

	return run_both_ways(tests);
}
