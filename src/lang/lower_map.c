/*
 * Lowering maps.
 *
 * With keys: a hash; bytes of the key are padded with zeroes, so that equal keys are equal bytes.
 * Without: an array of one entry, the value padded to 8 bytes and then a u64 that is 1 once the
 * map was written:
 *
 *	@x = 7      [ 7 ][ 1 ]        delete(@x)      [ 0 ][ 0 ]
 *
 * A scalar map that is not per CPU is addressed directly. Needs and callers: see lower_expr.c.
 */
#include "image/agg.h"
#include "lang/lower.h"

struct ir_value *map_handle(struct lower *l, const struct script_map *m)
{
	return ir_map(l->f, m->index);
}

static const struct script_map *map_of(const struct node *n)
{
	return n->bound;
}

static bool is_fixed(const struct script_map *m)
{
	return !m->is_keyed && !m->percpu;
}

/* ---- keys ---- */

struct ir_value *map_key(struct lower *l, const struct node *n)
{
	const struct script_map *m = map_of(n);
	struct ir_value *slot;

	if (!m->is_keyed) {
		slot = temp_slot(l, 4);
		ir_store(l->f, IR_STORE32, slot, 0, word_const(l, 0));
		return slot;
	}
	slot = temp_slot(l, m->key->size);
	lower_into(l, node_kid(n, 0), (struct dest){ slot, 0, m->key, true });
	ir_span(l->f, n->span);
	return slot;
}

static struct ir_value *lookup(struct lower *l, const struct script_map *m, struct ir_value *key)
{
	return ir_call_helper(l->f, BPF_FUNC_map_lookup_elem, map_handle(l, m), key);
}

struct ir_value *map_find(struct lower *l, const struct node *n)
{
	const struct script_map *m = map_of(n);

	if (is_fixed(m))
		return ir_map_value(l->f, m->index, 0);
	return lookup(l, m, map_key(l, n));
}

/* ---- reading ---- */

/* With -k, a read that finds no key is told. */
static void warn_missing(struct lower *l, const struct node *n)
{
	if (l->s->opt->warn_helpers && map_of(n)->is_keyed)
		record_warning(l, n, "Can't lookup map element because it does not exist.");
}

static struct ir_value *read_word(struct lower *l, const struct node *n)
{
	const struct script_map *m = map_of(n);
	struct ir_block *found = block_new(l, "found"), *absent = block_new(l, "absent"),
			*done = block_new(l, "read");
	struct ir_var *var = ir_var_new(l->f, m->name);
	struct ir_value *at = map_find(l, n);

	ir_branch(l->f, at, found, absent);
	block_start(l, absent);
	ir_var_set(l->f, var, word_const(l, 0));
	warn_missing(l, n);
	ir_jump(l->f, done);
	block_start(l, found);
	ir_var_set(l->f, var, value_word(l, value_direct(m->value, at, 0)));
	block_start(l, done);
	return ir_var_get(l->f, var);
}

struct value map_read(struct lower *l, const struct node *n)
{
	const struct script_map *m = map_of(n);
	struct ir_value *base;

	if (type_is_aggregate(m->value))
		return value_of_word(n->type, map_folded(l, m, map_key(l, n)));
	if (!type_is_word(m->value)) {
		base = temp_slot(l, m->value->size);
		map_read_into(l, n, (struct dest){ base, 0, m->value, true });
		return value_direct(m->value, base, 0);
	}
	if (is_fixed(m))
		return value_of_word(n->type,
				     value_word(l, value_direct(m->value, map_find(l, n), 0)));
	return value_of_word(n->type, read_word(l, n));
}

struct ir_value *map_read_into(struct lower *l, const struct node *n, struct dest to)
{
	const struct script_map *m = map_of(n);
	struct ir_block *found, *absent, *done;
	struct ir_value *at = map_find(l, n);

	if (is_fixed(m))
		return value_store(l, value_direct(m->value, at, 0), to);
	found = block_new(l, "found");
	absent = block_new(l, "absent");
	done = block_new(l, "read");
	ir_branch(l->f, at, found, absent);
	block_start(l, absent);
	zero_bytes(l, to.base, to.offset, to.type->size);
	warn_missing(l, n);
	ir_jump(l->f, done);
	block_start(l, found);
	value_store(l, value_direct(m->value, at, 0), to);
	block_start(l, done);
	return NULL;
}

