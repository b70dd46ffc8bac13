/* Which source lines the tests of a run reached. For `skep test`. */
#ifndef SKEP_CMD_COVERAGE_H
#define SKEP_CMD_COVERAGE_H

#include "base/buf.h"
#include "base/source.h"

struct coverage_line {
	const struct source *source;
	uint32_t line;
	uint64_t hits;
};

struct coverage {
	struct arena *arena;
	VEC(struct coverage_line) lines;
};

/* coverage_add - counts @hits more of the line at @place; 0: it could be reached. */
void coverage_add(struct coverage *c, const struct place *place, uint64_t hits);

/* coverage_write - as "text", "lcov" or "html"; -EINVAL: no such form. */
int coverage_write(struct coverage *c, const char *form, struct buf *out);

/* put_escaped - text for HTML and XML. */
void put_escaped(struct buf *out, const char *text, size_t len);

#endif
