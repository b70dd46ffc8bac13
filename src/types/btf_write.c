/*
 * Writing BTF: see btf_write.h. Types are numbered in the order in which they are met and written
 * in that order, so that a struct can refer to what comes after it, and to itself.
 *
 * Needs: buf. Called by kernel/ and by the writer of ELF objects.
 */
#include "types/btf_write.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0xeb9f, FIRST_SLOTS = 64, BITS_MAX = 255 };

enum form {
	WHOLE,
	DECLARED, /* only its name */
	BARE,     /* without the typedef that gives it its name */
};

/* A type that has an id. */
struct btf_made {
	const struct type *type;
	enum form form;
	uint32_t id;
};

static const struct type index_type = { .kind = TYPE_INT, .size = 4, .name = "u32" };
static const struct type char_type = {
	.kind = TYPE_INT, .size = 1, .is_signed = true, .name = "char"
};

void btf_write_done(struct btf_writer *w)
{
	buf_done(&w->types);
	buf_done(&w->strings);
	free(w->slots);
	free(w->made);
	*w = (struct btf_writer){ 0 };
}

/* ---- strings ---- */

static bool grow_slots(struct btf_writer *w)
{
	uint32_t n = w->nslots ? w->nslots * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots) {
		w->err = -ENOMEM;
		return false;
	}
	for (uint32_t i = 0; i < w->nslots; i++) {
		const char *s = w->strings.data + w->slots[i] - 1;
		uint32_t at;

		if (!w->slots[i])
			continue;
		for (at = hash_bytes(s, strlen(s)) % n; slots[at]; at = (at + 1) % n)
			;
		slots[at] = w->slots[i];
	}
	free(w->slots);
	w->slots = slots;
	w->nslots = n;
	return true;
}

uint32_t btf_write_string(struct btf_writer *w, const char *s, size_t len)
{
	uint32_t at;

	len = strnlen(s, len);
	if (!w->strings.len)
		buf_putc(&w->strings, '\0'); /* offset 0 means no name */
	if (!len)
		return 0;
	if (w->nstrings * 2 >= w->nslots && !grow_slots(w))
		return 0;
	for (at = hash_bytes(s, len) % w->nslots; w->slots[at]; at = (at + 1) % w->nslots) {
		const char *other = w->strings.data + w->slots[at] - 1;

		if (strncmp(other, s, len) == 0 && !other[len])
			return w->slots[at] - 1;
	}
	uint32_t offset = (uint32_t)w->strings.len;
	buf_add(&w->strings, s, len);
	buf_putc(&w->strings, '\0');
	if (w->strings.err)
		return 0;
	w->slots[at] = offset + 1;
	w->nstrings++;
	return offset;
}

uint32_t btf_write_name(struct btf_writer *w, const char *name)
{
	struct buf plain = { 0 };
	uint32_t at = 0;

	if (*name && !isalpha((unsigned char)*name) && *name != '_')
		buf_putc(&plain, '_');
	for (const char *s = name; *s; s++)
		buf_putc(&plain, isalnum((unsigned char)*s) ? *s : '_');
	if (plain.err)
		w->err = plain.err;
	else if (plain.len)
		at = btf_write_string(w, plain.data, plain.len);
	buf_done(&plain);
	return at;
}

/* ---- records ---- */

uint32_t btf_write_record(struct btf_writer *w, enum btf_kind kind, uint32_t name, uint32_t count,
			  uint32_t size_or_type)
{
	const uint32_t record[] = { name, (uint32_t)kind << 24 | count, size_or_type };

	btf_write_words(w, record, ARRAY_LEN(record));
	return ++w->ntypes;
}

void btf_write_words(struct btf_writer *w, const uint32_t *words, uint32_t n)
{
	buf_add(&w->types, words, n * sizeof(*words));
}

uint32_t btf_write_int(struct btf_writer *w, const char *name, uint32_t size,
		       enum btf_encoding encoding)
{
	const uint32_t shape = (uint32_t)encoding << 24 | size * 8;
	uint32_t at = btf_write_string(w, name, strlen(name));
	uint32_t id = btf_write_record(w, BTF_INT, at, 0, size);

	btf_write_words(w, &shape, 1);
	return id;
}

