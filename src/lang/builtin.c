/*
 * Builtins: finding one by name, and what their signatures let generic code check. See
 * builtin.h. Needs: the tables of the families. Called by the checker and by expansion.
 */
#include <stdlib.h>

#include "lang/builtin.h"

const struct builtin *const builtin_families[] = {
	builtin_var,    builtin_event,  builtin_stack, builtin_print,  builtin_map,  builtin_agg,
	builtin_string, builtin_symbol, builtin_net,   builtin_system, builtin_time, NULL,
};

/* ---- names ---- */

/* "arg12" is "argN" with 12. */
static bool is_numbered(const struct builtin *b, const char *name, uint64_t *ret)
{
	size_t stem = strlen(b->name) - 1;
	char *end;

	if (strncmp(name, b->name, stem) != 0 || name[stem] < '0' || name[stem] > '9')
		return false;
	*ret = strtoull(name + stem, &end, 10);
	return !*end;
}

const struct builtin *builtin_find(const char *name, uint64_t *ret_number)
{
	for (const struct builtin *const *family = builtin_families; *family; family++) {
		for (const struct builtin *b = *family; b->name; b++) {
			if (b->flags & BUILTIN_NUMBERED ? is_numbered(b, name, ret_number)
							: streq(b->name, name))
				return b;
		}
	}
	return NULL;
}

struct name_list builtin_names(struct arena *arena, bool functions)
{
	struct name_list names = { 0 };

	for (const struct builtin *const *family = builtin_families; *family; family++)
		for (const struct builtin *b = *family; b->name; b++)
			if (builtin_is_function(b) == functions)
				vec_push(arena, &names, b->name);
	return names;
}

bool builtin_is_function(const struct builtin *b)
{
	return b->sign[0] == '(' && !(b->flags & BUILTIN_VARIABLE);
}

/* ---- signatures ---- */

struct param {
	const char *kind;
	size_t len;
	bool optional, repeats;
};

/* The parameter at @s, and where the next one is; NULL behind the last. */
static const char *next_param(const char *s, struct param *ret)
{
	s += strspn(s, "(, ?");
	if (*s != '.' && (*s < 'a' || *s > 'z'))
		return NULL;
	*ret = (struct param){ .kind = s, .repeats = *s == '.' };
	ret->len = ret->repeats ? 3 : strspn(s, "abcdefghijklmnopqrstuvwxyz");
	s += ret->len;
	ret->optional = *s == '?' || ret->repeats;
	return s;
}

static const char *params_of(const struct builtin *b)
{
	return b->sign[0] == '(' ? b->sign : "()";
}

static void count_params(const struct builtin *b, uint32_t *ret_min, uint32_t *ret_max)
{
	struct param p;

	*ret_min = *ret_max = 0;
	for (const char *s = params_of(b); (s = next_param(s, &p));) {
		*ret_min += !p.optional;
		*ret_max = p.repeats ? UINT32_MAX : *ret_max + 1;
	}
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "argument" : "arguments";
}

static bool check_count(struct check *c, const struct node *n, const struct builtin *b)
{
	uint32_t min, max, given = n->kids.n;

	count_params(b, &min, &max);
	if (given >= min && given <= max)
		return true;
	if (min == max)
		diag_error(c->diags, n->span, "%s() requires %u %s (%u provided)", n->name, min,
			   plural(min), given);
	else if (given < min)
		diag_error(c->diags, n->span, "%s() requires at least %u %s (%u provided)", n->name,
			   min, plural(min), given);
	else
		diag_error(c->diags, n->span, "%s() takes up to %u %s (%u provided)", n->name, max,
			   plural(max), given);
	if (b->example)
		diag_hint(c->diags, "for example: %s", b->example);
	return false;
}

static bool param_is(const struct param *p, const char *kind)
{
	return strlen(kind) == p->len && strncmp(p->kind, kind, p->len) == 0;
}

/* Whether @arg, of type @t, suits @p; *ret_wants says in words what would. */
static bool suits(const struct param *p, const struct node *arg, const struct type *t,
		  const char **ret_wants)
{
	int64_t number;

	if (param_is(p, "int")) {
		*ret_wants = "an integer";
		return type_is_int(t);
	}
	if (param_is(p, "pointer")) {
		*ret_wants = "an integer or a pointer";
		return type_is_word(t);
	}
	if (param_is(p, "string")) {
		*ret_wants = "a string";
		return t->kind == TYPE_STRING;
	}
	if (param_is(p, "text")) {
		*ret_wants = "a string literal";
		return arg->kind == NODE_STRING;
	}
	if (param_is(p, "literal")) {
		*ret_wants = "a number that is known before the script runs";
		return node_constant(arg, &number);
	}
	return true;
}

static void check_argument(struct check *c, struct node *n, uint32_t i, const struct param *p)
{
	struct node *arg = n->kids.v[i];
	const struct type *t;
	const char *wants;

	if (param_is(p, "node"))
		return;
	if (param_is(p, "map")) {
		if (arg->kind == NODE_MAP)
			check_map_whole(c, arg, false);
		else
			diag_error(c->diags, arg->span, "%s() expects a map", n->name);
		return;
	}
	t = type_text(c->s->types, check_value(c, arg));
	if (!type_is_none(t) && !suits(p, arg, t, &wants))
		diag_error(c->diags, arg->span, "%s() expects %s ('%s' provided)", n->name, wants,
			   type_name(c->s->types, t));
}

static void check_arguments(struct check *c, struct node *n, const struct builtin *b)
{
	const char *s = params_of(b);
	struct param p = { .kind = "any", .len = 3 };

	for (uint32_t i = 0; i < n->kids.n; i++) {
		if (!p.repeats)
			s = next_param(s, &p);
		check_argument(c, n, i, &p);
	}
}

static void set_type(struct check *c, struct node *n, const struct builtin *b)
{
	const char *arrow = strstr(b->sign, "-> ");
	const char *name = arrow ? arrow + 3 : b->sign;

	if (streq(name, "void"))
		n->type = type_void(c->s->types);
	else if (!streq(name, "*"))
		n->type = type_find(c->s->types, name);
}

/* ---- where it may stand ---- */

static void check_place(struct check *c, struct node *n, const struct builtin *b)
{
	const struct provider *p = c->event->provider;

	if (b->flags & BUILTIN_UNSAFE && !c->s->opt->unsafe) {
		diag_error(c->diags, n->span, "%s() is an unsafe function being used in safe mode",
			   n->name);
		diag_hint(c->diags, "--unsafe allows it");
	}
	if ((p->flags & b->needs) != b->needs)
		diag_error(c->diags, n->span, "%s can not be used with %s probes", n->name,
			   p->name);
}

void builtin_check(struct check *c, struct node *n, const struct builtin *b)
{
	unsigned errors = c->diags->errors;

	n->bound = (void *)b;
	c->s->writes_records |= (b->flags & BUILTIN_RECORD) != 0;
	check_place(c, n, b);
	if (!check_count(c, n, b)) {
		for (uint32_t i = 0; i < n->kids.n; i++)
			if (n->kids.v[i]->kind != NODE_TYPE)
				check_expr(c, n->kids.v[i]);
		set_type(c, n, b);
		return;
	}
	check_arguments(c, n, b);
	set_type(c, n, b);
	if (b->check && c->diags->errors == errors)
		b->check(c, n);
}
