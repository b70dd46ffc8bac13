/*
 * Lowering accesses: fields of the event, members, elements, what pointers point to. A chain
 * such as task->mm->owner becomes one read for each pointer; what lies inside a struct is only
 * an offset. Needs and callers: see lower_expr.c.
 */
#include "lang/lower.h"

/* ---- the event ---- */

/* u32 at ctx + offset: length << 16 | where the bytes are */
static struct value data_loc(struct lower *l, struct access a, const struct type *t)
{
	struct ir_value *loc = ir_load(l->f, IR_LOAD32, l->ctx, a.offset);
	struct ir_value *at = ir_binary(l->f, IR_AND, loc, word_const(l, 0xffff));
	struct value v;

	at = ir_binary(l->f, IR_ADD, l->ctx, at);
	if (a.kind == ACCESS_DATA_REL)
		at = word_add(l, at, a.offset + 4);
	if (t->kind == TYPE_POINTER)
		return value_of_word(t, at);
	v = value_at(l, SPACE_KERNEL, t, at, 0);
	v.is_text = true;
	return v;
}

struct value lower_place(struct lower *l, struct access a, const struct type *t)
{
	struct ir_value *base;

	switch (a.kind) {
	case ACCESS_CONTEXT:
		if (type_is_word(t) && a.offset % t->size == 0)
			return value_direct(t, l->ctx, a.offset);
		return value_at(l, SPACE_KERNEL, t, l->ctx, a.offset);
	case ACCESS_REGS:
		base = ir_load(l->f, IR_LOAD64, l->ctx, a.base);
		return value_at(l, SPACE_KERNEL, t, base, a.offset);
	case ACCESS_STACK:
		base = ir_load(l->f, IR_LOAD64, l->ctx, a.base);
		return value_at(l,
				l->event->attach.kind == ATTACH_UPROBE ? SPACE_USER : SPACE_KERNEL,
				t, base, a.offset);
	case ACCESS_DATA_LOC:
	case ACCESS_DATA_REL: return data_loc(l, a, t);
	default: return value_of_word(t, word_const(l, 0));
	}
}

static struct value lower_field(struct lower *l, const struct node *n)
{
	const struct event_field *f = event_field(l->event, n->name);
	struct value v = lower_place(l, f->access, n->type);

	v.bit_offset = f->bit_offset;
	v.bit_size = f->bit_size;
	return v;
}

/* ---- members ---- */

static struct value inside(struct value outer, const struct type_member *m, const struct type *t)
{
	outer.type = t;
	outer.offset += m->offset;
	outer.bit_offset = m->bit_offset;
	outer.bit_size = m->bit_size;
	outer.is_text = false;
	return outer;
}

struct value lower_member(struct lower *l, const struct node *n)
{
	const struct node *object = node_kid(n, 0);
	enum value_place place;
	struct value v;

	if (n->kind == NODE_MEMBER && n->flag)
		return lower_field(l, n);
	v = lower_value(l, object);
	ir_span(l->f, n->span);
	if (object->type->kind == TYPE_POINTER) {
		struct ir_value *at = value_pointer(l, v, &place);

		v = (struct value){ .place = place, .v = at };
	}
	return inside(v, n->bound, n->type);
}

/* ---- elements ---- */

static struct ir_value *element_offset(struct lower *l, const struct node *n, uint32_t size)
{
	return ir_binary(l->f, IR_MUL, lower_word(l, node_kid(n, 1)), word_const(l, size));
}

/* The element of an array that the program holds itself: its index must be seen to be in it. */
static struct value direct_element(struct lower *l, const struct node *n, struct value array,
				   uint32_t size)
{
	uint32_t count = MAX(array.type->size / size, 1u);
	struct ir_value *index = at_most(l, lower_word(l, node_kid(n, 1)), count - 1);

	array.v = ir_binary(l->f, IR_ADD, array.v,
			    ir_binary(l->f, IR_MUL, index, word_const(l, size)));
	array.type = n->type;
	return array;
}

struct value lower_index(struct lower *l, const struct node *n)
{
	const struct node *array = node_kid(n, 0);
	uint32_t size = MAX(type_complete(l->s->types, n->type)->size, 1u);
	struct value v = lower_value(l, array);
	enum value_place place;
	int64_t index;

	if (array->type->kind == TYPE_TUPLE)
		return inside(v, n->bound, n->type);
	if (array->type->kind == TYPE_POINTER) {
		struct ir_value *at = value_pointer(l, v, &place);

		at = ir_binary(l->f, IR_ADD, at, element_offset(l, n, size));
		return (struct value){ .place = place, .type = n->type, .v = at };
	}
	v.is_text = false;
	if (node_constant(node_kid(n, 1), &index)) {
		v.type = n->type;
		v.offset += index * size;
		return v;
	}
	if (v.place == VALUE_DIRECT)
		return direct_element(l, n, v, size);
	v.type = n->type;
	v.v = ir_binary(l->f, IR_ADD, v.v, element_offset(l, n, size));
	return v;
}

struct value lower_deref(struct lower *l, const struct node *n)
{
	enum value_place place;
	struct ir_value *at = value_pointer(l, lower_value(l, node_kid(n, 0)), &place);

	return (struct value){ .place = place, .type = n->type, .v = at };
}
