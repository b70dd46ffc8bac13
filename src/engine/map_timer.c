/*
 * Timers in values. A bpf_timer in the storage holds the number of a slot here; programs could
 * write anything there, so a slot knows the place it belongs to. Slots that were started stand in
 * a heap by due time. Of one process: in a shared map, a timer runs where it was initialised.
 *
 *	     init        set_callback, start           due
 *	none ───► slot ───────────────────► in the heap ───► firing ───► slot
 *	  ▲        │ cancel ◄────────────────────┘
 *	  └────────┘ drop: the value goes away
 */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "engine/map_priv.h"
#include "engine/map_special.h"

enum { TIMER_ABS = 1, TIMER_PIN = 2 }; /* flags of bpf_timer_start */
enum { IDLE = UINT32_MAX, GROW = 64 };

struct slot {
	uint64_t *place; /* in the storage; NULL: the slot is free */
	uint64_t callback, due;
	uint32_t heap;   /* index there, IDLE: not started */
	uint32_t firing; /* mark of the thread that runs the callback */
	uint32_t next;   /* free list, slot + 1 */
};

struct map_timers {
	struct map_lock lock;
	struct slot *slots;
	uint32_t *heap;
	uint32_t count, started, free; /* slots; heap entries; free list */
};

/* Puts slot @s at heap index @i or above. */
static void up(struct map_timers *t, uint32_t i, uint32_t s)
{
	for (; i; i = (i - 1) / 2) {
		uint32_t parent = t->heap[(i - 1) / 2];

		if (t->slots[parent].due <= t->slots[s].due)
			break;
		t->heap[i] = parent;
		t->slots[parent].heap = i;
	}
	t->heap[i] = s;
	t->slots[s].heap = i;
}

/* Puts slot @s at heap index @i or below. */
static void down(struct map_timers *t, uint32_t i, uint32_t s)
{
	for (uint32_t child; (child = 2 * i + 1) < t->started; i = child) {
		uint32_t *h = t->heap;

		if (child + 1 < t->started && t->slots[h[child + 1]].due < t->slots[h[child]].due)
			child++;
		if (t->slots[h[child]].due >= t->slots[s].due)
			break;
		h[i] = h[child];
		t->slots[h[i]].heap = i;
	}
	t->heap[i] = s;
	t->slots[s].heap = i;
}

static bool stop(struct map_timers *t, uint32_t s)
{
	uint32_t i = t->slots[s].heap;

	if (i == IDLE)
		return false;
	t->slots[s].heap = IDLE;
	uint32_t last = t->heap[--t->started];
	if (last != s) {
		down(t, i, last);
		up(t, t->slots[last].heap, last);
	}
	return true;
}

