/*
 * Contexts of program kinds: tables, packet memory, runs.
 * Needs: context.def. Called by hosts (run, test), tests and embedders.
 */
#include "engine/context.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bpf/uapi.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* ---- tables ---- */

enum layout {
#define LAYOUT(id, size) LAYOUT_##id,
#include "engine/context.def"
};

enum {
#define LAYOUT(id, size) SIZE_##id = size,
#include "engine/context.def"
};

#define LAYOUT(id, size) _Static_assert((size) <= CONTEXT_SIZE, "a context holds any layout");
#include "engine/context.def"

static const struct context_field fields[] = {
#define FIELD(layout, name, offset, size, count, form, rights) \
	{ #name, offset, size, count, CONTEXT_##form, rights, LAYOUT_##layout },
#include "engine/context.def"
};

static const struct context_kind kinds[] = {
#define KIND(type, layout, column, packet, headroom, writable)          \
	{ BPF_PROG_TYPE_##type, LAYOUT_##layout, SIZE_##layout, column, \
	  CONTEXT_##packet,     headroom,        writable },
#include "engine/context.def"
};

static const struct {
	uint32_t type;
	int32_t value;
	const char *name;
} results[] = {
#define RESULT(type, value, name) { BPF_PROG_TYPE_##type, value, name },
#include "engine/context.def"
};

const struct context_kind *context_kind_of(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}

const struct context_field *context_field_next(const struct context_kind *kind,
					       const struct context_field *field,
					       bool *ret_writable)
{
	for (field = field ? field + 1 : fields; field < fields + ARRAY_LEN(fields); field++) {
		if (field->layout != kind->layout || field->rights[kind->column] == '-')
			continue;
		*ret_writable = field->rights[kind->column] == 'w';
		return field;
	}
	return NULL;
}

const char *context_result(const struct context_kind *kind, uint64_t r0)
{
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		if (results[i].type == kind->type && results[i].value == (int32_t)r0)
			return results[i].name;
	}
	return NULL;
}

bool context_result_find(const struct context_kind *kind, const char *name, int32_t *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		if (results[i].type != kind->type || !streq(results[i].name, name))
			continue;
		*ret = results[i].value;
		return true;
	}
	return false;
}

/* ---- regions ---- */

static void add_region(struct context *c, char *at, size_t size, bool writable)
{
	if (c->nregions < CONTEXT_REGIONS)
		c->regions[c->nregions++] = (struct region){ (uint64_t)(uintptr_t)at, size,
							     writable, at };
}

/* Neighbours with the same rights are one region. */
static void add_rights(struct context *c)
{
	char rights[CONTEXT_SIZE] = { 0 };
	const struct context_field *f = NULL;
	uint32_t start = 0;
	bool writable;

	while ((f = context_field_next(c->kind, f, &writable)))
		memset(rights + f->offset, writable ? 'w' : 'r', f->size * f->count);
	for (uint32_t i = 1; i <= c->kind->size; i++) {
		if (i < c->kind->size && rights[i] == rights[start])
			continue;
		if (rights[start])
			add_region(c, c->bytes + start, i - start, rights[start] == 'w');
		start = i;
	}
	if (c->kind->type == BPF_PROG_TYPE_FLOW_DISSECTOR)
		add_region(c, c->flow_keys, sizeof(c->flow_keys), true);
	c->nfixed = c->nregions;
}

static void put(char *at, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = ((const char *)&value)[i]; /* programs are little-endian as we are */
}

/* Members that say where the packet is. */
static void fill_pointers(struct context *c)
{
	const struct context_field *f = NULL;
	bool writable;

	while ((f = context_field_next(c->kind, f, &writable))) {
		char *at = c->bytes + f->offset;

		switch (f->form) {
		case CONTEXT_LENGTH: put(at, (uint64_t)(c->end - c->data), f->size); break;
		case CONTEXT_DATA: put(at, (uint64_t)c->data, f->size); break;
		case CONTEXT_END: put(at, (uint64_t)c->end, f->size); break;
		case CONTEXT_META: put(at, (uint64_t)c->meta, f->size); break;
		case CONTEXT_FLOW_KEYS: put(at, (uint64_t)c->flow_keys, f->size); break;
		default: break;
		}
	}
}

static void place_packet(struct context *c)
{
	fill_pointers(c);
	c->nregions = c->nfixed;
	if (!c->memory || c->kind->type == BPF_PROG_TYPE_SOCKET_FILTER)
		return;
	if (c->meta < c->data)
		add_region(c, c->meta, (size_t)(c->data - c->meta), true);
	/* Checks that compute with the end of an empty packet touch nothing. */
	if (c->data < c->end)
		add_region(c, c->data, (size_t)(c->end - c->data), c->kind->writable);
}

