/*
 * The lexer. See lex.h.
 *
 * Needs: tokens, source, diagnostics. Called by the parser and by `-d t`.
 *
 * Where it stands (enum mode) decides how it reads:
 *
 *	PROGRAM ── "{" ──► BODY ── matching "}" ──► PROGRAM
 *	   │  ▲
 *	   │  └── "/" before "{" ─┐
 *	   ├── "/" ──► PREDICATE ─┘
 *	   └── let, config, struct .. ──► ITEM ── its ";" or "}" ──► PROGRAM
 */
#include "lang/lex.h"

#include <ctype.h>
#include <string.h>

enum mode { PROGRAM, PREDICATE, BODY, ITEM };

struct lexer {
	struct arena *arena;
	const struct source *src;
	struct diags *diags;
	struct token_list *out;
	uint32_t pos;
	uint32_t line_start; /* of the line that pos is in */
	bool newline;        /* seen since the last token */
	enum mode mode;
	enum token_kind item; /* ITEM: the word that opened it */
	bool in_predicate;    /* BODY: it is a block inside a predicate */
	unsigned braces, parens;
	uint32_t opened; /* the brace that opened the body */
	unsigned errors;
	bool stopped;
};

struct span token_span(const struct source *src, const struct token *t)
{
	return (struct span){ src->base + t->lo, src->base + t->hi };
}

static struct span span_of(const struct lexer *l, uint32_t lo, uint32_t hi)
{
	return (struct span){ l->src->base + lo, l->src->base + hi };
}

