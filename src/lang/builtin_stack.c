/*
 * Builtins that take a stack. A stack is kept once, under a hash of its frames, and stands for
 * itself as that id:
 *
 *	n = bpf_get_stack(ctx, entry.frames)
 *	id = hash(entry)
 *	for (try = 0; try < 4; try++, id++)
 *		if there is none at id: put it there, done
 *		if the one at id has the same frames: done
 *	stack_lost++, id = 0
 *
 * See builtin.h.
 */
#include "lang/builtin.h"

enum { LIMIT_DEFAULT = 127, LIMIT_MAX = 1024, TRIES = 4 };

static const char *const modes[] = {
	[STACK_BPFTRACE] = "bpftrace",
	[STACK_PERF] = "perf",
	[STACK_RAW] = "raw",
	[STACK_BUILD_ID] = "build_id",
};

/* ---- arguments ---- */

static bool take_mode(const struct node *arg, struct type *t)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (arg->kind == NODE_IDENT && streq(arg->name, modes[i])) {
			t->mode = i;
			return true;
		}
	}
	return false;
}

static void take_limit(struct check *c, const struct node *n, const struct node *arg,
		       struct type *t)
{
	int64_t limit;

	if (!node_constant(arg, &limit))
		diag_error(c->diags, arg->span,
			   "%s: invalid limit value: a number, or a mode (bpftrace, perf, raw)",
			   n->name);
	else if (limit < 1 || limit > LIMIT_MAX)
		diag_error(c->diags, arg->span,
			   "%s([int limit]): limit must be from 1 to %d, %lld "
			   "given",
			   n->name, LIMIT_MAX, (long long)limit);
	else
		t->count = limit;
}

static void check_stack(struct check *c, struct node *n)
{
	bool user = streq(n->name, "ustack");
	struct type *t = type_copy(c->s->types,
				   type_simple(c->s->types, user ? TYPE_USTACK : TYPE_KSTACK, 0));

	t->count = LIMIT_DEFAULT;
	t->mode = c->s->settings.value[SETTING_STACK_MODE];
	t->size = sizeof(struct stack_value);
	t->align = 8;
	for (uint32_t i = 0; i < n->kids.n; i++)
		if (i > 0 || !take_mode(n->kids.v[i], t))
			take_limit(c, n, n->kids.v[i], t);
	if (t->mode == STACK_BUILD_ID) {
		diag_error(c->diags, n->span,
			   "%s: stacks by build id are not taken: perf mode "
			   "shows files and addresses",
			   n->name);
		return;
	}
	c->s->stack_limit = MAX(c->s->stack_limit, t->count);
	n->type = t;
}

/* ---- interning ---- */

struct interning {
	struct ir_value *entry;  /* the stack that was taken, a struct stack_entry */
	struct ir_value *header; /* its first word: nframes, pid */
	uint32_t limit;
	uint32_t map;
};

static struct ir_value *frame_at(struct lower *l, struct ir_value *entry, struct ir_var *i)
{
	struct ir_value *at = ir_binary(l->f, IR_SHL, ir_var_get(l->f, i), word_const(l, 3));

	return ir_load(l->f, IR_LOAD64, ir_binary(l->f, IR_ADD, entry, at),
		       offsetof(struct stack_entry, frames));
}

/*
 * The head of a loop over all frames: goes on in a new block, and to @done behind the last.
 *
 * The number of frames is read from memory each time, so that the kernel's verifier forgets it:
 * it then sees all ways out of the loop as one. With the number in a register it would follow
 * each of them through all that comes after.
 */
static void each_frame(struct lower *l, const struct interning *in, struct ir_var *i,
		       struct ir_block *head, struct ir_block *done)
{
	struct ir_block *body = block_new(l, "frame"), *within = block_new(l, "within");
	struct ir_value *n;

	ir_var_set(l->f, i, word_const(l, 0));
	ir_block_start(l->f, head);
	ir_branch(l->f, ir_compare(l->f, IR_ULT, ir_var_get(l->f, i), word_const(l, in->limit)),
		  within, done);
	block_start(l, within);
	n = ir_load(l->f, IR_LOAD32, in->entry, offsetof(struct stack_entry, nframes));
	ir_branch(l->f, ir_compare(l->f, IR_ULT, ir_var_get(l->f, i), n), body, done);
	block_start(l, body);
}

