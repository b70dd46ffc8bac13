/*
 * Checking what is written and how its type grows: maps, variables, let. Needs and callers: see
 * check.c.
 */
#include "lang/builtin.h"

/* An integer that the script spells out takes whatever integer type the rest of it needs. */
static bool is_literal(const struct node *n, int64_t *ret)
{
	return node_constant(n, ret) && n->type && n->type->kind == TYPE_INT;
}

static bool fits(const struct type *t, int64_t n)
{
	unsigned bits = t->size * 8;

	if (bits >= 64)
		return t->is_signed || n >= 0;
	if (t->is_signed)
		return n >= -(1ll << (bits - 1)) && n < 1ll << (bits - 1);
	return n >= 0 && n < 1ll << bits;
}

/* The type of a thing that held @old when @n, of type @type, is put into it too. */
static const struct type *grow(struct check *c, const struct type *old, bool *flexible,
			       const struct type *type, const struct node *n)
{
	int64_t number;
	bool literal = n && is_literal(n, &number);

	if (type_is_none(old)) {
		*flexible = literal && number >= 0;
		return type;
	}
	if (literal && old->kind == TYPE_INT) {
		if (fits(old, number))
			return old;
		return type_int(c->s->types, 8, true);
	}
	if (*flexible && type->kind == TYPE_INT) {
		*flexible = false;
		return type_int(c->s->types, 8, type->is_signed);
	}
	*flexible = false;
	return type_join(c->s->types, old, type);
}

/* Whether types are the same down to sizes and signs, which type_equal leaves open for some. */
static bool same(const struct type *a, const struct type *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->kind != b->kind || a->size != b->size || a->is_signed != b->is_signed)
		return false;
	if (a->nmembers != b->nmembers || a->count != b->count)
		return false;
	if (a->kind != TYPE_TUPLE && a->kind != TYPE_RECORD)
		return true;
	for (uint32_t i = 0; i < a->nmembers; i++)
		if (!same(a->members[i].type, b->members[i].type))
			return false;
	return true;
}

static void note_change(struct check *c, const struct type **held, const struct type *type)
{
	if (!same(*held, type))
		c->changed = true;
	*held = type;
}

/* ---- maps ---- */

static const char *shown(struct check *c, const struct type *t)
{
	return type_name(c->s->types, t);
}

static bool can_be_stored(const struct type *t)
{
	return t->kind != TYPE_VOID && t->kind != TYPE_FUNC && t->kind != TYPE_FLOAT &&
	       !type_is_aggregate(t) && (t->size || t->kind == TYPE_TUPLE);
}

enum { SMALL_KEY = 512 /* what a key may have at most without FEATURE_BIG_KEYS */ };

/* Cuts the longest string of a key that is too large for the kernel. */
static const struct type *fit_key(struct check *c, const struct type *t)
{
	const struct type **members;
	uint32_t longest = 0, over;

	if (t->size <= SMALL_KEY || target_has(c->s->env->target, FEATURE_BIG_KEYS))
		return t;
	if (t->kind == TYPE_STRING)
		return type_string(c->s->types, SMALL_KEY);
	if (t->kind != TYPE_TUPLE)
		return t;
	over = ALIGN_UP(t->size - SMALL_KEY, 8);
	members = arena_array(c->s->arena, const struct type *, t->nmembers);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		members[i] = t->members[i].type;
		if (members[i]->kind == TYPE_STRING && members[i]->size > members[longest]->size)
			longest = i;
	}
	if (members[longest]->kind != TYPE_STRING || members[longest]->size <= over)
		return t;
	members[longest] = type_string(c->s->types, members[longest]->size - over);
	return fit_key(c, type_tuple(c->s->types, members, t->nmembers));
}

static void check_key(struct check *c, struct script_map *m, struct node *key)
{
	const struct type *t = type_stored(c->s->types, check_value(c, key)), *joined;

	if (type_is_none(t))
		return;
	t = fit_key(c, t);
	if (!can_be_stored(t) || !t->size) {
		diag_error(c->diags, key->span, "%s cannot be a key", shown(c, t));
		return;
	}
	joined = m->key ? type_join(c->s->types, m->key, t) : t;
	if (!joined) {
		diag_error(c->diags, key->span,
			   "Argument mismatch for %s: trying to access with arguments: '%s' when "
			   "map expects arguments: '%s'",
			   m->name, shown(c, t), shown(c, m->key));
		return;
	}
	note_change(c, &m->key, fit_key(c, joined));
}

static void used_both_ways(struct check *c, struct script_map *m, struct node *n)
{
	if (m->is_keyed && m->is_scalar)
		diag_error(c->diags, n->span,
			   "%s is used with a key in one place and without one in another",
			   m->name);
}

struct script_map *check_map(struct check *c, struct node *n)
{
	struct script_map *m = script_map(c->s, n->name, n->name_span);
	struct node *key = node_kid(n, 0);

	n->bound = m;
	if (key) {
		m->is_keyed = true;
		check_key(c, m, key);
	} else {
		m->is_scalar = true;
	}
	used_both_ways(c, m, n);
	n->type = m->value ? m->value : type_none(c->s->types);
	return m;
}

struct script_map *check_map_whole(struct check *c, struct node *n, bool needs_keys)
{
	struct script_map *m = script_map(c->s, n->name, n->name_span);

