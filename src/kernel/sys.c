/*
 * System calls of the kernel host; see sys.h. Nothing here decides anything.
 */
#include "kernel/sys.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel lays these out; a wrong field here would be a silent misread there. */
_Static_assert(offsetof(struct sys_map_create, name) == 28, "bpf_attr of BPF_MAP_CREATE");
_Static_assert(offsetof(struct sys_map_create, btf_fd) == 48, "bpf_attr of BPF_MAP_CREATE");
_Static_assert(offsetof(struct sys_prog_load, name) == 48, "bpf_attr of BPF_PROG_LOAD");
_Static_assert(offsetof(struct sys_prog_load, line_info) == 96, "bpf_attr of BPF_PROG_LOAD");
_Static_assert(offsetof(struct sys_link_create, uprobe_multi) == 16, "bpf_attr of BPF_LINK_CREATE");
_Static_assert(offsetof(struct sys_prog_info, recursion_misses) == 208, "bpf_prog_info");
_Static_assert(offsetof(struct sys_batch, elem_flags) == 40, "bpf_attr of BPF_MAP_*_BATCH");

static int bpf(enum bpf_cmd cmd, void *attr, size_t size)
{
	/* The verifier gives up with EAGAIN when a signal waits; a stream of signals must not
	 * keep us here for ever. */
	for (int tries = 0;; tries++) {
		long ret = syscall(SYS_bpf, cmd, attr, size);
		if (ret >= 0)
			return (int)ret;
		if (errno != EINTR && !(errno == EAGAIN && tries < 10))
			return -errno;
	}
}

int sys_map_create(const struct sys_map_create *attr)
{
	struct sys_map_create copy = *attr;
	return bpf(BPF_MAP_CREATE, &copy, sizeof(copy));
}

/* What the commands on one element share. */
struct element {
	uint32_t map_fd, reserved;
	uint64_t key, value, flags;
};

int sys_map_lookup(int map, const void *key, void *value)
{
	struct element e = { .map_fd = map, .key = sys_ptr(key), .value = sys_ptr(value) };
	return bpf(BPF_MAP_LOOKUP_ELEM, &e, sizeof(e));
}

int sys_map_update(int map, const void *key, const void *value, uint64_t flags)
{
	struct element e = {
		.map_fd = map, .key = sys_ptr(key), .value = sys_ptr(value), .flags = flags
	};
	return bpf(BPF_MAP_UPDATE_ELEM, &e, sizeof(e));
}

int sys_map_delete(int map, const void *key)
{
	struct element e = { .map_fd = map, .key = sys_ptr(key) };
	return bpf(BPF_MAP_DELETE_ELEM, &e, sizeof(e));
}

int sys_map_take(int map, const void *key, void *value)
{
	struct element e = { .map_fd = map, .key = sys_ptr(key), .value = sys_ptr(value) };
	return bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &e, sizeof(e));
}

int sys_map_next_key(int map, const void *key, void *ret_next)
{
	struct element e = { .map_fd = map, .key = sys_ptr(key), .value = sys_ptr(ret_next) };
	return bpf(BPF_MAP_GET_NEXT_KEY, &e, sizeof(e));
}

int sys_map_batch(enum bpf_cmd cmd, struct sys_batch *batch)
{
	return bpf(cmd, batch, sizeof(*batch));
}

int sys_map_freeze(int map)
{
	struct {
		uint32_t map_fd;
	} a = { map };
	return bpf(BPF_MAP_FREEZE, &a, sizeof(a));
}

int sys_prog_load(const struct sys_prog_load *attr)
{
	struct sys_prog_load copy = *attr;
	return bpf(BPF_PROG_LOAD, &copy, sizeof(copy));
}

int sys_prog_info(int prog, struct sys_prog_info *ret, uint32_t *ret_size)
{
	struct {
		uint32_t fd, size;
		uint64_t info;
	} a = { prog, sizeof(*ret), sys_ptr(ret) };

	memset(ret, 0, sizeof(*ret));
	int err = bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a));
	if (err == 0 && ret_size)
		*ret_size = a.size;
	return err;
}

