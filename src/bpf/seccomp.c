/*
 * Seccomp filters in words. See seccomp.h.
 *
 *	per architecture ─ per stretch of call numbers ─► tree ─► calls with one tree, together
 *
 * Trees are shared: two are equal if and only if their pointers are. A question with the same
 * answer both ways is left out. Values that cannot be told any more get a name of their own.
 *
 * Needs: a checked filter. Called by cmd/.
 */
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "bpf/seccomp.h"

enum { MOST_STEPS = 20000, MOST_TEXT = 60, MOST_FACTS = 8, COLUMNS = 92 };

/* ---- actions ---- */

enum action_data { NOTHING, ERRNO, DATA };

static const struct action {
	uint32_t value;
	const char *text;
	enum action_data data;
} actions[] = {
#define ACTION(value, text, data) { value, text, data },
#include "bpf/seccomp.def"
#undef ACTION
};

void seccomp_action(struct buf *out, uint32_t result)
{
	uint32_t data = result & 0xffff;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		const struct action *a = &actions[i];

		if (a->value != (result & 0xffff0000))
			continue;
		buf_puts(out, a->text);
		if (a->data == ERRNO) {
			data = MIN(data, 4095); /* MAX_ERRNO */
			buf_printf(out, " %u (%s)", data, strerror((int)data));
		} else if (a->data == DATA) {
			buf_printf(out, " (data %u)", data);
		}
		return;
	}
	buf_printf(out, "kill the process (0x%x is no action)", result);
}

const char *seccomp_field(uint32_t offset)
{
	static const char *const fields[] = {
		"nr",   "arch",       "ip",   "ip >> 32",   "arg0", "arg0 >> 32",
		"arg1", "arg1 >> 32", "arg2", "arg2 >> 32", "arg3", "arg3 >> 32",
		"arg4", "arg4 >> 32", "arg5", "arg5 >> 32",
	};

	return offset / 4 < ARRAY_LEN(fields) ? fields[offset / 4] : "?";
}

/* ---- following a filter ---- */

/* A value: a number, or a text that tells where it comes from. */
struct value {
	const char *text; /* NULL: known */
	uint32_t k;
};

/* Either a question with two ways on, or an end. */
struct node {
	const char *text; /* a question; of an end: what is returned, NULL: result */
	const struct node *yes, *no;
	uint32_t result;
};

/* What an answer has settled: the value with that text is k. */
struct fact {
	const char *text;
	uint32_t k;
};

struct state {
	struct value a, x, m[CBPF_WORDS];
	struct fact facts[MOST_FACTS];
	uint32_t nfacts;
};

struct explainer {
	const struct cinsn *insns;
	size_t n;
	const struct seccomp_names *names;
	struct arena *arena;
	struct table nodes;
	uint32_t arch, nr; /* of the calls being followed */
	uint32_t steps, unnamed;
};

static const struct node *node_get(struct explainer *e, struct node n)
{
	const char *key;
	struct node *found;

	if (n.yes && n.yes == n.no)
		return n.yes;
	key = arena_printf(e->arena, "%s|%p|%p|%x", n.text ? n.text : "", (const void *)n.yes,
			   (const void *)n.no, n.result);
	found = table_get(&e->nodes, key);
	if (!found) {
		found = arena_new(e->arena, struct node);
		*found = n;
		table_put(e->arena, &e->nodes, key, found);
	}
	return found;
}

static struct value known(uint32_t k)
{
	return (struct value){ NULL, k };
}

static const char *text_of(struct explainer *e, struct value v)
{
	return v.text ? v.text : arena_printf(e->arena, "0x%x", v.k);
}

static struct value load(struct explainer *e, const struct state *s, uint32_t offset)
{
	const char *text = seccomp_field(offset);

	if (offset == offsetof(struct cbpf_call, nr))
		return known(e->nr);
	if (offset == offsetof(struct cbpf_call, arch))
		return known(e->arch);
	for (uint32_t i = 0; i < s->nfacts; i++) {
		if (streq(s->facts[i].text, text))
			return known(s->facts[i].k);
	}
	return (struct value){ text, 0 };
}

