/*
 * Random and mutated programs on the engine and on the running kernel: the result, the packet and
 * the maps must be the same. Needs root; skipped otherwise.
 *
 *	make diff-kernel SECONDS=60	(SEED=n: from that program on)
 *
 * A disagreement is printed as assembler text, made as short as it can be, with its seed.
 */
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "bpf/disasm.h"
#include "engine/context.h"
#include "engine/map.h"
#include "engine_kernel.h"

#include "engine_diff_random.h"

enum {
	PACKET = 96,
	WAYS = 3,
	CMD_TAKE_BATCH = 25,
	CMD_BTF_LOAD = 18,
	FUNC_TYPE = 3,
	FUNCS_MAX = 128,
	CMD_CREATE = 0
};

static const struct {
	const char *name;
	struct vm_options opt;
} ways[WAYS] = {
	{ "interpreted", { .no_jit = true } },
	{ "checked code", { 0 } },
	{ "unchecked code", { .unchecked = true } },
};

struct entry {
	uint32_t key;
	char value[VALUE_SIZE];
};

/* What a run leaves. */
struct left {
	uint32_t result, size, n;
	char packet[PACKET];
	char array[ENTRIES * VALUE_SIZE];
	struct entry entries[ENTRIES];
};

struct world {
	struct machine m[WAYS];
	struct map *maps[WAYS][2];
	int fds[2], btf;
	char *array; /* the kernel's */
	char packet[PACKET];
	uint64_t seed, refused, refused_here, ran;
};

static struct world w;

static void make_maps(void)
{
	for (unsigned k = 0; k < 2; k++) {
		const struct map_def def = {
			.type = k ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_ARRAY,
			.key_size = 4,
			.value_size = VALUE_SIZE,
			.max_entries = ENTRIES,
			.flags = k ? 0 : BPF_F_MMAPABLE,
		};
		const uint32_t attr[] = { def.type, 4, VALUE_SIZE, ENTRIES, def.flags };

		w.fds[k] = (int)syscall(SYS_bpf, CMD_CREATE, attr, sizeof(attr));
		assert_true(w.fds[k] >= 0);
		for (unsigned i = 0; i < WAYS; i++) {
			assert_int_equal(map_new(&def, &w.maps[i][k]), 0);
			assert_int_equal(engine_add_map(w.m[i].engine, w.maps[i][k]), (int)k);
		}
	}
	w.array = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, w.fds[0], 0);
	assert_ptr_not_equal(w.array, MAP_FAILED);
}

/* Without this right the verifier refuses programs whose result would hold an address. */
static void may_leak(bool yes)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (!yes) {
		data[0].effective &= ~(1u << CAP_SYS_ADMIN);
		data[1].effective &= ~(1u << (CAP_PERFMON - 32));
	}
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

static int by_key(const void *a, const void *b)
{
	uint32_t x = ((const struct entry *)a)->key, y = ((const struct entry *)b)->key;

	return x < y ? -1 : x > y;
}

/* ---- the kernel ---- */

/* Types for bpf_func_info, without which there are no callbacks: int f(void), for all. */
static int load_btf(void)
{
	static const struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t header, type_off, type_len, str_off, str_len;
		uint32_t types[4 + 3 + 3];
		char strings[8];
	} btf = {
		0xeb9f,
		1,
		0,
		24,
		0,
		sizeof(btf.types),
		sizeof(btf.types),
		7,
		{ 1, 1 << 24, 4, 1 << 24 | 32, /* 1: int */
		  0, 13 << 24, 1,              /* 2: int (void) */
		  5, 12 << 24, 2 },            /* 3: f */
		"\0int\0f",
	};
	struct {
		uint64_t btf, log;
		uint32_t size, log_size, log_level, reserved;
	} attr = { .btf = (uintptr_t)&btf, .size = 24 + sizeof(btf.types) + 7 };

	return (int)syscall(SYS_bpf, CMD_BTF_LOAD, &attr, sizeof(attr));
}

struct func_info {
	uint32_t insn, type;
};

static int by_insn(const void *a, const void *b)
{
	uint32_t x = ((const struct func_info *)a)->insn, y = ((const struct func_info *)b)->insn;

	return x < y ? -1 : x > y;
}

