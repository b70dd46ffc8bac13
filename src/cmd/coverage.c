/* Coverage by source line: see coverage.h. Needs: places. Called by test.c. */
#include "cmd/coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void coverage_add(struct coverage *c, const struct place *place, uint64_t hits)
{
	if (!place->source || !place->line)
		return;
	for (uint32_t i = 0; i < c->lines.n; i++) {
		struct coverage_line *l = &c->lines.v[i];

		if (l->line == place->line && streq(l->source->name, place->source->name)) {
			l->hits += hits;
			return;
		}
	}
	vec_push(c->arena, &c->lines, (struct coverage_line){ place->source, place->line, hits });
}

static int compare(const void *a, const void *b)
{
	const struct coverage_line *x = a, *y = b;
	int by_name = strcmp(x->source->name, y->source->name);

	return by_name ? by_name : (x->line > y->line) - (x->line < y->line);
}

void put_escaped(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '&': buf_puts(out, "&amp;"); break;
		case '"': buf_puts(out, "&quot;"); break;
		default:
			if ((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t')
				buf_putc(out, text[i]);
			else
				buf_putc(out, '?');
		}
	}
}

/* One way to write coverage: what begins and ends a file, what stands for a line. */
struct form {
	const char *name, *head, *tail;
	void (*begin)(struct buf *out, const struct source *src);
	void (*line)(struct buf *out, const struct coverage_line *l);
	void (*end)(struct buf *out, uint32_t hit, uint32_t all);
};

static void text_begin(struct buf *out, const struct source *src)
{
	buf_printf(out, "%s\n", src->name);
}

static void text_line(struct buf *out, const struct coverage_line *l)
{
	uint32_t len;
	const char *text = source_line(l->source, l->line, &len);

	buf_printf(out, "%8" PRIu64 " %5u  %.*s\n", l->hits, l->line, (int)len, text);
}

static void text_end(struct buf *out, uint32_t hit, uint32_t all)
{
	buf_printf(out, "lines: %u of %u (%.1f%%)\n", hit, all, 100.0 * hit / all);
}

static void lcov_begin(struct buf *out, const struct source *src)
{
	buf_printf(out, "TN:\nSF:%s\n", src->name);
}

static void lcov_line(struct buf *out, const struct coverage_line *l)
{
	buf_printf(out, "DA:%u,%" PRIu64 "\n", l->line, l->hits);
}

static void lcov_end(struct buf *out, uint32_t hit, uint32_t all)
{
	buf_printf(out, "LF:%u\nLH:%u\nend_of_record\n", all, hit);
}

static void html_begin(struct buf *out, const struct source *src)
{
	buf_puts(out, "<h2>");
	put_escaped(out, src->name, strlen(src->name));
	buf_puts(out, "</h2>\n<table>\n");
}

static void html_line(struct buf *out, const struct coverage_line *l)
{
	uint32_t len;
	const char *text = source_line(l->source, l->line, &len);

	buf_printf(out, "<tr class=\"%s\"><td>%" PRIu64 "</td><td>%u</td><td><pre>",
		   l->hits ? "hit" : "missed", l->hits, l->line);
	put_escaped(out, text, len);
	buf_puts(out, "</pre></td></tr>\n");
}

static void html_end(struct buf *out, uint32_t hit, uint32_t all)
{
	buf_printf(out, "</table>\n<p>%u of %u lines (%.1f%%)</p>\n", hit, all, 100.0 * hit / all);
}

static const struct form forms[] = {
	{ "text", "", "", text_begin, text_line, text_end },
	{ "lcov", "", "", lcov_begin, lcov_line, lcov_end },
	{ "html",
	  "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Coverage</title>\n<style>"
	  "pre{margin:0}.hit{background:#dfd}.missed{background:#fdd}td{padding:0 1em}"
	  "</style></head><body>\n",
	  "</body></html>\n", html_begin, html_line, html_end },
};

int coverage_write(struct coverage *c, const char *form, struct buf *out)
{
	const struct form *f = forms;
	uint32_t hit = 0, all = 0;

	while (f < forms + ARRAY_LEN(forms) && !streq(f->name, form))
		f++;
	if (f == forms + ARRAY_LEN(forms))
		return -EINVAL;
	if (c->lines.n)
		qsort(c->lines.v, c->lines.n, sizeof(*c->lines.v), compare);
	buf_puts(out, f->head);
	for (uint32_t i = 0; i < c->lines.n; i++) {
		const struct coverage_line *l = &c->lines.v[i];
		const char *name = l->source->name;

		if (i == 0 || !streq(name, l[-1].source->name)) {
			f->begin(out, l->source);
			hit = all = 0;
		}
		f->line(out, l);
		hit += l->hits > 0;
		all++;
		if (i + 1 == c->lines.n || !streq(name, l[1].source->name))
			f->end(out, hit, all);
	}
	buf_puts(out, f->tail);
	return 0;
}
