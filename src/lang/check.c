/*
 * The checker's frame: rounds over all clauses until types are stable, clauses, names. See
 * check.h for what it leaves in the tree. Needs: copies of the clauses for each shape
 * (expand_shapes). Called by compile.c.
 */

#include "lang/builtin.h"

/* A type only ever widens, and there are few steps from the narrowest to the widest; a script in
 * which each clause waits for the one behind it needs a round for each. */
enum { ROUNDS_MAX = 64 };

static bool is_condition(const struct type *t)
{
	return type_is_none(t) || type_is_int(t) || t->kind == TYPE_POINTER;
}

void check_condition(struct check *c, struct node *n)
{
	const struct type *t = check_value(c, n);

	if (!is_condition(t))
		diag_error(c->diags, n->span, "a condition must be an integer or a pointer, not %s",
			   type_name(c->s->types, t));
}

static void check_clause(struct check *c, struct node *clause)
{
	struct scope scope = { 0 };

	c->scope = &scope;
	c->loop = NULL;
	c->breakable = 0;
	if (node_kid(clause, 1))
		check_condition(c, node_kid(clause, 1));
	check_block(c, node_kid(clause, 2));
}

static void check_round(struct check *c, struct diags *diags)
{
	struct script *s = c->s;

	c->diags = diags;
	c->changed = c->untyped = false;
	for (uint32_t i = 0; i < s->nclauses; i++) {
		c->clause = &s->clauses[i];
		for (uint32_t j = 0; j < c->clause->nshapes; j++) {
			if (!c->clause->shapes[j])
				continue;
			c->event = c->clause->models[j];
			check_clause(c, c->clause->shapes[j]);
		}
	}
}

static void check_until_stable(struct check *c)
{
	struct diags quiet;
	unsigned rounds = 0;

	do {
		diags_init(&quiet, c->s->arena, NULL);
		check_round(c, &quiet);
	} while (c->changed && ++rounds < ROUNDS_MAX);
}

/* A map that is used but never written has no type: its readers said so, but for those that
 * take the map whole. */
static void check_maps(struct script *s)
{
	for (uint32_t i = 0; i < s->maps.n; i++) {
		struct script_map *m = s->maps.v[i];

		if (!m->value)
			diag_error(s->env->diags, m->span, "Undefined map: %s", m->name);
	}
}

void check_script(struct script *s)
{
	struct check c = { .s = s };

	check_until_stable(&c);
	if (c.untyped) {
		c.defaults = true;
		check_until_stable(&c);
	}
	c.last = true;
	check_round(&c, s->env->diags);
	if (!s->env->diags->errors)
		check_maps(s);
}

/* ---- names ---- */

/* A variable that a loop body takes from outside is handed to each body on the way in. */
static void capture(struct check *c, struct variable *v)
{
	for (struct loop *loop = c->loop; loop && loop->depth > v->depth; loop = loop->outer) {
		uint32_t i = 0;

		while (i < loop->captured.n && loop->captured.v[i] != v)
			i++;
		if (i == loop->captured.n)
			vec_push(c->s->arena, &loop->captured, v);
	}
}

struct variable *check_variable(struct check *c, const char *name)
{
	for (struct scope *scope = c->scope; scope; scope = scope->outer) {
		for (uint32_t i = scope->variables.n; i-- > 0;) {
			struct variable *v = scope->variables.v[i];

			if (!streq(v->name, name))
				continue;
			capture(c, v);
			return v;
		}
	}
	return NULL;
}

struct variable *check_variable_begin(struct check *c, struct node *n)
{
	/* kept from round to round, so that its type can grow */
	struct variable *v = n->flag ? n->bound : NULL;

	if (!v) {
		v = arena_new(c->s->arena, struct variable);
		v->name = n->name;
		v->span = n->span;
	}
	v->depth = c->loop ? c->loop->depth : 0;
	n->flag = true;
	n->bound = v;
	n->type = v->type ? v->type : type_none(c->s->types);
	vec_push(c->s->arena, &c->scope->variables, v);
	return v;
}
