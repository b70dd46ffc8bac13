/*
 * Fuzzes decoder and interpreter: any bytes are refused with a reason, or run to some end, the
 * same one each time, and touch no memory but the program's: the context and a second region lie
 * between pages that cannot be touched.
 *
 * The first byte says how the rest is read: as instructions, or (bit 0) as instructions whose
 * opcodes, registers and targets are made valid, so that most inputs run. Corpus:
 * fuzz/corpus/interp.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "bpf/form.h"
#include "engine/engine.h"
#include "engine/map.h"

enum { PAGE = 4096, MAX_INSNS = 512, FUEL = 20000, CONTEXT = 40, EXTRA = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* @size bytes that end where a page begins that cannot be touched. */
static char *guarded(size_t size)
{
	char *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE))
		abort();
	return pages + 2 * PAGE - size;
}

static uint64_t fixed_clock(void *ctx, clockid_t which)
{
	(void)ctx;
	return 1000000000 + (uint64_t)which;
}

static void fixed_task(void *ctx, struct engine_task *ret)
{
	(void)ctx;
	*ret = (struct engine_task){ 3, 2, 1, 1, "fuzz" };
}

static const struct map_def maps[] = {
	{ .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 1 },
	{ .type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 8, .max_entries = 4 },
	{ .type = BPF_MAP_TYPE_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 2 },
	{ .type = BPF_MAP_TYPE_QUEUE, .value_size = 4, .max_entries = 3 },
	{ .type = BPF_MAP_TYPE_PERCPU_ARRAY,
	  .key_size = 4,
	  .value_size = 8,
	  .max_entries = 3,
	  .ncpus = 2 },
	{ .type = BPF_MAP_TYPE_RINGBUF, .max_entries = PAGE },
};

static struct engine *new_engine(bool with_maps)
{
	const struct engine_options opt = {
		.hooks = { .clock = fixed_clock, .task = fixed_task },
		.seed = 1,
		.ncpus = 2,
	};
	struct engine *e;

	if (engine_new(&opt, &e))
		abort();
	for (size_t i = 0; i < ARRAY_LEN(maps) && with_maps; i++) {
		struct map *m;

		if (map_new(&maps[i], &m) || engine_add_map(e, m) < 0)
			abort();
		map_put(m);
	}
	return e;
}

/* Makes instruction @at of @n valid: returns how many slots it takes. */
static size_t make_valid(struct insn *insns, size_t n, size_t at)
{
	struct insn raw = insns[at];
	enum insn_id id = raw.opcode % (INSN_COUNT - 1) + 1;
	const struct insn_form *f = &insn_forms[id];
	bool wide = f->opcode == 0x18;

	if (f->group == GROUP_INTERNAL || (wide && at + 2 >= n))
		id = INSN_MOV64_K, wide = false;
	f = &insn_forms[id];
	if (f->off == RULE_JUMP)
		raw.offset = (int16_t)((uint16_t)raw.offset % n - at - 1);
	if (f->imm == RULE_JUMP)
		raw.imm = (int32_t)((uint32_t)raw.imm % n - at - 1);
	if (f->imm == RULE_HELPER)
		raw.imm = (int32_t)((uint32_t)raw.imm % 212);
	if (f->imm == RULE_SPACES)
		raw.imm = raw.imm & 1 ? 1 : 1 << 16;
	if (f->op == OP_MAP_FD || f->op == OP_MAP_IDX)
		raw.imm = (int32_t)((uint32_t)raw.imm % ARRAY_LEN(maps));
	unsigned limit = f->dst >= RULE_OPERAND && (f->dst & RULE_WRITE) ? 10 : 11;
	insns[at] = insn_make(id, raw.dst % limit,
			      raw.src % (f->src >= RULE_OPERAND && (f->src & RULE_WRITE) ? 10 : 11),
			      raw.offset, raw.imm);
	if (wide)
		insns[at + 1] = insn_make_half(f->imm & (RULE_IMM64 | RULE_PAIR) ? insns[at + 1].imm
										 : 0);
	return wide ? 2 : 1;
}

/* The program that the input spells; how many instructions. */
static uint32_t spell(struct insn *insns, const uint8_t *data, size_t size)
{
	size_t n = MIN((size - 1) / sizeof(*insns), (size_t)MAX_INSNS - 1);

	memcpy(insns, data + 1, n * sizeof(*insns));
	if (!(data[0] & 1) || !n)
		return (uint32_t)n;
	for (size_t at = 0; at < n;)
		at += make_valid(insns, n, at);
	insns[n] = insn_make(INSN_EXIT, 0, 0, 0, 0);
	return (uint32_t)n + 1;
}

/* What all inputs share: addresses must not change from one run to the next. */
struct bench {
	struct engine *engine;
	struct vm vm;
	char *context, *extra;
};

struct outcome {
	uint64_t result, fuel;
	enum vm_end end;
	uint32_t insn;
	char context[CONTEXT], extra[EXTRA];
};

static struct outcome run(struct bench *b, struct vm *vm, const struct vm_prog *p)
{
	const struct region region = { 0x1000, EXTRA, true, b->extra };
	struct outcome o;
	struct buf why = { 0 };

	memset(&o, 0, sizeof(o));
	memset(b->context, 7, CONTEXT);
	memset(b->extra, 9, EXTRA);
	vm->random = 1;
	o.result = vm_run(vm, p, b->context, CONTEXT, &region, 1);
	o.fuel = vm->fuel;
	o.end = vm->end;
	o.insn = vm->insn;
	memcpy(o.context, b->context, CONTEXT);
	memcpy(o.extra, b->extra, EXTRA);
	if (o.end)
		vm_why(vm, &why);
	buf_done(&why);
	return o;
}

static struct vm_prog *load(struct engine *e, const struct image_prog *image)
{
	const struct vm_options opt = { .fuel = FUEL, .no_jit = true };
	struct vm_prog *p = NULL;
	struct buf why = { 0 };

	if (vm_prog_new(e, image, &opt, &p, &why) && !why.len)
		abort();
	buf_done(&why);
	return p;
}

static void run_with_maps(struct bench *b, const struct image_prog *image)
{
	struct engine *e = new_engine(true);
	struct vm_prog *p = load(e, image);
	struct vm vm;

	if (vm_init(&vm, e, 1))
		abort();
	for (uint32_t i = 0; p && i < 2; i++)
		map_object_set(e->maps[2], &i, p, 0);
	if (p)
		run(b, &vm, p);
	vm_done(&vm);
	vm_prog_free(p);
	engine_free(e);
}

static void run_twice(struct bench *b, const struct image_prog *image)
{
	struct vm_prog *p = load(b->engine, image);

	if (p) {
		struct outcome one = run(b, &b->vm, p), two = run(b, &b->vm, p);

		if (memcmp(&one, &two, sizeof(one)) != 0)
			abort();
	}
	vm_prog_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b;
	struct insn insns[MAX_INSNS];

	if (!size)
		return 0;
	if (!b.engine) {
		b = (struct bench){ new_engine(false), .context = guarded(CONTEXT),
				    .extra = guarded(EXTRA) };
		if (vm_init(&b.vm, b.engine, 1))
			abort();
	}
	const struct image_prog image = { .insns = { insns, spell(insns, data, size), 0 } };
	if (data[0] & 2)
		run_with_maps(&b, &image);
	else
		run_twice(&b, &image);
	return 0;
}
