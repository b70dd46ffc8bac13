/*
 * Helpers of conformance suites:
 *
 *	0 gather_bytes(a, b, c, d, e)	a << 32 | b << 24 | c << 16 | d << 8 | e
 *	1 memfrob(memory, size)		every byte ^ 42; the memory's address
 *	2 no_op()			0; whatever may lie in r1 to r5 afterwards
 *	3 sqrti(n)			the integer square root
 *	4 strcmp_ext(a, b)		0 for equal strings
 *	5 unwind(n)			n; 0 ends the program at once
 *
 * Called by main.c.
 */
#include <string.h>

#include "conformance/helpers.h"

#define UNUSED_ARG __attribute__((unused)) uint64_t
#define HELPER(name)                                                                               \
	static uint64_t name(UNUSED_ARG a, UNUSED_ARG b, UNUSED_ARG c, UNUSED_ARG d, UNUSED_ARG e, \
			     __attribute__((unused)) struct vm *vm)

HELPER(gather_bytes)
{
	return (a & 0xff) << 32 | (b & 0xff) << 24 | (c & 0xff) << 16 | (d & 0xff) << 8 |
	       (e & 0xff);
}

HELPER(frob)
{
	uint8_t *memory = vm_memory(vm, a, b, true);

	for (uint64_t i = 0; memory && i < b; i++)
		memory[i] ^= 42;
	return a;
}

HELPER(no_op)
{
	return 0;
}

HELPER(sqrti)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1) {
		uint64_t more = root | bit;

		if (more <= a / more)
			root = more;
	}
	return root;
}

HELPER(strcmp_ext)
{
	const char *s, *t;
	int64_t n = vm_string(vm, a, UINT32_MAX, &s), m = vm_string(vm, b, UINT32_MAX, &t);

	if (n < 0 || m < 0)
		return 0;
	int order = memcmp(s, t, (size_t)MIN(n, m));
	return (uint64_t)(int64_t)(order ? order : n < m ? -1 : n > m);
}

HELPER(unwind)
{
	if (a == 0)
		vm->end = VM_UNWOUND;
	return a;
}

int conformance_helpers(struct engine *engine)
{
	const struct engine_helper helpers[] = {
		{ gather_bytes, "gather_bytes" },
		{ frob, "memfrob" },
		{ no_op, "no_op" },
		{ sqrti, "sqrti" },
		{ strcmp_ext, "strcmp_ext" },
		{ unwind, "unwind" },
	};
	int err = 0;

	for (uint32_t id = 0; id < ARRAY_LEN(helpers) && !err; id++)
		err = engine_set_helper(engine, id, helpers[id].name, helpers[id].fn);
	return err;
}
