/*
 * Checking expressions: literals, names, calls, tuples, values of blocks. Operators, accesses
 * and casts have files of their own. Needs and callers: see check.c.
 */
#include "lang/builtin.h"

static const struct type *none(struct check *c)
{
	return type_none(c->s->types);
}

/* ---- literals ---- */

static void check_integer(struct check *c, struct node *n)
{
	n->type = type_int(c->s->types, 8, n->number <= INT64_MAX);
}

static void check_string(struct check *c, struct node *n)
{
	int64_t limit = c->s->settings.value[SETTING_MAX_STRLEN];

	if (n->length > limit)
		diag_error(c->diags, n->span,
			   "String is too long (over %lld bytes): the setting max_strlen limits it",
			   (long long)limit);
	n->type = type_string(c->s->types, n->length + 1);
}

/* ---- names ---- */

static void unknown_name(struct check *c, struct node *n, bool function)
{
	struct name_list names = builtin_names(c->s->arena, function);

	diag_error(c->diags, n->name_span, "Unknown %s: '%s'", function ? "function" : "identifier",
		   n->name);
	diag_hint_nearest(c->diags, n->name, names.v, names.n);
}

static void check_ident(struct check *c, struct node *n)
{
	const struct builtin *b = builtin_find(n->name, &n->number);
	const struct type *t;
	int64_t value;

	if (b && !builtin_is_function(b)) {
		builtin_check(c, n, b);
		return;
	}
	script_btf(c->s);
	t = type_enum_value(c->s->types, n->name, &value);
	n->bound = NULL;
	if (t) {
		n->type = t;
		n->number = value;
	} else if (b) {
		diag_error(c->diags, n->span, "%s is a function: call it as %s()", n->name,
			   n->name);
	} else {
		unknown_name(c, n, false);
	}
}

static void check_call(struct check *c, struct node *n)
{
	const struct builtin *b = builtin_find(n->name, &n->number);

	if (b) {
		builtin_check(c, n, b);
		return;
	}
	for (uint32_t i = 0; i < n->kids.n; i++)
		check_expr(c, n->kids.v[i]);
	unknown_name(c, n, true);
}

static void unknown_variable(struct check *c, struct node *n)
{
	VEC(const char *) names = { 0 };

	for (struct scope *scope = c->scope; scope; scope = scope->outer)
		for (uint32_t i = 0; i < scope->variables.n; i++)
			vec_push(c->s->arena, &names, scope->variables.v[i]->name);
	diag_error(c->diags, n->span, "Undefined or undeclared variable: %s", n->name);
	diag_hint_nearest(c->diags, n->name, names.v, names.n);
}

static void check_variable_use(struct check *c, struct node *n)
{
	struct variable *v = check_variable(c, n->name);

	n->bound = v;
	if (v && v->type)
		n->type = v->type;
	else if (!v)
		unknown_variable(c, n);
}

static void undefined_map(struct check *c, struct node *n)
{
	VEC(const char *) names = { 0 };

	for (uint32_t i = 0; i < c->s->maps.n; i++)
		if (c->s->maps.v[i]->value)
			vec_push(c->s->arena, &names, c->s->maps.v[i]->name);
	diag_error(c->diags, n->span, "Undefined map: %s", n->name);
	diag_hint_nearest(c->diags, n->name, names.v, names.n);
}

static void check_map_use(struct check *c, struct node *n)
{
	const struct script_map *m = check_map(c, n);

	if (!m->value)
		undefined_map(c, n);
}

/* ---- tuples and records ---- */

static void check_tuple(struct check *c, struct node *n)
{
	const struct type **members = arena_array(c->s->arena, const struct type *, n->kids.n);
	struct type *record;
	bool known = true;

	for (uint32_t i = 0; i < n->kids.n; i++) {
		struct node *kid = n->kids.v[i];

		if (kid->kind == NODE_FIELD)
			kid->type = check_value(c, node_kid(kid, 0));
		members[i] = type_stored(c->s->types,
					 kid->kind == NODE_FIELD ? kid->type : check_value(c, kid));
		known &= !type_is_none(members[i]);
	}
	if (!known)
		return;
	n->type = type_tuple(c->s->types, members, n->kids.n);
	if (n->kind != NODE_RECORD)
		return;
	record = type_copy(c->s->types, n->type);
	record->kind = TYPE_RECORD;
	for (uint32_t i = 0; i < n->kids.n; i++)
		record->members[i].name = n->kids.v[i]->name;
	n->type = record;
}

