/*
 * Maps on the live kernel: what programs count is what map_each gives, one value a CPU where it
 * should be, each entry once; lookups, changes, clearing and zeroing.
 */
#include "kernel_fixture.h"

/* What a walk has seen: keys are u64 and values begin with one. */
struct seen {
	uint32_t entries, nvalues, stride;
	uint64_t key, keys, sum;
	uint64_t cpu[64];
	bool scalar;
	uint32_t stop_after;
};

static int see(void *ctx, const void *key, const void *values, uint32_t nvalues, uint32_t stride)
{
	struct seen *s = ctx;

	s->entries++;
	s->nvalues = nvalues;
	s->stride = stride;
	s->scalar = !key;
	if (key)
		memcpy(&s->key, key, sizeof(s->key));
	s->keys += s->key;
	for (uint32_t i = 0; i < nvalues && i < ARRAY_LEN(s->cpu); i++) {
		memcpy(&s->cpu[i], (const char *)values + (size_t)i * stride, 8);
		s->sum += s->cpu[i];
	}
	return s->stop_after && s->entries == s->stop_after;
}

static struct seen walk(struct fixture *f, uint32_t map)
{
	struct seen s = { 0 };

	assert_int_equal(f->host->ops->map_each(f->host, map, see, &s), 0);
	return s;
}

/* @m += 1 at key 7 (none for a scalar, whose set word is set), on each getppid of ours. */
static void count_program(struct fixture *f, uint32_t map, bool scalar)
{
	struct as a = as_new(f, "count", BPF_PROG_TYPE_RAW_TRACEPOINT);

	as_only_call(&a, SYS_getppid);
	as_mov(&a, 1, scalar ? 0 : 7);
	as_store(&a, 10, -8, 1);
	as_reloc(&a, 1, RELOC_MAP, map, 0);
	as_copy(&a, 2, 10);
	as_add(&a, 2, -8);
	as_call(&a, BPF_FUNC_map_lookup_elem);
	uint32_t missing = as_if(&a, BPF_JEQ, 0, 0);
	as_mov(&a, 1, 1);
	as_raw(&a, BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD);
	if (scalar)
		as_store(&a, 0, 8, 1);
	as_here(&a, missing);
	as_exit(&a);
	as_on_sys_enter(&a);
}

static void test_percpu_hash(void **state)
{
	struct fixture *f = fixture_new("");
	uint32_t map = fixture_map(f, 8, 12, 100, true);
	uint64_t key = 7, zero[2] = { 0 };
	bool two = run_on(1);

	(void)state;
	count_program(f, map, false);
	fixture_load(f);
	fixture_attach(f, 1);
	assert_int_equal(f->host->ops->map_update(f->host, map, &key, zero), 0);
	assert_true(run_on(0));
	call_getppid(1000);
	if (two) {
		assert_true(run_on(1));
		call_getppid(234);
	}
	f->host->ops->stop(f->host);
	call_getppid(5);
	struct seen s = walk(f, map);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.key, 7);
	assert_int_equal(s.nvalues, f->target.ncpus);
	assert_int_equal(s.stride, 16);
	assert_int_equal(s.cpu[0], 1000);
	assert_int_equal(s.sum, two ? 1234 : 1000);
	fixture_done(f);
}

