/*
 * Tracepoint formats: the text files events/SUBSYSTEM/EVENT/format under tracefs, read into a
 * struct type whose offsets are those of the record that a tracepoint program gets.
 */
#ifndef SKEP_TYPES_FORMAT_H
#define SKEP_TYPES_FORMAT_H

#include "types/type.h"

struct format {
	uint32_t id;               /* the number perf_event_open takes */
	const struct type *record; /* TYPE_STRUCT; common_* fields are left out; size covers all */
};

/* format_parse - reads @text. Field types: integers by size and signedness; char[N] an ARRAY of
 * int8; __data_loc and __rel_loc members flagged, their type an ARRAY of the element with count
 * 0; pointers keep their target type by name (resolved through @types when it can be) and are
 * SPACE_USER in system-call records, SPACE_KERNEL elsewhere. 0 or -EINVAL with *ret_why. */
int format_parse(struct types *types, const char *text, bool is_syscall, struct format *ret,
		 const char **ret_why);

#endif