static void next_frame(struct lower *l, struct ir_var *i, struct ir_block *head)
{
	ir_var_set(l->f, i, word_add(l, ir_var_get(l->f, i), 1));
	ir_jump(l->f, head);
	ir_block_seal(l->f, head);
}

/* Multiply and fold, a frame at a time; never 0. */
static struct ir_value *hash(struct lower *l, const struct interning *in)
{
	struct ir_block *head = block_new(l, "hash"), *done = block_new(l, "hashed");
	struct ir_var *i = ir_var_new(l->f, "i"), *h = ir_var_new(l->f, "hash");
	struct ir_value *v;

	ir_var_set(l->f, h, in->header);
	each_frame(l, in, i, head, done);
	v = ir_binary(l->f, IR_XOR, ir_var_get(l->f, h), frame_at(l, in->entry, i));
	v = ir_binary(l->f, IR_MUL, v, word_const(l, 0x9e3779b97f4a7c15));
	v = ir_binary(l->f, IR_XOR, v, ir_binary(l->f, IR_LSHR, v, word_const(l, 29)));
	ir_var_set(l->f, h, v);
	next_frame(l, i, head);
	block_start(l, done);
	return ir_binary(l->f, IR_OR, ir_var_get(l->f, h), word_const(l, 1));
}

/* Whether @other holds the same stack: to @same or to @differs. */
static void compare(struct lower *l, const struct interning *in, struct ir_value *other,
		    struct ir_block *same, struct ir_block *differs)
{
	struct ir_block *frames = block_new(l, "frames"), *head = block_new(l, "compare"),
			*equal = block_new(l, "equal");
	struct ir_var *i = ir_var_new(l->f, "i");

	ir_branch(l->f, ir_compare(l->f, IR_EQ, ir_load(l->f, IR_LOAD64, other, 0), in->header),
		  frames, differs);
	block_start(l, frames);
	each_frame(l, in, i, head, same);
	ir_branch(l->f, ir_compare(l->f, IR_EQ, frame_at(l, other, i), frame_at(l, in->entry, i)),
		  equal, differs);
	block_start(l, equal);
	next_frame(l, i, head);
}

/* One try at the id in @key. */
static void try_slot(struct lower *l, const struct interning *in, struct ir_value *key,
		     struct ir_block *found, struct ir_block *next)
{
	struct ir_block *absent = block_new(l, "absent"), *again = block_new(l, "again"),
			*present = block_new(l, "present");
	struct ir_var *other = ir_var_new(l->f, "other");
	struct ir_value *map = ir_map(l->f, in->map), *at, *err;

	at = ir_call_helper(l->f, BPF_FUNC_map_lookup_elem, map, key);
	ir_var_set(l->f, other, at);
	ir_branch(l->f, at, present, absent);
	block_start(l, absent);
	err = ir_call_helper(l->f, BPF_FUNC_map_update_elem, map, key, in->entry,
			     word_const(l, BPF_NOEXIST));
	ir_branch(l->f, err, again, found);
	block_start(l, again);
	/* somebody else was first, or there is no room */
	at = ir_call_helper(l->f, BPF_FUNC_map_lookup_elem, map, key);
	ir_var_set(l->f, other, at);
	ir_branch(l->f, at, present, next);
	block_start(l, present);
	compare(l, in, ir_var_get(l->f, other), found, next);
}

