/*
 * arm64: ways in and out, calls, and the thunks behind what is rare.
 *
 * A way in is a C function (vm_entry); its frame, and that of a function that the program calls:
 *
 *	x29, x30
 *	saved registers; of ways in also vm->unwind where a bad end may be met in another function
 *	loops left, in functions with may_goto
 *
 * The program's first function follows its way in without a call, unless the program calls it.
 *
 * Needs: a plan. Called by jit_emit_arm64().
 */
#include <stddef.h>

#include "engine/helper.h"
#include "engine/jit_arm64.h"

enum { CALLER = 0x3e, CALLEE = 0x3c0 };

#define VM_AT(member) offsetof(struct vm, member)

static void call_c(struct a64 *x, const void *function)
{
	a64_number(x, CALLEE_AT, (uint64_t)function);
	a64_put(x, 0xd63f0000 | CALLEE_AT << 5); /* blr */
}

static void add_sp(struct a64 *x, int32_t bytes)
{
	if (bytes)
		a64_add_number(x, WIDE, SP, SP, bytes);
}

/* Stores (or with @load brings back) @n registers from sp up, two at a time. */
static void spill(struct a64 *x, const uint8_t *regs, unsigned n, bool load)
{
	for (unsigned i = 0; i < n; i += 2) {
		if (i + 1 < n)
			a64_put(x, (load ? 0xa9400000 : 0xa9000000) | i << 15 |
					   (uint32_t)regs[i + 1] << 10 | SP << 5 | regs[i]);
		else
			a64_member(x, load ? A64_LDR64 : A64_STR64, regs[i], SP, 8 * i);
	}
}

static int32_t room_for(unsigned n)
{
	return (int32_t)(8 * ((n + 1) & ~1u));
}

static unsigned list(uint8_t *regs, uint32_t set)
{
	unsigned n = 0;

	for (unsigned r = 0; r < VM_REGISTERS; r++) {
		if (set >> r & 1)
			regs[n++] = a64_regs[r];
	}
	return n;
}

/* ---- frames ---- */

void a64_frames(struct a64 *x)
{
	const struct jit_plan *plan = x->plan;
	uint32_t set = plan->writes;
	bool vm = plan->burns || plan->calls_c || plan->deep;

	for (uint32_t i = 0; i < plan->n && !vm; i++) {
		const struct jop *j = &plan->jops[i];

		vm = j->op == JIT_FAULT || j->op == JIT_CPU ||
		     (plan->checked && jop_is_access(j) &&
		      (!(j->flags & JOP_FRAME) || jop_is_atomic(j)));
	}
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		set |= plan->funcs[i].in;
	x->vm = vm;
	x->unwinds = vm && (plan->nfuncs > 1 || plan->funcs[0].is_called);
	x->nsaved = (uint8_t)list(x->saved, (set & CALLEE) | (plan->reads & 1 << 10));
	if (vm)
		x->saved[x->nsaved++] = VM;
	if (plan->burns)
		x->saved[x->nsaved++] = FUEL;
}

bool a64_is_inline(const struct a64 *x, const struct jit_func *f)
{
	return f == x->plan->funcs && !f->is_called;
}

static bool links(const struct a64 *x)
{
	return x->vm || x->plan->calls_self || x->plan->nfuncs > 1;
}

static int32_t way_in_room(const struct a64 *x)
{
	return room_for(x->nsaved + x->unwinds);
}

static void enter_registers(struct a64 *x, uint16_t in)
{
	static const uint8_t order[] = { 1, 2, 4, 5, 3 };

	if (x->plan->reads >> 10 & 1) {
		a64_member(x, A64_LDR32, T0, 0, VM_AT(depth));
		a64_member(x, A64_LDR64, T1, 0, VM_AT(stack));
		a64_add_number(x, WIDE, T1, T1, VM_MAX_DEPTH * VM_STACK_SIZE);
		a64_rrr(x, A64_SUB | WIDE | 9 << 10, a64_regs[10], T1, T0);
		_Static_assert(VM_STACK_SIZE == 1 << 9, "the shift above");
	}
	/* By r3, which holds the pointer to them, last. */
	for (unsigned i = 0; i < 5; i++) {
		if (in >> order[i] & 1)
			a64_member(x, A64_LDR64, a64_regs[order[i]], 2, 8u * (order[i] - 1));
	}
	for (unsigned r = 0; r < 10; r++) {
		if ((r == 0 || r > 5) && in >> r & 1)
			a64_number(x, a64_regs[r], 0);
	}
}

