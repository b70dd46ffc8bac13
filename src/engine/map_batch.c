/*
 * BPF_MAP_*_BATCH: many keys in one call. Hashes are walked bucket by bucket (the place mark is a
 * bucket's number), other kinds key by key (the mark is the last key).
 */
#include <stdlib.h>

#include "engine/map_priv.h"

static int flags_ok(const struct map *m, const struct map_batch *b)
{
	if (b->elem_flags & ~(uint64_t)BPF_F_LOCK)
		return -EINVAL;
	return b->elem_flags & BPF_F_LOCK && !m->def.lock.size ? -EINVAL : 0;
}

static char *key_at(const struct map *m, const struct map_batch *b, uint32_t i)
{
	return (char *)b->keys + (size_t)i * m->def.key_size;
}

static char *value_at(const struct map *m, const struct map_batch *b, uint32_t i)
{
	return (char *)b->values + (size_t)i * map_user_value_size(m);
}

static int lookup_by_key(struct map *m, struct map_batch *b)
{
	uint32_t room = b->count, size = m->def.key_size;
	char *last = malloc(size * 2), *next = last + size;
	bool started = b->in;
	int err = 0;

	if (!last)
		return -ENOMEM;
	if (started)
		memcpy(last, b->in, size);
	for (b->count = 0; b->count < room;) {
		err = m->kind->next_key(m, started ? last : NULL, next);
		if (err)
			break;
		err = map_user_lookup(m, next, value_at(m, b, b->count), b->elem_flags);
		if (!err)
			memcpy(key_at(m, b, b->count++), next, size);
		else if (err != -ENOENT)
			break;
		err = 0;
		memcpy(last, next, size);
		started = true;
	}
	if (b->count && b->out)
		memcpy(b->out, last, size);
	free(last);
	return err;
}

static int lookup_by_bucket(struct map *m, struct map_batch *b, bool take)
{
	uint32_t room = b->count, at = b->in ? map_half(b->in) : 0;
	int got = 0;

	if (b->flags)
		return -EINVAL;
	for (b->count = 0; b->count < room; at++) {
		got = m->kind->bucket(m, at, take, key_at(m, b, b->count), value_at(m, b, b->count),
				      room - b->count, b->elem_flags);
		if (got < 0)
			break;
		b->count += (uint32_t)got;
	}
	if (got == -ENOSPC && b->count)
		got = 0; /* what did not fit comes next time */
	if (b->out && (got >= 0 || got == -ENOENT))
		memcpy(b->out, &at, sizeof(at));
	return got < 0 ? got : 0;
}

static int update(struct map *m, struct map_batch *b)
{
	uint32_t n = b->count;
	int err = 0;

	for (b->count = 0; b->count < n && !err; b->count += !err)
		err = map_user_update(m, key_at(m, b, b->count), value_at(m, b, b->count),
				      b->elem_flags);
	return err;
}

static int remove_all(struct map *m, struct map_batch *b)
{
	uint32_t n = b->count;
	int err = 0;

	for (b->count = 0; b->count < n && !err; b->count += !err)
		err = map_user_delete(m, key_at(m, b, b->count));
	return err;
}

static int run(struct map *m, enum bpf_cmd cmd, struct map_batch *b)
{
	if (cmd == BPF_MAP_UPDATE_BATCH)
		return update(m, b);
	if (cmd == BPF_MAP_DELETE_BATCH)
		return remove_all(m, b);
	if (m->kind->bucket)
		return lookup_by_bucket(m, b, cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH);
	return lookup_by_key(m, b);
}

int map_user_batch(struct map *m, enum bpf_cmd cmd, struct map_batch *b)
{
	bool reads = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	uint32_t need = cmd == BPF_MAP_LOOKUP_BATCH   ? MAP_BATCH_LOOKUP
			: cmd == BPF_MAP_UPDATE_BATCH ? MAP_BATCH_UPDATE
			: cmd == BPF_MAP_DELETE_BATCH ? MAP_BATCH_DELETE
						      : MAP_BATCH_TAKE;

	if (reads && m->def.flags & BPF_F_WRONLY)
		return -EPERM;
	if (cmd != BPF_MAP_LOOKUP_BATCH &&
	    (m->def.flags & BPF_F_RDONLY || LOAD(&map_head(m)->frozen)))
		return -EPERM;
	if (!(m->kind->batch & need))
		return -MAP_ENOTSUPP;
	int err = flags_ok(m, b);
	if (err || !b->count)
		return err;
	return run(m, cmd, b);
}
