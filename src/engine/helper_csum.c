/*
 * Helpers on Internet checksums.
 */
#include <errno.h>
#include <string.h>

#include "engine/helper.h"

/* The ones' complement sum of 32-bit words, starting from @sum. */
static uint32_t sum_words(const char *at, uint32_t size, uint32_t sum)
{
	uint64_t wide = sum;

	for (uint32_t i = 0; i < size; i += 4) {
		uint32_t word;

		memcpy(&word, at + i, 4);
		wide += word;
	}
	while (wide >> 32)
		wide = (wide & UINT32_MAX) + (wide >> 32);
	return (uint32_t)wide;
}

static uint32_t sum_less(uint32_t a, uint32_t b)
{
	uint32_t sum;

	return __builtin_add_overflow(a, ~b, &sum) ? sum + 1 : sum;
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* csum_diff(from, size, to, size, seed): the checksum without @from and with @to. */
ENGINE_HELPER(csum_diff)
{
	uint32_t from_size = (uint32_t)b, to_size = (uint32_t)d, seed = (uint32_t)e;
	const char *from = vm_memory(vm, a, from_size, false);
	const char *to = vm_memory(vm, c, to_size, false);

	if (!from || !to)
		return 0;
	if ((from_size | to_size) % 4)
		return HELPER_ERROR(-EINVAL);
	if (from_size && to_size)
		return fold(sum_less(sum_words(to, to_size, seed), sum_words(from, from_size, 0)));
	if (to_size)
		return fold(sum_words(to, to_size, seed));
	if (from_size)
		return fold(~sum_words(from, from_size, ~seed));
	return fold(seed);
}
