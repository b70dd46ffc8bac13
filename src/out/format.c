/*
 * Taking printf formats apart, once for each call site. Needs: nothing. Called when a session
 * starts. A format was checked when the script was compiled; here anything is accepted, and what
 * is no conversion prints as it stands.
 */
#include "out/format.h"

#include <errno.h>
#include <stdlib.h>

enum { WIDTH_MAX = 65536 };

struct parser {
	const char *p;
	const struct type *args;
	uint32_t next_arg;
};

static const struct {
	char letter;
	enum conversion conversion;
	bool upper;
} letters[] = {
	{ 'd', CONVERT_SIGNED, false },   { 'i', CONVERT_SIGNED, false },
	{ 'u', CONVERT_UNSIGNED, false }, { 'o', CONVERT_OCTAL, false },
	{ 'x', CONVERT_HEX, false },      { 'X', CONVERT_HEX, true },
	{ 'c', CONVERT_CHAR, false },     { 'p', CONVERT_POINTER, false },
	{ 's', CONVERT_VALUE, false },    { 'r', CONVERT_BYTES, false },
};

static const struct {
	const char *text;
	uint8_t bytes;
} lengths[] = {
	{ "hh", 1 }, { "h", 2 }, { "ll", 8 }, { "l", 8 }, { "j", 8 }, { "z", 8 }, { "t", 8 }
};

static const struct type_member *take_arg(struct parser *ps)
{
	if (!ps->args || ps->next_arg >= ps->args->nmembers)
		return NULL;
	return &ps->args->members[ps->next_arg++];
}

static void parse_flags(struct parser *ps, struct piece *piece)
{
	static const char flags[] = "-+ #0";
	const char *found;

	while (*ps->p && (found = strchr(flags, *ps->p))) {
		piece->flags |= 1u << (found - flags);
		ps->p++;
	}
}

static int32_t parse_number(struct parser *ps, const struct type_member **ret_arg)
{
	int32_t n = 0;

	if (*ps->p == '*') {
		ps->p++;
		*ret_arg = take_arg(ps);
		return 0;
	}
	for (; *ps->p >= '0' && *ps->p <= '9'; ps->p++)
		n = MIN(n * 10 + (*ps->p - '0'), (int32_t)WIDTH_MAX);
	return n;
}

static void parse_length(struct parser *ps, struct piece *piece)
{
	piece->bytes = 4;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t len = strlen(lengths[i].text);

		if (strncmp(ps->p, lengths[i].text, len) == 0) {
			piece->bytes = lengths[i].bytes;
			ps->p += len;
			return;
		}
	}
}

static bool parse_letter(struct parser *ps, struct piece *piece)
{
	if (strncmp(ps->p, "gr", 2) == 0) {
		piece->conversion = CONVERT_GFP;
		ps->p += 2;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		if (*ps->p != letters[i].letter)
			continue;
		piece->conversion = letters[i].conversion;
		piece->upper = letters[i].upper;
		ps->p++;
		if (piece->conversion == CONVERT_BYTES && (*ps->p == 'x' || *ps->p == 'h'))
			piece->form = *ps->p++ == 'x' ? BYTES_ESCAPED : BYTES_SPACED;
		return true;
	}
	return false;
}

/* What follows a `%`. False, with the place unmoved, when it is no conversion. */
static bool parse_conversion(struct parser *ps, struct piece *piece)
{
	struct parser start = *ps;

	piece->precision = PRECISION_NONE;
	parse_flags(ps, piece);
	piece->width = parse_number(ps, &piece->width_arg);
	if (*ps->p == '.') {
		ps->p++;
		piece->precision = parse_number(ps, &piece->precision_arg);
	}
	parse_length(ps, piece);
	if (!parse_letter(ps, piece)) {
		*ps = start;
		return false;
	}
	piece->plain = !piece->flags && !piece->width && piece->precision == PRECISION_NONE &&
		       !piece->width_arg && !piece->precision_arg;
	piece->arg = take_arg(ps);
	return true;
}

/* The next piece: text up to a conversion or the end. "%%" ends a piece behind its first sign. */
static void parse_piece(struct parser *ps, struct piece *piece)
{
	*piece = (struct piece){ .text = ps->p, .precision = PRECISION_NONE };
	while (*ps->p) {
		const char *sign = strchr(ps->p, '%');

		if (!sign) {
			ps->p += strlen(ps->p);
			break;
		}
		piece->text_len = sign - piece->text;
		ps->p = sign + 1;
		if (*ps->p == '%') {
			piece->text_len++;
			ps->p++;
			return;
		}
		if (parse_conversion(ps, piece))
			return;
		*piece = (struct piece){ .text = piece->text, .precision = PRECISION_NONE };
	}
	piece->text_len = ps->p - piece->text;
}

int out_format_parse(struct format *f, const char *text, const struct type *args)
{
	struct parser ps = { .p = text, .args = args };
	uint32_t cap = 0;

	while (*ps.p) {
		if (f->n == cap) {
			struct piece *more;

			cap = cap ? cap * 2 : 8;
			more = realloc(f->pieces, cap * sizeof(*more));
			if (!more)
				return -ENOMEM;
			f->pieces = more;
		}
		parse_piece(&ps, &f->pieces[f->n++]);
	}
	return 0;
}

void format_done(struct format *f)
{
	free(f->pieces);
	*f = (struct format){ 0 };
}

struct out_formats *out_formats_new(const struct image *image)
{
	struct out_formats *all = calloc(1, sizeof(*all));
	int err = 0;

	if (!all)
		return NULL;
	all->image = image;
	all->n = image->sites.n;
	all->formats = calloc(MAX(all->n, 1u), sizeof(*all->formats));
	for (uint32_t i = 0; all->formats && i < all->n && !err; i++)
		if (image->sites.v[i].format)
			err = out_format_parse(&all->formats[i], image->sites.v[i].format,
					       image->sites.v[i].args);
	if (!all->formats || err) {
		out_formats_free(all);
		return NULL;
	}
	return all;
}

void out_formats_free(struct out_formats *all)
{
	if (!all)
		return;
	for (uint32_t i = 0; all->formats && i < all->n; i++)
		format_done(&all->formats[i]);
	free(all->formats);
	free(all);
}
