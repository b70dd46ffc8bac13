/*
 * Matches one assembler statement against the two texts of every instruction form, and
 * remembers where and why the best attempt stopped. Blanks in the statement may stand anywhere
 * but inside a word.
 * Needs: form.h, helper.h. Called by asm.c.
 */
#include <ctype.h>
#include <string.h>

#include "bpf/asm_priv.h"
#include "bpf/helper.h"

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	return s;
}

bool scan_name(const char **s, const char *end, struct name *ret)
{
	const char *p = *s;

	if (p == end || isdigit((unsigned char)*p))
		return false;
	while (p < end && is_word(*p))
		p++;
	if (p == *s)
		return false;
	*ret = (struct name){ *s, (size_t)(p - *s) };
	*s = p;
	return true;
}

static int digit_value(char c, bool hex)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (hex && isxdigit((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return -1;
}

/* Digits at *s; false without any, or when the value does not fit 64 bits. */
static bool scan_digits(const char **s, const char *end, struct number *n)
{
	const char *first;
	uint64_t base = n->hex ? 16 : 10;

	for (first = *s; *s < end && digit_value(**s, n->hex) >= 0; (*s)++) {
		uint64_t d = (uint64_t)digit_value(**s, n->hex);

		if (n->value > (UINT64_MAX - d) / base)
			return false;
		n->value = n->value * base + d;
	}
	return *s > first && (*s == end || !is_word(**s));
}

bool scan_number(const char **s, const char *end, struct number *ret)
{
	const char *p = *s;
	struct number n = { 0 };

	if (p < end && (*p == '-' || *p == '+')) {
		n.negative = *p == '-';
		p = skip_blanks(p + 1, end);
	}
	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x') {
		n.hex = true;
		p += 2;
	}
	if (!scan_digits(&p, end, &n))
		return false;
	*s = p;
	*ret = n;
	return true;
}

/* One form's text against the statement. */
struct cursor {
	struct match *m;
	const char *s; /* where in the statement */
	bool kernel;   /* the kernel's text: w1 and r1 differ */
	struct parsed out;
};

static void stuck_at(struct cursor *c, const char *at, unsigned expected)
{
	if (at > c->m->stuck) {
		c->m->stuck = at;
		c->m->expected = 0;
		c->m->text = (struct name){ 0 };
	}
	if (at == c->m->stuck)
		c->m->expected |= expected;
}

static void stuck_on_text(struct cursor *c, const char *text, size_t len)
{
	stuck_at(c, c->s, EXPECT_TEXT);
	if (c->s == c->m->stuck && !c->m->text.s)
		c->m->text = (struct name){ text, len };
}

/* The form fits and the value does not: says more than any form that does not fit at all. */
static bool wrong_value(struct cursor *c, const char *at, const char *problem)
{
	if (!c->m->problem || at > c->m->problem_at) {
		c->m->problem = problem;
		c->m->problem_at = at;
	}
	return false;
}

/* The letter and number of a register name such as %r1, w10, fp. */
static bool scan_reg(const char **s, const char *end, char *ret_letter, int *ret_reg)
{
	const char *p = *s;
	struct name name;

	if (p < end && *p == '%')
		p++;
	if (!scan_name(&p, end, &name) || name.len < 2 || name.len > 3)
		return false;
	*ret_letter = name.s[0];
	if (memcmp(name.s, "fp", 2) == 0 && name.len == 2) {
		*ret_letter = 'r';
		*ret_reg = 10;
	} else if ((name.s[0] != 'r' && name.s[0] != 'w') || digit_value(name.s[1], false) < 0 ||
		   (name.len == 3 && (name.s[1] != '1' || digit_value(name.s[2], false) < 0))) {
		return false;
	} else {
		*ret_reg = name.len == 3 ? 10 + name.s[2] - '0' : name.s[1] - '0';
	}
	*s = p;
	return true;
}

static bool match_reg(struct cursor *c, int *reg, bool half)
{
	const char *at = c->s;
	unsigned expected = half && c->kernel ? EXPECT_WREG : EXPECT_REG;
	char letter;
	int number;

	if (!scan_reg(&c->s, c->m->end, &letter, &number) ||
	    (half ? c->kernel && letter != 'w' : letter != 'r')) {
		stuck_at(c, at, expected);
		return false;
	}
	if (number > 10)
		return wrong_value(c, at, "registers are r0 to r10");
	if (*reg >= 0 && *reg != number) {
		stuck_at(c, at, EXPECT_SAME_REG);
		return false;
	}
	*reg = number;
	return true;
}

/* A number of 64 bits at most, negative ones as two's complement. */
static bool match_number(struct cursor *c, struct number *n)
{
	const char *at = c->s;

	if (!scan_number(&c->s, c->m->end, n)) {
		stuck_at(c, at, EXPECT_NUMBER);
		return false;
	}
	if (n->negative && n->value > (uint64_t)1 << 63)
		return wrong_value(c, at, "the number does not fit 64 bits");
	return true;
}

static bool match_imm(struct cursor *c)
{
	const char *at = c->s;
	struct number n;
	uint64_t most;

	if (!match_number(c, &n))
		return false;
	most = n.negative ? (uint64_t)1 << 31 : n.hex ? UINT32_MAX : INT32_MAX;
	if (n.value > most)
		return wrong_value(c, at, "the number does not fit the 32 bits of an immediate");
	c->out.imm = n.negative ? -(int64_t)n.value : (int32_t)(uint32_t)n.value;
	return true;
}

static bool match_next(struct cursor *c)
{
	const char *at = c->s;
	struct number n;

	if (!match_number(c, &n))
		return false;
	if (n.negative || n.value > UINT32_MAX)
		return wrong_value(c, at, "the number does not fit 32 bits without sign");
	c->out.next_imm = (int32_t)(uint32_t)n.value;
	return true;
}

static bool match_wide(struct cursor *c)
{
	struct number n;
	uint64_t value;

	if (!match_number(c, &n))
		return false;
	value = n.negative ? -n.value : n.value;
	c->out.imm = (int32_t)(uint32_t)value;
	c->out.next_imm = (int32_t)(uint32_t)(value >> 32);
	return true;
}

/* "ll" closes a 64-bit number; where a log names the opcode it is no longer needed. */
static bool match_ll(struct cursor *c)
{
	if (c->m->end - c->s >= 2 && memcmp(c->s, "ll", 2) == 0) {
		c->s += 2;
		return true;
	}
	stuck_on_text(c, "ll", 2);
	return c->m->opcode >= 0;
}

/* A displacement with its sign; nothing means 0. */
static bool match_offset(struct cursor *c)
{
	const char *at = c->s;
	struct number n;

	c->out.offset = 0;
	if (c->s == c->m->end || (*c->s != '+' && *c->s != '-')) {
		stuck_at(c, at, EXPECT_OFFSET);
		return true;
	}
	if (!match_number(c, &n))
		return false;
	if (n.value > (n.negative ? 32768u : 32767u))
		return wrong_value(c, at, "the offset does not fit 16 bits");
	c->out.offset = n.negative ? -(int32_t)n.value : (int32_t)n.value;
	return true;
}

/* A distance (pc+3, +3, -3) or a label, for a field of @bits. */
static bool match_target(struct cursor *c, unsigned bits, unsigned expected)
{
	const char *at = c->s, *p;
	int64_t limit = (int64_t)1 << (bits - 1), value;
	struct number n;

	if (c->m->end - c->s > 2 && memcmp(c->s, "pc", 2) == 0 && strchr("+- ", c->s[2]))
		c->s = skip_blanks(c->s + 2, c->m->end);
	if (scan_name(&c->s, c->m->end, &c->out.label))
		return true;
	p = c->s;
	if (p == c->m->end || (*p != '+' && *p != '-') || !scan_number(&c->s, c->m->end, &n)) {
		stuck_at(c, at, expected);
		return false;
	}
	if (n.value > (uint64_t)limit - !n.negative)
		return wrong_value(c, at, "the jump is further than the instruction can hold");
	value = n.negative ? -(int64_t)n.value : (int64_t)n.value;
	if (bits == 16)
		c->out.offset = (int32_t)value;
	else
		c->out.imm = value;
	return true;
}

/* A function's number, behind '#'. */
static bool match_hash_number(struct cursor *c)
{
	c->s++;
	return match_imm(c);
}

static bool at_hash(const struct cursor *c)
{
	return c->s < c->m->end && *c->s == '#';
}

/* A helper: 1, bpf_map_lookup_elem, bpf_map_lookup_elem#1, unknown#999. */
static bool match_helper(struct cursor *c)
{
	const char *at = c->s;
	struct name name;
	int id;

	if (!scan_name(&c->s, c->m->end, &name)) {
		if (scan_number(&c->s, c->m->end, &(struct number){ 0 })) {
			c->s = at;
			return match_imm(c);
		}
		stuck_at(c, at, EXPECT_FUNC);
		return false;
	}
	id = helper_find(name.s, name.len);
	if (!at_hash(c)) {
		c->out.imm = id;
		/* without "bpf_" it may be a function of the program */
		return id != 0 && name.len > 4 && memcmp(name.s, "bpf_", 4) == 0;
	}
	if ((name.len == 5 && memcmp(name.s, "kfunc", 5) == 0) || !match_hash_number(c))
		return false;
	if (id && id != c->out.imm)
		return wrong_value(c, at, "the helper's name and number do not agree");
	return true;
}

/* A function of the program, perhaps with its name behind '#' where a listing shows it. */
static bool match_callee(struct cursor *c)
{
	struct name shown;

	if (!match_target(c, 32, EXPECT_FUNC))
		return false;
	if (at_hash(c) && !c->out.label.s) {
		c->s++;
		return scan_name(&c->s, c->m->end, &shown);
	}
	return true;
}

static bool match_kfunc(struct cursor *c)
{
	struct name name;

	if (!scan_name(&c->s, c->m->end, &name) || name.len != 5 || memcmp(name.s, "kfunc", 5) ||
	    !at_hash(c))
		return false;
	return match_hash_number(c);
}

/* "to, from" of an address space cast, 16 bits each. */
static bool match_spaces(struct cursor *c)
{
	const char *at = c->s;
	struct number to, from;

	if (!match_number(c, &to))
		return false;
	c->s = skip_blanks(c->s, c->m->end);
	if (c->s == c->m->end || *c->s != ',') {
		stuck_at(c, c->s, EXPECT_NUMBER);
		return false;
	}
	c->s = skip_blanks(c->s + 1, c->m->end);
	if (!match_number(c, &from))
		return false;
	if (to.value > 0xffff || from.value > 0xffff)
		return wrong_value(c, at, "an address space has 16 bits");
	c->out.imm = (int32_t)(uint32_t)(to.value << 16 | from.value);
	return true;
}

static bool match_operand(struct cursor *c, char letter)
{
	switch (letter) {
	case 'd': return match_reg(c, &c->out.dst, false);
	case 'D': return match_reg(c, &c->out.dst, true);
	case 's': return match_reg(c, &c->out.src, false);
	case 'S': return match_reg(c, &c->out.src, true);
	case 'o':
	case 'p': return match_offset(c);
	case 'i':
	case 'x': return match_imm(c);
	case 'n': return match_next(c);
	case 'w': return match_wide(c);
	case 'L': return match_ll(c);
	case 'j': return match_target(c, 16, EXPECT_TARGET);
	case 'l':
	case 't': return match_target(c, 32, EXPECT_TARGET);
	case 'h': return match_helper(c);
	case 'f': return match_callee(c);
	case 'k': return match_kfunc(c);
	case 'a': return match_spaces(c);
	}
	return true; /* '[': a mark for the disassembler */
}

/* Matches the word or the single sign at @text; returns how much of @text that was, 0: no. */
static size_t match_literal(struct cursor *c, const char *text)
{
	size_t len = 1;

	while (is_word(text[0]) && is_word(text[len]) && text[len] != '$')
		len++;
	if ((size_t)(c->m->end - c->s) >= len && memcmp(c->s, text, len) == 0 &&
	    !(is_word(text[0]) && c->s + len < c->m->end && is_word(c->s[len]))) {
		c->s += len;
		return len;
	}
	stuck_on_text(c, text, len);
	return 0;
}

static bool match_text(struct cursor *c, const char *text)
{
	while (*text) {
		size_t len;

		c->s = skip_blanks(c->s, c->m->end);
		if (*text == ' ') {
			text++;
		} else if (*text == '$') {
			if (!match_operand(c, text[1]))
				return false;
			text += 2;
		} else if ((len = match_literal(c, text))) {
			text += len;
		} else {
			return false;
		}
	}
	if (skip_blanks(c->s, c->m->end) == c->m->end)
		return true;
	stuck_at(c, skip_blanks(c->s, c->m->end), EXPECT_END);
	return false;
}

static bool match_form(struct match *m, enum insn_id id, bool kernel)
{
	const struct insn_form *f = &insn_forms[id];
	struct cursor c = {
		.m = m,
		.s = m->start,
		.kernel = kernel,
		.out = { .id = id, .dst = -1, .src = -1 },
	};

	if (!match_text(&c, kernel ? f->kernel : f->mnemonic))
		return false;
	m->parsed = c.out;
	return true;
}

bool match_insn(struct match *m)
{
	m->stuck = m->start;
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		if (m->opcode >= 0 && insn_forms[id].opcode != m->opcode)
			continue;
		if (match_form(m, id, true) || match_form(m, id, false))
			return true;
	}
	return false;
}
