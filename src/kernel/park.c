/*
 * Letting go fast. Called by attaching, which parks every descriptor whose last close is slow, and
 * by stop and free, which let the park go.
 *
 * What is slow: 360 syscalls:sys_enter_* tracepoints, on 6.18 with 2 cores.
 *
 *	how                                         attach   let go   programs gone in   events in
 *	ioctl(SET_BPF), close                        27 ms   26 s     26 s               26 s
 *	perf link, close                             27 ms   25 s     25 s               25 s
 *	perf link, event in a PERF_EVENT_ARRAY       27 ms   14 s     14 s               26 s
 *	ioctl, event in the array             (C)    27 ms   0.2 ms   8-26 s             8-26 s
 *	perf link in an io_uring's file table (B)    31 ms   0.1 ms   14 s               14 s
 *	perf link pinned in a bpf file system (A)    30 ms   1 ms     0.06-0.12 s        14 s
 *
 * Closing an event waits for two grace periods under the kernel's event mutex, 40 ms; closing a
 *link waits for another (synchronize_rcu_tasks_trace), 38 ms, without a lock. So all that can be
 *won for events is that a kernel worker waits instead of us, as it does when an event array or an
 * io_uring gives up its files (B, C). A pinned link that goes with its file system is put by a work
 * item of its own: all wait for the same grace period side by side, and then only empty events are
 * left to the worker. Killed, we leave the same behind as when we end.
 *
 *	A  links, where they are put by workers (FEATURE_LINK_DEFER) and we may make a file
 *	   system (CAP_SYS_ADMIN); it is mounted nowhere, so nobody sees it
 *	B  links that need a cookie, elsewhere
 *	C  the rest, and all before 5.15, where there are no links
 *
 * On 6.1 (qemu) A would take 22 s to let go, B takes 0.4 ms.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"

enum {
	PARK_EVENTS = 16384, /* slots of the array: 8 bytes each */
	PARK_LINKS = 512,    /* slots of an io_uring; the limit of open files counts for it */
};

void park_init(struct park *p, struct target *target)
{
	*p = (struct park){ .root = -1, .array = -1, .uring = -1, .target = target };
}

bool park_links_ok(struct park *p)
{
	if (!p->tried_root && target_has(p->target, FEATURE_LINK_DEFER))
		p->root = sys_bpffs();
	p->tried_root = true;
	return p->root >= 0;
}

int park_plain(struct park *p, int fd)
{
	if (p->nkept == p->cap_kept) {
		uint32_t cap = p->cap_kept ? p->cap_kept * 2 : 16;
		int *kept = realloc(p->kept, cap * sizeof(*kept));
		if (!kept) {
			close(fd);
			return -ENOMEM;
		}
		p->kept = kept;
		p->cap_kept = cap;
	}
	p->kept[p->nkept++] = fd;
	return 0;
}

static int park_pin(struct park *p, int fd)
{
	char path[64];

	if (!park_links_ok(p))
		return -EOPNOTSUPP;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%u", p->root, p->count);
	int err = sys_pin(fd, path);
	if (!err)
		p->count++;
	return err;
}

static int park_uring(struct park *p, int fd)
{
	if (p->uring >= 0 && p->nuring == PARK_LINKS) {
		int err = park_plain(p, p->uring); /* full, and quick to close */
		p->uring = -1;
		if (err)
			return err;
	}
	if (p->uring < 0) {
		p->uring = sys_uring(PARK_LINKS);
		p->nuring = 0;
	}
	int err = p->uring < 0 ? p->uring : sys_uring_put(p->uring, p->nuring, fd);
	if (!err)
		p->nuring++;
	return err;
}

int park_link(struct park *p, int fd)
{
	if (park_pin(p, fd) && park_uring(p, fd))
		return park_plain(p, fd);
	close(fd);
	return 0;
}

int park_event(struct park *p, int fd)
{
	const struct sys_map_create attr = {
		.type = BPF_MAP_TYPE_PERF_EVENT_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = PARK_EVENTS,
		.name = "skep_park",
	};

	if (p->array < 0)
		p->array = sys_map_create(&attr);
	if (p->array < 0 || p->narray == PARK_EVENTS ||
	    sys_map_update(p->array, &p->narray, &fd, BPF_ANY))
		return park_plain(p, fd);
	p->narray++;
	close(fd);
	return 0;
}

void park_done(struct park *p)
{
	sys_close(&p->root);
	sys_close(&p->uring);
	sys_close(&p->array);
	for (uint32_t i = 0; i < p->nkept; i++)
		close(p->kept[i]);
	free(p->kept);
	park_init(p, p->target);
}
