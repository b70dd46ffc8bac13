/*
 * The rows of hash tables: plain, per-CPU, LRU, both, and of maps. The checks are the kernel's.
 */
#include "engine/map_hash.h"

enum { KERNEL_ENTRY = 48 }; /* sizeof(struct htab_elem), which bounds key and value */

int hash_check(const struct map_def *d)
{
	uint32_t known = BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE |
			 MAP_ACCESS_FLAGS | BPF_F_ZERO_SEED;
	bool lru = d->type == BPF_MAP_TYPE_LRU_HASH || d->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool percpu = d->type == BPF_MAP_TYPE_PERCPU_HASH ||
		      d->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool lists = d->flags & BPF_F_NO_COMMON_LRU;

	if (!map_flags_ok(d->flags, known) || (!lru && lists))
		return -EINVAL;
	if (lru && d->flags & BPF_F_NO_PREALLOC)
		return -MAP_ENOTSUPP;
	if (d->flags & BPF_F_NUMA_NODE && (percpu || lists))
		return -EINVAL;
	if (!d->max_entries || !d->key_size || !d->value_size)
		return -EINVAL;
	if ((uint64_t)d->key_size + d->value_size >= MAP_KMALLOC_MAX - KERNEL_ENTRY)
		return -E2BIG;
	if (percpu && ALIGN_UP(d->value_size, 8) > MAP_PERCPU_MAX)
		return -E2BIG;
	return d->max_entries > 1u << 31 ? -E2BIG : 0;
}

static int lru_create(struct map *m)
{
	hash_of(m)->lru = true;
	if (m->def.flags & BPF_F_NO_COMMON_LRU)
		m->def.max_entries = ALIGN_UP(m->def.max_entries, m->def.ncpus);
	return hash_create(m);
}

static int update(struct map *m, const void *key, const void *value, uint64_t flags, uint32_t cpu)
{
	return hash_change(hash_of(m), key, value, flags, cpu, false);
}

static int user_update_all(struct map *m, const void *key, const void *value, uint64_t flags)
{
	return hash_change(hash_of(m), key, value, flags, 0, true);
}

/* User space's lookups do not count as use in LRU tables. The copy is of one value of this key,
 * never of an entry that was another's by then. */
static int user_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	struct hash *h = hash_of(m);
	struct bucket *b = hash_bucket(h, hash_key(h, key));

	for (;;) {
		uint32_t seq = LOAD(&b->seq);
		int64_t e = hash_find(h, key);

		if (e < 0)
			return -ENOENT;
		int err = hash_get_values(h, (uint32_t)e, value, flags);
		if (err || LOAD(&b->seq) == seq)
			return err;
	}
}

#define HASH_ROW(id, text, cpus, holds, make, user)                                               \
	const struct map_kind map_##text = {                                                      \
		.type = BPF_MAP_TYPE_##id,                                                        \
		.name = #text,                                                                    \
		.percpu = cpus,                                                                   \
		.fields = holds,                                                                  \
		.batch = MAP_BATCH_LOOKUP | MAP_BATCH_UPDATE | MAP_BATCH_DELETE | MAP_BATCH_TAKE, \
		.size = sizeof(struct hash),                                                      \
		.check = hash_check,                                                              \
		.create = make,                                                                   \
		.lookup = hash_lookup,                                                            \
		.update = update,                                                                 \
		.remove = hash_remove,                                                            \
		.next_key = hash_next_key,                                                        \
		.each = hash_each,                                                                \
		.key_of = hash_key_of,                                                            \
		.user_lookup = user_lookup,                                                       \
		.user_update = user,                                                              \
		.user_take = hash_remove_into,                                                    \
		.bucket = hash_bucket_page,                                                       \
	}

HASH_ROW(HASH, hash, false, MAP_MAY_LOCK | MAP_MAY_TIMER, hash_create, NULL);
HASH_ROW(PERCPU_HASH, percpu_hash, true, 0, hash_create, user_update_all);
HASH_ROW(LRU_HASH, lru_hash, false, MAP_MAY_TIMER, lru_create, NULL);
HASH_ROW(LRU_PERCPU_HASH, lru_percpu_hash, true, 0, lru_create, user_update_all);

static int of_maps_check(const struct map_def *d)
{
	if (d->value_size != 4)
		return -EINVAL;
	if (d->shared)
		return -EOPNOTSUPP; /* maps are of one process */
	int err = hash_check(d);
	if (err)
		return err;
	return d->inner ? 0 : -EBADF;
}

static int of_maps_create(struct map *m)
{
	m->stored = m->value_stride = sizeof(struct map *);
	int err = hash_create(m);
	m->lookup = m->kind->lookup;
	m->storage.size = 0; /* pointers: not for programs */
	return err;
}

/* A program gets the inner map itself. */
static void *of_maps_lookup(struct map *m, const void *key, uint32_t cpu)
{
	(void)cpu;
	return map_object(m, key);
}

static int of_maps_user_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	void *object = map_object(m, key);

	(void)flags;
	return object ? map_object_id(m, object, value) : -ENOENT;
}

static int of_maps_user_update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	return map_object_update(m, key, value, flags);
}

static void of_maps_destroy(struct map *m)
{
	struct hash *h = hash_of(m);

	for (uint32_t e = 0; m->body && e < h->total; e++)
		if (LOAD(&hash_entry(h, e)->state) & ENTRY_USED)
			map_value_release(m, hash_value(h, e));
	map_quiesce(m);
}

const struct map_kind map_hash_of_maps = {
	.type = BPF_MAP_TYPE_HASH_OF_MAPS,
	.name = "hash_of_maps",
	.batch = MAP_BATCH_LOOKUP | MAP_BATCH_UPDATE | MAP_BATCH_DELETE | MAP_BATCH_TAKE,
	.objects = true,
	.size = sizeof(struct hash),
	.check = of_maps_check,
	.create = of_maps_create,
	.destroy = of_maps_destroy,
	.lookup = of_maps_lookup,
	.remove = hash_remove,
	.next_key = hash_next_key,
	.user_lookup = of_maps_user_lookup,
	.user_update = of_maps_user_update,
	.bucket = hash_bucket_page,
};
