/*
 * Maps against the running kernel: the same definitions, and the same random sequence of
 * operations, through bpf(2) and through the engine's maps, must give the same return codes, keys
 * and values. Needs root; skipped otherwise, and for kinds that the kernel refuses to make.
 *
 * What is left to the implementation is compared as a set (the order of walks through hashes) or
 * not at all (which key an LRU table evicts: tables are kept below their size).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/map.h"

enum {
	STEPS = 4000,
	ROUNDS = 12, /* definitions of a kind */
	KEY_MAX = 64,
	VALUE_MAX = 1 << 16,
	BATCH_MAX = 40,
};

#define DEF(t, k, v, n, f, ...)                                                                    \
	{                                                                                          \
		.type = (t), .key_size = (k), .value_size = (v), .max_entries = (n), .flags = (f), \
		__VA_ARGS__                                                                        \
	}

/* bpf(2)'s attributes, as far as these tests use them. */
union attr {
	struct {
		uint32_t type, key_size, value_size, max_entries, flags, inner_fd, numa_node;
		char name[16];
		uint32_t ifindex, btf_fd, btf_key, btf_value, btf_vmlinux_value;
		uint64_t extra;
	} create;
	struct {
		uint32_t fd, pad;
		uint64_t key, value, flags;
	} elem;
	struct {
		uint64_t in, out, keys, values;
		uint32_t count, fd;
		uint64_t elem_flags, flags;
	} batch;
};

static int sys_bpf(enum bpf_cmd cmd, union attr *a)
{
	long r = syscall(SYS_bpf, cmd, a, sizeof(*a));

	return r < 0 ? -errno : (int)r;
}

static uint64_t ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

struct rng {
	uint64_t state;
};

static uint32_t rnd(struct rng *r, uint32_t below)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)(r->state >> 20) % below;
}

static int kernel_create(const struct map_def *d, int inner)
{
	union attr a = { 0 };

	a.create.type = d->type;
	a.create.key_size = d->key_size;
	a.create.value_size = d->value_size;
	a.create.max_entries = d->max_entries;
	a.create.flags = d->flags;
	a.create.extra = d->extra;
	a.create.inner_fd = (uint32_t)inner;
	return sys_bpf(BPF_MAP_CREATE, &a);
}

static uint32_t possible_cpus(void)
{
	unsigned first = 0, last = 0;
	FILE *f = fopen("/sys/devices/system/cpu/possible", "r");

	if (f && fscanf(f, "%u-%u", &first, &last) < 2)
		last = first;
	if (f)
		fclose(f);
	return last + 1;
}

/* The same map twice. */
struct pair {
	struct map_def def;
	struct map *map;
	int fd;
	size_t value_size; /* as user space sees it */
	struct rng rng;
	uint32_t keys; /* how many different keys are tried */
	uint32_t step;
	const char *what;
};

static void agree(const struct pair *p, int kernel, int ours)
{
	if (kernel == ours)
		return;
	print_error("%s (key %u, value %u, entries %u, flags %#x), step %u, %s: kernel %d, ours "
		    "%d\n",
		    p->map->kind->name, p->def.key_size, p->def.value_size, p->def.max_entries,
		    p->def.flags, p->step, p->what, kernel, ours);
	fail();
}

static void same_bytes(const struct pair *p, const void *kernel, const void *ours, size_t n)
{
	if (memcmp(kernel, ours, n) == 0)
		return;
	print_error("%s (key %u, value %u, flags %#x), step %u, %s: other bytes\n",
		    p->map->kind->name, p->def.key_size, p->def.value_size, p->def.flags, p->step,
		    p->what);
	fail();
}

