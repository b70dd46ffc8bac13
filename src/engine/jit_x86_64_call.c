/*
 * x86-64: ways in and out, calls, and the thunks behind what is rare.
 *
 * A way in is a C function (vm_entry). Its frame, and that of a function that the program calls:
 *
 *	way in			called function
 *	return address		return address
 *	saved registers		saved registers
 *	vm->unwind (1)
 *	padding			padding
 *	loops left (2)		loops left (2)
 *
 * (1) where a bad end may be met below other functions: rsp there, for the way out. (2) in
 * functions with may_goto. The program's first function follows its way in without a call,
 * unless the program calls it. Stacks are 16-byte aligned inside functions that call.
 */
#include <stddef.h>

#include "engine/helper.h"
#include "engine/jit_x86_64.h"

enum { CALLER = 0x3e, CALLEE = 0x3c0, LOOPS_SIZE = 16 };

static const struct x86_mem *vm_at(size_t offset, struct x86_mem *m)
{
	*m = (struct x86_mem){ VM, NO_REG, 0, (int32_t)offset };
	return m;
}

#define VM_AT(member) vm_at(offsetof(struct vm, member), &(struct x86_mem){ 0 })

void x86_push(struct x86 *x, unsigned reg)
{
	x86_opcode(x, 0x50 | (reg & 7), 0, 0, reg);
}

void x86_pop(struct x86 *x, unsigned reg)
{
	x86_opcode(x, 0x58 | (reg & 7), 0, 0, reg);
}

void x86_call_c(struct x86 *x, const void *function)
{
	x86_number(x, RAX, (uint64_t)function);
	x86_rr(x, 0xff, 2, RAX);
}

static void add_rsp(struct x86 *x, int32_t bytes)
{
	if (bytes)
		x86_ri(x, OP_W, 0, RSP, bytes);
}

static void store_number(struct x86 *x, const struct x86_mem *m, uint32_t value)
{
	x86_rm(x, 0xc7, 0, m);
	x86_half(x, value);
}

/* Saves or brings back the BPF registers in @set, r0 first. */
static unsigned push_set(struct x86 *x, uint32_t set)
{
	for (unsigned r = 0; r < VM_REGISTERS; r++) {
		if (set >> r & 1)
			x86_push(x, x86_regs[r]);
	}
	return (unsigned)__builtin_popcount(set);
}

static void pop_set(struct x86 *x, uint32_t set)
{
	for (unsigned r = VM_REGISTERS; r-- > 0;) {
		if (set >> r & 1)
			x86_pop(x, x86_regs[r]);
	}
}

/* ---- frames ---- */

/* What all ways in of the program have in common. */
void x86_frames(struct x86 *x)
{
	const struct jit_plan *plan = x->plan;
	uint32_t set = plan->writes;
	bool vm = plan->burns || plan->calls_c || plan->deep;

	for (uint32_t i = 0; i < plan->n && !vm; i++) {
		const struct jop *j = &plan->jops[i];

		vm = j->op == JIT_FAULT || j->op == JIT_CPU ||
		     (plan->checked && jop_is_access(j) && !(j->flags & JOP_FRAME)) ||
		     (plan->checked && jop_is_atomic(j));
	}
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		set |= plan->funcs[i].in;
	x->vm = vm;
	x->unwinds = vm && (plan->nfuncs > 1 || plan->funcs[0].is_called);
	x->saved = (uint16_t)(set & CALLEE) | (plan->reads & 1 << 10);
	unsigned pushes = (unsigned)__builtin_popcount(x->saved) + vm + x->unwinds;
	x->pad = (plan->calls_c || plan->calls_self || plan->nfuncs > 1) && !(pushes & 1) ? 8 : 0;
}

bool x86_is_inline(const struct x86 *x, const struct jit_func *f)
{
	return f == x->plan->funcs && !f->is_called;
}

