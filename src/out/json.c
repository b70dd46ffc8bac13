/*
 * JSON pieces. The text that records carry comes from traced programs and may be any bytes; what
 * leaves here is always valid JSON in UTF-8. Needs: number. Called by value.c, hist.c, map.c and
 * run/.
 */
#include "out/out_priv.h"

/* How many bytes at @s are one well-formed UTF-8 character; 0: it is none. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || n > len || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, and what lies past U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

static void put_escape(struct buf *out, unsigned char c)
{
	static const char named[0x20] = {
		['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\b'] = 'b', ['\f'] = 'f',
	};
	static const char digits[] = "0123456789abcdef";

	if (c >= 0x20) {
		buf_add(out, (char[]){ '\\', c }, 2);
	} else if (named[c]) {
		buf_add(out, (char[]){ '\\', named[c] }, 2);
	} else {
		buf_puts(out, "\\u00");
		buf_add(out, (char[]){ digits[c >> 4], digits[c & 15] }, 2);
	}
}

void out_json_string(struct buf *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t from = 0, i = 0;

	buf_putc(out, '"');
	while (i < len) {
		size_t n = utf8_length(s + i, len - i);

		if (n && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') {
			i += n;
			continue;
		}
		buf_add(out, text + from, i - from);
		if (n)
			put_escape(out, s[i]);
		else
			buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD: no character */
		from = ++i;
	}
	buf_add(out, text + from, len - from);
	buf_putc(out, '"');
}

void json_quote_from(struct buf *out, size_t start)
{
	struct buf text = { 0 };

	if (out->err)
		return;
	buf_add(&text, out->data + start, out->len - start);
	out->len = start;
	if (text.err)
		out->err = text.err;
	else
		out_json_string(out, text.data, text.len);
	buf_done(&text);
}

/* A double holds 53 bits between the highest and the lowest one that is set. */
static bool fits_double(uint64_t n)
{
	return n == 0 || 64 - __builtin_clzll(n) - __builtin_ctzll(n) <= 53;
}

void json_unsigned(struct buf *out, uint64_t n)
{
	bool exact = fits_double(n);

	if (!exact)
		buf_putc(out, '"');
	put_unsigned(out, n);
	if (!exact)
		buf_putc(out, '"');
}

void json_signed(struct buf *out, int64_t n)
{
	bool exact = fits_double(n < 0 ? -(uint64_t)n : (uint64_t)n);

	if (!exact)
		buf_putc(out, '"');
	put_signed(out, n);
	if (!exact)
		buf_putc(out, '"');
}

void out_text_record(struct buf *out, const char *type, const char *text, size_t len)
{
	buf_puts(out, "{\"type\": ");
	out_json_string(out, type, strlen(type));
	buf_puts(out, ", \"data\": ");
	out_json_string(out, text, len);
	buf_puts(out, "}\n");
}
