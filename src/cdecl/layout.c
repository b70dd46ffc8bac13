/*
 * Struct layout as gcc does it. See layout.h. Needs: types. Called when a struct is defined.
 *
 * All is counted in bits. A bit-field goes to the next free bit, unless it would then span more
 * units of its type's alignment than the type itself has; packing lifts that rule.
 */
#include "cdecl/layout.h"

#include <errno.h>

enum { MAX_NESTING = 32 };

struct cursor {
	const struct layout *how;
	struct types *types;
	uint64_t at;    /* next free bit */
	uint64_t end;   /* one past the last bit used */
	uint64_t align; /* of the whole, in bits */
};

static uint32_t align_at(struct types *types, const struct type *t, unsigned depth)
{
	uint32_t align = 1;

	if (t->kind == TYPE_ARRAY && depth < MAX_NESTING)
		return align_at(types, t->elem, depth + 1);
	if ((t->kind != TYPE_STRUCT && t->kind != TYPE_UNION) || depth == MAX_NESTING)
		return MAX(t->align, 1u);
	type_complete(types, t);
	if (!t->btf_id)
		return MAX(t->align, 1u);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		uint32_t one = align_at(types, t->members[i].type, depth + 1);

		if (t->members[i].offset % one == 0 && t->size % one == 0)
			align = MAX(align, one);
	}
	return align;
}

uint32_t layout_align(struct types *types, const struct type *t)
{
	return align_at(types, t, 0);
}

static bool is_packed(const struct cursor *c, const struct layout_field *f)
{
	return c->how->packed || f->packed;
}

static uint64_t limit(const struct cursor *c, uint64_t align)
{
	return c->how->pack ? MIN(align, 8ull * c->how->pack) : align;
}

static uint64_t place_whole(struct cursor *c, const struct layout_field *f, uint64_t type_align)
{
	uint64_t align = 8ull * f->align, at;

	if (!is_packed(c, f))
		align = MAX(align, type_align);
	else if (!align)
		align = 8;
	align = limit(c, align);
	at = ALIGN_UP(c->at, align);
	c->align = MAX(c->align, align);
	c->at = at + 8ull * f->type->size;
	return at;
}

/* arm64 counts unnamed bit-fields when it aligns the whole, x86-64 does not. */
static bool aligns_whole(const struct cursor *c, const struct layout_field *f)
{
	return f->name || c->how->arch == ARCH_ARM64;
}

/* "int : 0": the next field begins in the next unit, whatever packs them. */
static void place_zero(struct cursor *c, const struct layout_field *f, uint64_t type_align)
{
	uint64_t align = MAX(type_align, 8ull * f->align);

	c->at = ALIGN_UP(c->at, align);
	if (aligns_whole(c, f))
		c->align = MAX(c->align, align);
}

static uint64_t place_bits(struct cursor *c, const struct layout_field *f, uint64_t type_align)
{
	uint64_t units = 8ull * f->type->size / type_align;
	uint64_t user = limit(c, 8ull * f->align), at;

	c->at = user ? ALIGN_UP(c->at, user) : c->at;
	if (!is_packed(c, f) && !c->how->pack &&
	    (c->at % type_align + f->bits + type_align - 1) / type_align > units)
		c->at = ALIGN_UP(c->at, type_align);
	if (aligns_whole(c, f)) {
		c->align = MAX(c->align, user);
		c->align = MAX(c->align,
			       is_packed(c, f) && !c->how->pack ? 8 : limit(c, type_align));
	}
	at = c->at;
	c->at += f->bits;
	return at;
}

static uint32_t int_size_for(uint32_t bits)
{
	uint32_t size = 1;

	while (size < 8 && size * 8 < bits)
		size *= 2;
	return size;
}

/* A bit-field is read through the aligned unit of its type that holds it; where it crosses that, or
 * that reaches beyond the struct, through the fewest bytes that hold it and lie in the struct. Two
 * limits remain: a struct of 3, 5, 6 or 7 bytes may be too small for any unit, and a packed field
 * that lies in 9 bytes is cut. */
static void describe_bits(struct types *types, const struct layout_field *f, uint64_t at,
			  uint64_t struct_bytes, struct type_member *m)
{
	uint32_t unit = f->type->size;
	uint64_t start = at / 8 / unit * unit;

	if (at - start * 8 + f->bits > unit * 8 || start + unit > struct_bytes) {
		start = at / 8;
		unit = int_size_for(at % 8 + f->bits);
		if (start + unit > struct_bytes && unit <= struct_bytes)
			start = struct_bytes - unit;
		if (unit != f->type->size)
			m->type = type_int(types, unit, f->type->is_signed);
	}
	m->offset = start;
	m->bit_offset = at - start * 8;
	m->bit_size = MIN(f->bits, unit * 8 - m->bit_offset);
}

static void describe(struct types *types, const struct layout_field *f, uint64_t at,
		     uint64_t struct_bytes, struct type_member *m)
{
	*m = (struct type_member){ .name = f->name, .type = f->type, .offset = at / 8 };
	if (f->is_bits && (at % 8 || f->bits != f->type->size * 8))
		describe_bits(types, f, at, struct_bytes, m);
}

/* The bit where @f begins. */
static uint64_t place(struct cursor *c, const struct layout_field *f)
{
	uint64_t type_align = 8ull * layout_align(c->types, f->type), at;

	if (c->how->is_union)
		c->at = 0;
	if (!f->is_bits) {
		at = place_whole(c, f, type_align);
	} else if (f->bits) {
		at = place_bits(c, f, type_align);
	} else {
		place_zero(c, f, type_align);
		at = c->at;
	}
	c->end = MAX(c->end, c->at);
	return at;
}

static bool is_member(const struct layout_field *f)
{
	return f->name || !f->is_bits;
}

int layout_members(struct types *types, const struct layout *how, const struct layout_field *fields,
		   uint32_t n, struct type *t)
{
	struct cursor c = { .how = how, .types = types, .align = MAX(8ull * how->align, 8ull) };
	uint64_t *at = arena_array(types->arena, uint64_t, n), bytes;

	for (uint32_t i = 0; i < n; i++) {
		at[i] = place(&c, &fields[i]);
		if (c.end / 8 > INT32_MAX)
			return -E2BIG;
	}
	bytes = ALIGN_UP(c.end, c.align) / 8;
	if (bytes > INT32_MAX)
		return -E2BIG;
	t->members = arena_array(types->arena, struct type_member, n);
	t->nmembers = 0;
	for (uint32_t i = 0; i < n; i++)
		if (is_member(&fields[i]))
			describe(types, &fields[i], at[i], bytes, &t->members[t->nmembers++]);
	t->size = bytes;
	t->align = c.align / 8;
	return 0;
}
