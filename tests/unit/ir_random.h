/* Random programs through the builder, the same for the same seed. */
#ifndef TESTS_IR_RANDOM_H
#define TESTS_IR_RANDOM_H

#include "ir_testing.h"

struct gen {
	bool kernel; /* only what the kernel's verifier takes */
	struct ir_func *f;
	uint64_t seed;
	struct ir_value *pool[64];
	unsigned npool, budget, depth;
	struct ir_var *vars[5];
	struct ir_value *slots[3];
	uint32_t slot_words[3];
	struct ir_func *callee, *callback;
};

static inline uint32_t rnd(struct gen *g, uint32_t n)
{
	g->seed = g->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (g->seed >> 33) % n;
}

static inline struct ir_value *constant(struct gen *g)
{
	static const int64_t edges[] = { 0,         1,         -1,         2,         7,
					 8,         31,        32,         63,        64,
					 255,       0xffff,    INT32_MAX,  INT32_MIN, UINT32_MAX,
					 INT64_MAX, INT64_MIN, 0x80000000, 3,         1000 };

	return ir_const(g->f, edges[rnd(g, ARRAY_LEN(edges))]);
}

static inline struct ir_value *any(struct gen *g)
{
	switch (rnd(g, 6)) {
	case 0: return constant(g);
	case 1: return ir_var_get(g->f, g->vars[rnd(g, ARRAY_LEN(g->vars))]);
	default: return g->pool[rnd(g, g->npool)];
	}
}

static inline void keep(struct gen *g, struct ir_value *v)
{
	if (g->npool < ARRAY_LEN(g->pool))
		g->pool[g->npool++] = v;
	else
		g->pool[rnd(g, g->npool)] = v;
}

/* Some memory, and a place in it for 8 bytes. */
static inline struct ir_value *memory(struct gen *g, int32_t *ret_offset)
{
	uint32_t i = rnd(g, 5);

	if (i < 3) {
		*ret_offset = 8 * rnd(g, g->slot_words[i]);
		return g->slots[i];
	}
	*ret_offset = 8 * rnd(g, rnd(g, 2) ? 1 : 8);
	return i == 3 && !g->kernel ? ir_param(g->f, 0) : ir_map_value(g->f, 0, 0);
}

static inline void access_memory(struct gen *g)
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

static inline void atomic(struct gen *g)
{
	int32_t offset;
	struct ir_value *base = memory(g, &offset);
	unsigned size = rnd(g, 2) ? 8 : 4;

	switch (rnd(g, 3)) {
	case 0: ir_atomic(g->f, IR_ATOMIC_ADD + rnd(g, 4), size, base, offset, any(g)); break;
	case 1:
		keep(g, ir_atomic(g->f, IR_FETCH_ADD + rnd(g, 5), size, base, offset, any(g)));
		break;
	default:
		keep(g, ir_cmpxchg(g->f, size, base, offset,
				   rnd(g, 2) ? any(g) : ir_load(g->f, IR_LOAD64, base, offset),
				   any(g)));
	}
}

static inline void call(struct gen *g)
{
	struct ir_value *a = any(g), *b = any(g), *c = any(g);

	switch (rnd(g, 6) + (g->kernel ? 2 : 0)) {
	case 0: keep(g, ir_call_helper(g->f, HELPER_MIX, a, b, c)); break;
	case 1: ir_call_helper(g->f, HELPER_MIX, b, a, a); break;
	case 2:
		a = ir_call_helper0(g->f, BPF_FUNC_get_current_pid_tgid);
		/* the kernel's is not that of the made-up world */
		if (!g->kernel)
			keep(g, a);
		break;
	case 3:
		if (!g->kernel)
			keep(g, ir_call_helper(g->f, HELPER_BUMP, g->slots[rnd(g, 3)]));
		else
			ir_call_helper(g->f, BPF_FUNC_probe_read_kernel, g->slots[rnd(g, 3)],
				       ir_const(g->f, 16), ir_map_value(g->f, 0, 8));
		break;
	case 4:
		if (g->callee)
			keep(g, ir_call(g->f, g->callee, 3,
					(struct ir_value *const[]){ c, g->slots[0], b }));
		break;
	default:
		if (g->callback)
			keep(g, ir_call_helper(g->f, HELPER_LOOP, ir_const(g->f, 1 + rnd(g, 3)),
					       ir_func_address(g->f, g->callback), g->slots[1],
					       ir_const(g->f, 0)));
	}
}

static inline void statements(struct gen *g, unsigned n);

/* Values made inside are not seen outside. */
static inline void scope(struct gen *g, unsigned n)
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

static inline struct ir_value *condition(struct gen *g)
{
	return rnd(g, 3) ? ir_compare(g->f, rnd(g, 10), any(g), any(g)) : any(g);
}

static inline void if_else(struct gen *g)
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

