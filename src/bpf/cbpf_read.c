/*
 * Classic BPF from whatever it comes in: text, the numbers that tc, xtables and tcpdump -ddd
 * use, an array in C, raw struct sock_filter.
 * Needs: cbpf_parse(). Called by cmd/ and the fuzzer. All of it is from outside: nothing is
 * trusted.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "bpf/cbpf.h"

struct reader {
	struct diags *d;
	const struct source *src;
	const char *s, *end;
};

static int wrong(struct reader *r, const char *what)
{
	uint32_t at = r->src->base + (uint32_t)(r->s - r->src->text);

	return diag_error(r->d, (struct span){ at, at + 1 }, "%s", what);
}

/* Blanks, and in C comments. */
static void skip(struct reader *r, bool comments)
{
	for (;;) {
		while (r->s < r->end && isspace((unsigned char)*r->s))
			r->s++;
		if (!comments || r->end - r->s < 2 || r->s[0] != '/')
			return;
		if (r->s[1] == '/') {
			while (r->s < r->end && *r->s != '\n')
				r->s++;
		} else if (r->s[1] == '*') {
			const char *close = strstr(r->s + 2, "*/");

			r->s = close ? close + 2 : r->end;
		} else {
			return;
		}
	}
}

static bool read_number(struct reader *r, uint64_t limit, uint32_t *ret)
{
	bool hex = r->end - r->s > 2 && r->s[0] == '0' && tolower((unsigned char)r->s[1]) == 'x';
	const char *digits = r->s += hex ? 2 : 0;
	uint64_t value = 0;

	for (; r->s < r->end && isxdigit((unsigned char)*r->s); r->s++) {
		int c = tolower((unsigned char)*r->s);

		if (!hex && !isdigit(c))
			break;
		value = value * (hex ? 16 : 10) + (uint64_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
		if (value > limit)
			return wrong(r, "the number is too big for its field"), false;
	}
	*ret = (uint32_t)value;
	return r->s > digits || (wrong(r, "a number is expected here"), false);
}

/* The four fields, with @between in between (a comma, or 0 for a blank). */
static bool read_insn(struct reader *r, char between, struct cinsn *ret)
{
	static const uint64_t limits[] = { UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX };
	uint32_t v[4];

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		skip(r, between);
		if (i && between) {
			if (r->s >= r->end || *r->s != between)
				return wrong(r, "',' is expected here"), false;
			r->s++;
			skip(r, true);
		}
		if (!read_number(r, limits[i], &v[i]))
			return false;
	}
	*ret = (struct cinsn){ (uint16_t)v[0], (uint8_t)v[1], (uint8_t)v[2], v[3] };
	return true;
}

/* "2,48 0 0 9,6 0 0 0" or the same by lines; a comma may stand at the end. */
static int read_counted(struct reader *r, struct cbpf *out)
{
	uint32_t n;

	skip(r, false);
	if (!read_number(r, UINT16_MAX, &n))
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		struct cinsn one;

		skip(r, false);
		if (r->s < r->end && *r->s == ',')
			r->s++;
		skip(r, false);
		if (r->s == r->end)
			return diag_error(r->d, SPAN_NONE, "it says %u instructions and has %u", n,
					  i);
		if (!read_insn(r, 0, &one))
			return -EINVAL;
		vec_push(r->d->arena, out, one);
	}
	while (r->s < r->end && (isspace((unsigned char)*r->s) || strchr(",'\"", *r->s)))
		r->s++;
	return r->s == r->end ? 0 : wrong(r, "there is more than it says");
}

/* Every "{ 0x28, 0, 0, 12 }". */
static int read_c(struct reader *r, struct cbpf *out)
{
	while (r->s < r->end) {
		struct cinsn one;

		skip(r, true);
		if (r->s == r->end || *r->s++ != '{')
			continue;
		skip(r, true);
		if (r->s == r->end || !isdigit((unsigned char)*r->s))
			continue;
		if (!read_insn(r, ',', &one))
			return -EINVAL;
		skip(r, true);
		if (r->s < r->end && *r->s == ',')
			r->s++;
		skip(r, true);
		if (r->s == r->end || *r->s != '}')
			return wrong(r, "'}' is expected here");
		vec_push(r->d->arena, out, one);
	}
	return 0;
}

static int read_raw(struct reader *r, struct cbpf *out)
{
	struct cinsn one;

	if (r->src->len % sizeof(one))
		return diag_error(r->d, SPAN_NONE,
				  "%s has %u bytes: not whole instructions of 8 bytes",
				  r->src->name, r->src->len);
	for (; r->s < r->end; r->s += sizeof(one)) {
		memcpy(&one, r->s, sizeof(one));
		vec_push(r->d->arena, out, one);
	}
	return 0;
}

/* Whether all of it are numbers, blanks and commas. */
static bool is_counted(const struct reader *r)
{
	for (const char *s = r->s; s < r->end; s++) {
		if (!isdigit((unsigned char)*s) && !isspace((unsigned char)*s) &&
		    !strchr(",'\"", *s))
			return false;
	}
	return r->s < r->end;
}

int cbpf_read(struct cbpf *out, const struct source *src, struct diags *d)
{
	struct reader r = { d, src, src->text, src->text + src->len };

	if (memchr(src->text, '\0', src->len))
		return read_raw(&r, out);
	/* as in a command: tc ... bytecode '...', -m bpf --bytecode '...' */
	const char *word = strstr(r.s, "bytecode");
	for (r.s = word ? word + strlen("bytecode") : r.s; r.s < r.end; r.s++) {
		if (!isspace((unsigned char)*r.s) && !strchr("'\"", *r.s))
			break;
	}
	if (is_counted(&r))
		return read_counted(&r, out);
	r.s = src->text;
	if (memchr(src->text, '{', src->len))
		return read_c(&r, out);
	return cbpf_parse(out, src, d);
}
