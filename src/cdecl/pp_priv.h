/* Inside the preprocessor: what its files share. See pp.h. */
#ifndef SKEP_CDECL_PP_PRIV_H
#define SKEP_CDECL_PP_PRIV_H

#include <string.h>

#include "cdecl/pp.h"

/* Text being cut into tokens. */
struct pp_cursor {
	const char *text;
	uint32_t pos, end;
	uint32_t base;     /* position of text[0]; 0: the text is in no source */
	bool line_start;   /* only space since the last newline */
	bool in_directive; /* a newline is a token */
	bool quiet;        /* in a group that is skipped: names are not kept, nothing is reported */
};

/* A header as found, kept so that it is read once. */
struct pp_header {
	const char *path;
	const struct source *src;
	int dir; /* index of the search path's entry; -1: found beside the including file */
	bool is_system, once;
	struct span included_at; /* last */
};

/* An #if that is open. */
struct pp_cond {
	struct span span;
	bool parent_skips, taken, seen_else;
};

VEC_TYPE(struct pp_cond, pp_cond_list);

/* A text that is being read. */
struct pp_file {
	struct pp_cursor cursor;
	const struct source *src;
	struct pp_header *header; /* NULL: the text itself */
	struct pp_cond_list conds;
	const char *shown_name; /* #line */
	int64_t line_shift;
};

struct pp_input {
	struct pp_input *below;
	struct pp_file *file; /* NULL: tokens */
	const struct pp_token *v;
	uint32_t n, i;
	bool isolated; /* after the tokens comes PP_END, not what is below */
};

struct pp_hide {
	const struct pp_macro *macro;
	const struct pp_hide *next;
	uint32_t n; /* this and those behind it */
};

struct pp {
	struct arena *arena;
	struct sources *sources;
	struct diags *diags;
	const struct pp_options *opt;
	struct pp_input *top, *spare;
	uint32_t include_depth, call_depth;
	struct table names;   /* struct pp_name */
	struct table headers; /* struct pp_header, by path */
	struct table pushed;  /* #pragma push_macro: struct pp_pushed */
	VEC(struct pp_header *) header_list;
	size_t memory_left, bytes_left;
	uint32_t errors;
	uint32_t counter;                /* __COUNTER__ */
	const struct source *predefined; /* the predefined macros' text */
	char *read_buffer;
	size_t read_room;
	bool stopped;
	/* names that the preprocessor itself looks for */
	const struct pp_name *va_args, *va_opt, *defined, *pragma;
	/* the last union of two sets */
	const struct pp_hide *union_a, *union_b, *union_ret;
};

enum pp_special {
	PP_SPECIAL_NONE,
	PP_SPECIAL_FILE,
	PP_SPECIAL_FILE_NAME,
	PP_SPECIAL_BASE_FILE,
	PP_SPECIAL_LINE,
	PP_SPECIAL_COUNTER,
	PP_SPECIAL_INCLUDE_LEVEL,
	PP_SPECIAL_DATE,
	PP_SPECIAL_TIME,
	PP_SPECIAL_TIMESTAMP,
	/* operators of #if, which are left as they stand */
	PP_SPECIAL_HAS_INCLUDE,
	PP_SPECIAL_HAS_INCLUDE_NEXT,
	PP_SPECIAL_HAS_ATTRIBUTE,
	PP_SPECIAL_HAS_C_ATTRIBUTE,
	PP_SPECIAL_HAS_BUILTIN,
};

/* ---- pp_lex.c ---- */

/* pp_lex - the next token of @c: of a directive up to PP_NEWLINE, else up to PP_END. */
void pp_lex(struct pp *pp, struct pp_cursor *c, struct pp_token *ret);
/* pp_lex_header_name - "<path>" as one PP_STRING when it follows on this line; else false. */
bool pp_lex_header_name(struct pp *pp, struct pp_cursor *c, struct pp_token *ret);
/* pp_lex_rest - what is left of the line as it is written, without comments. */
const char *pp_lex_rest(struct pp *pp, struct pp_cursor *c, uint32_t *ret_len);

/* ---- pp.c ---- */

/* pp_raw - the next token without expansion; directives are obeyed on the way. */
void pp_raw(struct pp *pp, struct pp_token *ret);
struct pp_file *pp_push_file(struct pp *pp, const struct source *src, struct span text);
void pp_pop_file(struct pp *pp);
/* pp_file - the text that is being read, beneath any tokens. */
struct pp_file *pp_file(const struct pp *pp);
/* pp_isolate - @n tokens are read next, then PP_END until pp_end_isolation(). */
void pp_isolate(struct pp *pp, const struct pp_token *v, uint32_t n);
void pp_end_isolation(struct pp *pp);
/* pp_stop - says why, once, and ends the stream. */
void pp_stop(struct pp *pp, const struct pp_token *t, const char *why);
/* pp_list_add - appends to a list on the preprocessor's account; false when stopped. */
bool pp_list_add(struct pp *pp, struct pp_token_list *list, const struct pp_token *t);

/* ---- pp_macro.c ---- */

void pp_define(struct pp *pp, struct pp_cursor *c);
void pp_undef(struct pp *pp, struct pp_cursor *c);
void pp_define_specials(struct pp *pp);
/* pp_special - the token that a special macro stands for, or false. */
bool pp_special(struct pp *pp, const struct pp_token *use, struct pp_token *ret);
/* pp_macro_name - the name after #define, #ifdef and the like. NULL after an error. */
struct pp_name *pp_macro_name(struct pp *pp, struct pp_cursor *c, struct pp_token *ret);
/* pp_pragma_macro - push_macro("x") and pop_macro("x"). */
void pp_pragma_macro(struct pp *pp, const struct pp_token *pragma);

/* ---- pp_expand.c, pp_subst.c ---- */

/* pp_expand - pushes the expansion of @use; false when it stays as it is. */
bool pp_expand(struct pp *pp, struct pp_token *use);
bool pp_hidden(const struct pp_hide *set, const struct pp_macro *macro);

struct pp_arg {
	struct pp_token_list raw, expanded;
	bool is_expanded;
	bool is_given; /* not left out, though it may be empty */
};

/* pp_substitute - the body of @m with @args in place, ## and # done, to @out. */
void pp_substitute(struct pp *pp, const struct pp_macro *m, struct pp_arg *args,
		   const struct pp_token *use, struct pp_token_list *out);
/* pp_made - a token of text that stands nowhere, at the place of @like. */
struct pp_token pp_made(const struct pp_token *like, enum pp_kind kind, const char *text,
			size_t len);
const struct pp_hide *pp_hide_meet(struct pp *pp, const struct pp_hide *a, const struct pp_hide *b);

/* ---- pp_directive.c, pp_if.c, pp_include.c ---- */

/* pp_directive - obeys the directive whose '#' was just read. */
void pp_directive(struct pp *pp, struct pp_file *f, const struct pp_token *hash);
/* pp_if - the value of the condition on the rest of the line. */
bool pp_if(struct pp *pp, struct pp_cursor *c, const struct pp_token *directive);
void pp_include(struct pp *pp, struct pp_file *f, const struct pp_token *directive);
/* pp_has_header - for __has_include. */
bool pp_has_header(struct pp *pp, const char *name, bool quoted, bool next);
/* pp_rest - the tokens up to the end of the line. */
void pp_rest(struct pp *pp, struct pp_cursor *c, struct pp_token_list *out);

#endif
