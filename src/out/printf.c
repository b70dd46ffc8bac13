/*
 * Printing records by their format, as C's printf would, without it: a piece of a format is some
 * text and a conversion, and each conversion is one row. Needs: format, value, number. Called by
 * run/ for every record of printf, cat and system.
 */
#include "out/format.h"

/* One conversion at work; width and precision are known by now. */
struct job {
	struct buf *out;
	const struct out_env *env;
	const struct piece *piece;
	struct value value;
	int64_t width, precision;
	bool minus;
};

typedef void convert_fn(struct job *j);

/* ---- padding ---- */

/* Pads what stands in the buffer from @start on to the width. */
static void pad_from(struct job *j, size_t start)
{
	size_t len = j->out->len - start, gap;

	if (j->out->err || j->width <= 0 || len >= (size_t)j->width)
		return;
	gap = j->width - len;
	buf_pad(j->out, ' ', gap);
	if (j->out->err || j->minus)
		return;
	memmove(j->out->data + start + gap, j->out->data + start, len);
	memset(j->out->data + start, ' ', gap);
}

/* @digits behind @sign, with zeros between as precision or the flag 0 ask. */
static void put_padded(struct job *j, const char *sign, const char *digits, unsigned n)
{
	size_t start = j->out->len, lead = strlen(sign);
	int64_t zeros = j->precision - (int64_t)n;

	if (j->precision == 0 && n == 1 && digits[0] == '0')
		n = 0;
	if (j->precision < 0 && (j->piece->flags & FLAG_ZERO) && !j->minus)
		zeros = j->width - (int64_t)(n + lead);
	buf_add(j->out, sign, lead);
	buf_pad(j->out, '0', zeros > 0 ? zeros : 0);
	buf_add(j->out, digits, n);
	pad_from(j, start);
}

/* ---- integers ---- */

/* The argument as C sees it: cut to the conversion's size, then taken as signed or not. */
static uint64_t integer(const struct job *j)
{
	int64_t n = value_signed(&j->value);
	unsigned unused = 64 - j->piece->bytes * 8;

	if (j->piece->conversion == CONVERT_SIGNED)
		return (uint64_t)((int64_t)((uint64_t)n << unused) >> unused);
	return (uint64_t)n << unused >> unused;
}

static void convert_signed(struct job *j)
{
	int64_t n = (int64_t)integer(j);
	char digits[NUMBER_MAX];
	const char *sign = "";

	if (j->piece->plain) {
		put_signed(j->out, n);
		return;
	}
	if (n < 0)
		sign = "-";
	else if (j->piece->flags & FLAG_PLUS)
		sign = "+";
	else if (j->piece->flags & FLAG_SPACE)
		sign = " ";
	put_padded(j, sign, digits, number_decimal(digits, n < 0 ? -(uint64_t)n : (uint64_t)n));
}

static void convert_unsigned(struct job *j)
{
	char digits[NUMBER_MAX];

	if (j->piece->plain)
		put_unsigned(j->out, integer(j));
	else
		put_padded(j, "", digits, number_decimal(digits, integer(j)));
}

static void convert_octal(struct job *j)
{
	char digits[NUMBER_MAX];
	unsigned n = number_base(digits, integer(j), 3, false);

	/* the flag # makes the first digit a zero */
	if (j->piece->flags & FLAG_HASH && digits[0] != '0' && j->precision <= (int64_t)n) {
		memmove(digits + 1, digits, n++);
		digits[0] = '0';
	} else if (j->piece->flags & FLAG_HASH && j->precision == 0) {
		j->precision = 1;
	}
	put_padded(j, "", digits, n);
}

static void convert_hex(struct job *j)
{
	uint64_t n = integer(j);
	char digits[NUMBER_MAX];
	const char *sign = "";

	if ((j->piece->flags & FLAG_HASH) && n)
		sign = j->piece->upper ? "0X" : "0x";
	put_padded(j, sign, digits, number_base(digits, n, 4, j->piece->upper));
}

static void convert_pointer(struct job *j)
{
	char digits[NUMBER_MAX];

	put_padded(j, "0x", digits, number_base(digits, value_signed(&j->value), 4, false));
}

