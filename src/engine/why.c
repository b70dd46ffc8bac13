/*
 * Why a run ended, in one line:
 *
 *	instruction 3 (r0 = *(u64 *)(r1 +8)) touched memory that is not its own: a read of 8 bytes
 *	at 0x7f0012345678
 *
 * Needs: the program's instructions and spans. Called by whoever reports a run.
 */
#include <inttypes.h>
#include <string.h>

#include "bpf/disasm.h"
#include "engine/prog.h"

static const char *const end_texts[] = {
#define VM_END(id, text) [VM_##id] = text,
#include "engine/end.def"
#undef VM_END
};

static struct span span_of(const struct vm_prog *p, uint32_t insn)
{
	struct span span = SPAN_NONE;

	for (uint32_t i = 0; i < p->nspans && p->spans[i].insn <= insn; i++)
		span = p->spans[i].span;
	return span;
}

static void print_place(const struct vm *vm, struct buf *out)
{
	const struct vm_prog *p = vm->prog;
	struct span span = span_of(p, vm->insn);

	if (!p->sources || span.lo == SPAN_NONE.lo)
		return;
	struct place place = sources_place(p->sources, span.lo);
	if (place.source)
		buf_printf(out, "%s:%u:%u: ", place.source->name, place.line, place.column);
}

/* Where in the program's memory the address nearly was: how far behind its end, say. */
static void print_access(const struct vm *vm, struct buf *out)
{
	buf_printf(out, ": a %s of %u byte%s at 0x%" PRIx64, vm->fault_write ? "write" : "read",
		   vm->fault_size, vm->fault_size == 1 ? "" : "s", vm->fault_address);
}

void vm_why(const struct vm *vm, struct buf *out)
{
	const struct vm_prog *p = vm->prog;

	print_place(vm, out);
	if (p->name[0])
		buf_printf(out, "program %s, ", p->name);
	buf_printf(out, "instruction %u (", vm->insn);
	disasm_insn(out, p->insns, p->ninsns, vm->insn, NULL);
	buf_printf(out, ") %s", end_texts[vm->end]);
	if (vm->end == VM_BAD_ACCESS || vm->end == VM_UNALIGNED)
		print_access(vm, out);
}
