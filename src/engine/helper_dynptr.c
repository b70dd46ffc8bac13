/*
 * Helpers on dynptrs: pointers with a size, 16 bytes of the program's memory that it passes on
 * without looking in.
 *
 * Nothing keeps a program that no verifier has seen from changing those bytes, so a dynptr is
 * only a note of address and size: memory is checked anew each time it is used.
 */
#include <errno.h>
#include <string.h>

#include "engine/helper.h"
#include "engine/map_special.h"
#include "engine/region.h"

enum { DYNPTR_MAX = (1 << 24) - 1 };

enum { DYNPTR_READONLY = 1 };

struct dynptr {
	uint64_t address; /* 0: it points nowhere, every use gives an error */
	uint32_t size;
	uint32_t flags;
};
_Static_assert(sizeof(struct dynptr) == 16, "struct bpf_dynptr of include/uapi/linux/bpf.h");

static bool load(struct vm *vm, uint64_t at, struct dynptr *ret)
{
	const void *from = vm_memory(vm, at, sizeof(*ret), false);

	if (from)
		memcpy(ret, from, sizeof(*ret));
	return from;
}

static void store(char *to, uint64_t address, uint32_t size)
{
	const struct dynptr p = { .address = address, .size = size };

	memcpy(to, &p, sizeof(p));
}

static bool holds(const struct dynptr *p, uint32_t offset, uint32_t size)
{
	return size <= p->size && offset <= p->size - size;
}

/* dynptr_from_mem(data, size, flags, dynptr) */
ENGINE_HELPER(dynptr_from_mem)
{
	uint32_t size = (uint32_t)b;
	char *to = vm_memory(vm, d, sizeof(struct dynptr), true);

	if (!to || !vm_memory(vm, a, size, true))
		return 0;
	store(to, 0, 0);
	if (size > DYNPTR_MAX)
		return HELPER_ERROR(-E2BIG);
	if (c)
		return HELPER_ERROR(-EINVAL);
	store(to, a, size);
	return 0;
}

/* dynptr_read(to, size, dynptr, offset, flags) */
ENGINE_HELPER(dynptr_read)
{
	uint32_t size = (uint32_t)b, offset = (uint32_t)d;
	char *to = vm_memory(vm, a, size, true);
	struct dynptr p;

	if (!to || !load(vm, c, &p))
		return 0;
	if (!p.address || e)
		return HELPER_ERROR(-EINVAL);
	if (!holds(&p, offset, size))
		return HELPER_ERROR(-E2BIG);
	const char *from = vm_memory(vm, p.address + offset, size, false);
	if (from)
		memmove(to, from, size);
	return 0;
}

/* dynptr_write(dynptr, offset, from, size, flags) */
ENGINE_HELPER(dynptr_write)
{
	uint32_t size = (uint32_t)d, offset = (uint32_t)b;
	const char *from = vm_memory(vm, c, size, false);
	struct dynptr p;

	if (!from || !load(vm, a, &p))
		return 0;
	if (!p.address || e || p.flags & DYNPTR_READONLY)
		return HELPER_ERROR(-EINVAL);
	if (!holds(&p, offset, size))
		return HELPER_ERROR(-E2BIG);
	char *to = vm_memory(vm, p.address + offset, size, true);
	if (to)
		memmove(to, from, size);
	return 0;
}

/* dynptr_data(dynptr, offset, size): the address, or NULL. */
ENGINE_HELPER(dynptr_data)
{
	struct dynptr p;

	if (!load(vm, a, &p) || p.flags & DYNPTR_READONLY || !holds(&p, (uint32_t)b, (uint32_t)c))
		return 0;
	return p.address ? p.address + (uint32_t)b : 0;
}

/* ringbuf_reserve_dynptr(map, size, flags, dynptr) */
ENGINE_HELPER(ringbuf_reserve_dynptr)
{
	struct map *m = vm_map(vm, a);
	uint32_t size = (uint32_t)b;
	char *to = vm_memory(vm, d, sizeof(struct dynptr), true);

	if (!m || !to)
		return 0;
	if (m->def.type != BPF_MAP_TYPE_RINGBUF) {
		vm->end = VM_BAD_ARGUMENT;
		return 0;
	}
	store(to, 0, 0);
	if (c)
		return HELPER_ERROR(-EINVAL);
	if (size > DYNPTR_MAX)
		return HELPER_ERROR(-E2BIG);
	void *record = map_ring_reserve(m, size, 0);
	if (!record)
		return HELPER_ERROR(-EINVAL);
	store(to, (uint64_t)record, size);
	return 0;
}

/* Ends the record behind a dynptr, which then points nowhere; without a record does nothing. */
static uint64_t end_record(struct vm *vm, uint64_t at, uint64_t flags, vm_helper *end)
{
	char *place = vm_memory(vm, at, sizeof(struct dynptr), true);
	struct dynptr p;

	if (!place || !load(vm, at, &p) || !p.address)
		return 0;
	store(place, 0, 0);
	return end(p.address, flags, 0, 0, 0, vm);
}

/* ringbuf_submit_dynptr(dynptr, flags) */
ENGINE_HELPER(ringbuf_submit_dynptr)
{
	return end_record(vm, a, b, helper_ringbuf_submit);
}

/* ringbuf_discard_dynptr(dynptr, flags) */
ENGINE_HELPER(ringbuf_discard_dynptr)
{
	return end_record(vm, a, b, helper_ringbuf_discard);
}

/* What user_ringbuf_drain passes to its callback. */
struct drain {
	struct vm *vm;
	uint64_t callback, context;
};

static int64_t drain_record(void *ctx, void *data, uint32_t size)
{
	const struct drain *x = ctx;
	struct vm *vm = x->vm;
	const struct region outer = vm->loan;
	struct dynptr p = { .address = (uint64_t)data, .size = size, .flags = DYNPTR_READONLY };

	vm->loan = (struct region){ (uint64_t)&p, sizeof(p), false, (char *)&p };
	int64_t stop = (int64_t)vm_call(vm, x->callback, (uint64_t)&p, x->context, 0, 0, 0);
	vm->loan = outer;
	vm_forget(vm); /* the dynptr may have a window */
	return vm->end ? 1 : stop;
}

/* user_ringbuf_drain(map, function, context, flags): function(dynptr, context) until it gives 1 */
ENGINE_HELPER(user_ringbuf_drain)
{
	struct map *m = vm_map(vm, a);
	struct drain x = { vm, b, c };

	if (!m)
		return 0;
	if (m->def.type != BPF_MAP_TYPE_USER_RINGBUF) {
		vm->end = VM_BAD_ARGUMENT;
		return 0;
	}
	return (uint64_t)map_user_ring_drain(m, d, drain_record, &x);
}
