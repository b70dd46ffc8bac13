/* Between plan.c and plan_way.c: an event with all that the clauses want of it. */
#ifndef SKEP_PROBE_PLAN_PRIV_H
#define SKEP_PROBE_PLAN_PRIV_H

#include "probe/plan.h"

/* One clause on one event. Each clause has an event structure of its own for it. */
struct plan_use {
	uint32_t clause;
	struct event *event;
};

/* One event, whoever named it, in the order of first naming. */
struct plan_unit {
	struct event *event; /* the first clause's */
	VEC(struct plan_use) uses;
	bool may_be_raw; /* plan_way.c's own note */
};

VEC_TYPE(struct plan_unit *, plan_units);

/* plan_ways - decides how each event reaches its program: sets way and syscall of all its event
 * structures, moves their fields, fills plan->compat and adds notes. */
void plan_ways(struct probe_env *env, const struct plan_clause *clauses,
	       const struct plan_units *units, struct plan *plan);

/* clause_reads_fields - whether the clause's code depends on the places of fields. */
static inline bool clause_reads_fields(const struct plan_clause *c)
{
	return c->all_fields || c->fields.n;
}

#endif
