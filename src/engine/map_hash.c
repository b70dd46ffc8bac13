/*
 * Hash tables: find, put, remove, walk. See map_hash.h for their shape, map_hash_pool.c for where
 * entries come from, map_hash_kinds.c for the rows. Called through the rows.
 */
#include <stdlib.h>

#include "engine/map_hash.h"

/* The entries of a chain, when the six slots of its bucket were full. */
static int64_t find_chained(const struct hash *h, uint32_t e, const void *key)
{
	for (uint32_t n = 0; e - 1 < h->total && n < h->total; n++) {
		if (hash_same(h, e - 1, key, h->m.def.key_size))
			return e - 1;
		e = LOAD(&hash_entry(h, e - 1)->next);
	}
	return HASH_NONE;
}

HASH_INLINE int64_t find_sized(const struct hash *h, const void *key, uint32_t size)
{
	uint64_t hash = hash_key_sized(h, key, size);
	const struct bucket *b = hash_bucket(h, hash);

	for (;;) {
		uint32_t seq = LOAD(&b->seq), hits = 0;

		for (uint32_t i = 0; i < HASH_SLOTS; i++)
			hits |= (uint32_t)(LOAD(&b->slot[i]) >> 32 == hash >> 32) << i;
		for (; hits; hits &= hits - 1) {
			uint32_t e = (uint32_t)LOAD(&b->slot[__builtin_ctz(hits)]) - 1;

			if (LIKELY(e < h->total) && LIKELY(hash_same(h, e, key, size)))
				return e;
		}
		uint32_t chain = LOAD(&b->chain);
		if (UNLIKELY(chain)) {
			int64_t e = find_chained(h, chain, key);
			if (e >= 0)
				return e;
		}
		if (LIKELY(LOAD(&b->seq) == seq))
			return HASH_NONE;
	}
}

int64_t hash_find(const struct hash *h, const void *key)
{
	return find_sized(h, key, h->m.def.key_size);
}

static inline void refer(struct entry *e)
{
	if (!(LOAD_RELAXED(&e->state) & ENTRY_REFERENCED))
		__atomic_fetch_or(&e->state, ENTRY_REFERENCED, __ATOMIC_RELAXED);
}

HASH_INLINE void *lookup_sized(struct map *m, const void *key, uint32_t cpu, uint32_t size)
{
	struct hash *h = hash_of(m);
	int64_t e = find_sized(h, key, size);

	if (e < 0)
		return NULL;
	if (h->lru)
		refer(hash_entry(h, (uint32_t)e));
	return hash_value(h, (uint32_t)e) + cpu * m->cpu_stride;
}

static void *lookup_4(struct map *m, const void *key, uint32_t cpu)
{
	return lookup_sized(m, key, cpu, 4);
}

static void *lookup_8(struct map *m, const void *key, uint32_t cpu)
{
	return lookup_sized(m, key, cpu, 8);
}

static void *lookup_16(struct map *m, const void *key, uint32_t cpu)
{
	return lookup_sized(m, key, cpu, 16);
}

void *hash_lookup(struct map *m, const void *key, uint32_t cpu)
{
	return lookup_sized(m, key, cpu, m->def.key_size);
}

/* Finds entry @e, or the one with @key when @e is HASH_NONE. */
static int64_t find_link(const struct hash *h, struct bucket *b, uint64_t hash, const void *key,
			 int64_t e, struct link *ret)
{
	uint32_t *chain = &b->chain, at, n = 0;

	for (uint64_t *slot = b->slot; slot < b->slot + HASH_SLOTS; slot++) {
		at = (uint32_t)*slot - 1;
		if (at >= h->total || (e < 0 && *slot >> 32 != hash >> 32))
			continue;
		if (e < 0 ? hash_same(h, at, key, h->m.def.key_size) : at == e) {
			*ret = (struct link){ .slot = slot };
			return at;
		}
	}
	for (; (at = LOAD(chain) - 1) < h->total && n < h->total; n++) {
		if (e < 0 ? hash_same(h, at, key, h->m.def.key_size) : at == e) {
			*ret = (struct link){ .chain = chain };
			return at;
		}
		chain = &hash_entry(h, at)->next;
	}
	return HASH_NONE;
}

