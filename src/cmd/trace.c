/*
 * The main verb: a script, from its text to the last map printed.
 *
 *	read -> compile -> (show stages and stop | load, attach, run on the kernel)
 *
 * Needs: unit, child, lang, kernel, run. Called by main.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/child.h"
#include "cmd/unit.h"
#include "kernel/kernel.h"
#include "run/session.h"

struct trace {
	struct child child;
	struct host *host;
	struct symbols *symbols;
	int output;  /* descriptor that data goes to */
	int signals; /* signalfd */
	struct session_result result;
};

/* ---- before compiling ---- */

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_output(const struct options *opt, struct trace *t)
{
	if (!opt->output)
		return EXIT_DONE;
	t->output = open(opt->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (t->output < 0)
		return complain(opt, "cannot write to %s: %s", opt->output, strerror(errno));
	return EXIT_DONE;
}

static int find_process(struct unit *u, struct trace *t)
{
	const struct options *opt = u->opt;
	struct buf why = { 0 };
	int err = 0;

	if (opt->command && opt->pid) {
		complain(opt, "-c and -p cannot be used together");
		return EXIT_USAGE;
	}
	if (opt->command)
		err = child_start(&t->child, opt->command, &why);
	else if (opt->pid)
		err = child_follow(&t->child, opt->pid, &why);
	if (err)
		complain(opt, "%s", why.data ? why.data : strerror(-err));
	buf_done(&why);
	if (t->child.pid)
		u->env.pid = t->child.pid;
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* ---- compiling ---- */

static void dump(void *ctx, char stage, const char *title, const char *text)
{
	struct unit *u = ctx;
	struct buf out = { 0 };

	(void)stage;
	(void)u;
	buf_printf(&out, "== %s ==\n%s\n", title, text);
	if (!out.err)
		write_all(STDOUT_FILENO, out.data, out.len);
	buf_done(&out);
}

static int compile(struct unit *u, struct trace *t, struct lang_result *ret)
{
	const struct options *opt = u->opt;
	int file = opt->script ? 0 : 1; /* the first argument is the script's file */
	const char *registers = getenv("SKEP_REGISTERS");
	struct lang_options lang = {
		.params = (const char *const *)opt->args + file,
		.nparams = opt->nargs - file,
		.unsafe = opt->unsafe,
		.warn_helpers = opt->warnings,
		.child_pid = opt->command ? t->child.pid : 0,
		.settings = u->settings,
		.dump = dump,
		.dump_ctx = u,
		.stages = opt->debug ? opt->debug : "",
		.ir = { .dump = dump, .dump_ctx = u, .stages = opt->debug ? opt->debug : "" },
	};

	if (registers)
		lang.ir.registers = atoi(registers);
	return unit_compile(u, &lang, ret);
}

static void tell_notes(const struct unit *u, const struct lang_result *compiled)
{
	for (uint32_t i = 0; u->opt->verbose && i < compiled->notes.n; i++)
		complain(u->opt, "%s", compiled->notes.v[i]);
}

/* ---- running ---- */

static int write_output(void *ctx, const char *data, size_t len)
{
	const struct trace *t = ctx;

	return write_all(t->output, data, len);
}

static void tell(void *ctx, const char *text)
{
	(void)ctx;
	write_all(STDERR_FILENO, text, strlen(text));
}

static int started(void *ctx)
{
	struct trace *t = ctx;

	if (getenv("__BPFTRACE_NOTIFY_PROBES_ATTACHED"))
		write_all(STDOUT_FILENO, "__BPFTRACE_NOTIFY_PROBES_ATTACHED\n", 34);
	return child_go(&t->child);
}

static uint64_t kernel_symbol(void *ctx, const char *name)
{
	return symbols_kernel_address(ctx, name);
}

static int set_format(const struct options *opt, struct session_options *session)
{
	static const char *const modes[] = {
		[FLUSH_LINE] = "line",
		[FLUSH_FULL] = "full",
		[FLUSH_NONE] = "none",
	};

	if (opt->format && streq(opt->format, "json")) {
		session->format = OUT_JSON;
	} else if (opt->format && !streq(opt->format, "text")) {
		complain(opt, "--format takes text or json, not '%s'", opt->format);
		return EXIT_USAGE;
	}
	for (size_t i = FLUSH_LINE; opt->buffering && i < ARRAY_LEN(modes); i++) {
		if (streq(opt->buffering, modes[i]))
			session->flush = i;
	}
	if (!opt->buffering && isatty(STDOUT_FILENO) && !opt->output)
		session->flush = FLUSH_LINE;
	if (opt->buffering && session->flush == FLUSH_AUTO) {
		complain(opt, "--buffering takes line, full or none, not '%s'", opt->buffering);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* What the run came to, as an exit status. A reader that left (EPIPE) is no failure of ours. */
static int conclude(const struct unit *u, const struct trace *t, int err)
{
	int write_error = t->result.write_error;

	if (write_error && write_error != -EPIPE)
		return complain(u->opt, "cannot write output: %s", strerror(-write_error));
	if (err && !u->diags.errors)
		return complain(u->opt, "%s", kernel_why(err) ? kernel_why(err) : strerror(-err));
	return err ? EXIT_FAILED : t->result.exit_code;
}

static int run(struct unit *u, struct trace *t, const struct lang_result *compiled)
{
	const struct options *opt = u->opt;
	struct session_options session = {
		.settings = &compiled->settings,
		.dry_run = opt->dry_run,
		.quiet = opt->quiet,
		.no_warnings = opt->no_warnings,
		.stop_fd = t->signals,
		.watch_fd = t->child.pidfd,
		.started = started,
		.write = write_output,
		.tell = tell,
		.ctx = t,
	};
	struct kernel_options kernel = {
		.target = &u->target,
		.types = &u->types,
		.btf_path = u->env.btf_path,
		.settings = &compiled->settings,
		.pid = u->env.pid,
		.verbose = opt->verbose,
		.ksym = kernel_symbol,
	};
	int err, status = set_format(opt, &session);

	if (status)
		return status;
	t->symbols = symbols_new(NULL, NULL);
	kernel.ksym_ctx = t->symbols;
	if (t->symbols && t->child.pid)
		symbols_see(t->symbols, t->child.pid);
	t->host = t->symbols ? kernel_host_new(&kernel) : NULL;
	if (!t->host)
		return complain(opt, "out of memory");
	err = session_run(t->host, compiled->image, t->symbols, &session, &u->diags, &t->result);
	status = conclude(u, t, err);
	unit_report(u);
	return status;
}

/* The host looks at the image, which goes with the unit. */
static void release(void *state)
{
	struct trace *t = state;

	if (t->host)
		t->host->ops->free(t->host);
	symbols_free(t->symbols);
	child_done(&t->child);
}

static int trace(struct unit *u, void *state)
{
	struct trace *t = state;
	struct lang_result compiled = { 0 };
	int status = unit_read(u);

	u->release = release;
	if (!status)
		status = open_output(u->opt, t);
	if (!status)
		status = find_process(u, t);
	if (!status)
		status = compile(u, t, &compiled);
	if (status)
		return status;
	tell_notes(u, &compiled);
	return u->opt->debug ? EXIT_DONE : run(u, t, &compiled);
}

/*
 * A standard stream that the caller closed would be the number of the next descriptor opened, a
 * map's or a program's: it is kept busy with one that cannot be written to.
 */
static int fill_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return -errno;
	return 0;
}

int cmd_trace(const struct options *opt)
{
	struct trace t = { .child = CHILD_NONE, .output = STDOUT_FILENO };
	int status = fill_streams();

	if (status < 0)
		return complain(opt, "cannot open /dev/null: %s", strerror(-status));
	t.signals = open_signals();
	if (t.signals < 0)
		return complain(opt, "cannot receive signals: %s", strerror(-t.signals));
	status = unit_run(opt, trace, &t);
	if (t.output > STDOUT_FILENO)
		close(t.output);
	close(t.signals);
	return status;
}
