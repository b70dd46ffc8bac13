/*
 * Checking operators. Integers are worked on in 64 bits: the result is unsigned when both sides
 * are (a literal takes the side of the other operand), and int64 otherwise; a difference is
 * always int64. Needs and callers: see check.c.
 */

#include "lang/builtin.h"

static const char *shown(struct check *c, const struct type *t)
{
	return type_name(c->s->types, t);
}

static void cannot(struct check *c, const struct node *n, enum token_kind op, const struct type *a,
		   const struct type *b)
{
	if (b)
		diag_error(c->diags, n->name_span,
			   "Type mismatch for '%s': cannot be used on '%s' and '%s'",
			   token_spelling(op), shown(c, a), shown(c, b));
	else
		diag_error(c->diags, n->name_span, "Type mismatch for '%s': cannot be used on '%s'",
			   token_spelling(op), shown(c, a));
}

/* ---- constants ---- */

static bool fold_binary(enum token_kind op, int64_t a, int64_t b, int64_t *ret)
{
	uint64_t x = a, y = b;

	switch (op) {
	case TOKEN_PLUS: *ret = x + y; return true;
	case TOKEN_MINUS: *ret = x - y; return true;
	case TOKEN_STAR: *ret = x * y; return true;
	case TOKEN_SLASH:
	case TOKEN_PERCENT:
		if (!b || (a == INT64_MIN && b == -1))
			return false;
		*ret = op == TOKEN_SLASH ? a / b : a % b;
		return true;
	case TOKEN_AND: *ret = x & y; return true;
	case TOKEN_OR: *ret = x | y; return true;
	case TOKEN_XOR: *ret = x ^ y; return true;
	case TOKEN_SHL: *ret = x << (y & 63); return true;
	case TOKEN_SHR: *ret = x >> (y & 63); return true;
	default: return false;
	}
}

bool node_constant(const struct node *n, int64_t *ret)
{
	int64_t a, b;

	switch (n->kind) {
	case NODE_INTEGER:
	case NODE_BOOL:
	case NODE_SIZEOF:
	case NODE_OFFSETOF: *ret = n->number; return true;
	case NODE_IDENT:
		*ret = n->number;
		return !n->bound && n->type && n->type->kind == TYPE_ENUM;
	case NODE_UNARY:
		if (!node_constant(node_kid(n, 0), &a))
			return false;
		*ret = n->op == TOKEN_MINUS ? (int64_t)(0 - (uint64_t)a) : ~a;
		return n->op == TOKEN_MINUS || n->op == TOKEN_TILDE;
	case NODE_BINARY:
		return node_constant(node_kid(n, 0), &a) && node_constant(node_kid(n, 1), &b) &&
		       fold_binary(n->op, a, b, ret);
	default: return false;
	}
}

/* ---- arithmetic ---- */

static bool is_number(const struct type *t)
{
	return type_is_int(t) || t->kind == TYPE_KSYM || t->kind == TYPE_USERNAME;
}

/* Whether an operand makes its operation signed. */
static bool leans_signed(const struct node *n, const struct type *t, const struct type *other)
{
	int64_t number;

	if (n && node_constant(n, &number) && number >= 0)
		return other->is_signed;
	return t->is_signed;
}

static bool is_literal(const struct node *n)
{
	int64_t number;

	return node_constant(n, &number);
}

static void warn_signs(struct check *c, const struct node *n, const struct node *a,
		       const struct node *b)
{
	const struct type *x = a->type, *y = b->type;

	if (x->kind != TYPE_INT || y->kind != TYPE_INT || x->is_signed == y->is_signed)
		return;
	if (is_literal(a) || is_literal(b) || (x->is_signed ? y : x)->size < 8)
		return;
	diag_warning(c->diags, n->name_span,
		     "operands of '%s' are signed and unsigned ('%s' and '%s'): both are taken as "
		     "int64",
		     token_spelling(n->op), shown(c, x), shown(c, y));
	diag_hint(c->diags, "cast one of them to say which is meant");
}

