/*
 * What helpers on packets share: the packet of the run, and bytes of it.
 * Of engine/context_*.c only.
 */
#ifndef SKEP_ENGINE_CONTEXT_HELPER_H
#define SKEP_ENGINE_CONTEXT_HELPER_H

#include "engine/context.h"
#include "engine/helper.h"

#define CONTEXT_HELPER(name) vm_helper helper_##name;
#include "engine/context_helper.def"
#undef CONTEXT_HELPER

/* context_of - the run's context, if @address is its address and it has a packet; else NULL with
 * vm->end set. */
struct context *context_of(struct vm *vm, uint64_t address);

/* The same for helpers of XDP programs only, and of those that see a socket buffer. */
struct context *context_of_xdp(struct vm *vm, uint64_t address);
struct context *context_of_skb(struct vm *vm, uint64_t address);

/* context_bytes - @size bytes of the packet at @offset; NULL: it has no such place. */
char *context_bytes(const struct context *c, uint64_t offset, uint64_t size);

/* context_insert - @count zero bytes (removed when negative) at @offset from data, by moving what
 * is in front. -ENOMEM: no headroom; -EINVAL: not that many bytes. */
int context_insert(struct vm *vm, struct context *c, size_t offset, int64_t count);

#endif
