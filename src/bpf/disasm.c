/*
 * Disassembler: prints the text of an instruction's form with its operands in place.
 * Needs: form.h, helper.h. Called by dumps, by the display of rejections, by cmd/.
 */
#include <inttypes.h>
#include <string.h>

#include "bpf/disasm.h"
#include "bpf/form.h"
#include "bpf/helper.h"

/* One instruction on its way to text. */
struct printer {
	struct buf *out;
	const struct insn *insns;
	size_t at;
	const struct disasm *d;
};

static bool kernel_form(const struct printer *p)
{
	return p->d->form == DISASM_KERNEL;
}

static void print_reg(struct printer *p, unsigned reg, bool half)
{
	if (kernel_form(p))
		buf_printf(p->out, "%c%u", half ? 'w' : 'r', reg);
	else
		buf_printf(p->out, "%%r%u", reg);
}

static void print_target(struct printer *p, int32_t distance, bool pc)
{
	buf_printf(p->out, "%s%+d", pc && kernel_form(p) ? "pc" : "", distance);
}

static const char *call_name(const struct printer *p)
{
	return p->d->call_name ? p->d->call_name(p->d->ctx, p->insns, p->at) : NULL;
}

static void print_helper(struct printer *p, int32_t id)
{
	const struct helper *h = helper_by_id(id);
	const char *name = call_name(p);

	if (!kernel_form(p))
		buf_printf(p->out, "%d", id);
	else if (name)
		buf_printf(p->out, "%s#%d", name, id);
	else
		buf_printf(p->out, "%s%s#%d", h ? "bpf_" : "", h ? h->name : "unknown", id);
}

static void print_callee(struct printer *p, int32_t distance)
{
	const char *name = call_name(p);

	print_target(p, distance, true);
	if (name)
		buf_printf(p->out, "#%s", name);
}

static void print_kfunc(struct printer *p, int32_t id)
{
	const char *name = call_name(p);

	buf_printf(p->out, "%s#%d", name ? name : "kfunc", id);
}

static uint64_t wide_number(const struct insn *insn)
{
	return (uint64_t)(uint32_t)insn[1].imm << 32 | (uint32_t)insn[0].imm;
}

static void print_offset(struct printer *p, int16_t offset)
{
	if (offset)
		buf_printf(p->out, "%+d", offset);
}

static void print_operand(struct printer *p, char letter)
{
	const struct insn *insn = &p->insns[p->at];

	switch (letter) {
	case 'd': print_reg(p, insn->dst, false); break;
	case 'D': print_reg(p, insn->dst, true); break;
	case 's': print_reg(p, insn->src, false); break;
	case 'S': print_reg(p, insn->src, true); break;
	case 'o': buf_printf(p->out, "%+d", insn->offset); break;
	case 'p': print_offset(p, insn->offset); break;
	case 'i': buf_printf(p->out, "%d", insn->imm); break;
	case 'x': buf_printf(p->out, "0x%x", (uint32_t)insn->imm); break;
	case 'n': buf_printf(p->out, "%u", (uint32_t)insn[1].imm); break;
	case 'w': buf_printf(p->out, "0x%" PRIx64, wide_number(insn)); break;
	case 'L': buf_puts(p->out, " ll"); break;
	case 'j': print_target(p, insn->offset, true); break;
	case 'l': print_target(p, insn->imm, true); break;
	case 't': print_target(p, insn->imm, false); break;
	case 'h': print_helper(p, insn->imm); break;
	case 'f': print_callee(p, insn->imm); break;
	case 'k': print_kfunc(p, insn->imm); break;
	case 'a':
		buf_printf(p->out, "%u, %u", (uint32_t)insn->imm >> 16, insn->imm & 0xffff);
		break;
	}
}

static void print_text(struct printer *p, const char *text)
{
	const char *name = NULL;

	for (; *text; text++) {
		if (*text != '$') {
			buf_putc(p->out, *text);
			continue;
		}
		text++;
		if (*text == '[' && p->d->imm_name)
			name = p->d->imm_name(p->d->ctx, p->insns, p->at);
		if (name) {
			buf_puts(p->out, name);
			return;
		}
		print_operand(p, *text);
	}
}

static void print_bytes(struct buf *out, const struct insn *insn)
{
	uint8_t bytes[sizeof(*insn)];

	memcpy(bytes, insn, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(out, "%s 0x%02x", i ? "," : ".byte", bytes[i]);
}

size_t disasm_insn(struct buf *out, const struct insn *insns, size_t n, size_t at,
		   const struct disasm *d)
{
	static const struct disasm plain = { .form = DISASM_KERNEL };
	struct printer p = { out, insns, at, d ? d : &plain };
	enum insn_id id = insn_decode(insns, n, at);
	const struct insn_form *f = &insn_forms[id];

	if (id == INSN_NONE)
		print_bytes(out, &insns[at]);
	else
		print_text(&p, kernel_form(&p) ? f->kernel : f->mnemonic);
	return id != INSN_NONE && insn_is_wide(&insns[at]) ? 2 : 1;
}

void disasm_prog(struct buf *out, const struct insn *insns, size_t n, const struct disasm *d)
{
	size_t at = 0;

	while (at < n) {
		buf_printf(out, "%4zu: (%02x) ", at, insns[at].opcode);
		at += disasm_insn(out, insns, n, at, d);
		buf_putc(out, '\n');
	}
}
