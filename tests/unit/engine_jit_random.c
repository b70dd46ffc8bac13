/*
 * Compiled code of random programs, seeded: what instructions do together, where the JIT folds
 * some into others, is what the interpreter does one by one.
 *
 *	SEED=n PROGRAMS=n engine_jit_random	another stretch of them
 */
#include <stdlib.h>

#include "bpf/disasm.h"
#include "engine_jit.h"

enum { BODY_MAX = 60, FRAME_LOW = -512, FRAME_HIGH = -104 };

struct body {
	struct insn insns[BODY_MAX + 16];
	uint32_t n;
	uint64_t random;
};

static const enum insn_id stores[] = { INSN_STORE8_X, INSN_STORE16_X, INSN_STORE32_X,
				       INSN_STORE64_X };

static unsigned any(struct body *b, unsigned below)
{
	return (unsigned)(next_random(&b->random) >> 20) % below;
}

static void add(struct body *b, enum insn_id id, unsigned dst, unsigned src, int off, int32_t imm)
{
	b->insns[b->n++] = insn_make(id, dst, src, off, imm);
}

static int32_t any_imm(struct body *b)
{
	static const int32_t interesting[] = { 0,    1,     2,     3,         4,         8,    16,
					       32,   63,    -1,    255,       65535,     128,  -128,
					       1000, 0xff0, 65536, INT32_MAX, INT32_MIN, -4096 };

	return any(b, 3) ? interesting[any(b, ARRAY_LEN(interesting))]
			 : (int32_t)next_random(&b->random);
}

static void any_alu(struct body *b)
{
	enum insn_id id;

	do {
		id = INSN_ADD64_K + any(b, INSN_BSWAP64 - INSN_ADD64_K + 1);
	} while (id == INSN_ADDR_SPACE_CAST || id == INSN_PERCPU_ADDR);
	add(b, id, any(b, 10), any(b, 10), 0, any_imm(b));
}

static void any_copy(struct body *b)
{
	add(b, any(b, 3) ? INSN_MOV64_X : INSN_MOV32_X, any(b, 10), any(b, 10), 0, 0);
}

static void any_sum(struct body *b)
{
	static const enum insn_id ids[] = { INSN_ADD64_X, INSN_ADD64_K, INSN_SUB64_K, INSN_ADD32_X,
					    INSN_ADD32_K, INSN_LSH64_K, INSN_LSH32_K, INSN_RSH32_K,
					    INSN_AND64_K, INSN_AND32_K, INSN_MUL64_K, INSN_OR64_X };
	enum insn_id id = ids[any(b, ARRAY_LEN(ids))];
	bool shift = id == INSN_LSH64_K || id == INSN_LSH32_K;

	add(b, id, any(b, 10), any(b, 10), 0, shift ? (int32_t)any(b, 5) : any_imm(b));
}

/* A rotation as compilers write it, sometimes with the wrong count or something in between. */
static void any_rotation(struct body *b)
{
	unsigned x = any(b, 10), y = any(b, 10), by = 1 + any(b, 31);
	bool wide = any(b, 3) == 0;

	by += wide ? any(b, 32) : 0;
	add(b, any(b, 4) && !wide ? INSN_MOV32_X : INSN_MOV64_X, y, x, 0, 0);
	add(b, wide ? INSN_LSH64_K : INSN_LSH32_K, y, 0, 0, (int32_t)by);
	if (!any(b, 5))
		any_copy(b);
	add(b, wide ? INSN_RSH64_K : INSN_RSH32_K, x, 0, 0,
	    (int32_t)((wide ? 64 : 32) - by - !any(b, 6)));
	if (!any(b, 5))
		any_sum(b);
	bool turn = any(b, 2);
	add(b, any(b, 2) ? INSN_OR32_X : INSN_XOR64_X, turn ? x : y, turn ? y : x, 0, 0);
}

static void any_frame_access(struct body *b)
{
	int at = FRAME_LOW + 8 * (int)any(b, (FRAME_HIGH - FRAME_LOW) / 8);
	unsigned r = any(b, 10);

	switch (any(b, 4)) {
	case 0: add(b, stores[any(b, 4)], 10, r, at, 0); break;
	case 1: add(b, INSN_LOAD8 + any(b, 7), r, 10, at, 0); break;
	default:
		add(b, INSN_MOV64_X, r, 10, 0, 0);
		add(b, INSN_ADD64_K, r, 0, 0, at);
		add(b, INSN_LOAD8 + any(b, 7), any(b, 10), r, 0, 0);
		add(b, INSN_MOV64_K, r, 0, 0, 7); /* addresses are not to be compared */
	}
}

