/*
 * Process limits that stand in the way of many probes and large maps: raised when needed and
 * allowed, never lowered. Called before programs are loaded and probes attached.
 */
#include <errno.h>
#include <sys/resource.h>

#include "kernel/kernel_priv.h"

/* What the rest of the process may have open beside ours. */
enum { FILES_OTHERS = 128 };

int limits_files(uint32_t more)
{
	struct rlimit now;
	rlim_t want = (rlim_t)more + FILES_OTHERS;

	if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur == RLIM_INFINITY || now.rlim_cur >= want)
		return 0;
	/* Root may go above the hard limit, others up to it. */
	struct rlimit raised = { want, MAX(want, now.rlim_max) };
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return 0;
	raised = (struct rlimit){ MIN(want, now.rlim_max), now.rlim_max };
	setrlimit(RLIMIT_NOFILE, &raised);
	return now.rlim_max >= want ? 0 : -EMFILE;
}

/* Without the privilege the limit stays as it is: a map that does not fit then fails with EPERM,
 * and kernel_why() names the limit. */
void limits_memory(struct target *t)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	if (!target_has(t, FEATURE_MEMCG_MEMORY))
		setrlimit(RLIMIT_MEMLOCK, &none);
}
