/*
 * Checksums of packets that are made from text. Of engine/packet_*.c only.
 */
#ifndef SKEP_ENGINE_PACKET_SUM_H
#define SKEP_ENGINE_PACKET_SUM_H

#include "base/base.h"

enum packet_layer_kind {
#define LAYER(id, name, size, ethertype, protocol) LAYER_##id,
#include "engine/packet.def"
};

enum { PACKET_LAYERS = 16 };

struct packet_layer {
	uint8_t kind;    /* enum packet_layer_kind */
	uint32_t offset; /* in the packet */
	uint32_t given;  /* parts that the text gives, a bit each: index in the rows modulo 32 */
};

/* packet_sum - the checksum of layer @index, whose field is 0 in the packet; 0: it has none. */
uint16_t packet_sum(const uint8_t *packet, size_t size, const struct packet_layer *layers,
		    uint32_t index);

#endif
