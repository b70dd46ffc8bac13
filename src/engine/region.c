/*
 * What memory a program may touch: regions, and the windows that checks go through.
 * Needs: the maps' storage. Called by the interpreter and compiled code on a miss, by helpers.
 */
#include <string.h>

#include "engine/map.h"
#include "engine/prog.h"
#include "engine/region.h"

static bool region_holds(const struct region *r, uint64_t address, uint64_t size, bool write)
{
	uint64_t at = address - r->base;

	return at <= r->size && r->size - at >= size && (r->writable || !write);
}

static struct region stack_region(const struct vm *vm)
{
	return (struct region){ (uint64_t)vm->stack, VM_MAX_DEPTH * VM_STACK_SIZE, true,
				vm->stack };
}

static struct region context_region(const struct vm *vm)
{
	return (struct region){ (uint64_t)vm->context, vm->context_size, true, vm->context };
}

static struct map *maps_hold(struct map *const *maps, uint32_t n, uint64_t address, uint64_t size,
			     bool write, struct region *ret)
{
	for (uint32_t i = 0; i < n; i++) {
		if (region_holds(&maps[i]->storage, address, size, write)) {
			*ret = maps[i]->storage;
			return maps[i];
		}
	}
	return NULL;
}

struct map *region_map(const struct vm *vm, uint64_t address, uint64_t size)
{
	const struct vm_prog *p = vm->prog;
	struct region r;
	struct map *m = maps_hold(p->maps, p->nmaps, address, size, false, &r);

	return m ? m : maps_hold(vm->inner, vm->ninner, address, size, false, &r);
}

bool region_find(const struct vm *vm, uint64_t address, uint64_t size, bool write,
		 struct region *ret)
{
	const struct region own[] = { stack_region(vm), context_region(vm), vm->loan };

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (region_holds(&own[i], address, size, write)) {
			*ret = own[i];
			return true;
		}
	}
	for (uint32_t i = 0; i < vm->nextra; i++) {
		if (region_holds(&vm->extra[i], address, size, write)) {
			*ret = vm->extra[i];
			return true;
		}
	}
	return maps_hold(vm->prog->maps, vm->prog->nmaps, address, size, write, ret) ||
	       maps_hold(vm->inner, vm->ninner, address, size, write, ret);
}

static void window_set(struct window *w, const struct region *r)
{
	w->base = r->base;
	w->delta = (uint64_t)r->host - r->base;
	for (unsigned log = 0; log < 4; log++) {
		uint64_t width = 1u << log;

		w->room[false][log] = r->size >= width ? r->size - width + 1 : 0;
		w->room[true][log] = r->writable ? w->room[false][log] : 0;
	}
}

/* The window that shows @r: the one that does so already, or the one filled longest ago. */
static struct window *window_for(struct vm *vm, const struct region *r)
{
	uint64_t delta = (uint64_t)r->host - r->base;

	for (uint32_t i = 0; i < vm->window_used; i++) {
		struct window *w = &vm->windows[i];

		if (w->base == r->base && w->delta == delta && w->room[false][0] == r->size)
			return w;
	}
	struct window *w = &vm->windows[vm->window_next];
	vm->window_used = MAX(vm->window_used, vm->window_next + 1);
	vm->window_next = vm->window_next + 1 < VM_WINDOWS ? vm->window_next + 1 : WINDOW_FIRST;
	window_set(w, r);
	return w;
}

char *region_access(struct vm *vm, const struct op *op, uint64_t address, uint32_t size, bool write)
{
	struct region r;

	if (!region_find(vm, address, size, write, &r)) {
		vm->insn = op->insn;
		return region_fault(vm, address, size, write);
	}
	/* Other threads run the same op; whichever hint stays is a window's offset. */
	uint32_t hint = (uint32_t)((char *)window_for(vm, &r) - (char *)vm);
	__atomic_store_n(&((struct op *)op)->window, hint, __ATOMIC_RELAXED);
	return r.host + (address - r.base);
}

char *region_fault(struct vm *vm, uint64_t address, uint64_t size, bool write)
{
	vm->end = VM_BAD_ACCESS;
	vm->fault_address = address;
	vm->fault_size = (uint32_t)MIN(size, UINT32_MAX);
	vm->fault_write = write;
	return NULL;
}

void vm_forget(struct vm *vm)
{
	for (uint32_t i = WINDOW_EXTRA; i < vm->window_used; i++)
		memset(&vm->windows[i], 0, sizeof(vm->windows[i]));
	vm->window_used = vm->window_next = WINDOW_FIRST;
}

void region_restart(struct vm *vm)
{
	struct region context = context_region(vm), none = { 0 };

	window_set(&vm->windows[WINDOW_CONTEXT], &context);
	if (!vm->window_used) {
		struct region stack = stack_region(vm);

		window_set(&vm->windows[WINDOW_STACK], &stack);
		vm->window_used = vm->window_next = WINDOW_FIRST;
	}
	/* Windows of maps stay good for the next run of the same program. */
	if (vm->prog_id != vm->prog->id)
		vm_forget(vm);
	window_set(&vm->windows[WINDOW_EXTRA], vm->nextra ? vm->extra : &none);
	vm->prog_id = vm->prog->id;
}

void *vm_memory(struct vm *vm, uint64_t address, uint64_t size, bool write)
{
	struct region r;

	if (size == 0)
		return vm->stack; /* any address will do: nothing is touched */
	if (!region_find(vm, address, size, write, &r))
		return region_fault(vm, address, size, write);
	return r.host + (address - r.base);
}

int64_t vm_string(struct vm *vm, uint64_t address, uint64_t limit, const char **ret_text)
{
	struct region r;

	if (!region_find(vm, address, 1, false, &r)) {
		region_fault(vm, address, 1, false);
		return -1;
	}
	uint64_t room = r.size - (address - r.base), most = MIN(room, limit);
	*ret_text = r.host + (address - r.base);
	uint64_t length = strnlen(*ret_text, most);
	if (length == room && room <= limit) {
		region_fault(vm, address, room + 1, false);
		return -1;
	}
	return (int64_t)length;
}
