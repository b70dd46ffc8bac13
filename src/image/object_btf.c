/*
 * .BTF and .BTF.ext of an object: types that programs, variables and maps have by name; and
 * what belongs to instructions: functions' types, source lines, CO-RE relocations.
 *
 *	.BTF.ext:  header | for each of the three: record size, { section, count, records }...
 *
 * Needs: the object's sections. Called by object_read.
 */
#include <stdlib.h>
#include <string.h>

#include "image/object_priv.h"

enum { EXT_MAGIC = 0xeb9f, EXT_MIN = 24, EXT_WITH_CORE = 32 };

const uint32_t *object_record(const struct object *o, const struct table *t, const char *name,
			      uint32_t *ret_id)
{
	uint32_t id = (uint32_t)(uintptr_t)table_get(t, name);

	if (ret_id)
		*ret_id = id;
	return id ? btf_record(o->btf, id) : NULL;
}

/* Of static variables of one name the first is kept. */
static void name_record(struct object *o, const uint32_t *record, uint32_t id)
{
	enum btf_kind kind = btf_kind(record);
	struct table *t = kind == BTF_VAR       ? &o->vars
			  : kind == BTF_FUNC    ? &o->funcs
			  : kind == BTF_DATASEC ? &o->datasecs
						: NULL;
	const char *name = btf_string(o->btf, record[BTF_NAME]);

	if (t && *name && !table_get(t, name))
		table_put(o->link->arena, t, name, (void *)(uintptr_t)id);
}

static int read_types(struct object *o)
{
	const struct object_section *s = o->btf_section;
	const char *why;
	uint32_t *copy;

	if (!s->data)
		return object_bad(o, "its BTF is empty");
	copy = arena_alloc(o->link->arena, s->size + 1);
	memcpy(copy, s->data, s->size);
	if (btf_adopt(o->link->types, copy, s->size, &o->btf, &why)) {
		o->btf = NULL;
		return object_bad(o, "its BTF is damaged: %s", why);
	}
	const uint32_t *record = btf_first(o->btf);
	for (uint32_t id = 1; id <= btf_count(o->btf); id++, record = btf_after(record))
		name_record(o, record, id);
	return 0;
}

/* ---- .BTF.ext ---- */

/* One of its three parts on its way in. */
struct part {
	struct object *o;
	const uint8_t *at, *end;
	uint32_t record_size;
	uint32_t words; /* that are read of each record */
	void (*add)(struct object *o, struct object_section *s, uint32_t insn, const uint32_t *w);
};

static uint32_t take(struct part *p)
{
	uint32_t word;

	memcpy(&word, p->at, 4);
	p->at += 4;
	return word;
}

static bool has(const struct part *p, uint64_t bytes)
{
	return (uint64_t)(p->end - p->at) >= bytes;
}

static struct object_section *code_called(struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->nsections; i++)
		if (o->sections[i].role == SECTION_CODE && streq(o->sections[i].name, name))
			return &o->sections[i];
	return NULL;
}

static int read_records(struct part *p, struct object_section *s, uint32_t n)
{
	for (; n; n--, p->at += p->record_size) {
		uint32_t words[4];

		memcpy(words, p->at, p->words * 4);
		if (!s)
			continue;
		if (words[0] % sizeof(struct insn) || words[0] / sizeof(struct insn) >= s->ninsns)
			return object_bad(p->o, ".BTF.ext speaks of byte %u of section %s",
					  words[0], s->name);
		p->add(p->o, s, words[0] / sizeof(struct insn), words);
	}
	return 0;
}

static int read_part(struct part *p)
{
	if (!has(p, 4))
		return p->at == p->end ? 0 : object_bad(p->o, ".BTF.ext is cut off");
	p->record_size = take(p);
	while (p->at < p->end) {
		if (!has(p, 8))
			return object_bad(p->o, ".BTF.ext is cut off");
		const char *name = btf_string(p->o->btf, take(p));
		uint32_t n = take(p);

		if (p->record_size < p->words * 4 || p->record_size % 4 ||
		    !has(p, (uint64_t)p->record_size * n))
			return object_bad(p->o, ".BTF.ext is damaged");
		int err = read_records(p, code_called(p->o, name), n);
		if (err)
			return err;
	}
	return 0;
}

static void add_type(struct object *o, struct object_section *s, uint32_t insn, const uint32_t *w)
{
	vec_push(o->link->arena, &s->types, (struct object_type_of){ insn, w[1] });
}

static void add_line(struct object *o, struct object_section *s, uint32_t insn, const uint32_t *w)
{
	vec_push(o->link->arena, &s->lines, (struct object_line){ insn, w[1], w[2], w[3] });
}

static void add_relo(struct object *o, struct object_section *s, uint32_t insn, const uint32_t *w)
{
	vec_push(o->link->arena, &s->relos, (struct core_relo){ insn, w[1], w[2], w[3] });
}

/* Of any record that begins with its instruction. Equal ones keep the order of the file. */
static int by_insn(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	if (*x != *y)
		return *x < *y ? -1 : 1;
	return 0;
}

static const struct {
	uint32_t words;
	void (*add)(struct object *o, struct object_section *s, uint32_t insn, const uint32_t *w);
} parts[] = { { 2, add_type }, { 4, add_line }, { 4, add_relo } };

static int read_ext(struct object *o)
{
	const struct object_section *s = o->ext_section;
	uint32_t header[8] = { 0 };
	int err;

	if (!s->data || s->size < EXT_MIN)
		return object_bad(o, ".BTF.ext is cut off");
	memcpy(header, s->data, EXT_MIN);
	uint64_t size = header[1];
	if ((header[0] & 0xffff) != EXT_MAGIC || size < EXT_MIN || size > s->size)
		return object_bad(o, ".BTF.ext does not begin as it should");
	if (size >= EXT_WITH_CORE)
		memcpy(header, s->data, EXT_WITH_CORE);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint64_t offset = size + header[2 + 2 * i], len = header[3 + 2 * i];

		if (!len)
			continue;
		if (offset > s->size || len > s->size - offset)
			return object_bad(o, ".BTF.ext ends before one of its parts");
		struct part p = { .o = o,
				  .at = s->data + offset,
				  .end = s->data + offset + len,
				  .words = parts[i].words,
				  .add = parts[i].add };
		err = read_part(&p);
		if (err)
			return err;
	}
	return 0;
}

int object_btf(struct object *o)
{
	int err = o->btf_section ? read_types(o) : 0;

	if (!err && o->btf && o->ext_section)
		err = read_ext(o);
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		if (s->lines.n)
			qsort(s->lines.v, s->lines.n, sizeof(*s->lines.v), by_insn);
		if (s->types.n)
			qsort(s->types.v, s->types.n, sizeof(*s->types.v), by_insn);
	}
	return err;
}
