/*
 * What maps of the engine cost: ns for one operation, the goal (what the kernel's maps cost from
 * its own programs on the machine where this was set), and how much two threads do together of
 * what one does. CPU time, the least of many rounds; the loop and the call through the row are in
 * it. Rounds of two threads count when both ran all the time ("-": others kept the machine busy).
 *
 *	bench-maps [NAME]    only rows whose name has NAME in it
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/map.h"
#include "engine/map_special.h"

enum { KEYS = 16384, LOOPS = 1 << 16, ROUNDS = 100, CPUS = 2 };

#define NEVER 1e18
#define OVERLAP 1.2

struct row {
	const char *name;
	struct map_def def;
	double goal; /* ns */
	uint64_t (*loop)(struct map *m, uint32_t cpu, uint32_t loops);
	uint32_t keys; /* put in first */
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t order[KEYS]; /* keys in the order they are used */

static uint64_t key_of(uint32_t i)
{
	return (uint64_t)i * 0x9e3779b97f4a7c15u;
}

static uint64_t loop_array(struct map *m, uint32_t cpu, uint32_t loops)
{
	void *(*lookup)(struct map *, const void *, uint32_t) = m->lookup; /* as compiled code */
	uint64_t sum = 0;

	for (uint32_t i = 0; i < loops; i++) {
		uint32_t key = i & 255;
		uint64_t *v = lookup(m, &key, cpu);
		sum += *v;
	}
	return sum;
}

static uint64_t loop_lookup(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < loops; i++) {
		uint64_t *v = m->lookup(m, &order[(i + cpu * 77) % KEYS], cpu);
		sum += v ? *v : 1;
	}
	return sum;
}

/* Two threads update different keys. */
static uint64_t loop_update(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < loops; i++)
		sum += (uint64_t)m->kind->update(m, &order[(i * CPUS + cpu) % KEYS], &i, BPF_ANY,
						 cpu);
	return sum;
}

static uint64_t loop_array_update(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < loops; i++) {
		uint32_t key = (uint32_t)(i & 127) + cpu * 128;
		sum += (uint64_t)m->kind->update(m, &key, &i, BPF_ANY, cpu);
	}
	return sum;
}

static uint64_t loop_insert_delete(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < loops; i += 2) {
		uint64_t key = key_of((uint32_t)(i & 4095)) + cpu + 1;
		sum += (uint64_t)m->kind->update(m, &key, &i, BPF_ANY, cpu);
		sum += (uint64_t)m->kind->remove(m, &key);
	}
	return sum;
}

/* Keys that are not there: every update evicts. */
static uint64_t loop_evict(struct map *m, uint32_t cpu, uint32_t loops)
{
	static uint64_t next[CPUS][8];
	uint64_t sum = 0;

	for (uint64_t i = 0; i < loops; i++) {
		uint64_t key = (++next[cpu][0] * CPUS + cpu) * 0x9e3779b97f4a7c15u;
		sum += (uint64_t)m->kind->update(m, &key, &i, BPF_ANY, cpu);
	}
	return sum;
}

struct lpm_key {
	uint32_t length;
	uint32_t address;
};

static struct lpm_key prefixes[KEYS];

static uint64_t loop_lpm(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < loops; i++) {
		struct lpm_key k = { 32, prefixes[(i + cpu * 77) % KEYS].address };
		uint64_t *v = m->lookup(m, &k, cpu);
		sum += v ? *v : 1;
	}
	return sum;
}

static uint64_t loop_lpm_update(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < loops; i++)
		sum += (uint64_t)m->kind->update(m, &prefixes[(i * CPUS + cpu) % KEYS], &i, BPF_ANY,
						 cpu);
	return sum;
}

static uint64_t loop_ring(struct map *m, uint32_t cpu, uint32_t loops)
{
	uint64_t *consumer = (uint64_t *)(m->values - 8192), sum = 0;

	(void)cpu;
	for (uint32_t i = 0; i < loops; i++) {
		void *r = map_ring_reserve(m, 16, 0);
		if (r)
			sum += map_ring_end(m, r, BPF_RB_NO_WAKEUP, true);
		else /* as a reader would; rarely */
			__atomic_store_n(consumer, map_ring_query(m, BPF_RB_PROD_POS),
					 __ATOMIC_RELEASE);
	}
	return sum;
}

#define DEF(t, k, n, f)                                                                         \
	{                                                                                       \
		.type = BPF_MAP_TYPE_##t, .key_size = (k), .value_size = 8, .max_entries = (n), \
		.flags = (f), .ncpus = CPUS                                                     \
	}

