/*
 * The outer level of a script: probes with their clauses, config, map declarations.
 * See parse_priv.h. Needs: statements, expressions. Called by lang_parse().
 */
#include <ctype.h>
#include <string.h>

#include "lang/parse_priv.h"

/* ---- config and maps ---- */

static struct node *setting(struct parser *p)
{
	struct node *n = parse_node(p, NODE_SETTING), *value;

	if (parse_kind(p) != TOKEN_IDENT && !token_is_word(parse_kind(p))) {
		parse_expected(p, "the name of a setting");
		return NULL;
	}
	n->name = parse_name(p, parse_peek(p, 0));
	parse_next(p);
	if (!parse_expect(p, TOKEN_ASSIGN))
		return NULL;
	value = parse_literal(p);
	if (!value)
		return NULL;
	parse_add(p, n, value);
	parse_ends(p, n);
	return parse_end_statement(p) ? n : NULL;
}

static void settings(struct parser *p, struct node *into)
{
	while (parse_kind(p) != TOKEN_RBRACE && parse_kind(p) != TOKEN_END) {
		uint32_t start = p->pos;
		struct node *n = setting(p);

		if (n)
			parse_add(p, into, n);
		else
			parse_sync_statement(p, start);
	}
	parse_expect(p, TOKEN_RBRACE);
}

static void config(struct parser *p)
{
	struct node *n = parse_node(p, NODE_CONFIG);

	if (p->tree->config && parse_error(p, n->span, "config is given twice"))
		diag_hint(p->diags, "put all settings into one block");
	else if (p->seen_clause && parse_error(p, n->span, "config must come before the probes"))
		diag_hint(p->diags, "move the block to the top of the script");
	parse_next(p);
	if (!parse_expect(p, TOKEN_ASSIGN) || !parse_expect(p, TOKEN_LBRACE)) {
		parse_sync_item(p);
		return;
	}
	settings(p, n);
	if (!p->tree->config)
		p->tree->config = parse_ends(p, n);
}

static struct node *map_decl_after_let(struct parser *p, struct span at)
{
	struct node *n = parse_node(p, NODE_MAP_DECL);

	if (parse_kind(p) == TOKEN_VARIABLE) {
		if (parse_error(p, n->span, "variables cannot be declared outside a probe"))
			diag_hint(p->diags, "maps, such as @x, are shared by all probes");
		return NULL;
	}
	n->name = parse_name(p, parse_peek(p, 0));
	if (!parse_expect(p, TOKEN_MAP) || !parse_expect(p, TOKEN_ASSIGN))
		return NULL;
	n->text = parse_name(p, parse_peek(p, 0));
	n->length = strlen(n->text);
	if (parse_kind(p) != TOKEN_IDENT) {
		if (parse_expected(p, "a kind of map"))
			diag_hint(p->diags,
				  "the kinds are hash, lruhash, percpuhash and percpulruhash");
		return NULL;
	}
	parse_next(p);
	if (!parse_expect(p, TOKEN_LPAREN) || !parse_arguments(p, n))
		return NULL;
	n->span = span_join(at, parse_last_span(p));
	return parse_end_statement(p) ? n : NULL;
}

static void map_decl(struct parser *p)
{
	struct span at = parse_span(p);
	struct node *n;

	parse_next(p);
	n = map_decl_after_let(p, at);
	if (n)
		vec_push(p->arena, &p->tree->map_decls, n);
	else
		parse_sync_item(p);
}

/* ---- what this language has elsewhere ---- */

static const struct unsupported {
	enum token_kind kind;
	const char *what, *hint;
	bool has_tail;
} unsupported[] = {
	{ TOKEN_MACRO, "macro definitions", "write the statements out where they are used", false },
	{ TOKEN_FN, "function definitions", "write the statements out where they are used", false },
	{ TOKEN_IMPORT, "imports", "copy the probes into this script", false },
	{ TOKEN_STRUCT, "struct definitions", "structs of the kernel are known without one", true },
	{ TOKEN_UNION, "union definitions", "unions of the kernel are known without one", true },
	{ TOKEN_ENUM, "enum definitions", "enums of the kernel are known without one", true },
	{ TOKEN_IDENT, "typedefs", "types of the kernel are known without one", true },
	{ TOKEN_DIRECTIVE, "preprocessor lines",
	  "types of the kernel are known without headers; write constants as numbers", false },
};

/* "struct x { .. } __attribute__((packed));" from the '}' on. */
static void skip_tail(struct parser *p)
{
	while (!parse_peek(p, 0)->newline && parse_kind(p) != TOKEN_END)
		parse_next(p);
}

/* Reports the item that begins here when it is one of the above. */
static bool refuse_unsupported(struct parser *p)
{
	enum token_kind kind = parse_kind(p);

	if (kind == TOKEN_IDENT && !parse_token_is(p, parse_peek(p, 0), "typedef"))
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(unsupported); i++) {
		if (unsupported[i].kind != kind)
			continue;
		if (parse_error(p, parse_span(p), "%s are not supported", unsupported[i].what))
			diag_hint(p->diags, "%s", unsupported[i].hint);
		parse_next(p);
		/* lines that follow each other have one cause */
		while (kind == TOKEN_DIRECTIVE && parse_accept(p, TOKEN_DIRECTIVE))
			;
		if (kind != TOKEN_DIRECTIVE)
			parse_sync_item(p);
		if (unsupported[i].has_tail)
			skip_tail(p);
		return true;
	}
	return false;
}

