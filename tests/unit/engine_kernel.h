/*
 * The running kernel, as far as tests that compare the engine with it need it. Its attributes are
 * spelled here, since those of src/kernel/ are another room's and build machines' headers older.
 */
#ifndef TEST_ENGINE_KERNEL_H
#define TEST_ENGINE_KERNEL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine_testing.h"

struct kernel_load {
	uint32_t type, insn_cnt;
	uint64_t insns, license;
	uint32_t log_level, log_size;
	uint64_t log_buf;
	uint32_t kern_version, flags;
};

struct kernel_run {
	uint32_t prog_fd, retval, data_size_in, data_size_out;
	uint64_t data_in, data_out;
	uint32_t repeat, duration, ctx_size_in, ctx_size_out;
	uint64_t ctx_in, ctx_out;
};

enum {
	CMD_MAP_CREATE = 0,
	CMD_MAP_UPDATE = 2,
	CMD_PROG_LOAD = 5,
	CMD_PROG_TEST_RUN = 10,
	CMD_MAP_FREEZE = 22,
	SLEEPABLE = 16,
};

static char kernel_log[1 << 16];

/* A program's descriptor, or -1 with what the verifier says in kernel_log. */
static inline int kernel_try_load(uint32_t type, const struct insn *insns, uint32_t n)
{
	struct kernel_load attr = {
		.type = type,
		.insn_cnt = n,
		.insns = (uintptr_t)insns,
		.license = (uintptr_t) "GPL",
		.log_level = 1,
		.log_size = sizeof(kernel_log),
		.log_buf = (uintptr_t)kernel_log,
		.flags = type == BPF_PROG_TYPE_SYSCALL ? SLEEPABLE : 0,
	};

	return (int)syscall(SYS_bpf, CMD_PROG_LOAD, &attr, sizeof(attr));
}

static inline int kernel_load(uint32_t type, const struct insn *insns, uint32_t n)
{
	int fd = kernel_try_load(type, insns, n);

	if (fd < 0)
		fail_msg("the kernel refuses it: %s", kernel_log);
	return fd;
}

/* Runs a BPF_PROG_TYPE_SYSCALL program, which may change its context. */
static inline void kernel_run(int fd, void *context, uint32_t size)
{
	struct kernel_run attr = { .prog_fd = (uint32_t)fd,
				   .ctx_size_in = size,
				   .ctx_in = (uintptr_t)context };

	assert_int_equal(syscall(SYS_bpf, CMD_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
}

static inline void skip_unless_root(void)
{
	if (geteuid() != 0)
		skip();
}

#endif
