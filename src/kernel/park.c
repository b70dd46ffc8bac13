/*
 * Letting go fast. Called by attaching, which parks every descriptor whose last close is slow, and
 * by stop and free, which let the park go.
 *
 * What is slow, on 6.18 with 2 cores, for each of 360 syscalls:sys_enter_* tracepoints:
 *
 *	how                                          attach   let go    programs gone    events gone
 *	ioctl(SET_BPF), close                         27 ms   26 s      with each close  at once
 *	perf link, close                              27 ms   25 s      with each close  at once
 *	ioctl, event in a PERF_EVENT_ARRAY, close     27 ms   0.2 ms    8-26 s           the same
 *	perf link, event in the array, close link     27 ms   14 s      with each close  with them
 *	perf link pinned in a bpf file system         30 ms   1 ms      60-115 ms        14 s
 *
 * Closing an event's descriptor waits for two grace periods under the kernel's event mutex; closing
 * a link waits for one of another kind (synchronize_rcu_tasks_trace) without a lock. A pinned link
 * that goes with its file system is put by a work item of its own, so all wait for the same grace
 * period side by side, the programs are gone within a tenth of a second, and only the empty
 * events are left to a kernel worker. An event in a PERF_EVENT_ARRAY goes with the map, in a
 * worker too, one after the other, its program with it.
 *
 * The file system is mounted nowhere (fsmount), so nobody sees it, and it goes with its descriptor,
 * also when we are killed. It needs CAP_SYS_ADMIN and perf links (5.15); the array needs neither
 *but has no cookies.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"

enum { PARK_EVENTS = 16384 }; /* slots of the array: 8 bytes each */

void park_init(struct park *p)
{
	*p = (struct park){ .root = -1, .array = -1 };
}

bool park_links_ok(struct park *p)
{
	if (!p->tried_root)
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

int park_link(struct park *p, int fd)
{
	char path[64];

	if (!park_links_ok(p))
		return park_plain(p, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%u", p->root, p->count);
	if (sys_pin(fd, path))
		return park_plain(p, fd);
	p->count++;
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
	sys_close(&p->array);
	for (uint32_t i = 0; i < p->nkept; i++)
		close(p->kept[i]);
	free(p->kept);
	park_init(p);
}
