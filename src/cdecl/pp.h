/*
 * The C preprocessor: a text and the headers it includes become a stream of tokens in which
 * every macro is expanded and every directive obeyed.
 *
 *	pp_new (predefined macros, -D ..) ─► pp_push (a text) ─► pp_next until PP_END
 *
 * It behaves as gcc's does for GNU C17 on the target; what is missing: trigraphs, universal
 * character names, raw strings, #assert. Errors go to diags and the stream goes on after them.
 * Each header is a source of its own, so that a token's span says where it is spelled; `from`
 * says through which macros it came.
 *
 * Untrusted input is bounded: PP_MAX_MEMORY bytes of arena, PP_MAX_BYTES of text looked at.
 * Beyond a bound the stream ends with an error.
 */
#ifndef SKEP_CDECL_PP_H
#define SKEP_CDECL_PP_H

#include "base/diag.h"
#include "base/table.h"
#include "bpf/target.h"

enum {
	PP_MAX_MEMORY = 64 << 20,
	PP_MAX_BYTES = 64 << 20,
	PP_MAX_FILE = 4 << 20, /* bytes of one header */
	PP_MAX_INCLUDE_DEPTH = 200,
	PP_MAX_CALL_DEPTH = 200, /* macro calls in arguments of macro calls */
	PP_MAX_CHAIN = 1000,     /* macros whose expansion is another one */
	PP_MAX_ERRORS = 50,
};

enum pp_kind {
	PP_END,      /* nothing follows, however often asked */
	PP_FILE_END, /* inside the preprocessor only, as the next two */
	PP_NEWLINE,
	PP_NOTHING,
	PP_NAME, /* identifiers and keywords alike */
	PP_NUMBER,
	PP_CHAR,   /* 'x', with its prefix and quotes */
	PP_STRING, /* "x", likewise */
	PP_PRAGMA, /* one whole #pragma; the text is what follows that word */
	PP_OTHER,  /* a character that begins no token, or a quote that is not closed */
#define PUNCT(id, spelling, precedence) PP_##id,
#define DIGRAPH(id, spelling)
#include "cdecl/pp_punct.def"
#undef PUNCT
#undef DIGRAPH
	PP_KIND_COUNT
};

struct pp;
struct pp_macro;
struct pp_hide;

/* An identifier; there is one of each spelling, so that pointers may be compared. */
struct pp_name {
	const char *text;
	uint32_t len;
	uint8_t keyword; /* for whoever parses the tokens; 0 at first */
	const struct pp_macro *macro;
};

/* One use of a macro. */
struct pp_expansion {
	const struct pp_macro *macro;
	struct span at; /* the macro's name where it was used */
	const struct pp_expansion
		*outer; /* the use whose expansion holds `at`; NULL: a file does */
};

struct pp_token {
	uint8_t kind;         /* enum pp_kind */
	bool space : 1;       /* white space stands before it */
	bool newline : 1;     /* it is the first of its line */
	uint16_t param;       /* in a macro's body: index + 1 of the parameter that it is */
	uint32_t len;         /* of text */
	const char *text;     /* its spelling without line splices; not NUL-terminated */
	struct span span;     /* where that is written */
	struct pp_name *name; /* PP_NAME */
	const struct pp_expansion *from; /* NULL: it stands in a file */
	const struct pp_hide *hide;      /* macros that it must not expand to any more */
};

VEC_TYPE(struct pp_token, pp_token_list);

struct pp_macro {
	const struct pp_name *name;
	struct span span; /* its name in the #define; SPAN_NONE: predefined */
	uint8_t special;  /* pp_priv.h: made by code, such as __LINE__ */
	bool is_function, is_variadic;
	bool in_system;
	uint16_t nparams;
	struct pp_name *const *params;
	const struct pp_token *body;
	uint32_t nbody;
};

struct pp_options {
	enum arch arch;
	const char *const *include_dirs; /* -I, searched before the system's */
	uint32_t ninclude_dirs;
	const char *const *defines; /* -D: "NAME" or "NAME=VALUE" */
	uint32_t ndefines;
	bool no_files; /* only the headers that are part of skep can be included */
};

/* pp_new - a preprocessor that knows the predefined macros and those of @opt, which it keeps a
 * pointer to. Lives in the arena of @sources. */
struct pp *pp_new(struct sources *sources, struct diags *diags, const struct pp_options *opt);

/* pp_push - the text between positions @text (of a source) is read next. */
void pp_push(struct pp *pp, const struct source *src, struct span text);
/* pp_push_header - the header @path is read next, as though `#include "path"` stood at @at. */
void pp_push_header(struct pp *pp, const char *path, struct span at);
/* pp_push_tokens - @n tokens are read next; they must live as long as the preprocessor. */
void pp_push_tokens(struct pp *pp, const struct pp_token *tokens, uint32_t n);

/* pp_next - the next token after expansion. */
void pp_next(struct pp *pp, struct pp_token *ret);

/* pp_expand_list - all of @n tokens expanded, as if they stood alone. */
void pp_expand_list(struct pp *pp, const struct pp_token *v, uint32_t n, struct pp_token_list *out);

/* pp_name - the identifier spelled so, made when new. */
struct pp_name *pp_name(struct pp *pp, const char *text, size_t len);
/* pp_names - all identifiers, by their text. */
const struct table *pp_names(const struct pp *pp);

/* pp_is_predefined - whether @m came with the preprocessor, not from a text or an option. */
bool pp_is_predefined(const struct pp *pp, const struct pp_macro *m);

/* pp_place - where people should look for @t: its own place, or that of the outermost macro use. */
struct span pp_place(const struct pp_token *t);
/* pp_where - "file:line:column" of a position, in the arena; NULL for none. */
const char *pp_where(struct pp *pp, struct span at);

/* pp_error, pp_warning - about @t; the macros and headers it came through are added as hints.
 * pp_error returns false when this message was not added (said already, or too many). */
bool pp_error(struct pp *pp, const struct pp_token *t, const char *fmt, ...) PRINTF_LIKE(3, 4);
void pp_warning(struct pp *pp, const struct pp_token *t, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* pp_diags - where errors go, for hints to the newest. */
struct diags *pp_diags(struct pp *pp);
/* pp_in_system - whether @t is written in one of the system's headers. */
bool pp_in_system(const struct pp *pp, const struct pp_token *t);

/* pp_charge - @bytes of the bound on memory are used up by what is made of the tokens. False, and
 * the stream ends, when there are no more. */
bool pp_charge(struct pp *pp, size_t bytes);
bool pp_stopped(const struct pp *pp);

/* pp_punct - the spelling of a punctuation kind; pp_precedence - see pp_punct.def. */
const char *pp_punct(enum pp_kind kind);
unsigned pp_precedence(enum pp_kind kind);

/* pp_is - whether @t is spelled @text. */
bool pp_is(const struct pp_token *t, const char *text);

/* pp_freestanding - the @i-th header that is part of skep and its text; NULL after the last. */
const char *pp_freestanding(uint32_t i, const char **ret_text);

/* pp_predefined - "#define" lines of what gcc predefines on @arch, in @arena. */
char *pp_predefined(struct arena *arena, enum arch arch);

#endif
