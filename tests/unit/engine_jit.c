/*
 * Compiled code, one instruction at a time: every form, with every choice of registers and edge
 * values, leaves all registers and memory as the interpreter does.
 */
#include "engine_jit.h"

#include "bpf/disasm.h"

static struct machine m;

static int setup(void **state)
{
	(void)state;
	machine_init(&m, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_done(&m);
	return 0;
}

static const uint64_t few[] = {
	0,
	1,
	7,
	31,
	0x80,
	0xffff8000,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x123456789abcdef0,
	0x8000000000000000,
	0xffffffffffffffff,
};

static const int32_t imms[] = { 0,         1,  2,   3,    8,    10,   31,       32,
				63,        64, 127, 128,  255,  256,  4096,     65535,
				INT32_MAX, -1, -2,  -128, -129, -255, INT32_MIN };

static bool is_alu(const struct insn_form *f)
{
	return f->op >= OP_ADD && f->op <= OP_BSWAP && f->group != GROUP_INTERNAL;
}

static bool is_branch(const struct insn_form *f)
{
	return f->op >= OP_JEQ && f->op <= OP_JSLE;
}

static bool is_atomic(const struct insn_form *f)
{
	return f->op >= OP_ATOMIC_ADD && f->op <= OP_STORE_REL;
}

/* The form alone; a branch skips an instruction that shows whether it was taken. */
static uint32_t form_of(struct insn *to, enum insn_id id, unsigned dst, unsigned src, int32_t imm)
{
	const struct insn_form *f = &insn_forms[id];

	to[0] = insn_make(id, dst, src, is_branch(f) ? 1 : 0, imm);
	to[1] = insn_make(INSN_XOR64_K, (dst + 1) % 10, 0, 0, 0x55);
	return is_branch(f) ? 2 : 1;
}

static void make_form(struct versions *v, char *name, enum insn_id id, unsigned dst, unsigned src,
		      int32_t imm)
{
	struct insn form[2], prog[DUMP_MAX];
	uint32_t n = form_of(form, id, dst, src, imm);

	snprintf(name, 80, "%s r%u r%u imm %d", insn_forms[id].name, dst, src, imm);
	versions_make(&m, v, prog, dump_prog(prog, form, n));
}

static void fill(struct dump *d)
{
	for (unsigned i = 0; i < 10; i++)
		d->in[i] = 0x1111111122222222u * (i + 1);
}

/* All pairs of values for a form with two registers (or one twice). */
static void check_values(struct versions *v, const char *name, unsigned dst, unsigned src,
			 const uint64_t *values, size_t n)
{
	struct dump d = { 0 };

	fill(&d);
	for (size_t a = 0; a < n; a++) {
		for (size_t b = 0; b < (dst == src ? 1 : n); b++) {
			d.in[src] = values[b];
			d.in[dst] = values[a];
			versions_agree(&m, v, &d, name);
		}
	}
}

static void registers_of_two_operands(void **state)
{
	struct versions v;
	char name[80];

	(void)state;
	for (enum insn_id id = INSN_NONE + 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];

		if (!(is_alu(f) || is_branch(f)) || !form_reads_src(f))
			continue;
		for (unsigned pair = 0; pair < 100; pair++) {
			unsigned dst = pair / 10, src = pair % 10;

			make_form(&v, name, id, dst, src, 0);
			check_values(&v, name, dst, src, few, ARRAY_LEN(few));
			versions_free(&v);
		}
	}
}

static void values_of_two_operands(void **state)
{
	static const uint8_t pairs[][2] = { { 0, 3 }, { 4, 7 }, { 6, 4 } };
	struct versions v;
	char name[80];

	(void)state;
	for (enum insn_id id = INSN_NONE + 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];

		if (!(is_alu(f) || is_branch(f)) || !form_reads_src(f))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
			make_form(&v, name, id, pairs[i][0], pairs[i][1], 0);
			check_values(&v, name, pairs[i][0], pairs[i][1], edges, ARRAY_LEN(edges));
			versions_free(&v);
		}
	}
}

