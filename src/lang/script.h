/*
 * One script being compiled: what the stages of lang share, and the stages themselves.
 *
 *	parse -> expand -> plan -> check -> lower
 *
 * Everything here lives in the arena of the compilation. Stages report to script.env->diags and
 * go on; a stage that follows is only called when the one before reported no error.
 */
#ifndef SKEP_LANG_SCRIPT_H
#define SKEP_LANG_SCRIPT_H

#include <string.h>

#include "lang/lang.h"
#include "lang/parse.h"
#include "lang/token.h"

/* A map of the script. Global: all clauses write and read the same. */
struct script_map {
	const char *name;
	const struct type *key;   /* NULL: not seen with a key (yet) */
	const struct type *value; /* NULL: nothing was assigned (yet) */
	bool is_flexible;         /* only literals were assigned: any integer type will do */
	bool is_scalar, is_keyed; /* how it was used so far; both is an error */
	struct span span;         /* first use */
	struct node *decl;        /* let @x = kind(n), or NULL */
	uint32_t index;           /* in image.maps */
	bool percpu;
};

/* A clause after its probes were found. */
struct script_clause {
	struct node *node;
	struct node **shapes; /* checked copies, by shape; an entry is NULL if no program runs it */
	struct event **models;
	uint32_t nshapes;
};

/* A warning's site, and the word of MAP_GLOBALS that says whether it was told. */
struct told {
	uint32_t site, offset;
};

struct script {
	struct arena *arena;
	struct probe_env *env;
	struct types *types;
	const struct lang_options *opt;
	struct settings settings;
	struct tree *tree;
	VEC(struct script_map *) maps; /* in order of first use */
	struct script_clause *clauses;
	struct plan_clause *uses; /* one for each clause */
	uint32_t nclauses;
	bool btf_failed;
	uint32_t stack_limit; /* frames of the longest stack that is taken */
	uint32_t func_width;  /* bytes of the longest function name, see builtin_event.c */
	uint32_t funcs;       /* index + 1 of the map of them */
	bool writes_records;  /* some call of the script needs the ring */
	struct plan plan;
	struct image *image;
	/* while lowering */
	uint32_t zeroes; /* index + 1 of the map of zeroes */
	VEC(struct told) told;
};

/* ---- expand.c: positional parameters, attach points, what clauses use ---- */

/* expand_parameters - replaces $N in attach points and expressions. */
void expand_parameters(struct script *s);
/* expand_probes - finds the events of every clause and fills s->uses. */
void expand_probes(struct script *s);
/* expand_shapes - makes the copies that the plan asks for. */
void expand_shapes(struct script *s);

/* ---- config.c: the config block and map declarations ---- */

void config_apply(struct script *s);
void config_maps(struct script *s);
/* config_map - what the declaration of @m, if any, asks of the image's @map. */
void config_map(struct script *s, const struct script_map *m, struct image_map *map);

/* ---- check.c: types ---- */

void check_script(struct script *s);

/* ---- lower.c: checked trees to programs ---- */

void lower_script(struct script *s);
/* script_finish - sizes that are known once all programs are there. */
void script_finish(struct script *s);

/* ---- shared ---- */

/* script_btf - the kernel's types are wanted now: opens its BTF the first time. */
void script_btf(struct script *s);

/* script_zeroes - the index of a read-only map of at least @size zero bytes. */
uint32_t script_zeroes(struct script *s, uint32_t size);
/* script_rodata - the index of a new read-only map that holds @data (NULL: zeroes). */
uint32_t script_rodata(struct script *s, const char *name, const void *data, uint32_t size);
/* script_role - the index of the map with a role that there is one of, made when new. */
uint32_t script_role(struct script *s, enum map_role role);
/* script_word - the offset of a new u64 in MAP_GLOBALS. */
uint32_t script_word(struct script *s);

/* script_map - the map @name, made when new. */
struct script_map *script_map(struct script *s, const char *name, struct span span);

#endif
