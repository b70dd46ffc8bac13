/*
 * Maps whose values are objects: prog arrays, cgroup arrays, arrays of maps; what they share with
 * hashes of maps and perf event arrays. User space writes handles (descriptors, say), which the
 * host turns into objects; programs get the objects.
 *
 * An object that was replaced may be in use by a program that read it just before, so it is kept
 * until map_quiesce. Values are pointers of this process and lie in no program's region.
 */
#include <stdlib.h>

#include "engine/map_hash.h"
#include "engine/map_special.h"

struct map_retired {
	struct map_retired *next;
	void *object;
};

static enum map_object kind_of(const struct map *m)
{
	switch (m->def.type) {
	case BPF_MAP_TYPE_PROG_ARRAY: return MAP_OBJECT_PROG;
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY: return MAP_OBJECT_EVENT;
	case BPF_MAP_TYPE_CGROUP_ARRAY: return MAP_OBJECT_CGROUP;
	default: return MAP_OBJECT_MAP;
	}
}

static void put_object(struct map *m, void *object)
{
	const struct map_host *host = m->def.host;
	enum map_object kind = kind_of(m);

	if (kind == MAP_OBJECT_MAP)
		map_put(object);
	else if (kind == MAP_OBJECT_EVENT)
		map_perf_free(object);
	else if (host && host->put)
		host->put(host->ctx, kind, object);
}

void map_object_retire(struct map *m, void *object)
{
	struct map_retired *r = object ? malloc(sizeof(*r)) : NULL;

	if (!r) /* out of memory: it stays for ever, which harms less than its end */
		return;
	r->object = object;
	r->next = LOAD(&m->retired);
	while (!CAS(&m->retired, &r->next, r))
		;
}

void map_quiesce(struct map *m)
{
	struct map_retired *r = __atomic_exchange_n(&m->retired, NULL, __ATOMIC_ACQ_REL), *next;

	for (; r; r = next) {
		next = r->next;
		put_object(m, r->object);
		free(r);
	}
}

static void **slot_of(struct map *m, const void *key)
{
	if (m->def.type == BPF_MAP_TYPE_HASH_OF_MAPS) {
		int64_t e = hash_find(hash_of(m), key);
		return e < 0 ? NULL : (void **)hash_value(hash_of(m), (uint32_t)e);
	}
	uint32_t i = map_half(key);
	return i < m->def.max_entries ? (void **)m->values + i : NULL;
}

void *map_object(struct map *m, const void *key)
{
	void **slot = slot_of(m, key);

	return slot ? LOAD(slot) : NULL;
}

int map_object_id(struct map *m, void *object, void *ret)
{
	const struct map_host *host = m->def.host;

	if (!host || !host->id)
		return -MAP_ENOTSUPP;
	uint32_t id = host->id(host->ctx, kind_of(m), object);
	memcpy(ret, &id, 4);
	return 0;
}

/* Whether @m may stand where the template was given: as the kernel compares them. */
static bool like_template(const struct map *of, const struct map *m)
{
	const struct map_def *a = &of->def.inner->def, *b = &m->def;
	bool array = a->type == BPF_MAP_TYPE_ARRAY || a->type == BPF_MAP_TYPE_PERCPU_ARRAY;

	if (a->type != b->type || a->key_size != b->key_size || a->value_size != b->value_size ||
	    a->flags != b->flags || memcmp(&a->lock, &b->lock, sizeof(a->lock)) != 0 ||
	    memcmp(&a->timer, &b->timer, sizeof(a->timer)) != 0)
		return false;
	return !array || a->flags & BPF_F_INNER_MAP || a->max_entries == b->max_entries;
}

int map_object_set(struct map *m, const void *key, void *object, uint64_t flags)
{
	if (kind_of(m) == MAP_OBJECT_MAP && !like_template(m, object))
		return -EINVAL;
	if (m->def.type == BPF_MAP_TYPE_HASH_OF_MAPS)
		return hash_change(hash_of(m), key, &object, flags, 0, false);
	if (flags != BPF_ANY)
		return -EINVAL;
	if (map_half(key) >= m->def.max_entries)
		return -E2BIG;
	map_object_retire(m, __atomic_exchange_n(slot_of(m, key), object, __ATOMIC_ACQ_REL));
	return 0;
}

int map_object_update(struct map *m, const void *key, const void *handle, uint64_t flags)
{
	const struct map_host *host = m->def.host;
	bool array = m->def.type != BPF_MAP_TYPE_HASH_OF_MAPS;

	if (array && flags != BPF_ANY)
		return -EINVAL;
	if (array && map_half(key) >= m->def.max_entries)
		return -E2BIG;
	void *object = host && host->get ? host->get(host->ctx, kind_of(m), map_half(handle))
					 : NULL;
	if (!object)
		return -EBADF;
	int err = map_object_set(m, key, object, flags);
	if (err)
		put_object(m, object);
	return err;
}

static int check(const struct map_def *d)
{
	if (d->value_size != 4 || d->flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return -EINVAL;
	if (d->shared)
		return -EOPNOTSUPP; /* objects are of one process */
	return map_array_check(d);
}

static int of_maps_check(const struct map_def *d)
{
	int err = check(d);

	if (err)
		return err;
	return d->inner ? 0 : -EBADF;
}

static int create(struct map *m)
{
	m->stored = m->value_stride = sizeof(void *);
	int err = map_body_open(m, (uint64_t)m->def.max_entries * sizeof(void *), false);
	if (!err)
		m->values = m->body + MAP_PAGE;
	return err;
}

static void destroy(struct map *m)
{
	for (uint32_t i = 0; m->values && i < m->def.max_entries; i++)
		map_object_retire(m, ((void **)m->values)[i]);
	map_quiesce(m);
}

static void *lookup(struct map *m, const void *key, uint32_t cpu)
{
	(void)cpu;
	return map_object(m, key);
}

static int remove_object(struct map *m, const void *key)
{
	void **slot = slot_of(m, key);

	if (!slot)
		return -E2BIG;
	void *old = __atomic_exchange_n(slot, NULL, __ATOMIC_ACQ_REL);
	if (!old)
		return -ENOENT;
	map_object_retire(m, old);
	return 0;
}

static int user_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	void *object = map_object(m, key);

	(void)flags;
	return object ? map_object_id(m, object, value) : -ENOENT;
}

static int refuse_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -MAP_ENOTSUPP;
}

#define OBJECT_ROW(id, text, checks, reads, batches) \
	const struct map_kind map_##text = {         \
		.type = BPF_MAP_TYPE_##id,           \
		.name = #text,                       \
		.objects = true,                     \
		.batch = batches,                    \
		.size = sizeof(struct map),          \
		.check = checks,                     \
		.create = create,                    \
		.destroy = destroy,                  \
		.lookup = lookup,                    \
		.remove = remove_object,             \
		.next_key = map_array_next_key,      \
		.user_lookup = reads,                \
		.user_update = map_object_update,    \
	}

OBJECT_ROW(PROG_ARRAY, prog_array, check, user_lookup, 0);
OBJECT_ROW(CGROUP_ARRAY, cgroup_array, check, refuse_lookup, 0);
OBJECT_ROW(PERF_EVENT_ARRAY, perf_event_array, check, refuse_lookup, 0);
OBJECT_ROW(ARRAY_OF_MAPS, array_of_maps, of_maps_check, user_lookup,
	   MAP_BATCH_LOOKUP | MAP_BATCH_UPDATE);