static void random_key(struct pair *p, uint8_t *key)
{
	uint32_t n = rnd(&p->rng, p->keys), size = p->def.key_size;

	memset(key, 0, KEY_MAX);
	if (p->def.type == BPF_MAP_TYPE_LPM_TRIE) {
		uint32_t bits = (size - 4) * 8;
		uint32_t length = rnd(&p->rng, 40) ? rnd(&p->rng, bits + 1) : bits + 1;

		memcpy(key, &length, 4);
		for (uint32_t i = 4; i < size; i++)
			key[i] = (uint8_t)(rnd(&p->rng, 4) * 0x55);
		return;
	}
	for (uint32_t i = 0; i < size && i < 4; i++)
		key[i] = (uint8_t)(n >> 8 * i);
	for (uint32_t i = 4; i < size; i++)
		key[i] = (uint8_t)(n * 37 + i);
}

static void random_value(struct pair *p, uint8_t *value)
{
	uint32_t n = rnd(&p->rng, 1u << 30), each = p->def.value_size;

	memset(value, 0, VALUE_MAX);
	for (size_t at = 0; at < p->value_size; at += (each + 7) / 8 * 8)
		for (uint32_t i = 0; i < each; i++)
			value[at + i] = (uint8_t)(n + at + i * 7);
}

static uint64_t random_flags(struct pair *p)
{
	static const uint64_t odd[] = { 3, 4, 5, 8, 1ull << 40, ~0ull };

	if (rnd(&p->rng, 30) == 0)
		return odd[rnd(&p->rng, 6)];
	return rnd(&p->rng, 2) ? BPF_ANY : rnd(&p->rng, 3);
}

static union attr elem(const struct pair *p, const void *key, const void *value, uint64_t flags)
{
	union attr a = { 0 };

	a.elem.fd = (uint32_t)p->fd;
	a.elem.key = p->def.key_size ? ptr(key) : 0;
	a.elem.value = ptr(value);
	a.elem.flags = flags;
	return a;
}

static uint8_t key_a[KEY_MAX], key_b[KEY_MAX], value_a[VALUE_MAX], value_b[VALUE_MAX];

static const void *given(const struct pair *p, const void *key)
{
	return p->def.key_size ? key : NULL;
}

static void do_update(struct pair *p)
{
	uint64_t flags = random_flags(p);

	p->what = "update";
	random_key(p, key_a);
	random_value(p, value_a);
	union attr a = elem(p, key_a, value_a, flags);
	int kernel = sys_bpf(BPF_MAP_UPDATE_ELEM, &a);
	agree(p, kernel, map_user_update(p->map, given(p, key_a), value_a, flags));
}

static void do_lookup(struct pair *p)
{
	uint64_t flags = rnd(&p->rng, 30) ? 0 : random_flags(p);

	p->what = "lookup";
	random_key(p, key_a);
	memset(value_a, 0, p->value_size);
	memset(value_b, 0, p->value_size);
	union attr a = elem(p, key_a, value_a, flags);
	int kernel = sys_bpf(BPF_MAP_LOOKUP_ELEM, &a);
	agree(p, kernel, map_user_lookup(p->map, given(p, key_a), value_b, flags));
	if (!kernel)
		same_bytes(p, value_a, value_b, p->value_size);
}

static void do_delete(struct pair *p)
{
	p->what = "delete";
	random_key(p, key_a);
	union attr a = elem(p, key_a, NULL, 0);
	int kernel = sys_bpf(BPF_MAP_DELETE_ELEM, &a);
	agree(p, kernel, map_user_delete(p->map, given(p, key_a)));
}

static void do_take(struct pair *p)
{
	uint64_t flags = rnd(&p->rng, 30) ? 0 : random_flags(p);

	p->what = "lookup and delete";
	random_key(p, key_a);
	memset(value_a, 0, p->value_size);
	memset(value_b, 0, p->value_size);
	union attr a = elem(p, key_a, value_a, flags);
	int kernel = sys_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &a);
	agree(p, kernel, map_user_lookup_delete(p->map, given(p, key_a), value_b, flags));
	if (!kernel)
		same_bytes(p, value_a, value_b, p->value_size);
}

