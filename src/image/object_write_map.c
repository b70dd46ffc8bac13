/*
 * Maps as an object has them: variables of .maps with BTF that describes them, sections of
 * variables, configuration variables, and what the kernel has. The reader's object_map.c,
 * object_data.c and object_config.c are the other direction.
 *
 * Needs: the BTF writer. Called by object_write.c.
 */
#include <elf.h>
#include <string.h>

#include "image/object_write_priv.h"

enum { POINTER_SIZE = 8, RING_BYTES = 256 << 10, PIN_BY_NAME = 1, MEMBERS_MAX = 12 };

/* What maps of scripts become, whose kind a host would choose. */
static const struct {
	uint32_t kind, percpu;
	const char *section; /* a section of variables instead; NULL: none */
} roles[MAP_ROLE_COUNT] = {
	[MAP_USER] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH, NULL },
	[MAP_RING] = { BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_RINGBUF, NULL },
	[MAP_URGENT] = { BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_RINGBUF, NULL },
	[MAP_LOSS] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, NULL },
	[MAP_SCRATCH] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, NULL },
	[MAP_STACKS] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH, NULL },
	[MAP_GLOBALS] = { 0, 0, ".data" },
	[MAP_RODATA] = { 0, 0, ".rodata" },
	[MAP_DISPATCH] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, NULL },
	[MAP_DATA] = { 0, 0, ".data" },
};

static bool is_config(const struct image_map *m)
{
	return m->role == MAP_RODATA && streq(m->name, ".kconfig");
}

static bool is_ops(const struct image_map *m)
{
	return m->kind == BPF_MAP_TYPE_STRUCT_OPS;
}

/* ---- definitions ---- */

/* The struct of one definition. */
struct definition {
	struct writer *w;
	uint32_t words[3 * MEMBERS_MAX];
	uint32_t n; /* members */
};

static void add_member(struct definition *d, const char *name, uint32_t type)
{
	uint32_t *m = d->words + 3 * d->n;

	m[0] = btf_write_name(&d->w->info.btf, name);
	m[1] = type;
	m[2] = d->n * POINTER_SIZE * 8;
	d->n++;
}

static uint32_t int_id(struct writer *w)
{
	static const struct type plain = {
		.kind = TYPE_INT, .size = 4, .is_signed = true, .name = "int"
	};
	uint32_t id;

	btf_write_type(&w->info.btf, NULL, &plain, &id);
	return id;
}

static void add_number(struct definition *d, const char *name, uint32_t n)
{
	struct btf_writer *btf = &d->w->info.btf;

	add_member(d, name, btf_write_pointer(btf, btf_write_array(btf, int_id(d->w), n)));
}

/* A number of more than 32 bits is an enum's one value. */
static void add_long(struct definition *d, const char *name, uint64_t n)
{
	struct btf_writer *btf = &d->w->info.btf;

	if (n <= UINT32_MAX) {
		add_number(d, name, (uint32_t)n);
		return;
	}
	uint32_t id = btf_write_record(btf, BTF_ENUM64, 0, 1, 8);
	const uint32_t entry[] = { btf_write_name(btf, name), (uint32_t)n, (uint32_t)(n >> 32) };
	btf_write_words(btf, entry, 3);
	add_member(d, name, id);
}

/* Types of scripts that C does not have are told by their size alone. */
static void add_type(struct definition *d, const char *name, const struct type *t, uint32_t size)
{
	uint32_t id;

	if (t && t->size == size && btf_write_type(&d->w->info.btf, &d->w->types, t, &id))
		add_member(d, name, btf_write_pointer(&d->w->info.btf, id));
	else if (size)
		add_number(d, arena_printf(d->w->arena, "%s_size", name), size);
}

static uint32_t map_kind_of(const struct image_map *m)
{
	if (m->kind)
		return m->kind;
	if (m->role == MAP_USER && !m->key)
		return m->percpu ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY;
	return m->percpu ? roles[m->role].percpu : roles[m->role].kind;
}