static void immediates(void **state)
{
	struct versions v;
	char name[80];

	(void)state;
	for (enum insn_id id = INSN_NONE + 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		bool takes = f->imm == RULE_IMM;

		if (!(is_alu(f) || is_branch(f)) || form_reads_src(f))
			continue;
		for (unsigned i = 0; i < (takes ? ARRAY_LEN(imms) : 1) * 10; i++) {
			unsigned dst = i % 10;

			make_form(&v, name, id, dst, 0, imms[i / 10]);
			check_values(&v, name, dst, dst, edges, ARRAY_LEN(edges));
			versions_free(&v);
		}
	}
}

static void wide_immediates(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(edges) * 10; i++) {
		const struct insn form[] = {
			insn_make(INSN_IMM64, i % 10, 0, 0, (int32_t)edges[i / 10]),
			insn_make_half((int32_t)(edges[i / 10] >> 32)),
		};
		struct insn prog[DUMP_MAX];
		struct dump d = { 0 };
		struct versions v;

		fill(&d);
		versions_make(&m, &v, prog, dump_prog(prog, form, 2));
		versions_agree(&m, &v, &d, "lddw");
		versions_free(&v);
	}
}

/* The address that all variants see: versions_agree's memory; the program adds it up itself. */
static void check_access(enum insn_id id, unsigned dst, unsigned src, int offset, int32_t imm)
{
	const struct insn_form *f = &insn_forms[id];
	bool by_src = f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_LOAD_ACQ;
	unsigned base = by_src ? src : dst;
	const struct insn form[] = {
		load_reg(base, 10, -96),
		insn_make(INSN_ADD64_K, base, 0, 0,
			  (int32_t)offsetof(struct dump, scratch) + 64 - offset),
		insn_make(id, dst, src, offset, imm),
		/* what points to memory differs with each build of this program: not compared */
		insn_make(by_src && dst == src ? INSN_NEG64 : INSN_MOV64_X, base, base, 0, 0),
	};
	struct insn prog[DUMP_MAX];
	struct versions v;
	struct dump d = { 0 };
	char name[80];

	fill(&d);
	for (unsigned i = 0; i < 16; i++)
		d.scratch[i] = 0x8091a2b3c4d5e6f7 * (i + 1);
	snprintf(name, sizeof(name), "%s r%u r%u at %d", f->name, dst, src, offset);
	versions_make(&m, &v, prog, dump_prog(prog, form, 4));
	versions_agree(&m, &v, &d, name);
	if (f->op == OP_CMPXCHG) {
		d.in[0] = d.scratch[8];
		versions_agree(&m, &v, &d, name);
	}
	versions_free(&v);
}

static void accesses(void **state)
{
	static const int offsets[] = { 0, 8, -8, 120, 128, -128, -136, 32000, -32000 };

	(void)state;
	for (enum insn_id id = INSN_NONE + 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		bool access = f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_STORE;

		if (!access && !is_atomic(f))
			continue;
		for (unsigned pair = 0; pair < 100; pair++) {
			if (f->op == OP_STORE && f->src < RULE_OPERAND && pair % 10)
				continue;
			for (size_t i = 0; i < (pair % 7 ? 3 : ARRAY_LEN(offsets)); i++)
				check_access(id, pair / 10, pair % 10, offsets[i], imms[pair % 23]);
		}
	}
}

/* The same by r10, in the frame. */
static void accesses_in_the_frame(void **state)
{
	(void)state;
	for (enum insn_id id = INSN_NONE + 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		bool load = f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_LOAD_ACQ;

		if (!load && f->op != OP_STORE && !is_atomic(f))
			continue;
		for (unsigned reg = 0; reg < 10; reg++) {
			const struct insn form[] = {
				store_reg(10, 7, -512),
				insn_make(id, load ? reg : 10, load ? 10 : reg, -512, -5),
				load_reg(8, 10, -512),
			};
			struct insn prog[DUMP_MAX];
			struct dump d = { 0 };
			struct versions v;

			fill(&d);
			versions_make(&m, &v, prog, dump_prog(prog, form, 3));
			versions_agree(&m, &v, &d, f->name);
			versions_free(&v);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_of_two_operands),
		cmocka_unit_test(values_of_two_operands),
		cmocka_unit_test(immediates),
		cmocka_unit_test(wide_immediates),
		cmocka_unit_test(accesses),
		cmocka_unit_test(accesses_in_the_frame),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
