/*
 * The assembler of classic BPF: text as tcpdump, bpf_asm and bpf_dbg write it.
 *
 *	(001) jeq  #0x800  jt 2  jf 5     targets as numbers of instructions
 *	next: jne #0x806, drop            targets as labels; one target: else the next instruction
 *	ld proto                          extensions, with '#' or in [] or bare
 *	.insn 0x16, 0, 0, 7               an instruction by its fields
 *
 * Comments: from ';' or '//' to the end of the line, and C's. Each line is tried against the rows
 * of cbpf.def that have its name; what fitted furthest says what is wrong.
 *
 * Needs: cbpf.def. Called by cbpf_read(), cmd/, tests.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/table.h"
#include "bpf/cbpf.h"

enum { NOT_SET = -1 };

/* A jump target: a label, or the number of an instruction. */
struct target {
	const char *label; /* NULL: none */
	uint32_t len;
	int64_t insn;
};

struct parsed {
	struct cinsn insn;
	struct target to[2];
	bool is_ja;
	struct span span;
};

struct parser {
	struct diags *d;
	const struct source *src;
	const char *s, *end; /* of the statement in hand */
	VEC(struct parsed) list;
	struct table labels; /* -> struct label */
	const char *wrong;   /* the furthest place that did not fit, and what would have */
	const char *wanted;
};

struct label {
	uint32_t insn;
};

static struct span span_of(const struct parser *p, const char *from, const char *to)
{
	return (struct span){ p->src->base + (uint32_t)(from - p->src->text),
			      p->src->base + (uint32_t)(to - p->src->text) };
}

static const char *word_end(const char *s, const char *end)
{
	while (s < end && (isalnum((unsigned char)*s) || *s == '_' || *s == '.'))
		s++;
	return s;
}

static void skip_blanks(struct parser *p)
{
	while (p->s < p->end && isspace((unsigned char)*p->s))
		p->s++;
}

/* Remembers the furthest misfit; always false. */
static bool misfit(struct parser *p, const char *wanted)
{
	if (!p->wrong || p->s > p->wrong) {
		p->wrong = p->s;
		p->wanted = wanted;
	}
	return false;
}

/* ---- operands ---- */

/* Digits in base @base up to a value of 32 bits, with a sign in front of it or not. */
static bool read_digits(struct parser *p, unsigned base, bool minus, uint32_t *ret)
{
	const char *start = p->s;
	uint64_t value = 0;

	for (; p->s < p->end && isalnum((unsigned char)*p->s); p->s++) {
		int c = tolower((unsigned char)*p->s);
		unsigned digit = (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);

		if (digit >= base)
			break;
		value = value * base + digit;
		if (value > (minus ? 1ull << 31 : UINT32_MAX)) {
			p->s = start;
			return misfit(p, "a number of at most 32 bits");
		}
	}
	*ret = (uint32_t)(minus ? -value : value);
	return p->s > start || misfit(p, "a number");
}

static bool read_number(struct parser *p, uint32_t *ret)
{
	bool minus = false;

	skip_blanks(p);
	if (p->s < p->end && (*p->s == '-' || *p->s == '+'))
		minus = *p->s++ == '-';
	if (p->end - p->s < 2 || *p->s != '0' || !isalnum((unsigned char)p->s[1]))
		return read_digits(p, 10, minus, ret);
	int mark = tolower((unsigned char)p->s[1]);
	p->s += mark == 'x' || mark == 'b' ? 2 : 1;
	return read_digits(p, mark == 'x' ? 16 : mark == 'b' ? 2 : 8, minus, ret);
}

static bool read_char(struct parser *p, char c, const char *wanted)
{
	skip_blanks(p);
	if (p->s >= p->end || tolower((unsigned char)*p->s) != tolower((unsigned char)c))
		return misfit(p, wanted);
	p->s++;
	return true;
}

static bool read_word(struct parser *p, const char *word)
{
	skip_blanks(p);
	const char *end = word_end(p->s, p->end);

	if ((size_t)(end - p->s) != strlen(word) || strncasecmp(p->s, word, strlen(word)) != 0)
		return false;
	p->s = end;
	return true;
}

