/*
 * Ring buffers: programs write records, one reader takes them. The pages are the kernel's:
 *
 *	head page | control page | consumer page | producer page | data | data again
 *	                           u64 position    u64 position
 *
 *	record: { u32 length, BUSY and DISCARD; u32 who writes it } payload, padded to 8
 *
 * Writers take a lock to reserve (one that meets its own thread's lock gets no room: a program
 * interrupted a reservation), none to end a record. What stands in the data is the programs' and
 * is never trusted: lengths are cut to what is there.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine/map_ring.h"

int map_ring_check(const struct map_def *d)
{
	uint32_t n = d->max_entries;

	if (d->flags & ~(uint32_t)BPF_F_NUMA_NODE)
		return -EINVAL;
	return d->key_size || d->value_size || !n || n & (n - 1) || n % MAP_PAGE ? -EINVAL : 0;
}

/* Maps the data twice in a row, over the place that was reserved for both. */
static int map_twice(struct ring *r)
{
	struct map *m = &r->m;
	size_t pages = 2 * MAP_PAGE, size = m->def.max_entries;
	off_t from = 2 * MAP_PAGE;

	r->window_size = pages + 2 * size;
	r->window = mmap(NULL, r->window_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->window == MAP_FAILED) {
		r->window = NULL;
		return -errno;
	}
	int prot = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED;
	if (mmap(r->window, pages + size, prot, how, m->fd, from) == MAP_FAILED ||
	    mmap(r->window + pages + size, size, prot, how, m->fd, from + (off_t)pages) ==
		    MAP_FAILED)
		return -errno;
	r->consumer = (uint64_t *)r->window;
	r->producer = (uint64_t *)(r->window + MAP_PAGE);
	r->data = r->window + pages;
	return 0;
}

int map_ring_create(struct map *m)
{
	struct ring *r = (struct ring *)m;
	int err = map_body_open(m, 3 * MAP_PAGE + (uint64_t)m->def.max_entries, true);

	if (err)
		return err;
	r->control = (struct ring_control *)(m->body + MAP_PAGE);
	r->mask = (uint64_t)m->def.max_entries - 1;
	err = map_twice(r);
	if (err)
		return err;
	m->view = 2 * MAP_PAGE;
	m->view_size = 2 * MAP_PAGE + (uint64_t)m->def.max_entries;
	m->view_wrap = 2 * MAP_PAGE;
	m->values = r->data;
	m->storage = (struct region){
		.base = (uint64_t)(uintptr_t)r->data,
		.size = 2 * (r->mask + 1),
		.writable = true,
		.host = r->data,
	};
	return 0;
}

void map_ring_destroy(struct map *m)
{
	struct ring *r = (struct ring *)m;

	if (r->window)
		munmap(r->window, r->window_size);
}

static uint32_t *head_at(const struct ring *r, uint64_t position)
{
	return (uint32_t *)(r->data + (position & r->mask));
}

uint64_t map_record_size(uint32_t head)
{
	return ALIGN_UP((uint64_t)(head & ~(RING_BUSY | RING_DISCARD)) + RING_HEAD, 8);
}

/* The oldest record that is still being written, or the producer's position. */
static uint64_t oldest_pending(const struct ring *r, uint64_t producer)
{
	uint64_t at = r->control->pending;

	if (producer - at > r->mask + 1) /* spoiled by who shares it */
		return producer;
	while (at < producer) {
		uint32_t head = LOAD(head_at(r, at));
		if (head & RING_BUSY)
			break;
		at += map_record_size(head);
	}
	return MIN(at, producer);
}

void *map_ring_reserve(struct map *m, uint64_t size, uint64_t flags)
{
	struct ring *r = (struct ring *)m;
	uint64_t length = ALIGN_UP(size + RING_HEAD, 8);
	uint32_t *head = NULL;

	if (flags || size > RING_MAX_RECORD || length > r->mask + 1)
		return NULL;
	uint64_t consumer = LOAD(r->consumer);
	if (map_lock(&r->control->lock) < 0)
		return NULL;
	uint64_t producer = LOAD_RELAXED(r->producer), end = producer + length;
	uint64_t pending = oldest_pending(r, producer);
	r->control->pending = pending;
	if (end - consumer <= r->mask && end - pending <= r->mask) {
		head = head_at(r, producer);
		STORE_RELAXED(head + 1, map_self());
		STORE(head, (uint32_t)size | RING_BUSY);
		STORE(r->producer, end);
	}
	map_unlock(&r->control->lock);
	return head ? head + 2 : NULL;
}

