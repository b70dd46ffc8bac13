/*
 * Maps under many threads, and under a program that interrupts another on the same thread. Built
 * with -fsanitize=thread, these tests also show that no access is a data race.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "engine/map_hash.h"
#include "engine/map_special.h"

enum { THREADS = 4, LOOPS = 6000, STEADY = 40, OTHERS = 200 };

struct worker {
	pthread_t thread;
	struct map *map;
	uint32_t number;
	uint32_t faults; /* what must not happen, counted here: cmocka fails in its own thread */
	uint64_t sum;
};

static uint32_t next(uint32_t *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}

static uint32_t run(struct map *m, void *(*fn)(void *), struct worker *w)
{
	uint32_t faults = 0;

	for (uint32_t i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .map = m, .number = i };
		assert_int_equal(pthread_create(&w[i].thread, NULL, fn, &w[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		faults += w[i].faults;
	}
	return faults;
}

static struct map *make(struct map_def def)
{
	struct map *m;

	def.ncpus = THREADS;
	assert_int_equal(map_new(&def, &m), 0);
	return m;
}

#define DEF(t, k, v, n, f)                                                                        \
	(struct map_def)                                                                          \
	{                                                                                         \
		.type = BPF_MAP_TYPE_##t, .key_size = (k), .value_size = (v), .max_entries = (n), \
		.flags = (f)                                                                      \
	}

struct value {
	uint64_t key, round, check;
};

static struct value value_of(uint64_t key, uint64_t round)
{
	return (struct value){ key, round, key ^ ~round };
}

static bool whole(const struct value *v, uint64_t key)
{
	return v->key == key && v->check == (key ^ ~v->round);
}

/* Keys below STEADY are only ever updated; the others come and go, and their entries are reused. */
static void *mix(void *p)
{
	struct worker *w = p;
	struct map *m = w->map;
	uint32_t seed = w->number;

	for (uint32_t i = 0; i < LOOPS; i++) {
		uint64_t key = next(&seed) % STEADY;
		struct value v = value_of(key, i);

		w->faults += m->kind->update(m, &key, &v, BPF_ANY, w->number) != 0;
		key = next(&seed) % STEADY;
		w->faults += !m->lookup(m, &key, w->number);
		w->faults += map_user_lookup(m, &key, &v, 0) || !whole(&v, key);
		key = STEADY + next(&seed) % OTHERS;
		v = value_of(key, i);
		m->kind->update(m, &key, &v, BPF_ANY, w->number);
		key = STEADY + next(&seed) % OTHERS;
		if (next(&seed) % 2)
			m->kind->remove(m, &key);
		if (!map_user_lookup(m, &key, &v, 0))
			w->faults += !whole(&v, key);
	}
	return NULL;
}

static void fill_steady(struct map *m)
{
	for (uint64_t key = 0; key < STEADY; key++) {
		struct value v = value_of(key, 0);
		assert_int_equal(m->kind->update(m, &key, &v, BPF_ANY, 0), 0);
	}
}

/* How many new keys fit. */
static uint32_t room(struct map *m)
{
	uint32_t n = 0;
	struct value v = { 0 };

	for (uint64_t key = 1 << 20; !m->kind->update(m, &key, &v, BPF_ANY, n % THREADS); key++)
		n++;
	return n;
}

static uint32_t count_keys(struct map *m)
{
	uint64_t key;
	uint32_t n = 0;

	for (int err = map_user_next_key(m, NULL, &key); !err; n++)
		err = map_user_next_key(m, &key, &key);
	return n;
}

static void hash_readers_see_whole_values_and_miss_nothing(void **state)
{
	struct worker w[THREADS];
	struct map *m = make(DEF(HASH, 8, sizeof(struct value), 200, 0));

	(void)state;
	fill_steady(m);
	assert_int_equal(run(m, mix, w), 0);
	uint32_t held = count_keys(m);
	assert_true(held >= STEADY && held <= 200);
	assert_int_equal(room(m), 200 - held); /* no entry was lost, none is there twice */
	assert_int_equal(count_keys(m), 200);
	map_put(m);
}

/* Few buckets and many keys: chains. The same promises. */
static void hash_chains_too(void **state)
{
	struct worker w[THREADS];
	struct map *m = make(DEF(HASH, 8, sizeof(struct value), 250, 0));

	(void)state;
	hash_of(m)->mask = 3;
	fill_steady(m);
	assert_int_equal(run(m, mix, w), 0);
	uint32_t held = count_keys(m);
	assert_int_equal(room(m), 250 - held);
	assert_int_equal(count_keys(m), 250);
	map_put(m);
}

static void *evict(void *p)
{
	struct worker *w = p;
	uint32_t seed = w->number;
	struct value v;

	for (uint32_t i = 0; i < LOOPS; i++) {
		uint64_t key = next(&seed) % 400;
		v = value_of(key, i);
		w->faults += w->map->kind->update(w->map, &key, &v, BPF_ANY, w->number) != 0;
		key = next(&seed) % 400;
		w->map->lookup(w->map, &key, w->number);
		if (!map_user_lookup(w->map, &key, &v, 0))
			w->faults += !whole(&v, key);
		if (i % 16 == 0)
			w->map->kind->remove(w->map, &key);
	}
	return NULL;
}

static void lru_never_runs_out(void **state)
{
	static const uint32_t flags[] = { 0, BPF_F_NO_COMMON_LRU };
	struct worker w[THREADS];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct map *m = make(DEF(LRU_HASH, 8, sizeof(struct value), 100, flags[i]));
		assert_int_equal(run(m, evict, w), 0);
		assert_true(count_keys(m) <= 100);
		map_put(m);
	}
}

/* Each CPU counts in its own value; keys are put in and taken out beside it. */
static void *count(void *p)
{
	struct worker *w = p;
	struct map *m = w->map;
	uint64_t zero = 0, key = 7;

	for (uint32_t i = 0; i < LOOPS; i++) {
		uint64_t other = 100 + (i & 15) * THREADS + w->number;
		uint64_t *v = m->lookup(m, &key, w->number);
		w->faults += !v;
		if (v)
			__atomic_fetch_add(v, 1, __ATOMIC_RELAXED);
		w->faults += m->kind->update(m, &other, &zero, BPF_ANY, w->number) != 0;
		w->faults += m->kind->remove(m, &other) != 0;
	}
	return NULL;
}

static void percpu_values_are_apart(void **state)
{
	static const enum bpf_map_type types[] = { BPF_MAP_TYPE_PERCPU_HASH,
						   BPF_MAP_TYPE_LRU_PERCPU_HASH };
	uint64_t all[THREADS] = { 0 }, key = 7;
	struct worker w[THREADS];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct map_def def = DEF(PERCPU_HASH, 8, 8, 100, 0);
		def.type = types[i];
		struct map *m = make(def);
		memset(all, 0, sizeof(all));
		assert_int_equal(map_user_update(m, &key, all, BPF_ANY), 0);
		assert_int_equal(run(m, count, w), 0);
		assert_int_equal(map_user_lookup(m, &key, all, 0), 0);
		for (uint32_t c = 0; c < THREADS; c++)
			assert_int_equal(all[c], LOOPS);
		map_put(m);
	}
}

