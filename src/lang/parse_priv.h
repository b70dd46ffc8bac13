/*
 * What the files of the parser share. See parse.h.
 *
 *	parse.c             the cursor, errors, recovery, lang_parse()
 *	parse_program.c     clauses, attach points, config, map declarations
 *	parse_statement.c   statements and blocks
 *	parse_expression.c  operators, literals, calls, tuples
 *	parse_type.c        types, and telling a cast from a parenthesis
 *
 * A function that reads something returns its node, or NULL after it reported an error; then the
 * caller returns NULL too, up to the statement, which skips to where the next one begins.
 */
#ifndef SKEP_LANG_PARSE_PRIV_H
#define SKEP_LANG_PARSE_PRIV_H

#include "base/table.h"
#include "lang/lex.h"
#include "lang/parse.h"

struct parser {
	struct arena *arena;
	const struct source *src;
	struct diags *diags;
	struct token_list tokens;
	uint32_t pos;
	struct table names; /* every name once */
	unsigned depth;
	unsigned errors, warnings;
	uint32_t last_error;  /* token of the newest error: one error a token is enough */
	bool given_up;        /* too deep or too many errors: silence from here */
	bool may_assign;      /* the expression read is a statement: '=' may follow */
	bool open_expression; /* the last statement was an expression without ';' */
	bool seen_clause;
	uint32_t condition; /* token that a condition begins with: its '(' opens no cast */
	struct tree *tree;
};

/* the cursor */
const struct token *parse_peek(const struct parser *p, unsigned ahead);
enum token_kind parse_kind(const struct parser *p);
struct span parse_span(const struct parser *p);      /* of the next token */
struct span parse_last_span(const struct parser *p); /* of the token read last */
void parse_next(struct parser *p);
bool parse_accept(struct parser *p, enum token_kind kind);
/* parse_expect - reads @kind, or reports that it is missing. */
bool parse_expect(struct parser *p, enum token_kind kind);
const char *parse_name(struct parser *p, const struct token *t);
bool parse_token_is(const struct parser *p, const struct token *t, const char *text);

/* nodes */
struct node *parse_node(struct parser *p, enum node_kind kind);
/* parse_add - node_add() with the bound on the tree's height. */
void parse_add(struct parser *p, struct node *parent, struct node *kid);
/* parse_ends - stretches @n to the token read last. Returns @n. */
struct node *parse_ends(struct parser *p, struct node *n);

/* errors: false when this one stays unsaid (a second one at the same token, or given up) */
bool parse_error(struct parser *p, struct span at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* parse_expected - "expected @what, got 'x'" at the next token. */
bool parse_expected(struct parser *p, const char *what);

void parse_warning(struct parser *p, struct span at, const char *text);
/* parse_count_literal - after reading a literal, which reports its own errors. */
void parse_count_literal(struct parser *p, unsigned errors_before);

/* parse_enter - one level deeper; false when that is too deep. Then there is no parse_leave. */
bool parse_enter(struct parser *p);
void parse_leave(struct parser *p);

/* recovery */
void parse_sync_statement(struct parser *p, uint32_t start);
void parse_sync_item(struct parser *p);
/* parse_sync_block - skips to the '{' of a header; false when there is none before ';' or '}'. */
bool parse_sync_block(struct parser *p);

/* parse_end_statement - reads ';', or warns where a newline stands for it. */
bool parse_end_statement(struct parser *p);

void parse_program(struct parser *p);
struct node *parse_block(struct parser *p);
struct node *parse_if(struct parser *p);
/* parse_block_value - @block as a value: its last expression. NULL when it has none. */
struct node *parse_block_value(struct parser *p, struct node *block);
struct node *parse_if_value(struct parser *p, struct node *chain);
/* parse_expression - inside brackets, conditions and right of '='. */
struct node *parse_expression(struct parser *p);
/* parse_statement_expression - the same where an assignment may follow. */
struct node *parse_statement_expression(struct parser *p);
/* parse_arguments - "a, b)" into @into. */
bool parse_arguments(struct parser *p, struct node *into);
struct node *parse_literal(struct parser *p);
struct node *parse_type(struct parser *p);
/* parse_type_or_expression - for sizeof and its like. */
struct node *parse_type_or_expression(struct parser *p);
/* parse_is_cast - whether the '(' that comes next opens a cast. */
bool parse_is_cast(const struct parser *p);

#endif