static void leave(struct a64 *x)
{
	a64_copy(x, 0, a64_regs[0]);
	if (x->plan->burns)
		a64_member(x, A64_STR64, FUEL, VM, VM_AT(fuel));
	if (x->unwinds) {
		a64_member(x, A64_LDR64, T0, SP, 8u * x->nsaved);
		a64_member(x, A64_STR64, T0, VM, VM_AT(unwind));
	}
	spill(x, x->saved, x->nsaved, true);
	add_sp(x, way_in_room(x));
	if (links(x))
		a64_put(x, 0xa8c17bfd); /* ldp x29, x30, [sp], 16 */
	a64_put(x, 0xd65f03c0);
}

void a64_way_in(struct a64 *x, struct jit_func *f)
{
	if (links(x))
		a64_put(x, 0xa9bf7bfd); /* stp x29, x30, [sp, -16]! */
	add_sp(x, -way_in_room(x));
	spill(x, x->saved, x->nsaved, false);
	if (x->vm)
		a64_copy(x, VM, 0);
	if (x->unwinds) {
		a64_member(x, A64_LDR64, T0, VM, VM_AT(unwind));
		a64_member(x, A64_STR64, T0, SP, 8u * x->nsaved);
		a64_add_number(x, WIDE, T0, SP, 0);
		a64_member(x, A64_STR64, T0, VM, VM_AT(unwind));
	}
	if (x->plan->burns)
		a64_member(x, A64_LDR64, FUEL, VM, VM_AT(fuel));
	enter_registers(x, f->in);
	if (a64_is_inline(x, f))
		return;
	a64_branch_to(x, 0x94000000, x->bodies[f - x->plan->funcs]);
	leave(x);
}

static unsigned body_saves(const struct jit_func *f, uint8_t *regs)
{
	return list(regs, f->writes & CALLEE);
}

void a64_body(struct a64 *x, struct jit_func *f)
{
	uint8_t regs[VM_REGISTERS];

	if (!a64_is_inline(x, f)) {
		unsigned n = body_saves(f, regs);

		a64_put(x, 0xa9bf7bfd);
		add_sp(x, -room_for(n));
		spill(x, regs, n, false);
	}
	if (f->may_goto) {
		add_sp(x, -16);
		a64_number(x, T0, VM_MAX_LOOPS);
		a64_member(x, A64_STR64, T0, SP, 0);
	}
}

void a64_exit(struct a64 *x)
{
	const struct jit_func *f = x->func;
	uint8_t regs[VM_REGISTERS];

	if (f->may_goto)
		add_sp(x, 16);
	if (a64_is_inline(x, f)) {
		leave(x);
		return;
	}
	unsigned n = body_saves(f, regs);
	spill(x, regs, n, true);
	add_sp(x, room_for(n));
	a64_put(x, 0xa8c17bfd);
	a64_put(x, 0xd65f03c0);
}

/* ---- calls of C functions ---- */

static void save_fuel(struct a64 *x)
{
	if (x->plan->burns)
		a64_member(x, A64_STR64, FUEL, VM, VM_AT(fuel));
}

static void load_fuel(struct a64 *x)
{
	if (x->plan->burns)
		a64_member(x, A64_LDR64, FUEL, VM, VM_AT(fuel));
}

static void keep(struct a64 *x, uint32_t set)
{
	uint8_t regs[VM_REGISTERS];
	unsigned n = list(regs, set);

	add_sp(x, -room_for(n));
	spill(x, regs, n, false);
}

