/*
 * bpf(2), perf_event_open(2) and ioctl(2) as functions: each fills the kernel's attribute, retries
 * what a signal interrupted, and returns 0, a descriptor, or -errno. Descriptors are close-on-exec.
 *
 * The attributes are skep's own structs, one a command, because build machines' headers are
 * older than the kernels it runs on. The kernel takes any size of attribute, as long as what it
 * does not know is zero.
 *
 * Used by all of kernel/; needs nothing of it.
 */
#ifndef SKEP_KERNEL_SYS_H
#define SKEP_KERNEL_SYS_H

#include "bpf/insn.h"
#include "bpf/uapi.h"

enum { SYS_NAME_SIZE = 16 }; /* names of maps and programs, NUL included */

/* What the kernel answers for "not supported" in some places; libc has no name for it. */
enum { SYS_ENOTSUPP = 524 };

struct sys_map_create {
	uint32_t type, key_size, value_size, max_entries, flags, inner_map_fd, numa_node;
	char name[SYS_NAME_SIZE];
	uint32_t ifindex, btf_fd, btf_key_type_id, btf_value_type_id;
};

struct sys_prog_load {
	uint32_t type, insn_cnt;
	uint64_t insns, license;
	uint32_t log_level, log_size;
	uint64_t log_buf;
	uint32_t kern_version, flags;
	char name[SYS_NAME_SIZE];
	uint32_t ifindex, expected_attach_type, btf_fd, func_info_rec_size;
	uint64_t func_info;
	uint32_t func_info_cnt, line_info_rec_size;
	uint64_t line_info;
	uint32_t line_info_cnt, attach_btf_id, attach_prog_fd, reserved;
};

struct sys_link_create {
	uint32_t prog_fd, target_fd, attach_type, flags;
	union {
		struct {
			uint64_t cookie;
		} perf_event;
		struct {
			uint32_t flags, cnt;
			uint64_t syms, addrs, cookies;
		} kprobe_multi;
		struct {
			uint64_t path, offsets, ref_ctr_offsets, cookies;
			uint32_t cnt, flags, pid, reserved;
		} uprobe_multi;
	};
};

/* The start of the kernel's bpf_prog_info, as far as skep reads it. */
struct sys_prog_info {
	uint32_t type, id;
	uint8_t tag[8];
	uint32_t jited_len, xlated_len;
	uint64_t jited_insns, xlated_insns, load_time;
	uint32_t created_by_uid, nr_map_ids;
	uint64_t map_ids;
	char name[SYS_NAME_SIZE];
	uint32_t ifindex, gpl_compatible;
	uint64_t netns_dev, netns_ino;
	uint32_t nr_jited_ksyms, nr_jited_func_lens;
	uint64_t jited_ksyms, jited_func_lens;
	uint32_t btf_id, func_info_rec_size;
	uint64_t func_info;
	uint32_t nr_func_info, nr_line_info;
	uint64_t line_info, jited_line_info;
	uint32_t nr_jited_line_info, line_info_rec_size;
	uint32_t jited_line_info_rec_size, nr_prog_tags;
	uint64_t prog_tags, run_time_ns, run_cnt, recursion_misses;
};

/* One page of a batch walk; in and out are the kernel's own place marks. */
struct sys_batch {
	uint64_t in, out, keys, values;
	uint32_t count, map_fd;
	uint64_t elem_flags, flags;
};

struct perf_event_attr;

int sys_map_create(const struct sys_map_create *attr);
int sys_map_lookup(int map, const void *key, void *value);
int sys_map_update(int map, const void *key, const void *value, uint64_t flags);
int sys_map_delete(int map, const void *key);
/* sys_map_take - looks up and deletes in one (queues, stacks; hashes since 5.14). */
int sys_map_take(int map, const void *key, void *value);
/* sys_map_next_key - @key NULL: the first. -ENOENT after the last. */
int sys_map_next_key(int map, const void *key, void *ret_next);
/* sys_map_batch - @cmd is one of BPF_MAP_*_BATCH; batch->count is how many, in and out. */
int sys_map_batch(enum bpf_cmd cmd, struct sys_batch *batch);
int sys_map_freeze(int map);

int sys_prog_load(const struct sys_prog_load *attr);
int sys_prog_info(int prog, struct sys_prog_info *ret, uint32_t *ret_size);
/* sys_prog_run - runs a raw tracepoint program once with @ctx_size bytes of context. */
int sys_prog_run(int prog, const void *ctx, uint32_t ctx_size);
int sys_btf_load(const void *data, uint32_t size);

int sys_link_create(const struct sys_link_create *attr);
/* sys_raw_tracepoint - @name NULL: a program that says itself where it goes. @cookie 0: none. */
int sys_raw_tracepoint(const char *name, int prog, uint64_t cookie);
/* sys_pin - in the bpf file system at @path. */
int sys_pin(int fd, const char *path);
/* sys_pin_at_unread - the error of pinning @fd at a path that cannot be read, below a directory
 * descriptor (6.5). */
int sys_pin_at_unread(int fd);
/* sys_bpffs - a new bpf file system that is mounted nowhere: its root. */
int sys_bpffs(void);

/* sys_uring - an io_uring with room for @slots descriptors; sys_uring_put gives it one. */
int sys_uring(uint32_t slots);
int sys_uring_put(int uring, uint32_t slot, int fd);

int sys_perf_open(struct perf_event_attr *attr, int32_t pid, int cpu);
int sys_perf_set_bpf(int event, int prog);

/* sys_close - closes *fd unless it is -1, and makes it -1. */
void sys_close(int *fd);

static inline uint64_t sys_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

#endif
