/*
 * skep asm: BPF text to bytes, hex, a C array or an ELF object.
 *
 * Needs: the assembler, the object writer. Called by main.
 */
#include <setjmp.h>
#include <string.h>

#include "bpf/asm.h"
#include "bpf/disasm.h"
#include "bpf/form.h"
#include "cmd/verb.h"
#include "image/object.h"

static const char usage[] =
	"skep asm assembles BPF instructions, in the kernel's listing form or in RFC 9669's\n"
	"mnemonics.\n\n"
	"Usage: skep asm FILE|- [-o OUT] [--format bytes|hex|c|elf]\n\n"
	"Without --format: an ELF object when OUT ends in .o, C when it ends in .c or .h, bytes\n"
	"for any other OUT, and hex without -o.";

/* One assembly, and what the command line asks of it. */
struct assembly {
	const struct options *program;
	const char *path, *out, *format, *section, *license;
	bool help;
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct asm_prog prog;
	struct buf result;
};

typedef int write_fn(struct assembly *a);

static int write_bytes(struct assembly *a)
{
	buf_add(&a->result, a->prog.insns.v, a->prog.insns.n * sizeof(*a->prog.insns.v));
	return 0;
}

static int write_hex(struct assembly *a)
{
	const uint8_t *bytes = (const uint8_t *)a->prog.insns.v;

	for (size_t i = 0; i < a->prog.insns.n * sizeof(struct insn); i++)
		buf_printf(&a->result, "%02x%c", bytes[i], i % 8 == 7 ? '\n' : ' ');
	return 0;
}

/* An initialiser of struct bpf_insn for each slot, with its text beside it. */
static int write_c(struct assembly *a)
{
	const struct insn *insns = a->prog.insns.v;
	uint32_t n = a->prog.insns.n;

	buf_puts(&a->result, "static const struct bpf_insn program[] = {\n");
	for (uint32_t i = 0; i < n; i++) {
		const struct insn *in = &insns[i];

		buf_printf(&a->result,
			   "\t{ .code = 0x%02x, .dst_reg = %u, .src_reg = %u, .off = %d, "
			   ".imm = %d }, /* ",
			   in->opcode, in->dst, in->src, in->offset, in->imm);
		if (i && insn_is_wide(&insns[i - 1]))
			buf_puts(&a->result, "second half");
		else
			disasm_insn(&a->result, insns, n, i, NULL);
		buf_puts(&a->result, " */\n");
	}
	buf_puts(&a->result, "};\n");
	return 0;
}

/* The file's name without folder and what follows the first dot, as an identifier. */
static const char *prog_name(struct assembly *a)
{
	const char *slash = strrchr(a->path, '/'), *base = slash ? slash + 1 : a->path;
	char *name = arena_strndup(&a->arena, base, strcspn(base, "."));

	for (char *s = name; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') &&
		    !(*s >= '0' && *s <= '9'))
			*s = '_';
	return *name && !streq(a->path, "-") ? name : "program";
}

static int write_elf(struct assembly *a)
{
	struct image *img = image_new(&a->arena, &a->sources);
	struct image_prog p = { .name = prog_name(a) };
	const struct section_kind *kind = a->section ? section_kind(a->section, NULL) : NULL;

	if (a->section && !kind) {
		diag_error(&a->diags, SPAN_NONE, "no kind of program has the section name %s",
			   a->section);
		section_hint(&a->diags, a->section);
		return -1;
	}
	img->license = a->license ? a->license : "GPL";
	p.section = a->section ? a->section : ".text";
	p.type = kind ? kind->type : 0;
	for (uint32_t i = 0; i < a->prog.insns.n; i++) {
		vec_push(&a->arena, &p.insns, a->prog.insns.v[i]);
		vec_push(&a->arena, &p.spans, (struct insn_span){ i, a->prog.spans.v[i] });
	}
	for (uint32_t i = 0; i < a->prog.labels.n; i++) {
		const struct asm_label *l = &a->prog.labels.v[i];

		if (l->is_func)
			vec_push(&a->arena, &p.funcs,
				 (struct image_func){ .insn = l->insn, .name = l->name });
	}
	vec_push(&a->arena, &img->progs, p);
	return object_write(img, &a->diags, &a->result);
}

static const struct {
	const char *name, *ends[2]; /* of OUT */
	write_fn *write;
} formats[] = {
	{ "elf", { ".o", NULL }, write_elf },
	{ "c", { ".c", ".h" }, write_c },
	{ "bytes", { NULL, NULL }, write_bytes },
	{ "hex", { NULL, NULL }, write_hex },
};

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = end ? strlen(end) : 0;

	return end && len >= n && streq(s + len - n, end);
}

static write_fn *choose(const struct assembly *a)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (a->format ? streq(a->format, formats[i].name)
			      : a->out && (ends_with(a->out, formats[i].ends[0]) ||
					   ends_with(a->out, formats[i].ends[1])))
			return formats[i].write;
	}
	return a->format ? NULL : a->out ? write_bytes : write_hex;
}

static int assemble(struct assembly *a, write_fn *write, const struct buf *text)
{
	struct source *src;
	jmp_buf no_memory;
	int err;

	if (setjmp(no_memory)) {
		arena_done(&a->arena);
		return complain(a->program, "there is not enough memory");
	}
	arena_init(&a->arena, &no_memory);
	a->sources.arena = &a->arena;
	diags_init(&a->diags, &a->arena, &a->sources);
	src = sources_add(&a->sources, a->path, text->data ? text->data : "", text->len);
	err = src ? asm_parse(&a->prog, src, &a->diags) : -1;
	if (!err)
		err = write(a);
	verb_diags(&a->diags);
	arena_done(&a->arena);
	return err ? EXIT_FAILED : verb_write(a->program, a->out, &a->result);
}

static const struct option_row rows[] = {
	{ 'o', "output", "OUT", "write to this file", offsetof(struct assembly, out), false },
	{ 'f', "format", "FORMAT", "bytes, hex, c or elf", offsetof(struct assembly, format),
	  false },
	{ 0, "section", "NAME", "elf: the kind of program, as \"xdp\", \"kprobe/f\"",
	  offsetof(struct assembly, section), false },
	{ 0, "license", "NAME", "elf: the licence (GPL)", offsetof(struct assembly, license),
	  false },
	{ 'h', "help", NULL, "show this help", offsetof(struct assembly, help), false },
};

int cmd_asm(const struct options *program, int argc, char **argv)
{
	struct assembly a = { .program = program };
	struct buf text = { 0 };
	write_fn *write;
	int status = verb_options(program, usage, &a, rows, ARRAY_LEN(rows), &a.help, &argc, &argv);

	if (status >= 0)
		return status;
	if (argc != 1)
		return verb_usage(program, "asm: give one file, or '-' for standard input");
	write = choose(&a);
	if (!write)
		return verb_usage(program, "asm: the format is bytes, hex, c or elf, not %s",
				  a.format);
	a.path = argv[0];
	status = verb_read(program, a.path, &text);
	if (!status)
		status = assemble(&a, write, &text);
	buf_done(&text);
	buf_done(&a.result);
	return status;
}
