/*
 * skep disasm: bytes, hex text or ELF objects to a listing that skep asm takes back. Of objects it
 * shows programs with their functions, source lines, and what each reference is to.
 *
 * Needs: the disassembler, the object reader. Called by main.
 */
#include <ctype.h>
#include <setjmp.h>
#include <string.h>

#include "bpf/disasm.h"
#include "bpf/kind.h"
#include "cmd/verb.h"
#include "image/object.h"

enum { MAX_FILES = 64, COMMENT_COLUMN = 40 };

static const char usage[] =
	"skep disasm lists BPF instructions from bytes, hex text or ELF objects (several are\n"
	"linked). What it writes, skep asm takes back.\n\n"
	"Usage: skep disasm FILE...|- [--form kernel|rfc]";

struct listing {
	const struct options *program;
	const char *form, *btf, *prog;
	bool help;
	struct disasm how;
	struct buf files[MAX_FILES];
	struct arena arena;
	struct types types;
	struct sources sources;
	struct diags diags;
	struct buf out;
};

/* ---- plain instructions ---- */

static bool is_hex(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (!isxdigit((unsigned char)b->data[i]) && !isspace((unsigned char)b->data[i]) &&
		    b->data[i] != 'x' && b->data[i] != ',')
			return false;
	return b->len > 0;
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Hex digits to the bytes they spell; blanks, commas and "0x" may stand between bytes. */
static int unhex(const struct listing *l, const struct buf *from, struct buf *to)
{
	for (size_t i = 0; i < from->len; i++) {
		const char *s = from->data + i;

		if (isspace((unsigned char)*s) || *s == ',')
			continue;
		if (s[0] == '0' && s[1] == 'x') {
			i++;
			continue;
		}
		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
			return complain(l->program, "byte %zu of the text is half a byte", i + 1);
		buf_putc(to, (char)(digit(s[0]) << 4 | digit(s[1])));
		i++;
	}
	return 0;
}

static int list_bytes(struct listing *l, const struct buf *bytes)
{
	struct insn *insns;

	if (!bytes->len || bytes->len % sizeof(*insns))
		return complain(l->program, "%zu bytes are no whole number of instructions",
				bytes->len);
	insns = arena_alloc(&l->arena, bytes->len);
	memcpy(insns, bytes->data, bytes->len);
	disasm_prog(&l->out, insns, bytes->len / sizeof(*insns), &l->how);
	return 0;
}

static int list_plain(struct listing *l, const struct buf *file)
{
	struct buf bytes = { 0 };
	int status;

	if (!is_hex(file))
		return list_bytes(l, file);
	status = unhex(l, file, &bytes);
	if (!status)
		status = list_bytes(l, &bytes);
	buf_done(&bytes);
	return status;
}

/* ---- objects ---- */

static void list_line(struct listing *l, const struct image_prog *p, uint32_t at, uint32_t *last)
{
	struct place place = sources_place(&l->sources, prog_span(p, at).lo);
	uint32_t len;

	if (!place.source || place.line == *last)
		return;
	*last = place.line;
	const char *text = source_line(place.source, place.line, &len);
	while (len && isspace((unsigned char)*text))
		text++, len--;
	buf_printf(&l->out, "; %s:%u: %.*s\n", place.source->name, place.line, (int)len, text);
}

static void list_ref(struct listing *l, const struct image *img, const struct reloc *r)
{
	switch (r->kind) {
	case RELOC_MAP: buf_printf(&l->out, "; map %s", img->maps.v[r->index].name); break;
	case RELOC_MAP_VALUE:
		buf_printf(&l->out, "; %s+%lld", img->maps.v[r->index].name, (long long)r->addend);
		break;
	case RELOC_KSYM:
	case RELOC_KFUNC:
	case RELOC_KVAR:
		buf_printf(&l->out, "; %s of the kernel%s", r->name,
			   r->is_weak ? ", if it has it" : "");
		break;
	case RELOC_FUNC:
	case RELOC_PARAM: break;
	}
}

static const struct reloc *reloc_at(const struct image_prog *p, uint32_t at)
{
	for (uint32_t i = 0; i < p->relocs.n; i++)
		if (p->relocs.v[i].insn == at)
			return &p->relocs.v[i];
	return NULL;
}

static void list_prog(struct listing *l, const struct image *img, const struct image_prog *p)
{
	const struct bpf_kind *kind = prog_kind(p->type);
	uint32_t func = 0, line = 0;

	buf_printf(&l->out, "%s; program %s, section %s, %s\n", l->out.len ? "\n" : "", p->name,
		   p->section, kind ? kind->name : "of no known kind");
	for (uint32_t at = 0; at < p->insns.n;) {
		size_t start;

		if (func < p->funcs.n && p->funcs.v[func].insn == at)
			buf_printf(&l->out, ".func %s\n", p->funcs.v[func++].name);
		list_line(l, p, at, &line);
		start = l->out.len;
		buf_printf(&l->out, "%4u: (%02x) ", at, p->insns.v[at].opcode);
		uint32_t next = at +
				(uint32_t)disasm_insn(&l->out, p->insns.v, p->insns.n, at, &l->how);
		const struct reloc *r = reloc_at(p, at);
		const char *poison = prog_poison(p, at);
		if (r || poison)
			buf_pad(&l->out, ' ',
				MAX((size_t)COMMENT_COLUMN, l->out.len - start + 1) -
					(l->out.len - start));
		if (poison)
			buf_printf(&l->out, "; %s", poison);
		else if (r)
			list_ref(l, img, r);
		buf_putc(&l->out, '\n');
		at = next;
	}
}

static int list_object(struct listing *l, uint32_t n, char **names)
{
	struct object_options opt = { .is_listing = true };
	struct object_file files[MAX_FILES];
	struct btf *target = NULL;
	struct image *img;
	const char *why;
	bool found = false;
	int err;

	if (l->btf && btf_open(&l->types, l->btf, &target, &why))
		return complain(l->program, "the BTF in %s cannot be used: %s", l->btf, why);
	opt.target = target;
	for (uint32_t i = 0; i < n; i++)
		files[i] = (struct object_file){ names[i], l->files[i].data, l->files[i].len };
	err = object_read(files, n, &opt, &l->types, &l->sources, &l->diags, &img);
	verb_diags(&l->diags);
	for (uint32_t i = 0; !err && i < img->progs.n; i++) {
		if (l->prog && !streq(l->prog, img->progs.v[i].name))
			continue;
		list_prog(l, img, &img->progs.v[i]);
		found = true;
	}
	btf_close(target);
	if (err)
		return EXIT_FAILED;
	return found || !l->prog ? 0 : complain(l->program, "there is no program %s", l->prog);
}

static int list_all(struct listing *l, uint32_t n, char **names)
{
	jmp_buf no_memory;
	int status;

	if (setjmp(no_memory)) {
		arena_done(&l->arena);
		return complain(l->program, "there is not enough memory");
	}
	arena_init(&l->arena, &no_memory);
	types_init(&l->types, &l->arena);
	l->sources.arena = &l->arena;
	diags_init(&l->diags, &l->arena, &l->sources);
	if (object_is_elf(l->files[0].data, l->files[0].len))
		status = list_object(l, n, names);
	else if (n > 1)
		status = verb_usage(l->program, "disasm: only objects can be given together");
	else
		status = list_plain(l, &l->files[0]);
	arena_done(&l->arena);
	return status ? status : verb_write(l->program, NULL, &l->out);
}

static const struct option_row rows[] = {
	{ 'f', "form", "FORM", "kernel (the default) or rfc", offsetof(struct listing, form),
	  false },
	{ 'p', "prog", "NAME", "objects: only this program", offsetof(struct listing, prog),
	  false },
	{ 0, "btf", "FILE", "objects: relocate to the types in this file",
	  offsetof(struct listing, btf), false },
	{ 'h', "help", NULL, "show this help", offsetof(struct listing, help), false },
};

int cmd_disasm(const struct options *program, int argc, char **argv)
{
	struct listing l = { .program = program };
	int status = verb_options(program, usage, &l, rows, ARRAY_LEN(rows), &l.help, &argc, &argv);

	if (status >= 0)
		return status;
	if (argc < 1 || argc > MAX_FILES)
		return verb_usage(program, "disasm: give a file, or '-' for standard input");
	if (l.form && !streq(l.form, "kernel") && !streq(l.form, "rfc"))
		return verb_usage(program, "disasm: the form is kernel or rfc, not %s", l.form);
	l.how.form = l.form && streq(l.form, "rfc") ? DISASM_RFC : DISASM_KERNEL;
	status = 0;
	for (int i = 0; i < argc && !status; i++)
		status = verb_read(program, argv[i], &l.files[i]);
	if (!status)
		status = list_all(&l, (uint32_t)argc, argv);
	for (int i = 0; i < argc; i++)
		buf_done(&l.files[i]);
	buf_done(&l.out);
	return status;
}
