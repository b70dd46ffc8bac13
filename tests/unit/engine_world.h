/*
 * An engine in a world that a test makes up: its clock, task, printed text and memory.
 */
#ifndef TEST_ENGINE_WORLD_H
#define TEST_ENGINE_WORLD_H

#include <errno.h>

#include "engine_testing.h"

struct world {
	struct buf printed;
	uint64_t now;
	const char *far; /* what lies at FAR */
	size_t far_size;
};

enum { FAR = 0x5000 };

static inline uint64_t world_clock(void *ctx, clockid_t which)
{
	const struct world *w = ctx;

	return w->now + (uint64_t)which;
}

static inline void world_task(void *ctx, struct engine_task *ret)
{
	(void)ctx;
	*ret = (struct engine_task){ .pid = 3, .tgid = 2, .uid = 5, .gid = 4, .comm = "hive" };
}

static inline void world_print(void *ctx, const char *text, size_t len)
{
	struct world *w = ctx;

	buf_add(&w->printed, text, len);
}

static inline int world_read(void *ctx, uint64_t address, void *to, size_t size)
{
	const struct world *w = ctx;

	if (address < FAR || address - FAR > w->far_size || w->far_size - (address - FAR) < size)
		return -EFAULT;
	memcpy(to, w->far + (address - FAR), size);
	return 0;
}

static inline uint64_t world_ksym(void *ctx, const char *name)
{
	(void)ctx;
	return streq(name, "jiffies") ? 0x1234 : 0;
}

static struct world world;

static inline void setup(struct machine *m)
{
	const struct engine_options opt = { .hooks = { &world, world_clock, world_task, world_print,
						       world_read, world_ksym },
					    .seed = 7,
					    .ncpus = 4 };

	buf_done(&world.printed);
	world = (struct world){ .now = 1000000000 };
	machine_init(m, &opt);
}

static inline void teardown(struct machine *m)
{
	buf_done(&world.printed);
	machine_done(m);
}

#endif
