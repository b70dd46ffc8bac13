/*
 * CO-RE relocations, one at a time: the path that is asked for, the target's types that could be
 * meant, the answer for each, and the instruction that it goes into. See relocate.h.
 *
 *	"0:3:1" on struct s ──► s[0].m3.m1 ──► for each s of the target: bit 192, 4 bytes
 *					  └──► r1 = *(u32 *)(r1 +16)  becomes  ... (r1 +24)
 *
 * Needs: relocate_match.c. Called by object_read for each section of code.
 */
#include "image/relocate_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 64 << 20, INT_SIGNED = 1, CANDIDATES_MAX = 256 };

struct names {
	VEC(uint32_t) ids;
};

/* The answer to one relocation. */
struct answer {
	bool missing;    /* the target has no such thing */
	bool is_checked; /* the instruction must hold the local answer beforehand */
	uint64_t value;
	uint32_t size;                /* of what is loaded or stored; 0: does not matter */
	bool is_pointer, is_unsigned; /* what is loaded: may another size be loaded instead? */
};

/* One relocation on its way. */
struct core {
	struct relocate *r;
	const struct core_relo *relo;
	struct core_path local;
	const char *why; /* it makes no sense: the relocations end */
};

static bool is_field(uint32_t kind)
{
	return kind <= CORE_FIELD_RSHIFT;
}

static bool is_enum(uint32_t kind)
{
	return kind == CORE_ENUM_EXISTS || kind == CORE_ENUM_VALUE;
}

static bool is_question(uint32_t kind)
{
	return kind == CORE_FIELD_EXISTS || kind == CORE_TYPE_EXISTS || kind == CORE_ENUM_EXISTS ||
	       kind == CORE_TYPE_MATCHES;
}

/* ---- the local path ---- */

static bool take_number(const char **s, uint32_t *ret)
{
	char *end;
	unsigned long n;

	if (**s < '0' || **s > '9')
		return false;
	n = strtoul(*s, &end, 10);
	if (n > UINT32_MAX || (*end && *end != ':'))
		return false;
	*s = end + (*end == ':');
	*ret = (uint32_t)n;
	return true;
}

static bool add_member(struct core_path *p, uint32_t id, const uint32_t *record, uint32_t index)
{
	const uint32_t *member = record + BTF_COMMON + 3 * index;
	const char *name;

	if (index >= btf_entries(record))
		return false;
	name = btf_string(p->btf, member[0]);
	p->bit += btf_flag(record) ? member[2] & 0xffffff : member[2];
	if (*name)
		p->steps[p->n++] = (struct core_step){ id, index, name };
	return true;
}

/* A field's path: index into the root as if it were an array, then members and elements. */
static bool parse_field(struct core_path *p, const char *s)
{
	uint32_t index, id = p->root;
	int64_t size = btf_size(p->btf, id);

	if (!take_number(&s, &index) || size < 0)
		return false;
	p->steps[p->n++] = (struct core_step){ id, index, NULL };
	p->bit = index * (uint64_t)size * 8;
	while (*s) {
		const uint32_t *record;

		id = btf_strip(p->btf, id, true);
		record = btf_record(p->btf, id);
		if (p->n == CORE_PATH_MAX || !record || !take_number(&s, &index))
			return false;
		if (core_is_composite(record)) {
			if (!add_member(p, id, record, index))
				return false;
			id = record[BTF_COMMON + 3 * index + 1];
		} else if (btf_kind(record) == BTF_ARRAY) {
			id = record[BTF_COMMON];
			size = btf_size(p->btf, id);
			if (size < 0)
				return false;
			p->bit += index * (uint64_t)size * 8;
			p->steps[p->n++] = (struct core_step){ id, index, NULL };
		} else {
			return false;
		}
	}
	return true;
}

static bool parse_enum(struct core_path *p, const char *s)
{
	uint32_t index, id = btf_strip(p->btf, p->root, true);
	const uint32_t *record = btf_record(p->btf, id);

	if (!record || !core_is_enum(record) || !take_number(&s, &index) || *s ||
	    index >= btf_entries(record))
		return false;
	record += BTF_COMMON + index * (btf_kind(record) == BTF_ENUM64 ? 3 : 2);
	p->steps[p->n++] = (struct core_step){ id, index, btf_string(p->btf, record[0]) };
	return true;
}

