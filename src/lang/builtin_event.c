/*
 * Builtins of the event: its arguments, its result, its name, the context. See builtin.h.
 */

#include "lang/builtin.h"

/* ---- arguments and result ---- */

static void check_args(struct check *c, struct node *n)
{
	if (event_fields(c->s->env, (struct event *)c->event, n->span) != 0)
		return;
	if (c->event->args && c->event->args->nmembers)
		n->type = c->event->args;
	else
		diag_error(c->diags, n->span, "%s has no arguments that could be taken as a whole",
			   c->event->name);
}

static struct value lower_args(struct lower *l, struct node *n)
{
	return value_at(l, SPACE_KERNEL, n->type, l->ctx, 0);
}

static void check_argn(struct check *c, struct node *n)
{
	if (n->number > 255 || event_argn(c->s->env, c->event, n->number).kind == ACCESS_NONE)
		diag_error(c->diags, n->span, "%s doesn't have %s", c->event->name, n->name);
}

static struct value lower_argn(struct lower *l, struct node *n)
{
	return lower_place(l, event_argn(l->s->env, l->event, n->number), n->type);
}

static void check_retval(struct check *c, struct node *n)
{
	if (event_retval(c->s->env, c->event).kind == ACCESS_NONE)
		diag_error(c->diags, n->span, "%s has no retval", c->event->name);
}

static struct value lower_retval(struct lower *l, struct node *n)
{
	return lower_place(l, event_retval(l->s->env, l->event), n->type);
}

/* ---- names ---- */

static void check_probe(struct check *c, struct node *n)
{
	n->type = type_simple(c->s->types, TYPE_PROBE, 0);
}

static struct value lower_probe(struct lower *l, struct node *n)
{
	return value_of_word(n->type, l->which ? l->which : word_const(l, 0));
}

static const char *probetype(const struct event *event)
{
	bool special = event->attach.kind == ATTACH_BEGIN || event->attach.kind == ATTACH_END;

	return special ? "special" : event->provider->name;
}

static void check_probetype(struct check *c, struct node *n)
{
	n->type = type_string(c->s->types, strlen(probetype(c->event)) + 1);
}

static struct ir_value *probetype_into(struct lower *l, struct node *n, struct dest to)
{
	(void)n;
	return text_into(l, probetype(l->event), strlen(probetype(l->event)), to);
}

static const char *func_name(const struct event *event)
{
	return event->attach.func ? event->attach.func : "";
}

/* All function names share one width, so that they lie in one table, by event index. */
static uint32_t func_width(struct script *s)
{
	for (uint32_t i = 0; i < s->nclauses && !s->func_width; i++)
		for (uint32_t j = 0; j < s->uses[i].events.n; j++)
			s->func_width = MAX(s->func_width,
					    strlen(func_name(s->uses[i].events.v[j])) + 1);
	s->func_width = ALIGN_UP(s->func_width, 8);
	return s->func_width;
}

static void check_func(struct check *c, struct node *n)
{
	n->type = type_string(c->s->types, func_width(c->s));
}

static uint32_t func_table(struct script *s)
{
	uint32_t width = func_width(s), n = s->plan.probes.n;
	char *table;

	if (s->funcs)
		return s->funcs - 1;
	table = arena_alloc(s->arena, (size_t)width * n);
	for (uint32_t i = 0; i < s->nclauses; i++) {
		for (uint32_t j = 0; j < s->uses[i].events.n; j++) {
			const struct event *event = s->uses[i].events.v[j];
			size_t len = MIN(strlen(func_name(event)), width - 1);

			if (event->index < n)
				memcpy(table + (size_t)event->index * width, func_name(event), len);
		}
	}
	s->funcs = script_rodata(s, ".func", table, width * n) + 1;
	return s->funcs - 1;
}

static struct value lower_func(struct lower *l, struct node *n)
{
	uint32_t width = func_width(l->s);
	struct ir_value *at = ir_map_value(l->f, func_table(l->s), 0), *which = l->which;
	int64_t index;

	if (!which)
		which = word_const(l, 0);
	if (ir_is_const(which, &index))
		return value_direct(n->type, at, index * width);
	which = at_most(l, which, l->s->plan.probes.n - 1);
	at = ir_binary(l->f, IR_ADD, at, ir_binary(l->f, IR_MUL, which, word_const(l, width)));
	return value_direct(n->type, at, 0);
}

/* ---- the context ---- */

static void check_ctx(struct check *c, struct node *n)
{
	n->type = type_pointer(c->s->types, type_void(c->s->types), SPACE_KERNEL);
}

static struct value lower_ctx(struct lower *l, struct node *n)
{
	return value_of_word(n->type, l->ctx);
}

static void check_reg(struct check *c, struct node *n)
{
	const struct node *name = node_kid(n, 0);
	uint32_t offset;

	if (register_find(c->s->env->target->arch, name->text, &offset))
		n->number = offset;
	else
		diag_error(c->diags, name->span,
			   "'%s' is not a valid register on this architecture", name->text);
}

static struct value lower_reg(struct lower *l, struct node *n)
{
	return value_of_word(n->type, ir_load(l->f, IR_LOAD64, l->ctx, n->number));
}

const struct builtin builtin_event[] = {
	{ .name = "args",
	  .sign = "*",
	  .flags = BUILTIN_CONTEXT,
	  .needs = PROVIDES_FIELDS,
	  .check = check_args,
	  .lower = lower_args,
	  .doc = "all arguments of the event",
	  .example = "print(args.filename)" },
	{ .name = "argN",
	  .sign = "int64",
	  .flags = BUILTIN_CONTEXT | BUILTIN_NUMBERED,
	  .needs = PROVIDES_ARGN,
	  .check = check_argn,
	  .lower = lower_argn,
	  .doc = "one argument as a plain word, counted from arg0",
	  .example = "print(arg0)" },
	{ .name = "retval",
	  .sign = "uint64",
	  .flags = BUILTIN_CONTEXT,
	  .needs = PROVIDES_RETVAL,
	  .check = check_retval,
	  .lower = lower_retval,
	  .doc = "what the function returned",
	  .example = "@[retval] = count()" },
	{ .name = "probe",
	  .sign = "*",
	  .flags = BUILTIN_EVENT,
	  .check = check_probe,
	  .lower = lower_probe,
	  .doc = "full name of the probe",
	  .example = "@[probe] = count()" },
	{ .name = "probetype",
	  .sign = "*",
	  .flags = BUILTIN_INLINE,
	  .check = check_probetype,
	  .into = probetype_into,
	  .doc = "the probe's type, such as \"kprobe\"",
	  .example = "print(probetype)" },
	{ .name = "func",
	  .sign = "*",
	  .flags = BUILTIN_EVENT,
	  .needs = PROVIDES_FUNC,
	  .check = check_func,
	  .lower = lower_func,
	  .doc = "name of the function that is probed",
	  .example = "@[func] = count()" },
	{ .name = "ctx",
	  .sign = "*",
	  .flags = BUILTIN_CONTEXT,
	  .needs = PROVIDES_CTX,
	  .check = check_ctx,
	  .lower = lower_ctx,
	  .doc = "the program's raw context",
	  .example = "print(((struct pt_regs *)ctx)->ip)" },
	{ .name = "reg",
	  .sign = "(text) -> uint64",
	  .flags = BUILTIN_CONTEXT,
	  .needs = PROVIDES_REGS,
	  .check = check_reg,
	  .lower = lower_reg,
	  .doc = "a register, by name",
	  .example = "print(reg(\"ip\"))" },
	{ 0 },
};
