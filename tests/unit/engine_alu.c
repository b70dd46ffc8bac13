/*
 * Arithmetic and jumps: every form of insn.def with edge values, against an evaluation of the
 * semantics written from RFC 9669 in another way than the interpreter: bit by bit or in 128 bits.
 */
#include "engine_testing.h"

typedef unsigned __int128 wide;
typedef __int128 swide;

/* ---- the other way ---- */

static uint64_t cut(wide x, unsigned width)
{
	return width == 64 ? (uint64_t)x : (uint64_t)x & (((uint64_t)1 << width) - 1);
}

static swide as_signed(uint64_t x, unsigned width)
{
	uint64_t sign = (uint64_t)1 << (width - 1);

	x = cut(x, width);
	return x & sign ? (swide)x - ((swide)1 << width) : (swide)x;
}

static uint64_t bitwise(unsigned op, uint64_t a, uint64_t b)
{
	uint64_t result = 0;

	for (unsigned i = 0; i < 64; i++) {
		unsigned x = a >> i & 1, y = b >> i & 1;
		unsigned z = op == OP_OR ? x + y > 0 : op == OP_AND ? x + y == 2 : x + y == 1;

		result |= (uint64_t)z << i;
	}
	return result;
}

static uint64_t shifted(unsigned op, uint64_t a, unsigned by, unsigned width)
{
	uint64_t sign = (uint64_t)1 << (width - 1);

	a = cut(a, width);
	for (by %= width; by; by--) {
		if (op == OP_LSH)
			a = cut((wide)a * 2, width);
		else
			a = a / 2 + (op == OP_ARSH && (a & sign) ? sign : 0);
	}
	return a;
}

static uint64_t reversed(uint64_t a, unsigned width)
{
	uint64_t result = 0;

	for (unsigned i = 0; i < width; i += 8)
		result |= (a >> i & 0xff) << (width - 8 - i);
	return result;
}

/* What the form leaves in dst (@a before) with second operand @b. */
static uint64_t expected(const struct insn_form *f, uint64_t a, uint64_t b)
{
	unsigned w = f->width;
	uint64_t ua = cut(a, w), ub = cut(b, w);
	swide sa = as_signed(a, w), sb = as_signed(b, w);

	switch (f->op) {
	case OP_ADD: return cut((wide)ua + ub, w);
	case OP_SUB: return cut((wide)ua - ub, w);
	case OP_MUL: return cut((wide)ua * ub, w);
	case OP_DIV: return ub ? ua / ub : 0;
	case OP_MOD: return ub ? ua - ua / ub * ub : ua;
	case OP_SDIV: return sb ? cut((wide)(sa / sb), w) : 0;
	case OP_SMOD: return sb ? cut((wide)(sa - sa / sb * sb), w) : ua;
	case OP_OR:
	case OP_AND:
	case OP_XOR: return bitwise(f->op, ua, ub);
	case OP_LSH:
	case OP_RSH:
	case OP_ARSH: return shifted(f->op, a, (unsigned)(b % w), w);
	case OP_NEG: return cut((wide)0 - ua, w);
	case OP_MOV: return ub;
	case OP_MOVSX: return cut((wide)as_signed(b, (unsigned)f->off), w);
	case OP_TO_LE: return ua;
	case OP_TO_BE:
	case OP_BSWAP: return reversed(a, w);
	default: fail_msg("no evaluation of %s", f->name); return 0;
	}
}

static bool taken(const struct insn_form *f, uint64_t a, uint64_t b)
{
	unsigned w = f->width;
	uint64_t ua = cut(a, w), ub = cut(b, w);
	swide less = as_signed(a, w) - as_signed(b, w);

	switch (f->op) {
	case OP_JEQ: return !(ua ^ ub);
	case OP_JNE: return ua ^ ub;
	case OP_JSET: return bitwise(OP_AND, ua, ub);
	case OP_JGT: return (swide)ua - ub > 0;
	case OP_JGE: return (swide)ua - ub >= 0;
	case OP_JLT: return (swide)ua - ub < 0;
	case OP_JLE: return (swide)ua - ub <= 0;
	case OP_JSGT: return less > 0;
	case OP_JSGE: return less >= 0;
	case OP_JSLT: return less < 0;
	case OP_JSLE: return less <= 0;
	default: fail_msg("no evaluation of %s", f->name); return false;
	}
}

static bool is_alu(const struct insn_form *f)
{
	return f->op >= OP_ADD && f->op <= OP_BSWAP && f->group != GROUP_INTERNAL;
}

static bool is_branch(const struct insn_form *f)
{
	return f->op >= OP_JEQ && f->op <= OP_JSLE;
}

