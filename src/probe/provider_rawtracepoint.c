/*
 * rawtracepoint:[MODULE:]EVENT is a tracepoint without the record that tracefs describes: the
 * program gets the arguments of the kernel's trace_EVENT() as u64 words. The kernel's BTF knows
 * each tracepoint as the typedef btf_trace_EVENT, and its arguments, with their names, as the
 * function __traceiter_EVENT, whose first parameter is not the tracepoint's own:
 *
 *	int __traceiter_sched_switch(void *__data, bool preempt, struct task_struct *prev, ...)
 *	                                           ctx[0]        ctx[1]
 */
#include <errno.h>
#include <string.h>

#include "probe/probe_priv.h"
#include "types/btf.h"

enum { ARGUMENTS_MAX = 12 };

static const char typedef_prefix[] = "btf_trace_";

static int parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	(void)env;
	spec->target = n == 2 ? parts[0] : NULL;
	spec->func = parts[n - 1];
	spec->is_wild = has_wildcard(spec->func);
	return 0;
}

static void add(struct probe_env *env, const struct probe_spec *spec, const char *name,
		struct event_list *out)
{
	struct event *e = event_new(env, spec,
				    arena_printf(env->arena, "rawtracepoint:%s%s%s",
						 spec->target ? spec->target : "",
						 spec->target ? ":" : "", name),
				    ATTACH_RAW_TRACEPOINT, out);

	e->attach.func = strrchr(e->name, ':') + 1;
}

/* The event whose typedef is @name, or NULL. */
static const char *event_of(const char *kind, const char *name)
{
	size_t len = sizeof(typedef_prefix) - 1;

	if (!streq(kind, "typedef") || strncmp(name, typedef_prefix, len) != 0)
		return NULL;
	return name + len;
}

struct matching {
	struct probe_env *env;
	const struct probe_spec *spec;
	struct event_list *out;
	struct name_list *names;
};

static bool add_if_wanted(void *ctx, const char *kind, const char *name, uint32_t id)
{
	struct matching *m = ctx;
	const char *event = event_of(kind, name);

	(void)id;
	if (event && glob_match(m->spec->func, event))
		add(m->env, m->spec, event, m->out);
	return true;
}

static bool collect_name(void *ctx, const char *kind, const char *name, uint32_t id)
{
	struct matching *m = ctx;
	const char *event = event_of(kind, name);

	(void)id;
	if (event)
		vec_push(m->env->arena, m->names, event);
	return true;
}

static bool is_module(const struct probe_spec *spec)
{
	return spec->target && !streq(spec->target, "vmlinux");
}

/* What BTF cannot tell, the kernel will when attaching: modules, and kernels without BTF. */
static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	struct matching m = { .env = env, .spec = spec, .out = out };
	struct btf *btf = kernel_btf(env);

	if (spec->is_wild && (!btf || is_module(spec))) {
		diag_error(env->diags, spec->span,
			   "raw tracepoints cannot be listed without the kernel's BTF");
		diag_hint(env->diags, "name the raw tracepoint without a wildcard");
		return -ENOENT;
	}
	if (spec->is_wild)
		btf_each(btf, add_if_wanted, &m);
	else if (!btf || is_module(spec) ||
		 btf_find(btf, "typedef",
			  arena_printf(env->arena, "%s%s", typedef_prefix, spec->func)))
		add(env, spec, spec->func, out);
	return 0;
}

static const char *names(struct probe_env *env, const struct probe_spec *spec,
			 struct name_list *out)
{
	struct matching m = { .env = env, .spec = spec, .names = out };

	btf_each(kernel_btf(env), collect_name, &m);
	return spec->func;
}

static const struct type *prototype(struct probe_env *env, const struct event *event)
{
	struct btf *btf = kernel_btf(env);
	uint32_t id = 0;

	if (btf)
		id = btf_find(btf, "func",
			      arena_printf(env->arena, "__traceiter_%s", event->attach.func));
	return id ? btf_type(btf, id) : NULL;
}

/* Each argument is a word of the context, whatever its size. */
static int fields(struct probe_env *env, struct event *event, struct span span)
{
	const struct type *proto = prototype(env, event);

	if (!proto || proto->kind != TYPE_FUNC) {
		diag_error(env->diags, span,
			   "the arguments of %s are not known: its BTF is missing", event->name);
		diag_hint(env->diags, "arg0, arg1, ... work without it");
		return -ENOENT;
	}
	for (uint32_t i = 1; i < proto->nmembers && i <= ARGUMENTS_MAX; i++)
		vec_push(env->arena, &event->fields,
			 (struct event_field){ .name = proto->members[i].name,
					       .type = proto->members[i].type,
					       .access = { ACCESS_CONTEXT, 0, 8 * (i - 1) } });
	return 0;
}

static struct access argn(const struct target *target, const struct event *event, unsigned n)
{
	(void)target;
	if (n >= ARGUMENTS_MAX || (event->has_fields && n >= event->fields.n))
		return (struct access){ .kind = ACCESS_NONE };
	return (struct access){ ACCESS_CONTEXT, 0, 8 * n };
}

static int arguments(struct probe_env *env, struct event *event, struct buf *out)
{
	const struct type *proto = prototype(env, event);

	for (uint32_t i = 1; proto && i < proto->nmembers; i++) {
		buf_puts(out, "    ");
		print_declaration(out, proto->members[i].type, proto->members[i].name);
		buf_putc(out, '\n');
	}
	return 0;
}

const struct provider provider_rawtracepoint = {
	.name = "rawtracepoint",
	.aliases = { "rt" },
	.forms = "rawtracepoint:EVENT or rawtracepoint:MODULE:EVENT",
	.flags = PROVIDES_ARGN | PROVIDES_FIELDS | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
	.min_parts = 1,
	.max_parts = 2,
	.parse = parse,
	.match = match,
	.fields = fields,
	.argn = argn,
	.names = names,
	.arguments = arguments,
};