static void wake(struct ring *r)
{
	__atomic_add_fetch(&r->control->wakes, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&r->control->waiters, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &r->control->wakes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

bool map_ring_end(struct map *m, void *sample, uint64_t flags, bool discard)
{
	struct ring *r = (struct ring *)m;
	uint64_t offset = (uint64_t)((char *)sample - r->data) - RING_HEAD;

	if (offset > r->mask || offset % 8)
		return false;
	uint32_t *head = head_at(r, offset), was = LOAD(head);
	if (!(was & RING_BUSY))
		return false;
	__atomic_exchange_n(head, (was & ~RING_BUSY) | (discard ? RING_DISCARD : 0),
			    __ATOMIC_SEQ_CST);
	bool caught_up = (LOAD(r->consumer) & r->mask) == offset;
	if (flags & BPF_RB_FORCE_WAKEUP || (caught_up && !(flags & BPF_RB_NO_WAKEUP)))
		wake(r);
	return true;
}

int map_ring_output(struct map *m, const void *data, uint64_t size, uint64_t flags)
{
	if (flags & ~(uint64_t)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))
		return -EINVAL;
	void *sample = map_ring_reserve(m, size, 0);
	if (!sample)
		return -EAGAIN;
	map_put_bytes(sample, data, (uint32_t)size);
	map_ring_end(m, sample, flags, false);
	return 0;
}

uint64_t map_ring_query(struct map *m, uint64_t flags)
{
	struct ring *r = (struct ring *)m;
	uint64_t producer = LOAD(r->producer), consumer = LOAD(r->consumer);

	switch (flags) {
	case BPF_RB_AVAIL_DATA: return producer - consumer;
	case BPF_RB_RING_SIZE: return r->mask + 1;
	case BPF_RB_CONS_POS: return consumer;
	case BPF_RB_PROD_POS: return producer;
	default: return 0;
	}
}

/* Whether the record at @at, still busy when it was looked at before, is of a thread that died. */
static bool abandoned(struct ring *r, uint64_t at)
{
	if (r->control->stuck == at + 1)
		return !map_alive(LOAD_RELAXED(head_at(r, at) + 1));
	r->control->stuck = at + 1;
	return false;
}

int64_t map_ring_read(struct map *m, int (*fn)(void *ctx, const void *data, uint32_t size),
		      void *ctx)
{
	struct ring *r = (struct ring *)m;
	int64_t n = 0;
	int stop = 0;

	if (map_trylock(&r->control->reader) < 0)
		return -EBUSY;
	uint64_t at = LOAD(r->consumer);
	while (!stop && at < LOAD(r->producer)) {
		uint32_t head = LOAD(head_at(r, at));
		uint64_t length = map_record_size(head), left = LOAD(r->producer) - at;

		if (left <= r->mask + 1 && head & RING_BUSY && !abandoned(r, at))
			break;
		if (length > left || left > r->mask + 1)
			length = left; /* spoiled by a program: all that is there is dropped */
		else if (!(head & (RING_BUSY | RING_DISCARD)))
			n++, stop = fn(ctx, head_at(r, at) + 2, head);
		at += length;
		__atomic_store_n(r->consumer, at, __ATOMIC_SEQ_CST);
	}
	map_unlock(&r->control->reader);
	return n;
}

static bool has_record(const struct ring *r)
{
	uint64_t at = __atomic_load_n(r->consumer, __ATOMIC_SEQ_CST);

	return at < LOAD(r->producer) && !(LOAD(head_at(r, at)) & RING_BUSY);
}

int map_ring_wait(struct map *m, int ms)
{
	struct ring *r = (struct ring *)m;
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };
	long err = 0;

	__atomic_add_fetch(&r->control->waiters, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		uint32_t seen = __atomic_load_n(&r->control->wakes, __ATOMIC_SEQ_CST);
		if (has_record(r) || (err && errno == ETIMEDOUT))
			break;
		err = syscall(SYS_futex, &r->control->wakes, FUTEX_WAIT, seen,
			      ms < 0 ? NULL : &left, NULL, 0);
	}
	__atomic_sub_fetch(&r->control->waiters, 1, __ATOMIC_SEQ_CST);
	return has_record(r);
}

const struct map_kind map_ringbuf = {
	.type = BPF_MAP_TYPE_RINGBUF,
	.name = "ringbuf",
	.refuse = { -MAP_ENOTSUPP, -MAP_ENOTSUPP, -MAP_ENOTSUPP, -MAP_ENOTSUPP },
	.size = sizeof(struct ring),
	.check = map_ring_check,
	.create = map_ring_create,
	.destroy = map_ring_destroy,
};
