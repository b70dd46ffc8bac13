/*
 * Writing an ELF file: see object_out.h.
 *
 *	header | contents of sections, each with its relocations | symbols | names | section table
 *
 * Needs: arena, buf. Called by object_write.
 */
#include "image/object_out.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum { ELF_MACHINE_BPF = 247 };

void out_init(struct out *o, struct arena *arena)
{
	*o = (struct out){ .arena = arena };
	vec_push(arena, &o->sections, (struct out_section){ .name = "" });
	vec_push(arena, &o->symbols, (struct out_symbol){ .name = "" });
}

uint32_t out_section(struct out *o, const char *name, uint32_t type, uint64_t flags, uint64_t align)
{
	for (uint32_t i = 1; i < o->sections.n; i++)
		if (streq(o->sections.v[i].name, name))
			return i;
	vec_push(
		o->arena, &o->sections,
		(struct out_section){ .name = name, .type = type, .flags = flags, .align = align });
	return o->sections.n - 1;
}

uint64_t out_add(struct out *o, uint32_t section, const void *data, size_t len)
{
	struct out_bytes *b = &o->sections.v[section].bytes;
	uint32_t at = b->n;

	if (b->n + len > b->cap) {
		uint32_t cap = (uint32_t)MAX(b->cap * 2, b->n + len);

		b->v = arena_grow(o->arena, b->v, b->cap, cap);
		b->cap = cap;
	}
	if (len && data)
		memcpy(b->v + b->n, data, len);
	b->n += (uint32_t)len;
	return at;
}

void out_align(struct out *o, uint32_t section, uint32_t to)
{
	static const uint8_t zeros[16];
	uint32_t n = o->sections.v[section].bytes.n;

	out_add(o, section, zeros, ALIGN_UP(n, to) - n);
}

uint32_t out_symbol(struct out *o, struct out_symbol symbol)
{
	vec_push(o->arena, &o->symbols, symbol);
	return o->symbols.n - 1;
}

uint32_t out_section_symbol(struct out *o, uint32_t section)
{
	struct out_section *s = &o->sections.v[section];

	if (!s->symbol)
		s->symbol = out_symbol(o, (struct out_symbol){ .name = "",
							       .section = section,
							       .bind = STB_LOCAL,
							       .type = STT_SECTION });
	return s->symbol;
}

void out_rel(struct out *o, uint32_t section, uint64_t offset, uint32_t type, uint32_t symbol)
{
	vec_push(o->arena, &o->sections.v[section].rels, (struct out_rel){ offset, type, symbol });
}

/* ---- the file ---- */

/* The file being written. */
struct file {
	struct out *o;
	struct buf *to;
	size_t start;
	VEC(Elf64_Shdr) headers;
	struct out_bytes names; /* of sections and symbols */
	uint32_t *places;       /* of symbols: where each stands in the table */
	uint32_t first_global;
};

static uint32_t name_at(struct file *f, const char *name)
{
	uint32_t at = f->names.n;

	if (f->names.n && !*name)
		return 0;
	for (const char *s = name;; s++) {
		vec_push(f->o->arena, &f->names, (uint8_t)*s);
		if (!*s)
			return at;
	}
}

static void begin(struct file *f, Elf64_Shdr h, const char *name)
{
	buf_pad(f->to, '\0', ALIGN_UP(f->to->len - f->start, 8) - (f->to->len - f->start));
	h.sh_name = name_at(f, name);
	h.sh_offset = f->to->len - f->start;
	vec_push(f->o->arena, &f->headers, h);
}

/* Sections keep their numbers; their relocations, and the tables, come behind. */
static void write_contents(struct file *f)
{
	for (uint32_t i = 1; i < f->o->sections.n; i++) {
		const struct out_section *s = &f->o->sections.v[i];

		begin(f,
		      (Elf64_Shdr){ .sh_type = s->type,
				    .sh_flags = s->flags,
				    .sh_size = s->type == SHT_NOBITS ? s->zeros : s->bytes.n,
				    .sh_addralign = s->align },
		      s->name);
		if (s->type != SHT_NOBITS)
			buf_add(f->to, s->bytes.v, s->bytes.n);
	}
}

