/*
 * software:EVENT[:COUNT] is a perf software event on every CPU (or of one process), firing once
 * in COUNT events. Names, numbers and default counts are rows of software.def.
 */
#include <errno.h>
#include <string.h>

#include "probe/probe_priv.h"

static const struct software_row {
	const char *name, *alias;
	uint32_t number;
	uint64_t count;
} rows[] = {
#define SOFTWARE(name, alias, number, count) { name, alias, number, count },
#include "probe/software.def"
#undef SOFTWARE
};

static const struct software_row *find_row(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		if (streq(rows[i].name, name) || (rows[i].alias && streq(rows[i].alias, name)))
			return &rows[i];
	return NULL;
}

static int parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	spec->target = parts[0];
	if (n < 2 || !*parts[1])
		return 0;
	spec->func = parts[1];
	if (parse_number(parts[1], &spec->period) && spec->period)
		return 0;
	diag_error(env->diags, spec->span, "%s is not a count of events", parts[1]);
	diag_hint(env->diags, "write a positive number, as in software:page-faults:100");
	return -EINVAL;
}

static int unknown(struct probe_env *env, const struct probe_spec *spec)
{
	const char *names[ARRAY_LEN(rows)];

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		names[i] = rows[i].name;
	diag_error(env->diags, spec->span, "there is no software event %s", spec->target);
	diag_hint_nearest(env->diags, spec->target, names, ARRAY_LEN(names));
	return -ENOENT;
}

static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	const struct software_row *row = find_row(spec->target);
	struct event *e;

	if (!row)
		return unknown(env, spec);
	e = event_new(env, spec,
		      arena_printf(env->arena, "software:%s%s%s", spec->target,
				   spec->func ? ":" : "", spec->func ? spec->func : ""),
		      ATTACH_SOFTWARE, out);
	e->attach.config = row->number;
	e->attach.period = spec->period ? spec->period : row->count;
	e->attach.pid = env->pid;
	return 0;
}

const struct provider provider_software = {
	.name = "software",
	.aliases = { "s" },
	.forms = "software:EVENT or software:EVENT:COUNT",
	.flags = PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_PERF_EVENT,
	.min_parts = 1,
	.max_parts = 2,
	.parse = parse,
	.match = match,
	.listing =
#define SOFTWARE(name, alias, number, count) "software:" name ":\n"
#include "probe/software.def"
		,
};
