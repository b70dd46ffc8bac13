/*
 * Helpers on maps: values, rings, dynptrs, timers, locks, storage, arenas, as programs use them.
 */
#include "engine/map_special.h"
#include "engine_world.h"

static struct map *add_map(struct machine *m, struct map_def def)
{
	struct map *map;

	assert_int_equal(map_new(&def, &map), 0);
	assert_true(engine_add_map(m->engine, map) >= 0);
	map_put(map);
	return map;
}

static void values_of_maps(void **state)
{
	struct machine m;
	struct map *map;
	uint32_t key = 1;
	uint64_t value = 0;

	(void)state;
	setup(&m);
	map = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY,
					    .key_size = 4,
					    .value_size = 8,
					    .max_entries = 2 });
#define KEY(k) "*(u32 *)(r10 -4) = " #k "\nr2 = r10\nr2 += -4\nr1 = map[fd:0]\n"
#define LOOKUP(k) KEY(k) "call bpf_map_lookup_elem\n"
	run_text(&m, LOOKUP(1) "if r0 == 0 goto out\n*(u64 *)(r0 +0) = 77\nout:\nexit", NULL, 0);
	assert_ends(&m, VM_DONE);
	assert_int_equal(map_user_lookup(map, &key, &value, 0), 0);
	assert_int_equal(value, 77);
	assert_int_equal(run_text(&m, LOOKUP(2) "exit", NULL, 0), 0);
	assert_int_equal(run_text(&m, LOOKUP(1) "r0 = *(u64 *)(r0 +0)\nexit", NULL, 0), 77);
	/* one behind the map's last value, one before its first */
	run_text(&m, LOOKUP(1) "r0 = *(u64 *)(r0 +8)\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	run_text(&m, LOOKUP(0) "r0 = *(u64 *)(r0 -8)\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_int_equal(run_text(&m,
				  "*(u64 *)(r10 -16) = 5\nr3 = r10\nr3 += -16\nr4 = 0\n" KEY(
					  0) "call bpf_map_update_elem\nexit",
				  NULL, 0),
			 0);
	key = 0;
	assert_int_equal(map_user_lookup(map, &key, &value, 0), 0);
	assert_int_equal(value, 5);
	assert_int_equal((int64_t)run_text(&m, KEY(0) "call bpf_map_delete_elem\nexit", NULL, 0),
			 -EINVAL);
	/* a key that is not the program's, a map that is none, an operation that it has not */
	run_text(&m, "r1 = map[fd:0]\nr2 = 64\ncall bpf_map_lookup_elem\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	run_text(&m, "r1 = r10\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	run_text(&m, "r1 = map[fd:0]\nr2 = r10\nr2 += -8\ncall bpf_map_pop_elem\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	teardown(&m);
}

static void addresses_of_values(void **state)
{
	struct machine m;

	(void)state;
	setup(&m);
	add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = 16,
				      .max_entries = 1 });
	add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = 8,
				      .max_entries = 2 });
	assert_int_equal(run_text(&m,
				  "r1 = map[fd:0][0]+8\n*(u64 *)(r1 +0) = 9\nr1 = map[fd:0][0]+0\n"
				  "r0 = *(u64 *)(r1 +8)\nexit",
				  NULL, 0),
			 9);
	assert_null(assemble(&m, "r1 = map[fd:0][0]+16\nexit"));
	assert_non_null(strstr(m.why.data, "offset 16 lies outside"));
	assert_null(assemble(&m, "r1 = map[fd:1][0]+0\nexit"));
	assert_int_equal(m.err, -EOPNOTSUPP);
	teardown(&m);
}

static void maps_that_programs_may_only_read(void **state)
{
	struct machine m;

	(void)state;
	setup(&m);
	add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = 8,
				      .max_entries = 1,
				      .flags = BPF_F_RDONLY_PROG });
	run_text(&m, LOOKUP(0) "r1 = *(u64 *)(r0 +0)\nexit", NULL, 0);
	assert_ends(&m, VM_DONE);
	run_text(&m, LOOKUP(0) "*(u64 *)(r0 +0) = 1\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	run_text(&m, "r3 = r10\nr3 += -16\nr4 = 0\n" KEY(0) "call bpf_map_update_elem\nexit", NULL,
		 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	teardown(&m);
}

