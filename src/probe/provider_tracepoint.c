/*
 * tracepoint:SUBSYSTEM:EVENT is the directory events/SUBSYSTEM/EVENT of tracefs: `id` is the
 * number that perf_event_open takes, `format` describes the record that the program gets as its
 * context. Names with wildcards are looked up in available_events, a line SUBSYSTEM:EVENT each;
 * a full name costs no more than opening its own file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe_priv.h"
#include "probe/syscall.h"
#include "types/format.h"

static int parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	(void)env;
	(void)n;
	spec->target = parts[0];
	spec->func = parts[1];
	spec->is_wild = has_wildcard(parts[0]) || has_wildcard(parts[1]);
	return 0;
}

static int unreadable(struct probe_env *env, struct span span, int err)
{
	diag_error(env->diags, span, "the kernel's tracepoints cannot be read: %s", strerror(-err));
	diag_hint(env->diags, "%s", tracefs_why(err));
	return err;
}

static struct event *add(struct probe_env *env, const struct probe_spec *spec,
			 const char *subsystem, const char *name, struct event_list *out)
{
	const char *full = arena_printf(env->arena, "tracepoint:%s:%s", subsystem, name);
	struct event *e = event_new(env, spec, full, ATTACH_TRACEPOINT, out);

	e->attach.func = strrchr(full, ':') + 1;
	e->attach.target = arena_strndup(env->arena, subsystem, strlen(subsystem));
	return e;
}

/* Calls @visit for each line of available_events, cut in two; lines are cut in place. */
static int each_name(struct probe_env *env, void (*visit)(void *ctx, char *subsystem, char *name),
		     void *ctx)
{
	int err = read_text(env, "available_events");
	char *line = env->text.data, *end, *colon;

	if (err)
		return err;
	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		visit(ctx, line, colon + 1);
	}
	return 0;
}

struct matching {
	struct probe_env *env;
	const struct probe_spec *spec;
	struct event_list *out;
	struct name_list *names; /* for suggestions */
};

static void add_if_wanted(void *ctx, char *subsystem, char *name)
{
	struct matching *m = ctx;

	if (glob_match(m->spec->target, subsystem) && glob_match(m->spec->func, name))
		add(m->env, m->spec, subsystem, name, m->out);
}

/* A part of a path under events/: nothing that leaves the directory. */
static bool is_plain(const char *part)
{
	return *part && *part != '.' && !strchr(part, '/');
}

static int read_id(struct probe_env *env, const char *subsystem, const char *name, uint32_t *ret)
{
	int err;

	if (!is_plain(subsystem) || !is_plain(name))
		return -ENOENT;
	err = read_text(env, arena_printf(env->arena, "events/%s/%s/id", subsystem, name));
	if (!err)
		*ret = strtoul(env->text.data, NULL, 10);
	return err;
}

static int match_one(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	int err = tracefs_open(env->tracefs);
	uint32_t id = 0;

	if (err < 0)
		return unreadable(env, spec->span, err);
	err = read_id(env, spec->target, spec->func, &id);
	if (err == -ENOENT || err == -ENOTDIR)
		return 0;
	if (err)
		return unreadable(env, spec->span, err);
	add(env, spec, spec->target, spec->func, out)->attach.config = id;
	return 0;
}

static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	struct matching m = { .env = env, .spec = spec, .out = out };
	int err;

	if (!spec->is_wild)
		return match_one(env, spec, out);
	err = each_name(env, add_if_wanted, &m);
	return err ? unreadable(env, spec->span, err) : 0;
}

static int prepare(struct probe_env *env, struct event *event)
{
	int err;

	if (event->attach.config)
		return 0;
	err = read_id(env, event->attach.target, event->attach.func, &event->attach.config);
	return err ? unreadable(env, event->attach.span, err) : 0;
}

static struct access access_of(const struct type_member *m)
{
	enum access_kind kind = m->data_loc   ? ACCESS_DATA_LOC
				: m->data_rel ? ACCESS_DATA_REL
					      : ACCESS_CONTEXT;

