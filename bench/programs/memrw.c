/* Loads, changes and stores 1024 numbers of 64 bits, eight times round the packet. */
#include "program.h"

PROGRAM(memrw)
{
	u64 sum = 0;
	PACKET(data);

	for (u32 i = 0; i < 1024; i++) {
		u64 *at = (u64 *)(data + (i * 8 & (SIZE - 8)));

		*at += i;
		sum += *at;
	}
	return sum;
}
