/*
 * An engine: what programs in user space share. It has the maps and the helper functions, and it
 * asks its hooks for all that comes from outside (time, who runs, random seed, where printed
 * text goes), so that a test decides what a program sees.
 *
 * Set up an engine first (maps, helpers), then make programs and run them on as many threads as
 * you like; setting up is for one thread. Programs and maps must not outlive their engine.
 */
#ifndef SKEP_ENGINE_ENGINE_H
#define SKEP_ENGINE_ENGINE_H

#include <time.h>

#include "engine/vm.h"

struct map;

/* Who runs, as the helpers tell it. */
struct engine_task {
	uint32_t pid, tgid; /* thread and process */
	uint32_t uid, gid;
	char comm[16];
};

/* Each may be NULL: then the machine itself answers, text goes nowhere, and there is no memory
 * but the program's own and no kernel symbol. */
struct engine_hooks {
	void *ctx;
	uint64_t (*clock)(void *ctx, clockid_t which); /* ns */
	void (*task)(void *ctx, struct engine_task *ret);
	void (*print)(void *ctx, const char *text, size_t len); /* bpf_trace_printk */
	/* Memory that bpf_probe_read* may try besides the program's regions. 0 or -EFAULT. */
	int (*read)(void *ctx, uint64_t address, void *to, size_t size);
	uint64_t (*ksym)(void *ctx, const char *name); /* 0: no such symbol */
};

struct engine_options {
	struct engine_hooks hooks;
	uint64_t seed;  /* of bpf_get_prandom_u32; 0: taken from the system */
	uint32_t ncpus; /* width of per-CPU values; 0: as many as the machine has */
};

struct engine_helper {
	vm_helper *fn; /* NULL: the engine has no such helper */
	const char *name;
};

enum { ENGINE_PARAMS = PARAM_PIDNS_INO + 1 };

struct engine {
	struct engine_hooks hooks; /* none is NULL but read and ksym */
	uint64_t seed;
	uint32_t ncpus;
	struct map **maps; /* by number, each held */
	uint32_t nmaps;
	struct engine_helper *helpers; /* by id */
	uint32_t nhelpers;
	uint64_t params[ENGINE_PARAMS]; /* for RELOC_PARAM, by enum image_param */
	uint64_t progs;                 /* made so far: the source of their ids */
};

/* engine_new - an engine with the helpers of helper.def; @opt may be NULL. -ENOMEM. */
int engine_new(const struct engine_options *opt, struct engine **ret);
void engine_free(struct engine *e);

/* engine_add_map - takes a reference on @m. The number that programs name it by (map index of an
 * image, map[fd:N] of a text), or -ENOMEM. */
int engine_add_map(struct engine *e, struct map *m);

/* engine_set_helper - what a call of helper @id runs, NULL: refused; @name is kept and stands in
 * messages. Any id below 65536: an embedder's own come this way. -ENOMEM, -EINVAL. */
int engine_set_helper(struct engine *e, uint32_t id, const char *name, vm_helper *fn);

#endif
