/*
 * Values in code: words, bytes, and moving them. See lower.h for the representation. Needs: an
 * open function (lower->f). Called by all of lowering.
 */
#include "lang/lower.h"

/* ---- small things ---- */

struct ir_value *word_const(struct lower *l, int64_t n)
{
	return ir_const(l->f, n);
}

struct ir_value *word_add(struct lower *l, struct ir_value *a, int64_t n)
{
	return n ? ir_binary(l->f, IR_ADD, a, word_const(l, n)) : a;
}

struct ir_block *block_new(struct lower *l, const char *label)
{
	return ir_block_new(l->f, label);
}

void block_start(struct lower *l, struct ir_block *b)
{
	ir_block_start(l->f, b);
	ir_block_seal(l->f, b);
}

struct ir_value *at_most(struct lower *l, struct ir_value *v, int64_t limit)
{
	struct ir_block *over = block_new(l, "over"), *done = block_new(l, "bounded");
	struct ir_var *var = ir_var_new(l->f, "bounded");

	ir_var_set(l->f, var, v);
	ir_branch(l->f, ir_compare(l->f, IR_UGT, v, word_const(l, limit)), over, done);
	block_start(l, over);
	ir_var_set(l->f, var, word_const(l, limit));
	block_start(l, done);
	return ir_var_get(l->f, var);
}

static unsigned size_log(uint32_t size)
{
	return size == 8 ? 3 : size == 4 ? 2 : size == 2 ? 1 : 0;
}

enum ir_op load_op(uint32_t size, bool is_signed)
{
	static const enum ir_op ops[2][4] = {
		{ IR_LOAD8, IR_LOAD16, IR_LOAD32, IR_LOAD64 },
		{ IR_LOADS8, IR_LOADS16, IR_LOADS32, IR_LOAD64 },
	};

	return ops[is_signed][size_log(size)];
}

enum ir_op store_op(uint32_t size)
{
	static const enum ir_op ops[4] = { IR_STORE8, IR_STORE16, IR_STORE32, IR_STORE64 };

	return ops[size_log(size)];
}

/* ---- temporaries ---- */

static uint32_t take(struct lower *l, uint32_t size)
{
	uint32_t i = 0;

	size = ALIGN_UP(MAX(size, 8u), 8);
	while (i < l->temps.n && (l->temps.v[i].taken || l->temps.v[i].size != size))
		i++;
	if (i == l->temps.n)
		vec_push(l->s->arena, &l->temps,
			 (struct temp){ .size = size, .base = ir_slot(l->f, size, 0, "temp") });
	l->temps.v[i].taken = true;
	return i;
}

struct ir_value *temp_slot(struct lower *l, uint32_t size)
{
	uint32_t i = take(l, size);

	vec_push(l->s->arena, &l->taken, i);
	return l->temps.v[i].base;
}

void temps_release(struct lower *l, uint32_t mark)
{
	while (l->taken.n > mark)
		l->temps.v[l->taken.v[--l->taken.n]].taken = false;
}

struct ir_value *held_slot(struct lower *l, uint32_t size)
{
	uint32_t i = take(l, size);

	vec_push(l->s->arena, &l->held, i);
	return l->temps.v[i].base;
}

void held_release(struct lower *l, uint32_t mark)
{
	while (l->held.n > mark)
		l->temps.v[l->held.v[--l->held.n]].taken = false;
}

/* ---- making values ---- */

struct value value_nothing(void)
{
	return (struct value){ .place = VALUE_NOTHING };
}

struct value value_of_word(const struct type *t, struct ir_value *v)
{
	return (struct value){ .place = VALUE_WORD, .type = t, .v = v };
}

struct value value_direct(const struct type *t, struct ir_value *base, int32_t offset)
{
	return (struct value){ .place = VALUE_DIRECT, .type = t, .v = base, .offset = offset };
}

