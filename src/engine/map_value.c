/*
 * Values in and out of maps where they hold more than plain data: a lock and a timer are left as
 * they are on the way in and come out as zeroes. And the hash of keys. Called by all kinds.
 */
#include "engine/map_priv.h"
#include "engine/map_special.h"

#define HASH_A UINT64_C(0xa24baed4963ee407)
#define HASH_B UINT64_C(0x9fb21c651e98df25)

uint64_t map_hash_bytes(const void *key, uint32_t size, uint64_t seed)
{
	uint64_t h = seed ^ size;
	const char *p = key;

	for (; size > 16; size -= 16, p += 16)
		h = map_mix(map_word(p) ^ h ^ HASH_A, map_word(p + 8) ^ HASH_B);
	uint64_t a = map_tail(p, MIN(size, 8)), b = size > 8 ? map_tail(p + 8, size - 8) : 0;
	return map_mix(map_mix(a ^ h ^ HASH_A, b ^ HASH_B) ^ seed, HASH_A);
}

/* Part of a value, [from, to); fields end on multiples of 4, so parts start on one. */
static void put_part(char *to, const char *from, uint32_t at, uint32_t end)
{
	for (; at + 4 <= end; at += 4)
		STORE((uint32_t *)(to + at), map_half(from + at));
	for (; at < end; at++)
		STORE(to + at, from[at]);
}

static void get_part(char *to, const char *from, uint32_t at, uint32_t end)
{
	for (; at + 4 <= end; at += 4) {
		uint32_t v = LOAD((const uint32_t *)(from + at));
		memcpy(to + at, &v, 4);
	}
	for (; at < end; at++)
		to[at] = LOAD(from + at);
}

static void each_part(const struct map *m, char *to, const char *from,
		      void (*copy)(char *, const char *, uint32_t, uint32_t))
{
	struct map_field first = m->def.lock, second = m->def.timer;

	if (!first.size || (second.size && second.offset < first.offset)) {
		first = m->def.timer;
		second = m->def.lock;
	}
	copy(to, from, 0, first.offset);
	if (second.size) {
		copy(to, from, first.offset + first.size, second.offset);
		first = second;
	}
	copy(to, from, first.offset + first.size, m->def.value_size);
}

void map_put_fields(const struct map *m, void *to, const void *from)
{
	each_part(m, to, from, put_part);
}

void map_get_fields(const struct map *m, void *to, const void *from)
{
	memset(to, 0, m->def.value_size);
	each_part(m, to, from, get_part);
}

static struct map_lock *lock_of(const struct map *m, const void *value)
{
	return (struct map_lock *)((char *)(uintptr_t)value + m->def.lock.offset);
}

int map_value_put_locked(const struct map *m, void *to, const void *from)
{
	if (map_lock(lock_of(m, to)) < 0)
		return -EBUSY;
	map_put_fields(m, to, from);
	map_unlock(lock_of(m, to));
	return 0;
}

int map_value_get_locked(const struct map *m, void *to, const void *from)
{
	if (map_lock(lock_of(m, from)) < 0)
		return -EBUSY;
	map_get_fields(m, to, from);
	map_unlock(lock_of(m, from));
	return 0;
}

void map_value_release(struct map *m, void *value)
{
	if (UNLIKELY(m->kind->objects))
		map_object_retire(m, LOAD((void **)value));
	else if (UNLIKELY(m->def.timer.size))
		map_timer_drop(m, (char *)value + m->def.timer.offset);
}
