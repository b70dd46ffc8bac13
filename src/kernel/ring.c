/*
 * Records on their way out: the main ring and the small urgent one, mapped and read in the order
 * in which they were written. Called by load (open), by drain, and by free.
 *
 *	consumer page (ours)   how far we have read
 *	producer page (theirs) how far has been reserved
 *	data                   mapped twice in a row, so that no record is broken at the end:
 *	                       { u32 length and flags; u32 the kernel's own } record, padded to 8
 *
 * An urgent record says how far the main ring had been reserved when it was written; it is given
 * out when the main ring has been read that far.
 *
 * The kernel wakes us for a record only if the position that we have published is that record's:
 * we have read all before it. Waking costs the program that writes more than the record does, so
 * in a flood we publish one record less than we have read, nap, and look again: nobody wakes us,
 *and records come by the hundred. Before we leave we publish all, and tell epoll to look again if
 *more has come by then.
 *
 * Size: 1.5 million getppid() calls flat out, a record each, printed on the other of 2 CPUs:
 *
 *	pages   a call   lost     resident   with a wake-up for each record we wait for
 *	    4   320 ns   38 %     1.9 MB
 *	   16   324 ns    0.5 %   1.9 MB     473 ns,  0.2 % lost
 *	   64   333 ns    0       2.4 MB     928 ns,  0
 *	  256   382 ns    0       3.9 MB     340 ns,  0
 *	 1024   350 ns    0       9.9 MB     340 ns,  0
 *
 * So map.c takes 32 pages for each CPU.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"

#define RING_BUSY (1u << 31)    /* reserved, not written yet */
#define RING_DISCARD (1u << 30) /* given back */

enum {
	RING_HEAD = 8,
	RING_STEPS = 8,   /* we publish after each eighth of the ring */
	DRAIN_FLOOD = 64, /* records in one look: more are coming */
	DRAIN_NAP_NS = 200000,
	DRAIN_NAPS = 8,        /* in one drain, for the sake of signals */
	DRAIN_LAST_WAITS = 50, /* ms that a program may take to end after stop */
};

static void ring_close(struct ring *r)
{
	if (r->consumer)
		munmap((void *)r->consumer, r->page);
	if (r->producer)
		munmap((void *)r->producer, r->page + 2 * (r->mask + 1));
	*r = (struct ring){ .fd = -1 };
}

static int ring_open(struct ring *r, const struct kmap *m)
{
	r->fd = m->fd;
	r->page = (size_t)getpagesize();
	r->mask = (uint64_t)m->max_entries - 1;
	void *at = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	r->consumer = at;
	at = mmap(NULL, r->page + 2 * (size_t)m->max_entries, PROT_READ, MAP_SHARED, m->fd,
		  (off_t)r->page);
	if (at == MAP_FAILED)
		return -errno;
	r->producer = at;
	r->data = (const char *)at + r->page;
	r->position = r->last = *r->consumer;
	return 0;
}

static int ring_open_role(struct kernel *k, enum map_role role, struct ring *r)
{
	struct epoll_event event = { .events = EPOLLIN };
	int i = image_role(k->img, role);

	if (i < 0)
		return 0;
	int err = ring_open(r, &k->maps[i]);
	if (err)
		return err;
	if (k->epoll < 0)
		k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0 || epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->maps[i].fd, &event))
		return -errno;
	return 0;
}

int ring_open_all(struct kernel *k)
{
	int err = ring_open_role(k, MAP_RING, &k->main);

	return err ? err : ring_open_role(k, MAP_URGENT, &k->urgent);
}

void ring_done_all(struct kernel *k)
{
	ring_close(&k->main);
	ring_close(&k->urgent);
	sys_close(&k->epoll);
}

/* ---- reading one ring ---- */

static uint64_t ring_reserved(const struct ring *r)
{
	return r->producer ? __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) : 0;
}

/* Full barrier: the kernel writes a record's head and then looks at our position; we do the
 * reverse, and one of us must see the other. */
static void ring_publish(struct ring *r, uint64_t position)
{
	if (r->consumer)
		__atomic_store_n(r->consumer, position, __ATOMIC_SEQ_CST);
}

/* The record at our position: its bytes with *ret_size, or NULL while it is not written. */
static const char *ring_peek(const struct ring *r, uint32_t *ret_head)
{
	const char *at = r->data + (r->position & r->mask);
	uint32_t head = __atomic_load_n((const uint32_t *)at, __ATOMIC_SEQ_CST);

	*ret_head = head;
	return head & RING_BUSY ? NULL : at + RING_HEAD;
}

static uint32_t ring_size(uint32_t head)
{
	return head & ~(RING_BUSY | RING_DISCARD);
}

static void ring_next(struct ring *r, uint32_t head)
{
	r->last = r->position;
	r->position += RING_HEAD + ALIGN_UP((uint64_t)ring_size(head), 8);
}

/* ---- both rings in order ---- */

struct drain {
	struct kernel *k;
	host_record_fn *fn;
	void *ctx;
	int count;
	int error;
};

