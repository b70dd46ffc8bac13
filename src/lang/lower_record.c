/*
 * Lowering records: what a program tells user space.
 *
 *	printf("%d %s\n", pid, str(p))    [ site | 0 ][ pid ][ text ............ ]
 *
 * Members of a record lie in memory with words first and the longest string last, so that a
 * record can be cut behind what the string really holds. A small one is built in the ring
 * itself, a large one in a slot. A record that finds no room is counted for its site.
 *
 * Needs and callers: see lower_expr.c; builtin_print.c above all.
 */

#include "lang/builtin.h"

/* Above this a record is copied into the ring, no longer than it has to be. */
enum { RESERVE_MAX = 256 };

struct record {
	const struct node *call;
	uint32_t first, n; /* children that are its values */
	const struct type *type;
	uint32_t last; /* the member that ends it, n: none */
	uint32_t size;
	uint32_t site;
	uint32_t ring; /* map */
};

/* ---- layout ---- */

static bool is_text(const struct type *t)
{
	return t->kind == TYPE_STRING || t->kind == TYPE_BUFFER;
}

static uint32_t place_member(struct type_member *m, uint32_t offset)
{
	uint32_t align = is_text(m->type) || !m->type->align ? 8 : m->type->align;

	m->offset = ALIGN_UP(offset, align);
	return m->offset + m->type->size;
}

/* Places strings from the shortest to the longest, each once. */
static uint32_t place_strings(struct type *t, uint32_t offset, uint32_t *ret_last)
{
	for (;;) {
		uint32_t best = t->nmembers;

		for (uint32_t i = 0; i < t->nmembers; i++)
			if (is_text(t->members[i].type) && !t->members[i].offset &&
			    (best == t->nmembers ||
			     t->members[i].type->size < t->members[best].type->size))
				best = i;
		if (best == t->nmembers)
			return offset;
		offset = place_member(&t->members[best], offset);
		*ret_last = best;
	}
}

static void lay_out(struct lower *l, struct record *r, uint32_t head)
{
	struct type *t = type_copy(l->s->types, type_tuple(l->s->types, NULL, 0));
	uint32_t offset = head;

	t->members = arena_array(l->s->arena, struct type_member, r->n);
	t->nmembers = r->n;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct type *member = r->call->kids.v[r->first + i]->type;

		t->members[i].type = type_text(l->s->types, member);
		if (!is_text(t->members[i].type))
			offset = place_member(&t->members[i], offset);
	}
	r->last = r->n;
	offset = place_strings(t, offset, &r->last);
	t->size = r->size = ALIGN_UP(offset, 8);
	t->align = 8;
	r->type = t;
}

/* ---- sites ---- */

static bool same_args(const struct type *a, const struct type *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->nmembers != b->nmembers || a->size != b->size)
		return false;
	for (uint32_t i = 0; i < a->nmembers; i++)
		if (a->members[i].offset != b->members[i].offset ||
		    !type_equal(a->members[i].type, b->members[i].type))
			return false;
	return true;
}

uint32_t record_site(struct lower *l, const struct image_site *site)
{
	struct image *img = l->s->image;

	for (uint32_t i = 0; i < img->sites.n; i++) {
		const struct image_site *old = &img->sites.v[i];

		if (old->kind == site->kind && old->span.lo == site->span.lo &&
		    old->span.hi == site->span.hi && old->format == site->format &&
		    old->map == site->map && same_args(old->args, site->args))
			return i;
	}
	return image_site_add(img, site);
}

/* ---- loss ---- */

/* MAP_LOSS[site]++ */
static void count_loss(struct lower *l, uint32_t site)
{
	struct ir_block *found = block_new(l, "count"), *done = block_new(l, "counted");
	struct ir_value *key = temp_slot(l, 4), *at;

	ir_store(l->f, IR_STORE32, key, 0, word_const(l, site));
	at = ir_call_helper(l->f, BPF_FUNC_map_lookup_elem,
			    ir_map(l->f, script_role(l->s, MAP_LOSS)), key);
	ir_branch(l->f, at, found, done);
	block_start(l, found);
	ir_atomic(l->f, IR_ATOMIC_ADD, 8, at, 0, word_const(l, 1));
	block_start(l, done);
}

