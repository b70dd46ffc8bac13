/* Jenkins' hash (lookup3) over 85 blocks of 12 bytes. */
#include "program.h"

static inline u32 rotate(u32 x, u32 by)
{
	return x << by | x >> (32 - by);
}

PROGRAM(jhash)
{
	u32 a = 0xdeadbeef, b = a, c = a;
	PACKET(data);

	for (u32 i = 0; i < 85; i++) {
		u32 *word = (u32 *)(data + i * 12);

		a += word[0];
		b += word[1];
		c += word[2];
		a -= c;
		a ^= rotate(c, 4);
		c += b;
		b -= a;
		b ^= rotate(a, 6);
		a += c;
		c -= b;
		c ^= rotate(b, 8);
		b += a;
		a -= c;
		a ^= rotate(c, 16);
		c += b;
		b -= a;
		b ^= rotate(a, 19);
		a += c;
		c -= b;
		c ^= rotate(b, 4);
		b += a;
	}
	return a ^ b ^ c;
}
