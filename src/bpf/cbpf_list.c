/*
 * Classic BPF to text, in the forms of tcpdump and of bpf_asm, and to numbers.
 * Needs: cbpf.def. Called by cmd/ and by whoever shows a filter.
 */
#include <string.h>

#include "bpf/cbpf.h"

/* One instruction on its way to text. */
struct printer {
	struct buf *out;
	const struct cinsn *i;
	uint32_t at;
	enum cbpf_text form;
};

static void print_absolute(struct printer *p)
{
	const struct cbpf_ext *ext = cbpf_ext_find(p->i->k);

	if (ext && p->form == CBPF_ASM)
		buf_puts(p->out, ext->alias ? ext->alias : ext->name);
	else if (ext)
		buf_printf(p->out, "[%s]", ext->name);
	else
		buf_printf(p->out, "[%d]", (int32_t)p->i->k);
}

static void print_target(struct printer *p, uint32_t distance)
{
	buf_printf(p->out, p->form == CBPF_ASM ? "l%u" : "%u", p->at + 1 + distance);
}

static void print_branches(struct printer *p, size_t operand)
{
	size_t used = p->out->len - operand;

	if (p->form == CBPF_TCPDUMP)
		buf_pad(p->out, ' ', used < 16 ? 16 - used : 0);
	buf_puts(p->out, p->form == CBPF_ASM ? ", " : " jt ");
	print_target(p, p->i->jt);
	buf_puts(p->out, p->form == CBPF_ASM ? ", " : "\tjf ");
	print_target(p, p->i->jf);
}

static void print_operand(struct printer *p, const char *operand)
{
	size_t start = p->out->len;

	for (const char *s = operand; *s; s++) {
		if (*s != '$') {
			buf_putc(p->out, *s);
			continue;
		}
		switch (*++s) {
		case 'x': buf_printf(p->out, "0x%x", p->i->k); break;
		case 'd': buf_printf(p->out, "%d", (int32_t)p->i->k); break;
		case 'A': print_absolute(p); break;
		case 'L': buf_puts(p->out, p->form == CBPF_ASM ? "len" : "#pktlen"); break;
		case 'R': buf_puts(p->out, p->form == CBPF_ASM ? "a" : ""); break;
		case 'J': print_branches(p, start); break;
		case 'T': print_target(p, p->i->k); break;
		}
	}
}

/* Whether the text of @f tells all of @i: fields that it does not show are zero. */
static bool tells_all(const struct cinsn *i, const struct cbpf_form *f)
{
	bool branch = f->op >= COP_JEQ && f->op <= COP_JSET;
	bool has_k = f->op != COP_LOAD_LEN && f->op != COP_NEG && f->op < COP_TAX;

	if (!branch && (i->jt || i->jf))
		return false;
	return !i->k || (has_k && !f->from_x && !f->returns_a);
}

void cbpf_list_one(struct buf *out, const struct cinsn *insns, size_t at, enum cbpf_text form)
{
	struct printer p = { out, &insns[at], (uint32_t)at, form };
	const struct cbpf_form *f = cbpf_find(p.i->code);

	if (!f || !tells_all(p.i, f))
		buf_printf(out, ".insn 0x%x, %u, %u, 0x%x%s%s", p.i->code, p.i->jt, p.i->jf, p.i->k,
			   f ? " ; " : "", f ? f->name : "");
	if (!f || !tells_all(p.i, f))
		return;
	buf_puts(out, f->name);
	if (form == CBPF_TCPDUMP)
		buf_pad(out, ' ', sizeof("ldxb    ") - 1 - MIN(strlen(f->name), 8));
	if (*f->operand)
		buf_putc(out, ' ');
	print_operand(&p, f->operand);
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
}

void cbpf_list(struct buf *out, const struct cinsn *insns, size_t n, enum cbpf_text form)
{
	for (size_t at = 0; at < n; at++) {
		buf_printf(out, form == CBPF_ASM ? "l%zu:\t" : "(%03zu) ", at);
		cbpf_list_one(out, insns, at, form);
		buf_putc(out, '\n');
	}
}

/* ---- numbers ---- */

static void write_numbers(struct buf *out, const struct cinsn *insns, size_t n, char between)
{
	buf_printf(out, "%zu", n);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%c%u %u %u %u", between, insns[i].code, insns[i].jt, insns[i].jf,
			   insns[i].k);
	buf_putc(out, '\n');
}

void cbpf_write_bytecode(struct buf *out, const struct cinsn *insns, size_t n)
{
	write_numbers(out, insns, n, ',');
}

void cbpf_write_decimal(struct buf *out, const struct cinsn *insns, size_t n)
{
	write_numbers(out, insns, n, '\n');
}

void cbpf_write_c(struct buf *out, const struct cinsn *insns, size_t n)
{
	buf_printf(out, "/* #include <linux/filter.h> */\n"
			"static const struct sock_filter filter[] = {\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "\t{ 0x%02x, %u, %u, 0x%08x }, /* ", insns[i].code, insns[i].jt,
			   insns[i].jf, insns[i].k);
		/* "4*([" and the like hold no end of a comment */
		cbpf_list_one(out, insns, i, CBPF_ASM);
		buf_puts(out, " */\n");
	}
	buf_puts(out, "};\n");
}