/* "[12]", or an extension: "[proto]", "#proto", "proto". */
static bool read_absolute(struct parser *p, uint32_t *k)
{
	skip_blanks(p);
	bool bracket = p->s < p->end && *p->s == '[';

	if (bracket || (p->s < p->end && *p->s == '#'))
		p->s++;
	skip_blanks(p);
	const char *end = word_end(p->s, p->end);
	const struct cbpf_ext *ext = cbpf_ext_named(p->s, (size_t)(end - p->s));
	if (ext) {
		*k = CBPF_EXT_OFF + ext->number;
		p->s = end;
	} else if (!bracket) {
		return misfit(p, "[OFFSET] or the name of an extension");
	} else if (!read_number(p, k)) {
		return false;
	}
	return !bracket || read_char(p, ']', "']'");
}

static bool read_length(struct parser *p)
{
	skip_blanks(p);
	if (p->s < p->end && *p->s == '#')
		p->s++;
	return read_word(p, "pktlen") || read_word(p, "len") || misfit(p, "len");
}

/* "a", "%a", or nothing. */
static bool read_accumulator(struct parser *p)
{
	skip_blanks(p);
	if (p->s < p->end && *p->s == '%')
		p->s++;
	return p->s == p->end || read_word(p, "a") || misfit(p, "#NUMBER or a");
}

static bool read_target(struct parser *p, struct target *ret)
{
	uint32_t number;

	skip_blanks(p);
	const char *end = word_end(p->s, p->end);
	if (end == p->s)
		return misfit(p, "a jump target");
	if (isdigit((unsigned char)*p->s)) {
		if (!read_number(p, &number))
			return false;
		*ret = (struct target){ .insn = number };
		return true;
	}
	*ret = (struct target){ p->s, (uint32_t)(end - p->s), NOT_SET };
	p->s = end;
	return true;
}

/* ", lt, lf", ", lt" or "jt 2 jf 5". */
static bool read_branches(struct parser *p, struct parsed *out)
{
	skip_blanks(p);
	if (p->s < p->end && *p->s == ',')
		p->s++;
	if (read_word(p, "jt"))
		return read_target(p, &out->to[0]) && (read_word(p, "jf") || misfit(p, "jf")) &&
		       read_target(p, &out->to[1]);
	if (!read_target(p, &out->to[0]))
		return false;
	skip_blanks(p);
	if (p->s == p->end)
		return true;
	return read_char(p, ',', "',' and a second target") && read_target(p, &out->to[1]);
}

static bool read_letter(struct parser *p, char letter, struct parsed *out)
{
	switch (letter) {
	case 'A': return read_absolute(p, &out->insn.k);
	case 'L': return read_length(p);
	case 'R': return read_accumulator(p);
	case 'J': return read_branches(p, out);
	case 'T': out->is_ja = true; return read_target(p, &out->to[0]);
	default: return read_number(p, &out->insn.k);
	}
}

static const char *literal(char c)
{
	static const char *const texts[] = {
		['#'] = "#NUMBER", ['['] = "'['",       [']'] = "']'",
		['x'] = "x",       ['M'] = "M[NUMBER]", ['+'] = "'+'",
		['('] = "'('",     [')'] = "')'",       ['4'] = "4*([NUMBER]&0xf)",
		['*'] = "'*'",     ['&'] = "'&'",       ['0'] = "0xf",
		['f'] = "0xf",
	};

	return texts[(unsigned char)c];
}

static bool read_operand(struct parser *p, const char *operand, struct parsed *out)
{
	for (const char *s = operand; *s; s++) {
		if (*s == ' ')
			continue;
		if (*s == '$') {
			if (!read_letter(p, *++s, out))
				return false;
			continue;
		}
		skip_blanks(p);
		if (*s == 'x' && s == operand && p->s < p->end && *p->s == '%')
			p->s++;
		if (!read_char(p, *s, literal(*s)))
			return false;
	}
	skip_blanks(p);
	return p->s == p->end || misfit(p, "the end of the line");
}

/* ---- statements ---- */

