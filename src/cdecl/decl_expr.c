/*
 * Operands of constant expressions in declarations: enumerators, sizeof, casts, members of what
 * stands at a constant address, builtins. See decl_priv.h. Needs: expr.c for the operators, types.
 * Called for bounds, widths, enumerators, assertions, and for macros that the language reads.
 */
#include "cdecl/decl_priv.h"
#include "cdecl/layout.h"
#include "cdecl/pp_priv.h"

static struct decl *owner(struct expr *e)
{
	return e->owner;
}

static const struct pp_token *peek(struct expr *e)
{
	return &owner(e)->t;
}

static void next(struct expr *e)
{
	decl_next(owner(e));
}

/* An error that was reported elsewhere. */
static struct expr_value failed(struct expr *e)
{
	e->failed = true;
	return expr_int(e, 0);
}

static bool expect(struct expr *e, enum pp_kind kind)
{
	struct decl *d = owner(e);

	if (d->t.kind == kind) {
		decl_next(d);
		return true;
	}
	expr_error(e, &d->t, "expected '%s', got '%.*s'", pp_punct(kind), (int)MIN(d->t.len, 40u),
		   d->t.text);
	return false;
}

/* ---- sizeof and its like ---- */

/* "(type)", or an expression whose type is wanted. NULL after an error. */
static const struct type *type_or_expression(struct expr *e, bool *ret_is_type)
{
	struct decl *d = owner(e);
	const struct type *t;

	*ret_is_type = d->t.kind == PP_LPAREN && decl_begins_type(d, decl_peek(d));
	if (!*ret_is_type) {
		struct expr_value v = expr_unary(e);

		return e->failed ? NULL : v.type;
	}
	decl_next(d);
	t = decl_type_name(d);
	if (!t || !expect(e, PP_RPAREN)) {
		e->failed = true;
		return NULL;
	}
	return t;
}

static struct expr_value size_value(struct expr *e, uint64_t n)
{
	return (struct expr_value){ .type = type_int(e->types, 8, false),
				    .bits = n,
				    .known = true };
}

static struct expr_value size_of(struct expr *e)
{
	struct decl *d = owner(e);
	struct pp_token at = d->t;
	bool is_type, align = decl_keyword(&at) == KW_ALIGNOF;
	const struct type *t;

	decl_next(d);
	t = type_or_expression(e, &is_type);
	if (!t)
		return failed(e);
	/* GNU C: void and functions count as one byte */
	if (t->kind == TYPE_VOID || t->kind == TYPE_FUNC)
		return size_value(e, 1);
	if (!decl_complete(d, t))
		return expr_error(e, &at, "the size of %s is not known", type_name(d->types, t));
	return size_value(e, align ? layout_align(d->types, t) : t->size);
}

const struct type *decl_typeof(struct decl *d)
{
	struct expr *e = &d->expr;
	bool is_type;

	decl_next(d);
	if (d->t.kind != PP_LPAREN) {
		decl_expected(d, "'('");
		return NULL;
	}
	e->failed = false;
	return type_or_expression(e, &is_type);
}

/* ---- members ---- */

static struct expr_value member_of(struct expr *e, struct expr_value v)
{
	struct decl *d = owner(e);
	struct type_member m;

	if (d->t.kind != PP_NAME)
		return expr_error(e, &d->t, "expected the name of a member");
	if (!decl_complete(d, v.type) || !type_member(d->types, v.type, d->t.name->text, &m))
		return expr_error(e, &d->t, "%s has no member %s", type_name(d->types, v.type),
				  d->t.name->text);
	decl_next(d);
	v.type = m.type;
	v.bits += m.offset;
	v.known = false;
	return v;
}

static struct expr_value index_of(struct expr *e, struct expr_value v)
{
	struct pp_token at = *e->peek(e);
	struct expr_value index;
	const struct type *to = v.type->elem;
	bool is_array = v.type->kind == TYPE_ARRAY;

