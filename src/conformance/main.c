/*
 * skep-conformance: a plugin for outside suites that test BPF engines.
 *
 *	skep-conformance ["MEMORY"] [--interpret | --jit] [--elf] < program
 *
 * MEMORY is hex bytes; the program gets its address in r1 and its size in r2. The program comes
 * as hex bytes, or as an ELF object whose first section of code is run. Prints r0 in hex; what
 * goes wrong is told on stderr, with exit status 1.
 *
 * Needs: the engine. Reads the ELF file itself, so far without relocation.
 */
#include <ctype.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conformance/helpers.h"

enum { INPUT_LIMIT = 64 << 20 };

struct options {
	const char *memory;
	bool interpret, jit, elf;
};

PRINTF_LIKE(1, 2) static int fail(const char *fmt, ...)
{
	va_list args;

	fputs("skep-conformance: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

static int parse_options(struct options *o, char **argv)
{
	for (; *argv; argv++) {
		if (streq(*argv, "--interpret"))
			o->interpret = true;
		else if (streq(*argv, "--jit"))
			o->jit = true;
		else if (streq(*argv, "--elf"))
			o->elf = true;
		else if (strncmp(*argv, "--", 2) == 0 || o->memory)
			return fail("usage: skep-conformance [\"MEMORY\"] [--interpret | --jit] "
				    "[--elf]");
		else
			o->memory = *argv;
	}
	if (o->interpret && o->jit)
		return fail("--interpret and --jit exclude each other");
	return 0;
}

/* ---- input ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends the bytes that @text spells; blanks may stand between bytes. */
static int parse_hex(struct buf *out, const char *text, const char *what)
{
	for (const char *s = text; *s;) {
		int high = hex_digit(s[0]);

		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		int low = high < 0 ? -1 : hex_digit(s[1]);
		if (low < 0)
			return fail("the %s is not hex: byte %td is '%.2s'", what, s - text + 1, s);
		buf_putc(out, (char)(high << 4 | low));
		s += 2;
	}
	return out->err;
}

static bool is_code(const GElf_Shdr *section)
{
	return section->sh_type == SHT_PROGBITS && (section->sh_flags & SHF_EXECINSTR) &&
	       section->sh_size > 0;
}

/* Whether a section of relocations applies to section number @index. */
static bool is_relocated(Elf *elf, size_t index)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr section;

	while ((scn = elf_nextscn(elf, scn))) {
		if (gelf_getshdr(scn, &section) && section.sh_info == index &&
		    (section.sh_type == SHT_REL || section.sh_type == SHT_RELA))
			return true;
	}
	return false;
}

/* Appends the first section of code. */
static int read_code(struct buf *out, Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr section;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &section) || !is_code(&section))
			continue;
		Elf_Data *data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf)
			return fail("the ELF file is damaged: %s", elf_errmsg(-1));
		if (is_relocated(elf, elf_ndxscn(scn)))
			return fail("the code of the ELF file needs relocation, which is not known "
				    "here");
		buf_add(out, data->d_buf, data->d_size);
		return out->err;
	}
	return fail("the ELF file has no section of code");
}

static int read_elf(struct buf *out, struct buf *file)
{
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory(file->data, file->len);
	int err;

	if (elf && elf_kind(elf) == ELF_K_ELF)
		err = read_code(out, elf);
	else
		err = fail("standard input is not an ELF file");
	elf_end(elf);
	return err;
}

static int read_program(struct buf *out, bool elf)
{
	struct buf input = { 0 };
	int err = buf_read_fd(&input, STDIN_FILENO, INPUT_LIMIT);

	if (err)
		fail("standard input: %s", strerror(-err));
	else if (elf)
		err = read_elf(out, &input);
	else
		err = parse_hex(out, input.data ? input.data : "", "program");
	if (!err && out->len % sizeof(struct insn))
		err = fail("the program's %zu bytes are no whole number of instructions", out->len);
	buf_done(&input);
	return err;
}

/* ---- running ---- */

static int run(struct engine *engine, const struct vm_prog *prog, struct buf *memory)
{
	struct vm vm;
	struct buf why = { 0 };
	uint64_t result;
	bool done;

	if (vm_init(&vm, engine, 0))
		return fail("no memory");
	result = vm_run(&vm, prog, memory->len ? memory->data : NULL, (uint32_t)memory->len, NULL,
			0);
	done = vm.end == VM_DONE || vm.end == VM_UNWOUND;
	if (done) {
		printf("%" PRIx64 "\n", result);
	} else {
		vm_why(&vm, &why);
		fail("%s", why.data);
	}
	buf_done(&why);
	vm_done(&vm);
	return done ? 0 : -1;
}

static int load_and_run(struct engine *engine, struct buf *code, struct buf *memory, bool jit)
{
	const struct vm_options opt = { .no_jit = !jit };
	const struct image_prog image = {
		.insns = { (struct insn *)(void *)code->data,
			   (uint32_t)(code->len / sizeof(struct insn)), 0 },
	};
	struct vm_prog *prog;
	struct buf why = { 0 };
	int err = vm_prog_new(engine, &image, &opt, &prog, &why);

	if (err) {
		fail("%s", why.data ? why.data : strerror(-err));
	} else {
		err = jit && !vm_prog_is_compiled(prog) ? fail("there is no JIT for this machine")
							: run(engine, prog, memory);
		vm_prog_free(prog);
	}
	buf_done(&why);
	return err;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf memory = { 0 }, code = { 0 };
	struct engine *engine = NULL;
	int err = parse_options(&o, argv + (argc > 0));

	if (!err && o.memory)
		err = parse_hex(&memory, o.memory, "memory");
	if (!err)
		err = read_program(&code, o.elf);
	if (!err && (engine_new(NULL, &engine) || conformance_helpers(engine)))
		err = fail("no memory");
	if (!err)
		err = load_and_run(engine, &code, &memory, o.jit);
	engine_free(engine);
	buf_done(&code);
	buf_done(&memory);
	return err ? 1 : 0;
}
