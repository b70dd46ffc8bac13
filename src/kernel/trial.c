/*
 * Feature trials: one row for each row of bpf/feature.def, which makes something small that only
 * a kernel with the feature accepts. Called by target_has() on first use; the target remembers.
 *
 * A kernel that does not let us try (EPERM) is believed by its version: the real load fails with
 * the same error and says why, and a dry run without privileges still gives a sensible program.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"

/* Each returns 1 (there), 0 (not there), or -EPERM (may not try). */
typedef int trial_fn(uint32_t a, uint32_t b);

struct trial {
	trial_fn *fn;
	uint32_t a, b;
};

static int trial_load(uint32_t type, uint32_t attach_type, const struct insn *insns, uint32_t n)
{
	const struct sys_prog_load attr = {
		.type = type,
		.insn_cnt = n,
		.insns = sys_ptr(insns),
		.license = sys_ptr("GPL"),
		.expected_attach_type = attach_type,
		.name = "skep_trial",
	};
	return sys_prog_load(&attr);
}

static int trial_load_empty(uint32_t type, uint32_t attach_type)
{
	static const struct insn insns[] = {
		{ .opcode = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .opcode = BPF_JMP | BPF_EXIT },
	};
	return trial_load(type, attach_type, insns, ARRAY_LEN(insns));
}

/* Closes what a trial made; any other failure than EPERM means that it is not there. */
static int trial_made(int fd)
{
	if (fd < 0)
		return fd == -EPERM ? fd : 0;
	close(fd);
	return 1;
}

/* Map type @a with keys of @b bytes. */
static int trial_map(uint32_t a, uint32_t b)
{
	const struct sys_map_create ring = { .type = a, .max_entries = (uint32_t)getpagesize() };
	const struct sys_map_create hash = {
		.type = a,
		.key_size = b,
		.value_size = 8,
		.max_entries = 1,
		.flags = BPF_F_NO_PREALLOC,
	};
	return trial_made(sys_map_create(a == BPF_MAP_TYPE_RINGBUF ? &ring : &hash));
}

/* Program type @a calls helper @b with no argument but the context. A helper that the kernel has
 * finds fault with the arguments (EACCES) if with anything; one that it lacks is EINVAL. */
static int trial_helper(uint32_t a, uint32_t b)
{
	const struct insn insns[] = {
		{ .opcode = BPF_JMP | BPF_CALL, .imm = (int32_t)b },
		{ .opcode = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .opcode = BPF_JMP | BPF_EXIT },
	};
	int prog = trial_load(a, 0, insns, ARRAY_LEN(insns));

	return prog == -EACCES ? 1 : trial_made(prog);
}

int kernel_has_helper(uint32_t type, uint32_t id)
{
	return trial_helper(type, id);
}

/* Atomic operation @b with its old value fetched, on a word of the stack. */
static int trial_atomic(uint32_t a, uint32_t b)
{
	const struct insn insns[] = {
		{ .opcode = BPF_ST | BPF_MEM | BPF_DW, .dst = 10, .offset = -8 },
		{ .opcode = BPF_ALU64 | BPF_MOV | BPF_K, .dst = 1, .imm = 1 },
		{ .opcode = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst = 10,
		  .src = 1,
		  .offset = -8,
		  .imm = (int32_t)b },
		{ .opcode = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .opcode = BPF_JMP | BPF_EXIT },
	};
	return trial_made(trial_load(a, 0, insns, ARRAY_LEN(insns)));
}

static int trial_run(uint32_t a, uint32_t b)
{
	int prog = trial_load_empty(a, b);
	if (prog < 0)
		return trial_made(prog);
	int err = sys_prog_run(prog, NULL, 0);
	close(prog);
	return err == 0;
}

/* The kernel says how many bytes of information it has. */
static int trial_info(uint32_t a, uint32_t b)
{
	struct sys_prog_info info;
	uint32_t size = 0;

	int prog = trial_load_empty(a, 0);
	if (prog < 0)
		return trial_made(prog);
	int err = sys_prog_info(prog, &info, &size);
	close(prog);
	return err == 0 && size >= b;
}

/* Pinning below a descriptor came with the release that puts pinned links in a worker (6.5); a
 * kernel that has it goes as far as to read the path. */
static int trial_pin(uint32_t a, uint32_t b)
{
	int prog = trial_load_empty(a, 0);
	if (prog < 0)
		return trial_made(prog);
	int err = sys_pin_at_unread(prog);
	close(prog);
	return err == -(int)b;
}