/* ---- small records: built in the ring ---- */

static void store_head(struct lower *l, const struct record *r, struct ir_value *base)
{
	/* struct record_head: site in the low half, 0 in the high */
	ir_store(l->f, IR_STORE64, base, offsetof(struct record_head, site),
		 word_const(l, r->site));
}

static struct dest member_dest(const struct record *r, struct ir_value *base, uint32_t i)
{
	const struct type_member *m = &r->type->members[i];

	return (struct dest){ base, m->offset, m->type, false };
}

/* Room in the ring; where there is none, the loss is counted and code goes on at @done. */
static struct ir_value *reserve(struct lower *l, const struct record *r, struct ir_block *done)
{
	struct ir_block *have = block_new(l, "have"), *lost = block_new(l, "lost");
	struct ir_value *base;

	base = ir_call_helper(l->f, BPF_FUNC_ringbuf_reserve, ir_map(l->f, r->ring),
			      word_const(l, r->size), word_const(l, 0));
	ir_branch(l->f, base, have, lost);
	block_start(l, lost);
	count_loss(l, r->site);
	ir_jump(l->f, done);
	block_start(l, have);
	return base;
}

/* What can be written to its place at once, with no memory of its own. */
static bool is_inline(const struct node *n)
{
	const struct builtin *b = n->bound;

	if (n->kind == NODE_STRING)
		return true;
	return (n->kind == NODE_CALL || n->kind == NODE_IDENT) && b && b->flags & BUILTIN_INLINE;
}

/*
 * Values are evaluated before room is taken, so that it is held as short as can be, and because
 * nothing may leave the program while it is held: the claim of a scratch frame could.
 */
static void write_reserved(struct lower *l, const struct record *r)
{
	struct value *values = arena_array(l->s->arena, struct value, r->n);
	struct ir_block *done = block_new(l, "told");
	struct ir_value *base;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct node *n = r->call->kids.v[r->first + i];

		if (is_inline(n))
			continue;
		values[i] = lower_value(l, n);
		if (type_is_word(n->type))
			values[i] = value_of_word(n->type, value_word(l, values[i]));
	}
	ir_span(l->f, r->call->span);
	base = reserve(l, r, done);
	store_head(l, r, base);
	for (uint32_t i = 0; i < r->n; i++) {
		if (values[i].type)
			value_store(l, values[i], member_dest(r, base, i));
		else
			lower_into(l, r->call->kids.v[r->first + i], member_dest(r, base, i));
	}
	ir_span(l->f, r->call->span);
	ir_call_helper(l->f, BPF_FUNC_ringbuf_submit, base, word_const(l, 0));
	block_start(l, done);
}

/* ---- large records: built in a slot ---- */

void record_output(struct lower *l, uint32_t site, struct ir_value *base, struct ir_value *size)
{
	struct ir_block *lost = block_new(l, "lost"), *done = block_new(l, "told");
	struct ir_value *err;

	err = ir_call_helper(l->f, BPF_FUNC_ringbuf_output,
			     ir_map(l->f, script_role(l->s, MAP_RING)), base, size,
			     word_const(l, 0));
	ir_branch(l->f, err, lost, done);
	block_start(l, lost);
	count_loss(l, site);
	block_start(l, done);
}

static void write_slot(struct lower *l, const struct record *r)
{
	struct ir_value *base = temp_slot(l, r->size), *used = NULL, *size;

	store_head(l, r, base);
	for (uint32_t i = 0; i < r->n; i++) {
		struct ir_value *n = lower_into(l, r->call->kids.v[r->first + i],
						member_dest(r, base, i));

		if (i == r->last)
			used = n;
	}
	ir_span(l->f, r->call->span);
	size = word_const(l, r->size);
	if (used) {
		const struct type_member *m = &r->type->members[r->last];

		size = word_add(l, at_most(l, used, m->type->size), m->offset);
	}
	record_output(l, r->site, base, size);
}

