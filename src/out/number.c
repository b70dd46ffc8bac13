/*
 * Integers to digits. Traced lines are mostly numbers, so this is the innermost loop of output:
 * two digits a division, no locale, no format. Needs: buf. Called by all of out/.
 */
#include "out/out_priv.h"

static const char pairs[201] = "00010203040506070809"
			       "10111213141516171819"
			       "20212223242526272829"
			       "30313233343536373839"
			       "40414243444546474849"
			       "50515253545556575859"
			       "60616263646566676869"
			       "70717273747576777879"
			       "80818283848586878889"
			       "90919293949596979899";

unsigned number_decimal(char *to, uint64_t n)
{
	char digits[NUMBER_MAX];
	unsigned at = sizeof(digits);

	while (n >= 100) {
		at -= 2;
		memcpy(digits + at, pairs + n % 100 * 2, 2);
		n /= 100;
	}
	if (n >= 10) {
		at -= 2;
		memcpy(digits + at, pairs + n * 2, 2);
	} else {
		digits[--at] = '0' + n;
	}
	memcpy(to, digits + at, sizeof(digits) - at);
	return sizeof(digits) - at;
}

unsigned number_base(char *to, uint64_t n, unsigned shift, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[NUMBER_MAX];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = set[n & ((1u << shift) - 1)];
		n >>= shift;
	} while (n);
	memcpy(to, digits + at, sizeof(digits) - at);
	return sizeof(digits) - at;
}

void put_unsigned(struct buf *out, uint64_t n)
{
	char *p = buf_reserve(out, NUMBER_MAX);

	if (!p)
		return;
	out->len += number_decimal(p, n);
	out->data[out->len] = '\0';
}

void put_signed(struct buf *out, int64_t n)
{
	if (n >= 0) {
		put_unsigned(out, n);
		return;
	}
	buf_putc(out, '-');
	put_unsigned(out, -(uint64_t)n);
}

void put_hex(struct buf *out, uint64_t n)
{
	char *p = buf_reserve(out, NUMBER_MAX);

	if (!p)
		return;
	p[0] = '0';
	p[1] = 'x';
	out->len += 2 + number_base(p + 2, n, 4, false);
	out->data[out->len] = '\0';
}
