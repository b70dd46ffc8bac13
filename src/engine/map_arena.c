/*
 * Arenas: pages that programs and user space share. A program's pointer is the low 32 bits of user
 * space's, so an arena crosses no multiple of 4 GiB. The whole range is mapped from the start and
 * takes memory when touched; a bitmap says which pages were given out.
 */
#include <sys/mman.h>

#include "engine/map_priv.h"
#include "engine/map_special.h"

#define FOUR_GIB (UINT64_C(1) << 32)

enum { LOW_GAP = 1 << 16 }; /* below the first page where there is room: no page is at 0 */

struct arena_control {
	struct map_lock lock;
	uint32_t next; /* page after the one given out last */
};

struct map_arena {
	struct map m;
	struct arena_control *control;
	uint64_t *used; /* a bit for each page */
	char *pages;
	uint64_t size, offset; /* bytes; where they start in the body */
};

static int check(const struct map_def *d)
{
	uint32_t known = BPF_F_SEGV_ON_FAULT | BPF_F_MMAPABLE | BPF_F_NO_USER_CONV;
	uint64_t size = (uint64_t)d->max_entries * MAP_PAGE;

	if (d->key_size || d->value_size || !d->max_entries || !(d->flags & BPF_F_MMAPABLE) ||
	    d->flags & ~known || d->extra % MAP_PAGE)
		return -EINVAL;
	if (size > FOUR_GIB)
		return -E2BIG;
	return d->extra >> 32 != (d->extra + size - 1) >> 32 ? -ERANGE : 0;
}

/* Address space for the pages that crosses no multiple of 4 GiB. */
static char *find_room(uint64_t size)
{
	char *at = mmap(NULL, 2 * FOUR_GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
	if (at == MAP_FAILED)
		return NULL;
	char *end = at + 2 * FOUR_GIB;
	char *start = (char *)ALIGN_UP((uintptr_t)at, FOUR_GIB) + MIN(FOUR_GIB - size, LOW_GAP);

	munmap(at, (size_t)(start - at));
	munmap(start + size, (size_t)(end - start - size));
	return start;
}

/* Maps the pages where they were asked for, or where the first process has them. */
static int map_pages(struct map_arena *a)
{
	struct map *m = &a->m;
	uint64_t want = m->fresh ? m->def.extra : map_head(m)->address;
	int how = MAP_SHARED | (want ? MAP_FIXED_NOREPLACE : MAP_FIXED);
	char *at = want ? (char *)(uintptr_t)want : find_room(a->size);

	if (!at)
		return -ENOMEM;
	a->pages = mmap(at, a->size, PROT_READ | PROT_WRITE, how, m->fd, (off_t)a->offset);
	if (a->pages != at) {
		if (a->pages != MAP_FAILED)
			munmap(a->pages, a->size);
		a->pages = NULL;
		return -EBUSY;
	}
	return 0;
}

static int create(struct map *m)
{
	struct map_arena *a = (struct map_arena *)m;
	uint64_t bits = ALIGN_UP(ALIGN_UP((uint64_t)m->def.max_entries, 64) / 8, MAP_PAGE);

	a->size = (uint64_t)m->def.max_entries * MAP_PAGE;
	a->offset = 2 * MAP_PAGE + bits;
	int err = map_body_open(m, MAP_PAGE + bits + a->size, true);
	if (err)
		return err;
	a->control = (struct arena_control *)(m->body + MAP_PAGE);
	a->used = (uint64_t *)(m->body + 2 * MAP_PAGE);
	err = map_pages(a);
	if (err)
		return err;
	if (m->fresh)
		map_head(m)->address = (uint64_t)(uintptr_t)a->pages;
	m->view = a->offset;
	m->view_size = a->size;
	m->values = a->pages;
	m->storage = (struct region){
		.base = (uint32_t)(uintptr_t)a->pages,
		.size = a->size,
		.writable = true,
		.host = a->pages,
	};
	return 0;
}

static void destroy(struct map *m)
{
	struct map_arena *a = (struct map_arena *)m;

	if (a->pages)
		munmap(a->pages, a->size);
}

uint64_t map_arena_base(const struct map *m)
{
	return (uint64_t)(uintptr_t)((const struct map_arena *)m)->pages;
}

static bool is_used(const struct map_arena *a, uint32_t page)
{
	return a->used[page / 64] >> page % 64 & 1;
}

static void set_used(struct map_arena *a, uint32_t page, uint32_t n, bool used)
{
	for (uint32_t i = page; i < page + n; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;
		a->used[i / 64] = used ? a->used[i / 64] | bit : a->used[i / 64] & ~bit;
	}
}

/* The first of @n free pages in a row within [from, to); @to when there are none. */
static uint32_t find_run(const struct map_arena *a, uint32_t from, uint32_t to, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t i = from; i < to; i++) {
		if (i % 64 == 0 && a->used[i / 64] == UINT64_MAX && i + 64 <= to) {
			run = 0;
			i += 63;
			continue;
		}
		run = is_used(a, i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return to;
}

static uint32_t find_pages(const struct map_arena *a, uint64_t address, uint32_t n)
{
	uint32_t max = a->m.def.max_entries, next = MIN(a->control->next, max);

	if (!address) {
		uint32_t page = find_run(a, next, max, n);
		return page < max ? page : find_run(a, 0, max, n);
	}
	uint64_t offset = (uint32_t)(address - map_arena_base(&a->m));
	if (offset % MAP_PAGE || offset / MAP_PAGE > max - n)
		return max;
	uint32_t page = (uint32_t)(offset / MAP_PAGE);
	return find_run(a, page, page + n, n) == page ? page : max;
}

uint64_t map_arena_alloc(struct map *m, uint64_t address, uint32_t n)
{
	struct map_arena *a = (struct map_arena *)m;

	if (!n || n > m->def.max_entries || map_lock(&a->control->lock) < 0)
		return 0;
	uint32_t page = find_pages(a, address, n);
	bool found = page < m->def.max_entries;
	if (found) {
		/* what a program wrote there before it had the pages is not to be seen */
		madvise(a->pages + (uint64_t)page * MAP_PAGE, (size_t)n * MAP_PAGE, MADV_REMOVE);
		set_used(a, page, n, true);
		a->control->next = page + n;
	}
	map_unlock(&a->control->lock);
	return found ? map_arena_base(m) + (uint64_t)page * MAP_PAGE : 0;
}

void map_arena_free(struct map *m, uint64_t address, uint32_t n)
{
	struct map_arena *a = (struct map_arena *)m;
	uint64_t offset = (uint32_t)(address - map_arena_base(m));

	if (offset % MAP_PAGE || offset / MAP_PAGE >= m->def.max_entries)
		return;
	uint32_t page = (uint32_t)(offset / MAP_PAGE);
	n = MIN(n, m->def.max_entries - page);
	if (map_lock(&a->control->lock) < 0)
		return;
	set_used(a, page, n, false);
	madvise(a->pages + offset, (size_t)n * MAP_PAGE, MADV_REMOVE);
	map_unlock(&a->control->lock);
}

const struct map_kind map_arena = {
	.type = BPF_MAP_TYPE_ARENA,
	.name = "arena",
	.refuse = { -EINVAL, -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP },
	.size = sizeof(struct map_arena),
	.check = check,
	.create = create,
	.destroy = destroy,
};
