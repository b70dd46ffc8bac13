/*
 * bpf_snprintf of the engine against the running kernel's: text, result and what is refused.
 * Needs root; skipped otherwise.
 */
#include "engine/map.h"
#include "engine_kernel.h"

enum { FORMAT_MAX = 64, ARGS = 5, ROOM = 64 };

/* The context: arguments in; result and text out. */
struct words {
	uint64_t args[ARGS];
	uint64_t result;
	char text[ROOM];
};

/* A read-only array with the format as its value: a descriptor. */
static int kernel_map(const char *format)
{
	struct {
		uint32_t type, key_size, value_size, max_entries, flags;
	} create = { BPF_MAP_TYPE_ARRAY, 4, FORMAT_MAX, 1, BPF_F_RDONLY_PROG };
	char value[FORMAT_MAX] = { 0 };
	uint32_t key = 0;
	int fd = (int)syscall(SYS_bpf, CMD_MAP_CREATE, &create, sizeof(create));
	struct {
		uint32_t fd, unused;
		uint64_t key, value, flags;
	} update = { (uint32_t)fd, 0, (uintptr_t)&key, (uintptr_t)value, 0 };

	assert_true(fd >= 0);
	memcpy(value, format, strlen(format));
	assert_int_equal(syscall(SYS_bpf, CMD_MAP_UPDATE, &update, sizeof(update)), 0);
	assert_int_equal(syscall(SYS_bpf, CMD_MAP_FREEZE, &fd, sizeof(fd)), 0);
	return fd;
}

static void engine_map(struct machine *m, const char *format)
{
	const struct map_def def = { .type = BPF_MAP_TYPE_ARRAY,
				     .key_size = 4,
				     .value_size = FORMAT_MAX,
				     .max_entries = 1,
				     .flags = BPF_F_RDONLY_PROG };
	char value[FORMAT_MAX] = { 0 };
	uint32_t key = 0;
	struct map *map;

	assert_int_equal(map_new(&def, &map), 0);
	memcpy(value, format, strlen(format));
	assert_int_equal(map_user_update(map, &key, value, 0), 0);
	assert_int_equal(engine_add_map(m->engine, map), 0);
	map_put(map);
}

/*
 *	r10 - 40	arguments; an argument of -1 is replaced by the address of the text below
 *	r10 - 56	"one.two" and zeroes
 *	r10 - 120	the text that snprintf writes, @room bytes of it
 */
static uint32_t program(struct insn *to, int map, unsigned nargs, int text_arg, int room)
{
	uint32_t n = 0;

#define EMIT(...) to[n++] = insn_make(__VA_ARGS__)
	EMIT(INSN_MOV64_X, 6, 1, 0, 0);
	EMIT(INSN_IMM64, 1, 0, 0, 0x2e656e6f);
	to[n++] = insn_make_half(0x006f7774);
	EMIT(INSN_STORE64_X, 10, 1, -56, 0);
	EMIT(INSN_STORE64_K, 10, 0, -48, 0x01020304);
	for (int i = 0; i < ARGS; i++) {
		EMIT(INSN_LOAD64, 1, 6, i * 8, 0);
		if (i == text_arg) {
			EMIT(INSN_MOV64_X, 1, 10, 0, 0);
			EMIT(INSN_ADD64_K, 1, 0, 0, -56);
		}
		EMIT(INSN_STORE64_X, 10, 1, -40 + i * 8, 0);
	}
	for (int i = 0; i < ROOM; i += 8)
		EMIT(INSN_STORE64_K, 10, 0, -120 + i, 0);
	EMIT(INSN_MOV64_X, 1, 10, 0, 0);
	EMIT(INSN_ADD64_K, 1, 0, 0, -120);
	EMIT(INSN_MOV64_K, 2, 0, 0, room);
	EMIT(INSN_MAP_VALUE, 3, 0, 0, map);
	to[n++] = insn_make_half(0);
	EMIT(INSN_MOV64_X, 4, 10, 0, 0);
	EMIT(INSN_ADD64_K, 4, 0, 0, -40);
	EMIT(INSN_MOV64_K, 5, 0, 0, (int)nargs * 8);
	EMIT(INSN_CALL, 0, 0, 0, BPF_FUNC_snprintf);
	EMIT(INSN_STORE64_X, 6, 0, offsetof(struct words, result), 0);
	for (int i = 0; i < ROOM; i += 8) {
		EMIT(INSN_LOAD64, 1, 10, -120 + i, 0);
		EMIT(INSN_STORE64_X, 6, 1, (int)offsetof(struct words, text) + i, 0);
	}
	EMIT(INSN_MOV64_K, 0, 0, 0, 0);
	EMIT(INSN_EXIT, 0, 0, 0, 0);
#undef EMIT
	return n;
}

struct example {
	const char *format;
	unsigned nargs;
	int text_arg; /* which one is an address of text, -1: none */
	uint64_t args[ARGS];
};

