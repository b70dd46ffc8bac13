/*
 * Images in an engine: their maps made and filled, their programs ready to run.
 *
 * For hosts that run whole objects. An embedder with one program uses vm_prog_new() alone.
 */
#ifndef SKEP_ENGINE_LOAD_H
#define SKEP_ENGINE_LOAD_H

#include "engine/engine.h"
#include "engine/map.h"

struct load {
	const struct image *image;
	struct engine *engine;  /* its map numbers are those of the image */
	struct vm_prog **progs; /* by index in the image; NULL: not asked for yet */
	struct vm_options options;
};

/* load_new - an engine with the image's maps and the helpers of all program kinds. The image must
 * outlive it. 0, or -errno with the reason in @why. */
int load_new(const struct image *image, const struct engine_options *engine,
	     const struct vm_options *options, struct load **ret, struct buf *why);
void load_free(struct load *l);

/* load_prog - makes program @index ready, and those that the maps refer to. */
int load_prog(struct load *l, uint32_t index, struct buf *why);

/* load_map - map @index of the image. */
struct map *load_map(const struct load *l, uint32_t index);

/* load_stand_in - the kind of map that stands for @type where the engine has none of the kernel's
 * (devices, sockets, CPUs to redirect to): arrays and hashes with the same keys and values. */
uint32_t load_stand_in(uint32_t type);

#endif
