/*
 * Values as text and as JSON: one row for each type kind. Needs: number, json, stack, name, agg.
 * Called by printf.c, map.c and run/.
 *
 * Values come from maps and records that traced programs filled: a reader never looks past
 * `bytes`, and what is not there prints as empty (JSON: null).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "image/agg.h"
#include "out/out_priv.h"

enum { NESTING_MAX = 64 }; /* deeper types than any compiler takes are not followed */

/* What a printer of one kind works with. */
struct show {
	struct buf *out;
	const struct out_env *env;
	bool compact; /* text of a JSON key: separators without spaces */
	int depth;
};

typedef void show_fn(struct show *s, const struct value *v);

static void show_text(struct show *s, const struct value *v);
static void show_json(struct show *s, const struct value *v);

/* ---- reading ---- */

uint64_t value_unsigned(const struct value *v)
{
	uint64_t n = 0;

	memcpy(&n, v->data, MIN(v->bytes, MIN(v->type->size, sizeof(n))));
	return n;
}

int64_t value_signed(const struct value *v)
{
	uint64_t n = value_unsigned(v);
	unsigned unused = v->type->size < 8 ? 64 - v->type->size * 8 : 0;

	if (!v->type->is_signed || unused == 64)
		return n;
	return (int64_t)(n << unused) >> unused;
}

bool value_is_number(const struct type *t)
{
	switch (t->kind) {
	case TYPE_INT:
	case TYPE_BOOL:
	case TYPE_ENUM:
	case TYPE_POINTER:
	case TYPE_KSYM:
	case TYPE_USYM:
	case TYPE_USERNAME:
	case TYPE_TIMESTAMP:
	case TYPE_CGROUP_PATH:
	case TYPE_COUNT:
	case TYPE_SUM:
	case TYPE_MIN:
	case TYPE_MAX: return true;
	default: return false;
	}
}

/* The bytes of a value that must be there for it to be shown; the rest can be cut short. */
static size_t bytes_needed(const struct type *t)
{
	switch (t->kind) {
	case TYPE_STRING: return 0;
	case TYPE_BUFFER: return sizeof(uint32_t);
	case TYPE_ARRAY:
	case TYPE_TUPLE:
	case TYPE_RECORD:
	case TYPE_STRUCT:
	case TYPE_UNION: return t->size > 0; /* each member sees for itself */
	default: return type_is_aggregate(t) ? agg_size(t) : t->size;
	}
}

/* An array of char, which types/ makes int8 of, is text. */
static bool is_char_array(const struct type *t)
{
	return t->elem->kind == TYPE_INT && t->elem->size == 1 && t->elem->is_signed;
}

/* Part of @v at @offset. Parts end where the whole ends. */
static struct value part(const struct value *v, const struct type *t, size_t offset)
{
	size_t at = MIN(offset, v->bytes);

	return (struct value){ t, v->data + at, MIN(v->bytes - at, (size_t)t->size) };
}

/* A bit-field, brought down to bit 0 in @ret_word. */
static struct value bit_field(const struct value *v, const struct type_member *m,
			      uint64_t *ret_word)
{
	struct value unit = part(v, m->type, m->offset);
	unsigned above = 64 - m->bit_size;
	uint64_t n = value_unsigned(&unit) >> m->bit_offset << above;

	*ret_word = m->type->is_signed ? (uint64_t)((int64_t)n >> above) : n >> above;
	unit.bytes = unit.bytes ? sizeof(*ret_word) : 0;
	unit.data = (const char *)ret_word;
	return unit;
}

/* ---- text ---- */

static void text_none(struct show *s, const struct value *v)
{
	(void)s;
	(void)v;
}

static void text_int(struct show *s, const struct value *v)
{
	if (v->type->is_signed)
		put_signed(s->out, value_signed(v));
	else
		put_unsigned(s->out, value_unsigned(v));
}

static void text_bool(struct show *s, const struct value *v)
{
	buf_puts(s->out, value_unsigned(v) ? "true" : "false");
}

static void text_float(struct show *s, const struct value *v)
{
	double d = 0;
	float f = 0;

	if (v->type->size == sizeof(f)) {
		memcpy(&f, v->data, sizeof(f));
		d = f;
	} else if (v->type->size == sizeof(d)) {
		memcpy(&d, v->data, sizeof(d));
	}
	buf_printf(s->out, "%g", d);
}

static void text_enum(struct show *s, const struct value *v)
{
	uint64_t n = value_signed(v);

	for (uint32_t i = 0; i < v->type->nenumerators; i++) {
		if ((uint64_t)v->type->enumerators[i].value == n) {
			buf_puts(s->out, v->type->enumerators[i].name);
			return;
		}
	}
	text_int(s, v);
}

