/*
 * Expressions: precedence climbing over the rows of token.def. See parse_priv.h.
 * Needs: types (casts), statements (blocks as values). Called by all that holds an expression.
 */
#include <string.h>

#include "lang/parse_priv.h"

static struct node *ternary(struct parser *p);
static struct node *unary(struct parser *p);

/* ---- literals and names ---- */

static struct node *named(struct parser *p, enum node_kind kind)
{
	struct node *n = parse_node(p, kind);

	n->name = parse_name(p, parse_peek(p, 0));
	parse_next(p);
	return n;
}

/* A wrong literal is told; its value, 0 or what could be read, lets the rest be read. */
static struct node *integer(struct parser *p)
{
	struct node *n = parse_node(p, NODE_INTEGER);
	unsigned errors = p->diags->errors;

	lex_integer(p->src, parse_peek(p, 0), p->diags, &n->number);
	parse_next(p);
	parse_count_literal(p, errors);
	return n;
}

static struct node *string(struct parser *p)
{
	struct node *n = parse_node(p, NODE_STRING);
	unsigned errors = p->diags->errors;

	n->text = lex_string(p->arena, p->src, parse_peek(p, 0), p->diags, &n->length);
	parse_next(p);
	parse_count_literal(p, errors);
	return n;
}

static struct node *boolean(struct parser *p)
{
	struct node *n = parse_node(p, NODE_BOOL);

	n->number = parse_kind(p) == TOKEN_TRUE;
	parse_next(p);
	return n;
}

static struct node *positional(struct parser *p)
{
	struct node *n = parse_node(p, NODE_POSITIONAL);
	const struct token *t = parse_peek(p, 0);

	for (uint32_t i = t->lo + 1; t->kind == TOKEN_POSITIONAL && i < t->hi; i++)
		n->number = MIN(n->number * 10 + (p->src->text[i] - '0'), (uint64_t)UINT32_MAX);
	if (t->kind == TOKEN_POSITIONAL && n->number == 0) {
		if (parse_error(p, n->span, "there is no parameter $0"))
			diag_hint(p->diags, "the first one is $1");
	}
	parse_next(p);
	return n;
}

struct node *parse_literal(struct parser *p)
{
	switch (parse_kind(p)) {
	case TOKEN_INTEGER: return integer(p);
	case TOKEN_STRING: return string(p);
	case TOKEN_TRUE:
	case TOKEN_FALSE: return boolean(p);
	case TOKEN_IDENT: return named(p, NODE_IDENT);
	default: parse_expected(p, "a number, a string or a word"); return NULL;
	}
}

/* ---- calls, maps, sizeof ---- */

static struct node *argument(struct parser *p)
{
	switch (parse_kind(p)) {
	case TOKEN_STRUCT:
	case TOKEN_UNION:
	case TOKEN_ENUM:
	case TOKEN_TYPEOF: return parse_type(p);
	default: return parse_expression(p);
	}
}

/* What stands where ',' or @close should. */
static bool missing_close(struct parser *p, const char *close)
{
	parse_expected(p, arena_printf(p->arena, "',' or '%s'", close));
	return false;
}

bool parse_arguments(struct parser *p, struct node *into)
{
	if (parse_accept(p, TOKEN_RPAREN))
		return true;
	do {
		struct node *e = argument(p);

		if (!e)
			return false;
		parse_add(p, into, e);
	} while (parse_accept(p, TOKEN_COMMA));
	return parse_accept(p, TOKEN_RPAREN) || missing_close(p, ")");
}

static struct node *name_or_call(struct parser *p)
{
	struct node *n = named(p, NODE_IDENT);

	if (!parse_accept(p, TOKEN_LPAREN))
		return n;
	n->kind = NODE_CALL;
	return parse_arguments(p, n) ? parse_ends(p, n) : NULL;
}

/* "a, b]": one key, or a tuple of several. */
static struct node *map_key(struct parser *p)
{
	struct node *tuple = parse_node(p, NODE_TUPLE);

