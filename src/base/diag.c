/* Diagnostics and their text form. See diag.h. Needs: arena, source, buf. */
#include "base/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SHOWN = 240 }; /* bytes of a source line: a generated script may be one long line */

void diags_init(struct diags *d, struct arena *arena, const struct sources *sources)
{
	*d = (struct diags){ .arena = arena, .sources = sources };
	d->last = &d->first;
}

static bool already_said(const struct diags *d, struct span at, const char *text)
{
	for (const struct diag *one = d->first; one; one = one->next)
		if (one->span.lo == at.lo && one->span.hi == at.hi && streq(one->text, text))
			return true;
	return false;
}

static void add(struct diags *d, enum diag_level level, struct span at, const char *fmt,
		va_list args)
{
	const char *text = arena_vprintf(d->arena, fmt, args);
	struct diag *one;

	if (already_said(d, at, text))
		return;
	one = arena_new(d->arena, struct diag);
	one->level = level;
	one->span = at;
	one->text = text;
	*d->last = one;
	d->last = &one->next;
	if (level == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
}

int diag_error(struct diags *d, struct span at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(d, DIAG_ERROR, at, fmt, args);
	va_end(args);
	return -EINVAL;
}

void diag_warning(struct diags *d, struct span at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(d, DIAG_WARNING, at, fmt, args);
	va_end(args);
}

static struct diag *newest(struct diags *d)
{
	struct diag *one = d->first;

	while (one && one->next)
		one = one->next;
	return one;
}

void diag_hint(struct diags *d, const char *fmt, ...)
{
	struct diag *one = newest(d);
	va_list args;
	const char *text;

	if (!one)
		return;
	va_start(args, fmt);
	text = arena_vprintf(d->arena, fmt, args);
	va_end(args);
	for (uint32_t i = 0; i < one->hints.n; i++)
		if (streq(one->hints.v[i], text))
			return;
	vec_push(d->arena, &one->hints, text);
}

void diag_hint_nearest(struct diags *d, const char *word, const char *const *names, size_t n)
{
	const char *near = nearest_name(word, names, n);

	if (near)
		diag_hint(d, "did you mean %s?", near);
}

/* Lists are short and nearly sorted: each message is put where it belongs, one by one. */
void diags_sort(struct diags *d)
{
	struct diag *rest = d->first;

	d->first = NULL;
	d->last = &d->first;
	while (rest) {
		struct diag *one = rest, **at = &d->first;

		rest = one->next;
		while (*at && (*at)->span.lo <= one->span.lo)
			at = &(*at)->next;
		one->next = *at;
		*at = one;
		if (!one->next)
			d->last = &one->next;
	}
}

/* Edit distance with swaps (optimal string alignment), three rows at a time. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen, unsigned *rows)
{
	unsigned *before = rows, *prev = rows + blen + 1, *row = prev + blen + 1;

	for (size_t j = 0; j <= blen; j++)
		prev[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			unsigned replace = prev[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = MIN(MIN(prev[j], row[j - 1]) + 1, replace);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = prev;
		prev = row;
		row = spare;
	}
	return prev[blen];
}

const char *nearest_name(const char *word, const char *const *names, size_t n)
{
	size_t len = strlen(word);
	unsigned best = MAX(len / 3, (size_t)1) + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(names[i]);
		unsigned *rows, d;

		if (other > len + best || len > other + best)
			continue;
		rows = calloc(3 * (other + 1), sizeof(*rows));
		if (!rows)
			return found;
		d = distance(word, len, names[i], other, rows);
		free(rows);
		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/* The bytes [from, to) of a line that are shown: all, or what is around @column. */
static void window(const char *line, uint32_t len, uint32_t column, uint32_t *from, uint32_t *to)
{
	uint32_t middle = MIN(column - 1, len);

	*from = len > LINE_SHOWN && middle > LINE_SHOWN / 2 ? middle - LINE_SHOWN / 2 : 0;
	*to = MIN(len, *from + LINE_SHOWN);
	while (*from && *from < middle && (line[*from] & 0xc0) == 0x80)
		(*from)++;
	while (len > *to && *to > middle && (line[*to] & 0xc0) == 0x80)
		(*to)--;
}

/* A script may be any bytes; those that a terminal would obey are shown as a question mark. */
static void put_shown(struct buf *out, const char *line, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		unsigned char c = line[i];

		buf_putc(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : c);
	}
}

static void render_source_line(struct buf *out, struct place at, uint32_t width, const char *on,
			       const char *off)
{
	uint32_t len, from, to;
	const char *line = source_line(at.source, at.line, &len), *cut;

	if (len && line[len - 1] == '\r')
		len--;
	window(line, len, at.column, &from, &to);
	cut = from ? "..." : "";
	buf_puts(out, cut);
	put_shown(out, line, from, to);
	buf_puts(out, to < len ? "...\n" : "\n");
	buf_pad(out, ' ', strlen(cut));
	for (uint32_t i = from; i + 1 < at.column; i++)
		buf_putc(out, i < len && line[i] == '\t' ? '\t' : ' ');
	buf_puts(out, on);
	buf_putc(out, '^');
	width = MIN(width, to >= at.column ? to - at.column + 1 : 1);
	if (width > 1)
		buf_pad(out, '~', width - 1);
	buf_puts(out, off);
	buf_putc(out, '\n');
}

void diag_render(struct buf *out, const struct diags *d, const struct diag *one, bool color)
{
	const char *name = one->level == DIAG_ERROR ? "ERROR" : "WARNING";
	const char *on = !color ? "" : one->level == DIAG_ERROR ? "\033[31m" : "\033[33m";
	const char *off = color ? "\033[0m" : "";
	struct place at = { 0 }, end = { 0 };

	if (d->sources && one->span.lo) {
		at = sources_place(d->sources, one->span.lo);
		end = sources_place(d->sources, MAX(one->span.hi, one->span.lo + 1) - 1);
	}
	if (at.source) {
		buf_printf(out, "%s:%u:%u", at.source->name, at.line, at.column);
		if (end.line == at.line && end.column > at.column)
			buf_printf(out, "-%u", end.column);
		buf_puts(out, ": ");
	}
	buf_printf(out, "%s%s: %s%s\n", on, name, one->text, off);
	if (at.source)
		render_source_line(out, at, MAX(one->span.hi, one->span.lo + 1) - one->span.lo, on,
				   off);
	for (uint32_t i = 0; i < one->hints.n; i++)
		buf_printf(out, "HINT: %s\n", one->hints.v[i]);
}
