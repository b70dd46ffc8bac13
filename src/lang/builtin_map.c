/*
 * Builtins that take a map: delete, has_key, len, clear, zero. See builtin.h.
 */
#include "lang/builtin.h"

/* delete(@m, k) is the same as delete(@m[k]): the key is moved into the map's node. */
static struct node *take_key(struct check *c, struct node *n)
{
	struct node *map = node_kid(n, 0), *key = node_kid(n, 1);

	if (map->kind != NODE_MAP) {
		diag_error(c->diags, map->span, "%s() expects a map", n->name);
		return NULL;
	}
	if (key && node_kid(map, 0)) {
		diag_error(c->diags, key->span, "%s() got two keys", n->name);
		return NULL;
	}
	if (key) {
		node_add(c->s->arena, map, key);
		n->kids.n = 1;
	}
	return map;
}

static void missing_key(struct check *c, struct node *n, const struct script_map *m)
{
	diag_error(c->diags, n->span, "%s() needs a key: %s(%s, key)", n->name, n->name, m->name);
	if (streq(n->name, "delete"))
		diag_hint(c->diags, "clear(%s) removes all keys", m->name);
}

/* delete(@x) says nothing about whether the map has keys: those who write it do. */
static void check_delete(struct check *c, struct node *n)
{
	struct node *map = take_key(c, n);
	struct script_map *m;

	if (!map)
		return;
	m = node_kid(map, 0) ? check_map(c, map) : check_map_whole(c, map, false);
	if (!m->value)
		diag_error(c->diags, map->span, "Undefined map: %s", m->name);
	else if (m->is_keyed && !node_kid(map, 0))
		missing_key(c, n, m);
	else if (!m->is_keyed && type_is_aggregate(m->value))
		c->s->writes_records = true;
}

static struct value clear_record(struct lower *l, struct node *n, enum render_kind kind)
{
	const struct script_map *m = node_kid(n, 0)->bound;

	record_write(l, n, (struct image_site){ .kind = kind, .map = m->index }, 0, 0);
	return value_nothing();
}

/* With -k, whoever does not look at the result is told that nothing was there. */
static struct ir_value *deleted(struct lower *l, const struct node *n, struct ir_value *was_there)
{
	struct ir_block *absent, *done;

	if (!n->flag || !l->s->opt->warn_helpers)
		return was_there;
	absent = block_new(l, "absent");
	done = block_new(l, "deleted");
	ir_branch(l->f, was_there, done, absent);
	block_start(l, absent);
	record_warning(l, n, "Can't delete map element because it does not exist.");
	block_start(l, done);
	return was_there;
}

static struct value lower_delete(struct lower *l, struct node *n)
{
	const struct node *map = node_kid(n, 0);
	const struct script_map *m = map->bound;

	/* the values of other CPUs are out of reach here */
	if (!m->is_keyed && m->percpu) {
		clear_record(l, n, RENDER_CLEAR);
		return value_of_word(n->type, word_const(l, 1));
	}
	return value_of_word(n->type, deleted(l, n, map_delete(l, map)));
}

static void check_has_key(struct check *c, struct node *n)
{
	struct node *map = take_key(c, n);
	struct script_map *m;

	if (!map)
		return;
	if (!node_kid(map, 0)) {
		missing_key(c, n, script_map(c->s, map->name, map->span));
		return;
	}
	m = check_map(c, map);
	if (!m->value)
		diag_error(c->diags, map->span, "Undefined map: %s", m->name);
}

static struct value lower_has_key(struct lower *l, struct node *n)
{
	struct ir_value *at = map_find(l, node_kid(n, 0));

	return value_of_word(n->type, ir_compare(l->f, IR_NE, at, word_const(l, 0)));
}

/* find(@m, k, $v): the key goes into the map's node, as above. */
static void check_find(struct check *c, struct node *n)
{
	struct node *map = node_kid(n, 0), *into = node_kid(n, n->kids.n - 1);
	struct script_map *m;

	if (n->kids.n == 3) {
		if (map->kind != NODE_MAP || map->kids.n) {
			diag_error(c->diags, map->span, "find() expects a map");
			return;
		}
		node_add(c->s->arena, map, node_kid(n, 1));
		n->kids.v[1] = into;
		n->kids.n = 2;
	}
	m = check_map(c, map);
	if (into->kind != NODE_VARIABLE) {
		diag_error(c->diags, into->span, "find() needs a variable to put the value into");
		return;
	}
	check_expr(c, into);
	if (!m->value)
		diag_error(c->diags, map->span, "Undefined map: %s", m->name);
	else if (type_is_aggregate(m->value))
		diag_error(c->diags, map->span, "find() cannot copy a %s value",
			   type_name(c->s->types, m->value));
	else if (into->bound)
		check_variable_put(c, into->bound, m->value, into);
}

static struct value lower_find(struct lower *l, struct node *n)
{
	const struct node *map = node_kid(n, 0);
	const struct script_map *m = map->bound;
	struct ir_block *found = block_new(l, "found"), *done = block_new(l, "sought");
	struct ir_var *result = ir_var_new(l->f, "found");
	struct ir_value *at = map_find(l, map);