	if (parse_kind(p) == TOKEN_RBRACKET) {
		if (parse_error(p, parse_span(p), "a map's key cannot be empty"))
			diag_hint(p->diags, "a map without keys is written without brackets");
		return NULL;
	}
	do {
		struct node *e = parse_expression(p);

		if (!e)
			return NULL;
		parse_add(p, tuple, e);
	} while (parse_accept(p, TOKEN_COMMA));
	parse_ends(p, tuple);
	if (!parse_accept(p, TOKEN_RBRACKET)) {
		missing_close(p, "]");
		return NULL;
	}
	return tuple->kids.n == 1 ? tuple->kids.v[0] : tuple;
}

static struct node *map(struct parser *p)
{
	struct node *n = named(p, NODE_MAP), *key;

	if (!parse_accept(p, TOKEN_LBRACKET))
		return n;
	key = map_key(p);
	if (!key)
		return NULL;
	parse_add(p, n, key);
	return parse_ends(p, n);
}

static struct node *sizeof_or_typeinfo(struct parser *p, enum node_kind kind)
{
	struct node *n = parse_node(p, kind), *of;

	parse_next(p);
	if (!parse_expect(p, TOKEN_LPAREN))
		return NULL;
	of = parse_type_or_expression(p);
	if (!of || !parse_expect(p, TOKEN_RPAREN))
		return NULL;
	parse_add(p, n, of);
	return parse_ends(p, n);
}

static bool is_name(enum token_kind kind)
{
	return kind == TOKEN_IDENT || token_is_word(kind);
}

/* "a.b.c" as one name. */
static const char *member_path(struct parser *p)
{
	uint32_t lo = parse_peek(p, 0)->lo;
	struct token all;

	do {
		if (!is_name(parse_kind(p))) {
			parse_expected(p, "the name of a field");
			return NULL;
		}
		all = *parse_peek(p, 0);
		parse_next(p);
	} while (parse_accept(p, TOKEN_DOT));
	if (all.hi - lo > 1024) {
		parse_error(p, token_span(p->src, &all), "the path of the field is too long");
		return NULL;
	}
	all.lo = lo;
	return parse_name(p, &all);
}

static struct node *offsetof_(struct parser *p)
{
	struct node *n = parse_node(p, NODE_OFFSETOF), *of;
	uint32_t lo;

	parse_next(p);
	if (!parse_expect(p, TOKEN_LPAREN))
		return NULL;
	of = parse_type_or_expression(p);
	if (!of || !parse_expect(p, TOKEN_COMMA))
		return NULL;
	parse_add(p, n, of);
	lo = parse_span(p).lo;
	n->name = member_path(p);
	n->name_span = (struct span){ lo, parse_last_span(p).hi };
	if (!n->name || !parse_expect(p, TOKEN_RPAREN))
		return NULL;
	return parse_ends(p, n);
}

/* ---- parentheses ---- */

static struct node *cast(struct parser *p)
{
	struct node *n = parse_node(p, NODE_CAST), *type, *operand;

	parse_next(p);
	type = parse_type(p);
	if (!type || !parse_expect(p, TOKEN_RPAREN))
		return NULL;
	n->name_span = type->span;
	operand = unary(p);
	if (!operand)
		return NULL;
	parse_add(p, n, type);
	parse_add(p, n, operand);
	return parse_ends(p, n);
}

/* "(a = 1, b = 2)", after the parenthesis. */
static struct node *record(struct parser *p, struct node *n)
{
	n->kind = NODE_RECORD;
	do {
		struct node *field, *value;

		if (parse_kind(p) == TOKEN_RPAREN)
			break;
		if (!is_name(parse_kind(p))) {
			parse_expected(p, "the name of a field");
			return NULL;
		}
		field = named(p, NODE_FIELD);
		if (!parse_expect(p, TOKEN_ASSIGN))
			return NULL;
		value = parse_expression(p);
		if (!value)
			return NULL;
		parse_add(p, field, value);
		parse_add(p, n, parse_ends(p, field));
	} while (parse_accept(p, TOKEN_COMMA));
	return parse_accept(p, TOKEN_RPAREN) || missing_close(p, ")") ? parse_ends(p, n) : NULL;
}

/* "(e)", "()", "(a,)" and "(a, b)", after the parenthesis. */
static struct node *tuple(struct parser *p, struct node *n)
{
	bool comma = false;

