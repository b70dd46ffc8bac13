/*
 * Packets from text, and from capture files:
 *
 *	eth(src=02:00:00:00:00:02) vlan(id=7) ip(src=10.0.0.1, ttl=3) tcp(dport=80, flags=S)
 *payload("hi") hex(020000000001 020000000002 0800) zero(46) 020000000001 020000000002 0800 4500...
 *
 * Headers stand in the order of the packet. What is not said has a default; lengths, checksums and
 * the type of the next header are filled in. A packet that does not begin with Ethernet (or raw
 * bytes) gets that header in front. For hosts that take packets from users.
 */
#ifndef SKEP_ENGINE_PACKET_TEXT_H
#define SKEP_ENGINE_PACKET_TEXT_H

#include "base/buf.h"

enum { PACKET_TEXT_MAX = 65535 };

/* packet_text - appends the frame. -EINVAL with the reason in @why, -ENOMEM. */
int packet_text(struct buf *out, const char *text, struct buf *why);

/* packet_is_pcap - whether a file is a capture. packet_pcap - appends frame number @index of it;
 * 1, 0: it has no such frame, -EINVAL: damaged, or not of Ethernet or IP; the reason in @why. */
bool packet_is_pcap(const void *data, size_t size);
int packet_pcap(struct buf *out, const void *data, size_t size, uint32_t index, struct buf *why);

/* packet_hex - appends @size bytes as a listing for people: offset and 16 bytes a line. */
void packet_hex(struct buf *out, const void *data, size_t size);

#endif