struct prefix {
	uint32_t length;
	uint8_t address[4];
};

/* 10.0.0.0/8 stays; longer prefixes come and go: a lookup finds one of them, never nothing. */
static void *route(void *p)
{
	struct worker *w = p;
	struct map *m = w->map;
	uint32_t seed = w->number;

	for (uint32_t i = 0; i < LOOPS / 2; i++) {
		struct prefix k = { 9 + next(&seed) % 24, { 10, next(&seed) & 3, 0, 1 } };
		uint64_t v = k.length;

		w->faults += m->kind->update(m, &k, &v, BPF_ANY, w->number) != 0;
		k = (struct prefix){ 32, { 10, next(&seed) & 3, next(&seed) & 1, 1 } };
		w->faults += !m->lookup(m, &k, w->number);
		if (i % 2) {
			k.length = 9 + next(&seed) % 24;
			m->kind->remove(m, &k);
		}
	}
	return NULL;
}

static void lpm_readers_always_find_the_route(void **state)
{
	struct map *m = make(DEF(LPM_TRIE, 8, 8, 400, BPF_F_NO_PREALLOC));
	struct prefix k = { 8, { 10, 0, 0, 0 } };
	struct worker w[THREADS];
	uint64_t v = 8;

	(void)state;
	assert_int_equal(m->kind->update(m, &k, &v, BPF_ANY, 0), 0);
	assert_int_equal(run(m, route, w), 0);
	map_put(m);
}

static void *pass_on(void *p)
{
	struct worker *w = p;

	for (uint64_t i = 1; i <= LOOPS; i++) {
		uint64_t v = i;

		if (!w->map->kind->push(w->map, &v, BPF_ANY))
			w->sum += v;
		if (!w->map->kind->pop(w->map, &v))
			w->sum -= v;
	}
	return NULL;
}

