/*
 * profile: samples on every CPU, at a frequency or with a period. The kernel's event is the perf
 * software event cpu-clock, one on each CPU; the program's context is struct bpf_perf_event_data,
 * which begins with the interrupted registers.
 */
#include "probe/probe_priv.h"

static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	return timer_match(env, spec, ATTACH_PROFILE, out);
}

const struct provider provider_profile = {
	.name = "profile",
	.aliases = { "p" },
	.forms = "profile:hz:N, profile:s:N, profile:ms:N, profile:us:N or profile:1s",
	.flags = PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_PERF_EVENT,
	.min_parts = 1,
	.max_parts = 2,
	.parse = timer_parse,
	.match = match,
	.listing = "profile:hz:\nprofile:s:\nprofile:ms:\nprofile:us:\n",
};
