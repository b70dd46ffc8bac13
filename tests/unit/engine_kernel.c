/*
 * The engine against the running kernel: the same instructions, loaded as programs that the
 * kernel test-runs, give the same values. Needs root; skipped otherwise.
 */
#include <sys/utsname.h>

#include "bpf/target.h"
#include "engine_kernel.h"

/* Words of the context: two inputs, then what the program leaves. */
enum { A, B, MEMORY, REGISTER, R0, TEXT, TEXT2, WORDS };

/* One program, in both. */
struct pair {
	struct machine *m;
	struct vm_prog *prog;
	int fd;
	const char *name;
};

static struct pair pair_new(struct machine *m, const char *name, const struct insn *insns,
			    uint32_t n)
{
	struct pair p = { .m = m, .name = name, .prog = make(m, insns, n) };

	if (!p.prog)
		fail_msg("%s is refused: %s", name, m->why.data);
	p.fd = kernel_load(BPF_PROG_TYPE_SYSCALL, insns, n);
	return p;
}

static void pair_done(struct pair *p)
{
	close(p->fd);
	vm_prog_free(p->prog);
}

static void compare(struct pair *p, const uint64_t *input)
{
	uint64_t ours[WORDS], theirs[WORDS];

	memcpy(ours, input, sizeof(ours));
	memcpy(theirs, input, sizeof(theirs));
	kernel_run(p->fd, theirs, sizeof(theirs));
	run(p->m, p->prog, ours, sizeof(ours));
	assert_ends(p->m, VM_DONE);
	for (unsigned i = 0; i < WORDS; i++) {
		if (ours[i] != theirs[i])
			fail_msg("%s of %#llx, %#llx: word %u is %#llx, the kernel's %#llx",
				 p->name, (unsigned long long)input[A],
				 (unsigned long long)input[B], i, (unsigned long long)ours[i],
				 (unsigned long long)theirs[i]);
	}
}

static void compare_edges(struct pair *p)
{
	for (size_t a = 0; a < ARRAY_LEN(edges); a++) {
		for (size_t b = 0; b < ARRAY_LEN(edges); b++) {
			const uint64_t input[WORDS] = { edges[a], edges[b] };

			compare(p, input);
		}
	}
}

static bool is_alu(const struct insn_form *f)
{
	return f->op >= OP_ADD && f->op <= OP_BSWAP;
}

static bool is_branch(const struct insn_form *f)
{
	return f->op >= OP_JEQ && f->op <= OP_JSLE;
}

static bool is_atomic(const struct insn_form *f)
{
	return f->op >= OP_ATOMIC_ADD && f->op <= OP_STORE_REL;
}

static bool is_access(const struct insn_form *f)
{
	return is_atomic(f) || f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_STORE;
}

/* What the kernel refuses to load although the instruction set defines it. */
static bool kernel_refuses(const struct insn_form *f, int32_t imm)
{
	bool shift = f->op == OP_LSH || f->op == OP_RSH || f->op == OP_ARSH;
	bool divide = f->op == OP_DIV || f->op == OP_MOD || f->op == OP_SDIV || f->op == OP_SMOD;

	if (f->imm != RULE_IMM)
		return false;
	return (shift && (imm < 0 || imm >= f->width)) || (divide && imm == 0);
}

/* r1 = A, r2 = B, the form, r1 stored; a branch stores 1 when taken, 0 when not. */
static void compare_form(struct machine *m, enum insn_id id, int32_t imm)
{
	const struct insn_form *f = &insn_forms[id];
	const struct insn prog[] = {
		insn_make(INSN_MOV64_X, 6, 1, 0, 0),
		insn_make(INSN_LOAD64, 1, 6, A * 8, 0),
		insn_make(INSN_LOAD64, 2, 6, B * 8, 0),
		insn_make(INSN_MOV64_K, 0, 0, 0, 1),
		insn_make(id, 1, 2, 1, imm),
		is_branch(f) ? insn_make(INSN_MOV64_K, 0, 0, 0, 0)
			     : insn_make(INSN_MOV64_X, 0, 1, 0, 0),
		insn_make(INSN_STORE64_X, 6, 0, R0 * 8, 0),
		insn_make(INSN_STORE64_X, 6, 1, REGISTER * 8, 0),
		insn_make(INSN_MOV64_K, 0, 0, 0, 0),
		insn_make(INSN_EXIT, 0, 0, 0, 0),
	};
	struct pair p;

	if (kernel_refuses(f, imm))
		return;
	p = pair_new(m, f->name, prog, ARRAY_LEN(prog));
	compare_edges(&p);
	pair_done(&p);
}

