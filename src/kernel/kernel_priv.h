/*
 * The kernel host's own state, shared by the files of kernel/ and nobody else.
 *
 *	host.c    makes and frees it, implements struct host_ops
 *	map.c     image maps -> kernel maps       walk.c   reading and changing their entries
 *	load.c    image programs -> kernel ones   reject.c what the verifier said, in plain words
 *	attach.c  one row for each attach kind    perf.c, multi.c  what the rows do
 *	park.c    letting go fast                 ring.c   records on their way out
 *	begin.c   running BEGIN and END
 */
#ifndef SKEP_KERNEL_PRIV_H
#define SKEP_KERNEL_PRIV_H

#include "image/prog_btf.h"
#include "image/setting.h"
#include "kernel/kernel.h"
#include "kernel/sys.h"

/* A map of the image in the kernel. */
struct kmap {
	int fd; /* -1: not made */
	enum bpf_map_type type;
	uint32_t key_size, value_size, max_entries; /* as the kernel has them */
	bool percpu;                                /* one value a CPU, `stride` apart */
	uint32_t stride, nvalues;
	void *mapped; /* MAP_GLOBALS: its value, shared with the programs */
	size_t mapped_size;
};

/* A program of the image in the kernel. */
struct kprog {
	int fd;               /* -1: loaded per attach, or not at all */
	uint32_t type;        /* as loaded */
	uint32_t attach_type; /* likewise; BPF_TRACE_*PROBE_MULTI: one link for many probes */
	bool wants_cookie;    /* it asks the kernel for its probe's cookie */
};

/* A ring of records, mapped; see ring.c. */
struct ring {
	volatile uint64_t *consumer, *producer;
	const char *data;
	uint64_t mask;
	size_t page;
	int fd;            /* the map's, not ours */
	uint64_t position; /* how far we have read; `consumer` follows */
	uint64_t last;     /* where the last record that we have read begins */
};

/* Where descriptors wait for a kernel worker to close them; see park.c. */
struct park {
	int root;        /* of a private bpf file system, -1: not made, or not allowed */
	int uring;       /* an io_uring, -1: not made */
	bool tried_root; /* `root` is final */
	int array;       /* a PERF_EVENT_ARRAY, -1: not made */
	uint32_t narray; /* slots used in `array` */
	uint32_t count;  /* links in `root`: their names */
	uint32_t nuring; /* slots used in `uring` */
	struct target *target;
	int *kept; /* descriptors that we close ourselves */
	uint32_t nkept, cap_kept;
};

/* What the kernel calls one of its event sources; type 0: not asked yet. */
struct perf_pmu {
	uint32_t type;
	uint64_t is_return; /* bit of `config` that asks for the return */
};

struct kernel {
	struct host host; /* first: a struct host * is a struct kernel * */
	struct kernel_options opt;
	const struct image *img;
	struct btf *btf; /* opened here, for the names of attach functions */
	uint32_t ncpus; /* values of a per-CPU map; target->ncpus may be more where ids have gaps */
	struct kmap *maps; /* one for each image map */
	uint32_t nmaps;
	struct kprog *progs; /* one for each image program */
	uint32_t nprogs;
	int *copies; /* a descriptor for each attach record, -1: it uses progs[] */
	uint32_t nattaches;
	struct park park;
	struct perf_pmu pmus[2]; /* kprobe, uprobe; see perf.c */
	uint32_t begun;          /* places used by begin.c's fallback */
	struct ring main, urgent;
	int epoll;
	bool stopped;
};

/* ---- map.c, walk.c ---- */

int map_create_all(struct kernel *k, struct diags *diags);
void map_done_all(struct kernel *k);
/* map_create - one map; flags, size and kind chosen for @role. 0 or -errno. */
int map_create(struct kernel *k, uint32_t index, struct diags *diags);