static char at(const struct lexer *l, uint32_t pos)
{
	return pos < l->src->len ? l->src->text[pos] : 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static uint32_t name_end(const struct lexer *l, uint32_t pos)
{
	while (is_name(at(l, pos)))
		pos++;
	return pos;
}

static enum token_kind last_kind(const struct lexer *l)
{
	return l->out->n ? l->out->v[l->out->n - 1].kind : TOKEN_END;
}

/* The error itself is the caller's; this counts it and gives up after too many. */
static void count_error(struct lexer *l)
{
	if (++l->errors < LEX_MAX_ERRORS || l->stopped)
		return;
	diag_error(l->diags, span_of(l, l->pos, l->pos + 1),
		   "too many errors; the rest of the script was not read");
	l->stopped = true;
}

static void push(struct lexer *l, enum token_kind kind, uint32_t lo, uint32_t hi)
{
	struct token t = { .kind = kind, .newline = l->newline, .lo = lo, .hi = hi };

	if (l->out->n == LEX_MAX_TOKENS) {
		diag_error(l->diags, span_of(l, lo, hi), "the script is too long (%u tokens)",
			   LEX_MAX_TOKENS);
		l->stopped = true;
		return;
	}
	vec_push(l->arena, l->out, t);
	l->newline = false;
	l->pos = hi;
}

/* ---- space and comments ---- */

/* One past the comment at @pos; *ret_open tells that its end is missing. */
static uint32_t comment_end(const struct lexer *l, uint32_t pos, bool *ret_open)
{
	const char *text = l->src->text;
	const char *end;

	*ret_open = false;
	if (at(l, pos + 1) == '/') {
		end = memchr(text + pos, '\n', l->src->len - pos);
		return end ? end - text : l->src->len;
	}
	end = memmem(text + pos + 2, l->src->len - pos - 2, "*/", 2);
	*ret_open = !end;
	return end ? end - text + 2 : l->src->len;
}

static bool is_comment(const struct lexer *l, uint32_t pos)
{
	return at(l, pos) == '/' && (at(l, pos + 1) == '/' || at(l, pos + 1) == '*');
}

/* The next position that is neither space nor comment, without moving there. */
static uint32_t peek_past_space(const struct lexer *l, uint32_t pos)
{
	bool open;

	while (pos < l->src->len) {
		if (is_space(at(l, pos)))
			pos++;
		else if (is_comment(l, pos))
			pos = comment_end(l, pos, &open);
		else
			break;
	}
	return pos;
}

static void skip_comment(struct lexer *l)
{
	uint32_t start = l->pos;
	const char *last;
	bool open;

	l->pos = comment_end(l, start, &open);
	if (open) {
		diag_error(l->diags, span_of(l, start, start + 2), "unterminated comment");
		diag_hint(l->diags, "it begins here and never meets '*/'");
		count_error(l);
	}
	last = memrchr(l->src->text + start, '\n', l->pos - start);
	if (last) {
		l->newline = true;
		l->line_start = last - l->src->text + 1;
	}
}

static void skip_space(struct lexer *l)
{
	for (; l->pos < l->src->len; l->pos++) {
		char c = at(l, l->pos);

		if (c == '\n') {
			l->newline = true;
			l->line_start = l->pos + 1;
		} else if (is_comment(l, l->pos)) {
			skip_comment(l);
			l->pos--;
		} else if (!is_space(c)) {
			break;
		}
	}
}

/* A byte order mark and "#!/usr/bin/env .." are no part of the script. */
static void skip_start(struct lexer *l)
{
	if (l->src->len >= 3 && memcmp(l->src->text, "\xef\xbb\xbf", 3) == 0)
		l->pos = 3;
	if (at(l, l->pos) == '#' && at(l, l->pos + 1) == '!')
		while (l->pos < l->src->len && at(l, l->pos) != '\n')
			l->pos++;
}

/* ---- tokens that read alike in all modes ---- */

/* One past the closing quote, or the end of the line when there is none. */
static uint32_t string_end(struct lexer *l, uint32_t start)
{
	uint32_t pos = start + 1;

	while (pos < l->src->len && at(l, pos) != '"' && at(l, pos) != '\n')
		pos += at(l, pos) == '\\' && pos + 1 < l->src->len && at(l, pos + 1) != '\n' ? 2
											     : 1;
	if (at(l, pos) == '"')
		return pos + 1;
	diag_error(l->diags, span_of(l, start, pos), "unterminated string");
	diag_hint(l->diags, "a string ends with '\"' on the line where it begins");
	count_error(l);
	return pos;
}

/* A string without an end was reported; what it should have been, nobody knows. */
static void string(struct lexer *l)
{
	unsigned errors = l->errors;
	uint32_t end = string_end(l, l->pos);

	push(l, l->errors > errors ? TOKEN_BAD : TOKEN_STRING, l->pos, end);
}

static bool starts_line(const struct lexer *l)
{
	uint32_t pos = l->pos;

	while (pos > l->line_start && is_space(at(l, pos - 1)))
		pos--;
	return pos == l->line_start;
}

/* "#include .." to the end of the line, and of the next one after a backslash. */
static void directive(struct lexer *l)
{
	uint32_t pos = l->pos;

	while (pos < l->src->len && (at(l, pos) != '\n' || at(l, pos - 1) == '\\'))
		pos++;
	push(l, TOKEN_DIRECTIVE, l->pos, pos);
}

static void integer(struct lexer *l)
{
	uint32_t end = name_end(l, l->pos);

	/* $t.0.1 reads tuple members, 1.5 is told as a whole that it is no integer */
	if (at(l, end) == '.' && isdigit((unsigned char)at(l, end + 1)) &&
	    last_kind(l) != TOKEN_DOT)
		end = name_end(l, end + 1);
	push(l, TOKEN_INTEGER, l->pos, end);
}

static void dollar(struct lexer *l)
{
	uint32_t start = l->pos, pos = start + 1;

	if (is_name_start(at(l, pos))) {
		push(l, TOKEN_VARIABLE, start, name_end(l, pos));
	} else if (at(l, pos) == '#') {
		push(l, TOKEN_PARAM_COUNT, start, pos + 1);
	} else if (isdigit((unsigned char)at(l, pos))) {
		while (isdigit((unsigned char)at(l, pos)))
			pos++;
		push(l, TOKEN_POSITIONAL, start, pos);
	} else {
		diag_error(l->diags, span_of(l, start, pos),
			   "expected a name, a number or '#' after '$'");
		count_error(l);
		push(l, TOKEN_BAD, start, pos);
	}
}

/* Characters that come along when a script is copied from a web page. */
static const struct strange {
	const char *bytes, *name, *hint;
	const char *close; /* what ends it, on the same line */
} strange[] = {
	{ "\xe2\x80\x9c", "a typographic quote", "use the plain quote '\"'", "\xe2\x80\x9d" },
	{ "\xe2\x80\x9d", "a typographic quote", "use the plain quote '\"'", "\xe2\x80\x9d" },
	{ "\xe2\x80\x98", "a typographic quote", "use the plain quote '\"'", "\xe2\x80\x99" },
	{ "\xe2\x80\x99", "a typographic quote", "use the plain quote '\"'", "\xe2\x80\x99" },
	{ "'", "a single quote", "strings stand in double quotes; there are no character literals",
	  "'" },
	{ "\xe2\x80\x93", "a dash", "use the plain '-'", NULL },
	{ "\xe2\x80\x94", "a dash", "use the plain '-'", NULL },
	{ "\xc2\xa0", "a no-break space", "use a plain space", NULL },
	{ "\xe2\x80\x8b", "a zero-width space", "remove it", NULL },
	{ "#", "'#'", "comments begin with '//'", NULL },
};

static const struct strange *find_strange(const struct lexer *l)
{
	for (unsigned i = 0; i < ARRAY_LEN(strange); i++) {
		size_t len = strlen(strange[i].bytes);

		if (l->src->len - l->pos >= len &&
		    memcmp(l->src->text + l->pos, strange[i].bytes, len) == 0)
			return &strange[i];
	}
	return NULL;
}

/* One past what @s closes with on this line, or past @s itself. */
static uint32_t strange_end(const struct lexer *l, const struct strange *s)
{
	const char *from = l->src->text + l->pos + strlen(s->bytes);
	const char *end = l->src->text + l->src->len, *close = NULL;
	const char *eol = memchr(from, '\n', end - from);

	if (s->close)
		close = memmem(from, (eol ? eol : end) - from, s->close, strlen(s->close));
	return (close ? close + strlen(s->close) : from) - l->src->text;
}

/* The bytes of the UTF-8 character at pos; 0 when there is none beyond ASCII. */
static unsigned utf8_length(const struct lexer *l)
{
	unsigned char lead = at(l, l->pos);
	unsigned len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	for (unsigned i = 1; i < len; i++)
		if ((at(l, l->pos + i) & 0xc0) != 0x80)
			return 0;
	return len;
}

/* What begins no token becomes one TOKEN_BAD. */
static void unknown(struct lexer *l)
{
	const struct strange *s = find_strange(l);
	uint32_t start = l->pos, end = start + MAX(utf8_length(l), 1u);
	unsigned char c = at(l, start);

	if (s) {
		diag_error(l->diags, span_of(l, start, start + strlen(s->bytes)),
			   "%s cannot stand here", s->name);
		diag_hint(l->diags, "%s", s->hint);
		end = strange_end(l, s);
	} else if (end > start + 1 || (c > ' ' && c < 0x7f)) {
		diag_error(l->diags, span_of(l, start, end), "'%.*s' cannot stand here",
			   (int)(end - start), l->src->text + start);
	} else {
		diag_error(l->diags, span_of(l, start, end), "byte 0x%02x cannot stand here", c);
	}
	count_error(l);
	push(l, TOKEN_BAD, start, end);
}

static void name(struct lexer *l)
{
	uint32_t end = name_end(l, l->pos);
	enum token_kind word = token_word(l->src->text + l->pos, end - l->pos);

	push(l, word != TOKEN_END ? word : TOKEN_IDENT, l->pos, end);
}

/* A token as it reads in expressions and statements. */
static void ordinary(struct lexer *l)
{
	char c = at(l, l->pos);
	enum token_kind kind;
	size_t len;

	if (is_name_start(c))
		name(l);
	else if (isdigit((unsigned char)c))
		integer(l);
	else if (c == '$')
		dollar(l);
	else if (c == '@')
		push(l, TOKEN_MAP, l->pos,
		     is_name_start(at(l, l->pos + 1)) ? name_end(l, l->pos + 1) : l->pos + 1);
	else if (c == '"')
		string(l);
	else if (c == '#' && starts_line(l))
		directive(l);
	else if ((kind = token_punct(l->src->text + l->pos, l->src->len - l->pos, &len)))
		push(l, kind, l->pos, l->pos + len);
	else
		unknown(l);
}

/* ---- bodies ---- */

/* After a block inside a predicate: does the predicate go on? A probe begins with a letter. */
static bool predicate_goes_on(const struct lexer *l)
{
	uint32_t pos = peek_past_space(l, l->pos);

	if (name_end(l, pos) - pos == 4 && memcmp(l->src->text + pos, "else", 4) == 0)
		return true;
	return at(l, pos) && strchr("/=!<>&|^+-).%?:,]", at(l, pos));
}

static void open_brace(struct lexer *l)
{
	if (l->braces++ == 0) {
		l->opened = l->pos;
		l->in_predicate = l->mode == PREDICATE;
	}
	if (l->mode != ITEM)
		l->mode = BODY;
	push(l, TOKEN_LBRACE, l->pos, l->pos + 1);
}

static bool item_ends_with_brace(enum token_kind item)
{
	return item == TOKEN_CONFIG || item == TOKEN_MACRO || item == TOKEN_FN;
}

static void close_brace(struct lexer *l)
{
	push(l, TOKEN_RBRACE, l->pos, l->pos + 1);
	if (l->braces)
		l->braces--;
	if (l->braces)
		return;
	if (l->mode == BODY)
		l->mode = l->in_predicate && predicate_goes_on(l) ? PREDICATE : PROGRAM;
	else if (item_ends_with_brace(l->item))
		l->mode = PROGRAM;
}

/* "kprobe:f" or "END {" at the start of a line. */
static bool begins_probe(const struct lexer *l, uint32_t pos)
{
	uint32_t end = name_end(l, pos);
	char after = at(l, end + 1);

	if (!is_name_start(at(l, pos)) || (pos && at(l, pos - 1) != '\n'))
		return false;
	if (at(l, end) == ':')
		return after && !is_space(after) && after != ':';
	if ((end - pos != 3 || strncasecmp(l->src->text + pos, "end", 3) != 0) &&
	    (end - pos != 5 || strncasecmp(l->src->text + pos, "begin", 5) != 0))
		return false;
	return at(l, peek_past_space(l, end)) == '{';
}

/* Where a statement begins, what begins a probe can be nothing else. */
static bool probe_inside_body(const struct lexer *l)
{
	switch (last_kind(l)) {
	case TOKEN_SEMICOLON:
	case TOKEN_LBRACE:
	case TOKEN_RBRACE:
	case TOKEN_RPAREN: return l->braces && begins_probe(l, l->pos);
	default: return false;
	}
}

/* A probe inside a body: braces were forgotten. They are supplied, so that it reads well. */
static void supply_braces(struct lexer *l)
{
	unsigned line = 1;
	uint32_t at_pos = l->pos;

	for (const char *s = l->src->text; s < l->src->text + l->opened; s++)
		line += *s == '\n';
	diag_error(l->diags, span_of(l, l->pos, name_end(l, l->pos)),
		   "missing '}' before this probe");
	diag_hint(l->diags, "the body that begins in line %u is not closed", line);
	count_error(l);
	for (; l->braces && !l->stopped; l->braces--)
		push(l, TOKEN_RBRACE, at_pos, at_pos);
	l->newline = true;
	l->parens = 0;
	l->mode = PROGRAM;
}

static void body_token(struct lexer *l)
{
	if (at(l, l->pos) == '{')
		open_brace(l);
	else if (at(l, l->pos) == '}')
		close_brace(l);
	else
		ordinary(l);
}

/* ---- outside braces ---- */

static void predicate_token(struct lexer *l)
{
	uint32_t next;

	if (at(l, l->pos) != '/' || at(l, l->pos + 1) == '=') {
		body_token(l);
		return;
	}
	next = peek_past_space(l, l->pos + 1);
	if (next < l->src->len && at(l, next) != '{' && !begins_probe(l, next)) {
		ordinary(l);
		return;
	}
	push(l, TOKEN_END_PREDICATE, l->pos, l->pos + 1);
	l->mode = PROGRAM;
}

static bool ends_attach_point(char c)
{
	return is_space(c) || (c && strchr("{},;()", c));
}

/* Providers whose attach points hold paths; for all others a '/' opens the predicate. */
static const char *const path_providers[] = {
	"u", "ur", "uprobe", "uretprobe", "usdt", "it", "iter",
};

static bool holds_path(const struct lexer *l, uint32_t start, uint32_t pos)
{
	const char *text = l->src->text + start;
	const char *colon = memchr(text, ':', pos - start);

	if (!colon)
		return false;
	if (memchr(text, '*', colon - text) || memchr(text, '"', colon - text))
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(path_providers); i++)
		if (strlen(path_providers[i]) == (size_t)(colon - text) &&
		    strncasecmp(text, path_providers[i], colon - text) == 0)
			return true;
	return false;
}

