/*
 * The assembler: comments, labels, directives, and labels resolved to distances at the end.
 * Needs: match.c for the instructions themselves. Called by cmd/ (skep asm) and by tests.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "bpf/asm.h"
#include "bpf/asm_priv.h"
#include "bpf/helper.h"

/* A label in a jump or call, to be looked up when all labels are known. */
struct use {
	uint32_t insn;
	const char *name;
	struct span span;
};

struct assembler {
	struct asm_prog *out;
	struct arena *arena;
	struct diags *diags;
	const struct source *src;
	const char *text; /* the source with blanks for comments */
	struct table labels;
	VEC(struct use) uses;
};

static struct span span_at(const struct assembler *as, const char *lo, const char *hi)
{
	uint32_t base = as->src->base;

	return (struct span){ base + (uint32_t)(lo - as->text), base + (uint32_t)(hi - as->text) };
}

static char *blank_until(char *s, char *end)
{
	while (s < end) {
		if (*s != '\n')
			*s = ' ';
		s++;
	}
	return s;
}

/* Where the comment that begins at @s ends; NULL when none begins there. */
static char *comment_end(char *text, char *s, char *end)
{
	bool blank_before = s == text || isspace((unsigned char)s[-1]);
	char *stop;

	if (s[0] == '/' && s[1] == '*') {
		stop = strstr(s + 2, "*/");
		return stop ? stop + 2 : end;
	}
	if (*s != ';' && !(s[0] == '/' && s[1] == '/') && !(*s == '#' && blank_before))
		return NULL;
	stop = strchr(s, '\n');
	return stop ? stop : end;
}

static void blank_comments(char *text, char *end)
{
	for (char *s = text; s < end;) {
		char *stop = comment_end(text, s, end);

		s = stop ? blank_until(s, stop) : s + 1;
	}
}

/* The statement's last blanks do not belong to it. */
static const char *trim_end(const char *s, const char *end)
{
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	return end;
}

static void emit(struct assembler *as, struct insn insn, struct span at)
{
	vec_push(as->arena, &as->out->insns, insn);
	vec_push(as->arena, &as->out->spans, at);
}

static void add_label(struct assembler *as, struct name name, bool is_func)
{
	struct span at = span_at(as, name.s, name.s + name.len);
	struct asm_label *label = arena_new(as->arena, struct asm_label);

	*label = (struct asm_label){
		.name = arena_strndup(as->arena, name.s, name.len),
		.insn = as->out->insns.n,
		.is_func = is_func,
		.span = at,
	};
	if (table_get(&as->labels, label->name)) {
		diag_error(as->diags, at, "the label %s is already defined", label->name);
		return;
	}
	table_put(as->arena, &as->labels, label->name, label);
	vec_push(as->arena, &as->out->labels, *label);
}

/* ".byte 0x07, ...": eight bytes, the slot as it lies in memory. */
static void directive_byte(struct assembler *as, const char *s, const char *end, struct span at)
{
	uint8_t bytes[sizeof(struct insn)];
	struct insn insn;
	struct number n;
	size_t count = 0;

	for (; count < sizeof(bytes); count++) {
		s = skip_blanks(s, end);
		if (count > 0 && s < end && *s == ',')
			s = skip_blanks(s + 1, end);
		if (!scan_number(&s, end, &n) || n.negative || n.value > 255)
			break;
		bytes[count] = (uint8_t)n.value;
	}
	if (count < sizeof(bytes) || skip_blanks(s, end) != end) {
		diag_error(as->diags, at, ".byte needs 8 numbers from 0 to 255");
		return;
	}
	memcpy(&insn, bytes, sizeof(insn));
	emit(as, insn, at);
}

