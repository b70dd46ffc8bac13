/*
 * What the files of maps share: memory, locks, copies, checks. Of engine/map_*.c only.
 *
 * Everything that several threads touch is read and written with atomic loads and stores, keys
 * and values word by word; they cost nothing on x86-64 and little on arm64.
 */
#ifndef SKEP_ENGINE_MAP_PRIV_H
#define SKEP_ENGINE_MAP_PRIV_H

#include <errno.h>
#include <string.h>

#include "engine/map.h"

#define LOAD(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define LOAD_RELAXED(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define STORE_RELAXED(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define CAS(p, old, new) \
	__atomic_compare_exchange_n((p), (old), (new), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Limits of the kernel that its checks show. */
enum {
	MAP_KMALLOC_MAX = 4 << 20,
	MAP_PERCPU_MAX = 32 << 10,
	MAP_ACCESS_FLAGS = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG,
	MAP_PAGE = 4096,
	MAP_LINE = 64,
};

/* The start of a map's memory: what processes that share it agree on. */
struct map_head {
	uint64_t magic;
	uint32_t ready; /* set last by the maker */
	uint32_t type, key_size, value_size, max_entries, flags;
	uint64_t extra;
	uint32_t ncpus;
	uint32_t frozen, writers, pad; /* writers: views that can write */
	uint64_t seed;
	struct map_field lock, timer;
	uint64_t size, address;
};

static inline struct map_head *map_head(const struct map *m)
{
	return (struct map_head *)m->body;
}

/* map_body_open - @size bytes of zeroed memory after the head, private or shared as def says;
 * m->body + MAP_PAGE is where they start. @views: others can map it (m->fd). */
int map_body_open(struct map *m, uint64_t size, bool views);
/* map_body_ready - the maker has filled it in: others may use it. */
void map_body_ready(struct map *m);
void map_body_close(struct map *m);

/* A lock that knows its owner: a thread that meets its own lock is told so, and the lock of a
 * thread that died can be taken. 0: free. */
struct map_lock {
	uint32_t owner;
};

int map_lock_slow(struct map_lock *l, uint32_t self);
uint32_t map_self_slow(void);
extern _Thread_local uint32_t map_self_cached;

/* map_self - this thread's mark in locks; never 0. */
static inline uint32_t map_self(void)
{
	return LIKELY(map_self_cached) ? map_self_cached : map_self_slow();
}

/* map_lock - 0, 1 when it was taken from a thread that died, -EBUSY when this thread has it. */
static inline int map_lock(struct map_lock *l)
{
	uint32_t free = 0, self = map_self();

	if (LIKELY(__atomic_compare_exchange_n(&l->owner, &free, self, false, __ATOMIC_ACQUIRE,
					       __ATOMIC_RELAXED)))
		return 0;
	return map_lock_slow(l, self);
}

/* map_trylock - the same without waiting: -EBUSY when any living thread has it. */
int map_trylock(struct map_lock *l);
/* map_alive - whether the thread with this mark still is. */
bool map_alive(uint32_t mark);

static inline void map_unlock(struct map_lock *l)
{
	STORE(&l->owner, 0);
}

static inline uint64_t map_word(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t map_half(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* map_tail - the last @n < 8 bytes as a word, zeroes above. */
static inline uint64_t map_tail(const char *p, uint32_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

/* map_put_words - @size bytes into words of a map (padded to 8). */
static inline void map_put_words(void *to, const void *from, uint32_t size)
{
	uint64_t *w = to;
	const char *s = from;

	for (; size >= 8; size -= 8, s += 8)
		STORE(w++, map_word(s));
	if (size)
		STORE(w, map_tail(s, size));
}

/* map_get_words - @size bytes out of words of a map. */
static inline void map_get_words(void *to, const void *from, uint32_t size)
{
	const uint64_t *w = from;
	char *t = to;
	uint64_t v;

	for (; size >= 8; size -= 8, t += 8) {
		v = LOAD(w++);
		memcpy(t, &v, 8);
	}
	if (size) {
		v = LOAD(w);
		memcpy(t, &v, size);
	}
}

/* map_put_bytes - @size bytes into 8-aligned memory of a map, no more than those. */
static inline void map_put_bytes(char *to, const char *from, uint32_t size)
{
	uint32_t words = size & ~7u;

	map_put_words(to, from, words);
	for (uint32_t i = words; i < size; i++)
		STORE_RELAXED(to + i, from[i]);
}

static inline bool map_has_fields(const struct map *m)
{
	return m->def.lock.size || m->def.timer.size;
}

void map_put_fields(const struct map *m, void *to, const void *from);
void map_get_fields(const struct map *m, void *to, const void *from);

/* map_value_put - a value into the storage, but for its lock and timer.
 * map_value_get - a value out of it, lock and timer as zeroes. */
static inline void map_value_put(const struct map *m, void *to, const void *from)
{
	if (UNLIKELY(map_has_fields(m)))
		map_put_fields(m, to, from);
	else
		map_put_words(to, from, m->stored);
}

static inline void map_value_get(const struct map *m, void *to, const void *from)
{
	if (UNLIKELY(map_has_fields(m)))
		map_get_fields(m, to, from);
	else
		map_get_words(to, from, m->stored);
}

/* The same with the value's own lock held (BPF_F_LOCK); -EBUSY when this thread has it. */
int map_value_put_locked(const struct map *m, void *to, const void *from);
int map_value_get_locked(const struct map *m, void *to, const void *from);
/* map_value_release - the element goes away: its timer ends, its object is let go of. */
void map_value_release(struct map *m, void *value);

/* map_zero_words - @size bytes (up to a multiple of 8) of a map. */
static inline void map_zero_words(void *to, uint64_t size)
{
	uint64_t *w = to;

	for (uint64_t i = 0; i < size; i += 8)
		STORE(w++, 0);
}

/* map_values_init - storage for @n values at @values; sets strides and region. */
void map_values_init(struct map *m, char *values, uint64_t n);
/* map_values_size - how many bytes that takes; a multiple of the page size. */
uint64_t map_values_size(const struct map_def *def, bool percpu, uint64_t n);

/* map_check_flags - whether @flags are among @known and program access is not refused twice. */
static inline bool map_flags_ok(uint32_t flags, uint32_t known)
{
	uint32_t prog = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;

	return !(flags & ~known) && (flags & prog) != prog;
}

/* map_mix - 64 bits in, 64 well mixed bits out. */
static inline uint64_t map_mix(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t map_hash_bytes(const void *key, uint32_t size, uint64_t seed);
/* map_random - a seed. */
uint64_t map_random(void);

/* Objects as values (map_object.c). map_object_update - by handle, as user space does.
 * map_object_id - what user space reads. map_object_retire - the map lets go of it. */
int map_object_update(struct map *m, const void *key, const void *handle, uint64_t flags);
int map_object_id(struct map *m, void *object, void *ret);
void map_object_retire(struct map *m, void *object);
/* map_perf_free - ends the ring of a perf event array's slot. */
void map_perf_free(void *ring);

/* map_array.c, for arrays of objects too. */
int map_array_check(const struct map_def *d);
int map_array_next_key(struct map *m, const void *key, void *ret);

/* Rows, one a file or family. */
extern const struct map_kind map_array, map_percpu_array, map_hash, map_percpu_hash, map_lru_hash,
	map_lru_percpu_hash, map_lpm_trie, map_queue, map_stack, map_bloom_filter, map_ringbuf,
	map_user_ringbuf, map_perf_event_array, map_prog_array, map_cgroup_array, map_array_of_maps,
	map_hash_of_maps, map_stack_trace, map_sk_storage, map_inode_storage, map_task_storage,
	map_cgrp_storage, map_cgroup_storage, map_percpu_cgroup_storage, map_arena;

#endif