static bool parse(struct core *c)
{
	const struct btf *btf = c->r->local;
	const char *access = btf_string(btf, c->relo->access);

	c->local = (struct core_path){ .btf = btf, .root = c->relo->type_id };
	if (c->relo->kind >= CORE_KIND_COUNT || !btf_record(btf, c->relo->type_id))
		return false;
	if (is_field(c->relo->kind))
		return parse_field(&c->local, access);
	return is_enum(c->relo->kind) ? parse_enum(&c->local, access) : streq(access, "0");
}

/* ---- answers ---- */

static const uint32_t *enum_entry(const struct core_path *p)
{
	const uint32_t *record = btf_record(p->btf, p->steps[0].type_id);

	return record + BTF_COMMON + p->steps[0].index * (btf_kind(record) == BTF_ENUM64 ? 3 : 2);
}

/* Where a field is: whole, or bits within the smallest unit around them that a load can take. */
struct core_place {
	uint32_t type_id;
	uint64_t bit;
	uint32_t byte, size; /* what is loaded */
	uint32_t bits;
	bool is_bits;
};

static bool find_unit(struct core_place *p)
{
	while (p->bit + p->bits > (uint64_t)p->byte * 8 + p->size * 8) {
		if (p->size >= 8)
			return false;
		p->size *= 2;
		p->byte = (uint32_t)(p->bit / 8 / p->size * p->size);
	}
	return true;
}

static bool place_field(const struct core_path *p, struct core_place *ret)
{
	const struct core_step *last = &p->steps[p->n - 1];
	const uint32_t *owner, *member, *type;
	int64_t size;

	*ret = (struct core_place){ .type_id = last->type_id, .bit = p->bit };
	if (last->name) {
		owner = btf_record(p->btf, last->type_id);
		member = owner + BTF_COMMON + 3 * last->index;
		ret->type_id = member[1];
		ret->bits = btf_flag(owner) ? member[2] >> 24 : 0;
	}
	size = btf_size(p->btf, ret->type_id);
	if (size < 0 || p->bit / 8 > INT32_MAX)
		return false;
	ret->size = (uint32_t)size;
	ret->is_bits = ret->bits != 0;
	type = btf_record(p->btf, btf_strip(p->btf, ret->type_id, true));
	if (!ret->is_bits && type && btf_kind(type) == BTF_INT && p->bit % 8) {
		ret->is_bits = true; /* older makers mark bit-fields by their place alone */
		ret->bits = type[BTF_COMMON] & 0xff;
	}
	if (!ret->is_bits) {
		ret->byte = (uint32_t)(p->bit / 8);
		ret->bits = ret->size * 8;
		return true;
	}
	if (!ret->size || ret->size > 8 || (ret->size & (ret->size - 1)))
		return false;
	ret->byte = (uint32_t)(p->bit / 8 / ret->size * ret->size);
	return find_unit(ret);
}

static bool is_signed(const struct btf *btf, uint32_t id)
{
	const uint32_t *r = btf_record(btf, btf_strip(btf, id, true));

	if (!r)
		return false;
	return core_is_enum(r) ? btf_flag(r)
			       : btf_kind(r) == BTF_INT && r[BTF_COMMON] >> 24 & INT_SIGNED;
}

static bool answer_field(const struct core *c, const struct core_path *p, struct answer *a)
{
	const uint32_t *type;
	struct core_place at;

	if (c->relo->kind == CORE_FIELD_EXISTS) {
		a->value = 1;
		return true;
	}
	if (!place_field(p, &at))
		return false;
	type = btf_record(p->btf, btf_strip(p->btf, at.type_id, true));
	switch (c->relo->kind) {
	case CORE_FIELD_OFFSET:
		a->value = at.byte;
		a->is_checked = !at.is_bits;
		a->size = at.is_bits ? 0 : at.size;
		a->is_pointer = type && btf_kind(type) == BTF_PTR;
		a->is_unsigned = type && btf_kind(type) == BTF_INT &&
				 !is_signed(p->btf, at.type_id);
		break;
	case CORE_FIELD_SIZE: a->value = at.size; break;
	case CORE_FIELD_SIGNED:
		a->value = is_signed(p->btf, at.type_id);
		a->is_checked = true;
		break;
	case CORE_FIELD_LSHIFT: a->value = 64 - (at.bit + at.bits - (uint64_t)at.byte * 8); break;
	case CORE_FIELD_RSHIFT:
		a->value = 64 - at.bits;
		a->is_checked = true;
		break;
	}
	return at.bits <= 64 || c->relo->kind <= CORE_FIELD_EXISTS;
}

