/* The command line as a structure; rows are in option.def. Used by every verb. */
#ifndef SKEP_CMD_OPTIONS_H
#define SKEP_CMD_OPTIONS_H

#include "base/buf.h"

struct options {
	const char *program; /* argv[0]'s last part */
	const char *script, *command, *pid, *output, *format, *buffering, *debug;
	const char *no_feature, *syscalls, *kernel, *tracefs, *btf;
	bool list, quiet, verbose, dry_run, unsafe, warnings, no_warnings, info, version, help;
	/* what is left: the pattern of -l, or the script's file unless -e; then positional
	 * parameters */
	char **args;
	int nargs;
};

/* Verbs have rows of their own, which set fields of a structure of their own. */
struct option_row {
	char letter; /* 0: a long option only */
	const char *name;
	const char *argument; /* NULL: a flag; the field is a bool, else a const char * */
	const char *help;
	size_t field;
	bool many; /* may be given again; the field is a struct option_values */
};

enum { OPTION_ROWS = 64, OPTION_VALUES = 256 };

struct option_values {
	const char *v[OPTION_VALUES];
	int n;
};

/* option_rows_parse - sets fields of @to. The index of the first argument that is no option (they
 * are moved to the end), or -EINVAL with the reason in @why. */
int option_rows_parse(void *to, const struct option_row *rows, size_t n, int argc, char **argv,
		      struct buf *why);

/* option_rows_help - a line or more for each row. */
void option_rows_help(struct buf *out, const struct option_row *rows, size_t n);

/* options_parse - 0, or -EINVAL with the reason in @why (one line). */
int options_parse(struct options *opt, int argc, char **argv, struct buf *why);

/* options_help - the text of --help. */
void options_help(struct buf *out, const struct options *opt);

#endif