static void directive(struct assembler *as, const char *s, const char *end)
{
	static const char *const known[] = { ".func", ".byte" };
	struct span at = span_at(as, s, end);
	struct name word, arg;

	scan_name(&s, end, &word);
	if (word.len == 5 && memcmp(word.s, ".byte", 5) == 0) {
		directive_byte(as, s, end, at);
	} else if (word.len == 5 && memcmp(word.s, ".func", 5) == 0) {
		s = skip_blanks(s, end);
		if (scan_name(&s, end, &arg) && skip_blanks(s, end) == end)
			add_label(as, arg, true);
		else
			diag_error(as->diags, at, ".func needs one name");
	} else {
		char *name = arena_strndup(as->arena, word.s, word.len);

		diag_error(as->diags, at, "there is no directive %s", name);
		diag_hint_nearest(as->diags, name, known, ARRAY_LEN(known));
	}
}

/* First words of all mnemonics, for suggestions. */
static void suggest_mnemonic(struct assembler *as, const char *word)
{
	const char *names[INSN_COUNT];

	for (unsigned id = 1; id < INSN_COUNT; id++) {
		const char *text = insn_forms[id].mnemonic;

		names[id - 1] = arena_strndup(as->arena, text, strcspn(text, " "));
	}
	diag_hint_nearest(as->diags, word, names, INSN_COUNT - 1);
}

static void describe_expected(const struct match *m, char *text, size_t size)
{
	static const char *const words[] = {
		"a register",
		"a 32-bit register (w0 to w9)",
		"the same register again",
		"a number",
		"an offset such as +8",
		"a jump target (+3 or a label)",
		"a function's name",
		NULL,
		"the end of the line",
	};
	const char *glue = "";
	size_t len = 0;

	for (unsigned i = 0; i < ARRAY_LEN(words) && len < size; i++) {
		if (!(m->expected & 1u << i) || !words[i])
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s", glue, words[i]);
		glue = " or ";
	}
	if ((m->expected & EXPECT_TEXT) && len < size)
		snprintf(text + len, size - len, "%s\"%.*s\"", glue, (int)m->text.len, m->text.s);
}

static void report_unknown_word(struct assembler *as, const struct match *m)
{
	const char *s = m->start, *shown;
	struct name word = { m->start, 1 };

	scan_name(&s, m->end, &word);
	shown = arena_strndup(as->arena, word.s, word.len);
	diag_error(as->diags, span_at(as, m->start, m->end),
		   "%s begins no instruction that skep knows", shown);
	suggest_mnemonic(as, shown);
}

static void report_stuck(struct assembler *as, const struct match *m)
{
	struct span at = span_at(as, m->stuck, m->end), all = span_at(as, m->start, m->end);
	char expected[256];

	if (m->problem) {
		diag_error(as->diags, span_at(as, m->problem_at, m->end), "%s", m->problem);
	} else if (m->stuck == m->start) {
		report_unknown_word(as, m);
	} else {
		describe_expected(m, expected, sizeof(expected));
		if (m->stuck == m->end)
			diag_error(as->diags, all, "the instruction ends where %s is expected",
				   expected);
		else
			diag_error(as->diags, at, "%s is expected here", expected);
	}
}

/* A prefix of kernel logs: "12:" is skipped, "(b7)" returned as the opcode. */
static const char *skip_number(const char *s, const char *end)
{
	const char *p = s;

	while (p < end && isdigit((unsigned char)*p))
		p++;
	return p > s && p < end && *p == ':' ? skip_blanks(p + 1, end) : s;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));

	return c && at ? (int)(at - digits) : -1;
}

