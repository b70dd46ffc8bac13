/*
 * Statements and blocks. See parse_priv.h.
 * Needs: expressions, types. Called by parse_program.c, and by expressions for blocks as values.
 */
#include "lang/parse_priv.h"

static struct node *statement(struct parser *p);

/* ---- blocks ---- */

static void one_statement(struct parser *p, struct node *block)
{
	uint32_t start = p->pos;
	struct node *n = statement(p);

	if (n) {
		parse_add(p, block, n);
		block->flag = p->open_expression;
		return;
	}
	parse_sync_statement(p, start);
	if (p->pos == start && parse_kind(p) != TOKEN_RBRACE)
		parse_next(p);
	block->flag = false;
}

struct node *parse_block(struct parser *p)
{
	struct node *block = parse_node(p, NODE_BLOCK);
	struct span opened = parse_span(p);

	if (!parse_expect(p, TOKEN_LBRACE) || !parse_enter(p))
		return NULL;
	while (parse_kind(p) != TOKEN_RBRACE && parse_kind(p) != TOKEN_END) {
		struct span at = parse_span(p);

		if (parse_accept(p, TOKEN_SEMICOLON))
			parse_warning(p, at, "stray ';'");
		else
			one_statement(p, block);
	}
	parse_leave(p);
	p->open_expression = false;
	if (parse_accept(p, TOKEN_RBRACE))
		return parse_ends(p, block);
	if (parse_error(p, opened, "this '{' is never closed"))
		diag_hint(p->diags, "the script ends before its '}'");
	return block;
}

/* The body of a statement. One without braces is told, and read to tell its own errors. */
static struct node *body(struct parser *p)
{
	struct node *block = parse_node(p, NODE_BLOCK), *n;

	if (parse_kind(p) == TOKEN_LBRACE)
		return parse_block(p);
	if (parse_expected(p, "'{'"))
		diag_hint(p->diags, "the statements that depend on it stand in braces");
	if (parse_kind(p) == TOKEN_RBRACE || parse_kind(p) == TOKEN_END ||
	    parse_kind(p) == TOKEN_SEMICOLON || !parse_enter(p))
		return NULL;
	n = statement(p);
	parse_leave(p);
	return n ? block : NULL;
}

/* After an error in a header: its block is read all the same, and stands for the statement. */
static struct node *body_after_error(struct parser *p)
{
	return parse_sync_block(p) ? parse_block(p) : NULL;
}

/* ---- blocks as values ---- */

/* Sets *ret_value to what the statement @n is worth as the last of a block. */
static bool value_of(struct parser *p, struct node *block, struct node *n, struct node **ret)
{
	if (n && n->kind == NODE_DISCARD && block->flag)
		*ret = n->kids.v[0];
	else if (n && n->kind == NODE_IF)
		*ret = parse_if_value(p, n);
	else if (n && n->kind == NODE_BLOCK)
		*ret = parse_block_value(p, n);
	else
		return false;
	return true;
}

struct node *parse_block_value(struct parser *p, struct node *block)
{
	struct node *last = block->kids.n ? block->kids.v[block->kids.n - 1] : NULL, *value;
	struct node *n = node_new(p->arena, NODE_BLOCK_VALUE, block->span);

	if (!value_of(p, block, last, &value)) {
		if (parse_error(p, block->span, "this block has no value"))
			diag_hint(p->diags, "its last expression is its value, without ';'");
		return NULL;
	}
	if (!value)
		return NULL;
	for (uint32_t i = 0; i + 1 < block->kids.n; i++)
		parse_add(p, n, block->kids.v[i]);
	parse_add(p, n, value);
	return n;
}

struct node *parse_if_value(struct parser *p, struct node *chain)
{
	struct node *otherwise = node_kid(chain, 2);

	if (!otherwise) {
		if (parse_error(p, chain->span, "an if as a value needs an else"))
			diag_hint(p->diags, "without one it has no value when the condition fails");
		return NULL;
	}
	chain->kids.v[1] = parse_block_value(p, chain->kids.v[1]);
	chain->kids.v[2] = otherwise->kind == NODE_IF ? parse_if_value(p, otherwise)
						      : parse_block_value(p, otherwise);
	return chain->kids.v[1] && chain->kids.v[2] ? chain : NULL;
}

/* ---- conditions and loops ---- */

/* "if (x = 1)" is told as what it is, not as a record with one field. */
static void check_for_assignment(struct parser *p)
{
	if (parse_kind(p) != TOKEN_LPAREN || parse_peek(p, 1)->kind != TOKEN_IDENT ||
	    parse_peek(p, 2)->kind != TOKEN_ASSIGN)
		return;
	/* before the error, which may move on to the end of the script */
	p->tokens.v[p->pos + 2].kind = TOKEN_EQ;
	if (parse_error(p, token_span(p->src, parse_peek(p, 2)), "'=' cannot stand in a condition"))
		diag_hint(p->diags, "did you mean '=='?");
}

