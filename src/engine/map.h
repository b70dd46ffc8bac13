/*
 * Maps in user space, with the kernel's semantics and error numbers. One struct map_kind row for
 * each kind of map, one file for each family; callers go through the row.
 *
 * Values that programs get a pointer to lie in the map's storage, which never moves while the map
 * lives: one region for each map. A deleted element may be reused at once, as in the kernel, but
 * stays in the region. Keys, links and locks lie outside of the region, so a program that writes
 * beside its value can spoil other values but not the map.
 *
 * All operations may be called by many threads and processes at once, and by a program that
 * interrupted another on the same thread: lookups take no lock; changes that meet a lock which
 * their own thread holds give -EBUSY.
 *
 * What only one kind can do (rings, stacks, storage, arenas, timers) is in map_special.h.
 */
#ifndef SKEP_ENGINE_MAP_H
#define SKEP_ENGINE_MAP_H

#include "bpf/uapi.h"
#include "engine/vm.h"

/* What bpf(2) answers for "not supported" in many places; libc has no name for it. */
enum { MAP_ENOTSUPP = 524 };

struct map;

/* A member of the value that is not plain data; size 0: there is none. */
struct map_field {
	uint32_t offset, size;
};

/* What a value that names an object (prog array, maps of maps, cgroup array) refers to. */
enum map_object {
	MAP_OBJECT_PROG,
	MAP_OBJECT_MAP,
	MAP_OBJECT_EVENT,
	MAP_OBJECT_CGROUP,
	MAP_OBJECT_OWNER, /* of local storage: task, socket, inode, cgroup */
};

/* How user space's handles (descriptors, say) become objects: one of these for an engine. */
struct map_host {
	/* the object with a reference more, or NULL: -EBADF */
	void *(*get)(void *ctx, enum map_object kind, uint32_t handle);
	void (*put)(void *ctx, enum map_object kind, void *object);
	uint32_t (*id)(void *ctx, enum map_object kind, void *object);
	void *ctx;
};

struct map_def {
	enum bpf_map_type type;
	uint32_t key_size, value_size, max_entries, flags;
	uint64_t extra; /* map_extra: bloom filters, arenas */
	uint32_t ncpus; /* width of per-CPU values; 0: 1 */
	const char *name;
	struct map *inner;            /* array and hash of maps: the template */
	const char *shared;           /* name of a shared memory object (shm_open), NULL: private */
	struct map_field lock, timer; /* bpf_spin_lock and bpf_timer in the value */
	const struct map_host *host;  /* NULL: no handles, only map_object_set */
};

/* What bpf(2) answers for an operation that the kind does not have; 0: -MAP_ENOTSUPP. */
struct map_refusal {
	int16_t lookup, update, remove, next_key;
};

typedef int map_each_fn(void *ctx, const void *key, void *value);

struct map_kind {
	enum bpf_map_type type;
	const char *name;
	bool percpu;
	bool objects;   /* values are pointers to objects, four-byte handles to user space */
	uint8_t batch;  /* MAP_BATCH_ bits */
	uint8_t fields; /* MAP_MAY_ bits */
	struct map_refusal refuse;
	size_t size; /* of the kind's struct, which starts with struct map */
	/* All give 0 or -errno as bpf(2) does for this kind. @cpu picks the per-CPU value and
	 * free list; it must be below def.ncpus. NULL: the kind has no such operation. */
	int (*check)(const struct map_def *def); /* is the definition one the kernel takes */
	int (*create)(struct map *m);
	void (*destroy)(struct map *m);
	void *(*lookup)(struct map *m, const void *key, uint32_t cpu); /* NULL: absent */
	int (*update)(struct map *m, const void *key, const void *value, uint64_t flags,
		      uint32_t cpu);
	int (*remove)(struct map *m, const void *key);
	/* absent key, NULL: the first; -ENOENT after the last */
	int (*next_key)(struct map *m, const void *key, void *ret);
	int (*push)(struct map *m, const void *value, uint64_t flags);
	int (*pop)(struct map *m, void *value);
	int (*peek)(struct map *m, void *value);
	/* calls @fn for each entry until it is not 0; how many were visited */
	int64_t (*each)(struct map *m, map_each_fn *fn, void *ctx, uint32_t cpu);
	/* the key of the element whose value is at @value in the storage; false: none */
	bool (*key_of)(struct map *m, const void *value, void *ret);
	/* What user space does where it differs from what programs do; NULL: built of the above. */
	int (*user_lookup)(struct map *m, const void *key, void *value, uint64_t flags);
	int (*user_update)(struct map *m, const void *key, const void *value, uint64_t flags);
	int (*user_take)(struct map *m, const void *key, void *value, uint64_t flags);
	/* entries of one bucket (hashes); see map_batch.c */
	int (*bucket)(struct map *m, uint32_t bucket, bool take, char *keys, char *values,
		      uint32_t room, uint64_t flags);
};

