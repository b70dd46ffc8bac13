/*
 * Classic BPF: the table, and the kernel's checks.
 * Needs: cbpf.def, cbpf_ext.def. Called by whoever takes or makes a filter.
 */
#include <errno.h>
#include <string.h>

#include "bpf/cbpf.h"
#include "bpf/uapi.h"

enum { NOBODY = 0, SOCKET = 1 << CBPF_SOCKET, BOTH = SOCKET | 1 << CBPF_SECCOMP };

const struct cbpf_form cbpf_forms[] = {
#define CLASSIC(id, class, a, b, name_, operand_, op_, width_, users_)            \
	{ .name = name_,                                                          \
	  .operand = operand_,                                                    \
	  .code = (int)BPF_##class | (int)BPF_##a | (int)BPF_##b,                 \
	  .op = COP_##op_,                                                        \
	  .width = width_,                                                        \
	  .users = users_,                                                        \
	  .to_x = (int)BPF_##class == BPF_LDX || (int)BPF_##class == BPF_STX,     \
	  .from_x = (int)BPF_##class >= BPF_ALU && (int)BPF_##class <= BPF_RET && \
		    (int)BPF_##b != 0,                                            \
	  .returns_a = (int)BPF_##class == BPF_RET && (int)BPF_##a != 0 },
#include "bpf/cbpf.def"
#undef CLASSIC
};

/* Each code and the place of its row + 1; rows with one code do not compile (-Woverride-init). */
enum {
#define CLASSIC(id, ...) ROW_##id,
#include "bpf/cbpf.def"
#undef CLASSIC
	ROW_COUNT
};
_Static_assert((int)ROW_COUNT == (int)CBPF_FORMS, "cbpf.h says how many rows there are");

static const uint8_t rows[256] = {
#define CLASSIC(id, class, a, b, ...) \
	[(int)BPF_##class | (int)BPF_##a | (int)BPF_##b] = ROW_##id + 1,
#include "bpf/cbpf.def"
#undef CLASSIC
};

static const struct cbpf_ext extensions[] = {
#define EXTENSION(id, number, name, alias, way, offset, size) \
	{ number, name, alias, CEXT_##way, offset, size },
#include "bpf/cbpf_ext.def"
#undef EXTENSION
};

const struct cbpf_form *cbpf_find(uint16_t code)
{
	return code < ARRAY_LEN(rows) && rows[code] ? &cbpf_forms[rows[code] - 1] : NULL;
}

const struct cbpf_ext *cbpf_ext_find(uint32_t k)
{
	uint32_t number = k - CBPF_EXT_OFF;

	if (k < CBPF_EXT_OFF || number % 4 || number / 4 >= ARRAY_LEN(extensions))
		return NULL;
	return &extensions[number / 4];
}

static bool named(const char *a, const char *name, size_t len)
{
	return a && strlen(a) == len && memcmp(a, name, len) == 0;
}

const struct cbpf_ext *cbpf_ext_named(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		if (named(extensions[i].name, name, len) || named(extensions[i].alias, name, len))
			return &extensions[i];
	}
	return NULL;
}

/* ---- checks ---- */

struct check {
	const struct cinsn *insns;
	size_t n, at;
	enum cbpf_use use;
	struct buf *why;
};

PRINTF_LIKE(2, 3) static int refuse(struct check *c, const char *fmt, ...)
{
	va_list args;

	if (c->why) {
		va_start(args, fmt);
		buf_vprintf(c->why, fmt, args);
		va_end(args);
	}
	return -EINVAL;
}

static int check_code(struct check *c, const struct cbpf_form *f)
{
	uint16_t code = c->insns[c->at].code;

	if (!f)
		return refuse(c, "0x%x is no code of classic BPF", code);
	if (!f->users)
		return refuse(c, "Linux has no \"%s %s\"", f->name, f->operand);
	if (!(f->users & 1 << c->use))
		return refuse(c, "a seccomp filter may not have code 0x%x (%s)", code, f->name);
	return 0;
}

/* seccomp reads struct seccomp_data, by aligned words; sockets a packet and the extensions. */
static int check_load(struct check *c, uint32_t k)
{
	if (c->use == CBPF_SECCOMP && (k >= sizeof(struct cbpf_call) || k % 4))
		return refuse(c, "offset %u is no word of struct seccomp_data (0, 4, ... 60)", k);
	if (c->use == CBPF_SOCKET && k >= CBPF_EXT_OFF && !cbpf_ext_find(k))
		return refuse(c, "there is no extension number %u", k - CBPF_EXT_OFF);
	return 0;
}

static int check_jump(struct check *c, const struct cinsn *i, bool always)
{
	uint64_t left = c->n - c->at - 1;

	if (always ? i->k >= left : i->jt >= left || i->jf >= left)
		return refuse(c, "it jumps past the end");
	return 0;
}

/* What a field may hold, by operation. */
static int check_operand(struct check *c, const struct cbpf_form *f)
{
	const struct cinsn *i = &c->insns[c->at];

	switch (f->op) {
	case COP_LOAD_ABS: return check_load(c, i->k);
	case COP_LOAD_MEM:
	case COP_STORE:
		return i->k < CBPF_WORDS ? 0 : refuse(c, "memory has words 0 to 15, not %u", i->k);
	case COP_DIV:
	case COP_MOD: return f->from_x || i->k ? 0 : refuse(c, "it divides by zero");
	case COP_LSH:
	case COP_RSH:
		return f->from_x || i->k < 32 ? 0 : refuse(c, "it shifts by %u, over 31", i->k);
	case COP_JA:
	case COP_JEQ:
	case COP_JGT:
	case COP_JGE:
	case COP_JSET: return check_jump(c, i, f->op == COP_JA);
	default: return 0;
	}
}

static int check_each(struct check *c)
{
	for (c->at = 0; c->at < c->n; c->at++) {
		const struct cbpf_form *f = cbpf_find(c->insns[c->at].code);
		int err = check_code(c, f);

		err = err ? err : check_operand(c, f);
		if (err)
			return err;
	}
	c->at = c->n - 1;
	if (cbpf_find(c->insns[c->at].code)->op != COP_RET)
		return refuse(c, "the last instruction is no ret");
	return 0;
}

/*
 * No word of memory is read before every way there has written it. Jumps go forward, so that one
 * pass knows: words[] of an instruction are those written on all jumps to it; what falls through
 * behind a jump is what its own words[] say.
 */
static int check_memory(struct check *c)
{
	uint16_t words[CBPF_MAX], now = 0;

	memset(words, 0xff, sizeof(words));
	for (c->at = 0; c->at < c->n; c->at++) {
		const struct cinsn *i = &c->insns[c->at];
		enum cbpf_op op = cbpf_find(i->code)->op;

		now &= words[c->at];
		if (op == COP_STORE)
			now |= 1 << i->k;
		if (op == COP_LOAD_MEM && !(now & 1 << i->k))
			return refuse(c, "M[%u] is read but not written on every way there", i->k);
		if (op < COP_JA || op > COP_JSET)
			continue;
		words[c->at + 1 + (op == COP_JA ? i->k : i->jt)] &= now;
		if (op != COP_JA)
			words[c->at + 1 + i->jf] &= now;
		now = 0xffff;
	}
	return 0;
}

int cbpf_check(const struct cinsn *insns, size_t n, enum cbpf_use use, size_t *ret_at,
	       struct buf *why)
{
	struct check c = { insns, n, 0, use, why };
	int err;

	if (n == 0 || n > CBPF_MAX)
		err = refuse(&c, "a filter has 1 to %u instructions, not %zu", CBPF_MAX, n);
	else
		err = check_each(&c);
	err = err ? err : check_memory(&c);
	if (err && ret_at)
		*ret_at = c.at;
	return err;
}
