/*
 * What only one kind of map can do, as a program or an embedder notices it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/map_priv.h"
#include "engine/map_special.h"

#define DEF(t, k, v, n, f)                                                                        \
	(struct map_def)                                                                          \
	{                                                                                         \
		.type = BPF_MAP_TYPE_##t, .key_size = (k), .value_size = (v), .max_entries = (n), \
		.flags = (f), .ncpus = 2                                                          \
	}

static struct map *make(struct map_def def)
{
	struct map *m;

	assert_int_equal(map_new(&def, &m), 0);
	return m;
}

static int put(struct map *m, uint64_t key, uint64_t value)
{
	return m->kind->update(m, &key, &value, BPF_ANY, 0);
}

static bool within(const struct map *m, const void *value)
{
	uint64_t at = (uint64_t)(uintptr_t)value;

	return at >= m->storage.base && at + m->def.value_size <= m->storage.base + m->storage.size;
}

static void values_stay_in_the_region(void **state)
{
	struct map_def defs[] = { DEF(ARRAY, 4, 13, 9, 0),    DEF(PERCPU_ARRAY, 4, 13, 9, 0),
				  DEF(HASH, 8, 13, 9, 0),     DEF(PERCPU_HASH, 8, 13, 9, 0),
				  DEF(LRU_HASH, 8, 13, 9, 0), DEF(LPM_TRIE, 8, 13, 9, 1) };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		struct map *m = make(defs[i]);
		char value[16] = "twelve bytes";

		for (uint64_t n = 0; n < 200; n++) {
			uint64_t key = n % 9;
			m->kind->update(m, &key, value, BPF_ANY, n % 2);
			void *v = m->lookup(m, &key, n % 2);
			assert_non_null(v);
			assert_true(within(m, v));
			assert_memory_equal(v, value, 13);
			if (n % 3 == 0 && m->kind->remove)
				m->kind->remove(m, &key);
		}
		map_put(m);
	}
}

static void a_program_keeps_the_value_it_looked_up(void **state)
{
	struct map *m = make(DEF(HASH, 8, 8, 4, 0));
	uint64_t key = 1;

	(void)state;
	put(m, 1, 10);
	uint64_t *old = m->lookup(m, &key, 0);
	put(m, 1, 11);
	assert_int_equal(*old, 10); /* the update took another place, as in the kernel */
	assert_int_equal(*(uint64_t *)m->lookup(m, &key, 0), 11);
	map_put(m);
}

static void lru_keeps_what_is_used(void **state)
{
	struct map *m = make(DEF(LRU_HASH, 8, 8, 1000, 0));
	uint32_t kept = 0;

	(void)state;
	for (uint64_t key = 0; key < 100; key++)
		put(m, key, key);
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t hot = i % 100;
		m->lookup(m, &hot, 0);
		assert_int_equal(put(m, 1000 + i, i), 0);
	}
	for (uint64_t key = 0; key < 100; key++)
		kept += m->lookup(m, &key, 0) != NULL;
	assert_int_equal(kept, 100);
	map_put(m);
}

static void user_lookups_do_not_count_as_use(void **state)
{
	struct map *m = make(DEF(LRU_HASH, 8, 8, 100, 0));
	uint64_t v, key = 0;

	(void)state;
	put(m, 0, 0);
	for (uint64_t i = 0; i < 1000; i++) {
		map_user_lookup(m, &key, &v, 0);
		put(m, 1 + i, i);
	}
	assert_null(m->lookup(m, &key, 0));
	map_put(m);
}

struct sum {
	uint64_t keys, values;
	uint32_t stop;
};

static int add(void *ctx, const void *key, void *value)
{
	struct sum *s = ctx;
	uint64_t k = 0;

	memcpy(&k, key, 4);
	s->keys += k;
	s->values += *(uint64_t *)value;
	return s->stop && --s->stop == 0;
}

