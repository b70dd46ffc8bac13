/*
 * The virtual machine: programs made ready to run, and runs of them.
 *
 *	image prog ──vm_prog_new──► struct vm_prog (decoded once) ──vm_run──► r0
 *	                                  └─jit_compile─► machine code ──vm_run──► r0
 *
 * Interpreter and compiled code share everything in this file: the decoded form, the windows, the
 * calling convention of helpers, and struct vm (the state of one run). A struct vm_prog is
 * immutable once made and may be run by many threads; a struct vm belongs to one thread.
 *
 * Memory. A program may touch what lies in a region and nothing else: the stack, the context, what
 * the caller of vm_run names besides, and the storage of the program's maps. A struct vm keeps
 * windows, the regions in the shape that a check needs; each decoded load or store remembers the
 * window it last hit, so that a check is a subtraction and a comparison. A miss looks the address
 * up and fills a window. The stack is open from its lowest frame to its top, so that a function
 * may use its callers' memory; an access by r10 itself must lie in the frame, which decoding
 * decides.
 *
 * Fuel. A backward jump costs as many units as it goes back instructions, a call as many as the
 * function has; straight code costs nothing. So the fuel taken bounds the instructions executed.
 *
 * At the start r1 is the context, r2 its size, r10 the end of the frame, all else 0; the stack is
 * zero. A tail call leaves r1 and r10 and zeroes the other registers and the frame.
 */
#ifndef SKEP_ENGINE_VM_H
#define SKEP_ENGINE_VM_H

#include "base/base.h"
#include "bpf/insn.h"
#include "image/image.h"

enum {
	VM_STACK_SIZE = 512,    /* bytes a frame, as in the kernel */
	VM_MAX_DEPTH = 8,       /* frames, MAX_CALL_FRAMES of the kernel's verifier */
	VM_MAX_TAIL_CALLS = 33, /* MAX_TAIL_CALL_CNT of include/linux/bpf.h */
	VM_MAX_LOOPS = 1 << 23, /* BPF_MAX_LOOPS: what may_goto and bpf_loop stop at */
	VM_REGISTERS = 11,
	VM_WINDOWS = 16,
	VM_INNER_MAPS = 8, /* inner maps that one run can work with at a time */
};

/* Addresses of functions, as callbacks and callx take them: VM_CODE + index of an op. */
#define VM_CODE (1ull << 62)

/* Why a run ended. */
enum vm_end {
#define VM_END(id, text) VM_##id,
#include "engine/end.def"
#undef VM_END
	VM_END_COUNT
};

struct region {
	uint64_t base; /* address as programs see it */
	uint64_t size; /* bytes */
	bool writable;
	char *host; /* where it really is; equal to base but for arenas and low packets */
};

/* A region made ready for checks: @address may be used for 1 << log bytes if and only if
 * address - base < room[write][log], and then lies at address + delta. */
struct window {
	uint64_t base, delta;
	uint64_t room[2][4];
};

struct vm;
struct vm_prog;
struct engine;
struct map;
struct context;

/* What every helper looks like to interpreter and compiled code. Arguments that a program left
 * undefined are whatever the registers hold. Sets vm->end to stop the run. */
typedef uint64_t vm_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			   struct vm *vm);

/* One decoded instruction; 64-bit immediates take one of these, not two. */
struct op {
	const void *handler; /* interpreter: label to go to */
	uint8_t dst, src;
	int16_t offset;
	int32_t target; /* jumps and calls: index of an op */
	union {
		int64_t imm;
		vm_helper *helper;
	};
	uint32_t insn : 24; /* index of the instruction it came from */
	uint32_t id : 8;    /* enum insn_id of its form */
	union {
		uint32_t window; /* loads and stores: offset in struct vm of the window that
				  * was hit last (a hint that threads share, read and written
				  * whole; any window's offset is a right value) */
		uint32_t cost;   /* jumps and calls: fuel */
	};
};
_Static_assert(sizeof(struct op) == 32, "two to a cache line");

/* A call that has not returned: what its caller goes on with. */
struct vm_frame {
	const struct op *back;
	const struct vm_prog *prog;
	uint64_t saved[4]; /* r6 to r9 */
	uint32_t loops;    /* may_goto: how often the callee may still go round */
};

/* What packet loads of classic BPF (LD_ABS, LD_IND) read; places are offsets from head. */
struct vm_packet {
	const uint8_t *head; /* NULL: the context is the packet */
	uint32_t data, end;
	uint32_t network, link; /* where those headers begin */
};

/* State of one run. Compiled code keeps a pointer to it in a register; offsets of the first
 * members are part of the code it emits (see jit_*.c). */
