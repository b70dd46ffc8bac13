/*
 * Goldens: a folder of inputs with, beside each, files that say what is expected of it. The
 * extension of such a file says what is compared. Included by each tests/unit/ROOM_golden.c.
 * BLESS=1 in the environment rewrites the files; the diff is for review.
 */
#ifndef SKEP_TESTS_GOLDEN_H
#define SKEP_TESTS_GOLDEN_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

struct golden {
	const char *folder;    /* "tests/golden/lang" */
	const char *extension; /* of the inputs: ".bt" */
	unsigned inputs, wrong;
};

struct golden_path {
	char text[512];
};

/* The file beside input @name that has @extension instead. */
static inline struct golden_path golden_beside(const struct golden *g, const char *name,
					       const char *extension)
{
	int stem = (int)(strlen(name) - strlen(g->extension));
	struct golden_path p;

	snprintf(p.text, sizeof(p.text), "%s/%.*s%s", g->folder, stem, name, extension);
	return p;
}

static inline bool golden_exists(const struct golden *g, const char *name, const char *extension)
{
	return access(golden_beside(g, name, extension).text, F_OK) == 0;
}

static inline void golden_bless(const char *path, const struct buf *got)
{
	FILE *f;

	if (!got->len) {
		unlink(path);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(got->data, 1, got->len, f), got->len);
	assert_int_equal(fclose(f), 0);
}

static inline void golden_compare(struct golden *g, const char *path, const struct buf *got)
{
	struct buf want = { 0 };

	if (access(path, R_OK) == 0)
		assert_int_equal(buf_read_file(&want, AT_FDCWD, path, 1 << 24), 0);
	if (want.len != got->len || (got->len && memcmp(want.data, got->data, got->len) != 0)) {
		print_error("%s: expected\n%s---- but got\n%s----\n", path,
			    want.len ? want.data : "", got->len ? got->data : "");
		g->wrong++;
	}
	buf_done(&want);
}

/* Compares (or blesses) what was got for input @name; no text and no file are the same. */
static inline void golden_settle(struct golden *g, const char *name, const char *extension,
				 const struct buf *got)
{
	struct golden_path path = golden_beside(g, name, extension);

	if (getenv("BLESS"))
		golden_bless(path.text, got);
	else
		golden_compare(g, path.text, got);
}

/* The text of input @name, appended to @out. */
static inline void golden_read(const struct golden *g, const char *name, struct buf *out)
{
	struct golden_path path = golden_beside(g, name, g->extension);

	assert_int_equal(buf_read_file(out, AT_FDCWD, path.text, 1 << 24), 0);
	buf_puts(out, "");
}

/* Calls @one for each input of the folder, by name; fails if there are less than @least of them,
 * or if any file differed. */
static inline void golden_walk(struct golden *g, unsigned least,
			       void (*one)(struct golden *g, const char *name))
{
	size_t tail = strlen(g->extension);
	struct dirent **names;
	int n = scandir(g->folder, &names, NULL, alphasort);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name);

		if (len > tail && streq(names[i]->d_name + len - tail, g->extension)) {
			one(g, names[i]->d_name);
			g->inputs++;
		}
		free(names[i]);
	}
	free(names);
	assert_true(g->inputs >= least);
	assert_int_equal(g->wrong, 0);
}

#endif
