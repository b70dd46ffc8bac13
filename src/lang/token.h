/* Kinds of tokens and what token.def says of them. Used by the lexer, the parser, and all who
 * read the operator of a tree node. */
#ifndef SKEP_LANG_TOKEN_H
#define SKEP_LANG_TOKEN_H

#include "base/base.h"

enum token_kind {
#define TOKEN(id, spelling) TOKEN_##id,
#include "lang/token.def"
	TOKEN_KIND_COUNT
};

/* token_spelling - "+=" for TOKEN_PLUS_ASSIGN, "if" for TOKEN_IF; a description for the others. */
const char *token_spelling(enum token_kind kind);

/* token_name - "PLUS_ASSIGN", as dumps show it. */
const char *token_name(enum token_kind kind);

/* token_is_word - whether @kind is a reserved word. */
bool token_is_word(enum token_kind kind);

/* token_is_fixed - whether all tokens of this kind are spelled alike. */
bool token_is_fixed(enum token_kind kind);

/* token_precedence - how strongly a binary operator binds: 1 (||) to 10 (*); 0: not one. */
unsigned token_precedence(enum token_kind kind);

/* token_is_assignment - whether @kind is = or a compound assignment. */
bool token_is_assignment(enum token_kind kind);

/* token_binary - the operator that an assignment applies: TOKEN_PLUS for TOKEN_PLUS_ASSIGN,
 * TOKEN_ASSIGN for TOKEN_ASSIGN. */
enum token_kind token_binary(enum token_kind assignment);

/* token_word, token_punct - the reserved word that is all of @s; the longest punctuation that
 * @s begins with, its length in *ret_len. TOKEN_END: none. */
enum token_kind token_word(const char *s, size_t len);
enum token_kind token_punct(const char *s, size_t len, size_t *ret_len);

#endif