/* A link of attach type @a that cannot be made: error @b comes only from a kernel that knows the
 * type and looked at what it is given, which is an address that cannot be read for kprobes, and
 * a directory, where code should be, for uprobes. */
static int trial_link(uint32_t a, uint32_t b)
{
	const uint64_t offset = 0;
	struct sys_link_create attr = { .attach_type = a };

	if (a == BPF_TRACE_KPROBE_MULTI) {
		attr.kprobe_multi.cnt = 1;
		attr.kprobe_multi.addrs = 1;
	} else {
		attr.uprobe_multi.cnt = 1;
		attr.uprobe_multi.path = sys_ptr("/");
		attr.uprobe_multi.offsets = sys_ptr(&offset);
	}
	int prog = trial_load_empty(BPF_PROG_TYPE_KPROBE, a);
	if (prog < 0)
		return trial_made(prog);
	attr.prog_fd = (uint32_t)prog;
	int link = sys_link_create(&attr);
	close(prog);
	return link == -(int)b ? 1 : trial_made(link);
}

/*
 * Some features have no face of their own in the kernel's interface; they are told by a helper
 * that came with the same release:
 *	memcg_memory (5.11)                  ktime_get_coarse_ns, which tracing may not call
 *	rawtp_guard and map_lazy_alloc (6.1) user_ringbuf_drain
 */
#define TRIAL(fn, a, b)  \
	{                \
		fn, a, b \
	}
#define TRIAL_RINGBUF TRIAL(trial_map, BPF_MAP_TYPE_RINGBUF, 0)
#define TRIAL_RAWTP_TEST_RUN TRIAL(trial_run, BPF_PROG_TYPE_RAW_TRACEPOINT, 0)
#define TRIAL_MEMCG_MEMORY \
	TRIAL(trial_helper, BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns)
#define TRIAL_BIG_KEYS TRIAL(trial_map, BPF_MAP_TYPE_HASH, 520)
#define TRIAL_ATOMIC_FETCH TRIAL(trial_atomic, BPF_PROG_TYPE_KPROBE, BPF_ADD | BPF_FETCH)
#define TRIAL_RECURSION_COUNT TRIAL(trial_info, BPF_PROG_TYPE_KPROBE, sizeof(struct sys_prog_info))
#define TRIAL_FOR_EACH_MAP TRIAL(trial_helper, BPF_PROG_TYPE_KPROBE, BPF_FUNC_for_each_map_elem)
#define TRIAL_COOKIE TRIAL(trial_helper, BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_attach_cookie)
#define TRIAL_BPF_LOOP TRIAL(trial_helper, BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop)
#define TRIAL_KPROBE_MULTI TRIAL(trial_link, BPF_TRACE_KPROBE_MULTI, EFAULT)
#define TRIAL_PERCPU_LOOKUP \
	TRIAL(trial_helper, BPF_PROG_TYPE_KPROBE, BPF_FUNC_map_lookup_percpu_elem)
#define TRIAL_RAWTP_GUARD TRIAL(trial_helper, BPF_PROG_TYPE_KPROBE, BPF_FUNC_user_ringbuf_drain)
#define TRIAL_MAP_LAZY_ALLOC TRIAL(trial_helper, BPF_PROG_TYPE_KPROBE, BPF_FUNC_user_ringbuf_drain)
#define TRIAL_LINK_DEFER TRIAL(trial_pin, BPF_PROG_TYPE_KPROBE, EFAULT)
#define TRIAL_UPROBE_MULTI TRIAL(trial_link, BPF_TRACE_UPROBE_MULTI, EBADF)
#define TRIAL_RAWTP_COOKIE \
	TRIAL(trial_helper, BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_get_attach_cookie)

/* A row of feature.def without a TRIAL_ line above does not compile. */
static const struct trial trials[] = {
#define FEATURE(id, name, since_major, since_minor, fallback) [FEATURE_##id] = TRIAL_##id,
#include "bpf/feature.def"
};
_Static_assert(ARRAY_LEN(trials) == FEATURE_COUNT, "a trial for each feature");

bool trial_feature(void *ctx, enum feature f)
{
	const struct trial *t = &trials[f];
	struct utsname name;

	(void)ctx;
	int there = t->fn(t->a, t->b);
	if (there >= 0)
		return there;
	return uname(&name) == 0 && target_parse_kernel(name.release) >= feature_rows[f].since;
}