static void queues(void **state)
{
	struct machine m;

	(void)state;
	setup(&m);
	add_map(&m,
		(struct map_def){ .type = BPF_MAP_TYPE_QUEUE, .value_size = 8, .max_entries = 2 });
	assert_int_equal(run_text(&m,
				  "r6 = r10\nr6 += -8\n"
				  "*(u64 *)(r10 -8) = 5\nr1 = map[fd:0]\nr2 = r6\nr3 = 0\n"
				  "call bpf_map_push_elem\n"
				  "*(u64 *)(r10 -8) = 6\nr1 = map[fd:0]\nr2 = r6\nr3 = 0\n"
				  "call bpf_map_push_elem\n"
				  "r1 = map[fd:0]\nr2 = r6\ncall bpf_map_pop_elem\n"
				  "r7 = *(u64 *)(r10 -8)\n"
				  "r1 = map[fd:0]\nr2 = r6\ncall bpf_map_peek_elem\n"
				  "r0 = *(u64 *)(r10 -8)\nr0 <<= 8\nr0 |= r7\nexit",
				  NULL, 0),
			 0x605);
	teardown(&m);
}

static void per_cpu_values(void **state)
{
	struct machine m;
	struct map *map;
	uint64_t values[4];
	uint32_t key = 0;

	(void)state;
	setup(&m);
	map = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_PERCPU_ARRAY,
					    .key_size = 4,
					    .value_size = 8,
					    .max_entries = 1,
					    .ncpus = 4 });
	m.vm.cpu = 2;
	run_text(&m,
		 LOOKUP(0) "*(u64 *)(r0 +0) = 3\n" KEY(
			 0) "r3 = 1\n"
			    "call bpf_map_lookup_percpu_elem\n*(u64 *)(r0 +0) = 4\nexit",
		 NULL, 0);
	assert_ends(&m, VM_DONE);
	assert_int_equal(map_user_lookup(map, &key, values, 0), 0);
	assert_int_equal(values[2], 3);
	assert_int_equal(values[1], 4);
	assert_int_equal(
		run_text(&m, KEY(0) "r3 = 4\ncall bpf_map_lookup_percpu_elem\nexit", NULL, 0), 0);
	teardown(&m);
}

/* The callback reads key and value, writes the value, and cannot write the key. */
static void for_each_entry(void **state)
{
	const char *text = "r6 = r1\nr1 = map[fd:0]\nlddw %r2, code_addr(f)\nr3 = r6\nr4 = 0\n"
			   "call bpf_for_each_map_elem\nexit\n"
			   ".func f\nr5 = *(u32 *)(r2 +0)\nr6 = *(u64 *)(r3 +0)\n"
			   "*(u64 *)(r3 +0) = 1\nr5 *= r6\nr7 = *(u64 *)(r4 +0)\nr7 += r5\n"
			   "*(u64 *)(r4 +0) = r7\nr0 = 0\nexit";
	struct machine m;
	struct map *map;
	uint64_t context = 0, value;

	(void)state;
	setup(&m);
	map = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_HASH,
					    .key_size = 4,
					    .value_size = 8,
					    .max_entries = 8 });
	for (uint32_t key = 1; key < 6; key++)
		assert_int_equal(map_user_update(map, &key, &(uint64_t){ key * 10 }, 0), 0);
	assert_int_equal(run_text(&m, text, &context, sizeof(context)), 5);
	assert_ends(&m, VM_DONE);
	assert_int_equal(context, 10 * (1 + 4 + 9 + 16 + 25));
	assert_int_equal(map_user_lookup(map, &(uint32_t){ 3 }, &value, 0), 0);
	assert_int_equal(value, 1);
	run_text(
		&m,
		"r1 = map[fd:0]\nlddw %r2, code_addr(f)\nr4 = 0\ncall bpf_for_each_map_elem\nexit\n"
		".func f\n*(u32 *)(r2 +0) = 0\nr0 = 0\nexit",
		NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	/* the key's place is no longer the program's afterwards */
	run_text(&m,
		 "r1 = map[fd:0]\nlddw %r2, code_addr(f)\nr3 = r10\nr3 += -8\nr4 = 0\n"
		 "call bpf_for_each_map_elem\nr1 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r1 +0)\nexit\n"
		 ".func f\nr5 = *(u32 *)(r2 +0)\n*(u64 *)(r4 +0) = r2\nr0 = 1\nexit",
		 NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_int_equal(m.vm.insn, 9);
	teardown(&m);
}

static void maps_of_maps(void **state)
{
	struct machine m;
	struct map *outer, *inner;
	struct map_def def = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};
	const char *text = LOOKUP(0) "if r0 == 0 goto out\nr1 = r0\nr2 = r10\nr2 += -4\n"
				     "call bpf_map_lookup_elem\nr1 = r0\nr0 = *(u64 *)(r1 +0)\n"
				     "*(u64 *)(r1 +0) = 8\nout:\nexit";
	uint32_t key = 0;
	uint64_t value = 55;

	(void)state;
	setup(&m);
	assert_int_equal(map_new(&def, &inner), 0);
	outer = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
					      .key_size = 4,
					      .value_size = 4,
					      .max_entries = 1,
					      .inner = inner });
	assert_int_equal(run_text(&m, text, NULL, 0), 0);
	assert_int_equal(map_user_update(inner, &key, &value, 0), 0);
	assert_int_equal(map_object_set(outer, &key, map_ref(inner), 0), 0);
	assert_int_equal(run_text(&m, text, NULL, 0), 55);
	assert_ends(&m, VM_DONE);
	assert_int_equal(run_text(&m, text, NULL, 0), 8);
	map_put(inner);
	teardown(&m);
}

