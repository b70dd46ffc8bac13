/*
 * A hash table from strings to pointers, in an arena. A zeroed table is empty.
 * Keys are kept, not copied: they must live as long as the table.
 */
#ifndef SKEP_BASE_TABLE_H
#define SKEP_BASE_TABLE_H

#include "base/arena.h"

struct table_entry {
	const char *key;
	uint32_t len, hash;
	void *value;
};

struct table {
	struct table_entry *entries;
	uint32_t n, cap;
};

/* table_get - the value under @key (@len bytes), or NULL. */
void *table_getn(const struct table *t, const char *key, size_t len);
void *table_get(const struct table *t, const char *key);

/* table_put - sets the value under @key; a NULL value is the same as an absent key. */
void table_put(struct arena *a, struct table *t, const char *key, void *value);

/* hash_bytes - a 32-bit hash (FNV-1a) for in-memory tables; not stable across versions. */
uint32_t hash_bytes(const void *data, size_t len);

#endif