int walk_each(struct host *h, uint32_t map, host_entry_fn *fn, void *ctx);
int walk_lookup(struct host *h, uint32_t map, const void *key, host_entry_fn *fn, void *ctx);
int walk_update(struct host *h, uint32_t map, const void *key, const void *value);
int walk_clear(struct host *h, uint32_t map);
int walk_zero(struct host *h, uint32_t map);

/* ---- load.c, reject.c ---- */

int load_all(struct kernel *k, struct diags *diags);
void load_done_all(struct kernel *k);
/* load_prog_fd - the descriptor of attach record @index's program. */
int load_prog_fd(const struct kernel *k, uint32_t index);

/* reject_explain - adds the verifier's reason to @diags, at the script's line. @log may be NULL. */
int reject_explain(struct diags *diags, const struct image_prog *prog, int err, const char *log,
		   bool verbose);

/* ---- attach.c and what its rows call ---- */

/* What an attach row is given: @n records that share a program, usually one. Returns how many are
 * attached, or -errno. */
typedef int attach_fn(struct kernel *k, const struct attach *const *records, uint32_t n, int prog);

int attach_all(struct host *h, struct diags *diags, bool missing_ok,
	       void (*progress)(void *ctx, uint32_t done, uint32_t all), void *ctx);

attach_fn perf_tracepoint, perf_kprobe, perf_uprobe, perf_software, perf_profile, perf_interval;
attach_fn multi_kprobe, multi_uprobe;
/* attach_pid - the process that @a is confined to, -1: none. */
int32_t attach_pid(const struct kernel *k, const struct attach *a);

/* ---- park.c ---- */

void park_init(struct park *p, struct target *target);
/* park_link, park_event - take @fd over: when the park goes, however it goes, a kernel worker
 * closes it. */
int park_link(struct park *p, int fd);
int park_event(struct park *p, int fd);
/* park_plain - takes over a descriptor that is quick to close. */
int park_plain(struct park *p, int fd);
/* park_links_ok - whether park_link lets go of the programs at once, all side by side. */
bool park_links_ok(struct park *p);
/* park_done - lets go of everything; returns at once. The park is as new. */
void park_done(struct park *p);

/* ---- begin.c ---- */

int begin_run(struct host *h, enum attach_kind kind);

/* ---- ring.c ---- */

int ring_open_all(struct kernel *k);
void ring_done_all(struct kernel *k);
int ring_drain(struct host *h, host_record_fn *fn, void *ctx);

/* ---- cpu.c ---- */

/* cpu_list - calls @fn for each CPU of "possible" or "online" (the kernel's list files) in order
 * until it returns not 0; returns that, or -errno. */
int cpu_list(const char *which, int (*fn)(void *ctx, int cpu), void *ctx);

/* ---- limits.c ---- */

/* limits_files - room for @more descriptors. 0 or -EMFILE. */
int limits_files(uint32_t more);
/* limits_memory - before 5.11 maps count as locked memory: no limit, if we may. */
void limits_memory(struct target *t);

/* ---- why.c ---- */

/* why_errno - strerror() that knows the kernel's own numbers too. */
const char *why_errno(int err);
/* why_hint - adds what kernel_why() says to the newest message, if anything. */
void why_hint(struct diags *diags, int err);

/* ---- trial.c ---- */

bool trial_feature(void *ctx, enum feature f);

/* ---- btf_emit.c ---- */

/* BTF of one program or map as the kernel takes it. */
struct btf_blob {
	struct prog_btf info;
	struct buf whole; /* the BTF itself */
};

/* btf_prog - function and line info of @prog; line info shows @sources' lines. */
int btf_prog(struct btf_blob *b, const struct image_prog *prog, struct types *types,
	     const struct sources *sources);
/* btf_map - ids of types for @key and @value, when both have a plain C shape; else -ENOTSUP. */
int btf_map(struct btf_blob *b, const struct image_map *map, uint32_t *ret_key,
	    uint32_t *ret_value);
void btf_blob_done(struct btf_blob *b);

#endif
