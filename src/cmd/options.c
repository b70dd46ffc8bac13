/* Parses the command line by the rows of option.def. Needs: getopt_long. Called by main. */
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

struct row {
	char letter;
	const char *name, *argument, *help;
	size_t field;
};

static const struct row rows[] = {
#define OPTION(letter, name, argument, field, help) \
	{ letter, name, argument, help, offsetof(struct options, field) },
#include "cmd/option.def"
};

enum { FIRST_VALUE = 256 }; /* getopt's value for row i is this plus i */

static int set(struct options *opt, const struct row *row, struct buf *why)
{
	void *field = (char *)opt + row->field;

	if (!row->argument) {
		*(bool *)field = true;
		return 0;
	}
	if (*(const char **)field) {
		buf_printf(why, "option --%s is given twice", row->name);
		return -EINVAL;
	}
	*(const char **)field = optarg;
	return 0;
}

static const struct row *find(int value)
{
	if (value >= FIRST_VALUE)
		return &rows[value - FIRST_VALUE];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].letter == value)
			return &rows[i];
	return NULL;
}

int options_parse(struct options *opt, int argc, char **argv, struct buf *why)
{
	struct option longs[ARRAY_LEN(rows) + 1] = { 0 };
	char shorts[2 * ARRAY_LEN(rows) + 2] = ":", *s = shorts + 1;
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	int value, err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int argument = rows[i].argument ? required_argument : no_argument;

		longs[i] = (struct option){ rows[i].name, argument, NULL, FIRST_VALUE + i };
		if (!rows[i].letter)
			continue;
		*s++ = rows[i].letter;
		if (rows[i].argument)
			*s++ = ':';
	}
	*opt = (struct options){ .program = slash ? slash + 1 : argc ? argv[0] : "skep" };
	optind = 0;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct row *row = find(value);

		if (!row) {
			buf_printf(why,
				   value == ':' ? "option %s needs an argument"
						: "unknown option %s",
				   argv[optind - 1]);
			return -EINVAL;
		}
		err = set(opt, row, why);
		if (err)
			return err;
	}
	opt->args = argv + optind;
	opt->nargs = argc - optind;
	return 0;
}

/* Wraps @text at spaces so that no line passes column 96; later lines start at column @indent. */
static void wrap(struct buf *out, const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > 96) {
			buf_putc(out, '\n');
			buf_pad(out, ' ', indent);
			column = indent;
		} else if (column > indent) {
			buf_putc(out, ' ');
			column++;
		}
		buf_add(out, text, word);
		column += word;
		text += word + (text[word] == ' ');
	}
	buf_putc(out, '\n');
}

void options_help(struct buf *out, const struct options *opt)
{
	enum { INDENT = 28 };

	buf_printf(out,
		   "%s traces this machine with a script.\n\n"
		   "Usage: %s [OPTIONS] FILE [PARAMETERS]\n"
		   "       %s [OPTIONS] -e 'SCRIPT' [PARAMETERS]\n"
		   "       %s [OPTIONS] - < FILE\n\nOptions:\n",
		   opt->program, opt->program, opt->program, opt->program);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		size_t start = out->len;

		if (row->letter)
			buf_printf(out, "  -%c, --%s", row->letter, row->name);
		else
			buf_printf(out, "      --%s", row->name);
		if (row->argument)
			buf_printf(out, " %s", row->argument);
		if (out->len - start + 2 > INDENT) {
			buf_putc(out, '\n');
			start = out->len;
		}
		buf_pad(out, ' ', INDENT - (out->len - start));
		wrap(out, row->help, INDENT, INDENT);
	}
	buf_puts(out, "\nExamples:\n"
		      "  skep -e 'tracepoint:syscalls:sys_enter_openat "
		      "{ printf(\"%s %s\\n\", comm, str(args.filename)); }'\n"
		      "  skep -e 'tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }'\n"
		      "  skep -l 'tracepoint:syscalls:*open*'\n"
		      "\nExit status: 0 done (or what exit(n) says), 1 the script or its run "
		      "failed, 2 usage.\n");
}
