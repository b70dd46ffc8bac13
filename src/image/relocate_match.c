/*
 * Which types of the target correspond to local ones. See relocate_priv.h.
 *
 * BTF may be hostile, and comparing types follows every edge of two graphs: depth is bounded and a
 * budget of steps ends what would take for ever.
 */
#include <string.h>

#include "image/relocate_priv.h"

enum { MAX_DEPTH = 32, INT_SIGNED = 1, FLEXIBLE = 0 };

bool core_spend(struct relocate *r)
{
	if (!r->steps)
		return false;
	r->steps--;
	return true;
}

/* The flavour begins behind the last "___" that has something else on both sides. */
size_t core_name_len(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = len; i >= 5; i--) {
		const char *s = name + i - 5;

		if (s[0] != '_' && s[1] == '_' && s[2] == '_' && s[3] == '_' && s[4] != '_')
			return i - 4;
	}
	return len;
}

static bool same_name(const char *a, const char *b)
{
	size_t len = core_name_len(a);

	return len == core_name_len(b) && memcmp(a, b, len) == 0;
}

bool core_same_kind(const uint32_t *a, const uint32_t *b)
{
	return btf_kind(a) == btf_kind(b) || (core_is_enum(a) && core_is_enum(b));
}

static const uint32_t *plain(const struct btf *btf, uint32_t id, uint32_t *ret_id)
{
	uint32_t base = btf_strip(btf, id, true);

	if (ret_id)
		*ret_id = base;
	return btf_record(btf, base);
}

static const char *name_of(const struct btf *btf, const uint32_t *record)
{
	return btf_string(btf, record[BTF_NAME]);
}

/* ---- fields ---- */

/* An old encoding keeps the place of a bit-field in its integer type: not followed. */
static bool int_is_plain(const uint32_t *record)
{
	return (record[BTF_COMMON] >> 16 & 0xff) == 0;
}

/* Whether a member of the one type can be read as a member of the other. */
static bool fields_fit(struct relocate *r, uint32_t local, uint32_t target)
{
	for (int hops = 0; hops < MAX_DEPTH; hops++) {
		const uint32_t *l = plain(r->local, local, NULL);
		const uint32_t *t = plain(r->target, target, NULL);
		const char *a, *b;

		if (!l || !t || !core_spend(r))
			return !l && !t;
		if (core_is_composite(l) && core_is_composite(t))
			return true;
		if (!core_same_kind(l, t))
			return false;
		switch (btf_kind(l)) {
		case BTF_PTR:
		case BTF_FLOAT: return true;
		case BTF_FWD:
		case BTF_ENUM:
		case BTF_ENUM64:
			a = name_of(r->local, l);
			b = name_of(r->target, t);
			return !*a || !*b || same_name(a, b);
		case BTF_INT: return int_is_plain(l) && int_is_plain(t);
		case BTF_ARRAY:
			local = l[BTF_COMMON];
			target = t[BTF_COMMON];
			continue;
		default: return false;
		}
	}
	return false;
}

static uint32_t member_bit(const uint32_t *record, const uint32_t *member)
{
	return btf_flag(record) ? member[2] & 0xffffff : member[2];
}

/* The member called @name in @id or in what has no name there, appended to @path. */
static bool find_member(struct relocate *r, struct core_path *path, uint32_t id, const char *name,
			uint32_t local, unsigned depth)
{
	const uint32_t *record = plain(r->target, id, &id);
	uint64_t start = path->bit;

	if (!record || !core_is_composite(record) || depth > MAX_DEPTH)
		return false;
	for (uint32_t i = 0; i < btf_entries(record); i++) {
		const uint32_t *member = record + BTF_COMMON + 3 * i;
		const char *its = btf_string(r->target, member[0]);

		if (!core_spend(r))
			return false;
		path->bit = start + member_bit(record, member);
		if (!*its && find_member(r, path, member[1], name, local, depth + 1))
			return true;
		if (!*its || !streq(its, name))
			continue;
		path->steps[path->n++] = (struct core_step){ id, i, its };
		return fields_fit(r, local, member[1]);
	}
	path->bit = start;
	return false;
}

