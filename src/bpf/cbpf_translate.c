/*
 * Classic BPF to eBPF.
 *
 *	A  r0    X  r7    M[k]  r10 - 4 * (16 - k)    context  r6    A kept over a load  r8
 *	with direct access r8 and r9 are data and data_end, and loads go to their register at once
 *
 * All arithmetic is 32 bits wide, so the upper halves of r0 and r7 stay zero. What ends a filter
 * with 0 (a load outside the packet, a division by X = 0) jumps to the program's last two
 * instructions; a failing LD_ABS leaves the program by itself, with 0 too.
 *
 * Instructions that no way leads to are left out: Linux takes them in a filter, but its verifier
 * refuses them.
 *
 * Needs: a filter that cbpf_check() accepted; insn.def. Called by cmd/ and tests.
 */
#include <errno.h>
#include <string.h>

#include "bpf/cbpf.h"
#include "bpf/form.h"
#include "bpf/uapi.h"

enum { A = 0, T1 = 1, T3 = 3, CTX = 6, X = 7, SAVED = 8, DATA = 8, DATA_END = 9, FP = 10 };

/* Offsets in the contexts (include/uapi/linux/bpf.h). */
enum { XDP_DATA = 0, XDP_END = 4, SKB_LEN = 0, SKB_DATA = 76, SKB_END = 80 };

/* The verifier bounds variable offsets into packets by this: MAX_PACKET_OFF. */
enum { FURTHEST = 0xffff, ETHER_HEADER = 14 };

/* A jump whose distance is known at the end: slot @from goes to where @to is translated. */
struct jump {
	uint32_t from, to; /* to: index in the filter, FAIL: the end with 0 */
};
enum { FAIL = UINT16_MAX };

struct translator {
	const struct cinsn *insns;
	const struct cinsn *i; /* in hand */
	uint32_t at, n;
	const struct cbpf_translate *opt;
	struct diags *d;
	VEC(struct insn) out;
	VEC(struct jump) jumps;
	uint32_t start[CBPF_MAX]; /* where each instruction's translation begins */
	bool reached[CBPF_MAX];
	bool ends; /* the instruction in hand never goes on */
};

static void emit(struct translator *t, enum insn_id id, unsigned dst, unsigned src, int offset,
		 int64_t imm)
{
	vec_push(t->d->arena, &t->out, insn_make(id, dst, src, offset, imm));
}

static void emit_jump(struct translator *t, enum insn_id id, unsigned dst, unsigned src,
		      int64_t imm, uint32_t to)
{
	struct jump j = { t->out.n, to };

	vec_push(t->d->arena, &t->jumps, j);
	emit(t, id, dst, src, 0, imm);
}

static int refuse(struct translator *t, const char *what)
{
	diag_error(t->d, SPAN_NONE, "instruction %u: %s", t->at, what);
	return -EOPNOTSUPP;
}

/* ---- the packet ---- */

static bool is_direct(const struct translator *t)
{
	return t->opt->way != CBPF_LEGACY;
}

static void emit_start(struct translator *t)
{
	bool xdp = t->opt->way == CBPF_XDP;

	emit(t, INSN_MOV64_X, CTX, 1, 0, 0);
	emit(t, INSN_MOV32_K, A, 0, 0, 0);
	emit(t, INSN_MOV32_K, X, 0, 0, 0);
	if (!is_direct(t))
		return;
	emit(t, INSN_LOAD32, DATA, CTX, xdp ? XDP_DATA : SKB_DATA, 0);
	emit(t, INSN_LOAD32, DATA_END, CTX, xdp ? XDP_END : SKB_END, 0);
}

/*
 * r1 = data + offset			@offset in r1 already, when @indirect
 * if (r1 + size > data_end) return 0;
 * dst = *(r1) in host order
 */
static void emit_access(struct translator *t, unsigned dst, uint32_t offset, uint32_t width,
			bool indirect)
{
	static const enum insn_id loads[] = { INSN_LOAD8, INSN_LOAD16, INSN_LOAD32 };
	unsigned log = width == 8 ? 0 : width == 16 ? 1 : 2;

	if (indirect)
		emit_jump(t, INSN_JGT64_K, T1, 0, FURTHEST - 4, FAIL);
	else
		emit(t, INSN_MOV64_K, T1, 0, 0, offset);
	emit(t, INSN_ADD64_X, T1, DATA, 0, 0);
	emit(t, INSN_MOV64_X, T3, T1, 0, 0);
	emit(t, INSN_ADD64_K, T3, 0, 0, width / 8);
	emit_jump(t, INSN_JGT64_X, T3, DATA_END, 0, FAIL);
	emit(t, loads[log], dst, T1, 0, 0);
	if (width > 8)
		emit(t, width == 16 ? INSN_BE16 : INSN_BE32, dst, 0, 0, 0);
}

