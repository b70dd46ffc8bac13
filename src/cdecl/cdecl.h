/*
 * C in scripts: the C part of a script and the headers it includes, read with no compiler.
 *
 *	c = cdecl_new(types, sources, diags, &options)
 *	text = cdecl_extent(c, src)      where the script's C part is
 *	cdecl_parse(c, src, text)        its types are now in types->named
 *	cdecl_constant(c, "MAX_PATH")    what a name of the script stands for
 *
 * Structs, unions, enums and typedefs are registered in `struct types`, where they win over the
 * kernel's. Errors go to diags, each with its place; memory and time are bounded (pp.h). What is
 * made lives in the arenas of @types and @sources, which must be the same. Each header that is read
 * becomes a source, as do the predefined macros: whoever keeps sources longer than the compilation
 * may leave out those that come after the script's.
 */
#ifndef SKEP_CDECL_CDECL_H
#define SKEP_CDECL_CDECL_H

#include "base/diag.h"
#include "bpf/target.h"
#include "types/type.h"

struct cdecl_options {
	enum arch arch;
	const char *const *include_dirs; /* -I */
	uint32_t ninclude_dirs;
	const char *const *defines; /* "NAME" or "NAME=VALUE", such as "BPFTRACE_HAVE_BTF" */
	uint32_t ndefines;
	bool no_files; /* no header may be read but those that are part of skep */
	/* Called once before the kernel's types are asked for, so that their owner may open them;
	 * NULL: types->btf is what there is. */
	void (*want_kernel)(void *ctx);
	void *ctx;
};

struct cdecl;

/* cdecl_new - nothing read yet. @opt and what it points to must stay. */
struct cdecl *cdecl_new(struct types *types, struct sources *sources, struct diags *diags,
			const struct cdecl_options *opt);

/* cdecl_extent - the C part of the script @src: directives and definitions from the beginning (a
 * first line "#!..." left out) up to the first thing that is neither. Empty when there is none. */
struct span cdecl_extent(struct cdecl *c, const struct source *src);

/* cdecl_parse - reads @text, which lies in @src. May be called again: what was read before is
 * known. 0, or -EINVAL when errors were added to the diags. */
int cdecl_parse(struct cdecl *c, const struct source *src, struct span text);

/* cdecl_header - the same for the file @path, as if it were included at @at (SPAN_NONE: by an
 * option). */
int cdecl_header(struct cdecl *c, const char *path, struct span at);

enum cdecl_kind {
	CDECL_INTEGER, /* an enumerator, or a macro that is a constant expression */
	CDECL_STRING,  /* a macro that is a string literal */
	CDECL_TEXT,    /* any other macro without parameters, for the language to read */
};

/*
 * `type` is an integer's C type; for an enumerator, type_enum_value() has its enum. `text` is a
 * string's bytes, or the macro's tokens: expanded already, not to be expanded again, and empty for
 * a macro that stands for nothing.
 */
struct cdecl_constant {
	enum cdecl_kind kind;
	int64_t value;           /* INTEGER */
	const struct type *type; /* INTEGER */
	const char *text;
	uint32_t length;  /* of text */
	struct span span; /* where it is defined */
};

/* cdecl_constant - what the enumerator or object-like macro @name stands for; NULL when there is
 * none. Macros that come with the preprocessor (linux, __x86_64__ ...) are none. */
const struct cdecl_constant *cdecl_constant(struct cdecl *c, const char *name);

/* cdecl_constants - the names of the macros that a text or an option defined, for hints and lists;
 * *ret_n gets their number. */
const char *const *cdecl_constants(struct cdecl *c, uint32_t *ret_n);

#endif
