/* String-keyed hash tables with linear probing. See table.h. Needs: arena. */
#include "base/table.h"

#include <string.h>

uint32_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

/* The entry of @key, or the empty one where it would go. The table is never full. */
static struct table_entry *find(const struct table *t, const char *key, uint32_t len, uint32_t hash)
{
	for (uint32_t i = hash;; i++) {
		struct table_entry *e = &t->entries[i & (t->cap - 1)];

		if (!e->key || (e->hash == hash && e->len == len && !memcmp(e->key, key, len)))
			return e;
	}
}

void *table_getn(const struct table *t, const char *key, size_t len)
{
	if (!t->n)
		return NULL;
	return find(t, key, len, hash_bytes(key, len))->value;
}

void *table_get(const struct table *t, const char *key)
{
	return table_getn(t, key, strlen(key));
}

static void grow(struct arena *a, struct table *t)
{
	struct table bigger = { .cap = t->cap ? t->cap * 2 : 16, .n = t->n };

	bigger.entries = arena_array(a, struct table_entry, bigger.cap);
	for (uint32_t i = 0; i < t->cap; i++) {
		struct table_entry *e = &t->entries[i];

		if (e->key)
			*find(&bigger, e->key, e->len, e->hash) = *e;
	}
	*t = bigger;
}

void table_put(struct arena *a, struct table *t, const char *key, void *value)
{
	uint32_t len = strlen(key), hash = hash_bytes(key, len);
	struct table_entry *e;

	if ((t->n + 1) * 4 > t->cap * 3)
		grow(a, t);
	e = find(t, key, len, hash);
	if (!e->key) {
		*e = (struct table_entry){ .key = key, .len = len, .hash = hash };
		t->n++;
	}
	e->value = value;
}