static void unkeep(struct a64 *x, uint32_t set)
{
	uint8_t regs[VM_REGISTERS];
	unsigned n = list(regs, set);

	spill(x, regs, n, true);
	add_sp(x, room_for(n));
}

/* bpf_tail_call hands r1 on. */
static bool is_tail_call(const struct jop *j)
{
	return j->op == OP_CALL && j->helper == helper_tail_call;
}

static void end_if_set(struct a64 *x)
{
	a64_member(x, A64_LDR32, T0, VM, VM_AT(end));
	a64_compare(x, 0, T0, 0);
	a64_cold(x, COND_NE, COLD_ENDED, 0);
}

/* Calls the helper at x16. */
static void call_helper(struct a64 *x, const struct jop *j)
{
	uint32_t set = (j->out & CALLER) | (is_tail_call(j) ? 1 << 1 : 0);

	keep(x, set);
	save_fuel(x);
	a64_number(x, T0, x->plan->prog->ops[j->at].insn);
	a64_member(x, A64_STR32, T0, VM, VM_AT(insn));
	a64_copy(x, 5, VM);
	a64_put(x, 0xd63f0000 | CALLEE_AT << 5);
	a64_copy(x, a64_regs[0], 0);
	unkeep(x, set);
	load_fuel(x);
	end_if_set(x);
}

void a64_call_helper(struct a64 *x, const struct jop *j)
{
	a64_number(x, CALLEE_AT, (uint64_t)j->helper);
	call_helper(x, j);
}

void a64_packet(struct a64 *x, const struct jop *j)
{
	uint32_t set = j->out & CALLER;

	keep(x, set);
	a64_imm(x, T0, (int32_t)j->imm);
	if (j->a == JIT_NONE)
		a64_mov(x, 0, 1, T0);
	else
		a64_rrr(x, A64_ADD, 1, T0, a64_regs[j->a]);
	a64_copy(x, 0, VM);
	a64_number(x, 2, j->width / 8u);
	save_fuel(x);
	call_c(x, (const void *)jit_packet);
	load_fuel(x);
	a64_copy(x, a64_regs[0], 0);
	unkeep(x, set);
	a64_compare(x, WIDE, a64_regs[0], 0);
	a64_cold(x, COND_LT, COLD_ENDED, 0);
}

/* ---- calls inside the program ---- */

static void add_depth(struct a64 *x, int by)
{
	if (!x->plan->deep)
		return;
	a64_member(x, A64_LDR32, T0, VM, VM_AT(depth));
	a64_add_number(x, 0, T0, T0, by);
	a64_member(x, A64_STR32, T0, VM, VM_AT(depth));
}

/* Calls function @func, UINT32_MAX: what x16 points to. @frame: it needs a frame pointer. */
static void call_body(struct a64 *x, uint32_t func, bool frame)
{
	unsigned fp = a64_regs[10];

	frame = frame && x->plan->reads >> 10 & 1;
	add_depth(x, 1);
	if (frame)
		a64_add_number(x, WIDE, fp, fp, -VM_STACK_SIZE);
	if (func == UINT32_MAX) {
		a64_put(x, 0xd63f0000 | CALLEE_AT << 5);
	} else {
		jit_fix_add(x->b, func, a64_here(x), FIX_BODY);
		a64_put(x, 0x94000000);
	}
	if (frame)
		a64_add_number(x, WIDE, fp, fp, VM_STACK_SIZE);
	add_depth(x, -1);
}

void a64_call_local(struct a64 *x, const struct jop *j)
{
	const struct jit_func *f = x->plan->funcs;
	uint32_t i = 0;

	while (f[i].first != j->target)
		i++;
	if (x->plan->burns) {
		a64_number(x, T0, j->cost);
		a64_rrr(x, A64_SUBS | WIDE, FUEL, FUEL, T0);
		a64_cold(x, COND_MI, COLD_FUEL, 0);
	}
	if (x->func->frames > VM_MAX_DEPTH) {
		a64_member(x, A64_LDR32, T0, VM, VM_AT(depth));
		a64_compare(x, 0, T0, VM_MAX_DEPTH - 1);
		a64_cold(x, COND_HS, COLD_DEEP, 0);
	}
	call_body(x, i, f[i].reads_frame || f[i].calls);
}

