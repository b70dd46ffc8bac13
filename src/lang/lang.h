/*
 * The tracing language: script in, image out.
 *
 *	parse -> expand (probes) -> check (types) -> lower (IR) -> ir_compile
 */
#ifndef SKEP_LANG_LANG_H
#define SKEP_LANG_LANG_H

#include "image/setting.h"
#include "ir/ir.h"
#include "probe/plan.h"

struct lang_options {
	const char *const *params; /* positional parameters $1.. */
	uint32_t nparams;
	bool unsafe;              /* system(), signal() allowed */
	bool warn_helpers;        /* -k: tell when a key is not there, too */
	int32_t child_pid;        /* of -c; 0: none (cpid) */
	struct settings settings; /* from the environment; the script's config fills the rest */
	struct ir_options ir;
	/* stages 't' tokens, 'a' tree, 's' typed tree, 'p' plan; the rest go to ir.dump */
	void (*dump)(void *ctx, char stage, const char *title, const char *text);
	void *dump_ctx;
	const char *stages;
	/* what happens when the whole script is wanted for -l only: match, do not lower */
	bool list_only;
};

struct lang_result {
	struct image *image;
	struct settings settings;
	VEC(const char *) notes;  /* for -v */
	VEC(const char *) probes; /* matched names, for -l with a script */
};

/* lang_compile - compiles @src. Everything made belongs to env->arena. 0, or -errno with the
 * reasons in env->diags (-ENOMEM jumps to the arena's guard instead). */
int lang_compile(struct probe_env *env, struct sources *sources, const struct source *src,
		 const struct lang_options *opt, struct lang_result *ret);

#endif
