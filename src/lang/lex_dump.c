/* The token stream as text, for `-d t`. See parse.h. Needs: the lexer. */
#include "lang/lex.h"
#include "lang/parse.h"

/* The 1-based line of @offset; @line is the one found before, offsets ascend. */
static uint32_t line_of(const struct source *src, uint32_t line, uint32_t offset)
{
	while (line < src->lines.n && src->lines.v[line] <= offset)
		line++;
	return line;
}

static void dump_bytes(struct buf *out, const char *s, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (c < ' ' || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, c);
	}
}

void lang_dump_tokens(struct arena *arena, const struct source *src, struct buf *out)
{
	struct token_list tokens = { 0 };
	struct diags diags;
	uint32_t line = 1;

	diags_init(&diags, arena, NULL);
	lex(arena, src, &diags, &tokens);
	for (uint32_t i = 0; i < tokens.n; i++) {
		const struct token *t = &tokens.v[i];
		uint32_t column;

		line = line_of(src, line, t->lo);
		column = t->lo - src->lines.v[line - 1] + 1;
		buf_printf(out, "%u:%u-%u\t%s", line, column, column + MAX(t->hi - t->lo, 1u) - 1,
			   token_name(t->kind));
		if (t->hi > t->lo) {
			buf_putc(out, '\t');
			dump_bytes(out, src->text + t->lo, t->hi - t->lo);
		}
		buf_putc(out, '\n');
	}
}