static void text_pointer(struct show *s, const struct value *v)
{
	put_hex(s->out, value_unsigned(v));
}

static void text_string(struct show *s, const struct value *v)
{
	size_t most = MIN(v->bytes, (size_t)v->type->size);
	size_t len = strnlen(v->data, most);

	buf_add(s->out, v->data, len);
	if (len == v->type->size && len > 0)
		buf_puts(s->out, s->env->settings->trailer);
}

static void text_buffer(struct show *s, const struct value *v)
{
	uint32_t len;

	memcpy(&len, v->data, sizeof(len));
	put_bytes(s->out, v->data + sizeof(len), MIN((size_t)len, v->bytes - sizeof(len)),
		  BYTES_MIXED);
}

static void text_array(struct show *s, const struct value *v)
{
	const struct type *elem = v->type->elem;

	if (is_char_array(v->type)) {
		buf_add(s->out, v->data, strnlen(v->data, v->type->count));
		return;
	}
	buf_putc(s->out, '[');
	for (uint32_t i = 0; i < v->type->count; i++) {
		struct value one = part(v, elem, (size_t)i * elem->size);

		if (i)
			buf_putc(s->out, ',');
		show_text(s, &one);
	}
	buf_putc(s->out, ']');
}

static void text_tuple(struct show *s, const struct value *v)
{
	buf_putc(s->out, '(');
	for (uint32_t i = 0; i < v->type->nmembers; i++) {
		const struct type_member *m = &v->type->members[i];
		struct value one = part(v, m->type, m->offset);

		if (i)
			buf_puts(s->out, s->compact ? "," : ", ");
		show_text(s, &one);
	}
	buf_putc(s->out, ')');
}

/* The text that a __data_loc or __rel_loc field points to, if it came along. */
static struct value located(const struct value *v, const struct type_member *m,
			    struct type *ret_type)
{
	struct value none = { ret_type, v->data, 0 };
	size_t offset;
	uint32_t loc;

	*ret_type = (struct type){ .kind = TYPE_STRING };
	if (m->offset + sizeof(loc) > v->bytes)
		return none;
	memcpy(&loc, v->data + m->offset, sizeof(loc));
	offset = (loc & 0xffff) + (m->data_rel ? m->offset + sizeof(loc) : 0);
	ret_type->size = (loc >> 16) + 1;
	if (offset + (loc >> 16) > v->bytes)
		return none;
	return (struct value){ ret_type, v->data + offset, loc >> 16 };
}

/* Calls @each for every named member, looking through those without a name. */
static void each_member(struct show *s, const struct value *v, unsigned *n,
			void (*each)(struct show *s, const struct type_member *m,
				     const struct value *v, unsigned i))
{
	for (uint32_t i = 0; i < v->type->nmembers; i++) {
		const struct type_member *m = &v->type->members[i];
		struct value one;
		struct type text;
		uint64_t word;

		if (m->data_loc || m->data_rel)
			one = located(v, m, &text);
		else if (m->bit_size)
			one = bit_field(v, m, &word);
		else
			one = part(v, m->type, m->offset);
		if (!m->name && one.type->nmembers && s->depth < NESTING_MAX) {
			s->depth++;
			each_member(s, &one, n, each);
			s->depth--;
		} else if (m->name) {
			each(s, m, &one, (*n)++);
		}
	}
}

static void text_member(struct show *s, const struct type_member *m, const struct value *v,
			unsigned i)
{
	if (i)
		buf_puts(s->out, s->compact ? "," : ", ");
	buf_putc(s->out, '.');
	buf_puts(s->out, m->name);
	buf_puts(s->out, s->compact ? "=" : " = ");
	show_text(s, v);
}

static void text_struct(struct show *s, const struct value *v)
{
	unsigned n = 0;

	buf_puts(s->out, v->type->nmembers && !s->compact ? "{ " : "{");
	each_member(s, v, &n, text_member);
	buf_puts(s->out, v->type->nmembers && !s->compact ? " }" : "}");
}

static void text_inet(struct show *s, const struct value *v)
{
	char text[INET6_ADDRSTRLEN];
	uint32_t family;

	memcpy(&family, v->data, sizeof(family));
	if (family != AF_INET && family != AF_INET6)
		return;
	if (inet_ntop(family, v->data + sizeof(family), text, sizeof(text)))
		buf_puts(s->out, text);
}

static void text_mac(struct show *s, const struct value *v)
{
	static const char digits[] = "0123456789ABCDEF";

	for (uint32_t i = 0; i < 6; i++) {
		unsigned char c = v->data[i];

		if (i)
			buf_putc(s->out, ':');
		buf_add(s->out, (char[]){ digits[c >> 4], digits[c & 15] }, 2);
	}
}

static void text_stack(struct show *s, const struct value *v)
{
	stack_text(s->out, s->env, v, s->compact);
}

