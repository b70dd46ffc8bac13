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

/* options_parse - 0, or -EINVAL with the reason in @why (one line). */
int options_parse(struct options *opt, int argc, char **argv, struct buf *why);

/* options_help - the text of --help. */
void options_help(struct buf *out, const struct options *opt);

#endif
