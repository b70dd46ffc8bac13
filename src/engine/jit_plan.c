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

/* The function that op @at is in. */
static uint32_t func_of(const struct vm_prog *p, uint32_t at)
{
	uint32_t lo = 0, hi = p->nfuncs;

	while (hi - lo > 1) {
		uint32_t middle = lo + (hi - lo) / 2;

		if (p->funcs[middle].op <= at)
			lo = middle;
		else
			hi = middle;
	}
	return lo;
}

/* How deep the call at op @i makes its function nest; 0: it is none. */
static uint32_t nests(const struct jit_plan *plan, uint32_t i)
{
	const struct op *op = &plan->prog->ops[i];

	switch (insn_forms[op->id].op) {
	case OP_CALLX: return VM_MAX_DEPTH + 1;
	case OP_CALL_LOCAL:
		return plan->funcs[func_of(plan->prog, (uint32_t)op->target)].frames + 1u;
	default: return 0;
	}
}

/* How deep calls nest: longest paths, found in as many rounds as there are frames. */
static void plan_depth(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;
	bool change = true;

	for (uint32_t i = 0; i < p->nfuncs; i++)
		plan->funcs[i].frames = 1;
	while (change) {
		change = false;
		for (uint32_t i = 0; i < p->nops; i++) {
			uint32_t n = MIN(nests(plan, i), VM_MAX_DEPTH + 1u);
			struct jit_func *f = n ? &plan->funcs[func_of(p, i)] : NULL;

			if (!f || n <= f->frames)
				continue;
			f->frames = (uint8_t)n;
			change = true;
		}
	}
	for (uint32_t i = 0; i < p->nfuncs; i++)
		plan->unbounded |= plan->funcs[i].frames > VM_MAX_DEPTH;
}

/* Whether no way leads from one function's ops into another's but calls. The interpreter does not
 * care; compiled code has a frame for each. */
static bool is_apart(const struct vm_prog *p, const struct vm_func *f)
{
	uint32_t end = f->op + f->length;
	uint8_t last = insn_forms[p->ops[end - 1].id].op;

	for (uint32_t i = f->op; i < end; i++) {
		uint8_t op = insn_forms[p->ops[i].id].op;
		uint32_t target = (uint32_t)p->ops[i].target;

		if (((op >= OP_JEQ && op <= OP_MAY_GOTO)) && (target < f->op || target >= end))
			return false;
	}
	return last == OP_EXIT || last == OP_JA;
}

/* ---- functions inlined ---- */

enum { INLINE_MAX = 24 }; /* ops; as much code as a call and its frame, or little more */

/* Whether calls of @f may give way to its ops: it ends, calls nobody, has no frame, and leaves the
 * registers alone that its callers keep. */
static bool is_leaf(const struct vm_prog *p, const struct vm_func *f)
{
	const void *fault = interp_handlers()[INTERP_FAULT];

	if (f->length > INLINE_MAX)
		return false;
	for (uint32_t i = f->op; i < f->op + f->length; i++) {
		struct jop j;

		plan_one(&j, &p->ops[i], i, fault);
		if (j.op >= OP_MAY_GOTO && j.op <= OP_CALLX)
			return false;
		if (j.op == OP_LD_ABS || j.op == OP_LD_IND || j.op == JIT_FAULT)
			return false;
		if (jop_is_jump(&j) && (j.target <= i || j.target >= f->op + f->length))
			return false;
		if (jop_reads(&j) & BIT(10) || jop_writes(&j) & 0x3c0)
			return false;
	}
	return p->ops[f->op + f->length - 1].id == INSN_EXIT;
}

/* The ops of @f for the call at @at: its exits go on behind it. */
static int plan_inline(struct jit_plan *plan, const struct vm_func *f, uint32_t at)
{
	const void *fault = interp_handlers()[INTERP_FAULT];
	const struct vm_prog *p = plan->prog;
	struct jop *j = plan_add(plan);
	uint32_t start = plan->n;

	if (!j)
		return -ENOMEM;
	*j = (struct jop){ .op = JIT_BURN,
			   .dst = JIT_NONE,
			   .a = JIT_NONE,
			   .b = JIT_NONE,
			   .c = JIT_NONE,
			   .at = at,
			   .cost = p->ops[at].cost };
	for (uint32_t i = f->op; i < f->op + f->length; i++) {
		j = plan_add(plan);
		if (!j)
			return -ENOMEM;
		plan_one(j, &p->ops[i], i, fault);
		if (j->op == OP_EXIT) {
			j->op = i == f->op + f->length - 1 ? JIT_NOP : OP_JA;
			j->target = at + 1;
		} else if (jop_is_jump(j)) {
			j->target += start - f->op;
			j->flags |= JOP_PLACED;
		}
	}
	return 0;
}

