/*
 * Hash tables, shared by map_hash*.c.
 *
 *	bucket (one cache line)                       entry e
 *	[tag|e+1][tag|e+1] .. 6 .. [lock seq chain hand]  key line: { next, state, key }
 *	     │                               │          value: values + e * value_stride
 *	     └──► entry                      └──► entries beyond six, linked by `next`
 *
 * A tag is the upper half of the key's hash, so a lookup reads the bucket's line, one key and the
 * value. Readers take no lock: they read slots, compare keys, and when they find nothing while
 * `seq` changed (an entry was unlinked and may be another's by now) they look again.
 *
 * Entries never move. An entry is free (in a pool), in hand, or linked. Writers hold the bucket's
 * lock; each step leaves the table whole, so that a process may die at any of them: what it had
 * in hand stands in the bucket (`hand`) and who takes the lock over gives it back.
 *
 * Updates of a key put a new entry in the place of the old one, so that readers see the old value
 * or the new one, never half of each. That takes spare entries beyond max_entries.
 */
#ifndef SKEP_ENGINE_MAP_HASH_H
#define SKEP_ENGINE_MAP_HASH_H

#include "engine/map_priv.h"

enum {
	HASH_SLOTS = 6,
	HASH_LOAD = 3,   /* entries a bucket, at most, on average */
	HASH_POOLS = 32, /* free lists, at most */
	HASH_GRAB = 8,   /* entries that were never used are taken in such steps */
	HASH_NONE = -1,
};

#define HASH_SPARE (1u << 31)

struct bucket {
	uint64_t slot[HASH_SLOTS];
	struct map_lock lock;
	uint32_t seq;
	uint32_t chain; /* entry + 1 */
	uint32_t hand;  /* entry + 1 that the lock's owner has taken, HASH_SPARE beside */
} __attribute__((aligned(MAP_LINE)));

_Static_assert(sizeof(struct bucket) == MAP_LINE, "one cache line");

struct entry {
	uint32_t next;  /* entry + 1: of the chain or the pool */
	uint32_t state; /* its bucket << 2 and these */
	uint64_t key[];
};

enum {
	ENTRY_USED = 1,       /* linked */
	ENTRY_REFERENCED = 2, /* LRU: looked up since the hand came by */
};

/* Others look at a CPU's head when theirs is empty; the rest is for its own line. */
struct pool {
	uint64_t head __attribute__((aligned(MAP_LINE)));  /* entry + 1, and changes << 32 */
	uint32_t spare __attribute__((aligned(MAP_LINE))); /* entry + 1 */
	uint32_t hand; /* LRU: where this CPU looks for what to evict */
};

/* The part of a hash that lies in its memory, before pools and buckets. */
struct hash_shared {
	uint32_t fresh; /* entries from here on were never used */
} __attribute__((aligned(MAP_LINE)));

struct hash {
	struct map m;
	struct bucket *buckets;
	char *entries;
	struct pool *pools;
	struct hash_shared *shared;
	uint64_t seed;
	uint32_t mask;   /* buckets - 1 */
	uint32_t stride; /* of entries */
	uint32_t count;  /* entries that can be had for new keys */
	uint32_t total;  /* those and the spare ones */
	uint32_t npools; /* a power of two */
	bool lru, percpu;
};

static inline struct hash *hash_of(struct map *m)
{
	return (struct hash *)m;
}

static inline struct entry *hash_entry(const struct hash *h, uint32_t e)
{
	return (struct entry *)(h->entries + (uint64_t)e * h->stride);
}

static inline char *hash_value(const struct hash *h, uint32_t e)
{
	return h->m.values + (uint64_t)e * h->m.value_stride;
}

#define HASH_INLINE static inline __attribute__((always_inline))

