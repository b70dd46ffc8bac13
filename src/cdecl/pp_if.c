/*
 * Conditions: #if and #elif. See pp_priv.h. Needs: expr.c for the operators. Called by the
 * directives.
 *
 * The line is expanded while it is evaluated, since the names after `defined` must not be; so
 * those may come out of a macro too, as gcc allows.
 */
#include <ctype.h>

#include "cdecl/expr.h"
#include "cdecl/pp_priv.h"

struct condition {
	struct expr expr;
	struct pp *pp;
	struct pp_token t;     /* the one that is looked at */
	struct types no_types; /* integers are constants and need nothing of it */
};

static const struct pp_token *peek(struct expr *e)
{
	return &((struct condition *)e->owner)->t;
}

/* What the end of the line is called in errors is the place of the directive. */
static void next(struct expr *e)
{
	struct condition *c = e->owner;
	struct span last = c->t.span;

	pp_next(c->pp, &c->t);
	if (c->t.kind == PP_END)
		c->t.span = last;
}

/* The next token, not expanded. */
static void raw_next(struct condition *c)
{
	struct span last = c->t.span;

	pp_raw(c->pp, &c->t);
	if (c->t.kind == PP_END)
		c->t.span = last;
}

static struct expr_value defined(struct condition *c)
{
	bool paren, is;

	raw_next(c);
	paren = c->t.kind == PP_LPAREN;
	if (paren)
		raw_next(c);
	if (c->t.kind != PP_NAME)
		return expr_error(&c->expr, &c->t, "'defined' wants the name of a macro");
	is = c->t.name->macro;
	if (paren) {
		raw_next(c);
		if (c->t.kind != PP_RPAREN)
			return expr_error(&c->expr, &c->t, "expected ')' after 'defined (NAME'");
	}
	next(&c->expr);
	return expr_int(&c->expr, is);
}

/* The tokens between < and > as one name. */
static const char *bracketed(struct condition *c)
{
	char name[256];
	size_t len = 0;

	for (raw_next(c); c->t.kind != PP_GT; raw_next(c)) {
		if (c->t.kind == PP_END || len + c->t.len + 1 >= sizeof(name))
			return NULL;
		memcpy(name + len, c->t.text, c->t.len);
		len += c->t.len;
	}
	return arena_strndup(c->pp->arena, name, len);
}

/* __has_include(<x>), __has_include("x"), or with a macro that is one of these. */
static struct expr_value has_include(struct condition *c, bool next_dir)
{
	const char *name = NULL;
	bool quoted;

	next(&c->expr);
	if (c->t.kind != PP_LPAREN)
		return expr_error(&c->expr, &c->t, "expected '(' after __has_include");
	next(&c->expr);
	quoted = c->t.kind == PP_STRING;
	if (quoted && c->t.len >= 2)
		name = arena_strndup(c->pp->arena, c->t.text + 1, c->t.len - 2);
	else if (c->t.kind == PP_LT)
		name = bracketed(c);
	if (!name)
		return expr_error(&c->expr, &c->t, "__has_include wants \"NAME\" or <NAME>");
	raw_next(c);
	if (c->t.kind != PP_RPAREN)
		return expr_error(&c->expr, &c->t, "expected ')' after __has_include");
	next(&c->expr);
	return expr_int(&c->expr, pp_has_header(c->pp, name, quoted, next_dir));
}

static const char *const attributes[] = {
#define ATTRIBUTE(name, effect) name,
#include "cdecl/attribute.def"
#undef ATTRIBUTE
};

/* "__packed__" is "packed". */
static bool is_attribute(const struct pp_token *t)
{
	const char *text = t->text;
	uint32_t len = t->len;

	if (len > 4 && !memcmp(text, "__", 2) && !memcmp(text + len - 2, "__", 2)) {
		text += 2;
		len -= 4;
	}
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (strlen(attributes[i]) == len && !memcmp(attributes[i], text, len))
			return true;
	return false;
}

static bool is_builtin(const struct pp_token *t)
{
	return t->len > 10 && !memcmp(t->text, "__builtin_", 10);
}

/* __has_attribute(x), __has_builtin(x). */
static struct expr_value has_name(struct condition *c, uint8_t special)
{
	bool has;

	raw_next(c);
	if (c->t.kind != PP_LPAREN)
		return expr_error(&c->expr, &c->t, "expected '('");
	raw_next(c);
	if (c->t.kind != PP_NAME)
		return expr_error(&c->expr, &c->t, "expected a name");
	has = special == PP_SPECIAL_HAS_BUILTIN     ? is_builtin(&c->t)
	      : special == PP_SPECIAL_HAS_ATTRIBUTE ? is_attribute(&c->t)
						    : false;
	while (c->t.kind != PP_RPAREN && c->t.kind != PP_END)
		raw_next(c);
	next(&c->expr);
	return expr_int(&c->expr, has);
}

/* A name that is no macro is 0. */
static bool operand(struct expr *e, struct expr_value *ret)
{
	struct condition *c = e->owner;
	uint8_t special;

	if (c->t.kind != PP_NAME)
		return false;
	special = c->t.name->macro ? c->t.name->macro->special : PP_SPECIAL_NONE;
	if (c->t.name == c->pp->defined) {
		*ret = defined(c);
	} else if (special == PP_SPECIAL_HAS_INCLUDE || special == PP_SPECIAL_HAS_INCLUDE_NEXT) {
		*ret = has_include(c, special == PP_SPECIAL_HAS_INCLUDE_NEXT);
	} else if (special >= PP_SPECIAL_HAS_ATTRIBUTE) {
		*ret = has_name(c, special);
	} else {
		struct pp_token name = c->t;

		next(e);
		if (c->t.kind == PP_LPAREN && name.len)
			*ret = expr_error(e, &name, "%.*s is no macro that could be called",
					  (int)MIN(name.len, 60u), name.text);
		else
			*ret = expr_int(e, 0);
	}
	return true;
}

bool pp_if(struct pp *pp, struct pp_cursor *c, const struct pp_token *directive)
{
	struct pp_token_list line = { 0 };
	struct condition cond = {
		.expr = { .pp = pp,
			  .peek = peek,
			  .next = next,
			  .operand = operand,
			  .in_directive = true,
			  .char_unsigned = pp->opt->arch == ARCH_ARM64 },
		.pp = pp,
		.t = *directive,
	};
	struct expr_value v;

	cond.expr.owner = &cond;
	cond.expr.types = &cond.no_types;
	pp_rest(pp, c, &line);
	pp_isolate(pp, line.v, line.n);
	next(&cond.expr);
	v = expr_conditional(&cond.expr);
	if (cond.t.kind != PP_END)
		expr_error(&cond.expr, &cond.t, "'%.*s' cannot stand here",
			   (int)MIN(cond.t.len, 40u), cond.t.text);
	pp_end_isolation(pp);
	return !cond.expr.failed && v.known && v.bits;
}
