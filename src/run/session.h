/*
 * A session: one run of an image on a host, from load to the last map printed.
 *
 * The session writes to a sink and reports through callbacks; it prints nothing itself. It knows
 * hosts only by their interface, and leaves the host loaded and stopped: its owner frees it.
 *
 * Losses are told as "Lost N events" lines (JSON: lost_events records) whose sum is what was not
 * printed of the records; then by place; then "Total lost: N events" with everything else.
 */
#ifndef SKEP_RUN_SESSION_H
#define SKEP_RUN_SESSION_H

#include "base/diag.h"
#include "image/host.h"
#include "out/out.h"

struct session_options {
	enum out_format format;
	const struct settings *settings;
	bool dry_run; /* stop after attaching */
	bool quiet;   /* no "Attached N probes" */
	bool no_warnings;
	int stop_fd;  /* readable: end now (a signalfd); -1: none */
	int watch_fd; /* a pidfd of -c or -p: end when it ends; -1: none */
	int (*started)(
		void *ctx); /* called once all is attached (lets the -c child go); may be NULL */
	/* Output for stdout: @len bytes. -errno (EPIPE, ENOSPC) ends the session in order. */
	int (*write)(void *ctx, const char *data, size_t len);
	/* Text for stderr: "Attached 3 probes", lost events, run-time warnings. */
	void (*tell)(void *ctx, const char *text);
	void *ctx;
	/* AUTO and FULL: when 64 KiB are full or nothing more waits; LINE: at the end of each
	 * record that ends a line; NONE: after each record. */
	enum { FLUSH_AUTO, FLUSH_LINE, FLUSH_FULL, FLUSH_NONE } flush;
};

struct session_result {
	int exit_code;   /* of exit(n) */
	uint64_t lost;   /* records, stacks and events lost, all told */
	int write_error; /* -errno of the sink, 0: none */
};

/* session_run - runs @img on @host to the end. 0 or -errno (reasons in @diags). */
int session_run(struct host *host, const struct image *img, struct symbols *symbols,
		const struct session_options *opt, struct diags *diags, struct session_result *ret);

#endif
