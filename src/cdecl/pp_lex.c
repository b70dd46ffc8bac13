/*
 * Characters to preprocessing tokens: line splices, comments, names, numbers, quotes, punctuation.
 * See pp_priv.h. Needs: arena. Called by pp.c for files, by the directives, and by ## for what it
 * has pasted.
 *
 * A backslash before a newline is nothing at all, wherever it stands. look() and bump() step over
 * it, so that only clean() sees that a token was written on two lines.
 */
#include <ctype.h>

#include "cdecl/pp_priv.h"

/* ---- characters ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* Bytes beyond ASCII are taken for letters, as gcc takes what is UTF-8. */
static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
	return is_name_start(c) || isdigit((unsigned char)c);
}

/* Past any splices at @pos. Blanks after the backslash do not count. */
static uint32_t past_splices(const struct pp_cursor *c, uint32_t pos)
{
	while (pos < c->end && c->text[pos] == '\\') {
		uint32_t p = pos + 1;

		while (p < c->end && is_blank(c->text[p]))
			p++;
		if (p >= c->end || c->text[p] != '\n')
			break;
		pos = p + 1;
	}
	return pos;
}

static bool at_end(const struct pp_cursor *c)
{
	return c->pos >= c->end;
}

/* The character at the cursor, 0 at the end. */
static char look(struct pp_cursor *c)
{
	if (c->pos < c->end && c->text[c->pos] == '\\')
		c->pos = past_splices(c, c->pos);
	return c->pos < c->end ? c->text[c->pos] : 0;
}

/* The character after the one at the cursor. */
static char look_past(const struct pp_cursor *c)
{
	uint32_t pos = past_splices(c, c->pos + 1);

	return pos < c->end ? c->text[pos] : 0;
}

static void bump(struct pp_cursor *c)
{
	c->pos++;
}

/* ---- space ---- */

static void line_comment(struct pp_cursor *c)
{
	for (char ch = look(c); !at_end(c) && ch != '\n'; ch = look(c))
		bump(c);
}

static void block_comment(struct pp *pp, struct pp_cursor *c)
{
	uint32_t start = c->pos;

	bump(c);
	look(c);
	bump(c);
	for (;;) {
		char ch = look(c);

		if (at_end(c))
			break;
		if (ch == '*' && look_past(c) == '/') {
			bump(c);
			look(c);
			bump(c);
			return;
		}
		bump(c);
	}
	if (c->base) {
		struct pp_token t = { .span = { c->base + start, c->base + start + 2 } };

		pp_error(pp, &t, "unterminated comment");
	}
}

static void skip_space(struct pp *pp, struct pp_cursor *c, struct pp_token *t)
{
	for (;;) {
		char ch = look(c);

		if (ch == '\n' && !c->in_directive) {
			c->line_start = true;
			bump(c);
		} else if (is_blank(ch)) {
			bump(c);
		} else if (ch == '/' && look_past(c) == '*') {
			block_comment(pp, c);
		} else if (ch == '/' && look_past(c) == '/') {
			line_comment(c);
		} else {
			return;
		}
		t->space = true;
	}
}

/* ---- tokens ---- */

static void name(struct pp_cursor *c)
{
	while (is_name(look(c)))
		bump(c);
}

/* "1.5e+3": what C calls a preprocessing number is wider than any number. */
static void number(struct pp_cursor *c)
{
	for (;;) {
		char ch = look(c), next;

		if (!is_name(ch) && ch != '.')
			return;
		bump(c);
		next = look(c);
		if (memchr("eEpP", ch, 4) && (next == '+' || next == '-'))
			bump(c);
	}
}

/* From the opening quote to past the closing one; false when the line ends before. */
static bool quoted(struct pp_cursor *c)
{
	char quote = look(c);

	bump(c);
	for (;;) {
		char ch = look(c);

		if (at_end(c) || ch == '\n')
			return false;
		bump(c);
		if (ch == quote)
			return true;
		if (ch == '\\' && look(c) != '\n' && !at_end(c))
			bump(c);
	}
}

static const struct {
	const char *spelling;
	uint8_t len, kind;
} puncts[] = {
#define PUNCT(id, spelling, precedence) { spelling, sizeof(spelling) - 1, PP_##id },
#define DIGRAPH(id, spelling) { spelling, sizeof(spelling) - 1, PP_##id },
#include "cdecl/pp_punct.def"
#undef PUNCT
#undef DIGRAPH
};

static const struct {
	const char *spelling;
	uint8_t precedence;
} punct_rows[PP_KIND_COUNT] = {
#define PUNCT(id, spelling, precedence) [PP_##id] = { spelling, precedence },
#define DIGRAPH(id, spelling)
#include "cdecl/pp_punct.def"
#undef PUNCT
#undef DIGRAPH
};

const char *pp_punct(enum pp_kind kind)
{
	return punct_rows[kind].spelling;
}

unsigned pp_precedence(enum pp_kind kind)
{
	return punct_rows[kind].precedence;
}

static enum pp_kind punct(struct pp_cursor *c)
{
	uint32_t ends[4], pos = c->pos;
	char ahead[4];
	unsigned n = 0;