/* The stack holds A, r2 = B, r0 = A for compares; then all three are stored. */
static void compare_access(struct machine *m, enum insn_id id)
{
	const struct insn_form *f = &insn_forms[id];
	bool load = f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_LOAD_ACQ;
	const struct insn prog[] = {
		insn_make(INSN_MOV64_X, 6, 1, 0, 0),
		insn_make(INSN_LOAD64, 0, 6, A * 8, 0),
		insn_make(INSN_LOAD64, 2, 6, B * 8, 0),
		insn_make(INSN_STORE64_X, 10, 0, -8, 0),
		load ? insn_make(id, 2, 10, -8, 0) : insn_make(id, 10, 2, -8, -7),
		insn_make(INSN_LOAD64, 3, 10, -8, 0),
		insn_make(INSN_STORE64_X, 6, 3, MEMORY * 8, 0),
		insn_make(INSN_STORE64_X, 6, 2, REGISTER * 8, 0),
		insn_make(INSN_STORE64_X, 6, 0, R0 * 8, 0),
		insn_make(INSN_MOV64_K, 0, 0, 0, 0),
		insn_make(INSN_EXIT, 0, 0, 0, 0),
	};
	struct pair p = pair_new(m, f->name, prog, ARRAY_LEN(prog));

	compare_edges(&p);
	pair_done(&p);
}

static uint32_t running_kernel(void)
{
	struct utsname name;

	return uname(&name) ? 0 : target_parse_kernel(name.release);
}

static void every_alu_form_and_branch(void **state)
{
	struct machine m;
	uint32_t kernel = running_kernel();

	(void)state;
	skip_unless_root();
	machine_init(&m, NULL);
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];

		if ((!is_alu(f) && !is_branch(f)) || f->since > kernel)
			continue;
		if (f->imm == RULE_IMM) {
			const int32_t imms[] = {
				0, 1, 5, 31, 32, 63, -1, -8, INT32_MAX, INT32_MIN
			};

			for (size_t i = 0; i < ARRAY_LEN(imms); i++)
				compare_form(&m, id, imms[i]);
		} else {
			compare_form(&m, id, 0);
		}
	}
	machine_done(&m);
}

static void every_access(void **state)
{
	struct machine m;
	uint32_t kernel = running_kernel();

	(void)state;
	skip_unless_root();
	machine_init(&m, NULL);
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		if (is_access(&insn_forms[id]) && insn_forms[id].since <= kernel)
			compare_access(&m, id);
	}
	machine_done(&m);
}

/* A 16-byte text on the stack, strtol or strtoul of it: the result in R0, the number in MEMORY. */
static struct pair number_parser(struct machine *m, int helper, int base)
{
	const struct insn prog[] = {
		insn_make(INSN_MOV64_X, 6, 1, 0, 0),
		insn_make(INSN_LOAD64, 2, 6, TEXT * 8, 0),
		insn_make(INSN_STORE64_X, 10, 2, -16, 0),
		insn_make(INSN_LOAD64, 2, 6, TEXT2 * 8, 0),
		insn_make(INSN_STORE64_X, 10, 2, -8, 0),
		insn_make(INSN_STORE64_K, 10, 0, -24, 77),
		insn_make(INSN_MOV64_X, 1, 10, 0, 0),
		insn_make(INSN_ADD64_K, 1, 0, 0, -16),
		insn_make(INSN_MOV64_K, 2, 0, 0, 16),
		insn_make(INSN_MOV64_K, 3, 0, 0, base),
		insn_make(INSN_MOV64_X, 4, 10, 0, 0),
		insn_make(INSN_ADD64_K, 4, 0, 0, -24),
		insn_make(INSN_CALL, 0, 0, 0, helper),
		insn_make(INSN_STORE64_X, 6, 0, R0 * 8, 0),
		insn_make(INSN_LOAD64, 2, 10, -24, 0),
		insn_make(INSN_STORE64_X, 6, 2, MEMORY * 8, 0),
		insn_make(INSN_MOV64_K, 0, 0, 0, 0),
		insn_make(INSN_EXIT, 0, 0, 0, 0),
	};

	return pair_new(m, "number", prog, ARRAY_LEN(prog));
}

