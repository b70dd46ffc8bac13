/* Tokens with their exact places, and the values of literals. Streams of whole scripts are
 * compared in lang_golden.c. */
#include "lang_testing.h"

#include <stdio.h>

static void lex_text(struct parsed *r, struct token_list *out, const char *text)
{
	parsed_init(r, "t", text, strlen(text));
	memset(out, 0, sizeof(*out));
	lex(&r->arena, r->source, &r->diags, out);
}

static void expect(const struct token_list *list, unsigned i, enum token_kind kind, uint32_t lo,
		   uint32_t hi)
{
	assert_true(i < list->n);
	assert_int_equal(list->v[i].kind, kind);
	assert_int_equal(list->v[i].lo, lo);
	assert_int_equal(list->v[i].hi, hi);
}

static void test_spans(void **state)
{
	struct token_list t;
	struct parsed r;

	(void)state;
	lex_text(&r, &t, "kprobe:f /pid>=1/{ @x += $y; }");
	assert_int_equal(t.n, 13);
	expect(&t, 0, TOKEN_ATTACH_POINT, 0, 8);
	expect(&t, 1, TOKEN_BEGIN_PREDICATE, 9, 10);
	expect(&t, 2, TOKEN_IDENT, 10, 13);
	expect(&t, 3, TOKEN_GE, 13, 15);
	expect(&t, 4, TOKEN_INTEGER, 15, 16);
	expect(&t, 5, TOKEN_END_PREDICATE, 16, 17);
	expect(&t, 6, TOKEN_LBRACE, 17, 18);
	expect(&t, 7, TOKEN_MAP, 19, 21);
	expect(&t, 8, TOKEN_PLUS_ASSIGN, 22, 24);
	expect(&t, 9, TOKEN_VARIABLE, 25, 27);
	expect(&t, 10, TOKEN_SEMICOLON, 27, 28);
	expect(&t, 11, TOKEN_RBRACE, 29, 30);
	expect(&t, 12, TOKEN_END, 30, 30);
	assert_int_equal(token_span(r.source, &t.v[7]).lo, r.source->base + 19);
	parsed_done(&r);
}

static void test_newlines_are_marked(void **state)
{
	struct token_list t;
	struct parsed r;

	(void)state;
	lex_text(&r, &t, "BEGIN { a b\nc /* \n */ d // x\n e }");
	assert_int_equal(t.n, 9);
	for (unsigned i = 2; i < 7; i++)
		assert_int_equal(t.v[i].newline, i >= 4);
	parsed_done(&r);
}

/* Every row of token.def that has a fixed spelling comes back as itself. */
static void test_every_spelling(void **state)
{
	struct token_list t;
	struct parsed r;
	char text[64];

	(void)state;
	for (unsigned kind = TOKEN_STRING + 1; kind < TOKEN_KIND_COUNT; kind++) {
		const char *spelling = token_spelling(kind);

		assert_true(token_is_fixed(kind));
		snprintf(text, sizeof(text), "BEGIN { %s ", spelling);
		lex_text(&r, &t, text);
		assert_int_equal(t.n, 4);
		expect(&t, 2, kind, 8, 8 + strlen(spelling));
		assert_int_equal(r.diags.errors, 0);
		parsed_done(&r);
	}
}

static void test_assignments_know_their_operator(void **state)
{
	(void)state;
	assert_int_equal(token_binary(TOKEN_SHR_ASSIGN), TOKEN_SHR);
	assert_int_equal(token_binary(TOKEN_PLUS_ASSIGN), TOKEN_PLUS);
	assert_int_equal(token_binary(TOKEN_ASSIGN), TOKEN_ASSIGN);
	assert_true(token_is_assignment(TOKEN_ASSIGN));
	assert_false(token_is_assignment(TOKEN_EQ));
	assert_true(token_precedence(TOKEN_STAR) > token_precedence(TOKEN_PLUS));
	assert_int_equal(token_precedence(TOKEN_NOT), 0);
}

/* Where an attach point ends: one script, its first token, and the token after it. */
static const struct ending {
	const char *script, *attach_point;
	enum token_kind next;
} endings[] = {
	{ "BEGIN{", "BEGIN", TOKEN_LBRACE },
	{ "BEGIN/1/{", "BEGIN", TOKEN_BEGIN_PREDICATE },
	{ "kprobe:f/1/{", "kprobe:f", TOKEN_BEGIN_PREDICATE },
	{ "uprobe:/a/b:c/1/{", "uprobe:/a/b:c/1/", TOKEN_LBRACE },
	{ "uprobe:/a/b:c /1/{", "uprobe:/a/b:c", TOKEN_BEGIN_PREDICATE },
	{ "uprobe:/a/b:c\n/1/{", "uprobe:/a/b:c", TOKEN_BEGIN_PREDICATE },
	{ "UPROBE:/a/*:c{", "UPROBE:/a/*:c", TOKEN_LBRACE },
	{ "u:/a:c{", "u:/a:c", TOKEN_LBRACE },
	{ "usdt://a//b:c,k:d", "usdt://a//b:c", TOKEN_COMMA },
	{ "*:/a:c {", "*:/a:c", TOKEN_LBRACE },
	{ "uprobe:\"/a b,{}\":c {", "uprobe:\"/a b,{}\":c", TOKEN_LBRACE },
	{ "uprobe:\"/a\\\" b\":c {", "uprobe:\"/a\\\" b\":c", TOKEN_LBRACE },
	{ "kprobe : f {", "kprobe : f", TOKEN_LBRACE },
	{ "kprobe:f // c\n{", "kprobe:f", TOKEN_LBRACE },
	{ "kprobe:f/* c */{", "kprobe:f", TOKEN_LBRACE },
	{ "iter:task:/sys/fs/x {", "iter:task:/sys/fs/x", TOKEN_LBRACE },
	{ "interval:s:$1{", "interval:s:$1", TOKEN_LBRACE },
};

