/*
 * The interpreter: direct-threaded over decoded ops, one label for each row of insn.def.
 *
 * An op holds the address of its label, so going on is one indirect jump. What a row does comes
 * from a macro named for its operation, DO_x(width, source, class, off), which the row's columns
 * fill in: the width in bits, K or X for where the second operand is, LDX, ST or STX, and the
 * offset field's fixed value. A new row with a known operation needs nothing here.
 *
 * Needs: decoded programs (decode.c), windows (region.c). Called by vm_run() and vm_call().
 */
#include <string.h>

#include "bpf/form.h"
#include "engine/engine.h"
#include "engine/frame.h"
#include "engine/interp.h"
#include "engine/packet.h"
#include "engine/region.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- what a row needs but C has no operator for ---- */

#define DIVIDE(a, b) ((b) ? (a) / (b) : 0)
#define MODULO(a, b) ((b) ? (a) % (b) : (a))

/* Division rounds towards zero; by zero gives zero; the one overflow wraps. */
static inline int64_t divide_signed(int64_t a, int64_t b)
{
	if (b == -1)
		return (int64_t)(0 - (uint64_t)a);
	return b ? a / b : 0;
}

/* What is left by that division: by zero the dividend. */
static inline int64_t modulo_signed(int64_t a, int64_t b)
{
	if (b == -1)
		return 0;
	return b ? a % b : a;
}

/* ---- what is rare ---- */

/* After a successful bpf_tail_call: the frame is the new program's, stack and registers are lost.
 */
static const struct op *enter_next(struct vm *vm, uint64_t *r)
{
	uint64_t context = r[1];

	vm->end = VM_DONE;
	vm->prog = vm->next;
	vm->frames[vm->depth].loops = VM_MAX_LOOPS;
	vm_forget(vm);
	memset(r, 0, VM_REGISTERS * sizeof(*r));
	r[1] = context;
	r[10] = frame_end(vm);
	memset((char *)r[10] - VM_STACK_SIZE, 0, VM_STACK_SIZE);
	return vm->prog->ops;
}

/* An access by r10 that decoding found outside the frame. */
static void fault_by_frame(struct vm *vm, const struct op *op, uint64_t frame)
{
	const struct insn_form *f = &insn_forms[op->id];

	vm->insn = op->insn;
	region_fault(vm, frame + (uint64_t)(int64_t)op->offset, f->width / 8,
		     f->op != OP_LOAD && f->op != OP_LOADSX && f->op != OP_LOAD_ACQ);
}

/* callx of a number that is no function's address: the helper with that id. */
static vm_helper *helper_of(const struct vm *vm, uint64_t id)
{
	const struct engine *e = vm->engine;

	return id < e->nhelpers ? e->helpers[id].fn : NULL;
}

/* ---- the loop's vocabulary ---- */

#define U(w) uint##w##_t
#define S(w) int##w##_t

#define NEXT                        \
	do {                        \
		op++;               \
		goto * op->handler; \
	} while (0)
#define GO(to)                      \
	do {                        \
		op = (to);          \
		goto * op->handler; \
	} while (0)
#define END(why)                     \
	do {                         \
		vm->insn = op->insn; \
		vm->end = (why);     \
		goto ended;          \
	} while (0)
/* Takes fuel; fewer than none left is found here, so a run may overdraw once. */
#define BURN(units)                          \
	do {                                 \
		fuel -= (units);             \
		if (UNLIKELY(fuel < 0))      \
			END(VM_OUT_OF_FUEL); \
	} while (0)

#define DST r[op->dst]
#define SRC r[op->src]
#define OPERAND_K op->imm
#define OPERAND_X SRC

/* dst = f(a, b), zero-extended; T is U or S, what a and b are computed as */
#define BINARY(w, s, T, f)                  \
	do {                                \
		T(w) a = (T(w))DST;         \
		T(w) b = (T(w))OPERAND_##s; \
		DST = (U(w))(f);            \
		NEXT;                       \
	} while (0);
#define UNARY(w, f)                 \
	do {                        \
		U(w) a = (U(w))DST; \
		DST = (U(w))(f);    \
		NEXT;               \
	} while (0);
#define JUMP_IF(w, s, T, f)                 \
	do {                                \
		T(w) a = (T(w))DST;         \
		T(w) b = (T(w))OPERAND_##s; \
		if (!(f))                   \
			NEXT;               \
		BURN(op->cost);             \
		GO(ops + op->target);       \
	} while (0);