	return (struct access){ kind, 0, m->offset };
}

static void take_fields(struct probe_env *env, struct event *event, const struct type *record)
{
	for (uint32_t i = 0; i < record->nmembers; i++) {
		const struct type_member *m = &record->members[i];

		vec_push(env->arena, &event->fields,
			 (struct event_field){ .name = m->name,
					       .type = m->type,
					       .access = access_of(m),
					       .bit_offset = m->bit_offset,
					       .bit_size = m->bit_size });
	}
	event->args = record;
}

static int read_format(struct probe_env *env, const struct event *event)
{
	const char *path = arena_printf(env->arena, "events/%s/%s/format", event->attach.target,
					event->attach.func);

	return read_text(env, path);
}

static int fields(struct probe_env *env, struct event *event, struct span span)
{
	bool is_exit = syscall_is_exit(event);
	struct format format;
	const char *why;
	int err;

	if (is_exit && env->exit_model) {
		event->fields = env->exit_model->fields;
		event->args = env->exit_model->args;
		return 0;
	}
	err = read_format(env, event);
	if (err)
		return unreadable(env, span, err);
	err = format_parse(env->types, env->text.data, syscall_is_syscall(event), &format, &why);
	if (err)
		return diag_error(env->diags, span, "the format of %s cannot be read: %s",
				  event->name, why);
	event->attach.config = format.id;
	take_fields(env, event, format.record);
	if (is_exit)
		env->exit_model = event;
	return 0;
}

/* ---- suggestions ---- */

static void collect_subsystem(void *ctx, char *subsystem, char *name)
{
	struct matching *m = ctx;

	(void)name;
	if (!m->names->n || !streq(m->names->v[m->names->n - 1], subsystem))
		vec_push(m->env->arena, m->names, arena_strdup(m->env->arena, subsystem));
}

static void collect_name(void *ctx, char *subsystem, char *name)
{
	struct matching *m = ctx;

	if (streq(m->spec->target, subsystem))
		vec_push(m->env->arena, m->names, arena_strdup(m->env->arena, name));
}

/* The events of the subsystem; when there is no such subsystem, the subsystems. */
static const char *names(struct probe_env *env, const struct probe_spec *spec,
			 struct name_list *out)
{
	struct matching m = { .env = env, .spec = spec, .names = out };

	if (each_name(env, collect_name, &m))
		return NULL;
	if (out->n)
		return spec->func;
	return each_name(env, collect_subsystem, &m) ? NULL : spec->target;
}

/* ---- listing ---- */

/* One line of a format: "\tfield:const char * filename;\toffset:24;...". */
static void print_field(const char *line, const char *end, struct buf *out)
{
	static const char start[] = "\tfield:";
	const char *decl = line + sizeof(start) - 1, *stop;

	if ((size_t)(end - line) < sizeof(start) || memcmp(line, start, sizeof(start) - 1))
		return;
	stop = memchr(decl, ';', end - decl);
	if (!stop || memmem(decl, stop - decl, " common_", 8))
		return;
	buf_puts(out, "    ");
	buf_add(out, decl, stop - decl);
	buf_putc(out, '\n');
}

static int arguments(struct probe_env *env, struct event *event, struct buf *out)
{
	int err = read_format(env, event);
	const char *line = env->text.data, *end;

	if (err)
		return err;
	for (; line && (end = strchr(line, '\n')); line = end + 1)
		print_field(line, end, out);
	return 0;
}

const struct provider provider_tracepoint = {
	.name = "tracepoint",
	.aliases = { "t" },
	.forms = "tracepoint:SUBSYSTEM:EVENT",
	.flags = PROVIDES_FIELDS | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_TRACEPOINT,
	.min_parts = 2,
	.max_parts = 2,
	.parse = parse,
	.match = match,
	.fields = fields,
	.prepare = prepare,
	.names = names,
	.arguments = arguments,
};
