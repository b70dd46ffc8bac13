/*
 * Helpers on timers. Whoever runs the engine calls vm_run_timers() when the time has come.
 */
#include <errno.h>

#include "engine/helper.h"
#include "engine/map_special.h"
#include "engine/prog.h"
#include "engine/region.h"

enum { TIMER_ALIGN = 8 };

/* The map whose value has a timer at @timer, or NULL with vm->end set. */
static struct map *timer_map(struct vm *vm, uint64_t timer)
{
	struct map *m = region_map(vm, timer, MAP_TIMER_SIZE);

	if (m && m->def.timer.size && timer % TIMER_ALIGN == 0)
		return m;
	vm->end = VM_BAD_ARGUMENT;
	return NULL;
}

/* timer_init(timer, map, clock) */
ENGINE_HELPER(timer_init)
{
	struct map *m = timer_map(vm, a);

	if (!m)
		return 0;
	if (vm_map(vm, b) != m) {
		vm->end = VM_BAD_ARGUMENT;
		return 0;
	}
	return HELPER_ERROR(map_timer_init(m, (void *)a, c));
}

/* timer_set_callback(timer, function) */
ENGINE_HELPER(timer_set_callback)
{
	struct map *m = timer_map(vm, a);
	const struct vm_func *f = prog_func(vm->prog, b);

	if (!m)
		return 0;
	if (!f) {
		vm->end = VM_BAD_HELPER;
		return 0;
	}
	return HELPER_ERROR(map_timer_set_callback(m, (void *)a, (uint64_t)f));
}

/* timer_start(timer, ns, flags) */
ENGINE_HELPER(timer_start)
{
	const struct engine_hooks *hooks = &vm->engine->hooks;
	struct map *m = timer_map(vm, a);

	if (!m)
		return 0;
	uint64_t now = hooks->clock(hooks->ctx, CLOCK_MONOTONIC);
	return HELPER_ERROR(map_timer_start(m, (void *)a, b, c, now));
}

/* timer_cancel(timer) */
ENGINE_HELPER(timer_cancel)
{
	struct map *m = timer_map(vm, a);

	return m ? HELPER_ERROR(map_timer_cancel(m, (void *)a)) : 0;
}
