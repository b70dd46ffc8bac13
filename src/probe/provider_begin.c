/*
 * begin, end: once before anything else is attached, once after everything was detached. Any
 * number of clauses, in source order. No kernel event stands behind them: the host runs the
 * program itself.
 */
#include <string.h>

#include "probe/probe_priv.h"

static int parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	if (n && *parts[0] && !streq(parts[0], "*"))
		return diag_error(env->diags, spec->span, "%s takes no target",
				  spec->provider->name);
	return 0;
}

static int match_begin(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	event_new(env, spec, "BEGIN", ATTACH_BEGIN, out);
	return 0;
}

static int match_end(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	event_new(env, spec, "END", ATTACH_END, out);
	return 0;
}

const struct provider provider_begin = {
	.name = "begin",
	.forms = "BEGIN",
	.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
	.max_parts = 1,
	.parse = parse,
	.match = match_begin,
};

const struct provider provider_end = {
	.name = "end",
	.forms = "END",
	.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
	.max_parts = 1,
	.parse = parse,
	.match = match_end,
};
