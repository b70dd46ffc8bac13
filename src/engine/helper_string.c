/*
 * Helpers on strings: numbers out of text, comparison.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "engine/helper.h"

enum { BASE_MASK = 0x1f, DIGITS_MAX = 63 };

/* A number being read out of text. */
struct number {
	uint64_t value;
	bool negative;
};

static int digit(char c, unsigned base)
{
	int value = isdigit((unsigned char)c)    ? c - '0'
		    : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
						 : -1;

	return value < (int)base ? value : -1;
}

static bool has_0x(const char *s)
{
	return s[0] == '0' && tolower((unsigned char)s[1]) == 'x';
}

/* Digits at @s, which ends with a NUL: how many characters, or -EINVAL, -ERANGE. */
static int parse_digits(const char *s, unsigned base, uint64_t *ret)
{
	const char *start = s;
	int n = 0, value;

	if (base == 0)
		base = has_0x(s) && isxdigit((unsigned char)s[2]) ? 16 : s[0] == '0' ? 8 : 10;
	if (base == 16 && has_0x(s))
		s += 2;
	for (*ret = 0; (value = digit(*s, base)) >= 0; s++, n++) {
		if (__builtin_mul_overflow(*ret, base, ret) ||
		    __builtin_add_overflow(*ret, (unsigned)value, ret))
			return -ERANGE;
	}
	return n ? (int)(s - start) : -EINVAL;
}

/* Blanks, a sign, digits: how many characters of the @size at @text, or -errno. */
static int parse_number(const char *text, uint32_t size, uint64_t flags, struct number *ret)
{
	uint64_t base = flags & BASE_MASK;
	char digits[DIGITS_MAX + 1] = { 0 };
	uint32_t at = 0;
	int n;

	if (!size || flags & ~(uint64_t)BASE_MASK ||
	    (base != 0 && base != 8 && base != 10 && base != 16))
		return -EINVAL;
	while (at < size && isspace((unsigned char)text[at]))
		at++;
	ret->negative = at < size && text[at] == '-';
	at += ret->negative;
	if (at == size)
		return -EINVAL;
	memcpy(digits, text + at, MIN(size - at, (uint32_t)DIGITS_MAX));
	n = parse_digits(digits, (unsigned)base, &ret->value);
	return n < 0 ? n : (int)at + n;
}

/* strtol(text, size, flags, result) */
ENGINE_HELPER(strtol)
{
	const char *text = vm_memory(vm, a, (uint32_t)b, false);
	char *to = vm_memory(vm, d, sizeof(uint64_t), true);
	struct number n;

	if (!text || !to)
		return 0;
	memset(to, 0, sizeof(n.value));
	int used = parse_number(text, (uint32_t)b, c, &n);
	if (used < 0)
		return HELPER_ERROR(used);
	if (n.value > (uint64_t)INT64_MAX + n.negative)
		return HELPER_ERROR(-ERANGE);
	if (n.negative)
		n.value = 0 - n.value;
	memcpy(to, &n.value, sizeof(n.value));
	return (uint64_t)used;
}

/* strtoul(text, size, flags, result) */
ENGINE_HELPER(strtoul)
{
	const char *text = vm_memory(vm, a, (uint32_t)b, false);
	char *to = vm_memory(vm, d, sizeof(uint64_t), true);
	struct number n;

	if (!text || !to)
		return 0;
	memset(to, 0, sizeof(n.value));
	int used = parse_number(text, (uint32_t)b, c, &n);
	if (used < 0)
		return HELPER_ERROR(used);
	if (n.negative)
		return HELPER_ERROR(-EINVAL);
	memcpy(to, &n.value, sizeof(n.value));
	return (uint64_t)used;
}

/* strncmp(memory, size, string) */
ENGINE_HELPER(strncmp)
{
	uint32_t size = (uint32_t)b;
	const char *s = vm_memory(vm, a, size, false), *t;
	int order = 0;

	if (!s || vm_string(vm, c, UINT32_MAX, &t) < 0)
		return 0;
	for (uint32_t i = 0; i < size && !order; i++) {
		order = (unsigned char)s[i] - (unsigned char)t[i];
		if (!s[i])
			break;
	}
	return HELPER_ERROR(order < 0 ? -1 : order > 0);
}