/* The answer to @c's question for @p, which is a path in either BTF. */
static bool answer(const struct core *c, const struct core_path *p, struct answer *a)
{
	int64_t size;

	*a = (struct answer){ .is_checked = true };
	if (is_field(c->relo->kind)) {
		a->is_checked = false;
		return answer_field(c, p, a);
	}
	switch (c->relo->kind) {
	case CORE_TYPE_LOCAL:
		a->value = c->relo->type_id;
		a->is_checked = false;
		return true;
	case CORE_TYPE_TARGET:
		a->value = p->root;
		a->is_checked = false; /* compilers leave their own id there, or 0 */
		return true;
	case CORE_TYPE_EXISTS:
	case CORE_TYPE_MATCHES:
	case CORE_ENUM_EXISTS: a->value = 1; return true;
	case CORE_TYPE_SIZE:
		size = btf_size(p->btf, p->root);
		a->value = (uint64_t)size;
		return size >= 0;
	case CORE_ENUM_VALUE:
		a->value = (uint64_t)btf_enumerator_value(btf_record(p->btf, p->steps[0].type_id),
							  enum_entry(p));
		return true;
	}
	return false;
}

/* ---- the target's types ---- */

static bool match_enum(struct core *c, uint32_t id, struct core_path *ret)
{
	const struct btf *btf = c->r->target;
	const uint32_t *record = btf_record(btf, btf_strip(btf, id, true));
	const char *name = c->local.steps[0].name;
	size_t len = core_name_len(name);

	if (!record || !core_is_enum(record))
		return false;
	*ret = (struct core_path){ .btf = btf, .root = id, .n = 1 };
	for (uint32_t i = 0; i < btf_entries(record); i++) {
		uint32_t step = btf_kind(record) == BTF_ENUM64 ? 3 : 2;
		const char *its = btf_string(btf, record[BTF_COMMON + step * i]);

		if (!core_spend(c->r))
			return false;
		if (core_name_len(its) != len || memcmp(its, name, len) != 0)
			continue;
		ret->steps[0] = (struct core_step){ btf_strip(btf, id, true), i, its };
		return true;
	}
	return false;
}

static bool match(struct core *c, uint32_t id, struct core_path *ret)
{
	if (is_field(c->relo->kind))
		return core_path_match(c->r, &c->local, id, ret);
	if (is_enum(c->relo->kind))
		return match_enum(c, id, ret);
	*ret = (struct core_path){ .btf = c->r->target, .root = id };
	if (c->relo->kind == CORE_TYPE_MATCHES)
		return core_types_match(c->r, c->relo->type_id, id, false, 0);
	return core_types_fit(c->r, c->relo->type_id, id, 0);
}

static const char *root_name(const struct core *c)
{
	const uint32_t *record = btf_record(c->r->local, c->relo->type_id);

	return btf_string(c->r->local, record[BTF_NAME]);
}

/* Several types of one name are fine as long as they lead to one answer. */
static bool ask_target(struct core *c, struct answer *ret)
{
	const uint32_t *local = btf_record(c->r->local, c->relo->type_id);
	const char *name = root_name(c);
	const struct names *names = table_getn(&c->r->wanted, name, core_name_len(name));
	bool found = false;

	*ret = (struct answer){ .missing = true };
	for (uint32_t i = 0; names && i < names->ids.n; i++) {
		uint32_t id = names->ids.v[i];
		struct core_path path;
		struct answer a;

		if (!core_same_kind(local, btf_record(c->r->target, id)) || !match(c, id, &path))
			continue;
		if (!answer(c, &path, &a)) {
			c->why = "it asks what cannot be said of that field";
			return false;
		}
		if (found && a.value != ret->value) {
			c->why =
				"the target has several types of that name, with different answers";
			return false;
		}
		*ret = a;
		found = true;
	}
	if (!c->r->steps) {
		c->why = "comparing its types takes too long";
		return false;
	}
	if (!found && is_question(c->relo->kind)) {
		/* TYPE_EXISTS and the like: "no" is an answer */
		*ret = (struct answer){ .value = 0 };
	}
	return true;
}