enum {
	MAP_BATCH_LOOKUP = 1,
	MAP_BATCH_UPDATE = 2,
	MAP_BATCH_DELETE = 4,
	MAP_BATCH_TAKE = 8,
};

enum { MAP_MAY_LOCK = 1, MAP_MAY_TIMER = 2 }; /* what values may hold */

/* The part of a map that all kinds share; a kind's own state follows it in memory. */
struct map {
	const struct map_kind *kind;
	/* kind->lookup or one made for this key size; NULL as there */
	void *(*lookup)(struct map *m, const void *key, uint32_t cpu);
	/* Where values lie: that of entry i for CPU c is values + i * value_stride +
	 * c * cpu_stride, with i the index in arrays. cpu_stride is 0 unless per-CPU. */
	char *values;
	uint32_t value_stride; /* ALIGN_UP(value_size, 8) */
	uint32_t stored;       /* value_size; in maps of objects, the size of a pointer */
	uint64_t cpu_stride;
	struct map_def def;
	struct region storage; /* all values; writable unless BPF_F_RDONLY_PROG */
	uint32_t references;   /* programs, maps of maps and users that hold it */
	/* the memory the map is made of; see map_body.c */
	char *body;
	size_t body_size;
	int fd; /* of memory that others can map, -1: private */
	/* what map_mmap shows: offset 0 is body + view; past view_size, what lies before it is
	 * shown again, back to view_wrap (rings: the data) */
	uint64_t view, view_size, view_wrap;
	bool fresh;                  /* this process made the memory and must fill it */
	struct map_timers *timers;   /* NULL: no timer was ever initialised */
	struct map_retired *retired; /* objects that wait for map_quiesce */
};

extern const struct map_kind *const map_kinds[]; /* NULL-terminated */

/* map_kind_of - the row of a type; NULL: the engine has no such maps. */
const struct map_kind *map_kind_of(uint32_t type);

/* map_new - -EINVAL, -E2BIG, -EPERM, -ENOMEM, -EOPNOTSUPP as BPF_MAP_CREATE. The name of a
 * shared map may exist: then the definition must be the same (-EINVAL), and the map is the other
 * process's. */
int map_new(const struct map_def *def, struct map **ret);
struct map *map_ref(struct map *m);
void map_put(struct map *m);
/* map_unshare - takes the name of a shared map away; who has it mapped keeps it. */
int map_unshare(const char *name);

/* What user space does (bpf(2) commands): per-CPU kinds take and give ncpus values, each
 * value_stride bytes. Keys and values of size 0 are NULL. */
int map_user_lookup(struct map *m, const void *key, void *value, uint64_t flags);
int map_user_update(struct map *m, const void *key, const void *value, uint64_t flags);
int map_user_delete(struct map *m, const void *key);
int map_user_lookup_delete(struct map *m, const void *key, void *value, uint64_t flags);
int map_user_next_key(struct map *m, const void *key, void *ret);
int map_user_freeze(struct map *m);
/* map_user_value_size - bytes of what lookup gives and update takes. */
size_t map_user_value_size(const struct map *m);

/* One page of a walk, BPF_MAP_*_BATCH. */
struct map_batch {
	const void *in;      /* what `out` was; NULL: from the start */
	void *out;           /* MAX(4, key_size) bytes */
	void *keys, *values; /* room for `count` of each */
	uint32_t count;      /* in: how many; out: how many were done */
	uint64_t elem_flags, flags;
};

int map_user_batch(struct map *m, enum bpf_cmd cmd, struct map_batch *b);

/* map_mmap - another view of a BPF_F_MMAPABLE array's values or a ring's pages, as mmap(2) of the
 * map's descriptor gives: @offset is that of the kernel's. Ends with map_munmap. */
int map_mmap(struct map *m, uint64_t offset, size_t length, int prot, void **ret);
int map_munmap(struct map *m, void *at, size_t length, int prot);

/* map_object - what prog arrays and maps of maps hold at @key; NULL: nothing.
 * map_object_set - puts an object there, with flags as an update; on 0 the map has the caller's
 * reference, and gives it back by map_put or host->put.
 * map_quiesce - gives back what was replaced or deleted: programs that ran meanwhile may still
 * have used it, so call it when none runs. map_put does too. */
void *map_object(struct map *m, const void *key);
int map_object_set(struct map *m, const void *key, void *object, uint64_t flags);
void map_quiesce(struct map *m);

/* map_spin_lock, map_spin_unlock - bpf_spin_lock in a value. -EDEADLK when this thread has it,
 * -EPERM when the one to unlock is not held by it. */
int map_spin_lock(void *lock);
int map_spin_unlock(void *lock);

#endif
