/*
 * The formatter. See format.h.
 * Needs: the lexer for the tokens, the parser for where statements end. Called by the command
 * line.
 *
 * It walks the tokens; between two of them stands what separates() wants, or the comments of the
 * source with what they force.
 */
#include "lang/format.h"

#include <errno.h>
#include <string.h>

#include "lang/lex.h"
#include "lang/parse.h"

enum gap { NOTHING, SPACE, NEWLINE };

struct formatter {
	const struct source *src;
	struct token_list tokens;
	bool *ends; /* by offset: a statement ends here */
	struct buf *out;
	unsigned depth;
	uint32_t inline_until; /* token that closes a block on one line; 0: none */
};

/* ---- what the tree knows ---- */

static bool is_simple_statement(enum node_kind kind)
{
	switch (kind) {
	case NODE_ASSIGN:
	case NODE_BREAK:
	case NODE_CONTINUE:
	case NODE_DISCARD:
	case NODE_LET:
	case NODE_MAP_DECL:
	case NODE_RETURN:
	case NODE_SETTING: return true;
	default: return false;
	}
}

static void mark_ends(struct formatter *f, const struct node *n)
{
	if (!n)
		return;
	if (is_simple_statement(n->kind))
		f->ends[n->span.hi - f->src->base] = true;
	for (uint32_t i = 0; i < n->kids.n; i++)
		mark_ends(f, n->kids.v[i]);
}

static void mark_all_ends(struct formatter *f, const struct tree *tree)
{
	mark_ends(f, tree->config);
	for (uint32_t i = 0; i < tree->map_decls.n; i++)
		mark_ends(f, tree->map_decls.v[i]);
	for (uint32_t i = 0; i < tree->clauses.n; i++)
		mark_ends(f, tree->clauses.v[i]);
}

/* ---- which gap two tokens want ---- */

static enum token_kind kind_at(const struct formatter *f, uint32_t i)
{
	return f->tokens.v[i].kind;
}

static enum gap as_written(const struct formatter *f, uint32_t i)
{
	return f->tokens.v[i].lo > f->tokens.v[i - 1].hi ? SPACE : NOTHING;
}

static bool ends_operand(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_CONFIG:
	case TOKEN_FALSE:
	case TOKEN_IDENT:
	case TOKEN_INTEGER:
	case TOKEN_MAP:
	case TOKEN_PARAM_COUNT:
	case TOKEN_POSITIONAL:
	case TOKEN_RBRACE:
	case TOKEN_RBRACKET:
	case TOKEN_RPAREN:
	case TOKEN_STRING:
	case TOKEN_TRUE:
	case TOKEN_VARIABLE: return true;
	default: return false;
	}
}

static bool may_be_prefix(enum token_kind kind)
{
	return kind == TOKEN_MINUS || kind == TOKEN_STAR || kind == TOKEN_AND ||
	       kind == TOKEN_NOT || kind == TOKEN_TILDE || kind == TOKEN_INC || kind == TOKEN_DEC;
}

static bool is_step(enum token_kind kind)
{
	return kind == TOKEN_INC || kind == TOKEN_DEC;
}

/* Behind token i - 1, an operator before its operand. Same characters must not run together. */
static enum gap after_prefix(const struct formatter *f, uint32_t i)
{
	const char *text = f->src->text;
	char last = text[f->tokens.v[i - 1].hi - 1];

	return text[f->tokens.v[i].lo] == last ? as_written(f, i) : NOTHING;
}

static bool is_prefix(const struct formatter *f, uint32_t i)
{
	if (!may_be_prefix(kind_at(f, i)))
		return false;
	if (is_step(kind_at(f, i)) && f->tokens.v[i].newline)
		return true;
	return !ends_operand(kind_at(f, i - 1));
}

/* ")" may close a cast, and "*" belong to a type: only the writer knows. */
static bool is_unclear(const struct formatter *f, uint32_t i)
{
	enum token_kind before = kind_at(f, i - 1), kind = kind_at(f, i);

	if (before == TOKEN_RPAREN)
		return may_be_prefix(kind) || kind == TOKEN_LPAREN ||
		       (ends_operand(kind) && kind != TOKEN_RPAREN && kind != TOKEN_RBRACKET);
	if (i >= 2 && kind_at(f, i - 2) == TOKEN_RPAREN && may_be_prefix(before))
		return true;
	return kind == TOKEN_STAR && before == TOKEN_STAR;
}

static bool hugs_left(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_ARROW:
	case TOKEN_COMMA:
	case TOKEN_DOT:
	case TOKEN_DOTDOT:
	case TOKEN_END_PREDICATE:
	case TOKEN_LBRACKET:
	case TOKEN_RBRACKET:
	case TOKEN_RPAREN:
	case TOKEN_SEMICOLON: return true;
	default: return false;
	}
}

static bool hugs_right(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_ARROW:
	case TOKEN_DOT:
	case TOKEN_DOTDOT:
	case TOKEN_LBRACKET:
	case TOKEN_LPAREN: return true;
	default: return false;
	}
}

