/*
 * Types as scripts write them, and telling "(type)x" from "(x)". See parse_priv.h.
 * Needs: expressions (for lengths). Called by statements (let) and expressions (casts, sizeof).
 */
#include <string.h>

#include "lang/parse_priv.h"

/* Names that mean a type wherever they stand, beside all that end in "_t". */
static const char *const basic_names[] = {
	"bool", "buffer", "double", "float",  "inet",   "int16",     "int32", "int64",
	"int8", "string", "uint16", "uint32", "uint64", "timestamp", "uint8", "void",
};

/* Words that make one type together: "unsigned long long". */
static const char *const c_words[] = { "char", "int", "long", "short", "signed", "unsigned" };

static bool is_one_of(const struct parser *p, const struct token *t, const char *const *names,
		      size_t n)
{
	if (t->kind != TOKEN_IDENT)
		return false;
	for (size_t i = 0; i < n; i++)
		if (parse_token_is(p, t, names[i]))
			return true;
	return false;
}

static bool is_c_word(const struct parser *p, const struct token *t)
{
	return is_one_of(p, t, c_words, ARRAY_LEN(c_words));
}

static bool is_type_name(const struct parser *p, const struct token *t)
{
	uint32_t len = t->hi - t->lo;

	if (t->kind != TOKEN_IDENT)
		return false;
	return is_c_word(p, t) || is_one_of(p, t, basic_names, ARRAY_LEN(basic_names)) ||
	       (len > 2 && memcmp(p->src->text + t->hi - 2, "_t", 2) == 0);
}

static bool is_tag_word(enum token_kind kind)
{
	return kind == TOKEN_STRUCT || kind == TOKEN_UNION || kind == TOKEN_ENUM;
}

/* ---- reading ---- */

static const char *tagged_name(struct parser *p)
{
	const char *word = token_spelling(parse_kind(p));
	const struct token *t;

	parse_next(p);
	t = parse_peek(p, 0);
	if (t->kind != TOKEN_IDENT && !token_is_word(t->kind)) {
		parse_expected(p, "the name of a type");
		return NULL;
	}
	parse_next(p);
	return arena_printf(p->arena, "%s %s", word, parse_name(p, t));
}

static const char *plain_name(struct parser *p)
{
	const struct token *t = parse_peek(p, 0);
	const char *name;

	if (!parse_expect(p, TOKEN_IDENT))
		return NULL;
	name = parse_name(p, t);
	if (!is_c_word(p, t))
		return name;
	while (is_c_word(p, parse_peek(p, 0)) && strlen(name) < 64) {
		name = arena_printf(p->arena, "%s %s", name, parse_name(p, parse_peek(p, 0)));
		parse_next(p);
	}
	return name;
}

/* "[4]" or "[]" after a type. */
static bool length(struct parser *p, struct node *type)
{
	struct node *e = NULL;

	type->flag = true;
	if (parse_kind(p) != TOKEN_RBRACKET && !(e = parse_expression(p)))
		return false;
	parse_add(p, type, e);
	return parse_expect(p, TOKEN_RBRACKET);
}

static struct node *typeof_(struct parser *p)
{
	struct node *n = parse_node(p, NODE_TYPEOF), *of;

	parse_next(p);
	if (!parse_expect(p, TOKEN_LPAREN))
		return NULL;
	of = parse_type_or_expression(p);
	if (!of || !parse_expect(p, TOKEN_RPAREN))
		return NULL;
	parse_add(p, n, of);
	return parse_ends(p, n);
}

static struct node *plain(struct parser *p)
{
	struct node *n = parse_node(p, NODE_TYPE);

	while (parse_kind(p) == TOKEN_IDENT && parse_token_is(p, parse_peek(p, 0), "const"))
		parse_next(p);
	n->name = is_tag_word(parse_kind(p)) ? tagged_name(p) : plain_name(p);
	if (!n->name)
		return NULL;
	n->name_span = span_join(n->span, parse_last_span(p));
	while (parse_accept(p, TOKEN_STAR))
		n->number++;
	while (parse_accept(p, TOKEN_LBRACKET))
		if (!length(p, n))
			return NULL;
	return parse_ends(p, n);
}

