/*
 * Stacks and symbols as text. Needs: sym, number. Called by value.c.
 *
 *	bpftrace	"\n        vfs_read+5\n        ksys_read+111\n"
 *	perf		"\n\tffffffff81401230 vfs_read+5\n\t7f12 main+4 (/bin/cat)\n"
 *	raw		"\nffffffff81401230\n7f12\n"
 */
#include "out/out_priv.h"

enum { FRAMES_MAX = 1024, INDENT = 8 };

static void put_address(struct buf *out, uint64_t address)
{
	char *p = buf_reserve(out, NUMBER_MAX);

	if (!p)
		return;
	out->len += number_base(p, address, 4, false);
	out->data[out->len] = '\0';
}

/* name+offset, or the address when it has no name. */
static void put_symbol(struct buf *out, const struct symbol *sym, uint64_t address)
{
	if (!sym->name) {
		put_hex(out, address);
		return;
	}
	buf_puts(out, sym->name);
	buf_putc(out, '+');
	put_unsigned(out, sym->offset);
}

static void put_frame(struct buf *out, const struct symbol *sym, uint64_t address,
		      const struct type *t, bool compact)
{
	bool named = t->mode == STACK_BPFTRACE || t->mode == STACK_PERF;

	if (t->mode == STACK_BPFTRACE && !compact)
		buf_pad(out, ' ', INDENT);
	if (t->mode == STACK_PERF && !compact)
		buf_putc(out, '\t');
	if (t->mode != STACK_BPFTRACE)
		put_address(out, address);
	if (t->mode == STACK_PERF)
		buf_putc(out, ' ');
	if (named)
		put_symbol(out, sym, address);
	if (t->mode == STACK_PERF && t->kind == TYPE_USTACK) {
		buf_puts(out, " (");
		buf_puts(out, sym->module ? sym->module : "[unknown]");
		buf_putc(out, ')');
	}
	buf_putc(out, '\n');
}

void stack_text(struct buf *out, const struct out_env *env, const struct value *v, bool compact)
{
	uint64_t frames[FRAMES_MAX];
	struct stack_value stack;
	uint32_t most = FRAMES_MAX;
	int n = 0;

	memcpy(&stack, v->data, MIN(v->bytes, sizeof(stack)));
	if (stack.limit && stack.limit < most)
		most = stack.limit;
	if (stack.id && env->stack)
		n = env->stack(env->stack_ctx, stack.id, frames, most);
	buf_putc(out, '\n');
	for (int i = 0; i < n; i++) {
		struct symbol sym = { 0 };

		if (v->type->kind == TYPE_KSTACK)
			sym = symbols_kernel(env->symbols, frames[i]);
		else
			sym = symbols_user(env->symbols, stack.pid, frames[i]);
		put_frame(out, &sym, frames[i], v->type, compact);
	}
}

/* ksym() and usym() name the symbol alone, whatever the offset into it. */
static void put_name(struct buf *out, const struct symbol *sym, uint64_t address)
{
	if (sym->name)
		buf_puts(out, sym->name);
	else if (address)
		put_hex(out, address);
	else
		buf_putc(out, '0');
}

void ksym_text(struct buf *out, const struct out_env *env, const struct value *v)
{
	uint64_t address = value_unsigned(v);
	struct symbol sym = symbols_kernel(env->symbols, address);

	put_name(out, &sym, address);
}

void usym_text(struct buf *out, const struct out_env *env, const struct value *v)
{
	uint64_t address = value_unsigned(v);
	struct symbol sym;
	uint32_t pid;

	memcpy(&pid, v->data + sizeof(address), sizeof(pid));
	sym = symbols_user(env->symbols, pid, address);
	put_name(out, &sym, address);
}