	e->next(e);
	index = expr_comma(e);
	if (e->failed || !expect(e, PP_RBRACKET))
		return failed(e);
	if (!is_array && v.type->kind != TYPE_POINTER)
		return expr_error(e, &at, "'[' wants an array or a pointer");
	v.is_place = (is_array ? v.is_place : v.known) && index.known;
	v.bits += index.bits * to->size;
	v.known = false;
	v.type = to;
	return v;
}

static struct expr_value arrow(struct expr *e, struct expr_value v)
{
	struct pp_token at = *e->peek(e);

	e->next(e);
	if (v.type->kind != TYPE_POINTER && v.type->kind != TYPE_ARRAY)
		return expr_error(e, &at, "'->' wants a pointer");
	v.is_place = v.type->kind == TYPE_ARRAY ? v.is_place : v.known;
	v.type = v.type->elem;
	v.known = false;
	return member_of(e, v);
}

/* A call is never constant; its type may be wanted. */
static struct expr_value call(struct expr *e, struct expr_value v)
{
	const struct type *t = v.type->kind == TYPE_POINTER ? v.type->elem : v.type;

	decl_skip_balanced(owner(e));
	return expr_unknown(t->kind == TYPE_FUNC ? t->elem : type_int(e->types, 4, true));
}

static struct expr_value postfix(struct expr *e, struct expr_value v)
{
	while (!e->failed) {
		switch (e->peek(e)->kind) {
		case PP_DOT:
			e->next(e);
			v = member_of(e, v);
			break;
		case PP_ARROW: v = arrow(e, v); break;
		case PP_LBRACKET: v = index_of(e, v); break;
		case PP_LPAREN: v = call(e, v); break;
		case PP_INC:
		case PP_DEC:
			e->next(e);
			v = expr_unknown(v.type);
			break;
		default: return v;
		}
	}
	return v;
}

/* ---- builtins ---- */

/* __builtin_offsetof(type, a.b[1]): the designator is read as what it would be at address 0. */
static struct expr_value offset_of(struct expr *e)
{
	struct decl *d = owner(e);
	struct expr_value v = { .is_place = true };

	decl_next(d);
	if (!expect(e, PP_LPAREN))
		return failed(e);
	v.type = decl_type_name(d);
	if (!v.type || !expect(e, PP_COMMA))
		return failed(e);
	v = postfix(e, member_of(e, v));
	if (e->failed || !expect(e, PP_RPAREN))
		return failed(e);
	return v.is_place ? size_value(e, v.bits) : expr_unknown(size_value(e, 0).type);
}

static struct expr_value constant_p(struct expr *e)
{
	struct expr_value v;

	e->next(e);
	if (!expect(e, PP_LPAREN))
		return failed(e);
	v = expr_conditional(e);
	if (e->failed || !expect(e, PP_RPAREN))
		return failed(e);
	return expr_int(e, v.known);
}

static struct expr_value compatible_p(struct expr *e)
{
	const struct type *a, *b;

	e->next(e);
	if (!expect(e, PP_LPAREN))
		return failed(e);
	a = decl_type_name(owner(e));
	if (!a || !expect(e, PP_COMMA))
		return failed(e);
	b = decl_type_name(owner(e));
	if (!b || !expect(e, PP_RPAREN))
		return failed(e);
	return expr_int(e, type_equal(a, b));
}

static struct expr_value choose_expr(struct expr *e)
{
	struct expr_value c, a, b;

	e->next(e);
	if (!expect(e, PP_LPAREN))
		return failed(e);
	c = expr_conditional(e);
	if (e->failed || !expect(e, PP_COMMA))
		return failed(e);
	a = expr_conditional(e);
	if (e->failed || !expect(e, PP_COMMA))
		return failed(e);
	b = expr_conditional(e);
	if (e->failed || !expect(e, PP_RPAREN))
		return failed(e);
	return c.known && c.bits ? a : b;
}

/* ---- names, casts, strings ---- */

/* One place for a macro of this name that was used without arguments, too. */
static struct expr_value named(struct expr *e)
{
	struct pp_token name = *e->peek(e);
	const struct decl_symbol *s = decl_find(owner(e), name.name->text);