struct node *parse_type(struct parser *p)
{
	struct node *n;

	if (!parse_enter(p))
		return NULL;
	n = parse_kind(p) == TOKEN_TYPEOF ? typeof_(p) : plain(p);
	parse_leave(p);
	return n;
}

/* ---- telling apart ---- */

/* The token that follows "name", "struct name", "unsigned long" at @ahead. */
static unsigned skip_name(const struct parser *p, unsigned ahead)
{
	bool c_type = is_c_word(p, parse_peek(p, ahead));

	ahead++;
	while (c_type && is_c_word(p, parse_peek(p, ahead)))
		ahead++;
	return ahead;
}

static unsigned skip_stars(const struct parser *p, unsigned ahead)
{
	while (parse_peek(p, ahead)->kind == TOKEN_STAR)
		ahead++;
	return ahead;
}

/* Past "[]" and "[4]"; *ret_empty tells that one was empty, as no index is. */
static unsigned skip_lengths(const struct parser *p, unsigned ahead, bool *ret_empty)
{
	*ret_empty = false;
	while (parse_peek(p, ahead)->kind == TOKEN_LBRACKET) {
		if (parse_peek(p, ahead + 1)->kind == TOKEN_RBRACKET) {
			*ret_empty = true;
			ahead += 2;
		} else if (parse_peek(p, ahead + 2)->kind == TOKEN_RBRACKET) {
			ahead += 3;
		} else {
			break;
		}
	}
	return ahead;
}

/* What begins an operand and nothing else; '-', '*', '&' and '(' may also follow one. */
static bool only_begins_operand(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_IDENT:
	case TOKEN_VARIABLE:
	case TOKEN_MAP:
	case TOKEN_POSITIONAL:
	case TOKEN_PARAM_COUNT:
	case TOKEN_INTEGER:
	case TOKEN_STRING:
	case TOKEN_TRUE:
	case TOKEN_FALSE:
	case TOKEN_SIZEOF:
	case TOKEN_OFFSETOF:
	case TOKEN_NOT:
	case TOKEN_TILDE: return true;
	default: return false;
	}
}

static bool begins_operand(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_MINUS:
	case TOKEN_STAR:
	case TOKEN_AND:
	case TOKEN_INC:
	case TOKEN_DEC:
	case TOKEN_LPAREN:
	case TOKEN_LBRACE:
	case TOKEN_IF: return true;
	default: return only_begins_operand(kind);
	}
}

bool parse_is_cast(const struct parser *p)
{
	const struct token *first = parse_peek(p, 1), *after;
	unsigned name_end, stars_end, end;
	bool empty;

	if (is_tag_word(first->kind) || first->kind == TOKEN_TYPEOF)
		return true;
	if (first->kind != TOKEN_IDENT || (p->condition == p->pos && !is_type_name(p, first)))
		return false;
	name_end = skip_name(p, 1);
	stars_end = skip_stars(p, name_end);
	end = skip_lengths(p, stars_end, &empty);
	if (parse_peek(p, end)->kind != TOKEN_RPAREN)
		return parse_token_is(p, first, "const");
	if (stars_end > name_end || empty)
		return true;
	after = parse_peek(p, end + 1);
	if (is_type_name(p, first))
		return begins_operand(after->kind);
	return only_begins_operand(after->kind) && !after->newline;
}

struct node *parse_type_or_expression(struct parser *p)
{
	const struct token *first = parse_peek(p, 0);
	unsigned stars_end;
	bool empty;

	if (is_tag_word(first->kind) || first->kind == TOKEN_TYPEOF || is_type_name(p, first))
		return parse_type(p);
	stars_end = skip_stars(p, 1);
	if (first->kind == TOKEN_IDENT &&
	    ((stars_end > 1 && parse_peek(p, stars_end)->kind == TOKEN_RPAREN) ||
	     (skip_lengths(p, stars_end, &empty) && empty)))
		return parse_type(p);
	return parse_expression(p);
}
