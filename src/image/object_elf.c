/*
 * ELF: the bytes of one object to sections, symbols and relocations. Every offset and number is
 * held against the file's size first; nothing is aligned in a file that nobody promised anything
 * about, so all is copied out.
 *
 * Needs: arena. Called by object_read.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/object_priv.h"

enum { ELF_MACHINE_BPF = 247 };

bool object_is_elf(const void *data, size_t size)
{
	return size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static bool is_inside(const struct object *o, uint64_t offset, uint64_t size)
{
	return offset <= o->size && size <= o->size - offset;
}

static int read_header(struct object *o, Elf64_Ehdr *h)
{
	if (!object_is_elf(o->data, o->size))
		return object_bad(o, "it is not an ELF file");
	if (o->size < sizeof(*h))
		return object_bad(o, "it is cut off in its header");
	memcpy(h, o->data, sizeof(*h));
	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return object_bad(o, "it is not of 64 bits");
	if (h->e_ident[EI_DATA] != ELFDATA2LSB)
		return object_bad(o, "it is for machines of the other byte order");
	if (h->e_machine != ELF_MACHINE_BPF && h->e_machine != EM_NONE)
		return object_bad(o, "it is for machine %u and not for BPF", h->e_machine);
	if (h->e_type != ET_REL)
		return object_bad(o, "it is no relocatable object (is it already linked?)");
	if (!h->e_shnum || h->e_shentsize != sizeof(Elf64_Shdr) ||
	    !is_inside(o, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr)))
		return object_bad(o, "its table of sections is damaged");
	return 0;
}

/* The string at @offset of the string table @s; NULL: there is none that ends. */
static const char *string_at(const struct object_section *s, uint64_t offset)
{
	if (s->type != SHT_STRTAB || !s->data || offset >= s->size ||
	    !memchr(s->data + offset, '\0', s->size - offset))
		return NULL;
	return (const char *)s->data + offset;
}

struct object_section *object_section_at(struct object *o, uint32_t index)
{
	return index && index < o->nsections ? &o->sections[index] : NULL;
}

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* ".data", ".data.x", and not ".database" */
static bool is_called(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

static enum section_role section_role(const struct object_section *s)
{
	if (s->type != SHT_PROGBITS && s->type != SHT_NOBITS)
		return SECTION_OTHER;
	if (s->flags & SHF_EXECINSTR)
		return s->type == SHT_PROGBITS && s->size ? SECTION_CODE : SECTION_OTHER;
	if (!(s->flags & SHF_ALLOC))
		return SECTION_OTHER;
	if (is_called(s->name, ".data") || is_called(s->name, ".bss") ||
	    is_called(s->name, ".rodata"))
		return SECTION_DATA;
	if (streq(s->name, ".maps"))
		return SECTION_MAPS;
	if (streq(s->name, "maps") || starts(s->name, "maps/"))
		return SECTION_OLD_MAPS;
	if (is_called(s->name, ".struct_ops"))
		return SECTION_STRUCT_OPS;
	return SECTION_OTHER;
}

static int read_section(struct object *o, struct object_section *s, const Elf64_Shdr *h)
{
	*s = (struct object_section){
		.name = "",
		.type = h->sh_type,
		.flags = h->sh_flags,
		.size = h->sh_size,
		.align = h->sh_addralign,
		.link = h->sh_link,
		.info = h->sh_info,
	};
	if (s->type == SHT_NULL)
		s->size = 0;
	if (s->type == SHT_NOBITS || s->type == SHT_NULL)
		return 0;
	if (!is_inside(o, h->sh_offset, h->sh_size))
		return object_bad(o, "section %td lies outside of it", s - o->sections);
	s->data = o->data + h->sh_offset;
	return 0;
}

static int read_sections(struct object *o, const Elf64_Ehdr *h)
{
	const uint8_t *at = o->data + h->e_shoff;
	Elf64_Shdr *headers = arena_array(o->link->arena, Elf64_Shdr, h->e_shnum);
	int err;

	memcpy(headers, at, h->e_shnum * sizeof(*headers));
	o->sections = arena_array(o->link->arena, struct object_section, h->e_shnum);
	o->nsections = h->e_shnum;
	for (uint32_t i = 0; i < o->nsections; i++) {
		err = read_section(o, &o->sections[i], &headers[i]);
		if (err)
			return err;
	}
	if (h->e_shstrndx >= o->nsections)
		return object_bad(o, "its sections have no names");
	for (uint32_t i = 1; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		s->name = string_at(&o->sections[h->e_shstrndx], headers[i].sh_name);
		if (!s->name)
			return object_bad(o, "the name of section %u is damaged", i);
		s->name = arena_strdup(o->link->arena, s->name);
		s->role = section_role(s);
		if (streq(s->name, ".BTF"))
			o->btf_section = s;
		else if (streq(s->name, ".BTF.ext"))
			o->ext_section = s;
		else if (s->type == SHT_SYMTAB)
			o->symbol_section = s;
	}
	return 0;
}

static int read_code(struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		if (s->role != SECTION_CODE)
			continue;
		if (s->size % sizeof(struct insn) ||
		    s->size / sizeof(struct insn) > OBJECT_INSNS_MAX)
			return object_bad(o,
					  "section %s holds no whole number of instructions, "
					  "or too many",
					  s->name);
		s->ninsns = (uint32_t)(s->size / sizeof(struct insn));
		s->insns = arena_array(o->link->arena, struct insn, s->ninsns);
		memcpy(s->insns, s->data, s->size);
	}
	return 0;
}

/* ---- symbols ---- */

