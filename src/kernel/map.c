/*
 * Image maps become kernel maps: what each role is for decides its kind, flags, size and first
 * contents, by one row a role. Called once by load; entries are read and changed in walk.c.
 *
 * A scalar map of a script ("@x") is an array of one entry whose value ends with a u64 that says
 * whether it was ever set.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"

enum {
	MAP_PREALLOC_LIMIT = 1 << 20, /* bytes of entries that may be allocated ahead of time */
	MAP_ENTRY_OVERHEAD = 64,      /* of a hash entry, about */
	MAP_KEY_LIMIT = 512,          /* before FEATURE_BIG_KEYS */
	MAP_PERCPU_LIMIT = 32 << 10,  /* largest per-CPU value, any kernel */
	RING_PAGES_PER_CPU = 32,      /* see ring.c for the measurement */
	RING_PAGES_USUAL = 1024,      /* no more than this unless it is asked for */
	RING_PAGES_LIMIT = 1 << 18,   /* 1 GiB */
	URGENT_PAGES = 4,
};

typedef uint32_t map_entries_fn(const struct kernel *k, const struct image_map *im);

struct map_row {
	enum bpf_map_type type, percpu; /* one value for all CPUs, one a CPU */
	uint32_t flags;
	map_entries_fn *entries;
};

static uint32_t entries_given(const struct kernel *k, const struct image_map *im)
{
	(void)k;
	return MAX(im->max_entries, 1u);
}

static uint32_t entries_one(const struct kernel *k, const struct image_map *im)
{
	(void)k, (void)im;
	return 1;
}

static uint32_t entries_scratch(const struct kernel *k, const struct image_map *im)
{
	return im->percpu ? entries_given(k, im)
			  : MAX(im->max_entries, k->opt.target->ncpus * SCRATCH_LEVELS);
}

/* The kernel wants a power of two of whole pages. */
static uint32_t map_ring_bytes(uint64_t pages)
{
	uint64_t n = 1;

	while (n < pages && n < RING_PAGES_LIMIT)
		n *= 2;
	return (uint32_t)(n * (uint64_t)getpagesize());
}

static uint32_t entries_ring(const struct kernel *k, const struct image_map *im)
{
	int64_t pages = k->opt.settings ? k->opt.settings->value[SETTING_PERF_RB_PAGES] : 0;

	(void)im;
	if (pages <= 0)
		pages = MIN((int64_t)k->ncpus * RING_PAGES_PER_CPU, RING_PAGES_USUAL);
	return map_ring_bytes((uint64_t)pages);
}

static uint32_t entries_urgent(const struct kernel *k, const struct image_map *im)
{
	(void)k, (void)im;
	return map_ring_bytes(URGENT_PAGES);
}

static const struct map_row map_rows[] = {
	[MAP_USER] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH, 0, entries_given },
	[MAP_RING] = { BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_RINGBUF, 0, entries_ring },
	[MAP_URGENT] = { BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_RINGBUF, 0, entries_urgent },
	[MAP_LOSS] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, 0, entries_given },
	[MAP_SCRATCH] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, 0, entries_scratch },
	[MAP_STACKS] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH, 0, entries_given },
	[MAP_GLOBALS] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, entries_one },
	[MAP_RODATA] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_ARRAY, BPF_F_RDONLY_PROG, entries_one },
	[MAP_DISPATCH] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_ARRAY, 0, entries_given },
	[MAP_DATA] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_ARRAY, 0, entries_one },
};
_Static_assert(ARRAY_LEN(map_rows) == MAP_ROLE_COUNT, "a row for each role");

static const struct map_row map_row_scalar = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, 0,
					       entries_one };

