/* Comparing with the machine's compilers: texts in a folder of their own, commands over them.
 * Included by tests/unit/cdecl_gcc_*.c; without the compiler the tests are skipped. */
#ifndef TESTS_CDECL_GCC_H
#define TESTS_CDECL_GCC_H

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include "cdecl_testing.h"

static inline bool can_run(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "%s >/dev/null 2>&1", command);
	return system(line) == 0;
}

/* A new folder under the system's one for such things. */
static inline char *new_folder(char *path)
{
	strcpy(path, "/tmp/skep-cdecl-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static inline void remove_folder(const char *path)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf %s", path);
	assert_int_equal(system(line), 0);
}

static inline void write_file(const char *folder, const char *name, const struct buf *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text->data ? text->data : "", 1, text->len, f), text->len);
	assert_int_equal(fclose(f), 0);
}

static inline void read_back(const char *folder, const char *name, struct buf *out)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	buf_clear(out);
	assert_int_equal(buf_read_file(out, AT_FDCWD, path, 64 << 20), 0);
}

/* The exit status of @command, with %s for @folder. */
static inline int run_in(const char *folder, const char *command)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "cd %s && %s", folder, command);

	assert_true(n > 0 && (size_t)n < sizeof(line));
	return system(line);
}

/* Members that have an address. A bit-field that fills whole bytes has none for the compiler; such
 * are called "bits.." in the tests. */
static inline void assert_members(struct buf *out, const char *of, const char *what,
				  const struct type *t, uint32_t base)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		if (m->name && strncmp(m->name, "bits", 4) && !m->bit_size)
			buf_printf(out,
				   "_Static_assert(__builtin_offsetof(%s, %s) == %u, \"skep: %s: "
				   "offset of %s.%s\");\n",
				   of, m->name, base + m->offset, what, of, m->name);
		else if (!m->name)
			assert_members(out, of, what, m->type, base + m->offset);
	}
}

/* What the compiler must agree to about the type spelled @of. */
static inline void assert_type(struct buf *out, const char *of, const char *what,
			       const struct type *t)
{
	if (t->kind == TYPE_VOID || t->kind == TYPE_FUNC)
		return;
	buf_printf(out, "_Static_assert(sizeof(%s) == %u, \"skep: %s: size of %s\");\n", of,
		   t->size, what, of);
	buf_printf(out, "_Static_assert(_Alignof(%s) == %u, \"skep: %s: alignment of %s\");\n", of,
		   t->align, what, of);
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION)
		assert_members(out, of, what, t, 0);
}

/* All types but those of enums without a name. */
static inline void assert_all_types(struct buf *out, struct reading *r, const char *what)
{
	uint32_t n;
	const char **keys = sorted_keys(r, &r->types.named, &n);

	for (uint32_t i = 0; i < n; i++)
		if (!strchr(keys[i], '#'))
			assert_type(out, keys[i], what, table_get(&r->types.named, keys[i]));
}

#endif