static uint32_t compute(enum cbpf_op op, uint32_t a, uint32_t by)
{
	switch (op) {
	case COP_ADD: return a + by;
	case COP_SUB: return a - by;
	case COP_MUL: return a * by;
	case COP_DIV: return a / by;
	case COP_AND: return a & by;
	case COP_OR: return a | by;
	case COP_XOR: return a ^ by;
	case COP_LSH: return a << (by & 31);
	case COP_RSH: return a >> (by & 31);
	default: return -a;
	}
}

static struct value alu(struct explainer *e, enum cbpf_op op, struct value a, struct value by)
{
	static const char *const signs[] = {
		[COP_ADD] = "+", [COP_SUB] = "-",  [COP_MUL] = "*",
		[COP_DIV] = "/", [COP_AND] = "&",  [COP_OR] = "|",
		[COP_XOR] = "^", [COP_LSH] = "<<", [COP_RSH] = ">>",
	};
	struct value v = { NULL, 0 };

	if (!a.text && (!by.text || op == COP_NEG))
		return known(compute(op, a.k, by.k));
	if (op == COP_NEG)
		v.text = arena_printf(e->arena, "-(%s)", text_of(e, a));
	else
		v.text = arena_printf(e->arena, "(%s %s %s)", text_of(e, a), signs[op],
				      text_of(e, by));
	if (strlen(v.text) > MOST_TEXT)
		v.text = arena_printf(e->arena, "value%u", ++e->unnamed);
	return v;
}

static bool holds(enum cbpf_op op, uint32_t a, uint32_t b)
{
	switch (op) {
	case COP_JEQ: return a == b;
	case COP_JGT: return a > b;
	case COP_JGE: return a >= b;
	default: return a & b;
	}
}

static void settle(struct value *v, const struct fact *f)
{
	if (v->text && streq(v->text, f->text))
		*v = known(f->k);
}

static void learn(struct state *s, const char *text, uint32_t k)
{
	const struct fact f = { text, k };

	settle(&s->a, &f);
	settle(&s->x, &f);
	for (uint32_t i = 0; i < CBPF_WORDS; i++)
		settle(&s->m[i], &f);
	if (s->nfacts < MOST_FACTS)
		s->facts[s->nfacts++] = f;
}

static const struct node *follow(struct explainer *e, uint32_t at, struct state s);

static const struct node *ask(struct explainer *e, enum cbpf_op op, uint32_t at,
			      const struct state *s, struct value by)
{
	static const char *const signs[] = {
		[COP_JEQ] = "==", [COP_JGT] = ">", [COP_JGE] = ">=", [COP_JSET] = "&"
	};
	const struct cinsn *i = &e->insns[at];
	struct state then = *s;
	struct node n = { .text = arena_printf(e->arena, "%s %s %s", text_of(e, s->a), signs[op],
					       text_of(e, by)) };

	if (op == COP_JEQ && s->a.text && !by.text)
		learn(&then, s->a.text, by.k);
	n.yes = follow(e, at + 1 + i->jt, then);
	n.no = follow(e, at + 1 + i->jf, *s);
	return node_get(e, n);
}

static const struct node *end(struct explainer *e, struct value v)
{
	struct node n = { .result = v.k };

	if (v.text)
		n = (struct node){ .text = v.text };
	return node_get(e, n);
}

/* Loads, stores, arithmetic: what goes on to the next instruction. */
static void step(struct explainer *e, struct state *s, const struct cinsn *i,
		 const struct cbpf_form *f)
{
	struct value *reg = f->to_x ? &s->x : &s->a;

	switch (f->op) {
	case COP_LOAD_ABS: s->a = load(e, s, i->k); break;
	case COP_LOAD_LEN: *reg = known(sizeof(struct cbpf_call)); break;
	case COP_LOAD_IMM: *reg = known(i->k); break;
	case COP_LOAD_MEM: *reg = s->m[i->k]; break;
	case COP_STORE: s->m[i->k] = *reg; break;
	case COP_TAX: s->x = s->a; break;
	case COP_TXA: s->a = s->x; break;
	default: s->a = alu(e, f->op, s->a, f->from_x ? s->x : known(i->k));
	}
}

