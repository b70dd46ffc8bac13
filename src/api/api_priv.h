/*
 * What is behind the opaque names of include/skep/skep.h. For api/ only.
 */
#ifndef SKEP_API_PRIV_H
#define SKEP_API_PRIV_H

#include "base/diag.h"
#include "engine/context.h"
#include "engine/map.h"
#include "image/image.h"
#include "types/type.h"
#include <skep/skep.h>

struct skep_engine {
	struct engine *engine;
};

struct skep_map {
	uint32_t references;
	struct map *map; /* NULL: in the kernel */
	int fd;          /* -1: in this process */
	struct skep_map_info info;
	size_t value_size; /* as user space sees it */
	char name[];
};

struct skep_object {
	uint32_t references; /* the owner's and its programs', which show its source lines */
	jmp_buf no_memory;   /* valid inside of object_guard() only */
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct types types;
	struct image *image;
	struct skep_map **maps; /* by number; NULL: not made yet */
	uint32_t nmaps;
	bool is_open; /* has no maps of its own: more may be added */
};

struct skep_prog {
	struct vm_prog *prog;
	struct skep_object *object;
	const struct context_kind *kind; /* NULL: its type has no context that is known here */
};

enum { RUN_LENT = 16 };

struct skep_run {
	struct vm vm; /* first: helpers get its address */
	void *ctx;
	struct region lent[RUN_LENT];
	uint32_t nlent;
	struct context *packet; /* of the last skep_run_packet(); NULL: none yet */
};
_Static_assert(offsetof(struct skep_run, vm) == 0, "a vm_helper is a skep_helper");

/* why_clear, why_text, why_diags, why_printf - fill in a reason, which may be NULL. why_printf
 * gives
 * @err. */
void why_clear(struct skep_why *why);
void why_text(struct skep_why *why, const char *text, size_t len);
void why_diags(struct skep_why *why, const struct diags *diags);
int why_printf(struct skep_why *why, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* why_error - @err as it goes out: an errno of libc. When there is no reason yet, its name is. */
int why_error(struct skep_why *why, int err);
/* api_error - the same without a reason. */
int api_error(int err);

/* run_error - how the last run of @vm ended, as an errno. */
int run_error(const struct vm *vm);

/* object_guard - @fn under the object's guard: -ENOMEM when an arena found no memory. */
typedef int object_fn(struct skep_object *o, void *arg);
int object_guard(struct skep_object *o, object_fn *fn, void *arg);
void object_put(struct skep_object *o);

/* Where a map of an object goes into a program: called for each relocation that names one. */
typedef int place_map_fn(void *ctx, struct reloc *r, struct skep_map *map);

/* object_place - @fn for each place where program @prog names a map, which is made in @where if it
 * is not there; @relocs is the program's list, copied. */
int object_place(struct skep_object *o, const struct image_prog *prog, struct reloc *relocs,
		 enum skep_where where, place_map_fn *fn, void *ctx, struct skep_why *why);
/* object_image_prog - NULL with the reason: there is no such program. */
const struct image_prog *object_image_prog(const struct skep_object *o, uint32_t prog,
					   struct skep_why *why);

/* map_make - as @info says; @more (may be NULL) has what only the engine's maps take. */
int map_make(const struct skep_map_info *info, enum skep_where where, const struct map_def *more,
	     struct skep_map *inner, struct skep_map **ret);

#endif
