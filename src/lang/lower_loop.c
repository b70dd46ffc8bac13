/*
 * Lowering for loops. The body becomes a function of its own, which a helper calls:
 *
 *	for ($i : a..b) BODY        bpf_loop(b - a, body, &frame, 0)
 *	for ($kv : @m) BODY         bpf_for_each_map_elem(@m, body, &frame, 0)
 *
 * What the body takes from outside is handed over in a frame on the caller's stack, words by
 * value (taken in at its beginning, given back at its end), bytes by address:
 *
 *	frame: [ left ][ context ][ which event ][ scratch ][ from ][ captured 0 ][ captured 1 ] ..
 *
 * `left` tells the caller that the body returned from the probe. Without bpf_loop a range is a
 * plain loop with a bound that the kernel's verifier sees.
 *
 * Needs and callers: see lower_expr.c.
 */
#include "lang/lower.h"

enum { RANGE_MAX = 1 << 23 /* BPF_MAX_LOOPS */, PLAIN_RANGE_MAX = 4096 };

enum {
	FRAME_LEFT = 0,
	FRAME_CONTEXT = 8,
	FRAME_WHICH = 16,
	FRAME_SCRATCH = 24,
	FRAME_FROM = 32,
	FRAME_CAPTURED = 40
};

/* A loop body on its way. */
struct body {
	const struct loop *loop;
	struct lower outer;      /* how things were around it */
	struct ir_value *frame;  /* seen from the caller */
	struct ir_value *inside; /* seen from the body */
	struct variable *saved;  /* where captured variables are in the caller */
	struct ir_func *f;
};

/* ---- handing over ---- */

static int32_t captured_offset(uint32_t i)
{
	return FRAME_CAPTURED + 8 * (int32_t)i;
}

static void fill_frame(struct lower *l, struct body *b)
{
	const struct loop *loop = b->loop;

	b->frame = ir_slot(l->f, captured_offset(loop->captured.n), IR_SLOT_STACK, "frame");
	ir_store(l->f, IR_STORE64, b->frame, FRAME_LEFT, word_const(l, 0));
	ir_store(l->f, IR_STORE64, b->frame, FRAME_CONTEXT, l->ctx);
	ir_store(l->f, IR_STORE64, b->frame, FRAME_WHICH, l->which ? l->which : word_const(l, 0));
	ir_store(l->f, IR_STORE64, b->frame, FRAME_SCRATCH, ir_scratch(l->f));
	for (uint32_t i = 0; i < loop->captured.n; i++) {
		const struct variable *v = loop->captured.v[i];

		ir_store(l->f, IR_STORE64, b->frame, captured_offset(i),
			 v->word ? ir_var_get(l->f, v->word) : v->base);
	}
}

static void take_captured(struct lower *l, struct body *b)
{
	uint32_t n = b->loop->captured.n;

	b->saved = arena_array(l->s->arena, struct variable, n);
	for (uint32_t i = 0; i < n; i++) {
		struct variable *v = b->loop->captured.v[i];
		struct ir_value *word = ir_load(l->f, IR_LOAD64, b->inside, captured_offset(i));

		b->saved[i] = *v;
		if (v->word) {
			v->word = ir_var_new(l->f, v->name);
			ir_var_set(l->f, v->word, word);
		} else {
			v->base = word;
		}
	}
}

static void give_back(struct lower *l, struct body *b)
{
	for (uint32_t i = 0; i < b->loop->captured.n; i++) {
		struct variable *v = b->loop->captured.v[i];

		if (v->word)
			ir_store(l->f, IR_STORE64, b->inside, captured_offset(i),
				 ir_var_get(l->f, v->word));
	}
}

/* ---- bodies ---- */

/* Opens the body: from here on code goes into it. @params are the helper's, the frame is last. */
static void body_begin(struct lower *l, struct body *b, const struct loop *loop, unsigned params)
{
	const char *name = arena_printf(l->s->arena, "loop%u", ++*l->ncallbacks);

	*b = (struct body){ .loop = loop };
	fill_frame(l, b);
	b->outer = *l;
	b->f = ir_func_new(l->module, name, params, IR_CALLBACK);
	l->f = b->f;
	l->temps.v = NULL;
	l->temps.n = l->temps.cap = 0;
	l->taken.v = NULL;
	l->taken.n = l->taken.cap = 0;
	l->held.v = NULL;
	l->held.n = l->held.cap = 0;
	l->word = NULL;
	l->leaves = false;
	b->inside = ir_param(l->f, params - 1);
	ir_scratch_set(l->f, ir_load(l->f, IR_LOAD64, b->inside, FRAME_SCRATCH));
	l->ctx = ir_load(l->f, IR_LOAD64, b->inside, FRAME_CONTEXT);
	if (l->which)
		l->which = ir_load(l->f, IR_LOAD64, b->inside, FRAME_WHICH);
	take_captured(l, b);
	l->next = block_new(l, "next");
	l->end = block_new(l, "break");
	l->leave = block_new(l, "leave");
}

/* Closes it and takes up the caller's code again. */
static void body_end(struct lower *l, struct body *b)
{
	bool leaves = l->leaves;

	block_start(l, l->next);
	give_back(l, b);
	ir_return(l->f, word_const(l, 0));
	block_start(l, l->leave);
	ir_store(l->f, IR_STORE64, b->inside, FRAME_LEFT, word_const(l, 1));
	ir_jump(l->f, l->end);
	block_start(l, l->end);
	give_back(l, b);
	ir_return(l->f, word_const(l, 1));
	for (uint32_t i = 0; i < b->loop->captured.n; i++)
		*b->loop->captured.v[i] = b->saved[i];
	*l = b->outer;
	l->leaves |= leaves;
}

