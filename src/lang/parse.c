/*
 * The parser's cursor, its errors and its way back after one. See parse.h and parse_priv.h.
 * Needs: the lexer. Called by lang_compile() and the other parse_*.c.
 */
#include <errno.h>
#include <string.h>

#include "lang/parse_priv.h"

enum {
	MAX_ERRORS = 50,
	MAX_WARNINGS = 20, /* later ones go unsaid */
};

/* ---- the cursor ---- */

const struct token *parse_peek(const struct parser *p, unsigned ahead)
{
	return &p->tokens.v[MIN(p->pos + ahead, p->tokens.n - 1)];
}

enum token_kind parse_kind(const struct parser *p)
{
	return parse_peek(p, 0)->kind;
}

struct span parse_span(const struct parser *p)
{
	return token_span(p->src, parse_peek(p, 0));
}

struct span parse_last_span(const struct parser *p)
{
	return token_span(p->src, &p->tokens.v[p->pos ? p->pos - 1 : 0]);
}

void parse_next(struct parser *p)
{
	if (p->pos + 1 < p->tokens.n)
		p->pos++;
}

bool parse_accept(struct parser *p, enum token_kind kind)
{
	if (parse_kind(p) != kind)
		return false;
	parse_next(p);
	return true;
}

bool parse_expect(struct parser *p, enum token_kind kind)
{
	const char *spelling = token_spelling(kind);

	if (parse_accept(p, kind))
		return true;
	if (token_is_fixed(kind))
		spelling = arena_printf(p->arena, "'%s'", spelling);
	if (parse_expected(p, spelling) && kind == TOKEN_VARIABLE && parse_kind(p) == TOKEN_IDENT)
		diag_hint(p->diags, "did you mean $%s?", parse_name(p, parse_peek(p, 0)));
	return false;
}

const char *parse_name(struct parser *p, const struct token *t)
{
	const char *text = p->src->text + t->lo;
	char *name = table_getn(&p->names, text, t->hi - t->lo);

	if (!name) {
		name = arena_strndup(p->arena, text, t->hi - t->lo);
		table_put(p->arena, &p->names, name, name);
	}
	return name;
}

bool parse_token_is(const struct parser *p, const struct token *t, const char *text)
{
	return strlen(text) == t->hi - t->lo &&
	       memcmp(p->src->text + t->lo, text, t->hi - t->lo) == 0;
}

/* ---- nodes ---- */

struct node *parse_node(struct parser *p, enum node_kind kind)
{
	return node_new(p->arena, kind, parse_span(p));
}

static void give_up(struct parser *p)
{
	p->given_up = true;
	p->pos = p->tokens.n - 1;
}

void parse_add(struct parser *p, struct node *parent, struct node *kid)
{
	node_add(p->arena, parent, kid);
	if (parent->height <= PARSE_MAX_HEIGHT)
		return;
	parse_error(p, parent->name_span, "more than %d operators or branches in a row",
		    PARSE_MAX_HEIGHT);
	give_up(p);
}

struct node *parse_ends(struct parser *p, struct node *n)
{
	n->span = span_join(n->span, parse_last_span(p));
	return n;
}

/* ---- errors ---- */

/* False when there were too many: that is said once, and nothing after it. */
static bool count_error(struct parser *p, struct span at)
{
	if (p->errors++ < MAX_ERRORS)
		return true;
	diag_error(p->diags, at, "too many errors; the rest of the script was not read");
	give_up(p);
	return false;
}

bool parse_error(struct parser *p, struct span at, const char *fmt, ...)
{
	va_list args;
	const char *text;

	if (p->given_up || (p->errors && p->last_error == p->pos))
		return false;
	p->last_error = p->pos;
	/* what the lexer could not read, it reported */
	if (!count_error(p, at) || parse_kind(p) == TOKEN_BAD)
		return false;
	va_start(args, fmt);
	text = arena_vprintf(p->arena, fmt, args);
	va_end(args);
	diag_error(p->diags, at, "%s", text);
	return true;
}

void parse_count_literal(struct parser *p, unsigned errors_before)
{
	if (p->diags->errors > errors_before)
		count_error(p, parse_span(p));
}

void parse_warning(struct parser *p, struct span at, const char *text)
{
	if (!p->given_up && p->warnings++ < MAX_WARNINGS)
		diag_warning(p->diags, at, "%s", text);
}

/* What a token is called after "got". */
static const char *describe(struct parser *p, const struct token *t)
{
	const char *text = p->src->text + t->lo;
	int len = MIN(t->hi - t->lo, 40u);

	if (t->kind == TOKEN_END || t->kind == TOKEN_STRING || t->kind == TOKEN_END_PREDICATE)
		return token_spelling(t->kind);
	return arena_printf(p->arena, "'%.*s%s'", len, text, t->hi - t->lo > 40 ? ".." : "");
}

bool parse_expected(struct parser *p, const char *what)
{
	return parse_error(p, parse_span(p), "expected %s, got %s", what,
			   describe(p, parse_peek(p, 0)));
}

bool parse_enter(struct parser *p)
{
	if (p->depth < PARSE_MAX_DEPTH) {
		p->depth++;
		return true;
	}
	parse_error(p, parse_span(p), "nested more than %d levels deep", PARSE_MAX_DEPTH);
	give_up(p);
	return false;
}