uint32_t btf_write_pointer(struct btf_writer *w, uint32_t to)
{
	return btf_write_record(w, BTF_PTR, 0, 0, to);
}

uint32_t btf_write_array(struct btf_writer *w, uint32_t of, uint32_t count)
{
	uint32_t index;

	btf_write_type(w, NULL, &index_type, &index);
	const uint32_t shape[] = { of, index, count };
	uint32_t id = btf_write_record(w, BTF_ARRAY, 0, 0, 0);
	btf_write_words(w, shape, ARRAY_LEN(shape));
	return id;
}

/* ---- types ---- */

/* The id that @t has or will have: its place among the types still to be written. */
static uint32_t want(struct btf_writer *w, const struct type *t, enum form form, uint32_t *next)
{
	if (!t || t->kind == TYPE_VOID)
		return 0;
	for (uint32_t i = 0; i < w->nmade; i++)
		if (w->made[i].type == t && w->made[i].form == form)
			return w->made[i].id;
	if (w->nmade == w->cap_made) {
		uint32_t cap = w->cap_made ? w->cap_made * 2 : 64;
		struct btf_made *made = realloc(w->made, cap * sizeof(*made));

		if (!made) {
			w->err = -ENOMEM;
			return 0;
		}
		w->made = made;
		w->cap_made = cap;
	}
	w->made[w->nmade++] = (struct btf_made){ t, form, *next };
	return (*next)++;
}

static uint32_t type_name_at(struct btf_writer *w, const char *name)
{
	return name ? btf_write_string(w, name, strlen(name)) : 0;
}

static void write_int(struct btf_writer *w, const struct type *t)
{
	static const char *const names[] = { "u", "s" };
	char plain[8];

	plain[0] = *names[t->is_signed];
	plain[1] = '\0';
	switch (t->size) {
	case 1: strcat(plain, "8"); break;
	case 2: strcat(plain, "16"); break;
	case 4: strcat(plain, "32"); break;
	case 8: strcat(plain, "64"); break;
	default: strcat(plain, "128");
	}
	btf_write_int(w,
		      t->name                ? t->name
		      : t->kind == TYPE_BOOL ? "bool"
					     : plain,
		      t->size,
		      t->kind == TYPE_BOOL ? BTF_BOOL
		      : t->is_signed       ? BTF_SIGNED
					   : BTF_UNSIGNED);
}

/* Whether the name of @t is not its own. */
static bool has_typedef(const struct type *t)
{
	return t->name && (t->is_typedef || t->kind == TYPE_POINTER || t->kind == TYPE_ARRAY);
}

static void write_enum(struct btf_writer *w, const struct type *t)
{
	bool wide = t->size == 8;
	uint32_t name = has_typedef(t) ? 0 : type_name_at(w, t->name);
	uint32_t n = MIN(t->nenumerators, 0xffffu);

	btf_write_record(w, wide ? BTF_ENUM64 : BTF_ENUM, name, n | (t->is_signed ? BTF_FLAG : 0),
			 t->size);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t value = (uint64_t)t->enumerators[i].value;
		const uint32_t entry[] = { type_name_at(w, t->enumerators[i].name), (uint32_t)value,
					   (uint32_t)(value >> 32) };

		btf_write_words(w, entry, wide ? 3 : 2);
	}
}

static bool has_bits(const struct type *t)
{
	for (uint32_t i = 0; i < t->nmembers; i++)
		if (t->members[i].bit_size)
			return true;
	return false;
}

static void write_struct(struct btf_writer *w, const struct type *t, uint32_t *next)
{
	bool bits = has_bits(t);
	uint32_t name = has_typedef(t) ? 0 : type_name_at(w, t->name);
	uint32_t n = MIN(t->nmembers, 0xffffu);

	btf_write_record(w, t->kind == TYPE_UNION ? BTF_UNION : BTF_STRUCT, name,
			 n | (bits ? BTF_FLAG : 0), t->size);
	for (uint32_t i = 0; i < n; i++) {
		const struct type_member *m = &t->members[i];
		uint32_t at = m->offset * 8 + m->bit_offset;
		const uint32_t entry[] = { type_name_at(w, m->name), want(w, m->type, WHOLE, next),
					   bits ? (uint32_t)m->bit_size << 24 | at : at };

		btf_write_words(w, entry, 3);
	}
}