	ir_var_set(l->f, result, word_const(l, 0));
	ir_branch(l->f, at, found, done);
	block_start(l, found);
	variable_store(l, node_kid(n, 1)->bound, value_direct(m->value, at, 0));
	ir_var_set(l->f, result, word_const(l, 1));
	block_start(l, done);
	return value_of_word(n->type, ir_var_get(l->f, result));
}

/* ---- len ---- */

static bool is_stack_map(struct check *c, const struct node *n)
{
	const struct script_map *m = script_map(c->s, n->name, n->span);

	return m->value && !m->is_keyed && type_is_stack(m->value);
}

static void check_len(struct check *c, struct node *n)
{
	struct node *of = node_kid(n, 0);
	const struct type *t;

	if (of->kind == NODE_MAP && !node_kid(of, 0) && !is_stack_map(c, of)) {
		check_map_whole(c, of, true);
		if (!target_has(c->s->env->target, FEATURE_FOR_EACH_MAP))
			diag_error(c->diags, n->span, "len() of a map needs Linux 5.13 (%s)",
				   feature_rows[FEATURE_FOR_EACH_MAP].name);
		return;
	}
	t = check_value(c, of);
	if (!type_is_none(t) && !type_is_stack(t))
		diag_error(c->diags, of->span,
			   "len() expects a map with keys or a stack ('%s' "
			   "provided)",
			   type_name(c->s->types, t));
}

/* bpf_for_each_map_elem() returns how many entries it went to. */
static struct ir_value *count_entries(struct lower *l, const struct script_map *m)
{
	const char *name = arena_printf(l->s->arena, "len%u", ++*l->ncallbacks);
	struct ir_func *f = ir_func_new(l->module, name, 4, IR_CALLBACK);
	struct ir_value *zero = word_const(l, 0);

	ir_return(f, ir_const(f, 0));
	ir_seal_all(f);
	return ir_call_helper(l->f, BPF_FUNC_for_each_map_elem, map_handle(l, m),
			      ir_func_address(l->f, f), zero, zero);
}

static struct ir_value *count_frames(struct lower *l, const struct node *of)
{
	struct value stack = value_bytes(l, lower_value(l, of));
	struct ir_block *found = block_new(l, "found"), *done = block_new(l, "frames");
	struct ir_var *n = ir_var_new(l->f, "frames");
	struct ir_value *at;

	ir_var_set(l->f, n, word_const(l, 0));
	at = ir_call_helper(l->f, BPF_FUNC_map_lookup_elem,
			    ir_map(l->f, script_role(l->s, MAP_STACKS)), value_address(l, stack));
	ir_branch(l->f, at, found, done);
	block_start(l, found);
	ir_var_set(l->f, n, ir_load(l->f, IR_LOAD32, at, offsetof(struct stack_entry, nframes)));
	block_start(l, done);
	return ir_var_get(l->f, n);
}

static struct value lower_len(struct lower *l, struct node *n)
{
	const struct node *of = node_kid(n, 0);

	if (of->kind == NODE_MAP && !type_is_stack(of->type))
		return value_of_word(n->type, count_entries(l, of->bound));
	return value_of_word(n->type, count_frames(l, of));
}

/* ---- later, in user space ---- */

static struct value lower_clear(struct lower *l, struct node *n)
{
	return clear_record(l, n, RENDER_CLEAR);
}

static struct value lower_zero(struct lower *l, struct node *n)
{
	return clear_record(l, n, RENDER_ZERO);
}

const struct builtin builtin_map[] = {
	{ .name = "delete",
	  .sign = "(node, node?) -> bool",
	  .check = check_delete,
	  .lower = lower_delete,
	  .doc = "removes one key; whether it was there",
	  .example = "delete(@start, tid)" },
	{ .name = "has_key",
	  .sign = "(node, node?) -> bool",
	  .check = check_has_key,
	  .lower = lower_has_key,
	  .doc = "whether the map has this key",
	  .example = "if (has_key(@start, tid)) { }" },
	{ .name = "find",
	  .sign = "(node, node, node?) -> bool",
	  .check = check_find,
	  .lower = lower_find,
	  .doc = "copies the value under a key to a variable; whether it was there",
	  .example = "$t = 0; if (find(@start, tid, $t)) { print($t) }" },
	{ .name = "len",
	  .sign = "(node) -> int64",
	  .check = check_len,
	  .lower = lower_len,
	  .doc = "how many keys a map has, or frames a stack",
	  .example = "print(len(@start))" },
	{ .name = "clear",
	  .sign = "(map) -> void",
	  .flags = BUILTIN_RECORD,
	  .lower = lower_clear,
	  .doc = "empties a map",
	  .example = "clear(@start)" },
	{ .name = "zero",
	  .sign = "(map) -> void",
	  .flags = BUILTIN_RECORD,
	  .lower = lower_zero,
	  .doc = "sets all values of a map to 0",
	  .example = "zero(@bytes)" },
	{ 0 },
};
