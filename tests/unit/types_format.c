/* Tracepoint formats and tracefs: real files of one kernel, and lines that other kernels have. */
#include "types/format.h"
#include "types/tracefs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct bench {
	jmp_buf no_memory;
	struct arena arena;
	struct types types;
	struct tracefs fs;
	struct buf text;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b || setjmp(b->no_memory))
		return -1;
	arena_init(&b->arena, &b->no_memory);
	types_init(&b->types, &b->arena);
	b->fs = (struct tracefs){ .dirfd = -1, .root = "tests/fixtures/tracefs" };
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	tracefs_done(&b->fs);
	buf_done(&b->text);
	arena_done(&b->arena);
	free(b);
	return 0;
}

static struct format load(struct bench *b, const char *path)
{
	struct format format = { 0 };
	const char *why = NULL;

	buf_clear(&b->text);
	assert_int_equal(tracefs_read(&b->fs, path, &b->text), 0);
	assert_int_equal(
		format_parse(&b->types, b->text.data, !!strstr(path, "/sys_enter_"), &format, &why),
		0);
	return format;
}

static struct type_member member(struct bench *b, const struct format *f, const char *name)
{
	struct type_member m = { 0 };

	assert_true(type_member(&b->types, f->record, name, &m));
	return m;
}

static void assert_member(struct bench *b, const struct format *f, const char *name,
			  uint32_t offset, const char *type)
{
	struct type_member m = member(b, f, name);

	assert_int_equal(m.offset, offset);
	assert_string_equal(type_name(&b->types, m.type), type);
}

static void a_system_call_enters(void **state)
{
	struct bench *b = *state;
	struct format f = load(b, "events/syscalls/sys_enter_openat/format");
	struct type_member m;

	assert_int_equal(f.id, 782);
	assert_string_equal(f.record->name, "sys_enter_openat");
	assert_int_equal(f.record->size, 48);
	assert_int_equal(f.record->nmembers, 5);
	assert_member(b, &f, "__syscall_nr", 8, "int32");
	/* The slot has 8 bytes, the argument 4: AT_FDCWD must come out as -100. */
	assert_member(b, &f, "dfd", 16, "int32");
	assert_member(b, &f, "filename", 24, "int8 *");
	assert_member(b, &f, "mode", 40, "uint16");
	m = member(b, &f, "filename");
	assert_int_equal(m.type->space, SPACE_USER);
	assert_int_equal(m.type->size, 8);
	assert_false(type_member(&b->types, f.record, "common_pid", &m));
}

static void a_system_call_returns(void **state)
{
	struct bench *b = *state;
	struct format f = load(b, "events/syscalls/sys_exit_openat/format");

	assert_member(b, &f, "ret", 16, "int64");
}

static void pointers_to_pointers_and_unknown_structs(void **state)
{
	struct bench *b = *state;
	struct format f = load(b, "events/syscalls/sys_enter_execve/format");

	assert_member(b, &f, "argv", 24, "int8 **");
	f = load(b, "events/syscalls/sys_enter_writev/format");
	assert_member(b, &f, "vec", 24, "struct iovec *");
	assert_int_equal(member(b, &f, "vec").type->space, SPACE_USER);
}

static void a_scheduler_switch(void **state)
{
	struct bench *b = *state;
	struct format f = load(b, "events/sched/sched_switch/format");

	assert_member(b, &f, "prev_comm", 8, "int8[16]");
	assert_member(b, &f, "prev_pid", 24, "int32");
	assert_member(b, &f, "prev_state", 32, "int64");
	assert_member(b, &f, "next_comm", 40, "int8[16]");
}

static void strings_of_their_own_length(void **state)
{
	struct bench *b = *state;
	struct format f = load(b, "events/sched/sched_process_exec/format");
	struct type_member m = member(b, &f, "filename");

	assert_true(m.data_loc);
	assert_false(m.data_rel);
	assert_int_equal(m.offset, 8);
	assert_int_equal(m.type->kind, TYPE_ARRAY);
	assert_int_equal(m.type->count, 0);
	assert_int_equal(m.type->elem->size, 1);
	assert_true(m.type->elem->is_signed);
	assert_false(member(b, &f, "pid").data_loc);
}

static void arrays_of_words_and_kernel_pointers(void **state)
{
	struct bench *b = *state;
	struct format f = load(b, "events/raw_syscalls/sys_enter/format");

	assert_member(b, &f, "args", 16, "uint64[6]");
	f = load(b, "events/net/netif_receive_skb/format");
	assert_member(b, &f, "skbaddr", 8, "void *");
	assert_int_equal(member(b, &f, "skbaddr").type->space, SPACE_KERNEL);
	f = load(b, "events/tcp/tcp_retransmit_skb/format");
	assert_string_equal(type_name(&b->types, member(b, &f, "saddr").type), "uint8[4]");
}

static const char *const header = "name: made_up\nID: 7\nformat:\n";

/* Parses one field line of a made-up event into *ret; the error otherwise. */
static int parse_one(struct bench *b, const char *field, bool is_syscall, struct format *ret)
{
	const char *why = NULL;
	int err;

	buf_clear(&b->text);
	buf_printf(&b->text, "%s\tfield:%s\n", header, field);
	err = format_parse(&b->types, b->text.data, is_syscall, ret, &why);
	assert_int_equal(!!err, !!why);
	return err;
}

