/*
 * Whole maps: collecting entries from a host, sorting and printing them. Needs: value, hist, agg.
 * Called by run/ for print(@m) and at the end of a session.
 *
 * How values are stored:
 *
 *	integers       8 bytes, extended by their type, whatever their width
 *	aggregations   as agg.h says; one for each CPU
 *	others         as their type says
 *
 * The value of a map without a key is followed, at the last 8 bytes, by a word that is 0 until
 * it has been set.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/agg.h"
#include "out/out_priv.h"

/* ---- collecting ---- */

static uint32_t key_size(const struct image_map *map)
{
	return map->key ? map->key_size : 0;
}

static bool is_set(const struct image_map *map, const char *value)
{
	uint64_t set;

	if (map->key || map->value_size < sizeof(set))
		return true;
	memcpy(&set, value + map->value_size - sizeof(set), sizeof(set));
	return set != 0;
}

/* Adds one CPU's value to @into. Plain integers are summed; of others the first one stays. */
static void merge(const struct image_map *map, char *into, const char *from)
{
	uint64_t a, b;

	if (type_is_aggregate(map->value)) {
		agg_merge(map->value, into, from);
	} else if (map->value->kind == TYPE_INT && map->value_size >= sizeof(a)) {
		memcpy(&a, into, sizeof(a));
		memcpy(&b, from, sizeof(b));
		a += b;
		memcpy(into, &a, sizeof(a));
	}
}

/* Merges the values of all CPUs that have set one; false when none has. */
static bool merge_cpus(const struct image_map *map, char *into, const char *values, uint32_t n,
		       uint32_t stride)
{
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		const char *one = values + (size_t)i * stride;

		if (!is_set(map, one))
			continue;
		if (any)
			merge(map, into, one);
		else
			memcpy(into, one, map->value_size);
		any = true;
	}
	return any;
}

static bool grow(struct out_map *entries)
{
	uint32_t cap = entries->cap ? entries->cap * 2 : 64;
	char *keys, *values;

	if (entries->n < entries->cap)
		return true;
	/* one byte more: a map without a key has keys of no bytes */
	keys = realloc(entries->keys, (size_t)cap * key_size(entries->map) + 1);
	if (keys)
		entries->keys = keys;
	values = realloc(entries->values, (size_t)cap * entries->map->value_size);
	if (values)
		entries->values = values;
	if (!keys || !values) {
		entries->err = -ENOMEM;
		return false;
	}
	entries->cap = cap;
	return true;
}

int out_map_add(void *ctx, const void *key, const void *values, uint32_t nvalues, uint32_t stride)
{
	struct out_map *entries = ctx;
	const struct image_map *map = entries->map;

	if (entries->err || !grow(entries))
		return 1;
	if (!merge_cpus(map, entries->values + (size_t)entries->n * map->value_size, values,
			nvalues, stride))
		return 0;
	if (map->key)
		memcpy(entries->keys + (size_t)entries->n * map->key_size, key, map->key_size);
	entries->n++;
	return 0;
}

void out_map_done(struct out_map *entries)
{
	free(entries->keys);
	free(entries->values);
	*entries = (struct out_map){ .map = entries->map };
}

/* ---- sorting ---- */

struct order {
	uint32_t index;
	uint64_t weight; /* integers and aggregations: what they are sorted by */
};

static const char *key_at(const struct out_map *entries, uint32_t i)
{
	return entries->keys + (size_t)i * key_size(entries->map);
}

static const char *value_at(const struct out_map *entries, uint32_t i)
{
	return entries->values + (size_t)i * entries->map->value_size;
}