static bool is_hash(const struct pair *p)
{
	return p->map->kind->bucket;
}

static void do_next_key(struct pair *p)
{
	bool first = rnd(&p->rng, 8) == 0;
	uint8_t next[KEY_MAX];

	p->what = "next key";
	random_key(p, key_a);
	union attr a = elem(p, key_a, key_b, 0);
	if (first)
		a.elem.key = 0;
	int kernel = sys_bpf(BPF_MAP_GET_NEXT_KEY, &a);
	int ours = map_user_next_key(p->map, first ? NULL : given(p, key_a), next);
	if (is_hash(p) && (!kernel || !ours)) /* which one is last is the order's matter */
		return;
	agree(p, kernel, ours);
	if (!kernel)
		same_bytes(p, key_b, next, p->def.key_size);
}

/* Every key of one map must be in the other, with the same value, and as many. */
static void do_walk(struct pair *p)
{
	uint32_t kernel = 0, ours = 0;
	uint8_t at[KEY_MAX];
	bool started = false;

	p->what = "walk";
	if (!p->map->kind->next_key || !p->def.key_size || !p->map->lookup)
		return;
	for (;; kernel++, started = true) {
		union attr a = elem(p, at, key_b, 0);
		if (!started)
			a.elem.key = 0;
		if (sys_bpf(BPF_MAP_GET_NEXT_KEY, &a))
			break;
		memcpy(at, key_b, KEY_MAX);
		memset(value_a, 0, p->value_size);
		memset(value_b, 0, p->value_size);
		a = elem(p, at, value_a, 0);
		int got = sys_bpf(BPF_MAP_LOOKUP_ELEM, &a);
		agree(p, got, map_user_lookup(p->map, at, value_b, 0));
		same_bytes(p, value_a, value_b, p->value_size);
	}
	for (started = false; !map_user_next_key(p->map, started ? at : NULL, key_b); ours++) {
		memcpy(at, key_b, KEY_MAX);
		started = true;
	}
	agree(p, (int)kernel, (int)ours);
}

struct page {
	uint8_t *keys, *values;
	uint32_t mark[KEY_MAX / 4];
};

static struct page page_new(const struct pair *p)
{
	return (struct page){ .keys = calloc(BATCH_MAX, p->def.key_size),
			      .values = calloc(BATCH_MAX, p->value_size) };
}

static void page_free(struct page *g)
{
	free(g->keys);
	free(g->values);
}

static size_t compared_key_size;

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, compared_key_size);
}

static void same_pages(struct pair *p, const struct page *a, const struct page *b, uint32_t n)
{
	size_t one = p->def.key_size + p->value_size;
	uint8_t *x = calloc(n + 1, one), *y = calloc(n + 1, one);

	for (uint32_t i = 0; i < n; i++) {
		memcpy(x + i * one, a->keys + i * p->def.key_size, p->def.key_size);
		memcpy(x + i * one + p->def.key_size, a->values + i * p->value_size, p->value_size);
		memcpy(y + i * one, b->keys + i * p->def.key_size, p->def.key_size);
		memcpy(y + i * one + p->def.key_size, b->values + i * p->value_size, p->value_size);
	}
	if (is_hash(p)) {
		compared_key_size = p->def.key_size;
		qsort(x, n, one, by_key);
		qsort(y, n, one, by_key);
	}
	same_bytes(p, x, y, n * one);
	free(x);
	free(y);
}