/* Where an absolute offset lies counted from data, which is where the link header begins. */
static uint32_t direct_offset(uint32_t k)
{
	if ((int32_t)k >= 0)
		return k;
	if (k >= CBPF_NET_OFF)
		return k - CBPF_NET_OFF + ETHER_HEADER;
	return k >= CBPF_LINK_OFF ? k - CBPF_LINK_OFF : UINT32_MAX;
}

static void direct_absolute(struct translator *t, unsigned dst, uint32_t k, uint32_t width)
{
	uint32_t offset = direct_offset(k);

	if (offset <= FURTHEST - 4) {
		emit_access(t, dst, offset, width, false);
	} else {
		emit_jump(t, INSN_JA, 0, 0, 0, FAIL); /* outside every packet */
		t->ends = true;
	}
}

static void legacy_load(struct translator *t, bool indirect, uint32_t k, uint32_t width)
{
	static const enum insn_id absolute[] = { INSN_LD_ABS8, INSN_LD_ABS16, INSN_LD_ABS32 };
	static const enum insn_id index[] = { INSN_LD_IND8, INSN_LD_IND16, INSN_LD_IND32 };
	unsigned log = width == 8 ? 0 : width == 16 ? 1 : 2;

	emit(t, indirect ? index[log] : absolute[log], 0, X, 0, (int32_t)k);
}

/* Whether X + k is surely no offset from a header: all that the filter puts into X is small. */
static bool stays_positive(const struct translator *t, uint32_t k)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct cbpf_form *f = cbpf_find(t->insns[i].code);

		if (f->op == COP_TAX || (f->op == COP_LOAD_MEM && f->to_x) ||
		    (f->op == COP_LOAD_IMM && f->to_x && t->insns[i].k > FURTHEST))
			return false;
	}
	return k <= FURTHEST;
}

/*
 * r1 is an offset; makes it count from data:
 *	if (w1 > FURTHEST - 4) {
 *		w1 -= CBPF_NET_OFF;
 *		if (w1 <= 0xfffff) w1 += ETHER_HEADER;	it counted from the network header
 *		else w1 += 0x100000;			from the link header, or is nothing
 *	}
 */
static void emit_rebase(struct translator *t)
{
	enum { SPAN = CBPF_NET_OFF - CBPF_LINK_OFF }; /* and 0 - CBPF_NET_OFF */

	emit(t, INSN_JLE32_K, T1, 0, 5, FURTHEST - 4);
	emit(t, INSN_ADD32_K, T1, 0, 0, SPAN);
	emit(t, INSN_JGT32_K, T1, 0, 2, SPAN - 1);
	emit(t, INSN_ADD32_K, T1, 0, 0, ETHER_HEADER);
	emit(t, INSN_JA, 0, 0, 1, 0);
	emit(t, INSN_ADD32_K, T1, 0, 0, SPAN);
}

static int load_indirect(struct translator *t, uint32_t width)
{
	if (!is_direct(t)) {
		legacy_load(t, true, t->i->k, width);
		return 0;
	}
	emit(t, INSN_MOV32_X, T1, X, 0, 0);
	if (t->i->k)
		emit(t, INSN_ADD32_K, T1, 0, 0, (int32_t)t->i->k);
	if (!stays_positive(t, t->i->k))
		emit_rebase(t);
	emit_access(t, A, 0, width, true);
	return 0;
}

/* X = 4 * (P[k] & 0xf), with A kept. */
static int load_header_length(struct translator *t)
{
	if (is_direct(t)) {
		direct_absolute(t, X, t->i->k, 8);
		if (t->ends)
			return 0;
	} else {
		emit(t, INSN_MOV32_X, SAVED, A, 0, 0);
		legacy_load(t, false, t->i->k, 8);
		emit(t, INSN_MOV32_X, X, A, 0, 0);
		emit(t, INSN_MOV32_X, A, SAVED, 0, 0);
	}
	emit(t, INSN_AND32_K, X, 0, 0, 0xf);
	emit(t, INSN_LSH32_K, X, 0, 0, 2);
	return 0;
}