/* The tree of all that may come from instruction @at on. */
static const struct node *follow(struct explainer *e, uint32_t at, struct state s)
{
	for (;; at++) {
		const struct cinsn *i = &e->insns[at];
		const struct cbpf_form *f = cbpf_find(i->code);
		struct value by = f->from_x ? s.x : known(i->k);

		if (++e->steps > MOST_STEPS)
			return end(e, (struct value){ "more ways than can be told", 0 });
		if (f->op == COP_RET)
			return end(e, f->returns_a ? s.a : known(i->k));
		if (f->op == COP_JA) {
			at += i->k;
		} else if (f->op >= COP_JEQ && f->op <= COP_JSET) {
			if (s.a.text || by.text)
				return ask(e, f->op, at, &s, by);
			at += holds(f->op, s.a.k, by.k) ? i->jt : i->jf;
		} else if (f->op == COP_DIV && f->from_x && !s.x.text && !s.x.k) {
			return end(e, known(0));
		} else {
			step(e, &s, i, f);
		}
	}
}

/* ---- calls ---- */

/* Call numbers from lo to hi that have one tree. */
struct stretch {
	uint32_t lo, hi;
	const struct node *node;
};

VEC_TYPE(struct stretch, stretches);
VEC_TYPE(uint32_t, points);

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Numbers at which a filter's answer may change: next to what it compares with, and where bits
 * change that it masks. */
static struct points points_of(struct explainer *e)
{
	struct points p = { 0 };

	for (uint32_t nr = 0; nr <= e->names->calls; nr++)
		vec_push(e->arena, &p, nr);
	for (size_t i = 0; i < e->n; i++) {
		const struct cbpf_form *f = cbpf_find(e->insns[i].code);
		uint32_t k = e->insns[i].k;

		if (f->from_x || f->op < COP_ADD || f->op > COP_JSET || f->op == COP_JA)
			continue;
		vec_push(e->arena, &p, k);
		vec_push(e->arena, &p, k + 1);
		if (f->op == COP_AND || f->op == COP_JSET)
			vec_push(e->arena, &p, k & -k);
	}
	qsort(p.v, p.n, sizeof(*p.v), by_value);
	return p;
}

static struct stretches stretches_of(struct explainer *e, const struct points *p)
{
	struct stretches all = { 0 };

	for (uint32_t i = 0; i < p->n; i++) {
		struct state s = { .nfacts = 0 };
		struct stretch one = { p->v[i], UINT32_MAX, NULL };

		if (i + 1 < p->n && p->v[i + 1] == p->v[i])
			continue;
		if (i + 1 < p->n)
			one.hi = p->v[i + 1] - 1;
		e->nr = one.lo;
		e->steps = 0;
		one.node = follow(e, 0, s);
		if (all.n && all.v[all.n - 1].node == one.node)
			all.v[all.n - 1].hi = one.hi;
		else
			vec_push(e->arena, &all, one);
	}
	return all;
}

/* ---- text ---- */

static void print_end(struct buf *out, const struct node *n)
{
	if (n->text)
		buf_printf(out, "return %s", n->text);
	else
		seccomp_action(out, n->result);
}

static void print_tree(struct buf *out, const struct node *n, unsigned depth)
{
	for (; n->yes; n = n->no) {
		buf_pad(out, ' ', 2 * depth);
		buf_printf(out, "if %s: ", n->text);
		if (n->yes->yes) {
			out->data[--out->len] = '\0';
			buf_putc(out, '\n');
			print_tree(out, n->yes, depth + 1);
		} else {
			print_end(out, n->yes);
			buf_putc(out, '\n');
		}
	}
	buf_pad(out, ' ', 2 * depth);
	buf_puts(out, "otherwise: ");
	print_end(out, n);
	buf_putc(out, '\n');
}

/* One more name in a wrapped list. */
static void print_name(struct buf *out, size_t *line, const char *name, bool first)
{
	buf_puts(out, first ? "" : ",");
	if (out->len - *line + 2 + strlen(name) > COLUMNS) {
		buf_puts(out, "\n   ");
		*line = out->len - 3;
	}
	buf_printf(out, " %s", name);
}