/* "kprobe : f" is one attach point: spaces may stand around a ':'. */
static bool colon_joins(const struct lexer *l, uint32_t pos, uint32_t *ret_next)
{
	*ret_next = pos;
	while (is_space(at(l, *ret_next)))
		++*ret_next;
	if (*ret_next == pos || *ret_next == l->src->len)
		return false;
	return at(l, *ret_next) == ':' ||
	       (at(l, pos - 1) == ':' && !ends_attach_point(at(l, *ret_next)));
}

/* Quoted parts may hold anything; in paths '/' and '*' are ordinary, also side by side. */
static void attach_point(struct lexer *l)
{
	uint32_t start = l->pos, pos = start, next;
	unsigned errors = l->errors;

	while (pos < l->src->len) {
		char c = at(l, pos);

		if (c == '"')
			pos = string_end(l, pos);
		else if (is_space(c) && colon_joins(l, pos, &next) &&
			 (at(l, next) != '/' || holds_path(l, start, pos)))
			pos = next;
		else if (ends_attach_point(c) || (c == '/' && !holds_path(l, start, pos)))
			break;
		else
			pos++;
	}
	push(l, l->errors > errors ? TOKEN_BAD : TOKEN_ATTACH_POINT, start, pos);
}

static bool opens_item(enum token_kind word)
{
	switch (word) {
	case TOKEN_CONFIG:
	case TOKEN_LET:
	case TOKEN_IMPORT:
	case TOKEN_MACRO:
	case TOKEN_FN:
	case TOKEN_STRUCT:
	case TOKEN_UNION:
	case TOKEN_ENUM: return true;
	default: return false;
	}
}