/* ---- instructions ---- */

static void poison(struct insn *insn, uint32_t n)
{
	*insn = (struct insn){ .opcode = BPF_JMP | BPF_CALL, .imm = (int32_t)(POISON_HELPER + n) };
}

static uint32_t access_size(const struct insn *insn)
{
	switch (BPF_SIZE(insn->opcode)) {
	case BPF_B: return 1;
	case BPF_H: return 2;
	case BPF_W: return 4;
	default: return 8;
	}
}

static const uint8_t size_codes[9] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };

/* A member that has another size in the target: what is loaded with zeros above may be loaded so.
 */
static const char *resize(struct insn *insn, const struct answer *was, const struct answer *is)
{
	bool may = (was->is_pointer && is->is_pointer) || (was->is_unsigned && is->is_unsigned);

	if (!was->size || was->size == is->size)
		return NULL;
	if (!may || is->size > 8 || !size_codes[is->size] || BPF_MODE(insn->opcode) != BPF_MEM)
		return "has another size there, or a sign";
	if (access_size(insn) != was->size)
		return "has another size there, and is not accessed as a whole";
	insn->opcode = (uint8_t)((insn->opcode & ~0x18) | size_codes[is->size]);
	return NULL;
}

static const char *put_offset(struct insn *insn, const struct answer *was, const struct answer *is)
{
	if (was->is_checked && (uint64_t)(int64_t)insn->offset != was->value)
		return "";
	if (is->value > INT16_MAX)
		return "lies too far from the start there";
	insn->offset = (int16_t)is->value;
	return resize(insn, was, is);
}

static const char *put_wide(struct insn *insn, const struct answer *was, const struct answer *is)
{
	uint64_t held = (uint64_t)(uint32_t)insn[1].imm << 32 | (uint32_t)insn[0].imm;

	if (insn[0].src || (was->is_checked && held != was->value))
		return "";
	insn[0].imm = (int32_t)(uint32_t)is->value;
	insn[1].imm = (int32_t)(uint32_t)(is->value >> 32);
	return NULL;
}

/* Puts the answer into the instruction. A reason poisons it; "" says that it does not fit the
 * relocation at all. */
static const char *put(struct insn *insn, uint32_t left, const struct answer *was,
		       const struct answer *is)
{
	switch (BPF_CLASS(insn->opcode)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (insn->opcode & BPF_X ||
		    (was->is_checked && (uint32_t)insn->imm != (uint32_t)was->value))
			return "";
		insn->imm = (int32_t)(uint32_t)is->value;
		return NULL;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX: return put_offset(insn, was, is);
	case BPF_LD:
		return insn->opcode == (BPF_LD | BPF_IMM | BPF_DW) && left > 1
			       ? put_wide(insn, was, is)
			       : "";
	default: return "";
	}
}

static void describe_path(struct buf *out, const struct core *c)
{
	buf_puts(out, root_name(c));
	if (is_enum(c->relo->kind)) {
		buf_printf(out, ".%s", c->local.steps[0].name);
		return;
	}
	for (uint32_t i = 1; i < c->local.n; i++) {
		if (c->local.steps[i].name)
			buf_printf(out, ".%s", c->local.steps[i].name);
		else
			buf_printf(out, "[%u]", c->local.steps[i].index);
	}
}

static const char *describe(const struct core *c, const char *before, const char *after)
{
	struct buf path = { 0 };
	char text[256];

	describe_path(&path, c);
	/* nothing on the heap may be held where an arena can run out */
	snprintf(text, sizeof(text), "%s%s%s%s", before, path.data ? path.data : "it",
		 *after ? " " : "", after);
	buf_done(&path);
	return arena_strdup(c->r->arena, text);
}