static void print_stretch(struct explainer *e, struct buf *out, size_t *line,
			  const struct stretch *s, bool *first)
{
	uint32_t nr = s->lo;

	/* by name as far as there are names, then the rest as numbers */
	while (nr <= s->hi && nr < e->names->calls) {
		const char *name = e->names->call(e->names->ctx, e->arch, nr);

		if (name)
			print_name(out, line, name, *first);
		*first &= !name;
		nr++;
	}
	if (nr > s->hi || nr < s->lo)
		return;
	const char *text = nr == s->hi ? arena_printf(e->arena, "number %u", nr)
			   : s->hi == UINT32_MAX
				   ? arena_printf(e->arena, "numbers from %u on", nr)
				   : arena_printf(e->arena, "numbers %u to %u", nr, s->hi);
	print_name(out, line, text, *first);
	*first = false;
}

static void print_group(struct explainer *e, struct buf *out, const struct stretches *all,
			const struct node *node)
{
	size_t start = out->len, line = start;
	bool first = true;

	buf_puts(out, "  ");
	if (!node->yes) {
		print_end(out, node);
		buf_putc(out, ':');
	} else {
		out->data[--out->len] = '\0';
	}
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->v[i].node == node)
			print_stretch(e, out, &line, &all->v[i], &first);
	}
	if (first) { /* only numbers that no call has */
		out->len = start;
		out->data[start] = '\0';
		return;
	}
	buf_puts(out, node->yes ? ":\n" : "\n");
	if (node->yes)
		print_tree(out, node, 2);
}

/* The tree of the first number that is no call yet: what the filter does by default. */
static const struct node *usual(const struct explainer *e, const struct stretches *all)
{
	uint32_t i = 0;

	while (all->v[i].hi < e->names->calls)
		i++;
	return all->v[i].node;
}

static bool printed(const struct stretches *all, uint32_t upto)
{
	for (uint32_t i = 0; i < upto; i++) {
		if (all->v[i].node == all->v[upto].node)
			return true;
	}
	return false;
}

static void explain_arch(struct explainer *e, struct buf *out, const struct points *p,
			 const char *title)
{
	struct stretches all = stretches_of(e, p);
	const struct node *rest = usual(e, &all);

	buf_printf(out, "%s:\n", title);
	for (uint32_t i = 0; i < all.n; i++) {
		if (all.v[i].node != rest && !printed(&all, i))
			print_group(e, out, &all, all.v[i].node);
	}
	buf_puts(out, all.n == 1 ? "  any call: " : "  any other call: ");
	if (rest->yes) {
		out->data[--out->len] = '\0';
		buf_putc(out, '\n');
		print_tree(out, rest, 2);
	} else {
		print_end(out, rest);
		buf_putc(out, '\n');
	}
}

static bool asks_arch(const struct explainer *e)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct cinsn *insn = &e->insns[i];

		if (cbpf_find(insn->code)->op == COP_LOAD_ABS &&
		    insn->k == offsetof(struct cbpf_call, arch))
			return true;
	}
	return false;
}

/* Architectures that the filter compares with, each once. */
static struct points archs_of(struct explainer *e)
{
	struct points archs = { 0 };

	for (size_t i = 0; i < e->n; i++) {
		const struct cinsn *insn = &e->insns[i];
		const struct cbpf_form *f = cbpf_find(insn->code);
		bool seen = false;

		if (f->op != COP_JEQ || f->from_x || !e->names->arch(e->names->ctx, insn->k))
			continue;
		for (uint32_t j = 0; j < archs.n; j++)
			seen |= archs.v[j] == insn->k;
		if (!seen)
			vec_push(e->arena, &archs, insn->k);
	}
	return archs;
}

void seccomp_explain(struct buf *out, const struct cinsn *insns, size_t n,
		     const struct seccomp_names *names, struct arena *arena)
{
	struct explainer *e = arena_new(arena, struct explainer);
	struct points points, archs;

	*e = (struct explainer){ .insns = insns, .n = n, .names = names, .arena = arena };
	points = points_of(e);
	if (!asks_arch(e)) {
		e->arch = names->native;
		explain_arch(e, out, &points,
			     "calls of any architecture (numbers are not told apart)");
		return;
	}
	archs = archs_of(e);
	for (uint32_t i = 0; i < archs.n; i++) {
		e->arch = archs.v[i];
		explain_arch(e, out, &points, names->arch(names->ctx, e->arch));
	}
	e->arch = 0; /* AUDIT_ARCH_* are never 0 */
	explain_arch(e, out, &points, archs.n ? "other architectures" : "any architecture");
}
