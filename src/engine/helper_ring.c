/*
 * Helpers that write records for user space: ring buffers and perf event arrays.
 */
#include <errno.h>

#include "engine/helper.h"
#include "engine/map_special.h"
#include "engine/region.h"

/* The map that a helper was given, if it is of @type. */
static struct map *ring_map(struct vm *vm, uint64_t value, enum bpf_map_type type)
{
	struct map *m = vm_map(vm, value);

	if (m && m->def.type == type)
		return m;
	vm->end = VM_BAD_ARGUMENT;
	return NULL;
}

/* ringbuf_output(map, data, size, flags) */
ENGINE_HELPER(ringbuf_output)
{
	struct map *m = ring_map(vm, a, BPF_MAP_TYPE_RINGBUF);
	const void *data = m ? vm_memory(vm, b, c, false) : NULL;

	return data ? HELPER_ERROR(map_ring_output(m, data, c, d)) : 0;
}

/* ringbuf_reserve(map, size, flags) */
ENGINE_HELPER(ringbuf_reserve)
{
	struct map *m = ring_map(vm, a, BPF_MAP_TYPE_RINGBUF);

	return m ? (uint64_t)map_ring_reserve(m, b, c) : 0;
}

static uint64_t end_record(struct vm *vm, uint64_t sample, uint64_t flags, bool discard)
{
	struct map *m = region_map(vm, sample, 1);

	if (!m || m->def.type != BPF_MAP_TYPE_RINGBUF ||
	    !map_ring_end(m, (void *)sample, flags, discard))
		vm->end = VM_BAD_ARGUMENT;
	return 0;
}

/* ringbuf_submit(record, flags) */
ENGINE_HELPER(ringbuf_submit)
{
	return end_record(vm, a, b, false);
}

/* ringbuf_discard(record, flags) */
ENGINE_HELPER(ringbuf_discard)
{
	return end_record(vm, a, b, true);
}

/* ringbuf_query(map, what) */
ENGINE_HELPER(ringbuf_query)
{
	struct map *m = ring_map(vm, a, BPF_MAP_TYPE_RINGBUF);

	return m ? map_ring_query(m, b) : 0;
}

/* perf_event_output(context, map, flags, data, size) */
ENGINE_HELPER(perf_event_output)
{
	struct map *m = ring_map(vm, b, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	const void *data = m ? vm_memory(vm, d, e, false) : NULL;

	return data ? HELPER_ERROR(map_perf_output(m, c, vm->cpu, data, e)) : 0;
}
