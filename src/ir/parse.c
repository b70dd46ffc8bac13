/*
 * Reads the text form of the IR. Called by tests and by whoever keeps library code as IR text;
 * the text is untrusted. needs: nothing; gives: functions that pass the checker.
 *
 * Functions are made first, from their headers, so that calls may lead forward. In a function,
 * values and blocks exist from when they are first named; what was named but never written is
 * an error.
 */
#include "ir/ir_priv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 1 << 20, MAX_BLOCKS = 1 << 16 };

struct named_value {
	struct ir_value *v;
	bool written;
};

struct parser {
	struct ir_module *m;
	struct diags *diags;
	const char *at;
	unsigned line;
	bool failed;
	struct ir_func *f;
	VEC(struct named_value) values;
	struct ir_blocks named; /* by number in the text */
	struct ir_block *block;
	VEC(struct ir_blocks) phi_preds; /* of the phis in `phis` */
	struct ir_values phis;
};

static void fail(struct parser *p, const char *what)
{
	if (!p->failed)
		diag_error(p->diags, SPAN_NONE, "line %u of the IR text: %s", p->line, what);
	p->failed = true;
}

static void blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

static bool take(struct parser *p, char c)
{
	blanks(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static void expect(struct parser *p, char c)
{
	static const char *const texts[] = { [','] = "a comma is missing",
					     [':'] = "a colon is missing",
					     ['='] = "an equals sign is missing" };

	if (!take(p, c))
		fail(p, texts[(unsigned char)c]);
}

static int64_t number(struct parser *p)
{
	char *end;
	int64_t n;

	blanks(p);
	errno = 0;
	n = strtoll(p->at, &end, 10);
	if (end == p->at || errno || isspace((unsigned char)*p->at)) {
		fail(p, "a number is missing or too large");
		return 0;
	}
	p->at = end;
	return n;
}

static uint32_t number_below(struct parser *p, uint32_t limit)
{
	int64_t n = number(p);

	if (n >= 0 && n < limit)
		return n;
	fail(p, "a number is out of range");
	return 0;
}

static const char *word(struct parser *p)
{
	const char *start;

	blanks(p);
	start = p->at;
	while (isalnum((unsigned char)*p->at))
		p->at++;
	return arena_strndup(p->m->arena, start, p->at - start);
}

/* "..." with \ooo for what is not printed. */
static const char *string(struct parser *p)
{
	struct arena *a = p->m->arena;
	VEC(char) s = { 0 };

	if (!take(p, '"')) {
		fail(p, "a string is missing");
		return "";
	}
	while (*p->at != '"') {
		char c = *p->at++;

		if (!c || c == '\n') {
			fail(p, "a string has no end");
			p->at--;
			return "";
		}
		if (c == '\\') {
			c = 0;
			for (int i = 0; i < 3 && *p->at >= '0' && *p->at <= '7'; i++)
				c = c * 8 + (*p->at++ - '0');
		}
		vec_push(a, &s, c);
	}
	p->at++;
	vec_push(a, &s, '\0');
	return s.v;
}

/* ---- names ---- */

static struct named_value *value_named(struct parser *p, uint32_t n)
{
	struct arena *a = p->m->arena;

	while (p->values.n <= n)
		vec_push(a, &p->values, (struct named_value){ 0 });
	if (!p->values.v[n].v)
		p->values.v[n].v = ir_new(p->f, IR_CONST, 0);
	return &p->values.v[n];
}

static struct ir_value *reference(struct parser *p)
{
	blanks(p);
	if (*p->at != '%')
		return ir_const(p->f, number(p));
	p->at++;
	return value_named(p, number_below(p, MAX_VALUES))->v;
}

static struct ir_block *block_reference(struct parser *p)
{
	uint32_t n;

	if (!take(p, 'b')) {
		fail(p, "a block is missing");
		return NULL;
	}
	n = number_below(p, MAX_BLOCKS);
	while (p->named.n <= n)
		vec_push(p->m->arena, &p->named, NULL);
	if (!p->named.v[n]) {
		p->named.v[n] = arena_new(p->m->arena, struct ir_block);
		p->named.v[n]->func = p->f;
		p->named.v[n]->id = UINT32_MAX;
	}
	return p->named.v[n];
}

static struct ir_func *function_reference(struct parser *p)
{
	uint32_t n;

	if (!take(p, 'f')) {
		fail(p, "a function is missing");
		return NULL;
	}
	n = number_below(p, UINT32_MAX);
	if (n < p->m->funcs.n)
		return p->m->funcs.v[n];
	fail(p, "there is no such function");
	return NULL;
}

/* ---- instructions ---- */

static void phi_operands(struct parser *p, struct ir_value *v)
{
	struct ir_blocks preds = { 0 };

	do {
		vec_push(p->m->arena, &preds, block_reference(p));
		expect(p, ':');
		ir_push_arg(p->f, v, reference(p));
	} while (!p->failed && take(p, ','));
	vec_push(p->m->arena, &p->phis, v);
	vec_push(p->m->arena, &p->phi_preds, preds);
}

static bool at_end(struct parser *p)
{
	blanks(p);
	return !*p->at || *p->at == '\n' || *p->at == '!';
}

static void operands(struct parser *p, struct ir_value *v)
{
	int nth = 0, nth_n = 0, nth_at = 0, nth_b = 0;

	for (const char *s = ir_ops[v->op].shape; *s && !p->failed; s++) {
		if (*s == '=' || (*s == '*' && at_end(p)))
			continue;
		if (nth++)
			expect(p, ',');
		switch (*s) {
		case 'n':
			if (nth_n++)
				v->index = number_below(p, UINT32_MAX);
			else
				v->n = number(p);
			break;
		case 'm': v->index = number_below(p, UINT32_MAX); break;
		case 'f': v->callee = function_reference(p); break;
		case 's': v->name = string(p); break;
		case 'b': v->to[nth_b++] = block_reference(p); break;
		case 'v': ir_push_arg(p->f, v, reference(p)); break;
		case '@':
			ir_push_arg(p->f, v, reference(p));
			*(nth_at++ ? &v->offset2 : &v->offset) = number(p);
			break;
		case '*':
			do
				ir_push_arg(p->f, v, reference(p));
			while (!p->failed && take(p, ','));
			break;
		}
	}
}

static int find_op(const char *name)
{
	for (int op = 0; op < IR_OP_COUNT; op++)
		if (streq(ir_ops[op].name, name))
			return op;
	return -1;
}

static void instruction(struct parser *p)
{
	struct named_value *named = NULL;
	struct ir_value text = { 0 }, *v;
	uint32_t id;
	int op;

	if (take(p, '%')) {
		named = value_named(p, number_below(p, MAX_VALUES));
		expect(p, '=');
	}
	op = find_op(word(p));
	if (op < 0 || (named && named->written) || !named == (ir_ops[op].shape[0] == '=')) {
		fail(p, op < 0  ? "there is no such operation"
			: named ? "a value is given twice, or by what gives none"
				: "a value has no name");
		return;
	}
	/* operands may grow the table that `named` points into */
	id = named ? named - p->values.v : 0;
	text.op = op;
	text.narrow = take(p, '.') && streq(word(p), "w");
	if (op == IR_PHI)
		v = value_named(p, id)->v;
	else
		v = &text;
	v->op = op;
	if (op == IR_PHI)
		phi_operands(p, v);
	else
		operands(p, v);
	if (take(p, '!')) {
		p->f->span.lo = number_below(p, UINT32_MAX);
		expect(p, ':');
		p->f->span.hi = number_below(p, UINT32_MAX);
	}
	if (!at_end(p))
		fail(p, "something follows the operation");
	if (p->failed)
		return;
	if (ir_has(v, LEAF)) {
		value_named(p, id)->v->same = ir_leaf(p->f, v);
		p->values.v[id].written = true;
		return;
	}
	if (!p->block) {
		fail(p, "an operation stands before the first block");
		return;
	}
	if (op != IR_PHI) {
		v = named ? value_named(p, id)->v : ir_new(p->f, op, 0);
		text.id = v->id;
		*v = text;
	}
	v->span = p->f->span;
	if (named)
		p->values.v[id].written = true;
	ir_append(p->block, v);
}

static void block(struct parser *p)
{
	struct ir_block *b = block_reference(p);

	blanks(p);
	if (p->failed)
		return;
	if (b->id != UINT32_MAX) {
		fail(p, "a block is written twice");
		return;
	}
	if (*p->at == '"')
		b->label = string(p);
	expect(p, ':');
	b->id = p->f->blocks.n;
	b->sealed = true;
	vec_push(p->m->arena, &p->f->blocks, b);
	p->block = b;
}

/* ---- functions ---- */

/* Puts a phi's operands into the order of its block's predecessors. */
static void order_phi(struct parser *p, struct ir_value *phi, const struct ir_blocks *preds)
{
	struct ir_block *b = phi->block;
	struct ir_value **args = arena_array(p->m->arena, struct ir_value *, b->preds.n);

	if (preds->n != b->preds.n) {
		fail(p, "a phi has not one operand for each predecessor");
		return;
	}
	for (uint32_t i = 0; i < preds->n; i++) {
		uint32_t at = 0;

		while (at < b->preds.n && b->preds.v[at] != preds->v[i])
			at++;
		if (at == b->preds.n || args[at]) {
			fail(p, "a phi names a block that is no predecessor, or twice");
			return;
		}
		args[at] = phi->args[i];
	}
	phi->args = args;
}

static void finish_function(struct parser *p)
{
	struct ir_func *f = p->f;
	const char *why;

	if (!f || p->failed)
		return;
	for (uint32_t i = 0; i < p->named.n; i++)
		if (p->named.v[i] && p->named.v[i]->id == UINT32_MAX)
			fail(p, "a block is named but not written");
	for (uint32_t i = 0; i < p->values.n; i++)
		if (p->values.v[i].v && !p->values.v[i].written)
			fail(p, "a value is named but not given");
	if (!f->blocks.n)
		fail(p, "a function has no block");
	for (uint32_t i = 0; i < f->blocks.n && !p->failed; i++) {
		struct ir_block *succs[2];
		unsigned n = ir_succs(f->blocks.v[i], succs);

		for (unsigned k = 0; k < n; k++)
			vec_push(p->m->arena, &succs[k]->preds, f->blocks.v[i]);
	}
	for (uint32_t i = 0; i < p->phis.n && !p->failed; i++)
		order_phi(p, p->phis.v[i], &p->phi_preds.v[i]);
	if (p->failed)
		return;
	f->span = SPAN_NONE;
	f->current = NULL;
	ir_settle(f);
	if (!ir_check(f, &why))
		fail(p, why);
}

static void start_function(struct parser *p, uint32_t index)
{
	finish_function(p);
	p->f = p->m->funcs.v[index];
	p->values.n = p->named.n = p->phis.n = p->phi_preds.n = 0;
	p->block = NULL;
}

/* func "name" role nparams */
static void header(struct parser *p)
{
	static const char *const roles[] = { "entry", "callback", "local" };
	const char *name = string(p), *role = word(p);
	unsigned nparams = number_below(p, 6), r = 0;
	struct ir_func *f;

	while (r < ARRAY_LEN(roles) && !streq(role, roles[r]))
		r++;
	if (r == ARRAY_LEN(roles))
		fail(p, "a function is entry, callback or local");
	if (p->failed)
		return;
	f = ir_func_new(p->m, name, nparams, r);
	f->blocks.n = 0;
	f->current = NULL;
}

static bool is_header(const char *line)
{
	return !strncmp(line, "func ", 5);
}

static const char *next_line(const char *line)
{
	const char *nl = strchr(line, '\n');

	return nl ? nl + 1 : line + strlen(line);
}

static void line(struct parser *p, uint32_t *nfuncs)
{
	if (is_header(p->at)) {
		start_function(p, (*nfuncs)++);
		return;
	}
	blanks(p);
	if (!*p->at || *p->at == '\n' || *p->at == '#')
		return;
	if (!p->f)
		fail(p, "the text does not begin with a function");
	else if (*p->at == 'b' && isdigit((unsigned char)p->at[1]))
		block(p);
	else
		instruction(p);
}

int ir_parse(struct arena *arena, struct image *img, struct target *target, const char *text,
	     struct ir_module **ret, struct diags *diags)
{
	struct parser p = { .m = ir_module_new(arena, img, target), .diags = diags };
	uint32_t nfuncs = 0;

	for (const char *at = text; *at && !p.failed; at = next_line(at)) {
		p.line++;
		p.at = at + 5;
		if (is_header(at))
			header(&p);
	}
	p.line = 0;
	for (const char *at = text; *at && !p.failed; at = next_line(at)) {
		p.line++;
		p.at = at;
		line(&p, &nfuncs);
	}
	finish_function(&p);
	if (!p.failed && !p.m->funcs.n)
		fail(&p, "the text has no function");
	if (p.failed)
		return -EINVAL;
	*ret = p.m;
	return 0;
}
