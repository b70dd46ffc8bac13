/* Sets up and takes down what a verb works with. See unit.h. */
#include "cmd/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "types/btf.h"

enum { SCRIPT_LIMIT = 64 << 20 };

extern char **environ;

/* A kernel that is only named: every feature by its release. */
static int named_target(struct unit *u)
{
	u->target = (struct target){ .arch = target_native_arch(), .ncpus = 1 };
	u->target.kernel = target_parse_kernel(u->opt->kernel);
	if (u->target.kernel)
		return EXIT_DONE;
	complain(u->opt, "--kernel takes a version such as 5.15, not '%s'", u->opt->kernel);
	return EXIT_USAGE;
}

static int set_target(struct unit *u)
{
	const char *bad;
	int err;

	if (u->opt->kernel) {
		err = named_target(u);
		if (err)
			return err;
	} else {
		err = kernel_target(&u->target);
		if (err)
			return complain(u->opt, "cannot tell what this kernel is: %s",
					strerror(-err));
	}
	if (u->opt->no_feature && target_force(&u->target, u->opt->no_feature, &bad)) {
		complain(u->opt, "no feature is called '%s'; --info lists them", bad);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int set_syscalls(struct unit *u)
{
	static const char *const ways[] = {
		[SYSCALLS_AUTO] = "auto",
		[SYSCALLS_CLASSIC] = "classic",
		[SYSCALLS_RAW] = "raw",
	};

	if (!u->opt->syscalls)
		return EXIT_DONE;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (streq(u->opt->syscalls, ways[i])) {
			u->env.syscalls = i;
			return EXIT_DONE;
		}
	}
	complain(u->opt, "--syscalls takes auto, classic or raw, not '%s'", u->opt->syscalls);
	return EXIT_USAGE;
}

static int set_up(struct unit *u)
{
	const struct options *opt = u->opt;
	const char *bad;
	int status;

	u->sources.arena = &u->arena;
	diags_init(&u->diags, &u->arena, &u->sources);
	types_init(&u->types, &u->arena);
	u->tracefs = (struct tracefs){ .dirfd = -1, .root = opt->tracefs };
	settings_default(&u->settings);
	if (settings_env(&u->settings, environ, &bad)) {
		complain(opt, "the environment variable %s has no valid value", bad);
		return EXIT_USAGE;
	}
	u->env = (struct probe_env){
		.arena = &u->arena,
		.types = &u->types,
		.target = &u->target,
		.tracefs = &u->tracefs,
		.diags = &u->diags,
		.btf_path = opt->btf ? opt->btf : "/sys/kernel/btf/vmlinux",
		.pid = -1,
		.unsafe = opt->unsafe,
	};
	status = set_target(u);
	return status ? status : set_syscalls(u);
}

static int guarded(struct unit *u, int (*body)(struct unit *u, void *state), void *state)
{
	int status;

	if (setjmp(u->no_memory))
		return complain(u->opt, "out of memory");
	status = set_up(u);
	return status ? status : body(u, state);
}

int unit_run(const struct options *opt, int (*body)(struct unit *u, void *state), void *state)
{
	struct unit u = { .opt = opt };
	int status;

	arena_init(&u.arena, &u.no_memory);
	status = guarded(&u, body, state);
	if (u.release)
		u.release(state);
	probe_env_done(&u.env);
	if (u.types.btf)
		btf_close(u.types.btf);
	tracefs_done(&u.tracefs);
	arena_done(&u.arena);
	return status;
}

static int add_source(struct unit *u, const char *name, const char *text, size_t len)
{
	u->source = sources_add(&u->sources, name, text, len);
	if (!u->source)
		return complain(u->opt, "%s: the script is too large", name);
	return EXIT_DONE;
}

static int read_source(struct unit *u, const char *path)
{
	struct buf text = { 0 };
	bool is_stdin = streq(path, "-");
	int status, err = is_stdin ? buf_read_fd(&text, STDIN_FILENO, SCRIPT_LIMIT)
				   : buf_read_file(&text, AT_FDCWD, path, SCRIPT_LIMIT);

	if (err)
		status = complain(u->opt, "cannot read %s: %s", path, strerror(-err));
	else
		status = add_source(u, is_stdin ? "stdin" : path, text.data ? text.data : "",
				    text.len);
	buf_done(&text);
	return status;
}

int unit_read(struct unit *u)
{
	if (u->opt->script)
		return add_source(u, "stdin", u->opt->script, strlen(u->opt->script));
	return read_source(u, u->opt->args[0]);
}

int unit_compile(struct unit *u, const struct lang_options *lang, struct lang_result *ret)
{
	int err = lang_compile(&u->env, &u->sources, u->source, lang, ret);
	bool told = u->diags.errors;

	unit_report(u);
	if (err && !told)
		complain(u->opt, "%s", strerror(-err));
	return err ? EXIT_FAILED : EXIT_DONE;
}

static bool wants_color(void)
{
	const char *wish = getenv("BPFTRACE_COLOR");

	if (wish && streq(wish, "always"))
		return true;
	if (wish && streq(wish, "never"))
		return false;
	return isatty(STDERR_FILENO);
}

void unit_report(struct unit *u)
{
	struct buf text = { 0 };
	bool color = wants_color();

	for (const struct diag *one = u->diags.first; one; one = one->next)
		if (one->level == DIAG_ERROR || !u->opt->no_warnings)
			diag_render(&text, &u->diags, one, color);
	if (text.len)
		write_all(STDERR_FILENO, text.data, text.len);
	buf_done(&text);
	diags_init(&u->diags, &u->arena, &u->sources);
}