/* ---- blocks as values ---- */

/* The value that a block ends in. */
static const struct type *check_block_value(struct check *c, struct node *block)
{
	struct scope scope = { .outer = c->scope };
	const struct type *t = type_void(c->s->types);

	if (block->kind == NODE_IF)
		return check_expr(c, block);
	c->scope = &scope;
	for (uint32_t i = 0; i < block->kids.n; i++) {
		struct node *kid = block->kids.v[i];
		bool last = i + 1 == block->kids.n;

		if (last && kid->kind == NODE_DISCARD)
			t = kid->type = check_value(c, node_kid(kid, 0));
		else if (last && block->kind == NODE_BLOCK_VALUE)
			t = check_value(c, kid);
		else
			check_statement(c, kid);
	}
	c->scope = scope.outer;
	return block->type = t;
}

static void check_if_value(struct check *c, struct node *n)
{
	const struct type *a, *b, *t;

	check_condition(c, node_kid(n, 0));
	a = check_block_value(c, node_kid(n, 1));
	b = node_kid(n, 2) ? check_block_value(c, node_kid(n, 2)) : type_void(c->s->types);
	t = type_join(c->s->types, a, b);
	if (t)
		n->type = t;
	else
		diag_error(c->diags, n->span,
			   "the branches of this if have different types: %s "
			   "and %s",
			   type_name(c->s->types, a), type_name(c->s->types, b));
}

/* ---- all of them ---- */

const struct type *check_expr(struct check *c, struct node *n)
{
	n->type = none(c);
	switch (n->kind) {
	case NODE_INTEGER: check_integer(c, n); break;
	case NODE_STRING: check_string(c, n); break;
	case NODE_BOOL: n->type = type_bool(c->s->types); break;
	case NODE_IDENT: check_ident(c, n); break;
	case NODE_VARIABLE: check_variable_use(c, n); break;
	case NODE_MAP: check_map_use(c, n); break;
	case NODE_CALL: check_call(c, n); break;
	case NODE_UNARY:
	case NODE_POSTFIX:
	case NODE_BINARY:
	case NODE_TERNARY: check_operator(c, n); break;
	case NODE_MEMBER:
	case NODE_ELEMENT:
	case NODE_INDEX: check_access(c, n); break;
	case NODE_CAST:
	case NODE_SIZEOF:
	case NODE_OFFSETOF:
	case NODE_TYPEINFO: check_cast(c, n); break;
	case NODE_TUPLE:
	case NODE_RECORD: check_tuple(c, n); break;
	case NODE_IF: check_if_value(c, n); break;
	case NODE_BLOCK_VALUE: check_block_value(c, n); break;
	default: diag_error(c->diags, n->span, "this cannot stand in an expression"); break;
	}
	/* nothing goes on without a type, whatever the reason */
	if (c->last && type_is_none(n->type) && !c->diags->errors)
		diag_error(c->diags, n->span, "the type of this is not known");
	return n->type;
}

/* An aggregation read as a value is folded over all CPUs. */
static const struct type *fold(struct check *c, struct node *n)
{
	const struct type *t = n->type;

	n->type = none(c);
	if (n->kind == NODE_CALL) {
		diag_error(c->diags, n->span, "%s() should be directly assigned to a map", n->name);
	} else if (!type_folds(t)) {
		diag_error(c->diags, n->span, "a %s value cannot be used in an expression",
			   type_name(c->s->types, t));
		diag_hint(c->diags, "print(%s) shows all of the map", n->name ? n->name : "@");
	} else if (!target_has(c->s->env->target, FEATURE_PERCPU_LOOKUP)) {
		diag_error(c->diags, n->span,
			   "reading a %s value in a script needs Linux 5.19 (%s)",
			   type_name(c->s->types, t), feature_rows[FEATURE_PERCPU_LOOKUP].name);
	} else {
		n->type = type_folded(c->s->types, t);
	}
	return n->type;
}

const struct type *check_value(struct check *c, struct node *n)
{
	const struct type *t = check_expr(c, n);

	if (t->kind == TYPE_VOID) {
		diag_error(c->diags, n->span,
			   n->kind == NODE_CALL ? "%s() has no value" : "%sthis has no value",
			   n->kind == NODE_CALL ? n->name : "");
		return n->type = none(c);
	}
	if (t->kind == TYPE_FLOAT) {
		diag_error(c->diags, n->span, "floating-point values cannot be used");
		return n->type = none(c);
	}
	return type_is_aggregate(t) ? fold(c, n) : t;
}
