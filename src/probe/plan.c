/*
 * Clauses x events -> programs. See plan.h.
 *
 *	collect     events by name, in the order of first naming; their indices
 *	plan_ways   by themselves, or through a raw tracepoint (plan_way.c)
 *	find_steps  the shape of each clause on each event
 *	group       events with the same steps share a program (or a case of a dispatching one)
 *	finish      names, and how each program knows its event
 *
 * Needs: matched events. Called by front ends.
 */
#include "probe/plan.h"

#include <string.h>

#include "probe/plan_priv.h"
#include "probe/syscall.h"

struct planner {
	struct probe_env *env;
	const struct plan_clause *clauses;
	uint32_t nclauses;
	struct plan *plan;
	struct plan_units units;
	struct table by_name; /* event name -> struct plan_unit */
	struct shapes {
		VEC(const struct event *) models;
	} * shapes; /* one for each clause */
};

/* ---- collect ---- */

static struct plan_unit *unit_of(struct planner *p, struct event *event)
{
	struct plan_unit *unit = table_get(&p->by_name, event->name);

	if (unit)
		return unit;
	unit = arena_new(p->env->arena, struct plan_unit);
	unit->event = event;
	event->index = p->units.n;
	table_put(p->env->arena, &p->by_name, event->name, unit);
	vec_push(p->env->arena, &p->units, unit);
	vec_push(p->env->arena, &p->plan->probes, event->name);
	return unit;
}

static int add_use(struct planner *p, uint32_t clause, struct event *event)
{
	struct plan_unit *unit = unit_of(p, event);

	event->index = unit->event->index;
	if (unit->uses.n && unit->uses.v[unit->uses.n - 1].clause == clause)
		return 0;
	vec_push(p->env->arena, &unit->uses, (struct plan_use){ clause, event });
	if (clause_reads_fields(&p->clauses[clause]))
		return event_fields(p->env, event, event->attach.span);
	return 0;
}

static int collect(struct planner *p)
{
	for (uint32_t c = 0; c < p->nclauses; c++) {
		const struct event_list *events = &p->clauses[c].events;

		for (uint32_t i = 0; i < events->n; i++) {
			int err = add_use(p, c, events->v[i]);

			if (err)
				return err;
		}
	}
	return 0;
}

/* ---- shapes ---- */

static bool same_field(const struct event_field *a, const struct event_field *b)
{
	if (!a || !b)
		return a == b;
	return a->access.kind == b->access.kind && a->access.base == b->access.base &&
	       a->access.offset == b->access.offset && a->bit_offset == b->bit_offset &&
	       a->bit_size == b->bit_size && type_equal(a->type, b->type);
}

static bool same_fields(const struct event *a, const struct event *b)
{
	if (a->fields.n != b->fields.n)
		return false;
	for (uint32_t i = 0; i < a->fields.n; i++)
		if (!same_field(&a->fields.v[i], event_field(b, a->fields.v[i].name)))
			return false;
	return true;
}

/* Whether the code of @c for @a serves for @b too. */
static bool same_shape(const struct plan_clause *c, const struct event *a, const struct event *b)
{
	if (a->provider != b->provider || a->way != b->way)
		return false;
	if (c->all_fields && !same_fields(a, b))
		return false;
	for (uint32_t i = 0; i < c->fields.n; i++)
		if (!same_field(event_field(a, c->fields.v[i]), event_field(b, c->fields.v[i])))
			return false;
	return true;
}

static struct plan_step find_step(struct planner *p, const struct plan_use *use)
{
	struct shapes *s = &p->shapes[use->clause];
	uint32_t i = 0;

	while (i < s->models.n && !same_shape(&p->clauses[use->clause], s->models.v[i], use->event))
		i++;
	if (i == s->models.n)
		vec_push(p->env->arena, &s->models, use->event);
	return (struct plan_step){ .clause = use->clause, .shape = i, .model = use->event };
}

/* ---- programs ---- */