/* The kernel keeps its heads right; one that does not fit in the ring is not from it. */
static bool drain_give(struct drain *d, const struct ring *r, const char *record, uint32_t head)
{
	uint32_t size = ring_size(head);

	if (size > r->mask) {
		d->error = -EBADMSG;
		return false;
	}
	if (head & RING_DISCARD || size < sizeof(struct record_head))
		return true;
	int err = d->fn(d->ctx, record, size);
	if (err < 0) {
		d->error = err;
		return false;
	}
	d->count++;
	return true;
}

/* Reads the main ring up to @end; false when a record there is not written yet, or after an
 * error. */
static bool drain_main(struct drain *d, uint64_t end)
{
	struct ring *r = &d->k->main;
	uint64_t step = (r->mask + 1) / RING_STEPS, published = r->position;

	while (r->position < end) {
		uint32_t head;
		const char *record = ring_peek(r, &head);

		if (!record || !drain_give(d, r, record, head))
			return false;
		ring_next(r, head);
		if (r->position - published >= step) {
			ring_publish(r, r->last);
			published = r->position;
		}
	}
	return true;
}

/* The next urgent record; NULL if there is none. *ret_blocked: one is being written. */
static const char *drain_urgent_peek(struct drain *d, uint32_t *ret_head, bool *ret_blocked)
{
	struct ring *r = &d->k->urgent;

	*ret_blocked = false;
	if (ring_reserved(r) <= r->position)
		return NULL;
	const char *record = ring_peek(r, ret_head);
	*ret_blocked = !record;
	return record;
}

/*
 * One round; true if there may be more. What lies in the main ring before @end was reserved before
 * we look at the urgent ring, so an urgent record that belongs before any of it is already there.
 */
static bool drain_round(struct drain *d)
{
	uint64_t end = ring_reserved(&d->k->main), main_pos = 0;
	uint32_t head = 0;
	bool blocked;
	const char *record = drain_urgent_peek(d, &head, &blocked);

	if (blocked)
		return false;
	if (!record) {
		bool more = d->k->main.position < end;
		return drain_main(d, end) && more;
	}
	if (ring_size(head) >= sizeof(struct urgent_head))
		main_pos = ((const struct urgent_head *)record)->main_pos;
	/* Of what it was written after, all is reserved by now; no record can ask for more. */
	end = ring_reserved(&d->k->main);
	if (!drain_main(d, MIN(main_pos, end)) || !drain_give(d, &d->k->urgent, record, head))
		return false;
	ring_next(&d->k->urgent, head);
	ring_publish(&d->k->urgent, d->k->urgent.position);
	return true;
}

/* Whether all is read that had been reserved at @main_end and @urgent_end. */
static bool drain_reached(const struct kernel *k, uint64_t main_end, uint64_t urgent_end)
{
	return k->main.position >= main_end && k->urgent.position >= urgent_end;
}

/* Reads what is waiting now. What comes in meanwhile can wait: a flood must not keep the caller
 * from other things. */
static void drain_waiting(struct drain *d)
{
	uint64_t main_end = ring_reserved(&d->k->main);
	uint64_t urgent_end = ring_reserved(&d->k->urgent);

	while (!drain_reached(d->k, main_end, urgent_end) && drain_round(d))
		;
}

static void drain_flood(struct drain *d)
{
	const struct timespec nap = { 0, DRAIN_NAP_NS };
	int before;

	for (int naps = 0;; naps++) {
		before = d->count;
		drain_waiting(d);
		if (d->error || d->count - before < DRAIN_FLOOD || naps == DRAIN_NAPS)
			return;
		ring_publish(&d->k->main, d->k->main.last);
		nanosleep(&nap, NULL);
	}
}

/* After stop, programs may just be writing their last records, and nobody asks again. */
static void drain_last(struct drain *d)
{
	const struct timespec moment = { 0, 1000000 };

	for (int waits = 0; !d->error && waits < DRAIN_LAST_WAITS;) {
		if (drain_reached(d->k, ring_reserved(&d->k->main), ring_reserved(&d->k->urgent)))
			return;
		if (drain_round(d))
			continue;
		nanosleep(&moment, NULL);
		waits++;
	}
}

/* Whoever writes from now on wakes us; epoll looks once more at what came before. */
static void drain_settle(struct kernel *k, struct ring *r)
{
	struct epoll_event event = { .events = EPOLLIN };

	ring_publish(r, r->position);
	if (ring_reserved(r) > r->position)
		epoll_ctl(k->epoll, EPOLL_CTL_MOD, r->fd, &event);
}

int ring_drain(struct host *h, host_record_fn *fn, void *ctx)
{
	struct kernel *k = (struct kernel *)h;
	struct drain d = { .k = k, .fn = fn, .ctx = ctx };

	drain_flood(&d);
	if (k->stopped)
		drain_last(&d);
	drain_settle(k, &k->main);
	drain_settle(k, &k->urgent);
	return d.error ? d.error : d.count;
}