	while (parse_kind(p) != TOKEN_RPAREN) {
		struct node *e = parse_expression(p);

		if (!e)
			return NULL;
		parse_add(p, n, e);
		if (!parse_accept(p, TOKEN_COMMA))
			break;
		comma = true;
	}
	if (!parse_accept(p, TOKEN_RPAREN)) {
		missing_close(p, ")");
		return NULL;
	}
	parse_ends(p, n);
	if (n->kids.n != 1 || comma)
		return n;
	n->kids.v[0]->span = n->span;
	return n->kids.v[0];
}

static struct node *parenthesis(struct parser *p)
{
	struct node *n;

	if (parse_is_cast(p))
		return cast(p);
	n = parse_node(p, NODE_TUPLE);
	parse_next(p);
	if (is_name(parse_kind(p)) && parse_peek(p, 1)->kind == TOKEN_ASSIGN)
		return record(p, n);
	return tuple(p, n);
}

/* ---- operands ---- */

static struct node *block_value(struct parser *p)
{
	bool is_if = parse_kind(p) == TOKEN_IF;
	struct node *n = is_if ? parse_if(p) : parse_block(p);

	/* a header with an error leaves only its block behind */
	if (!n || (is_if && n->kind != NODE_IF))
		return NULL;
	return is_if ? parse_if_value(p, n) : parse_block_value(p, n);
}

static struct node *no_operand(struct parser *p)
{
	if (!parse_expected(p, "an expression"))
		return NULL;
	if (parse_kind(p) == TOKEN_COMPTIME)
		diag_hint(p->diags, "comptime is not supported; constants are computed anyway");
	else if (token_is_assignment(parse_kind(p)) && p->may_assign)
		diag_hint(p->diags, "an assignment begins with a $variable or a @map");
	return NULL;
}

static struct node *primary(struct parser *p)
{
	switch (parse_kind(p)) {
	case TOKEN_INTEGER: return integer(p);
	case TOKEN_STRING: return string(p);
	case TOKEN_TRUE:
	case TOKEN_FALSE: return boolean(p);
	case TOKEN_CONFIG:
	case TOKEN_IDENT: return name_or_call(p);
	case TOKEN_VARIABLE: return named(p, NODE_VARIABLE);
	case TOKEN_MAP: return map(p);
	case TOKEN_POSITIONAL:
	case TOKEN_PARAM_COUNT: return positional(p);
	case TOKEN_LPAREN: return parenthesis(p);
	case TOKEN_SIZEOF: return sizeof_or_typeinfo(p, NODE_SIZEOF);
	case TOKEN_TYPEINFO: return sizeof_or_typeinfo(p, NODE_TYPEINFO);
	case TOKEN_OFFSETOF: return offsetof_(p);
	case TOKEN_LBRACE:
	case TOKEN_IF: return block_value(p);
	default: return no_operand(p);
	}
}

static struct node *wrap(struct parser *p, enum node_kind kind, struct node *inner)
{
	struct node *n = node_new(p->arena, kind, inner->span);

	n->name_span = parse_span(p);
	parse_add(p, n, inner);
	return n;
}

/* ".name", "->name" or ".0". */
static struct node *member(struct parser *p, struct node *object)
{
	struct node *n = wrap(p, NODE_MEMBER, object);
	bool dot = parse_kind(p) == TOKEN_DOT;

	parse_next(p);
	n->name_span = parse_span(p);
	if (dot && parse_kind(p) == TOKEN_INTEGER) {
		n->kind = NODE_ELEMENT;
		unsigned errors = p->diags->errors;

		lex_integer(p->src, parse_peek(p, 0), p->diags, &n->number);
		parse_count_literal(p, errors);
	} else if (is_name(parse_kind(p))) {
		n->name = parse_name(p, parse_peek(p, 0));
	} else {
		parse_expected(p, "the name of a field");
		return NULL;
	}
	parse_next(p);
	return parse_ends(p, n);
}

static struct node *index_(struct parser *p, struct node *array)
{
	struct node *n = wrap(p, NODE_INDEX, array), *e;

	parse_next(p);
	e = parse_expression(p);
	if (!e || !parse_expect(p, TOKEN_RBRACKET))
		return NULL;
	parse_add(p, n, e);
	return parse_ends(p, n);
}

static bool is_steppable(struct parser *p, const struct node *n)
{
	if (n->kind == NODE_VARIABLE || n->kind == NODE_MAP)
		return true;
	parse_error(p, n->span, "only $variables and @maps can be incremented or decremented");
	return false;
}

