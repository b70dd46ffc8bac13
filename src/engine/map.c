/*
 * Making and ending maps, and what user space does with them: the checks that bpf(2) makes before
 * it comes to the kind. Needs the rows of all kinds; called by engine, helpers and embedders.
 */
#include <sched.h>
#include <stdlib.h>

#include "engine/map_priv.h"
#include "engine/map_special.h"

const struct map_kind *const map_kinds[] = {
	&map_array,
	&map_percpu_array,
	&map_hash,
	&map_percpu_hash,
	&map_lru_hash,
	&map_lru_percpu_hash,
	&map_lpm_trie,
	&map_queue,
	&map_stack,
	&map_bloom_filter,
	&map_ringbuf,
	&map_user_ringbuf,
	&map_perf_event_array,
	&map_prog_array,
	&map_cgroup_array,
	&map_array_of_maps,
	&map_hash_of_maps,
	&map_stack_trace,
	&map_sk_storage,
	&map_inode_storage,
	&map_task_storage,
	&map_cgrp_storage,
	&map_cgroup_storage,
	&map_percpu_cgroup_storage,
	&map_arena,
	NULL,
};

const struct map_kind *map_kind_of(uint32_t type)
{
	for (const struct map_kind *const *k = map_kinds; *k; k++)
		if ((*k)->type == type)
			return *k;
	return NULL;
}

static bool field_ok(const struct map_def *d, struct map_field f, uint32_t size, uint32_t align)
{
	if (!f.size)
		return true;
	return f.size == size && f.offset % align == 0 && f.offset <= d->value_size &&
	       d->value_size - f.offset >= size;
}

static int check(const struct map_kind *kind, const struct map_def *d)
{
	uint32_t access = BPF_F_RDONLY | BPF_F_WRONLY;
	bool extra = d->type == BPF_MAP_TYPE_BLOOM_FILTER || d->type == BPF_MAP_TYPE_ARENA;

	if (d->extra && !extra)
		return -EINVAL;
	if ((d->flags & access) == access)
		return -EINVAL;
	int err = kind->check(d);
	if (err)
		return err;
	if (!field_ok(d, d->lock, sizeof(struct map_lock), 4) ||
	    !field_ok(d, d->timer, MAP_TIMER_SIZE, 8))
		return -EINVAL;
	if ((d->lock.size && !(kind->fields & MAP_MAY_LOCK)) ||
	    (d->timer.size && !(kind->fields & MAP_MAY_TIMER)))
		return -EOPNOTSUPP;
	return 0;
}

int map_new(const struct map_def *def, struct map **ret)
{
	const struct map_kind *kind = map_kind_of(def->type);
	int err = kind ? check(kind, def) : -EINVAL;

	if (err)
		return err;
	struct map *m = calloc(1, kind->size);
	if (!m)
		return -ENOMEM;
	m->kind = kind;
	m->lookup = kind->lookup;
	m->def = *def;
	m->def.name = NULL;
	m->def.ncpus = MAX(def->ncpus, 1);
	m->stored = def->value_size;
	m->value_stride = ALIGN_UP(def->value_size, 8);
	m->references = 1;
	m->fd = -1;
	if (def->inner)
		map_ref(def->inner);
	err = kind->create(m);
	m->def.shared = NULL;
	if (err) {
		if (def->shared && m->fresh && m->fd >= 0)
			map_unshare(def->shared);
		map_put(m);
		return err;
	}
	map_body_ready(m);
	*ret = m;
	return 0;
}

struct map *map_ref(struct map *m)
{
	__atomic_add_fetch(&m->references, 1, __ATOMIC_RELAXED);
	return m;
}

void map_put(struct map *m)
{
	if (!m || __atomic_sub_fetch(&m->references, 1, __ATOMIC_ACQ_REL))
		return;
	map_timers_free(m);
	if (m->kind->destroy)
		m->kind->destroy(m);
	map_body_close(m);
	map_put(m->def.inner);
	free(m);
}

/* The CPU whose free list and LRU hand user space's changes take. */
static uint32_t user_cpu(const struct map *m)
{
	int cpu = m->def.ncpus > 1 ? sched_getcpu() : 0;

	return cpu > 0 ? (uint32_t)cpu % m->def.ncpus : 0;
}