int64_t hash_find_locked(const struct hash *h, struct bucket *b, uint64_t hash, const void *key,
			 struct link *ret)
{
	return find_link(h, b, hash, key, HASH_NONE, ret);
}

bool hash_find_entry(const struct hash *h, struct bucket *b, uint32_t e, struct link *ret)
{
	return find_link(h, b, 0, NULL, e, ret) >= 0;
}

int hash_lock(struct hash *h, struct bucket *b)
{
	int got = map_lock(&b->lock);
	struct link at;

	if (LIKELY(got <= 0))
		return got;
	uint32_t hand = LOAD(&b->hand), e = (hand & ~HASH_SPARE) - 1;
	if (e < h->total && !hash_find_entry(h, b, e, &at)) {
		if (hand & HASH_SPARE)
			hash_give_spare(h, e, 0);
		else
			hash_give(h, e, 0);
	}
	STORE(&b->hand, 0);
	return 0;
}

void hash_unlink(struct hash *h, struct bucket *b, uint32_t e, struct link at)
{
	struct entry *entry = hash_entry(h, e);

	STORE(&b->hand, e + 1);
	if (at.slot)
		STORE(at.slot, 0);
	else
		STORE(at.chain, LOAD(&entry->next));
	STORE(&b->seq, b->seq + 1);
	STORE(&entry->state, 0);
	map_value_release(&h->m, hash_value(h, e));
}

/* The CPUs' values of an entry: @value is for @cpu, or one for each with @all. A new entry's
 * values for other CPUs are zeroes. */
static void put_values(struct hash *h, uint32_t e, const char *value, uint32_t cpu, bool all,
		       bool made)
{
	struct map *m = &h->m;
	char *to = hash_value(h, e);

	if (!h->percpu) {
		if (made && map_has_fields(m))
			map_zero_words(to, m->value_stride);
		map_value_put(m, to, value);
		return;
	}
	for (uint32_t c = 0; c < m->def.ncpus; c++, to += m->cpu_stride) {
		if (all)
			map_value_put(m, to, value + (size_t)c * m->value_stride);
		else if (c == cpu)
			map_value_put(m, to, value);
		else if (made)
			map_zero_words(to, m->value_stride);
	}
}

static uint32_t bucket_of(const struct hash *h, const struct bucket *b)
{
	return (uint32_t)(b - h->buckets);
}

static void link_new(struct hash *h, struct bucket *b, uint64_t hash, uint32_t e)
{
	STORE(&hash_entry(h, e)->state, bucket_of(h, b) << 2 | ENTRY_USED);
	for (uint64_t *slot = b->slot; slot < b->slot + HASH_SLOTS; slot++) {
		if ((uint32_t)*slot)
			continue;
		STORE(slot, hash >> 32 << 32 | (e + 1));
		return;
	}
	STORE(&hash_entry(h, e)->next, LOAD(&b->chain));
	STORE(&b->chain, e + 1);
}

/* Puts a spare entry with the new value in the place of @old. */
static bool swap(struct hash *h, struct bucket *b, const void *key, const void *value, uint32_t cpu,
		 uint32_t old, struct link at)
{
	int64_t got = hash_take_spare(h, cpu);
	uint32_t e = (uint32_t)got;

	if (got < 0)
		return false;
	STORE(&b->hand, HASH_SPARE | (e + 1));
	struct entry *entry = hash_entry(h, e);
	map_put_words(entry->key, key, h->m.def.key_size);
	put_values(h, e, value, cpu, false, true);
	STORE(&entry->state, bucket_of(h, b) << 2 | ENTRY_REFERENCED | ENTRY_USED);
	if (at.slot) {
		STORE(at.slot, *at.slot >> 32 << 32 | (e + 1));
	} else {
		STORE(&entry->next, LOAD(&hash_entry(h, old)->next));
		STORE(at.chain, e + 1);
	}
	STORE(&b->hand, HASH_SPARE | (old + 1));
	STORE(&b->seq, b->seq + 1);
	STORE(&hash_entry(h, old)->state, 0);
	map_value_release(&h->m, hash_value(h, old));
	STORE(&b->hand, 0); /* first: dying here loses an entry, given twice it would harm */
	hash_give_spare(h, old, cpu);
	return true;
}