static int grow(struct map_timers *t)
{
	uint32_t n = t->count + MAX(t->count, GROW);
	struct slot *slots = realloc(t->slots, n * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	uint32_t *heap = realloc(t->heap, n * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	t->heap = heap;
	for (uint32_t i = n; i-- > t->count;) {
		t->slots[i] = (struct slot){ .heap = IDLE, .next = t->free };
		t->free = i + 1;
	}
	t->count = n;
	return 0;
}

static struct map_timers *timers_of(struct map *m)
{
	struct map_timers *t = LOAD(&m->timers), *none = NULL;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (t && !CAS(&m->timers, &none, t)) {
		free(t);
		t = none;
	}
	return t;
}

/* The slot of a timer in the storage, with the lock held; NULL: it has none. */
static struct slot *slot_at(struct map_timers *t, void *timer)
{
	uint64_t s = LOAD((uint64_t *)timer) - 1;

	return s < t->count && t->slots[s].place == timer ? &t->slots[s] : NULL;
}

static uint32_t number(const struct map_timers *t, const struct slot *s)
{
	return (uint32_t)(s - t->slots);
}

/* Whether @timer is where a value of this map has its timer. */
static bool placed(const struct map *m, const char *timer)
{
	uint64_t offset = (uint64_t)(timer - m->values) - m->def.timer.offset;

	return m->def.timer.size && offset < m->storage.size && offset % m->value_stride == 0;
}

int map_timer_init(struct map *m, void *timer, uint64_t flags)
{
	if (!placed(m, timer) ||
	    (flags != CLOCK_REALTIME && flags != CLOCK_MONOTONIC && flags != CLOCK_BOOTTIME))
		return -EINVAL;
	struct map_timers *t = timers_of(m);
	if (!t)
		return -ENOMEM;
	if (map_lock(&t->lock) < 0)
		return -EBUSY;
	int err = slot_at(t, timer) ? -EBUSY : 0;
	if (!err && !t->free)
		err = grow(t);
	if (!err) {
		struct slot *s = &t->slots[t->free - 1];
		t->free = s->next;
		*s = (struct slot){ .place = timer, .heap = IDLE };
		STORE(s->place, (uint64_t)number(t, s) + 1);
	}
	map_unlock(&t->lock);
	return err;
}

/* Locks and finds; NULL with nothing locked. */
static struct slot *get_slot(struct map *m, void *timer, int *ret_err)
{
	struct map_timers *t = LOAD(&m->timers);
	struct slot *s = NULL;

	*ret_err = -EINVAL;
	if (!t || !placed(m, timer))
		return NULL;
	if (map_lock(&t->lock) < 0) {
		*ret_err = -EBUSY;
		return NULL;
	}
	s = slot_at(t, timer);
	if (!s)
		map_unlock(&t->lock);
	return s;
}

int map_timer_set_callback(struct map *m, void *timer, uint64_t callback)
{
	int err;
	struct slot *s = get_slot(m, timer, &err);

	if (!s)
		return err;
	s->callback = callback;
	map_unlock(&m->timers->lock);
	return 0;
}

int map_timer_start(struct map *m, void *timer, uint64_t ns, uint64_t flags, uint64_t now)
{
	int err;

	if (flags & ~(uint64_t)(TIMER_ABS | TIMER_PIN))
		return -EINVAL;
	struct slot *s = get_slot(m, timer, &err);
	if (!s)
		return err;
	struct map_timers *t = m->timers;
	err = s->callback ? 0 : -EINVAL;
	if (!err) {
		stop(t, number(t, s));
		s->due = flags & TIMER_ABS ? ns : now + ns;
		up(t, t->started++, number(t, s));
	}
	map_unlock(&t->lock);
	return err;
}

int map_timer_cancel(struct map *m, void *timer)
{
	for (;;) {
		int err;
		struct slot *s = get_slot(m, timer, &err);

		if (!s)
			return err;
		struct map_timers *t = m->timers;
		uint32_t firing = s->firing;
		int was = firing == map_self() ? -EDEADLK : stop(t, number(t, s));
		map_unlock(&t->lock);
		if (!firing || was)
			return was;
		sched_yield(); /* its callback runs on another thread: until it has ended */
	}
}

static void give_slot(struct map_timers *t, struct slot *s)
{
	*s = (struct slot){ .heap = IDLE, .next = t->free };
	t->free = number(t, s) + 1;
}

void map_timer_drop(struct map *m, void *timer)
{
	int err;
	struct slot *s = get_slot(m, timer, &err);

	if (!s)
		return;
	stop(m->timers, number(m->timers, s));
	STORE(s->place, 0);
	s->place = NULL;
	if (!s->firing) /* else who runs the callback gives it back */
		give_slot(m->timers, s);
	map_unlock(&m->timers->lock);
}

/* Calls back for one timer that is due; the lock is let go meanwhile. */
static void fire(struct map *m, uint32_t n, void *key, map_timer_fn *fn, void *ctx)
{
	struct map_timers *t = m->timers;
	char *value = (char *)t->slots[n].place - m->def.timer.offset;
	uint64_t callback = t->slots[n].callback;

	stop(t, n);
	t->slots[n].firing = map_self();
	map_unlock(&t->lock);
	if (m->kind->key_of(m, value, key))
		fn(ctx, m, callback, key, value);
	map_lock(&t->lock);
	t->slots[n].firing = 0; /* the slots may have moved */
	if (!t->slots[n].place)
		give_slot(t, &t->slots[n]);
}

uint64_t map_timers_run(struct map *m, uint64_t now, map_timer_fn *fn, void *ctx)
{
	struct map_timers *t = LOAD(&m->timers);
	uint64_t next = UINT64_MAX;

	if (!t)
		return next;
	void *key = malloc(m->def.key_size);
	if (!key || map_lock(&t->lock) < 0) {
		free(key);
		return now;
	}
	while (t->started && t->slots[t->heap[0]].due <= now)
		fire(m, t->heap[0], key, fn, ctx);
	if (t->started)
		next = t->slots[t->heap[0]].due;
	map_unlock(&t->lock);
	free(key);
	return next;
}

void map_timers_free(struct map *m)
{
	if (!m->timers)
		return;
	free(m->timers->slots);
	free(m->timers->heap);
	free(m->timers);
	m->timers = NULL;
}
