/*
 * What tests of out/ and run/ share: types, an environment with known symbols and stacks, and a
 * small reader that says whether text is JSON.
 *
 * symbols_kernel() and symbols_user() are defined here, so that tests know every name: addresses
 * 0x1000 to 0x1fff are kernel_fn, 0x2000 to 0x2fff user_fn of /bin/prog; others have no name.
 */
#ifndef SKEP_TESTS_OUT_TESTING_H
#define SKEP_TESTS_OUT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "out/out.h"
#include "sym/sym.h"

struct symbol symbols_kernel(struct symbols *s, uint64_t address)
{
	(void)s;
	if (address >> 12 != 1)
		return (struct symbol){ 0 };
	return (struct symbol){ "kernel_fn", address & 0xfff, NULL };
}

struct symbol symbols_user(struct symbols *s, uint32_t pid, uint64_t address)
{
	(void)s;
	(void)pid;
	if (address >> 12 != 2)
		return (struct symbol){ 0 };
	return (struct symbol){ "user_fn", address & 0xfff, "/bin/prog" };
}

/* Processes that were looked at, one after the other. */
static struct buf seen;

void symbols_see(struct symbols *s, uint32_t pid)
{
	(void)s;
	buf_printf(&seen, "%u ", pid);
}

static struct arena arena;
static jmp_buf no_memory;
static struct types types;
static struct settings settings;
static struct image *image;
static struct out_env env;

/* Stack 7 has three frames, 9 has as many as were asked for. */
static int testing_stack(void *ctx, uint64_t id, uint64_t *frames, uint32_t max)
{
	static const uint64_t seven[] = { 0x1005, 0x2010, 0xdead0000 };

	(void)ctx;
	if (id == 9) {
		for (uint32_t i = 0; i < max; i++)
			frames[i] = 0x1000;
		return max;
	}
	if (id != 7)
		return -1;
	memcpy(frames, seven, sizeof(seven));
	return MIN(max, (uint32_t)ARRAY_LEN(seven));
}

static inline int testing_setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	arena_init(&arena, &no_memory);
	types_init(&types, &arena);
	settings_default(&settings);
	image = image_new(&arena, NULL);
	env = (struct out_env){ .image = image,
				.settings = &settings,
				.boot_ns = 1700000000000000000,
				.stack = testing_stack };
	return 0;
}

static inline int testing_teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	buf_done(&seen);
	return 0;
}

static inline const struct type *testing_tuple(const struct type *a, const struct type *b)
{
	return type_tuple(&types, (const struct type *const[]){ a, b }, b ? 2 : 1);
}

/* ---- JSON ---- */

static inline const char *json_skip(const char *p);

static inline const char *json_skip_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p == '\\') {
			p++;
			if (*p == 'u') {
				if (strspn(p + 1, "0123456789abcdef") < 4)
					return NULL;
				p += 4;
			} else if (!*p || !strchr("\"\\/bfnrt", *p)) {
				return NULL;
			}
		}
	}
	return p + 1;
}

static inline const char *json_blank(const char *p)
{
	return p + strspn(p, " ");
}

static inline const char *json_skip_list(const char *p, char close)
{
	p = json_blank(p + 1);
	if (*p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			p = json_skip_string(p);
			if (!p || *p != ':')
				return NULL;
			p = json_blank(p + 1);
		}
		p = json_skip(p);
		if (!p)
			return NULL;
		p = json_blank(p);
		if (*p == close)
			return p + 1;
		if (*p != ',')
			return NULL;
		p = json_blank(p + 1);
	}
}

/* The end of the JSON value at @p, or NULL when it is none. */
static inline const char *json_skip(const char *p)
{
	size_t n;

	if (*p == '"')
		return json_skip_string(p);
	if (*p == '{')
		return json_skip_list(p, '}');
	if (*p == '[')
		return json_skip_list(p, ']');
	if (strncmp(p, "true", 4) == 0 || strncmp(p, "null", 4) == 0)
		return p + 4;
	if (strncmp(p, "false", 5) == 0)
		return p + 5;
	p += *p == '-';
	n = strspn(p, "0123456789");
	if (n == 0 || (n > 1 && *p == '0'))
		return NULL;
	p += n;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (*p == 'e')
		p += 2 + strspn(p + 2, "0123456789");
	return p;
}

static inline void assert_json(const char *text)
{
	const char *end = json_skip(text);

	if (!end || *end)
		fail_msg("no JSON: %s", text);
}

/* ---- what a value prints as ---- */

/* The text lives until the next call. */
static inline const char *shown(const struct type *t, const void *data, size_t bytes)
{
	static struct buf out;

	buf_done(&out);
	out_value(&out, &env, t, data, bytes);
	assert_int_equal(out.err, 0);
	if (env.format == OUT_JSON)
		assert_json(out.data);
	return out.data ? out.data : "";
}

#define assert_shown(type, data, expected) \
	assert_string_equal(shown((type), (data), sizeof(*(data))), expected)

#endif