static void queues_lose_nothing(void **state)
{
	struct map_def defs[] = { DEF(QUEUE, 0, 8, 16, 0), DEF(STACK, 0, 8, 16, 0) };
	struct worker w[THREADS];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct map *m = make(defs[i]);
		uint64_t v, left = 0;

		assert_int_equal(run(m, pass_on, w), 0);
		while (!m->kind->pop(m, &v))
			left += v;
		for (uint32_t t = 0; t < THREADS; t++)
			left -= w[t].sum;
		assert_int_equal(left, 0);
		map_put(m);
	}
}

static void *lock_and_add(void *p)
{
	struct worker *w = p;
	uint32_t key = 0;

	for (uint32_t i = 0; i < LOOPS; i++) {
		char *v = w->map->lookup(w->map, &key, 0);
		w->faults += map_spin_lock(v) != 0;
		*(uint64_t *)(v + 8) += 1;
		w->faults += map_spin_unlock(v) != 0;
	}
	return NULL;
}

static void spin_locks_exclude(void **state)
{
	struct map_def def = DEF(ARRAY, 4, 16, 1, 0);
	struct worker w[THREADS];
	uint64_t v[2] = { ~0ull, ~0ull };
	uint32_t key = 0;

	(void)state;
	def.lock = (struct map_field){ 0, 4 };
	struct map *m = make(def);
	assert_int_equal(run(m, lock_and_add, w), 0);
	assert_int_equal(map_user_lookup(m, &key, v, BPF_F_LOCK), 0);
	assert_int_equal(v[0] & UINT32_MAX, 0); /* the lock itself is not shown */
	assert_int_equal(v[1], THREADS * LOOPS);
	void *lock = m->lookup(m, &key, 0);
	assert_int_equal(map_spin_lock(lock), 0);
	assert_int_equal(map_spin_lock(lock), -EDEADLK);
	assert_int_equal(map_user_update(m, &key, v, BPF_F_LOCK), -EBUSY);
	assert_int_equal(map_spin_unlock(lock), 0);
	assert_int_equal(map_spin_unlock(lock), -EPERM);
	map_put(m);
}

struct record {
	uint32_t producer, number;
};

static void *produce(void *p)
{
	struct worker *w = p;

	for (uint32_t i = 0; i < LOOPS;) {
		struct record *r = map_ring_reserve(w->map, sizeof(*r) + i % 40, 0);

		if (!r) {
			sched_yield();
			continue;
		}
		*r = (struct record){ w->number, i++ };
		map_ring_end(w->map, r, 0, i % 5 == 0);
	}
	return NULL;
}

struct reading {
	uint32_t last[THREADS], seen, faults;
};

static int take_record(void *ctx, const void *data, uint32_t size)
{
	const struct record *r = data;
	struct reading *g = ctx;

	g->faults += r->producer >= THREADS || size != sizeof(*r) + r->number % 40;
	if (r->producer < THREADS) {
		g->faults += r->number < g->last[r->producer];
		g->last[r->producer] = r->number + 1;
	}
	g->seen++;
	return 0;
}

static void *consume(void *p)
{
	struct worker *w = p;
	struct reading g = { 0 };

	while (g.seen < THREADS * LOOPS / 5 * 4) {
		map_ring_wait(w->map, 100);
		map_ring_read(w->map, take_record, &g);
	}
	w->faults = g.faults;
	return NULL;
}

static void rings_keep_order_and_all(void **state)
{
	struct map *m = make(DEF(RINGBUF, 0, 0, 8192, 0));
	struct worker w[THREADS], reader = { .map = m };

	(void)state;
	pthread_create(&reader.thread, NULL, consume, &reader);
	assert_int_equal(run(m, produce, w), 0);
	pthread_join(reader.thread, NULL);
	assert_int_equal(reader.faults, 0);
	map_put(m);
}

static void *intern(void *p)
{
	struct worker *w = p;
	uint32_t seed = w->number;

	for (uint32_t i = 0; i < LOOPS; i++) {
		uint64_t ips[3] = { next(&seed) % 8, 1, 2 }, back[4];
		int64_t id = map_stack_id(w->map, ips, 3, 0);
		uint32_t key = (uint32_t)id;

		if (id >= 0 && !map_user_lookup(w->map, &key, back, 0))
			w->faults += memcmp(back, ips, sizeof(ips)) != 0 || back[3];
		w->faults += id < 0 && id != -EEXIST;
	}
	return NULL;
}

static void stacks_are_interned_whole(void **state)
{
	struct map *m = make(DEF(STACK_TRACE, 4, 32, 1024, 0));
	struct worker w[THREADS];

	(void)state;
	assert_int_equal(run(m, intern, w), 0);
	map_put(m);
}