static void scalar(bool percpu)
{
	struct fixture *f = fixture_new("");
	uint32_t map = fixture_map(f, 0, 16, 1, percpu);
	struct seen one = { 0 };

	count_program(f, map, true);
	fixture_load(f);
	fixture_attach(f, 1);
	/* Not set yet: there is no entry. */
	assert_int_equal(walk(f, map).entries, 0);
	assert_int_equal(f->host->ops->map_lookup(f->host, map, NULL, see, &one), -ENOENT);
	call_getppid(321);
	struct seen s = walk(f, map);
	assert_int_equal(s.entries, 1);
	assert_true(s.scalar);
	assert_int_equal(s.sum, 321);
	assert_int_equal(s.nvalues, percpu ? f->target.ncpus : 1);
	assert_int_equal(s.stride, 16);
	/* Zeroed it is still there, cleared it is not. */
	assert_int_equal(f->host->ops->map_zero(f->host, map), 0);
	s = walk(f, map);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.sum, 0);
	assert_int_equal(f->host->ops->map_clear(f->host, map), 0);
	assert_int_equal(walk(f, map).entries, 0);
	/* A value from outside counts as set. */
	assert_int_equal(f->host->ops->map_update(f->host, map, NULL, (uint64_t[]){ 55, 0 }), 0);
	assert_int_equal(f->host->ops->map_lookup(f->host, map, NULL, see, &one), 0);
	assert_int_equal(one.sum, 55);
	fixture_done(f);
}

static void test_scalar(void **state)
{
	(void)state;
	scalar(false);
}

static void test_percpu_scalar(void **state)
{
	(void)state;
	scalar(true);
}

enum { MANY = 5000 };

/* Many entries take many batches. */
static void many(bool percpu, uint32_t max_entries)
{
	struct fixture *f = fixture_new("");
	uint32_t map = fixture_map(f, 8, 8, max_entries, percpu);
	struct seen one = { 0 }, first = { .stop_after = 3 };

	fixture_load(f);
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t value = i * 3;

		assert_int_equal(f->host->ops->map_update(f->host, map, &i, &value), 0);
	}
	struct seen s = walk(f, map);
	assert_int_equal(s.entries, MANY);
	assert_int_equal(s.keys, (uint64_t)MANY * (MANY - 1) / 2);
	assert_int_equal(s.sum, s.keys * 3);
	assert_int_equal(f->host->ops->map_each(f->host, map, see, &first), 0);
	assert_int_equal(first.entries, 3);
	uint64_t key = 4321;
	assert_int_equal(f->host->ops->map_lookup(f->host, map, &key, see, &one), 0);
	assert_int_equal(one.sum, 4321 * 3);
	key = MANY;
	assert_int_equal(f->host->ops->map_lookup(f->host, map, &key, see, &one), -ENOENT);
	assert_int_equal(f->host->ops->map_zero(f->host, map), 0);
	s = walk(f, map);
	assert_int_equal(s.entries, MANY);
	assert_int_equal(s.sum, 0);
	assert_int_equal(f->host->ops->map_clear(f->host, map), 0);
	assert_int_equal(walk(f, map).entries, 0);
	fixture_done(f);
}

static void test_many(void **state)
{
	(void)state;
	many(false, MANY);
}

static void test_many_percpu(void **state)
{
	(void)state;
	many(true, MANY);
}

/* So large that entries are allocated as they come, where the kernel can. */
static void test_many_lazy(void **state)
{
	(void)state;
	many(false, 1 << 18);
}

static uint32_t map_flags(struct fixture *f, uint32_t map)
{
	struct {
		uint32_t fd, size;
		uint64_t info;
	} a = { 0 };
	struct {
		uint32_t type, id, key_size, value_size, max_entries, flags;
	} info = { 0 };

	a.fd = (uint32_t)((struct kernel *)f->host)->maps[map].fd;
	a.size = sizeof(info);
	a.info = sys_ptr(&info);
	assert_int_equal(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)), 0);
	return info.flags;
}

static void test_lazy_alloc(void **state)
{
	struct fixture *f = fixture_new("");
	uint32_t small = fixture_map(f, 8, 8, 1000, false);
	uint32_t large = fixture_map(f, 8, 8, 1 << 18, false);

	(void)state;
	fixture_force(f, "map_lazy_alloc=on");
	fixture_load(f);
	assert_int_equal(map_flags(f, small) & BPF_F_NO_PREALLOC, 0);
	assert_int_equal(map_flags(f, large) & BPF_F_NO_PREALLOC, BPF_F_NO_PREALLOC);
	f->host->ops->free(f->host);
	fixture_force(f, "map_lazy_alloc=off");
	fixture_load(f);
	assert_int_equal(map_flags(f, large) & BPF_F_NO_PREALLOC, 0);
	fixture_done(f);
}

