/*
 * kprobe:[MODULE:]FUNCTION[+OFFSET] fires where the kernel's function begins (or OFFSET bytes
 * into it), kretprobe:[MODULE:]FUNCTION where it returns. Full names are looked up in kallsyms;
 * wildcards in tracefs' available_filter_functions, a line `FUNCTION [MODULE]` each, which leaves
 * out what must not be probed, or else in kallsyms too. kprobe:0xADDRESS needs --unsafe, since
 * nothing tells whether an instruction begins there.
 *
 * Programs get struct pt_regs: arguments and the result are in the registers of the C ABI.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "probe/probe_priv.h"
#include "sym/sym.h"

static int parse_place(struct probe_env *env, char *func, struct probe_spec *spec)
{
	if (*func >= '0' && *func <= '9') {
		if (!parse_address(func, &spec->address))
			return diag_error(env->diags, spec->span, "%s is not an address", func);
		if (env->unsafe)
			return 0;
		diag_error(env->diags, spec->span, "a kprobe at a bare address needs --unsafe");
		diag_hint(env->diags, "name the function instead, with +OFFSET when needed");
		return -EPERM;
	}
	if (!split_offset(func, &spec->offset))
		return diag_error(env->diags, spec->span, "%s is not an offset",
				  strrchr(func, '+') + 1);
	spec->func = func;
	spec->is_wild = has_wildcard(func);
	if (spec->is_wild && spec->offset)
		return diag_error(env->diags, spec->span, "an offset needs a full function name");
	return 0;
}

static int parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	spec->target = n == 2 ? parts[0] : NULL;
	if (n == 2 && has_wildcard(parts[0]))
		return diag_error(env->diags, spec->span, "name the module without a wildcard");
	return parse_place(env, parts[n - 1], spec);
}

static int parse_return(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec)
{
	int err = parse(env, parts, n, spec);

	if (!err && spec->offset)
		err = diag_error(env->diags, spec->span,
				 "a kretprobe is for a whole function: it takes no offset");
	return err;
}

static struct symbols *kernel_symbols(struct probe_env *env)
{
	if (!env->symbols) {
		env->symbols = symbols_new(NULL, NULL);
		env->own_symbols = env->symbols != NULL;
	}
	return env->symbols;
}

static const char *place_name(struct probe_env *env, const struct probe_spec *spec,
			      const char *func)
{
	const char *name = spec->provider->name;

	if (!func)
		return arena_printf(env->arena, "%s:0x%llx", name,
				    (unsigned long long)spec->address);
	if (spec->target)
		name = arena_printf(env->arena, "%s:%s", name, spec->target);
	if (spec->offset)
		return arena_printf(env->arena, "%s:%s+%llu", name, func,
				    (unsigned long long)spec->offset);
	return arena_printf(env->arena, "%s:%s", name, func);
}

static bool is_kernel_itself(const char *module)
{
	return !module || streq(module, "vmlinux");
}

static void add(struct probe_env *env, const struct probe_spec *spec, const char *func,
		const char *module, struct event_list *out)
{
	struct event *e = event_new(env, spec, place_name(env, spec, func), ATTACH_KPROBE, out);

	e->attach.func = func;
	e->attach.target = is_kernel_itself(module) ? NULL : module;
	e->attach.offset = spec->offset;
	e->attach.address = spec->address;
	e->attach.is_return = spec->provider == &provider_kretprobe;
}

struct matching {
	struct probe_env *env;
	const struct probe_spec *spec;
	struct event_list *out;
	struct name_list *names;
	struct table seen; /* several static functions may have one name */
};

static bool module_fits(const struct probe_spec *spec, const char *module)
{
	if (!spec->target)
		return true;
	if (is_kernel_itself(spec->target))
		return is_kernel_itself(module);
	return module && streq(module, spec->target);
}

static bool add_if_wanted(void *ctx, const char *func, const char *module)
{
	struct matching *m = ctx;
	struct arena *arena = m->env->arena;

	if (!module_fits(m->spec, module) || !glob_match(m->spec->func, func) ||
	    table_get(&m->seen, func))
		return true;
	func = arena_strdup(arena, func);
	table_put(arena, &m->seen, func, m);
	add(m->env, m->spec, func, module ? arena_strdup(arena, module) : NULL, m->out);
	return true;
}