static void *allocate(void *p)
{
	struct worker *w = p;
	uint32_t seed = w->number;

	for (uint32_t i = 0; i < LOOPS / 20; i++) {
		uint32_t n = 1 + next(&seed) % 3;
		uint64_t at = map_arena_alloc(w->map, 0, n);
		char *page = (char *)(uintptr_t)at;

		if (!at)
			continue;
		w->faults += page[0] || page[n * 4096 - 1];
		memset(page, 1 + (int)w->number, 8);
		w->faults += page[0] != 1 + (int)w->number;
		map_arena_free(w->map, at, n);
	}
	return NULL;
}

static void arena_pages_have_one_owner(void **state)
{
	struct map *m = make(DEF(ARENA, 0, 0, 16, BPF_F_MMAPABLE));
	struct worker w[THREADS];

	(void)state;
	assert_int_equal(run(m, allocate, w), 0);
	assert_int_not_equal(map_arena_alloc(m, 0, 16), 0); /* all came back */
	map_put(m);
}

static void own_lock_is_busy_not_deadlock(void **state)
{
	struct map *m = make(DEF(HASH, 8, 8, 10, 0));
	uint64_t key = 1, v = 2;

	(void)state;
	assert_int_equal(m->kind->update(m, &key, &v, BPF_ANY, 0), 0);
	struct bucket *b = hash_bucket(hash_of(m), hash_key(hash_of(m), &key));
	assert_int_equal(map_lock(&b->lock), 0); /* as when a program interrupts an update */
	assert_int_equal(m->kind->update(m, &key, &v, BPF_ANY, 0), -EBUSY);
	assert_int_equal(m->kind->remove(m, &key), -EBUSY);
	assert_non_null(m->lookup(m, &key, 0));
	map_unlock(&b->lock);
	assert_int_equal(m->kind->remove(m, &key), 0);
	map_put(m);
}

static struct map *interrupted[3];
static volatile uint32_t interruptions, bad_results;

static void interrupt(int sig)
{
	static uint64_t n;
	uint64_t key = n++ % 8, v = n;
	struct map *m = interrupted[0];

	(void)sig;
	int err = m->kind->update(m, &key, &v, BPF_ANY, 0);
	if (err && err != -EBUSY && err != -E2BIG)
		bad_results++;
	m->lookup(m, &key, 0);
	err = m->kind->remove(m, &key);
	if (err && err != -EBUSY && err != -ENOENT)
		bad_results++;
	interrupted[1]->kind->push(interrupted[1], &v, BPF_EXIST);
	map_ring_output(interrupted[2], &v, 8, BPF_RB_NO_WAKEUP);
	interruptions++;
}

static int any_record(void *ctx, const void *data, uint32_t size)
{
	(void)ctx, (void)data, (void)size;
	return 0;
}

/* A signal handler stands for the program that interrupts another. */
static void interrupting_programs_get_by(void **state)
{
	struct itimerval every = { { 0, 150 }, { 0, 150 } }, off = { 0 };
	struct sigaction act = { .sa_handler = interrupt }, old;
	uint64_t v = 0;

	(void)state;
	interrupted[0] = make(DEF(HASH, 8, 8, 6, 0));
	interrupted[1] = make(DEF(QUEUE, 0, 8, 4, 0));
	interrupted[2] = make(DEF(RINGBUF, 0, 0, 4096, 0));
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	for (time_t end = time(NULL) + 2; time(NULL) < end && interruptions < 1500;) {
		for (uint64_t key = 0; key < 8; key++, v++) {
			interrupted[0]->kind->update(interrupted[0], &key, &v, BPF_ANY, 0);
			interrupted[1]->kind->push(interrupted[1], &v, BPF_EXIST);
			map_ring_output(interrupted[2], &v, 8, BPF_RB_NO_WAKEUP);
		}
		map_ring_read(interrupted[2], any_record, NULL);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_true(interruptions > 0);
	assert_int_equal(bad_results, 0);
	for (uint64_t key = 0; key < 8; key++)
		interrupted[0]->kind->remove(interrupted[0], &key);
	assert_int_equal(room(interrupted[0]), 6);
	for (int i = 0; i < 3; i++)
		map_put(interrupted[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_readers_see_whole_values_and_miss_nothing),
		cmocka_unit_test(hash_chains_too),
		cmocka_unit_test(lru_never_runs_out),
		cmocka_unit_test(percpu_values_are_apart),
		cmocka_unit_test(lpm_readers_always_find_the_route),
		cmocka_unit_test(queues_lose_nothing),
		cmocka_unit_test(spin_locks_exclude),
		cmocka_unit_test(rings_keep_order_and_all),
		cmocka_unit_test(stacks_are_interned_whole),
		cmocka_unit_test(arena_pages_have_one_owner),
		cmocka_unit_test(own_lock_is_busy_not_deadlock),
		cmocka_unit_test(interrupting_programs_get_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