static bool takes_arguments(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_CONFIG:
	case TOKEN_IDENT:
	case TOKEN_OFFSETOF:
	case TOKEN_SIZEOF:
	case TOKEN_TYPEINFO:
	case TOKEN_TYPEOF:
	case TOKEN_UNROLL: return true;
	default: return false;
	}
}

/* Between token i - 1 and token i, when both are on one line. */
static enum gap on_one_line(const struct formatter *f, uint32_t i)
{
	enum token_kind before = kind_at(f, i - 1), kind = kind_at(f, i);

	if (hugs_left(kind) || hugs_right(before))
		return NOTHING;
	/* "/" and "*" together would open a comment */
	if (before == TOKEN_BEGIN_PREDICATE)
		return kind == TOKEN_STAR ? SPACE : NOTHING;
	if (is_unclear(f, i))
		return as_written(f, i);
	if (is_prefix(f, i - 1))
		return after_prefix(f, i);
	if (kind == TOKEN_LPAREN && takes_arguments(before))
		return NOTHING;
	if (is_step(kind) && !is_prefix(f, i))
		return NOTHING;
	return kind == TOKEN_COLON && before == TOKEN_QUESTION ? NOTHING : SPACE;
}

/* What follows '}' on its line: the rest of what the block is part of. */
static enum gap after_brace(const struct formatter *f, uint32_t i)
{
	enum token_kind kind = kind_at(f, i);

	if (hugs_left(kind) && kind != TOKEN_LBRACKET)
		return NOTHING;
	if (kind == TOKEN_ELSE || kind == TOKEN_QUESTION || kind == TOKEN_COLON ||
	    (token_precedence(kind) && !f->ends[f->tokens.v[i - 1].hi]))
		return SPACE;
	return NEWLINE;
}

/* A newline of the source that stays: not before what opens a body. */
static bool stays_broken(const struct formatter *f, uint32_t i)
{
	enum token_kind kind = kind_at(f, i);

	return f->tokens.v[i].newline && kind != TOKEN_LBRACE && kind != TOKEN_SEMICOLON;
}

static bool supplies_semicolon(const struct formatter *f, uint32_t i)
{
	enum token_kind kind = kind_at(f, i);

	return f->ends[f->tokens.v[i - 1].hi] && kind != TOKEN_SEMICOLON && kind != TOKEN_RBRACE &&
	       f->tokens.v[i].newline;
}

static enum gap gap_before(const struct formatter *f, uint32_t i)
{
	enum token_kind before = kind_at(f, i - 1), kind = kind_at(f, i);

	if (kind == TOKEN_END)
		return NEWLINE;
	if (i <= f->inline_until)
		return before == TOKEN_LBRACE || kind == TOKEN_RBRACE ? SPACE : on_one_line(f, i);
	if (before == TOKEN_LBRACE || kind == TOKEN_RBRACE || before == TOKEN_SEMICOLON)
		return NEWLINE;
	if (before == TOKEN_RBRACE)
		return after_brace(f, i);
	return stays_broken(f, i) ? NEWLINE : on_one_line(f, i);
}

/* ---- writing ---- */

static void indent(struct formatter *f, uint32_t i)
{
	enum token_kind before = i ? kind_at(f, i - 1) : TOKEN_SEMICOLON, kind = kind_at(f, i);
	bool inside = kind == TOKEN_RBRACE && f->depth;
	bool fresh = !i || !f->depth || before == TOKEN_LBRACE || before == TOKEN_RBRACE ||
		     before == TOKEN_SEMICOLON || kind == TOKEN_RBRACE || supplies_semicolon(f, i);

	buf_pad(f->out, '\t', f->depth - inside + !fresh);
}

static void line_break(struct formatter *f, bool blank)
{
	if (f->out->len && f->out->data[f->out->len - 1] != '\n')
		buf_putc(f->out, '\n');
	if (blank && f->out->len)
		buf_putc(f->out, '\n');
}

/* The spaces at @pos up to @end; *ret_lines counts their newlines. */
static uint32_t skip_spaces(const struct formatter *f, uint32_t pos, uint32_t end,
			    unsigned *ret_lines)
{
	*ret_lines = 0;
	while (pos < end && f->src->text[pos] != '/') {
		*ret_lines += f->src->text[pos] == '\n';
		pos++;
	}
	return pos;
}

static uint32_t comment_end(const struct formatter *f, uint32_t pos, uint32_t end)
{
	const char *text = f->src->text + pos, *found;

	if (text[1] == '/') {
		found = memchr(text, '\n', end - pos);
		return found ? found - f->src->text : end;
	}
	found = memmem(text + 2, end - pos - 2, "*/", 2);
	return found ? found - f->src->text + 2 : end;
}

static void put_comment(struct formatter *f, uint32_t pos, uint32_t end)
{
	while (end > pos && (f->src->text[end - 1] == '\r' || f->src->text[end - 1] == ' ' ||
			     f->src->text[end - 1] == '\t'))
		end--;
	buf_add(f->out, f->src->text + pos, end - pos);
}

