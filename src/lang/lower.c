/*
 * Lowering: the programs of the plan, one IR module each.
 *
 *	if (globals.stop) return 0            not in BEGIN and END
 *	find out which event came             cookie, parameter, or the system call's number
 *	step of clause 0, step of clause 2 .. one after the other, whatever each of them does
 *	return 0
 *
 * Needs: a checked script and its plan. Called by compile.c.
 */
#include "lang/lower.h"

#include "image/agg.h"

/* ---- maps ---- */

static uint32_t stored_size(const struct script_map *m)
{
	uint32_t size = type_is_aggregate(m->value) ? agg_size(m->value) : m->value->size;

	/* a scalar map's value is followed by a word that says whether it was set */
	return m->is_keyed ? size : ALIGN_UP(size, 8) + 8;
}

static void add_map(struct script *s, struct script_map *m)
{
	struct image_map map = {
		.name = m->name,
		.role = MAP_USER,
		.key = m->is_keyed ? m->key : NULL,
		.value = m->value,
		.key_size = m->is_keyed ? m->key->size : 4,
		.value_size = stored_size(m),
		.max_entries = m->is_keyed ? s->settings.value[SETTING_MAX_MAP_KEYS] : 1,
		.span = m->span,
	};

	m->percpu = map.percpu = type_is_aggregate(m->value);
	config_map(s, m, &map);
	m->index = image_map_add(s->image, &map);
}

/* ---- one step ---- */

static void lower_step(struct lower *l, const struct plan_step *step)
{
	const struct script_clause *clause = &l->s->clauses[step->clause];
	const struct node *copy = clause->shapes[step->shape];
	struct ir_block *body;

	l->event = step->model;
	l->leave = block_new(l, "done");
	if (node_kid(copy, 1)) {
		body = block_new(l, "body");
		lower_branch(l, node_kid(copy, 1), body, l->leave);
		block_start(l, body);
	}
	lower_statement(l, node_kid(copy, 2));
	temps_release(l, 0);
	held_release(l, 0);
	block_start(l, l->leave);
}

static void lower_steps(struct lower *l, const struct plan_case *one)
{
	for (uint32_t i = 0; i < one->steps.n; i++)
		lower_step(l, &one->steps.v[i]);
}

/* ---- which event ---- */

static void leave_if(struct lower *l, struct ir_value *cond)
{
	struct ir_block *leave = block_new(l, "ignored"), *go_on = block_new(l, "wanted");

	ir_branch(l->f, cond, leave, go_on);
	block_start(l, leave);
	ir_return(l->f, word_const(l, 0));
	block_start(l, go_on);
}

/* A 32-bit caller's number means another system call. */
static void ignore_compat(struct lower *l)
{
	const struct plan_compat *c = &l->s->plan.compat;
	struct value word = { .place = VALUE_KERNEL, .offset = c->offset };

	if (!c->mask)
		return;
	word.type = type_int(l->s->types, c->size, false);
	word.v = ir_call_helper0(l->f, BPF_FUNC_get_current_task);
	leave_if(l, ir_binary(l->f, IR_AND, value_word(l, word), word_const(l, c->mask)));
}

static uint32_t dispatch_map(struct lower *l)
{
	struct image_map map = { .name = ".dispatch",
				 .role = MAP_DISPATCH,
				 .key_size = 4,
				 .value_size = 4,
				 .max_entries = l->plan->ndispatch,
				 .data = l->plan->dispatch };

	return image_map_add(l->s->image, &map);
}

/* The word of MAP_DISPATCH for the system call that came; others leave the program. */
static struct ir_value *dispatch_word(struct lower *l)
{
	struct ir_value *key = temp_slot(l, 4), *at, *word;
	struct value number = lower_place(l, l->plan->number, type_int(l->s->types, 4, false));

	ir_store(l->f, IR_STORE32, key, 0, value_word(l, number));
	at = ir_call_helper(l->f, BPF_FUNC_map_lookup_elem, ir_map(l->f, dispatch_map(l)), key);
	leave_if(l, ir_compare(l->f, IR_EQ, at, word_const(l, 0)));
	word = ir_load(l->f, IR_LOAD32, at, 0);
	leave_if(l, ir_compare(l->f, IR_EQ, word, word_const(l, 0)));
	return word;
}

