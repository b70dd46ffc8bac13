/*
 * Packet loads of classic BPF (LD_ABS, LD_IND). For interpreter and compiled code.
 */
#ifndef SKEP_ENGINE_PACKET_H
#define SKEP_ENGINE_PACKET_H

#include "engine/vm.h"

/* packet_load - reads @size (1, 2, 4) bytes, big endian, at @offset of the packet; a negative
 * offset counts from SKF_NET_OFF or SKF_LL_OFF, as in the kernel. False: the packet has none. */
bool packet_load(const struct vm *vm, int32_t offset, uint32_t size, uint64_t *ret);

#endif