#define LOG_8 0
#define LOG_16 1
#define LOG_32 2
#define LOG_64 3

/* Declares @at, the host address of w bits at register + offset, or ends the run. */
#define ACCESS(at, w, base_, write)                                                               \
	uint64_t address = (base_) + (uint64_t)(int64_t)op->offset;                               \
	const struct window *window = (const struct window *)((const char *)vm +                  \
							      __atomic_load_n(&op->window,        \
									      __ATOMIC_RELAXED)); \
	char *at;                                                                                 \
	if (__builtin_expect(address - window->base < window->room[write][LOG_##w], 1)) {         \
		at = (char *)(address + window->delta);                                           \
	} else {                                                                                  \
		at = region_access(vm, op, address, w / 8, write);                                \
		if (!at)                                                                          \
			goto ended;                                                               \
	}

#define LOAD_AS(w, T)                                \
	do {                                         \
		T(w) value;                          \
		ACCESS(from, w, SRC, false);         \
		memcpy(&value, from, sizeof(value)); \
		DST = (uint64_t)(int64_t)value;      \
		NEXT;                                \
	} while (0);

/* @pointer is @at as a pointer to w bits, for an atomic operation: aligned, or the run ends */
#define ALIGNED(pointer, w, base_, write)                      \
	ACCESS(pointer##_at, w, base_, write)                  \
	U(w) *pointer = (U(w) *)(void *)pointer##_at;          \
	if (UNLIKELY((uintptr_t)pointer % sizeof(*pointer))) { \
		region_fault(vm, address, w / 8, write);       \
		END(VM_UNALIGNED);                             \
	}
#define ATOMIC(w, call, order)                              \
	do {                                                \
		ALIGNED(p, w, DST, true)                    \
		(void)__atomic_##call(p, (U(w))SRC, order); \
		NEXT;                                       \
	} while (0);
#define FETCH(w, call)                                                 \
	do {                                                           \
		ALIGNED(p, w, DST, true)                               \
		SRC = __atomic_##call(p, (U(w))SRC, __ATOMIC_SEQ_CST); \
		NEXT;                                                  \
	} while (0);

/* Calls @fn as the helper that this op calls. */
#define CALL_HELPER(fn)                                        \
	do {                                                   \
		vm->fuel = (uint64_t)fuel;                     \
		vm->insn = op->insn;                           \
		r[0] = (fn)(r[1], r[2], r[3], r[4], r[5], vm); \
		fuel = (int64_t)vm->fuel;                      \
		if (UNLIKELY(vm->end))                         \
			goto helper_ended;                     \
		NEXT;                                          \
	} while (0)
#define CALL_FUNC(to, units)                        \
	do {                                        \
		BURN(units);                        \
		if (!frame_push(vm, op + 1, &r[6])) \
			END(VM_TOO_DEEP);           \
		r[10] -= VM_STACK_SIZE;             \
		GO(to);                             \
	} while (0)
#define PACKET_LOAD(w, offset)                                           \
	do {                                                             \
		if (!packet_load(vm, (int32_t)(offset), w / 8, &r[0])) { \
			r[0] = 0;                                        \
			goto leave;                                      \
		}                                                        \
		NEXT;                                                    \
	} while (0);

/* ---- what each operation does ---- */

#define DO_ADD(w, s, ...) BINARY(w, s, U, a + b)
#define DO_SUB(w, s, ...) BINARY(w, s, U, a - b)
#define DO_MUL(w, s, ...) BINARY(w, s, U, a *b)
#define DO_DIV(w, s, ...) BINARY(w, s, U, DIVIDE(a, b))
#define DO_MOD(w, s, ...) BINARY(w, s, U, MODULO(a, b))
#define DO_SDIV(w, s, ...) BINARY(w, s, S, divide_signed(a, b))
#define DO_SMOD(w, s, ...) BINARY(w, s, S, modulo_signed(a, b))
#define DO_OR(w, s, ...) BINARY(w, s, U, a | b)
#define DO_AND(w, s, ...) BINARY(w, s, U, a &b)
#define DO_XOR(w, s, ...) BINARY(w, s, U, a ^ b)
#define DO_LSH(w, s, ...) BINARY(w, s, U, a << (b & (w - 1)))
#define DO_RSH(w, s, ...) BINARY(w, s, U, a >> (b & (w - 1)))
#define DO_ARSH(w, s, ...) BINARY(w, s, S, a >> (b & (w - 1)))
#define DO_NEG(w, ...) UNARY(w, 0 - a)
#define DO_MOV(w, s, ...)                \
	do {                             \
		DST = (U(w))OPERAND_##s; \
		NEXT;                    \
	} while (0);
#define DO_MOVSX(w, s, class, from)                     \
	do {                                            \
		DST = (U(w))(S(w))(S(from))OPERAND_##s; \
		NEXT;                                   \
	} while (0);
#define DO_TO_LE(w, ...) UNARY(w, a)
#define DO_TO_BE(w, ...) UNARY(w, __builtin_bswap##w(a))
#define DO_BSWAP(w, ...) UNARY(w, __builtin_bswap##w(a))

/* To the kernel's space: the lower half; to the user's: the arena's upper half (imm) before it,
 * but NULL stays NULL. */
#define DO_ADDR_SPACE_CAST(...)                          \
	do {                                             \
		uint64_t low = (uint32_t)SRC;            \
		DST = low ? (uint64_t)op->imm | low : 0; \
		NEXT;                                    \
	} while (0);
/* There is one CPU at a time in user space. insn_check() refuses both in what is to be run. */
#define DO_PERCPU_ADDR DO_MOV
#define DO_NOSPEC(...) NEXT;

#define DO_LOAD(w, ...) LOAD_AS(w, U)
#define DO_LOADSX(w, ...) LOAD_AS(w, S)
#define VALUE_ST op->imm
#define VALUE_STX SRC
#define DO_STORE(w, s, class, ...)                 \
	do {                                       \
		U(w) value = (U(w))VALUE_##class;  \
		ACCESS(to, w, DST, true);          \
		memcpy(to, &value, sizeof(value)); \
		NEXT;                              \
	} while (0);

#define DO_ATOMIC_ADD(w, ...) ATOMIC(w, fetch_add, __ATOMIC_RELAXED)
#define DO_ATOMIC_OR(w, ...) ATOMIC(w, fetch_or, __ATOMIC_RELAXED)
#define DO_ATOMIC_AND(w, ...) ATOMIC(w, fetch_and, __ATOMIC_RELAXED)
#define DO_ATOMIC_XOR(w, ...) ATOMIC(w, fetch_xor, __ATOMIC_RELAXED)
#define DO_FETCH_ADD(w, ...) FETCH(w, fetch_add)
#define DO_FETCH_OR(w, ...) FETCH(w, fetch_or)
#define DO_FETCH_AND(w, ...) FETCH(w, fetch_and)
#define DO_FETCH_XOR(w, ...) FETCH(w, fetch_xor)
#define DO_XCHG(w, ...) FETCH(w, exchange_n)
#define DO_CMPXCHG(w, ...)                                                                    \
	do {                                                                                  \
		U(w) expected = (U(w))r[0];                                                   \
		ALIGNED(p, w, DST, true)                                                      \
		__atomic_compare_exchange_n(p, &expected, (U(w))SRC, false, __ATOMIC_SEQ_CST, \
					    __ATOMIC_SEQ_CST);                                \
		r[0] = expected;                                                              \
		NEXT;                                                                         \
	} while (0);
#define DO_LOAD_ACQ(w, ...)                                 \
	do {                                                \
		ALIGNED(p, w, SRC, false)                   \
		DST = __atomic_load_n(p, __ATOMIC_ACQUIRE); \
		NEXT;                                       \
	} while (0);
#define DO_STORE_REL(w, ...) ATOMIC(w, store_n, __ATOMIC_RELEASE)

#define DO_JEQ(w, s, ...) JUMP_IF(w, s, U, a == b)
#define DO_JNE(w, s, ...) JUMP_IF(w, s, U, a != b)
#define DO_JSET(w, s, ...) JUMP_IF(w, s, U, a &b)
#define DO_JGT(w, s, ...) JUMP_IF(w, s, U, a > b)
#define DO_JGE(w, s, ...) JUMP_IF(w, s, U, a >= b)
#define DO_JLT(w, s, ...) JUMP_IF(w, s, U, a < b)
#define DO_JLE(w, s, ...) JUMP_IF(w, s, U, a <= b)
#define DO_JSGT(w, s, ...) JUMP_IF(w, s, S, a > b)
#define DO_JSGE(w, s, ...) JUMP_IF(w, s, S, a >= b)
#define DO_JSLT(w, s, ...) JUMP_IF(w, s, S, a < b)
#define DO_JSLE(w, s, ...) JUMP_IF(w, s, S, a <= b)
#define DO_JA(...)                    \
	do {                          \
		BURN(op->cost);       \
		GO(ops + op->target); \
	} while (0);
#define DO_MAY_GOTO(...)                               \
	do {                                           \
		if (vm->frames[vm->depth].loops) {     \
			vm->frames[vm->depth].loops--; \
			NEXT;                          \
		}                                      \
		BURN(op->cost);                        \
		GO(ops + op->target);                  \
	} while (0);

#define DO_CALL(...) CALL_HELPER(op->helper);
#define DO_CALL_KFUNC(...) CALL_HELPER(op->helper);
#define DO_CALL_LOCAL(...) CALL_FUNC(ops + op->target, op->cost);
#define DO_CALLX(...)                                               \
	do {                                                        \
		const struct vm_func *f = prog_func(vm->prog, DST); \
		vm_helper *helper = helper_of(vm, DST);             \
		if (f)                                              \
			CALL_FUNC(ops + f->op, f->length);          \
		if (!helper)                                        \
			END(VM_BAD_HELPER);                         \
		CALL_HELPER(helper);                                \
	} while (0);
#define DO_EXIT(...) goto leave;

/* Decoding put what they load into imm. */
#define DO_IMM64(...)                    \
	do {                             \
		DST = (uint64_t)op->imm; \
		NEXT;                    \
	} while (0);
#define DO_MAP_FD DO_IMM64
#define DO_MAP_VALUE DO_IMM64
#define DO_BTF_ID DO_IMM64
#define DO_FUNC DO_IMM64
#define DO_MAP_IDX DO_IMM64
#define DO_MAP_IDX_VALUE DO_IMM64

#define DO_LD_ABS(w, ...) PACKET_LOAD(w, op->imm)
#define DO_LD_IND(w, ...) PACKET_LOAD(w, SRC + (uint64_t)op->imm)

/* Runs from @op in the current frame until that frame is left. With @vm NULL: hands out the
 * labels, which only this function can name. */
static __attribute__((noinline)) uint64_t interpret(struct vm *vm, const struct op *op,
						    const uint64_t *args,
						    const void *const **ret_handlers)
{
	static const void *const handlers[] = {
		[INTERP_FAULT] = &&fault,
#define INSN(id, ...) [INSN_##id] = &&do_##id,
#define ALSO INSN
#include "bpf/insn.def"
#undef INSN
#undef ALSO
		[INTERP_STEP] = &&step,
	};
	uint64_t r[VM_REGISTERS] = { 0 };

	if (!vm) {
		*ret_handlers = handlers;
		return 0;
	}
	const uint32_t depth = vm->depth; /* to leave at */
	const struct op *ops = vm->prog->ops;
	int64_t fuel = (int64_t)vm->fuel;

	memcpy(&r[1], args, 5 * sizeof(*args));
	r[10] = frame_end(vm);
	goto * op->handler;

#define INSN(id, class, a, b, dst_, src_, off_, imm_, op_, bits, ...) \
	do_##id : DO_##op_(bits, b, class, off_)
#define ALSO INSN
#include "bpf/insn.def"
#undef INSN
#undef ALSO

step:
	vm->step(vm, op, r);
	goto *handlers[op->id];

fault:
	fault_by_frame(vm, op, r[10]);
	goto ended;

helper_ended:
	if (vm->end != VM_TAIL_CALL)
		goto ended;
	op = enter_next(vm, r);
	ops = op;
	BURN(vm->prog->nops);
	goto * op->handler;

leave:
	if (vm->depth != depth) {
		r[10] += VM_STACK_SIZE;
		op = frame_pop(vm, &r[6]);
		ops = vm->prog->ops;
		goto * op->handler;
	}
ended:
	vm->fuel = (uint64_t)fuel;
	return r[0];
}

uint64_t vm_interpret(struct vm *vm, const struct op *entry, const uint64_t args[5])
{
	return interpret(vm, entry, args, NULL);
}

const void *const *interp_handlers(void)
{
	const void *const *handlers = NULL;

	interpret(NULL, NULL, NULL, &handlers);
	return handlers;
}
