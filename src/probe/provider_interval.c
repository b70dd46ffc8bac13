/*
 * interval: a timer that fires on one CPU. The kernel's event is the perf software event cpu-clock
 * on that CPU.
 */
#include "probe/probe_priv.h"

static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	return timer_match(env, spec, ATTACH_INTERVAL, out);
}

const struct provider provider_interval = {
	.name = "interval",
	.aliases = { "i" },
	.forms = "interval:hz:N, interval:s:N, interval:ms:N, interval:us:N or interval:1s",
	.flags = PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_PERF_EVENT,
	.min_parts = 1,
	.max_parts = 2,
	.parse = timer_parse,
	.match = match,
	.listing = "interval:hz:\ninterval:s:\ninterval:ms:\ninterval:us:\n",
};
