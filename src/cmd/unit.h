/*
 * A unit: what one run of a verb works with: arenas, sources, diagnostics, the environment that
 * probes are looked up in. All verbs that compile or list set one up the same way.
 */
#ifndef SKEP_CMD_UNIT_H
#define SKEP_CMD_UNIT_H

#include "cmd/cmd.h"
#include "lang/lang.h"
#include "probe/probe.h"

struct unit {
	const struct options *opt;
	jmp_buf no_memory; /* where the arena jumps to; set by unit_run */
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct types types;
	struct target target;
	struct tracefs tracefs;
	struct settings settings;
	struct probe_env env;
	const struct source *source; /* the script; NULL until unit_read */
	/* What the body holds that looks at the arena: let go of before it, also when memory ran
	 * out. Called with the body's state; NULL: nothing. */
	void (*release)(void *state);
};

/* unit_run - runs @body with a fresh unit in which memory may run out, then frees it. @body's
 * result, or EXIT_FAILED with a message. @state is the body's own. */
int unit_run(const struct options *opt, int (*body)(struct unit *u, void *state), void *state);

/* unit_read - reads the script that the options name. Exit status; EXIT_DONE: u->source is set. */
int unit_read(struct unit *u);

/* unit_compile - compiles u->source. Diagnostics are printed. */
int unit_compile(struct unit *u, const struct lang_options *lang, struct lang_result *ret);

/* unit_report - prints what the diagnostics hold from the last call on. */
void unit_report(struct unit *u);

#endif
