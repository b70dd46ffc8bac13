/*
 * Reading tracepoint formats. See format.h for the contract.
 *
 *	name: sys_enter_openat
 *	ID: 782
 *	format:
 *		field:unsigned short common_type;	offset:0;	size:2;	signed:0;
 *		...
 *		field:const char * filename;	offset:24;	size:8;	signed:0;
 *	print fmt: ...
 *
 * A declaration is C without bit-fields: words, stars, a name, at most one pair of brackets,
 * whose inside may be any expression (the size says how many elements there are). __data_loc
 * and __rel_loc stand first and put the brackets before the name.
 *
 * Needs: type_find for the words. Called by probe's tracepoint provider.
 */
#include "types/format.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORD = 64 * 1024, MAX_STARS = 4 };

struct reader {
	struct types *types;
	bool is_syscall;
	const char *why;
	uint32_t line;
	bool has_id;
	struct format format;
	const char *name;
	uint32_t size;
	VEC(struct type_member) members;
};

/* One field line, taken apart. */
struct field {
	const char *name;
	const char *words; /* the type's words without qualifiers, one blank between */
	uint32_t stars, offset, size;
	bool is_signed, is_array, data_loc, data_rel;
};

static int fail(struct reader *r, const char *what)
{
	r->why = arena_printf(r->types->arena, "line %u: %s", r->line, what);
	return -EINVAL;
}

/* The text up to @stop or the end of the line; steps over both. */
static const char *take(struct reader *r, const char **at, char stop)
{
	const char *from = *at + strspn(*at, " \t");
	size_t len = strcspn(from, stop == ';' ? ";\n" : "\n");
	const char *end = from + len;

	*at = *end && *end == stop ? end + 1 : end;
	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	return arena_strndup(r->types->arena, from, end - from);
}

