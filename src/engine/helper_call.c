/*
 * Helpers that run programs: tail calls and loops of a callback.
 */
#include <errno.h>

#include "engine/helper.h"
#include "engine/map.h"

/* tail_call(context, prog array, index): does not return if the program is there. */
ENGINE_HELPER(tail_call)
{
	struct map *m = vm_map(vm, b);
	uint32_t index = (uint32_t)c;

	if (!m)
		return 0;
	if (m->def.type != BPF_MAP_TYPE_PROG_ARRAY) {
		vm->end = VM_BAD_ARGUMENT;
		return 0;
	}
	const struct vm_prog *next = map_object(m, &index);
	if (!next)
		return HELPER_ERROR(-ENOENT);
	if (vm->tail_calls == VM_MAX_TAIL_CALLS)
		return HELPER_ERROR(-E2BIG);
	vm->tail_calls++;
	vm->next = next;
	vm->end = VM_TAIL_CALL;
	return 0;
}

/* loop(count, function, context, flags): function(i, context) until it gives 1. As where the kernel
 * inlines the call, all 64 bits of the count matter and "too many" is a 32-bit number. */
ENGINE_HELPER(loop)
{
	if (d)
		return HELPER_ERROR(-EINVAL);
	if (a > VM_MAX_LOOPS)
		return (uint32_t)-E2BIG;
	uint32_t count = (uint32_t)a;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t stop = vm_call(vm, b, i, c, 0, 0, 0);

		if (vm->end)
			return 0;
		if (stop)
			return i + 1;
	}
	return count;
}