static void numbers_out_of_text(void **state)
{
	const char *const texts[] = {
		"",
		"0",
		"7",
		"-7",
		"  42 ",
		"+5",
		"0x1f",
		"0X1F",
		"0x",
		"0xg",
		"017",
		"08",
		"-",
		"- 1",
		"--1",
		"9",
		"ff",
		"fg",
		"1e3",
		"\t\n12",
		"9999999999999999",
		"ffffffffffffffff",
		"7fffffffffffffff",
		"8000000000000000",
		"-800000000000000",
		"-0x8000000000000",
		"0x00",
		"00000000000000009",
		"1 2",
		"zz",
	};
	const int bases[] = { 0, 8, 10, 16, 2, 32 };
	const int helpers[] = { BPF_FUNC_strtol, BPF_FUNC_strtoul };
	struct machine m;

	(void)state;
	skip_unless_root();
	machine_init(&m, NULL);
	for (size_t b = 0; b < ARRAY_LEN(bases) * 2; b++) {
		struct pair p = number_parser(&m, helpers[b & 1], bases[b / 2]);

		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			uint64_t words[WORDS] = { bases[b / 2], i };

			memcpy(&words[TEXT], texts[i], MIN(strlen(texts[i]), (size_t)16));
			compare(&p, words);
		}
		pair_done(&p);
	}
	machine_done(&m);
}

/* csum_diff of parts of 16 bytes on the stack; a classifier's program, for the helper. */
static void checksums(void **state)
{
	const uint32_t sizes[][2] = {
		{ 0, 0 }, { 0, 4 }, { 0, 16 }, { 8, 0 }, { 8, 8 }, { 4, 12 }
	};
	const uint64_t words[][2] = { { 0, 0 },
				      { UINT64_MAX, UINT64_MAX },
				      { 0x123456789abcdef0, 0xfedcba9876543210 },
				      { 0xffff0000ffff0001, 0x00010000ffffffff } };
	const int32_t seeds[] = { 0, -1, 0x1234, INT32_MIN };
	char packet[64] = { 0 };
	struct machine m;

	(void)state;
	skip_unless_root();
	machine_init(&m, NULL);
	for (unsigned i = 0; i < 6 * 4 * 4; i++) {
		const uint32_t *size = sizes[i % 6];
		const uint64_t *w = words[i / 6 % 4];
		const struct insn prog[] = {
			insn_make(INSN_IMM64, 2, 0, 0, (int32_t)(uint32_t)w[0]),
			insn_make_half((int32_t)(w[0] >> 32)),
			insn_make(INSN_STORE64_X, 10, 2, -16, 0),
			insn_make(INSN_IMM64, 2, 0, 0, (int32_t)(uint32_t)w[1]),
			insn_make_half((int32_t)(w[1] >> 32)),
			insn_make(INSN_STORE64_X, 10, 2, -8, 0),
			insn_make(INSN_MOV64_X, 1, 10, 0, 0),
			insn_make(INSN_ADD64_K, 1, 0, 0, -16),
			insn_make(INSN_MOV64_K, 2, 0, 0, (int32_t)size[0]),
			insn_make(INSN_MOV64_X, 3, 10, 0, 0),
			insn_make(INSN_ADD64_K, 3, 0, 0, size[1] ? -(int32_t)size[1] : -4),
			insn_make(INSN_MOV64_K, 4, 0, 0, (int32_t)size[1]),
			insn_make(INSN_MOV64_K, 5, 0, 0, seeds[i / 24]),
			insn_make(INSN_CALL, 0, 0, 0, BPF_FUNC_csum_diff),
			insn_make(INSN_EXIT, 0, 0, 0, 0),
		};
		struct kernel_run attr = { .data_size_in = sizeof(packet),
					   .data_in = (uintptr_t)packet };
		struct vm_prog *p = make(&m, prog, ARRAY_LEN(prog));

		assert_non_null(p);
		attr.prog_fd = (uint32_t)kernel_load(BPF_PROG_TYPE_SCHED_CLS, prog,
						     ARRAY_LEN(prog));
		assert_int_equal(syscall(SYS_bpf, CMD_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
		assert_int_equal((uint32_t)run(&m, p, NULL, 0), attr.retval);
		assert_ends(&m, VM_DONE);
		close((int)attr.prog_fd);
		vm_prog_free(p);
	}
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_alu_form_and_branch),
		cmocka_unit_test(every_access),
		cmocka_unit_test(numbers_out_of_text),
		cmocka_unit_test(checksums),
	};

	return run_both_ways(tests);
}
