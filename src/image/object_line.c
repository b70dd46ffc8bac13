/*
 * Source lines that objects carry: each file that .BTF.ext names becomes a source text, of which
 * only those lines are known that instructions came from. Spans point to where an instruction
 * begins in its line.
 *
 * Needs: sources. Called for each function that is put into a program.
 */
#include <string.h>

#include "image/object_priv.h"

enum {
	FILES_MAX = 256,
	LINE_MAX = 1 << 20,
	COLUMN_BITS = 10,
	COLUMN_MASK = (1 << COLUMN_BITS) - 1
};

static bool is_of(const struct object *o, const struct object_line *line, const char *file)
{
	uint32_t number = line->place >> COLUMN_BITS;

	return number && number <= LINE_MAX && streq(btf_string(o->btf, line->file), file);
}

/* A file's lines by number, gathered from all sections of code. */
static const char **gather(struct object *o, const char *file, uint32_t *ret_n)
{
	const char **texts = NULL;
	uint32_t n = 0;

	for (int pass = 0;; pass++) {
		for (uint32_t i = 0; i < o->nsections; i++) {
			const struct object_section *s = &o->sections[i];

			for (uint32_t k = 0; k < s->lines.n; k++) {
				const struct object_line *line = &s->lines.v[k];
				uint32_t number = line->place >> COLUMN_BITS;

				if (!is_of(o, line, file))
					continue;
				if (!pass)
					n = MAX(n, number);
				else if (!texts[number - 1])
					texts[number - 1] = btf_string(o->btf, line->text);
			}
		}
		if (pass)
			break;
		texts = arena_array(o->link->arena, const char *, n);
	}
	*ret_n = n;
	return texts;
}

/* The text of @file with empty lines where none is known; NULL: too long for what is left. */
static struct source *make_source(struct object *o, const char *file)
{
	struct link *l = o->link;
	uint32_t n;
	const char **texts = gather(o, file, &n);
	uint64_t len = n;
	char *text, *to;

	for (uint32_t i = 0; i < n; i++)
		len += texts[i] ? strcspn(texts[i], "\n") : 0;
	if (!n || len > l->text_left)
		return NULL;
	l->text_left -= len;
	text = to = arena_alloc(l->arena, len + 1);
	for (uint32_t i = 0; i < n; i++) {
		size_t one = texts[i] ? strcspn(texts[i], "\n") : 0;

		if (one)
			memcpy(to, texts[i], one);
		to += one;
		*to++ = '\n';
	}
	return sources_add(l->sources, file, text, len);
}

/* Files that came to nothing are remembered too. */
static const struct source *source_of(struct object *o, const char *file)
{
	static const struct source none;
	const struct source *source = table_get(&o->files, file);

	if (!source && o->nfiles++ < FILES_MAX) {
		source = make_source(o, file);
		table_put(o->link->arena, &o->files, file, (void *)(source ? source : &none));
	}
	return source == &none ? NULL : source;
}

static struct span span_of(struct object *o, const struct object_line *line)
{
	uint32_t number = line->place >> COLUMN_BITS, column = line->place & COLUMN_MASK, len;
	const struct source *source;
	const char *text;

	if (!number || number > LINE_MAX)
		return SPAN_NONE;
	source = source_of(o, btf_string(o->btf, line->file));
	if (!source || number > source->lines.n)
		return SPAN_NONE;
	text = source_line(source, number, &len);
	column = column ? MIN(column - 1, len ? len - 1 : 0) : (uint32_t)strspn(text, " \t");
	uint32_t lo = source->base + source->lines.v[number - 1] + column;
	return (struct span){ lo, lo + (len > column) };
}

/* Of several lines at one instruction the last holds, as in the kernel; that an instruction comes
 * from nowhere needs no telling where it is so anyway. */
static void add_span(struct object *o, struct image_prog *prog, struct insn_span span)
{
	struct insn_span *last = prog->spans.n ? &prog->spans.v[prog->spans.n - 1] : NULL;

	if (last && last->insn == span.insn)
		last->span = span.span;
	else if (span.span.lo || (last && last->span.lo))
		vec_push(o->link->arena, &prog->spans, span);
}

void object_spans(struct object *o, const struct object_section *s, uint32_t from, uint32_t end,
		  uint32_t at, struct image_prog *prog)
{
	uint32_t lo = 0, hi = s->lines.n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->lines.v[mid].insn < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->lines.n && s->lines.v[lo].insn < end; lo++)
		add_span(o, prog,
			 (struct insn_span){ at + s->lines.v[lo].insn - from,
					     span_of(o, &s->lines.v[lo]) });
}