static int collect(void *ctx, const void *data, uint32_t size)
{
	buf_add(ctx, data, size);
	buf_putc(ctx, ' ');
	return 0;
}

static void ring_buffers(void **state)
{
	struct machine m;
	struct map *map;
	struct buf records = { 0 };

	(void)state;
	setup(&m);
	map = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096 });
#define RESERVE "r1 = map[fd:0]\nr2 = 4\nr3 = 0\ncall bpf_ringbuf_reserve\n"
	run_text(&m,
		 RESERVE
		 "*(u32 *)(r0 +0) = 0x64636261\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\n" RESERVE
		 "r1 = r0\nr2 = 0\ncall bpf_ringbuf_discard\n"
		 "*(u32 *)(r10 -4) = 0x68676665\nr1 = map[fd:0]\nr2 = r10\nr2 += -4\nr3 = 3\n"
		 "r4 = 0\ncall bpf_ringbuf_output\nexit",
		 NULL, 0);
	assert_ends(&m, VM_DONE);
	map_ring_read(map, collect, &records);
	assert_string_equal(records.data, "abcd efg ");
	assert_int_equal(
		run_text(&m, "r1 = map[fd:0]\nr2 = 1\ncall bpf_ringbuf_query\nexit", NULL, 0),
		4096);
	assert_int_equal(
		run_text(&m, "r1 = map[fd:0]\nr2 = 5000\nr3 = 0\ncall bpf_ringbuf_reserve\nexit",
			 NULL, 0),
		0);
	run_text(&m, "r1 = r10\nr2 = 0\ncall bpf_ringbuf_submit\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	buf_done(&records);
	teardown(&m);
}

