/*
 * Storage that belongs to an object: a task, a socket, an inode, a cgroup. The object's address
 * is only a key here; who ends an object deletes its storage. A table of the engine's own
 * (map_hash.c) holds the values, so its promises hold: values never move.
 *
 * The kernel has no limit but memory; here it is OWNERS_MAX objects a map.
 */
#include "engine/map_priv.h"
#include "engine/map_special.h"

enum {
	OWNERS_MAX = 1 << 16,
	VALUE_MAX = 65407, /* BPF_LOCAL_STORAGE_MAX_VALUE_SIZE of 6.18 on x86-64 */
	KEY_SIZE = 16,     /* object, attach type (of old cgroup storage) */
};

struct storage {
	struct map m;
	struct map *table;
};

struct owner {
	uint64_t object, attach_type;
};

_Static_assert(sizeof(struct owner) == KEY_SIZE, "the table's key");

static int check(const struct map_def *d)
{
	uint32_t known = BPF_F_NO_PREALLOC | BPF_F_CLONE;

	if (d->flags & ~known || !(d->flags & BPF_F_NO_PREALLOC) || d->max_entries ||
	    d->key_size != 4 || !d->value_size)
		return -EINVAL;
	return d->value_size > VALUE_MAX ? -E2BIG : 0;
}

static int cgroup_check(const struct map_def *d)
{
	uint32_t known = BPF_F_NUMA_NODE | MAP_ACCESS_FLAGS;
	bool percpu = d->type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	if (d->key_size != 8 && d->key_size != KEY_SIZE)
		return -EINVAL;
	if (!d->value_size)
		return -EINVAL;
	if (d->value_size > (percpu ? MAP_PERCPU_MAX : VALUE_MAX))
		return -E2BIG;
	return !map_flags_ok(d->flags, known) || d->max_entries ? -EINVAL : 0;
}

static int create(struct map *m)
{
	struct storage *s = (struct storage *)m;
	struct map_def def = {
		.type = m->kind->percpu ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH,
		.key_size = KEY_SIZE,
		.value_size = m->def.value_size,
		.max_entries = OWNERS_MAX,
		.ncpus = m->def.ncpus,
		.lock = m->def.lock,
		.shared = m->def.shared,
	};
	int err = map_new(&def, &s->table);

	if (err)
		return err;
	m->def.shared = NULL; /* the table is what is shared */
	m->values = s->table->values;
	m->cpu_stride = s->table->cpu_stride;
	m->storage = s->table->storage;
	return map_body_open(m, 0, false);
}

static void destroy(struct map *m)
{
	map_put(((struct storage *)m)->table);
}

void *map_storage_get(struct map *m, uint64_t object, const void *init, uint64_t flags,
		      uint32_t cpu)
{
	struct map *table = ((struct storage *)m)->table;
	struct owner key = { object, 0 };
	void *value = table->lookup(table, &key, cpu);

	if (value || flags != MAP_STORAGE_CREATE)
		return value;
	static const char zeroes[VALUE_MAX];
	int err = table->kind->update(table, &key, init ? init : zeroes, BPF_NOEXIST, cpu);
	return err && err != -EEXIST ? NULL : table->lookup(table, &key, cpu);
}

int map_storage_delete(struct map *m, uint64_t object)
{
	struct map *table = ((struct storage *)m)->table;

	return table->kind->remove(table, &(struct owner){ object, 0 });
}

/* User space's key: a handle of the object, or the key of old cgroup storage. */
static int owner_of(struct map *m, const void *key, struct owner *ret)
{
	const struct map_host *host = m->def.host;

	*ret = (struct owner){ 0 };
	memcpy(ret, key, m->def.key_size);
	if (m->def.key_size != 4 || !host || !host->get)
		return 0;
	void *object = host->get(host->ctx, MAP_OBJECT_OWNER, map_half(key));
	if (!object)
		return -EBADF;
	ret->object = (uint64_t)(uintptr_t)object;
	if (host->put)
		host->put(host->ctx, MAP_OBJECT_OWNER, object);
	return 0;
}

static int user_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	struct owner owner;
	int err = owner_of(m, key, &owner);

	return err ? err : map_user_lookup(((struct storage *)m)->table, &owner, value, flags);
}

static int user_update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	struct owner owner;
	int err = owner_of(m, key, &owner);

	return err ? err : map_user_update(((struct storage *)m)->table, &owner, value, flags);
}

/* Old cgroup storage is made by attaching programs, never by user space. */
static int cgroup_update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	if (flags & ~(uint64_t)(BPF_F_LOCK | BPF_EXIST))
		return -EINVAL;
	return user_update(m, key, value, flags | BPF_EXIST);
}

static int remove_storage(struct map *m, const void *key)
{
	struct owner owner;
	int err = owner_of(m, key, &owner);

	return err ? err : map_user_delete(((struct storage *)m)->table, &owner);
}

#define STORAGE_ROW(id, text)                   \
	const struct map_kind map_##text = {    \
		.type = BPF_MAP_TYPE_##id,      \
		.name = #text,                  \
		.fields = MAP_MAY_LOCK,         \
		.size = sizeof(struct storage), \
		.check = check,                 \
		.create = create,               \
		.destroy = destroy,             \
		.remove = remove_storage,       \
		.user_lookup = user_lookup,     \
		.user_update = user_update,     \
	}

STORAGE_ROW(SK_STORAGE, sk_storage);
STORAGE_ROW(INODE_STORAGE, inode_storage);
STORAGE_ROW(TASK_STORAGE, task_storage);
STORAGE_ROW(CGRP_STORAGE, cgrp_storage);

#define CGROUP_ROW(id, text, cpus, holds)        \
	const struct map_kind map_##text = {     \
		.type = BPF_MAP_TYPE_##id,       \
		.name = #text,                   \
		.percpu = cpus,                  \
		.fields = holds,                 \
		.refuse = { .remove = -EINVAL }, \
		.size = sizeof(struct storage),  \
		.check = cgroup_check,           \
		.create = create,                \
		.destroy = destroy,              \
		.user_lookup = user_lookup,      \
		.user_update = cgroup_update,    \
	}

CGROUP_ROW(CGROUP_STORAGE, cgroup_storage, false, MAP_MAY_LOCK);
CGROUP_ROW(PERCPU_CGROUP_STORAGE, percpu_cgroup_storage, true, 0);