static int load_length(struct translator *t, unsigned dst)
{
	if (t->opt->way == CBPF_XDP) {
		emit(t, INSN_MOV64_X, T1, DATA_END, 0, 0);
		emit(t, INSN_SUB64_X, T1, DATA, 0, 0);
		emit(t, INSN_MOV32_X, dst, T1, 0, 0);
	} else {
		emit(t, INSN_LOAD32, dst, CTX, SKB_LEN, 0);
	}
	return 0;
}

static int load_extension(struct translator *t, const struct cbpf_ext *ext)
{
	char *what;

	if (ext->way == CEXT_SELF) {
		emit(t, INSN_XOR32_X, A, X, 0, 0);
		return 0;
	}
	if (ext->way == CEXT_NONE || (ext->way != CEXT_CALL && t->opt->way == CBPF_XDP)) {
		what = arena_printf(t->d->arena, "%s has no counterpart in %s", ext->name,
				    t->opt->way == CBPF_XDP ? "XDP programs" : "eBPF");
		return refuse(t, what);
	}
	switch (ext->way) {
	case CEXT_CALL:
		emit(t, INSN_CALL, 0, 0, 0, ext->offset);
		emit(t, INSN_MOV32_X, A, A, 0, 0);
		break;
	case CEXT_DEVICE:
		/* no device: the kernel's own translation returns what A is */
		emit(t, INSN_LOAD32, T1, CTX, ext->offset, 0);
		emit(t, INSN_JNE64_K, T1, 0, 1, 0);
		emit(t, INSN_EXIT, 0, 0, 0, 0);
		emit(t, INSN_MOV32_X, A, T1, 0, 0);
		break;
	default:
		emit(t, INSN_LOAD32, A, CTX, ext->offset, 0);
		if (ext->way == CEXT_ORDER)
			emit(t, INSN_BE16, A, 0, 0, 0);
	}
	return 0;
}

static int load_absolute(struct translator *t, uint32_t width)
{
	const struct cbpf_ext *ext = cbpf_ext_find(t->i->k);

	if (ext)
		return load_extension(t, ext);
	if (is_direct(t))
		direct_absolute(t, A, t->i->k, width);
	else
		legacy_load(t, false, t->i->k, width);
	return 0;
}

/* ---- the rest ---- */

static int memory_at(uint32_t k)
{
	return 4 * ((int)k - CBPF_WORDS);
}

static int translate_load(struct translator *t, const struct cbpf_form *f)
{
	unsigned reg = f->to_x ? X : A;

	switch (f->op) {
	case COP_LOAD_ABS: return load_absolute(t, f->width);
	case COP_LOAD_IND: return load_indirect(t, f->width);
	case COP_LOAD_MSH: return load_header_length(t);
	case COP_LOAD_LEN: return load_length(t, reg);
	case COP_LOAD_IMM: emit(t, INSN_MOV32_K, reg, 0, 0, (int32_t)t->i->k); return 0;
	case COP_LOAD_MEM: emit(t, INSN_LOAD32, reg, FP, memory_at(t->i->k), 0); return 0;
	default: emit(t, INSN_STORE32_X, FP, reg, memory_at(t->i->k), 0); return 0;
	}
}

/* Codes of arithmetic are the same in both. */
static int translate_alu(struct translator *t, const struct cbpf_form *f)
{
	if (f->from_x && (f->op == COP_DIV || f->op == COP_MOD))
		emit_jump(t, INSN_JEQ64_K, X, 0, 0, FAIL);
	struct insn i = { .opcode = (uint8_t)f->code, .dst = A };
	if (f->from_x)
		i.src = X;
	else if (f->op != COP_NEG)
		i.imm = (int32_t)t->i->k;
	vec_push(t->d->arena, &t->out, i);
	return 0;
}

static const struct branch {
	enum insn_id then[2], otherwise[2]; /* by from_x */
} branches[] = {
	[COP_JEQ] = { { INSN_JEQ32_K, INSN_JEQ32_X }, { INSN_JNE32_K, INSN_JNE32_X } },
	[COP_JGT] = { { INSN_JGT32_K, INSN_JGT32_X }, { INSN_JLE32_K, INSN_JLE32_X } },
	[COP_JGE] = { { INSN_JGE32_K, INSN_JGE32_X }, { INSN_JLT32_K, INSN_JLT32_X } },
	[COP_JSET] = { { INSN_JSET32_K, INSN_JSET32_X }, { INSN_NONE, INSN_NONE } },
};

