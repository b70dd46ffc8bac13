/*
 * Checking printf-like calls: every conversion of the format against its value.
 *
 *	%[flags][width][.precision][length]letter       width and precision may be *
 *
 * Needs: checked arguments. Called by the builtins that take a format. What a conversion prints
 * is the business of out/.
 */

#include "lang/check.h"

enum { ARGUMENTS_MAX = 128 };

struct conversion {
	const char *start, *end;
	unsigned stars; /* values that width and precision take */
	char letter;
};

/* %r may be followed by x (all bytes escaped) or h (hex); %gr are GFP flags. */
static const char *read_letter(const char *p, char *ret)
{
	if (p[0] == 'g' && p[1] == 'r') {
		*ret = 'd';
		return p + 2;
	}
	*ret = *p;
	if (p[0] == 'r' && (p[1] == 'x' || p[1] == 'h'))
		return p + 2;
	return *p ? p + 1 : p;
}

/* The next conversion in @p; false at the end of the format. "%%" is none. */
static bool next_conversion(const char *p, struct conversion *ret)
{
	for (; (p = strchr(p, '%')); p += 2) {
		if (p[1] == '%')
			continue;
		*ret = (struct conversion){ .start = p++ };
		p += strspn(p, "-+ #0");
		for (; *p && strchr("0123456789.*", *p); p++)
			ret->stars += *p == '*';
		p += strspn(p, "hljzt");
		ret->end = read_letter(p, &ret->letter);
		return true;
	}
	return false;
}

static void wrong_value(struct check *c, const char *name, const struct conversion *conv,
			const struct node *value, const char *wants)
{
	diag_error(c->diags, value->span,
		   "%s: %.*s specifier expects a value of type %s ('%s' supplied)", name,
		   (int)(conv->end - conv->start), conv->start, wants,
		   type_name(c->s->types, value->type));
}

static bool is_numeric(const struct type *t)
{
	return type_is_word(t);
}

static void check_conversion(struct check *c, const struct node *call,
			     const struct conversion *conv, const struct node *value)
{
	const struct type *t = value->type;

	if (type_is_none(t))
		return;
	switch (conv->letter) {
	case 'd':
	case 'i':
	case 'u':
	case 'o':
	case 'x':
	case 'X':
	case 'c':
	case 'p':
		if (!is_numeric(t))
			wrong_value(c, call->name, conv, value,
				    conv->letter == 'p' ? "pointer" : "integer");
		break;
	case 'r':
		if (t->kind != TYPE_BUFFER && t->kind != TYPE_STRING && t->kind != TYPE_ARRAY)
			wrong_value(c, call->name, conv, value, "buffer");
		break;
	default: break; /* %s takes anything */
	}
}

static bool check_letter(struct check *c, const struct node *format, const struct node *call,
			 const struct conversion *conv)
{
	if (conv->letter && strchr("diouxXcpsr", conv->letter))
		return true;
	if (conv->letter && strchr("eEfFgGaA", conv->letter))
		diag_error(c->diags, format->span,
			   "%s: %%%c prints floating-point values, which a script has none of",
			   call->name, conv->letter);
	else
		diag_error(c->diags, format->span, "%s: unknown format specifier '%.*s'",
			   call->name, (int)(conv->end - conv->start), conv->start);
	return false;
}

static void check_star(struct check *c, const struct node *call, const struct node *value)
{
	if (!type_is_none(value->type) && !type_is_int(value->type))
		diag_error(c->diags, value->span, "%s: '*' expects an integer ('%s' supplied)",
			   call->name, type_name(c->s->types, value->type));
}

void check_format(struct check *c, struct node *call, uint32_t first)
{
	const struct node *format = node_kid(call, first - 1);
	const char *p = format->text;
	uint32_t wanted = 0, given = call->kids.n - first;
	struct conversion conv;

	if (given > ARGUMENTS_MAX)
		diag_error(c->diags, call->span, "%s takes up to %d values (%u provided)",
			   call->name, ARGUMENTS_MAX, given);
	for (; next_conversion(p, &conv); p = conv.end) {
		if (!check_letter(c, format, call, &conv))
			return;
		for (unsigned i = 0; i < conv.stars; i++, wanted++)
			if (wanted < given)
				check_star(c, call, node_kid(call, first + wanted));
		if (wanted < given)
			check_conversion(c, call, &conv, node_kid(call, first + wanted));
		wanted++;
	}
	if (wanted > given)
		diag_error(c->diags, call->span,
			   "%s: Not enough arguments for format string (%u expected, %u found)",
			   call->name, wanted, given);
	else if (wanted < given)
		diag_error(c->diags, call->span,
			   "%s: Too many arguments for format string (%u expected, %u found)",
			   call->name, wanted, given);
}