/* A number after @key, such as "offset:", then the semicolon. */
static bool take_number(struct reader *r, const char **at, const char *key, uint32_t *ret)
{
	const char *text = take(r, at, ';');
	size_t len = strlen(key);
	unsigned long value;
	char *end;

	if (strncmp(text, key, len) || !isdigit((unsigned char)text[len]))
		return false;
	errno = 0;
	value = strtoul(text + len, &end, 10);
	if (*end || errno || value > MAX_RECORD)
		return false;
	*ret = value;
	return true;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_qualifier(const char *word, size_t len)
{
	static const char *const words[] = { "const",   "volatile", "__user",   "__rcu",
					     "__iomem", "__percpu", "__seg_gs", "__restrict" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	}
	return false;
}

/* Words and stars of the type in [@from, @end). */
static void parse_type(struct reader *r, struct field *f, const char *from, const char *end)
{
	char *words = arena_alloc(r->types->arena, end - from + 2);
	size_t n = 0;

	while (from < end) {
		const char *word = from;

		f->stars += *from == '*';
		while (from < end && is_word_char(*from))
			from++;
		if (from == word) {
			from++;
		} else if (!f->stars && !is_qualifier(word, from - word)) {
			if (n)
				words[n++] = ' ';
			memcpy(words + n, word, from - word);
			n += from - word;
		}
	}
	f->words = words;
}

static void take_prefix(const char **decl, const char *prefix, bool *ret)
{
	size_t len = strlen(prefix);

	if (!strncmp(*decl, prefix, len)) {
		*decl += len;
		*ret = true;
	}
}

/* "int dfd", "char comm[16]", "char[] name" after __data_loc, "void (*function)(void)". */
static bool parse_declaration(struct reader *r, struct field *f, const char *decl)
{
	const char *open, *close, *function, *end, *name;

	take_prefix(&decl, "__data_loc ", &f->data_loc);
	take_prefix(&decl, "__rel_loc ", &f->data_rel);
	open = strchr(decl, '[');
	close = open ? strrchr(open, ']') : NULL;
	function = strstr(decl, "(*");
	if (open && !close)
		return false;
	if (function && (!open || function < open)) {
		f->stars = 1;
		f->words = "void";
		name = function + 2 + strspn(function + 2, " ");
		end = name + strcspn(name, " )");
	} else if (f->data_loc || f->data_rel) {
		if (!open)
			return false;
		parse_type(r, f, decl, open);
		name = close + 1 + strspn(close + 1, " ");
		end = name + strlen(name);
	} else {
		f->is_array = open;
		end = open ? open : decl + strlen(decl);
		while (end > decl && end[-1] == ' ')
			end--;
		for (name = end; name > decl && is_word_char(name[-1]);)
			name--;
		parse_type(r, f, decl, name);
	}
	f->name = arena_strndup(r->types->arena, name, end - name);
	return end > name && (f->words[0] || f->stars) && f->stars <= MAX_STARS;
}

/* A struct that no BTF describes is still worth its name. */
static const struct type *unknown_target(struct reader *r, const char *words)
{
	bool is_struct = !strncmp(words, "struct ", 7);
	struct type *t;

	if (!is_struct && strncmp(words, "union ", 6))
		return type_void(r->types);
	t = type_copy(r->types, type_simple(r->types, is_struct ? TYPE_STRUCT : TYPE_UNION, 0));
	t->name = strchr(words, ' ') + 1;
	return t;
}

static const struct type *make_pointer(struct reader *r, const struct field *f)
{
	enum address_space space = r->is_syscall ? SPACE_USER : SPACE_KERNEL;
	const struct type *t = type_find(r->types, f->words);

	if (!t)
		t = unknown_target(r, f->words);
	for (uint32_t i = 0; i < f->stars; i++)
		t = type_pointer(r->types, t, space);
	return t;
}

static const struct type *make_bytes(struct reader *r, const struct field *f)
{
	bool is_int = f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;

	if (is_int && !f->is_array)
		return type_int(r->types, f->size, f->is_signed);
	return type_array(r->types, type_int(r->types, 1, false), f->size);
}

/* In system-call records each argument has a slot of 8 bytes, filled from a register whose upper
 * half means nothing for a smaller type (AT_FDCWD comes as 0xffffff9c). So the C type's own
 * bytes, the slot's first, are the value. */
static const struct type *make_scalar(struct reader *r, const struct field *f)
{
	const struct type *t = type_find(r->types, f->words);
	struct type *resized;

	if (!t || !t->size)
		return make_bytes(r, f);
	if (r->is_syscall && type_is_integral(t) && t->size < f->size)
		return t->kind == TYPE_INT ? type_int(r->types, t->size, t->is_signed) : t;
	if (t->kind == TYPE_ENUM && t->size != f->size && f->size <= 8) {
		type_complete(r->types, t);
		resized = type_copy(r->types, t);
		resized->size = f->size;
		resized->is_signed = f->is_signed;
		return resized;
	}
	if (t->kind == TYPE_INT || t->size != f->size)
		return make_bytes(r, f);
	return t;
}

static const struct type *make_array(struct reader *r, const struct field *f)
{
	const struct type *elem = f->stars ? make_pointer(r, f) : type_find(r->types, f->words);

	if (elem && elem->kind == TYPE_INT)
		elem = type_int(r->types, elem->size, elem->is_signed);
	if (!elem || !elem->size || f->size % elem->size)
		return make_bytes(r, f);
	return type_array(r->types, elem, f->size / elem->size);
}

static const struct type *make_type(struct reader *r, struct field *f)
{
	if (f->data_loc || f->data_rel) {
		f->size = 0;
		return make_array(r, f);
	}
	if (f->is_array)
		return make_array(r, f);
	return f->stars ? make_pointer(r, f) : make_scalar(r, f);
}

static int parse_field(struct reader *r, const char *at)
{
	const char *decl = take(r, &at, ';');
	struct field f = { 0 };
	struct type_member m;
	uint32_t is_signed;

	if (!take_number(r, &at, "offset:", &f.offset) || !take_number(r, &at, "size:", &f.size))
		return fail(r, "a field without a sound offset and size");
	/* Very old kernels end the line here. */
	f.is_signed = take_number(r, &at, "signed:", &is_signed) && is_signed;
	if (f.offset + f.size > MAX_RECORD)
		return fail(r, "a field that ends beyond 64 KiB");
	if (!parse_declaration(r, &f, decl))
		return fail(r, "a field whose declaration cannot be read");
	if ((f.data_loc || f.data_rel) && f.size != 4)
		return fail(r, "a __data_loc field that is not 4 bytes long");
	if (f.stars && !f.is_array && !f.data_loc && !f.data_rel && f.size != 8)
		return fail(r, "a pointer that is not 8 bytes long");
	r->size = MAX(r->size, f.offset + f.size);
	if (!strncmp(f.name, "common_", 7))
		return 0;
	m = (struct type_member){
		.name = f.name, .offset = f.offset, .data_loc = f.data_loc, .data_rel = f.data_rel
	};
	m.type = make_type(r, &f);
	vec_push(r->types->arena, &r->members, m);
	return 0;
}

static int parse_line(struct reader *r, const char *at)
{
	uint32_t id;

	at += strspn(at, " \t");
	if (!strncmp(at, "field:", 6))
		return parse_field(r, at + 6);
	if (!strncmp(at, "name:", 5)) {
		at += 5;
		r->name = take(r, &at, '\n');
	} else if (!strncmp(at, "ID:", 3)) {
		char *end;

		id = strtoul(at + 3, &end, 10);
		if (end == at + 3)
			return fail(r, "an ID that is not a number");
		r->format.id = id;
		r->has_id = true;
	}
	return 0;
}

int format_parse(struct types *types, const char *text, bool is_syscall, struct format *ret,
		 const char **ret_why)
{
	struct reader r = { .types = types, .is_syscall = is_syscall };
	struct type *record;
	int err = 0;

	for (const char *at = text; !err && *at; at += *at == '\n') {
		r.line++;
		if (!strncmp(at, "print fmt:", 10))
			break;
		err = parse_line(&r, at);
		at += strcspn(at, "\n");
	}
	if (!err && !r.has_id)
		err = fail(&r, "the text ends without an ID");
	if (err) {
		*ret_why = r.why;
		return err;
	}
	record = type_copy(types, type_simple(types, TYPE_STRUCT, 0));
	record->name = r.name;
	record->size = r.size;
	record->align = 8;
	record->members = r.members.v;
	record->nmembers = r.members.n;
	r.format.record = record;
	*ret = r.format;
	return 0;
}