static int translate_branch(struct translator *t, const struct cbpf_form *f)
{
	const struct branch *b = &branches[f->op];
	uint32_t then = t->at + 1 + t->i->jt, otherwise = t->at + 1 + t->i->jf;
	int64_t k = f->from_x ? 0 : (int32_t)t->i->k;

	if (then == otherwise) {
		if (t->i->jt)
			emit_jump(t, INSN_JA, 0, 0, 0, then);
	} else if (!t->i->jt && b->otherwise[f->from_x]) {
		emit_jump(t, b->otherwise[f->from_x], A, X, k, otherwise);
	} else {
		emit_jump(t, b->then[f->from_x], A, X, k, then);
		if (t->i->jf)
			emit_jump(t, INSN_JA, 0, 0, 0, otherwise);
	}
	return 0;
}

static int translate_return(struct translator *t, const struct cbpf_form *f)
{
	const struct cbpf_translate *o = t->opt;

	if (!f->returns_a)
		emit(t, INSN_MOV32_K, A, 0, 0,
		     !o->verdict ? (int32_t)t->i->k
		     : t->i->k   ? o->accept
				 : o->reject);
	else if (o->verdict) {
		emit_jump(t, INSN_JEQ64_K, A, 0, 0, FAIL);
		emit(t, INSN_MOV32_K, A, 0, 0, o->accept);
	}
	emit(t, INSN_EXIT, 0, 0, 0, 0);
	return 0;
}

static int translate_one(struct translator *t)
{
	const struct cbpf_form *f = cbpf_find(t->i->code);

	if (f->op <= COP_STORE)
		return translate_load(t, f);
	if (f->op <= COP_NEG)
		return translate_alu(t, f);
	if (f->op == COP_JA)
		emit_jump(t, INSN_JA, 0, 0, 0, t->at + 1 + t->i->k);
	else if (f->op <= COP_JSET)
		return translate_branch(t, f);
	else if (f->op == COP_RET)
		return translate_return(t, f);
	else
		emit(t, INSN_MOV32_X, f->op == COP_TAX ? X : A, f->op == COP_TAX ? A : X, 0, 0);
	return 0;
}

/* Marks where the instruction in hand may go on. */
static void reach(struct translator *t)
{
	enum cbpf_op op = cbpf_find(t->i->code)->op;

	if (op == COP_RET || t->ends)
		return;
	if (op == COP_JA) {
		t->reached[t->at + 1 + t->i->k] = true;
	} else if (op >= COP_JEQ && op <= COP_JSET) {
		t->reached[t->at + 1 + t->i->jt] = true;
		t->reached[t->at + 1 + t->i->jf] = true;
	} else {
		t->reached[t->at + 1] = true;
	}
}

/* The end that what fails jumps to; none if nothing does. */
static uint32_t emit_fail(struct translator *t)
{
	uint32_t at = t->out.n;

	for (uint32_t i = 0; i < t->jumps.n; i++) {
		if (t->jumps.v[i].to != FAIL)
			continue;
		emit(t, INSN_MOV32_K, A, 0, 0, t->opt->verdict ? t->opt->reject : 0);
		emit(t, INSN_EXIT, 0, 0, 0, 0);
		break;
	}
	return at;
}

static int fix_jumps(struct translator *t, uint32_t fail)
{
	for (uint32_t i = 0; i < t->jumps.n; i++) {
		const struct jump *j = &t->jumps.v[i];
		uint32_t to = j->to == FAIL ? fail : t->start[j->to];
		uint32_t distance = to - j->from - 1;

		if (distance > INT16_MAX) {
			diag_error(t->d, SPAN_NONE,
				   "a jump over %u instructions is longer than one can hold",
				   distance);
			return -E2BIG;
		}
		t->out.v[j->from].offset = (int16_t)distance;
	}
	return 0;
}

int cbpf_translate(const struct cinsn *insns, size_t n, const struct cbpf_translate *opt,
		   struct insn **ret, size_t *ret_n, struct diags *d)
{
	struct translator *t = arena_new(d->arena, struct translator);
	int err = 0;

	*t = (struct translator){ .insns = insns, .n = (uint32_t)n, .opt = opt, .d = d };
	emit_start(t);
	t->reached[0] = true;
	for (t->at = 0; t->at < t->n && !err; t->at++) {
		t->i = &insns[t->at];
		t->start[t->at] = t->out.n;
		t->ends = false;
		if (!t->reached[t->at])
			continue;
		err = translate_one(t);
		reach(t);
	}
	if (!err)
		err = fix_jumps(t, emit_fail(t));
	if (err)
		return err;
	*ret = t->out.v;
	*ret_n = t->out.n;
	return 0;
}