/* The cases from @lo to before @hi, found by halving. */
static void lower_cases(struct lower *l, struct ir_value *which, uint32_t lo, uint32_t hi)
{
	struct ir_block *low, *high, *done;
	uint32_t mid = lo + (hi - lo) / 2;

	if (hi - lo == 1) {
		lower_steps(l, &l->plan->cases.v[lo]);
		return;
	}
	low = block_new(l, "low");
	high = block_new(l, "high");
	done = block_new(l, "case");
	ir_branch(l->f, ir_compare(l->f, IR_ULT, which, word_const(l, mid)), low, high);
	block_start(l, low);
	lower_cases(l, which, lo, mid);
	ir_jump(l->f, done);
	block_start(l, high);
	lower_cases(l, which, mid, hi);
	block_start(l, done);
}

static void lower_dispatch(struct lower *l)
{
	struct ir_value *word;

	ignore_compat(l);
	word = dispatch_word(l);
	l->which = ir_binary(l->f, IR_SUB, ir_binary(l->f, IR_AND, word, word_const(l, 0xffff)),
			     word_const(l, 1));
	lower_cases(l, ir_binary(l->f, IR_LSHR, word, word_const(l, 16)), 0, l->plan->cases.n);
}

static void lower_which(struct lower *l)
{
	const struct plan_case *one = &l->plan->cases.v[0];

	switch (l->plan->which) {
	case WHICH_ONE: l->which = word_const(l, one->events.v[0]->index); break;
	case WHICH_COOKIE:
		l->which = ir_call_helper(l->f, BPF_FUNC_get_attach_cookie, l->ctx);
		break;
	case WHICH_PARAM: l->which = ir_image_param(l->f, PARAM_COOKIE); break;
	case WHICH_DISPATCH:
	case WHICH_UNNEEDED: break;
	}
}

/* ---- programs ---- */

static bool is_special(const struct plan_prog *prog)
{
	enum attach_kind kind = prog->cases.v[0].events.v[0]->attach.kind;

	return kind == ATTACH_BEGIN || kind == ATTACH_END;
}

static void lower_body(struct lower *l)
{
	if (!is_special(l->plan))
		leave_if(l, ir_load(l->f, IR_LOAD32,
				    globals(l, offsetof(struct image_globals, stop)), 0));
	l->event = l->plan->cases.v[0].events.v[0];
	lower_which(l);
	if (l->plan->which == WHICH_DISPATCH)
		lower_dispatch(l);
	else
		lower_steps(l, &l->plan->cases.v[0]);
	ir_return(l->f, word_const(l, 0));
	ir_seal_all(l->f);
}

static void dump_ir(void *ctx, char stage, const char *title, const char *text)
{
	const struct lang_options *opt = ctx;

	opt->dump(opt->dump_ctx, stage, title, text);
}

static void lower_prog(struct script *s, const struct plan_prog *plan)
{
	struct image_prog prog = { .name = plan->name, .type = plan->type };
	struct ir_options opt = s->opt->ir;
	unsigned ncallbacks = 0;
	struct lower l = { .s = s, .plan = plan, .ncallbacks = &ncallbacks };

	if (!opt.dump && s->opt->dump) {
		opt.dump = dump_ir;
		opt.dump_ctx = (void *)s->opt;
		opt.stages = s->opt->stages;
	}
	l.module = ir_module_new(s->arena, s->image, s->env->target);
	l.f = ir_func_new(l.module, plan->name, 1, IR_ENTRY);
	l.ctx = ir_param(l.f, 0);
	lower_body(&l);
	if (ir_compile(l.module, &opt, &prog, s->env->diags) != 0)
		return;
	vec_push(s->arena, &s->image->progs, prog);
	plan_attach(plan, s->image->progs.n - 1, s->image);
}

void lower_script(struct script *s)
{
	s->image->license = s->settings.license;
	for (uint32_t i = 0; i < s->plan.probes.n; i++)
		vec_push(s->arena, &s->image->probes, s->plan.probes.v[i]);
	for (uint32_t i = 0; i < s->maps.n; i++)
		add_map(s, s->maps.v[i]);
	script_role(s, MAP_GLOBALS);
	for (uint32_t i = 0; i < s->plan.progs.n; i++)
		lower_prog(s, &s->plan.progs.v[i]);
}
