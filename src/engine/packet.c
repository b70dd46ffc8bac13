/*
 * Packet loads of classic BPF.
 * Needs: vm->packet, or a context that is a packet. Called by LD_ABS and LD_IND.
 */
#include "engine/packet.h"

/* Where negative offsets count from (include/uapi/linux/filter.h). */
enum { SKF_NET_OFF = -0x100000, SKF_LL_OFF = -0x200000 };

static struct vm_packet packet_of(const struct vm *vm)
{
	if (vm->packet.head)
		return vm->packet;
	return (struct vm_packet){ .head = vm->context, .end = vm->context_size };
}

bool packet_load(const struct vm *vm, int32_t offset, uint32_t size, uint64_t *ret)
{
	struct vm_packet p = packet_of(vm);
	uint64_t at;

	if (offset >= 0)
		at = (uint64_t)p.data + (uint32_t)offset;
	else if (offset >= SKF_NET_OFF)
		at = (uint64_t)p.network + (uint32_t)(offset - SKF_NET_OFF);
	else if (offset >= SKF_LL_OFF)
		at = (uint64_t)p.link + (uint32_t)(offset - SKF_LL_OFF);
	else
		return false;
	if (at + size > p.end)
		return false;
	*ret = 0;
	for (uint32_t i = 0; i < size; i++)
		*ret = *ret << 8 | p.head[at + i];
	return true;
}
