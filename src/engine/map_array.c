/*
 * Arrays and per-CPU arrays: values in a row, all there from the start. The kernel's check of
 * definitions serves arrays of objects too.
 */
#include "engine/map_priv.h"

int map_array_check(const struct map_def *d)
{
	uint32_t known = BPF_F_NUMA_NODE | BPF_F_MMAPABLE | MAP_ACCESS_FLAGS |
			 BPF_F_PRESERVE_ELEMS | BPF_F_INNER_MAP;
	bool percpu = d->type == BPF_MAP_TYPE_PERCPU_ARRAY;

	if (!d->max_entries || d->key_size != 4 || !d->value_size ||
	    !map_flags_ok(d->flags, known) || (percpu && d->flags & BPF_F_NUMA_NODE))
		return -EINVAL;
	if (d->type != BPF_MAP_TYPE_ARRAY && d->flags & (BPF_F_MMAPABLE | BPF_F_INNER_MAP))
		return -EINVAL;
	if (d->type != BPF_MAP_TYPE_PERF_EVENT_ARRAY && d->flags & BPF_F_PRESERVE_ELEMS)
		return -EINVAL;
	if (d->value_size > INT32_MAX || (percpu && ALIGN_UP(d->value_size, 8) > MAP_PERCPU_MAX))
		return -E2BIG;
	return 0;
}

static int create(struct map *m)
{
	uint64_t n = m->def.max_entries;
	bool views = m->def.flags & BPF_F_MMAPABLE;
	uint64_t size = map_values_size(&m->def, m->kind->percpu, n);

	if (size < n) /* the product of both may pass 2^64 */
		return -ENOMEM;
	int err = map_body_open(m, size, views);
	if (err)
		return err;
	map_values_init(m, m->body + MAP_PAGE, n);
	if (views) {
		m->view = MAP_PAGE;
		m->view_size = size;
	}
	return 0;
}

static void *lookup(struct map *m, const void *key, uint32_t cpu)
{
	uint32_t i = map_half(key);

	(void)cpu;
	if (UNLIKELY(i >= m->def.max_entries))
		return NULL;
	return m->values + (uint64_t)i * m->value_stride;
}

static void *percpu_lookup(struct map *m, const void *key, uint32_t cpu)
{
	uint32_t i = map_half(key);

	if (UNLIKELY(i >= m->def.max_entries || cpu >= m->def.ncpus))
		return NULL;
	return m->values + (uint64_t)i * m->value_stride + cpu * m->cpu_stride;
}

static int check_update(const struct map *m, const void *key, uint64_t flags)
{
	uint64_t plain = flags & ~(uint64_t)BPF_F_LOCK;

	if (plain > BPF_EXIST)
		return -EINVAL;
	if (map_half(key) >= m->def.max_entries)
		return -E2BIG;
	if (plain == BPF_NOEXIST)
		return -EEXIST;
	return flags & BPF_F_LOCK && !m->def.lock.size ? -EINVAL : 0;
}

static int update(struct map *m, const void *key, const void *value, uint64_t flags, uint32_t cpu)
{
	int err = check_update(m, key, flags);

	if (err)
		return err;
	void *to = lookup(m, key, cpu);
	if (flags & BPF_F_LOCK)
		return map_value_put_locked(m, to, value);
	map_value_put(m, to, value);
	map_value_release(m, to);
	return 0;
}

static int check_percpu(const struct map *m, const void *key, uint64_t flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (map_half(key) >= m->def.max_entries)
		return -E2BIG;
	return flags == BPF_NOEXIST ? -EEXIST : 0;
}

static int percpu_update(struct map *m, const void *key, const void *value, uint64_t flags,
			 uint32_t cpu)
{
	int err = check_percpu(m, key, flags);

	if (!err)
		map_value_put(m, percpu_lookup(m, key, cpu), value);
	return err;
}

static int percpu_user_update(struct map *m, const void *key, const void *value, uint64_t flags)
{
	int err = check_percpu(m, key, flags);

	for (uint32_t c = 0; !err && c < m->def.ncpus; c++)
		map_value_put(m, percpu_lookup(m, key, c),
			      (const char *)value + (size_t)c * m->value_stride);
	return err;
}

int map_array_next_key(struct map *m, const void *key, void *ret)
{
	uint32_t i = key ? map_half(key) : UINT32_MAX;

	if (i == m->def.max_entries - 1)
		return -ENOENT;
	i = i >= m->def.max_entries ? 0 : i + 1;
	memcpy(ret, &i, 4);
	return 0;
}

static int64_t each(struct map *m, map_each_fn *fn, void *ctx, uint32_t cpu)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < m->def.max_entries; i++) {
		char *value = m->values + (uint64_t)i * m->value_stride + cpu * m->cpu_stride;
		uint32_t key = i;

		n++;
		if (fn(ctx, &key, value))
			break;
	}
	return n;
}

static bool key_of(struct map *m, const void *value, void *ret)
{
	uint64_t i = (uint64_t)((const char *)value - m->values) / m->value_stride;
	uint32_t key = (uint32_t)i;

	memcpy(ret, &key, 4);
	return i < m->def.max_entries;
}

const struct map_kind map_array = {
	.type = BPF_MAP_TYPE_ARRAY,
	.name = "array",
	.fields = MAP_MAY_LOCK | MAP_MAY_TIMER,
	.batch = MAP_BATCH_LOOKUP | MAP_BATCH_UPDATE,
	.refuse = { .remove = -EINVAL },
	.size = sizeof(struct map),
	.check = map_array_check,
	.create = create,
	.lookup = lookup,
	.update = update,
	.next_key = map_array_next_key,
	.each = each,
	.key_of = key_of,
};

const struct map_kind map_percpu_array = {
	.type = BPF_MAP_TYPE_PERCPU_ARRAY,
	.name = "percpu_array",
	.percpu = true,
	.batch = MAP_BATCH_LOOKUP | MAP_BATCH_UPDATE,
	.refuse = { .remove = -EINVAL },
	.size = sizeof(struct map),
	.check = map_array_check,
	.create = create,
	.lookup = percpu_lookup,
	.update = percpu_update,
	.user_update = percpu_user_update,
	.next_key = map_array_next_key,
	.each = each,
};