static void lines_of_other_kernels(void **state)
{
	static const struct {
		const char *line, *name, *type;
	} rows[] = {
		{ "u8 addr[sizeof(struct sockaddr_in6)]; offset:8; size:28; signed:0;", "addr",
		  "uint8[28]" },
		{ "char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;", "comm", "int8[16]" },
		{ "char old[16]; offset:8; size:16;", "old", "int8[16]" },
		{ "__data_loc u64[] x; offset:8; size:4; signed:0;", "x", "uint64[0]" },
		{ "__rel_loc char[] x; offset:8; size:4; signed:0;", "x", "int8[0]" },
		{ "unsigned long args[]; offset:8; size:0; signed:0;", "args", "uint64[0]" },
		{ "enum nothing e; offset:8; size:4; signed:0;", "e", "uint32" },
		{ "nothing_t n; offset:8; size:2; signed:1;", "n", "int16" },
		{ "struct nothing n; offset:8; size:24; signed:0;", "n", "uint8[24]" },
		{ "struct nothing n[2]; offset:8; size:48; signed:0;", "n", "uint8[48]" },
		{ "void (*function)(void *); offset:8; size:8; signed:0;", "function", "void *" },
		{ "const void* ip; offset:8; size:8; signed:0;", "ip", "void *" },
		{ "const char *const __user *argv; offset:8; size:8; signed:0;", "argv",
		  "int8 **" },
		{ "void __seg_gs * ptr; offset:8; size:8; signed:0;", "ptr", "void *" },
		{ "union bpf_attr * uattr; offset:8; size:8; signed:0;", "uattr",
		  "union bpf_attr *" },
		{ "struct page *pages[2]; offset:8; size:16; signed:0;", "pages",
		  "struct page *[2]" },
		{ "bool ok; offset:8; size:1; signed:0;", "ok", "bool" },
		{ "long long n; offset:8; size:8; signed:1;", "n", "int64" },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct format f;

		assert_int_equal(parse_one(b, rows[i].line, false, &f), 0);
		assert_int_equal(f.id, 7);
		assert_member(b, &f, rows[i].name, 8, rows[i].type);
		assert_int_equal(member(b, &f, rows[i].name).data_rel,
				 !strncmp(rows[i].line, "__rel_loc", 9));
	}
}

static void damaged_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"int a",
		"int a; offset:x; size:4; signed:0;",
		"int a; offset:8; size:-4; signed:0;",
		"int a; offset:99999999999999999999; size:4; signed:0;",
		"int a; offset:65536; size:4; signed:0;",
		"int a; size:4; offset:8; signed:0;",
		"; offset:8; size:4; signed:0;",
		"char a[; offset:8; size:4; signed:0;",
		"__data_loc char a; offset:8; size:4; signed:0;",
		"__data_loc char[] a; offset:8; size:2; signed:0;",
		"char *a; offset:8; size:4; signed:0;",
		"char *****a; offset:8; size:8; signed:0;",
		"a; offset:8; size:8; signed:0;",
	};
	struct bench *b = *state;
	struct format f = { 0 };
	const char *why = NULL;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(parse_one(b, lines[i], false, &f), -EINVAL);
	assert_int_equal(format_parse(&b->types, "", false, &f, &why), -EINVAL);
	assert_int_equal(format_parse(&b->types, "ID: x\n", false, &f, &why), -EINVAL);
	assert_non_null(strstr(why, "line 1"));
	assert_null(f.record); /* untouched */
}

static void files_under_a_stand_in_root(void **state)
{
	struct bench *b = *state;
	struct tracefs absent = { .dirfd = -1, .root = "tests/fixtures/no-such-folder" };

	assert_int_equal(tracefs_read(&b->fs, "available_events", &b->text), 0);
	assert_non_null(strstr(b->text.data, "syscalls:sys_enter_openat\n"));
	assert_int_equal(tracefs_read(&b->fs, "events/no/such/format", &b->text), -ENOENT);
	assert_int_equal(tracefs_open(&absent), -ENOENT);
	tracefs_done(&absent);
}

static void the_private_mount_shows_nowhere(void **state)
{
	struct tracefs fs = { .dirfd = -1 };
	struct buf before = { 0 }, after = { 0 }, events = { 0 };
	int err;

	(void)state;
	assert_int_equal(buf_read_file(&before, -1, "/proc/self/mounts", 1 << 20), 0);
	err = tracefs_read(&fs, "available_events", &events);
	assert_int_equal(buf_read_file(&after, -1, "/proc/self/mounts", 1 << 20), 0);
	assert_string_equal(before.data, after.data);
	tracefs_done(&fs);
	assert_int_equal(fs.dirfd, -1);
	if (!err)
		assert_non_null(strchr(events.data, ':'));
	buf_done(&before);
	buf_done(&after);
	buf_done(&events);
	if (err)
		skip(); /* not permitted here */
}

static void reasons_name_the_capability(void **state)
{
	(void)state;
	assert_non_null(strstr(tracefs_why(-EACCES), "CAP_DAC_READ_SEARCH"));
	assert_non_null(strstr(tracefs_why(EPERM), "CAP_SYS_ADMIN"));
	assert_non_null(strstr(tracefs_why(-ENODEV), "CONFIG_TRACING"));
	assert_non_null(tracefs_why(-EIO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(a_system_call_enters),
		TEST(a_system_call_returns),
		TEST(pointers_to_pointers_and_unknown_structs),
		TEST(a_scheduler_switch),
		TEST(strings_of_their_own_length),
		TEST(arrays_of_words_and_kernel_pointers),
		TEST(lines_of_other_kernels),
		TEST(damaged_lines_are_refused),
		TEST(files_under_a_stand_in_root),
		TEST(the_private_mount_shows_nowhere),
		TEST(reasons_name_the_capability),
	};

	return cmocka_run_group_tests_name("types_format", tests, NULL, NULL);
}
