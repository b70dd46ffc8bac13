/*
 * From ops to jops: three operands, no wide forms, what is known of functions and calls.
 * Needs: a decoded program. Called by jit_compile().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/interp.h"
#include "engine/jit_priv.h"
#include "engine/map.h"

#define BIT(r) (1u << (r))

/* ---- one op ---- */

/* Loads of a number, whatever it means. */
static bool is_number(uint8_t op)
{
	return op == OP_IMM64 || (op >= OP_MAP_FD && op <= OP_MAP_IDX_VALUE);
}

static void plan_access(struct jop *j, const struct op *op, bool by_src, const void *fault)
{
	j->a = by_src ? op->src : op->dst;
	j->disp = op->offset;
	if (op->handler == fault) {
		j->op = JIT_FAULT;
		j->dst = j->c = JIT_NONE;
	} else if (j->a == 10) {
		j->flags |= JOP_FRAME;
	}
}

static void plan_store(struct jop *j, const struct op *op, const struct insn_form *f)
{
	if (j->op == JIT_FAULT)
		return;
	j->c = form_reads_src(f) ? op->src : JIT_NONE;
	if (j->op >= OP_FETCH_ADD && j->op <= OP_XCHG)
		j->dst = op->src;
	if (j->op == OP_CMPXCHG) {
		j->dst = 0;
		j->also = BIT(0);
	}
}

static void plan_alu(struct jop *j, const struct op *op, const struct insn_form *f)
{
	j->dst = op->dst;
	switch (f->op) {
	case OP_MOV: j->a = form_reads_src(f) ? op->src : JIT_NONE; break;
	case OP_MOVSX:
		j->a = op->src;
		j->imm = f->off;
		break;
	case OP_ADDR_SPACE_CAST:
	case OP_PERCPU_ADDR: j->a = op->src; break;
	default: j->a = op->dst; j->b = form_reads_src(f) ? op->src : JIT_NONE;
	}
	/* What the interpreter cuts off: so that equal operands look equal. */
	if (j->width == 32 && j->b == JIT_NONE && j->op != OP_MOVSX)
		j->imm = (int32_t)j->imm;
	if (f->op == OP_PERCPU_ADDR)
		j->op = OP_MOV;
}

static void plan_one(struct jop *j, const struct op *op, uint32_t at, const void *fault)
{
	const struct insn_form *f = &insn_forms[op->id];

	*j = (struct jop){ .op = f->op,
			   .width = f->width,
			   .dst = JIT_NONE,
			   .a = JIT_NONE,
			   .b = JIT_NONE,
			   .c = JIT_NONE,
			   .at = at,
			   .imm = op->imm };
	if (is_number(f->op)) {
		j->op = OP_MOV;
		j->dst = op->dst;
	} else if (f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_LOAD_ACQ) {
		j->dst = op->dst;
		plan_access(j, op, true, fault);
	} else if (f->op >= OP_ADD && f->op <= OP_PERCPU_ADDR) {
		plan_alu(j, op, f);
	} else if (f->op == OP_STORE || (f->op >= OP_ATOMIC_ADD && f->op <= OP_STORE_REL)) {
		plan_access(j, op, false, fault);
		plan_store(j, op, f);
	} else if (jop_is_branch(j)) {
		j->a = op->dst;
		j->b = form_reads_src(f) ? op->src : JIT_NONE;
	} else if (f->op == OP_CALLX) {
		j->a = op->dst;
	} else if (f->op == OP_LD_IND) {
		j->a = op->src;
	} else if (f->op == OP_NOSPEC) {
		j->op = JIT_NOP;
	}
	if (f->op == OP_CALL || f->op == OP_CALLX || f->op == OP_LD_ABS || f->op == OP_LD_IND)
		j->dst = 0;
	if (jop_is_jump(j) || j->op == OP_CALL_LOCAL) {
		j->target = (uint32_t)op->target;
		j->cost = op->cost;
	}
}

/* ---- the program ---- */

static struct jop *plan_add(struct jit_plan *plan)
{
	if (plan->n == plan->room) {
		uint32_t room = plan->room * 2;
		struct jop *jops = reallocarray(plan->jops, room, sizeof(*jops));

		if (!jops)
			return NULL;
		plan->jops = jops;
		plan->room = room;
	}
	return &plan->jops[plan->n++];
}

static int plan_ops(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;
	const void *fault = interp_handlers()[INTERP_FAULT];

	for (uint32_t i = 0; i < p->nops; i++) {
		struct jop *j = plan_add(plan);

		if (!j)
			return -ENOMEM;
		plan->index[i] = plan->n - 1;
		plan_one(j, &p->ops[i], i, fault);
	}
	return 0;
}

/* Targets become jops, and know what jumps to them. */
static void plan_targets(struct jit_plan *plan)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		struct jop *j = &plan->jops[i];

		if (!jop_is_jump(j) && j->op != OP_CALL_LOCAL)
			continue;
		if (j->op != JIT_RETURN)
			j->target = plan->index[j->target];
		plan->jops[j->target].flags |= JOP_TARGET;
		if (j->op != OP_CALL_LOCAL && j->target <= i)
			plan->jops[j->target].flags |= JOP_LOOP;
	}
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		plan->jops[plan->funcs[i].first].flags |= JOP_TARGET | JOP_FUNC;
}

