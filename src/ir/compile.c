/*
 * The pipeline: from a built module to a program of the image. Called by front ends and tests.
 *
 *	i  built                 cfg fold jumps cse fold jumps dce
 *	   scratch               slots that are too large leave the stack
 *	o  optimised, lowered    cfg fold jumps lower fold cse dce returns
 *	l  liveness              select place split-critical cfg
 *	r  registers             lives scan resolve
 *	b  bytecode              emit
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bpf/disasm.h"
#include "ir/emit.h"

struct pass {
	const char *name;
	void (*run)(struct ir_func *f);
};

static const struct pass first_passes[] = {
	{ "cfg", ir_cfg },       { "fold", ir_fold },       { "jumps", ir_jumps },
	{ "cse", ir_cse },       { "fold again", ir_fold }, { "jumps again", ir_jumps },
	{ "dead code", ir_dce },
};

static const struct pass lowering_passes[] = {
	{ "cfg", ir_cfg },
	{ "fold", ir_fold },
	{ "jumps", ir_jumps },
	{ "lowering", ir_lower },
	{ "fold of lowered", ir_fold },
	{ "cse of lowered", ir_cse },
	{ "dead code of lowered", ir_dce },
	{ "returns", ir_returns },
};

static const struct pass last_passes[] = {
	{ "selection", ir_select },
	{ "placement", ir_place },
	{ "critical edges", ir_split_critical },
	{ "last cfg", ir_cfg },
};

struct compile {
	struct ir_module *m;
	const struct ir_options *opt;
	struct diags *diags;
	struct emitter e;
	bool *needed; /* by function: something calls it or takes its address */
};

/* ---- dumps ---- */

static bool wanted(const struct compile *c, char stage)
{
	return c->opt->dump && c->opt->stages && strchr(c->opt->stages, stage);
}

static void show(const struct compile *c, char stage, const char *title, struct buf *text)
{
	c->opt->dump(c->opt->dump_ctx, stage, title, text->data ? text->data : "");
	buf_done(text);
}

static void show_module(const struct compile *c, char stage, const char *title)
{
	struct buf text = { 0 };

	if (!wanted(c, stage))
		return;
	ir_print(&text, c->m);
	show(c, stage, title, &text);
}

static void put_set(struct buf *out, const char *what, const struct ir_func *f, const uint64_t *set)
{
	buf_printf(out, "\t%s:", what);
	for (uint32_t id = 0; id < f->nvalues; id++)
		if (live_has(set, id))
			buf_printf(out, " %%%u", id);
	buf_putc(out, '\n');
}

/* Ids, not the numbers of the text form: registers are dumped with them too. */
static void put_ids(struct buf *out, const struct ir_func *f, bool live)
{
	for (uint32_t i = 0; i < f->order.n; i++) {
		const struct ir_block *b = f->order.v[i];

		buf_printf(out, "b%u:\n", b->id);
		if (live)
			put_set(out, "in", f, b->live_in);
		for (const struct ir_value *v = b->first; v; v = v->next) {
			buf_printf(out, "%5u\t", v->pos);
			ir_print_value(out, f, v);
			buf_putc(out, '\n');
		}
		if (live)
			put_set(out, "out", f, b->live_out);
	}
}

static void show_live(const struct compile *c, const struct ir_func *f)
{
	struct buf text = { 0 };

	if (!wanted(c, 'l'))
		return;
	put_ids(&text, f, true);
	show(c, 'l', f->name, &text);
}

static void show_registers(const struct compile *c, const struct allocation *al)
{
	struct buf text = { 0 };

	if (!wanted(c, 'r'))
		return;
	put_ids(&text, al->f, false);
	ir_print_lives(&text, al);
	show(c, 'r', al->f->name, &text);
}

static void show_code(const struct compile *c)
{
	const struct image_prog *p = c->e.prog;
	struct buf text = { 0 };

	if (!wanted(c, 'b'))
		return;
	disasm_prog(&text, p->insns.v, p->insns.n, NULL);
	show(c, 'b', c->m->funcs.v[0]->name, &text);
}

/* ---- passes ---- */

static int check(struct compile *c, struct ir_func *f, const char *after)
{
	const char *why;

#ifndef SKEP_CHECK
	if (!c->opt->check)
		return 0;
#endif
	if (ir_check(f, &why))
		return 0;
	return diag_error(c->diags, SPAN_NONE, "internal error: after %s the IR is broken: %s",
			  after, why);
}

static int run_passes(struct compile *c, const struct pass *passes, size_t n)
{
	for (uint32_t i = 0; i < c->m->funcs.n; i++)
		for (size_t k = 0; k < n; k++) {
			passes[k].run(c->m->funcs.v[i]);
			if (check(c, c->m->funcs.v[i], passes[k].name))
				return -EINVAL;
		}
	return 0;
}

static int finish_building(struct compile *c)
{
	for (uint32_t i = 0; i < c->m->funcs.n; i++) {
		struct ir_func *f = c->m->funcs.v[i];

		if (f->current)
			ir_return(f, ir_const(f, 0));
		ir_seal_all(f);
		ir_settle(f);
		if (check(c, f, "building"))
			return -EINVAL;
	}
	return 0;
}

