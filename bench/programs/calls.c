/* 500 calls of a small function. */
#include "program.h"

FUNCTION u64 mix(u64 a, u64 b);

PROGRAM(calls)
{
	u64 sum = 1;
	PACKET(data);

	for (u32 i = 0; i < 500; i++)
		sum = mix(sum, data[i]);
	return sum;
}

FUNCTION u64 mix(u64 a, u64 b)
{
	a += b * 3;
	return a ^ a >> 5;
}