static void compare(const struct example *x, int room)
{
	struct machine m;
	struct insn insns[96];
	struct words ours = { 0 }, theirs = { 0 };
	int map = kernel_map(x->format);
	int fd = kernel_try_load(BPF_PROG_TYPE_SYSCALL, insns,
				 program(insns, map, x->nargs, x->text_arg, room));

	machine_init(&m, NULL);
	engine_map(&m, x->format);
	struct vm_prog *p = make(&m, insns, program(insns, 0, x->nargs, x->text_arg, room));
	if (!p)
		fail_msg("refused: %s", m.why.data);
	memcpy(ours.args, x->args, sizeof(ours.args));
	memcpy(theirs.args, x->args, sizeof(theirs.args));
	run(&m, p, &ours, sizeof(ours));
	assert_ends(&m, VM_DONE);
	if (fd < 0) {
		if ((int64_t)ours.result != -EINVAL)
			fail_msg("\"%s\" gives %lld, the kernel refuses it: %s", x->format,
				 (long long)ours.result, kernel_log);
	} else {
		kernel_run(fd, &theirs, sizeof(theirs));
		if (ours.result != theirs.result || memcmp(ours.text, theirs.text, ROOM) != 0)
			fail_msg("\"%s\" gives \"%s\" (%lld), the kernel \"%s\" (%lld)", x->format,
				 ours.text, (long long)ours.result, theirs.text,
				 (long long)theirs.result);
		close(fd);
	}
	close(map);
	vm_prog_free(p);
	machine_done(&m);
}

static const struct example examples[] = {
	{ "plain", 0, -1, { 0 } },
	{ "", 0, -1, { 0 } },
	{ "100%%", 0, -1, { 0 } },
	{ "%d %i %u %x %X", 5, -1, { -5, -6, -7, 0xabc, 0xabc } },
	{ "%d %u %x", 3, -1, { 0x1ffffffff, 0x1ffffffff, 0x1ffffffff } },
	{ "%ld %lu %lx", 3, -1, { -5, 0x1ffffffff, UINT64_MAX } },
	{ "%lld %llu %llX", 3, -1, { INT64_MIN, UINT64_MAX, 0xabcdef } },
	{ "%5d|%-5d|%05d|%+d|% d", 5, -1, { 42, 42, 42, 42, 42 } },
	{ "%-10llx|%010llx|%3d", 3, -1, { 0xabc, 0xabc, 12345 } },
	{ "%c%c%c|%3c|%-3c", 5, -1, { 'a', 'b', 'c', 'd', 'e' } },
	{ "%s|%d", 2, 0, { 0, 7 } },
	{ "%10s|", 1, 0, { 0 } },
	{ "%-10s|", 1, 0, { 0 } },
	{ "%pks.", 1, 0, { 0 } },
	{ "%s", 1, -1, { 0 } },
	{ "%s", 1, -1, { 0xffff000000001234 } },
	{ "%px %px", 2, -1, { 0x1234, UINT64_MAX } },
	{ "%pI4", 1, 0, { 0 } },
	{ "%pi4", 1, 0, { 0 } },
	{ "%pI6", 1, 0, { 0 } },
	{ "%pi6", 1, 0, { 0 } },
	{ "%pI4 %d", 2, 0, { 0, 3 } },
	{ "%ps", 1, -1, { 0x1234 } },
	{ "%d", 2, -1, { 1, 2 } },
	{ "a text of more than sixteen bytes: %d", 1, -1, { 12345678 } },
	/* refused */
	{ "%", 1, -1, { 0 } },
	{ "%d %d", 1, -1, { 1 } },
	{ "%q", 1, -1, { 1 } },
	{ "%f", 1, -1, { 1 } },
	{ "%n", 1, -1, { 1 } },
	{ "%hd", 1, -1, { 1 } },
	{ "%llld", 1, -1, { 1 } },
	{ "%sx", 1, 0, { 0 } },
	{ "%pz", 1, -1, { 0 } },
	{ "%pI5", 1, 0, { 0 } },
	{ "%.3d", 1, -1, { 1 } },
	{ "%*d", 2, -1, { 1, 1 } },
	{ "%#x", 1, -1, { 1 } },
	{ "\x01", 0, -1, { 0 } },
};

static void texts_and_refusals(void **state)
{
	(void)state;
	skip_unless_root();
	for (size_t i = 0; i < ARRAY_LEN(examples); i++)
		compare(&examples[i], ROOM);
}

static void room_for_less_than_the_text(void **state)
{
	const int rooms[] = { 1, 2, 8, 35, 36 };

	(void)state;
	skip_unless_root();
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		compare(&examples[3], rooms[i]);
		compare(&examples[10], rooms[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_refusals),
		cmocka_unit_test(room_for_less_than_the_text),
	};

	return run_both_ways(tests);
}
