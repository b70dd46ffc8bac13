/*
 * The parser: script text to syntax tree. Hand-written, recursive descent for statements,
 * precedence climbing for expressions. It never stops at the first error: after one it goes on
 * at the next statement, clause or closing brace. Depth is bounded, so no input can overflow
 * the C stack.
 */
#ifndef SKEP_LANG_PARSE_H
#define SKEP_LANG_PARSE_H

#include "lang/tree.h"

enum {
	PARSE_MAX_DEPTH = 200,   /* brackets and blocks inside each other */
	PARSE_MAX_HEIGHT = 1000, /* of the tree: "a + b + c ..", "else if" after "else if" */
};

/* lang_parse - the tree of @src in @arena. 0, or -EINVAL when @diags got an error (the tree then
 * holds what could be read). */
int lang_parse(struct arena *arena, const struct source *src, struct diags *diags,
	       struct tree **ret);

/* lang_dump_tokens - the token stream, a token a line, for `-d t`. */
void lang_dump_tokens(struct arena *arena, const struct source *src, struct buf *out);

#endif