static void convert_char(struct job *j)
{
	size_t start = j->out->len;

	buf_putc(j->out, (char)value_unsigned(&j->value));
	pad_from(j, start);
}

/* ---- the rest ---- */

static void convert_value(struct job *j)
{
	size_t start = j->out->len;

	value_text(j->out, j->env, &j->value, false);
	if (j->precision >= 0 && j->out->len - start > (size_t)j->precision)
		j->out->len = start + j->precision;
	pad_from(j, start);
}

static void convert_bytes(struct job *j)
{
	const struct type *t = j->value.type;
	size_t start = j->out->len, len = MIN(j->value.bytes, (size_t)t->size);
	const char *data = j->value.data;
	uint32_t said;

	if (t->kind == TYPE_BUFFER && len >= sizeof(said)) {
		memcpy(&said, data, sizeof(said));
		data += sizeof(said);
		len = MIN(len - sizeof(said), (size_t)said);
	} else if (t->kind == TYPE_STRING) {
		len = strnlen(data, len);
	}
	put_bytes(j->out, data, len, j->piece->form);
	pad_from(j, start);
}

static void convert_gfp(struct job *j)
{
	size_t start = j->out->len;

	put_gfp(j->out, value_unsigned(&j->value));
	pad_from(j, start);
}

static void convert_none(struct job *j)
{
	(void)j;
}

static const struct {
	convert_fn *fn;
	bool number; /* takes nothing but a number; other values print as %s would */
} rows[] = {
	[CONVERT_NONE] = { convert_none, false },
	[CONVERT_SIGNED] = { convert_signed, true },
	[CONVERT_UNSIGNED] = { convert_unsigned, true },
	[CONVERT_OCTAL] = { convert_octal, true },
	[CONVERT_HEX] = { convert_hex, true },
	[CONVERT_CHAR] = { convert_char, true },
	[CONVERT_POINTER] = { convert_pointer, true },
	[CONVERT_VALUE] = { convert_value, false },
	[CONVERT_BYTES] = { convert_bytes, false },
	[CONVERT_GFP] = { convert_gfp, true },
};

_Static_assert(ARRAY_LEN(rows) == CONVERSION_COUNT, "every conversion has a row");

/* ---- records ---- */

/* Where @m lies in the record; no bytes when it is past the end. */
static struct value find(const struct type_member *m, const char *record, size_t size)
{
	size_t at = MIN((size_t)m->offset, size);

	return (struct value){ m->type, record + at, MIN(size - at, (size_t)m->type->size) };
}

static int64_t star(const struct type_member *m, const char *record, size_t size)
{
	struct value v = find(m, record, size);
	int64_t n = value_is_number(v.type) ? value_signed(&v) : 0;

	return MAX(MIN(n, (int64_t)65536), (int64_t)-65536);
}

static void put_piece(struct buf *out, const struct out_env *env, const struct piece *piece,
		      const char *record, size_t size)
{
	struct job j = {
		.out = out,
		.env = env,
		.piece = piece,
		.width = piece->width,
		.precision = piece->precision,
		.minus = piece->flags & FLAG_MINUS,
	};
	unsigned conversion = piece->conversion;

	if (piece->text_len)
		buf_add(out, piece->text, piece->text_len);
	if (!piece->arg)
		return;
	j.value = find(piece->arg, record, size);
	if (piece->width_arg) {
		j.width = star(piece->width_arg, record, size);
		j.minus |= j.width < 0;
		j.width = j.width < 0 ? -j.width : j.width;
	}
	if (piece->precision_arg)
		j.precision = star(piece->precision_arg, record, size);
	if (rows[conversion].number &&
	    (!value_is_number(j.value.type) || j.value.bytes < j.value.type->size))
		conversion = CONVERT_VALUE;
	rows[conversion].fn(&j);
}

void out_printf(struct buf *out, const struct out_env *env, const struct image_site *site,
		const void *record, size_t size)
{
	size_t index = site - env->image->sites.v;
	const struct format *f = &env->formats->formats[index];

	for (uint32_t i = 0; i < f->n; i++)
		put_piece(out, env, &f->pieces[i], record, size);
}
