/* Fuzzes the reader, the checker, all passes and emission of the IR: any text is refused with a
 * reason, or is compiled, with many registers and with two, or is refused then. Corpus:
 * tests/golden/ir. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && streq(s + strlen(s) - strlen(end), end);
}

static void compile(struct arena *arena, const char *text, unsigned registers)
{
	struct target target = { .kernel = KERNEL(6, 1), .ncpus = 2 };
	struct ir_options opt = { .registers = registers, .check = true };
	struct image *img = image_new(arena, NULL);
	struct image_prog prog = { 0 };
	struct ir_module *m;
	struct diags diags;

	diags_init(&diags, arena, NULL);
	image_map_add(img, &(struct image_map){ .name = "@", .role = MAP_USER });
	if (ir_parse(arena, img, &target, text, &m, &diags)) {
		if (!diags.errors)
			abort();
		return;
	}
	if (!ir_compile(m, &opt, &prog, &diags)) {
		if (!prog.insns.n)
			abort();
		return;
	}
	/* a pass that breaks what the checker passed is at fault, not the text */
	if (!diags.errors || !strncmp(diags.first->text, "internal error: after", 21) ||
	    ends_with(diags.first->text, "needs more registers than there are"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	jmp_buf no_memory;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	const char *text = arena_strndup(&arena, (const char *)data, size);
	compile(&arena, text, 0);
	compile(&arena, text, 2);
	arena_done(&arena);
	return 0;
}