/* "mine = kprobe:f": is the word at pos a name that is given to a probe? */
static bool names_probe(const struct lexer *l, uint32_t end)
{
	uint32_t next = peek_past_space(l, end);

	return at(l, next) == '=' && at(l, next + 1) != '=' && last_kind(l) != TOKEN_COMMA;
}

static void program_word(struct lexer *l)
{
	uint32_t end = name_end(l, l->pos);
	size_t len = end - l->pos;
	const char *text = l->src->text + l->pos;
	enum token_kind word = token_word(text, len);
	bool is_typedef = len == 7 && memcmp(text, "typedef", 7) == 0;

	if ((opens_item(word) || is_typedef) && at(l, end) != ':') {
		l->mode = ITEM;
		l->item = is_typedef ? TOKEN_STRUCT : word;
		l->parens = 0;
		name(l);
	} else if (names_probe(l, end)) {
		name(l);
	} else {
		attach_point(l);
	}
}

static void program_token(struct lexer *l)
{
	char c = at(l, l->pos);

	if (c == '{') {
		open_brace(l);
	} else if (c == '}') {
		close_brace(l);
	} else if (c == '/') {
		push(l, TOKEN_BEGIN_PREDICATE, l->pos, l->pos + 1);
		l->mode = PREDICATE;
	} else if (c == '#') {
		ordinary(l);
	} else if (ends_attach_point(c) || (c == '=' && last_kind(l) == TOKEN_IDENT)) {
		ordinary(l);
	} else if (is_name_start(c)) {
		program_word(l);
	} else {
		attach_point(l);
	}
}

