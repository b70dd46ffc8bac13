/*
 * BTF that skep gives the kernel with its programs and maps, so that bpftool shows the script's
 * own lines beside the code and prints map entries by their types; callbacks (for_each, bpf_loop)
 * are not accepted without function info. Called by load and by map creation; a kernel that
 * refuses it gets the program or map without.
 *
 * Format: Documentation/bpf/btf.rst. A blob is a header, then types (numbered from 1 in order),
 * then NUL-terminated strings named by offset.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernel_priv.h"

enum {
	BTF_MAGIC = 0xeb9f,
	BTF_INT = 1,
	BTF_PTR = 2,
	BTF_ARRAY = 3,
	BTF_STRUCT = 4,
	BTF_FUNC = 12,
	BTF_FUNC_PROTO = 13,
	BTF_STATIC = 0, /* linkage of functions: in place of the count */
	BTF_GLOBAL = 1,
	BTF_LINE_MAX = (1 << 22) - 1,
	BTF_COLUMN_MAX = (1 << 10) - 1,
};

enum btf_encoding { BTF_UNSIGNED = 0, BTF_SIGNED = 1, BTF_CHAR = 2, BTF_BOOL = 4 };

struct btf_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t size, type_offset, type_size, string_offset, string_size;
};

struct btf_record {
	uint32_t name, info, size_or_type;
};

static uint32_t btf_string(struct btf_blob *b, const char *s, size_t len)
{
	uint32_t at = (uint32_t)b->strings.len;

	buf_add(&b->strings, s, len);
	buf_putc(&b->strings, '\0');
	return at;
}

/* An identifier as the kernel wants them. */
static uint32_t btf_name(struct btf_blob *b, const char *name)
{
	uint32_t at = (uint32_t)b->strings.len;

	if (!isalpha((unsigned char)name[0]))
		buf_putc(&b->strings, '_');
	for (const char *s = name; *s; s++)
		buf_putc(&b->strings, isalnum((unsigned char)*s) ? *s : '_');
	buf_putc(&b->strings, '\0');
	return at;
}

static uint32_t btf_add(struct btf_blob *b, uint32_t name, uint32_t kind, uint32_t count,
			uint32_t size_or_type)
{
	const struct btf_record r = { name, kind << 24 | count, size_or_type };

	buf_add(&b->types, &r, sizeof(r));
	return ++b->ntypes;
}

static uint32_t btf_int(struct btf_blob *b, const char *name, uint32_t size,
			enum btf_encoding encoding)
{
	const uint32_t shape = (uint32_t)encoding << 24 | size * 8;

	uint32_t id = btf_add(b, btf_name(b, name), BTF_INT, 0, size);
	buf_add(&b->types, &shape, sizeof(shape));
	return id;
}

static void btf_start(struct btf_blob *b)
{
	btf_string(b, "", 0); /* offset 0 means no name */
}

static int btf_finish(struct btf_blob *b)
{
	const struct btf_header h = {
		.magic = BTF_MAGIC,
		.version = 1,
		.size = sizeof(h),
		.type_size = (uint32_t)b->types.len,
		.string_offset = (uint32_t)b->types.len,
		.string_size = (uint32_t)b->strings.len,
	};

	buf_add(&b->whole, &h, sizeof(h));
	buf_add(&b->whole, b->types.data, b->types.len);
	buf_add(&b->whole, b->strings.data, b->strings.len);
	return b->types.err || b->strings.err || b->funcs.err || b->lines.err || b->whole.err
		       ? -ENOMEM
		       : 0;
}

void btf_blob_done(struct btf_blob *b)
{
	buf_done(&b->types);
	buf_done(&b->strings);
	buf_done(&b->funcs);
	buf_done(&b->lines);
	buf_done(&b->whole);
}

/* ---- programs ---- */

static void btf_func(struct btf_blob *b, const struct image_func *f, bool entry, uint32_t result,
		     uint32_t param)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	uint32_t nparams = MIN(f->nparams, (uint32_t)ARRAY_LEN(names));
	uint32_t proto = btf_add(b, 0, BTF_FUNC_PROTO, nparams, result);

	for (uint32_t i = 0; i < nparams; i++) {
		const uint32_t one[] = { btf_name(b, names[i]), param };
		buf_add(&b->types, one, sizeof(one));
	}
	const uint32_t info[] = { f->insn, btf_add(b, btf_name(b, f->name), BTF_FUNC,
						   entry ? BTF_GLOBAL : BTF_STATIC, proto) };
	buf_add(&b->funcs, info, sizeof(info));
}

/* Lines are shown many times; each text is kept once, as far as a small cache remembers. */
struct btf_lines {
	const struct sources *sources;
	struct {
		const struct source *source;
		uint32_t line, text, file;
	} seen[64];
	uint32_t last_insn;
	uint32_t last_place[2];
	bool any;
};

static void btf_line_text(struct btf_blob *b, struct btf_lines *l, const struct place *p,
			  uint32_t *ret_file, uint32_t *ret_text)
{
	size_t slot = p->line % ARRAY_LEN(l->seen);
	uint32_t len;

	if (l->seen[slot].source != p->source || l->seen[slot].line != p->line) {
		const char *text = source_line(p->source, p->line, &len);

		while (len && isspace((unsigned char)*text))
			text++, len--;
		l->seen[slot].source = p->source;
		l->seen[slot].line = p->line;
		l->seen[slot].text = btf_string(b, text, len);
		l->seen[slot].file = btf_string(b, p->source->name, strlen(p->source->name));
	}
	*ret_file = l->seen[slot].file;
	*ret_text = l->seen[slot].text;
}

