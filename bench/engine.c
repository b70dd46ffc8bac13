/*
 * How fast programs run: bench/programs/ by gcc for this machine, by the engine (compiled, with
 * and without checks, and interpreted), and by the kernel where this may load programs.
 *
 *	bench-engine [NAME]	only programs whose name has NAME in it
 *
 * Times are the least of many rounds, one after the other for all engines, so that what disturbs
 * the machine disturbs all. The kernel's are less what its `ret` takes. "!" marks a program that
 * is slower than in the kernel, or checked code slower than its goal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bpf/uapi.h"
#include "engine/engine.h"
#include "engine/jit.h"
#include "engine/prog.h"

/* As scalar code: no engine makes anything else of bytecode. */
#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("no-tree-vectorize")
#endif
#include "programs/alu32.c"
#include "programs/alu64.c"
#include "programs/branchy.c"
#include "programs/calls.c"
#include "programs/csum.c"
#include "programs/divmod.c"
#include "programs/fnv.c"
#include "programs/jhash.c"
#include "programs/memrw.c"
#include "programs/parse.c"
#include "programs/ret.c"
#include "programs/sort.c"
#ifndef __clang__
#pragma GCC pop_options
#endif

/* Below, what must hold; of the issue "a complete BPF machine in user space". */
#define GOAL_MEAN 1.15    /* unchecked to native */
#define GOAL_CHECKED 1.5  /* checked to unchecked */
#define GOAL_INTERP 11.0  /* interpreted to native */
#define GOAL_ENTER 2.0    /* ns */
#define GOAL_COMPILE 50.0 /* ns an instruction */

enum engine_kind { NATIVE, UNCHECKED, CHECKED, INTERPRETED, KERNEL, ENGINES };

struct bench {
	const char *name;
	u64 (*native)(struct xdp_md *ctx);
	const uint64_t *code;
	uint32_t n; /* instructions */
	bool apart; /* not part of the mean */
	/* results */
	struct vm_prog *progs[ENGINES];
	int fd;
	double ns[ENGINES];
};

#define CODE(name) static const uint64_t name##_code[] =
CODE(alu64){
#include "programs/alu64.h"
};
CODE(alu32){
#include "programs/alu32.h"
};
CODE(memrw){
#include "programs/memrw.h"
};
CODE(fnv){
#include "programs/fnv.h"
};
CODE(csum){
#include "programs/csum.h"
};
CODE(jhash){
#include "programs/jhash.h"
};
CODE(branchy){
#include "programs/branchy.h"
};
CODE(divmod){
#include "programs/divmod.h"
};
CODE(sort){
#include "programs/sort.h"
};
CODE(calls){
#include "programs/calls.h"
};
CODE(ret){
#include "programs/ret.h"
};
CODE(parse){
#include "programs/parse.h"
};

#define BENCH(id, apart_)                                                                \
	{                                                                                \
		.name = #id, .native = id, .code = id##_code, .n = ARRAY_LEN(id##_code), \
		.apart = apart_                                                          \
	}
