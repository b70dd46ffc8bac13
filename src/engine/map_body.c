/*
 * The memory a map is made of: one piece, a page of head and then what the kind lays out. Private
 * maps lie in anonymous memory, those that are mapped a second time in a memfd, shared ones in a
 * shared memory object by name. Nothing in it is a pointer, so that every process may have it at
 * another address; sizes and counts come from the definition, never from the memory.
 *
 * Called by every kind's create and destroy.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/map_priv.h"

enum {
	READY_WAITS = 2000, /* ms that another process may take to make a shared map */
	HUGE = 2 << 20,
};

#define BODY_MAGIC UINT64_C(0x31302d70616d6b73)

_Static_assert(sizeof(struct map_head) <= MAP_PAGE, "the head is one page");
_Static_assert(sizeof(struct map_head) == 14 * 4 + 5 * 8, "no gaps: heads are compared as bytes");

uint64_t map_random(void)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v)) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		v = map_mix((uint64_t)now.tv_nsec, (uint64_t)(uintptr_t)&now);
	}
	return v | 1;
}

static struct map_head head_of(const struct map *m)
{
	const struct map_def *d = &m->def;

	return (struct map_head){
		.magic = BODY_MAGIC,
		.type = d->type,
		.key_size = d->key_size,
		.value_size = d->value_size,
		.max_entries = d->max_entries,
		.flags = d->flags,
		.extra = d->extra,
		.ncpus = d->ncpus,
		.lock = d->lock,
		.timer = d->timer,
		.size = m->body_size,
		.seed = d->flags & BPF_F_ZERO_SEED ? 0x9e3779b97f4a7c15u : map_random(),
	};
}

static bool same_definition(const struct map *m)
{
	struct map_head want = head_of(m), got = *map_head(m);

	want.seed = got.seed;
	want.address = got.address;
	want.ready = got.ready;
	want.frozen = got.frozen;
	want.writers = got.writers;
	return memcmp(&want, &got, sizeof(want)) == 0;
}

