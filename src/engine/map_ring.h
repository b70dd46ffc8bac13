/*
 * The ring that ring buffers and user ring buffers have in common; of map_ring.c, map_user_ring.c.
 */
#ifndef SKEP_ENGINE_MAP_RING_H
#define SKEP_ENGINE_MAP_RING_H

#include "engine/map_priv.h"
#include "engine/map_special.h"

#define RING_BUSY (1u << 31)    /* reserved, not written yet */
#define RING_DISCARD (1u << 30) /* given back */

enum {
	RING_HEAD = 8,
	RING_MAX_RECORD = (1 << 30) - 1, /* what the two bits leave of a length */
};

struct ring_control {
	struct map_lock lock, reader;
	uint64_t pending;        /* no record before it is being written */
	uint64_t stuck;          /* position + 1 that the reader found busy last */
	uint32_t wakes, waiters; /* futex; who sleeps on it */
};

struct ring {
	struct map m;
	struct ring_control *control;
	uint64_t *consumer, *producer; /* positions; only ever grow */
	char *data;
	uint64_t mask;
	char *window; /* consumer page, producer page, data twice */
	size_t window_size;
};

int map_ring_check(const struct map_def *d);
int map_ring_create(struct map *m);
void map_ring_destroy(struct map *m);
/* map_record_size - bytes of a record with this head word, head included. */
uint64_t map_record_size(uint32_t head);

#endif
