/* Says what a frame is: an IPv4 packet, of TCP, to a port that is served. */
#include "program.h"

PROGRAM(parse)
{
	u8 *data = (u8 *)(unsigned long)ctx->data, *end = (u8 *)(unsigned long)ctx->data_end;
	u32 length;

	if (data + 34 > end || *(u16 *)(data + 12) != 0x0008)
		return 2;
	length = (data[14] & 15) * 4;
	if (length < 20 || data[23] != 6)
		return 2;
	u8 *tcp = data + 14 + length;
	if (tcp + 20 > end)
		return 2;
	switch (*(u16 *)(tcp + 2)) {
	case 0x5000:
	case 0xbb01: return tcp[13] & 2 ? 3 : 1;
	case 0x1600: return 1;
	default: return 2;
	}
}
