/*
 * Between asm.c (lines, labels, directives) and match.c (one instruction against the texts of
 * insn.def).
 */
#ifndef SKEP_BPF_ASM_PRIV_H
#define SKEP_BPF_ASM_PRIV_H

#include "base/buf.h"
#include "bpf/form.h"

/* What would have been right where matching got stuck, as bits. */
enum expect {
	EXPECT_REG = 1 << 0,
	EXPECT_WREG = 1 << 1,
	EXPECT_SAME_REG = 1 << 2,
	EXPECT_NUMBER = 1 << 3,
	EXPECT_OFFSET = 1 << 4,
	EXPECT_TARGET = 1 << 5,
	EXPECT_FUNC = 1 << 6,
	EXPECT_TEXT = 1 << 7, /* see match.text */
	EXPECT_END = 1 << 8,
};

struct name {
	const char *s; /* NULL: none */
	size_t len;
};

/* An instruction as read: what goes into its fields, and a label still to be looked up. */
struct parsed {
	enum insn_id id;
	int dst, src; /* -1: not read yet */
	int32_t offset;
	int64_t imm;
	int32_t next_imm;
	struct name label; /* of the form's RULE_JUMP field */
};

/* One statement being matched. */
struct match {
	const char *start, *end; /* the statement, blanks trimmed */
	int opcode;              /* as a kernel log gives it in front; -1: not given */
	struct parsed parsed;    /* of the form that matched */
	/* the place furthest into the statement where a form stopped fitting, and why */
	const char *stuck;
	unsigned expected; /* enum expect */
	struct name text;  /* the literal text one form would have had there */
	/* something of the right form with a wrong value, and where; NULL: none */
	const char *problem, *problem_at;
};

/* match_insn - finds the form that the statement has. False: see stuck. */
bool match_insn(struct match *m);

/* scan_number - reads a number (decimal, 0x, sign) at *s, not beyond @end. */
struct number {
	uint64_t value; /* without its sign */
	bool negative, hex;
};
bool scan_number(const char **s, const char *end, struct number *ret);
/* scan_name - reads a name of letters, digits, '_', '.' and '$' that begins with no digit. */
bool scan_name(const char **s, const char *end, struct name *ret);
const char *skip_blanks(const char *s, const char *end);

#endif
