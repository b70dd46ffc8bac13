/*
 * Entries of kernel maps, read and changed while programs go on changing them. Called through
 * struct host_ops by whoever prints maps.
 *
 * Batches are used where the kernel has them for the kind of map (hashes since 5.6, per-CPU arrays
 * since 5.13): many entries a call, and no entry twice or left out when others are deleted
 * meanwhile, which a walk from key to key cannot promise.
 *
 * A scalar map ("@x", no key) is an array of one entry; each CPU's value ends with a u64 that is
 * not 0 once it was set. Unset, the map has no entry at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel_priv.h"

enum { WALK_BATCH_BYTES = 128 << 10, WALK_BATCH_MIN = 64 };

/* One map under way. */
struct walk {
	const struct kmap *m;
	const struct image_map *im;
	char *keys, *values;
	char *marks;   /* two of the kernel's place marks, each at most as long as a key */
	size_t entry;  /* bytes of one entry's values */
	uint32_t room; /* entries that fit in keys and values */
};

/* What to do with one page of entries: 0 go on, 1 stop, -errno. */
typedef int walk_page_fn(const struct walk *w, uint32_t n, void *ctx);

static bool walk_is_scalar(const struct image_map *im)
{
	return im->role == MAP_USER && !im->key && !im->kind;
}

static void walk_done(struct walk *w)
{
	free(w->keys);
	free(w->values);
	free(w->marks);
}

static size_t walk_mark(const struct walk *w)
{
	return MAX(w->m->key_size, sizeof(uint64_t));
}

static int walk_room(struct walk *w, uint32_t room)
{
	walk_done(w);
	w->room = room;
	w->marks = calloc(2, walk_mark(w));
	w->keys = calloc(room, MAX(w->m->key_size, 1u));
	w->values = calloc(room, MAX(w->entry, (size_t)1));
	return w->keys && w->values && w->marks ? 0 : -ENOMEM;
}

