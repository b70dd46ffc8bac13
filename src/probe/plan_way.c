/*
 * How events reach their programs.
 *
 * A tracepoint is attached by itself, as a perf event: that costs time for each event when it is
 * attached and let go of, and nothing for the system calls that were not asked for. Instead, all
 * wanted sys_enter_* (or sys_exit_*) can be fed by one program on the raw tracepoint that every
 * system call passes: attached and let go of at once, with a small cost on every system call. The
 * raw way is taken
 *
 *	when it is cheaper: from RAW_FROM_EVENTS events on, or when the user asks for it, and
 *	when it is right: the number is known, every field that is read can be found from the raw
 *	record, no clause needs the context itself, and 32-bit callers can be told apart.
 *
 * One event takes one way for all clauses. Needs: plan units. Called by plan.c.
 */
#include "probe/plan_priv.h"
#include "probe/syscall.h"

/* How many events of one side make the raw way cheaper. */
enum { RAW_FROM_EVENTS = 16 };

/* MAP_DISPATCH keeps an event's index + 1 in 16 bits. */
enum { RAW_INDEX_MAX = 0xfffe };

enum verdict {
	RAW_FITS,
	RAW_NOT_NUMBERED,
	RAW_NEEDS_CONTEXT,
	RAW_NEEDS_FIELD,
	RAW_NEEDS_STACK,
	RAW_TOO_MANY,
	RAW_VERDICTS
};

static const char *const verdict_reasons[RAW_VERDICTS] = {
	[RAW_NOT_NUMBERED] = "the number of the system call is not known",
	[RAW_NEEDS_CONTEXT] = "a clause reads the tracepoint's own context",
	[RAW_NEEDS_FIELD] = "a clause reads a field that the raw tracepoint does not have",
	[RAW_NEEDS_STACK] = "a clause takes a stack, whose frames would differ",
	[RAW_TOO_MANY] = "there are too many probes before it",
};

/* Enter and exit are decided apart. */
struct side {
	const char *name;
	enum event_way way;
	bool (*is_mine)(const struct event *event);
};

static const struct side sides[] = {
	{ "sys_enter", WAY_RAW_ENTER, syscall_is_enter },
	{ "sys_exit", WAY_RAW_EXIT, syscall_is_exit },
};

static bool field_fits(const struct probe_env *env, const struct event *event, const char *name)
{
	const struct event_field *field = event_field(event, name);

	return field && syscall_raw_access(env->target->arch, event, field).kind != ACCESS_NONE;
}

static bool fields_fit(const struct probe_env *env, const struct plan_clause *c,
		       const struct event *event)
{
	if (c->all_fields) {
		for (uint32_t i = 0; i < event->fields.n; i++)
			if (!field_fits(env, event, event->fields.v[i].name))
				return false;
	}
	for (uint32_t i = 0; i < c->fields.n; i++)
		if (!field_fits(env, event, c->fields.v[i]))
			return false;
	return true;
}

static enum verdict judge(const struct probe_env *env, const struct plan_clause *clauses,
			  const struct plan_unit *unit)
{
	unit->event->syscall = syscall_number(env->target->arch, unit->event);
	if (unit->event->syscall < 0)
		return RAW_NOT_NUMBERED;
	if (unit->event->index > RAW_INDEX_MAX)
		return RAW_TOO_MANY;
	for (uint32_t i = 0; i < unit->uses.n; i++) {
		const struct plan_clause *c = &clauses[unit->uses.v[i].clause];

		if (c->own_context)
			return RAW_NEEDS_CONTEXT;
		if (c->takes_stack)
			return RAW_NEEDS_STACK;
		if (!fields_fit(env, c, unit->uses.v[i].event))
			return RAW_NEEDS_FIELD;
	}
	return RAW_FITS;
}

static void take_raw_way(struct probe_env *env, struct plan_unit *unit, enum event_way way)
{
	int32_t number = unit->event->syscall;

	for (uint32_t i = 0; i < unit->uses.n; i++) {
		struct event *e = unit->uses.v[i].event;

		e->way = way;
		e->syscall = number;
		syscall_move_fields(env, e);
	}
}

static void note(struct probe_env *env, struct plan *plan, const struct side *side, uint32_t n,
		 const char *how, const char *why)
{
	if (n)
		vec_push(env->arena, &plan->notes,
			 arena_printf(env->arena, "syscalls:%s_*: %u probe%s %s: %s", side->name, n,
				      n == 1 ? "" : "s", how, why));
}

static const char by_itself[] = "attached one by one";
static const char by_number[] = "through one program on the raw tracepoint, by number";

/* Why the raw way is not taken though @fitting events could; NULL: it is taken. */
static const char *against(struct probe_env *env, uint32_t fitting, struct plan *plan)
{
	if (env->syscalls == SYSCALLS_CLASSIC)
		return "as asked for";
	if (env->syscalls == SYSCALLS_AUTO && fitting < RAW_FROM_EVENTS)
		return arena_printf(env->arena, "fewer than %d cost less so", RAW_FROM_EVENTS);
	if (!plan->compat.mask && !syscall_compat(env, &plan->compat))
		return "the kernel's types do not tell 32-bit callers apart";
	return NULL;
}

static void decide_side(struct probe_env *env, const struct plan_clause *clauses,
			const struct plan_units *units, const struct side *side, struct plan *plan)
{
	uint32_t counts[RAW_VERDICTS] = { 0 };
	const char *why;

	for (uint32_t i = 0; i < units->n; i++) {
		struct plan_unit *unit = units->v[i];
		enum verdict v;

		if (!side->is_mine(unit->event))
			continue;
		v = judge(env, clauses, unit);
		unit->may_be_raw = v == RAW_FITS;
		counts[v]++;
	}
	if (counts[RAW_FITS]) {
		why = against(env, counts[RAW_FITS], plan);
		note(env, plan, side, counts[RAW_FITS], why ? by_itself : by_number,
		     why                             ? why
		     : env->syscalls == SYSCALLS_RAW ? "as asked for"
						     : "so many cost less so");
		for (uint32_t i = 0; !why && i < units->n; i++)
			if (units->v[i]->may_be_raw && side->is_mine(units->v[i]->event))
				take_raw_way(env, units->v[i], side->way);
	}
	for (unsigned v = RAW_FITS + 1; v < RAW_VERDICTS; v++)
		note(env, plan, side, counts[v], by_itself, verdict_reasons[v]);
}

void plan_ways(struct probe_env *env, const struct plan_clause *clauses,
	       const struct plan_units *units, struct plan *plan)
{
	for (unsigned i = 0; i < ARRAY_LEN(sides); i++)
		decide_side(env, clauses, units, &sides[i], plan);
}
