/*
 * Interpreter of classic BPF, after what Linux does: a load outside the packet and a division by
 * an X of zero return 0, shifts take X modulo 32, and extensions answer as net/core/filter.c.
 * Needs: a checked filter; only then it stays inside. Called by cmd/ and tests.
 */
#include <string.h>

#include "bpf/cbpf.h"

struct state {
	uint32_t a, x, m[CBPF_WORDS];
	const struct cbpf_packet *packet; /* NULL: seccomp, of `call` */
	const struct cbpf_call *call;
	uint32_t result; /* when a step ends the run */
};

/* Where @size bytes at @offset lie in the packet, as the kernel counts; NULL: outside. */
static const uint8_t *packet_at(const struct cbpf_packet *p, uint32_t offset, uint32_t size)
{
	uint64_t at;

	if ((int32_t)offset >= 0)
		at = (uint64_t)p->data + offset;
	else if (offset >= CBPF_NET_OFF)
		at = (uint64_t)p->network + (offset - CBPF_NET_OFF);
	else if (offset >= CBPF_LINK_OFF && p->has_link)
		at = (uint64_t)p->link + (offset - CBPF_LINK_OFF);
	else
		return NULL;
	return at + size <= p->end ? p->head + at : NULL;
}

static bool load(struct state *s, uint32_t offset, uint32_t width, uint32_t *ret)
{
	const uint8_t *from = packet_at(s->packet, offset, width / 8);

	if (!from)
		return false;
	*ret = 0;
	for (uint32_t i = 0; i < width / 8; i++)
		*ret = *ret << 8 | from[i];
	return true;
}

/* ---- netlink attributes ---- */

struct attribute {
	uint16_t len, type;
};
enum { ATTRIBUTE_TYPE = 0x3fff }; /* NLA_TYPE_MASK */

/* The attribute of type @type among those from @at on, @size bytes; 0: none. */
static uint32_t attribute_find(const uint8_t *data, uint32_t at, uint32_t size, uint32_t type)
{
	struct attribute one;

	while (size >= sizeof(one)) {
		memcpy(&one, data + at, sizeof(one));
		if (one.len < sizeof(one) || one.len > size)
			return 0;
		if ((one.type & ATTRIBUTE_TYPE) == type)
			return at;
		uint32_t step = ALIGN_UP((uint32_t)one.len, 4);
		if (step >= size)
			return 0;
		at += step;
		size -= step;
	}
	return 0;
}

/* A: the offset of the first attribute, X: the type; in the one at A when @nested. */
static uint32_t attribute(const struct state *s, bool nested)
{
	const uint8_t *data = s->packet->head + s->packet->data;
	uint32_t size = s->packet->end - s->packet->data;
	struct attribute outer;

	if (size < sizeof(outer) || s->a > size - sizeof(outer))
		return 0;
	if (!nested)
		return attribute_find(data, s->a, size - s->a, s->x);
	memcpy(&outer, data + s->a, sizeof(outer));
	if (outer.len < sizeof(outer) || outer.len > size - s->a)
		return 0;
	return attribute_find(data, s->a + sizeof(outer), outer.len - sizeof(outer), s->x);
}

/* False: the run ends with s->result. */
static bool extension(struct state *s, uint32_t number)
{
	const struct cbpf_packet *p = s->packet;

	switch (number) {
	case CEXT_NLATTR: s->a = attribute(s, false); return true;
	case CEXT_NLATTR_NEST: s->a = attribute(s, true); return true;
	case CEXT_ALU_XOR_X: s->a ^= s->x; return true;
	case CEXT_IFINDEX:
	case CEXT_HATYPE:
		if (!p->has_device) {
			s->result = s->a;
			return false;
		}
		break;
	}
	s->a = p->ext[number / 4];
	return true;
}

/* ---- instructions ---- */

static bool step_absolute(struct state *s, const struct cinsn *i, uint32_t width)
{
	if (s->call) {
		memcpy(&s->a, (const char *)s->call + i->k, sizeof(s->a));
		return true;
	}
	const struct cbpf_ext *ext = cbpf_ext_find(i->k);
	return ext ? extension(s, ext->number) : load(s, i->k, width, &s->a);
}

static bool step_load(struct state *s, const struct cinsn *i, const struct cbpf_form *f)
{
	uint32_t *to = f->to_x ? &s->x : &s->a;

	switch (f->op) {
	case COP_LOAD_ABS: return step_absolute(s, i, f->width);
	case COP_LOAD_IND: return load(s, s->x + i->k, f->width, to);
	case COP_LOAD_LEN: *to = s->call ? sizeof(*s->call) : s->packet->length; return true;
	case COP_LOAD_IMM: *to = i->k; return true;
	case COP_LOAD_MEM: *to = s->m[i->k]; return true;
	case COP_LOAD_MSH:
		if (!load(s, i->k, 8, to))
			return false;
		*to = (*to & 0xf) * 4;
		return true;
	default: s->m[i->k] = *to; return true;
	}
}

static bool step_alu(struct state *s, enum cbpf_op op, uint32_t by)
{
	switch (op) {
	case COP_ADD: s->a += by; return true;
	case COP_SUB: s->a -= by; return true;
	case COP_MUL: s->a *= by; return true;
	case COP_AND: s->a &= by; return true;
	case COP_OR: s->a |= by; return true;
	case COP_XOR: s->a ^= by; return true;
	case COP_LSH: s->a <<= by & 31; return true;
	case COP_RSH: s->a >>= by & 31; return true;
	case COP_DIV: s->a = by ? s->a / by : 0; return by;
	case COP_MOD: s->a = by ? s->a % by : 0; return by;
	default: s->a = -s->a; return true;
	}
}

static bool holds(enum cbpf_op op, uint32_t a, uint32_t b)
{
	switch (op) {
	case COP_JEQ: return a == b;
	case COP_JGT: return a > b;
	case COP_JGE: return a >= b;
	default: return a & b;
	}
}

static uint32_t run(struct state *s, const struct cinsn *insns)
{
	for (const struct cinsn *i = insns;; i++) {
		const struct cbpf_form *f = cbpf_find(i->code);
		uint32_t operand = f->from_x ? s->x : i->k;
		bool goes_on = true;

		if (f->op == COP_RET)
			return f->returns_a ? s->a : i->k;
		if (f->op <= COP_STORE)
			goes_on = step_load(s, i, f);
		else if (f->op <= COP_NEG)
			goes_on = step_alu(s, f->op, operand);
		else if (f->op == COP_JA)
			i += i->k;
		else if (f->op <= COP_JSET)
			i += holds(f->op, s->a, operand) ? i->jt : i->jf;
		else if (f->op == COP_TAX)
			s->x = s->a;
		else
			s->a = s->x;
		if (!goes_on)
			return s->result;
	}
}

uint32_t cbpf_run(const struct cinsn *insns, const struct cbpf_packet *p)
{
	struct state s = { .packet = p };

	return run(&s, insns);
}

uint32_t cbpf_run_seccomp(const struct cinsn *insns, const struct cbpf_call *call)
{
	struct state s = { .call = call };

	return run(&s, insns);
}
