/*
 * The kernel as a struct host: made by cmd/, driven by run/. This file owns everything that the
 * others make for it, and lets go of it in one place.
 *
 * Freeing in any state is right. What is attached is let go first, so that no program runs on
 * maps that the host no longer shows.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel/kernel_priv.h"

static int host_count_cpu(void *ctx, int cpu)
{
	(void)cpu;
	++*(uint32_t *)ctx;
	return 0;
}

static int host_load(struct host *h, const struct image *img, struct diags *diags)
{
	struct kernel *k = (struct kernel *)h;

	if (k->img)
		return -EBUSY;
	k->img = img;
	int err = cpu_list("possible", host_count_cpu, &k->ncpus);
	if (err)
		return diag_error(diags, SPAN_NONE, "cannot read this machine's list of CPUs: %s",
				  why_errno(err)),
		       err;
	err = map_create_all(k, diags);
	if (!err)
		err = ring_open_all(k);
	if (!err)
		err = load_all(k, diags);
	return err;
}

static struct image_globals *host_globals(struct host *h)
{
	struct kernel *k = (struct kernel *)h;
	int i = k->img && k->maps ? image_role(k->img, MAP_GLOBALS) : -1;

	return i >= 0 ? k->maps[i].mapped : NULL;
}

static int host_stop(struct host *h)
{
	struct kernel *k = (struct kernel *)h;
	struct image_globals *globals = host_globals(h);

	if (globals)
		__atomic_store_n(&globals->stop, 1, __ATOMIC_SEQ_CST);
	k->stopped = true;
	park_done(&k->park);
	return 0;
}

static int host_poll_fd(struct host *h)
{
	return ((struct kernel *)h)->epoll;
}

static uint64_t host_missed_fd(int prog)
{
	struct sys_prog_info info;
	uint32_t size = 0;

	return prog >= 0 && sys_prog_info(prog, &info, &size) == 0 && size >= sizeof(info)
		       ? info.recursion_misses
		       : 0;
}

static uint64_t host_missed(struct host *h, uint32_t prog)
{
	struct kernel *k = (struct kernel *)h;
	uint64_t missed = 0;

	if (prog >= k->nprogs)
		return 0;
	missed += host_missed_fd(k->progs[prog].fd);
	for (uint32_t i = 0; i < k->nattaches; i++)
		if (k->img->attaches.v[i].prog == prog)
			missed += host_missed_fd(k->copies[i]);
	return missed;
}

static void host_free(struct host *h)
{
	struct kernel *k = (struct kernel *)h;

	if (!k)
		return;
	host_stop(h);
	ring_done_all(k);
	load_done_all(k);
	map_done_all(k);
	free(k);
}

static const struct host_ops host_kernel_ops = {
	.name = "kernel",
	.load = host_load,
	.run = begin_run,
	.attach = attach_all,
	.poll_fd = host_poll_fd,
	.drain = ring_drain,
	.stop = host_stop,
	.globals = host_globals,
	.map_each = walk_each,
	.map_lookup = walk_lookup,
	.map_update = walk_update,
	.map_clear = walk_clear,
	.map_zero = walk_zero,
	.missed = host_missed,
	.free = host_free,
};

struct host *kernel_host_new(const struct kernel_options *opt)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->host.ops = &host_kernel_ops;
	k->opt = *opt;
	k->epoll = -1;
	park_init(&k->park, opt->target);
	return &k->host;
}
