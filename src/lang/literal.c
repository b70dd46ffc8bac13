/*
 * The values of integer and string tokens. See lex.h.
 * Needs: tokens as the lexer cut them. Called by the parser.
 */
#include <ctype.h>
#include <string.h>

#include "lang/lex.h"

/* What may follow the digits. Durations are in nanoseconds. */
static const struct suffix {
	const char *name;
	uint64_t times;
} suffixes[] = {
	{ "", 1 },
	{ "u", 1 },
	{ "l", 1 },
	{ "ul", 1 },
	{ "lu", 1 },
	{ "ll", 1 },
	{ "ull", 1 },
	{ "llu", 1 },
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * 1000000000ull },
	{ "h", 3600 * 1000000000ull },
	{ "d", 86400 * 1000000000ull },
};

struct number {
	const char *s;
	size_t len, pos;
	unsigned base;
	uint64_t value;
	bool overflow;
};

static void multiply(struct number *n, uint64_t by, uint64_t plus)
{
	if (__builtin_mul_overflow(n->value, by, &n->value) ||
	    __builtin_add_overflow(n->value, plus, &n->value))
		n->overflow = true;
}

static int digit_of(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

/* The prefix; a lone 0 is an octal number without further digits. */
static void read_base(struct number *n)
{
	n->base = 10;
	if (n->len > 1 && n->s[0] == '0' && (n->s[1] == 'x' || n->s[1] == 'X')) {
		n->base = 16;
		n->pos = 2;
	} else if (n->s[0] == '0') {
		n->base = 8;
	}
}

/* Returns whether there was a digit. */
static bool read_digits(struct number *n)
{
	bool any = false;

	for (; n->pos < n->len; n->pos++) {
		unsigned d = digit_of(n->s[n->pos]);

		if (n->s[n->pos] == '_' && any)
			continue;
		if (d >= n->base)
			break;
		multiply(n, n->base, d);
		any = true;
	}
	return any;
}

/* "e6": six zeros. More than 19 overflow whatever stands before, unless that is 0. */
static void read_exponent(struct number *n)
{
	unsigned zeros = 0;

	if (n->base == 16 || n->pos + 1 >= n->len || tolower((unsigned char)n->s[n->pos]) != 'e' ||
	    !isdigit((unsigned char)n->s[n->pos + 1]))
		return;
	for (n->pos++; n->pos < n->len && isdigit((unsigned char)n->s[n->pos]); n->pos++)
		zeros = MIN(zeros * 10 + digit_of(n->s[n->pos]), 20);
	for (; zeros; zeros--)
		multiply(n, 10, 0);
}

/* Durations are written small; C suffixes in any case. */
static const struct suffix *find_suffix(const char *s, size_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(suffixes); i++)
		if (strlen(suffixes[i].name) == len &&
		    (memcmp(suffixes[i].name, s, len) == 0 ||
		     (strspn(suffixes[i].name, "ul") == len &&
		      strncasecmp(suffixes[i].name, s, len) == 0)))
			return &suffixes[i];
	return NULL;
}

static bool bad_number(const struct number *n, struct span at, struct diags *diags)
{
	int rest = MIN(n->len - n->pos, (size_t)20);

	if (memchr(n->s, '.', n->len)) {
		diag_error(diags, at, "floating-point numbers are not supported");
		diag_hint(diags, "BPF programs compute with integers; scale the value instead");
	} else if (n->base == 8 && isdigit((unsigned char)n->s[n->pos])) {
		diag_error(diags, at, "'%c' is not an octal digit", n->s[n->pos]);
		diag_hint(diags, "a number that begins with 0 is octal");
	} else if (n->base == 16 && n->pos == 2) {
		diag_error(diags, at, "expected hexadecimal digits after '%.2s'", n->s);
	} else {
		diag_error(diags, at, "'%.*s' is not a number suffix", rest, n->s + n->pos);
		diag_hint(diags, "durations are ns, us, ms, s, m, h and d");
	}
	return false;
}

bool lex_integer(const struct source *src, const struct token *t, struct diags *diags,
		 uint64_t *ret)
{
	struct number n = { .s = src->text + t->lo, .len = t->hi - t->lo };
	struct span at = token_span(src, t);
	const struct suffix *suffix;

	read_base(&n);
	if (!read_digits(&n))
		return bad_number(&n, at, diags);
	read_exponent(&n);
	suffix = find_suffix(n.s + n.pos, n.len - n.pos);
	if (!suffix)
		return bad_number(&n, at, diags);
	multiply(&n, suffix->times, 0);
	if (n.overflow) {
		diag_error(diags, at, "the number does not fit 64 bits");
		return false;
	}
	*ret = n.value;
	return true;
}

static const char escape_letters[] = "n\nt\tr\r\"\"\\\\";

struct escapes {
	const struct source *src;
	struct diags *diags;
	uint32_t at, end; /* the next byte, the closing quote */
	uint32_t opened;  /* the backslash */
	bool said;        /* one wrong escape a string is told */
};

static void bad_escape(struct escapes *e, uint32_t hi, const char *why)
{
	struct span at = { e->src->base + e->opened, e->src->base + hi };

	if (e->said)
		return;
	e->said = true;
	diag_error(e->diags, at, "'%.*s' %s", (int)(hi - e->opened), e->src->text + e->opened, why);
	diag_hint(e->diags,
		  "known are \\n \\t \\r \\\" \\\\, octal \\0 to \\377 and hexadecimal \\x00");
}

/* Up to @most digits of @base at e->at. */
static unsigned read_code(struct escapes *e, unsigned base, unsigned most)
{
	unsigned value = 0;

	for (; most && e->at < e->end && (unsigned)digit_of(e->src->text[e->at]) < base; most--)
		value = value * base + digit_of(e->src->text[e->at++]);
	return value;
}

/* The byte that the escape stands for; e->at is behind the backslash. */
static char undo_escape(struct escapes *e)
{
	const char *text = e->src->text;
	char c = text[e->at];
	uint32_t digits;
	unsigned value;

	for (unsigned i = 0; escape_letters[i]; i += 2)
		if (escape_letters[i] == c) {
			e->at++;
			return escape_letters[i + 1];
		}
	if (c == 'x') {
		digits = ++e->at;
		value = read_code(e, 16, 2);
		if (e->at == digits)
			bad_escape(e, e->at, "needs hexadecimal digits");
		return value;
	}
	if (c >= '0' && c <= '7') {
		value = read_code(e, 8, 3);
		if (value > 255)
			bad_escape(e, e->at, "is more than a byte");
		return value;
	}
	e->at++;
	while (e->at < e->end && ((unsigned char)text[e->at] & 0xc0) == 0x80)
		e->at++;
	bad_escape(e, e->at, "is not an escape");
	return c;
}

char *lex_string(struct arena *arena, const struct source *src, const struct token *t,
		 struct diags *diags, uint32_t *ret_len)
{
	struct escapes e = { .src = src, .diags = diags, .at = t->lo + 1, .end = t->hi - 1 };
	char *out = arena_alloc(arena, t->hi - t->lo + 1);
	uint32_t len = 0;

	while (e.at < e.end) {
		char c = src->text[e.at++];

		if (c == '\\') {
			e.opened = e.at - 1;
			c = undo_escape(&e);
		}
		out[len++] = c;
	}
	*ret_len = len;
	return out;
}