static bool holds_maps(uint32_t kind)
{
	return kind == BPF_MAP_TYPE_ARRAY_OF_MAPS || kind == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static uint32_t write_def(struct writer *w, const struct image_map *m, uint32_t *ret_size);

/* What `values` holds, where it is known. */
static uint32_t inner_type(struct writer *w, const struct image_map *m)
{
	struct btf_writer *btf = &w->info.btf;
	uint32_t size;

	if (m->inner && m->inner <= w->img->maps.n && !w->img->maps.v[m->inner - 1].inner)
		return write_def(w, &w->img->maps.v[m->inner - 1], &size);
	return btf_write_record(btf, BTF_FUNC_PROTO, 0, 0, int_id(w));
}

static uint32_t write_def(struct writer *w, const struct image_map *m, uint32_t *ret_size)
{
	struct btf_writer *btf = &w->info.btf;
	struct definition d = { .w = w };
	uint32_t kind = map_kind_of(m), values = 0, id;
	bool ring = kind == BPF_MAP_TYPE_RINGBUF;
	bool scalar = m->role == MAP_USER && !m->kind && !m->key;
	uint32_t entries = m->kind ? m->max_entries : scalar ? 1 : MAX(m->max_entries, 1u);

	if (m->inner || m->inits.n)
		values = btf_write_array(btf, btf_write_pointer(btf, inner_type(w, m)), 0);
	add_number(&d, "type", kind);
	if (entries)
		add_number(&d, "max_entries", ring && !m->kind ? RING_BYTES : entries);
	if (m->flags)
		add_number(&d, "map_flags", m->flags);
	if (m->numa_node)
		add_number(&d, "numa_node", m->numa_node);
	if (m->extra)
		add_long(&d, "map_extra", m->extra);
	if (m->is_pinned)
		add_number(&d, "pinning", PIN_BY_NAME);
	if (!ring || m->kind) {
		bool index = !m->kind && kind != BPF_MAP_TYPE_HASH &&
			     kind != BPF_MAP_TYPE_PERCPU_HASH;

		add_type(&d, "key", m->key, index ? 4 : m->key_size);
		if (!holds_maps(kind))
			add_type(&d, "value", m->value, m->value_size);
	}
	*ret_size = d.n * POINTER_SIZE;
	if (values)
		add_member(&d, "values", values);
	id = btf_write_record(btf, BTF_STRUCT, 0, d.n, *ret_size);
	btf_write_words(btf, d.words, 3 * d.n);
	return id;
}

static uint32_t write_var(struct writer *w, const char *name, uint32_t type,
			  enum btf_linkage linkage)
{
	const uint32_t word = linkage;
	uint32_t id = btf_write_record(&w->info.btf, BTF_VAR, btf_write_name(&w->info.btf, name), 0,
				       type);

	btf_write_words(&w->info.btf, &word, 1);
	return id;
}

static uint32_t slots_of(const struct image_map *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->inits.n; i++)
		n = MAX(n, m->inits.v[i].at + 1);
	return n;
}

VEC_TYPE(uint32_t, words);

static void add_entry(struct writer *w, struct words *sec, uint32_t var, uint64_t at, uint64_t size)
{
	vec_push(w->arena, sec, var);
	vec_push(w->arena, sec, (uint32_t)at);
	vec_push(w->arena, sec, (uint32_t)size);
}

static void write_datasec(struct writer *w, const char *name, const struct words *entries,
			  uint64_t size)
{
	struct btf_writer *btf = &w->info.btf;

	if (!entries->n)
		return;
	btf_write_record(btf, BTF_DATASEC, btf_write_string(btf, name, strlen(name)),
			 entries->n / 3, (uint32_t)size);
	btf_write_words(btf, entries->v, entries->n);
}

static const char *plain_name(struct writer *w, const char *name)
{
	char *plain = arena_strdup(w->arena, *name == '@' ? name + 1 : name);

	for (char *s = plain; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') &&
		    !(*s >= '0' && *s <= '9'))
			*s = '_';
	return plain;
}

static int name_is_free(struct writer *w, const char *name)
{
	for (uint32_t i = 1; i < w->out.symbols.n; i++)
		if (w->out.symbols.v[i].bind != STB_LOCAL && streq(w->out.symbols.v[i].name, name))
			return writer_bad(w, "two maps or programs are called %s", name);
	return 0;
}

static int add_map(struct writer *w, uint32_t index, struct words *sec)
{
	const struct image_map *m = &w->img->maps.v[index];
	const char *name = plain_name(w, m->name);
	uint32_t size, type, section;
	uint64_t at, all;

	if (m->role == MAP_DISPATCH || (m->data && !is_ops(m)))
		return writer_bad(w, "map %s has first contents", m->name);
	if (slots_of(m) > OBJECT_ENTRIES_MAX / POINTER_SIZE)
		return writer_bad(w, "map %s has too many first entries", m->name);
	int err = name_is_free(w, name);
	if (err)
		return err;
	type = write_def(w, m, &size);
	section = out_section(&w->out, ".maps", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8);
	all = size + (uint64_t)slots_of(m) * POINTER_SIZE;
	at = w->out.sections.v[section].bytes.n;
	for (uint64_t done = 0; done < all; done += POINTER_SIZE)
		out_add(&w->out, section, &(uint64_t){ 0 }, POINTER_SIZE);
	add_entry(w, sec, write_var(w, name, type, BTF_GLOBAL), at, all);
	w->map_symbols[index] = out_symbol(&w->out, (struct out_symbol){ .name = name,
									 .section = section,
									 .value = at,
									 .size = all,
									 .bind = STB_GLOBAL,
									 .type = STT_OBJECT });
	return 0;
}