	for (; n < 4 && pos < c->end; n++) {
		ahead[n] = c->text[pos];
		ends[n] = pos + 1;
		pos = past_splices(c, pos + 1);
	}
	for (unsigned i = 0; i < ARRAY_LEN(puncts); i++) {
		unsigned len = puncts[i].len;

		if (puncts[i].spelling[0] == ahead[0] && len <= n &&
		    memcmp(puncts[i].spelling, ahead, len) == 0) {
			c->pos = ends[len - 1];
			return puncts[i].kind;
		}
	}
	bump(c);
	return PP_OTHER;
}

/* A spelling without its splices. */
static const char *clean(struct pp *pp, const struct pp_cursor *c, uint32_t lo, uint32_t hi,
			 uint32_t *ret_len)
{
	const char *text = c->text + lo;
	char *copy;
	uint32_t n = 0;

	*ret_len = hi - lo;
	if (!memchr(text, '\n', hi - lo) || c->quiet)
		return text;
	if (!pp_charge(pp, hi - lo + 16)) {
		*ret_len = 0;
		return "";
	}
	copy = arena_alloc(pp->arena, hi - lo + 1);
	for (uint32_t pos = past_splices(c, lo); pos < hi; pos = past_splices(c, pos + 1))
		copy[n++] = c->text[pos];
	*ret_len = n;
	return copy;
}

static bool is_prefix(const char *text, uint32_t len)
{
	return (len == 1 && memchr("LuU", text[0], 3)) || (len == 2 && !memcmp(text, "u8", 2));
}

static enum pp_kind quote_kind(struct pp_cursor *c)
{
	char quote = look(c);

	if (!quoted(c))
		return PP_OTHER;
	return quote == '"' ? PP_STRING : PP_CHAR;
}

/* Reads one token that is not white space and returns its kind; the cursor is then past it. */
static enum pp_kind token(struct pp_cursor *c, char ch)
{
	uint32_t lo = c->pos;

	if (is_name_start(ch)) {
		name(c);
		ch = look(c);
		if ((ch == '"' || ch == '\'') && is_prefix(c->text + lo, c->pos - lo))
			return quote_kind(c);
		return PP_NAME;
	}
	if (isdigit((unsigned char)ch) || (ch == '.' && isdigit((unsigned char)look_past(c)))) {
		number(c);
		return PP_NUMBER;
	}
	if (ch == '"' || ch == '\'')
		return quote_kind(c);
	return punct(c);
}

/* A token ends before the splices that look() stepped over in search of more. */
static uint32_t without_splices(const struct pp_cursor *c, uint32_t lo, uint32_t hi)
{
	while (hi > lo && c->text[hi - 1] == '\n') {
		uint32_t p = hi - 1;

		while (p > lo && is_blank(c->text[p - 1]))
			p--;
		if (p == lo || c->text[p - 1] != '\\')
			break;
		hi = p - 1;
	}
	return hi;
}

void pp_lex(struct pp *pp, struct pp_cursor *c, struct pp_token *ret)
{
	struct pp_token t = { 0 };
	uint32_t lo, hi;
	char ch;

	skip_space(pp, c, &t);
	ch = look(c);
	lo = c->pos;
	t.newline = c->line_start;
	c->line_start = false;
	if (at_end(c) || (ch == '\n' && c->in_directive))
		t.kind = c->in_directive ? PP_NEWLINE : PP_END;
	else
		t.kind = token(c, ch);
	hi = without_splices(c, lo, c->pos);
	if (c->base)
		t.span = (struct span){ c->base + lo, c->base + hi };
	t.text = clean(pp, c, lo, hi, &t.len);
	if (t.kind == PP_NAME && !c->quiet) {
		t.name = pp_name(pp, t.text, t.len);
		t.text = t.name->text;
	}
	*ret = t;
}

bool pp_lex_header_name(struct pp *pp, struct pp_cursor *c, struct pp_token *ret)
{
	struct pp_token t = { .kind = PP_STRING };
	uint32_t lo;

	skip_space(pp, c, &t);
	if (look(c) != '<')
		return false;
	lo = c->pos;
	for (char ch = look(c); ch != '>'; ch = look(c)) {
		if (at_end(c) || ch == '\n') {
			c->pos = lo;
			return false;
		}
		bump(c);
	}
	bump(c);
	if (c->base)
		t.span = (struct span){ c->base + lo, c->base + c->pos };
	t.text = clean(pp, c, lo, c->pos, &t.len);
	*ret = t;
	return true;
}

const char *pp_lex_rest(struct pp *pp, struct pp_cursor *c, uint32_t *ret_len)
{
	struct pp_token unused = { 0 };
	uint32_t lo, hi;

	skip_space(pp, c, &unused);
	lo = hi = c->pos;
	for (char ch = look(c); !at_end(c) && ch != '\n'; ch = look(c)) {
		if (ch == '/' && (look_past(c) == '/' || look_past(c) == '*')) {
			skip_space(pp, c, &unused);
			continue;
		}
		bump(c);
		if (!is_blank(ch))
			hi = c->pos;
	}
	return clean(pp, c, lo, hi, ret_len);
}
