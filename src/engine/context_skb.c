/*
 * Helpers on socket buffers: bytes, length, room, VLAN tags, hash.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "bpf/uapi.h"
#include "engine/context_helper.h"
#include "engine/map.h"

/* Offsets in struct __sk_buff. */
enum {
	SKB_PKT_TYPE = 4,
	SKB_PROTOCOL = 16,
	SKB_VLAN_PRESENT = 20,
	SKB_VLAN_TCI = 24,
	SKB_VLAN_PROTO = 28,
	SKB_HASH = 68,
};

enum { VLAN_TAG = 4, VLAN_AT = 12 };

static uint32_t get32(const struct context *c, unsigned at)
{
	uint32_t value;

	memcpy(&value, c->bytes + at, sizeof(value));
	return value;
}

static void set32(struct context *c, unsigned at, uint32_t value)
{
	memcpy(c->bytes + at, &value, sizeof(value));
}

/* ---- bytes ---- */

/* What cannot be loaded is answered with zeroes and an error. */
static uint64_t load(const char *from, void *to, uint64_t size)
{
	if (from)
		memmove(to, from, size);
	else
		memset(to, 0, size);
	return HELPER_ERROR(from ? 0 : -EFAULT);
}

/* skb_load_bytes(context, offset, to, size) */
ENGINE_HELPER(skb_load_bytes)
{
	struct context *run = context_of_skb(vm, a);
	void *to = run ? vm_memory(vm, c, (uint32_t)d, true) : NULL;

	return to ? load(context_bytes(run, (uint32_t)b, (uint32_t)d), to, (uint32_t)d) : 0;
}

/* skb_load_bytes_relative(context, offset, to, size, from which header) */
ENGINE_HELPER(skb_load_bytes_relative)
{
	struct context *run = context_of_skb(vm, a);
	void *to = run ? vm_memory(vm, c, (uint32_t)d, true) : NULL;

	if (!to)
		return 0;
	const char *link = run->data - (run->kind->packet == CONTEXT_NETWORK ? CONTEXT_ETH : 0);
	const char *start = link + (e == 1 ? CONTEXT_ETH : 0);
	uint64_t room = (uint64_t)(run->end - start), at = (uint32_t)b, size = (uint32_t)d;
	bool inside = e <= 1 && start <= run->end && at <= room && size <= room - at;

	return load(inside ? start + at : NULL, to, size);
}

/* skb_store_bytes(context, offset, from, size, flags) */
ENGINE_HELPER(skb_store_bytes)
{
	enum { RECOMPUTE_CSUM = 1, INVALIDATE_HASH = 2 };
	struct context *run = context_of_skb(vm, a);
	const void *from = run ? vm_memory(vm, c, (uint32_t)d, false) : NULL;
	char *to = from ? context_bytes(run, (uint32_t)b, (uint32_t)d) : NULL;

	if (!from)
		return 0;
	if (e & ~(uint64_t)(RECOMPUTE_CSUM | INVALIDATE_HASH))
		return HELPER_ERROR(-EINVAL);
	if (!to)
		return HELPER_ERROR(-EFAULT);
	memmove(to, from, (uint32_t)d);
	if (e & INVALIDATE_HASH)
		set32(run, SKB_HASH, 0);
	return 0;
}

/* skb_pull_data(context, size): packets here lie in one piece. */
ENGINE_HELPER(skb_pull_data)
{
	struct context *run = context_of_skb(vm, a);

	if (!run)
		return 0;
	return HELPER_ERROR((uint32_t)b > run->end - run->data ? -ENOMEM : 0);
}

/* ---- length ---- */

/* skb_change_tail(context, length, flags) */
ENGINE_HELPER(skb_change_tail)
{
	struct context *run = context_of_skb(vm, a);

	if (!run)
		return 0;
	int64_t grow = (int64_t)(uint32_t)b - (run->end - run->data);
	if (c || (uint32_t)b < CONTEXT_ETH || grow > run->limit - run->end)
		return HELPER_ERROR(-EINVAL);
	if (grow > 0)
		memset(run->end, 0, (size_t)grow);
	run->end += grow;
	context_moved(vm, run);
	return 0;
}

/* skb_change_head(context, length, flags) */
ENGINE_HELPER(skb_change_head)
{
	struct context *run = context_of_skb(vm, a);

	if (!run)
		return 0;
	if (c)
		return HELPER_ERROR(-EINVAL);
	return HELPER_ERROR(context_insert(vm, run, 0, (uint32_t)b));
}

