/*
 * What only one kind of map can do: rings, perf rings, stacks, storage of objects, arenas, timers.
 * Helpers call these; so does an embedder that reads what programs wrote. All are safe from many
 * threads at once.
 */
#ifndef SKEP_ENGINE_MAP_SPECIAL_H
#define SKEP_ENGINE_MAP_SPECIAL_H

#include "engine/map.h"

/* Ring buffers. The pages are the kernel's: consumer position, producer position, data twice. */

/* map_ring_reserve - room for @size bytes of a record; NULL: none now (or wrong flags).
 * map_ring_end - what bpf_ringbuf_submit and _discard do; false when @sample is no record that is
 * being written. map_ring_output - 0, -EAGAIN (no room), -EINVAL (flags). */
void *map_ring_reserve(struct map *m, uint64_t size, uint64_t flags);
bool map_ring_end(struct map *m, void *sample, uint64_t flags, bool discard);
int map_ring_output(struct map *m, const void *data, uint64_t size, uint64_t flags);
/* map_ring_query - BPF_RB_AVAIL_DATA and so on; 0 for others. */
uint64_t map_ring_query(struct map *m, uint64_t flags);
/* map_ring_read - gives complete records to @fn in order until it is not 0 or there are no more;
 * how many were given, -EBUSY when a reader is at it. For one process with the map. */
int64_t map_ring_read(struct map *m, int (*fn)(void *ctx, const void *data, uint32_t size),
		      void *ctx);
/* map_ring_wait - until there is a record or @ms passed (-1: for ever): 1, 0 when time passed. */
int map_ring_wait(struct map *m, int ms);

/* User ring buffers: user space writes, programs drain. Reserve gives NULL with errno as libbpf
 * does: ENOSPC, E2BIG. map_user_ring_drain - how many records @fn was given (it ends the walk by
 * 1); -EBUSY when somebody is draining, -EINVAL for flags or a damaged ring. */
void *map_user_ring_reserve(struct map *m, uint32_t size);
void map_user_ring_submit(struct map *m, void *sample, bool discard);
int64_t map_user_ring_drain(struct map *m, uint64_t flags,
			    int64_t (*fn)(void *ctx, void *data, uint32_t size), void *ctx);

/* Perf event arrays: one ring an index, with the pages of perf_event_open's mmap. */

/* map_perf_open - makes the ring of @index with 2^n @pages of data. -EINVAL, -E2BIG, -EEXIST.
 * map_perf_output - what bpf_perf_event_output does. map_perf_read - as map_ring_read; @lost
 * counts records that found no room since the last call. */
int map_perf_open(struct map *m, uint32_t index, uint32_t pages);
int map_perf_output(struct map *m, uint64_t flags, uint32_t cpu, const void *data, uint64_t size);
int64_t map_perf_read(struct map *m, uint32_t index, uint64_t *lost,
		      int (*fn)(void *ctx, const void *data, uint32_t size), void *ctx);

/* Stack traces. map_stack_id - what bpf_get_stackid gives for the @n addresses at @ips: an id,
 * -EEXIST (another stack is there), -EINVAL (flags), -EFAULT (nothing left after skipping). */
int64_t map_stack_id(struct map *m, const uint64_t *ips, uint32_t n, uint64_t flags);

/* Local storage (task, socket, inode, cgroup), keyed by the address of an object, which is never
 * looked at. map_storage_get - the value of @object, made of @init (or zeroes) when @flags has
 * MAP_STORAGE_CREATE; NULL: none. map_storage_delete - 0, -ENOENT. */
enum { MAP_STORAGE_CREATE = 1 }; /* BPF_LOCAL_STORAGE_GET_F_CREATE */
void *map_storage_get(struct map *m, uint64_t object, const void *init, uint64_t flags,
		      uint32_t cpu);
int map_storage_delete(struct map *m, uint64_t object);

/* Arenas: max_entries pages that programs and user space share. Addresses are as user space sees
 * them; a program's pointers are their low 32 bits. Pages that were not allocated read as
 * zeroes. */

/* map_arena_base - where it starts for user space. map_arena_alloc - @n pages in a row, at
 * @address if that is not 0; the address, or 0. map_arena_free - gives pages back. */
uint64_t map_arena_base(const struct map *m);
uint64_t map_arena_alloc(struct map *m, uint64_t address, uint32_t n);
void map_arena_free(struct map *m, uint64_t address, uint32_t n);

/* Timers in values. @timer points at the bpf_timer in the storage; what stands there is checked.
 * They are of one process. The engine calls map_timers_run when the time has come.
 *
 * init: -EINVAL (clock, place), -EBUSY (already). set_callback, start: -EINVAL before init or
 * callback. cancel: 1 when it was running, 0 when not, -EDEADLK from its own callback. */
enum { MAP_TIMER_SIZE = 16 };
int map_timer_init(struct map *m, void *timer, uint64_t flags);
int map_timer_set_callback(struct map *m, void *timer, uint64_t callback);
int map_timer_start(struct map *m, void *timer, uint64_t ns, uint64_t flags, uint64_t now);
int map_timer_cancel(struct map *m, void *timer);
/* map_timers_run - calls @fn for every timer that is due at @now (ns of its clock, MONOTONIC);
 * the next due time, UINT64_MAX when there is none. */
typedef void map_timer_fn(void *ctx, struct map *m, uint64_t callback, const void *key,
			  void *value);
uint64_t map_timers_run(struct map *m, uint64_t now, map_timer_fn *fn, void *ctx);
/* map_timer_drop - the value goes away. map_timers_free - the map does. */
void map_timer_drop(struct map *m, void *timer);
void map_timers_free(struct map *m);

#endif
