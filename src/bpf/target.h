/*
 * The target: what an image is made for. Makers (language, IR) and the verifier receive one
 * and never ask a kernel themselves.
 *
 * Feature rows (name, since, what is used instead) are data in feature.def. For the running
 * kernel each row is tried on first use through `trial` (kernel/ sets it); with `--kernel 5.15`
 * there is no trial and `since` decides. Every row can be forced either way.
 */
#ifndef SKEP_BPF_TARGET_H
#define SKEP_BPF_TARGET_H

#include "base/base.h"

#define KERNEL(major, minor) ((major) << 16 | (minor) << 8)

enum feature {
#define FEATURE(id, name, since_major, since_minor, fallback) FEATURE_##id,
#include "bpf/feature.def"
#undef FEATURE
	FEATURE_COUNT
};

struct feature_row {
	const char *name;     /* as options and `--info` spell it */
	uint32_t since;       /* KERNEL(major, minor) of mainline */
	const char *fallback; /* what skep does without it, or what a user can do */
};

extern const struct feature_row feature_rows[FEATURE_COUNT];

enum arch { ARCH_X86_64, ARCH_ARM64 };

enum feature_state { FEATURE_UNTRIED, FEATURE_ABSENT, FEATURE_PRESENT };

struct target {
	enum arch arch;
	uint32_t kernel;                 /* KERNEL(major, minor) */
	uint32_t ncpus;                  /* possible CPUs: the width of per-CPU values */
	uint8_t features[FEATURE_COUNT]; /* enum feature_state: the answers so far, or forced ones
					  */
	/* Tries @f on the running kernel; NULL: decide by version. */
	bool (*trial)(void *ctx, enum feature f);
	void *trial_ctx;
};

/* target_has - whether the target has feature @f; remembers the answer. */
bool target_has(struct target *t, enum feature f);

/* target_force - fixes features from a list such as "cookie=off,bpf_loop=on" or, as bpftrace
 * users write it, "kprobe_multi,uprobe_multi" (each off). Returns 0, or -EINVAL with *ret_bad
 * at the first word that names no feature. */
int target_force(struct target *t, const char *list, const char **ret_bad);

/* target_parse_kernel - KERNEL() of a release such as "6.1.0-13-amd64" or "5.15"; 0 if it is
 * none. */
uint32_t target_parse_kernel(const char *release);

/* target_native_arch - the architecture this program was built for. */
enum arch target_native_arch(void);

#endif
