/*
 * What memory a program may touch, for interpreter, compiled code and helpers.
 */
#ifndef SKEP_ENGINE_REGION_H
#define SKEP_ENGINE_REGION_H

#include "engine/prog.h"

/* region_access - a load or store (@op) missed its window: the host address of @size (1, 2, 4, 8)
 * bytes at @address, the window remembered in @op; or NULL with vm->end and the fault set. */
char *region_access(struct vm *vm, const struct op *op, uint64_t address, uint32_t size,
		    bool write);

/* region_fault - ends the run with VM_BAD_ACCESS; NULL. */
char *region_fault(struct vm *vm, uint64_t address, uint64_t size, bool write);

/* region_find - the region that holds @size bytes at @address; false: none. Ends nothing. */
bool region_find(const struct vm *vm, uint64_t address, uint64_t size, bool write,
		 struct region *ret);

/* region_map - the map of the program whose storage holds @size bytes at @address; NULL: none. */
struct map *region_map(const struct vm *vm, uint64_t address, uint64_t size);

/* The windows that every run has: stack, context, the first region that vm_run was given besides
 * (a packet, as a rule). Those of other regions follow, filled as they are hit. */
enum { WINDOW_STACK, WINDOW_CONTEXT, WINDOW_EXTRA, WINDOW_FIRST };

void region_restart(struct vm *vm);

static inline bool window_shows(const struct window *w, const struct region *r)
{
	return w->base == r->base && w->delta == (uint64_t)r->host - r->base &&
	       w->room[false][0] == r->size && w->room[true][0] == (r->writable ? r->size : 0);
}

/* region_start - sets the windows for a run of vm->prog. */
static inline void region_start(struct vm *vm)
{
	const struct window *w = vm->windows;

	if (w[WINDOW_CONTEXT].base != (uint64_t)vm->context ||
	    w[WINDOW_CONTEXT].room[false][0] != vm->context_size || !vm->window_used ||
	    vm->prog_id != vm->prog->id ||
	    (vm->nextra ? !window_shows(&w[WINDOW_EXTRA], vm->extra)
			: w[WINDOW_EXTRA].room[false][0] != 0))
		region_restart(vm);
}

/* vm_has_windows - whether more are filled than every run has. */
static inline bool vm_has_windows(const struct vm *vm)
{
	return vm->window_used > WINDOW_FIRST;
}

#endif
