/* FNV-1a of 1 KiB: a chain of xor and multiply. */
#include "program.h"

PROGRAM(fnv)
{
	u64 hash = 0xcbf29ce484222325;
	PACKET(data);

	for (u32 i = 0; i < SIZE; i++) {
		hash ^= data[i];
		hash *= 0x100000001b3;
	}
	return hash;
}