/* A forgotten ';' must not make what follows part of the item. */
static bool item_ends_here(const struct lexer *l)
{
	enum token_kind last = last_kind(l);

	if (!l->newline || l->braces || l->parens)
		return false;
	if (l->item == TOKEN_LET || l->item == TOKEN_IMPORT)
		return last == TOKEN_RPAREN || last == TOKEN_STRING || l->pos == l->line_start;
	return last == TOKEN_RBRACE && at(l, l->pos) != ';' && at(l, l->pos) != '{';
}

static void item_token(struct lexer *l)
{
	char c = at(l, l->pos);

	if (item_ends_here(l)) {
		l->mode = PROGRAM;
		program_token(l);
		return;
	}
	l->parens += c == '(';
	l->parens -= c == ')' && l->parens;
	body_token(l);
	if (c == ';' && !l->braces)
		l->mode = PROGRAM;
}

static void token(struct lexer *l)
{
	if (l->newline && probe_inside_body(l))
		supply_braces(l);
	switch (l->mode) {
	case PROGRAM: program_token(l); break;
	case PREDICATE: predicate_token(l); break;
	case BODY: body_token(l); break;
	case ITEM: item_token(l); break;
	}
}

/* The end is shown behind the last token, where what is missing should stand. */
static void push_end(struct lexer *l)
{
	struct token t = { .kind = TOKEN_END, .newline = true };

	if (l->out->n)
		t.lo = t.hi = l->out->v[l->out->n - 1].hi;
	vec_push(l->arena, l->out, t);
}

void lex(struct arena *arena, const struct source *src, struct diags *diags, struct token_list *out)
{
	struct lexer l = { .arena = arena, .src = src, .diags = diags, .out = out };

	if (src->len > LEX_MAX_BYTES) {
		diag_error(diags, SPAN_NONE, "%s is too long for a script (%u bytes, at most %u)",
			   src->name, src->len, LEX_MAX_BYTES);
		l.stopped = true;
	}
	skip_start(&l);
	for (;;) {
		skip_space(&l);
		if (l.pos >= src->len || l.stopped)
			break;
		token(&l);
	}
	push_end(&l);
}
