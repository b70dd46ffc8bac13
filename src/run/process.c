/*
 * Processes behind user stacks. Symbols are looked up when a stack is printed, which may be long
 * after its process has ended; so while tracing, each process that a stack came from is looked at
 * once, and what is mapped where is remembered. Needs: the MAP_STACKS map, sym. Called by
 * session.c, now and then.
 */
#include <stdlib.h>
#include <string.h>

#include "run/run_priv.h"

/* A host_entry_fn over MAP_STACKS. */
static int see_one(void *ctx, const void *key, const void *values, uint32_t n, uint32_t stride)
{
	struct session *s = ctx;
	struct stack_entry head;

	(void)key;
	(void)stride;
	if (n == 0)
		return 0;
	memcpy(&head, values, offsetof(struct stack_entry, frames));
	if (head.pid && pids_add(&s->seen, head.pid))
		symbols_see(s->env.symbols, head.pid);
	return 0;
}

void process_look(struct session *s)
{
	int map = image_role(s->img, MAP_STACKS);

	if (map >= 0 && s->env.symbols &&
	    s->img->maps.v[map].value_size >= offsetof(struct stack_entry, frames))
		s->host->ops->map_each(s->host, map, see_one, s);
}

/* ---- the set: open addressing, 0 is a free place ---- */

static bool put(struct pids *set, uint32_t pid)
{
	uint32_t i = pid * 2654435761u & (set->cap - 1);

	while (set->v[i] && set->v[i] != pid)
		i = (i + 1) & (set->cap - 1);
	if (set->v[i])
		return false;
	set->v[i] = pid;
	set->n++;
	return true;
}

static bool grow(struct pids *set)
{
	struct pids more = { .cap = set->cap ? set->cap * 2 : 64 };

	more.v = calloc(more.cap, sizeof(*more.v));
	if (!more.v)
		return false;
	for (uint32_t i = 0; i < set->cap; i++)
		if (set->v[i])
			put(&more, set->v[i]);
	free(set->v);
	*set = more;
	return true;
}

/* Without memory a process counts as known: its symbols may be missing, nothing else is. */
bool pids_add(struct pids *set, uint32_t pid)
{
	if (set->n * 2 >= set->cap && !grow(set))
		return false;
	return put(set, pid);
}

void pids_done(struct pids *set)
{
	free(set->v);
	*set = (struct pids){ 0 };
}