/* ---- clauses ---- */

/* The attach point without the spaces that may stand around its colons. */
static const char *attach_point_text(struct parser *p, const struct token *t)
{
	const char *from = p->src->text + t->lo, *end = p->src->text + t->hi;
	char *text = arena_alloc(p->arena, t->hi - t->lo + 1), *to = text;
	bool quoted = false;

	for (; from < end; from++) {
		if (quoted && *from == '\\' && from + 1 < end)
			*to++ = *from++;
		else if (*from == '"')
			quoted = !quoted;
		if (quoted || !isspace((unsigned char)*from))
			*to++ = *from;
	}
	return text;
}

static bool may_begin_attach_point(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_*?\"$", c));
}

static struct node *point(struct parser *p)
{
	struct node *n = parse_node(p, NODE_POINT);
	const struct token *t = parse_peek(p, 0);

	if (t->kind != TOKEN_ATTACH_POINT || !may_begin_attach_point(p->src->text[t->lo])) {
		if (parse_expected(p, "a probe"))
			diag_hint(p->diags, "a script is made of probes: kprobe:f { .. }");
		return NULL;
	}
	n->name = attach_point_text(p, t);
	parse_next(p);
	return n;
}

/* "a,b," up to what is no attach point; a forgotten comma is told and supplied. */
static struct node *points(struct parser *p)
{
	struct node *list = parse_node(p, NODE_POINTS);

	do {
		struct node *n;

		if (list->kids.n && parse_kind(p) != TOKEN_ATTACH_POINT)
			break;
		n = point(p);
		if (!n)
			return NULL;
		parse_add(p, list, n);
		parse_ends(p, list);
	} while (parse_accept(p, TOKEN_COMMA));
	return list;
}

static bool predicate(struct parser *p, struct node *into)
{
	struct node *e = NULL;

	if (!parse_accept(p, TOKEN_BEGIN_PREDICATE)) {
		parse_add(p, into, NULL);
		return true;
	}
	e = parse_expression(p);
	parse_add(p, into, e);
	if (e && parse_accept(p, TOKEN_END_PREDICATE))
		return true;
	if (e)
		parse_expected(p, "'/' to end the predicate");
	/* the body may have errors of its own to tell */
	if (!parse_sync_block(p))
		return false;
	return true;
}

/* What stands where the body's '{' should. */
static void missing_body(struct parser *p, const struct node *list, bool predicate)
{
	const struct node *last = list->kids.v[list->kids.n - 1];

	if (!parse_expected(p, "'{'"))
		return;
	if (parse_kind(p) == TOKEN_LPAREN)
		diag_hint(p->diags, "statements stand inside a probe: BEGIN { .. }");
	else if (parse_kind(p) == TOKEN_ATTACH_POINT && parse_peek(p, 0)->newline && !predicate)
		diag_hint(p->diags, "several probes before one body are separated by ','");
	else if (parse_kind(p) == TOKEN_ATTACH_POINT && strchr(last->name, '/'))
		diag_hint(p->diags, "a predicate after a path needs a space before its '/'");
	else
		diag_hint(p->diags, "a probe's statements stand in braces: %s { .. }", last->name);
}

static struct node *clause(struct parser *p)
{
	struct node *n = parse_node(p, NODE_CLAUSE), *list, *body;

	if (parse_kind(p) == TOKEN_IDENT) {
		n->name_span = parse_span(p);
		n->name = parse_name(p, parse_peek(p, 0));
		parse_next(p);
		if (!parse_expect(p, TOKEN_ASSIGN))
			return NULL;
	}
	list = points(p);
	if (!list)
		return NULL;
	parse_add(p, n, list);
	if (!predicate(p, n))
		return NULL;
	if (parse_kind(p) != TOKEN_LBRACE) {
		missing_body(p, list, node_kid(n, 1) != NULL);
		return NULL;
	}
	body = parse_block(p);
	if (!body)
		return NULL;
	parse_add(p, n, body);
	return parse_ends(p, n);
}

static void one_clause(struct parser *p)
{
	uint32_t start = p->pos;
	struct node *n = clause(p);

	p->seen_clause = true;
	if (n) {
		vec_push(p->arena, &p->tree->clauses, n);
		return;
	}
	if (p->pos == start && parse_kind(p) != TOKEN_LBRACE)
		parse_next(p);
	parse_sync_item(p);
}

static void item(struct parser *p)
{
	struct span at = parse_span(p);

	switch (parse_kind(p)) {
	case TOKEN_CONFIG: config(p); break;
	case TOKEN_LET: map_decl(p); break;
	case TOKEN_SEMICOLON:
		parse_warning(p, at, "stray ';' outside the probes");
		parse_next(p);
		break;
	case TOKEN_RBRACE:
		if (parse_error(p, at, "this '}' closes nothing"))
			diag_hint(p->diags, "a '{' is missing before it, or it is one too many");
		parse_next(p);
		break;
	default:
		if (!refuse_unsupported(p))
			one_clause(p);
	}
}

void parse_program(struct parser *p)
{
	while (parse_kind(p) != TOKEN_END)
		item(p);
	if (!p->tree->clauses.n && !p->errors && !p->diags->errors)
		parse_error(p, parse_span(p), "the script has no probe");
}
