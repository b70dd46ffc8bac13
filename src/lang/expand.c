/*
 * Expansion: from what the script says to what it means on this machine.
 *
 *	tracepoint:syscalls:sys_enter_$1 { printf("%d", $2) }      skep -e '...' open* 7
 *	  expand_parameters   sys_enter_open*                 7
 *	  expand_probes       open, openat, openat2           fields read: none
 *	  expand_shapes       one copy of the clause for each shape that the plan found
 *
 * Needs: a parsed tree; for expand_shapes a plan. Called by compile.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "lang/builtin.h"

static const char *parameter(const struct script *s, uint64_t n)
{
	return n >= 1 && n <= s->opt->nparams ? s->opt->params[n - 1] : NULL;
}

/* ---- attach points ---- */

static void expand_point(struct script *s, struct node *point)
{
	const char *text = "", *p = point->name, *dollar = p;

	while ((dollar = strchr(dollar, '$'))) {
		const char *value;
		char *end;

		if (dollar[1] < '1' || dollar[1] > '9') {
			dollar++;
			continue;
		}
		value = parameter(s, strtoul(dollar + 1, &end, 10));
		text = arena_printf(s->arena, "%s%.*s%s", text, (int)(dollar - p), p,
				    value ? value : "");
		p = dollar = end;
	}
	point->name = arena_printf(s->arena, "%s%s", text, p);
}

/* ---- expressions ---- */

static void become_string(struct script *s, struct node *n, const char *text)
{
	n->kind = NODE_STRING;
	n->text = arena_strdup(s->arena, text);
	n->length = strlen(text);
	n->name = NULL;
	n->kids.n = 0;
}

static void become_integer(struct node *n, uint64_t number)
{
	n->kind = NODE_INTEGER;
	n->number = number;
}

static bool read_integer(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	return !errno && end != text && !*end;
}

/* $# is the count; $N is an integer if it looks like one, else a string; 0 if not given. */
static void expand_positional(struct script *s, struct node *n)
{
	const char *text = parameter(s, n->number);
	uint64_t number;

	if (n->number == 0)
		become_integer(n, s->opt->nparams);
	else if (!text)
		become_integer(n, 0);
	else if (read_integer(text, &number))
		become_integer(n, number);
	else
		become_string(s, n, text);
}

/* str($1) is the text, whatever it looks like; str($1 + 2) leaves out its first two bytes. */
static bool expand_str(struct script *s, struct node *n)
{
	struct node *arg = node_kid(n, 0), *positional = arg, *skip = NULL;
	const char *text;

	if (arg->kind == NODE_BINARY && arg->op == TOKEN_PLUS) {
		positional = node_kid(arg, 0);
		skip = node_kid(arg, 1);
	}
	if (positional->kind != NODE_POSITIONAL || positional->number == 0)
		return false;
	if (skip && skip->kind != NODE_INTEGER)
		return false;
	text = parameter(s, positional->number);
	text = text ? text : "";
	if (skip && skip->number > strlen(text)) {
		diag_error(s->env->diags, skip->span,
			   "cannot use offset %llu: the parameter has only %zu bytes",
			   (unsigned long long)skip->number, strlen(text));
		return true;
	}
	become_string(s, n, text + (skip ? skip->number : 0));
	return true;
}

static void expand_node(struct script *s, struct node *n)
{
	if (!n)
		return;
	if (n->kind == NODE_POINT) {
		expand_point(s, n);
		return;
	}
	if (n->kind == NODE_POSITIONAL)
		expand_positional(s, n);
	if (n->kind == NODE_CALL && n->kids.n == 1 && n->name && streq(n->name, "str") &&
	    expand_str(s, n))
		return;
	for (uint32_t i = 0; i < n->kids.n; i++)
		expand_node(s, n->kids.v[i]);
}

void expand_parameters(struct script *s)
{
	for (uint32_t i = 0; i < s->tree->clauses.n; i++)
		expand_node(s, s->tree->clauses.v[i]);
	for (uint32_t i = 0; i < s->tree->map_decls.n; i++)
		expand_node(s, s->tree->map_decls.v[i]);
}

/* ---- events ---- */