struct vm {
	uint64_t fuel;   /* left; negative as a signed number: used up */
	enum vm_end end; /* helpers: not 0 stops the run */
	uint32_t depth;  /* frames in use but the first */
	uint32_t deepest;
	uint32_t tail_calls;
	uint32_t insn; /* instruction at the last helper call, or where it ended badly */
	char *stack;   /* VM_MAX_DEPTH frames; frame 0 ends at its end */
	void *unwind;  /* compiled code: the machine's stack where a bad end leaves to */
	struct window windows[VM_WINDOWS];
	struct vm_frame frames[VM_MAX_DEPTH];
	const struct vm_prog *prog; /* changes at tail calls */
	const struct vm_prog *next; /* what a tail call goes to */
	struct engine *engine;
	void *context; /* as given to vm_run */
	uint32_t context_size;
	uint32_t cpu; /* what bpf_get_smp_processor_id says; picks per-CPU values */
	const struct region *extra;
	uint32_t nextra;
	struct region loan; /* what a helper shows a callback for the time of the call */
	uint32_t window_used, window_next; /* windows filled; which one a new region takes */
	uint64_t prog_id;                  /* whose maps the windows show */
	struct map *inner[VM_INNER_MAPS];  /* handed out in this run, each held */
	uint32_t ninner;
	uint32_t *lock;          /* bpf_spin_lock that the program holds; NULL: none */
	struct vm_packet packet; /* set by who runs packet programs, before vm_run */
	struct context *run;     /* what helpers on packets work with; set by context_run */
	uint64_t random;         /* state of bpf_get_prandom_u32 */
	uint64_t cookie;         /* bpf_get_attach_cookie */
	uint64_t func_ip;        /* bpf_get_func_ip */
	/* where it ended badly, for messages */
	uint64_t fault_address;
	uint32_t fault_size;
	bool fault_write;
	/* called before each instruction of programs made with vm_options.trace */
	void (*step)(struct vm *vm, const struct op *op, const uint64_t *registers);
	void *step_ctx;
};

struct vm_options {
	uint64_t fuel;  /* 0: 1 << 40 */
	bool no_jit;    /* interpret */
	bool trace;     /* call vm->step; interprets */
	bool unchecked; /* a verifier accepted it: compiled code leaves out bounds and fuel */
	bool blind;     /* constant blinding in compiled code */
	const struct sources *sources; /* of the program's spans, for messages; NULL: none */
};

/* vm_prog_new - checks every instruction (insn_check, jump targets, call targets, that it cannot
 * run past the end), resolves maps and helpers against @engine, decodes, and compiles unless
 * no_jit or there is no JIT for this machine. Keeps nothing of @prog. 0, or -errno with the
 * reason in @why. */
int vm_prog_new(struct engine *engine, const struct image_prog *prog, const struct vm_options *opt,
		struct vm_prog **ret, struct buf *why);
void vm_prog_free(struct vm_prog *p);
/* vm_prog_is_compiled - whether runs of @p take machine code. */
bool vm_prog_is_compiled(const struct vm_prog *p);

/* vm_init - a run's state for programs of @engine on logical CPU @cpu. Reusable for many runs on
 * one thread; vm_done frees it. -ENOMEM. */
int vm_init(struct vm *vm, struct engine *engine, uint32_t cpu);
void vm_done(struct vm *vm);

/* vm_run - runs @p with r1 = @context. @extra names memory besides (packets), @n regions. The
 * result is r0; vm->end says how it ended. A helper that runs another program uses another
 * struct vm. */
uint64_t vm_run(struct vm *vm, const struct vm_prog *p, void *context, uint32_t context_size,
		const struct region *extra, uint32_t n);

/* vm_run_timers - runs the callbacks of all timers in @m that are due, each as a run of its own
 * (@vm is free, vm->end is the last one's). The next due time in ns of CLOCK_MONOTONIC, UINT64_MAX:
 * none. A program must live as long as timers that it started. */
uint64_t vm_run_timers(struct vm *vm, struct map *m);

/* vm_call - a helper calls back into the program: runs the function at address @target (VM_CODE +
 * op) with up to five arguments in a fresh frame and gives its r0 (bpf_loop, for_each, timers).
 * The helper returns at once if vm->end is set after it. */
uint64_t vm_call(struct vm *vm, uint64_t target, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		 uint64_t e);

/* vm_memory - the host address of @size bytes at @address if the program may touch them (and
 * write, when @write); NULL with vm->end set otherwise. For helpers. @size may be 0. */
void *vm_memory(struct vm *vm, uint64_t address, uint64_t size, bool write);
/* vm_string - the length of the NUL-terminated string at @address, at most @limit; -1 with vm->end
 * set when it leaves the program's memory. *ret_text is where it lies. */
int64_t vm_string(struct vm *vm, uint64_t address, uint64_t limit, const char **ret_text);
/* vm_map - the map that a program passed as @value; NULL with vm->end set if it is none of its
 * maps nor an inner map that it looked up in this run. */
struct map *vm_map(struct vm *vm, uint64_t value);
/* vm_lend_map - lets the program use @m, an inner map, until the run ends; takes over the caller's
 * reference. The value to return to the program; 0 when it has too many already. */
uint64_t vm_lend_map(struct vm *vm, struct map *m);
/* vm_forget - forgets the windows: what they show has moved or gone. */
void vm_forget(struct vm *vm);

/* vm_why - a line that says why the run ended, with the source line when it is known. */
void vm_why(const struct vm *vm, struct buf *out);

#endif