static int walk_init(struct walk *w, const struct host *h, uint32_t map)
{
	const struct kernel *k = (const struct kernel *)h;

	if (map >= k->nmaps || k->maps[map].fd < 0 || k->maps[map].type == BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	*w = (struct walk){ .m = &k->maps[map], .im = &k->img->maps.v[map] };
	w->entry = (size_t)w->m->stride * w->m->nvalues;
	return 0;
}

/* Twice the room, at the same place of the walk. */
static int walk_grow(struct walk *w)
{
	char *marks = w->marks;

	w->marks = NULL;
	int ret = walk_room(w, MIN(w->room * 2, w->m->max_entries));
	if (ret == 0)
		memcpy(w->marks, marks, 2 * walk_mark(w));
	free(marks);
	return ret;
}

/* From key to key, for what has no batches: arrays, where no key ever goes. */
static int walk_steps(struct walk *w, walk_page_fn *fn, void *ctx)
{
	int ret = walk_room(w, 2);

	/* keys[1] is the key before */
	const char *before = NULL;
	for (uint32_t i = 0; !ret && i < w->m->max_entries; i++) {
		ret = sys_map_next_key(w->m->fd, before, w->keys);
		if (ret == -ENOENT)
			return 0;
		if (ret)
			break;
		ret = sys_map_lookup(w->m->fd, w->keys, w->values);
		before = memcpy(w->keys + w->m->key_size, w->keys, w->m->key_size);
		ret = ret == -ENOENT ? 0 : ret ? ret : fn(w, 1, ctx);
	}
	return ret;
}

static int walk_batches(struct walk *w, enum bpf_cmd cmd, walk_page_fn *fn, void *ctx)
{
	uint32_t room = MAX((uint32_t)(WALK_BATCH_BYTES / (w->entry + w->m->key_size)),
			    WALK_BATCH_MIN);
	unsigned turn = 0;
	bool first = true;
	int ret = walk_room(w, MIN(room, w->m->max_entries));

	while (!ret) {
		struct sys_batch b = {
			.in = first ? 0 : sys_ptr(w->marks + turn * walk_mark(w)),
			.out = sys_ptr(w->marks + !turn * walk_mark(w)),
			.keys = sys_ptr(w->keys),
			.values = sys_ptr(w->values),
			.count = w->room,
			.map_fd = (uint32_t)w->m->fd,
		};
		int err = sys_map_batch(cmd, &b);
		if (err == -ENOSPC && w->room < w->m->max_entries) {
			/* one bucket has more than we have room for; the place stays */
			ret = walk_grow(w);
			continue;
		}
		if (err && err != -ENOENT)
			return first ? -EOPNOTSUPP : err;
		ret = b.count ? fn(w, b.count, ctx) : 0;
		if (err == -ENOENT)
			break;
		turn = !turn;
		first = false;
	}
	return ret;
}

/* All entries, page by page. */
static int walk_all(struct walk *w, walk_page_fn *fn, void *ctx)
{
	int ret = walk_batches(w, BPF_MAP_LOOKUP_BATCH, fn, ctx);

	return ret == -EOPNOTSUPP ? walk_steps(w, fn, ctx) : ret;
}

/* ---- scalars ---- */

static uint64_t *walk_set_word(const struct walk *w, uint32_t cpu)
{
	return (uint64_t *)(w->values + (size_t)cpu * w->m->stride + w->m->value_size -
			    sizeof(uint64_t));
}

/* The scalar's values; 1 if any CPU has set it, 0 if none has, -errno. */
static int walk_scalar(struct walk *w)
{
	const uint32_t key = 0;
	int ret = w->m->value_size < 8 || w->m->value_size % 8 ? -EINVAL : walk_room(w, 1);

	if (ret == 0)
		ret = sys_map_lookup(w->m->fd, &key, w->values);
	for (uint32_t cpu = 0; ret == 0 && cpu < w->m->nvalues; cpu++)
		ret = *walk_set_word(w, cpu) != 0;
	return ret;
}

/* ---- struct host_ops ---- */

struct walk_visit {
	host_entry_fn *fn;
	void *ctx;
};

static int walk_visit_page(const struct walk *w, uint32_t n, void *ctx)
{
	const struct walk_visit *v = ctx;

	for (uint32_t i = 0; i < n; i++) {
		int ret = v->fn(v->ctx, w->keys + (size_t)i * w->m->key_size,
				w->values + i * w->entry, w->m->nvalues, w->m->stride);
		if (ret)
			return ret;
	}
	return 0;
}

int walk_each(struct host *h, uint32_t map, host_entry_fn *fn, void *ctx)
{
	struct walk_visit v = { fn, ctx };
	struct walk w;

	int ret = walk_init(&w, h, map);
	if (ret)
		return ret;
	if (walk_is_scalar(w.im)) {
		ret = walk_scalar(&w);
		if (ret > 0)
			ret = fn(ctx, NULL, w.values, w.m->nvalues, w.m->stride);
	} else {
		ret = walk_all(&w, walk_visit_page, &v);
	}
	walk_done(&w);
	return MIN(ret, 0);
}

int walk_lookup(struct host *h, uint32_t map, const void *key, host_entry_fn *fn, void *ctx)
{
	struct walk w;

	int ret = walk_init(&w, h, map);
	if (ret)
		return ret;
	if (walk_is_scalar(w.im)) {
		ret = walk_scalar(&w);
		key = NULL;
		ret = ret == 0 ? -ENOENT : MIN(ret, 0);
	} else {
		ret = walk_room(&w, 1);
		if (ret == 0)
			ret = sys_map_lookup(w.m->fd, key, w.values);
	}
	if (ret == 0)
		ret = fn(ctx, key, w.values, w.m->nvalues, w.m->stride);
	walk_done(&w);
	return MIN(ret, 0);
}

/* For a per-CPU map the value goes to the first CPU, so that merging gives it back. */
int walk_update(struct host *h, uint32_t map, const void *key, const void *value)
{
	const uint32_t only = 0;
	struct walk w;

	int ret = walk_init(&w, h, map);
	if (ret)
		return ret;
	ret = walk_room(&w, 1);
	if (ret == 0) {
		memcpy(w.values, value, w.m->value_size);
		if (walk_is_scalar(w.im)) {
			*walk_set_word(&w, 0) = 1;
			key = &only;
		}
		ret = sys_map_update(w.m->fd, key, w.values, BPF_ANY);
	}
	walk_done(&w);
	return ret;
}

/* Writes zeroes over the values of a page of entries, but not over those that went meanwhile. */
static int walk_zero_page(const struct walk *w, uint32_t n, void *ctx)
{
	(void)ctx;
	memset(w->values, 0, w->entry);
	for (uint32_t i = 0; i < n; i++) {
		int ret = sys_map_update(w->m->fd, w->keys + (size_t)i * w->m->key_size, w->values,
					 BPF_EXIST);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}

static int walk_delete_page(const struct walk *w, uint32_t n, void *ctx)
{
	(void)ctx;
	for (uint32_t i = 0; i < n; i++) {
		int ret = sys_map_delete(w->m->fd, w->keys + (size_t)i * w->m->key_size);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}

static int walk_keep_page(const struct walk *w, uint32_t n, void *ctx)
{
	(void)w, (void)n, (void)ctx;
	return 0;
}

static bool walk_is_array(const struct walk *w)
{
	return w->m->type == BPF_MAP_TYPE_ARRAY || w->m->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* A scalar that was set stays set when it is zeroed, and is unset when it is cleared. */
static int walk_zero_scalar(struct walk *w, bool keep_set)
{
	const uint32_t key = 0;
	int ret = walk_scalar(w);

	for (uint32_t cpu = 0; ret > 0 && cpu < w->m->nvalues; cpu++) {
		uint64_t set = keep_set ? *walk_set_word(w, cpu) : 0;
		memset(w->values + (size_t)cpu * w->m->stride, 0, w->m->stride);
		*walk_set_word(w, cpu) = set;
	}
	return ret > 0 ? sys_map_update(w->m->fd, &key, w->values, BPF_ANY) : ret;
}

int walk_clear(struct host *h, uint32_t map)
{
	struct walk w;

	int ret = walk_init(&w, h, map);
	if (ret)
		return ret;
	if (walk_is_scalar(w.im)) {
		ret = walk_zero_scalar(&w, false);
	} else if (walk_is_array(&w)) {
		ret = walk_all(&w, walk_zero_page, NULL);
	} else {
		ret = walk_batches(&w, BPF_MAP_LOOKUP_AND_DELETE_BATCH, walk_keep_page, NULL);
		if (ret == -EOPNOTSUPP)
			ret = walk_steps(&w, walk_delete_page, NULL);
	}
	walk_done(&w);
	return ret;
}

int walk_zero(struct host *h, uint32_t map)
{
	struct walk w;

	int ret = walk_init(&w, h, map);
	if (ret)
		return ret;
	ret = walk_is_scalar(w.im) ? walk_zero_scalar(&w, true)
				   : walk_all(&w, walk_zero_page, NULL);
	walk_done(&w);
	return ret;
}
