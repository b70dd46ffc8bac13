/* 1000 rounds of 25 operations on 64-bit numbers, each in need of the one before. */
#include "program.h"

PROGRAM(alu64)
{
	u64 a = 0x9e3779b97f4a7c15, b;
	PACKET(data);

	b = *(u64 *)data;
	for (u32 i = 0; i < 1000; i++) {
		a += b;
		b ^= a >> 7;
		b += a << 3;
		a *= b | 1;
		a ^= b;
		b -= a >> 33;
		b += i;
		a = ~a + (b << 9);
		b ^= a & 0xff00ff;
		a += b >> 17;
		b *= 0x10001;
		a -= i;
		a ^= a >> 29;
		b |= a & 15;
	}
	return a ^ b;
}
