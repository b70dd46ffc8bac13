/*
 * Helpers that tell the time, through the engine's clock.
 */
#include "engine/helper.h"

enum { TICK_NS = 4000000 }; /* of CONFIG_HZ=250, which Debian's kernels have */

static uint64_t now(const struct vm *vm, clockid_t which)
{
	const struct engine_hooks *hooks = &vm->engine->hooks;

	return hooks->clock(hooks->ctx, which);
}

ENGINE_HELPER(ktime_get_ns)
{
	return now(vm, CLOCK_MONOTONIC);
}

ENGINE_HELPER(ktime_get_boot_ns)
{
	return now(vm, CLOCK_BOOTTIME);
}

ENGINE_HELPER(ktime_get_coarse_ns)
{
	return now(vm, CLOCK_MONOTONIC_COARSE);
}

ENGINE_HELPER(ktime_get_tai_ns)
{
	return now(vm, CLOCK_TAI);
}

ENGINE_HELPER(jiffies64)
{
	return now(vm, CLOCK_MONOTONIC) / TICK_NS;
}