enum { CROWD = 40000 }; /* several batches */

struct crowd {
	struct fixture *f;
	uint8_t seen[CROWD / 2]; /* how often one of the two keys of a pair was */
};

static int see_delete(void *ctx, const void *key, const void *values, uint32_t nvalues,
		      uint32_t stride)
{
	struct crowd *c = ctx;
	uint64_t k;

	(void)values, (void)nvalues, (void)stride;
	memcpy(&k, key, sizeof(k));
	c->seen[k / 2]++;
	k ^= 1;
	int err = sys_map_delete(((struct kernel *)c->f->host)->maps[0].fd, &k);
	return err == 0 || err == -ENOENT ? 0 : err;
}

/* Each entry takes its neighbour away; of each pair, one is seen and none twice. */
static void test_delete_meanwhile(void **state)
{
	static struct crowd c;
	struct fixture *f = fixture_new("");
	uint32_t map = fixture_map(f, 8, 8, CROWD, false), twice = 0;

	(void)state;
	c.f = f;
	fixture_load(f);
	for (uint64_t i = 0; i < CROWD; i++)
		assert_int_equal(f->host->ops->map_update(f->host, map, &i, &i), 0);
	assert_int_equal(f->host->ops->map_each(f->host, map, see_delete, &c), 0);
	for (uint32_t i = 0; i < CROWD / 2; i++) {
		assert_in_range(c.seen[i], 1, 2);
		twice += c.seen[i] == 2;
	}
	assert_int_equal(walk(f, map).entries, CROWD / 2 - twice);
	fixture_done(f);
}

static void test_contents(void **state)
{
	static const uint32_t numbers[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
	static const uint64_t constant[] = { 77 };
	struct fixture *f = fixture_new("");
	uint32_t dispatch = image_map_add(f->img, &(struct image_map){
							  .name = ".dispatch",
							  .role = MAP_DISPATCH,
							  .value_size = 4,
							  .max_entries = 8,
							  .data = numbers,
						  });
	uint32_t rodata = image_map_add(f->img, &(struct image_map){
							.name = ".rodata",
							.role = MAP_RODATA,
							.value_size = 8,
							.max_entries = 1,
							.data = constant,
						});
	uint32_t scratch = image_map_add(f->img, &(struct image_map){ .name = ".scratch",
								      .role = MAP_SCRATCH,
								      .value_size = 40000 });
	struct kernel *k;

	(void)state;
	fixture_load(f);
	k = (struct kernel *)f->host;
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t value = 0;

		assert_int_equal(sys_map_lookup(k->maps[dispatch].fd, &i, &value), 0);
		assert_int_equal(value, numbers[i]);
	}
	const uint32_t key = 0;
	uint64_t word = 0;
	assert_int_equal(sys_map_lookup(k->maps[rodata].fd, &key, &word), 0);
	assert_int_equal(word, 77);
	assert_int_equal(sys_map_update(k->maps[rodata].fd, &key, &word, 0), -EPERM);
	assert_int_equal(k->maps[scratch].max_entries, f->target.ncpus * SCRATCH_LEVELS);
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percpu_hash),   cmocka_unit_test(test_scalar),
		cmocka_unit_test(test_percpu_scalar), cmocka_unit_test(test_many),
		cmocka_unit_test(test_many_percpu),   cmocka_unit_test(test_many_lazy),
		cmocka_unit_test(test_lazy_alloc),    cmocka_unit_test(test_delete_meanwhile),
		cmocka_unit_test(test_contents),
	};
	return cmocka_run_group_tests_name("kernel maps", tests, NULL, NULL);
}