static void each_visits_all_or_until_told(void **state)
{
	struct map_def defs[] = { DEF(ARRAY, 4, 8, 50, 0), DEF(HASH, 4, 8, 50, 0),
				  DEF(PERCPU_HASH, 4, 8, 50, 0), DEF(LRU_HASH, 4, 8, 50, 0) };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		struct map *m = make(defs[i]);
		struct sum all = { 0 }, some = { .stop = 7 };

		for (uint64_t key = 0; key < 50; key++)
			put(m, key, 2 * key);
		assert_int_equal(m->kind->each(m, add, &all, 0), 50);
		assert_int_equal(all.keys, 49 * 50 / 2);
		assert_int_equal(all.values, 49 * 50);
		assert_int_equal(m->kind->each(m, add, &some, 0), 7);
		map_put(m);
	}
}

static void array_memory_can_be_mapped(void **state)
{
	struct map *m = make(DEF(ARRAY, 4, 8, 1000, BPF_F_MMAPABLE));
	struct map *plain = make(DEF(ARRAY, 4, 8, 1000, 0));
	uint32_t key = 999;
	uint64_t *view;
	void *at;

	(void)state;
	assert_int_equal(map_mmap(m, 0, 8000, PROT_READ | PROT_WRITE, (void **)&view), 0);
	view[999] = 5;
	assert_int_equal(*(uint64_t *)m->lookup(m, &key, 0), 5);
	assert_int_equal(map_user_freeze(m), -EBUSY); /* somebody can write */
	assert_int_equal(map_munmap(m, view, 8000, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(map_user_freeze(m), 0);
	assert_int_equal(map_mmap(m, 0, 4096, PROT_READ | PROT_WRITE, &at), -EPERM);
	assert_int_equal(map_mmap(m, 4096, 8192, PROT_READ, &at), -EINVAL);
	assert_int_equal(map_mmap(plain, 0, 4096, PROT_READ, &at), -EINVAL);
	map_put(m);
	map_put(plain);
}

/* Reads a ring as a program of its own would: by the kernel's layout. */
static void ring_pages_are_the_kernels(void **state)
{
	struct map *m = make(DEF(RINGBUF, 0, 0, 4096, 0));
	uint64_t *consumer;
	char *pages;
	void *at;

	(void)state;
	assert_int_equal(map_mmap(m, 0, 4096, PROT_READ | PROT_WRITE, (void **)&consumer), 0);
	assert_int_equal(map_mmap(m, 4096, 4096 * 3, PROT_READ, (void **)&pages), 0);
	assert_int_equal(map_mmap(m, 4096, 4096 * 3, PROT_READ | PROT_WRITE, &at), -EPERM);
	const uint64_t *producer = (uint64_t *)pages;
	for (uint32_t i = 0; i < 100; i++) {
		char text[100];

		memset(text, 'a' + (int)(i % 26), sizeof(text));
		assert_int_equal(map_ring_output(m, text, 100, 0), 0);
		const char *record = pages + 4096 + *consumer % 4096;
		assert_int_equal(*(const uint32_t *)record, 100);
		assert_memory_equal(record + 8, text, 100); /* whole, though the end may be near */
		assert_int_equal(*producer, *consumer + 112);
		*consumer += 112;
	}
	assert_int_equal(map_ring_query(m, BPF_RB_CONS_POS), 11200);
	assert_int_equal(map_ring_query(m, BPF_RB_RING_SIZE), 4096);
	map_munmap(m, consumer, 4096, PROT_READ | PROT_WRITE);
	map_munmap(m, pages, 4096 * 3, PROT_READ);
	map_put(m);
}

static int count_records(void *ctx, const void *data, uint32_t size)
{
	(void)data, (void)size;
	++*(int *)ctx;
	return 0;
}

static void rings_fill_and_refuse(void **state)
{
	struct map *m = make(DEF(RINGBUF, 0, 0, 4096, 0));
	char big[4096] = { 0 };
	int n = 0;

	(void)state;
	assert_null(map_ring_reserve(m, 4096, 0)); /* no room for its head */
	assert_null(map_ring_reserve(m, 8, 1));
	assert_int_equal(map_ring_output(m, big, 8, 64), -EINVAL);
	assert_int_equal(map_ring_output(m, big, 4000, 0), 0);
	assert_int_equal(map_ring_output(m, big, 100, 0), -EAGAIN);
	assert_int_equal(map_ring_read(m, count_records, &n), 1);
	char *a = map_ring_reserve(m, 50, 0), *b = map_ring_reserve(m, 50, 0);
	assert_true(map_ring_end(m, b, 0, false));
	assert_false(map_ring_end(m, b, 0, false));               /* once only */
	assert_int_equal(map_ring_read(m, count_records, &n), 0); /* behind one being written */
	assert_false(map_ring_end(m, a + 8, 0, false));
	assert_false(map_ring_end(m, &n, 0, false));
	assert_true(map_ring_end(m, a, 0, true));
	assert_int_equal(map_ring_wait(m, 1000), 1);
	assert_int_equal(map_ring_read(m, count_records, &n), 1);
	assert_int_equal(n, 2);
	assert_int_equal(map_ring_wait(m, 1), 0);
	map_put(m);
}

static int64_t drain_some(void *ctx, void *data, uint32_t size)
{
	uint32_t *sum = ctx;

	*sum += size + *(uint8_t *)data;
	return *sum > 1000;
}

static void user_rings_are_drained(void **state)
{
	struct map *m = make(DEF(USER_RINGBUF, 0, 0, 4096, 0));
	uint32_t sum = 0, total = 0;

	(void)state;
	assert_null(map_user_ring_reserve(m, 5000));
	assert_int_equal(errno, E2BIG);
	for (int i = 0; i < 4; i++) {
		uint8_t *r = map_user_ring_reserve(m, 16);
		*r = 1;
		map_user_ring_submit(m, r, i == 2);
		total += i == 2 ? 0 : 17;
	}
	uint8_t *busy = map_user_ring_reserve(m, 8);
	assert_int_equal(map_user_ring_drain(m, 4, drain_some, &sum), -EINVAL);
	assert_int_equal(map_user_ring_drain(m, 0, drain_some, &sum), 3);
	assert_int_equal(sum, total);
	*busy = 2;
	map_user_ring_submit(m, busy, false);
	assert_int_equal(map_user_ring_drain(m, 0, drain_some, &sum), 1);
	while (map_user_ring_reserve(m, 1000))
		;
	assert_int_equal(errno, ENOSPC);
	/* user space owns the producer's page, and may lie */
	*(uint64_t *)(m->values - MAP_PAGE) += 4;
	assert_int_equal(map_user_ring_drain(m, 0, drain_some, &sum), -EINVAL);
	map_put(m);
}

static int check_sample(void *ctx, const void *data, uint32_t size)
{
	uint32_t *n = ctx;

	assert_true(size >= 20);
	assert_memory_equal(data, "0123456789abcdefghi", 20);
	++*n;
	return 0;
}

static void perf_rings_count_losses(void **state)
{
	struct map *m = make(DEF(PERF_EVENT_ARRAY, 4, 4, 2, 0));
	const char *text = "0123456789abcdefghi";
	uint64_t lost;
	uint32_t n = 0, sent = 0, missed = 0;

	(void)state;
	assert_int_equal(map_perf_output(m, 0, 0, text, 20), -ENOENT);
	assert_int_equal(map_perf_output(m, 2, 0, text, 20), -E2BIG);
	assert_int_equal(map_perf_open(m, 1, 3), -EINVAL);
	assert_int_equal(map_perf_open(m, 1, 1), 0);
	assert_int_equal(map_perf_open(m, 1, 1), -EEXIST);
	assert_int_equal(map_perf_output(m, 1, 0, text, 20), -EOPNOTSUPP); /* another CPU's */
	for (int i = 0; i < 300; i++)
		map_perf_output(m, UINT32_MAX, 1, text, 20) ? missed++ : sent++;
	assert_true(missed > 0);
	assert_int_equal(map_perf_read(m, 1, &lost, check_sample, &n), sent);
	assert_int_equal(map_perf_output(m, UINT32_MAX, 1, text, 20), 0);
	map_perf_read(m, 1, &lost, check_sample, &n);
	assert_int_equal(lost, missed);
	assert_int_equal(n, sent + 1);
	uint32_t key = 1;
	assert_int_equal(map_user_delete(m, &key), 0);
	assert_int_equal(map_perf_output(m, 1, 1, text, 20), -ENOENT);
	map_put(m);
}

static void stacks_have_ids(void **state)
{
	struct map *m = make(DEF(STACK_TRACE, 4, 24, 1, 0));
	uint64_t one[] = { 1, 2, 3, 4 }, two[] = { 5, 6 }, back[3];
	uint32_t key = 0;

	(void)state;
	assert_int_equal(map_stack_id(m, one, 4, 0), 0); /* one place: every id is 0 */
	assert_int_equal(map_user_lookup(m, &key, back, 0), 0);
	assert_memory_equal(back, one, sizeof(back)); /* cut to the value's size */
	assert_int_equal(map_stack_id(m, one, 4, 0), 0);
	assert_int_equal(map_stack_id(m, two, 2, 0), -EEXIST);
	assert_int_equal(map_stack_id(m, two, 2, BPF_F_REUSE_STACKID), 0);
	assert_int_equal(map_user_lookup(m, &key, back, 0), 0);
	assert_int_equal(back[0], 5);
	assert_int_equal(back[2], 0);
	assert_int_equal(map_stack_id(m, two, 2, 2), -EFAULT); /* both skipped */
	assert_int_equal(map_stack_id(m, two, 2, 1ull << 40), -EINVAL);
	assert_int_equal(map_user_delete(m, &key), 0);
	assert_int_equal(map_user_lookup(m, &key, back, 0), -ENOENT);
	map_put(m);
}

static void storage_belongs_to_objects(void **state)
{
	struct map_def defs[] = {
		DEF(TASK_STORAGE, 4, 16, 0, BPF_F_NO_PREALLOC),
		DEF(SK_STORAGE, 4, 16, 0, BPF_F_NO_PREALLOC),
		DEF(CGROUP_STORAGE, 8, 16, 0, 0),
		DEF(PERCPU_CGROUP_STORAGE, 16, 16, 0, 0),
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		struct map *m = make(defs[i]);
		uint64_t init[2] = { 3, 4 }, object = 0xffff888000001234;

		assert_null(map_storage_get(m, object, NULL, 0, 0));
		uint64_t *v = map_storage_get(m, object, init, MAP_STORAGE_CREATE, 1);
		assert_memory_equal(v, init, 16);
		assert_true(within(m, v));
		v[0] = 9;
		assert_ptr_equal(map_storage_get(m, object, NULL, MAP_STORAGE_CREATE, 1), v);
		assert_int_equal(v[0], 9);
		uint64_t *other = map_storage_get(m, 77, NULL, MAP_STORAGE_CREATE, 1);
		assert_int_equal(other[0] + other[1], 0);
		assert_int_equal(map_storage_delete(m, object), 0);
		assert_int_equal(map_storage_delete(m, object), -ENOENT);
		map_put(m);
	}
}

static void arenas_give_pages(void **state)
{
	struct map *m = make(DEF(ARENA, 0, 0, 8, BPF_F_MMAPABLE));
	uint64_t base = map_arena_base(m);

	(void)state;
	assert_int_equal(base >> 32, (base + 8 * 4096 - 1) >> 32);
	assert_int_equal(m->storage.base, base & UINT32_MAX);
	uint64_t a = map_arena_alloc(m, 0, 3), b = map_arena_alloc(m, base + 5 * 4096, 2);
	assert_int_equal(a, base);
	assert_int_equal(b, base + 5 * 4096);
	assert_int_equal(map_arena_alloc(m, base + 6 * 4096, 1), 0); /* taken */
	assert_int_equal(map_arena_alloc(m, base + 100, 1), 0);      /* no page */
	assert_int_equal(map_arena_alloc(m, 0, 4), 0);               /* not in a row */
	memset((void *)(uintptr_t)a, 1, 4096);
	map_arena_free(m, a, 3);
	assert_int_equal(*(char *)(uintptr_t)a, 0);
	assert_int_equal(map_arena_alloc(m, 0, 5), base);
	map_arena_free(m, 12345, 1); /* nonsense is left alone */
	map_arena_free(m, base + 7 * 4096, 1000);
	char *view;
	assert_int_equal(map_mmap(m, 0, 4096, PROT_READ | PROT_WRITE, (void **)&view), 0);
	view[0] = 7;
	assert_int_equal(*(char *)(uintptr_t)base, 7);
	map_munmap(m, view, 4096, PROT_READ | PROT_WRITE);
	map_put(m);
}

struct fired {
	uint64_t keys[16], callbacks[16];
	uint32_t n;
	int cancelled;
};

static void on_timer(void *ctx, struct map *m, uint64_t callback, const void *key, void *value)
{
	struct fired *f = ctx;

	f->keys[f->n] = 0;
	memcpy(&f->keys[f->n], key, m->def.key_size);
	f->callbacks[f->n++] = callback;
	f->cancelled = map_timer_cancel(m, value);
	if (callback == 3) /* the element ends in its own callback */
		m->kind->remove(m, key);
}

static void timers_fire_in_order_and_end_with_values(void **state)
{
	struct map_def def = DEF(HASH, 8, 24, 40, 0);
	struct fired f = { .n = 0 };
	char value[24] = { 0 };
	(void)state;

	def.timer = (struct map_field){ 0, 16 };
	struct map *m = make(def);
	void *t[6];
	for (uint64_t key = 0; key < 6; key++) {
		assert_int_equal(m->kind->update(m, &key, value, BPF_ANY, 0), 0);
		t[key] = m->lookup(m, &key, 0);
	}
	assert_int_equal(map_timer_start(m, t[0], 1, 0, 0), -EINVAL); /* before init */
	assert_int_equal(map_timer_init(m, t[0], 5), -EINVAL);        /* no such clock */
	assert_int_equal(map_timer_init(m, value, 1), -EINVAL);       /* not in the map */
	for (int i = 0; i < 6; i++)
		assert_int_equal(map_timer_init(m, t[i], 1), 0);
	assert_int_equal(map_timer_init(m, t[0], 1), -EBUSY);
	assert_int_equal(map_timer_start(m, t[0], 1, 0, 0), -EINVAL); /* no callback */
	for (uint64_t i = 0; i < 6; i++) {
		assert_int_equal(map_timer_set_callback(m, t[i], i + 1), 0);
		assert_int_equal(map_timer_start(m, t[i], 100 - 10 * i, 0, 1000), 0);
	}
	assert_int_equal(map_timer_start(m, t[5], 2000, 1, 1000), 0); /* again, absolute */
	assert_int_equal(map_timer_cancel(m, t[4]), 1);
	assert_int_equal(map_timer_cancel(m, t[4]), 0);
	uint64_t key = 3; /* its update drops the timer with the old value */
	assert_int_equal(m->kind->update(m, &key, value, BPF_ANY, 0), 0);
	assert_int_equal(map_timers_run(m, 1050, on_timer, &f), 1080);
	assert_int_equal(f.n, 0);
	assert_int_equal(map_timers_run(m, 1500, on_timer, &f), 2000);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.keys[0], 2);
	assert_int_equal(f.keys[1], 1);
	assert_int_equal(f.keys[2], 0);
	assert_int_equal(f.cancelled, -EDEADLK);
	key = 2;
	assert_null(m->lookup(m, &key, 0));
	/* what a program writes over a timer harms only that timer */
	memset(t[5], 0x41, 16);
	assert_int_equal(map_timer_cancel(m, t[5]), -EINVAL);
	key = 5;
	memset(value, 1, sizeof(value));
	assert_int_equal(map_user_lookup(m, &key, value, 0), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(value[i], 0); /* a timer is not shown */
	map_put(m);
}

static void prog_arrays_hold_pointers(void **state)
{
	struct map *m = make(DEF(PROG_ARRAY, 4, 4, 3, 0));
	uint32_t key = 1, far = 3;
	int program;

	(void)state;
	assert_null(map_object(m, &key));
	assert_int_equal(map_object_set(m, &key, &program, BPF_ANY), 0);
	assert_ptr_equal(map_object(m, &key), &program);
	assert_int_equal(map_object_set(m, &far, &program, BPF_ANY), -E2BIG);
	assert_null(map_object(m, &far));
	assert_int_equal(m->storage.size, 0); /* programs cannot reach the pointers */
	assert_int_equal(map_user_delete(m, &key), 0);
	assert_null(map_object(m, &key));
	map_put(m);
}

static void replaced_inner_maps_live_until_quiet(void **state)
{
	struct map *inner = make(DEF(ARRAY, 4, 8, 1, 0)), *second = make(DEF(ARRAY, 4, 8, 1, 0));
	struct map *wrong = make(DEF(ARRAY, 4, 16, 1, 0));
	struct map_def def = DEF(HASH_OF_MAPS, 4, 4, 3, 0);
	uint32_t key = 1;
	(void)state;

	def.inner = inner;
	struct map *m = make(def);
	assert_int_equal(map_object_set(m, &key, wrong, BPF_ANY), -EINVAL);
	assert_int_equal(map_object_set(m, &key, map_ref(inner), BPF_ANY), 0);
	assert_ptr_equal(m->lookup(m, &key, 0), inner);
	assert_int_equal(map_object_set(m, &key, second, BPF_ANY), 0);
	assert_int_equal(inner->references, 3); /* ours, the template, the one it had */
	map_quiesce(m);
	assert_int_equal(inner->references, 2);
	map_put(m); /* and with it the second one */
	assert_int_equal(inner->references, 1);
	map_put(inner);
	map_put(wrong);
}

static void bloom_filters_seldom_err(void **state)
{
	struct map *m = make(DEF(BLOOM_FILTER, 0, 8, 1000, 0));
	uint32_t wrong = 0;

	(void)state;
	for (uint64_t v = 0; v < 1000; v++)
		m->kind->push(m, &v, BPF_ANY);
	for (uint64_t v = 0; v < 1000; v++)
		assert_int_equal(m->kind->peek(m, &v), 0);
	for (uint64_t v = 1000; v < 11000; v++)
		wrong += m->kind->peek(m, &v) == 0;
	assert_in_range(wrong, 0, 500); /* 5 hashes, 7 bits an entry: below 5 % */
	map_put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stay_in_the_region),
		cmocka_unit_test(a_program_keeps_the_value_it_looked_up),
		cmocka_unit_test(lru_keeps_what_is_used),
		cmocka_unit_test(user_lookups_do_not_count_as_use),
		cmocka_unit_test(each_visits_all_or_until_told),
		cmocka_unit_test(array_memory_can_be_mapped),
		cmocka_unit_test(ring_pages_are_the_kernels),
		cmocka_unit_test(rings_fill_and_refuse),
		cmocka_unit_test(user_rings_are_drained),
		cmocka_unit_test(perf_rings_count_losses),
		cmocka_unit_test(stacks_have_ids),
		cmocka_unit_test(storage_belongs_to_objects),
		cmocka_unit_test(arenas_give_pages),
		cmocka_unit_test(timers_fire_in_order_and_end_with_values),
		cmocka_unit_test(prog_arrays_hold_pointers),
		cmocka_unit_test(replaced_inner_maps_live_until_quiet),
		cmocka_unit_test(bloom_filters_seldom_err),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
