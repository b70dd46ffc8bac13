/*
 * A subject: what `skep run` and `skep test` run: an object or assembled text as an image, in an
 * engine, with one program and its context.
 */
#ifndef SKEP_CMD_SUBJECT_H
#define SKEP_CMD_SUBJECT_H

#include "cmd/verb.h"
#include "engine/context.h"
#include "engine/load.h"

/* run.c, test.c: verbs; argv[0] is the verb's name. */
int cmd_run(const struct options *program, int argc, char **argv);
int cmd_test(const struct options *program, int argc, char **argv);

struct subject {
	const struct options *program; /* for complaints */
	struct arena *arena;           /* of the verb */
	struct sources sources;
	struct diags diags;
	struct image *image;
	/* of one run: */
	struct load *load;
	struct context context;
	struct vm vm;
	bool has_vm, has_context;
	bool is_mute;       /* drop what is printed */
	uint32_t index;     /* of the program */
	struct buf printed; /* by bpf_trace_printk */
};

void subject_init(struct subject *s, const struct options *program, struct arena *arena);
/* subject_read - the image of @text, which is named @path: an ELF object, or assembler text whose
 * program is of @kind ("xdp"; NULL: it has no context). Exit status, diagnostics shown. */
int subject_read(struct subject *s, const char *path, const struct buf *text, const char *kind);
/* subject_open - engine, maps, program @name (NULL: the only one) and its context. 0, or -errno
 * with the reason in @why. */
int subject_open(struct subject *s, const char *name, const struct vm_options *opt,
		 struct buf *why);
/* subject_close - what subject_open made. */
void subject_close(struct subject *s);

/* subject_run - one run; false: it ended badly, why is in @why. */
bool subject_run(struct subject *s, uint64_t *ret_result, struct buf *why);

/* subject_result - r0 as people read it: its name, or a number. */
void subject_result(const struct subject *s, uint64_t r0, struct buf *out);

/* subject_place - file and line of instruction @insn of the program; source NULL: not known. */
struct place subject_place(const struct subject *s, uint32_t insn);

/* subject_map - the index of the map called @name, or -1. */
int subject_map(const struct subject *s, const char *name);

#endif
