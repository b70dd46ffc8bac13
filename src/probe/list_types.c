/*
 * Kernel types in C form, for `-lv 'struct task_struct'` and for the arguments of raw
 * tracepoints. Named structs are mentioned, nameless ones written out where they stand.
 * Needs: types complete on demand. Called by list.c and providers.
 */
#include <string.h>

#include "probe/probe_priv.h"
#include "types/btf.h"

enum { DEPTH_MAX = 16 };

struct printer {
	struct types *types; /* NULL: nothing is written out */
	struct buf *out;
	unsigned depth;   /* of bodies */
	unsigned nesting; /* of declarations */
};

static void print_body(struct printer *p, const struct type *t);

static void print_tag(struct printer *p, const struct type *t, const char *keyword)
{
	if (!t->is_typedef)
		buf_printf(p->out, "%s%s", keyword, t->name ? " " : "");
	if (t->name)
		buf_puts(p->out, t->name);
	else if (p->types && p->depth < DEPTH_MAX)
		print_body(p, t);
}

/* The words that a declaration begins with; @t is no pointer, array or function. */
static void print_base(struct printer *p, const struct type *t)
{
	switch (t->kind) {
	case TYPE_STRUCT: print_tag(p, t, "struct"); break;
	case TYPE_UNION: print_tag(p, t, "union"); break;
	case TYPE_ENUM: print_tag(p, t, "enum"); break;
	default:
		if (t->name)
			buf_puts(p->out, t->name);
		else
			type_print(p->out, t);
	}
}

static bool is_base(const struct type *t)
{
	return t->name ||
	       (t->kind != TYPE_POINTER && t->kind != TYPE_ARRAY && t->kind != TYPE_FUNC);
}

static void print_named(struct printer *p, const struct type *t, const char *name);

static void print_params(struct printer *p, const struct type *t)
{
	buf_putc(p->out, '(');
	for (uint32_t i = 0; i < t->nmembers; i++) {
		if (i)
			buf_puts(p->out, ", ");
		print_named(p, t->members[i].type, "");
	}
	buf_puts(p->out, t->nmembers ? ")" : "void)");
}

/* Whether a pointer to @t needs parentheses: int (*name)[4]. */
static bool needs_parens(const struct type *t)
{
	return !is_base(t) && t->kind != TYPE_POINTER;
}

/* C declarations grow from the inside out: what stands before the name, and what behind. */
static void print_before(struct printer *p, const struct type *t, bool more, unsigned depth)
{
	if (is_base(t) || depth > DEPTH_MAX) {
		print_base(p, t);
		if (more)
			buf_putc(p->out, ' ');
		return;
	}
	print_before(p, t->elem, more || t->kind != TYPE_ARRAY, depth + 1);
	if (t->kind == TYPE_POINTER)
		buf_puts(p->out, needs_parens(t->elem) ? "(*" : "*");
}

static void print_behind(struct printer *p, const struct type *t, unsigned depth)
{
	if (is_base(t) || depth > DEPTH_MAX)
		return;
	if (t->kind == TYPE_POINTER && needs_parens(t->elem))
		buf_putc(p->out, ')');
	else if (t->kind == TYPE_ARRAY)
		buf_printf(p->out, "[%u]", t->count);
	else if (t->kind == TYPE_FUNC)
		print_params(p, t);
	print_behind(p, t->elem, depth + 1);
}

static void print_named(struct printer *p, const struct type *t, const char *name)
{
	if (p->nesting == DEPTH_MAX)
		return;
	p->nesting++;
	print_before(p, t, *name, 0);
	buf_puts(p->out, name);
	print_behind(p, t, 0);
	p->nesting--;
}

static void indent(struct printer *p)
{
	buf_pad(p->out, '\t', p->depth);
}

static void print_members(struct printer *p, const struct type *t)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		indent(p);
		print_named(p, m->type, m->name ? m->name : "");
		if (m->bit_size)
			buf_printf(p->out, " : %u", m->bit_size);
		buf_puts(p->out, ";\n");
	}
}

static void print_body(struct printer *p, const struct type *t)
{
	t = type_complete(p->types, t);
	buf_puts(p->out, " {\n");
	p->depth++;
	print_members(p, t);
	for (uint32_t i = 0; i < t->nenumerators; i++) {
		indent(p);
		buf_printf(p->out, "%s = %lld,\n", t->enumerators[i].name,
			   (long long)t->enumerators[i].value);
	}
	p->depth--;
	indent(p);
	buf_putc(p->out, '}');
}

void print_declaration(struct buf *out, const struct type *t, const char *name)
{
	struct printer p = { .out = out };

	print_named(&p, t, name ? name : "");
}

struct listing {
	struct probe_env *env;
	const char *kind, *pattern;
	bool verbose;
	struct buf *out;
};

static bool list_type(void *ctx, const char *kind, const char *name, uint32_t id)
{
	struct listing *l = ctx;
	struct printer p = { .types = l->env->types, .out = l->out };

	if (!streq(kind, l->kind) || !glob_match(l->pattern, name))
		return true;
	buf_printf(l->out, "%s %s", kind, name);
	if (l->verbose) {
		print_body(&p, btf_type(l->env->types->btf, id));
		buf_puts(l->out, ";\n");
	}
	buf_putc(l->out, '\n');
	return true;
}

bool list_types(struct probe_env *env, const char *pattern, bool verbose, struct buf *out)
{
	static const char *const kinds[] = { "struct", "union", "enum" };

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t len = strlen(kinds[i]);

		if (strncmp(pattern, kinds[i], len) == 0 && pattern[len] == ' ') {
			struct listing l = { env, kinds[i], pattern + len + 1, verbose, out };

			if (kernel_btf(env))
				btf_each(env->types->btf, list_type, &l);
			return true;
		}
	}
	return false;
}