/* Reads "condition block" into @n; on an error in the condition, the block alone. */
static struct node *condition_and_body(struct parser *p, struct node *n)
{
	struct node *e, *block;

	if (parse_kind(p) == TOKEN_LBRACE) {
		parse_expected(p, n->kind == NODE_UNROLL ? "a count" : "a condition");
		return parse_block(p);
	}
	check_for_assignment(p);
	p->condition = p->pos;
	e = parse_expression(p);
	if (!e)
		return body_after_error(p);
	parse_add(p, n, e);
	block = body(p);
	if (!block)
		return NULL;
	parse_add(p, n, block);
	return parse_ends(p, n);
}

VEC_TYPE(struct node *, node_list);

/* Hangs each part of an "if .. else if .. else" under the one before it, from the last on, so
 * that every kid is complete when it is added. */
static struct node *link_chain(struct parser *p, const struct node_list *parts)
{
	struct node *rest = parts->v[parts->n - 1];

	for (uint32_t i = parts->n - 1; i-- > 0;) {
		struct node *n = parts->v[i];

		if (n->kind != NODE_IF)
			return n;
		parse_add(p, n, rest);
		parse_ends(p, n);
		rest = n;
	}
	return rest;
}

/* Ladders are long and flat in the source: they are read in a loop. */
struct node *parse_if(struct parser *p)
{
	struct node_list parts = { 0 };

	do {
		struct node *n = parse_node(p, NODE_IF);

		if (!parse_accept(p, TOKEN_IF)) {
			n = body(p);
			if (!n)
				return NULL;
			vec_push(p->arena, &parts, n);
			break;
		}
		n = condition_and_body(p, n);
		if (!n)
			return NULL;
		vec_push(p->arena, &parts, n);
	} while (parse_accept(p, TOKEN_ELSE));
	return link_chain(p, &parts);
}

static struct node *while_or_unroll(struct parser *p, enum node_kind kind)
{
	struct node *n = parse_node(p, kind);

	parse_next(p);
	return condition_and_body(p, n);
}

/* "$kv : @m" or "$i : a..b" into a node of the fitting kind. */
static struct node *for_header(struct parser *p)
{
	struct node *n = parse_node(p, NODE_FOR_RANGE), *variable, *of, *to = NULL;

	variable = parse_node(p, NODE_VARIABLE);
	variable->name = parse_name(p, parse_peek(p, 0));
	if (!parse_expect(p, TOKEN_VARIABLE))
		return NULL;
	if (!parse_accept(p, TOKEN_COLON)) {
		if (parse_expected(p, "':'"))
			diag_hint(p->diags, "for ($kv : @map) or for ($i : 0..10)");
		return NULL;
	}
	of = parse_expression(p);
	if (!of)
		return NULL;
	if (parse_accept(p, TOKEN_DOTDOT)) {
		to = parse_expression(p);
		if (!to)
			return NULL;
	} else if (of->kind != NODE_MAP || of->kids.n) {
		if (parse_error(p, of->span, "a for loop goes over a map or a range"))
			diag_hint(p->diags, "for ($kv : @map) or for ($i : 0..10)");
		return NULL;
	} else {
		n->kind = NODE_FOR_MAP;
	}
	parse_add(p, n, variable);
	parse_add(p, n, of);
	if (to)
		parse_add(p, n, to);
	return n;
}

static struct node *for_loop(struct parser *p)
{
	struct span at = parse_span(p);
	struct node *n, *block;
	bool paren;

	parse_next(p);
	paren = parse_accept(p, TOKEN_LPAREN);
	n = for_header(p);
	if (!n || (paren && !parse_expect(p, TOKEN_RPAREN)))
		return body_after_error(p);
	block = body(p);
	if (!block)
		return NULL;
	parse_add(p, n, block);
	n->span = at;
	n->name_span = at;
	return parse_ends(p, n);
}

/* ---- simple statements ---- */

static struct node *let(struct parser *p)
{
	struct node *n = parse_node(p, NODE_LET), *variable, *type = NULL, *value = NULL;

	parse_next(p);
	if (parse_kind(p) == TOKEN_MAP) {
		if (parse_error(p, parse_span(p), "maps are declared outside the probes"))
			diag_hint(p->diags, "let @map = hash(1000); before the first probe");
		return NULL;
	}
	variable = parse_node(p, NODE_VARIABLE);
	variable->name = parse_name(p, parse_peek(p, 0));
	if (!parse_expect(p, TOKEN_VARIABLE))
		return NULL;
	if (parse_accept(p, TOKEN_COLON) && !(type = parse_type(p)))
		return NULL;
	if (parse_accept(p, TOKEN_ASSIGN) && !(value = parse_expression(p)))
		return NULL;
	parse_add(p, n, variable);
	parse_add(p, n, type);
	parse_add(p, n, value);
	parse_ends(p, n);
	return parse_end_statement(p) ? n : NULL;
}

