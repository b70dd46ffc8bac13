/*
 * The lexer: script text to tokens, all at once.
 *
 * What a character means depends on where it stands: outside braces a word begins an attach point,
 * in which '/', ':' and '*' are ordinary characters; after one, a '/' opens a predicate, and the
 * '/' before a '{' closes it. The lexer follows braces to know, so that the parser sees one plain
 * list of tokens and may look ahead as far as it likes.
 */
#ifndef SKEP_LANG_LEX_H
#define SKEP_LANG_LEX_H

#include "base/arena.h"
#include "base/diag.h"
#include "lang/token.h"

enum {
	LEX_MAX_BYTES = 4 << 20,
	LEX_MAX_TOKENS = 250000, /* a longer script is refused */
	LEX_MAX_ERRORS = 50,     /* after so many the rest is not looked at */
};

struct token {
	uint8_t kind;    /* enum token_kind */
	bool newline;    /* a newline stands before it */
	uint32_t lo, hi; /* offsets in the source text */
};

VEC_TYPE(struct token, token_list);

/* lex - appends the tokens of @src, the last one TOKEN_END, to @out. What cannot be read goes to
 * @diags and becomes TOKEN_BAD or nothing. */
void lex(struct arena *arena, const struct source *src, struct diags *diags,
	 struct token_list *out);

struct span token_span(const struct source *src, const struct token *t);

/* lex_integer - the value of an INTEGER token. False when it was reported as wrong. */
bool lex_integer(const struct source *src, const struct token *t, struct diags *diags,
		 uint64_t *ret);

/* lex_string - the contents of a STRING token with its escapes undone, in @arena. */
char *lex_string(struct arena *arena, const struct source *src, const struct token *t,
		 struct diags *diags, uint32_t *ret_len);

#endif