static void enter_frame_pointer(struct x86 *x)
{
	x86_mem(x, 0x8b, RBP, RDI, offsetof(struct vm, depth));
	x86_rr(x, 0xc1, 4, RBP); /* shl ebp, 9 */
	x86_byte(x, 9);
	x86_rr(x, 0xf7 | OP_W, 3, RBP);
	x86_mem(x, 0x03 | OP_W, RBP, RDI, offsetof(struct vm, stack));
	x86_ri(x, OP_W, 0, RBP, VM_MAX_DEPTH * VM_STACK_SIZE);
	_Static_assert(VM_STACK_SIZE == 1 << 9, "the shift above");
}

/* Arguments by r3, which holds the pointer to them, last; zeros in what else @in says. */
static void enter_registers(struct x86 *x, uint16_t in)
{
	static const uint8_t order[] = { 1, 2, 4, 5, 3 };

	for (unsigned i = 0; i < 5; i++) {
		if (in >> order[i] & 1)
			x86_mem(x, 0x8b | OP_W, x86_regs[order[i]], RDX, 8 * (order[i] - 1));
	}
	for (unsigned r = 0; r < 10; r++) {
		if ((r == 0 || r > 5) && in >> r & 1)
			x86_number(x, x86_regs[r], 0);
	}
}

static void push_loops(struct x86 *x)
{
	x86_byte(x, 0x68); /* push imm32, and as much again */
	x86_half(x, VM_MAX_LOOPS);
	x86_push(x, RAX);
	_Static_assert(LOOPS_SIZE == 16, "keeps the stack's alignment");
}

static void leave(struct x86 *x)
{
	if (x->plan->burns)
		x86_rm(x, 0x89 | OP_W, FUEL, VM_AT(fuel));
	add_rsp(x, x->pad);
	if (x->unwinds)
		x86_rm(x, 0x8f, 0, VM_AT(unwind)); /* pop */
	if (x->vm)
		x86_pop(x, VM);
	pop_set(x, x->saved);
	x86_byte(x, 0xc3);
}

void x86_way_in(struct x86 *x, struct jit_func *f)
{
	push_set(x, x->saved);
	if (x->vm) {
		x86_push(x, VM);
		x86_copy(x, VM, RDI);
	}
	if (x->unwinds)
		x86_rm(x, 0xff, 6, VM_AT(unwind)); /* push */
	add_rsp(x, -x->pad);
	if (x->unwinds)
		x86_rm(x, 0x89 | OP_W, RSP, VM_AT(unwind));
	if (x->plan->burns)
		x86_rm(x, 0x8b | OP_W, FUEL, VM_AT(fuel));
	if (x->plan->reads >> 10 & 1)
		enter_frame_pointer(x);
	enter_registers(x, f->in);
	if (x86_is_inline(x, f))
		return;
	x86_byte(x, 0xe8);
	x86_half(x, x->bodies[f - x->plan->funcs] - (x86_here(x) + 4));
	leave(x);
}

/* What a called function saves: padding keeps the stack aligned where it calls. */
static uint32_t body_saves(const struct jit_func *f)
{
	return f->writes & CALLEE;
}

static int32_t body_pad(const struct jit_func *f)
{
	return f->calls && !(__builtin_popcount(body_saves(f)) & 1) ? 8 : 0;
}

void x86_body(struct x86 *x, struct jit_func *f)
{
	if (!x86_is_inline(x, f)) {
		push_set(x, body_saves(f));
		add_rsp(x, -body_pad(f));
	}
	if (f->may_goto)
		push_loops(x);
}

/* From inside x->func, with the result in rax. */
void x86_exit(struct x86 *x)
{
	const struct jit_func *f = x->func;
	int32_t loops = f->may_goto ? LOOPS_SIZE : 0;

	if (x86_is_inline(x, f)) {
		add_rsp(x, loops);
		leave(x);
		return;
	}
	add_rsp(x, loops + body_pad(f));
	pop_set(x, body_saves(f));
	x86_byte(x, 0xc3);
}

/* ---- calls of C functions ---- */

static void save_fuel(struct x86 *x)
{
	if (x->plan->burns)
		x86_rm(x, 0x89 | OP_W, FUEL, VM_AT(fuel));
}

static void load_fuel(struct x86 *x)
{
	if (x->plan->burns)
		x86_rm(x, 0x8b | OP_W, FUEL, VM_AT(fuel));
}