static void test_attach_points_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(endings); i++) {
		const struct ending *e = &endings[i];
		struct token_list t;
		struct parsed r;

		lex_text(&r, &t, e->script);
		expect(&t, 0, TOKEN_ATTACH_POINT, 0, strlen(e->attach_point));
		assert_memory_equal(e->script, e->attach_point, strlen(e->attach_point));
		assert_int_equal(t.v[1].kind, e->next);
		parsed_done(&r);
	}
}

static void test_predicate_ends_before_a_brace(void **state)
{
	struct token_list t;
	struct parsed r;

	(void)state;
	lex_text(&r, &t, "k:f / a / b / /* c */ { d / e }");
	expect(&t, 3, TOKEN_SLASH, 8, 9);
	expect(&t, 5, TOKEN_END_PREDICATE, 12, 13);
	expect(&t, 8, TOKEN_SLASH, 26, 27);
	assert_int_equal(r.diags.errors, 0);
	parsed_done(&r);
}

static const struct integer {
	const char *text;
	uint64_t value;
	bool ok;
} integers[] = {
	{ "0", 0, true },
	{ "007", 7, true },
	{ "0xfFu", 255, true },
	{ "1_000", 1000, true },
	{ "12e3", 12000, true },
	{ "3us", 3000, true },
	{ "2d", 172800000000000, true },
	{ "18446744073709551615", UINT64_MAX, true },
	{ "18446744073709551616", 0, false },
	{ "1e20", 0, false },
	{ "0e4000000000", 0, true },
	{ "300000d", 0, false },
	{ "08", 0, false },
	{ "0x", 0, false },
	{ "1x", 0, false },
	{ "1.5", 0, false },
	{ "1MS", 0, false },
};

static void test_integers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(integers); i++) {
		const struct integer *n = &integers[i];
		struct token t = { .kind = TOKEN_INTEGER, .hi = strlen(n->text) };
		uint64_t value = 0;
		struct parsed r;

		parsed_init(&r, "t", n->text, strlen(n->text));
		assert_int_equal(lex_integer(r.source, &t, &r.diags, &value), n->ok);
		assert_int_equal(value, n->value);
		assert_int_equal(r.diags.errors, !n->ok);
		parsed_done(&r);
	}
}

static void test_strings(void **state)
{
	static const char text[] = "\"a\\n\\x41\\0\\377\\101b\"";
	static const char want[] = "a\nA\0\377Ab";
	struct token t = { .kind = TOKEN_STRING, .hi = sizeof(text) - 1 };
	struct parsed r;
	uint32_t len;
	char *got;

	(void)state;
	parsed_init(&r, "t", text, sizeof(text) - 1);
	got = lex_string(&r.arena, r.source, &t, &r.diags, &len);
	assert_int_equal(len, sizeof(want) - 1);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(r.diags.errors, 0);
	parsed_done(&r);
}

static void test_missing_braces_are_supplied(void **state)
{
	struct token_list t;
	struct parsed r;

	(void)state;
	lex_text(&r, &t, "BEGIN {\n if (1) {\n exit();\nkprobe:f {\n}\n");
	assert_int_equal(r.diags.errors, 1);
	expect(&t, 11, TOKEN_RBRACE, 27, 27);
	expect(&t, 12, TOKEN_RBRACE, 27, 27);
	expect(&t, 13, TOKEN_ATTACH_POINT, 27, 35);
	parsed_done(&r);
}

static char *repeat(const char *piece, size_t times)
{
	size_t len = strlen(piece);
	char *text = malloc(len * times + 1);

	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, piece, len);
	text[len * times] = 0;
	return text;
}

static void test_limits(void **state)
{
	char *many = repeat("; ", LEX_MAX_TOKENS + 5), *odd = repeat("` ", 1000);
	char *huge = repeat(" ", LEX_MAX_BYTES + 1);
	struct token_list t;
	struct parsed r;

	(void)state;
	lex_text(&r, &t, many);
	assert_int_equal(t.n, LEX_MAX_TOKENS + 1);
	assert_int_equal(r.diags.errors, 1);
	parsed_done(&r);
	lex_text(&r, &t, odd);
	assert_int_equal(r.diags.errors, 0); /* outside braces they are attach points */
	parsed_done(&r);
	memcpy(odd, "A{", 2);
	lex_text(&r, &t, odd);
	assert_int_equal(r.diags.errors, LEX_MAX_ERRORS + 1);
	parsed_done(&r);
	lex_text(&r, &t, huge);
	assert_int_equal(r.diags.errors, 1);
	parsed_done(&r);
	free(many);
	free(odd);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_newlines_are_marked),
		cmocka_unit_test(test_every_spelling),
		cmocka_unit_test(test_assignments_know_their_operator),
		cmocka_unit_test(test_attach_points_end),
		cmocka_unit_test(test_predicate_ends_before_a_brace),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_missing_braces_are_supplied),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
