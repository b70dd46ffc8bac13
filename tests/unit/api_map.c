/* Maps: the same calls over the engine's and (as root) the kernel's; threads; sharing. */
#include "api_testing.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether maps can be made in the kernel here. */
static bool kernel_allows(void)
{
	const struct skep_map_info info = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	struct skep_map *m;

	if (skep_map_new(&info, SKEP_KERNEL, &m))
		return false;
	skep_map_put(m);
	return true;
}

static void hashes_behave(enum skep_where where)
{
	struct skep_map *m = new_map(BPF_MAP_TYPE_HASH, 4, 8, 2, where);
	struct skep_map_info info;
	uint32_t key = 1, next, walked = 0;
	uint64_t value = 10, got = 0;

	assert_int_equal(skep_map_where(m), where);
	assert_int_equal(skep_map_value_size(m), 8);
	skep_map_info(m, &info);
	assert_string_equal(info.name, "m");
	assert_int_equal(info.max_entries, 2);
	assert_int_equal(skep_map_lookup(m, &key, &got), -ENOENT);
	assert_int_equal(skep_map_next_key(m, NULL, &next), -ENOENT);
	assert_int_equal(skep_map_update(m, &key, &value, BPF_EXIST), -ENOENT);
	assert_int_equal(skep_map_update(m, &key, &value, BPF_NOEXIST), 0);
	assert_int_equal(skep_map_update(m, &key, &value, BPF_NOEXIST), -EEXIST);
	key = 2;
	assert_int_equal(skep_map_update(m, &key, &value, BPF_ANY), 0);
	key = 3;
	assert_int_equal(skep_map_update(m, &key, &value, BPF_ANY), -E2BIG);
	assert_int_equal(skep_map_next_key(m, &key, &next), 0); /* absent: the first */
	uint32_t first = next;
	assert_int_equal(skep_map_next_key(m, NULL, &next), 0);
	assert_int_equal(next, first);
	do
		walked += next;
	while (!skep_map_next_key(m, &next, &next));
	assert_int_equal(walked, 3);
	key = 1;
	assert_int_equal(skep_map_lookup(m, &key, &got), 0);
	assert_int_equal(got, 10);
	assert_int_equal(skep_map_delete(m, &key), 0);
	assert_int_equal(skep_map_delete(m, &key), -ENOENT);
	skep_map_put(skep_map_ref(m));
	assert_int_equal(skep_map_freeze(m), 0);
	assert_int_equal(skep_map_update(m, &key, &value, BPF_ANY), -EPERM);
	assert_true(where == SKEP_KERNEL ? skep_map_fd(m) >= 0 : skep_map_fd(m) == -EXDEV);
	skep_map_put(m);
}

static void queues_behave(enum skep_where where)
{
	struct skep_map *m = new_map(BPF_MAP_TYPE_QUEUE, 0, 4, 2, where);
	uint32_t value = 7, got = 0;

	assert_int_equal(skep_map_take(m, NULL, &got), -ENOENT);
	assert_int_equal(skep_map_update(m, NULL, &value, BPF_ANY), 0);
	assert_int_equal(skep_map_take(m, NULL, &got), 0);
	assert_int_equal(got, 7);
	skep_map_put(m);
}

static void percpu_values_are_wide(enum skep_where where)
{
	struct skep_map *m = new_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 1, where);
	size_t size = skep_map_value_size(m);
	uint64_t *values = calloc(1, size);
	uint32_t key = 0;

	assert_true(size >= 8 && size % 8 == 0);
	values[size / 8 - 1] = 9;
	assert_int_equal(skep_map_update(m, &key, values, BPF_ANY), 0);
	memset(values, 0, size);
	assert_int_equal(skep_map_lookup(m, &key, values), 0);
	assert_int_equal((uint32_t)values[size / 8 - 1], 9);
	free(values);
	skep_map_put(m);
}

static void maps_hold_maps(enum skep_where where)
{
	struct skep_map *a = new_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, where);
	struct skep_map *b = new_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, where), *of;
	const struct skep_map_info info = {
		.type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	uint32_t key = 0;

	assert_int_equal(skep_map_new_of(&info, a, &of), 0);
	assert_int_equal(skep_map_set_map(of, &key, a), 0);
	assert_int_equal(skep_map_set_map(of, &key, b), -EINVAL);
	assert_int_equal(skep_map_set_map(a, &key, b), -EINVAL);
	skep_map_put(of);
	skep_map_put(a);
	skep_map_put(b);
}

static void in_the_process(void **state)
{
	(void)state;
	hashes_behave(SKEP_PROCESS);
	queues_behave(SKEP_PROCESS);
	percpu_values_are_wide(SKEP_PROCESS);
	maps_hold_maps(SKEP_PROCESS);
}

static void in_the_kernel(void **state)
{
	(void)state;
	if (!kernel_allows())
		skip();
	hashes_behave(SKEP_KERNEL);
	queues_behave(SKEP_KERNEL);
	percpu_values_are_wide(SKEP_KERNEL);
	maps_hold_maps(SKEP_KERNEL);
}

