/*
 * What compiled code calls: accesses that missed their window, ends, tail calls, calls of what is
 * known only at run time.
 * Needs: windows (region.c), the interpreter, which takes over what compiled code is not made for.
 */
#include <string.h>

#include "engine/engine.h"
#include "engine/frame.h"
#include "engine/interp.h"
#include "engine/jit_priv.h"
#include "engine/packet.h"
#include "engine/region.h"

static uint32_t *hint_of(const struct vm_prog *p, uint32_t at)
{
	return (uint32_t *)(void *)(p->jit->code + jit_hint(at));
}

uint64_t jit_access(struct vm *vm, uint64_t address, uint32_t at)
{
	const struct vm_prog *p = vm->prog;
	const struct op *op = &p->ops[at];
	const struct insn_form *f = &insn_forms[op->id];
	const struct jop as = { .op = f->op };
	const char *host = region_access(vm, op, address, f->width / 8, jop_is_write(&as));

	if (!host)
		return 0;
	if ((uint64_t)host != address && !p->jit->translate) {
		vm->insn = op->insn;
		region_fault(vm, address, f->width / 8, jop_is_write(&as));
		return 0;
	}
	__atomic_store_n(hint_of(p, at), __atomic_load_n(&op->window, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
	return 1;
}

uint64_t jit_unaligned(struct vm *vm, uint64_t address, uint32_t at)
{
	const struct op *op = &vm->prog->ops[at];
	const struct insn_form *f = &insn_forms[op->id];

	region_fault(vm, address, f->width / 8, f->op != OP_LOAD_ACQ);
	vm->insn = op->insn;
	vm->end = VM_UNALIGNED;
	return 0;
}

uint64_t jit_frame_fault(struct vm *vm, uint64_t frame, uint32_t at)
{
	const struct op *op = &vm->prog->ops[at];
	const struct insn_form *f = &insn_forms[op->id];
	const struct jop as = { .op = f->op };

	vm->insn = op->insn;
	region_fault(vm, frame + (uint64_t)(int64_t)op->offset, f->width / 8, jop_is_write(&as));
	return 0;
}

/* The function of @p that starts at @op; compiled code starts at no other op. */
static uint32_t func_index(const struct vm_prog *p, uint32_t op)
{
	return (uint32_t)(prog_func(p, VM_CODE + op) - p->funcs);
}

uint64_t jit_enter(struct vm *vm, const struct op *entry, const uint64_t args[5])
{
	const struct vm_prog *p = vm->prog;
	uint32_t op = (uint32_t)(entry - p->ops), f = op ? func_index(p, op) : 0;
	uint32_t deepest = vm->depth + p->jit->frames[f] - 1;

	/* Compiled code counts frames only in programs that may nest without end. */
	if (deepest >= VM_MAX_DEPTH && p->jit->frames[f] <= VM_MAX_DEPTH)
		return vm_interpret(vm, entry, args);
	vm->deepest = MAX(vm->deepest, MIN(deepest, VM_MAX_DEPTH - 1u));
	return ((vm_entry *)(void *)(p->jit->code + p->jit->entries[f]))(vm, entry, args);
}

bool jit_suits(const struct vm *vm, const struct vm_prog *p)
{
	for (uint32_t i = 0; i < vm->nextra; i++) {
		if (vm->extra[i].base != (uint64_t)vm->extra[i].host && p->jit)
			return p->jit->translate;
	}
	return true;
}

uint64_t jit_next(struct vm *vm, uint64_t context)
{
	const struct vm_prog *self = vm->prog, *next = vm->next;
	const uint64_t args[5] = { context };
	uint64_t frame = frame_end(vm), result;

	vm->end = VM_DONE;
	vm->prog = next;
	vm->frames[vm->depth].loops = VM_MAX_LOOPS;
	vm_forget(vm);
	memset((char *)frame - VM_STACK_SIZE, 0, VM_STACK_SIZE);
	vm->fuel -= next->nops;
	if ((int64_t)vm->fuel < 0) {
		vm->insn = next->ops[0].insn;
		vm->end = VM_OUT_OF_FUEL;
		return 0;
	}
	bool fits = !next->jit || vm->depth + next->jit->frames[0] <= VM_MAX_DEPTH ||
		    next->jit->frames[0] > VM_MAX_DEPTH;
	result = (fits && jit_suits(vm, next) ? next->run : vm_interpret)(vm, next->ops, args);
	if (!vm->end && vm->depth) {
		/* The caller of this frame goes on in the program it is of. */
		vm->prog = self;
		vm_forget(vm);
	}
	return result;
}

struct jit_target jit_resolve(struct vm *vm, uint64_t target, uint32_t at)
{
	const struct vm_prog *p = vm->prog;
	const struct vm_func *f = prog_func(p, target);
	const struct engine *e = vm->engine;

	vm->insn = p->ops[at].insn;
	if (!f && target < e->nhelpers && e->helpers[target].fn)
		return (struct jit_target){ (uint64_t)e->helpers[target].fn, 1 };
	if (!f) {
		vm->end = VM_BAD_HELPER;
		return (struct jit_target){ 0 };
	}
	vm->fuel -= f->length;
	if ((int64_t)vm->fuel < 0)
		vm->end = VM_OUT_OF_FUEL;
	else if (vm->depth + 1 >= VM_MAX_DEPTH)
		vm->end = VM_TOO_DEEP;
	if (vm->end)
		return (struct jit_target){ 0 };
	return (struct jit_target){ (uint64_t)p->jit->code + p->jit->bodies[f - p->funcs], 0 };
}

int64_t jit_packet(struct vm *vm, int32_t offset, uint32_t size)
{
	uint64_t value;

	return packet_load(vm, offset, size, &value) ? (int64_t)value : -1;
}
