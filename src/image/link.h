/*
 * Linking: the symbols of several objects. What one leaves undefined, another may define; of two
 * definitions a weak one gives way. Static symbols stay their object's own.
 */
#ifndef SKEP_IMAGE_LINK_H
#define SKEP_IMAGE_LINK_H

#include "image/object_priv.h"

/* link_symbols - gathers what all objects define. */
int link_symbols(struct link *l);

/* What a relocation refers to. */
struct link_target {
	struct object_symbol *named;   /* the symbol of the object itself, for its name */
	struct object_symbol *defined; /* where it is, maybe in another object; NULL: nowhere */
	int64_t addend;                /* bytes from there */
};

/* link_target - resolves @rel of @o; @in_place is what the section's bytes hold. */
int link_target(struct object *o, const struct object_rel *rel, int64_t in_place,
		struct link_target *ret);

/* link_call - the same for a call, whose addend counts instructions from the one behind it. */
int link_call(struct object *o, const struct object_rel *rel, int32_t imm, struct link_target *ret);

#endif