static void places_do_not_mix(void **state)
{
	const struct skep_map_info info = {
		.type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	struct skep_map *here, *there, *of, *progs;
	struct machine m;
	uint32_t key = 0;

	(void)state;
	if (!kernel_allows())
		skip();
	here = new_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, SKEP_PROCESS);
	there = new_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, SKEP_KERNEL);
	progs = new_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, SKEP_KERNEL);
	assert_int_equal(skep_map_new_of(&info, here, &of), 0);
	assert_int_equal(skep_map_set_map(of, &key, there), -EXDEV);
	machine_init(&m, "r0 = 0\nexit\n", 0);
	assert_int_equal(skep_map_set_prog(progs, 0, m.prog), -EXDEV);
	machine_done(&m);
	skep_map_put(of);
	skep_map_put(here);
	skep_map_put(there);
	skep_map_put(progs);
}

static void wrong_definitions_are_refused(void **state)
{
	struct skep_map_info info = { .type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4 };
	struct skep_map *m;

	(void)state;
	assert_int_equal(skep_map_new(&info, SKEP_PROCESS, &m), -EINVAL); /* no entries */
	info.max_entries = 1;
	info.type = 9999;
	assert_int_equal(skep_map_new(&info, SKEP_PROCESS, &m), -EINVAL);
	assert_true(skep_map_new(&info, SKEP_KERNEL, &m) < 0);
	skep_map_put(NULL);
}

/* ---- threads and processes ---- */

enum { THREADS = 4, ROUNDS = 2000 };

struct worker {
	struct skep_engine *engine;
	const struct skep_prog *prog;
	struct skep_map *map;
	uint32_t id;
	int err;
};

/* Runs the program, and works on the map from outside at the same time. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct skep_run *run;
	uint64_t value = 1, got;
	uint32_t key = 100 + w->id;

	w->err = skep_run_new(w->engine, 0, &run);
	if (w->err)
		return NULL;
	for (int i = 0; i < ROUNDS && !w->err; i++) {
		w->err = skep_run(run, w->prog, NULL, 0, NULL);
		if (!w->err)
			w->err = skep_map_update(w->map, &key, &value, BPF_ANY);
		if (!w->err)
			w->err = skep_map_lookup(w->map, &key, &got);
		if (!w->err)
			w->err = skep_map_delete(w->map, &key);
		skep_map_put(skep_map_ref(w->map));
	}
	skep_run_free(run);
	return NULL;
}

static const char count_text[] = "*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[fd:0]\n"
				 "call bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = 1\n"
				 "lock *(u64 *)(r0 +0) += r1\nout: r0 = 0\nexit\n";

static void threads_share_a_map(void **state)
{
	struct skep_map *map = new_map(BPF_MAP_TYPE_HASH, 4, 8, 64, SKEP_PROCESS);
	struct skep_object *o = from_text(count_text);
	struct skep_engine *e;
	struct skep_prog *p;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	uint32_t key = 0;
	uint64_t value = 0;

	(void)state;
	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_int_equal(skep_object_set_map(o, 0, map), 0);
	assert_int_equal(skep_map_update(map, &key, &value, BPF_ANY), 0);
	assert_done(skep_prog_new(e, o, 0, NULL, &p, &why));
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ e, p, map, i, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].err, 0);
	}
	assert_int_equal(skep_map_lookup(map, &key, &value), 0);
	assert_int_equal(value, THREADS * ROUNDS);
	skep_prog_free(p);
	skep_object_free(o);
	skep_engine_free(e);
	skep_map_put(map);
}

static void processes_share_a_map(void **state)
{
	struct skep_map_info info = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};
	struct skep_map *m;
	char name[64];
	uint32_t key = 0;
	uint64_t value = 0;
	int status;

	(void)state;
	snprintf(name, sizeof(name), "/skep-api-test-%d", (int)getpid());
	assert_int_equal(skep_map_shared(&info, name, &m), 0);
	pid_t child = fork();
	if (child == 0) {
		struct skep_map *same;

		value = 5;
		_exit(skep_map_shared(&info, name, &same) ||
		      skep_map_update(same, &key, &value, BPF_ANY));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(skep_map_lookup(m, &key, &value), 0);
	assert_int_equal(value, 5);
	info.value_size = 4;
	struct skep_map *other;
	assert_int_equal(skep_map_shared(&info, name, &other), -EINVAL);
	assert_int_equal(skep_map_unlink(name), 0);
	assert_int_equal(skep_map_unlink(name), -ENOENT);
	skep_map_put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_process),
		cmocka_unit_test(in_the_kernel),
		cmocka_unit_test(places_do_not_mix),
		cmocka_unit_test(wrong_definitions_are_refused),
		cmocka_unit_test(threads_share_a_map),
		cmocka_unit_test(processes_share_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
