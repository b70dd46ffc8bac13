/*
 * Types as words, the way diagnostics and listings spell them. Needs: buf. See type.h.
 */
#include "types/type.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32, MAX_PARAM_DEPTH = 24 };

/* Kinds that are one word; those that have a signedness put u before it when unsigned. */
static const struct {
	const char *word;
	bool has_sign;
} words[TYPE_KIND_COUNT] = {
	[TYPE_NONE] = { "none", false },
	[TYPE_VOID] = { "void", false },
	[TYPE_BOOL] = { "bool", false },
	[TYPE_INET] = { "inet", false },
	[TYPE_MAC] = { "macaddr_t", false },
	[TYPE_KSTACK] = { "kstack", false },
	[TYPE_USTACK] = { "ustack", false },
	[TYPE_KSYM] = { "ksym_t", false },
	[TYPE_USYM] = { "usym_t", false },
	[TYPE_USERNAME] = { "username", false },
	[TYPE_TIMESTAMP] = { "timestamp", false },
	[TYPE_CGROUP_PATH] = { "cgroup_path_t", false },
	[TYPE_PROBE] = { "probe", false },
	[TYPE_COUNT] = { "count_t", false },
	[TYPE_SUM] = { "sum_t", true },
	[TYPE_AVG] = { "avg_t", true },
	[TYPE_MIN] = { "min_t", true },
	[TYPE_MAX] = { "max_t", true },
	[TYPE_STATS] = { "stats_t", true },
	[TYPE_HIST] = { "hist_t", false },
	[TYPE_LHIST] = { "lhist_t", false },
};

static void print(struct buf *out, const struct type *t, unsigned depth);

/* "struct x", or "x" where only a typedef names it, or "struct" alone. */
static void print_tagged(struct buf *out, const struct type *t, const char *keyword)
{
	if (!t->is_typedef)
		buf_puts(out, keyword);
	if (t->name && !t->is_typedef)
		buf_putc(out, ' ');
	if (t->name)
		buf_puts(out, t->name);
}

static void print_pointer(struct buf *out, const struct type *t, unsigned depth)
{
	print(out, t->elem, depth + 1);
	if (t->elem->kind == TYPE_FUNC)
		return; /* its own spelling has the star */
	if (t->elem->kind != TYPE_POINTER)
		buf_putc(out, ' ');
	buf_putc(out, '*');
}

/* int32[2][3] is two arrays of three: the element first, then the counts from the outside in. */
static void print_array(struct buf *out, const struct type *t, unsigned depth)
{
	const struct type *base = t;

	for (unsigned i = depth; base->kind == TYPE_ARRAY && i < MAX_DEPTH; i++)
		base = base->elem;
	print(out, base, depth + 1);
	for (; t != base; t = t->elem)
		buf_printf(out, "[%u]", t->count);
}

/* "(int64,string[16])"; a record has names: "(a=int64,b=bool)". */
static void print_members(struct buf *out, const struct type *t, unsigned depth)
{
	buf_putc(out, '(');
	for (uint32_t i = 0; i < t->nmembers; i++) {
		if (i)
			buf_putc(out, ',');
		if (t->members[i].name && t->kind == TYPE_RECORD)
			buf_printf(out, "%s=", t->members[i].name);
		print(out, t->members[i].type, depth + 1);
	}
	if (t->nmembers == 1 && t->kind == TYPE_TUPLE)
		buf_putc(out, ',');
	buf_putc(out, ')');
}

static void print(struct buf *out, const struct type *t, unsigned depth)
{
	if (depth > MAX_DEPTH) {
		buf_puts(out, "...");
		return;
	}
	switch (t->kind) {
	case TYPE_INT: buf_printf(out, "%sint%u", t->is_signed ? "" : "u", t->size * 8); break;
	case TYPE_FLOAT: buf_puts(out, t->size == 4 ? "float" : "double"); break;
	case TYPE_ENUM: print_tagged(out, t, "enum"); break;
	case TYPE_STRUCT: print_tagged(out, t, "struct"); break;
	case TYPE_UNION: print_tagged(out, t, "union"); break;
	case TYPE_POINTER: print_pointer(out, t, depth); break;
	case TYPE_ARRAY: print_array(out, t, depth); break;
	case TYPE_FUNC:
		print(out, t->elem, depth + 1);
		buf_puts(out, " (*)");
		/* functions that take functions: the more parameters, the less deep */
		print_members(out, t, depth + MIN(t->nmembers, (uint32_t)MAX_PARAM_DEPTH));
		break;
	case TYPE_STRING: buf_printf(out, "string[%u]", t->size); break;
	case TYPE_BUFFER: buf_printf(out, "buffer[%u]", t->size > 4 ? t->size - 4 : 0); break;
	case TYPE_TUPLE:
	case TYPE_RECORD: print_members(out, t, depth); break;
	default:
		if (words[t->kind].has_sign && !t->is_signed)
			buf_putc(out, 'u');
		buf_puts(out, words[t->kind].word);
	}
}

void type_print(struct buf *out, const struct type *t)
{
	print(out, t, 0);
}

/* Printed once to measure and once to keep, so that nothing is on the heap while the arena
 * may jump. */
const char *type_name(struct types *types, const struct type *t)
{
	struct buf b = { 0 };
	size_t len;
	char *name;

	type_print(&b, t);
	len = b.len;
	buf_done(&b);
	name = arena_alloc(types->arena, len + 1);
	type_print(&b, t);
	if (!b.err && b.len == len && len)
		memcpy(name, b.data, len);
	buf_done(&b);
	return name;
}