static struct node *step(struct parser *p, struct node *operand)
{
	struct node *n = wrap(p, NODE_POSTFIX, operand);

	if (!is_steppable(p, operand))
		return NULL;
	n->op = parse_kind(p);
	parse_next(p);
	return parse_ends(p, n);
}

static struct node *postfix(struct parser *p)
{
	struct node *n = primary(p);

	while (n) {
		switch (parse_kind(p)) {
		case TOKEN_DOT:
		case TOKEN_ARROW: n = member(p, n); break;
		case TOKEN_LBRACKET: n = index_(p, n); break;
		case TOKEN_INC:
		case TOKEN_DEC:
			/* on a line of its own it belongs to what follows */
			if (parse_peek(p, 0)->newline)
				return n;
			n = step(p, n);
			break;
		default: return n;
		}
	}
	return NULL;
}

/* ---- operators ---- */

static bool is_unary(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_INC:
	case TOKEN_DEC:
	case TOKEN_AND:
	case TOKEN_STAR:
	case TOKEN_MINUS:
	case TOKEN_NOT:
	case TOKEN_TILDE: return true;
	default: return false;
	}
}

static struct node *prefix(struct parser *p)
{
	struct node *n = parse_node(p, NODE_UNARY), *operand;

	n->op = parse_kind(p);
	parse_next(p);
	operand = unary(p);
	if (!operand)
		return NULL;
	if ((n->op == TOKEN_INC || n->op == TOKEN_DEC) && !is_steppable(p, operand))
		return NULL;
	parse_add(p, n, operand);
	return parse_ends(p, n);
}

/* Every way into brackets leads through here, so here the depth is counted. */
static struct node *unary(struct parser *p)
{
	struct node *n;

	if (!parse_enter(p))
		return NULL;
	n = is_unary(parse_kind(p)) ? prefix(p) : postfix(p);
	parse_leave(p);
	return n;
}

/* '=' where a value is wanted: told, and read as the '==' that was meant. */
static void meant_equality(struct parser *p)
{
	if (parse_kind(p) != TOKEN_ASSIGN || p->may_assign)
		return;
	/* before the error, which may move on to the end of the script */
	p->tokens.v[p->pos].kind = TOKEN_EQ;
	if (parse_error(p, parse_span(p), "'=' cannot stand in an expression"))
		diag_hint(p->diags, "did you mean '=='?");
}

static struct node *binary(struct parser *p, unsigned least)
{
	struct node *left = unary(p);

	while (left) {
		struct node *n, *right;
		unsigned precedence;

		meant_equality(p);
		precedence = token_precedence(parse_kind(p));
		if (precedence < least || !precedence)
			return left;
		n = wrap(p, NODE_BINARY, left);
		n->op = parse_kind(p);
		parse_next(p);
		right = binary(p, precedence + 1);
		if (!right)
			return NULL;
		parse_add(p, n, right);
		n->span = span_join(left->span, right->span);
		left = n;
	}
	return NULL;
}

/* A branch of "?:"; they nest to the right. */
static struct node *branch(struct parser *p)
{
	struct node *n;

	if (!parse_enter(p))
		return NULL;
	n = ternary(p);
	parse_leave(p);
	return n;
}

static struct node *ternary(struct parser *p)
{
	struct node *condition = binary(p, 1), *n, *then = NULL, *otherwise;

	if (!condition || parse_kind(p) != TOKEN_QUESTION)
		return condition;
	n = wrap(p, NODE_TERNARY, condition);
	parse_next(p);
	if (parse_kind(p) != TOKEN_COLON && !(then = branch(p)))
		return NULL;
	if (!parse_expect(p, TOKEN_COLON))
		return NULL;
	otherwise = branch(p);
	if (!otherwise)
		return NULL;
	parse_add(p, n, then);
	parse_add(p, n, otherwise);
	return parse_ends(p, n);
}

static struct node *expression(struct parser *p, bool may_assign)
{
	bool outer = p->may_assign;
	struct node *n;

	p->may_assign = may_assign;
	n = ternary(p);
	p->may_assign = outer;
	return n;
}

struct node *parse_expression(struct parser *p)
{
	return expression(p, false);
}

struct node *parse_statement_expression(struct parser *p)
{
	return expression(p, true);
}