static void add_poison(struct core *c, struct insn *insns, const char *why,
		       struct image_poisons *poisons, uint32_t number)
{
	struct insn *insn = &insns[c->relo->insn];

	if (insn->opcode == (BPF_LD | BPF_IMM | BPF_DW))
		poison(insn + 1, number);
	poison(insn, number);
	vec_push(c->r->arena, poisons, (struct image_poison){ c->relo->insn, why });
}

static int by_insn(const void *a, const void *b)
{
	const struct image_poison *x = a, *y = b;

	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

/* One relocation; c->why says why it cannot be. */
static void apply(struct core *c, struct insn *insns, uint32_t n, struct image_poisons *poisons,
		  uint32_t number)
{
	struct insn *insn = &insns[c->relo->insn];
	struct answer was, is;
	const char *bad;
	bool wide = insn->opcode == (BPF_LD | BPF_IMM | BPF_DW);

	if (!parse(c) || (!*root_name(c) && c->relo->kind != CORE_TYPE_LOCAL)) {
		c->why = "its path leads nowhere in its own types";
		return;
	}
	if (!answer(c, &c->local, &was)) {
		c->why = "it asks what cannot be said of that field";
		return;
	}
	if (c->relo->kind == CORE_TYPE_LOCAL)
		is = was;
	else if (!ask_target(c, &is))
		return;
	if (wide && c->relo->insn + 1 >= n) {
		c->why = "it is at half an instruction";
		return;
	}
	if (is.missing) {
		add_poison(c, insns, describe(c, "the target has no ", ""), poisons, number);
		return;
	}
	bad = put(insn, n - c->relo->insn, &was, &is);
	if (bad && !*bad)
		c->why = "its instruction does not hold what it should";
	else if (bad)
		add_poison(c, insns, describe(c, "", bad), poisons, number);
}

int relocate_insns(struct relocate *r, struct insn *insns, uint32_t n,
		   const struct core_relos *relos, struct image_poisons *poisons,
		   const char **ret_why)
{
	for (uint32_t i = 0; i < relos->n; i++) {
		struct core c = { .r = r, .relo = &relos->v[i] };

		if (relos->v[i].insn >= n)
			c.why = "it is behind the code";
		else
			apply(&c, insns, n, poisons, i);
		if (!c.why)
			continue;
		*ret_why = arena_printf(r->arena, "CO-RE relocation %u (instruction %u): %s", i,
					relos->v[i].insn, c.why);
		return -EINVAL;
	}
	if (poisons->n)
		qsort(poisons->v, poisons->n, sizeof(*poisons->v), by_insn);
	return 0;
}

/* ---- the walk over the target ---- */

void relocate_init(struct relocate *r, struct arena *arena, const struct btf *local,
		   const struct btf *target)
{
	*r = (struct relocate){
		.arena = arena, .local = local, .target = target, .steps = STEPS_MAX
	};
}

void relocate_want(struct relocate *r, const struct core_relos *relos)
{
	for (uint32_t i = 0; i < relos->n; i++) {
		const uint32_t *record = btf_record(r->local, relos->v[i].type_id);
		const char *name = record ? btf_string(r->local, record[BTF_NAME]) : "";
		size_t len = core_name_len(name);

		if (len && !table_getn(&r->wanted, name, len))
			table_put(r->arena, &r->wanted, arena_strndup(r->arena, name, len),
				  arena_new(r->arena, struct names));
	}
}

static bool may_be_wanted(enum btf_kind kind)
{
	switch (kind) {
	case BTF_FUNC:
	case BTF_VAR:
	case BTF_DATASEC:
	case BTF_DECL_TAG:
	case BTF_TYPE_TAG: return false;
	default: return true;
	}
}

void relocate_find(struct relocate *r)
{
	const uint32_t *record = btf_first(r->target);

	for (uint32_t id = 1; r->wanted.n && id <= btf_count(r->target);
	     id++, record = btf_after(record)) {
		const char *name = btf_string(r->target, record[BTF_NAME]);
		struct names *names;

		if (!*name || !may_be_wanted(btf_kind(record)))
			continue;
		names = table_getn(&r->wanted, name, core_name_len(name));
		if (names && names->ids.n < CANDIDATES_MAX)
			vec_push(r->arena, &names->ids, id);
	}
}