/* pointer + integer, pointer - integer, pointer - pointer */
static const struct type *pointer_type(struct check *c, const struct node *n, enum token_kind op,
				       const struct type *a, const struct type *b)
{
	if (op == TOKEN_PLUS && a->kind == TYPE_POINTER && is_number(b))
		return a;
	if (op == TOKEN_PLUS && is_number(a) && b->kind == TYPE_POINTER)
		return b;
	if (op == TOKEN_MINUS && a->kind == TYPE_POINTER && is_number(b))
		return a;
	if (op == TOKEN_MINUS && a->kind == TYPE_POINTER && b->kind == TYPE_POINTER)
		return type_int(c->s->types, 8, true);
	cannot(c, n, op, a, b);
	return type_none(c->s->types);
}

static const struct type *arithmetic_type(struct check *c, const struct node *n, enum token_kind op,
					  const struct node *left, const struct node *right,
					  const struct type *a, const struct type *b)
{
	bool is_signed;

	if (type_is_none(a) || type_is_none(b))
		return type_none(c->s->types);
	if (a->kind == TYPE_POINTER || b->kind == TYPE_POINTER)
		return pointer_type(c, n, op, a, b);
	if (!is_number(a) || !is_number(b)) {
		cannot(c, n, op, a, b);
		return type_none(c->s->types);
	}
	if (op == TOKEN_SHL || op == TOKEN_SHR)
		return type_int(c->s->types, 8, a->is_signed);
	is_signed = leans_signed(left, a, b) || leans_signed(right, b, a);
	if (op == TOKEN_MINUS)
		is_signed = true;
	return type_int(c->s->types, 8, is_signed);
}

const struct type *check_compound(struct check *c, struct node *n, const struct type *left)
{
	struct node *value = node_kid(n, 1);
	const struct type *right = check_value(c, value);

	if (type_is_aggregate(left)) {
		cannot(c, n, n->op, left, right);
		return type_none(c->s->types);
	}
	return arithmetic_type(c, n, token_binary(n->op), NULL, value, left, right);
}

/* ---- comparison ---- */

static bool is_bytes(const struct type *t)
{
	return t->kind == TYPE_ARRAY || t->kind == TYPE_TUPLE || t->kind == TYPE_INET ||
	       t->kind == TYPE_MAC || t->kind == TYPE_BUFFER || t->kind == TYPE_RECORD;
}

static bool can_compare(const struct node *n, const struct type *a, const struct type *b)
{
	bool equality = n->op == TOKEN_EQ || n->op == TOKEN_NE;
	bool a_word = is_number(a) || a->kind == TYPE_POINTER || a->kind == TYPE_TIMESTAMP;
	bool b_word = is_number(b) || b->kind == TYPE_POINTER || b->kind == TYPE_TIMESTAMP;

	if (a_word && b_word)
		return true;
	if (!equality)
		return false;
	if (a->kind == TYPE_STRING && b->kind == TYPE_STRING)
		return true;
	if (a->kind == TYPE_PROBE || b->kind == TYPE_PROBE)
		return a->kind == b->kind || node_kid(n, 0)->kind == NODE_STRING ||
		       node_kid(n, 1)->kind == NODE_STRING;
	return is_bytes(a) && a->kind == b->kind && a->size == b->size;
}

static void check_comparison(struct check *c, struct node *n)
{
	const struct type *a = type_text(c->s->types, check_value(c, node_kid(n, 0)));
	const struct type *b = type_text(c->s->types, check_value(c, node_kid(n, 1)));

	n->type = type_bool(c->s->types);
	if (type_is_none(a) || type_is_none(b))
		return;
	if (!can_compare(n, a, b))
		cannot(c, n, n->op, a, b);
	else if (n->op != TOKEN_EQ && n->op != TOKEN_NE)
		warn_signs(c, n, node_kid(n, 0), node_kid(n, 1));
}

static void check_logic(struct check *c, struct node *n)
{
	check_condition(c, node_kid(n, 0));
	check_condition(c, node_kid(n, 1));
	n->type = type_bool(c->s->types);
}