/* hash_key_sized - the hash of a key; one multiplication for the sizes that are usual. */
HASH_INLINE uint64_t hash_key_sized(const struct hash *h, const void *key, uint32_t size)
{
	if (size == 4)
		return map_mix(map_half(key) ^ h->seed, UINT64_C(0xd6e8feb86659fd93));
	if (size == 8)
		return map_mix(map_word(key) ^ h->seed, UINT64_C(0xd6e8feb86659fd93));
	return map_hash_bytes(key, size, h->seed);
}

static inline uint64_t hash_key(const struct hash *h, const void *key)
{
	return hash_key_sized(h, key, h->m.def.key_size);
}

static inline struct bucket *hash_bucket(const struct hash *h, uint64_t hash)
{
	return &h->buckets[hash & h->mask];
}

/* hash_same - whether entry @e has the key. */
HASH_INLINE bool hash_same(const struct hash *h, uint32_t e, const void *key, uint32_t size)
{
	const uint64_t *have = hash_entry(h, e)->key;
	const char *want = key;

	for (; size >= 8; size -= 8, want += 8)
		if (LOAD(have++) != map_word(want))
			return false;
	return !size || LOAD(have) == map_tail(want, size);
}

/* What links an entry: a slot, or the word of a chain. */
struct link {
	uint64_t *slot;
	uint32_t *chain;
};

/* hash_find - the entry of @key, HASH_NONE when there is none. Takes no lock.
 * hash_find_locked - the same under the bucket's lock, and what links it.
 * hash_find_entry - what links entry @e, under the bucket's lock. */
int64_t hash_find(const struct hash *h, const void *key);
int64_t hash_find_locked(const struct hash *h, struct bucket *b, uint64_t hash, const void *key,
			 struct link *ret);
bool hash_find_entry(const struct hash *h, struct bucket *b, uint32_t e, struct link *ret);
/* hash_unlink - takes an entry out of the table; it is in the caller's hand then. */
void hash_unlink(struct hash *h, struct bucket *b, uint32_t e, struct link at);
/* hash_lock - 0 or -EBUSY; recovers what a dead owner left. */
int hash_lock(struct hash *h, struct bucket *b);

/* hash_take - an entry for a new key, in hand; HASH_NONE: none is left. Pools of other CPUs are
 * tried when this one's is empty. hash_give - an entry in hand goes back. */
int64_t hash_take(struct hash *h, uint32_t cpu);
void hash_give(struct hash *h, uint32_t e, uint32_t cpu);
/* hash_last_cpu - where this thread took from last; for those who know no CPU. */
uint32_t hash_last_cpu(void);
/* hash_take_spare, hash_give_spare - the same for updates in place of an old entry. */
int64_t hash_take_spare(struct hash *h, uint32_t cpu);
void hash_give_spare(struct hash *h, uint32_t e, uint32_t cpu);
/* hash_evict - the entry of a key that was not looked up of late, in hand. */
int64_t hash_evict(struct hash *h, uint32_t cpu);
int hash_check(const struct map_def *d);
int hash_create(struct map *m);
void *hash_lookup(struct map *m, const void *key, uint32_t cpu);
/* hash_change - update; @all: @value has one for each CPU. */
int hash_change(struct hash *h, const void *key, const void *value, uint64_t flags, uint32_t cpu,
		bool all);
int hash_remove(struct map *m, const void *key);
/* hash_remove_into - looks up and deletes at once; a value for each CPU in per-CPU tables. */
int hash_remove_into(struct map *m, const void *key, void *value, uint64_t flags);
/* hash_get_values - as user space gets them: those of all CPUs, the id of an object. */
int hash_get_values(struct hash *h, uint32_t e, char *ret, uint64_t flags);
int hash_next_key(struct map *m, const void *key, void *ret);
int64_t hash_each(struct map *m, map_each_fn *fn, void *ctx, uint32_t cpu);
bool hash_key_of(struct map *m, const void *value, void *ret);
int hash_bucket_page(struct map *m, uint32_t bucket, bool take, char *keys, char *values,
		     uint32_t room, uint64_t flags);

#endif
