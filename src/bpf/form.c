/*
 * Instruction forms: table, decoding, encoding and the checks of single instructions.
 * Needs: insn.def. Called by the disassembler and assembler, by the engine and by whoever takes
 * bytecode from outside.
 */
#include <errno.h>
#include <string.h>

#include "bpf/form.h"
#include "bpf/target.h"
#include "bpf/uapi.h"

/* the rules as insn.def spells them */
enum {
	R = RULE_READ,
	W = RULE_WRITE,
	RW = RULE_READ | RULE_WRITE,
	OFF = RULE_OFFSET,
	JUMP = RULE_JUMP,
	IMM = RULE_IMM,
	IMM64 = RULE_IMM64,
	PAIR = RULE_PAIR,
	HELPER = RULE_HELPER,
	MODULE = RULE_MODULE,
	SPACES = RULE_SPACES,
};

#define OPCODE(class, a, b) (BPF_##class | BPF_##a | BPF_##b)

const struct insn_form insn_forms[INSN_COUNT] = {
#define INSN(id, class, a, b, dst_, src_, off_, imm_, op_, bits, grp, major, minor, rfc, krn) \
	[INSN_##id] = { .name = #id,                                                          \
			.mnemonic = rfc,                                                      \
			.kernel = krn,                                                        \
			.off = off_,                                                          \
			.imm = imm_,                                                          \
			.dst = dst_,                                                          \
			.src = src_,                                                          \
			.since = KERNEL(major, minor),                                        \
			.opcode = OPCODE(class, a, b),                                        \
			.op = OP_##op_,                                                       \
			.width = bits,                                                        \
			.group = GROUP_##grp },
#define ALSO INSN
#include "bpf/insn.def"
#undef INSN
#undef ALSO
};

/* The first row with each opcode. Two INSN rows with one opcode do not compile (-Woverride-init);
 * the later ones are ALSO rows. */
static const uint8_t first_form[256] = {
#define INSN(id, class, a, b, ...) [OPCODE(class, a, b)] = INSN_##id,
#define ALSO(...)
#include "bpf/insn.def"
#undef INSN
#undef ALSO
};

_Static_assert(INSN_COUNT <= 256, "first_form holds a form's number in one byte");
_Static_assert(OPCODE(LD, DW, IMM) == 0x18, "insn_is_wide() spells it as a number");

const char *const insn_group_names[] = {
	[GROUP_BASE32] = "base32",     [GROUP_BASE64] = "base64",     [GROUP_ATOMIC32] = "atomic32",
	[GROUP_ATOMIC64] = "atomic64", [GROUP_DIVMUL32] = "divmul32", [GROUP_DIVMUL64] = "divmul64",
	[GROUP_PACKET] = "packet",     [GROUP_LINUX] = "linux",       [GROUP_RESERVED] = "reserved",
	[GROUP_INTERNAL] = "internal",
};

static bool fits(int32_t rule, int32_t value)
{
	return rule >= RULE_OPERAND || rule == value;
}

/* How many forms have @form's opcode, from @form on. */
static unsigned siblings(const struct insn_form *form)
{
	unsigned n = 1;

	while (form + n < insn_forms + INSN_COUNT && form[n].opcode == form->opcode)
		n++;
	return n;
}

enum insn_id insn_find(const struct insn *insn)
{
	unsigned id = first_form[insn->opcode];
	unsigned n = id ? siblings(&insn_forms[id]) : 0;

	/* A lone form is found even if a reserved field is wrong: the check then says which. */
	for (unsigned i = id; n > 1 && i < id + n; i++) {
		const struct insn_form *f = &insn_forms[i];

		if (fits(f->src, insn->src) && fits(f->off, insn->offset) &&
		    fits(f->imm, insn->imm))
			return i;
	}
	return n == 1 ? id : INSN_NONE;
}

static int32_t field(int32_t rule, int64_t value)
{
	return rule < RULE_OPERAND ? rule : (int32_t)value;
}

struct insn insn_make(enum insn_id id, unsigned dst, unsigned src, int offset, int64_t imm)
{
	const struct insn_form *f = &insn_forms[id];

	return (struct insn){
		.opcode = f->opcode,
		.dst = (uint8_t)field(f->dst, dst) & 0xf,
		.src = (uint8_t)field(f->src, src) & 0xf,
		.offset = (int16_t)field(f->off, offset),
		.imm = field(f->imm, imm),
	};
}

struct insn insn_make_half(int32_t imm)
{
	return (struct insn){ .imm = imm };
}

/* Appends the reason; everything that refuses goes through here. */
PRINTF_LIKE(2, 3) static int refuse(struct buf *why, const char *fmt, ...)
{
	va_list args;

	if (why) {
		va_start(args, fmt);
		buf_vprintf(why, fmt, args);
		va_end(args);
	}
	return -EINVAL;
}

/* The four fields of a basic encoding, for checks that treat them alike. */
enum { FIELD_DST, FIELD_SRC, FIELD_OFF, FIELD_IMM, FIELD_COUNT };

static const char *const field_names[] = { "dst", "src", "offset", "imm" };

static int32_t field_rule(const struct insn_form *f, unsigned which)
{
	const int32_t rules[] = { f->dst, f->src, f->off, f->imm };

	return rules[which];
}

static int32_t field_value(const struct insn *insn, unsigned which)
{
	const int32_t values[] = { insn->dst, insn->src, insn->offset, insn->imm };

	return values[which];
}

/* The first field of @insn that @f does not allow, or FIELD_COUNT. */
static unsigned misfit(const struct insn_form *f, const struct insn *insn)
{
	unsigned i = 0;

	while (i < FIELD_COUNT && fits(field_rule(f, i), field_value(insn, i)))
		i++;
	return i;
}

/* Several instructions share the opcode and none fits: says what the field that tells them
 * apart may be, judged by the forms that come closest. */
static int refuse_field(const struct insn *insn, struct buf *why)
{
	const struct insn_form *first = &insn_forms[first_form[insn->opcode]];
	unsigned n = siblings(first), best = 0;
	int32_t last = INT32_MIN;

	for (unsigned i = 0; i < n; i++)
		best = MAX(best, misfit(&first[i], insn));
	refuse(why, "%s of opcode 0x%02x is %d and must be", field_names[best], insn->opcode,
	       field_value(insn, best));
	for (unsigned i = 0; i < n; i++) {
		int32_t rule = field_rule(&first[i], best);

		if (misfit(&first[i], insn) != best || rule == last)
			continue;
		refuse(why, "%s %d", last == INT32_MIN ? "" : ",", rule);
		last = rule;
	}
	return -EINVAL;
}

static int check_reg(int32_t rule, unsigned reg, struct buf *why)
{
	if (rule < RULE_OPERAND)
		return 0;
	if (reg > 10)
		return refuse(why, "there is no register r%u", reg);
	if (reg == 10 && (rule & RULE_WRITE))
		return refuse(why, "r10 is the frame pointer and cannot be written");
	return 0;
}

static int check_fields(const struct insn_form *f, const struct insn *insn, struct buf *why)
{
	unsigned bad = misfit(f, insn);
	int err;

	if (bad != FIELD_COUNT)
		return refuse(why, "%s of opcode 0x%02x is %d and must be %d", field_names[bad],
			      insn->opcode, field_value(insn, bad), field_rule(f, bad));
	if (f->imm == RULE_SPACES && insn->imm != 1 && insn->imm != 1 << 16)
		return refuse(why, "an address is cast from space 0 to 1 or from 1 to 0");
	err = check_reg(f->dst, insn->dst, why);
	return err ? err : check_reg(f->src, insn->src, why);
}

static int check_second(const struct insn_form *f, const struct insn *insns, size_t n, size_t at,
			struct buf *why)
{
	const struct insn *half = &insns[at + 1];

	if (at + 1 >= n)
		return refuse(why, "the second half of a 64-bit load is missing");
	if (half->opcode || half->dst || half->src || half->offset)
		return refuse(why, "the second half of a 64-bit load has more than an immediate");
	if (half->imm && !(f->imm & (RULE_IMM64 | RULE_PAIR)))
		return refuse(why, "the second immediate of this 64-bit load must be 0");
	return 0;
}

int insn_check(const struct insn *insns, size_t n, size_t at, struct buf *why)
{
	const struct insn *insn = &insns[at];
	const struct insn_form *f = &insn_forms[insn_find(insn)];
	int err;

	if (!first_form[insn->opcode])
		return refuse(why, "there is no instruction with opcode 0x%02x", insn->opcode);
	if (f == insn_forms)
		return refuse_field(insn, why);
	if (f->group == GROUP_INTERNAL)
		return refuse(why, "only the kernel itself makes this instruction");
	err = check_fields(f, insn, why);
	if (err || !insn_is_wide(insn))
		return err;
	return check_second(f, insns, n, at, why);
}

enum insn_id insn_decode(const struct insn *insns, size_t n, size_t at)
{
	enum insn_id id = insn_find(&insns[at]);
	const struct insn_form *f = &insn_forms[id];

	if (id == INSN_NONE || misfit(f, &insns[at]) != FIELD_COUNT)
		return INSN_NONE;
	if (insn_is_wide(&insns[at]) && check_second(f, insns, n, at, NULL))
		return INSN_NONE;
	return id;
}

bool insn_target(const struct insn *insns, size_t at, int64_t *ret_target)
{
	const struct insn_form *f = &insn_forms[insn_find(&insns[at])];

	if (f->off == RULE_JUMP)
		*ret_target = (int64_t)at + 1 + insns[at].offset;
	else if (f->imm == RULE_JUMP)
		*ret_target = (int64_t)at + 1 + insns[at].imm;
	else
		return false;
	return true;
}

/* Whether slot @at of a checked program is the second of a 64-bit load. A second slot never looks
 * like a first one: its opcode is 0. */
static bool is_second(const struct insn *insns, size_t at)
{
	return at > 0 && insn_is_wide(&insns[at - 1]);
}

static int check_target(const struct insn *insns, size_t n, size_t at, struct buf *why)
{
	int64_t target;

	if (!insn_target(insns, at, &target))
		return 0;
	if (target < 0 || (uint64_t)target >= n)
		return refuse(why, "the target %lld is outside the program of %zu instructions",
			      (long long)target, n);
	if (is_second(insns, (size_t)target))
		return refuse(why, "the target %lld is the second half of a 64-bit load",
			      (long long)target);
	return 0;
}

static bool ends_flow(const struct insn *insn)
{
	unsigned op = insn_forms[insn_find(insn)].op;

	return op == OP_EXIT || op == OP_JA;
}

int insn_check_prog(const struct insn *insns, size_t n, size_t *ret_at, struct buf *why)
{
	size_t at = 0, last = 0;

	for (; at < n; at += insn_is_wide(&insns[at]) ? 2 : 1) {
		*ret_at = last = at;
		if (insn_check(insns, n, at, why))
			return -EINVAL;
	}
	for (at = 0; at < n; at++) {
		*ret_at = at;
		if (!is_second(insns, at) && check_target(insns, n, at, why))
			return -EINVAL;
	}
	*ret_at = last;
	if (n == 0)
		return refuse(why, "the program has no instructions");
	if (!ends_flow(&insns[last]))
		return refuse(why, "execution can run past the last instruction");
	return 0;
}