/* A group's key: what its events must have in common. */
static const char *group_key(struct planner *p, const struct plan_unit *unit,
			     const struct plan_case *one)
{
	const char *key = arena_printf(p->env->arena, "%s %d", unit->event->provider->name,
				       unit->event->way);

	for (uint32_t i = 0; i < one->steps.n; i++)
		key = arena_printf(p->env->arena, "%s %u.%u", key, one->steps.v[i].clause,
				   one->steps.v[i].shape);
	return key;
}

static uint32_t new_prog(struct planner *p, const struct plan_unit *unit)
{
	struct plan_prog prog = { .provider = unit->event->provider,
				  .way = unit->event->way,
				  .type = unit->event->way == WAY_OWN
						  ? unit->event->provider->prog_type
						  : BPF_PROG_TYPE_RAW_TRACEPOINT };

	vec_push(p->env->arena, &p->plan->progs, prog);
	return p->plan->progs.n - 1;
}

/* The program that @unit joins as a new case: on a raw way the one that is there. */
static uint32_t prog_for(struct planner *p, const struct plan_unit *unit)
{
	for (uint32_t i = 0; unit->event->way != WAY_OWN && i < p->plan->progs.n; i++)
		if (p->plan->progs.v[i].way == unit->event->way)
			return i;
	return new_prog(p, unit);
}

/* Where a group's events are: program and case. Kept by index, since both lists may move. */
struct group {
	uint32_t prog, at;
};

static void group_unit(struct planner *p, struct table *groups, struct plan_unit *unit)
{
	struct arena *arena = p->env->arena;
	struct plan_case one = { 0 };
	struct plan_prog *prog;
	struct group *group;
	const char *key;

	for (uint32_t i = 0; i < unit->uses.n; i++)
		vec_push(arena, &one.steps, find_step(p, &unit->uses.v[i]));
	key = group_key(p, unit, &one);
	group = table_get(groups, key);
	if (!group) {
		group = arena_new(arena, struct group);
		group->prog = prog_for(p, unit);
		prog = &p->plan->progs.v[group->prog];
		group->at = prog->cases.n;
		vec_push(arena, &prog->cases, one);
		table_put(arena, groups, key, group);
	}
	prog = &p->plan->progs.v[group->prog];
	vec_push(arena, &prog->cases.v[group->at].events, unit->event);
}

/* Units are in the order of first naming, so programs come by first clause, then event. */
static void group(struct planner *p)
{
	struct table groups = { 0 };

	for (uint32_t i = 0; i < p->units.n; i++)
		group_unit(p, &groups, p->units.v[i]);
	for (uint32_t c = 0; c < p->nclauses; c++)
		p->plan->nshapes[c] = p->shapes[c].models.n;
}

/* ---- finish ---- */

static bool names_event(const struct planner *p, const struct plan_prog *prog)
{
	const struct plan_case *one = &prog->cases.v[0];

	for (uint32_t i = 0; i < one->steps.n; i++)
		if (p->clauses[one->steps.v[i].clause].names_event)
			return true;
	return false;
}

static bool has_cookies(const struct planner *p, const struct plan_prog *prog)
{
	enum feature f = prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT ? FEATURE_RAWTP_COOKIE
								    : FEATURE_COOKIE;

	return (prog->provider->flags & PROVIDES_COOKIE) && target_has(p->env->target, f);
}

static enum plan_which which_of(const struct planner *p, const struct plan_prog *prog)
{
	if (prog->way != WAY_OWN)
		return WHICH_DISPATCH;
	if (prog->cases.v[0].events.n == 1)
		return WHICH_ONE;
	if (!names_event(p, prog))
		return WHICH_UNNEEDED;
	return has_cookies(p, prog) ? WHICH_COOKIE : WHICH_PARAM;
}

