/* What verbs share: see verb.h. Needs: options.h. Called by the verbs. */
#include "cmd/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_LIMIT = 256 << 20 };

int verb_usage(const struct options *program, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	complain(program, "%s", text.err ? strerror(-text.err) : text.data);
	buf_done(&text);
	return EXIT_USAGE;
}

int verb_options(const struct options *program, const char *usage, void *to,
		 const struct option_row *rows, size_t n, const bool *help, int *argc, char ***argv)
{
	struct buf text = { 0 };
	int first = option_rows_parse(to, rows, n, *argc, *argv, &text), status = -1;

	if (first < 0) {
		status = verb_usage(program, "%s: %s", (*argv)[0], text.data);
	} else if (*help) {
		buf_clear(&text);
		buf_printf(&text, "%s\n\nOptions:\n", usage);
		option_rows_help(&text, rows, n);
		return show(program, &text);
	}
	buf_done(&text);
	*argc -= MAX(first, 0);
	*argv += MAX(first, 0);
	return status;
}

int verb_read(const struct options *program, const char *path, struct buf *to)
{
	int err = streq(path, "-") ? buf_read_fd(to, STDIN_FILENO, INPUT_LIMIT)
				   : buf_read_file(to, AT_FDCWD, path, INPUT_LIMIT);

	return err ? complain(program, "cannot read %s: %s", path, strerror(-err)) : 0;
}

int verb_write(const struct options *program, const char *path, const struct buf *from)
{
	bool to_file = path && !streq(path, "-");
	int fd = STDOUT_FILENO, err = from->err;

	if (!err && to_file) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		err = fd < 0 ? -errno : 0;
	}
	if (!err)
		err = write_all(fd, from->data, from->len);
	if (to_file && fd >= 0 && close(fd) && !err)
		err = -errno;
	return err ? complain(program, "cannot write %s: %s", to_file ? path : "standard output",
			      strerror(-err))
		   : EXIT_DONE;
}

void verb_diags(const struct diags *d)
{
	bool color = isatty(STDERR_FILENO);

	for (const struct diag *one = d->first; one; one = one->next) {
		struct buf text = { 0 };

		diag_render(&text, d, one, color);
		if (!text.err)
			write_all(STDERR_FILENO, text.data, text.len);
		buf_done(&text);
	}
}
