/*
 * Attributes, _Alignas and #pragma pack: what changes a layout from outside of the type. See
 * decl_priv.h. Needs: attribute.def, constant expressions. Called wherever attributes may stand.
 */
#include "cdecl/decl_priv.h"
#include "cdecl/layout.h"

#include <stdlib.h>

enum effect { EFFECT_NONE, EFFECT_PACKED, EFFECT_ALIGNED, EFFECT_MODE, EFFECT_VECTOR };

static const struct {
	const char *name;
	enum effect effect;
} effects[] = {
#define ATTRIBUTE(name, effect) { name, EFFECT_##effect },
#include "cdecl/attribute.def"
#undef ATTRIBUTE
};

/* Machine modes; pointers and words have 8 bytes on both architectures. */
static const struct {
	const char *name;
	uint8_t bytes;
} modes[] = { { "QI", 1 }, { "byte", 1 },    { "HI", 2 },   { "SI", 4 },
	      { "DI", 8 }, { "pointer", 8 }, { "word", 8 }, { "TI", 16 } };

/* @t's spelling without two underscores on each side. */
static bool word_is(const struct pp_token *t, const char *word)
{
	uint32_t len = t->len;
	const char *text = t->text;

	if (len > 4 && !memcmp(text, "__", 2) && !memcmp(text + len - 2, "__", 2)) {
		text += 2;
		len -= 4;
	}
	return strlen(word) == len && !memcmp(text, word, len);
}

static enum effect effect_of(const struct pp_token *name)
{
	for (size_t i = 0; i < ARRAY_LEN(effects); i++)
		if (word_is(name, effects[i].name))
			return effects[i].effect;
	return EFFECT_NONE;
}

static bool power_of_two(struct decl *d, const struct pp_token *at, uint32_t max, uint32_t *ret)
{
	struct expr_value v;

	if (!decl_constant(d, &v))
		return false;
	if (!v.bits || v.bits > max || (v.bits & (v.bits - 1)))
		return pp_error(d->pp, at, "an alignment is a power of two up to %u", max), false;
	*ret = v.bits;
	return true;
}

static bool aligned(struct decl *d, const struct pp_token *name, struct attributes *ret)
{
	uint32_t align = 16; /* "aligned" alone: the largest that the machine has a use for */

	if (decl_accept(d, PP_LPAREN) &&
	    (!power_of_two(d, name, DECL_MAX_ALIGN, &align) || !decl_expect(d, PP_RPAREN)))
		return false;
	ret->align = MAX(ret->align, align);
	ret->last_align = align;
	return true;
}

static bool vector_size(struct decl *d, const struct pp_token *name, struct attributes *ret)
{
	return decl_expect(d, PP_LPAREN) && power_of_two(d, name, 1 << 16, &ret->vector) &&
	       decl_expect(d, PP_RPAREN);
}

static bool mode(struct decl *d, struct attributes *ret)
{
	if (!decl_expect(d, PP_LPAREN))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (word_is(&d->t, modes[i].name))
			ret->mode = modes[i].bytes;
	decl_next(d);
	return decl_expect(d, PP_RPAREN);
}

/* A name, keywords among them, and its arguments. */
static bool attribute(struct decl *d, struct attributes *ret)
{
	struct pp_token name = d->t;

	if (name.kind != PP_NAME)
		return decl_expected(d, "the name of an attribute");
	decl_next(d);
	switch (effect_of(&name)) {
	case EFFECT_PACKED: ret->packed = true; break;
	case EFFECT_ALIGNED: return aligned(d, &name, ret);
	case EFFECT_VECTOR: return vector_size(d, &name, ret);
	case EFFECT_MODE: return mode(d, ret);
	case EFFECT_NONE: break;
	}
	if (d->t.kind == PP_LPAREN)
		decl_skip_balanced(d);
	return true;
}

/* After __attribute__. */
static bool attribute_list(struct decl *d, struct attributes *ret)
{
	if (!decl_expect(d, PP_LPAREN) || !decl_expect(d, PP_LPAREN))
		return false;
	do {
		if (d->t.kind != PP_COMMA && d->t.kind != PP_RPAREN && !attribute(d, ret))
			return false;
	} while (decl_accept(d, PP_COMMA));
	return decl_expect(d, PP_RPAREN) && decl_expect(d, PP_RPAREN);
}

/* asm("name") behind a declarator. */
static bool asm_name(struct decl *d)
{
	decl_next(d);
	if (d->t.kind != PP_LPAREN)
		return decl_expected(d, "'('");
	decl_skip_balanced(d);
	return true;
}

bool decl_attributes(struct decl *d, struct attributes *ret)
{
	for (;;) {
		switch (decl_keyword(&d->t)) {
		case KW_ATTRIBUTE:
			decl_next(d);
			if (!attribute_list(d, ret))
				return false;
			break;
		case KW_ASM:
			if (!asm_name(d))
				return false;
			break;
		default: return true;
		}
	}
}

bool decl_alignas(struct decl *d, struct attributes *ret)
{
	struct pp_token at = d->t;
	const struct type *t;
	uint32_t align;

	decl_next(d);
	if (!decl_expect(d, PP_LPAREN))
		return false;
	if (decl_begins_type(d, &d->t)) {
		t = decl_type_name(d);
		if (!t)
			return false;
		align = layout_align(d->types, t);
	} else if (!power_of_two(d, &at, DECL_MAX_ALIGN, &align)) {
		return false;
	}
	ret->align = MAX(ret->align, align);
	ret->last_align = align;
	return decl_expect(d, PP_RPAREN);
}

const struct type *decl_attribute_type(struct decl *d, const struct type *t,
				       const struct attributes *a)
{
	if (a->mode && t->kind == TYPE_INT)
		t = type_int(d->types, a->mode, t->is_signed);
	if (a->vector && t->size && a->vector % t->size == 0 && pp_charge(d->pp, sizeof(*t))) {
		struct type *vector = (struct type *)type_array(d->types, t, a->vector / t->size);

		vector->align = a->vector;
		t = vector;
	}
	return t;
}

/* ---- #pragma pack ---- */

static const char *skip(const char *s, const char *set)
{
	return s + strspn(s, set);
}

/* pack(), pack(n), pack(push), pack(push, n), pack(pop), each with names that gcc ignores. */
void decl_pragma(struct decl *d, const struct pp_token *pragma)
{
	char text[80];
	const char *s, *number;
	uint32_t n = 0;

	if (pragma->len >= sizeof(text))
		return;
	memcpy(text, pragma->text, pragma->len);
	text[pragma->len] = 0;
	if (strncmp(text, "pack", 4) != 0)
		return;
	s = skip(text + 4, " \t(");
	number = strpbrk(s, "0123456789");
	if (number)
		n = MIN(strtoul(number, NULL, 10), 16ul);
	if (!strncmp(s, "pop", 3)) {
		d->pack = d->packs.n ? d->packs.v[--d->packs.n] : 0;
		return;
	}
	if (!strncmp(s, "push", 4)) {
		if (pp_charge(d->pp, 8))
			vec_push(d->arena, &d->packs, d->pack);
		if (!number)
			return;
	}
	if (!(n & (n - 1)))
		d->pack = n;
}