static void fill_dispatch(struct planner *p, struct plan_prog *prog)
{
	int32_t last = 0;

	for (uint32_t c = 0; c < prog->cases.n; c++)
		for (uint32_t i = 0; i < prog->cases.v[c].events.n; i++)
			last = MAX(last, prog->cases.v[c].events.v[i]->syscall);
	prog->number = syscall_raw_number(p->env->target->arch, prog->way);
	prog->ndispatch = last + 1;
	prog->dispatch = arena_array(p->env->arena, uint32_t, prog->ndispatch);
	for (uint32_t c = 0; c < prog->cases.n; c++) {
		for (uint32_t i = 0; i < prog->cases.v[c].events.n; i++) {
			const struct event *e = prog->cases.v[c].events.v[i];

			prog->dispatch[e->syscall] = c << 16 | (e->index + 1);
		}
	}
}

/* For the kernel's lists: 15 characters of [A-Za-z0-9_]. */
static const char *prog_name(struct planner *p, const struct plan_prog *prog)
{
	const struct event *first = prog->cases.v[0].events.v[0];
	const char *text = first->attach.func ? first->attach.func : first->name;
	char *name;

	if (prog->way != WAY_OWN)
		text = prog->way == WAY_RAW_ENTER ? "raw_sys_enter" : "raw_sys_exit";
	name = arena_strndup(p->env->arena, text, strnlen(text, 15));
	for (char *c = name; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9'))
			*c = '_';
	return name;
}

static void finish(struct planner *p)
{
	for (uint32_t i = 0; i < p->plan->progs.n; i++) {
		struct plan_prog *prog = &p->plan->progs.v[i];

		prog->which = which_of(p, prog);
		prog->name = prog_name(p, prog);
		if (prog->way != WAY_OWN)
			fill_dispatch(p, prog);
	}
}

/* Only events that are attached by themselves need what attaching needs. */
static int prepare(struct planner *p)
{
	for (uint32_t i = 0; i < p->units.n; i++) {
		struct event *e = p->units.v[i]->event;
		int err = 0;

		if (e->way == WAY_OWN && e->provider->prepare)
			err = e->provider->prepare(p->env, e);
		if (err)
			return err;
	}
	return 0;
}

int plan_make(struct probe_env *env, const struct plan_clause *clauses, uint32_t n,
	      struct plan *ret)
{
	struct plan plan = { 0 };
	struct planner p = { .env = env, .clauses = clauses, .nclauses = n, .plan = &plan };
	int err;

	p.shapes = arena_array(env->arena, struct shapes, n);
	plan.nshapes = arena_array(env->arena, uint32_t, n);
	err = collect(&p);
	if (err)
		return err;
	plan_ways(env, clauses, &p.units, &plan);
	err = prepare(&p);
	if (err)
		return err;
	group(&p);
	finish(&p);
	*ret = plan;
	return 0;
}

/* ---- attaching ---- */

static void attach_raw(const struct plan_prog *prog, uint32_t index, struct image *img)
{
	bool enter = prog->way == WAY_RAW_ENTER;
	struct attach attach = {
		.kind = ATTACH_RAW_TRACEPOINT,
		.prog = index,
		.name = enter ? "rawtracepoint:sys_enter" : "rawtracepoint:sys_exit",
		.func = enter ? "sys_enter" : "sys_exit",
		.pid = -1,
		.span = prog->cases.v[0].events.v[0]->attach.span,
	};

	for (uint32_t i = 0; i < prog->cases.n; i++)
		attach.more += prog->cases.v[i].events.n;
	attach.more--;
	vec_push(img->arena, &img->attaches, attach);
}

void plan_attach(const struct plan_prog *prog, uint32_t index, struct image *img)
{
	const struct event_list *events = &prog->cases.v[0].events;

	if (prog->way != WAY_OWN) {
		attach_raw(prog, index, img);
		return;
	}
	for (uint32_t i = 0; i < events->n; i++) {
		struct attach attach = events->v[i]->attach;

		attach.prog = index;
		attach.cookie = events->v[i]->index;
		vec_push(img->arena, &img->attaches, attach);
	}
}
