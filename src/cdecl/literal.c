/*
 * Numbers, characters and strings to values. See expr.h. Needs: the types of integers.
 * Called by expr.c, by the declarations' operands, and for macros that are strings.
 */
#include <ctype.h>

#include "cdecl/expr.h"
#include "cdecl/pp_priv.h"

/* ---- numbers ---- */

struct number {
	uint64_t bits;
	bool too_large;
	unsigned base;
	bool is_unsigned, is_long;
};

static int digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static const char *prefix(const char *s, const char *end, struct number *n)
{
	char second = end - s > 2 ? tolower((unsigned char)s[1]) : 0;

	n->base = s[0] == '0' ? 8 : 10;
	if (s[0] != '0' || (second != 'x' && second != 'b'))
		return s;
	n->base = second == 'x' ? 16 : 2;
	return s + 2;
}

static const char *digits(const char *s, const char *end, struct number *n)
{
	for (; s < end && (unsigned)digit(*s) < n->base; s++) {
		n->too_large |= __builtin_mul_overflow(n->bits, n->base, &n->bits);
		n->too_large |= __builtin_add_overflow(n->bits, digit(*s), &n->bits);
	}
	return s;
}

/* u, l and ll in either case and order. */
static bool suffix(const char *s, const char *end, struct number *n)
{
	unsigned longs = 0, no_sign = 0;

	for (; s < end; s++) {
		char c = tolower((unsigned char)*s);

		if (c == 'u')
			no_sign++;
		else if (c == 'l' && (!longs || (longs == 1 && s[-1] == s[0])))
			longs++;
		else
			return false;
	}
	n->is_unsigned = no_sign;
	n->is_long = longs;
	return no_sign <= 1;
}

static bool is_float(const struct pp_token *t, unsigned base)
{
	for (uint32_t i = 0; i < t->len; i++) {
		char c = tolower((unsigned char)t->text[i]);

		if (c == '.' || (c == 'e' && base != 16) || (c == 'p' && base == 16))
			return true;
	}
	return false;
}

/* The first of int, unsigned, long, unsigned long that holds the value and suits the spelling. */
static const struct type *number_type(struct types *types, const struct number *n)
{
	bool may_be_unsigned = n->is_unsigned || n->base != 10;

	if (!n->is_long && !n->is_unsigned && n->bits <= INT32_MAX)
		return type_int(types, 4, true);
	if (!n->is_long && may_be_unsigned && n->bits <= UINT32_MAX)
		return type_int(types, 4, false);
	if (!n->is_unsigned && n->bits <= INT64_MAX)
		return type_int(types, 8, true);
	return type_int(types, 8, false);
}

struct expr_value expr_number(struct expr *e, const struct pp_token *t)
{
	const char *end = t->text + t->len, *s;
	struct number n = { 0 };

	s = prefix(t->text, end, &n);
	if (is_float(t, n.base)) {
		if (e->in_directive)
			return expr_error(e, t, "a condition has no floating-point numbers");
		return expr_unknown(type_simple(e->types, TYPE_FLOAT, 8));
	}
	s = digits(s, end, &n);
	if (!suffix(s, end, &n))
		return expr_error(e, t, "'%.*s' is not a number", (int)MIN(t->len, 40u), t->text);
	if (n.too_large)
		return expr_error(e, t, "'%.*s' does not fit into 64 bits", (int)MIN(t->len, 40u),
				  t->text);
	if (e->in_directive)
		n.is_long = true;
	return (struct expr_value){ .type = number_type(e->types, &n),
				    .bits = n.bits,
				    .known = true };
}

/* ---- characters ---- */

/* The characters of a literal between its quotes; *ret_unit is 1, or more with a prefix. */
static const char *inside(const struct pp_token *t, const char **ret_end, uint32_t *ret_unit)
{
	const char *s = t->text;

	*ret_unit = 1;
	if (*s == 'L' || *s == 'U')
		*ret_unit = 4;
	else if (*s == 'u' && s[1] != '8')
		*ret_unit = 2;
	while (*s != '"' && *s != '\'')
		s++;
	*ret_end = t->text + t->len - 1;
	return s + 1;
}

static uint32_t numeric_escape(const char **s, const char *end, unsigned base, unsigned max)
{
	uint32_t n = 0;

	for (unsigned i = 0; *s < end && i < max && (unsigned)digit(**s) < base; (*s)++, i++)
		n = n * base + digit(**s);
	return n;
}

/* One character or escape at *s, which moves past it. */
static uint32_t character(const char **s, const char *end)
{
	static const char names[] = "abfnrtve", values[] = "\a\b\f\n\r\t\v\033";
	const char *found;
	char c = *(*s)++;

	if (c != '\\' || *s == end)
		return (unsigned char)c;
	if (isdigit((unsigned char)**s))
		return numeric_escape(s, end, 8, 3);
	c = *(*s)++;
	if (c == 'x')
		return numeric_escape(s, end, 16, 8);
	found = memchr(names, c, sizeof(names) - 1);
	return (unsigned char)(found ? values[found - names] : c);
}

/* UTF-8 in a wide literal is one character. */
static uint32_t wide(const char **s, const char *end)
{
	unsigned char lead = **s;
	unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	uint32_t n;

	if (!more || (size_t)(end - *s) <= more)
		return character(s, end);
	n = lead & (0x3f >> more);
	for ((*s)++; more; more--, (*s)++)
		n = n << 6 | ((unsigned char)**s & 0x3f);
	return n;
}

struct expr_value expr_char(struct expr *e, const struct pp_token *t)
{
	uint32_t unit, n = 0, bits = 0;
	const char *end, *s = inside(t, &end, &unit);

	if (s == end)
		return expr_error(e, t, "a character literal is empty");
	if (unit > 1) {
		bits = wide(&s, end);
		return expr_convert(e, expr_int(e, bits),
				    type_int(e->types, unit, *t->text == 'L'));
	}
	for (; s < end; n++)
		bits = bits << 8 | (character(&s, end) & 0xff);
	if (n == 1 && t->text[0] != 'u' && !e->char_unsigned)
		return expr_int(e, (int8_t)bits);
	return expr_int(e, (int32_t)bits);
}

const char *expr_string(struct expr *e, const struct pp_token *t, uint32_t *ret_len,
			uint32_t *ret_unit)
{
	const char *end, *s = inside(t, &end, ret_unit);
	struct arena *arena = e->pp->arena;
	char *text;
	uint32_t n = 0;

	pp_charge(e->pp, t->len);
	text = arena_alloc(arena, t->len + 1);
	while (s < end)
		text[n++] = *ret_unit > 1 ? wide(&s, end) : character(&s, end);
	*ret_len = n;
	return text;
}