static void do_batch(struct pair *p)
{
	static const enum bpf_cmd cmds[] = { BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH,
					     BPF_MAP_DELETE_BATCH,
					     BPF_MAP_LOOKUP_AND_DELETE_BATCH };
	static const char *const names[] = { "lookup batch", "update batch", "delete batch",
					     "lookup and delete batch" };
	uint32_t which = rnd(&p->rng, 4), n = rnd(&p->rng, BATCH_MAX + 1);
	struct page a = page_new(p), b = page_new(p);
	enum bpf_cmd cmd = cmds[which];
	bool reads = which == 0 || which == 3, resume = false;

	p->what = names[which];
	if (reads && is_hash(p) && n) /* pages of hashes depend on buckets, but for whole maps */
		n = BATCH_MAX;
	if (reads && !is_hash(p) && rnd(&p->rng, 2)) {
		resume = true;
		random_key(p, (uint8_t *)a.mark);
		memcpy(b.mark, a.mark, sizeof(a.mark));
	}
	for (uint32_t i = 0; !reads && i < n; i++) {
		random_key(p, key_a);
		random_value(p, value_a);
		memcpy(a.keys + i * p->def.key_size, key_a, p->def.key_size);
		memcpy(a.values + i * p->value_size, value_a, p->value_size);
	}
	union attr attr = { 0 };
	attr.batch.in = resume ? ptr(a.mark) : 0;
	attr.batch.out = reads ? ptr(a.mark) : 0;
	attr.batch.keys = ptr(a.keys);
	attr.batch.values = ptr(a.values);
	attr.batch.count = n;
	attr.batch.fd = (uint32_t)p->fd;
	attr.batch.elem_flags = rnd(&p->rng, 10) ? 0 : random_flags(p);
	attr.batch.flags = rnd(&p->rng, 20) ? 0 : 1;
	struct map_batch ours = {
		.in = resume ? b.mark : NULL,
		.out = b.mark,
		.keys = reads ? b.keys : a.keys,
		.values = reads ? b.values : a.values,
		.count = n,
		.elem_flags = attr.batch.elem_flags,
		.flags = attr.batch.flags,
	};
	int kernel = sys_bpf(cmd, &attr);
	agree(p, kernel, map_user_batch(p->map, cmd, &ours));
	if (!kernel || kernel == -ENOENT) {
		agree(p, (int)attr.batch.count, (int)ours.count);
		if (reads)
			same_pages(p, &a, &b, ours.count);
		if (reads && !is_hash(p) && ours.count)
			same_bytes(p, a.mark, b.mark, p->def.key_size);
	}
	page_free(&a);
	page_free(&b);
}

static void run_steps(struct pair *p, uint32_t steps)
{
	static void (*const ops[])(struct pair *) = { do_update, do_update, do_update,   do_lookup,
						      do_lookup, do_delete, do_next_key, do_take };

	for (p->step = 0; p->step < steps; p->step++) {
		ops[rnd(&p->rng, 8)](p);
		if (p->def.key_size && p->step % 20 == 0)
			do_batch(p);
		if (p->step % 500 == 499)
			do_walk(p);
	}
}

/* Both maps of @def; false when neither could be made (with the same error). */
static bool make(struct pair *p, const struct map_def *def)
{
	*p = (struct pair){ .def = *def, .rng = { 0x5ca1ab1e0ull + def->type } };
	p->def.ncpus = possible_cpus();
	p->fd = kernel_create(&p->def, 0);
	int err = map_new(&p->def, &p->map);
	if ((p->fd < 0 ? p->fd : 0) != err) {
		print_error("create type %u key %u value %u entries %u flags %#x extra %llx: "
			    "kernel %d, ours %d\n",
			    def->type, def->key_size, def->value_size, def->max_entries, def->flags,
			    (unsigned long long)def->extra, p->fd, err);
		if (!err)
			map_put(p->map);
		if (p->fd >= 0)
			close(p->fd);
		fail();
	}
	if (err)
		return false;
	p->value_size = map_user_value_size(p->map);
	p->keys = def->max_entries + def->max_entries / 4 + 2;
	return true;
}

static void done(struct pair *p)
{
	map_put(p->map);
	close(p->fd);
}