/* Other names of an instruction; those that jump if not have their targets changed over. */
static const struct alias {
	const char *alias, *name;
	bool inverted;
} aliases[] = {
	{ "ldi", "ld", false }, { "ldxi", "ldx", false }, { "jmp", "ja", false },
	{ "jne", "jeq", true }, { "jneq", "jeq", true },  { "jlt", "jge", true },
	{ "jle", "jgt", true }, { "ldx", "ldxb", false }, /* of 4*([14]&0xf) */
};

static bool is_word(const char *a, const char *word, size_t len)
{
	return strlen(a) == len && strncasecmp(a, word, len) == 0;
}

/* Tries every row called @name on what follows. Whether one fits. */
static bool try_rows(struct parser *p, const char *name, size_t len, struct parsed *out,
		     bool *known)
{
	const char *start = p->s;

	for (size_t i = 0; i < CBPF_FORMS; i++) {
		const struct cbpf_form *f = &cbpf_forms[i];

		if (!is_word(f->name, name, len))
			continue;
		*known = true;
		*out = (struct parsed){ { .code = f->code }, { { 0 } }, false, out->span };
		out->to[0].insn = out->to[1].insn = NOT_SET;
		p->s = start;
		if (read_operand(p, f->operand, out))
			return true;
	}
	p->s = start;
	return false;
}

static bool try_aliases(struct parser *p, const char *name, size_t len, struct parsed *out,
			bool *known)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		const struct alias *a = &aliases[i];

		if (!is_word(a->alias, name, len) ||
		    !try_rows(p, a->name, strlen(a->name), out, known))
			continue;
		if (a->inverted) {
			struct target then = out->to[0];

			out->to[0] = out->to[1];
			out->to[1] = then;
		}
		return true;
	}
	return false;
}

/* .insn CODE, JT, JF, K */
static bool read_fields(struct parser *p, struct parsed *out)
{
	static const uint32_t limits[] = { UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX };
	uint32_t v[4];

	for (size_t i = 0; i < 4; i++) {
		if (i && !read_char(p, ',', "','"))
			return false;
		skip_blanks(p);
		const char *start = p->s;
		if (!read_number(p, &v[i]))
			return false;
		if (v[i] > limits[i]) {
			p->s = start;
			return misfit(p, i ? "a number up to 255" : "a number up to 65535");
		}
	}
	out->insn = (struct cinsn){ (uint16_t)v[0], (uint8_t)v[1], (uint8_t)v[2], v[3] };
	skip_blanks(p);
	return p->s == p->end || misfit(p, "the end of the line");
}

static void unknown_name(struct parser *p, struct span at, const char *name, int len)
{
	const char *names[CBPF_FORMS + ARRAY_LEN(aliases)];

	for (size_t i = 0; i < CBPF_FORMS; i++)
		names[i] = cbpf_forms[i].name;
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		names[CBPF_FORMS + i] = aliases[i].alias;
	diag_error(p->d, at, "there is no instruction %.*s", len, name);
	diag_hint_nearest(p->d, arena_strndup(p->d->arena, name, (size_t)len), names,
			  ARRAY_LEN(names));
}

static void read_insn(struct parser *p)
{
	const char *name = p->s, *end = word_end(name, p->end);
	size_t len = (size_t)(end - name);
	struct parsed one = { .span = span_of(p, name, p->end) };
	bool known = false, fits;

	one.to[0].insn = one.to[1].insn = NOT_SET;
	p->wrong = NULL;
	p->s = end;
	if (is_word(".insn", name, len))
		known = true, fits = read_fields(p, &one);
	else
		fits = try_rows(p, name, len, &one, &known) ||
		       try_aliases(p, name, len, &one, &known);
	if (!known)
		unknown_name(p, span_of(p, name, len ? end : p->end), name,
			     (int)(len ? len : (size_t)(p->end - name)));
	else if (!fits)
		diag_error(p->d, span_of(p, p->wrong, MAX(p->end, p->wrong + 1)),
			   "%s is expected here", p->wanted);
	vec_push(p->d->arena, &p->list, one);
}

