/*
 * The host interface: where an image runs. kernel/ and engine/ implement it; a recorded trace
 * is a third. run/ drives one and knows no other.
 *
 * Order of calls: load, run (begin), attach, { poll_fd ready: drain }*, stop, drain, run (end),
 * drain, maps, free. Each may be left out after a failure; free is always right.
 */
#ifndef SKEP_IMAGE_HOST_H
#define SKEP_IMAGE_HOST_H

#include "base/diag.h"
#include "image/image.h"

struct host {
	const struct host_ops *ops;
};

/* One record, in the order it was written. @size bytes from struct record_head on. Returns 0, or
 * -errno to stop draining. */
typedef int host_record_fn(void *ctx, const void *record, size_t size);

/* One map entry: @values holds @nvalues values (one a CPU for a per-CPU map), @stride bytes
 * apart. Returns 0 to go on, 1 to stop. */
typedef int host_entry_fn(void *ctx, const void *key, const void *values, uint32_t nvalues,
			  uint32_t stride);

struct host_ops {
	const char *name;

	/* Creates maps and loads programs. Failures are told in @diags, at the script's line. */
	int (*load)(struct host *h, const struct image *img, struct diags *diags);

	/* Runs all programs attached as @kind (ATTACH_BEGIN, ATTACH_END) once, in order. */
	int (*run)(struct host *h, enum attach_kind kind);

	/* Attaches all others. @missing_ok: a target that is not there is a warning. Returns how
	 * many are attached, or -errno. @progress (may be NULL) is told after each. */
	int (*attach)(struct host *h, struct diags *diags, bool missing_ok,
		      void (*progress)(void *ctx, uint32_t done, uint32_t all), void *ctx);

	/* A descriptor that polls readable when records wait; -1: nothing writes any. */
	int (*poll_fd)(struct host *h);

	/* Gives every waiting record to @fn; urgent ones in their place. Returns how many. */
	int (*drain)(struct host *h, host_record_fn *fn, void *ctx);

	/* Sets the stop word: programs do nothing from now on. Then lets go of all events, in a
	 * time that does not depend on how many there are. */
	int (*stop)(struct host *h);

	/* The shared value of MAP_GLOBALS. */
	struct image_globals *(*globals)(struct host *h);

	/* Maps, by index in the image. Keys and values have the sizes that the image says. */
	int (*map_each)(struct host *h, uint32_t map, host_entry_fn *fn, void *ctx);
	int (*map_lookup)(struct host *h, uint32_t map, const void *key, host_entry_fn *fn,
			  void *ctx);
	int (*map_update)(struct host *h, uint32_t map, const void *key, const void *value);
	int (*map_clear)(struct host *h, uint32_t map);
	int (*map_zero)(struct host *h, uint32_t map);

	/* Events of program @prog that the kernel left out (recursion); 0 where it cannot tell. */
	uint64_t (*missed)(struct host *h, uint32_t prog);

	void (*free)(struct host *h);
};

#endif
