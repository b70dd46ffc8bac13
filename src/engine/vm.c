/*
 * Runs of programs: the state of one run, its start, calls back into it, maps it may use.
 * Needs: decoded programs. Called by hosts, helpers, tests and embedders.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/frame.h"
#include "engine/interp.h"
#include "engine/jit.h"
#include "engine/map_special.h"
#include "engine/prog.h"
#include "engine/region.h"

/* An empty program takes 2 ns; a call more would be a tenth of it. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* splitmix64: neighbouring seeds give unlike streams. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

int vm_init(struct vm *vm, struct engine *engine, uint32_t cpu)
{
	*vm = (struct vm){ .engine = engine, .cpu = cpu, .random = mix(engine->seed + cpu) };
	vm->stack = aligned_alloc(64, VM_MAX_DEPTH * VM_STACK_SIZE);
	if (!vm->stack)
		return -ENOMEM;
	memset(vm->stack, 0, VM_MAX_DEPTH * VM_STACK_SIZE);
	return 0;
}

/* Gives back the inner maps of the run that ended, and what showed memory of that run alone. */
static void vm_release(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->ninner; i++)
		map_put(vm->inner[i]);
	vm->ninner = vm->nextra = 0;
	vm->loan = (struct region){ 0 };
	vm_forget(vm);
}

void vm_done(struct vm *vm)
{
	vm_release(vm);
	free(vm->stack);
	vm->stack = NULL;
}

/* The frames that the last run used, zeroed: no run sees what another left. */
static void vm_clear_stack(struct vm *vm)
{
	size_t used = (vm->deepest + 1) * VM_STACK_SIZE;

	memset(vm->stack + VM_MAX_DEPTH * VM_STACK_SIZE - used, 0, used);
	vm->deepest = 0;
}

/* Makes @vm ready for a run of @p. */
static ALWAYS_INLINE void vm_start(struct vm *vm, const struct vm_prog *p)
{
	vm->prog = p;
	vm->fuel = p->fuel;
	vm->end = VM_DONE;
	vm->depth = vm->tail_calls = 0;
	vm->frames[0].loops = VM_MAX_LOOPS;
	if (p->has_frame)
		vm_clear_stack(vm);
	region_start(vm);
}

/* After a run: nothing of it is held. */
static ALWAYS_INLINE void vm_finish(struct vm *vm)
{
	if (vm->lock)
		map_spin_unlock(vm->lock);
	vm->lock = NULL;
	if (vm->ninner || vm->loan.size || (vm->nextra && vm_has_windows(vm)))
		vm_release(vm);
	vm->nextra = 0;
}

/* Compiled code of most programs works only where memory lies at its address. */
static vm_entry *vm_entry_of(const struct vm *vm, const struct vm_prog *p)
{
	for (uint32_t i = 0; i < vm->nextra; i++) {
		if (vm->extra[i].base != (uint64_t)vm->extra[i].host)
			return jit_suits(vm, p) ? p->run : vm_interpret;
	}
	return p->run;
}

uint64_t vm_run(struct vm *vm, const struct vm_prog *p, void *context, uint32_t context_size,
		const struct region *extra, uint32_t n)
{
	const uint64_t args[5] = { (uint64_t)context, context_size };
	uint64_t result;

	vm->context = context;
	vm->context_size = context_size;
	vm->extra = extra;
	vm->nextra = n;
	vm_start(vm, p);
	result = vm_entry_of(vm, p)(vm, p->ops, args);
	vm_finish(vm);
	return result;
}

/* A timer is due: @callback is the struct vm_func that bpf_timer_set_callback was given. */
static void vm_fire(void *ctx, struct map *m, uint64_t callback, const void *key, void *value)
{
	struct vm *vm = ctx;
	const struct vm_func *f = (const struct vm_func *)callback;
	const uint64_t args[5] = { (uint64_t)m, (uint64_t)key, (uint64_t)value };

	vm->context = NULL;
	vm->context_size = 0;
	vm_start(vm, f->prog);
	vm->loan = (struct region){ (uint64_t)key, m->def.key_size, false, (char *)key };
	f->prog->run(vm, &f->prog->ops[f->op], args);
	vm_finish(vm);
}

uint64_t vm_run_timers(struct vm *vm, struct map *m)
{
	const struct engine_hooks *hooks = &vm->engine->hooks;

	return map_timers_run(m, hooks->clock(hooks->ctx, CLOCK_MONOTONIC), vm_fire, vm);
}

uint64_t vm_call(struct vm *vm, uint64_t target, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		 uint64_t e)
{
	const struct vm_func *f = prog_func(vm->prog, target);
	const uint64_t args[5] = { a, b, c, d, e };
	uint64_t saved[4] = { 0 }, result;
	uint32_t depth = vm->depth;

	if (!f || !frame_push(vm, NULL, saved)) {
		vm->end = f ? VM_TOO_DEEP : VM_BAD_HELPER;
		return 0;
	}
	vm->fuel -= f->length;
	if ((int64_t)vm->fuel < 0) {
		vm->end = VM_OUT_OF_FUEL;
		return 0;
	}
	result = vm->prog->run(vm, &vm->prog->ops[f->op], args);
	if (vm->end)
		return result; /* the frames stay as they are, for who asks why */
	frame_pop(vm, saved);
	vm->depth = depth;
	return result;
}

struct map *vm_map(struct vm *vm, uint64_t value)
{
	for (uint32_t i = 0; i < vm->prog->nmaps; i++) {
		if ((uint64_t)vm->prog->maps[i] == value)
			return vm->prog->maps[i];
	}
	for (uint32_t i = 0; i < vm->ninner; i++) {
		if ((uint64_t)vm->inner[i] == value)
			return vm->inner[i];
	}
	vm->end = VM_BAD_ARGUMENT;
	return NULL;
}

uint64_t vm_lend_map(struct vm *vm, struct map *m)
{
	for (uint32_t i = 0; i < vm->ninner; i++) {
		if (vm->inner[i] == m) {
			map_put(m);
			return (uint64_t)m;
		}
	}
	if (vm->ninner == VM_INNER_MAPS) {
		map_put(m);
		return 0;
	}
	vm->inner[vm->ninner++] = m;
	return (uint64_t)m;
}