/* ---- running one form ---- */

/*
 * r1 and r2 are loaded from the context, then: alu forms leave r1 in r0; branches leave 1 when
 * taken, 0 when not.
 */
static struct vm_prog *around(struct machine *m, enum insn_id id, int32_t imm)
{
	const struct insn prog[] = {
		insn_make(INSN_MOV64_X, 6, 1, 0, 0),
		insn_make(INSN_LOAD64, 1, 6, 0, 0),
		insn_make(INSN_LOAD64, 2, 6, 8, 0),
		insn_make(INSN_MOV64_K, 0, 0, 0, 1),
		insn_make(id, 1, 2, 1, imm),
		is_branch(&insn_forms[id]) ? insn_make(INSN_MOV64_K, 0, 0, 0, 0)
					   : insn_make(INSN_MOV64_X, 0, 1, 0, 0),
		insn_make(INSN_EXIT, 0, 0, 0, 0),
	};

	struct vm_prog *p = make(m, prog, ARRAY_LEN(prog));
	if (!p)
		fail_msg("%s is refused: %s", insn_forms[id].name, m->why.data);
	return p;
}

static void check_pair(struct machine *m, const struct vm_prog *p, enum insn_id id, uint64_t a,
		       uint64_t b, uint64_t operand)
{
	const struct insn_form *f = &insn_forms[id];
	uint64_t context[2] = { a, b };
	uint64_t want = is_branch(f) ? taken(f, a, operand) : expected(f, a, operand);
	uint64_t got = run(m, p, context, sizeof(context));

	if (m->vm.end || got != want)
		fail_msg("%s of %#llx and %#llx is %#llx, not %#llx", f->name,
			 (unsigned long long)a, (unsigned long long)operand,
			 (unsigned long long)got, (unsigned long long)want);
}

static void check_form(struct machine *m, enum insn_id id)
{
	bool by_reg = form_reads_src(&insn_forms[id]);

	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		struct vm_prog *p = NULL;
		int32_t imm = (int32_t)(uint32_t)edges[i];

		p = around(m, id, imm);
		for (size_t k = 0; k < ARRAY_LEN(edges); k++)
			check_pair(m, p, id, edges[k], edges[i],
				   by_reg ? edges[i] : (uint64_t)(int64_t)imm);
		vm_prog_free(p);
	}
}

static void every_alu_form_and_branch_with_edge_values(void **state)
{
	struct machine m;
	unsigned n = 0;

	(void)state;
	machine_init(&m, NULL);
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		if (is_alu(&insn_forms[id]) || is_branch(&insn_forms[id])) {
			check_form(&m, id);
			n++;
		}
	}
	assert_true(n > 100);
	machine_done(&m);
}

/* Source and destination the same register. */
static void a_register_with_itself(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(run_text(&m, "r0 = 5\nr0 *= r0\nexit", NULL, 0), 25);
	assert_int_equal(run_text(&m, "r0 = 5\nr0 -= r0\nexit", NULL, 0), 0);
	assert_int_equal(run_text(&m, "r0 = -1\nw0 = w0\nexit", NULL, 0), 0xffffffff);
	assert_int_equal(run_text(&m, "r0 = 0x1ff80 ll\nw0 = (s8)w0\nexit", NULL, 0), 0xffffff80);
	assert_int_equal(run_text(&m, "r0 = 0x1ff80 ll\nr0 = (s8)r0\nexit", NULL, 0), -128);
	machine_done(&m);
}

static void immediates_of_64_bits(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_true(run_text(&m, "r0 = 0x8000000000000001 ll\nexit", NULL, 0) ==
		    0x8000000000000001);
	assert_true(run_text(&m, "r0 = 0xffffffff ll\nexit", NULL, 0) == 0xffffffff);
	machine_done(&m);
}

/* What a run starts with. */
static void registers_at_the_start(void **state)
{
	struct machine m;
	char context[24];

	(void)state;
	machine_init(&m, NULL);
	assert_true(run_text(&m, "r0 = r1\nexit", context, sizeof(context)) == (uintptr_t)context);
	assert_int_equal(run_text(&m, "r0 = r2\nexit", context, sizeof(context)), 24);
	assert_int_equal(run_text(&m, "exit", context, sizeof(context)), 0);
	assert_int_equal(run_text(&m, "r0 = r9\nexit", context, sizeof(context)), 0);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_alu_form_and_branch_with_edge_values),
		cmocka_unit_test(a_register_with_itself),
		cmocka_unit_test(immediates_of_64_bits),
		cmocka_unit_test(registers_at_the_start),
	};

	return run_both_ways(tests);
}