static void dynptrs(void **state)
{
	struct machine m;
	char context[16] = "0123456789abcdef";

	(void)state;
	setup(&m);
#define DYNPTR                                                                                   \
	"r6 = r1\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem\nr7 = r10\nr7 " \
	"+= -16\n"
	/* reads 4 bytes at 6 */
	assert_int_equal(run_text(&m,
				  DYNPTR "r1 = r10\nr1 += -24\nr2 = 4\nr3 = r7\nr4 = 6\nr5 = 0\n"
					 "call bpf_dynptr_read\nr0 = *(u32 *)(r10 -24)\nexit",
				  context, 16),
			 0x39383736);
	assert_int_equal((int64_t)run_text(&m,
					   DYNPTR "r1 = r10\nr1 += -24\nr2 = 4\nr3 = r7\nr4 = 13\n"
						  "r5 = 0\ncall bpf_dynptr_read\nexit",
					   context, 16),
			 -E2BIG);
	assert_int_equal(run_text(&m,
				  DYNPTR
				  "*(u32 *)(r10 -20) = 0x5a5a5a5a\nr1 = r7\nr2 = 1\nr3 = r10\n"
				  "r3 += -20\nr4 = 2\nr5 = 0\ncall bpf_dynptr_write\nexit",
				  context, 16),
			 0);
	assert_memory_equal(context, "0ZZ3", 4);
	assert_int_equal(run_text(&m,
				  DYNPTR "r1 = r7\nr2 = 3\nr3 = 13\ncall bpf_dynptr_data\n"
					 "r0 = *(u8 *)(r0 +0)\nexit",
				  context, 16),
			 '3');
	assert_int_equal(run_text(&m, DYNPTR "r1 = r7\nr2 = 4\nr3 = 13\ncall bpf_dynptr_data\nexit",
				  context, 16),
			 0);
	/* a program that writes one itself gains nothing */
	run_text(&m,
		 "*(u64 *)(r10 -16) = 64\n*(u64 *)(r10 -8) = 64\nr1 = r10\nr1 += -24\nr2 = 8\n"
		 "r3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read\nexit",
		 NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	teardown(&m);
}

static void user_rings(void **state)
{
	struct machine m;
	struct map *map;
	uint64_t sum = 0;
	const char *text = "r3 = r1\nr1 = map[fd:0]\nlddw %r2, code_addr(f)\nr4 = 0\n"
			   "call bpf_user_ringbuf_drain\nexit\n"
			   ".func f\nr6 = r2\nr3 = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr4 = 0\nr5 = 0\n"
			   "call bpf_dynptr_read\nr1 = *(u64 *)(r10 -8)\nr2 = *(u64 *)(r6 +0)\n"
			   "r2 += r1\n*(u64 *)(r6 +0) = r2\nr0 = 0\nexit";

	(void)state;
	setup(&m);
	map = add_map(&m,
		      (struct map_def){ .type = BPF_MAP_TYPE_USER_RINGBUF, .max_entries = 4096 });
	for (uint64_t i = 1; i < 4; i++) {
		uint64_t *sample = map_user_ring_reserve(map, 8);

		assert_non_null(sample);
		*sample = i * 100;
		map_user_ring_submit(map, sample, false);
	}
	assert_int_equal(run_text(&m, text, &sum, sizeof(sum)), 3);
	assert_ends(&m, VM_DONE);
	assert_int_equal(sum, 600);
	teardown(&m);
}

/* A callback a second later, with map, key and value. */
static void timers(void **state)
{
	const char *text = LOOKUP(
		1) "r6 = r0\nr1 = r6\nr2 = map[fd:0]\nr3 = 1\ncall bpf_timer_init\n"
		   "r1 = r6\nlddw %r2, code_addr(f)\ncall bpf_timer_set_callback\n"
		   "r1 = r6\nr2 = 1000000000\nr3 = 0\ncall bpf_timer_start\nexit\n"
		   ".func f\nr1 = *(u32 *)(r2 +0)\nr1 += 40\n"
		   "*(u64 *)(r3 +16) = r1\nr0 = 0\nexit";
	struct machine m;
	struct map *map;
	struct vm_prog *p;
	char value[24];
	uint64_t word;

	(void)state;
	setup(&m);
	map = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY,
					    .key_size = 4,
					    .value_size = 24,
					    .max_entries = 2,
					    .timer = { 0, MAP_TIMER_SIZE } });
	p = assemble(&m, text);
	assert_int_equal(run(&m, p, NULL, 0), 0);
	assert_ends(&m, VM_DONE);
	assert_true(vm_run_timers(&m.vm, map) == world.now + CLOCK_MONOTONIC + 1000000000);
	map_user_lookup(map, &(uint32_t){ 1 }, value, 0);
	memcpy(&word, value + 16, 8);
	assert_int_equal(word, 0);
	world.now += 1000000000;
	assert_true(vm_run_timers(&m.vm, map) == UINT64_MAX);
	assert_ends(&m, VM_DONE);
	map_user_lookup(map, &(uint32_t){ 1 }, value, 0);
	memcpy(&word, value + 16, 8);
	assert_int_equal(word, 41);
	vm_prog_free(p);
	teardown(&m);
}

/* A lock that the program forgot is free again after the run. */
static void spin_locks(void **state)
{
	struct machine m;

	(void)state;
	setup(&m);
	add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARRAY,
				      .key_size = 4,
				      .value_size = 8,
				      .max_entries = 1,
				      .lock = { 0, 4 } });
