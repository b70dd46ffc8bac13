/*
 * uprobe:FILE:FUNCTION[+OFFSET] and uprobe:FILE:ADDRESS fire at an instruction of a program or
 * library, uretprobe:FILE:FUNCTION where the function returns. The kernel wants an offset in the
 * file; it comes from the symbol's address and the loaded segment that holds it. FILE is a path, a
 * program in $PATH, or a library's name; with -p it may be left out (or be `*`) for the process's
 * own program.
 *
 * Programs get struct pt_regs: arguments and the result are in the registers of the C ABI.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "elf/elf.h"
#include "probe/probe_priv.h"

static int parse_file(struct probe_env *env, const char *file, struct probe_spec *spec)
{
	char path[PATH_MAX];
	int err;

	if (!file || !*file || streq(file, "*")) {
		if (env->pid >= 0) {
			spec->target = arena_printf(env->arena, "/proc/%d/exe", env->pid);
			return 0;
		}
		diag_error(env->diags, spec->span, "%s probe type needs a file",
			   spec->provider->name);
		diag_hint(env->diags, "write it as %s, or give -p PID for a process's own program",
			  spec->provider->forms);
		return -EINVAL;
	}
	if (has_wildcard(file))
		return diag_error(env->diags, spec->span, "name the file without a wildcard");
	err = elf_find_file(file, path, sizeof(path));
	if (err) {
		diag_error(env->diags, spec->span, "there is no file %s", file);
		diag_hint(env->diags, "give a path, a program in $PATH, or a library such as libc");
		return err;
	}
	spec->target = arena_strdup(env->arena, path);
	return 0;
}

static int parse_place(struct probe_env *env, char *func, struct probe_spec *spec)
{
	if (*func >= '0' && *func <= '9') {
		if (!parse_address(func, &spec->address))
			return diag_error(env->diags, spec->span, "%s is not an address", func);
		return 0;
	}
	if (!split_offset(func, &spec->offset))
		return diag_error(env->diags, spec->span, "%s is not an offset",
				  strrchr(func, '+') + 1);
	if (!*func)
		return diag_error(env->diags, spec->span, "%s probe type needs a function",
				  spec->provider->name);
	spec->func = func;
	spec->is_wild = has_wildcard(func);
	if (spec->is_wild && spec->offset)
		return diag_error(env->diags, spec->span, "an offset needs a full function name");
	return 0;
}

static int parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	int err = parse_file(env, n == 2 ? parts[0] : NULL, spec);

	return err ? err : parse_place(env, parts[n - 1], spec);
}

static int parse_return(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	int err = parse(env, parts, n, spec);

	if (!err && (spec->offset || !spec->func))
		err = diag_error(env->diags, spec->span,
				 "a uretprobe is for a whole function: it takes no offset");
	return err;
}

/* The spec's file, opened; kept until another is asked for. */
static int open_file(struct probe_env *env, const struct probe_spec *spec, struct elf **ret)
{
	const char *why;
	int err;

	if (!env->elf || !streq(env->elf_path, spec->target)) {
		elf_close(env->elf);
		env->elf = NULL;
		err = elf_open(spec->target, &env->elf, &why);
		if (err) {
			env->elf = NULL;
			diag_error(env->diags, spec->span, "%s cannot be probed: %s", spec->target,
				   why);
			return err;
		}
		env->elf_path = spec->target;
	}
	*ret = env->elf;
	return 0;
}

static const char *place_name(struct probe_env *env, const struct probe_spec *spec,
			      const char *func)
{
	const char *name = spec->provider->name;

	if (!func)
		return arena_printf(env->arena, "%s:%s:0x%llx", name, spec->target,
				    (unsigned long long)spec->address);
	if (spec->offset)
		return arena_printf(env->arena, "%s:%s:%s+%llu", name, spec->target, func,
				    (unsigned long long)spec->offset);
	return arena_printf(env->arena, "%s:%s:%s", name, spec->target, func);
}

static bool add(struct probe_env *env, const struct probe_spec *spec, const char *func,
		uint64_t address, struct event_list *out)
{
	struct event *e;
	uint64_t offset;

	if (!elf_offset(env->elf, address, &offset))
		return false;
	e = event_new(env, spec, place_name(env, spec, func), ATTACH_UPROBE, out);
	e->attach.target = spec->target;
	e->attach.func = func;
	e->attach.offset = offset;
	e->attach.pid = env->pid;
	e->attach.is_return = spec->provider == &provider_uretprobe;
	return true;
}

struct matching {
	struct probe_env *env;
	const struct probe_spec *spec;
	struct event_list *out;
	struct name_list *names;
};

static bool add_if_wanted(void *ctx, const struct elf_symbol *sym)
{
	struct matching *m = ctx;

	if (glob_match(m->spec->func, sym->name))
		add(m->env, m->spec, arena_strdup(m->env->arena, sym->name), sym->address, m->out);
	return true;
}

static int match_address(struct probe_env *env, const struct probe_spec *spec,
			 struct event_list *out)
{
	if (add(env, spec, NULL, spec->address, out))
		return 0;
	return diag_error(env->diags, spec->span, "no loaded part of %s holds address 0x%llx",
			  spec->target, (unsigned long long)spec->address);
}

static int match_name(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	struct elf_symbol sym;

	if (!elf_find(env->elf, spec->func, &sym))
		return 0;
	if (spec->offset && spec->offset >= sym.size && !env->unsafe) {
		diag_error(env->diags, spec->span, "+%llu lies outside %s, which has %llu bytes",
			   (unsigned long long)spec->offset, spec->func,
			   (unsigned long long)sym.size);
		diag_hint(env->diags, "--unsafe allows it");
		return -EPERM;
	}
	if (add(env, spec, spec->func, sym.address + spec->offset, out))
		return 0;
	return diag_error(env->diags, spec->span, "%s is not in a loaded part of %s", spec->func,
			  spec->target);
}

static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	struct matching m = { .env = env, .spec = spec, .out = out };
	struct elf *elf;
	int err = open_file(env, spec, &elf);

	if (err)
		return err;
	if (!spec->func)
		return match_address(env, spec, out);
	if (!spec->is_wild)
		return match_name(env, spec, out);
	elf_each(elf, add_if_wanted, &m);
	return 0;
}

static bool collect_name(void *ctx, const struct elf_symbol *sym)
{
	struct matching *m = ctx;

	vec_push(m->env->arena, m->names, sym->name);
	return true;
}

static const char *names(struct probe_env *env, const struct probe_spec *spec,
			 struct name_list *out)
{
	struct matching m = { .env = env, .spec = spec, .names = out };

	elf_each(env->elf, collect_name, &m);
	return spec->func;
}

const struct provider provider_uprobe = {
	.name = "uprobe",
	.aliases = { "u" },
	.forms = "uprobe:FILE:FUNCTION, uprobe:FILE:FUNCTION+OFFSET or uprobe:FILE:ADDRESS",
	.flags = PROVIDES_ARGN | PROVIDES_FUNC | PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_KPROBE,
	.min_parts = 1,
	.max_parts = 2,
	.parse = parse,
	.match = match,
	.argn = register_argument,
	.names = names,
};

const struct provider provider_uretprobe = {
	.name = "uretprobe",
	.aliases = { "ur" },
	.forms = "uretprobe:FILE:FUNCTION",
	.flags = PROVIDES_RETVAL | PROVIDES_FUNC | PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_KPROBE,
	.min_parts = 1,
	.max_parts = 2,
	.parse = parse_return,
	.match = match,
	.retval = register_result,
	.names = names,
};