static void text_ksym(struct show *s, const struct value *v)
{
	ksym_text(s->out, s->env, v);
}

static void text_usym(struct show *s, const struct value *v)
{
	usym_text(s->out, s->env, v);
}

static void text_username(struct show *s, const struct value *v)
{
	put_username(s->out, value_unsigned(v));
}

static void text_timestamp(struct show *s, const struct value *v)
{
	out_strftime(s->out, s->env, v->type->name ? v->type->name : "%H:%M:%S", value_unsigned(v));
}

static void text_cgroup(struct show *s, const struct value *v)
{
	put_cgroup_path(s->out, value_unsigned(v), v->type->name);
}

static void text_probe(struct show *s, const struct value *v)
{
	uint64_t i = value_unsigned(v);

	if (i < s->env->image->probes.n)
		buf_puts(s->out, s->env->image->probes.v[i]);
	else
		put_unsigned(s->out, i);
}

static void text_agg(struct show *s, const struct value *v)
{
	value_agg_text(s->out, v->type, v->data, 1);
}

static void text_hist(struct show *s, const struct value *v)
{
	hist_text(s->out, v->type, v->data, 1);
}

/* ---- JSON ---- */

static void json_int(struct show *s, const struct value *v)
{
	if (v->type->is_signed)
		json_signed(s->out, value_signed(v));
	else
		json_unsigned(s->out, value_unsigned(v));
}

static void json_text(struct show *s, const struct value *v)
{
	size_t start = s->out->len;

	show_text(s, v);
	json_quote_from(s->out, start);
}

static void json_float(struct show *s, const struct value *v)
{
	size_t start = s->out->len;

	text_float(s, v);
	if (strpbrk(s->out->data + start, "in")) /* inf, nan: not in JSON */
		json_quote_from(s->out, start);
}

static void json_array(struct show *s, const struct value *v)
{
	const struct type *elem = v->type->elem;

	if (is_char_array(v->type)) {
		json_text(s, v);
		return;
	}
	buf_putc(s->out, '[');
	for (uint32_t i = 0; i < v->type->count; i++) {
		struct value one = part(v, elem, (size_t)i * elem->size);

		if (i)
			buf_putc(s->out, ',');
		show_json(s, &one);
	}
	buf_putc(s->out, ']');
}

static void json_tuple(struct show *s, const struct value *v)
{
	buf_putc(s->out, '[');
	for (uint32_t i = 0; i < v->type->nmembers; i++) {
		const struct type_member *m = &v->type->members[i];
		struct value one = part(v, m->type, m->offset);

		if (i)
			buf_putc(s->out, ',');
		show_json(s, &one);
	}
	buf_putc(s->out, ']');
}

static void json_member(struct show *s, const struct type_member *m, const struct value *v,
			unsigned i)
{
	if (i)
		buf_puts(s->out, ", ");
	out_json_string(s->out, m->name, strlen(m->name));
	buf_puts(s->out, ": ");
	show_json(s, v);
}

static void json_struct(struct show *s, const struct value *v)
{
	unsigned n = 0;

	buf_putc(s->out, '{');
	each_member(s, v, &n, json_member);
	buf_putc(s->out, '}');
}

static void json_agg(struct show *s, const struct value *v)
{
	value_agg_json(s->out, v->type, v->data, 1);
}

static void json_hist(struct show *s, const struct value *v)
{
	hist_json(s->out, v->type, v->data, 1);
}

static void json_none(struct show *s, const struct value *v)
{
	(void)v;
	buf_puts(s->out, "null");
}

/* ---- the rows ---- */

static const struct {
	show_fn *text, *json;
} rows[] = {
	[TYPE_NONE] = { text_none, json_none },
	[TYPE_VOID] = { text_none, json_none },
	[TYPE_INT] = { text_int, json_int },
	[TYPE_BOOL] = { text_bool, text_bool },
	[TYPE_FLOAT] = { text_float, json_float },
	[TYPE_ENUM] = { text_enum, json_int },
	[TYPE_POINTER] = { text_pointer, json_int },
	[TYPE_ARRAY] = { text_array, json_array },
	[TYPE_STRUCT] = { text_struct, json_struct },
	[TYPE_UNION] = { text_struct, json_struct },
	[TYPE_FUNC] = { text_none, json_none },
	[TYPE_STRING] = { text_string, json_text },
	[TYPE_BUFFER] = { text_buffer, json_text },
	[TYPE_TUPLE] = { text_tuple, json_tuple },
	[TYPE_RECORD] = { text_struct, json_struct },
	[TYPE_INET] = { text_inet, json_text },
	[TYPE_MAC] = { text_mac, json_text },
	[TYPE_KSTACK] = { text_stack, json_text },
	[TYPE_USTACK] = { text_stack, json_text },
	[TYPE_KSYM] = { text_ksym, json_text },
	[TYPE_USYM] = { text_usym, json_text },
	[TYPE_USERNAME] = { text_username, json_text },
	[TYPE_TIMESTAMP] = { text_timestamp, json_text },
	[TYPE_CGROUP_PATH] = { text_cgroup, json_text },
	[TYPE_PROBE] = { text_probe, json_text },
	[TYPE_COUNT] = { text_agg, json_agg },
	[TYPE_SUM] = { text_agg, json_agg },
	[TYPE_AVG] = { text_agg, json_agg },
	[TYPE_MIN] = { text_agg, json_agg },
	[TYPE_MAX] = { text_agg, json_agg },
	[TYPE_STATS] = { text_agg, json_agg },
	[TYPE_HIST] = { text_hist, json_hist },
	[TYPE_LHIST] = { text_hist, json_hist },
};