static inline void loop(struct gen *g)
{
	struct ir_var *i = ir_var_new(g->f, "i");
	struct ir_block *head = ir_block_new(g->f, "head"), *body = ir_block_new(g->f, "body");
	struct ir_block *end = ir_block_new(g->f, "end");

	ir_var_set(g->f, i, ir_const(g->f, 0));
	ir_jump(g->f, head);
	ir_block_start(g->f, head);
	ir_branch(g->f, ir_compare(g->f, IR_ULT, ir_var_get(g->f, i), ir_const(g->f, rnd(g, 5))),
		  body, end);
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

static inline void unary(struct gen *g)
{
	struct ir_value *a = any(g);

	if (rnd(g, 2))
		keep(g, ir_unary(g->f, IR_NEG + rnd(g, IR_BSWAP64 - IR_NEG + 1), a));
	else
		keep(g,
		     ir_unary(g->f, IR_ZEXT32,
			      ir_binary(g->f, IR_ADD + rnd(g, IR_ASHR - IR_ADD + 1), a, any(g))));
}

static inline void statement(struct gen *g)
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

static inline void statements(struct gen *g, unsigned n)
{
	while (n-- && g->budget) {
		g->budget--;
		statement(g);
	}
}

static inline void body(struct gen *g, bool large)
{
	static const char *const names[] = { "a", "b", "c" };

	g->npool = 0;
	keep(g, ir_load(g->f, IR_LOAD64, ir_param(g->f, 0), 0));
	keep(g, ir_load(g->f, IR_LOAD64, ir_param(g->f, 0), 24));
	for (size_t i = 0; i < ARRAY_LEN(g->vars); i++)
		g->vars[i] = ir_var_new(g->f, "v");
	for (int i = 0; i < 3; i++) {
		/* slots[1] is the context of the callback */
		bool context = i == 1 && g->callback;

		g->slot_words[i] = large && i && !context ? 10 + 10 * i : 2;
		g->slots[i] = ir_slot(g->f, g->slot_words[i] * 8, context ? IR_SLOT_STACK : 0,
				      names[i]);
		ir_zero(g->f, g->slots[i], 0, g->slot_words[i] * 8);
	}
	statements(g, g->budget);
	ir_return(g->f, any(g));
	ir_seal_all(g->f);
}

/* u64 local(a, u64 *b, c) and u64 callback(i, u64 *context) */
static inline void small_functions(struct gen *g, struct ir_module *m)
{
	struct ir_func *f = g->callee = ir_func_new(m, "local", 3, IR_LOCAL);
	struct ir_value *sum = ir_binary(f, IR_ADD, ir_param(f, 2), ir_param(f, 0));

	ir_atomic(f, IR_ATOMIC_ADD, 8, ir_param(f, 1), 0, ir_param(f, 2));
	if (!g->kernel)
		ir_call_helper(f, HELPER_MIX, ir_param(f, 2), ir_param(f, 0), sum);
	ir_return(f, ir_binary(f, IR_SUB, sum, ir_load(f, IR_LOAD64, ir_param(f, 1), 0)));
	f = g->callback = ir_func_new(m, "callback", 2, IR_CALLBACK);
	ir_store(f, IR_STORE64, ir_param(f, 1), 8,
		 ir_binary(f, IR_ADD, ir_load(f, IR_LOAD64, ir_param(f, 1), 8), ir_param(f, 0)));
	ir_return(f, ir_compare(f, IR_UGT, ir_param(f, 0), ir_const(f, 1)));
}

struct shape {
	uint64_t seed;
	unsigned size;
	bool large, functions, kernel;
};

static inline void build(struct fixture *x, struct shape s)
{
	struct gen g = { .kernel = s.kernel,
			 .seed = s.seed * 2654435761u + 12345,
			 .budget = s.size };

	fixture_init(x);
	if (!s.kernel)
		x->prog.type = BPF_PROG_TYPE_UNSPEC; /* the context is written to */
	g.f = ir_func_new(x->m, "fuzz", 1, IR_ENTRY);
	if (s.functions)
		small_functions(&g, x->m);
	body(&g, s.large);
}

/* What a failed case was. */
static inline void show_failure(struct fixture *x, struct shape s)
{
	struct buf text = { 0 };
	struct fixture again;

	build(&again, s);
	for (uint32_t i = 0; i < again.m->funcs.n; i++)
		ir_settle(again.m->funcs.v[i]);
	ir_print(&text, again.m);
	disasm_prog(&text, x->prog.insns.v, x->prog.insns.n, NULL);
	fprintf(stderr, "seed %d size %u large %d functions %d\n%s", (int)s.seed, s.size, s.large,
		s.functions, text.data);
	buf_done(&text);
	fixture_done(&again);
}

static inline uint64_t interpret(struct fixture *x, struct world *w)
{
	struct ir_run r = { .w = w, .img = x->img };
	uint64_t params[5] = { (uintptr_t)w->context };

	for (uint32_t i = 0; i < x->m->funcs.n; i++)
		ir_settle(x->m->funcs.v[i]);
	return ir_run_func(&r, x->m->funcs.v[0], params);
}

#endif
