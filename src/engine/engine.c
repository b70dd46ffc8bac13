/*
 * The engine: maps, helpers and the hooks to the outside.
 * Needs: the helpers' table (helper.c). Called by hosts, tests and embedders.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/helper.h"
#include "engine/map.h"

/* ---- what answers when a hook is not set ---- */

static uint64_t machine_clock(void *ctx, clockid_t which)
{
	struct timespec t = { 0 };

	(void)ctx;
	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void machine_task(void *ctx, struct engine_task *ret)
{
	(void)ctx;
	*ret = (struct engine_task){
		.pid = (uint32_t)syscall(SYS_gettid),
		.tgid = (uint32_t)getpid(),
		.uid = getuid(),
		.gid = getgid(),
	};
	pthread_getname_np(pthread_self(), ret->comm, sizeof(ret->comm));
}

static void print_nowhere(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
}

static uint64_t machine_seed(void)
{
	uint64_t seed = 0;

	/* Short of randomness at boot, the time will do: nothing secret hangs on it. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = machine_clock(NULL, CLOCK_MONOTONIC);
	return seed;
}

/* ---- life ---- */

static void engine_set_hooks(struct engine *e, const struct engine_hooks *hooks)
{
	e->hooks = *hooks;
	if (!hooks->clock)
		e->hooks.clock = machine_clock;
	if (!hooks->task)
		e->hooks.task = machine_task;
	if (!hooks->print)
		e->hooks.print = print_nowhere;
}

int engine_new(const struct engine_options *opt, struct engine **ret)
{
	const struct engine_options defaults = { 0 };
	struct engine *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	if (!opt)
		opt = &defaults;
	engine_set_hooks(e, &opt->hooks);
	e->seed = opt->seed ? opt->seed : machine_seed();
	e->ncpus = opt->ncpus ? opt->ncpus : (uint32_t)MAX(sysconf(_SC_NPROCESSORS_CONF), 1);
	err = helpers_add(e);
	if (err)
		engine_free(e);
	else
		*ret = e;
	return err;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (uint32_t i = 0; i < e->nmaps; i++)
		map_put(e->maps[i]);
	free(e->maps);
	free(e->helpers);
	free(e);
}

int engine_add_map(struct engine *e, struct map *m)
{
	struct map **maps = reallocarray(e->maps, e->nmaps + 1, sizeof(*maps));

	if (!maps)
		return -ENOMEM;
	e->maps = maps;
	e->maps[e->nmaps] = map_ref(m);
	return (int)e->nmaps++;
}

int engine_set_helper(struct engine *e, uint32_t id, const char *name, vm_helper *fn)
{
	if (id > UINT16_MAX)
		return -EINVAL;
	if (id >= e->nhelpers) {
		struct engine_helper *more = reallocarray(e->helpers, id + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + e->nhelpers, 0, (id + 1 - e->nhelpers) * sizeof(*more));
		e->helpers = more;
		e->nhelpers = id + 1;
	}
	e->helpers[id] = (struct engine_helper){ fn, name };
	return 0;
}