enum value_place space_place(struct lower *l, enum address_space space)
{
	if (space == SPACE_NONE)
		space = event_space(l->event);
	switch (space) {
	case SPACE_KERNEL: return VALUE_KERNEL;
	case SPACE_USER: return VALUE_USER;
	case SPACE_BPF: return VALUE_DIRECT;
	default: return VALUE_EITHER;
	}
}

struct value value_at(struct lower *l, enum address_space space, const struct type *t,
		      struct ir_value *v, int32_t offset)
{
	return (struct value){
		.place = space_place(l, space), .type = t, .v = v, .offset = offset
	};
}

/* ---- reading memory that is not the program's ---- */

static const struct {
	uint32_t read, read_string;
} helpers[] = {
	[VALUE_KERNEL] = { BPF_FUNC_probe_read_kernel, BPF_FUNC_probe_read_kernel_str },
	[VALUE_USER] = { BPF_FUNC_probe_read_user, BPF_FUNC_probe_read_user_str },
	[VALUE_EITHER] = { BPF_FUNC_probe_read, BPF_FUNC_probe_read_str },
	/* the program's own memory lies in the kernel */
	[VALUE_DIRECT] = { BPF_FUNC_probe_read_kernel, BPF_FUNC_probe_read_kernel_str },
};

void read_memory(struct lower *l, enum value_place place, struct ir_value *to,
		 struct ir_value *size, struct ir_value *from)
{
	ir_call_helper(l->f, helpers[place].read, to, size, from);
}

struct ir_value *read_string(struct lower *l, enum value_place place, struct ir_value *to,
			     struct ir_value *size, struct ir_value *from)
{
	return ir_call_helper(l->f, helpers[place].read_string, to, size, from);
}

struct ir_value *value_address(struct lower *l, struct value v)
{
	return word_add(l, v.v, v.offset);
}

/* ---- words ---- */

/* The bits of a bit-field within the unit that holds it. */
static struct ir_value *bits_of(struct lower *l, struct value v, struct ir_value *unit)
{
	unsigned up = 64 - v.bit_offset - v.bit_size, down = 64 - v.bit_size;

	unit = ir_binary(l->f, IR_SHL, unit, word_const(l, up));
	return ir_binary(l->f, v.type->is_signed ? IR_ASHR : IR_LSHR, unit, word_const(l, down));
}

struct ir_value *value_word(struct lower *l, struct value v)
{
	bool is_signed = v.type->is_signed && !v.bit_size;
	uint32_t size = v.type->size;
	struct ir_value *word;

	if (v.place == VALUE_NOTHING)
		return word_const(l, 0);
	if (v.place == VALUE_WORD)
		return v.v;
	if (v.place == VALUE_DIRECT) {
		word = ir_load(l->f, load_op(size, is_signed), v.v, v.offset);
	} else {
		if (!l->word)
			l->word = ir_slot(l->f, 8, 0, "word");
		read_memory(l, v.place, l->word, word_const(l, size), value_address(l, v));
		word = ir_load(l->f, load_op(size, is_signed), l->word, 0);
	}
	return v.bit_size ? bits_of(l, v, word) : word;
}

struct ir_value *value_pointer(struct lower *l, struct value v, enum value_place *ret)
{
	if (!type_is_word(v.type)) {
		*ret = v.place;
		return value_address(l, v);
	}
	*ret = v.type->kind == TYPE_POINTER ? space_place(l, v.type->space)
					    : space_place(l, SPACE_NONE);
	/* a pointer found in kernel memory points into the kernel, unless its type says more */
	if (*ret == VALUE_EITHER && v.type->kind == TYPE_POINTER && v.place > VALUE_DIRECT)
		*ret = v.place;
	return value_word(l, v);
}

/* ---- bytes ---- */

uint32_t chunk_size(int32_t a, int32_t b, uint32_t left)
{
	uint32_t size = 8;

	while (size > left || (a | b) & (size - 1))
		size /= 2;
	return size;
}

