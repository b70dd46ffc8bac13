/*
 * Program kinds: the contexts that programs see, packets in memory, and the names of results.
 *
 *	context_init ─► context_packet ─► context_set ─► context_run ─► r0, context_packet_out
 *
 * Packets lie below 4 GiB, so that the 32-bit members data, data_end and data_meta hold true
 * addresses: programs load them as they are and no instruction is rewritten. The rights of each
 * member (context.def) become regions: what a kind may not touch is no memory of the program's.
 *
 * A struct context belongs to one thread. For hosts, tests and embedders.
 */
#ifndef SKEP_ENGINE_CONTEXT_H
#define SKEP_ENGINE_CONTEXT_H

#include "base/buf.h"
#include "engine/engine.h"

enum {
	CONTEXT_SIZE = 512, /* more than any layout has */
	CONTEXT_REGIONS = 64,
	CONTEXT_PACKET_MAX = 65535, /* bytes of a frame */
	CONTEXT_ETH = 14,           /* bytes of an Ethernet header */
};

enum context_form {
	CONTEXT_NUMBER,
	CONTEXT_PORT,   /* 16 bits in network order */
	CONTEXT_PORT32, /* 32 bits in network order */
	CONTEXT_IP4,
	CONTEXT_IP6,
	/* filled in by the engine: */
	CONTEXT_LENGTH, /* of the packet */
	CONTEXT_DATA,
	CONTEXT_END,
	CONTEXT_META,
	CONTEXT_FLOW_KEYS,
	CONTEXT_POINTER, /* NULL */
};

enum context_packet_kind {
	CONTEXT_NONE,    /* the kind has no packet */
	CONTEXT_FRAME,   /* data is the Ethernet header */
	CONTEXT_NETWORK, /* data is what follows it */
};

struct context_field {
	const char *name;
	uint16_t offset, size, count;
	uint8_t form; /* enum context_form */
	const char *rights;
	uint8_t layout;
};

struct context_kind {
	uint32_t type; /* enum bpf_prog_type */
	uint8_t layout;
	uint16_t size;  /* bytes of the context */
	uint8_t column; /* of the rights */
	uint8_t packet; /* enum context_packet_kind */
	uint16_t headroom;
	bool writable;
};

/* What bpf_redirect and its like asked for. */
struct context_redirect {
	const char *helper; /* NULL: nothing */
	uint32_t ifindex;   /* or key of the map */
	uint64_t flags;
};

struct context {
	const struct context_kind *kind;
	char *memory; /* all the room that the packet may take; NULL: no packet was set */
	size_t size;
	char *meta, *data, *end, *limit; /* program's view; it may grow to limit */
	struct context_redirect redirect;
	struct region regions[CONTEXT_REGIONS];
	uint32_t nregions, nfixed; /* the fixed ones are those of the context itself */
	_Alignas(8) char bytes[CONTEXT_SIZE];
	_Alignas(8) char flow_keys[56];
};

/* context_kind_of - NULL: no such programs are known here. */
const struct context_kind *context_kind_of(uint32_t type);
/* context_field_next - the fields that programs of the kind may read; @field NULL: the first; NULL
 * after the last. *ret_writable: may they be written, too. */
const struct context_field *context_field_next(const struct context_kind *kind,
					       const struct context_field *field,
					       bool *ret_writable);
/* context_result - the name of r0, NULL: it has none. context_result_find - its value; false: no
 * program of this kind returns that. */
const char *context_result(const struct context_kind *kind, uint64_t r0);
bool context_result_find(const struct context_kind *kind, const char *name, int32_t *ret);

void context_init(struct context *c, const struct context_kind *kind);
void context_done(struct context *c);
/* context_packet - copies a frame that begins with its Ethernet header; call it before context_set.
 * -E2BIG, -EINVAL (shorter than an Ethernet header, or a kind with no packets), -ENOMEM. */
int context_packet(struct context *c, const void *frame, size_t size);
/* context_packet_out - the packet as the program left it, with its Ethernet header if it has any;
 * NULL: there is none. */
const char *context_packet_out(const struct context *c, size_t *ret_size);

/* context_set - "field=value,field[1]=value": numbers, addresses, or u8@8=1 for any place.
 * -EINVAL with the reason in @why. */
int context_set(struct context *c, const char *text, struct buf *why);
/* context_check - whether the fields have these values; differences go to @why as lines, -ERANGE.
 * -EINVAL: not understood. */
int context_check(struct context *c, const char *text, struct buf *why);

/* context_add_helpers - helpers on packets, for all programs of the engine. -ENOMEM. */
int context_add_helpers(struct engine *e);
/* context_run - vm_run with this context. */
uint64_t context_run(struct vm *vm, const struct vm_prog *p, struct context *c);

/* For helpers: after meta, data or end moved, the context and the regions follow. */
void context_moved(struct vm *vm, struct context *c);

#endif