static struct node *return_(struct parser *p)
{
	struct node *n = parse_node(p, NODE_RETURN), *value = NULL;
	enum token_kind kind;

	parse_next(p);
	kind = parse_kind(p);
	if (kind != TOKEN_SEMICOLON && kind != TOKEN_RBRACE && !parse_peek(p, 0)->newline) {
		value = parse_expression(p);
		if (!value)
			return NULL;
	}
	parse_add(p, n, value);
	parse_ends(p, n);
	return parse_end_statement(p) ? n : NULL;
}

static struct node *break_or_continue(struct parser *p, enum node_kind kind)
{
	struct node *n = parse_node(p, kind);

	parse_next(p);
	return parse_end_statement(p) ? n : NULL;
}

static struct node *not_assignable(struct parser *p, const struct node *target)
{
	if (!parse_error(p, target->span, "this cannot be assigned to"))
		return NULL;
	if (target->kind == NODE_IDENT)
		diag_hint(p->diags, "did you mean $%s?", target->name);
	else
		diag_hint(p->diags, "only $variables and @maps can");
	return NULL;
}

/* "_ = e": its value is thrown away on purpose. */
static struct node *discard(struct parser *p)
{
	struct node *n = parse_node(p, NODE_DISCARD), *e;

	parse_next(p);
	parse_next(p);
	e = parse_expression(p);
	if (!e)
		return NULL;
	n->flag = true;
	parse_add(p, n, e);
	parse_ends(p, n);
	return parse_end_statement(p) ? n : NULL;
}

static struct node *assignment(struct parser *p, struct node *target)
{
	struct node *n = node_new(p->arena, NODE_ASSIGN, target->span), *value;

	if (target->kind != NODE_VARIABLE && target->kind != NODE_MAP)
		return not_assignable(p, target);
	n->op = parse_kind(p);
	n->name_span = parse_span(p);
	parse_next(p);
	value = parse_expression(p);
	if (!value)
		return NULL;
	parse_add(p, n, target);
	parse_add(p, n, value);
	parse_ends(p, n);
	return parse_end_statement(p) ? n : NULL;
}

static struct node *expression_or_assignment(struct parser *p)
{
	struct node *n, *e;

	if (parse_kind(p) == TOKEN_IDENT && parse_token_is(p, parse_peek(p, 0), "_") &&
	    parse_peek(p, 1)->kind == TOKEN_ASSIGN)
		return discard(p);
	e = parse_statement_expression(p);
	if (!e)
		return NULL;
	if (token_is_assignment(parse_kind(p)))
		return assignment(p, e);
	n = node_new(p->arena, NODE_DISCARD, e->span);
	parse_add(p, n, e);
	if (parse_kind(p) == TOKEN_RBRACE)
		p->open_expression = true;
	return parse_end_statement(p) ? n : NULL;
}

static struct node *misplaced(struct parser *p, const char *what, const char *hint)
{
	if (parse_error(p, parse_span(p), "%s", what))
		diag_hint(p->diags, "%s", hint);
	parse_next(p);
	return NULL;
}

static struct node *statement_at(struct parser *p)
{
	switch (parse_kind(p)) {
	case TOKEN_LBRACE: return parse_block(p);
	case TOKEN_IF: return parse_if(p);
	case TOKEN_FOR: return for_loop(p);
	case TOKEN_WHILE: return while_or_unroll(p, NODE_WHILE);
	case TOKEN_UNROLL: return while_or_unroll(p, NODE_UNROLL);
	case TOKEN_LET: return let(p);
	case TOKEN_RETURN: return return_(p);
	case TOKEN_BREAK: return break_or_continue(p, NODE_BREAK);
	case TOKEN_CONTINUE: return break_or_continue(p, NODE_CONTINUE);
	case TOKEN_ELSE:
		return misplaced(p, "this else belongs to no if",
				 "it stands directly after the '}' of an if");
	case TOKEN_IMPORT:
		return misplaced(p, "imports are not supported",
				 "copy the probes into this script");
	case TOKEN_MACRO:
	case TOKEN_FN:
		return misplaced(p, "a definition cannot stand inside a probe",
				 "the '}' of the probe before it may be missing");
	case TOKEN_DIRECTIVE:
		return misplaced(p, "preprocessor lines are not supported",
				 "write constants as numbers");
	default: return expression_or_assignment(p);
	}
}

static struct node *statement(struct parser *p)
{
	p->open_expression = false;
	return statement_at(p);
}
