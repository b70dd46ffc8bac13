/*
 * x86-64: loads, stores, atomic operations, and the check before them.
 *
 * A check asks the window that this op hit last (its hint, a word before the code):
 *
 *	mov	r10d, [hint]
 *	lea	r11, [address]
 *	sub	r11, [r12 + r10]		window.base
 *	cmp	r11, [r12 + r10 + room]		window.room[write][log]
 *	jae	miss				fills a window, sets the hint, comes back to the top
 *
 * Only where addresses are translated (arenas) does the access itself depend on the window.
 *
 * Needs: jops of three operands. Called by jit_emit_x86_64().
 */
#include <stddef.h>

#include "engine/jit_x86_64.h"
#include "engine/map.h"

void x86_rm(struct x86 *x, uint32_t op, unsigned reg, const struct x86_mem *m)
{
	unsigned low = m->base & 7, mod;

	x86_opcode(x, op, reg, m->index == NO_REG ? 0 : m->index, m->base == NO_REG ? 0 : m->base);
	reg = (reg & 7) << 3;
	if (m->base == NO_REG) {
		x86_byte(x, (uint8_t)(reg | 4));
		x86_byte(x, (uint8_t)(m->shift << 6 | (m->index & 7) << 3 | 5));
		x86_half(x, (uint32_t)m->disp);
		return;
	}
	/* No displacement for base 5 (rbp, r13) means another form; base 4 (rsp, r12) wants a SIB
	 * byte, as an index does. */
	mod = !m->disp && low != 5 ? 0 : fits8(m->disp) ? 1 : 2;
	if (m->index != NO_REG) {
		x86_byte(x, (uint8_t)(mod << 6 | reg | 4));
		x86_byte(x, (uint8_t)(m->shift << 6 | (m->index & 7) << 3 | low));
	} else {
		x86_byte(x, (uint8_t)(mod << 6 | reg | low));
		if (low == 4)
			x86_byte(x, 0x24);
	}
	if (mod == 1)
		x86_byte(x, (uint8_t)m->disp);
	else if (mod == 2)
		x86_half(x, (uint32_t)m->disp);
}

void x86_address(const struct jop *j, struct x86_mem *ret)
{
	ret->base = x86_regs[j->a];
	ret->index = x86_regs[j->b];
	ret->shift = j->shift;
	ret->disp = j->disp;
}

static unsigned log_of(const struct jop *j)
{
	return (unsigned)__builtin_ctz(j->width / 8u);
}

/* Checks, and gives the address to use. By pointer: a struct returned in a register is put
 * together in memory, and waits for it. */
static void checked(struct x86 *x, const struct jop *j, struct x86_mem *m)
{
	const size_t room = offsetof(struct window, room);
	struct x86_mem at_window = { VM, T0, 0, 0 };
	uint32_t top = x86_here(x);

	x86_address(j, m);
	if (!x->plan->checked || j->flags & JOP_FRAME)
		return;
	x86_byte(x, 0x44); /* mov r10d, [rip + hint] */
	x86_byte(x, 0x8b);
	x86_byte(x, 0x15);
	x86_half(x, (uint32_t)(jit_hint(j->at) - (int32_t)(top + 7)));
	x86_rm(x, OP_W | 0x8d, T1, m);
	x86_rm(x, OP_W | 0x2b, T1, &at_window);
	at_window.disp = (int32_t)(room + (jop_is_write(j) * 4 + log_of(j)) * sizeof(uint64_t));
	x86_rm(x, OP_W | 0x3b, T1, &at_window);
	x86_cold(x, CC_AE, COLD_MISS, top);
	if (!x->plan->translate)
		return;
	x86_rm(x, OP_W | 0x8d, T1, m);
	at_window.disp = offsetof(struct window, delta);
	x86_rm(x, OP_W | 0x03, T1, &at_window);
	*m = (struct x86_mem){ .base = T1, .index = NO_REG };
}

static void load(struct x86 *x, const struct jop *j)
{
	static const uint32_t zero[] = { OP_0F | 0xb6, OP_0F | 0xb7, 0x8b, OP_W | 0x8b };
	static const uint32_t sign[] = { OP_W | OP_0F | 0xbe, OP_W | OP_0F | 0xbf, OP_W | 0x63 };
	struct x86_mem m;

	checked(x, j, &m);
	x86_rm(x, j->op == OP_LOADSX ? sign[log_of(j)] : zero[log_of(j)], x86_regs[j->dst], &m);
}

static const uint32_t store_ops[] = { OP_BYTE | 0x88, OP_16 | 0x89, 0x89, OP_W | 0x89 };

static void store_imm(struct x86 *x, const struct jop *j, const struct x86_mem *m)
{
	static const uint32_t ops[] = { 0xc6, OP_16 | 0xc7, 0xc7, OP_W | 0xc7 };

	if (x->plan->opt->blind) {
		x86_imm(x, T0, (int32_t)j->imm);
		x86_rm(x, store_ops[log_of(j)], T0, m);
		return;
	}
	x86_rm(x, ops[log_of(j)], 0, m);
	if (j->width == 8)
		x86_byte(x, (uint8_t)j->imm);
	else if (j->width == 16)
		x86_byte(x, (uint8_t)j->imm), x86_byte(x, (uint8_t)(j->imm >> 8));
	else
		x86_half(x, (uint32_t)j->imm);
}

