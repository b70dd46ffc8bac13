/*
 * Specs to events, and what is known of an event. The work is the providers'; here is what all
 * of them need. Called by front ends, plan.c and list.c.
 */
#include <errno.h>
#include <string.h>

#include "elf/elf.h"
#include "probe/probe_priv.h"
#include "probe/syscall.h"
#include "sym/sym.h"
#include "types/btf.h"

void probe_env_done(struct probe_env *env)
{
	buf_done(&env->text);
	elf_close(env->elf);
	env->elf = NULL;
	env->elf_path = NULL;
	if (env->own_symbols) {
		symbols_free(env->symbols);
		env->symbols = NULL;
		env->own_symbols = false;
	}
}

int read_text(struct probe_env *env, const char *path)
{
	buf_clear(&env->text);
	return tracefs_read(env->tracefs, path, &env->text);
}

struct btf *kernel_btf(struct probe_env *env)
{
	const char *why;

	if (!env->types->btf && env->btf_path)
		btf_open(env->types, env->btf_path, &env->types->btf, &why);
	return env->types->btf;
}

struct event *event_new(struct probe_env *env, const struct probe_spec *spec, const char *name,
			enum attach_kind kind, struct event_list *out)
{
	struct event *e = arena_new(env->arena, struct event);

	e->provider = spec->provider;
	e->name = name;
	e->syscall = -1;
	e->attach = (struct attach){ .kind = kind, .name = name, .pid = -1, .span = spec->span };
	vec_push(env->arena, out, e);
	return e;
}

static int no_match(struct probe_env *env, const struct probe_spec *spec)
{
	const char *rest = strchr(spec->text, ':');
	struct name_list names = { 0 };
	const char *word = NULL;

	diag_error(env->diags, spec->span, "no %s matches %s", spec->provider->name,
		   rest ? rest + 1 : spec->text);
	if (!spec->is_wild && spec->provider->names)
		word = spec->provider->names(env, spec, &names);
	if (word)
		diag_hint_nearest(env->diags, word, names.v, names.n);
	return -ENOENT;
}

int probe_match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	uint32_t before = out->n;
	int err = spec->provider->match(env, spec, out);

	if (!err && out->n == before)
		err = no_match(env, spec);
	return err;
}

int event_fields(struct probe_env *env, struct event *event, struct span span)
{
	int err;

	if (event->has_fields)
		return 0;
	if (!event->provider->fields)
		return diag_error(env->diags, span, "%s probes have no args",
				  event->provider->name);
	err = event->provider->fields(env, event, span);
	if (err)
		return err;
	event->has_fields = true;
	if (event->way != WAY_OWN)
		syscall_move_fields(env, event);
	return 0;
}

const struct event_field *event_field(const struct event *event, const char *name)
{
	for (uint32_t i = 0; i < event->fields.n; i++)
		if (event->fields.v[i].name && streq(event->fields.v[i].name, name))
			return &event->fields.v[i];
	return NULL;
}

struct access event_argn(const struct probe_env *env, const struct event *event, unsigned n)
{
	if (!event->provider->argn)
		return (struct access){ .kind = ACCESS_NONE };
	return event->provider->argn(env->target, event, n);
}

struct access event_retval(const struct probe_env *env, const struct event *event)
{
	if (!event->provider->retval)
		return (struct access){ .kind = ACCESS_NONE };
	return event->provider->retval(env->target, event);
}
