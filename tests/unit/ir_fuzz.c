/*
 * Random programs, built through the builder, give the same when the IR is interpreted as when
 * it is compiled, for any number of registers, with slots on the stack or in the scratch frame.
 */
#include "ir_testing.h"

struct gen {
	struct ir_func *f;
	uint64_t seed;
	struct ir_value *pool[64];
	unsigned npool, budget, depth;
	struct ir_var *vars[5];
	struct ir_value *slots[3];
	uint32_t slot_words[3];
	struct ir_func *callee, *callback;
};

static uint32_t rnd(struct gen *g, uint32_t n)
{
	g->seed = g->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (g->seed >> 33) % n;
}

static struct ir_value *constant(struct gen *g)
{
	static const int64_t edges[] = { 0,	    1,		 -1,	      2,	 7,
					 8,	    31,		 32,	      63,	 64,
					 255,	    0xffff,	 INT32_MAX,   INT32_MIN, UINT32_MAX,
					 INT64_MAX, INT64_MIN,	 0x80000000, 3,		 1000 };

	return ir_const(g->f, edges[rnd(g, ARRAY_LEN(edges))]);
}

static struct ir_value *any(struct gen *g)
{
	switch (rnd(g, 6)) {
	case 0: return constant(g);
	case 1: return ir_var_get(g->f, g->vars[rnd(g, ARRAY_LEN(g->vars))]);
	default: return g->pool[rnd(g, g->npool)];
	}
}

static void keep(struct gen *g, struct ir_value *v)
{
	if (g->npool < ARRAY_LEN(g->pool))
		g->pool[g->npool++] = v;
	else
		g->pool[rnd(g, g->npool)] = v;
}

/* Some memory, and a place in it for 8 bytes. */
static struct ir_value *memory(struct gen *g, int32_t *ret_offset)
{
	uint32_t i = rnd(g, 5);

	if (i < 3) {
		*ret_offset = 8 * rnd(g, g->slot_words[i]);
		return g->slots[i];
	}
	*ret_offset = 8 * rnd(g, rnd(g, 2) ? 1 : 16);
	return i == 3 ? ir_param(g->f, 0) : ir_map_value(g->f, 0, 0);
}

static void access_memory(struct gen *g)
{
	int32_t offset;
	struct ir_value *base = memory(g, &offset);
	uint32_t log = rnd(g, 4), sub = rnd(g, 8) >> log << log;

	switch (rnd(g, 5)) {
	case 0: keep(g, ir_load(g->f, IR_LOAD8 + log, base, offset + sub)); break;
	case 1: keep(g, ir_load(g->f, IR_LOADS8 + log % 3, base, offset + (sub & 4))); break;
	case 2: ir_store(g->f, IR_STORE8 + log, base, offset + sub, any(g)); break;
	case 3: ir_zero(g->f, base, offset, rnd(g, 8) + 1); break;
	default: {
		int32_t from;
		struct ir_value *other = memory(g, &from);

		ir_copy(g->f, base, offset, other, from, rnd(g, 8) + 1);
	}
	}
}

static void atomic(struct gen *g)
{
	int32_t offset;
	struct ir_value *base = memory(g, &offset);
	unsigned size = rnd(g, 2) ? 8 : 4;

	switch (rnd(g, 3)) {
	case 0:
		ir_atomic(g->f, IR_ATOMIC_ADD + rnd(g, 4), size, base, offset, any(g));
		break;
	case 1:
		keep(g, ir_atomic(g->f, IR_FETCH_ADD + rnd(g, 5), size, base, offset, any(g)));
		break;
	default:
		keep(g, ir_cmpxchg(g->f, size, base, offset,
				   rnd(g, 2) ? any(g) : ir_load(g->f, IR_LOAD64, base, offset),
				   any(g)));
	}
}

static void call(struct gen *g)
{
	struct ir_value *a = any(g), *b = any(g), *c = any(g);

	switch (rnd(g, 6)) {
	case 0: keep(g, ir_call_helper(g->f, HELPER_MIX, a, b, c)); break;
	case 1: ir_call_helper(g->f, HELPER_MIX, b, a, a); break;
	case 2: keep(g, ir_call_helper0(g->f, BPF_FUNC_get_current_pid_tgid)); break;
	case 3: keep(g, ir_call_helper(g->f, HELPER_BUMP, g->slots[rnd(g, 3)])); break;
	case 4:
		if (g->callee)
			keep(g, ir_call(g->f, g->callee, 3,
					(struct ir_value *const[]){ c, g->slots[0], b }));
		break;
	default:
		if (g->callback)
			keep(g, ir_call_helper(g->f, HELPER_LOOP, ir_const(g->f, rnd(g, 4)),
					       ir_func_address(g->f, g->callback), g->slots[1],
					       ir_const(g->f, 0)));
	}
}

static void statements(struct gen *g, unsigned n);