	e->next(e);
	if (s && s->kind == DECL_ENUMERATOR)
		return (struct expr_value){ .type = s->type, .bits = s->value, .known = true };
	if (s && s->kind == DECL_OBJECT)
		return expr_unknown(s->type);
	if (e->peek(e)->kind == PP_LPAREN && name.len > 10 && !memcmp(name.text, "__builtin_", 10))
		return expr_unknown(type_int(e->types, 4, true));
	return expr_error(e, &name, "%s is not declared", name.name->text);
}

static bool word(struct expr *e, struct expr_value *ret)
{
	switch (decl_keyword(e->peek(e))) {
	case KW_NONE: *ret = named(e); return true;
	case KW_SIZEOF:
	case KW_ALIGNOF: *ret = size_of(e); return true;
	case KW_OFFSETOF: *ret = offset_of(e); return true;
	case KW_CONSTANT_P: *ret = constant_p(e); return true;
	case KW_COMPATIBLE_P: *ret = compatible_p(e); return true;
	case KW_CHOOSE_EXPR: *ret = choose_expr(e); return true;
	case KW_EXTENSION:
		e->next(e);
		*ret = expr_unary(e);
		return true;
	default: return false;
	}
}

/* (type)x, (type){ .. }, ({ .. }). */
static bool parenthesized(struct expr *e, struct expr_value *ret)
{
	struct decl *d = owner(e);
	const struct pp_token *inside = decl_peek(d);
	const struct type *t;

	if (inside->kind == PP_LBRACE) {
		decl_skip_balanced(d);
		*ret = expr_unknown(type_int(e->types, 4, true));
		return true;
	}
	if (!decl_begins_type(d, inside))
		return false;
	decl_next(d);
	t = decl_type_name(d);
	if (!t || !expect(e, PP_RPAREN)) {
		*ret = failed(e);
	} else if (d->t.kind == PP_LBRACE) {
		decl_skip_balanced(d);
		*ret = expr_unknown(t);
	} else {
		*ret = expr_convert(e, expr_unary(e), t);
	}
	return true;
}

static struct expr_value string(struct expr *e)
{
	uint32_t total = 0, len, unit = 1, widest = 1;
	struct expr_value v = { 0 };

	for (; e->peek(e)->kind == PP_STRING; e->next(e)) {
		expr_string(e, e->peek(e), &len, &unit);
		total += len;
		widest = MAX(widest, unit);
	}
	pp_charge(e->pp, sizeof(struct type));
	v.type = type_array(e->types, type_int(e->types, widest, true), total + 1);
	return v;
}

static bool operand(struct expr *e, struct expr_value *ret)
{
	switch (e->peek(e)->kind) {
	case PP_NAME: return word(e, ret);
	case PP_LPAREN: return parenthesized(e, ret);
	case PP_STRING: *ret = string(e); return true;
	default: return false;
	}
}

/* ---- the face ---- */

void decl_expr_init(struct decl *d)
{
	d->expr = (struct expr){ .pp = d->pp,
				 .types = d->types,
				 .owner = d,
				 .peek = peek,
				 .next = next,
				 .operand = operand,
				 .postfix = postfix,
				 .char_unsigned = d->arch == ARCH_ARM64 };
}

static bool is_constant(struct expr_value v)
{
	return v.known && type_is_integral(v.type);
}

bool decl_constant(struct decl *d, struct expr_value *ret)
{
	struct pp_token at = d->t;

	d->expr.failed = false;
	*ret = expr_conditional(&d->expr);
	if (d->expr.failed)
		return false;
	if (is_constant(*ret))
		return true;
	expr_error(&d->expr, &at, "this is not a constant");
	return false;
}

bool decl_evaluate(struct decl *d, const struct pp_token_list *tokens, int64_t *ret_value,
		   const struct type **ret_type)
{
	struct expr_value v;
	bool ok;

	pp_isolate(d->pp, tokens->v, tokens->n);
	d->has_ahead = false;
	d->expr.failed = false;
	decl_next(d);
	v = expr_conditional(&d->expr);
	ok = !d->expr.failed && d->t.kind == PP_END && is_constant(v) && !d->pp->stopped;
	pp_end_isolation(d->pp);
	if (ok) {
		*ret_value = v.bits;
		*ret_type = v.type;
	}
	return ok;
}
