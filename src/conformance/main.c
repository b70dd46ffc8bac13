/*
 * skep-conformance: a plugin for outside suites that test BPF engines.
 *
 *	skep-conformance ["MEMORY"] [--interpret | --jit] [--elf] < program
 *
 * MEMORY is hex bytes; the program gets its address in r1 and its size in r2. The program comes
 * as hex bytes, or as an ELF object whose first program is run. Prints r0 in hex; what goes
 * wrong is told on stderr, with exit status 1.
 *
 * Needs: the engine, the reader of objects.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conformance/helpers.h"
#include "engine/load.h"
#include "image/object.h"

enum { INPUT_LIMIT = 64 << 20 };

struct options {
	const char *memory;
	bool interpret, jit, elf;
};

struct program {
	struct arena arena;
	jmp_buf no_memory;
	struct types types;
	struct sources sources;
	struct diags diags;
	struct image *image; /* the first of its programs runs */
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

/* The first program of an object, its maps and variables with it. */
static int read_elf(struct program *p, const struct buf *file)
{
	const struct object_file object = { "standard input", file->data, file->len };
	struct buf why = { 0 };
	int err;

	if (!object_is_elf(file->data, file->len))
		return fail("standard input is not an ELF file");
	err = object_read(&object, 1, NULL, &p->types, &p->sources, &p->diags, &p->image);
	if (err && p->diags.first)
		diag_render(&why, &p->diags, p->diags.first, false);
	if (err)
		err = fail("%s", why.data ? why.data : strerror(-err));
	else if (!p->image->progs.n)
		err = fail("the ELF file has no program");
	buf_done(&why);
	return err;
}

static int read_hex(struct program *p, const struct buf *text)
{
	struct buf code = { 0 };
	struct image_prog prog = { .name = "main" };
	int err = parse_hex(&code, text->data ? text->data : "", "program");

	if (!err && code.len % sizeof(struct insn))
		err = fail("the program's %zu bytes are no whole number of instructions", code.len);
	for (size_t i = 0; !err && i < code.len; i += sizeof(struct insn)) {
		struct insn insn;

		memcpy(&insn, code.data + i, sizeof(insn));
		vec_push(&p->arena, &prog.insns, insn);
	}
	p->image = image_new(&p->arena, &p->sources);
	vec_push(&p->arena, &p->image->progs, prog);
	buf_done(&code);
	return err;
}

static int read_program(struct program *p, bool elf)
{
	struct buf input = { 0 };
	int err = buf_read_fd(&input, STDIN_FILENO, INPUT_LIMIT);

	if (err)
		fail("standard input: %s", strerror(-err));
	else if (elf)
		err = read_elf(p, &input);
	else
		err = read_hex(p, &input);
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

static int load_and_run(struct program *p, struct buf *memory, bool jit)
{
	const struct vm_options opt = { .no_jit = !jit };
	struct load *l = NULL;
	struct buf why = { 0 };
	int err = load_new(p->image, NULL, &opt, &l, &why);

	if (!err)
		err = conformance_helpers(l->engine);
	if (!err)
		err = load_prog(l, 0, &why);
	if (err)
		fail("%s", why.data ? why.data : strerror(-err));
	else if (jit && !vm_prog_is_compiled(l->progs[0]))
		err = fail("there is no JIT for this machine");
	else
		err = run(l->engine, l->progs[0], memory);
	load_free(l);
	buf_done(&why);
	return err;
}

static int read_and_run(const struct options *o, struct program *p, struct buf *memory)
{
	int err = o->memory ? parse_hex(memory, o->memory, "memory") : 0;

	if (!err)
		err = read_program(p, o->elf);
	return err ? err : load_and_run(p, memory, o->jit);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct program p = { 0 };
	struct buf memory = { 0 };
	int err = parse_options(&o, argv + (argc > 0));

	if (setjmp(p.no_memory)) {
		fail("no memory");
		return 1;
	}
	arena_init(&p.arena, &p.no_memory);
	types_init(&p.types, &p.arena);
	p.sources.arena = &p.arena;
	diags_init(&p.diags, &p.arena, &p.sources);
	if (!err)
		err = read_and_run(&o, &p, &memory);
	arena_done(&p.arena);
	buf_done(&memory);
	return err ? 1 : 0;
}