/* The registers that have to survive a call, in an even number of slots. */
static unsigned keep(struct x86 *x, uint32_t set)
{
	unsigned n = push_set(x, set);

	if (n & 1)
		add_rsp(x, -8);
	return n;
}

static void unkeep(struct x86 *x, uint32_t set)
{
	if (__builtin_popcount(set) & 1)
		add_rsp(x, 8);
	pop_set(x, set);
}

/* bpf_tail_call hands r1 on. */
static bool is_tail_call(const struct jop *j)
{
	return j->op == OP_CALL && j->helper == helper_tail_call;
}

static uint32_t kept(const struct jop *j)
{
	return (j->out & CALLER) | (is_tail_call(j) ? 1 << 1 : 0);
}

/* Calls the helper whose address is in rax. */
static void call_helper(struct x86 *x, const struct jop *j)
{
	keep(x, kept(j));
	save_fuel(x);
	store_number(x, VM_AT(insn), x->plan->prog->ops[j->at].insn);
	x86_copy(x, R9, VM);
	x86_rr(x, 0xff, 2, RAX);
	unkeep(x, kept(j));
	load_fuel(x);
	x86_rm(x, 0x83, 7, VM_AT(end)); /* cmp dword, 0 */
	x86_byte(x, 0);
	x86_cold(x, CC_NE, COLD_ENDED, 0);
}

void x86_call_helper(struct x86 *x, const struct jop *j)
{
	x86_number(x, RAX, (uint64_t)j->helper);
	call_helper(x, j);
}

void x86_packet(struct x86 *x, const struct jop *j)
{
	uint32_t set = j->out & CALLER;

	keep(x, set);
	if (j->a == JIT_NONE)
		x86_imm(x, RSI, (int32_t)j->imm);
	else if (x->plan->opt->blind) {
		x86_imm(x, T0, (int32_t)j->imm);
		x86_rr(x, 0x01, x86_regs[j->a], T0);
		x86_copy(x, RSI, T0);
	} else
		x86_mem(x, 0x8d, RSI, x86_regs[j->a], (int32_t)j->imm);
	x86_copy(x, RDI, VM);
	x86_number(x, RDX, j->width / 8u);
	save_fuel(x);
	x86_call_c(x, jit_packet);
	load_fuel(x);
	unkeep(x, set);
	x86_rr(x, 0x85 | OP_W, RAX, RAX);
	x86_cold(x, CC_S, COLD_ENDED, 0);
}

/* ---- calls inside the program ---- */

/* Calls function @func, UINT32_MAX: what r10 points to. @frame: it needs a frame pointer. */
static void call_body(struct x86 *x, uint32_t func, bool frame)
{
	bool deep = x->plan->deep;

	frame = frame && x->plan->reads >> 10 & 1;
	if (deep) {
		x86_rm(x, 0x83, 0, VM_AT(depth)); /* add dword, 1 */
		x86_byte(x, 1);
	}
	if (frame)
		x86_ri(x, OP_W, 5, RBP, VM_STACK_SIZE);
	if (func == UINT32_MAX) {
		x86_rr(x, 0xff, 2, T0);
	} else {
		x86_byte(x, 0xe8);
		jit_fix_add(x->b, func, x86_here(x), 0);
		x86_half(x, 0);
	}
	if (frame)
		x86_ri(x, OP_W, 0, RBP, VM_STACK_SIZE);
	if (deep) {
		x86_rm(x, 0x83, 5, VM_AT(depth)); /* sub dword, 1 */
		x86_byte(x, 1);
	}
}

void x86_call_local(struct x86 *x, const struct jop *j)
{
	const struct jit_func *f = x->plan->funcs;
	uint32_t i = 0;

	while (f[i].first != j->target)
		i++;
	if (x->plan->burns) {
		x86_ri(x, OP_W, 5, FUEL, (int32_t)j->cost);
		x86_cold(x, CC_S, COLD_FUEL, 0);
	}
	if (x->func->frames > VM_MAX_DEPTH) {
		x86_rm(x, 0x83, 7, VM_AT(depth));
		x86_byte(x, VM_MAX_DEPTH - 1);
		x86_cold(x, CC_AE, COLD_DEEP, 0);
	}
	call_body(x, i, f[i].reads_frame || f[i].calls);
}

