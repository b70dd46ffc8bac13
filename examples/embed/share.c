/*
 * Shares a map among threads and processes: two processes of two threads each run a program that
 * counts in one map.
 *
 * Build: cc share.c $(pkg-config --cflags --libs skep) -lpthread
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <skep/skep.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2, RUNS = 10000 };

static const char text[] = "*(u32 *)(r10 -4) = 0       ; key\n"
			   "r2 = r10\n"
			   "r2 += -4\n"
			   "r1 = map[fd:0]\n"
			   "call bpf_map_lookup_elem\n"
			   "if r0 == 0 goto out\n"
			   "r1 = 1\n"
			   "lock *(u64 *)(r0 +0) += r1\n"
			   "out: r0 = 0\n"
			   "exit\n";

static const struct skep_map_info counters = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(uint32_t),
	.value_size = sizeof(uint64_t),
	.max_entries = 1,
};

struct shared {
	struct skep_engine *engine;
	struct skep_prog *prog;
};

/* Programs are for all threads; a struct skep_run is for one. */
static void *count(void *arg)
{
	const struct shared *s = arg;
	struct skep_run *run;
	int err = skep_run_new(s->engine, 0, &run);

	if (err)
		return "no memory";
	for (int i = 0; i < RUNS && !err; i++)
		err = skep_run(run, s->prog, NULL, 0, NULL);
	skep_run_free(run);
	return err ? "a run failed" : NULL;
}

static int count_in_threads(struct shared *s)
{
	pthread_t threads[THREADS];
	void *failed = NULL, *one;
	int n = 0;

	while (n < THREADS && !pthread_create(&threads[n], NULL, count, s))
		n++;
	for (int i = 0; i < n; i++)
		if (!pthread_join(threads[i], &one) && one)
			failed = one;
	return failed || n < THREADS;
}

/* What each process does: its own engine and program, the map of all. */
static int process(const char *name)
{
	struct shared s = { NULL, NULL };
	struct skep_object *object = NULL;
	struct skep_map *map = NULL;
	struct skep_why why = { "" };
	int err = skep_map_shared(&counters, name, &map);

	if (!err)
		err = skep_engine_new(NULL, &s.engine);
	if (!err)
		err = skep_open_memory("count", text, strlen(text), NULL, &object, &why);
	if (!err)
		err = skep_object_set_map(object, 0, map);
	if (!err)
		err = skep_prog_new(s.engine, object, 0, NULL, &s.prog, &why);
	if (!err)
		err = count_in_threads(&s);
	if (err)
		fprintf(stderr, "%s\n", why.text[0] ? why.text : strerror(-err));
	skep_prog_free(s.prog);
	skep_object_free(object);
	skep_engine_free(s.engine);
	skep_map_put(map);
	return err ? 1 : 0;
}

int main(void)
{
	struct skep_map *map;
	uint32_t key = 0;
	uint64_t value = 0;
	char name[32];
	int status = 1, err;

	snprintf(name, sizeof(name), "/skep-share-%d", (int)getpid());
	err = skep_map_shared(&counters, name, &map);
	if (err) {
		fprintf(stderr, "%s\n", strerror(-err));
		return 1;
	}
	pid_t child = fork();
	if (child == 0)
		_exit(process(name));
	err = process(name);
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		err = 1;
	if (!err && !skep_map_lookup(map, &key, &value))
		printf("counted %llu\n", (unsigned long long)value);
	skep_map_unlink(name);
	skep_map_put(map);
	return err ? 1 : 0;
}