/* base + (index << shift) + offset in the scratch memory, at times beyond it. */
static void any_context_access(struct body *b)
{
	unsigned base = any(b, 10), index = (base + 1 + any(b, 9)) % 10, shift = any(b, 4);
	int at = (int)offsetof(struct dump, scratch) + (any(b, 30) ? 0 : 400);

	add(b, INSN_AND64_K, index, 0, 0, 7);
	add(b, INSN_LOAD64, base, 10, -96, 0);
	if (any(b, 2))
		add(b, INSN_LSH64_K, index, 0, 0, (int32_t)shift);
	if (any(b, 2))
		add(b, INSN_ADD64_X, base, index, 0, 0);
	else
		add(b, INSN_ADD64_K, base, 0, 0, 8);
	if (any(b, 2))
		add(b, INSN_LOAD8 + any(b, 7), any(b, 10), base, at, 0);
	else
		add(b, stores[any(b, 4)], base, index, at, 0);
	add(b, INSN_MOV64_K, base, 0, 0, any_imm(b));
}

static void any_branch(struct body *b)
{
	enum insn_id id = INSN_JEQ64_K + any(b, INSN_JSLE32_X - INSN_JEQ64_K + 1);
	unsigned r = any(b, 10);

	if (!any(b, 3)) {
		add(b, INSN_MOV64_X, (r + 3) % 10, r, 0, 0);
		add(b, any(b, 2) ? INSN_AND64_K : INSN_AND32_K, (r + 3) % 10, 0, 0, any_imm(b));
		add(b, any(b, 2) ? INSN_JEQ64_K : INSN_JNE64_K, (r + 3) % 10, 0, 1, 0);
	} else {
		add(b, id, r, any(b, 10), 1, any_imm(b));
	}
	/* The distance is set when the body is complete. */
}

/* Jumps go a little forwards; now and then one goes back and the run may end for want of fuel. */
static void place_jumps(struct body *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		const struct insn_form *f = &insn_forms[insn_find(&b->insns[i])];

		if (f->op < OP_JEQ || f->op > OP_JSLE)
			continue;
		uint32_t room = b->n - i - 1;
		int to = (int)any(b, MIN(room, 9u) + 1);
		if (!any(b, 16))
			to = -(int)any(b, i + 1) - 1;
		b->insns[i].offset = (int16_t)to;
	}
}

static void any_body(struct body *b)
{
	static void (*const makers[])(struct body *) = {
		any_alu,
		any_alu,
		any_copy,
		any_copy,
		any_sum,
		any_sum,
		any_sum,
		any_rotation,
		any_branch,
		any_branch,
		any_frame_access,
		any_context_access,
		any_context_access,
	};
	uint32_t goal = 5 + any(b, BODY_MAX - 5);

	b->n = 0;
	while (b->n < goal)
		makers[any(b, ARRAY_LEN(makers))](b);
	place_jumps(b);
}

static void show(const struct insn *insns, uint32_t n)
{
	struct buf text = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		buf_printf(&text, "%u: ", i);
		disasm_insn(&text, insns, n, i, NULL);
		buf_printf(&text, "\n");
	}
	print_error("%s", text.data);
	buf_done(&text);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static struct insn current[BODY_MAX + 64];
static uint32_t current_n;

static void random_programs_agree(void **state)
{
	uint64_t seed = from_environment("SEED", 1), programs = from_environment("PROGRAMS", 5000);
	unsigned ends[VM_END_COUNT] = { 0 };
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	m.opt.fuel = 2000;
	for (uint64_t i = 0; i < programs; i++) {
		struct body b = { .random = (seed + i) * 0x9e3779b97f4a7c15u + 1 };
		struct versions v;
		char name[40];

		any_body(&b);
		current_n = dump_prog(current, b.insns, b.n);
		versions_make(&m, &v, current, current_n);
		snprintf(name, sizeof(name), "SEED=%lu", (unsigned long)(seed + i));
		for (unsigned k = 0; k < 4; k++) {
			struct dump d;

			for (unsigned w = 0; w < sizeof(d) / 8; w++)
				((uint64_t *)&d)[w] = any(&b, 3) ? edges[any(&b, ARRAY_LEN(edges))]
								 : next_random(&b.random);
			ends[versions_agree(&m, &v, &d, name)]++;
		}
		versions_free(&v);
		current_n = 0;
	}
	machine_done(&m);
	/* The programs are worth running: most end well, some each other way. */
	assert_true(ends[VM_DONE] > 2 * programs);
	assert_true(programs < 1000 || (ends[VM_BAD_ACCESS] && ends[VM_OUT_OF_FUEL]));
}

static int show_failed(void **state)
{
	(void)state;
	if (current_n)
		show(current, current_n);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(random_programs_agree, show_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