/* ---- writing ---- */

void map_mark_set(struct lower *l, const struct script_map *m, struct ir_value *base)
{
	uint32_t size = type_is_aggregate(m->value) ? agg_size(m->value) : m->value->size;

	if (!m->is_keyed)
		ir_store(l->f, IR_STORE64, base, ALIGN_UP(size, 8), word_const(l, 1));
}

void map_full(struct lower *l, const struct node *n, struct ir_block *full)
{
	struct ir_block *done = block_new(l, "written");

	ir_jump(l->f, done);
	block_start(l, full);
	if (map_of(n)->is_keyed)
		record_warning(l, n,
			       "Map full; can't update element. The setting max_map_keys says "
			       "how many keys a map has room for.");
	block_start(l, done);
}

/* The value in memory, as the map keeps it. */
static struct ir_value *value_slot(struct lower *l, const struct script_map *m,
				   const struct node *value)
{
	struct value v = lower_value(l, value);
	struct ir_value *slot;

	if (v.place == VALUE_DIRECT && v.type == m->value)
		return value_address(l, v);
	slot = temp_slot(l, m->value->size);
	value_store(l, v, (struct dest){ slot, 0, m->value, true });
	return slot;
}

void map_write(struct lower *l, const struct node *map, const struct node *value)
{
	const struct script_map *m = map_of(map);
	struct ir_block *full, *done;
	struct ir_value *from, *key, *err, *base;

	if (is_fixed(m)) {
		struct value v = lower_value(l, value);

		base = map_find(l, map);
		value_store(l, v, (struct dest){ base, 0, m->value, true });
		map_mark_set(l, m, base);
		return;
	}
	full = block_new(l, "full");
	done = block_new(l, "updated");
	from = value_slot(l, m, value);
	key = map_key(l, map);
	err = ir_call_helper(l->f, BPF_FUNC_map_update_elem, map_handle(l, m), key, from,
			     word_const(l, BPF_ANY));
	ir_branch(l->f, err, full, done);
	block_start(l, done);
	map_full(l, map, full);
}

/* Where a new entry's zeroes come from. */
static struct ir_value *zeroes(struct lower *l, uint32_t size)
{
	struct ir_value *slot;

	if (size > 64)
		return ir_map_value(l->f, script_zeroes(l->s, size), 0);
	slot = temp_slot(l, size);
	ir_zero(l->f, slot, 0, size);
	return slot;
}

static struct ir_value *scalar_entry(struct lower *l, const struct node *n, struct ir_block *full)
{
	const struct script_map *m = map_of(n);
	struct ir_block *found;
	struct ir_value *at = map_find(l, n);

	if (m->percpu) {
		found = block_new(l, "found");
		ir_branch(l->f, at, found, full);
		block_start(l, found);
	}
	map_mark_set(l, m, at);
	return at;
}

struct ir_value *map_entry(struct lower *l, const struct node *n, struct ir_block *full)
{
	const struct script_map *m = map_of(n);
	struct ir_block *create, *done;
	struct ir_value *key, *at;
	struct ir_var *var;
	uint32_t size;

	if (!m->is_keyed)
		return scalar_entry(l, n, full);
	create = block_new(l, "create");
	done = block_new(l, "entry");
	var = ir_var_new(l->f, m->name);
	size = type_is_aggregate(m->value) ? agg_size(m->value) : m->value->size;
	key = map_key(l, n);
	at = lookup(l, m, key);
	ir_var_set(l->f, var, at);
	ir_branch(l->f, at, done, create);
	block_start(l, create);
	/* whoever comes first makes it; then all find the same one */
	ir_call_helper(l->f, BPF_FUNC_map_update_elem, map_handle(l, m), key, zeroes(l, size),
		       word_const(l, BPF_NOEXIST));
	at = lookup(l, m, key);
	ir_var_set(l->f, var, at);
	ir_branch(l->f, at, done, full);
	block_start(l, done);
	return ir_var_get(l->f, var);
}

