/*
 * The plan: clauses x events -> programs, many to many, in source order.
 *
 *	clause 0: sys_enter_open*          events: open, openat, openat2, openat by clause 1 too
 *	clause 1: sys_enter_openat
 *
 *	program A: open, openat2   steps: clause 0
 *	program B: openat          steps: clause 0, clause 1
 *
 * Events fed by the same clauses, with the same shape, share a program. A program runs its
 * steps in order; whatever one step does (return, a false predicate), the next still runs. An
 * event that a clause names twice (overlapping wildcards in one list) runs it once.
 *
 * A shape is what the code of a clause depends on in an event: the type and place of each field
 * that it reads. A clause that reads args.fd alone has one shape for all events whose fd lies at
 * the same place.
 *
 * Many syscalls:* tracepoints may be fed by one program on the raw tracepoint instead, which finds
 * the event by the system call's number; plan_way.c says when that is cheaper and when it is right.
 */
#ifndef SKEP_PROBE_PLAN_H
#define SKEP_PROBE_PLAN_H

#include "probe/probe.h"

/* What the front end knows of one clause. */
struct plan_clause {
	struct event_list events;
	struct name_list fields; /* the names x of all args.x; */
	bool all_fields;         /* `args` as a whole */
	bool names_event;        /* probe, func: the code must know which event came */
	bool own_context;        /* reads ctx, argN, reg ...: never moved to another way */
	bool takes_stack; /* kstack: another way would show other frames (ustack: the same) */
};

/* A step: the code of one clause for one shape. Steps with equal clause and shape are the same
 * code and may be lowered once. */
struct plan_step {
	uint32_t clause;
	uint32_t shape;      /* counted from 0 in each clause */
	struct event *model; /* any event of that shape: types and places come from it */
};

/* Events of one program that run the same steps. */
struct plan_case {
	struct event_list events;
	VEC(struct plan_step) steps;
};

/* How a program knows which event came; needed when a step names it or there are many cases. */
enum plan_which {
	WHICH_ONE, /* it has only one event */
	WHICH_UNNEEDED,
	WHICH_COOKIE,   /* bpf_get_attach_cookie() = index in image.probes */
	WHICH_PARAM,    /* PARAM_COOKIE, in a copy for each event */
	WHICH_DISPATCH, /* MAP_DISPATCH by system call number: case << 16 | (index + 1) */
};

struct plan_prog {
	const struct provider *provider;
	enum event_way way;
	uint32_t type;    /* enum bpf_prog_type */
	const char *name; /* <= 15 characters */
	enum plan_which which;
	VEC(struct plan_case) cases; /* one, unless which is WHICH_DISPATCH */
	/* WHICH_DISPATCH: what MAP_DISPATCH starts with, by system call number: case << 16 |
	 * (event index + 1), 0: not asked for */
	uint32_t *dispatch;
	uint32_t ndispatch;
	struct access number; /* WHICH_DISPATCH: where the system call's number is, 4 bytes; one
			       * of ndispatch or more is not asked for */
};

/* Callers of the 32-bit ABI, whose system call numbers mean other calls: programs of a raw way
 * return at once when the word at bpf_get_current_task() + offset (read by probe_read_kernel, of
 * `size` 4 or 8 bytes) & mask is not 0. */
struct plan_compat {
	uint32_t offset, size;
	uint64_t mask;
};

struct plan {
	struct plan_compat compat;   /* for WAY_RAW_*; mask 0 when no program needs it */
	VEC(struct plan_prog) progs; /* by first clause, then by first event */
	VEC(const char *) probes;    /* names by event index; becomes image.probes */
	uint32_t *nshapes;           /* one for each clause */
	VEC(const char *) notes;     /* for -v: which way was taken and why, one line each */
};

/* plan_make - never fails for want of a feature that has a fallback; other reasons go to
 * env->diags. 0 or -errno. */
int plan_make(struct probe_env *env, const struct plan_clause *clauses, uint32_t n,
	      struct plan *ret);

/* plan_attach - appends the attach records of @prog's events to @img; @index is the program's
 * index in the image. A dispatching program has one record, for its raw tracepoint. */
void plan_attach(const struct plan_prog *prog, uint32_t index, struct image *img);

#endif
