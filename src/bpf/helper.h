/*
 * The kernel's helper functions as data: the rows of helper.def.
 */
#ifndef SKEP_BPF_HELPER_H
#define SKEP_BPF_HELPER_H

#include "base/base.h"

enum { HELPER_COUNT = 212 }; /* ids 1 to 211; 0 is none */

struct helper {
	const char *name;  /* without "bpf_" */
	const char *proto; /* return kind, ':', one kind an argument; legend in helper.def */
	uint32_t since;    /* KERNEL(major, minor) */
	bool gpl_only;     /* only for programs whose licence is compatible with the GPL */
};

/* helper_by_id - NULL when no helper has @id. */
const struct helper *helper_by_id(int64_t id);

/* helper_find - the id of the helper called @name (@len bytes, with or without "bpf_"); 0 when
 * there is none. */
int helper_find(const char *name, size_t len);

#endif
