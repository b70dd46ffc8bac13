/*
 * User ring buffers: user space writes records, programs drain them. The pages are as in
 * map_ring.c, with the producer's in the hands of user space, so that everything in them is
 * checked here.
 */
#include "engine/map_ring.h"

enum { DRAIN_MAX = 128 * 1024 }; /* records in one go, as in the kernel */

static uint32_t *head_at(const struct ring *r, uint64_t position)
{
	return (uint32_t *)(r->data + (position & r->mask));
}

void *map_user_ring_reserve(struct map *m, uint32_t size)
{
	struct ring *r = (struct ring *)m;
	uint64_t length = map_record_size(size);
	uint32_t *head = NULL;

	errno = E2BIG;
	if (size > RING_MAX_RECORD || length > r->mask + 1)
		return NULL;
	errno = EBUSY;
	if (map_lock(&r->control->lock) < 0)
		return NULL;
	uint64_t producer = LOAD_RELAXED(r->producer);
	errno = ENOSPC;
	if (r->mask + 1 - (producer - LOAD(r->consumer)) >= length) {
		head = head_at(r, producer);
		STORE_RELAXED(head + 1, 0);
		STORE(head, size | RING_BUSY);
		STORE(r->producer, producer + length);
	}
	map_unlock(&r->control->lock);
	return head ? head + 2 : NULL;
}

void map_user_ring_submit(struct map *m, void *sample, bool discard)
{
	uint32_t *head = (uint32_t *)sample - 2;

	(void)m;
	STORE(head, (LOAD(head) & ~RING_BUSY) | (discard ? RING_DISCARD : 0));
}

/* The record at the consumer's position: its size, -EAGAIN when it was discarded, -ENODATA when
 * there is none, -EINVAL or -E2BIG when positions or length make no sense. */
static int64_t peek(const struct ring *r, uint64_t at)
{
	uint64_t producer = LOAD(r->producer);

	if (producer % 8)
		return -EINVAL;
	if (at >= producer)
		return -ENODATA;
	uint32_t head = LOAD(head_at(r, at));
	if (head & RING_BUSY)
		return -ENODATA;
	if (map_record_size(head) > r->mask + 1)
		return -E2BIG;
	if (map_record_size(head) > producer - at)
		return -EINVAL;
	return head & RING_DISCARD ? -EAGAIN : (int64_t)head;
}

static int64_t drain(struct ring *r, int64_t (*fn)(void *, void *, uint32_t), void *ctx)
{
	int64_t n = 0, stop = 0;

	for (uint32_t i = 0; i < DRAIN_MAX && !stop; i++) {
		uint64_t at = LOAD(r->consumer);
		int64_t size = peek(r, at);

		if (size == -ENODATA)
			break;
		if (size < 0 && size != -EAGAIN)
			return size;
		uint32_t *head = head_at(r, at);
		uint64_t length = map_record_size(LOAD(head));
		if (size >= 0) {
			stop = fn(ctx, head + 2, (uint32_t)size);
			n++;
		}
		STORE(r->consumer, at + length);
	}
	return n;
}

int64_t map_user_ring_drain(struct map *m, uint64_t flags,
			    int64_t (*fn)(void *ctx, void *data, uint32_t size), void *ctx)
{
	struct ring *r = (struct ring *)m;

	if (flags & ~(uint64_t)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))
		return -EINVAL;
	if (map_trylock(&r->control->reader) < 0)
		return -EBUSY;
	int64_t n = drain(r, fn, ctx);
	map_unlock(&r->control->reader);
	return n;
}

const struct map_kind map_user_ringbuf = {
	.type = BPF_MAP_TYPE_USER_RINGBUF,
	.name = "user_ringbuf",
	.refuse = { -MAP_ENOTSUPP, -MAP_ENOTSUPP, -MAP_ENOTSUPP, -MAP_ENOTSUPP },
	.size = sizeof(struct ring),
	.check = map_ring_check,
	.create = map_ring_create,
	.destroy = map_ring_destroy,
};
