/*
 * Helpers of XDP programs, redirects, and what all helpers on packets share.
 * Needs: vm->run. Called by programs; context_add_helpers() by hosts.
 */
#include <errno.h>
#include <string.h>

#include "bpf/uapi.h"
#include "engine/context_helper.h"
#include "engine/map.h"

int context_add_helpers(struct engine *e)
{
	static const struct {
		uint32_t id;
		const char *name;
		vm_helper *fn;
	} bindings[] = {
#define CONTEXT_HELPER(name) { BPF_FUNC_##name, #name, helper_##name },
#include "engine/context_helper.def"
#undef CONTEXT_HELPER
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(bindings) && !err; i++)
		err = engine_set_helper(e, bindings[i].id, bindings[i].name, bindings[i].fn);
	return err;
}

struct context *context_of(struct vm *vm, uint64_t address)
{
	struct context *c = vm->run;

	if (c && c->memory && address == (uint64_t)c->bytes)
		return c;
	vm->end = VM_BAD_ARGUMENT;
	return NULL;
}

static struct context *context_of_kind(struct vm *vm, uint64_t address, bool xdp)
{
	struct context *c = context_of(vm, address);

	if (!c || (c->kind->type == BPF_PROG_TYPE_XDP) == xdp)
		return c;
	vm->end = VM_BAD_ARGUMENT;
	return NULL;
}

struct context *context_of_xdp(struct vm *vm, uint64_t address)
{
	return context_of_kind(vm, address, true);
}

struct context *context_of_skb(struct vm *vm, uint64_t address)
{
	return context_of_kind(vm, address, false);
}

char *context_bytes(const struct context *c, uint64_t offset, uint64_t size)
{
	uint64_t length = (uint64_t)(c->end - c->data);

	return offset <= length && size <= length - offset ? c->data + offset : NULL;
}

int context_insert(struct vm *vm, struct context *c, size_t offset, int64_t count)
{
	char *start = c->data - (c->kind->packet == CONTEXT_NETWORK ? CONTEXT_ETH : 0);
	size_t front = (size_t)(c->data - start) + offset;

	if (count > start - c->memory)
		return -ENOMEM;
	if (-count > c->end - c->data - (int64_t)offset)
		return -EINVAL;
	memmove(start - count, start, front);
	if (count > 0)
		memset(start - count + front, 0, (size_t)count);
	c->data -= count;
	c->meta = c->data;
	context_moved(vm, c);
	return 0;
}

/* ---- XDP ---- */

/* xdp_adjust_head(context, delta): metadata moves along. */
ENGINE_HELPER(xdp_adjust_head)
{
	struct context *run = context_of_xdp(vm, a);
	int32_t delta = (int32_t)b;

	if (!run)
		return 0;
	int64_t meta = run->data - run->meta, room = run->data - run->memory;
	if (delta < meta - room || delta > run->end - run->data - CONTEXT_ETH)
		return HELPER_ERROR(-EINVAL);
	memmove(run->meta + delta, run->meta, (size_t)meta);
	run->data += delta;
	run->meta += delta;
	context_moved(vm, run);
	return 0;
}

/* xdp_adjust_tail(context, delta) */
ENGINE_HELPER(xdp_adjust_tail)
{
	struct context *run = context_of_xdp(vm, a);
	int32_t delta = (int32_t)b;

	if (!run)
		return 0;
	if (delta > run->limit - run->end || delta < CONTEXT_ETH - (run->end - run->data))
		return HELPER_ERROR(-EINVAL);
	if (delta > 0)
		memset(run->end, 0, (size_t)delta);
	run->end += delta;
	context_moved(vm, run);
	return 0;
}

