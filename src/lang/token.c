/* What token.def says, as functions. See token.h. Needs nothing; called by lexer, parser, dumps. */
#include "lang/token.h"

#include <string.h>

enum { OTHER, IS_WORD, IS_PUNCT, IS_BINARY, IS_ASSIGN };

static const struct row {
	const char *name, *spelling;
	uint8_t class, length;
	uint8_t more; /* BINARY: precedence; ASSIGN: the operator applied */
} rows[] = {
#define ROW(id, s, c, m) [TOKEN_##id] = { #id, s, c, sizeof(s) - 1, m },
#define TOKEN(id, s) ROW(id, s, OTHER, 0)
#define WORD(id, s) ROW(id, s, IS_WORD, 0)
#define PUNCT(id, s) ROW(id, s, IS_PUNCT, 0)
#define BINARY(id, s, precedence) ROW(id, s, IS_BINARY, precedence)
#define ASSIGN(id, s, binary) ROW(id, s, IS_ASSIGN, TOKEN_##binary)
#include "lang/token.def"
};

_Static_assert(TOKEN_KIND_COUNT < 256, "a token kind fits a byte");

const char *token_spelling(enum token_kind kind)
{
	return rows[kind].spelling;
}

const char *token_name(enum token_kind kind)
{
	return rows[kind].name;
}

bool token_is_word(enum token_kind kind)
{
	return rows[kind].class == IS_WORD;
}

bool token_is_fixed(enum token_kind kind)
{
	return rows[kind].class != OTHER;
}

unsigned token_precedence(enum token_kind kind)
{
	return rows[kind].class == IS_BINARY ? rows[kind].more : 0;
}

bool token_is_assignment(enum token_kind kind)
{
	return rows[kind].class == IS_ASSIGN;
}

enum token_kind token_binary(enum token_kind assignment)
{
	return rows[assignment].more;
}

enum token_kind token_word(const char *s, size_t len)
{
	for (unsigned i = 0; i < TOKEN_KIND_COUNT; i++)
		if (rows[i].class == IS_WORD && rows[i].length == len &&
		    memcmp(rows[i].spelling, s, len) == 0)
			return i;
	return TOKEN_END;
}

enum token_kind token_punct(const char *s, size_t len, size_t *ret_len)
{
	enum token_kind best = TOKEN_END;
	size_t best_len = 0;

	for (unsigned i = 0; i < TOKEN_KIND_COUNT; i++) {
		const struct row *r = &rows[i];

		if (r->class < IS_PUNCT || r->length <= best_len || r->length > len)
			continue;
		if (memcmp(r->spelling, s, r->length) == 0) {
			best = i;
			best_len = r->length;
		}
	}
	*ret_len = best_len;
	return best;
}