_Static_assert(ARRAY_LEN(rows) == TYPE_KIND_COUNT, "every kind of type can be printed");

static bool is_whole(const struct show *s, const struct value *v)
{
	return v->bytes >= bytes_needed(v->type) && s->depth < NESTING_MAX;
}

static void show_text(struct show *s, const struct value *v)
{
	if (!is_whole(s, v))
		return;
	s->depth++;
	rows[v->type->kind].text(s, v);
	s->depth--;
}

static void show_json(struct show *s, const struct value *v)
{
	if (!is_whole(s, v)) {
		buf_puts(s->out, "null");
		return;
	}
	s->depth++;
	rows[v->type->kind].json(s, v);
	s->depth--;
}

void value_text(struct buf *out, const struct out_env *env, const struct value *v, bool compact)
{
	show_text(&(struct show){ .out = out, .env = env, .compact = compact }, v);
}

void value_json(struct buf *out, const struct out_env *env, const struct value *v)
{
	show_json(&(struct show){ .out = out, .env = env }, v);
}

void out_value(struct buf *out, const struct out_env *env, const struct type *t, const void *data,
	       size_t bytes)
{
	struct value v = { t, data, bytes };

	if (env->format == OUT_JSON)
		value_json(out, env, &v);
	else
		value_text(out, env, &v, false);
}

void out_value_record(struct buf *out, const struct out_env *env, const struct type *t,
		      const void *data, size_t bytes)
{
	if (env->format == OUT_JSON)
		buf_puts(out, "{\"type\": \"value\", \"data\": ");
	out_value(out, env, t, data, bytes);
	buf_puts(out, env->format == OUT_JSON ? "}\n" : "\n");
}

/* ---- aggregations ---- */

static void put_agg(struct buf *out, const struct type *t, uint64_t n, int64_t div, bool json)
{
	div = div > 1 ? div : 1;
	if (t->is_signed && json)
		json_signed(out, (int64_t)n / div);
	else if (t->is_signed)
		put_signed(out, (int64_t)n / div);
	else if (json)
		json_unsigned(out, n / div);
	else
		put_unsigned(out, n / div);
}

static const struct type count_type = { .kind = TYPE_COUNT, .size = 8 };

static void put_stats(struct buf *out, const struct type *t, const void *data, int64_t div,
		      bool json)
{
	uint64_t words[2];

	memcpy(words, data, sizeof(words));
	buf_puts(out, json ? "{\"count\": " : "{ .count = ");
	put_agg(out, &count_type, words[0], 1, json);
	buf_puts(out, json ? ", \"average\": " : ", .average = ");
	put_agg(out, t, agg_integer(t, data), div, json);
	buf_puts(out, json ? ", \"total\": " : ", .total = ");
	put_agg(out, t, words[1], 1, json);
	buf_puts(out, json ? "}" : " }");
}

void value_agg_text(struct buf *out, const struct type *t, const void *data, int64_t div)
{
	if (t->kind == TYPE_STATS)
		put_stats(out, t, data, div, false);
	else
		put_agg(out, t, agg_integer(t, data), div, false);
}

void value_agg_json(struct buf *out, const struct type *t, const void *data, int64_t div)
{
	if (t->kind == TYPE_STATS)
		put_stats(out, t, data, div, true);
	else
		put_agg(out, t, agg_integer(t, data), div, true);
}

/* ---- bytes ---- */

void put_bytes(struct buf *out, const char *data, size_t len, enum bytes_form form)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = data[i];

		if (form == BYTES_MIXED && c >= 0x20 && c < 0x7f) {
			buf_putc(out, c);
			continue;
		}
		if (form != BYTES_SPACED)
			buf_puts(out, "\\x");
		else if (i)
			buf_putc(out, ' ');
		buf_add(out, (char[]){ digits[c >> 4], digits[c & 15] }, 2);
	}
}
