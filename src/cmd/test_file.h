/*
 * Test files: see docs/test-format.md. Read into an arena, checked line by line.
 */
#ifndef SKEP_CMD_TEST_FILE_H
#define SKEP_CMD_TEST_FILE_H

#include "base/diag.h"

struct test_line {
	const char *text;
	struct span span;
};

VEC_TYPE(struct test_line, test_lines);

struct test_case {
	struct test_line name, program, packet, context, result, packet_after, context_after, error,
		skip;
	struct test_lines before, after, trace;
};

struct test_file {
	struct test_line object, kind, program;
	struct test_lines maps;
	struct test_line code; /* of asm: */
	VEC(struct test_case) cases;
};

/* test_file_parse - 0 or -EINVAL with the reasons in @d; all in the arena of @d. */
int test_file_parse(struct test_file *file, const struct source *src, struct diags *d);

#endif