static const struct {
	uint16_t op;
	enum ir_op atomic;
	bool needs_fetch; /* came with the fetching ones */
} atomics[] = {
	{ TOKEN_PLUS, IR_ATOMIC_ADD, false }, { TOKEN_MINUS, IR_ATOMIC_ADD, false },
	{ TOKEN_AND, IR_ATOMIC_AND, true },   { TOKEN_OR, IR_ATOMIC_OR, true },
	{ TOKEN_XOR, IR_ATOMIC_XOR, true },
};

/* Whether @op on a map value can be done in one atomic instruction, and which. */
static bool find_atomic(struct lower *l, enum token_kind op, enum ir_op *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(atomics); i++) {
		if (atomics[i].op != op)
			continue;
		*ret = atomics[i].atomic;
		return !atomics[i].needs_fetch ||
		       target_has(l->s->env->target, FEATURE_ATOMIC_FETCH);
	}
	return false;
}

static void change_at(struct lower *l, enum token_kind op, const struct script_map *m,
		      struct ir_value *at, struct ir_value *by, const struct node *n)
{
	struct ir_value *old;
	enum ir_op atomic;

	if (m->value->kind == TYPE_INT && find_atomic(l, op, &atomic)) {
		if (op == TOKEN_MINUS)
			by = ir_unary(l->f, IR_NEG, by);
		ir_atomic(l->f, atomic, 8, at, 0, by);
		return;
	}
	old = value_word(l, value_direct(m->value, at, 0));
	ir_store(l->f, store_op(m->value->size), at, 0,
		 lower_arithmetic(l, op, m->value, old, by, n));
}

void map_change(struct lower *l, const struct node *n)
{
	const struct node *map = node_kid(n, 0);
	struct ir_block *full = block_new(l, "full");
	struct ir_value *by = lower_word(l, node_kid(n, 1));
	struct ir_value *at = map_entry(l, map, full);

	change_at(l, token_binary(n->op), map_of(map), at, by, n);
	map_full(l, map, full);
}

struct value map_step(struct lower *l, const struct node *n)
{
	const struct node *map = node_kid(n, 0);
	const struct script_map *m = map_of(map);
	enum token_kind op = n->op == TOKEN_INC ? TOKEN_PLUS : TOKEN_MINUS;
	struct ir_block *full = block_new(l, "full");
	struct ir_var *var = ir_var_new(l->f, "stepped");
	struct ir_value *one = word_const(l, 1), *at, *old;

	ir_var_set(l->f, var, word_const(l, 0));
	at = map_entry(l, map, full);
	if (target_has(l->s->env->target, FEATURE_ATOMIC_FETCH) && n->flag) {
		if (op == TOKEN_MINUS)
			one = word_const(l, -1);
		old = ir_atomic(l->f, IR_FETCH_ADD, 8, at, 0, one);
	} else {
		old = n->flag ? value_word(l, value_direct(m->value, at, 0)) : one;
		change_at(l, op, m, at, one, n);
	}
	if (n->kind != NODE_POSTFIX && n->flag)
		old = ir_binary(l->f, op == TOKEN_PLUS ? IR_ADD : IR_SUB, old, word_const(l, 1));
	ir_var_set(l->f, var, old);
	map_full(l, map, full);
	return value_of_word(n->type, ir_var_get(l->f, var));
}

/* ---- deleting ---- */

struct ir_value *map_delete(struct lower *l, const struct node *n)
{
	const struct script_map *m = map_of(n);
	struct ir_value *base, *was_set, *err;
	uint32_t size;

	if (m->is_keyed) {
		err = ir_call_helper(l->f, BPF_FUNC_map_delete_elem, map_handle(l, m),
				     map_key(l, n));
		return ir_compare(l->f, IR_EQ, err, word_const(l, 0));
	}
	base = ir_map_value(l->f, m->index, 0);
	size = ALIGN_UP(m->value->size, 8);
	was_set = ir_load(l->f, IR_LOAD64, base, size);
	ir_zero(l->f, base, 0, size + 8);
	return was_set;
}