/* Skips "(001)" and takes "name:"s. */
static void read_labels(struct parser *p)
{
	skip_blanks(p);
	if (p->s < p->end && *p->s == '(') {
		const char *close = memchr(p->s, ')', (size_t)(p->end - p->s));

		p->s = close ? close + 1 : p->s;
	}
	for (;;) {
		skip_blanks(p);
		const char *end = word_end(p->s, p->end), *colon = end;

		while (colon < p->end && (*colon == ' ' || *colon == '\t'))
			colon++;
		if (end == p->s || colon == p->end || *colon != ':')
			return;
		if (!isdigit((unsigned char)*p->s)) { /* "3:" is what a listing has in front */
			struct label *l = arena_new(p->d->arena, struct label);
			const char *name = arena_strndup(p->d->arena, p->s, (size_t)(end - p->s));

			l->insn = p->list.n;
			if (table_get(&p->labels, name))
				diag_error(p->d, span_of(p, p->s, end),
					   "the label %s is already defined", name);
			else
				table_put(p->d->arena, &p->labels, name, l);
		}
		p->s = colon + 1;
	}
}

/* ---- lines ---- */

/* The text with comments blanked out. */
static char *without_comments(struct parser *p)
{
	char *text = arena_strndup(p->d->arena, p->src->text, p->src->len),
	     *end = text + p->src->len;

	for (char *s = text; s < end; s++) {
		if (*s == ';' || (*s == '/' && s[1] == '/')) {
			while (s < end && *s != '\n')
				*s++ = ' ';
		} else if (*s == '/' && s[1] == '*') {
			char *close = strstr(s + 2, "*/");

			for (close = close ? close + 2 : end; s < close; s++)
				*s = *s == '\n' ? '\n' : ' ';
			s--;
		}
	}
	return text;
}

static uint32_t resolve(struct parser *p, const struct parsed *one, const struct target *t,
			uint32_t at)
{
	const struct label *l = t->label ? table_getn(&p->labels, t->label, t->len) : NULL;
	uint32_t distance;

	if (!t->label && t->insn == NOT_SET)
		return 0;
	if (t->label && !l) {
		diag_error(p->d, one->span, "there is no label %.*s", (int)t->len, t->label);
		return 0;
	}
	distance = (l ? l->insn : (uint32_t)t->insn) - at - 1;
	if (l && l->insn <= at)
		diag_error(p->d, one->span, "%.*s lies behind; filters jump forward only",
			   (int)t->len, t->label);
	else if (!one->is_ja && distance > UINT8_MAX)
		diag_error(p->d, one->span,
			   "a conditional jump reaches the next 256 instructions, not %lld",
			   (long long)(int32_t)distance + 1);
	return distance;
}

static void resolve_all(struct parser *p, struct cbpf *out)
{
	for (uint32_t at = 0; at < p->list.n; at++) {
		const struct parsed *one = &p->list.v[at];
		struct cinsn insn = one->insn;
		uint32_t first = resolve(p, one, &one->to[0], at);
		uint32_t second = resolve(p, one, &one->to[1], at);

		if (one->is_ja)
			insn.k = first;
		else if (one->to[0].label || one->to[0].insn != NOT_SET || one->to[1].label ||
			 one->to[1].insn != NOT_SET)
			insn.jt = (uint8_t)first, insn.jf = (uint8_t)second;
		vec_push(p->d->arena, out, insn);
	}
}

int cbpf_parse(struct cbpf *out, const struct source *src, struct diags *d)
{
	struct parser p = { .d = d, .src = src };
	unsigned errors = d->errors;
	/* statements point into a copy that lies at the same offsets */
	struct source copy = *src;

	copy.text = without_comments(&p);
	p.src = &copy;
	for (const char *line = copy.text, *end = line + copy.len; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		p.s = line;
		p.end = stop ? stop : end;
		line = p.end + 1;
		while (p.end > p.s && isspace((unsigned char)p.end[-1]))
			p.end--;
		read_labels(&p);
		if (p.s < p.end)
			read_insn(&p);
	}
	resolve_all(&p, out);
	return d->errors > errors ? -EINVAL : 0;
}
