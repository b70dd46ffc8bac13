/*
 * Nonsense for every rule of the grammar: each golden script is cut at each byte, and has tokens
 * deleted, doubled, swapped and replaced by tokens of other scripts, from a fixed seed. Whatever
 * comes in, the parser must return, with a tree that can be walked and, when it says that all is
 * well, without an error in the list.
 */
#include "lang_testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define FOLDER "tests/golden/lang"

enum { ROUNDS = 60 }; /* of each kind of change, for each script */

struct script {
	struct buf text;
	struct token_list tokens;
	struct parsed lexed;
};

static struct script scripts[256];
static unsigned nscripts;
static uint64_t random_state = 0x5eed;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return n ? (random_state >> 33) % n : 0;
}

static void survives(const char *text, size_t len)
{
	struct buf dump = { 0 };
	struct parsed r;

	parse_text(&r, "t", text, len);
	assert_non_null(r.tree);
	assert_int_equal(r.status != 0, r.diags.errors > 0);
	tree_dump(&dump, r.tree);
	render_diags(&dump, &r.diags);
	lang_dump_tokens(&r.arena, r.source, &dump);
	assert_int_equal(dump.err, 0);
	if (r.status == 0)
		assert_true(r.tree->clauses.n > 0);
	buf_done(&dump);
	parsed_done(&r);
}

static void test_cut_at_each_byte(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nscripts; i++)
		for (size_t len = 0; len <= scripts[i].text.len; len++)
			survives(scripts[i].text.data, len);
}

static void add_token(struct buf *out, const struct script *s, uint32_t i)
{
	const struct token *t = &s->tokens.v[i];

	buf_putc(out, t->newline ? '\n' : ' ');
	buf_add(out, s->text.data + t->lo, t->hi - t->lo);
}

enum change { DELETE, DOUBLE, SWAP, REPLACE, CHANGES };

static void change_at(struct buf *out, const struct script *s, uint32_t i, enum change change)
{
	const struct script *other = &scripts[random_below(nscripts)];

	switch (change) {
	case DELETE: break;
	case DOUBLE:
		add_token(out, s, i);
		add_token(out, s, i);
		break;
	case SWAP: add_token(out, s, random_below(s->tokens.n)); break;
	default: add_token(out, other, random_below(other->tokens.n));
	}
}

static void test_changed_tokens(void **state)
{
	struct buf out = { 0 };

	(void)state;
	for (unsigned round = 0; round < nscripts * ROUNDS * CHANGES; round++) {
		const struct script *s = &scripts[round % nscripts];
		uint32_t changes = 1 + random_below(3);

		buf_clear(&out);
		for (uint32_t i = 0; i < s->tokens.n; i++) {
			if (random_below(s->tokens.n) < changes)
				change_at(&out, s, i, random_below(CHANGES));
			else
				add_token(&out, s, i);
		}
		survives(out.data, out.len);
	}
	buf_done(&out);
}

static void test_changed_bytes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nscripts; i++) {
		struct buf *text = &scripts[i].text;

		for (unsigned round = 0; text->len && round < ROUNDS; round++) {
			uint32_t at = random_below(text->len);
			char was = text->data[at];

			text->data[at] = random_below(256);
			survives(text->data, text->len);
			text->data[at] = was;
		}
	}
}

static int load(void **state)
{
	struct dirent **names;
	int n = scandir(FOLDER, &names, NULL, alphasort);
	char path[512];

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name);
		struct script *s = &scripts[nscripts];

		if (len > 3 && streq(names[i]->d_name + len - 3, ".bt") &&
		    nscripts < ARRAY_LEN(scripts)) {
			snprintf(path, sizeof(path), FOLDER "/%s", names[i]->d_name);
			buf_puts(&s->text, "");
			assert_int_equal(buf_read_file(&s->text, AT_FDCWD, path, 1 << 20), 0);
			parsed_init(&s->lexed, "t", s->text.data, s->text.len);
			lex(&s->lexed.arena, s->lexed.source, &s->lexed.diags, &s->tokens);
			nscripts++;
		}
		free(names[i]);
	}
	free(names);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nscripts; i++) {
		parsed_done(&scripts[i].lexed);
		buf_done(&scripts[i].text);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_each_byte),
		cmocka_unit_test(test_changed_tokens),
		cmocka_unit_test(test_changed_bytes),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