/* callx: jit_resolve says whom, a function of the program or a helper. */
void x86_callx(struct x86 *x, const struct jop *j)
{
	const uint32_t all = 1 | CALLER;

	push_set(x, all);
	x86_copy(x, RSI, x86_regs[j->a]);
	x86_copy(x, RDI, VM);
	x86_number(x, RDX, j->at);
	save_fuel(x);
	x86_call_c(x, jit_resolve);
	load_fuel(x);
	x86_copy(x, T0, RAX);
	x86_copy(x, T1, RDX);
	pop_set(x, all);
	x86_rr(x, 0x85 | OP_W, T0, T0);
	x86_cold(x, CC_E, COLD_ENDED, 0);
	x86_rr(x, 0x85, T1, T1);
	uint8_t *helper = x86_hop(x, CC_NE);
	call_body(x, UINT32_MAX, true);
	uint8_t *done = x86_hop(x, -1);
	x86_land(x, helper);
	x86_copy(x, RAX, T0);
	call_helper(x, j);
	x86_land(x, done);
}

/* ---- out of line ---- */

/* Behind a helper call: goes to the next program, or ends the run. */
void x86_tail(struct x86 *x, const struct jop *j)
{
	if (j->op == OP_LD_ABS || j->op == OP_LD_IND) {
		x86_number(x, RAX, 0);
		x86_exit(x);
		return;
	}
	if (is_tail_call(j)) {
		x86_rm(x, 0x83, 7, VM_AT(end));
		x86_byte(x, VM_TAIL_CALL);
		uint8_t *other = x86_hop(x, CC_NE);
		x86_copy(x, RSI, RDI);
		x86_copy(x, RDI, VM);
		x86_call_c(x, jit_next);
		load_fuel(x);
		x86_rm(x, 0x83, 7, VM_AT(end));
		x86_byte(x, 0);
		uint8_t *ended = x86_hop(x, CC_NE);
		x86_exit(x);
		x86_land(x, ended);
		x86_land(x, other);
	}
	x86_byte(x, 0xe9);
	x86_half(x, x->bad_end - (x86_here(x) + 4));
}

/* Calls @f(vm, r11, r10d) with all registers kept; a result of 0 ends the run. */
static uint32_t thunk(struct x86 *x, const void *f)
{
	static const uint8_t regs[] = { RAX, RDI, RSI, RDX, RCX, R8, R9 };
	uint32_t at = x86_here(x);

	for (size_t i = 0; i < ARRAY_LEN(regs); i++)
		x86_push(x, regs[i]);
	x86_push(x, RBX);
	x86_copy(x, RBX, RSP);
	x86_ri(x, OP_W, 4, RSP, -16);
	x86_copy(x, RDI, VM);
	x86_copy(x, RSI, T1);
	x86_mov(x, 0, RDX, T0);
	x86_call_c(x, f);
	x86_copy(x, RSP, RBX);
	x86_pop(x, RBX);
	x86_rr(x, 0x85, RAX, RAX);
	for (size_t i = ARRAY_LEN(regs); i-- > 0;)
		x86_pop(x, regs[i]);
	uint8_t *failed = x86_hop(x, CC_E);
	x86_byte(x, 0xc3);
	x86_land(x, failed);
	add_rsp(x, 8);
	x86_byte(x, 0xe9);
	x86_half(x, x->bad_end - (x86_here(x) + 4));
	return at;
}

/* Needs: x->func, any; bad ends of programs with one function leave from it. */
void x86_thunks(struct x86 *x)
{
	x->bad_end = x86_here(x);
	if (x->unwinds) {
		x86_rm(x, 0x8b | OP_W, RSP, VM_AT(unwind));
		leave(x);
	} else {
		x86_exit(x);
	}
	x->thunks[0] = thunk(x, (const void *)jit_access);
	x->thunks[1] = thunk(x, (const void *)jit_unaligned);
	x->thunks[2] = thunk(x, (const void *)jit_frame_fault);
}