/* Values made inside are not seen outside. */
static void scope(struct gen *g, unsigned n)
{
	unsigned npool = g->npool;
	struct ir_value *pool[64];

	memcpy(pool, g->pool, sizeof(pool));
	g->depth++;
	statements(g, n);
	g->depth--;
	memcpy(g->pool, pool, sizeof(pool));
	g->npool = npool;
}

static struct ir_value *condition(struct gen *g)
{
	return rnd(g, 3) ? ir_compare(g->f, rnd(g, 10), any(g), any(g)) : any(g);
}

static void if_else(struct gen *g)
{
	struct ir_block *then = ir_block_new(g->f, "then"), *otherwise = ir_block_new(g->f, "else");
	struct ir_block *end = ir_block_new(g->f, "end");

	ir_branch(g->f, condition(g), then, otherwise);
	ir_block_seal(g->f, then);
	ir_block_seal(g->f, otherwise);
	ir_block_start(g->f, then);
	scope(g, 4);
	if (!rnd(g, 8))
		ir_return(g->f, any(g));
	ir_jump(g->f, end);
	ir_block_start(g->f, otherwise);
	if (rnd(g, 2))
		scope(g, 4);
	ir_jump(g->f, end);
	ir_block_seal(g->f, end);
	ir_block_start(g->f, end);
}

static void loop(struct gen *g)
{
	struct ir_var *i = ir_var_new(g->f, "i");
	struct ir_block *head = ir_block_new(g->f, "head"), *body = ir_block_new(g->f, "body");
	struct ir_block *end = ir_block_new(g->f, "end");

	ir_var_set(g->f, i, ir_const(g->f, 0));
	ir_jump(g->f, head);
	ir_block_start(g->f, head);
	ir_branch(g->f,
		  ir_compare(g->f, IR_ULT, ir_var_get(g->f, i), ir_const(g->f, rnd(g, 5))), body,
		  end);
	ir_block_seal(g->f, body);
	ir_block_start(g->f, body);
	scope(g, 5);
	if (!rnd(g, 4)) {
		struct ir_block *on = ir_block_new(g->f, "on");

		ir_branch(g->f, condition(g), on, end);
		ir_block_seal(g->f, on);
		ir_block_start(g->f, on);
	}
	ir_var_set(g->f, i, ir_binary(g->f, IR_ADD, ir_var_get(g->f, i), ir_const(g->f, 1)));
	ir_jump(g->f, head);
	ir_block_seal(g->f, head);
	ir_block_seal(g->f, end);
	ir_block_start(g->f, end);
}

static void unary(struct gen *g)
{
	struct ir_value *a = any(g);

	if (rnd(g, 2))
		keep(g, ir_unary(g->f, IR_NEG + rnd(g, IR_BSWAP64 - IR_NEG + 1), a));
	else
		keep(g, ir_unary(g->f, IR_ZEXT32,
				 ir_binary(g->f, IR_ADD + rnd(g, IR_ASHR - IR_ADD + 1), a, any(g))));
}

static void statement(struct gen *g)
{
	switch (rnd(g, 12)) {
	case 0:
	case 1:
	case 2:
		keep(g, ir_binary(g->f, IR_ADD + rnd(g, IR_ASHR - IR_ADD + 1), any(g), any(g)));
		break;
	case 3: unary(g); break;
	case 4: keep(g, ir_compare(g->f, rnd(g, 10), any(g), any(g))); break;
	case 5:
	case 6: access_memory(g); break;
	case 7: atomic(g); break;
	case 8: call(g); break;
	case 9: ir_var_set(g->f, g->vars[rnd(g, ARRAY_LEN(g->vars))], any(g)); break;
	case 10:
		if (g->depth < 3)
			if_else(g);
		break;
	default:
		if (g->depth < 2)
			loop(g);
	}
}

static void statements(struct gen *g, unsigned n)
{
	while (n-- && g->budget) {
		g->budget--;
		statement(g);
	}
}

static void body(struct gen *g, bool large)
{
	static const char *const names[] = { "a", "b", "c" };

	g->npool = 0;
	keep(g, ir_load(g->f, IR_LOAD64, ir_param(g->f, 0), 0));
	keep(g, ir_load(g->f, IR_LOAD64, ir_param(g->f, 0), 24));
	for (size_t i = 0; i < ARRAY_LEN(g->vars); i++)
		g->vars[i] = ir_var_new(g->f, "v");
	for (int i = 0; i < 3; i++) {
		g->slot_words[i] = large && i ? 10 + 10 * i : 2;
		g->slots[i] = ir_slot(g->f, g->slot_words[i] * 8, 0, names[i]);
		ir_zero(g->f, g->slots[i], 0, g->slot_words[i] * 8);
	}
	statements(g, g->budget);
	ir_return(g->f, any(g));
	ir_seal_all(g->f);
}