/* Local symbols come first. */
static void place_symbols(struct file *f)
{
	uint32_t at = 1;

	f->places = arena_array(f->o->arena, uint32_t, f->o->symbols.n);
	for (int global = 0; global < 2; global++) {
		f->first_global = at;
		for (uint32_t i = 1; i < f->o->symbols.n; i++)
			if ((f->o->symbols.v[i].bind != STB_LOCAL) == global)
				f->places[i] = at++;
	}
}

static void write_rels(struct file *f, uint32_t symtab)
{
	for (uint32_t i = 1; i < f->o->sections.n; i++) {
		const struct out_section *s = &f->o->sections.v[i];

		if (!s->rels.n)
			continue;
		begin(f,
		      (Elf64_Shdr){ .sh_type = SHT_REL,
				    .sh_flags = SHF_INFO_LINK,
				    .sh_size = s->rels.n * sizeof(Elf64_Rel),
				    .sh_link = symtab,
				    .sh_info = i,
				    .sh_addralign = 8,
				    .sh_entsize = sizeof(Elf64_Rel) },
		      arena_printf(f->o->arena, ".rel%s", s->name));
		for (uint32_t k = 0; k < s->rels.n; k++) {
			const struct out_rel *r = &s->rels.v[k];
			const Elf64_Rel rel = { r->offset,
						ELF64_R_INFO(f->places[r->symbol], r->type) };

			buf_add(f->to, &rel, sizeof(rel));
		}
	}
}

static void write_symbols(struct file *f, uint32_t strtab)
{
	const struct out *o = f->o;
	Elf64_Sym *table = arena_array(o->arena, Elf64_Sym, o->symbols.n);

	for (uint32_t i = 1; i < o->symbols.n; i++) {
		const struct out_symbol *s = &o->symbols.v[i];

		table[f->places[i]] = (Elf64_Sym){
			.st_name = name_at(f, s->name),
			.st_info = ELF64_ST_INFO(s->bind, s->type),
			.st_shndx = (uint16_t)s->section,
			.st_value = s->value,
			.st_size = s->size,
		};
	}
	begin(f,
	      (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
			    .sh_size = o->symbols.n * sizeof(Elf64_Sym),
			    .sh_link = strtab,
			    .sh_info = f->first_global,
			    .sh_addralign = 8,
			    .sh_entsize = sizeof(Elf64_Sym) },
	      ".symtab");
	buf_add(f->to, table, o->symbols.n * sizeof(*table));
}

static uint32_t count_rels(const struct out *o)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < o->sections.n; i++)
		n += o->sections.v[i].rels.n != 0;
	return n;
}

static void write_header(struct file *f, uint32_t strtab)
{
	Elf64_Ehdr h = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = ELF_MACHINE_BPF,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(h),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (uint16_t)f->headers.n,
		.e_shstrndx = (uint16_t)strtab,
		.e_shoff = f->to->len - f->start,
	};

	if (!f->to->err)
		memcpy(f->to->data + f->start, &h, sizeof(h));
}

int out_finish(struct out *o, struct buf *to)
{
	struct file f = { .o = o, .to = to, .start = to->len };
	uint32_t symtab = o->sections.n + count_rels(o), strtab = symtab + 1;

	name_at(&f, "");
	vec_push(o->arena, &f.headers, (Elf64_Shdr){ 0 });
	buf_pad(to, '\0', sizeof(Elf64_Ehdr));
	write_contents(&f);
	place_symbols(&f);
	write_rels(&f, symtab);
	write_symbols(&f, strtab);
	begin(&f, (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_addralign = 1 }, ".strtab");
	f.headers.v[strtab].sh_size = f.names.n;
	buf_add(to, f.names.v, f.names.n);
	buf_pad(to, '\0', ALIGN_UP(to->len - f.start, 8) - (to->len - f.start));
	write_header(&f, strtab);
	buf_add(to, f.headers.v, f.headers.n * sizeof(*f.headers.v));
	return to->err ? -ENOMEM : 0;
}