static int read_symbol(struct object *o, const struct object_section *names, const Elf64_Sym *from,
		       struct object_symbol *to)
{
	const char *name = from->st_name ? string_at(names, from->st_name) : "";

	if (!name)
		return object_bad(o, "the name of symbol %td is damaged", to - o->symbols);
	*to = (struct object_symbol){
		.object = o,
		.name = arena_strdup(o->link->arena, name),
		.value = from->st_value,
		.size = from->st_size,
		.bind = ELF64_ST_BIND(from->st_info),
		.type = ELF64_ST_TYPE(from->st_info),
	};
	if (from->st_shndx >= SHN_LORESERVE || from->st_shndx == SHN_UNDEF)
		return 0;
	to->section = object_section_at(o, from->st_shndx);
	if (!to->section)
		return object_bad(o, "symbol %s is in a section that is not there", name);
	if (to->value > to->section->size || to->size > to->section->size - to->value)
		return object_bad(o, "symbol %s lies outside of its section", name);
	return 0;
}

static int read_symbols(struct object *o)
{
	const struct object_section *s = o->symbol_section, *names;

	if (!s)
		return 0;
	names = object_section_at(o, s->link);
	if (!names || !s->data || s->size % sizeof(Elf64_Sym))
		return object_bad(o, "its table of symbols is damaged");
	o->nsymbols = (uint32_t)(s->size / sizeof(Elf64_Sym));
	o->symbols = arena_array(o->link->arena, struct object_symbol, o->nsymbols);
	for (uint32_t i = 0; i < o->nsymbols; i++) {
		Elf64_Sym one;

		memcpy(&one, s->data + i * sizeof(one), sizeof(one));
		int err = read_symbol(o, names, &one, &o->symbols[i]);
		if (err)
			return err;
	}
	return 0;
}

/* ---- relocations ---- */

static int by_offset(const void *a, const void *b)
{
	const struct object_rel *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void read_rels_of(struct object *o, const struct object_section *from,
			 struct object_section *to)
{
	bool has_addend = from->type == SHT_RELA;
	size_t size = has_addend ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);

	for (uint64_t at = 0; at + size <= from->size; at += size) {
		Elf64_Rela one = { 0 };

		memcpy(&one, from->data + at, size);
		struct object_rel rel = {
			.offset = one.r_offset,
			.type = (uint32_t)ELF64_R_TYPE(one.r_info),
			.symbol = (uint32_t)ELF64_R_SYM(one.r_info),
			.addend = one.r_addend,
			.has_addend = has_addend,
		};
		vec_push(o->link->arena, &to->rels, rel);
	}
}

static int read_rels(struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		const struct object_section *s = &o->sections[i];
		struct object_section *to;

		if (s->type != SHT_REL && s->type != SHT_RELA)
			continue;
		to = object_section_at(o, s->info);
		if (!to || !s->data)
			return object_bad(o, "section %s relocates a section that is not there",
					  s->name);
		if (to->role != SECTION_OTHER)
			read_rels_of(o, s, to);
	}
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		if (s->rels.n)
			qsort(s->rels.v, s->rels.n, sizeof(*s->rels.v), by_offset);
		for (uint32_t k = 0; k < s->rels.n; k++) {
			if (s->rels.v[k].offset >= s->size)
				return object_bad(o, "a relocation lies outside of section %s",
						  s->name);
			if (k && s->rels.v[k].offset == s->rels.v[k - 1].offset)
				return object_bad(o, "section %s has two relocations at byte %llu",
						  s->name, (unsigned long long)s->rels.v[k].offset);
		}
	}
	return 0;
}

const struct object_rel *object_rel_at(const struct object_section *s, uint64_t offset)
{
	const struct object_rel key = { .offset = offset };

	return s->rels.n ? bsearch(&key, s->rels.v, s->rels.n, sizeof(*s->rels.v), by_offset)
			 : NULL;
}

/* ---- gcc's assembler ---- */

static bool is_from_gcc(const struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		const struct object_section *s = &o->sections[i];

		if (streq(s->name, ".comment") && s->data)
			return memmem(s->data, s->size, "GCC: ", 5) != NULL;
	}
	return false;
}

/* What stands in the place of a reference tells which assembler it was: a distance from the symbol
 * may be smaller than the symbol's own value, a target may not; and a call of a function by its
 * symbol holds -1 where distances are meant. */
static bool shows_new_gnu(const struct object *o, const struct object_section *s)
{
	for (uint32_t i = 0; i < s->rels.n; i++) {
		const struct object_rel *r = &s->rels.v[i];
		const struct object_symbol *sym;
		int32_t imm;

		if (r->symbol >= o->nsymbols || r->offset / 8 >= s->ninsns)
			continue;
		sym = &o->symbols[r->symbol];
		imm = s->insns[r->offset / 8].imm;
		if (!sym->section || !sym->value)
			continue;
		if (r->type == REL_64_32 ? imm == -1 : (uint32_t)imm < sym->value)
			return true;
	}
	return false;
}

static bool is_old_gnu(const struct object *o)
{
	bool old = is_from_gcc(o);

	for (uint32_t i = 0; i < o->nsections && old; i++) {
		if (o->sections[i].role == SECTION_CODE)
			old = !shows_new_gnu(o, &o->sections[i]);
	}
	return old;
}

int object_elf(struct object *o)
{
	Elf64_Ehdr h;

	int err = read_header(o, &h);
	if (!err)
		err = read_sections(o, &h);
	if (!err)
		err = read_code(o);
	if (!err)
		err = read_symbols(o);
	if (!err)
		err = read_rels(o);
	if (err)
		return err;
	o->is_old_gnu = is_old_gnu(o);
	return 0;
}
