/* Reads test files: see test_file.h. Needs: nothing. Called by test.c. */
#include "cmd/test_file.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct test_file *file;
	struct test_case *one; /* the case in hand; NULL: the head of the file */
	const struct source *src;
	struct diags *d;
	uint32_t line;
};

enum scope { HEAD, CASE };

/* A keyword: where its text goes. Without `many` it may be given once. */
static const struct keyword {
	const char *name;
	enum scope scope;
	bool many;
	size_t field;
} keywords[] = {
	{ "object", HEAD, false, offsetof(struct test_file, object) },
	{ "kind", HEAD, false, offsetof(struct test_file, kind) },
	{ "program", HEAD, false, offsetof(struct test_file, program) },
	{ "map", HEAD, true, offsetof(struct test_file, maps) },
	{ "asm", HEAD, false, offsetof(struct test_file, code) },
	{ "program", CASE, false, offsetof(struct test_case, program) },
	{ "packet", CASE, false, offsetof(struct test_case, packet) },
	{ "context", CASE, false, offsetof(struct test_case, context) },
	{ "before", CASE, true, offsetof(struct test_case, before) },
	{ "result", CASE, false, offsetof(struct test_case, result) },
	{ "packet-after", CASE, false, offsetof(struct test_case, packet_after) },
	{ "context-after", CASE, false, offsetof(struct test_case, context_after) },
	{ "after", CASE, true, offsetof(struct test_case, after) },
	{ "trace", CASE, true, offsetof(struct test_case, trace) },
	{ "error", CASE, false, offsetof(struct test_case, error) },
	{ "skip", CASE, false, offsetof(struct test_case, skip) },
};

static const char *line_text(const struct reader *r, uint32_t line, uint32_t *ret_len)
{
	return source_line(r->src, line, ret_len);
}

static bool is_indented(const char *text, uint32_t len)
{
	return len && (*text == ' ' || *text == '\t');
}

static struct span span_at(const struct reader *r, const char *text, size_t len)
{
	uint32_t lo = r->src->base + (uint32_t)(text - r->src->text);

	return (struct span){ lo, lo + (uint32_t)len };
}

/* Whether a line begins something new. Labels of assembler text stand at the margin, too: there
 * only a keyword does. */
static bool ends_value(const char *text, uint32_t len, bool block)
{
	const char *colon = memchr(text, ':', len);

	if (is_indented(text, len))
		return false;
	if (!block)
		return true;
	if (!colon)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		size_t n = strlen(keywords[i].name);

		if (n == (size_t)(colon - text) && memcmp(keywords[i].name, text, n) == 0)
			return true;
	}
	return colon - text == 4 && memcmp(text, "case", 4) == 0;
}

/* The value after the colon, and the lines that go on with it. */
static struct test_line read_value(struct reader *r, const char *text, uint32_t len, bool block)
{
	struct arena *arena = r->d->arena;
	const char *value;
	uint32_t next;

	while (len && (*text == ' ' || *text == '\t'))
		text++, len--;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
		len--;
	struct test_line line = { arena_strndup(arena, text, len), span_at(r, text, len) };
	while (r->line < r->src->lines.n) {
		value = line_text(r, r->line + 1, &next);
		if (ends_value(value, next, block))
			break;
		line.text = arena_printf(arena, "%s\n%.*s", line.text, (int)next, value);
		r->line++;
	}
	return line;
}

static void start_case(struct reader *r, struct test_line name)
{
	vec_push(r->d->arena, &r->file->cases, (struct test_case){ .name = name });
	r->one = &r->file->cases.v[r->file->cases.n - 1];
}

static void store(struct reader *r, const struct keyword *k, struct test_line line)
{
	char *base = k->scope == HEAD ? (char *)r->file : (char *)r->one;

	if (k->many) {
		struct test_lines *lines = (struct test_lines *)(void *)(base + k->field);

		vec_push(r->d->arena, lines, line);
		return;
	}
	struct test_line *to = (struct test_line *)(void *)(base + k->field);
	if (to->text)
		diag_error(r->d, line.span, "'%s' is given twice", k->name);
	*to = line;
}

static void unknown(struct reader *r, struct span span, const char *name)
{
	const char *names[ARRAY_LEN(keywords) + 1];
	enum scope scope = r->one ? CASE : HEAD;
	size_t n = 0;

	names[n++] = "case";
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (keywords[i].scope == scope)
			names[n++] = keywords[i].name;
	diag_error(r->d, span, "there is no '%s' %s", name,
		   r->one ? "in a case" : "before the first case");
	diag_hint_nearest(r->d, name, names, n);
}

static void read_line(struct reader *r)
{
	uint32_t len;
	const char *text = line_text(r, ++r->line, &len);
	const char *colon = memchr(text, ':', len);

	if (len == 0 || *text == '#' || strspn(text, " \t\r") >= len)
		return;
	if (is_indented(text, len) || !colon) {
		diag_error(r->d, span_at(r, text, len), "a line is 'keyword: value'");
		return;
	}
	size_t name_len = (size_t)(colon - text);
	const char *name = arena_strndup(r->d->arena, text, name_len);
	struct span span = span_at(r, text, name_len);
	struct test_line line = read_value(r, colon + 1, len - (uint32_t)name_len - 1,
					   streq(name, "asm"));

	if (streq(name, "case")) {
		start_case(r, line);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (streq(keywords[i].name, name) && keywords[i].scope == (r->one ? CASE : HEAD)) {
			store(r, &keywords[i], line);
			return;
		}
	}
	unknown(r, span, name);
}

int test_file_parse(struct test_file *file, const struct source *src, struct diags *d)
{
	struct reader r = { .file = file, .src = src, .d = d };

	while (r.line < src->lines.n)
		read_line(&r);
	if (!file->object.text == !file->code.text)
		diag_error(d, SPAN_NONE, "a test file has either 'object:' or 'asm:'");
	for (uint32_t i = 0; i < file->cases.n; i++) {
		struct test_case *c = &file->cases.v[i];

		if (!c->result.text && !c->error.text && !c->skip.text)
			diag_error(d, c->name.span, "the case has no 'result:' and no 'error:'");
	}
	if (!file->cases.n)
		diag_error(d, SPAN_NONE, "the file has no case");
	return d->errors ? -EINVAL : 0;
}
