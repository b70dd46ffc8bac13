/* skep: the program. Hands over to a verb; without one, parses the options of tracing. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/subject.h"
#include "cmd/verb.h"

int complain(const struct options *opt, const char *fmt, ...)
{
	struct buf line = { 0 };
	va_list args;

	buf_printf(&line, "%s: ", opt->program);
	va_start(args, fmt);
	buf_vprintf(&line, fmt, args);
	va_end(args);
	buf_putc(&line, '\n');
	if (!line.err)
		write_all(STDERR_FILENO, line.data, line.len);
	buf_done(&line);
	return EXIT_FAILED;
}

int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = fd, .events = POLLOUT };

			poll(&ready, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

int show(const struct options *opt, struct buf *text)
{
	int err = text->err ? text->err : write_all(STDOUT_FILENO, text->data, text->len);

	buf_done(text);
	return err ? complain(opt, "cannot write: %s", strerror(-err)) : EXIT_DONE;
}

static int show_help(const struct options *opt)
{
	struct buf text = { 0 };

	options_help(&text, opt);
	return show(opt, &text);
}

static int show_version(const struct options *opt)
{
	struct buf text = { 0 };

	buf_puts(&text, "skep v" SKEP_VERSION "\n");
	return show(opt, &text);
}

static int usage_error(const struct options *opt, const char *why)
{
	complain(opt, "%s", why);
	complain(opt, "try '%s --help'", opt->program);
	return EXIT_USAGE;
}

static int run(const struct options *opt)
{
	if (opt->help)
		return show_help(opt);
	if (opt->version)
		return show_version(opt);
	if (opt->info)
		return cmd_info(opt);
	if (opt->list)
		return cmd_list(opt);
	if (!opt->script && !opt->nargs)
		return usage_error(
			opt, "no script: give a file, '-' for standard input, or -e 'SCRIPT'");
	return cmd_trace(opt);
}

static const struct verb {
	const char *name;
	int (*run)(const struct options *program, int argc, char **argv);
} verbs[] = {
	/* clang-format off */
	{ "asm", cmd_asm },
	{ "disasm", cmd_disasm },
	{ "filter", cmd_filter },
	{ "run", cmd_run },
	{ "test", cmd_test },
	/* clang-format on */
};

/* The verb that the first argument names, unless it is a file; the name bpftrace has none. */
static const struct verb *find_verb(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;

	if (argc < 2 || streq(slash ? slash + 1 : argv[0], "bpftrace"))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (streq(argv[1], verbs[i].name) && access(argv[1], F_OK))
			return &verbs[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *verb = find_verb(argc, argv);
	struct options opt;
	struct buf why = { 0 };
	int status;

	setlocale(LC_TIME, "");
	if (verb) {
		opt = (struct options){ .program = "skep" };
		return verb->run(&opt, argc - 1, argv + 1);
	}
	status = options_parse(&opt, argc, argv, &why) ? usage_error(&opt, why.data) : run(&opt);
	buf_done(&why);
	return status;
}
