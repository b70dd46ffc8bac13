/*
 * Diagnostics: a list of what went wrong and where, for whoever called the library.
 *
 * Library code adds to the list and returns a negative errno; only cmd/ renders and prints.
 * Rendered form (the form that bpftrace users know, with a caret at the first byte):
 *
 *	opens.bt:3:5-14: ERROR: no tracepoint matches syscalls:sys_enter_opnat
 *	tracepoint:syscalls:sys_enter_opnat { ... }
 *	^~~~~~~~~~
 *	HINT: did you mean sys_enter_openat?
 */
#ifndef SKEP_BASE_DIAG_H
#define SKEP_BASE_DIAG_H

#include "base/buf.h"
#include "base/source.h"

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	struct diag *next;
	enum diag_level level;
	struct span span; /* SPAN_NONE: no place, the message stands alone */
	const char *text; /* one sentence, no newline, no full stop */
	VEC(const char *) hints;
};

struct diags {
	struct arena *arena;
	const struct sources *sources; /* may be NULL when no span is ever given */
	struct diag *first, **last;
	unsigned errors, warnings;
};

void diags_init(struct diags *d, struct arena *arena, const struct sources *sources);

/* diag_error, diag_warning - append a message. The same message at the same place is kept
 * once. diag_error returns -EINVAL so that a caller may `return diag_error(...)`. */
int diag_error(struct diags *d, struct span at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void diag_warning(struct diags *d, struct span at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* diag_hint - adds a "HINT:" line to the newest message. */
void diag_hint(struct diags *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* diag_hint_nearest - adds "did you mean X?" when one of the @n names is close to @word. */
void diag_hint_nearest(struct diags *d, const char *word, const char *const *names, size_t n);

/* diags_sort - by place, those without one first; what is at one place keeps its order. */
void diags_sort(struct diags *d);

/* diag_render - the message as above, to @out; ANSI colours when @color. */
void diag_render(struct buf *out, const struct diags *d, const struct diag *one, bool color);

/* nearest_name - the name closest to @word by edit distance (insert, delete, replace, swap
 * of neighbours), or NULL when none is within a third of its length. */
const char *nearest_name(const char *word, const char *const *names, size_t n);

#endif
