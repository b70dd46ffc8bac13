/*
 * Frames of capture files (pcap, both byte orders, micro- and nanoseconds), and hex listings.
 * Needs: nothing. Called by hosts. The file is not trusted.
 */
#include <errno.h>
#include <string.h>

#include "engine/packet_text.h"

enum {
	FILE_HEADER = 24,
	FRAME_HEADER = 16,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229
};

static uint32_t get32(const uint8_t *at, bool swapped)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

/* 0: no capture, 1: of our byte order, 2: of the other. */
static int order(const uint8_t *data, size_t size)
{
	if (size < FILE_HEADER)
		return 0;
	for (int swapped = 0; swapped < 2; swapped++) {
		uint32_t magic = get32(data, swapped);

		if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
			return 1 + swapped;
	}
	return 0;
}

bool packet_is_pcap(const void *data, size_t size)
{
	return order(data, size) != 0;
}

/* Captures without Ethernet get that header. */
static bool add_link(struct buf *out, uint32_t link, const uint8_t *frame, size_t size)
{
	static const uint8_t header[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	bool is_ip6 = link == LINK_IPV6 || (link == LINK_RAW && size && frame[0] >> 4 == 6);

	if (link == LINK_ETHERNET)
		return true;
	if (link != LINK_RAW && link != LINK_IPV4 && link != LINK_IPV6)
		return false;
	buf_add(out, header, sizeof(header));
	buf_add(out, is_ip6 ? "\x86\xdd" : "\x08\x00", 2);
	return true;
}

int packet_pcap(struct buf *out, const void *data, size_t size, uint32_t index, struct buf *why)
{
	const uint8_t *at = data, *end = at + size;
	int kind = order(at, size);

	if (!kind) {
		buf_puts(why, "the file is no pcap capture");
		return -EINVAL;
	}
	uint32_t link = get32(at + 20, kind == 2) & 0xffff;
	at += FILE_HEADER;
	for (; end - at >= FRAME_HEADER; index--) {
		uint32_t length = get32(at + 8, kind == 2);

		at += FRAME_HEADER;
		if (length > PACKET_TEXT_MAX || length > (size_t)(end - at)) {
			buf_puts(why, "the capture is damaged: a frame leaves the file");
			return -EINVAL;
		}
		if (index == 0) {
			if (!add_link(out, link, at, length)) {
				buf_printf(why, "the capture's link type %u is not Ethernet or IP",
					   link);
				return -EINVAL;
			}
			buf_add(out, at, length);
			return out->err ? out->err : 1;
		}
		at += length;
	}
	return 0;
}

void packet_hex(struct buf *out, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		if (i % 16 == 0)
			buf_printf(out, "%s  %04zx ", i ? "\n" : "", i);
		buf_printf(out, " %02x", bytes[i]);
	}
	buf_putc(out, '\n');
}
