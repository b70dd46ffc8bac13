/* What goldens do not show: places in the tree, copies, limits of depth and length, counts of
 * diagnostics, and that time grows no faster than the script. */
#include "lang_testing.h"

#include <errno.h>
#include <time.h>

static void parse(struct parsed *r, const char *text)
{
	parse_text(r, "t", text, strlen(text));
}

static struct node *body_of(const struct parsed *r)
{
	assert_true(r->tree->clauses.n > 0);
	return node_kid(r->tree->clauses.v[0], 2);
}

/* The text that @span covers is @want. */
static void covers(const struct parsed *r, struct span span, const char *want)
{
	assert_int_equal(span.hi - span.lo, strlen(want));
	assert_memory_equal(r->source->text + span.lo - r->source->base, want, strlen(want));
}

static void test_spans(void **state)
{
	struct node *assign, *sum, *product, *call, *member, *cast;
	struct parsed r;

	(void)state;
	parse(&r, "k:f { @x[1] += a + (b) * c; f(args->x.y, (uint8)$z); }");
	assert_int_equal(r.status, 0);
	assign = node_kid(body_of(&r), 0);
	covers(&r, assign->span, "@x[1] += a + (b) * c");
	covers(&r, assign->name_span, "+=");
	covers(&r, node_kid(assign, 0)->name_span, "@x");
	sum = node_kid(assign, 1);
	covers(&r, sum->span, "a + (b) * c");
	covers(&r, sum->name_span, "+");
	product = node_kid(sum, 1);
	covers(&r, product->span, "(b) * c");
	call = node_kid(node_kid(body_of(&r), 1), 0);
	covers(&r, call->span, "f(args->x.y, (uint8)$z)");
	covers(&r, call->name_span, "f");
	member = node_kid(call, 0);
	covers(&r, member->span, "args->x.y");
	covers(&r, member->name_span, "y");
	cast = node_kid(call, 1);
	covers(&r, cast->span, "(uint8)$z");
	covers(&r, cast->name_span, "uint8");
	covers(&r, r.tree->clauses.v[0]->span, r.source->text);
	parsed_done(&r);
}

static void test_same_names_are_same_pointers(void **state)
{
	struct parsed r;

	(void)state;
	parse(&r, "k:f { $name = $name; }");
	assert_ptr_equal(node_kid(node_kid(body_of(&r), 0), 0)->name,
			 node_kid(node_kid(body_of(&r), 0), 1)->name);
	parsed_done(&r);
}

static void test_copy_is_deep(void **state)
{
	struct buf one = { 0 }, two = { 0 };
	struct node *clause, *copy;
	struct parsed r;

	(void)state;
	parse(&r, "k:f /1/ { @x = 1 ?: (2, \"a\"); let $y; }");
	clause = r.tree->clauses.v[0];
	copy = node_copy(&r.arena, clause);
	node_dump(&one, clause, 0);
	node_kid(node_kid(node_kid(clause, 2), 0), 0)->name = "@other";
	node_dump(&two, copy, 0);
	assert_string_equal(one.data, two.data);
	assert_int_equal(clause->height, copy->height);
	buf_done(&one);
	buf_done(&two);
	parsed_done(&r);
}

static void test_spaces_leave_attach_points(void **state)
{
	struct parsed r;

	(void)state;
	parse(&r, "kprobe : f, uprobe : \"/a b\" :\n f { }");
	assert_int_equal(r.status, 0);
	assert_string_equal(node_kid(node_kid(r.tree->clauses.v[0], 0), 0)->name, "kprobe:f");
	assert_string_equal(node_kid(node_kid(r.tree->clauses.v[0], 0), 1)->name,
			    "uprobe:\"/a b\":f");
	parsed_done(&r);
}

/* prefix, then @piece @times, then @middle, then @tail as often, then suffix */
static char *nest(const char *prefix, const char *piece, const char *middle, const char *tail,
		  size_t times, const char *suffix)
{
	struct buf b = { 0 };

	buf_puts(&b, prefix);
	for (size_t i = 0; i < times; i++)
		buf_puts(&b, piece);
	buf_puts(&b, middle);
	for (size_t i = 0; i < times; i++)
		buf_puts(&b, tail);
	buf_puts(&b, suffix);
	assert_int_equal(b.err, 0);
	return b.data;
}

/* Ways to build height; each is fine at `good` and refused with one error at 100,000. */
static const struct tower {
	const char *prefix, *piece, *middle, *tail, *suffix;
	size_t good;
} towers[] = {
	{ "k:f { @ = ", "(", "1", ")", "; }", 190 },
	{ "k:f { @ = ", "(1,", "1", ")", "; }", 190 },
	{ "k:f { @ = ", "!", "1", "", "; }", 190 },
	{ "k:f { @ = ", "(uint8)", "1", "", "; }", 190 },
	{ "k:f { @ = ", "@[", "1", "]", "; }", 190 },
	{ "k:f { @ = ", "f(", "1", ")", "; }", 190 },
	{ "k:f { @ = ", "1 ? 2 : ", "3", "", "; }", 190 },
	{ "k:f { @ = ", "1 ? ", "3", " : 4", "; }", 190 },
	{ "k:f { @ = ", "{", "1", "}", "; }", 90 },
	{ "k:f { ", "{", "@ = 1;", "}", "}", 190 },
	{ "k:f { ", "if (1) {", "@ = 1;", "}", "}", 190 },
	{ "k:f { ", "while (1) {", "@ = 1;", "}", "}", 190 },
	{ "k:f { @ = ", "sizeof(", "1", ")", "; }", 190 },
	{ "k:f { let $x : ", "typeof(", "$y", ")", "; }", 90 },
	{ "k:f /", "(", "1", ")", "/ { }", 190 },
	{ "k:f { @ = 1", " + 1", "", "", "; }", 900 },
	{ "k:f { @ = $x", ".a", "", "", "; }", 900 },
	{ "k:f { @ = $x", "[0]", "", "", "; }", 900 },
	{ "k:f { if (1) { }", " else if (1) { }", "", "", "}", 900 },
	{ "k:f /pid == 1", "|| pid == 2", "", "", "/ { }", 900 },
};