/* All functions by where they begin; how many. */
static uint32_t find_funcs(const struct random_prog *g, struct func_info *to)
{
	uint32_t n = 0, unique = 0;

	to[n++] = (struct func_info){ 0, FUNC_TYPE };
	for (uint32_t i = 0; i < g->n && n < FUNCS_MAX; i++) {
		enum insn_id id = insn_find(&g->insns[i]);

		if (id == INSN_CALL_LOCAL || id == INSN_FUNC)
			to[n++] = (struct func_info){ i + 1 + (uint32_t)g->insns[i].imm,
						      FUNC_TYPE };
		i += insn_is_wide(&g->insns[i]);
	}
	qsort(to, n, sizeof(*to), by_insn);
	for (uint32_t i = 0; i < n; i++) {
		if (!i || to[i].insn != to[unique - 1].insn)
			to[unique++] = to[i];
	}
	return unique;
}

static int load_in_kernel(const struct random_prog *g)
{
	struct insn copy[INSNS_MAX];
	struct func_info funcs[FUNCS_MAX];
	struct {
		struct kernel_load base;
		char name[16];
		uint32_t ifindex, attach_type, btf_fd, info_size;
		uint64_t info;
		uint32_t info_cnt, reserved;
	} attr = {
		.base = { .type = g->type,
			  .insn_cnt = g->n,
			  .insns = (uintptr_t)copy,
			  .license = (uintptr_t) "GPL" },
		.btf_fd = (uint32_t)w.btf,
		.info_size = sizeof(*funcs),
		.info = (uintptr_t)funcs,
		.info_cnt = find_funcs(g, funcs),
	};

	memcpy(copy, g->insns, g->n * sizeof(*copy));
	for (uint32_t i = 0; i < g->n; i++) {
		if (insn_is_wide(&copy[i]) && copy[i].src == BPF_PSEUDO_MAP_FD) {
			if (copy[i].imm < 0 || copy[i].imm > 1)
				return -1;
			copy[i].imm = w.fds[copy[i].imm];
		}
		i += insn_is_wide(&copy[i]);
	}
	return (int)syscall(SYS_bpf, CMD_PROG_LOAD, &attr, sizeof(attr));
}

static void take_entries(struct left *left)
{
	uint32_t keys[ENTRIES], out;
	char values[ENTRIES][VALUE_SIZE];
	struct {
		uint64_t in, out, keys, values;
		uint32_t count, fd;
		uint64_t elem_flags, flags;
	} batch = { 0,
		    (uintptr_t)&out,
		    (uintptr_t)keys,
		    (uintptr_t)values,
		    ENTRIES,
		    (uint32_t)w.fds[1],
		    0,
		    0 };

	long err = syscall(SYS_bpf, CMD_TAKE_BATCH, &batch, sizeof(batch));
	assert_true(err == 0 || errno == ENOENT);
	left->n = batch.count;
	for (uint32_t i = 0; i < left->n; i++) {
		left->entries[i].key = keys[i];
		memcpy(left->entries[i].value, values[i], VALUE_SIZE);
	}
	qsort(left->entries, left->n, sizeof(struct entry), by_key);
}

static bool run_in_kernel(int fd, struct left *left)
{
	char out[PACKET + 512];
	struct kernel_run attr = {
		.prog_fd = (uint32_t)fd,
		.data_size_in = PACKET,
		.data_size_out = sizeof(out),
		.data_in = (uintptr_t)w.packet,
		.data_out = (uintptr_t)out,
	};

	memset(w.array, 0, ENTRIES * VALUE_SIZE);
	memset(left, 0, sizeof(*left));
	if (syscall(SYS_bpf, CMD_PROG_TEST_RUN, &attr, sizeof(attr)))
		return false;
	left->result = attr.retval;
	left->size = attr.data_size_out;
	memcpy(left->packet, out, MIN(left->size, (uint32_t)PACKET));
	memcpy(left->array, w.array, sizeof(left->array));
	take_entries(left);
	return true;
}

static const char *difference(const struct left *a, const struct left *b)
{
	if (a->result != b->result)
		return "the result";
	if (a->size != b->size || memcmp(a->packet, b->packet, PACKET) != 0)
		return "the packet";
	if (memcmp(a->array, b->array, sizeof(a->array)) != 0)
		return "the array";
	if (a->n != b->n || memcmp(a->entries, b->entries, sizeof(a->entries)) != 0)
		return "the hash";
	return NULL;
}

