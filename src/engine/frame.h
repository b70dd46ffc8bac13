/*
 * Frames: what a call inside a program saves and its return brings back. For the interpreter,
 * compiled code's slow paths and vm_call().
 */
#ifndef SKEP_ENGINE_FRAME_H
#define SKEP_ENGINE_FRAME_H

#include <string.h>

#include "engine/vm.h"

/* frame_push - enters a frame. @back is where the caller goes on, @saved its r6 to r9. False:
 * there are too many. */
static inline bool frame_push(struct vm *vm, const struct op *back, const uint64_t *saved)
{
	if (vm->depth + 1 >= VM_MAX_DEPTH)
		return false;
	vm->depth++;
	vm->deepest = MAX(vm->deepest, vm->depth);
	struct vm_frame *f = &vm->frames[vm->depth];
	f->back = back;
	f->prog = vm->prog;
	f->loops = VM_MAX_LOOPS;
	memcpy(f->saved, saved, sizeof(f->saved));
	return true;
}

/* frame_pop - leaves it: where the caller goes on, its r6 to r9 in @saved. */
static inline const struct op *frame_pop(struct vm *vm, uint64_t *saved)
{
	const struct vm_frame *f = &vm->frames[vm->depth--];

	memcpy(saved, f->saved, sizeof(f->saved));
	vm->prog = f->prog;
	return f->back;
}

/* frame_end - the frame pointer, r10. */
static inline uint64_t frame_end(const struct vm *vm)
{
	return (uint64_t)(vm->stack + (VM_MAX_DEPTH - vm->depth) * VM_STACK_SIZE);
}

#endif
