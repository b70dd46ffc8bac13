/* What the files of run/ share. Not for other folders. */
#ifndef SKEP_RUN_RUN_PRIV_H
#define SKEP_RUN_RUN_PRIV_H

#include "run/session.h"

/* A set of process ids; a zeroed one is empty. */
struct pids {
	uint32_t *v;
	uint32_t n, cap;
};

struct session {
	struct host *host;
	const struct image *img;
	const struct session_options *opt;
	struct diags *diags;
	struct session_result *result;

	struct out_formats *formats;
	struct out_env env;
	struct buf out;  /* waits for the sink */
	struct buf text; /* of one record: a path, a command, what JSON quotes */

	uint64_t *warned;   /* by site: how often its warning came */
	uint64_t lost_told; /* records lost, as far as told */
	struct pids seen;   /* processes whose mappings are known */
	uint64_t next_look; /* boot-time ns when losses and processes are looked at again */
	uint64_t interval;  /* between two looks: short at first */
	uint32_t records;   /* since the last look at the signals */
	bool ending;        /* exit(), a signal, the watched process, or the sink failed */
	bool aborted;       /* a second signal: no more output */
};

/* ---- output.c: the way to the sink ---- */

/* output_done_record - what a record added to s->out since @start goes out as the flush policy
 * says. */
void output_done_record(struct session *s, size_t start);
/* output_flush - gives everything to the sink. The first error ends the session. */
void output_flush(struct session *s);
/* output_tell - a line for stderr, behind what stdout has so far. */
void output_tell(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* output_warn - the same as a warning with its place in the script. */
void output_warn(struct session *s, struct span at, const char *hint, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* ---- action.c: what records ask for ---- */

/* action_record - a host_record_fn; @ctx is the session. */
int action_record(void *ctx, const void *record, size_t size);
/* action_print_map - print(@m), and every map at the end, @lead in front. False: it is empty, and
 * nothing was printed. */
bool action_print_map(struct session *s, uint32_t map, int64_t top, int64_t div, const char *lead);

/* ---- command.c ---- */

/* command_run - runs @command by sh -c; what it writes to stdout is appended to @out. 0 or -errno.
 */
int command_run(const char *command, struct buf *out);

/* ---- loss.c: what could not be shown is told ---- */

/* loss_look - tells of records lost since it was last called. */
void loss_look(struct session *s);
/* loss_report - by call site, then stacks, scratch memory, recursion, and the sum. */
void loss_report(struct session *s);

/* ---- process.c ---- */

/* process_look - remembers the mappings of processes that user stacks came from. */
void process_look(struct session *s);
/* pids_add - false when @pid was there already. */
bool pids_add(struct pids *set, uint32_t pid);
void pids_done(struct pids *set);

/* ---- session.c ---- */

/* session_signalled - takes a waiting signal from stop_fd: the first ends the session, the
 * second ends it at once. */
void session_signalled(struct session *s);

uint64_t session_now(void);

#endif