/* A program that leaves @pattern where the next has its stack. */
static int stack_filler(int32_t pattern)
{
	struct random_prog g = { .type = BPF_PROG_TYPE_XDP };

	for (int at = -512; at < 0; at += 8)
		put(&g, INSN_STORE64_K, 10, 0, at, pattern);
	put(&g, INSN_MOV64_K, 0, 0, 0, 0);
	put(&g, INSN_EXIT, 0, 0, 0, 0);
	return load_in_kernel(&g);
}

/* Whether all that a program leaves is defined: the verifier takes bytes beside a short spill for
 * written when it does not let addresses leak, so that what an earlier program left comes out. */
static bool is_defined(int fd)
{
	struct left first;
	bool same = true;

	for (int32_t i = 0; i < 8 && same; i++) {
		int filler = stack_filler(i * 0x11111111);
		struct left left;
		struct kernel_run attr = { .prog_fd = (uint32_t)filler,
					   .data_size_in = PACKET,
					   .data_in = (uintptr_t)w.packet };

		assert_int_equal(syscall(SYS_bpf, CMD_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
		same = run_in_kernel(fd, i ? &left : &first);
		if (same && i)
			same = !difference(&first, &left);
		close(filler);
	}
	return same;
}

/* ---- the engine ---- */

static void take_ours(struct map *m, struct left *left)
{
	uint32_t key;

	while (!map_user_next_key(m, NULL, &key) && left->n < ENTRIES) {
		struct entry *e = &left->entries[left->n++];

		e->key = key;
		assert_int_equal(map_user_lookup_delete(m, &key, e->value, 0), 0);
	}
	qsort(left->entries, left->n, sizeof(struct entry), by_key);
}

/* Why our run ended; VM_END_COUNT: the program was refused. */
static enum vm_end run_here(unsigned way, const struct random_prog *g, struct left *left)
{
	struct machine *m = &w.m[way];
	struct vm_prog *p = make(m, g->insns, g->n);
	struct context c;
	size_t size;

	memset(left, 0, sizeof(*left));
	if (!p)
		return VM_END_COUNT;
	memset(w.maps[way][0]->values, 0, sizeof(left->array));
	context_init(&c, context_kind_of(g->type));
	assert_int_equal(context_packet(&c, w.packet, PACKET), 0);
	if (g->type == BPF_PROG_TYPE_XDP)
		context_set(&c, "ingress_ifindex=1", &m->why);
	left->result = (uint32_t)context_run(&m->vm, p, &c);
	const char *packet = context_packet_out(&c, &size);
	left->size = (uint32_t)size;
	memcpy(left->packet, packet, MIN(size, (size_t)PACKET));
	memcpy(left->array, w.maps[way][0]->values, sizeof(left->array));
	take_ours(w.maps[way][1], left);
	context_done(&c);
	if (m->vm.end)
		vm_why(&m->vm, &m->why);
	vm_prog_free(p);
	return m->vm.end;
}

static int setup(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	for (unsigned i = 0; i < WAYS; i++) {
		machine_init(&w.m[i], NULL);
		w.m[i].opt = ways[i].opt;
		assert_int_equal(context_add_helpers(w.m[i].engine), 0);
	}
	make_maps();
	w.btf = load_btf();
	assert_true(w.btf >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	for (unsigned i = 0; i < WAYS; i++) {
		map_put(w.maps[i][0]);
		map_put(w.maps[i][1]);
		machine_done(&w.m[i]);
	}
	munmap(w.array, 4096);
	close(w.fds[0]);
	close(w.fds[1]);
	close(w.btf);
	return 0;
}

/* ---- comparison ---- */

/* What differs, NULL: nothing, or one of the two does not take the program. (The kernel does not
 * look at reserved fields and helpers of instructions that are never reached; here they are
 * refused.) */
static const char *disagreement(const struct random_prog *g, unsigned *ret_way)
{
	struct left theirs, ours;
	const char *what = NULL;
	int fd = load_in_kernel(g);
	bool ran = fd >= 0 && run_in_kernel(fd, &theirs);

	w.refused += fd < 0;
	w.ran += ran;
	for (unsigned way = 0; ran && !what && way < WAYS; way++) {
		enum vm_end end = run_here(way, g, &ours);

		*ret_way = way;
		if (end == VM_END_COUNT) {
			w.refused_here++;
			break;
		}
		what = end ? "the end" : difference(&theirs, &ours);
	}
	if (what && !is_defined(fd))
		what = NULL;
	if (fd >= 0)
		close(fd);
	return what;
}

static int32_t *jump_field(struct insn *i, int32_t *offset)
{
	bool jump = (i->opcode & 7) == 5 || (i->opcode & 7) == 6;

	if ((i->opcode == 0x85 && i->src == 1) || i->opcode == 0x06 ||
	    (insn_is_wide(i) && i->src == BPF_PSEUDO_FUNC))
		return &i->imm;
	*offset = i->offset;
	return jump && i->opcode != 0x85 && i->opcode != 0x95 ? offset : NULL;
}

/* Takes instruction @at away; jumps over it become shorter. */
static void cut(struct random_prog *g, uint32_t at, uint32_t slots)
{
	for (uint32_t i = 0; i < g->n; i++) {
		struct insn *insn = &g->insns[i];
		int32_t offset, *field = jump_field(insn, &offset);
		int64_t to = field ? (int64_t)i + 1 + *field : 0;

		if (field && i < at && to > at)
			*field -= (int32_t)slots;
		else if (field && i >= at && to <= at)
			*field += (int32_t)slots;
		if (field == &offset)
			insn->offset = (int16_t)offset;
		i += insn_is_wide(insn);
	}
	g->n -= slots;
	memmove(&g->insns[at], &g->insns[at + slots], (g->n - at) * sizeof(struct insn));
}

static void minimise(struct random_prog *g)
{
	bool shorter = true;
	unsigned way;

	while (shorter) {
		shorter = false;
		for (uint32_t at = g->n; at-- > 0;) {
			struct random_prog less = *g;
			bool second = at && insn_is_wide(&g->insns[at - 1]);

			if (second || g->n < 2)
				continue;
			cut(&less, at, insn_is_wide(&g->insns[at]) ? 2 : 1);
			if (disagreement(&less, &way)) {
				*g = less;
				shorter = true;
			}
		}
	}
}

static void report(struct random_prog *g)
{
	struct buf text = { 0 };
	unsigned way = 0;

	may_leak(false); /* and so read nothing that was never written */
	if (!disagreement(g, &way))
		may_leak(true);
	minimise(g);
	const char *what = disagreement(g, &way);
	disasm_prog(&text, g->insns, g->n, NULL);
	print_error("%s", text.data);
	print_error("%s program, SEED=%lu, %s: %s differs from the kernel's %s\n",
		    g->type == BPF_PROG_TYPE_XDP ? "XDP" : "tc", (unsigned long)w.seed,
		    ways[way].name, what ? what : "nothing any more",
		    w.m[way].why.data ? w.m[way].why.data : "");
	buf_done(&text);
	may_leak(true);
	fail();
}

/* One seed: a program, then mutations of it. */
static void try_seed(void)
{
	struct random_prog g;
	unsigned way;

	random_prog(&g, w.seed);
	for (unsigned i = 0; i < PACKET; i++)
		w.packet[i] = (char)pick(&g, 256);
	if (disagreement(&g, &way))
		report(&g);
	assert_int_equal(w.refused_here, 0);
	may_leak(false);
	for (unsigned i = 0; i < 4; i++) {
		struct random_prog other = g;

		mutate(&other);
		g.random = other.random;
		if (disagreement(&other, &way))
			report(&other);
	}
	may_leak(true);
	w.refused_here = 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double from_environment(const char *name, double otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtod(text, NULL) : otherwise;
}

static void kernel_and_engine_agree(void **state)
{
	double seconds = from_environment("SECONDS", 2), start = now();

	(void)state;
	skip_unless_root();
	w.seed = (uint64_t)from_environment("SEED", 1);
	for (; now() - start < seconds; w.seed++)
		try_seed();
	print_message("%lu programs ran, %.0f a second; %lu were refused; next SEED=%lu\n",
		      (unsigned long)w.ran, (double)w.ran / (now() - start),
		      (unsigned long)w.refused, (unsigned long)w.seed);
	assert_true(w.ran > 20 && w.ran > w.refused / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kernel_and_engine_agree) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