static struct bench benches[] = {
	BENCH(ret, true),      BENCH(parse, true),   BENCH(alu64, false), BENCH(alu32, false),
	BENCH(memrw, false),   BENCH(fnv, false),    BENCH(csum, false),  BENCH(jhash, false),
	BENCH(branchy, false), BENCH(divmod, false), BENCH(sort, false),  BENCH(calls, false),
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- what is run ---- */

static struct engine *engine;
static struct vm vm;
static char *packet; /* SIZE bytes below 4 GiB */
static struct xdp_md ctx;
static struct region packet_region;

/* Text for the state machine, numbers for the rest; a TCP segment's headers for `parse`. */
static void fill_packet(bool frame)
{
	static const uint8_t head[] = {
		2, 0,    0,    0, 0, 1,  2,  0, 0, 0, 0,  2, 8, 0, 0x45, 0,
		3, 0xf2, 0,    0, 0, 0,  64, 6, 0, 0, 10, 0, 0, 1, 10,   0,
		0, 2,    0x80, 0, 0, 80, 0,  0, 0, 1, 0,  0, 0, 0, 0x50, 2
	};
	uint32_t x = 12345;

	for (unsigned i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		packet[i] = "abcdefgh01234567  .,klmnopqrstu8"[x >> 27];
	}
	if (frame)
		memcpy(packet, head, sizeof(head));
}

static u64 run_once(const struct bench *b, enum engine_kind kind)
{
	if (kind == NATIVE)
		return ((u64(*volatile)(struct xdp_md *))b->native)(&ctx);
	return vm_run(&vm, b->progs[kind], &ctx, sizeof(ctx), &packet_region, 1);
}

/* The heads of union bpf_attr for the two commands. */
struct load_attr {
	uint32_t type, n;
	uint64_t insns, license;
	uint64_t rest[12];
};

struct run_attr {
	uint32_t fd, retval, size_in, size_out;
	uint64_t data_in, data_out;
	uint32_t repeat, duration;
	uint64_t rest[8];
};

static int load_in_kernel(const struct bench *b)
{
	struct load_attr attr = { .type = BPF_PROG_TYPE_XDP,
				  .n = b->n,
				  .insns = (uint64_t)b->code,
				  .license = (uint64_t) "GPL" };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* ns of one run in the kernel, the result in *ret; negative: it cannot be run there. */
static double run_in_kernel(const struct bench *b, uint32_t repeat, u64 *ret)
{
	struct run_attr attr = { .fd = (uint32_t)b->fd,
				 .data_in = (uint64_t)packet,
				 .size_in = SIZE,
				 .repeat = repeat };

	if (b->fd < 0 || syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
		return -1;
	*ret = attr.retval;
	return attr.duration;
}

static void make_progs(struct bench *b)
{
	static const struct vm_options options[ENGINES] = {
		[UNCHECKED] = { .unchecked = true },
		[CHECKED] = { 0 },
		[INTERPRETED] = { .no_jit = true },
	};
	const struct image_prog image = { .insns = { (struct insn *)(void *)b->code, b->n, b->n } };

	for (int kind = UNCHECKED; kind <= INTERPRETED; kind++) {
		struct buf why = { 0 };

		if (vm_prog_new(engine, &image, &options[kind], &b->progs[kind], &why)) {
			fprintf(stderr, "%s: %s\n", b->name, why.data ? why.data : "no memory");
			exit(1);
		}
	}
	b->fd = load_in_kernel(b);
}

/* All engines agree, or the figures mean nothing. */
static void check_results(struct bench *b)
{
	u64 result, expected;

	fill_packet(b->native == parse);
	expected = run_once(b, NATIVE);
	for (int kind = UNCHECKED; kind <= KERNEL; kind++) {
		fill_packet(b->native == parse);
		if (kind != KERNEL)
			result = run_once(b, (enum engine_kind)kind);
		else if (run_in_kernel(b, 1, &result) < 0)
			continue;
		if (kind == KERNEL ? (uint32_t)result != (uint32_t)expected : result != expected) {
			fprintf(stderr, "%s: engine %d gives %llx, not %llx (end %d)\n", b->name,
				kind, result, expected, vm.end);
			exit(1);
		}
	}
}

/* ---- time ---- */

static double time_once(struct bench *b, int kind, uint32_t repeat)
{
	u64 sink = 0;
	double start;

	if (kind == KERNEL)
		return run_in_kernel(b, repeat, &sink);
	start = now();
	for (uint32_t i = 0; i < repeat; i++)
		sink += run_once(b, (enum engine_kind)kind);
	__asm__ volatile("" : : "r"(sink));
	return (now() - start) / repeat;
}

static void measure(struct bench *b, int rounds)
{
	fill_packet(b->native == parse);
	for (int kind = 0; kind < ENGINES; kind++)
		b->ns[kind] = 1e18;
	for (int round = 0; round < rounds; round++) {
		for (int kind = 0; kind < ENGINES; kind++) {
			uint32_t repeat = b->apart ? 100000 : kind == INTERPRETED ? 5 : 200;
			double t = time_once(b, kind, repeat);

			if (t >= 0 && t < b->ns[kind])
				b->ns[kind] = t;
		}
	}
	if (b->ns[KERNEL] > 1e17)
		b->ns[KERNEL] = -1;
}

/* ns that compiled code itself takes to be entered and left, beyond a C function's. */
static double enter_time(const struct bench *b)
{
	enum { REPEAT = 100000 };
	const struct vm_prog *p = b->progs[UNCHECKED];
	const uint64_t args[5] = { (uint64_t)&ctx, sizeof(ctx) };
	vm_entry *volatile entry = p->run;
	double best = 1e18;

	for (int round = 0; round < 60; round++) {
		u64 sink = 0;
		double start = now();

		for (int i = 0; i < REPEAT; i++)
			sink += entry(&vm, p->ops, args);
		__asm__ volatile("" : : "r"(sink));
		best = MIN(best, (now() - start) / REPEAT);
	}
	return MAX(best - b->ns[NATIVE], 0);
}

/* ns an instruction to compile @n of them, the least of several tries. */
static double compile_time(const uint64_t *code, uint32_t n, bool checked)
{
	const struct image_prog image = { .insns = { (struct insn *)(void *)code, n, n } };
	const struct vm_options options = { .no_jit = true };
	const struct jit_options opt = { .checked = checked, .features = jit_features() };
	double best = 1e18;

	for (int i = 0; i < 300; i++) {
		struct vm_prog *p;
		double start;

		if (vm_prog_new(engine, &image, &options, &p, NULL))
			exit(1);
		start = now();
		if (jit_compile(p, &opt))
			exit(1);
		best = MIN(best, now() - start);
		vm_prog_free(p);
	}
	return best / n;
}

/* ---- the table ---- */

static void print_ratio(double a, double b, double goal)
{
	if (a < 0)
		printf("%10s", "-");
	else
		printf("%9.2f%c", a / b, goal && a / b > goal ? '!' : ' ');
}

static void print_row(const struct bench *b, const struct bench *empty)
{
	double kernel = b->ns[KERNEL] < 0 ? -1 : b->ns[KERNEL] - empty->ns[KERNEL];
	double entry = empty->ns[UNCHECKED], goal = 0;

	/* No slower than the kernel, the way in apart for both; 3 in a hundred are noise. */
	if (kernel > 0 && !b->apart)
		goal = (kernel * 1.03 + entry) / b->ns[NATIVE];

	printf("%-8s%10.1f%10.1f", b->name, b->ns[NATIVE], b->ns[UNCHECKED]);
	print_ratio(b->ns[UNCHECKED], b->ns[NATIVE], goal);
	print_ratio(b->apart ? -1 : kernel, b->ns[NATIVE], 0);
	print_ratio(b->ns[CHECKED], b->ns[UNCHECKED], b->apart ? 0 : GOAL_CHECKED);
	print_ratio(b->ns[INTERPRETED], b->ns[NATIVE], 0);
	printf("\n");
}

/* The @n-th root of @x, by Newton's steps from above. */
static double root(double x, int n)
{
	double guess = x > 1 ? x : 1;

	for (int i = 0; i < 200; i++) {
		double power = 1;

		for (int k = 1; k < n; k++)
			power *= guess;
		guess += (x / power - guess) / n;
	}
	return guess;
}

/* The geometric mean of the programs' ratios. */
static double mean(int kind, int base)
{
	double product = 1;
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
		const struct bench *b = &benches[i];

		if (b->apart || b->ns[NATIVE] <= 0)
			continue;
		product *= b->ns[kind] / b->ns[base];
		n++;
	}
	return n ? root(product, n) : 0;
}

static void print_goal(const char *what, double value, double goal)
{
	printf("%-52s%8.2f  goal %6.2f  %s\n", what, value, goal, value <= goal ? "met" : "MISSED");
}

static void print_compile(void)
{
	enum { MANY = 100 };
	uint32_t n = ARRAY_LEN(sort_code);
	uint64_t *many = calloc((size_t)n * MANY, sizeof(*many));

	if (!many)
		exit(1);
	for (uint32_t i = 0; i < MANY; i++) {
		memcpy(many + (size_t)i * n, sort_code, sizeof(sort_code));
		if (i < MANY - 1) /* its exit: on to the next copy */
			many[(size_t)(i + 1) * n - 1] = 0x0000000000000005;
	}
	print_goal("compiling, ns an instruction (sort)", compile_time(sort_code, n, false),
		   GOAL_COMPILE);
	print_goal("compiling, ns an instruction (sort a hundred times)",
		   compile_time(many, n * MANY, false), GOAL_COMPILE);
	print_goal("the same, checked", compile_time(many, n * MANY, true), GOAL_COMPILE);
	free(many);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";

	if (engine_new(NULL, &engine) || vm_init(&vm, engine, 0))
		return 1;
	packet = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		      -1, 0);
	if (packet == MAP_FAILED)
		return 1;
	ctx = (struct xdp_md){ (uint32_t)(uint64_t)packet, (uint32_t)(uint64_t)packet + SIZE };
	packet_region = (struct region){ (uint64_t)packet, SIZE, true, packet };
	printf("%-8s%10s%10s%10s%10s%10s%10s\n", "", "native", "compiled", "/native", "kernel",
	       "checked", "interp.");
	printf("%-8s%10s%10s%10s%10s%10s%10s\n", "program", "ns", "ns", "", "/native", "/compiled",
	       "/native");
	for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
		struct bench *b = &benches[i];

		if (!strstr(b->name, only) && strcmp(b->name, "ret"))
			continue;
		make_progs(b);
		check_results(b);
		measure(b, 60);
		print_row(b, &benches[0]);
	}
	print_goal("compiled to native, geometric mean", mean(UNCHECKED, NATIVE), GOAL_MEAN);
	print_goal("checked to compiled, geometric mean", mean(CHECKED, UNCHECKED), GOAL_CHECKED);
	print_goal("interpreted to native, geometric mean", mean(INTERPRETED, NATIVE), GOAL_INTERP);
	print_goal("entering an empty program's code, ns more than C", enter_time(&benches[0]),
		   GOAL_ENTER);
	print_goal("an empty vm_run, ns more than a C function",
		   benches[0].ns[UNCHECKED] - benches[0].ns[NATIVE], GOAL_ENTER);
	print_compile();
	return 0;
}