/* A comment at the depth of what it stands before; before '}', of the block that this ends. */
static void indent_comment(struct formatter *f, uint32_t i)
{
	if (kind_at(f, i) == TOKEN_RBRACE)
		buf_pad(f->out, '\t', f->depth);
	else
		indent(f, i);
}

static bool at_line_start(const struct formatter *f)
{
	return !f->out->len || f->out->data[f->out->len - 1] == '\n';
}

/* The comments in a gap, as far as they were written. */
struct comments {
	bool any;
	bool own_line; /* one begins a line */
	bool to_end;   /* the last one reaches to the end of its line */
};

static void one_comment(struct formatter *f, struct comments *c, uint32_t pos, uint32_t end,
			uint32_t i, unsigned lines)
{
	bool after_open = i && kind_at(f, i - 1) == TOKEN_LBRACE && !c->any;

	if (lines || at_line_start(f)) {
		line_break(f, lines > 1 && !after_open);
		indent_comment(f, i);
		c->own_line = true;
	} else {
		buf_putc(f->out, ' ');
	}
	c->any = true;
	c->to_end = f->src->text[pos + 1] == '/';
	put_comment(f, pos, end);
}

/* Whether token i begins a line; @lines newlines stand before it in the source. What stands behind
 * a comment that begins its line stays there. */
static bool breaks_line(const struct comments *c, enum gap want, unsigned lines)
{
	if (!c->any)
		return want == NEWLINE;
	return c->to_end || lines || (want == NEWLINE && !c->own_line);
}

/* The comments from @pos to token i, and then the gap that is wanted or that they force. */
static void put_gap(struct formatter *f, uint32_t pos, uint32_t i, enum gap want)
{
	bool last = kind_at(f, i) == TOKEN_END;
	uint32_t end = last ? f->src->len : f->tokens.v[i].lo;
	bool after_open = i && kind_at(f, i - 1) == TOKEN_LBRACE;
	struct comments c = { 0 };
	unsigned lines;

	while ((pos = skip_spaces(f, pos, end, &lines)) < end) {
		uint32_t next = comment_end(f, pos, end);

		one_comment(f, &c, pos, next, i, lines);
		pos = next;
	}
	if (last) {
		line_break(f, false);
		return;
	}
	if (breaks_line(&c, want, lines))
		line_break(f, lines > 1 && kind_at(f, i) != TOKEN_RBRACE && (c.any || !after_open));
	if (at_line_start(f))
		indent(f, i);
	else if (want != NOTHING || c.any)
		buf_putc(f->out, ' ');
}

/* The '}' of a block that has no newline inside, or 0. */
static uint32_t closes_on_line(const struct formatter *f, uint32_t open)
{
	unsigned depth = 0;

	for (uint32_t i = open;; i++) {
		if (i > open && f->tokens.v[i].newline)
			return 0;
		depth += kind_at(f, i) == TOKEN_LBRACE;
		if (kind_at(f, i) == TOKEN_RBRACE && --depth == 0)
			return i;
	}
}

static void put_token(struct formatter *f, uint32_t i)
{
	const struct token *t = &f->tokens.v[i];

	if (t->kind == TOKEN_RBRACE && f->depth)
		f->depth--;
	buf_add(f->out, f->src->text + t->lo, t->hi - t->lo);
	if (t->kind != TOKEN_LBRACE)
		return;
	f->depth++;
	if (i > f->inline_until)
		f->inline_until = closes_on_line(f, i);
}

/* "#!/usr/bin/skep" and a byte order mark stand before what the lexer reads. */
static uint32_t put_start(struct formatter *f)
{
	const char *text = f->src->text, *end;

	if (f->src->len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	if (text[0] != '#' || text[1] != '!')
		return text - f->src->text;
	end = memchr(text, '\n', f->src->text + f->src->len - text);
	if (!end)
		end = f->src->text + f->src->len;
	buf_add(f->out, text, end - text);
	buf_putc(f->out, '\n');
	return end - f->src->text;
}

static void format(struct formatter *f)
{
	put_gap(f, put_start(f), 0, NOTHING);
	for (uint32_t i = 0; kind_at(f, i) != TOKEN_END; i++) {
		put_token(f, i);
		if (supplies_semicolon(f, i + 1)) {
			buf_putc(f->out, ';');
			put_gap(f, f->tokens.v[i].hi, i + 1, NEWLINE);
		} else {
			put_gap(f, f->tokens.v[i].hi, i + 1, gap_before(f, i + 1));
		}
	}
}

int lang_format(struct arena *arena, const struct source *src, struct diags *diags, struct buf *out)
{
	struct formatter f = { .src = src, .out = out };
	struct buf text = { 0 };
	struct tree *tree;

	if (lang_parse(arena, src, diags, &tree))
		return -EINVAL;
	lex(arena, src, diags, &f.tokens);
	f.ends = arena_array(arena, bool, src->len + 1);
	mark_all_ends(&f, tree);
	f.out = &text;
	format(&f);
	if (text.err)
		out->err = text.err;
	else
		buf_add(out, text.data, text.len);
	buf_done(&text);
	return 0;
}
