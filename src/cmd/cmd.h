/*
 * Verbs: one file each, one row each in main.c. A verb gets the parsed options, prints, and
 * returns the exit status.
 */
#ifndef SKEP_CMD_CMD_H
#define SKEP_CMD_CMD_H

#include "cmd/options.h"

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_trace(const struct options *opt); /* trace.c: a script, from text to the last map */
int cmd_list(const struct options *opt);  /* list.c: -l */
int cmd_info(const struct options *opt);  /* info.c: --info */

/* Verbs with a name and options of their own, `skep NAME ...`; argv[0] is NAME. */
int cmd_filter(const struct options *program, int argc, char **argv); /* filter.c: classic BPF */

/* complain - one line on stderr: "skep: " and the message. Returns EXIT_FAILED. */
int complain(const struct options *opt, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* show - prints @text and frees it. Exit status. */
int show(const struct options *opt, struct buf *text);

/* write_all - all of @len bytes to @fd, whatever it takes (EINTR, EAGAIN, short writes). 0 or
 * -errno. */
int write_all(int fd, const char *data, size_t len);

#endif