static bool map_is_percpu(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool map_is_array(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Hashes alone can allocate entries one by one; before FEATURE_MAP_LAZY_ALLOC that is not safe
 * wherever a program may run. */
static bool map_is_lazy(const struct kernel *k, const struct sys_map_create *a)
{
	bool percpu = a->type == BPF_MAP_TYPE_PERCPU_HASH;
	uint64_t values = (uint64_t)ALIGN_UP(a->value_size, 8) * (percpu ? k->ncpus : 1);
	uint64_t all = (ALIGN_UP((uint64_t)a->key_size, 8) + values + MAP_ENTRY_OVERHEAD) *
		       a->max_entries;

	return (percpu || a->type == BPF_MAP_TYPE_HASH) && all > MAP_PREALLOC_LIMIT &&
	       target_has(k->opt.target, FEATURE_MAP_LAZY_ALLOC);
}

/* The kernel's lists take letters, digits, '_' and '.'. */
static void map_name(char to[SYS_NAME_SIZE], const char *name)
{
	for (size_t i = 0; name[i] && i + 1 < SYS_NAME_SIZE; i++)
		to[i] = isalnum((unsigned char)name[i]) || name[i] == '.' ? name[i] : '_';
}

static struct sys_map_create map_attr(const struct kernel *k, const struct image_map *im)
{
	bool scalar = im->role == MAP_USER && !im->key;
	const struct map_row *row = scalar ? &map_row_scalar : &map_rows[im->role];
	struct sys_map_create a = {
		.type = im->kind     ? im->kind
			: im->percpu ? row->percpu
				     : row->type,
		.max_entries = row->entries(k, im),
		.flags = row->flags | im->flags,
		.numa_node = im->numa_node,
	};

	if (a.type != BPF_MAP_TYPE_RINGBUF) {
		a.key_size = map_is_array(a.type) ? 4 : im->key_size;
		a.value_size = im->value_size;
	}
	if (!im->kind && map_is_lazy(k, &a))
		a.flags |= BPF_F_NO_PREALLOC;
	if (im->name)
		map_name(a.name, im->name);
	return a;
}

/* With the types of its entries, so that bpftool prints them; without, where that fails. */
static int map_make(const struct image_map *im, struct sys_map_create *a)
{
	struct btf_blob blob = { 0 };
	uint32_t key = 0, value = 0;
	int fd = -1;

	if (im->role == MAP_USER && btf_map(&blob, im, &key, &value) == 0) {
		int btf = sys_btf_load(blob.whole.data, (uint32_t)blob.whole.len);
		if (btf >= 0) {
			a->btf_fd = (uint32_t)btf;
			a->btf_key_type_id = key;
			a->btf_value_type_id = value;
			fd = sys_map_create(a);
			a->btf_fd = a->btf_key_type_id = a->btf_value_type_id = 0;
			close(btf);
		}
	}
	btf_blob_done(&blob);
	return fd >= 0 ? fd : sys_map_create(a);
}

static int map_fill(const struct kmap *m, const char *data, uint32_t value_size)
{
	uint32_t *keys = malloc(m->max_entries * sizeof(*keys));
	int err = 0;

	if (!keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->max_entries; i++)
		keys[i] = i;
	struct sys_batch batch = {
		.keys = sys_ptr(keys),
		.values = sys_ptr(data),
		.count = m->max_entries,
		.map_fd = (uint32_t)m->fd,
	};
	/* A map of one entry is filled while it may still be of a kind without batches. */
	if (m->max_entries == 1 || sys_map_batch(BPF_MAP_UPDATE_BATCH, &batch))
		for (uint32_t i = 0; i < m->max_entries && !err; i++)
			err = sys_map_update(m->fd, &i, data + (size_t)i * value_size, BPF_ANY);
	free(keys);
	return err;
}

static int map_contents(struct kmap *m, const struct image_map *im)
{
	if (im->data) {
		if (!map_is_array(m->type) || m->percpu)
			return -EINVAL;
		int err = map_fill(m, im->data, im->value_size);
		if (err)
			return err;
	}
	if (im->role == MAP_RODATA)
		return sys_map_freeze(m->fd);
	if (im->role != MAP_GLOBALS)
		return 0;
	m->mapped_size = ALIGN_UP((size_t)im->value_size, (size_t)getpagesize());
	m->mapped = mmap(NULL, m->mapped_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->mapped == MAP_FAILED) {
		m->mapped = NULL;
		return -errno;
	}
	return 0;
}

static int map_told(const struct kernel *k, const struct image_map *im,
		    const struct sys_map_create *a, int err, struct diags *diags)
{
	diag_error(diags, im->span, "cannot make map %s: %s", im->name ? im->name : "",
		   why_errno(err));
	if (a->type == BPF_MAP_TYPE_RINGBUF && err == -EINVAL)
		diag_hint(diags, "skep needs Linux 5.8 or later");
	else if (a->key_size > MAP_KEY_LIMIT && !target_has(k->opt.target, FEATURE_BIG_KEYS))
		diag_hint(diags, "its key has %u bytes; on this kernel a key ends at %d",
			  a->key_size, MAP_KEY_LIMIT);
	else if (im->percpu && a->value_size > MAP_PERCPU_LIMIT)
		diag_hint(diags, "its value has %u bytes; one for each CPU ends at %d",
			  a->value_size, MAP_PERCPU_LIMIT);
	else if (err == -EPERM && !target_has(k->opt.target, FEATURE_MEMCG_MEMORY))
		diag_hint(diags, "before Linux 5.11 maps count as locked memory: raise it with "
				 "ulimit -l unlimited");
	else
		why_hint(diags, err);
	return err;
}

int map_create(struct kernel *k, uint32_t index, struct diags *diags)
{
	const struct image_map *im = &k->img->maps.v[index];
	struct kmap *m = &k->maps[index];

	if ((unsigned)im->role >= MAP_ROLE_COUNT)
		return diag_error(diags, im->span, "the image is damaged: map %u has no role",
				  index);
	if (im->role == MAP_GLOBALS && im->value_size < sizeof(struct image_globals))
		return diag_error(diags, im->span, "the image is damaged: map %s is too small",
				  im->name);
	struct sys_map_create a = map_attr(k, im);
	m->type = a.type;
	m->key_size = a.key_size;
	m->value_size = a.value_size;
	m->max_entries = a.max_entries;
	m->percpu = map_is_percpu(a.type);
	m->stride = m->percpu ? ALIGN_UP(a.value_size, 8) : a.value_size;
	m->nvalues = m->percpu ? k->ncpus : 1;
	m->fd = map_make(im, &a);
	int err = m->fd < 0 ? m->fd : map_contents(m, im);
	return err ? map_told(k, im, &a, err, diags) : 0;
}

int map_create_all(struct kernel *k, struct diags *diags)
{
	uint32_t n = k->img->maps.n;

	limits_memory(k->opt.target);
	k->maps = calloc(MAX(n, 1u), sizeof(*k->maps));
	if (!k->maps)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		k->maps[i].fd = -1;
	k->nmaps = n;
	for (uint32_t i = 0; i < n; i++) {
		int err = map_create(k, i, diags);
		if (err)
			return err;
	}
	return 0;
}

void map_done_all(struct kernel *k)
{
	for (uint32_t i = 0; i < k->nmaps; i++) {
		if (k->maps[i].mapped)
			munmap(k->maps[i].mapped, k->maps[i].mapped_size);
		sys_close(&k->maps[i].fd);
	}
	free(k->maps);
	k->maps = NULL;
	k->nmaps = 0;
}
