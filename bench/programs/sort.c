/* Sorts 32 numbers on the stack by insertion. */
#include "program.h"

PROGRAM(sort)
{
	u64 v[32], sum = 0;
	PACKET(data);

	for (u32 i = 0; i < 32; i++)
		v[i] = *(u64 *)(data + i * 8);
	for (u32 i = 1; i < 32; i++) {
		u64 x = v[i];
		u32 k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
	for (u32 i = 0; i < 32; i++)
		sum = sum * 31 + v[i];
	return sum;
}
