/*
 * Internet checksums (RFC 1071) of IP, UDP, TCP, ICMP and ICMPv6 headers.
 * Needs: the packet's layers. Called by packet_text().
 */
#include "engine/packet_sum.h"

/* Adds @size bytes to @sum as 16-bit words, big endian. */
static uint32_t sum(uint32_t sum, const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

static uint16_t finish(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* The pseudo header of the IP header in front: addresses, length, protocol. */
static uint32_t pseudo(const uint8_t *packet, const struct packet_layer *layers, uint32_t index,
		       size_t length, uint8_t protocol)
{
	const struct packet_layer *ip = index ? &layers[index - 1] : NULL;
	uint32_t s = protocol + (uint32_t)length;

	if (ip && ip->kind == LAYER_IP)
		return sum(s, packet + ip->offset + 12, 8);
	if (ip && ip->kind == LAYER_IP6)
		return sum(s, packet + ip->offset + 8, 32);
	return 0;
}

uint16_t packet_sum(const uint8_t *packet, size_t size, const struct packet_layer *layers,
		    uint32_t index)
{
	const uint8_t *at = packet + layers[index].offset;
	size_t length = size - layers[index].offset;
	uint16_t result;

	switch (layers[index].kind) {
	case LAYER_IP: return finish(sum(0, at, 20));
	case LAYER_ICMP: return finish(sum(0, at, length));
	case LAYER_ICMP6: return finish(sum(pseudo(packet, layers, index, length, 58), at, length));
	case LAYER_TCP: return finish(sum(pseudo(packet, layers, index, length, 6), at, length));
	case LAYER_UDP:
		result = finish(sum(pseudo(packet, layers, index, length, 17), at, length));
		return result ? result : 0xffff; /* 0 means that there is none */
	default: return 0;
	}
}