/* An array that ends a struct with no size of its own goes on for ever. */
static bool is_flexible(const struct core_path *p, const uint32_t *array)
{
	const struct core_step *last = &p->steps[p->n - 1];
	const uint32_t *owner = last->name ? btf_record(p->btf, last->type_id) : NULL;

	return array[BTF_COMMON + 2] == FLEXIBLE && owner && last->index + 1 == btf_entries(owner);
}

/* The type that @p has come to: of its last member or element. */
static uint32_t reached(const struct core_path *p)
{
	const struct core_step *last = &p->steps[p->n - 1];

	if (!last->name)
		return last->type_id;
	return btf_record(p->btf, last->type_id)[BTF_COMMON + 3 * last->index + 1];
}

static bool add_element(struct core_path *p, uint32_t index)
{
	const uint32_t *array = plain(p->btf, reached(p), NULL);
	int64_t size;

	if (!array || btf_kind(array) != BTF_ARRAY)
		return false;
	if (index >= array[BTF_COMMON + 2] && !is_flexible(p, array))
		return false;
	size = btf_size(p->btf, array[BTF_COMMON]);
	if (size < 0)
		return false;
	p->bit += (uint64_t)index * (uint64_t)size * 8;
	p->steps[p->n++] = (struct core_step){ array[BTF_COMMON], index, NULL };
	return true;
}

bool core_path_match(struct relocate *r, const struct core_path *local, uint32_t root,
		     struct core_path *ret)
{
	int64_t size = btf_size(r->target, root);

	*ret = (struct core_path){ .btf = r->target, .root = root, .n = 1 };
	ret->steps[0] = (struct core_step){ root, local->steps[0].index, NULL };
	if (local->steps[0].index && size < 0)
		return false;
	ret->bit = local->steps[0].index ? local->steps[0].index * (uint64_t)size * 8 : 0;
	for (uint32_t i = 1; i < local->n; i++) {
		const struct core_step *step = &local->steps[i];
		const uint32_t *owner;

		if (!step->name) {
			if (!add_element(ret, step->index))
				return false;
			continue;
		}
		owner = btf_record(local->btf, step->type_id);
		if (!find_member(r, ret, reached(ret), step->name,
				 owner[BTF_COMMON + 3 * step->index + 1], 0))
			return false;
	}
	return true;
}

/* ---- types ---- */

static bool protos_agree(struct relocate *r, const uint32_t *l, const uint32_t *t,
			 bool (*agree)(struct relocate *r, uint32_t l, uint32_t t, unsigned depth),
			 unsigned depth)
{
	if (btf_entries(l) != btf_entries(t))
		return false;
	for (uint32_t i = 0; i < btf_entries(l); i++)
		if (!agree(r, l[BTF_COMMON + 2 * i + 1], t[BTF_COMMON + 2 * i + 1], depth))
			return false;
	return agree(r, l[BTF_TYPE_ID], t[BTF_TYPE_ID], depth);
}

bool core_types_fit(struct relocate *r, uint32_t local, uint32_t target, unsigned depth)
{
	const uint32_t *l = plain(r->local, local, NULL), *t = plain(r->target, target, NULL);

	if (depth > MAX_DEPTH || !core_spend(r))
		return false;
	if (!l || !t)
		return !l && !t;
	if (!core_same_kind(l, t))
		return false;
	switch (btf_kind(l)) {
	case BTF_STRUCT:
	case BTF_UNION:
	case BTF_ENUM:
	case BTF_ENUM64:
	case BTF_FWD:
	case BTF_FLOAT: return true;
	case BTF_INT: return int_is_plain(l) && int_is_plain(t);
	case BTF_PTR: return core_types_fit(r, l[BTF_TYPE_ID], t[BTF_TYPE_ID], depth + 1);
	case BTF_ARRAY: return core_types_fit(r, l[BTF_COMMON], t[BTF_COMMON], depth + 1);
	case BTF_FUNC_PROTO: return protos_agree(r, l, t, core_types_fit, depth + 1);
	default: return false;
	}
}