static void check_binary(struct check *c, struct node *n)
{
	struct node *left = node_kid(n, 0), *right = node_kid(n, 1);
	const struct type *a, *b;

	switch (n->op) {
	case TOKEN_LOR:
	case TOKEN_LAND: check_logic(c, n); return;
	case TOKEN_EQ:
	case TOKEN_NE:
	case TOKEN_LT:
	case TOKEN_LE:
	case TOKEN_GT:
	case TOKEN_GE: check_comparison(c, n); return;
	default: break;
	}
	a = check_value(c, left);
	b = check_value(c, right);
	n->type = arithmetic_type(c, n, n->op, left, right, a, b);
	if (n->op == TOKEN_SLASH || n->op == TOKEN_PERCENT)
		warn_signs(c, n, left, right);
}

/* ---- ++ and -- ---- */

static void step_map(struct check *c, struct node *n, struct node *target)
{
	struct script_map *m = check_map(c, target);
	bool down = n->op == TOKEN_DEC;

	if (m->value && m->value->kind != TYPE_INT && m->value->kind != TYPE_POINTER) {
		cannot(c, n, n->op, m->value, NULL);
		return;
	}
	if (!m->value || (down && !m->value->is_signed && m->value->kind == TYPE_INT))
		check_store(c, m, type_int(c->s->types, 8, true), target);
	if (m->value)
		n->type = target->type = m->value;
}

static void check_step(struct check *c, struct node *n)
{
	struct node *target = node_kid(n, 0);
	struct variable *v;

	n->flag = true; /* its value is wanted, unless check_discard finds otherwise */
	if (target->kind == NODE_MAP) {
		step_map(c, n, target);
		return;
	}
	if (target->kind != NODE_VARIABLE) {
		check_value(c, target);
		diag_error(c->diags, n->span, "'%s' needs a map or a variable",
			   token_spelling(n->op));
		return;
	}
	n->type = check_value(c, target);
	v = target->bound;
	if (!v || type_is_none(n->type))
		return;
	if (!type_is_int(n->type) && n->type->kind != TYPE_POINTER)
		cannot(c, n, n->op, n->type, NULL);
	else if (n->type->kind == TYPE_INT && n->type->size < 8 && !v->is_declared)
		check_variable_put(c, v, type_int(c->s->types, 8, n->type->is_signed), n);
}

/* ---- the rest ---- */

static void check_negation(struct check *c, struct node *n)
{
	const struct type *t = check_value(c, node_kid(n, 0));

	if (type_is_none(t))
		return;
	if (n->op == TOKEN_NOT) {
		n->type = type_bool(c->s->types);
		if (!is_number(t) && t->kind != TYPE_POINTER)
			cannot(c, n, n->op, t, NULL);
	} else if (!is_number(t)) {
		cannot(c, n, n->op, t, NULL);
	} else {
		n->type = type_int(c->s->types, 8, n->op == TOKEN_MINUS || t->is_signed);
	}
}

static void check_ternary(struct check *c, struct node *n)
{
	struct node *then = node_kid(n, 1), *otherwise = node_kid(n, 2);
	const struct type *a, *b, *t;

	check_condition(c, node_kid(n, 0));
	a = then ? check_expr(c, then) : node_kid(n, 0)->type;
	b = check_expr(c, otherwise);
	if (type_is_aggregate(a) && then)
		a = check_value(c, then);
	if (type_is_aggregate(b))
		b = check_value(c, otherwise);
	if (type_is_none(a) || type_is_none(b))
		return;
	t = type_join(c->s->types, type_text(c->s->types, a), type_text(c->s->types, b));
	if (t)
		n->type = t;
	else
		diag_error(c->diags, n->span,
			   "Ternary operator must return the same type: have '%s' and '%s'",
			   shown(c, a), shown(c, b));
}

void check_operator(struct check *c, struct node *n)
{
	if (n->kind == NODE_TERNARY)
		check_ternary(c, n);
	else if (n->kind == NODE_BINARY)
		check_binary(c, n);
	else if (n->op == TOKEN_INC || n->op == TOKEN_DEC)
		check_step(c, n);
	else if (n->op == TOKEN_STAR || n->op == TOKEN_AND)
		check_access(c, n);
	else
		check_negation(c, n);
}