/* A probe that does not exist is an error, a warning or nothing, as missing_probes says. */
static void match_point(struct script *s, const struct node *point, struct event_list *out)
{
	struct probe_env *env = s->env;
	struct diags *real = env->diags, apart;
	struct probe_spec spec;

	if (probe_parse(env, point->name, point->span, &spec) != 0)
		return;
	if (s->settings.value[SETTING_MISSING_PROBES] == 0) {
		probe_match(env, &spec, out);
		return;
	}
	diags_init(&apart, s->arena, real->sources);
	env->diags = &apart;
	probe_match(env, &spec, out);
	env->diags = real;
	if (s->settings.value[SETTING_MISSING_PROBES] == 1)
		for (const struct diag *d = apart.first; d; d = d->next)
			diag_warning(real, d->span, "%s", d->text);
}

/* ---- what a clause uses ---- */

static void add_field(struct script *s, struct plan_clause *use, const char *name)
{
	for (uint32_t i = 0; i < use->fields.n; i++)
		if (streq(use->fields.v[i], name))
			return;
	vec_push(s->arena, &use->fields, name);
}

static bool is_args(const struct node *n)
{
	return n && (n->kind == NODE_IDENT || (n->kind == NODE_CALL && n->kids.n == 0)) &&
	       n->name && streq(n->name, "args");
}

static void scan_builtin(struct plan_clause *use, const struct node *n)
{
	uint64_t number;
	const struct builtin *b = n->name ? builtin_find(n->name, &number) : NULL;

	if (!b)
		return;
	use->names_event |= (b->flags & BUILTIN_EVENT) != 0;
	use->own_context |= (b->flags & BUILTIN_CONTEXT) != 0;
	use->takes_stack |= (b->flags & BUILTIN_STACK) != 0;
}

static void scan_uses(struct script *s, struct plan_clause *use, const struct node *n)
{
	if (!n)
		return;
	if (n->kind == NODE_MEMBER && is_args(node_kid(n, 0))) {
		add_field(s, use, n->name);
		return;
	}
	if (is_args(n))
		use->all_fields = true;
	else if (n->kind == NODE_IDENT || n->kind == NODE_CALL)
		scan_builtin(use, n);
	for (uint32_t i = 0; i < n->kids.n; i++)
		scan_uses(s, use, n->kids.v[i]);
}

void expand_probes(struct script *s)
{
	s->nclauses = s->tree->clauses.n;
	s->clauses = arena_array(s->arena, struct script_clause, s->nclauses);
	s->uses = arena_array(s->arena, struct plan_clause, s->nclauses);
	for (uint32_t i = 0; i < s->nclauses; i++) {
		struct node *clause = s->tree->clauses.v[i], *points = node_kid(clause, 0);

		s->clauses[i].node = clause;
		for (uint32_t j = 0; j < points->kids.n; j++)
			match_point(s, points->kids.v[j], &s->uses[i].events);
		scan_uses(s, &s->uses[i], node_kid(clause, 1));
		scan_uses(s, &s->uses[i], node_kid(clause, 2));
	}
}

/* ---- shapes ---- */

static void expand_step(struct script *s, const struct plan_step *step)
{
	struct script_clause *clause = &s->clauses[step->clause];

	if (clause->shapes[step->shape])
		return;
	clause->shapes[step->shape] = node_copy(s->arena, clause->node);
	clause->models[step->shape] = step->model;
}

void expand_shapes(struct script *s)
{
	for (uint32_t i = 0; i < s->nclauses; i++) {
		struct script_clause *clause = &s->clauses[i];

		clause->nshapes = s->plan.nshapes[i];
		clause->shapes = arena_array(s->arena, struct node *, clause->nshapes);
		clause->models = arena_array(s->arena, struct event *, clause->nshapes);
	}
	for (uint32_t i = 0; i < s->plan.progs.n; i++) {
		const struct plan_prog *prog = &s->plan.progs.v[i];

		for (uint32_t j = 0; j < prog->cases.n; j++)
			for (uint32_t k = 0; k < prog->cases.v[j].steps.n; k++)
				expand_step(s, &prog->cases.v[j].steps.v[k]);
	}
}