static int plan_ops(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;
	const void *fault = interp_handlers()[INTERP_FAULT];
	bool inlines = !plan->opt->plain && !plan->unbounded;

	for (uint32_t i = 0; i < p->nops; i++) {
		const struct vm_func *f = NULL;
		struct jop *j;

		plan->index[i] = plan->n;
		if (inlines && insn_forms[p->ops[i].id].op == OP_CALL_LOCAL)
			f = &p->funcs[func_of(p, (uint32_t)p->ops[i].target)];
		if (f && is_leaf(p, f)) {
			if (plan_inline(plan, f, i))
				return -ENOMEM;
			continue;
		}
		j = plan_add(plan);
		if (!j)
			return -ENOMEM;
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
		if (!(j->flags & JOP_PLACED))
			j->target = plan->index[j->target];
		plan->jops[j->target].flags |= JOP_TARGET;
		if (j->op != OP_CALL_LOCAL && j->target <= i)
			plan->jops[j->target].flags |= JOP_LOOP;
	}
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		plan->jops[plan->funcs[i].first].flags |= JOP_TARGET | JOP_FUNC;
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
		plan->burns |= plan->opt->checked && j->cost;
		plan->reads |= (uint16_t)jop_reads(j);
		if (j->op == OP_CALL_LOCAL) /* its start's op is its function's */
			plan->funcs[func_of(plan->prog, plan->jops[j->target].at)].is_called = true;
		for (uint32_t k = 0; j->op == OP_CALLX && k < plan->nfuncs; k++)
			plan->funcs[k].is_called = true;
	}
	plan->writes |= f->writes;
}

/* Functions in terms of jops, and what the program as a whole does. */
static void plan_funcs(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;

	plan->nfuncs = p->nfuncs;
	for (uint32_t i = 0; i < p->nfuncs; i++) {
		plan->funcs[i].first = plan->index[p->funcs[i].op];
		plan->funcs[i].end = i + 1 < p->nfuncs ? plan->index[p->funcs[i + 1].op] : plan->n;
	}
}

static void plan_facts(struct jit_plan *plan)
{
	const struct vm_prog *p = plan->prog;
	bool called = false;

	for (uint32_t m = 0; m < p->nmaps; m++)
		plan->translate |= p->maps[m]->def.type == BPF_MAP_TYPE_ARENA;
	plan->checked = plan->opt->checked || plan->translate;
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		plan_func(plan, &plan->funcs[i]);
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		called |= plan->funcs[i].is_called;
	/* Functions that were inlined everywhere and that no helper can call back. */
	if (!called && !plan->calls_c) {
		plan->nfuncs = 1;
		plan->n = plan->funcs[0].end;
	}
	plan->deep = plan->calls_self && (plan->calls_c || plan->unbounded);
}

int jit_plan_make(struct jit_plan *plan, const struct vm_prog *p, const struct jit_options *opt)
{
	*plan = (struct jit_plan){ .prog = p, .opt = opt, .room = p->nops + p->nops / 4 + 16 };
	plan->jops = calloc(plan->room, sizeof(*plan->jops));
	plan->index = calloc(p->nops, sizeof(*plan->index));
	plan->funcs = calloc(p->nfuncs, sizeof(*plan->funcs));
	if (!plan->jops || !plan->index || !plan->funcs)
		return -ENOMEM;
	for (uint32_t i = 0; p->nfuncs > 1 && i < p->nfuncs; i++) {
		if (!is_apart(p, &p->funcs[i]))
			return -ENOTSUP;
	}
	plan_depth(plan);
	if (plan_ops(plan))
		return -ENOMEM;
	plan_funcs(plan);
	plan_targets(plan);
	plan->in = calloc(plan->n, sizeof(*plan->in));
	if (!plan->in)
		return -ENOMEM;
	jit_live(plan);
	if (!opt->plain && !opt->blind)
		jit_fold(plan);
	plan_facts(plan);
	return 0;
}

void jit_plan_done(struct jit_plan *plan)
{
	free(plan->jops);
	free(plan->index);
	free(plan->in);
	free(plan->funcs);
}