	n->bound = m;
	n->type = m->value ? m->value : type_none(c->s->types);
	if (node_kid(n, 0))
		diag_error(c->diags, n->span, "the map itself is needed here, without a key");
	else if (!m->value)
		diag_error(c->diags, n->span, "Undefined map: %s", m->name);
	else if (needs_keys && !m->is_keyed)
		diag_error(c->diags, n->span, "%s has no keys, only one value", m->name);
	return m;
}

static void map_mismatch(struct check *c, struct script_map *m, const struct type *t,
			 struct node *n)
{
	diag_error(c->diags, n->span,
		   "Type mismatch for %s: trying to assign value of type '%s' when map already "
		   "contains a value of type '%s'",
		   m->name, shown(c, t), shown(c, m->value));
}

void check_store(struct check *c, struct script_map *m, const struct type *type, struct node *n)
{
	const struct type *t = type_stored(c->s->types, type), *grown;

	if (type_is_none(t))
		return;
	if (!can_be_stored(t)) {
		diag_error(c->diags, n->span, "a value of type %s cannot be kept in a map",
			   shown(c, t));
		return;
	}
	grown = grow(c, m->value, &m->is_flexible, t, n);
	if (grown)
		note_change(c, &m->value, type_stored(c->s->types, grown));
	else
		map_mismatch(c, m, t, n);
}

void check_aggregate(struct check *c, struct script_map *m, struct node *call)
{
	const struct type *t = check_expr(c, call), *joined;

	if (!type_is_aggregate(t))
		return;
	joined = type_join_aggregate(m->value, t);
	if (joined)
		note_change(c, &m->value, joined);
	else
		map_mismatch(c, m, t, call);
}

static bool is_aggregate_call(const struct node *n)
{
	uint64_t number;
	const struct builtin *b = n->kind == NODE_CALL ? builtin_find(n->name, &number) : NULL;

	return b && b->flags & BUILTIN_AGGREGATE;
}

static void assign_map(struct check *c, struct node *n)
{
	struct node *target = node_kid(n, 0), *value = node_kid(n, 1);
	struct script_map *m = check_map(c, target);

	if (is_aggregate_call(value)) {
		if (n->op != TOKEN_ASSIGN)
			diag_error(c->diags, n->span,
				   "%s() can only be assigned with =", value->name);
		check_aggregate(c, m, value);
	} else if (n->op == TOKEN_ASSIGN) {
		check_store(c, m, check_value(c, value), value);
	} else {
		if (!m->value)
			check_store(c, m, type_int(c->s->types, 8, true), target);
		check_store(c, m, check_compound(c, n, m->value), n);
	}
	target->type = m->value ? m->value : type_none(c->s->types);
}

/* ---- variables ---- */

void check_variable_put(struct check *c, struct variable *v, const struct type *type,
			struct node *n)
{
	const struct type *t = type_text(c->s->types, type), *grown;

	if (type_is_none(t))
		return;
	if (v->is_declared)
		grown = type_join(c->s->types, v->type, t) ? v->type : NULL;
	else
		grown = grow(c, v->type, &v->is_flexible, t, n);
	if (!can_be_stored(t) || !grown)
		diag_error(c->diags, n->span,
			   "Type mismatch for %s: trying to assign value of type '%s' when "
			   "variable already contains a value of type '%s'",
			   v->name, shown(c, t), shown(c, v->type));
	else
		note_change(c, &v->type, grown);
}

static void undeclared(struct check *c, struct node *n)
{
	diag_error(c->diags, n->span, "Undefined or undeclared variable: %s", n->name);
	n->type = type_none(c->s->types);
}

static void assign_variable(struct check *c, struct node *n)
{
	struct node *target = node_kid(n, 0), *value = node_kid(n, 1);
	struct variable *v = target->flag ? NULL : check_variable(c, target->name);
	const struct type *t;

	if (n->op == TOKEN_ASSIGN) {
		t = check_value(c, value);
		if (!v)
			v = check_variable_begin(c, target);
		check_variable_put(c, v, t, value);
	} else if (v) {
		t = check_compound(c, n, v->type ? v->type : type_none(c->s->types));
		check_variable_put(c, v, t, n);
	} else {
		check_value(c, value);
		undeclared(c, target);
		return;
	}
	target->bound = v;
	target->type = v->type ? v->type : type_none(c->s->types);
}

void check_assign(struct check *c, struct node *n)
{
	struct node *target = node_kid(n, 0);

	switch (target->kind) {
	case NODE_MAP: assign_map(c, n); break;
	case NODE_VARIABLE: assign_variable(c, n); break;
	default:
		check_value(c, node_kid(n, 1));
		diag_error(c->diags, target->span,
			   "only maps and variables can be assigned to: tracing programs do not "
			   "change what they look at");
		break;
	}
}

void check_let(struct check *c, struct node *n)
{
	struct node *target = node_kid(n, 0), *type = node_kid(n, 1), *value = node_kid(n, 2);
	const struct type *t = value ? check_value(c, value) : NULL;
	struct variable *v, *outer = check_variable(c, target->name);

	if (outer) {
		diag_error(c->diags, target->span,
			   "%s was already declared: a name can be used "
			   "once in nested blocks",
			   target->name);
		return;
	}
	v = check_variable_begin(c, target);
	if (type) {
		v->is_declared = true;
		note_change(c, &v->type, check_type(c, type));
	}
	if (value)
		check_variable_put(c, v, t, value);
	c->untyped |= !v->type;
	if (!v->type && c->defaults)
		note_change(c, &v->type, type_int(c->s->types, 8, true));
	target->type = v->type ? v->type : type_none(c->s->types);
}
