/*
 * Images to relocatable ELF objects: each program in the section that its kind has, the functions
 * behind it in .text, references as relocations, types and lines as BTF. See object.h; object.c
 * reads such a file back.
 *
 * A program of an image has all its functions in one run of instructions, an object keeps them
 * apart: calls within .text are distances, all others relocations.
 *
 * Needs: object_out.c (the file), object_write_map.c, prog_btf.c. Called by skep asm.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/form.h"
#include "image/object_write_priv.h"

enum { CALL = BPF_JMP | BPF_CALL };

int writer_bad(struct writer *w, const char *fmt, ...)
{
	va_list args;
	const char *why;

	va_start(args, fmt);
	why = arena_vprintf(w->arena, fmt, args);
	va_end(args);
	return diag_error(w->diags, SPAN_NONE, "this cannot be written as an object: %s", why);
}

static int bad_insn(struct writer *w, const struct image_prog *p, uint32_t at, const char *what)
{
	return writer_bad(w, "program %s, instruction %u %s", p->name, at, what);
}

/* ---- functions ---- */

static int by_insn(const void *a, const void *b)
{
	const struct image_func *x = a, *y = b;

	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

/* The function at or before @insn. */
static uint32_t func_around(const struct image_prog *p, uint32_t insn)
{
	uint32_t i = 0;

	while (i + 1 < p->funcs.n && p->funcs.v[i + 1].insn <= insn)
		i++;
	return i;
}

static void want_func(struct writer *w, struct image_prog *p, int64_t insn, const char *name)
{
	if (insn < 0 || insn >= p->insns.n)
		return;
	for (uint32_t i = 0; i < p->funcs.n; i++)
		if (p->funcs.v[i].insn == insn)
			return;
	if (!name)
		name = arena_printf(w->arena, "func_%lld", (long long)insn);
	vec_push(w->arena, &p->funcs, (struct image_func){ .insn = (uint32_t)insn, .name = name });
}

/* Whether instruction @at calls or names a function of the program, and which. */
static bool refers(const struct insn *insns, uint32_t at, int64_t *ret_to)
{
	const struct insn_form *f = &insn_forms[insn_find(&insns[at])];

	return (f->op == OP_CALL_LOCAL || f->op == OP_FUNC) && insn_target(insns, at, ret_to);
}

/* Images of text may know fewer functions than their instructions do. */
static void find_funcs(struct writer *w, struct image_prog *p)
{
	VEC(struct image_func) known = { 0 };

	for (uint32_t i = 0; i < p->funcs.n; i++)
		if (p->funcs.v[i].insn < p->insns.n)
			vec_push(w->arena, &known, p->funcs.v[i]);
	p->funcs.v = known.v;
	p->funcs.n = known.n;
	p->funcs.cap = known.cap;
	want_func(w, p, 0, p->name);
	for (uint32_t at = 0; at < p->insns.n; at += insn_is_wide(&p->insns.v[at]) ? 2 : 1) {
		int64_t to;

		if (refers(p->insns.v, at, &to))
			want_func(w, p, to, NULL);
	}
	for (uint32_t i = 0; i < p->relocs.n; i++)
		if (p->relocs.v[i].kind == RELOC_FUNC)
			want_func(w, p, p->relocs.v[i].index, NULL);
	qsort(p->funcs.v, p->funcs.n, sizeof(*p->funcs.v), by_insn);
}

/* Other names with a '.', and these, are not for code. */
static bool is_taken(const char *section)
{
	static const char *const names[] = { "license", "version", "maps" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(section, names[i], strlen(names[i])) == 0)
			return true;
	return *section == '.' && !streq(section, ".text");
}

static const char *section_of(struct writer *w, const struct image_prog *p)
{
	const char *name = p->section ? p->section : section_for(p->type, p->attach_type);

	if (!name || !*name)
		return ".text";
	return arena_printf(w->arena, "%s%s", p->is_optional ? "?" : "", name);
}

static const char *free_name(struct writer *w, const char *name)
{
	const char *all = name;

	for (uint32_t n = 2, i = 1; i < w->out.symbols.n; i++) {
		if (w->out.symbols.v[i].bind == STB_LOCAL || !streq(w->out.symbols.v[i].name, all))
			continue;
		all = arena_printf(w->arena, "%s_%u", name, n++);
		i = 0;
	}
	return all;
}

static uint32_t code_section(struct writer *w, const char *name)
{
	return out_section(&w->out, name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 8);
}

/* Gives each function of @p its place and copies its instructions there. */
static void place_prog(struct writer *w, uint32_t index)
{
	struct image_prog *p = &w->progs[index];
	struct placed_func *placed = arena_array(w->arena, struct placed_func, p->funcs.n);

	w->placed[index] = placed;
	for (uint32_t i = 0; i < p->funcs.n; i++) {
		uint32_t from = p->funcs.v[i].insn, n = prog_btf_end(p, i) - from;
		const char *section = i ? ".text" : section_of(w, p);
		struct placed_func *f = &placed[i];

		f->section = code_section(w, section);
		f->at = (uint32_t)(out_add(&w->out, f->section, p->insns.v + from,
					   n * sizeof(struct insn)) /
				   sizeof(struct insn));
		f->symbol = out_symbol(
			&w->out,
			(struct out_symbol){
				.name = i ? p->funcs.v[i].name : free_name(w, p->funcs.v[i].name),
				.section = f->section,
				.value = f->at * sizeof(struct insn),
				.size = n * sizeof(struct insn),
				.bind = i ? STB_LOCAL : STB_GLOBAL,
				.type = STT_FUNC,
			});
	}
}

/* ---- references ---- */

/* One program whose references are being written. */
struct pass {
	struct writer *w;
	const struct image_prog *p;
	const struct placed_func *placed;
};

static struct insn *insn_out(const struct pass *s, uint32_t at, const struct placed_func **ret_in,
			     uint64_t *ret_offset)
{
	uint32_t i = func_around(s->p, at);
	const struct placed_func *f = &s->placed[i];

	*ret_in = f;
	*ret_offset = (f->at + at - s->p->funcs.v[i].insn) * sizeof(struct insn);
	return (struct insn *)(s->w->out.sections.v[f->section].bytes.v + *ret_offset);
}

static void put_imm64(struct insn *i, uint64_t value)
{
	i[0].src = 0;
	i[0].imm = (int32_t)(uint32_t)value;
	i[1].imm = 0;
}

static bool is_text(const struct pass *s, const struct placed_func *f)
{
	return streq(s->w->out.sections.v[f->section].name, ".text");
}

static int write_func_ref(const struct pass *s, uint32_t at, int64_t to)
{
	uint32_t i = func_around(s->p, (uint32_t)to);
	const struct placed_func *in, *f = &s->placed[i];
	uint64_t offset;
	struct insn *insn = insn_out(s, at, &in, &offset);
	uint32_t type = insn->opcode == CALL ? REL_64_32 : REL_64_64;
	bool by_section = is_text(s, f);

	if (to < 0 || to >= s->p->insns.n || s->p->funcs.v[i].insn != to)
		return bad_insn(s->w, s->p, at, "refers to a function that is not there");
	if (type == REL_64_32 && f->section == in->section) {
		insn->imm = (int32_t)(f->at - (offset / sizeof(*insn) + 1));
		return 0;
	}
	if (type == REL_64_32)
		insn->imm = by_section ? (int32_t)f->at - 1 : -1;
	else
		put_imm64(insn, by_section ? f->at * sizeof(*insn) : 0);
	out_rel(&s->w->out, in->section, offset, type,
		by_section ? out_section_symbol(&s->w->out, f->section) : f->symbol);
	return 0;
}

static int write_map_ref(const struct pass *s, const struct reloc *r)
{
	struct writer *w = s->w;
	const struct placed_func *in;
	uint64_t offset;
	struct insn *insn = insn_out(s, r->insn, &in, &offset);
	int64_t addend = r->kind == RELOC_MAP_VALUE ? r->addend : 0;
	uint32_t symbol = 0;

	if (r->index < w->img->maps.n) {
		if (r->kind == RELOC_MAP)
			symbol = w->map_symbols[r->index];
		else if (w->map_sections[r->index])
			symbol = out_section_symbol(&w->out, w->map_sections[r->index]);
		else
			symbol = writer_config(w, r->index, r->addend, &addend);
	}
	if (!symbol)
		return bad_insn(w, s->p, r->insn, "refers to a map as an object cannot");
	put_imm64(insn, (uint64_t)addend);
	out_rel(&w->out, in->section, offset, REL_64_64, symbol);
	return 0;
}

static int write_kernel_ref(const struct pass *s, const struct reloc *r)
{
	const struct placed_func *in;
	uint64_t offset;
	struct insn *insn = insn_out(s, r->insn, &in, &offset);
	uint32_t symbol = writer_extern(s->w, r);

	if (r->kind == RELOC_KFUNC) {
		insn->src = BPF_PSEUDO_CALL;
		insn->imm = -1;
	} else {
		put_imm64(insn, (uint64_t)r->addend);
	}
	out_rel(&s->w->out, in->section, offset, r->kind == RELOC_KFUNC ? REL_64_32 : REL_64_64,
		symbol);
	return 0;
}

static int write_reloc(const struct pass *s, const struct reloc *r)
{
	const struct insn *insn = &s->p->insns.v[r->insn];

	if (r->insn >= s->p->insns.n)
		return bad_insn(s->w, s->p, r->insn, "is relocated and not there");
	if (r->kind == RELOC_PARAM)
		return bad_insn(s->w, s->p, r->insn,
				"needs a value that is known only while tracing");
	if (r->kind == RELOC_KFUNC ? insn->opcode != CALL
				   : !insn_is_wide(insn) || r->insn + 1 >= s->p->insns.n)
		return bad_insn(s->w, s->p, r->insn, "cannot hold its relocation");
	switch (r->kind) {
	case RELOC_MAP:
	case RELOC_MAP_VALUE: return write_map_ref(s, r);
	case RELOC_FUNC: return write_func_ref(s, r->insn, r->index);
	default: return write_kernel_ref(s, r);
	}
}

static bool is_relocated(const struct image_prog *p, uint32_t at)
{
	for (uint32_t i = 0; i < p->relocs.n; i++)
		if (p->relocs.v[i].insn == at)
			return true;
	return false;
}

/* What an instruction refers to by itself: functions; maps only by a number of the moment. */
static int write_insn(const struct pass *s, uint32_t at)
{
	const struct insn *insns = s->p->insns.v;
	const struct insn_form *f = &insn_forms[insn_find(&insns[at])];
	int64_t to;

	if (is_relocated(s->p, at))
		return 0;
	if (refers(insns, at, &to))
		return write_func_ref(s, at, to);
	if (insn_target(insns, at, &to) &&
	    (to < 0 || func_around(s->p, at) != func_around(s->p, (uint32_t)to)))
		return bad_insn(s->w, s->p, at, "jumps out of its function");
	switch (f->op) {
	case OP_MAP_FD:
	case OP_MAP_VALUE:
	case OP_MAP_IDX:
	case OP_MAP_IDX_VALUE:
	case OP_BTF_ID:
		return bad_insn(s->w, s->p, at,
				"names a map or type by a number that means "
				"nothing in a file");
	default: return 0;
	}
}

static int write_refs(struct writer *w, uint32_t index)
{
	const struct image_prog *p = &w->progs[index];
	const struct pass s = { w, p, w->placed[index] };
	int err = 0;

	for (uint32_t at = 0; at < p->insns.n && !err;
	     at += insn_is_wide(&p->insns.v[at]) ? 2 : 1) {
		if (insn_is_wide(&p->insns.v[at]) && at + 1 >= p->insns.n)
			err = bad_insn(w, p, at, "lacks its second half");
		else
			err = write_insn(&s, at);
	}
	for (uint32_t i = 0; i < p->relocs.n && !err; i++)
		err = write_reloc(&s, &p->relocs.v[i]);
	return err;
}

/* ---- .BTF.ext ---- */

VEC_TYPE(uint32_t, info_words);

/* Function and line records of one section of code. */
struct section_info {
	struct info_words funcs, lines;
};

/* Moves the records from @from on to their section; there they count bytes. */
static void take_records(struct writer *w, struct buf *from, uint32_t words, struct info_words *to)
{
	const uint32_t *v = (const uint32_t *)(const void *)from->data;

	for (size_t i = 0; i < from->len / 4; i++)
		vec_push(w->arena, to, i % words ? v[i] : v[i] * (uint32_t)sizeof(struct insn));
	buf_clear(from);
}

static void add_info(struct writer *w, uint32_t index, struct section_info *infos)
{
	const struct image_prog *p = &w->progs[index];

	for (uint32_t i = 0; i < p->funcs.n; i++) {
		const struct placed_func *f = &w->placed[index][i];

		prog_btf_func(&w->info, p, i, f->at, &w->types, w->img->sources);
		take_records(w, &w->info.funcs, 2, &infos[f->section].funcs);
		take_records(w, &w->info.lines, 4, &infos[f->section].lines);
	}
}

static uint32_t write_part(struct writer *w, uint32_t ext, const struct section_info *infos,
			   bool lines)
{
	const uint32_t words = lines ? 4 : 2, size = words * 4;
	uint64_t start = w->out.sections.v[ext].bytes.n;
	bool any = false;

	for (uint32_t i = 1; i < w->out.sections.n; i++)
		any |= (lines ? infos[i].lines.n : infos[i].funcs.n) != 0;
	if (!any)
		return 0; /* not even the size of a record: libbpf wants it so */
	out_add(&w->out, ext, &size, sizeof(size));
	for (uint32_t i = 1; i < w->out.sections.n; i++) {
		const struct info_words *v = lines ? &infos[i].lines : &infos[i].funcs;
		const char *name = w->out.sections.v[i].name;
		const uint32_t head[] = { btf_write_string(&w->info.btf, name, strlen(name)),
					  v->n / words };

		if (!v->n)
			continue;
		out_add(&w->out, ext, head, sizeof(head));
		out_add(&w->out, ext, v->v, v->n * sizeof(*v->v));
	}
	return (uint32_t)(w->out.sections.v[ext].bytes.n - start);
}

static void write_ext(struct writer *w, const struct section_info *infos)
{
	uint32_t header[8] = { 0x0001eb9f, sizeof(header) };
	uint32_t ext = out_section(&w->out, ".BTF.ext", SHT_PROGBITS, 0, 4);

	out_add(&w->out, ext, header, sizeof(header));
	header[3] = write_part(w, ext, infos, false);
	header[4] = header[3];
	header[5] = write_part(w, ext, infos, true);
	header[6] = header[4] + header[5];
	memcpy(w->out.sections.v[ext].bytes.v, header, sizeof(header));
}

static int write_btf(struct writer *w)
{
	struct section_info *infos = arena_array(w->arena, struct section_info,
						 w->out.sections.n + 2);
	struct buf blob = { 0 };
	uint32_t section;

	for (uint32_t i = 0; i < w->img->progs.n; i++)
		add_info(w, i, infos);
	writer_externs(w);
	section = out_section(&w->out, ".BTF", SHT_PROGBITS, 0, 4);
	write_ext(w, infos);
	int err = btf_write_finish(&w->info.btf, &blob);
	if (!err)
		out_add(&w->out, section, blob.data, blob.len);
	buf_done(&blob);
	return w->info.funcs.err || w->info.lines.err ? -ENOMEM : err;
}

/* ---- the whole ---- */

static void write_licence(struct writer *w)
{
	const struct image *img = w->img;
	uint32_t section;

	if (img->license && *img->license) {
		section = out_section(&w->out, "license", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 1);
		out_add(&w->out, section, img->license, strlen(img->license) + 1);
	}
	if (img->version) {
		section = out_section(&w->out, "version", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 4);
		out_add(&w->out, section, &img->version, sizeof(img->version));
	}
}

static int write_all(struct writer *w)
{
	const struct image *img = w->img;
	int err = 0;

	for (uint32_t i = 0; i < img->progs.n && !err; i++) {
		w->progs[i] = img->progs.v[i];
		if (!w->progs[i].insns.n || !w->progs[i].name)
			err = writer_bad(w, "program %u has no instructions or no name", i);
		else if (is_taken(section_of(w, &w->progs[i])))
			err = writer_bad(w, "a section for programs cannot be called %s",
					 section_of(w, &w->progs[i]));
		else
			find_funcs(w, &w->progs[i]);
	}
	if (err)
		return err;
	code_section(w, ".text");
	for (uint32_t i = 0; i < img->progs.n; i++)
		place_prog(w, i);
	err = writer_maps(w);
	for (uint32_t i = 0; i < img->progs.n && !err; i++)
		err = write_refs(w, i);
	if (!err)
		err = writer_inits(w);
	if (err)
		return err;
	write_licence(w);
	return write_btf(w);
}

int object_write(const struct image *img, struct diags *diags, struct buf *out)
{
	struct writer w = { .img = img, .diags = diags, .arena = img->arena };

	types_init(&w.types, img->arena);
	out_init(&w.out, img->arena);
	w.progs = arena_array(w.arena, struct image_prog, img->progs.n);
	w.placed = arena_array(w.arena, struct placed_func *, img->progs.n);
	w.map_symbols = arena_array(w.arena, uint32_t, img->maps.n);
	w.map_sections = arena_array(w.arena, uint32_t, img->maps.n);
	int err = write_all(&w);
	if (!err)
		err = out_finish(&w.out, out);
	prog_btf_done(&w.info);
	return err;
}