static const uint32_t *enumerator(struct relocate *r, const uint32_t *record, const char *name)
{
	uint32_t step = btf_kind(record) == BTF_ENUM64 ? 3 : 2;

	for (uint32_t i = 0; i < btf_entries(record); i++) {
		const uint32_t *entry = record + BTF_COMMON + step * i;

		if (!core_spend(r))
			return NULL;
		if (same_name(btf_string(r->target, entry[0]), name))
			return entry;
	}
	return NULL;
}

static bool enums_match(struct relocate *r, const uint32_t *l, const uint32_t *t)
{
	uint32_t step = btf_kind(l) == BTF_ENUM64 ? 3 : 2;

	if (btf_kind(l) == btf_kind(t) && l[BTF_SIZE] != t[BTF_SIZE])
		return false;
	for (uint32_t i = 0; i < btf_entries(l); i++)
		if (!enumerator(r, t, btf_string(r->local, l[BTF_COMMON + step * i])))
			return false;
	return true;
}

static bool member_matches(struct relocate *r, const uint32_t *member, const uint32_t *t,
			   bool behind_pointer, unsigned depth)
{
	const char *name = btf_string(r->local, member[0]);

	for (uint32_t i = 0; i < btf_entries(t); i++) {
		const uint32_t *other = t + BTF_COMMON + 3 * i;

		if (!core_spend(r))
			return false;
		if (streq(btf_string(r->target, other[0]), name) &&
		    core_types_match(r, member[1], other[1], behind_pointer, depth))
			return true;
	}
	return false;
}

static bool members_match(struct relocate *r, const uint32_t *l, const uint32_t *t,
			  bool behind_pointer, unsigned depth)
{
	for (uint32_t i = 0; i < btf_entries(l); i++)
		if (!member_matches(r, l + BTF_COMMON + 3 * i, t, behind_pointer, depth))
			return false;
	return true;
}

static bool ints_match(const uint32_t *l, const uint32_t *t)
{
	return l[BTF_SIZE] == t[BTF_SIZE] &&
	       ((l[BTF_COMMON] ^ t[BTF_COMMON]) >> 24 & INT_SIGNED) == 0;
}

/* A declaration will do for what is only pointed to. */
static bool declares(const uint32_t *fwd, const uint32_t *record)
{
	return btf_kind(fwd) == BTF_FWD &&
	       btf_kind(record) == (btf_flag(fwd) ? BTF_UNION : BTF_STRUCT);
}

static bool match_again(struct relocate *r, uint32_t l, uint32_t t, unsigned depth)
{
	return core_types_match(r, l, t, false, depth);
}

bool core_types_match(struct relocate *r, uint32_t local, uint32_t target, bool behind_pointer,
		      unsigned depth)
{
	const uint32_t *l = plain(r->local, local, NULL), *t = plain(r->target, target, NULL);

	if (depth > MAX_DEPTH || !core_spend(r))
		return false;
	if (!l || !t)
		return !l && !t;
	if (!same_name(name_of(r->local, l), name_of(r->target, t)) && btf_kind(l) != BTF_INT)
		return false;
	if (behind_pointer && (declares(l, t) || declares(t, l)))
		return true;
	if (!core_same_kind(l, t))
		return false;
	switch (btf_kind(l)) {
	case BTF_FWD: return btf_flag(l) == btf_flag(t);
	case BTF_FLOAT: return l[BTF_SIZE] == t[BTF_SIZE];
	case BTF_ENUM:
	case BTF_ENUM64: return enums_match(r, l, t);
	case BTF_STRUCT:
	case BTF_UNION: return behind_pointer || members_match(r, l, t, behind_pointer, depth + 1);
	case BTF_INT: return ints_match(l, t);
	case BTF_PTR: return core_types_match(r, l[BTF_TYPE_ID], t[BTF_TYPE_ID], true, depth + 1);
	case BTF_ARRAY:
		return l[BTF_COMMON + 2] == t[BTF_COMMON + 2] &&
		       core_types_match(r, l[BTF_COMMON], t[BTF_COMMON], behind_pointer, depth + 1);
	case BTF_FUNC_PROTO: return protos_agree(r, l, t, match_again, depth + 1);
	default: return false;
	}
}
