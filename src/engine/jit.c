/*
 * Compiling: plan, back end, pages.
 *
 * A program's code has pages of its own, which are writable until they become executable and
 * never both. Before them lie its hints, one word for each op, always writable.
 *
 * Needs: a decoded program. Called by vm_prog_new().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/jit_priv.h"

/* NULL: no back end for this machine. */
static jit_emitter *const emit =
#if defined(__x86_64__)
	jit_emit_x86_64;
#elif defined(__aarch64__)
	jit_emit_arm64;
#else
	NULL;
#endif

uint32_t jit_features(void)
{
	uint32_t features = 0;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("bmi2"))
		features |= JIT_BMI2;
#elif defined(__aarch64__)
	if (getauxval(AT_HWCAP) & 1 << 8) /* HWCAP_ATOMICS */
		features |= JIT_LSE;
#endif
	return features;
}

static size_t pages(size_t bytes)
{
	return ALIGN_UP(bytes, (size_t)sysconf(_SC_PAGESIZE));
}

/* Copies code to pages of its own and makes them executable. */
static int code_place(struct jit_code *code, const struct jit_buf *b, uint32_t nhints)
{
	size_t hints = pages(nhints * sizeof(uint32_t));
	size_t size = hints + pages(b->size);
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	code->map = map;
	code->map_size = size;
	code->hints_size = hints;
	code->code = map + hints;
	code->code_size = b->size;
	memcpy(code->code, b->data, b->size);
	for (uint32_t i = 0; i < nhints; i++)
		((uint32_t *)(void *)code->code)[-1 - (int32_t)i] = offsetof(struct vm, windows);
	if (mprotect(code->code, size - hints, PROT_READ | PROT_EXEC))
		return -errno;
	__builtin___clear_cache(code->code, code->code + b->size);
	return 0;
}

static int code_make(struct jit_code *code, const struct jit_plan *plan, struct jit_buf *b)
{
	int err;

	code->entries = calloc(plan->nfuncs, sizeof(*code->entries));
	code->bodies = calloc(plan->nfuncs, sizeof(*code->bodies));
	code->frames = calloc(plan->nfuncs, sizeof(*code->frames));
	if (!code->entries || !code->bodies || !code->frames)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->nfuncs; i++)
		code->frames[i] = plan->funcs[i].frames;
	code->nfuncs = plan->nfuncs;
	code->translate = plan->translate;
	err = jit_buf_init(b, plan->n);
	if (!err)
		err = emit(plan, b, code->entries, code->bodies);
	if (!err)
		err = code_place(code, b, plan->checked ? plan->prog->nops : 0);
	return err;
}

int jit_compile(struct vm_prog *p, const struct jit_options *opt)
{
	struct jit_plan plan;
	struct jit_buf b = { 0 };
	int err;

	if (!emit)
		return -ENOTSUP;
	p->jit = calloc(1, sizeof(*p->jit));
	if (!p->jit)
		return -ENOMEM;
	err = jit_plan_make(&plan, p, opt);
	if (!err)
		err = code_make(p->jit, &plan, &b);
	jit_plan_done(&plan);
	jit_buf_done(&b);
	if (err) {
		jit_free(p);
		return err;
	}
	if (p->jit->nfuncs > 1)
		p->run = jit_enter;
	else
		p->run = (vm_entry *)(void *)(p->jit->code + p->jit->entries[0]);
	return 0;
}

void jit_free(struct vm_prog *p)
{
	if (!p->jit)
		return;
	if (p->jit->map)
		munmap(p->jit->map, p->jit->map_size);
	free(p->jit->entries);
	free(p->jit->bodies);
	free(p->jit->frames);
	free(p->jit);
	p->jit = NULL;
}

const void *jit_code(const struct vm_prog *p, size_t *ret_size)
{
	if (!p->jit)
		return NULL;
	*ret_size = p->jit->code_size;
	return p->jit->code;
}