/* u64 local(a, u64 *b, c) and u64 callback(i, u64 *context) */
static void small_functions(struct gen *g, struct ir_module *m)
{
	struct ir_func *f = g->callee = ir_func_new(m, "local", 3, IR_LOCAL);
	struct ir_value *sum = ir_binary(f, IR_ADD, ir_param(f, 2), ir_param(f, 0));

	ir_atomic(f, IR_ATOMIC_ADD, 8, ir_param(f, 1), 0, ir_param(f, 2));
	ir_call_helper(f, HELPER_MIX, ir_param(f, 2), ir_param(f, 0), sum);
	ir_return(f, ir_binary(f, IR_SUB, sum, ir_load(f, IR_LOAD64, ir_param(f, 1), 0)));
	f = g->callback = ir_func_new(m, "callback", 2, IR_CALLBACK);
	ir_store(f, IR_STORE64, ir_param(f, 1), 8,
		 ir_binary(f, IR_ADD, ir_load(f, IR_LOAD64, ir_param(f, 1), 8), ir_param(f, 0)));
	ir_return(f, ir_compare(f, IR_UGT, ir_param(f, 0), ir_const(f, 1)));
}

static void build(struct fixture *x, uint64_t seed, unsigned size, bool large, bool functions)
{
	struct gen g = { .seed = seed * 2654435761u + 12345, .budget = size };

	fixture_init(x);
	x->prog.type = BPF_PROG_TYPE_UNSPEC; /* the context is written to */
	g.f = ir_func_new(x->m, "fuzz", 1, IR_ENTRY);
	if (functions)
		small_functions(&g, x->m);
	body(&g, large);
}

static uint64_t interpret(struct fixture *x, struct world *w)
{
	struct ir_run r = { .w = w, .img = x->img };
	uint64_t params[5] = { (uintptr_t)w->context };

	for (uint32_t i = 0; i < x->m->funcs.n; i++)
		ir_settle(x->m->funcs.v[i]);
	return ir_run_func(&r, x->m->funcs.v[0], params);
}

static uint64_t execute(struct fixture *x, struct world *w)
{
	struct bpf_run r = { .w = w, .img = x->img, .prog = &x->prog };
	uint64_t params[5] = { (uintptr_t)w->context };

	return bpf_run_from(&r, 0, params);
}

static void show_failure(struct fixture *x, uint64_t seed, unsigned size, bool large,
			 bool functions)
{
	struct buf text = { 0 };
	struct fixture again;

	build(&again, seed, size, large, functions);
	for (uint32_t i = 0; i < again.m->funcs.n; i++)
		ir_settle(again.m->funcs.v[i]);
	ir_print(&text, again.m);
	disasm_prog(&text, x->prog.insns.v, x->prog.insns.n, NULL);
	print_error("seed %d size %u large %d functions %d\n%s", (int)seed, size, large, functions,
		    text.data);
	buf_done(&text);
	fixture_done(&again);
}

static void compare(uint64_t seed, unsigned size, unsigned registers, bool large, bool functions)
{
	struct fixture a, b;
	struct world before, after;
	uint64_t wanted, got = 0;
	bool same;
	int err;

	build(&a, seed, size, large, functions);
	build(&b, seed, size, large, functions);
	world_init(&before, seed);
	world_init(&after, seed);
	wanted = interpret(&a, &before);
	err = ir_compile(b.m, &(struct ir_options){ .registers = registers, .check = true }, &b.prog,
			 &b.diags);
	if (!err)
		got = execute(&b, &after);
	same = !err && (before.stopped || after.stopped ||
			(wanted == got && before.log == after.log &&
			 !memcmp(before.context, after.context, sizeof(before.context)) &&
			 !memcmp(before.map, after.map, sizeof(before.map))));
	for (uint32_t i = 0; same && i < 8 * SCRATCH_LEVELS; i++)
		same = !world_load((uintptr_t)after.scratch + i * after.scratch_size, 8);
	if (!same) {
		show_diags(&b);
		print_error("%u registers: wanted %#llx, got %#llx\n", registers,
			    (unsigned long long)wanted, (unsigned long long)got);
		show_failure(&b, seed, size, large, functions);
	}
	free(before.scratch);
	free(after.scratch);
	fixture_done(&a);
	fixture_done(&b);
	assert_true(same);
}

static uint64_t rounds(void)
{
	const char *s = getenv("FUZZ_ROUNDS");

	return s ? strtoull(s, NULL, 10) : 150;
}

static void small_programs(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= rounds(); seed++)
		for (unsigned k = 0; k < 4; k++)
			compare(seed, 12, (unsigned[]){ 0, 4, 2, 3 }[k], false, false);
}

static void larger_programs(void **state)
{
	(void)state;
	for (uint64_t seed = 1000; seed < 1000 + rounds(); seed++)
		for (unsigned k = 0; k < 4; k++)
			compare(seed, 60, (unsigned[]){ 0, 4, 2, 5 }[k], false, seed & 1);
}

static void programs_with_scratch(void **state)
{
	(void)state;
	for (uint64_t seed = 5000; seed < 5000 + rounds(); seed++)
		for (unsigned k = 0; k < 4; k++)
			compare(seed, 40, (unsigned[]){ 0, 4, 2, 6 }[k], true, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_programs),
		cmocka_unit_test(larger_programs),
		cmocka_unit_test(programs_with_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
