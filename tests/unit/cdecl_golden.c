/*
 * Walks tests/golden/cdecl: each NAME.c is read as the C part of a script and compared with the
 * files beside it:
 *
 *	NAME.tok	the tokens after preprocessing, where the file exists
 *	NAME.types	types, enumerators and constants
 *	NAME.err	the diagnostics; no file: none
 *
 * BLESS=1 in the environment rewrites them; the diff is for review. No header is read but those
 * that are part of skep, so that the files are the same everywhere.
 */
#include "cdecl_testing.h"

#include "golden.h"

/* ---- dumps ---- */

static void dump_members(struct buf *out, struct types *types, const struct type *t, int indent)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		buf_printf(out, "%*s%u", indent, "", m->offset);
		if (m->bit_size)
			buf_printf(out, ":%u+%u", m->bit_offset, m->bit_size);
		buf_printf(out, " %s %s\n", type_name(types, m->type), m->name ? m->name : "-");
		if (!m->name || (!m->type->name && m->type->kind <= TYPE_UNION))
			dump_members(out, types, m->type, indent + 4);
	}
}

static void dump_type(struct buf *out, struct types *types, const char *key)
{
	const struct type *t = table_get(&types->named, key);

	buf_printf(out, "%s: %s, %u bytes, aligned to %u\n", key, type_name(types, t), t->size,
		   t->align);
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION)
		dump_members(out, types, t, 4);
	for (uint32_t i = 0; i < t->nenumerators; i++)
		buf_printf(out, "    %s = %lld\n", t->enumerators[i].name,
			   (long long)t->enumerators[i].value);
}

static void dump_constant(struct buf *out, struct reading *r, const char *name)
{
	const struct cdecl_constant *k = cdecl_constant(r->c, name);

	buf_printf(out, "%s", name);
	if (k->kind == CDECL_INTEGER)
		buf_printf(out, " = %s %lld\n", type_name(&r->types, k->type), (long long)k->value);
	else
		buf_printf(out, " %s %.*s\n", k->kind == CDECL_STRING ? "is the string" : "is",
			   (int)k->length, k->text);
}

static void dump(struct buf *out, struct reading *r)
{
	uint32_t n;
	const char **keys = sorted_keys(r, &r->types.named, &n);
	const char *const *names;

	for (uint32_t i = 0; i < n; i++)
		dump_type(out, &r->types, keys[i]);
	names = cdecl_constants(r->c, &n);
	keys = arena_array(&r->arena, const char *, n + 1);
	if (n)
		memcpy(keys, names, n * sizeof(*keys));
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (uint32_t i = 0; i < n; i++)
		dump_constant(out, r, keys[i]);
}

/* ---- the walk ---- */

static void tokens(struct golden *g, const char *name, const char *text)
{
	struct pp_options options = { .no_files = true };
	struct buf out = { 0 };
	struct reading r;

	reading_init(&r);
	preprocess(&r, name, text, &options, &out);
	buf_putc(&out, '\n');
	golden_settle(g, name, ".tok", &out);
	reading_done(&r);
	buf_done(&out);
}

static void one_text(struct golden *g, const char *name)
{
	struct buf text = { 0 }, out = { 0 };
	struct reading r;

	golden_read(g, name, &text);
	if (golden_exists(g, name, ".tok"))
		tokens(g, name, text.data);
	reading_init(&r);
	r.options.no_files = true;
	read_text(&r, name, text.data);
	dump(&out, &r);
	golden_settle(g, name, ".types", &out);
	buf_clear(&out);
	render_diags(&out, &r.diags);
	assert_int_equal(r.status != 0, r.diags.errors > 0);
	golden_settle(g, name, ".err", &out);
	reading_done(&r);
	buf_done(&text);
	buf_done(&out);
}

static void every_text(void **state)
{
	struct golden g = { .folder = "tests/golden/cdecl", .extension = ".c" };

	(void)state;
	golden_walk(&g, 10, one_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