/* ---- variables ---- */

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static const char *data_name(struct writer *w, const struct image_map *m)
{
	const char *section = roles[m->role].section;

	if (begins(m->name, ".data") || begins(m->name, ".bss") || begins(m->name, ".rodata"))
		return m->name;
	return arena_printf(w->arena, "%s.%s", section, plain_name(w, m->name));
}

static void add_variables(struct writer *w, const struct image_map *m, const char *section,
			  uint32_t index)
{
	const struct type *t = m->value;
	struct words sec = { 0 };
	uint64_t end = 0;

	if (!t || t->kind != TYPE_STRUCT || !section)
		return;
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *var = &t->members[i];
		uint32_t type;

		if (!var->name || var->offset < end ||
		    var->offset + var->type->size > m->value_size ||
		    !btf_write_type(&w->info.btf, &w->types, var->type, &type))
			continue;
		end = var->offset + (uint64_t)var->type->size;
		add_entry(w, &sec, write_var(w, var->name, type, BTF_STATIC), var->offset,
			  var->type->size);
		out_symbol(&w->out, (struct out_symbol){ .name = var->name,
							 .section = index,
							 .value = var->offset,
							 .size = var->type->size,
							 .bind = STB_LOCAL,
							 .type = STT_OBJECT });
	}
	write_datasec(w, section, &sec, m->value_size);
}

static int add_data(struct writer *w, uint32_t index)
{
	const struct image_map *m = &w->img->maps.v[index];
	const char *name = data_name(w, m);
	bool zeros = !m->data && begins(name, ".bss");
	uint64_t flags = SHF_ALLOC | (m->role == MAP_RODATA ? 0 : SHF_WRITE);
	uint32_t section = out_section(&w->out, name, zeros ? SHT_NOBITS : SHT_PROGBITS, flags, 8);
	struct out_section *s = &w->out.sections.v[section];

	if (s->bytes.n || s->zeros)
		return writer_bad(w, "two sections of variables are called %s", name);
	if (zeros)
		s->zeros = m->value_size;
	else
		out_add(&w->out, section, m->data, m->value_size);
	w->map_sections[index] = section;
	out_section_symbol(&w->out, section);
	add_variables(w, m, name, section);
	return 0;
}

/* What is defined elsewhere. */
static uint32_t undefined(struct writer *w, const char *name, bool weak)
{
	uint32_t symbol = (uint32_t)(uintptr_t)table_get(&w->externs, name);

	if (symbol)
		return symbol;
	symbol = out_symbol(&w->out, (struct out_symbol){ .name = name,
							  .bind = weak ? STB_WEAK : STB_GLOBAL,
							  .type = STT_NOTYPE });
	table_put(w->arena, &w->externs, name, (void *)(uintptr_t)symbol);
	return symbol;
}

static int add_config(struct writer *w, uint32_t index)
{
	const struct type *t = w->img->maps.v[index].value;
	struct words sec = { 0 };

	if (!t || t->kind != TYPE_STRUCT)
		return writer_bad(w, "nothing is known of its configuration variables");
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *var = &t->members[i];
		uint32_t type;

		if (!btf_write_type(&w->info.btf, &w->types, var->type, &type))
			return writer_bad(w, "the type of %s has no BTF", var->name);
		add_entry(w, &sec, write_var(w, var->name, type, BTF_EXTERN), 0, var->type->size);
		undefined(w, var->name, true); /* weak even if no program refers to it */
	}
	write_datasec(w, ".kconfig", &sec, 0);
	return 0;
}

static int add_ops(struct writer *w, uint32_t index)
{
	const struct image_map *m = &w->img->maps.v[index];
	const char *name = m->flags ? ".struct_ops.link" : ".struct_ops";
	uint32_t section = out_section(&w->out, name, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8);
	struct words sec = { 0 };
	uint32_t type;
	uint64_t at;

	if (!m->value || !m->data || w->out.sections.v[section].bytes.n ||
	    !btf_write_type(&w->info.btf, &w->types, m->value, &type))
		return writer_bad(w, "struct_ops %s has no type, or is not the only one", m->name);
	int err = name_is_free(w, m->name);
	if (err)
		return err;
	at = out_add(&w->out, section, m->data, m->value_size);
	add_entry(w, &sec, write_var(w, m->name, type, BTF_GLOBAL), at, m->value_size);
	write_datasec(w, name, &sec, m->value_size);
	w->map_sections[index] = section;
	w->map_symbols[index] = out_symbol(&w->out, (struct out_symbol){ .name = m->name,
									 .section = section,
									 .value = at,
									 .size = m->value_size,
									 .bind = STB_GLOBAL,
									 .type = STT_OBJECT });
	return 0;
}

