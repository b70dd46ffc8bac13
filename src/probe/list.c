/*
 * Listing probes by pattern, for `-l`.
 *
 *	tracepoint:sched:*     one provider, by its parts
 *	*:sys_*                providers by wildcard
 *	*open*                 no ':': any provider's events whose name or whole rest fits
 *	kprobe                 all of a provider
 *	struct task_struct     types (list_types.c)
 *
 * Needs: providers' match. Called by the command line through probe_list().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe_priv.h"

struct listing {
	struct probe_env *env;
	bool verbose;
	struct buf *out;
};

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct event *const *)a)->name, (*(struct event *const *)b)->name);
}

static int print_events(const struct listing *l, struct event_list *events)
{
	const char *last = "";
	int err = 0;

	if (events->n)
		qsort(events->v, events->n, sizeof(*events->v), by_name);
	for (uint32_t i = 0; i < events->n && !err; i++) {
		struct event *e = events->v[i];

		if (streq(e->name, last))
			continue;
		last = e->name;
		buf_puts(l->out, e->name);
		buf_putc(l->out, '\n');
		if (l->verbose && e->provider->arguments)
			err = e->provider->arguments(l->env, e, l->out);
	}
	return err;
}

/* The rest of a full name, after the provider's. */
static const char *rest_of(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void print_lines(const struct listing *l, const char *lines, const char *pattern)
{
	const char *end;

	for (; (end = strchr(lines, '\n')); lines = end + 1) {
		char *line = arena_strndup(l->env->arena, lines, end - lines);
		char *bare = arena_strndup(l->env->arena, lines, end - lines - 1);

		if (glob_match(pattern, rest_of(bare)) || glob_match(pattern, rest_of(line)))
			buf_printf(l->out, "%s\n", line);
	}
}

/* The attach point that stands for all events of @p that @rest may mean. */
static const char *attach_point(struct probe_env *env, const struct provider *p, const char *rest)
{
	bool is_file = p == &provider_uprobe || p == &provider_uretprobe;
	bool has_parts = strchr(rest, ':') != NULL;

	if (!p->max_parts || (p->max_parts == 1 && streq(rest, "*")))
		return p->name;
	if (!has_parts && (p->min_parts == 2 || (is_file && strchr(rest, '/'))))
		return arena_printf(env->arena, "%s:%s:*", p->name, rest);
	return arena_printf(env->arena, "%s:%s", p->name, rest);
}

static int list_one(const struct listing *l, const struct provider *p, const char *rest)
{
	struct event_list events = { 0 };
	struct probe_spec spec;
	int err;

	if (p->listing) {
		print_lines(l, p->listing, rest);
		return 0;
	}
	err = probe_parse(l->env, attach_point(l->env, p, rest), SPAN_NONE, &spec);
	if (!err)
		err = p->match(l->env, &spec, &events);
	return err ? err : print_events(l, &events);
}

/* All events of @p whose rest or last part fits @word. */
static int list_word(const struct listing *l, const struct provider *p, const char *word)
{
	struct event_list all = { 0 }, fitting = { 0 };
	struct probe_spec spec;
	int err;

	if (p->listing) {
		print_lines(l, p->listing, word);
		return 0;
	}
	err = probe_parse(l->env, attach_point(l->env, p, "*"), SPAN_NONE, &spec);
	if (!err)
		err = p->match(l->env, &spec, &all);
	for (uint32_t i = 0; i < all.n; i++) {
		const char *rest = rest_of(all.v[i]->name), *last = strrchr(all.v[i]->name, ':');

		if (glob_match(word, rest) || (last && glob_match(word, last + 1)))
			vec_push(l->env->arena, &fitting, all.v[i]);
	}
	return err ? err : print_events(l, &fitting);
}

/* Over several providers: those that cannot be listed here are left out without a word. */
static void list_many(const struct listing *l, const char *names, const char *pattern,
		      int (*list)(const struct listing *l, const struct provider *p,
				  const char *pattern))
{
	struct diags quiet, *kept = l->env->diags;

	diags_init(&quiet, l->env->arena, NULL);
	l->env->diags = &quiet;
	for (const struct provider *const *p = providers; *p; p++)
		if (glob_match(names, (*p)->name))
			list(l, *p, pattern);
	l->env->diags = kept;
}

static int list_pattern(const struct listing *l, char *pattern)
{
	char *colon = strchr(pattern, ':');
	const struct provider *p;

	if (list_types(l->env, pattern, l->verbose, l->out))
		return 0;
	if (!colon) {
		p = provider_find(pattern);
		if (p)
			return list_one(l, p, "*");
		list_many(l, "*", pattern, list_word);
		return 0;
	}
	*colon = '\0';
	if (has_wildcard(pattern)) {
		list_many(l, pattern, colon + 1, list_one);
		return 0;
	}
	p = provider_find(pattern);
	if (p)
		return list_one(l, p, colon[1] ? colon + 1 : "*");
	*colon = ':';
	return probe_parse(l->env, pattern, SPAN_NONE, &(struct probe_spec){ 0 });
}

int probe_list(struct probe_env *env, const char *pattern, bool verbose, struct buf *out)
{
	struct listing l = { env, verbose, out };
	char *patterns, *one;
	int err = 0;

	if (!pattern)
		pattern = "*";
	patterns = arena_strdup(env->arena, pattern);
	while (!err && (one = strsep(&patterns, ",")))
		err = list_pattern(&l, one);
	return err ? err : out->err;
}