/* Leaves the id in @key; 0 where the stack found no place. */
static void intern(struct lower *l, const struct interning *in, struct ir_value *key)
{
	struct ir_block *head = block_new(l, "try"), *next = block_new(l, "occupied"),
			*lost = block_new(l, "lost"), *found = block_new(l, "interned"),
			*more = block_new(l, "more");
	struct ir_var *tries = ir_var_new(l->f, "tries");
	struct ir_value *n;

	ir_store(l->f, IR_STORE64, key, 0, hash(l, in));
	ir_var_set(l->f, tries, word_const(l, 0));
	ir_block_start(l->f, head);
	try_slot(l, in, key, found, next);
	block_start(l, next);
	n = word_add(l, ir_var_get(l->f, tries), 1);
	ir_var_set(l->f, tries, n);
	ir_branch(l->f, ir_compare(l->f, IR_ULT, n, word_const(l, TRIES)), more, lost);
	block_start(l, more);
	ir_store(l->f, IR_STORE64, key, 0, word_add(l, ir_load(l->f, IR_LOAD64, key, 0), 1));
	ir_jump(l->f, head);
	ir_block_seal(l->f, head);
	block_start(l, lost);
	ir_atomic(l->f, IR_ATOMIC_ADD, 8, globals(l, offsetof(struct image_globals, stack_lost)), 0,
		  word_const(l, 1));
	ir_store(l->f, IR_STORE64, key, 0, word_const(l, 0));
	block_start(l, found);
}

static uint32_t stacks_map(struct script *s)
{
	uint32_t map = script_role(s, MAP_STACKS);

	s->image->maps.v[map].value_size = offsetof(struct stack_entry, frames) +
					   8 * s->stack_limit;
	return map;
}

static void store_value(struct lower *l, struct dest to, struct ir_value *id, struct ir_value *pid,
			uint32_t limit)
{
	ir_store(l->f, IR_STORE64, to.base, to.offset + offsetof(struct stack_value, id), id);
	ir_store(l->f, IR_STORE32, to.base, to.offset + offsetof(struct stack_value, pid), pid);
	ir_store(l->f, IR_STORE32, to.base, to.offset + offsetof(struct stack_value, limit),
		 word_const(l, limit));
}

static struct ir_value *stack_into(struct lower *l, struct node *n, struct dest to)
{
	bool user = n->type->kind == TYPE_USTACK;
	struct interning in = { .map = stacks_map(l->s), .limit = n->type->count };
	struct ir_block *some = block_new(l, "some"), *done = block_new(l, "stack");
	struct ir_value *key = temp_slot(l, 8), *pid = word_const(l, 0), *bytes;
	uint32_t size = l->s->image->maps.v[in.map].value_size;

	if (user)
		pid = ir_binary(l->f, IR_LSHR, lower_pid_tgid(l), word_const(l, 32));
	in.entry = temp_slot(l, size);
	if (size <= 512)
		ir_zero(l->f, in.entry, 0,
			size); /* on the stack, all of it must have been written */
	ir_store(l->f, IR_STORE64, key, 0, word_const(l, 0));
	bytes = ir_call_helper(l->f, BPF_FUNC_get_stack, l->ctx,
			       word_add(l, in.entry, offsetof(struct stack_entry, frames)),
			       word_const(l, 8 * n->type->count),
			       word_const(l, user ? BPF_F_USER_STACK : 0));
	ir_branch(l->f, ir_compare(l->f, IR_SGT, bytes, word_const(l, 0)), some, done);
	block_start(l, some);
	in.header = ir_binary(l->f, IR_OR, ir_binary(l->f, IR_LSHR, bytes, word_const(l, 3)),
			      ir_binary(l->f, IR_SHL, pid, word_const(l, 32)));
	ir_store(l->f, IR_STORE64, in.entry, 0, in.header);
	intern(l, &in, key);
	block_start(l, done);
	store_value(l, to, ir_load(l->f, IR_LOAD64, key, 0), pid, n->type->count);
	return NULL;
}

const struct builtin builtin_stack[] = {
	{ .name = "kstack",
	  .sign = "(node?, node?) -> *",
	  .flags = BUILTIN_STACK | BUILTIN_VARIABLE,
	  .check = check_stack,
	  .into = stack_into,
	  .doc = "the kernel's stack, at most so many frames, in a mode",
	  .example = "@[kstack(perf, 5)] = count()" },
	{ .name = "ustack",
	  .sign = "(node?, node?) -> *",
	  .flags = BUILTIN_STACK | BUILTIN_VARIABLE,
	  .check = check_stack,
	  .into = stack_into,
	  .doc = "the process's stack, at most so many frames, in a mode",
	  .example = "@[ustack(5)] = count()" },
	{ 0 },
};
