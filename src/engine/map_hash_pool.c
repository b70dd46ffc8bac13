/*
 * Entries of hash tables that are not in use, and how LRU tables find one to use again. Called by
 * map_hash.c. See map_hash.h.
 *
 * Each CPU has a pool, a lock-free stack. When it is empty, entries that were never used come
 * next (in steps of HASH_GRAB), then those of other CPUs' pools. An LRU table evicts when all are
 * empty: a hand goes round the entries (one hand a CPU), clears the mark of those that were
 * looked up, and takes the first that has none.
 */
#include "engine/map_hash.h"

enum {
	SECOND_CHANCES = 512, /* looked-up entries passed before one is evicted all the same */
	ROUNDS = 2,
};

/* The CPU that this thread changed a table on last: removals name none, and what a thread takes
 * out is best put where it takes from. Only a hint. */
static _Thread_local uint32_t last_cpu;

uint32_t hash_last_cpu(void)
{
	return last_cpu;
}

static struct pool *pool_of(const struct hash *h, uint32_t cpu)
{
	return &h->pools[cpu & (h->npools - 1)];
}

static int64_t pop(const struct hash *h, struct pool *p)
{
	uint64_t head = LOAD(&p->head);

	for (;;) {
		uint32_t e = (uint32_t)head - 1;

		if (e >= h->total)
			return HASH_NONE;
		uint64_t next = LOAD(&hash_entry(h, e)->next);
		if (CAS(&p->head, &head, ((head >> 32) + 1) << 32 | next))
			return e;
	}
}

/* Entries first ... last are linked to each other already. */
static void push(const struct hash *h, struct pool *p, uint32_t first, uint32_t last)
{
	uint64_t head = LOAD(&p->head);

	do {
		STORE(&hash_entry(h, last)->next, (uint32_t)head);
	} while (!CAS(&p->head, &head, ((head >> 32) + 1) << 32 | (first + 1)));
}

static int64_t take_fresh(struct hash *h, struct pool *p)
{
	if (LOAD(&h->shared->fresh) >= h->count)
		return HASH_NONE;
	uint32_t e = __atomic_fetch_add(&h->shared->fresh, HASH_GRAB, __ATOMIC_ACQ_REL);
	if (e >= h->count)
		return HASH_NONE;
	uint32_t last = MIN(e + HASH_GRAB, h->count) - 1;

	for (uint32_t i = e + 1; i < last; i++)
		STORE(&hash_entry(h, i)->next, i + 2);
	if (last > e)
		push(h, p, e + 1, last);
	return e;
}

int64_t hash_take(struct hash *h, uint32_t cpu)
{
	struct pool *own = pool_of(h, cpu);
	int64_t e = pop(h, own);

	last_cpu = cpu;
	if (e < 0)
		e = take_fresh(h, own);
	for (uint32_t i = 1; e < 0 && i < h->npools; i++)
		e = pop(h, pool_of(h, cpu + i));
	return e;
}

void hash_give(struct hash *h, uint32_t e, uint32_t cpu)
{
	push(h, pool_of(h, cpu), e, e);
}

int64_t hash_take_spare(struct hash *h, uint32_t cpu)
{
	for (uint32_t i = 0; i < h->npools; i++) {
		uint32_t *spare = &pool_of(h, cpu + i)->spare;
		uint32_t e = LOAD_RELAXED(spare) ? __atomic_exchange_n(spare, 0, __ATOMIC_ACQ_REL)
						 : 0;

		if (e - 1 < h->total)
			return e - 1;
	}
	return HASH_NONE;
}

void hash_give_spare(struct hash *h, uint32_t e, uint32_t cpu)
{
	for (uint32_t i = 0; i < h->npools; i++) {
		uint32_t none = 0;

		if (CAS(&pool_of(h, cpu + i)->spare, &none, e + 1))
			return;
	}
	hash_give(h, e, cpu); /* a spare one too many came back from a thread that died */
}

/* Takes entry @e out of the table unless it is busy or was unlinked in the meantime. */
static bool evict(struct hash *h, uint32_t e)
{
	struct bucket *b = &h->buckets[LOAD(&hash_entry(h, e)->state) >> 2 & h->mask];
	uint32_t free = 0;
	struct link at;

	if (!CAS(&b->lock.owner, &free, map_self()))
		return false;
	bool found = hash_find_entry(h, b, e, &at);
	if (found) {
		hash_unlink(h, b, e, at);
		STORE(&b->hand, 0);
	}
	map_unlock(&b->lock);
	return found;
}

int64_t hash_evict(struct hash *h, uint32_t cpu)
{
	uint32_t *hand = &pool_of(h, cpu)->hand, passed = 0;
	uint64_t steps = (uint64_t)h->total * ROUNDS;

	for (uint64_t i = 0; i < steps; i++) {
		uint32_t e = LOAD_RELAXED(hand);

		STORE_RELAXED(hand, e + 1 < h->total ? e + 1 : 0);
		if (e >= h->total)
			continue;
		uint32_t *state = &hash_entry(h, e)->state, now = LOAD_RELAXED(state);
		if (!(now & ENTRY_USED))
			continue;
		if (now & ENTRY_REFERENCED && passed++ < SECOND_CHANCES)
			__atomic_fetch_and(state, ~(uint32_t)ENTRY_REFERENCED, __ATOMIC_RELAXED);
		else if (evict(h, e))
			return e;
	}
	return HASH_NONE;
}
