/* What relocate.c (answers) and relocate_match.c (which types correspond) share. */
#ifndef SKEP_IMAGE_RELOCATE_PRIV_H
#define SKEP_IMAGE_RELOCATE_PRIV_H

#include "image/relocate.h"

enum { CORE_PATH_MAX = 64 };

/* One step of a path: a member of a struct or union, or an element of an array. */
struct core_step {
	uint32_t type_id; /* member: the struct; element: its type */
	uint32_t index;
	const char *name; /* of the member; NULL: an element */
};

struct core_path {
	const struct btf *btf;
	uint32_t root;
	struct core_step steps[CORE_PATH_MAX];
	uint32_t n;
	uint64_t bit; /* offset from the root */
};

/* core_spend - takes a step of the budget; false: it is used up. */
bool core_spend(struct relocate *r);

/* core_name_len - length of @name without its flavour. */
size_t core_name_len(const char *name);

static inline bool core_is_composite(const uint32_t *record)
{
	return btf_kind(record) == BTF_STRUCT || btf_kind(record) == BTF_UNION;
}

static inline bool core_is_enum(const uint32_t *record)
{
	return btf_kind(record) == BTF_ENUM || btf_kind(record) == BTF_ENUM64;
}

/* core_same_kind - whether the two may stand for one another at all. */
bool core_same_kind(const uint32_t *a, const uint32_t *b);

/* core_path_match - follows @local's path from the target's type @root. */
bool core_path_match(struct relocate *r, const struct core_path *local, uint32_t root,
		     struct core_path *ret);

/* core_types_fit - whether the target's type can be used where the local one is: kinds are the
 * same, names do not count below the top. */
bool core_types_fit(struct relocate *r, uint32_t local, uint32_t target, unsigned depth);

/* core_types_match - whether all that the local type has is in the target's with the same
 * meaning. */
bool core_types_match(struct relocate *r, uint32_t local, uint32_t target, bool behind_pointer,
		      unsigned depth);

#endif