int sys_prog_run(int prog, const void *ctx, uint32_t ctx_size)
{
	struct {
		uint32_t prog_fd, retval, data_size_in, data_size_out;
		uint64_t data_in, data_out;
		uint32_t repeat, duration, ctx_size_in, ctx_size_out;
		uint64_t ctx_in, ctx_out;
	} a = { .prog_fd = prog, .ctx_size_in = ctx_size, .ctx_in = sys_ptr(ctx) };
	return bpf(BPF_PROG_TEST_RUN, &a, sizeof(a));
}

int sys_btf_load(const void *data, uint32_t size)
{
	struct {
		uint64_t btf, log_buf;
		uint32_t size, log_size, log_level, reserved;
	} a = { .btf = sys_ptr(data), .size = size };
	return bpf(BPF_BTF_LOAD, &a, sizeof(a));
}

int sys_link_create(const struct sys_link_create *attr)
{
	struct sys_link_create copy = *attr;
	return bpf(BPF_LINK_CREATE, &copy, sizeof(copy));
}

int sys_raw_tracepoint(const char *name, int prog, uint64_t cookie)
{
	struct {
		uint64_t name;
		uint32_t prog_fd, reserved;
		uint64_t cookie;
	} a = { .name = sys_ptr(name), .prog_fd = prog, .cookie = cookie };
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &a, sizeof(a));
}

int sys_pin(int fd, const char *path)
{
	struct {
		uint64_t path;
		uint32_t fd, flags;
	} a = { .path = sys_ptr(path), .fd = fd };
	return bpf(BPF_OBJ_PIN, &a, sizeof(a));
}

int sys_pin_at_unread(int fd)
{
	enum { PATH_FD = 1 << 14 };
	struct {
		uint64_t path;
		uint32_t fd, flags;
		int32_t path_fd;
		uint32_t reserved;
	} a = { .path = 1, .fd = (uint32_t)fd, .flags = PATH_FD, .path_fd = -1 };
	return bpf(BPF_OBJ_PIN, &a, sizeof(a));
}

/* fsopen(2) and its kin have no wrappers in the C libraries that skep is built with. */
int sys_bpffs(void)
{
	enum { CLOEXEC = 1, CMD_CREATE = 6 };

	int fs = (int)syscall(SYS_fsopen, "bpf", CLOEXEC);
	if (fs < 0)
		return -errno;
	int root = -1;
	if (syscall(SYS_fsconfig, fs, CMD_CREATE, NULL, NULL, 0) == 0)
		root = (int)syscall(SYS_fsmount, fs, CLOEXEC, 0);
	int err = errno;
	close(fs);
	return root >= 0 ? root : -err;
}

int sys_uring(uint32_t slots)
{
	enum { REGISTER_FILES = 2, PARAMS_SIZE = 120 };
	uint64_t params[PARAMS_SIZE / 8] = { 0 };

	int *none = malloc(slots * sizeof(*none));
	if (!none)
		return -ENOMEM;
	memset(none, 0xff, slots * sizeof(*none)); /* -1: free */
	int uring = (int)syscall(SYS_io_uring_setup, 1, params);
	int err = uring < 0 ? -errno : 0;
	if (!err && syscall(SYS_io_uring_register, uring, REGISTER_FILES, none, slots)) {
		err = -errno;
		close(uring);
	}
	free(none);
	return err ? err : uring;
}

int sys_uring_put(int uring, uint32_t slot, int fd)
{
	enum { FILES_UPDATE = 6 };
	struct {
		uint32_t slot, reserved;
		uint64_t fds;
	} a = { .slot = slot, .fds = sys_ptr(&fd) };
	long n = syscall(SYS_io_uring_register, uring, FILES_UPDATE, &a, 1);

	return n == 1 ? 0 : n < 0 ? -errno : -EINVAL;
}

int sys_perf_open(struct perf_event_attr *attr, int32_t pid, int cpu)
{
	attr->size = sizeof(*attr);
	for (;;) {
		long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
		if (fd >= 0)
			return (int)fd;
		if (errno != EINTR)
			return -errno;
	}
}

int sys_perf_set_bpf(int event, int prog)
{
	return ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) ? -errno : 0;
}

void sys_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
