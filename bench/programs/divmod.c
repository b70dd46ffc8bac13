/* 256 divisions and 256 remainders by numbers that change. */
#include "program.h"

PROGRAM(divmod)
{
	u64 sum = 0, x = 0xfedcba9876543210;
	PACKET(data);

	for (u32 i = 0; i < 256; i++) {
		u64 by = *(u32 *)(data + i * 4) | 1;

		sum += x / by;
		x = x * 0x5851f42d4c957f2d + sum % (by + 2);
	}
	return sum ^ x;
}