static const struct row rows[] = {
	{ "array lookup", DEF(ARRAY, 4, 256, 0), 1.6, loop_array, 0 },
	{ "percpu array lookup", DEF(PERCPU_ARRAY, 4, 256, 0), 2.6, loop_array, 0 },
	{ "array update", DEF(ARRAY, 4, 256, 0), 38, loop_array_update, 0 },
	{ "percpu array update", DEF(PERCPU_ARRAY, 4, 256, 0), 36, loop_array_update, 0 },
	{ "hash lookup", DEF(HASH, 8, KEYS, 0), 30, loop_lookup, KEYS },
	{ "hash lookup, 4 bytes", DEF(HASH, 4, KEYS, 0), 30, loop_lookup, KEYS },
	{ "percpu hash lookup", DEF(PERCPU_HASH, 8, KEYS, 0), 33, loop_lookup, KEYS },
	{ "lru lookup", DEF(LRU_HASH, 8, KEYS, 0), 39, loop_lookup, KEYS },
	{ "hash update", DEF(HASH, 8, KEYS, 0), 120, loop_update, KEYS },
	{ "hash insert, delete", DEF(HASH, 8, KEYS, 0), 120, loop_insert_delete, 0 },
	{ "percpu hash update", DEF(PERCPU_HASH, 8, KEYS, 0), 87, loop_update, KEYS },
	{ "lru update", DEF(LRU_HASH, 8, KEYS, 0), 270, loop_update, KEYS },
	{ "lru update, evicting", DEF(LRU_HASH, 8, KEYS, 0), 270, loop_evict, KEYS },
	{ "lpm lookup, 16k keys", DEF(LPM_TRIE, 8, KEYS, 1), 68, loop_lpm, KEYS },
	{ "lpm update", DEF(LPM_TRIE, 8, KEYS, 1), 589, loop_lpm_update, KEYS },
	{ "ring reserve, discard",
	  { .type = BPF_MAP_TYPE_RINGBUF, .max_entries = 1 << 20 },
	  32,
	  loop_ring,
	  0 },
};

static void fill(const struct row *r, struct map *m)
{
	for (uint64_t i = 0; i < r->keys; i++) {
		if (r->def.type == BPF_MAP_TYPE_LPM_TRIE)
			m->kind->update(m, &prefixes[i], &i, BPF_ANY, i % CPUS);
		else
			m->kind->update(m, &order[i], &i, BPF_ANY, i % CPUS);
	}
}

struct work {
	const struct row *row;
	struct map *map;
	uint32_t cpu;
	pthread_barrier_t *start;
	double from, to, cpu_time;
};

static void *thread(void *p)
{
	struct work *w = p;

	w->row->loop(w->map, w->cpu, LOOPS); /* warms this CPU's caches */
	pthread_barrier_wait(w->start);
	w->from = now(CLOCK_MONOTONIC);
	double start = now(CLOCK_THREAD_CPUTIME_ID);
	w->row->loop(w->map, w->cpu, LOOPS);
	w->cpu_time = now(CLOCK_THREAD_CPUTIME_ID) - start;
	w->to = now(CLOCK_MONOTONIC);
	return NULL;
}

/* ns for LOOPS operations on each of two threads, NEVER when they did not run side by side. */
static double both(const struct row *r, struct map *m)
{
	pthread_barrier_t start;
	pthread_t threads[CPUS];
	struct work work[CPUS];

	pthread_barrier_init(&start, NULL, CPUS);
	for (uint32_t i = 0; i < CPUS; i++) {
		work[i] = (struct work){ r, m, i, &start, 0, 0, 0 };
		pthread_create(&threads[i], NULL, thread, &work[i]);
	}
	double from = 1e18, to = 0, most = 0;
	for (uint32_t i = 0; i < CPUS; i++) {
		pthread_join(threads[i], NULL);
		from = work[i].from < from ? work[i].from : from;
		to = work[i].to > to ? work[i].to : to;
		most = work[i].cpu_time > most ? work[i].cpu_time : most;
	}
	pthread_barrier_destroy(&start);
	return to - from < most * OVERLAP ? most : NEVER;
}

static void run(const struct row *r)
{
	double best = NEVER, best_both = NEVER;
	volatile uint64_t sink;
	struct map *m;

	if (map_new(&r->def, &m)) {
		printf("%-24s no such map\n", r->name);
		return;
	}
	fill(r, m);
	for (int i = 0; i < ROUNDS; i++) {
		double from = now(CLOCK_THREAD_CPUTIME_ID);
		sink = r->loop(m, 0, LOOPS);
		double one = now(CLOCK_THREAD_CPUTIME_ID) - from, two = both(r, m);
		best = one < best ? one : best;
		best_both = two < best_both ? two : best_both;
	}
	(void)sink;
	map_put(m);
	printf("%-24s %8.2f %8.1f %8.2f ", r->name, best / LOOPS, r->goal, best / LOOPS / r->goal);
	if (best_both < NEVER)
		printf("%8.2fx\n", CPUS * best / best_both);
	else
		printf("%9s\n", "-");
}

int main(int argc, char **argv)
{
	srandom(1);
	for (uint32_t i = 0; i < KEYS; i++) {
		order[i] = key_of(i);
		prefixes[i] = (struct lpm_key){ 8 + (uint32_t)random() % 25, (uint32_t)random() };
	}
	for (uint32_t i = KEYS - 1; i; i--) {
		uint32_t j = (uint32_t)random() % (i + 1);
		uint64_t t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	printf("%-24s %8s %8s %8s %9s\n", "", "ns", "goal", "ratio", "2 threads");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (argc < 2 || strstr(rows[i].name, argv[1]))
			run(&rows[i]);
	return 0;
}
