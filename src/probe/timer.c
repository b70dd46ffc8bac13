/*
 * The times of profile and interval probes:
 *
 *	profile:hz:99   99 times a second      interval:s:1, ms:100, us:50   every 1 s, ...
 *	interval:1s     a duration literal     interval:5000                 nanoseconds
 */
#include <errno.h>
#include <string.h>

#include "probe/probe_priv.h"

#define NS_PER_S 1000000000ull
enum { SHORTEST_NS = 1000 };

static const struct time_unit {
	const char *name;
	uint64_t ns;
	bool is_part; /* may stand as a part of its own, as in interval:s:1 */
} time_units[] = {
	{ "ns", 1, false },
	{ "us", 1000, true },
	{ "ms", 1000000, true },
	{ "s", NS_PER_S, true },
	{ "m", 60 * NS_PER_S, false },
	{ "h", 3600 * NS_PER_S, false },
	{ "d", 24 * 3600 * NS_PER_S, false },
};

static const struct time_unit *find_unit(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(time_units); i++)
		if (streq(time_units[i].name, name))
			return &time_units[i];
	return NULL;
}

static int bad_number(struct probe_env *env, const char *text, struct span span)
{
	diag_error(env->diags, span, "%s is not a time", text);
	diag_hint(env->diags, "write a positive number, or one with a unit such as 100ms");
	return -EINVAL;
}

static int check_range(struct probe_env *env, const struct probe_spec *spec)
{
	if (spec->is_frequency && (!spec->period || spec->period > NS_PER_S / SHORTEST_NS))
		return diag_error(env->diags, spec->span,
				  "%s frequency must be between 1 and %llu Hz",
				  spec->provider->name, NS_PER_S / SHORTEST_NS);
	if (spec->is_frequency || spec->period >= SHORTEST_NS)
		return 0;
	diag_error(env->diags, spec->span, "%s period must be at least %d ns, not %llu",
		   spec->provider->name, SHORTEST_NS, (unsigned long long)spec->period);
	diag_hint(env->diags, "a number alone is in nanoseconds: write %s:hz:99 or %s:1s",
		  spec->provider->name, spec->provider->name);
	return -EINVAL;
}

/* "5000", "1s", "100ms": the unit is what follows the digits. */
static int parse_duration(struct probe_env *env, const char *text, struct probe_spec *spec)
{
	size_t digits = strspn(text, "0123456789_");
	const struct time_unit *unit = find_unit(text + digits);

	if (unit && parse_number(arena_strndup(env->arena, text, digits), &spec->period)) {
		if (__builtin_mul_overflow(spec->period, unit->ns, &spec->period))
			return bad_number(env, text, spec->span);
	} else if (!parse_number(text, &spec->period)) {
		return bad_number(env, text, spec->span);
	}
	return check_range(env, spec);
}

static int unknown_unit(struct probe_env *env, const char *unit, struct span span)
{
	diag_error(env->diags, span, "unknown unit of time: %s", unit);
	diag_hint(env->diags, "the units are hz, s, ms and us");
	return -EINVAL;
}

int timer_parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	const struct time_unit *unit;

	if (n == 1) {
		spec->func = parts[0];
		return parse_duration(env, parts[0], spec);
	}
	spec->target = parts[0];
	spec->func = parts[1];
	unit = find_unit(parts[0]);
	spec->is_frequency = streq(parts[0], "hz");
	if (!spec->is_frequency && (!unit || !unit->is_part))
		return unknown_unit(env, parts[0], spec->span);
	if (!parse_number(parts[1], &spec->period))
		return bad_number(env, parts[1], spec->span);
	if (unit && __builtin_mul_overflow(spec->period, unit->ns, &spec->period))
		return bad_number(env, parts[1], spec->span);
	return check_range(env, spec);
}

int timer_match(struct probe_env *env, const struct probe_spec *spec, enum attach_kind kind,
		struct event_list *out)
{
	const char *name = arena_printf(env->arena, "%s:%s%s%s", spec->provider->name,
					spec->target ? spec->target : "", spec->target ? ":" : "",
					spec->func);
	struct event *e = event_new(env, spec, name, kind, out);

	e->attach.period = spec->period;
	e->attach.is_frequency = spec->is_frequency;
	return 0;
}