int writer_maps(struct writer *w)
{
	struct words sec = { 0 };
	int err = 0;

	for (uint32_t i = 0; i < w->img->maps.n && !err; i++) {
		const struct image_map *m = &w->img->maps.v[i];

		if (m->is_template)
			continue;
		if ((unsigned)m->role >= MAP_ROLE_COUNT || !m->name)
			err = writer_bad(w, "map %u is damaged", i);
		else if (is_config(m))
			err = add_config(w, i);
		else if (is_ops(m))
			err = add_ops(w, i);
		else if (roles[m->role].section)
			err = add_data(w, i);
		else
			err = add_map(w, i, &sec);
	}
	for (uint32_t i = 1; i < w->out.sections.n && !err; i++)
		if (streq(w->out.sections.v[i].name, ".maps"))
			write_datasec(w, ".maps", &sec, w->out.sections.v[i].bytes.n);
	return err;
}

/* ---- first entries ---- */

static uint32_t init_symbol(struct writer *w, const struct map_init *init)
{
	switch (init->kind) {
	case INIT_MAP: return init->index < w->img->maps.n ? w->map_symbols[init->index] : 0;
	case INIT_PROG: return init->index < w->img->progs.n ? w->placed[init->index][0].symbol : 0;
	case INIT_ADDRESS:
		if (init->index >= w->img->maps.n || !w->map_sections[init->index])
			return 0;
		return out_section_symbol(&w->out, w->map_sections[init->index]);
	}
	return 0;
}

static int add_init(struct writer *w, uint32_t index, const struct map_init *init)
{
	uint32_t symbol = init_symbol(w, init), section = w->map_sections[index];
	uint64_t at = init->at;

	if (!symbol)
		return writer_bad(w, "map %s holds what is not there", w->img->maps.v[index].name);
	if (!section) {
		const struct out_symbol *s = &w->out.symbols.v[w->map_symbols[index]];

		section = s->section;
		at = s->value + s->size +
		     ((uint64_t)init->at - slots_of(&w->img->maps.v[index])) * POINTER_SIZE;
	}
	struct out_bytes *b = &w->out.sections.v[section].bytes;
	if (at + POINTER_SIZE > b->n)
		return writer_bad(w, "map %s is damaged", w->img->maps.v[index].name);
	if (init->kind == INIT_ADDRESS)
		memcpy(b->v + at, &init->addend, sizeof(init->addend));
	out_rel(&w->out, section, at, REL_64_ABS64, symbol);
	return 0;
}

int writer_inits(struct writer *w)
{
	for (uint32_t i = 0; i < w->img->maps.n; i++) {
		const struct image_map *m = &w->img->maps.v[i];

		for (uint32_t k = 0; k < m->inits.n; k++) {
			int err = add_init(w, i, &m->inits.v[k]);

			if (err)
				return err;
		}
	}
	return 0;
}

/* ---- externs ---- */

/* The image keeps the values, not which of them had to be there. */
uint32_t writer_config(struct writer *w, uint32_t index, int64_t offset, int64_t *ret_rest)
{
	const struct image_map *m = &w->img->maps.v[index];

	for (uint32_t i = 0; is_config(m) && i < m->value->nmembers; i++) {
		const struct type_member *var = &m->value->members[i];

		if (offset < var->offset || offset >= var->offset + (int64_t)var->type->size)
			continue;
		*ret_rest = offset - var->offset;
		return undefined(w, var->name, true);
	}
	return 0;
}

static uint32_t extern_type(struct writer *w, const struct reloc *r)
{
	uint32_t id = 0;

	if (r->type && btf_write_type(&w->info.btf, &w->types, r->type, &id) && id)
		return id;
	switch (r->kind) {
	case RELOC_KFUNC: return btf_write_record(&w->info.btf, BTF_FUNC_PROTO, 0, 0, 0);
	case RELOC_KVAR: return int_id(w);
	default: return btf_write_record(&w->info.btf, BTF_CONST, 0, 0, 0);
	}
}

uint32_t writer_extern(struct writer *w, const struct reloc *r)
{
	struct btf_writer *btf = &w->info.btf;
	uint32_t type, id;

	if (table_get(&w->externs, r->name))
		return undefined(w, r->name, r->is_weak);
	type = extern_type(w, r);
	if (r->kind == RELOC_KFUNC)
		id = btf_write_record(btf, BTF_FUNC, btf_write_name(btf, r->name), BTF_EXTERN,
				      type);
	else
		id = write_var(w, r->name, type, BTF_EXTERN);
	vec_push(w->arena, &w->kernel_records, id);
	return undefined(w, r->name, r->is_weak);
}

void writer_externs(struct writer *w)
{
	struct words sec = { 0 };

	for (uint32_t i = 0; i < w->kernel_records.n; i++)
		add_entry(w, &sec, w->kernel_records.v[i], 0, 0);
	write_datasec(w, ".ksyms", &sec, 0);
}
