/*
 * The target that this machine is: release, architecture, CPUs; and walks over the kernel's CPU
 * lists ("0-3,8"). Called once by whoever starts a session, and for every event that is opened on
 * each CPU.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "kernel/kernel_priv.h"

/* More than any kernel is built for; what a damaged list could make us walk ends here. */
enum { CPU_LIMIT = 1 << 16 };

static int cpu_range(long first, long last, int (*fn)(void *ctx, int cpu), void *ctx)
{
	for (long cpu = first; cpu <= last; cpu++) {
		int ret = fn(ctx, (int)cpu);
		if (ret)
			return ret;
	}
	return 0;
}

static int cpu_parse(const char *list, int (*fn)(void *ctx, int cpu), void *ctx)
{
	for (const char *s = list; *s && *s != '\n';) {
		char *end;
		long first = strtol(s, &end, 10), last = first;

		if (end == s)
			return -EINVAL;
		if (*end == '-') {
			s = end + 1;
			last = strtol(s, &end, 10);
		}
		if (end == s || first < 0 || last < first || last >= CPU_LIMIT)
			return -EINVAL;
		int ret = cpu_range(first, last, fn, ctx);
		if (ret)
			return ret;
		s = *end == ',' ? end + 1 : end;
	}
	return 0;
}

int cpu_list(const char *which, int (*fn)(void *ctx, int cpu), void *ctx)
{
	struct buf text = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", which);
	int ret = buf_read_file(&text, AT_FDCWD, path, 1 << 16);
	if (ret == 0)
		ret = cpu_parse(text.data, fn, ctx);
	buf_done(&text);
	return ret;
}

static int cpu_highest(void *ctx, int cpu)
{
	uint32_t *n = ctx;

	*n = MAX(*n, (uint32_t)cpu + 1);
	return 0;
}

int kernel_target(struct target *t)
{
	struct utsname name;

	memset(t, 0, sizeof(*t));
	if (uname(&name))
		return -errno;
	t->arch = target_native_arch();
	t->kernel = target_parse_kernel(name.release);
	int ret = cpu_list("possible", cpu_highest, &t->ncpus);
	t->trial = trial_feature;
	return ret;
}