static const char *scan_opcode(const char *s, const char *end, int *ret)
{
	*ret = -1;
	if (end - s < 4 || s[0] != '(' || s[3] != ')' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return s;
	*ret = hex_digit(s[1]) << 4 | hex_digit(s[2]);
	return skip_blanks(s + 4, end);
}

static void add_use(struct assembler *as, struct name label)
{
	struct use use = {
		.insn = as->out->insns.n,
		.name = arena_strndup(as->arena, label.s, label.len),
		.span = span_at(as, label.s, label.s + label.len),
	};

	vec_push(as->arena, &as->uses, use);
}

/* What the text allows and the instruction does not, such as a write to r10. */
static void check(struct assembler *as, const struct insn *slots, size_t n, struct span at)
{
	struct buf why = { 0 };
	char text[128];
	int err = insn_check(slots, n, 0, &why);

	/* nothing on the heap may be held where an arena can run out */
	snprintf(text, sizeof(text), "%s", why.data ? why.data : "the instruction is not valid");
	buf_done(&why);
	if (err)
		diag_error(as->diags, at, "%s", text);
}

static void instruction(struct assembler *as, const char *s, const char *end)
{
	struct match m = { .start = s, .end = end };
	struct span at = span_at(as, s, end);
	struct insn slots[2];
	const struct parsed *p = &m.parsed;

	m.start = scan_opcode(s, end, &m.opcode);
	if (m.opcode >= 0 && end - m.start > 5 && memcmp(m.start, ".byte", 5) == 0) {
		directive(as, m.start, end);
		return;
	}
	if (!match_insn(&m)) {
		report_stuck(as, &m);
		return;
	}
	slots[0] = insn_make(p->id, (unsigned)MAX(p->dst, 0), (unsigned)MAX(p->src, 0), p->offset,
			     p->imm);
	slots[1] = insn_make_half(p->next_imm);
	if (p->label.s)
		add_use(as, p->label);
	check(as, slots, 2, at);
	emit(as, slots[0], at);
	if (insn_is_wide(&slots[0]))
		emit(as, slots[1], at);
}

static void statement(struct assembler *as, const char *s, const char *end)
{
	struct name name;
	const char *p;

	for (;;) {
		p = s = skip_number(skip_blanks(s, end), end);
		if (!scan_name(&p, end, &name))
			break;
		p = skip_blanks(p, end);
		if (p == end || *p != ':')
			break;
		add_label(as, name, false);
		s = p + 1;
	}
	if (s < end && *s == '.')
		directive(as, s, end);
	else if (s < end)
		instruction(as, s, end);
}

/* No label is called so: suggests a label, or a helper where one is called. */
static void report_unknown(struct assembler *as, const struct use *use, bool is_call)
{
	VEC(const char *) names = { 0 };

	for (uint32_t i = 0; i < as->out->labels.n; i++)
		vec_push(as->arena, &names, as->out->labels.v[i].name);
	for (int id = 1; is_call && id < HELPER_COUNT; id++)
		vec_push(as->arena, &names,
			 arena_printf(as->arena, "bpf_%s", helper_by_id(id)->name));
	diag_error(as->diags, use->span, "%s is no label%s", use->name,
		   is_call ? " and no helper function" : "");
	diag_hint_nearest(as->diags, use->name, names.v, names.n);
}

static void resolve(struct assembler *as, const struct use *use)
{
	const struct asm_label *label = table_get(&as->labels, use->name);
	struct insn *insn = &as->out->insns.v[use->insn];
	const struct insn_form *f = &insn_forms[insn_find(insn)];
	int64_t distance;

	if (!label) {
		report_unknown(as, use, f->op == OP_CALL_LOCAL);
		return;
	}
	distance = (int64_t)label->insn - use->insn - 1;
	if (f->imm == RULE_JUMP) {
		insn->imm = (int32_t)distance;
	} else if (distance == (int16_t)distance) {
		insn->offset = (int16_t)distance;
	} else {
		diag_error(as->diags, use->span, "%s is %lld instructions away, too far for a jump",
			   use->name, (long long)distance);
		diag_hint(as->diags, "gotol reaches further");
	}
}

int asm_parse(struct asm_prog *out, const struct source *src, struct diags *d)
{
	char *text = arena_strndup(d->arena, src->text, src->len), *end = text + src->len;
	struct assembler as = {
		.out = out, .arena = d->arena, .diags = d, .src = src, .text = text
	};
	unsigned errors = d->errors;

	blank_comments(text, end);
	for (const char *s = text, *eol; s < end; s = eol + 1) {
		eol = memchr(s, '\n', (size_t)(end - s));
		eol = eol ? eol : end;
		statement(&as, s, trim_end(s, eol));
	}
	for (uint32_t i = 0; i < as.uses.n; i++)
		resolve(&as, &as.uses.v[i]);
	return d->errors > errors ? -EINVAL : 0;
}