/* skb_adjust_room(context, length, mode, flags): behind the network or the link header. */
ENGINE_HELPER(skb_adjust_room)
{
	enum { MODE_NET, MODE_MAC, MOST = 0xfff };
	struct context *run = context_of_skb(vm, a);
	int32_t length = (int32_t)b;

	if (!run)
		return 0;
	if (d || c > MODE_MAC)
		return HELPER_ERROR(-EINVAL);
	if (length > MOST || length < -MOST)
		return HELPER_ERROR(-EFAULT);
	uint16_t protocol = ntohs((uint16_t)get32(run, SKB_PROTOCOL));
	size_t network = protocol == 0x0800 ? 20 : 40;
	if (protocol != 0x0800 && protocol != 0x86dd)
		return HELPER_ERROR(-MAP_ENOTSUPP);
	size_t at = CONTEXT_ETH + (c == MODE_NET ? network : 0);
	if (run->end - run->data < (int64_t)(at + (length < 0 ? network : 0)) - length)
		return HELPER_ERROR(length < 0 ? -MAP_ENOTSUPP : -EFAULT);
	return HELPER_ERROR(context_insert(vm, run, at, length));
}

/* ---- what the kernel keeps beside the packet ---- */

/* skb_change_type(context, type): between those of packets for a host. */
ENGINE_HELPER(skb_change_type)
{
	struct context *run = context_of_skb(vm, a);

	if (!run)
		return 0;
	if (get32(run, SKB_PKT_TYPE) > 3 || b > 3)
		return HELPER_ERROR(-EINVAL);
	set32(run, SKB_PKT_TYPE, (uint32_t)b);
	return 0;
}

/* skb_vlan_push(context, protocol, tci): the newest tag stands beside the packet, an older one goes
 * into it. */
ENGINE_HELPER(skb_vlan_push)
{
	struct context *run = context_of_skb(vm, a);
	uint16_t protocol = (uint16_t)b;

	if (!run)
		return 0;
	if (protocol != htons(0x8100) && protocol != htons(0x88a8))
		protocol = htons(0x8100);
	if (get32(run, SKB_VLAN_PRESENT)) {
		uint16_t tag[2] = { (uint16_t)get32(run, SKB_VLAN_PROTO),
				    htons((uint16_t)get32(run, SKB_VLAN_TCI)) };
		int err = context_insert(vm, run, VLAN_AT, VLAN_TAG);

		if (err)
			return HELPER_ERROR(err);
		memcpy(run->data + VLAN_AT, tag, sizeof(tag));
		set32(run, SKB_PROTOCOL, tag[0]);
	}
	set32(run, SKB_VLAN_PRESENT, 1);
	set32(run, SKB_VLAN_TCI, (uint16_t)c);
	set32(run, SKB_VLAN_PROTO, protocol);
	return 0;
}

/* Takes a tag out of the packet, if there is one; @ret_tag is it. */
static bool take_tag(struct vm *vm, struct context *run, uint16_t ret_tag[2])
{
	const char *at = context_bytes(run, VLAN_AT, VLAN_TAG + 2);

	if (!at)
		return false;
	memcpy(ret_tag, at, 4);
	if (ret_tag[0] != htons(0x8100) && ret_tag[0] != htons(0x88a8))
		return false;
	if (context_insert(vm, run, VLAN_AT, -VLAN_TAG))
		return false;
	uint16_t type;
	memcpy(&type, run->data + VLAN_AT, 2);
	set32(run, SKB_PROTOCOL, type);
	return true;
}

/* skb_vlan_pop(context): then the next tag of the packet, if any, stands beside it. */
ENGINE_HELPER(skb_vlan_pop)
{
	struct context *run = context_of_skb(vm, a);
	uint16_t tag[2];

	if (!run)
		return 0;
	if (!get32(run, SKB_VLAN_PRESENT) && !take_tag(vm, run, tag))
		return 0;
	bool next = take_tag(vm, run, tag);
	set32(run, SKB_VLAN_PRESENT, next);
	set32(run, SKB_VLAN_PROTO, next ? tag[0] : 0);
	set32(run, SKB_VLAN_TCI, next ? ntohs(tag[1]) : 0);
	return 0;
}

/* get_hash_recalc(context): the hash is what the context says. */
ENGINE_HELPER(get_hash_recalc)
{
	struct context *run = context_of_skb(vm, a);

	return run ? get32(run, SKB_HASH) : 0;
}

/* set_hash(context, hash) */
ENGINE_HELPER(set_hash)
{
	struct context *run = context_of_skb(vm, a);

	if (run)
		set32(run, SKB_HASH, (uint32_t)b);
	return 0;
}

/* set_hash_invalid(context) */
ENGINE_HELPER(set_hash_invalid)
{
	struct context *run = context_of_skb(vm, a);

	if (run)
		set32(run, SKB_HASH, 0);
	return 0;
}