static bool lru(const struct map_def *d)
{
	return d->type == BPF_MAP_TYPE_LRU_HASH || d->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static void same_operations(enum bpf_map_type type, uint32_t key_size, uint32_t flags)
{
	struct rng rng = { 77 + type };
	struct map_def def = { .type = type, .flags = flags };
	struct pair p;

	for (int round = 0; round < ROUNDS; round++) {
		static const uint32_t sizes[] = { 1, 3, 4, 5, 8, 12, 16, 17, 33 };
		def.key_size = key_size != UINT32_MAX ? key_size : sizes[rnd(&rng, 9)];
		if (type == BPF_MAP_TYPE_LPM_TRIE)
			def.key_size = (uint32_t[]){ 5, 8, 12, 20, 24 }[rnd(&rng, 5)];
		def.value_size = 1 + rnd(&rng, 40);
		def.max_entries = 1 + rnd(&rng, 30);
		if (!make(&p, &def))
			continue;
		if (lru(&def)) { /* room enough that nothing is evicted */
			done(&p);
			def.max_entries = 4096;
			assert_true(make(&p, &def));
			p.keys = 30;
		}
		if (def.key_size == 1)
			p.keys = MIN(p.keys, 200);
		run_steps(&p, STEPS / ROUNDS);
		done(&p);
	}
}

static bool have_kernel(void)
{
	struct map_def def = DEF(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, .ncpus = 1);
	int fd = kernel_create(&def, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define NEEDS_KERNEL()              \
	do {                        \
		if (!have_kernel()) \
			skip();     \
	} while (0)

#define SAME(name, id, keys, flags)                              \
	static void name(void **state)                           \
	{                                                        \
		(void)state;                                     \
		NEEDS_KERNEL();                                  \
		same_operations(BPF_MAP_TYPE_##id, keys, flags); \
	}

SAME(arrays, ARRAY, 4, 0)
SAME(percpu_arrays, PERCPU_ARRAY, 4, 0)
SAME(hashes, HASH, UINT32_MAX, 0)
SAME(hashes_without_preallocation, HASH, UINT32_MAX, BPF_F_NO_PREALLOC)
SAME(percpu_hashes, PERCPU_HASH, UINT32_MAX, 0)
SAME(lru_hashes, LRU_HASH, UINT32_MAX, 0)
SAME(lru_percpu_hashes, LRU_PERCPU_HASH, UINT32_MAX, 0)
SAME(lpm_tries, LPM_TRIE, 8, BPF_F_NO_PREALLOC)
SAME(queues, QUEUE, 0, 0)
SAME(stacks, STACK, 0, 0)

static void access_flags(void **state)
{
	static const uint32_t flags[] = { BPF_F_RDONLY, BPF_F_WRONLY, BPF_F_RDONLY_PROG };
	static const enum bpf_map_type types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH,
						   BPF_MAP_TYPE_QUEUE };
	struct pair p;

	(void)state;
	NEEDS_KERNEL();
	for (uint32_t i = 0; i < 9; i++) {
		bool queue = types[i / 3] == BPF_MAP_TYPE_QUEUE;
		struct map_def def = DEF(types[i / 3], queue ? 0 : 4, 8, 5, flags[i % 3]);
		if (!make(&p, &def))
			continue;
		run_steps(&p, 200);
		done(&p);
	}
}

static void frozen_maps(void **state)
{
	static const enum bpf_map_type types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH };
	struct pair p;

	(void)state;
	NEEDS_KERNEL();
	for (uint32_t i = 0; i < 2; i++) {
		struct map_def def = DEF(types[i], 4, 8, 5, 0);
		assert_true(make(&p, &def));
		run_steps(&p, 60);
		union attr a = { 0 };
		a.elem.fd = (uint32_t)p.fd;
		p.what = "freeze";
		agree(&p, sys_bpf(BPF_MAP_FREEZE, &a), map_user_freeze(p.map));
		agree(&p, sys_bpf(BPF_MAP_FREEZE, &a), map_user_freeze(p.map));
		run_steps(&p, 100);
		done(&p);
	}
}

/* Kinds whose elements user space cannot freely make: every operation, on an empty map. */
static void kinds_that_refuse(void **state)
{
	static const struct map_def defs[] = {
		DEF(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 5, 0),
		DEF(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 5, 0),
		DEF(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 5, 0),
		DEF(BPF_MAP_TYPE_STACK_TRACE, 4, 80, 5, 0),
		DEF(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0),
		DEF(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0),
		DEF(BPF_MAP_TYPE_ARENA, 0, 0, 5, BPF_F_MMAPABLE),
	};
	struct pair p;

	(void)state;
	NEEDS_KERNEL();
	for (uint32_t i = 0; i < ARRAY_LEN(defs); i++) {
		if (!make(&p, &defs[i]))
			continue;
		p.keys = 10;
		for (p.step = 0; p.step < 300; p.step++) {
			static void (*const ops[])(struct pair *) = { do_update, do_lookup,
								      do_delete, do_next_key,
								      do_take };
			ops[rnd(&p.rng, 5)](&p);
			if (p.def.key_size)
				do_batch(&p);
		}
		done(&p);
	}
}

static void bloom_filters(void **state)
{
	struct map_def def = DEF(BPF_MAP_TYPE_BLOOM_FILTER, 0, 9, 4096, 0, .extra = 3);
	struct pair p;

	(void)state;
	NEEDS_KERNEL();
	assert_true(make(&p, &def));
	p.what = "bloom filter";
	for (p.step = 0; p.step < 500; p.step++) {
		uint64_t flags = random_flags(&p);
		random_value(&p, value_a);
		union attr a = elem(&p, NULL, value_a, flags);
		int kernel = sys_bpf(BPF_MAP_UPDATE_ELEM, &a);
		agree(&p, kernel, map_user_update(p.map, NULL, value_a, flags));
		a = elem(&p, NULL, value_a, 0);
		if (!kernel)
			agree(&p, sys_bpf(BPF_MAP_LOOKUP_ELEM, &a),
			      map_user_lookup(p.map, NULL, value_a, 0));
		do_delete(&p);
		do_next_key(&p);
		do_take(&p);
	}
	done(&p);
}

/* Handles of the maps of maps: a descriptor here stands for one of two maps. */
struct handles {
	struct map *maps[2];
	int fds[2];
};

static void *get_map(void *ctx, enum map_object kind, uint32_t handle)
{
	struct handles *h = ctx;

	(void)kind;
	for (int i = 0; i < 2; i++)
		if ((uint32_t)h->fds[i] == handle)
			return map_ref(h->maps[i]);
	return NULL;
}

static uint32_t map_number(void *ctx, enum map_object kind, void *object)
{
	(void)kind;
	return ((struct handles *)ctx)->maps[0] == object ? 0 : 1;
}

static void maps_of_maps(void **state)
{
	static const enum bpf_map_type types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS,
						   BPF_MAP_TYPE_HASH_OF_MAPS };
	struct map_def inner = DEF(BPF_MAP_TYPE_ARRAY, 4, 8, 3, 0);
	struct handles h;

	(void)state;
	NEEDS_KERNEL();
	for (int i = 0; i < 2; i++) {
		h.fds[i] = kernel_create(&inner, 0);
		assert_int_equal(map_new(&inner, &h.maps[i]), 0);
	}
	inner.value_size = 16; /* not like the template */
	int other_fd = kernel_create(&inner, 0);
	for (int i = 0; i < 2; i++) {
		struct map_host host = { .get = get_map, .id = map_number, .ctx = &h };
		struct map_def def = DEF(types[i], 4, 4, 5, 0, .inner = h.maps[0], .host = &host);
		struct pair p = { .def = def, .rng = { 99 }, .keys = 7, .value_size = 4 };
		p.fd = kernel_create(&def, h.fds[0]);
		assert_true(p.fd >= 0);
		assert_int_equal(map_new(&def, &p.map), 0);
		for (p.step = 0; p.step < 600; p.step++) {
			int fd = rnd(&p.rng, 12) ? h.fds[rnd(&p.rng, 2)] : -1;
			uint64_t flags = random_flags(&p);
			random_key(&p, key_a);
			p.what = "update of a map of maps";
			union attr a = elem(&p, key_a, &fd, flags);
			int kernel = sys_bpf(BPF_MAP_UPDATE_ELEM, &a);
			agree(&p, kernel, map_user_update(p.map, key_a, &fd, flags));
			random_key(&p, key_a);
			a = elem(&p, key_a, value_a, 0);
			p.what = "lookup in a map of maps";
			kernel = sys_bpf(BPF_MAP_LOOKUP_ELEM, &a);
			agree(&p, kernel, map_user_lookup(p.map, key_a, value_b, 0));
			if (rnd(&p.rng, 3) == 0)
				do_delete(&p);
			do_next_key(&p);
			if (rnd(&p.rng, 5) == 0)
				do_take(&p);
		}
		done(&p);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(h.maps[i]->references, 1); /* all were given back */
		close(h.fds[i]);
		map_put(h.maps[i]);
	}
	close(other_fd);
}

static uint32_t odd_size(struct rng *r)
{
	static const uint32_t sizes[] = { 0,    1,     3,     4,     4,       4,
					  8,    8,     16,    64,    127 * 8, 1024,
					  4096, 32760, 32768, 32769, 65536,   1u << 20 };

	return sizes[rnd(r, ARRAY_LEN(sizes))];
}

static uint32_t odd_flags(struct rng *r)
{
	uint32_t flags = 0;

	if (rnd(r, 2))
		return 0;
	for (uint32_t n = rnd(r, 3) + 1; n; n--)
		flags |= 1u << rnd(r, 13);
	return flags & ~(uint32_t)BPF_F_NUMA_NODE;
}

/* Definitions of every kind, sensible and not: made or refused alike. */
static void definitions(void **state)
{
	struct rng rng = { 4242 };
	struct pair p;

	(void)state;
	NEEDS_KERNEL();
	for (const struct map_kind *const *k = map_kinds; *k; k++) {
		uint32_t type = (*k)->type;
		if (type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS ||
		    type == BPF_MAP_TYPE_SK_STORAGE || type == BPF_MAP_TYPE_INODE_STORAGE ||
		    type == BPF_MAP_TYPE_TASK_STORAGE || type == BPF_MAP_TYPE_CGRP_STORAGE)
			continue; /* need descriptors of maps, of BTF */
		for (int i = 0; i < 400; i++) {
			struct map_def def = DEF(type, odd_size(&rng), odd_size(&rng),
						 odd_size(&rng), odd_flags(&rng));
			if (rnd(&rng, 2))
				def.key_size = 4;
			if (rnd(&rng, 4) == 0)
				def.key_size = 0;
			if ((uint64_t)def.max_entries * (def.key_size + def.value_size) > 32 << 20)
				continue; /* memory, not checks */
			if (rnd(&rng, 8) == 0)
				def.extra = rnd(&rng, 2) ? rnd(&rng, 40) : 1ull << rnd(&rng, 40);
			if (make(&p, &def))
				done(&p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(definitions),
		cmocka_unit_test(arrays),
		cmocka_unit_test(percpu_arrays),
		cmocka_unit_test(hashes),
		cmocka_unit_test(hashes_without_preallocation),
		cmocka_unit_test(percpu_hashes),
		cmocka_unit_test(lru_hashes),
		cmocka_unit_test(lru_percpu_hashes),
		cmocka_unit_test(lpm_tries),
		cmocka_unit_test(queues),
		cmocka_unit_test(stacks),
		cmocka_unit_test(access_flags),
		cmocka_unit_test(frozen_maps),
		cmocka_unit_test(kinds_that_refuse),
		cmocka_unit_test(bloom_filters),
		cmocka_unit_test(maps_of_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