static void store(struct x86 *x, const struct jop *j)
{
	struct x86_mem m;

	checked(x, j, &m);
	if (j->c == JIT_NONE)
		store_imm(x, j, &m);
	else
		x86_rm(x, store_ops[log_of(j)], x86_regs[j->c], &m);
}

/* ---- atomic operations ---- */

static uint32_t binary_of(uint8_t op)
{
	switch (op) {
	case OP_ATOMIC_ADD: return 0x01;
	case OP_ATOMIC_OR:
	case OP_FETCH_OR: return 0x09;
	case OP_ATOMIC_AND:
	case OP_FETCH_AND: return 0x21;
	default: return 0x31;
	}
}

/* No instruction fetches and combines these: tries until nobody came between. rax, which is r0,
 * holds the old value, r10 the new one, r11 the address. */
static void fetch_loop(struct x86 *x, const struct jop *j)
{
	const struct x86_mem at = { T1, NO_REG, 0, 0 };
	unsigned value = x86_regs[j->c], kept = value == RAX ? RCX : RAX;
	uint32_t w = x86_w(j);

	x86_push(x, kept);
	if (value == RAX) {
		x86_copy(x, RCX, RAX);
		value = RCX;
	}
	x86_rm(x, 0x8b | w, RAX, &at);
	uint32_t top = x86_here(x);
	x86_mov(x, OP_W, T0, RAX);
	x86_rr(x, binary_of(j->op) | w, value, T0);
	x86_rm(x, OP_LOCK | OP_0F | 0xb1 | w, T0, &at); /* cmpxchg */
	x86_byte(x, 0x75);
	x86_byte(x, (uint8_t)(top - (x86_here(x) + 1)));
	x86_mov(x, w, x86_regs[j->c], RAX);
	x86_pop(x, kept);
}

static void aligned(struct x86 *x, const struct jop *j)
{
	if (!x->plan->checked || j->width == 8)
		return;
	if (j->flags & JOP_FRAME) {
		if (j->disp & (j->width / 8 - 1))
			x86_cold(x, -1, COLD_UNALIGNED, 0);
		return;
	}
	x86_rr(x, 0xf6 | OP_RMB, 0, T1); /* test r11b, size - 1 */
	x86_byte(x, (uint8_t)(j->width / 8 - 1));
	x86_cold(x, CC_NE, COLD_UNALIGNED, 0);
}

static void atomic(struct x86 *x, const struct jop *j)
{
	struct x86_mem m, at = { T1, NO_REG, 0, 0 };
	unsigned value = x86_regs[j->c];
	uint32_t w = x86_w(j);

	checked(x, j, &m);
	x86_rm(x, OP_W | 0x8d, T1, &m);
	aligned(x, j);
	switch (j->op) {
	case OP_ATOMIC_ADD:
	case OP_ATOMIC_OR:
	case OP_ATOMIC_AND:
	case OP_ATOMIC_XOR: x86_rm(x, OP_LOCK | binary_of(j->op) | w, value, &at); break;
	case OP_FETCH_ADD: x86_rm(x, OP_LOCK | OP_0F | 0xc1 | w, value, &at); break;
	case OP_XCHG: x86_rm(x, 0x87 | w, value, &at); break;
	case OP_CMPXCHG:
		x86_rm(x, OP_LOCK | OP_0F | 0xb1 | w, value, &at);
		if (!w)
			x86_mov(x, 0, RAX, RAX);
		break;
	default: fetch_loop(x, j);
	}
}

/* Loads acquire and stores release as they are; they want alignment none the less. */
static void ordered(struct x86 *x, const struct jop *j)
{
	struct x86_mem m, at = { T1, NO_REG, 0, 0 };

	checked(x, j, &m);
	x86_rm(x, OP_W | 0x8d, T1, &m);
	aligned(x, j);
	if (j->op == OP_STORE_REL)
		x86_rm(x, store_ops[log_of(j)], x86_regs[j->c], &at);
	else if (log_of(j) < 2)
		x86_rm(x, OP_0F | (0xb6 + log_of(j)), x86_regs[j->dst], &at);
	else
		x86_rm(x, 0x8b | x86_w(j), x86_regs[j->dst], &at);
}

/* A value of an array: 0 when the index, at the address, is beyond it. */
void x86_array(struct x86 *x, const struct jop *j)
{
	const struct map *map = (const struct map *)j->imm;
	unsigned to = x86_regs[j->dst];
	struct x86_mem m;

	x86_address(j, &m);
	x86_rm(x, 0x8b, to, &m);
	x86_rr(x, 0x81, 7, to); /* cmp */
	x86_half(x, map->def.max_entries);
	uint8_t *beyond = x86_hop(x, CC_AE);
	x86_rr(x, OP_W | 0x69, to, to); /* imul */
	x86_half(x, map->value_stride);
	x86_number(x, T1, (uint64_t)map->values);
	x86_rr(x, OP_W | 0x01, T1, to);
	uint8_t *done = x86_hop(x, -1);
	x86_land(x, beyond);
	x86_number(x, to, 0);
	x86_land(x, done);
}

void x86_access(struct x86 *x, const struct jop *j)
{
	switch (j->op) {
	case OP_LOAD:
	case OP_LOADSX: load(x, j); break;
	case OP_STORE: store(x, j); break;
	case OP_LOAD_ACQ:
	case OP_STORE_REL: ordered(x, j); break;
	default: atomic(x, j);
	}
}