#define LOCK "r6 = r0\nr1 = r0\ncall bpf_spin_lock\n"
	for (int i = 0; i < 2; i++) {
		run_text(&m,
			 LOOKUP(0) LOCK "r1 = r6\ncall bpf_spin_unlock\n"
					"r0 = r6\n" LOCK "exit",
			 NULL, 0);
		assert_ends(&m, VM_DONE);
	}
	run_text(&m, LOOKUP(0) LOCK "r1 = r6\ncall bpf_spin_lock\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	run_text(&m, LOOKUP(0) "r1 = r0\ncall bpf_spin_unlock\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	teardown(&m);
}

static void local_storage(void **state)
{
	struct machine m;

	(void)state;
	setup(&m);
	add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_TASK_STORAGE,
				      .key_size = 4,
				      .value_size = 8,
				      .flags = BPF_F_NO_PREALLOC });
#define GET(flags) \
	"r1 = map[fd:0]\nr2 = 0x777000\nr3 = 0\nr4 = " #flags "\ncall bpf_task_storage_get\n"
	assert_int_equal(run_text(&m, GET(0) "exit", NULL, 0), 0);
	run_text(&m, GET(1) "*(u64 *)(r0 +0) = 9\nexit", NULL, 0);
	assert_ends(&m, VM_DONE);
	assert_int_equal(run_text(&m, GET(0) "r0 = *(u64 *)(r0 +0)\nexit", NULL, 0), 9);
	assert_int_equal(
		run_text(&m, "r1 = map[fd:0]\nr2 = 0x777000\ncall bpf_task_storage_delete\nexit",
			 NULL, 0),
		0);
	assert_int_equal(run_text(&m, GET(0) "exit", NULL, 0), 0);
	run_text(&m, "r1 = map[fd:0]\nr2 = 1\nr3 = 0\nr4 = 0\ncall bpf_sk_storage_get\nexit", NULL,
		 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	teardown(&m);
}

/* A cast to the kernel's space gives a pointer to use, one back what user space sees; NULL stays
 * NULL. */
static void arenas(void **state)
{
	struct machine m;
	struct map *map;
	uint64_t at;
	char text[512];

	(void)state;
	setup(&m);
	map = add_map(&m, (struct map_def){ .type = BPF_MAP_TYPE_ARENA,
					    .max_entries = 4,
					    .flags = BPF_F_MMAPABLE });
	at = map_arena_alloc(map, 0, 1);
	assert_true(at != 0);
	snprintf(text, sizeof(text),
		 "r9 = map[fd:0]\nr1 = %#llx ll\nr2 = addr_space_cast(r1, 0, 1)\n"
		 "*(u64 *)(r2 +8) = 5\nr3 = addr_space_cast(r2, 1, 0)\nr0 = 1\n"
		 "if r3 != r1 goto out\nr0 = *(u64 *)(r2 +8)\nr4 = 0\n"
		 "r4 = addr_space_cast(r4, 1, 0)\nr0 += r4\nout:\nexit",
		 (unsigned long long)at);
	assert_int_equal(run_text(&m, text, NULL, 0), 5);
	assert_ends(&m, VM_DONE);
	assert_int_equal(*(uint64_t *)(at + 8), 5);
	/* user space's pointers are for user space, as in the kernel */
	snprintf(text, sizeof(text), "r9 = map[fd:0]\nr1 = %#llx ll\nr0 = *(u64 *)(r1 +8)\nexit",
		 (unsigned long long)at);
	run_text(&m, text, NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	teardown(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_maps),
		cmocka_unit_test(addresses_of_values),
		cmocka_unit_test(maps_that_programs_may_only_read),
		cmocka_unit_test(queues),
		cmocka_unit_test(per_cpu_values),
		cmocka_unit_test(for_each_entry),
		cmocka_unit_test(maps_of_maps),
		cmocka_unit_test(ring_buffers),
		cmocka_unit_test(dynptrs),
		cmocka_unit_test(user_rings),
		cmocka_unit_test(timers),
		cmocka_unit_test(spin_locks),
		cmocka_unit_test(local_storage),
		cmocka_unit_test(arenas),
	};

	return run_both_ways(tests);
}