static int check_flags(int64_t e, uint64_t flags)
{
	flags &= ~(uint64_t)BPF_F_LOCK;
	if (e >= 0 && flags == BPF_NOEXIST)
		return -EEXIST;
	return e < 0 && flags == BPF_EXIST ? -ENOENT : 0;
}

/* One change as its caller gave it, and an entry that was evicted for it. */
struct change {
	const void *key, *value;
	uint64_t hash, flags;
	uint32_t cpu;
	bool all;
	int64_t evicted;
};

static int replace(struct hash *h, struct bucket *b, const struct change *c, uint32_t e,
		   struct link at)
{
	if (c->flags & BPF_F_LOCK)
		return map_value_put_locked(&h->m, hash_value(h, e), c->value);
	if (!h->percpu && swap(h, b, c->key, c->value, c->cpu, e, at))
		return 0;
	map_value_release(&h->m, hash_value(h, e));
	put_values(h, e, c->value, c->cpu, c->all, false);
	if (h->percpu && h->lru)
		refer(hash_entry(h, e));
	return 0;
}

static int insert(struct hash *h, struct bucket *b, struct change *c)
{
	int64_t got = c->evicted >= 0 ? c->evicted : hash_take(h, c->cpu);
	uint32_t e = (uint32_t)got;

	if (got < 0)
		return h->lru ? -EAGAIN : -E2BIG;
	c->evicted = HASH_NONE;
	STORE(&b->hand, e + 1);
	map_put_words(hash_entry(h, e)->key, c->key, h->m.def.key_size);
	put_values(h, e, c->value, c->cpu, c->all, true);
	link_new(h, b, c->hash, e);
	STORE(&b->hand, 0);
	return 0;
}

/* -EAGAIN: there is no free entry, evict one and come again. */
static int change(struct hash *h, struct change *c)
{
	struct bucket *b = hash_bucket(h, c->hash);
	struct link at;
	int err = hash_lock(h, b);

	if (err)
		return err;
	int64_t e = hash_find_locked(h, b, c->hash, c->key, &at);
	err = check_flags(e, c->flags);
	if (!err)
		err = e >= 0 ? replace(h, b, c, (uint32_t)e, at) : insert(h, b, c);
	map_unlock(&b->lock);
	return err;
}

int hash_change(struct hash *h, const void *key, const void *value, uint64_t flags, uint32_t cpu,
		bool all)
{
	struct change c = {
		.key = key,
		.value = value,
		.hash = hash_key(h, key),
		.flags = flags,
		.cpu = cpu,
		.all = all,
		.evicted = HASH_NONE,
	};

	if ((flags & ~(uint64_t)(h->lru || h->percpu ? 0 : BPF_F_LOCK)) > BPF_EXIST)
		return -EINVAL;
	if (flags & BPF_F_LOCK && !h->m.def.lock.size)
		return -EINVAL;
	int err = change(h, &c);
	if (err == -EAGAIN) {
		c.evicted = hash_evict(h, cpu);
		err = c.evicted < 0 ? -ENOMEM : change(h, &c);
		if (c.evicted >= 0)
			hash_give(h, (uint32_t)c.evicted, cpu);
	}
	return err;
}