/* Another process made the object: wait until it has been filled in. */
static int join(struct map *m)
{
	struct stat st;

	for (int i = 0; i < READY_WAITS; i++) {
		if (fstat(m->fd, &st))
			return -errno;
		if (st.st_size)
			break;
		usleep(1000);
	}
	if ((uint64_t)st.st_size != m->body_size)
		return -EINVAL;
	m->body = mmap(NULL, m->body_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->body == MAP_FAILED)
		return -errno;
	for (int i = 0; i < READY_WAITS; i++) {
		if (LOAD(&map_head(m)->ready))
			return same_definition(m) ? 0 : -EINVAL;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

static int make_backed(struct map *m)
{
	if (ftruncate(m->fd, (off_t)m->body_size))
		return errno == EFBIG ? -ENOMEM : -errno;
	m->body = mmap(NULL, m->body_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		       m->fd, 0);
	return m->body == MAP_FAILED ? -errno : 0;
}

static int open_shared(struct map *m)
{
	m->fd = shm_open(m->def.shared, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (m->fd >= 0)
		return make_backed(m);
	if (errno != EEXIST)
		return -errno;
	m->fd = shm_open(m->def.shared, O_RDWR | O_CLOEXEC, 0600);
	if (m->fd < 0)
		return -errno;
	m->fresh = false;
	return join(m);
}

static int open_private(struct map *m)
{
	m->body = mmap(NULL, m->body_size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->body == MAP_FAILED)
		return -errno;
	if (m->body_size >= HUGE)
		madvise(m->body, m->body_size, MADV_HUGEPAGE);
	return 0;
}

static int open_views(struct map *m)
{
	m->fd = memfd_create(m->def.name ? m->def.name : "map", MFD_CLOEXEC);
	return m->fd < 0 ? -errno : make_backed(m);
}

int map_body_open(struct map *m, uint64_t size, bool views)
{
	int err;

	if (size > UINT64_C(1) << 46)
		return -ENOMEM;
	m->fresh = true;
	m->body_size = ALIGN_UP(size, MAP_PAGE) + MAP_PAGE;
	if (m->def.shared)
		err = open_shared(m);
	else
		err = views ? open_views(m) : open_private(m);
	if (m->body == MAP_FAILED)
		m->body = NULL;
	if (!err && m->fresh)
		*map_head(m) = head_of(m);
	return err;
}

void map_body_ready(struct map *m)
{
	if (m->fresh)
		STORE(&map_head(m)->ready, 1);
}

void map_body_close(struct map *m)
{
	if (m->body)
		munmap(m->body, m->body_size);
	if (m->fd >= 0)
		close(m->fd);
	m->body = NULL;
	m->fd = -1;
}

int map_unshare(const char *name)
{
	return shm_unlink(name) ? -errno : 0;
}

uint64_t map_values_size(const struct map_def *def, bool percpu, uint64_t n)
{
	uint64_t one = n * ALIGN_UP((uint64_t)def->value_size, 8);

	return ALIGN_UP(one, MAP_PAGE) * (percpu ? def->ncpus : 1);
}

/* The region ends with the last value, not with its page. */
void map_values_init(struct map *m, char *values, uint64_t n)
{
	uint64_t size = map_values_size(&m->def, m->kind->percpu, n);
	uint64_t stride = ALIGN_UP((uint64_t)m->def.value_size, 8);
	uint64_t last_cpu;

	m->values = values;
	m->cpu_stride = m->kind->percpu ? size / m->def.ncpus : 0;
	last_cpu = m->kind->percpu ? size - m->cpu_stride : 0;
	m->storage = (struct region){
		.base = (uint64_t)(uintptr_t)values,
		.size = n ? last_cpu + (n - 1) * stride + m->def.value_size : 0,
		.writable = !(m->def.flags & BPF_F_RDONLY_PROG),
		.host = values,
	};
}

/* How the kernel answers before it looks at pages; 0: go on. */
static int mmap_refused(struct map *m, uint64_t offset, size_t length, int prot)
{
	if (!m->view_size)
		return m->def.type == BPF_MAP_TYPE_ARRAY ? -EINVAL : -MAP_ENOTSUPP;
	if (map_has_fields(m))
		return -MAP_ENOTSUPP;
	if (!length || offset % MAP_PAGE)
		return -EINVAL;
	if (!(prot & PROT_WRITE))
		return 0;
	if (LOAD(&map_head(m)->frozen))
		return -EPERM;
	if (m->def.flags & BPF_F_RDONLY_PROG)
		return -EACCES;
	if (m->def.type == BPF_MAP_TYPE_RINGBUF && (offset || length != MAP_PAGE))
		return -EPERM;
	return m->def.type == BPF_MAP_TYPE_USER_RINGBUF && !offset ? -EPERM : 0;
}

int map_mmap(struct map *m, uint64_t offset, size_t length, int prot, void **ret)
{
	uint64_t again = m->view_wrap ? m->view_size - m->view_wrap : 0;
	int err = mmap_refused(m, offset, length, prot);

	if (err)
		return err;
	length = ALIGN_UP(length, MAP_PAGE);
	if (length > m->view_size + again || offset > m->view_size + again - length)
		return -EINVAL;
	char *at = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	for (size_t done = 0; done < length;) {
		uint64_t from = offset + done, end = m->view_size;

		if (from >= end) {
			from -= again;
			end = m->view_size;
		}
		size_t n = MIN(length - done, end - from);
		if (mmap(at + done, n, prot, MAP_SHARED | MAP_FIXED, m->fd,
			 (off_t)(m->view + from)) == MAP_FAILED) {
			err = -errno;
			munmap(at, length);
			return err;
		}
		done += n;
	}
	if (prot & PROT_WRITE)
		__atomic_add_fetch(&map_head(m)->writers, 1, __ATOMIC_ACQ_REL);
	*ret = at;
	return 0;
}

int map_munmap(struct map *m, void *at, size_t length, int prot)
{
	if (munmap(at, ALIGN_UP(length, MAP_PAGE)))
		return -errno;
	if (prot & PROT_WRITE)
		__atomic_sub_fetch(&map_head(m)->writers, 1, __ATOMIC_ACQ_REL);
	return 0;
}