/* The kernel wants rising instructions, one at the start of each function, and none in the
 * middle of a two-slot instruction (its second opcode is 0). */
static void btf_line(struct btf_blob *b, struct btf_lines *l, const struct image_prog *prog,
		     uint32_t insn, struct span span, bool forced)
{
	struct place p = { 0 };
	uint32_t file = 0, text = 0;

	if (insn >= prog->insns.n || !prog->insns.v[insn].opcode ||
	    (l->any && insn <= l->last_insn))
		return;
	if (l->sources && span.lo)
		p = sources_place(l->sources, span.lo);
	if (p.source && p.line <= BTF_LINE_MAX)
		btf_line_text(b, l, &p, &file, &text);
	else if (!forced)
		return;
	const uint32_t place = p.source ? p.line << 10 | MIN(p.column, (uint32_t)BTF_COLUMN_MAX)
					: 0;
	if (!forced && l->any && l->last_place[0] == text && l->last_place[1] == place)
		return;
	const uint32_t record[] = { insn, file, text, place };
	buf_add(&b->lines, record, sizeof(record));
	l->any = true;
	l->last_insn = insn;
	l->last_place[0] = text;
	l->last_place[1] = place;
}

int btf_prog(struct btf_blob *b, const struct image_prog *prog, const struct sources *sources)
{
	struct btf_lines lines = { .sources = sources };
	uint32_t at = 0;

	if (!prog->funcs.n || prog->funcs.v[0].insn != 0)
		return -EINVAL;
	btf_start(b);
	uint32_t result = btf_int(b, "int", 4, BTF_SIGNED);
	uint32_t pointer = btf_add(b, 0, BTF_PTR, 0, 0);
	uint32_t word = btf_int(b, "u64", 8, BTF_UNSIGNED);
	for (uint32_t i = 0; i < prog->funcs.n; i++) {
		const struct image_func *f = &prog->funcs.v[i];
		uint32_t end = i + 1 < prog->funcs.n ? f[1].insn : prog->insns.n;

		btf_func(b, f, i == 0, result, i == 0 ? pointer : word);
		btf_line(b, &lines, prog, f->insn, prog_span(prog, f->insn), true);
		while (at < prog->spans.n && prog->spans.v[at].insn < end) {
			btf_line(b, &lines, prog, prog->spans.v[at].insn, prog->spans.v[at].span,
				 false);
			at++;
		}
	}
	return btf_finish(b);
}

/* ---- maps ---- */

static uint32_t btf_plain_int(struct btf_blob *b, const struct type *t)
{
	char name[16];

	snprintf(name, sizeof(name), "%c%u", t->is_signed ? 's' : 'u', t->size * 8);
	return btf_int(b, name, t->size, t->is_signed ? BTF_SIGNED : BTF_UNSIGNED);
}

static uint32_t btf_text(struct btf_blob *b, uint32_t size)
{
	uint32_t index = btf_int(b, "u32", 4, BTF_UNSIGNED);
	uint32_t letter = btf_int(b, "char", 1, BTF_CHAR);
	const uint32_t shape[] = { letter, index, size };

	uint32_t id = btf_add(b, 0, BTF_ARRAY, 0, 0);
	buf_add(&b->types, shape, sizeof(shape));
	return id;
}

/* The id of a type with the shape of @t; 0 when it is not plain. */
static uint32_t btf_plain(struct btf_blob *b, const struct type *t)
{
	bool word = t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8;

	switch (t->kind) {
	case TYPE_INT: return word ? btf_plain_int(b, t) : 0;
	case TYPE_BOOL: return btf_int(b, "bool", t->size, BTF_BOOL);
	case TYPE_STRING: return btf_text(b, t->size);
	case TYPE_COUNT:
	case TYPE_SUM:
	case TYPE_KSYM:
	case TYPE_POINTER:
		return btf_int(b, t->is_signed ? "s64" : "u64", 8,
			       t->is_signed ? BTF_SIGNED : BTF_UNSIGNED);
	default: return 0;
	}
}

/* struct { T value; u64 set; }: what the one entry of a scalar map holds. */
static uint32_t btf_scalar(struct btf_blob *b, uint32_t value, uint32_t value_size)
{
	uint32_t set = btf_int(b, "u64", 8, BTF_UNSIGNED);
	uint32_t id = btf_add(b, btf_name(b, "scalar"), BTF_STRUCT, 2, value_size);
	const uint32_t members[] = { btf_name(b, "value"), value, 0,
				     btf_name(b, "set"),   set,   (value_size - 8) * 8 };

	buf_add(&b->types, members, sizeof(members));
	return id;
}

int btf_map(struct btf_blob *b, const struct image_map *map, uint32_t *ret_key, uint32_t *ret_value)
{
	if (!map->value || map->kind)
		return -EOPNOTSUPP;
	btf_start(b);
	uint32_t key = map->key ? btf_plain(b, map->key) : btf_int(b, "u32", 4, BTF_UNSIGNED);
	uint32_t value = btf_plain(b, map->value);
	if (!key || !value || map->value_size < 8)
		return -EOPNOTSUPP;
	if (!map->key)
		value = btf_scalar(b, value, map->value_size);
	*ret_key = key;
	*ret_value = value;
	return btf_finish(b);
}