int hash_get_values(struct hash *h, uint32_t e, char *ret, uint64_t flags)
{
	struct map *m = &h->m;
	const char *from = hash_value(h, e);

	if (m->kind->objects)
		return map_object_id(m, LOAD((void **)(uintptr_t)from), ret);
	if (flags & BPF_F_LOCK)
		return map_value_get_locked(m, ret, from);
	if (!h->percpu) {
		map_value_get(m, ret, from);
		return 0;
	}
	for (uint32_t c = 0; c < m->def.ncpus; c++, ret += m->value_stride)
		map_get_words(ret, from + c * m->cpu_stride, m->value_stride);
	return 0;
}

static int take_out(struct map *m, const void *key, void *value, uint64_t flags)
{
	struct hash *h = hash_of(m);
	uint64_t hash = hash_key(h, key);
	struct bucket *b = hash_bucket(h, hash);
	struct link at;
	int err = hash_lock(h, b);

	if (err)
		return err;
	int64_t e = hash_find_locked(h, b, hash, key, &at);
	if (e < 0)
		err = -ENOENT;
	else if (value)
		err = hash_get_values(h, (uint32_t)e, value, flags);
	if (!err) {
		hash_unlink(h, b, (uint32_t)e, at);
		STORE(&b->hand, 0);
		hash_give(h, (uint32_t)e, hash_last_cpu());
	}
	map_unlock(&b->lock);
	return err;
}

int hash_remove(struct map *m, const void *key)
{
	return take_out(m, key, NULL, 0);
}

int hash_remove_into(struct map *m, const void *key, void *value, uint64_t flags)
{
	return take_out(m, key, value, flags);
}

/* Entries in the order of a walk: a bucket's slots, its chain, the next bucket. */
struct spot {
	uint32_t bucket, slot;
	uint32_t chain; /* entry + 1 reached in the chain; slot is HASH_SLOTS then */
};

/* The first entry at or after @p, which moves behind it. */
static int64_t walk(const struct hash *h, struct spot *p)
{
	for (; p->bucket <= h->mask; *p = (struct spot){ .bucket = p->bucket + 1 }) {
		const struct bucket *b = &h->buckets[p->bucket];

		while (p->slot < HASH_SLOTS) {
			uint32_t e = (uint32_t)LOAD(&b->slot[p->slot++]) - 1;
			if (e < h->total)
				return e;
		}
		if (p->slot == HASH_SLOTS) {
			p->chain = LOAD(&b->chain);
			p->slot++;
		}
		uint32_t e = p->chain - 1;
		if (e < h->total) {
			p->chain = LOAD(&hash_entry(h, e)->next);
			return e;
		}
	}
	return HASH_NONE;
}

/* Where the walk goes on after @key; false: there is no such key. */
static bool place_after(const struct hash *h, const void *key, struct spot *ret)
{
	uint64_t hash = hash_key(h, key);
	struct spot p = { .bucket = (uint32_t)hash & h->mask };

	for (uint32_t n = 0; n < h->total; n++) {
		int64_t e = walk(h, &p);
		if (e < 0 || p.bucket != ((uint32_t)hash & h->mask))
			return false;
		if (hash_same(h, (uint32_t)e, key, h->m.def.key_size)) {
			*ret = p;
			return true;
		}
	}
	return false;
}

int hash_next_key(struct map *m, const void *key, void *ret)
{
	struct hash *h = hash_of(m);
	struct spot p = { 0 };

	if (key)
		place_after(h, key, &p);
	int64_t e = walk(h, &p);
	if (e < 0)
		return -ENOENT;
	map_get_words(ret, hash_entry(h, (uint32_t)e)->key, m->def.key_size);
	return 0;
}

int64_t hash_each(struct map *m, map_each_fn *fn, void *ctx, uint32_t cpu)
{
	struct hash *h = hash_of(m);
	struct spot p = { 0 };
	char *key = malloc(m->def.key_size);
	int64_t e, n = 0;

	if (!key)
		return -ENOMEM;
	while (n < h->total && (e = walk(h, &p)) >= 0) {
		n++;
		map_get_words(key, hash_entry(h, (uint32_t)e)->key, m->def.key_size);
		if (fn(ctx, key, hash_value(h, (uint32_t)e) + cpu * m->cpu_stride))
			break;
	}
	free(key);
	return n;
}

