/*
 * The kernel as a host: bpf(2), perf_event_open(2), and what the running kernel can do.
 */
#ifndef SKEP_KERNEL_KERNEL_H
#define SKEP_KERNEL_KERNEL_H

#include "base/diag.h"
#include "bpf/target.h"
#include "image/host.h"

struct kernel_options {
	struct target *target;
	struct types *types; /* for BTF ids of attach functions; may have no BTF yet */
	const char *btf_path;
	const struct settings *settings;
	int32_t pid;  /* -p, -c: perf events of this process only; -1: all */
	bool verbose; /* keep the verifier's log of failed loads in diags hints */
	uint64_t (*ksym)(void *ctx, const char *name); /* RELOC_KSYM */
	void *ksym_ctx;
};

/* kernel_target - fills @t for the running kernel: release, CPUs, trials on demand. 0 or -errno. */
int kernel_target(struct target *t);

/* kernel_has_helper - whether programs of @type (enum bpf_prog_type) may call helper @id, by trial.
 * 1, 0, or -EPERM when it may not be tried. */
int kernel_has_helper(uint32_t type, uint32_t id);

/* kernel_host_new - NULL without memory. host->ops->free frees it. */
struct host *kernel_host_new(const struct kernel_options *opt);

/* kernel_why - one line for a user: what @err of a load or attach means here (a missing
 * capability by name, lockdown, a limit) and what to do; NULL when errno says it all. */
const char *kernel_why(int err);

#endif
