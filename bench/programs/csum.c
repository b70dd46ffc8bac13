/* The Internet checksum of 1 KiB. */
#include "program.h"

PROGRAM(csum)
{
	u32 sum = 0;
	PACKET(data);

	for (u32 i = 0; i < SIZE; i += 2)
		sum += *(u16 *)(data + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