/* callx: jit_resolve says whom, a function of the program or a helper. */
void a64_callx(struct a64 *x, const struct jop *j)
{
	const uint32_t all = 1 | CALLER;

	keep(x, all);
	a64_copy(x, 1, a64_regs[j->a]);
	a64_copy(x, 0, VM);
	a64_number(x, 2, j->at);
	save_fuel(x);
	call_c(x, (const void *)jit_resolve);
	load_fuel(x);
	a64_copy(x, CALLEE_AT, 0);
	a64_copy(x, T4, 1);
	unkeep(x, all);
	a64_compare(x, WIDE, CALLEE_AT, 0);
	a64_cold(x, COND_EQ, COLD_ENDED, 0);
	uint8_t *helper = a64_hop(x, 0xb5000000 | T4); /* cbnz */
	call_body(x, UINT32_MAX, true);
	uint8_t *done = a64_hop(x, 0x14000000);
	a64_land(x, helper);
	call_helper(x, j);
	a64_land(x, done);
}

/* ---- out of line ---- */

void a64_tail(struct a64 *x, const struct jop *j)
{
	if (j->op == OP_LD_ABS || j->op == OP_LD_IND) {
		a64_number(x, a64_regs[0], 0);
		a64_exit(x);
		return;
	}
	if (is_tail_call(j)) {
		a64_member(x, A64_LDR32, T0, VM, VM_AT(end));
		a64_compare(x, 0, T0, VM_TAIL_CALL);
		uint8_t *other = a64_hop(x, 0x54000000 | COND_NE);
		a64_copy(x, 1, a64_regs[1]);
		a64_copy(x, 0, VM);
		call_c(x, (const void *)jit_next);
		load_fuel(x);
		a64_copy(x, a64_regs[0], 0);
		a64_member(x, A64_LDR32, T0, VM, VM_AT(end));
		uint8_t *ended = a64_hop(x, 0x35000000 | T0); /* cbnz */
		a64_exit(x);
		a64_land(x, ended);
		a64_land(x, other);
	}
	a64_branch_to(x, 0x14000000, x->bad_end);
}

/* Calls @f(vm, T1, T0) with all registers kept; a result of 0 ends the run. */
static uint32_t thunk(struct a64 *x, const void *f)
{
	static const uint8_t regs[] = { 0, 1, 2, 3, 4, 7, LR };
	uint32_t at = a64_here(x);

	add_sp(x, -64);
	spill(x, regs, ARRAY_LEN(regs), false);
	a64_copy(x, 0, VM);
	a64_copy(x, 1, T1);
	a64_copy(x, 2, T0);
	call_c(x, f);
	a64_copy(x, T0, 0);
	spill(x, regs, ARRAY_LEN(regs), true);
	add_sp(x, 64);
	uint8_t *failed = a64_hop(x, 0xb4000000 | T0); /* cbz */
	a64_put(x, 0xd65f03c0);
	a64_land(x, failed);
	a64_branch_to(x, 0x14000000, x->bad_end);
	return at;
}

/* Needs: x->func, any; bad ends of programs with one function leave from it. */
void a64_thunks(struct a64 *x)
{
	x->bad_end = a64_here(x);
	if (x->unwinds) {
		a64_member(x, A64_LDR64, T0, VM, VM_AT(unwind));
		a64_add_number(x, WIDE, SP, T0, 0);
		leave(x);
	} else {
		a64_exit(x);
	}
	x->thunks[0] = thunk(x, (const void *)jit_access);
	x->thunks[1] = thunk(x, (const void *)jit_unaligned);
	x->thunks[2] = thunk(x, (const void *)jit_frame_fault);
}