/* xdp_adjust_meta(context, delta) */
ENGINE_HELPER(xdp_adjust_meta)
{
	enum { MOST = 252 }; /* bytes of metadata that fit into an skb */
	struct context *run = context_of_xdp(vm, a);

	if (!run)
		return 0;
	int64_t size = run->data - run->meta - (int32_t)b;
	if (size < 0 || size > run->data - run->memory)
		return HELPER_ERROR(-EINVAL);
	if (size % 4 || size > MOST)
		return HELPER_ERROR(-EACCES);
	run->meta = run->data - size;
	context_moved(vm, run);
	return 0;
}

/* xdp_get_buff_len(context) */
ENGINE_HELPER(xdp_get_buff_len)
{
	struct context *run = context_of_xdp(vm, a);

	return run ? (uint64_t)(run->end - run->data) : 0;
}

/* xdp_load_bytes(context, offset, to, size) */
ENGINE_HELPER(xdp_load_bytes)
{
	struct context *run = context_of_xdp(vm, a);
	void *to = run ? vm_memory(vm, c, d, true) : NULL;
	const char *from = to ? context_bytes(run, (uint32_t)b, d) : NULL;

	if (!to)
		return 0;
	if (!from)
		return HELPER_ERROR(-EINVAL);
	memmove(to, from, d);
	return 0;
}

/* xdp_store_bytes(context, offset, from, size) */
ENGINE_HELPER(xdp_store_bytes)
{
	struct context *run = context_of_xdp(vm, a);
	const void *from = run ? vm_memory(vm, c, d, false) : NULL;
	char *to = from ? context_bytes(run, (uint32_t)b, d) : NULL;

	if (!from)
		return 0;
	if (!to)
		return HELPER_ERROR(-EINVAL);
	memmove(to, from, d);
	return 0;
}

/* ---- redirects: recorded ---- */

enum { XDP_ABORTED = 0, XDP_REDIRECT = 4, TC_ACT_SHOT = 2, TC_ACT_REDIRECT = 7 };

static uint64_t record(struct vm *vm, const char *helper, uint64_t ifindex, uint64_t flags,
		       uint64_t allowed)
{
	bool xdp = vm->run && vm->run->kind->type == BPF_PROG_TYPE_XDP;

	if (!vm->run) {
		vm->end = VM_BAD_ARGUMENT;
		return 0;
	}
	if (flags & ~(xdp ? 0 : allowed))
		return xdp ? XDP_ABORTED : TC_ACT_SHOT;
	vm->run->redirect = (struct context_redirect){ helper, (uint32_t)ifindex, flags };
	return xdp ? XDP_REDIRECT : TC_ACT_REDIRECT;
}

/* redirect(ifindex, flags) */
ENGINE_HELPER(redirect)
{
	return record(vm, "redirect", a, b, 1);
}

/* redirect_peer(ifindex, flags) */
ENGINE_HELPER(redirect_peer)
{
	return record(vm, "redirect_peer", a, b, 0);
}

/* redirect_neigh(ifindex, params, size, flags) */
ENGINE_HELPER(redirect_neigh)
{
	return record(vm, "redirect_neigh", a, d, 0);
}

/* clone_redirect(context, ifindex, flags) */
ENGINE_HELPER(clone_redirect)
{
	if (!context_of(vm, a))
		return 0;
	if (c & ~1ull)
		return HELPER_ERROR(-EINVAL);
	vm->run->redirect = (struct context_redirect){ "clone_redirect", (uint32_t)b, c };
	return 0;
}

/* redirect_map(map, key, flags): the low bits of the flags are what an absent key gives. */
ENGINE_HELPER(redirect_map)
{
	struct map *m = vm_map(vm, a);
	uint32_t key = (uint32_t)b, target = 0;

	if (!m || !vm->run || m->def.key_size != 4 || !m->lookup) {
		vm->end = VM_BAD_ARGUMENT;
		return 0;
	}
	const void *value = m->lookup(m, &key, vm->cpu);
	if (value)
		memcpy(&target, value, MIN(m->def.value_size, sizeof(target)));
	if (!target)
		return c & 3;
	vm->run->redirect = (struct context_redirect){ "redirect_map", key, c };
	return XDP_REDIRECT;
}