static void test_towers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(towers); i++) {
		const struct tower *t = &towers[i];
		struct buf dump = { 0 };
		struct parsed r;
		char *text;

		text = nest(t->prefix, t->piece, t->middle, t->tail, t->good, t->suffix);
		parse(&r, text);
		assert_int_equal(r.status, 0);
		parsed_done(&r);
		free(text);
		text = nest(t->prefix, t->piece, t->middle, t->tail, 20000, t->suffix);
		parse(&r, text);
		assert_int_equal(r.status, -EINVAL);
		assert_int_equal(r.diags.errors, 1);
		tree_dump(&dump, r.tree);
		buf_done(&dump);
		parsed_done(&r);
		free(text);
	}
}

/* Statements that are wrong in ways that are read on from, each in its own. */
static const char *const wrong[] = {
	" @ = (1 = 2);", " if (a = 1) { }",  " if { }", " let x;",      " @ = \"\\q\";",
	" @ = 08;",      " for (x) { }",     " a = 1;", " @ = { 1; };", " @ = $0;",
	"\n#if\n ;",     " else { } @ = 1;", " 1++;",   " @ = `;",
};

static void test_errors_are_bounded(void **state)
{
	char *text = nest("k:f {", " @ = ;", "", "", 10000, "}");
	struct parsed r;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
		char *many = nest("k:f {", wrong[i], "", "", 1000, "}");

		parse(&r, many);
		assert_in_range(r.diags.errors, 20, 100);
		parsed_done(&r);
		free(many);
	}
	parse(&r, text);
	assert_in_range(r.diags.errors, 20, 100);
	parsed_done(&r);
	free(text);
	text = nest("k:f {", " @ = \"\\q\";", "", "", 10000, "}");
	parse(&r, text);
	assert_in_range(r.diags.errors, 20, 100);
	parsed_done(&r);
	free(text);
	text = nest("k:f {", " @ = 1\n", "", "", 10000, "}");
	parse(&r, text);
	assert_int_equal(r.diags.errors, 0);
	assert_in_range(r.diags.warnings, 10, 100);
	parsed_done(&r);
	free(text);
}

/* All errors of a script are told, in the order of the lines. */
static void test_all_errors_are_told_in_order(void **state)
{
	struct parsed r;
	uint32_t last = 0;

	(void)state;
	parse(&r, "k:f { @ = ; @ = `; @ = 1; @ = 2 3; }\n"
		  "k:g /1 { if (1 { @ = \"x;\n } }\n k:h { $x = ); }");
	assert_int_equal(r.diags.errors, 7);
	for (const struct diag *d = r.diags.first; d; d = d->next) {
		assert_true(d->span.lo >= last);
		last = d->span.lo;
	}
	assert_int_equal(r.tree->clauses.n, 3);
	parsed_done(&r);
}

static double seconds_for(const char *piece, size_t times)
{
	char *text = nest("k:f {", piece, "", "", times, "}");
	struct timespec from, to;
	struct parsed r;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	parse(&r, text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	parsed_done(&r);
	free(text);
	return to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
}

/* A script of this size takes milliseconds; a quadratic step would take minutes. */
static void test_time_is_linear(void **state)
{
	static const char *const pieces[] = {
		"1;",   "@x[1] = 2;\n", "@x = 1\n",    "{",     "}",    "(",    "a(",
		"\n/ ", "/* */",        "a\n",         "`",     "\"",   "if (", "for (",
		"k:f",  "\nk:f {",      "\n#define x", "@ = ;", "1.5;", "'",    "(a **",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pieces); i++)
		assert_true(seconds_for(pieces[i], 60000) < 5.0);
}

static void test_memory_is_bounded(void **state)
{
	char *text = nest("k:f {", "1\n", "", "", LEX_MAX_TOKENS - 4, "}");
	size_t bytes = 0;
	struct parsed r;

	(void)state;
	parse(&r, text);
	assert_int_equal(r.status, 0);
	bytes = body_of(&r)->kids.n * 2 * (sizeof(struct node) + 16);
	assert_true(bytes < 80 << 20);
	parsed_done(&r);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_same_names_are_same_pointers),
		cmocka_unit_test(test_copy_is_deep),
		cmocka_unit_test(test_spaces_leave_attach_points),
		cmocka_unit_test(test_towers),
		cmocka_unit_test(test_errors_are_bounded),
		cmocka_unit_test(test_all_errors_are_told_in_order),
		cmocka_unit_test(test_time_is_linear),
		cmocka_unit_test(test_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