static uint32_t func_of(const struct jit_plan *plan, uint32_t jop)
{
	uint32_t lo = 0, hi = plan->nfuncs;

	while (hi - lo > 1) {
		uint32_t middle = lo + (hi - lo) / 2;

		if (plan->funcs[middle].first <= jop)
			lo = middle;
		else
			hi = middle;
	}
	return lo;
}

static void plan_func(struct jit_plan *plan, struct jit_func *f)
{
	for (uint32_t i = f->first; i < f->end; i++) {
		const struct jop *j = &plan->jops[i];
		bool local = j->op == OP_CALL_LOCAL || j->op == OP_CALLX;
		bool c = j->op == OP_CALL || j->op == OP_CALLX || j->op == OP_LD_ABS ||
			 j->op == OP_LD_IND;

		f->writes |= (uint16_t)jop_writes(j);
		f->reads_frame |= jop_reads(j) >> 10 & 1 || j->op == JIT_FAULT;
		f->calls |= local || c;
		f->may_goto |= j->op == OP_MAY_GOTO;
		plan->calls_self |= local;
		plan->calls_c |= c;
		plan->burns |= plan->opt->checked && (j->cost || j->op == OP_CALLX);
		plan->reads |= (uint16_t)jop_reads(j);
		if (j->op == OP_CALL_LOCAL)
			plan->funcs[func_of(plan, j->target)].is_called = true;
	}
	plan->writes |= f->writes;
}

/* How deep calls nest: as a longest path, found by as many rounds as there are frames. */
static void plan_depth(struct jit_plan *plan)
{
	bool change = true;

	for (uint32_t i = 0; i < plan->nfuncs; i++)
		plan->funcs[i].frames = 1;
	for (uint32_t round = 0; change && round <= VM_MAX_DEPTH; round++) {
		change = false;
		for (uint32_t i = 0; i < plan->n; i++) {
			const struct jop *j = &plan->jops[i];

			if (j->op != OP_CALL_LOCAL && j->op != OP_CALLX)
				continue;
			struct jit_func *f = &plan->funcs[func_of(plan, i)];
			uint32_t under = j->op == OP_CALLX
						 ? VM_MAX_DEPTH
						 : plan->funcs[func_of(plan, j->target)].frames;
			if (under + 1 > f->frames && f->frames <= VM_MAX_DEPTH) {
				f->frames = (uint8_t)MIN(under + 1, VM_MAX_DEPTH + 1u);
				change = true;
			}
		}
	}
	for (uint32_t i = 0; i < plan->n; i++) {
		for (uint32_t k = 0; plan->jops[i].op == OP_CALLX && k < plan->nfuncs; k++)
			plan->funcs[k].is_called = true;
	}
}

/* Functions in terms of jops, and what the program as a whole does. */
static int plan_funcs(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;

	plan->nfuncs = p->nfuncs;
	plan->funcs = calloc(p->nfuncs, sizeof(*plan->funcs));
	if (!plan->funcs)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nfuncs; i++) {
		plan->funcs[i].first = plan->index[p->funcs[i].op];
		plan->funcs[i].end = i + 1 < p->nfuncs ? plan->index[p->funcs[i + 1].op] : plan->n;
	}
	return 0;
}

static void plan_facts(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;
	uint8_t deepest = 0;

	for (uint32_t m = 0; m < p->nmaps; m++)
		plan->translate |= p->maps[m]->def.type == BPF_MAP_TYPE_ARENA;
	plan->checked = plan->opt->checked || plan->translate;
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		plan_func(plan, &plan->funcs[i]);
	if (plan->calls_self)
		plan_depth(plan);
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		deepest = MAX(deepest, plan->funcs[i].frames);
	plan->deep = plan->calls_self && (plan->calls_c || deepest > VM_MAX_DEPTH);
}

int jit_plan_make(struct jit_plan *plan, const struct vm_prog *p, const struct jit_options *opt)
{
	int err;

	*plan = (struct jit_plan){ .prog = p, .opt = opt, .room = p->nops + p->nops / 4 + 16 };
	plan->jops = calloc(plan->room, sizeof(*plan->jops));
	plan->index = calloc(p->nops, sizeof(*plan->index));
	if (!plan->jops || !plan->index)
		return -ENOMEM;
	err = plan_ops(plan);
	if (!err)
		err = plan_funcs(plan);
	if (err)
		return err;
	plan_targets(plan);
	plan->in = calloc(plan->n, sizeof(*plan->in));
	if (!plan->in)
		return -ENOMEM;
	plan_facts(plan);
	jit_live(plan);
	if (!opt->plain && !opt->blind)
		jit_fold(plan);
	return 0;
}

void jit_plan_done(struct jit_plan *plan)
{
	free(plan->jops);
	free(plan->index);
	free(plan->in);
	free(plan->funcs);
}
