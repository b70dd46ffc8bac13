/* What verbs share beside their options: reading input, writing output, showing diagnostics. */
#ifndef SKEP_CMD_VERB_H
#define SKEP_CMD_VERB_H

#include "base/diag.h"
#include "cmd/cmd.h"

/* asm.c, disasm.c: argv[0] is the verb's name. */
int cmd_asm(const struct options *program, int argc, char **argv);
int cmd_disasm(const struct options *program, int argc, char **argv);

/* A verb's command line by its rows: what is left in *argc and *argv. -1: go on; else the exit
 * status, after --help (when *help is set by its row) or a complaint. */
int verb_options(const struct options *program, const char *usage, void *to,
		 const struct option_row *rows, size_t n, const bool *help, int *argc,
		 char ***argv);

/* verb_usage - complains about the command line; EXIT_USAGE. */
int verb_usage(const struct options *program, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* verb_read - appends the file at @path ("-": standard input). 0, or an exit status. */
int verb_read(const struct options *program, const char *path, struct buf *to);
/* verb_write - writes to the file at @path; NULL or "-": standard output. An exit status. */
int verb_write(const struct options *program, const char *path, const struct buf *from);

/* verb_diags - shows them on stderr. */
void verb_diags(const struct diags *d);

#endif