static bool readable(const struct map *m)
{
	return !(m->def.flags & BPF_F_WRONLY);
}

static bool writable(const struct map *m)
{
	return !(m->def.flags & BPF_F_RDONLY) && !LOAD(&map_head(m)->frozen);
}

static bool lock_ok(const struct map *m, uint64_t flags)
{
	return !(flags & BPF_F_LOCK) || m->def.lock.size;
}

static int refusal(int16_t err)
{
	return err ? err : -MAP_ENOTSUPP;
}

size_t map_user_value_size(const struct map *m)
{
	if (m->kind->percpu)
		return (size_t)m->value_stride * m->def.ncpus;
	return m->def.value_size;
}

/* Keys: those of size 0 must not be given, others must. */
static int key_ok(const struct map *m, const void *key)
{
	if (m->def.key_size)
		return key ? 0 : -EFAULT;
	return key ? -EINVAL : 0;
}

static int copy_out(struct map *m, const char *value, void *ret, uint64_t flags)
{
	if (!m->kind->percpu) {
		if (flags & BPF_F_LOCK)
			return map_value_get_locked(m, ret, value);
		map_value_get(m, ret, value);
		return 0;
	}
	memset(ret, 0, map_user_value_size(m));
	for (uint32_t c = 0; c < m->def.ncpus; c++)
		map_value_get(m, (char *)ret + (size_t)c * m->value_stride,
			      value + c * m->cpu_stride);
	return 0;
}

static int lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	if (m->kind->user_lookup)
		return m->kind->user_lookup(m, key, value, flags);
	if (m->kind->peek)
		return m->kind->peek(m, value);
	if (!m->lookup)
		return refusal(m->kind->refuse.lookup);
	const char *found = m->lookup(m, key, 0);
	return found ? copy_out(m, found, value, flags) : -ENOENT;
}

int map_user_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	if (flags & ~(uint64_t)BPF_F_LOCK)
		return -EINVAL;
	if (!readable(m))
		return -EPERM;
	if (!lock_ok(m, flags))
		return -EINVAL;
	int err = key_ok(m, key);
	return err ? err : lookup(m, key, value, flags);
}

static int update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	if (m->kind->user_update)
		return m->kind->user_update(m, key, value, flags);
	if (m->kind->push)
		return m->kind->push(m, value, flags);
	if (!m->kind->update)
		return refusal(m->kind->refuse.update);
	return m->kind->update(m, key, value, flags, user_cpu(m));
}

int map_user_update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	if (!writable(m))
		return -EPERM;
	if (!lock_ok(m, flags))
		return -EINVAL;
	int err = key_ok(m, key);
	return err ? err : update(m, key, value, flags);
}

int map_user_delete(struct map *m, const void *key)
{
	if (!writable(m))
		return -EPERM;
	int err = key_ok(m, key);
	if (err)
		return err;
	return m->kind->remove ? m->kind->remove(m, key) : refusal(m->kind->refuse.remove);
}

int map_user_lookup_delete(struct map *m, const void *key, void *value, uint64_t flags)
{
	if (flags & ~(uint64_t)BPF_F_LOCK)
		return -EINVAL;
	if (!readable(m) || !writable(m))
		return -EPERM;
	if (flags && m->kind->pop)
		return -EINVAL;
	if (!lock_ok(m, flags))
		return -EINVAL;
	int err = key_ok(m, key);
	if (err)
		return err;
	if (m->kind->pop)
		return m->kind->pop(m, value);
	if (m->kind->user_take)
		return m->kind->user_take(m, key, value, flags);
	return -MAP_ENOTSUPP;
}

int map_user_next_key(struct map *m, const void *key, void *ret)
{
	if (!readable(m))
		return -EPERM;
	if (key && !m->def.key_size)
		return -EINVAL;
	if (!m->kind->next_key)
		return refusal(m->kind->refuse.next_key);
	return m->kind->next_key(m, key, ret);
}

int map_user_freeze(struct map *m)
{
	struct map_head *h = map_head(m);

	if (map_has_fields(m))
		return -MAP_ENOTSUPP;
	if (!writable(m))
		return -EPERM;
	if (LOAD(&h->writers) || __atomic_exchange_n(&h->frozen, 1, __ATOMIC_ACQ_REL))
		return -EBUSY;
	return 0;
}