void parse_leave(struct parser *p)
{
	p->depth--;
}

/* ---- recovery ---- */

static bool starts_statement(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_VARIABLE:
	case TOKEN_MAP:
	case TOKEN_IDENT:
	case TOKEN_IF:
	case TOKEN_FOR:
	case TOKEN_WHILE:
	case TOKEN_UNROLL:
	case TOKEN_LET:
	case TOKEN_RETURN:
	case TOKEN_BREAK:
	case TOKEN_CONTINUE: return true;
	default: return false;
	}
}

/* +1 or -1 for a token that opens or closes a parenthesis or bracket. */
static int paren_step(enum token_kind kind)
{
	if (kind == TOKEN_LPAREN || kind == TOKEN_LBRACKET)
		return 1;
	return kind == TOKEN_RPAREN || kind == TOKEN_RBRACKET ? -1 : 0;
}

/* Skips past ';', or to the '}' of the block around, or to what begins a statement on a line of
 * its own or behind a block, unless the parentheses that this statement opened are still open. */
void parse_sync_statement(struct parser *p, uint32_t start)
{
	unsigned braces = 0;
	int parens = 0;

	for (uint32_t i = start; i < p->pos; i++)
		parens += paren_step(p->tokens.v[i].kind);
	for (; parse_kind(p) != TOKEN_END; parse_next(p)) {
		const struct token *t = parse_peek(p, 0);

		if (t->kind == TOKEN_RBRACE && !braces)
			return;
		if (!braces && parens <= 0 && p->pos > start && t->newline &&
		    starts_statement(t->kind))
			return;
		if (t->kind == TOKEN_SEMICOLON && !braces) {
			parse_next(p);
			return;
		}
		braces += t->kind == TOKEN_LBRACE;
		braces -= t->kind == TOKEN_RBRACE;
		parens += paren_step(t->kind);
		/* behind the block of what was wrong */
		if (t->kind == TOKEN_RBRACE && !braces && parens <= 0 &&
		    starts_statement(t[1].kind)) {
			parse_next(p);
			return;
		}
	}
}

static bool starts_item(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_ATTACH_POINT:
	case TOKEN_CONFIG:
	case TOKEN_DIRECTIVE:
	case TOKEN_ENUM:
	case TOKEN_FN:
	case TOKEN_IDENT:
	case TOKEN_IMPORT:
	case TOKEN_LET:
	case TOKEN_MACRO:
	case TOKEN_STRUCT:
	case TOKEN_UNION: return true;
	default: return false;
	}
}

/* Skips past what ends an item of the program, ';' or '}', or to a line that begins one. */
void parse_sync_item(struct parser *p)
{
	unsigned braces = 0;

	for (; parse_kind(p) != TOKEN_END; parse_next(p)) {
		const struct token *t = parse_peek(p, 0);

		if (!braces && t->newline && starts_item(t->kind))
			return;
		braces += t->kind == TOKEN_LBRACE;
		if (t->kind == TOKEN_RBRACE && braces)
			braces--;
		if (!braces && (t->kind == TOKEN_SEMICOLON || t->kind == TOKEN_RBRACE)) {
			parse_next(p);
			return;
		}
	}
}

bool parse_sync_block(struct parser *p)
{
	for (;; parse_next(p)) {
		switch (parse_kind(p)) {
		case TOKEN_LBRACE: return true;
		case TOKEN_SEMICOLON:
			/* "for ($i = 0; $i < 5; $i++) {" is one header all the same */
			if (parse_peek(p, 1)->newline)
				return false;
			break;
		case TOKEN_RBRACE:
		case TOKEN_ATTACH_POINT:
		case TOKEN_END: return false;
		default: break;
		}
	}
}

/* What cannot begin a statement, so that a newline before it ends none. */
static bool continues(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_BAD:
	case TOKEN_ELSE:
	case TOKEN_RPAREN:
	case TOKEN_RBRACKET:
	case TOKEN_COMMA:
	case TOKEN_COLON:
	case TOKEN_QUESTION:
	case TOKEN_DOT:
	case TOKEN_DOTDOT:
	case TOKEN_ARROW: return true;
	default: return token_precedence(kind) || token_is_assignment(kind);
	}
}

bool parse_end_statement(struct parser *p)
{
	if (parse_accept(p, TOKEN_SEMICOLON) || parse_kind(p) == TOKEN_RBRACE ||
	    parse_kind(p) == TOKEN_END)
		return true;
	if (parse_peek(p, 0)->newline && !continues(parse_kind(p))) {
		struct span last = parse_last_span(p);

		parse_warning(p, (struct span){ last.hi - 1, last.hi }, "missing ';' after this");
		return true;
	}
	parse_expected(p, "';'");
	return false;
}

int lang_parse(struct arena *arena, const struct source *src, struct diags *diags,
	       struct tree **ret)
{
	unsigned errors = diags->errors;
	struct parser p = {
		.arena = arena,
		.src = src,
		.diags = diags,
		.tree = arena_new(arena, struct tree),
	};

	lex(arena, src, diags, &p.tokens);
	parse_program(&p);
	diags_sort(diags);
	*ret = p.tree;
	return diags->errors > errors ? -EINVAL : 0;
}
