/*
 * Finding types, members and enumerators by name. Needs: the script's own types, the table of
 * basic names, BTF. Called by lang and probe. See type.h for the contract.
 */
#include "types/btf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 8, MAX_NESTING = 16 };

struct words {
	const char *at[MAX_WORDS];
	uint32_t len[MAX_WORDS];
	uint32_t n;
};

static const struct {
	const char *name;
	enum type_kind kind;
	uint8_t size;
	bool is_signed;
} basics[] = {
#define BASIC(name, kind, size, sign) { name, TYPE_##kind, size, sign },
#include "types/basic.def"
#undef BASIC
};

static bool word_is(const struct words *w, uint32_t i, const char *word)
{
	return w->len[i] == strlen(word) && !memcmp(w->at[i], word, w->len[i]);
}

/* The words of @name but qualifiers, which change nothing here. False when there are too many. */
static bool split(const char *name, struct words *w)
{
	*w = (struct words){ 0 };
	for (;;) {
		size_t len;

		name += strspn(name, " \t\n");
		len = strcspn(name, " \t\n");
		if (!len)
			return true;
		if (w->n == MAX_WORDS)
			return false;
		w->at[w->n] = name;
		w->len[w->n] = len;
		if (!word_is(w, w->n, "const") && !word_is(w, w->n, "volatile"))
			w->n++;
		name += len;
	}
}

static uint32_t count_word(const struct words *w, const char *word)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n; i++)
		n += word_is(w, i, word);
	return n;
}

/* Any order and mix of signed, unsigned, char, short, int, long that C allows, or NULL. */
static const struct type *find_integer(struct types *types, const struct words *w)
{
	uint32_t sign = count_word(w, "signed"), no_sign = count_word(w, "unsigned");
	uint32_t chars = count_word(w, "char"), shorts = count_word(w, "short");
	uint32_t ints = count_word(w, "int"), longs = count_word(w, "long");
	uint32_t size = chars ? 1 : shorts ? 2 : longs ? 8 : 4;

	if (!w->n || sign + no_sign + chars + shorts + ints + longs != w->n)
		return NULL;
	if (sign + no_sign > 1 || chars + shorts > 1 || ints > 1 || longs > 2)
		return NULL;
	if ((longs && chars + shorts) || (chars && ints))
		return NULL;
	return type_int(types, size, !no_sign);
}

static const struct type *find_basic(struct types *types, const struct words *w)
{
	for (uint32_t i = 0; i < ARRAY_LEN(basics) && w->n == 1; i++) {
		if (!word_is(w, 0, basics[i].name))
			continue;
		if (basics[i].kind == TYPE_INT)
			return type_int(types, basics[i].size, basics[i].is_signed);
		return type_simple(types, basics[i].kind, basics[i].size);
	}
	return find_integer(types, w);
}

static const struct type *find_btf(struct types *types, const char *kind, const char *name)
{
	uint32_t id = types->btf ? btf_find(types->btf, kind, name) : 0;

	return id ? btf_type(types->btf, id) : NULL;
}

static const struct type *find_tagged(struct types *types, const struct words *w)
{
	static const char *const keywords[] = { "struct", "union", "enum" };

	for (uint32_t i = 0; i < ARRAY_LEN(keywords); i++) {
		const struct type *own;
		char *key;

		if (!word_is(w, 0, keywords[i]))
			continue;
		key = arena_printf(types->arena, "%s %.*s", keywords[i], (int)w->len[1], w->at[1]);
		own = table_get(&types->named, key);
		return own ? own : find_btf(types, keywords[i], strchr(key, ' ') + 1);
	}
	return NULL;
}

const struct type *type_find(struct types *types, const char *name)
{
	const struct type *found;
	struct words w;

	if (!split(name, &w) || !w.n)
		return NULL;
	if (w.n == 2) {
		found = find_tagged(types, &w);
		if (found)
			return found;
	}
	if (w.n > 1)
		return find_integer(types, &w);
	found = table_getn(&types->named, w.at[0], w.len[0]);
	if (!found)
		found = find_basic(types, &w);
	if (!found && types->btf)
		found = find_btf(types, "typedef", arena_strndup(types->arena, w.at[0], w.len[0]));
	return found;
}

/* A struct, union or enum that C declarations only name is the kernel's. */
static void adopt(struct types *types, struct type *t)
{
	const char *word = t->kind == TYPE_STRUCT  ? "struct"
			   : t->kind == TYPE_UNION ? "union"
						   : "enum";
	const struct type *found = find_btf(types, word, t->name);

	if (!found || found == t || found->kind != t->kind)
		return;
	if (found->btf)
		btf_complete(found->btf, (struct type *)found);
	*t = *found;
}

const struct type *type_complete(struct types *types, const struct type *t)
{
	if (!t->align && !t->size && t->name)
		adopt(types, (struct type *)t); /* made by cdecl, hence writable */
	if (t->btf)
		btf_complete(t->btf, (struct type *)t); /* made by btf_type, hence writable */
	return t;
}

static bool is_compound(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_UNION;
}

static bool find_member(struct types *types, const struct type *t, const char *name, unsigned depth,
			struct type_member *ret)
{
	type_complete(types, t);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		if (m->name && streq(m->name, name)) {
			*ret = *m;
			return true;
		}
		if (!m->name && is_compound(m->type) && depth < MAX_NESTING &&
		    find_member(types, m->type, name, depth + 1, ret)) {
			ret->offset += m->offset;
			return true;
		}
	}
	return false;
}

static bool tuple_member(const struct type *t, const char *name, struct type_member *ret)
{
	char *end;
	unsigned long i = strtoul(name, &end, 10);

	if (!isdigit((unsigned char)name[0]) || *end || i >= t->nmembers)
		return false;
	*ret = t->members[i];
	return true;
}

bool type_member(struct types *types, const struct type *t, const char *name,
		 struct type_member *ret)
{
	if (t->kind == TYPE_TUPLE)
		return tuple_member(t, name, ret);
	if (!is_compound(t) && t->kind != TYPE_RECORD)
		return false;
	return find_member(types, t, name, 0, ret);
}

static bool has_enumerator(const struct type *t, const char *name, int64_t *ret_value)
{
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		if (streq(t->enumerators[i].name, name)) {
			*ret_value = t->enumerators[i].value;
			return true;
		}
	}
	return false;
}

const struct type *type_enum_value(struct types *types, const char *name, int64_t *ret_value)
{
	uint32_t id;

	for (uint32_t i = 0; i < types->named.cap; i++) {
		const struct type *t = types->named.entries[i].value;

		if (t && t->kind == TYPE_ENUM && has_enumerator(t, name, ret_value))
			return t;
	}
	id = types->btf ? btf_find_enumerator(types->btf, name, ret_value) : 0;
	return id ? btf_type(types->btf, id) : NULL;
}
