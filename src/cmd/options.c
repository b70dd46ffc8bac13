/* Parses the command line by the rows of option.def. Needs: getopt_long. Called by main. */
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

static const struct option_row rows[] = {
#define OPTION(letter, name, argument, field, help) \
	{ letter, name, argument, help, offsetof(struct options, field), false },
#include "cmd/option.def"
};

_Static_assert(ARRAY_LEN(rows) <= OPTION_ROWS, "option_rows_parse has room for that many");

enum { FIRST_VALUE = 256 }; /* getopt's value for row i is this plus i */

static int set_again(struct option_values *values, const struct option_row *row, struct buf *why)
{
	if (values->n == OPTION_VALUES) {
		buf_printf(why, "option --%s is given more than %d times", row->name,
			   OPTION_VALUES);
		return -EINVAL;
	}
	values->v[values->n++] = optarg;
	return 0;
}

static int set(void *to, const struct option_row *row, struct buf *why)
{
	void *field = (char *)to + row->field;

	if (row->many)
		return set_again(field, row, why);
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

static const struct option_row *find(const struct option_row *from, size_t n, int value)
{
	if (value >= FIRST_VALUE)
		return &from[value - FIRST_VALUE];
	for (size_t i = 0; i < n; i++)
		if (from[i].letter == value)
			return &from[i];
	return NULL;
}

int option_rows_parse(void *to, const struct option_row *from, size_t n, int argc, char **argv,
		      struct buf *why)
{
	struct option longs[OPTION_ROWS + 1] = { 0 };
	char shorts[2 * OPTION_ROWS + 2] = ":", *s = shorts + 1;
	int value, err;

	for (size_t i = 0; i < n; i++) {
		int argument = from[i].argument ? required_argument : no_argument;

		longs[i] = (struct option){ from[i].name, argument, NULL, FIRST_VALUE + (int)i };
		if (!from[i].letter)
			continue;
		*s++ = from[i].letter;
		if (from[i].argument)
			*s++ = ':';
	}
	optind = 0;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = find(from, n, value);

		if (!row) {
			buf_printf(why,
				   value == ':' ? "option %s needs an argument"
						: "unknown option %s",
				   argv[optind - 1]);
			return -EINVAL;
		}
		err = set(to, row, why);
		if (err)
			return err;
	}
	return optind;
}

int options_parse(struct options *opt, int argc, char **argv, struct buf *why)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	int first;

	*opt = (struct options){ .program = slash ? slash + 1 : argc ? argv[0] : "skep" };
	first = option_rows_parse(opt, rows, ARRAY_LEN(rows), argc, argv, why);
	if (first < 0)
		return first;
	opt->args = argv + first;
	opt->nargs = argc - first;
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

void option_rows_help(struct buf *out, const struct option_row *from, size_t n)
{
	enum { INDENT = 28 };

	for (size_t i = 0; i < n; i++) {
		const struct option_row *row = &from[i];
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
}

void options_help(struct buf *out, const struct options *opt)
{
	buf_printf(out,
		   "%s traces this machine with a script.\n\n"
		   "Usage: %s [OPTIONS] FILE [PARAMETERS]\n"
		   "       %s [OPTIONS] -e 'SCRIPT' [PARAMETERS]\n"
		   "       %s [OPTIONS] - < FILE\n"
		   "       %s asm ...       BPF text to bytes, C, objects: %s asm --help\n"
		   "       %s disasm ...    and back: %s disasm --help\n"
		   "       %s filter ...    classic BPF: %s filter --help\n\nOptions:\n",
		   opt->program, opt->program, opt->program, opt->program, opt->program,
		   opt->program, opt->program, opt->program, opt->program, opt->program);
	option_rows_help(out, rows, ARRAY_LEN(rows));
	buf_puts(out, "\nExamples:\n"
		      "  skep -e 'tracepoint:syscalls:sys_enter_openat "
		      "{ printf(\"%s %s\\n\", comm, str(args.filename)); }'\n"
		      "  skep -e 'tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }'\n"
		      "  skep -l 'tracepoint:syscalls:*open*'\n"
		      "\nExit status: 0 done (or what exit(n) says), 1 the script or its run "
		      "failed, 2 usage.\n");
}