static void place_loads(struct vm *vm, const struct context *c)
{
	vm->packet = (struct vm_packet){ 0 };
	if (!c->memory)
		return;
	uint32_t data = (uint32_t)(c->data - c->memory);
	bool frame = c->kind->packet == CONTEXT_FRAME;

	vm->packet.head = (const uint8_t *)c->memory;
	vm->packet.data = data;
	vm->packet.end = (uint32_t)(c->end - c->memory);
	vm->packet.link = frame ? data : data - CONTEXT_ETH;
	vm->packet.network = frame ? data + CONTEXT_ETH : data;
}

void context_moved(struct vm *vm, struct context *c)
{
	place_packet(c);
	place_loads(vm, c);
	vm->nextra = c->nregions;
	vm_forget(vm);
}

/* ---- packets ---- */

enum {
	PAGE = 4096,
	SHARED_INFO = 320, /* the kernel keeps this much of an XDP frame's page */
	SKB_TAILROOM = 4096,
	LOWEST = 0x10000000, /* where packets are put: below 2 GiB, above what the system keeps */
	STEP = 0x100000,
	TRIES = 1792,
};

/* Memory below 4 GiB: the first free place. */
static char *low_memory(size_t size)
{
	for (unsigned i = 0; i < TRIES; i++) {
		void *want = (void *)(uintptr_t)(LOWEST + (uint64_t)i * STEP);
		void *got = mmap(want, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (got == want)
			return got;
		if (got != MAP_FAILED)
			munmap(got, size); /* a kernel that does not know the flag */
	}
	return NULL;
}

void context_init(struct context *c, const struct context_kind *kind)
{
	*c = (struct context){ .kind = kind };
	add_rights(c);
	fill_pointers(c);
}

void context_done(struct context *c)
{
	if (c->memory)
		munmap(c->memory, c->size);
	c->memory = NULL;
}

/* The frame's type; of frames that have a length in its place, the kernel's name for what follows.
 */
static void set_protocol(struct context *c, const char *frame, size_t size)
{
	const uint8_t *type = (const uint8_t *)frame + 12;
	bool has_length = type[0] < 0x06; /* ETH_P_802_3_MIN */
	uint8_t protocol[2] = { type[0], type[1] };

	if (has_length) {
		protocol[0] = 0;
		protocol[1] = size >= 16 && type[2] == 0xff && type[3] == 0xff
				      ? 1
				      : 4; /* 802.3, 802.2 */
	}
	memcpy(c->bytes + 16, protocol, 2);
}

/* What the kernel knows of a frame before programs run. */
static void fill_packet(struct context *c, const char *frame, size_t size)
{
	if (c->kind->layout == LAYOUT_sk_buff)
		set_protocol(c, frame, size);
}

int context_packet(struct context *c, const void *frame, size_t size)
{
	size_t headroom = MAX(c->kind->headroom, 256u);
	size_t room = headroom + MAX(size, (size_t)(PAGE - SHARED_INFO) - headroom);

	if (c->kind->packet == CONTEXT_NONE || size < CONTEXT_ETH)
		return -EINVAL;
	if (size > CONTEXT_PACKET_MAX)
		return -E2BIG;
	if (c->kind->type != BPF_PROG_TYPE_XDP)
		room = headroom + size + SKB_TAILROOM;
	if (c->size < ALIGN_UP(room, PAGE)) {
		context_done(c);
		c->size = ALIGN_UP(room, PAGE);
		c->memory = low_memory(c->size);
	}
	if (!c->memory)
		return -ENOMEM;
	memset(c->memory, 0, c->size);
	memcpy(c->memory + headroom, frame, size);
	c->data = c->meta = c->memory + headroom;
	c->end = c->data + size;
	c->limit = c->memory + room;
	if (c->kind->packet == CONTEXT_NETWORK)
		c->meta = c->data = c->data + CONTEXT_ETH;
	fill_packet(c, frame, size);
	place_packet(c);
	return 0;
}

const char *context_packet_out(const struct context *c, size_t *ret_size)
{
	if (!c->memory)
		return NULL;
	const char *start = c->data - (c->kind->packet == CONTEXT_NETWORK ? CONTEXT_ETH : 0);

	*ret_size = (size_t)(c->end - start);
	return start;
}

uint64_t context_run(struct vm *vm, const struct vm_prog *p, struct context *c)
{
	uint64_t result;

	c->redirect = (struct context_redirect){ 0 };
	place_packet(c);
	place_loads(vm, c);
	vm->run = c;
	/* The context's members are regions of their own, each with its rights. */
	result = vm_run(vm, p, c->bytes, 0, c->regions, c->nregions);
	vm->run = NULL;
	return result;
}