/* Names that the compiler made from others (x.cold, x.part.0) are no functions of their own. */
static bool add_symbol(void *ctx, const char *func, const char *module)
{
	return strchr(func, '.') ? true : add_if_wanted(ctx, func, module);
}

/* "vfs_read" or "nf_hook [nf_tables]", cut in place. */
static void each_traceable(struct matching *m)
{
	char *line = m->env->text.data, *end, *module;

	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		module = strchr(line, ' ');
		if (module)
			*module++ = '\0';
		if (module && *module == '[' && end[-1] == ']') {
			module++;
			end[-1] = '\0';
		}
		add_if_wanted(m, line, module);
	}
}

/* Whether the kernel was built with kprobes; true when tracefs cannot tell. */
static bool may_have_kprobes(struct probe_env *env)
{
	int dirfd = tracefs_open(env->tracefs);

	return dirfd < 0 || faccessat(dirfd, "kprobe_events", F_OK, 0) == 0;
}

static int match_wild(struct matching *m)
{
	struct symbols *symbols;

	if (read_text(m->env, "available_filter_functions") == 0) {
		each_traceable(m);
		return 0;
	}
	if (!may_have_kprobes(m->env))
		return 0;
	symbols = kernel_symbols(m->env);
	return symbols ? symbols_kernel_each(symbols, add_symbol, m) : -ENOMEM;
}

/* Modules may hold a name that the kernel has too, so a module's is left for the kernel to
 * check; so is everything when kallsyms hides the addresses. */
static bool is_known(struct probe_env *env, const struct probe_spec *spec)
{
	struct symbols *symbols = kernel_symbols(env);

	return !symbols || !is_kernel_itself(spec->target) ||
	       symbols_kernel_address(symbols, spec->func) ||
	       !symbols_kernel_address(symbols, "_text");
}

static int match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out)
{
	struct matching m = { .env = env, .spec = spec, .out = out };
	int err;

	if (spec->is_wild) {
		err = match_wild(&m);
		if (err)
			diag_error(env->diags, spec->span,
				   "the kernel's functions cannot be listed: %s", strerror(-err));
		return err;
	}
	if (!spec->func || is_known(env, spec))
		add(env, spec, spec->func, spec->target, out);
	return 0;
}

static bool collect_name(void *ctx, const char *func, const char *module)
{
	struct matching *m = ctx;

	if (module_fits(m->spec, module))
		vec_push(m->env->arena, m->names, func);
	return true;
}

static const char *names(struct probe_env *env, const struct probe_spec *spec,
			 struct name_list *out)
{
	struct matching m = { .env = env, .spec = spec, .names = out };
	struct symbols *symbols = kernel_symbols(env);

	if (!symbols || symbols_kernel_each(symbols, collect_name, &m))
		return NULL;
	return spec->func;
}

const struct provider provider_kprobe = {
	.name = "kprobe",
	.aliases = { "k" },
	.forms = "kprobe:FUNCTION, kprobe:MODULE:FUNCTION or kprobe:FUNCTION+OFFSET",
	.flags = PROVIDES_ARGN | PROVIDES_FUNC | PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_KPROBE,
	.min_parts = 1,
	.max_parts = 2,
	.parse = parse,
	.match = match,
	.argn = register_argument,
	.names = names,
};

const struct provider provider_kretprobe = {
	.name = "kretprobe",
	.aliases = { "kr" },
	.forms = "kretprobe:FUNCTION or kretprobe:MODULE:FUNCTION",
	.flags = PROVIDES_RETVAL | PROVIDES_FUNC | PROVIDES_REGS | PROVIDES_CTX | PROVIDES_COOKIE,
	.prog_type = BPF_PROG_TYPE_KPROBE,
	.min_parts = 1,
	.max_parts = 2,
	.parse = parse_return,
	.match = match,
	.retval = register_result,
	.names = names,
};