bool hash_key_of(struct map *m, const void *value, void *ret)
{
	struct hash *h = hash_of(m);
	uint64_t e = (uint64_t)((const char *)value - m->values) / m->value_stride;

	if (e >= h->total || !(LOAD(&hash_entry(h, (uint32_t)e)->state) & ENTRY_USED))
		return false;
	map_get_words(ret, hash_entry(h, (uint32_t)e)->key, m->def.key_size);
	return true;
}

int hash_bucket_page(struct map *m, uint32_t bucket, bool take, char *keys, char *values,
		     uint32_t room, uint64_t flags)
{
	struct hash *h = hash_of(m);
	struct spot p = { .bucket = bucket };
	size_t size = map_user_value_size(m);
	uint32_t n = 0;
	int64_t e;

	if (bucket > h->mask)
		return -ENOENT;
	struct bucket *b = &h->buckets[bucket];
	int err = hash_lock(h, b);
	if (err)
		return err;
	while ((e = walk(h, &p)) >= 0 && p.bucket == bucket && ++n <= room && !err) {
		map_get_words(keys + (size_t)(n - 1) * m->def.key_size,
			      hash_entry(h, (uint32_t)e)->key, m->def.key_size);
		err = hash_get_values(h, (uint32_t)e, values + (n - 1) * size, flags);
	}
	if (n > room)
		err = -ENOSPC;
	for (p = (struct spot){ .bucket = bucket };
	     take && !err && (e = walk(h, &p)) >= 0 && p.bucket == bucket;) {
		struct link at;

		if (!hash_find_entry(h, b, (uint32_t)e, &at))
			break;
		hash_unlink(h, b, (uint32_t)e, at);
		STORE(&b->hand, 0);
		hash_give(h, (uint32_t)e, hash_last_cpu());
	}
	map_unlock(&b->lock);
	return err ? err : (int)n;
}

/* Where things lie: head page, shared, pools, buckets, entries, values. */
int hash_create(struct map *m)
{
	struct hash *h = hash_of(m);
	uint32_t lists = 1, n = m->def.max_entries, buckets = 1;

	while (lists < m->def.ncpus && lists < HASH_POOLS)
		lists <<= 1;
	while ((uint64_t)buckets * HASH_LOAD < n)
		buckets <<= 1;
	h->npools = lists;
	h->mask = buckets - 1;
	h->count = n;
	h->total = n + lists;
	h->stride = (uint32_t)(sizeof(struct entry) + ALIGN_UP(m->def.key_size, 8));
	h->percpu = m->kind->percpu;

	uint64_t pools = sizeof(struct hash_shared);
	uint64_t first = pools + lists * sizeof(struct pool);
	uint64_t entries = first + (uint64_t)buckets * sizeof(struct bucket);
	uint64_t values = ALIGN_UP(entries + (uint64_t)h->total * h->stride, MAP_PAGE);
	int err = map_body_open(m, values + map_values_size(&m->def, h->percpu, h->total), false);
	if (err)
		return err;

	char *at = m->body + MAP_PAGE;
	h->shared = (struct hash_shared *)at;
	h->pools = (struct pool *)(at + pools);
	h->buckets = (struct bucket *)(at + first);
	h->entries = at + entries;
	h->seed = map_head(m)->seed;
	map_values_init(m, at + values, h->total);
	m->lookup = m->def.key_size == 4    ? lookup_4
		    : m->def.key_size == 8  ? lookup_8
		    : m->def.key_size == 16 ? lookup_16
					    : hash_lookup;
	for (uint32_t i = 0; m->fresh && i < lists; i++) {
		h->pools[i].spare = n + i + 1;
		h->pools[i].hand = (uint32_t)((uint64_t)n * i / lists);
	}
	return 0;
}
