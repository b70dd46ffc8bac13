/*
 * Evaluation of C expressions: operators and conversions. See expr.h.
 * Needs: types. Called by pp_if.c and decl_expr.c.
 */
#include "cdecl/expr.h"

#include "cdecl/pp_priv.h"

/* ---- values ---- */

struct expr_value expr_int(const struct expr *e, int64_t n)
{
	return (struct expr_value){ .type = type_int(e->types, e->in_directive ? 8 : 4, true),
				    .bits = n,
				    .known = true };
}

struct expr_value expr_unknown(const struct type *type)
{
	return (struct expr_value){ .type = type };
}

struct expr_value expr_error(struct expr *e, const struct pp_token *t, const char *fmt, ...)
{
	va_list args;

	if (!e->failed) {
		va_start(args, fmt);
		pp_error(e->pp, t, "%s", arena_vprintf(e->pp->arena, fmt, args));
		va_end(args);
	}
	e->failed = true;
	return expr_unknown(type_int(e->types, 4, true));
}

/* @bits cut to the width of @type and extended again. */
static uint64_t fit(uint64_t bits, const struct type *type)
{
	unsigned spare = type->size && type->size < 8 ? 64 - 8 * type->size : 0;

	if (type->kind == TYPE_BOOL)
		return bits != 0;
	if (type->is_signed)
		return (uint64_t)((int64_t)(bits << spare) >> spare);
	return bits << spare >> spare;
}

static bool is_number(const struct type *t)
{
	return type_is_integral(t) || t->kind == TYPE_POINTER;
}

struct expr_value expr_convert(struct expr *e, struct expr_value v, const struct type *to)
{
	struct expr_value ret = { .type = to };

	/* an array is the address of its first element, a function its own */
	if (v.is_place && (v.type->kind == TYPE_ARRAY || v.type->kind == TYPE_FUNC)) {
		v.known = true;
		v.type = type_int(e->types, 8, false);
	}
	if (!is_number(to) || !is_number(v.type))
		return ret;
	ret.known = v.known;
	ret.bits = v.known ? fit(v.bits, to) : 0;
	return ret;
}

/* Integers narrower than int become int. */
static struct expr_value promote(struct expr *e, struct expr_value v)
{
	if (!type_is_integral(v.type))
		return v;
	if (v.type->size < 4 || v.type->kind == TYPE_BOOL)
		return expr_convert(e, v, type_int(e->types, 4, true));
	if (v.type->kind == TYPE_ENUM)
		return expr_convert(e, v, type_int(e->types, v.type->size, v.type->is_signed));
	return v;
}

/* The type in which an operation on both is done. */
static const struct type *common(struct expr *e, const struct type *a, const struct type *b)
{
	if (a->kind == TYPE_FLOAT || b->kind == TYPE_FLOAT)
		return a->kind != TYPE_FLOAT || (b->kind == TYPE_FLOAT && b->size > a->size) ? b
											     : a;
	if (!type_is_integral(a) || !type_is_integral(b))
		return type_is_integral(a) ? b : a;
	if (a->size != b->size)
		return a->size > b->size ? a : b;
	return type_int(e->types, a->size, a->is_signed && b->is_signed);
}

static bool is_true(struct expr_value v)
{
	return v.known && v.bits;
}

static bool is_false(struct expr_value v)
{
	return v.known && !v.bits;
}

/* ---- binary operators ---- */

