/*
 * Perf event arrays: a ring for each CPU, with the pages of perf_event_open's mmap: one page of
 * head (positions at the kernel's offsets), then 2^n pages of data. Records are perf's: samples
 * with raw data, and a count of those lost before the next one.
 *
 * The array itself is one of objects (map_object.c).
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/map_priv.h"
#include "engine/map_special.h"

#define INDEX_MASK UINT64_C(0xffffffff) /* BPF_F_INDEX_MASK, BPF_F_CURRENT_CPU */

enum {
	PERF_LOST = 2, /* PERF_RECORD_LOST */
	PERF_SAMPLE = 9,
	PAGES_MAX = 1 << 18,
};

/* struct perf_event_mmap_page from offset 1024 on. */
struct perf_positions {
	uint64_t head, tail, offset, size;
};

struct perf_header {
	uint32_t type;
	uint16_t misc, size;
};

struct perf_lost {
	struct perf_header header;
	uint64_t id, lost;
};

struct perf_ring {
	struct map_lock lock, reader;
	struct perf_positions *at;
	char *page, *data;
	uint64_t mask;
	uint64_t lost, lost_told; /* records that found no room; those told of in records */
	uint32_t cpu;
};

void map_perf_free(void *ring)
{
	struct perf_ring *r = ring;

	munmap(r->page, MAP_PAGE + r->mask + 1);
	free(r);
}

int map_perf_open(struct map *m, uint32_t index, uint32_t pages)
{
	size_t size = (size_t)pages * MAP_PAGE;

	if (!pages || pages & (pages - 1) || pages > PAGES_MAX)
		return -EINVAL;
	if (index >= m->def.max_entries)
		return -E2BIG;
	if (map_object(m, &index))
		return -EEXIST;
	struct perf_ring *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->page = mmap(NULL, MAP_PAGE + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (r->page == MAP_FAILED) {
		free(r);
		return -ENOMEM;
	}
	r->at = (struct perf_positions *)(r->page + 1024);
	r->at->offset = MAP_PAGE;
	r->at->size = size;
	r->data = r->page + MAP_PAGE;
	r->mask = size - 1;
	r->cpu = index;
	return map_object_set(m, &index, r, BPF_ANY);
}

/* Copies into the ring at @at, round its end. */
static uint64_t put(struct perf_ring *r, uint64_t at, const void *from, uint64_t size)
{
	uint64_t offset = at & r->mask, first = MIN(size, r->mask + 1 - offset);

	memcpy(r->data + offset, from, first);
	memcpy(r->data, (const char *)from + first, size - first);
	return at + size;
}

static void get(const struct perf_ring *r, uint64_t at, void *to, uint64_t size)
{
	uint64_t offset = at & r->mask, first = MIN(size, r->mask + 1 - offset);

	memcpy(to, r->data + offset, first);
	memcpy((char *)to + first, r->data, size - first);
}

static int write_sample(struct perf_ring *r, const void *data, uint32_t size)
{
	uint32_t raw = ALIGN_UP(size + 4, 8) - 4;
	uint64_t head = r->at->head, room = r->mask + 1 - (head - LOAD(&r->at->tail));
	uint64_t told = r->lost - r->lost_told, zero = 0;
	struct perf_lost lost = { { PERF_LOST, 0, sizeof(lost) }, r->cpu, told };
	struct perf_header h = { PERF_SAMPLE, 0, (uint16_t)(sizeof(h) + 4 + raw) };

	if (room < h.size + (told ? sizeof(lost) : 0)) {
		__atomic_add_fetch(&r->lost, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	if (told)
		head = put(r, head, &lost, sizeof(lost));
	r->lost_told += told;
	head = put(r, head, &h, sizeof(h));
	head = put(r, head, &raw, sizeof(raw));
	head = put(r, head, data, size);
	head = put(r, head, &zero, raw - size);
	STORE(&r->at->head, head);
	return 0;
}

int map_perf_output(struct map *m, uint64_t flags, uint32_t cpu, const void *data, uint64_t size)
{
	uint32_t index = (flags & INDEX_MASK) == INDEX_MASK ? cpu : (uint32_t)flags;

	if (flags & ~INDEX_MASK)
		return -EINVAL;
	if (index >= m->def.max_entries || size > UINT16_MAX - 20)
		return -E2BIG;
	struct perf_ring *r = map_object(m, &index);
	if (!r)
		return -ENOENT;
	if (r->cpu != cpu)
		return -EOPNOTSUPP;
	if (map_lock(&r->lock) < 0)
		return -EBUSY;
	int err = write_sample(r, data, (uint32_t)size);
	map_unlock(&r->lock);
	return err;
}

static int64_t read_records(struct perf_ring *r, uint64_t *lost, char *copy,
			    int (*fn)(void *, const void *, uint32_t), void *ctx)
{
	uint64_t head = LOAD(&r->at->head), tail = r->at->tail;
	int64_t n = 0;
	int stop = 0;

	while (!stop && head - tail >= sizeof(struct perf_header)) {
		struct perf_header h;
		uint32_t size;

		get(r, tail, &h, sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail)
			break;
		get(r, tail, copy, h.size);
		memcpy(&size, copy + sizeof(h), sizeof(size));
		if (h.type == PERF_LOST)
			*lost += ((struct perf_lost *)copy)->lost;
		else if (size <= h.size - sizeof(h) - 4)
			n++, stop = fn(ctx, copy + sizeof(h) + 4, size);
		tail += h.size;
		STORE(&r->at->tail, tail);
	}
	return n;
}

int64_t map_perf_read(struct map *m, uint32_t index, uint64_t *lost,
		      int (*fn)(void *ctx, const void *data, uint32_t size), void *ctx)
{
	if (index >= m->def.max_entries)
		return -E2BIG;
	struct perf_ring *r = map_object(m, &index);
	if (!r)
		return -ENOENT;
	char *copy = malloc(UINT16_MAX + 1);
	if (!copy)
		return -ENOMEM;
	int64_t n = -EBUSY;
	*lost = 0;
	if (map_trylock(&r->reader) >= 0) {
		n = read_records(r, lost, copy, fn, ctx);
		map_unlock(&r->reader);
	}
	free(copy);
	return n;
}
