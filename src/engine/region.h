/*
 * What memory a program may touch, for interpreter, compiled code and helpers.
 */
#ifndef SKEP_ENGINE_REGION_H
#define SKEP_ENGINE_REGION_H

#include "engine/vm.h"

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

/* region_start - sets the windows for a run of vm->prog: stack and context. */
void region_start(struct vm *vm);

#endif