static uint64_t divide(enum pp_kind op, uint64_t a, uint64_t b, bool is_signed)
{
	if (!is_signed)
		return op == PP_SLASH ? a / b : a % b;
	if ((int64_t)b == -1) /* the one quotient that overflows */
		return op == PP_SLASH ? 0 - a : 0;
	return (uint64_t)(op == PP_SLASH ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
}

static bool compare(enum pp_kind op, uint64_t a, uint64_t b, bool is_signed)
{
	bool less = is_signed ? (int64_t)a < (int64_t)b : a < b;

	switch (op) {
	case PP_LT: return less;
	case PP_LE: return less || a == b;
	case PP_GT: return !less && a != b;
	case PP_GE: return !less;
	case PP_EQ: return a == b;
	default: return a != b;
	}
}

static bool is_comparison(enum pp_kind op)
{
	return pp_precedence(op) == pp_precedence(PP_LT) ||
	       pp_precedence(op) == pp_precedence(PP_EQ);
}

static uint64_t arithmetic(enum pp_kind op, uint64_t a, uint64_t b, bool is_signed)
{
	switch (op) {
	case PP_STAR: return a * b;
	case PP_PLUS: return a + b;
	case PP_MINUS: return a - b;
	case PP_AND: return a & b;
	case PP_OR: return a | b;
	case PP_XOR: return a ^ b;
	default: return divide(op, a, b, is_signed);
	}
}

/* The result has the type of the left operand. */
static struct expr_value shift(struct expr *e, enum pp_kind op, struct expr_value a,
			       struct expr_value b)
{
	uint64_t by = b.bits, bits = a.bits;
	bool left = op == PP_SHL;

	a = promote(e, a);
	if (!a.known || !b.known)
		return expr_unknown(a.type);
	if (b.type->is_signed && (int64_t)by < 0) {
		left = !left;
		by = 0 - by;
	}
	if (left)
		bits = by < 64 ? bits << by : 0;
	else if (a.type->is_signed)
		bits = (uint64_t)((int64_t)bits >> MIN(by, 63));
	else
		bits = by < 64 ? bits >> by : 0;
	a.bits = fit(bits, a.type);
	return a;
}

static const struct type *pointed_to(struct expr_value v)
{
	return v.type->kind == TYPE_POINTER || v.type->kind == TYPE_ARRAY ? v.type->elem : NULL;
}

/* p + 1, p - 1, p - q. */
static struct expr_value pointer_arithmetic(struct expr *e, enum pp_kind op, struct expr_value a,
					    struct expr_value b)
{
	const struct type *word = type_int(e->types, 8, true);
	const struct type *to = pointed_to(a);
	struct expr_value x, y;
	uint64_t size;

	if (!to)
		return op == PP_PLUS ? pointer_arithmetic(e, op, b, a) : expr_unknown(word);
	size = MAX(type_complete(e->types, to)->size, 1u);
	x = expr_convert(e, a, word);
	y = expr_convert(e, b, word);
	if (pointed_to(b)) {
		x.known = x.known && y.known;
		x.bits = x.known ? (uint64_t)((int64_t)(x.bits - y.bits) / (int64_t)size) : 0;
		return x;
	}
	a.known = x.known && y.known;
	a.bits = op == PP_PLUS ? x.bits + y.bits * size : x.bits - y.bits * size;
	a.is_place = false;
	if (a.type->kind == TYPE_ARRAY)
		a.type = type_pointer(e->types, to, SPACE_NONE);
	return a;
}

static struct expr_value binary(struct expr *e, const struct pp_token *at, struct expr_value a,
				struct expr_value b)
{
	enum pp_kind op = at->kind;
	const struct type *type;
	bool known;

	if (op == PP_SHL || op == PP_SHR)
		return shift(e, op, a, b);
	if ((op == PP_PLUS || op == PP_MINUS) && (pointed_to(a) || pointed_to(b)))
		return pointer_arithmetic(e, op, a, b);
	a = promote(e, a);
	b = promote(e, b);
	type = common(e, a.type, b.type);
	a = expr_convert(e, a, type);
	b = expr_convert(e, b, type);
	known = a.known && b.known;
	if (is_comparison(op))
		return known ? expr_int(e, compare(op, a.bits, b.bits, type->is_signed))
			     : expr_unknown(expr_int(e, 0).type);
	if ((op == PP_SLASH || op == PP_PERCENT) && is_false(b)) {
		if (!e->dead)
			return expr_error(e, at, "division by zero");
		known = false;
	}
	if (!known)
		return expr_unknown(type);
	a.bits = fit(arithmetic(op, a.bits, b.bits, type->is_signed), type);
	return a;
}

static bool enter(struct expr *e)
{
	if (e->depth < EXPR_MAX_DEPTH) {
		e->depth++;
		return true;
	}
	expr_error(e, e->peek(e), "an expression is nested more than %d levels deep",
		   EXPR_MAX_DEPTH);
	return false;
}

/* a && b, a || b: when a decides, b is read but may divide by zero. */
static struct expr_value logical(struct expr *e, enum pp_kind op, struct expr_value a,
				 struct expr_value b)
{
	if (op == PP_LAND && (is_false(a) || (is_false(b) && a.known)))
		return expr_int(e, 0);
	if (op == PP_LOR && (is_true(a) || (is_true(b) && a.known)))
		return expr_int(e, 1);
	if (a.known && b.known)
		return expr_int(e, op == PP_LAND);
	return expr_unknown(expr_int(e, 0).type);
}

static bool decides(enum pp_kind op, struct expr_value a)
{
	return (op == PP_LAND && is_false(a)) || (op == PP_LOR && is_true(a));
}

static struct expr_value operators(struct expr *e, unsigned above)
{
	struct expr_value a = expr_unary(e), b;

	while (!e->failed) {
		struct pp_token op = *e->peek(e);
		unsigned precedence = pp_precedence(op.kind);
		bool dead = decides(op.kind, a);

		if (precedence <= above || !enter(e))
			break;
		e->next(e);
		e->dead += dead;
		b = operators(e, precedence);
		e->dead -= dead;
		a = op.kind == PP_LAND || op.kind == PP_LOR ? logical(e, op.kind, a, b)
							    : binary(e, &op, a, b);
		e->depth--;
	}
	return a;
}

/* ---- the rest ---- */

static struct expr_value choose(struct expr *e, struct expr_value c, struct expr_value a,
				struct expr_value b)
{
	struct expr_value chosen = is_true(c) ? a : b;
	const struct type *type;

	if (!type_is_integral(a.type) || !type_is_integral(b.type)) {
		if (!c.known)
			chosen.known = false;
		return chosen;
	}
	a = promote(e, a);
	b = promote(e, b);
	type = common(e, a.type, b.type);
	return c.known ? expr_convert(e, chosen, type) : expr_unknown(type);
}

/* In `a ?: b`, which #if does not have, the condition is the value too. */
struct expr_value expr_conditional(struct expr *e)
{
	struct expr_value c, a, b;

	if (!enter(e))
		return expr_int(e, 0);
	c = a = operators(e, 0);
	if (!e->failed && e->peek(e)->kind == PP_QUESTION) {
		e->next(e);
		if (e->peek(e)->kind != PP_COLON || e->in_directive) {
			e->dead += is_false(c);
			a = expr_comma(e);
			e->dead -= is_false(c);
		}
		if (e->peek(e)->kind != PP_COLON)
			a = expr_error(e, e->peek(e), "expected ':' of a conditional expression");
		else
			e->next(e);
		if (!e->failed) {
			e->dead += is_true(c);
			b = expr_conditional(e);
			e->dead -= is_true(c);
			a = choose(e, c, a, b);
		}
	}
	e->depth--;
	return a;
}

struct expr_value expr_comma(struct expr *e)
{
	struct expr_value v = expr_conditional(e);

	while (!e->failed && e->peek(e)->kind == PP_COMMA) {
		e->next(e);
		v = expr_conditional(e);
	}
	return v;
}

static struct expr_value sign(struct expr *e, enum pp_kind op, struct expr_value v)
{
	v = promote(e, v);
	v.is_place = false;
	if (op == PP_MINUS)
		v.bits = 0 - v.bits;
	else if (op == PP_TILDE)
		v.bits = ~v.bits;
	v.bits = v.known ? fit(v.bits, v.type) : 0;
	return v;
}

static struct expr_value not_(struct expr *e, struct expr_value v)
{
	return v.known ? expr_int(e, !v.bits) : expr_unknown(expr_int(e, 0).type);
}

static struct expr_value dereference(struct expr *e, const struct pp_token *at, struct expr_value v)
{
	const struct type *to = pointed_to(v);
	struct expr_value address = expr_convert(e, v, type_int(e->types, 8, false));

	if (v.type->kind == TYPE_FUNC)
		return v;
	if (!to)
		return expr_error(e, at, "'*' wants a pointer");
	return (struct expr_value){ .type = to, .bits = address.bits, .is_place = address.known };
}

static struct expr_value address_of(struct expr *e, struct expr_value v)
{
	return (struct expr_value){ .type = type_pointer(e->types, v.type, SPACE_NONE),
				    .bits = v.bits,
				    .known = v.is_place };
}

static struct expr_value operand(struct expr *e)
{
	struct pp_token t = *e->peek(e);
	struct expr_value v;

	if (e->operand(e, &v))
		return v;
	switch (t.kind) {
	case PP_NUMBER: e->next(e); return expr_number(e, &t);
	case PP_CHAR: e->next(e); return expr_char(e, &t);
	case PP_LPAREN:
		e->next(e);
		v = expr_comma(e);
		if (!e->failed && e->peek(e)->kind != PP_RPAREN)
			return expr_error(e, e->peek(e), "expected ')'");
		e->next(e);
		return v;
	case PP_END:
	case PP_NEWLINE: return expr_error(e, &t, "the expression ends too early");
	default:
		return expr_error(e, &t, "'%.*s' cannot stand in an expression",
				  (int)MIN(t.len, 40u), t.text);
	}
}

static struct expr_value unary(struct expr *e)
{
	struct pp_token t = *e->peek(e);
	struct expr_value v;

	switch (t.kind) {
	case PP_PLUS:
	case PP_MINUS:
	case PP_TILDE: e->next(e); return sign(e, t.kind, expr_unary(e));
	case PP_NOT: e->next(e); return not_(e, expr_unary(e));
	case PP_STAR:
	case PP_AND:
		if (e->in_directive)
			break;
		e->next(e);
		v = expr_unary(e);
		return t.kind == PP_STAR ? dereference(e, &t, v) : address_of(e, v);
	default: break;
	}
	v = operand(e);
	return e->postfix && !e->failed ? e->postfix(e, v) : v;
}

struct expr_value expr_unary(struct expr *e)
{
	struct expr_value v;

	if (e->failed || !enter(e))
		return expr_int(e, 0);
	v = unary(e);
	e->depth--;
	return v;
}