/* Contexts of tracing programs hold the same as long as the program runs. */
static bool fixed_context(uint32_t prog_type)
{
	return prog_type == BPF_PROG_TYPE_KPROBE || prog_type == BPF_PROG_TYPE_TRACEPOINT ||
	       prog_type == BPF_PROG_TYPE_PERF_EVENT || prog_type == BPF_PROG_TYPE_RAW_TRACEPOINT ||
	       prog_type == BPF_PROG_TYPE_TRACING;
}

/* Few registers are for tests: some of each kind, so that all cases come up. */
static uint32_t register_mask(unsigned n)
{
	static const uint8_t order[] = { 6, 7, 1, 0, 8, 2, 9, 3, 4, 5 };
	uint32_t mask = 0;

	for (unsigned i = 0; i < ARRAY_LEN(order) && (!n || i < MAX(n, 2u)); i++)
		mask |= 1u << order[i];
	return mask;
}

/* ---- functions ---- */

/* Marks what @f calls, and so on. Two functions that call each other are refused. */
static int mark_needed(struct compile *c, struct ir_func *f, unsigned depth)
{
	if (depth > 8)
		return diag_error(c->diags, SPAN_NONE,
				  "functions call each other more than 8 deep, from \"%s\" on",
				  f->name);
	c->needed[f->index] = true;
	for (uint32_t i = 0; i < f->order.n; i++)
		for (const struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			if (v->op == IR_CALL && mark_needed(c, v->callee, depth + 1))
				return -EINVAL;
	for (uint32_t i = 0; i < f->leaves.n; i++)
		if (f->leaves.v[i]->op == IR_FUNC &&
		    mark_needed(c, f->leaves.v[i]->callee, depth + 1))
			return -EINVAL;
	return 0;
}

/* Stack of @f and the deepest of what it calls, as the kernel counts it. */
static uint32_t stack_depth(const struct ir_func *f)
{
	uint32_t deepest = 0;

	for (uint32_t i = 0; i < f->order.n; i++)
		for (const struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			if (v->op == IR_CALL)
				deepest = MAX(deepest, stack_depth(v->callee));
	for (uint32_t i = 0; i < f->leaves.n; i++)
		if (f->leaves.v[i]->op == IR_FUNC)
			deepest = MAX(deepest, stack_depth(f->leaves.v[i]->callee));
	return ALIGN_UP(MAX(f->stack, 1u), 32) + deepest;
}

static int check_stack(struct compile *c)
{
	uint32_t depth = stack_depth(c->m->funcs.v[0]);
	const struct ir_block *first = c->m->funcs.v[0]->blocks.v[0];

	if (depth <= 512)
		return 0;
	diag_error(c->diags, first->first->span,
		   "this needs %" PRIu32 " bytes of stack, and BPF has 512", depth);
	diag_hint(c->diags, "split the clause, or keep fewer values at a time");
	return -EINVAL;
}

static int emit_function(struct compile *c, struct ir_func *f)
{
	struct allocation *al = arena_new(c->m->arena, struct allocation);

	al->f = f;
	ir_number(f);
	ir_live(f);
	show_live(c, f);
	ir_lives_build(al);
	if (!ir_scan(al))
		return diag_error(c->diags, SPAN_NONE,
				  "internal error: \"%s\" needs more registers than there are",
				  f->name);
	ir_resolve_moves(al);
	show_registers(c, al);
	return ir_emit(&c->e, al);
}

static int emit(struct compile *c, struct image_prog *prog)
{
	struct ir_module *m = c->m;

	c->e = (struct emitter){ .a = m->arena, .img = m->img, .prog = prog, .diags = c->diags };
	c->needed = arena_array(m->arena, bool, m->funcs.n);
	if (mark_needed(c, m->funcs.v[0], 1))
		return -EINVAL;
	for (uint32_t i = 0; i < m->funcs.n; i++)
		if (c->needed[i] && emit_function(c, m->funcs.v[i]))
			return -EINVAL;
	ir_emit_finish(&c->e);
	show_code(c);
	return check_stack(c);
}

#define RUN(c, passes) run_passes((c), (passes), ARRAY_LEN(passes))

int ir_compile(struct ir_module *m, const struct ir_options *opt, struct image_prog *prog,
	       struct diags *diags)
{
	static const struct ir_options defaults = { 0 };
	struct compile c = { .m = m, .opt = opt ? opt : &defaults, .diags = diags };
	int err;

	m->diags = diags;
	m->registers = register_mask(c.opt->registers);
	m->fixed_context = fixed_context(prog->type);
	err = finish_building(&c);
	if (err)
		return err;
	show_module(&c, 'i', "as built");
	err = RUN(&c, first_passes);
	if (!err)
		err = ir_scratch_claim(m);
	if (!err)
		err = RUN(&c, lowering_passes);
	if (err)
		return err;
	show_module(&c, 'o', "optimised");
	err = RUN(&c, last_passes);
	return err ? err : emit(&c, prog);
}
