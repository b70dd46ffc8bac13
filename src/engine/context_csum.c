/*
 * Helpers that keep the checksums inside of packets true.
 */
#include <errno.h>
#include <string.h>

#include "engine/context_helper.h"

enum {
	FIELD_SIZE = 0xf,
	PSEUDO_HDR = 1 << 4,
	MARK_MANGLED_0 = 1 << 5,
	MARK_ENFORCE = 1 << 6,
};

static uint32_t sum_add(uint32_t a, uint32_t b)
{
	uint32_t sum;

	return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The checksum @old when @from became @to, or when @to is the difference already (size 0). */
static int replace(uint16_t *sum, uint64_t from, uint64_t to, uint64_t size)
{
	uint32_t plain = (uint16_t) ~*sum;

	switch (size) {
	case 0:
		if (from)
			return -EINVAL;
		break;
	case 2:
		from = (uint16_t)from;
		to = (uint16_t)to;
		/* fallthrough */
	case 4: plain = sum_add(plain, ~(uint32_t)from); break;
	default: return -EINVAL;
	}
	*sum = sum_fold(sum_add(plain, (uint32_t)to));
	return 0;
}

/* l3_csum_replace(context, offset, from, to, size) */
ENGINE_HELPER(l3_csum_replace)
{
	struct context *run = context_of_skb(vm, a);
	char *at = run ? context_bytes(run, (uint32_t)b, 2) : NULL;
	uint16_t sum;

	if (!run)
		return 0;
	if (e & ~(uint64_t)FIELD_SIZE)
		return HELPER_ERROR(-EINVAL);
	if (!at || (uint32_t)b > 0xffff || b % 2)
		return HELPER_ERROR(-EFAULT);
	memcpy(&sum, at, 2);
	int err = replace(&sum, c, d, e);
	memcpy(at, &sum, 2);
	return HELPER_ERROR(err);
}

/* l4_csum_replace(context, offset, from, to, flags) */
ENGINE_HELPER(l4_csum_replace)
{
	struct context *run = context_of_skb(vm, a);
	char *at = run ? context_bytes(run, (uint32_t)b, 2) : NULL;
	uint16_t sum;

	if (!run)
		return 0;
	if (e & ~(uint64_t)(FIELD_SIZE | PSEUDO_HDR | MARK_MANGLED_0 | MARK_ENFORCE))
		return HELPER_ERROR(-EINVAL);
	if (!at || (uint32_t)b > 0xffff || b % 2)
		return HELPER_ERROR(-EFAULT);
	memcpy(&sum, at, 2);
	/* UDP: 0 means that there is no checksum. */
	if ((e & MARK_MANGLED_0) && !(e & MARK_ENFORCE) && !sum)
		return 0;
	int err = replace(&sum, c, d, e & FIELD_SIZE);
	if ((e & MARK_MANGLED_0) && !sum)
		sum = 0xffff;
	memcpy(at, &sum, 2);
	return HELPER_ERROR(err);
}

/* csum_update(context, sum): only for packets whose whole checksum the device gave; ours has none.
 */
ENGINE_HELPER(csum_update)
{
	return context_of_skb(vm, a) ? HELPER_ERROR(-ENOTSUP) : 0;
}