/* ir_zero and ir_copy want 8-aligned places; a string in a tuple may lie anywhere. */
void zero_bytes(struct lower *l, struct ir_value *base, int32_t offset, uint32_t size)
{
	while (size && offset & 7) {
		uint32_t step = chunk_size(offset, 0, size);

		ir_store(l->f, store_op(step), base, offset, word_const(l, 0));
		offset += step;
		size -= step;
	}
	if (size)
		ir_zero(l->f, base, offset, size);
}

static void copy_bytes(struct lower *l, struct ir_value *to, int32_t to_offset,
		       struct ir_value *from, int32_t from_offset, uint32_t size)
{
	if (((to_offset | from_offset) & 7) == 0) {
		ir_copy(l->f, to, to_offset, from, from_offset, size);
		return;
	}
	for (uint32_t i = 0, step; i < size; i += step) {
		step = chunk_size(to_offset + i, from_offset + i, size - i);
		ir_store(l->f, store_op(step), to, to_offset + i,
			 ir_load(l->f, load_op(step, false), from, from_offset + i));
	}
}

/* Zeroes what a string of @used bytes leaves of a place of @size. */
static void pad(struct lower *l, struct dest to, uint32_t used)
{
	if (to.padded && used < to.type->size)
		zero_bytes(l, to.base, to.offset + used, to.type->size - used);
}

/* How much of a text there is room for. */
static struct ir_value *text_limit(struct lower *l, struct value v, uint32_t size)
{
	if (!v.length)
		return word_const(l, size);
	return size < v.type->size ? at_most(l, v.length, size) : v.length;
}

static struct ir_value *store_string(struct lower *l, struct value v, struct dest to)
{
	uint32_t size = MIN(v.type->size, to.type->size);
	struct ir_value *end;

	if (v.place == VALUE_DIRECT) {
		copy_bytes(l, to.base, to.offset, v.v, v.offset, size);
		if (v.type->size > to.type->size)
			ir_store(l->f, IR_STORE8, to.base, to.offset + size - 1, word_const(l, 0));
		pad(l, to, size);
		return NULL;
	}
	end = word_add(l, to.base, to.offset);
	if (!v.is_text && !to.padded) {
		read_memory(l, v.place, end, word_const(l, size), value_address(l, v));
		return NULL;
	}
	pad(l, to, 0);
	return read_string(l, v.place, end, text_limit(l, v, size), value_address(l, v));
}

static struct ir_value *store_members(struct lower *l, struct value v, struct dest to)
{
	if (to.padded)
		pad(l, to, 0);
	for (uint32_t i = 0; i < to.type->nmembers && i < v.type->nmembers; i++) {
		const struct type_member *from = &v.type->members[i], *m = &to.type->members[i];

		value_store(l, value_direct(from->type, v.v, v.offset + from->offset),
			    (struct dest){ to.base, to.offset + m->offset, m->type, false });
	}
	return NULL;
}

static bool has_members(const struct type *t)
{
	return t->kind == TYPE_TUPLE || t->kind == TYPE_RECORD;
}

struct ir_value *value_store(struct lower *l, struct value v, struct dest to)
{
	uint32_t size = MIN(v.type->size, to.type->size);

	if (v.place == VALUE_NOTHING)
		return NULL;
	if (type_is_word(to.type)) {
		ir_store(l->f, store_op(to.type->size), to.base, to.offset, value_word(l, v));
		return NULL;
	}
	if (to.type->kind == TYPE_STRING)
		return store_string(l, v, to);
	if (has_members(to.type) && v.place == VALUE_DIRECT && !type_equal(v.type, to.type))
		return store_members(l, v, to);
	if (v.place == VALUE_DIRECT)
		copy_bytes(l, to.base, to.offset, v.v, v.offset, size);
	else
		read_memory(l, v.place, word_add(l, to.base, to.offset), word_const(l, size),
			    value_address(l, v));
	pad(l, to, size);
	return NULL;
}

struct value value_bytes(struct lower *l, struct value v)
{
	struct ir_value *base;

	if (v.place == VALUE_DIRECT)
		return v;
	base = temp_slot(l, v.type->size);
	value_store(l, v, (struct dest){ base, 0, v.type, true });
	return value_direct(v.type, base, 0);
}
