/* Source texts and positions. See source.h. Needs: arena. */
#include "base/source.h"

#include <string.h>

struct source *sources_add(struct sources *s, const char *name, const char *text, size_t len)
{
	const struct source *last = s->list.n ? s->list.v[s->list.n - 1] : NULL;
	uint64_t base = last ? (uint64_t)last->base + last->len + 1 : 1;
	struct source *src;

	if (base + len + 1 > UINT32_MAX)
		return NULL;
	src = arena_new(s->arena, struct source);
	src->name = arena_strdup(s->arena, name);
	src->text = arena_strndup(s->arena, text, len);
	src->len = len;
	src->base = base;
	vec_push(s->arena, &src->lines, 0);
	for (uint32_t i = 0; i < len; i++)
		if (text[i] == '\n')
			vec_push(s->arena, &src->lines, i + 1);
	vec_push(s->arena, &s->list, src);
	return src;
}

static const struct source *find_source(const struct sources *s, uint32_t pos)
{
	for (uint32_t i = s->list.n; i-- > 0;) {
		const struct source *src = s->list.v[i];

		if (pos >= src->base)
			return pos - src->base <= src->len ? src : NULL;
	}
	return NULL;
}

struct place sources_place(const struct sources *s, uint32_t pos)
{
	const struct source *src = find_source(s, pos);
	uint32_t lo = 0, hi, offset;

	if (!src)
		return (struct place){ 0 };
	offset = pos - src->base;
	hi = src->lines.n;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (src->lines.v[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return (struct place){ src, lo + 1, offset - src->lines.v[lo] + 1 };
}

const char *source_line(const struct source *src, uint32_t line, uint32_t *ret_len)
{
	const char *begin = src->text + src->lines.v[line - 1];
	const char *newline = memchr(begin, '\n', src->text + src->len - begin);

	*ret_len = newline ? newline - begin : src->text + src->len - begin;
	return begin;
}

struct span span_join(struct span a, struct span b)
{
	if (!a.lo)
		return b;
	if (!b.lo)
		return a;
	return (struct span){ MIN(a.lo, b.lo), MAX(a.hi, b.hi) };
}