void record_write(struct lower *l, const struct node *call, struct image_site site, uint32_t first,
		  uint32_t n)
{
	struct record r = { .call = call, .first = first, .n = n };

	lay_out(l, &r, sizeof(struct record_head));
	site.args = n ? r.type : NULL;
	site.span = call->span;
	r.site = record_site(l, &site);
	r.ring = script_role(l->s, MAP_RING);
	if (r.size <= RESERVE_MAX)
		write_reserved(l, &r);
	else
		write_slot(l, &r);
}

/* ---- what must not be lost ---- */

struct ir_value *globals(struct lower *l, int64_t offset)
{
	return ir_map_value(l->f, script_role(l->s, MAP_GLOBALS), offset);
}

/* struct urgent_head, then at most one word */
static void write_urgent(struct lower *l, struct image_site *site, struct ir_value *word)
{
	struct record r = { .ring = script_role(l->s, MAP_URGENT),
			    .size = sizeof(struct urgent_head) + (word ? 8 : 0) };
	struct ir_block *done = block_new(l, "told");
	struct ir_value *pos = word_const(l, 0), *base;

	r.site = record_site(l, site);
	if (l->s->writes_records)
		pos = ir_call_helper(l->f, BPF_FUNC_ringbuf_query,
				     ir_map(l->f, script_role(l->s, MAP_RING)),
				     word_const(l, BPF_RB_PROD_POS));
	base = reserve(l, &r, done);
	store_head(l, &r, base);
	ir_store(l->f, IR_STORE64, base, offsetof(struct urgent_head, main_pos), pos);
	if (word)
		ir_store(l->f, IR_STORE64, base, sizeof(struct urgent_head), word);
	ir_call_helper(l->f, BPF_FUNC_ringbuf_submit, base, word_const(l, BPF_RB_FORCE_WAKEUP));
	block_start(l, done);
}

void record_exit(struct lower *l, const struct node *call, struct ir_value *code)
{
	const struct type *word = type_int(l->s->types, 8, true);
	struct type *args = type_copy(l->s->types, type_tuple(l->s->types, &word, 1));
	struct image_site site = { .kind = RENDER_EXIT, .args = args, .span = call->span };
	int64_t offset = offsetof(struct image_globals, exit_code);

	args->members[0].offset = sizeof(struct urgent_head);
	args->size = sizeof(struct urgent_head) + 8;
	ir_store(l->f, IR_STORE32, globals(l, offset), 0, code);
	write_urgent(l, &site, code);
	/* last, so that no program that still runs finds the word set and its record missing */
	ir_store(l->f, IR_STORE32, globals(l, offsetof(struct image_globals, stop)), 0,
		 word_const(l, 1));
}

static uint32_t told_word(struct lower *l, uint32_t site)
{
	struct script *s = l->s;

	for (uint32_t i = 0; i < s->told.n; i++)
		if (s->told.v[i].site == site)
			return s->told.v[i].offset;
	vec_push(s->arena, &s->told, (struct told){ site, script_word(s) });
	return s->told.v[s->told.n - 1].offset;
}

void record_warning(struct lower *l, const struct node *n, const char *message)
{
	struct image_site site = { .kind = RENDER_WARNING, .format = message, .span = n->span };
	struct ir_block *tell = block_new(l, "warn"), *done = block_new(l, "warned");
	struct ir_value *told = globals(l, told_word(l, record_site(l, &site)));

	ir_branch(l->f, ir_load(l->f, IR_LOAD64, told, 0), done, tell);
	block_start(l, tell);
	ir_store(l->f, IR_STORE64, told, 0, word_const(l, 1));
	write_urgent(l, &site, NULL);
	block_start(l, done);
}