static int compare_unsigned(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Numbers by value, strings by letters, tuples by their members in turn, the rest by bytes. */
static int compare_keys(const struct type *t, const char *a, const char *b, size_t bytes)
{
	struct value left = { t, a, bytes }, right = { t, b, bytes };
	int order = 0;

	switch (t->kind) {
	case TYPE_INT:
	case TYPE_ENUM:
		if (t->is_signed)
			return compare_unsigned((uint64_t)value_signed(&left) ^ 1ull << 63,
						(uint64_t)value_signed(&right) ^ 1ull << 63);
		return compare_unsigned(value_unsigned(&left), value_unsigned(&right));
	case TYPE_STRING: return strncmp(a, b, MIN(bytes, (size_t)t->size));
	case TYPE_TUPLE:
		for (uint32_t i = 0; i < t->nmembers && !order; i++) {
			const struct type_member *m = &t->members[i];

			if (m->offset < bytes)
				order = compare_keys(m->type, a + m->offset, b + m->offset,
						     bytes - m->offset);
		}
		return order;
	default:
		if (value_is_number(t))
			return compare_unsigned(value_unsigned(&left), value_unsigned(&right));
		return memcmp(a, b, MIN(bytes, (size_t)t->size));
	}
}

static bool sorts_by_value(const struct type *t)
{
	return type_is_aggregate(t) || t->kind == TYPE_INT || t->kind == TYPE_ENUM;
}

static uint64_t weight_of(const struct out_map *entries, uint32_t i)
{
	const struct type *t = entries->map->value;
	struct value v = { t, value_at(entries, i), entries->map->value_size };
	bool counts = t->kind == TYPE_COUNT || t->kind == TYPE_HIST || t->kind == TYPE_LHIST;
	uint64_t n = type_is_aggregate(t) ? (uint64_t)agg_integer(t, v.data)
					  : (uint64_t)value_signed(&v);

	/* with the top bit turned over, signed numbers compare as unsigned ones do */
	return t->is_signed && !counts ? n ^ 1ull << 63 : n;
}

static int compare_entries(const void *left, const void *right, void *ctx)
{
	const struct out_map *entries = ctx;
	const struct order *a = left, *b = right;
	int order = compare_unsigned(a->weight, b->weight);

	if (!order && entries->map->key)
		order = compare_keys(entries->map->key, key_at(entries, a->index),
				     key_at(entries, b->index), entries->map->key_size);
	return order ? order : compare_unsigned(a->index, b->index);
}

static struct order *sort(struct out_map *entries)
{
	struct order *order = malloc(MAX(entries->n, 1u) * sizeof(*order));

	for (uint32_t i = 0; order && i < entries->n; i++) {
		order[i].index = i;
		order[i].weight = sorts_by_value(entries->map->value) ? weight_of(entries, i) : 0;
	}
	if (order)
		qsort_r(order, entries->n, sizeof(*order), compare_entries, entries);
	return order;
}

/* ---- printing ---- */

struct map_printer {
	struct buf *out;
	const struct out_env *env;
	const struct out_map *entries;
	int64_t div;
};

static bool is_hist(const struct type *t)
{
	return t->kind == TYPE_HIST || t->kind == TYPE_LHIST;
}

/* The value under @div, when it is an integer: a copy in 8 bytes, as maps have it. */
static struct value divided(const struct map_printer *p, uint32_t i, int64_t *word)
{
	const struct type *t = p->entries->map->value;
	struct value v = { t, value_at(p->entries, i), p->entries->map->value_size };

	if (t->kind != TYPE_INT || p->div <= 1)
		return v;
	if (t->is_signed)
		*word = value_signed(&v) / p->div;
	else
		*word = (int64_t)(value_unsigned(&v) / (uint64_t)p->div);
	v.data = (const char *)word;
	v.bytes = sizeof(*word);
	return v;
}

static void put_value(const struct map_printer *p, uint32_t i)
{
	bool json = p->env->format == OUT_JSON;
	int64_t word;
	struct value v = divided(p, i, &word);

	if (is_hist(v.type) && json)
		hist_json(p->out, v.type, v.data, p->div);
	else if (is_hist(v.type))
		hist_text(p->out, v.type, v.data, p->div);
	else if (type_is_aggregate(v.type) && json)
		value_agg_json(p->out, v.type, v.data, p->div);
	else if (type_is_aggregate(v.type))
		value_agg_text(p->out, v.type, v.data, p->div);
	else if (json)
		value_json(p->out, p->env, &v);
	else
		value_text(p->out, p->env, &v, false);
}

/* The key without the brackets of a tuple. */
static void put_key(const struct map_printer *p, uint32_t i, bool compact)
{
	const struct image_map *map = p->entries->map;
	struct value v = { map->key, key_at(p->entries, i), map->key_size };
	size_t start = p->out->len;

	value_text(p->out, p->env, &v, compact);
	if (map->key->kind == TYPE_TUPLE && !p->out->err && p->out->len >= start + 2) {
		p->out->len -= 2;
		memmove(p->out->data + start, p->out->data + start + 1, p->out->len - start);
		p->out->data[p->out->len] = '\0';
	}
}

static void put_text_entry(const struct map_printer *p, uint32_t i)
{
	const struct image_map *map = p->entries->map;

	buf_puts(p->out, map->name);
	if (map->key) {
		buf_putc(p->out, '[');
		put_key(p, i, false);
		buf_putc(p->out, ']');
	}
	buf_puts(p->out, is_hist(map->value) ? ":\n" : ": ");
	put_value(p, i);
	buf_putc(p->out, '\n');
}

static void put_json_entry(const struct map_printer *p, uint32_t i, bool first)
{
	size_t start;

	if (!p->entries->map->key) {
		put_value(p, i);
		return;
	}
	if (!first)
		buf_puts(p->out, ", ");
	start = p->out->len;
	put_key(p, i, true);
	json_quote_from(p->out, start);
	buf_puts(p->out, ": ");
	put_value(p, i);
}

static const char *record_type(const struct type *t)
{
	if (is_hist(t))
		return "hist";
	return t->kind == TYPE_STATS || t->kind == TYPE_AVG ? "stats" : "map";
}

static void put_json(const struct map_printer *p, const struct order *order, uint32_t from)
{
	const struct image_map *map = p->entries->map;

	buf_puts(p->out, "{\"type\": \"");
	buf_puts(p->out, record_type(map->value));
	buf_puts(p->out, "\", \"data\": {");
	out_json_string(p->out, map->name, strlen(map->name));
	buf_puts(p->out, map->key ? ": {" : ": ");
	for (uint32_t i = from; i < p->entries->n; i++)
		put_json_entry(p, order[i].index, i == from);
	buf_puts(p->out, map->key ? "}}}\n" : "}}\n");
}

void out_map_print(struct buf *out, const struct out_env *env, struct out_map *entries, int64_t top,
		   int64_t div)
{
	struct map_printer p = { out, env, entries, div };
	struct order *order = sort(entries);
	uint32_t from = 0;

	if (!order || entries->err) {
		out->err = -ENOMEM;
		free(order);
		return;
	}
	if (top > 0 && top < entries->n)
		from = entries->n - top;
	if (env->format == OUT_JSON && entries->n)
		put_json(&p, order, from);
	for (uint32_t i = from; env->format == OUT_TEXT && i < entries->n; i++)
		put_text_entry(&p, order[i].index);
	free(order);
}