/* After the helper returned: what the body changed, and whether it left the probe. */
static void body_after(struct lower *l, struct body *b, bool leaves)
{
	struct ir_block *stay;

	for (uint32_t i = 0; i < b->loop->captured.n; i++) {
		struct variable *v = b->loop->captured.v[i];

		if (v->word)
			ir_var_set(l->f, v->word,
				   ir_load(l->f, IR_LOAD64, b->frame, captured_offset(i)));
	}
	if (!leaves)
		return;
	stay = block_new(l, "stay");
	ir_branch(l->f, ir_load(l->f, IR_LOAD64, b->frame, FRAME_LEFT), l->leave, stay);
	block_start(l, stay);
}

/* ---- over a range ---- */

/* How often: b - a, nothing when a is above. */
static struct ir_value *rounds(struct lower *l, struct ir_value *from, struct ir_value *to)
{
	struct ir_block *some = block_new(l, "some"), *done = block_new(l, "rounds");
	struct ir_var *var = ir_var_new(l->f, "rounds");

	ir_var_set(l->f, var, word_const(l, 0));
	ir_branch(l->f, ir_compare(l->f, IR_SLT, from, to), some, done);
	block_start(l, some);
	ir_var_set(l->f, var, ir_binary(l->f, IR_SUB, to, from));
	block_start(l, done);
	return ir_var_get(l->f, var);
}

static void loop_by_helper(struct lower *l, const struct node *n, struct ir_value *from,
			   struct ir_value *count)
{
	const struct loop *loop = n->bound;
	struct ir_value *index;
	struct body b;
	bool leaves;

	body_begin(l, &b, loop, 2);
	index = ir_binary(l->f, IR_ADD, ir_param(l->f, 0),
			  ir_load(l->f, IR_LOAD64, b.inside, FRAME_FROM));
	variable_begin(l, loop->variable, false);
	ir_var_set(l->f, loop->variable->word, index);
	lower_statement(l, node_kid(n, 3));
	leaves = l->leaves;
	body_end(l, &b);
	ir_store(l->f, IR_STORE64, b.frame, FRAME_FROM, from);
	ir_call_helper(l->f, BPF_FUNC_loop, at_most(l, count, RANGE_MAX),
		       ir_func_address(l->f, b.f), b.frame, word_const(l, 0));
	body_after(l, &b, leaves);
}

static void loop_plainly(struct lower *l, const struct node *n, struct ir_value *from,
			 struct ir_value *count)
{
	const struct loop *loop = n->bound;
	struct ir_block *head = block_new(l, "for"), *body = block_new(l, "do"),
			*next = block_new(l, "next"), *done = block_new(l, "endfor");
	struct ir_block *outer_next = l->next, *outer_end = l->end;
	struct ir_var *i = ir_var_new(l->f, "round");

	count = at_most(l, count, PLAIN_RANGE_MAX);
	ir_var_set(l->f, i, word_const(l, 0));
	ir_block_start(l->f, head);
	ir_branch(l->f, ir_compare(l->f, IR_ULT, ir_var_get(l->f, i), count), body, done);
	block_start(l, body);
	variable_begin(l, loop->variable, false);
	ir_var_set(l->f, loop->variable->word, ir_binary(l->f, IR_ADD, from, ir_var_get(l->f, i)));
	l->next = next;
	l->end = done;
	lower_statement(l, node_kid(n, 3));
	block_start(l, next);
	ir_var_set(l->f, i, word_add(l, ir_var_get(l->f, i), 1));
	ir_jump(l->f, head);
	ir_block_seal(l->f, head);
	l->next = outer_next;
	l->end = outer_end;
	block_start(l, done);
}

void lower_for_range(struct lower *l, const struct node *n)
{
	struct ir_value *from = lower_word(l, node_kid(n, 1));
	struct ir_value *count = rounds(l, from, lower_word(l, node_kid(n, 2)));

	if (target_has(l->s->env->target, FEATURE_BPF_LOOP))
		loop_by_helper(l, n, from, count);
	else
		loop_plainly(l, n, from, count);
}

/* ---- over a map ---- */

/* $kv = (key, value), copied from the entry that the helper points to. */
static void take_entry(struct lower *l, const struct script_map *m, struct variable *kv)
{
	const struct type_member *members = kv->type->members;
	struct ir_value *key = ir_param(l->f, 1), *value = ir_param(l->f, 2);
	struct dest to = { .base = NULL };

	variable_begin(l, kv, true);
	to = (struct dest){ kv->base, members[0].offset, members[0].type, false };
	value_store(l, value_direct(m->key, key, 0), to);
	to = (struct dest){ kv->base, members[1].offset, members[1].type, false };
	if (type_is_aggregate(m->value))
		value_store(l, value_of_word(to.type, map_folded(l, m, kv->base)), to);
	else
		value_store(l, value_direct(m->value, value, 0), to);
}

void lower_for_map(struct lower *l, const struct node *n)
{
	const struct script_map *m = node_kid(n, 1)->bound;
	const struct loop *loop = n->bound;
	struct body b;
	bool leaves;

	body_begin(l, &b, loop, 4);
	take_entry(l, m, loop->variable);
	lower_statement(l, node_kid(n, 2));
	leaves = l->leaves;
	body_end(l, &b);
	ir_call_helper(l->f, BPF_FUNC_for_each_map_elem, map_handle(l, m),
		       ir_func_address(l->f, b.f), b.frame, word_const(l, 0));
	body_after(l, &b, leaves);
}
