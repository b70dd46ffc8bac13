/*
 * The text form of the IR; parse.c reads it back, docs/ir.md describes it.
 * needs: nothing; keeps: everything. Called for dumps, by the checker and by tests.
 *
 * Values are numbered in the order of the text, constants are written where they are used.
 */
#include "ir/ir_priv.h"

#include <inttypes.h>

struct printer {
	struct buf *out;
	const uint32_t *names; /* by value id; NULL: the id itself */
	struct span span;
};

static void put_ref(struct printer *p, const struct ir_value *v)
{
	if (v->op == IR_CONST && !v->block)
		buf_printf(p->out, "%" PRId64, v->n);
	else
		buf_printf(p->out, "%%%u", p->names ? p->names[v->id] : v->id);
}

static void put_string(struct buf *out, const char *s)
{
	buf_putc(out, '"');
	for (; s && *s; s++) {
		if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\')
			buf_printf(out, "\\%03o", (unsigned char)*s);
		else
			buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

static void put_phi(struct printer *p, const struct ir_value *v)
{
	const struct ir_block *b = v->block;
	const char *comma = " ";

	/* in the order of blocks, whatever the order of predecessors */
	for (uint32_t k = 0; b && k < b->func->blocks.n; k++)
		for (uint32_t i = 0; i < v->nargs && i < b->preds.n; i++) {
			if (b->preds.v[i] != b->func->blocks.v[k])
				continue;
			buf_printf(p->out, "%sb%u: ", comma, k);
			put_ref(p, v->args[i]);
			comma = ", ";
		}
}

static void put_operands(struct printer *p, const struct ir_value *v)
{
	const char *comma = " ";
	uint32_t arg = 0, target = 0;
	int nth_n = 0, nth_at = 0;

	for (const char *s = ir_ops[v->op].shape; *s; s++) {
		if (*s == '=' || (*s == '*' && arg == v->nargs))
			continue;
		buf_puts(p->out, comma);
		comma = ", ";
		switch (*s) {
		case 'n': buf_printf(p->out, "%" PRId64, nth_n++ ? (int64_t)v->index : v->n); break;
		case 'm': buf_printf(p->out, "%u", v->index); break;
		case 'f': buf_printf(p->out, "f%u", v->callee ? v->callee->index : 0); break;
		case 's': put_string(p->out, v->name); break;
		case 'b': buf_printf(p->out, "b%u", v->to[target++]->id); break;
		case 'v': put_ref(p, v->args[arg++]); break;
		case '@':
			put_ref(p, v->args[arg++]);
			buf_printf(p->out, "%+d", nth_at++ ? v->offset2 : v->offset);
			break;
		case '*':
			for (; arg < v->nargs; arg++) {
				put_ref(p, v->args[arg]);
				buf_puts(p->out, arg + 1 < v->nargs ? ", " : "");
			}
			break;
		}
	}
}

static void put_value(struct printer *p, const struct ir_value *v)
{
	if (ir_gives(v)) {
		put_ref(p, v);
		buf_puts(p->out, " = ");
	}
	buf_puts(p->out, ir_ops[v->op].name);
	if (v->narrow)
		buf_puts(p->out, ".w");
	if (v->op == IR_PHI)
		put_phi(p, v);
	else
		put_operands(p, v);
	if (!ir_is_leaf(v) && (v->span.lo != p->span.lo || v->span.hi != p->span.hi)) {
		p->span = v->span;
		buf_printf(p->out, " !%u:%u", v->span.lo, v->span.hi);
	}
}

void ir_print_value(struct buf *out, const struct ir_func *f, const struct ir_value *v)
{
	(void)f;
	put_value(&(struct printer){ .out = out, .span = v->span }, v);
}

static const uint32_t *number(const struct ir_func *f)
{
	uint32_t *names = arena_array(f->module->arena, uint32_t, f->nvalues), n = 0;

	for (uint32_t i = 0; i < f->leaves.n; i++)
		if (f->leaves.v[i]->op != IR_CONST)
			names[f->leaves.v[i]->id] = n++;
	for (uint32_t i = 0; i < f->blocks.n; i++)
		for (const struct ir_value *v = f->blocks.v[i]->first; v; v = v->next)
			if (ir_gives(v))
				names[v->id] = n++;
	return names;
}

void ir_print_func(struct buf *out, const struct ir_func *f)
{
	static const char *const roles[] = { "entry", "callback", "local" };
	struct printer p = { .out = out, .names = number(f) };

	buf_puts(out, "func ");
	put_string(out, f->name);
	buf_printf(out, " %s %u\n", roles[f->role], f->nparams);
	for (uint32_t i = 0; i < f->leaves.n; i++) {
		if (f->leaves.v[i]->op == IR_CONST)
			continue;
		buf_putc(out, '\t');
		put_value(&p, f->leaves.v[i]);
		buf_putc(out, '\n');
	}
	for (uint32_t i = 0; i < f->blocks.n; i++) {
		buf_printf(out, "b%u", i);
		if (f->blocks.v[i]->label) {
			buf_putc(out, ' ');
			put_string(out, f->blocks.v[i]->label);
		}
		buf_puts(out, ":\n");
		for (const struct ir_value *v = f->blocks.v[i]->first; v; v = v->next) {
			buf_putc(out, '\t');
			put_value(&p, v);
			buf_putc(out, '\n');
		}
	}
}

void ir_print(struct buf *out, const struct ir_module *m)
{
	for (uint32_t i = 0; i < m->funcs.n; i++)
		ir_print_func(out, m->funcs.v[i]);
}
