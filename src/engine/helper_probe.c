/*
 * Helpers that read memory which may not be there.
 * Needs: regions, the engine's read hook. probe_read() and probe_read_text() are for the
 * helpers that format text, too.
 */
#include <errno.h>
#include <string.h>

#include "engine/helper.h"
#include "engine/probe.h"
#include "engine/region.h"

enum { CHUNK = 64 }; /* bytes that a text is read by; never across a multiple of it */

int probe_read(const struct vm *vm, uint64_t address, void *to, uint32_t size)
{
	const struct engine_hooks *hooks = &vm->engine->hooks;
	struct region r;

	if (region_find(vm, address, size, false, &r)) {
		memmove(to, r.host + (address - r.base), size);
		return 0;
	}
	return hooks->read ? hooks->read(hooks->ctx, address, to, size) : -EFAULT;
}

/* Reads from @address on what can be read in one piece: at least a byte, at most @most. */
static int read_piece(const struct vm *vm, uint64_t address, char *to, uint32_t most)
{
	uint32_t n = MIN(most, CHUNK - (uint32_t)(address % CHUNK));
	struct region r;

	if (region_find(vm, address, 1, false, &r))
		n = (uint32_t)MIN((uint64_t)n, r.size - (address - r.base));
	if (probe_read(vm, address, to, n) == 0)
		return (int)n;
	return probe_read(vm, address, to, 1) == 0 ? 1 : -EFAULT;
}

int64_t probe_read_text(const struct vm *vm, uint64_t address, char *to, uint32_t size)
{
	uint32_t at = 0;

	while (at + 1 < size) {
		int n = read_piece(vm, address + at, to + at, size - 1 - at);

		if (n < 0)
			return n;
		const char *end = memchr(to + at, 0, (size_t)n);
		if (end)
			return end - to + 1;
		at += (uint32_t)n;
	}
	to[at] = 0;
	return at + 1;
}

/* What all forms share: (to, size, address); @to is all zeroes after a failure. */
static uint64_t read_to(struct vm *vm, uint64_t a, uint64_t b, uint64_t c, bool text)
{
	uint32_t size = (uint32_t)b;
	char *to = vm_memory(vm, a, size, true);
	int64_t result;

	if (!to || !size)
		return 0;
	result = text ? probe_read_text(vm, c, to, size) : probe_read(vm, c, to, size);
	if (result < 0)
		memset(to, 0, size);
	return HELPER_ERROR(result);
}

ENGINE_HELPER(probe_read)
{
	return read_to(vm, a, b, c, false);
}

ENGINE_HELPER(probe_read_kernel)
{
	return read_to(vm, a, b, c, false);
}

ENGINE_HELPER(probe_read_user)
{
	return read_to(vm, a, b, c, false);
}

ENGINE_HELPER(copy_from_user)
{
	return read_to(vm, a, b, c, false);
}

ENGINE_HELPER(probe_read_str)
{
	return read_to(vm, a, b, c, true);
}

ENGINE_HELPER(probe_read_kernel_str)
{
	return read_to(vm, a, b, c, true);
}

ENGINE_HELPER(probe_read_user_str)
{
	return read_to(vm, a, b, c, true);
}

/* kallsyms_lookup_name(name, size with NUL, flags, result) */
ENGINE_HELPER(kallsyms_lookup_name)
{
	const struct engine_hooks *hooks = &vm->engine->hooks;
	const char *name = vm_memory(vm, a, (uint32_t)b, false);
	char *to = vm_memory(vm, d, sizeof(uint64_t), true);
	uint64_t address = 0;

	if (!name || !to)
		return 0;
	memset(to, 0, sizeof(address));
	if (c || (uint32_t)b < 2 || name[(uint32_t)b - 1])
		return HELPER_ERROR(-EINVAL);
	if (hooks->ksym)
		address = hooks->ksym(hooks->ctx, name);
	memcpy(to, &address, sizeof(address));
	return address ? 0 : HELPER_ERROR(-ENOENT);
}