static void write_proto(struct btf_writer *w, const struct type *t, uint32_t *next)
{
	uint32_t n = MIN(t->nmembers, 0xffffu);

	btf_write_record(w, BTF_FUNC_PROTO, 0, n, want(w, t->elem, WHOLE, next));
	for (uint32_t i = 0; i < n; i++) {
		const struct type_member *m = &t->members[i];
		const uint32_t entry[] = { m->name ? btf_write_name(w, m->name) : 0,
					   want(w, m->type, WHOLE, next) };

		btf_write_words(w, entry, 2);
	}
}

/* What was never looked into, and has a name, need not be written to be pointed to. */
static bool is_declared(const struct type *t)
{
	return (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION) && t->btf && t->name &&
	       !t->is_typedef;
}

static void write_pointer(struct btf_writer *w, const struct type *t, uint32_t *next)
{
	const struct type *to = t->elem;

	btf_write_pointer(w, to ? want(w, to, is_declared(to) ? DECLARED : WHOLE, next) : 0);
}

static void write_array(struct btf_writer *w, const struct type *of, uint32_t count, uint32_t *next)
{
	const uint32_t shape[] = { want(w, of, WHOLE, next), want(w, &index_type, WHOLE, next),
				   count };

	btf_write_record(w, BTF_ARRAY, 0, 0, 0);
	btf_write_words(w, shape, ARRAY_LEN(shape));
}

/* Writes one record, whose id was given before. */
static bool write_one(struct btf_writer *w, struct types *types, const struct btf_made *made,
		      uint32_t *next)
{
	const struct type *t = made->type;

	if (made->form == DECLARED) {
		btf_write_record(w, BTF_FWD, type_name_at(w, t->name),
				 t->kind == TYPE_UNION ? BTF_FLAG : 0, 0);
		return true;
	}
	if (made->form == WHOLE && has_typedef(t)) {
		btf_write_record(w, BTF_TYPEDEF, type_name_at(w, t->name), 0,
				 want(w, t, BARE, next));
		return true;
	}
	if (types)
		t = type_complete(types, t);
	switch (t->kind) {
	case TYPE_INT:
	case TYPE_BOOL: write_int(w, t); return true;
	case TYPE_FLOAT:
		btf_write_record(w, BTF_FLOAT, type_name_at(w, t->name ? t->name : "double"), 0,
				 t->size);
		return true;
	case TYPE_ENUM: write_enum(w, t); return true;
	case TYPE_STRUCT:
	case TYPE_UNION: write_struct(w, t, next); return true;
	case TYPE_POINTER: write_pointer(w, t, next); return true;
	case TYPE_ARRAY: write_array(w, t->elem, t->count, next); return true;
	case TYPE_STRING: write_array(w, &char_type, t->size, next); return true;
	case TYPE_FUNC: write_proto(w, t, next); return true;
	default: return false;
	}
}

bool btf_write_type(struct btf_writer *w, struct types *types, const struct type *t,
		    uint32_t *ret_id)
{
	uint32_t next = w->ntypes + 1, at = w->nmade;
	bool ok = true;

	*ret_id = want(w, t, WHOLE, &next);
	for (; at < w->nmade && ok && !w->err; at++) {
		struct btf_made made = w->made[at];

		ok = write_one(w, types, &made, &next);
	}
	/* What cannot be written takes a record all the same: ids are given already. */
	while (!ok && w->ntypes + 1 < next)
		btf_write_record(w, BTF_PTR, 0, 0, 0);
	return ok;
}

int btf_write_finish(struct btf_writer *w, struct buf *out)
{
	struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t size, type_offset, type_size, string_offset, string_size;
	} h = { .magic = MAGIC, .version = 1, .size = sizeof(h) };

	btf_write_string(w, "", 0);
	h.type_size = h.string_offset = (uint32_t)w->types.len;
	h.string_size = (uint32_t)w->strings.len;
	buf_add(out, &h, sizeof(h));
	buf_add(out, w->types.data, w->types.len);
	buf_add(out, w->strings.data, w->strings.len);
	if (w->err)
		return w->err;
	return w->types.err || w->strings.err || out->err ? -ENOMEM : 0;
}
