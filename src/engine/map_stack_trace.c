/*
 * Stack traces: the id of a stack is its hash, cut to the number of places. A place holds one
 * stack; another with the same id is refused, or takes its place when asked to.
 */
#include "engine/map_priv.h"
#include "engine/map_special.h"

enum { DEPTH_MAX = 127, BUILD_ID_SIZE = 32, SKIP_MASK = 0xff, REUSE = BPF_F_REUSE_STACKID };

struct trace {
	struct map_lock lock;
	uint32_t used;
	uint64_t hash;
	uint32_t frames, pad;
};

struct traces {
	struct map m;
	struct trace *places;
	uint32_t mask;
};

static int check(const struct map_def *d)
{
	uint32_t known = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID;
	uint32_t frame = d->flags & BPF_F_STACK_BUILD_ID ? BUILD_ID_SIZE : 8;

	if (d->flags & ~known || !d->max_entries || d->key_size != 4 || d->value_size < 8 ||
	    d->value_size % 8 || d->value_size % frame || d->value_size / frame > DEPTH_MAX)
		return -EINVAL;
	return d->max_entries > 1u << 31 ? -E2BIG : 0;
}

static int create(struct map *m)
{
	struct traces *t = (struct traces *)m;
	uint64_t n = 1;

	while (n < m->def.max_entries)
		n <<= 1;
	uint64_t places = ALIGN_UP(n * sizeof(struct trace), MAP_PAGE);
	int err = map_body_open(m, places + map_values_size(&m->def, false, n), false);
	if (err)
		return err;
	t->places = (struct trace *)(m->body + MAP_PAGE);
	t->mask = (uint32_t)(n - 1);
	map_values_init(m, m->body + MAP_PAGE + places, n);
	m->storage.size = 0; /* programs get ids, not stacks */
	return 0;
}

static uint64_t *frames_of(struct traces *t, uint32_t id)
{
	return (uint64_t *)(t->m.values + (uint64_t)id * t->m.value_stride);
}

static bool same(struct traces *t, uint32_t id, const uint64_t *ips, uint32_t n)
{
	const uint64_t *have = frames_of(t, id);
	bool equal = t->places[id].frames == n;

	for (uint32_t i = 0; equal && i < n; i++)
		equal = LOAD(&have[i]) == ips[i];
	return equal;
}

static int64_t intern(struct traces *t, uint32_t id, uint64_t hash, const uint64_t *ips, uint32_t n,
		      uint64_t flags)
{
	struct trace *p = &t->places[id];
	bool matches = LOAD(&p->used) && p->hash == hash;

	if (matches && (flags & BPF_F_FAST_STACK_CMP || same(t, id, ips, n)))
		return id;
	if (p->used && !(flags & REUSE))
		return -EEXIST;
	map_put_words(frames_of(t, id), ips, n * 8);
	p->hash = hash;
	p->frames = n;
	STORE(&p->used, 1);
	return id;
}

int64_t map_stack_id(struct map *m, const uint64_t *ips, uint32_t n, uint64_t flags)
{
	struct traces *t = (struct traces *)m;
	uint32_t skip = flags & SKIP_MASK, most = m->def.value_size / 8;

	if (flags & ~(uint64_t)(SKIP_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | REUSE))
		return -EINVAL;
	if (n <= skip)
		return -EFAULT;
	n = MIN(n - skip, most);
	uint64_t hash = map_hash_bytes(ips + skip, n * 8, 0);
	uint32_t id = (uint32_t)hash & t->mask;
	if (map_lock(&t->places[id].lock) < 0)
		return -EBUSY;
	int64_t got = intern(t, id, hash, ips + skip, n, flags);
	map_unlock(&t->places[id].lock);
	return got;
}

/* Copies a stack out (@value may be NULL) and drops it with @drop. */
static int extract(struct map *m, const void *key, void *value, bool drop)
{
	struct traces *t = (struct traces *)m;
	uint32_t id = map_half(key);

	if (id > t->mask)
		return value ? -ENOENT : -E2BIG;
	struct trace *p = &t->places[id];
	if (map_lock(&p->lock) < 0)
		return -EBUSY;
	bool used = p->used;
	uint32_t frames = MIN(p->frames, m->def.value_size / 8);
	if (used && value) {
		memset(value, 0, m->def.value_size);
		map_get_words(value, frames_of(t, id), frames * 8);
	}
	if (drop)
		STORE(&p->used, 0);
	map_unlock(&p->lock);
	return used ? 0 : -ENOENT;
}

static int user_lookup(struct map *m, const void *key, void *value, uint64_t flags)
{
	(void)flags;
	return extract(m, key, value, false);
}

static int user_take(struct map *m, const void *key, void *value, uint64_t flags)
{
	(void)flags;
	return extract(m, key, value, true);
}

static int remove_stack(struct map *m, const void *key)
{
	return extract(m, key, NULL, true);
}

static int next_key(struct map *m, const void *key, void *ret)
{
	struct traces *t = (struct traces *)m;
	uint64_t id = 0;

	if (key && map_half(key) <= t->mask && LOAD(&t->places[map_half(key)].used))
		id = (uint64_t)map_half(key) + 1;
	while (id <= t->mask && !LOAD(&t->places[id].used))
		id++;
	if (id > t->mask)
		return -ENOENT;
	memcpy(ret, &id, 4);
	return 0;
}

const struct map_kind map_stack_trace = {
	.type = BPF_MAP_TYPE_STACK_TRACE,
	.name = "stack_trace",
	.refuse = { .update = -EINVAL },
	.size = sizeof(struct traces),
	.check = check,
	.create = create,
	.remove = remove_stack,
	.next_key = next_key,
	.user_lookup = user_lookup,
	.user_take = user_take,
};
