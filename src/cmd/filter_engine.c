/*
 * skep filter --ebpf: the translated filter in skep's engine, with the context that a socket
 * filter has.
 * Needs: the engine, cbpf_translate(). Called by filter_file.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/filter.h"
#include "engine/engine.h"

enum { SKB_SIZE = 192, SKB_LEN = 0 }; /* struct __sk_buff */

struct filter_engine {
	struct engine *engine;
	struct vm_prog *prog;
	struct vm vm;
	bool has_vm;
	uint32_t context[SKB_SIZE / 4];
};

static int load(struct filter_engine *e, struct filter_job *job, struct buf *why)
{
	const struct cbpf_translate opt = { .way = CBPF_LEGACY };
	const struct vm_options vm = { 0 };
	struct image_prog image = { .name = "filter", .type = BPF_PROG_TYPE_SOCKET_FILTER };
	struct insn *insns;
	size_t n;

	if (cbpf_translate(job->filter.v, job->filter.n, &opt, &insns, &n, &job->diags)) {
		filter_report(job);
		return -ECANCELED;
	}
	image.insns.v = insns;
	image.insns.n = (uint32_t)n;
	return vm_prog_new(e->engine, &image, &vm, &e->prog, why);
}

int filter_engine_new(struct filter_job *job, struct filter_engine **ret, struct buf *why)
{
	struct filter_engine *e = calloc(1, sizeof(*e));
	int err = e ? engine_new(NULL, &e->engine) : -ENOMEM;

	if (!err)
		err = load(e, job, why);
	if (!err) {
		err = vm_init(&e->vm, e->engine, 0);
		e->has_vm = !err;
	}
	if (err) {
		filter_engine_free(e);
		return err;
	}
	*ret = e;
	return 0;
}

void filter_engine_free(struct filter_engine *e)
{
	if (!e)
		return;
	if (e->has_vm)
		vm_done(&e->vm);
	vm_prog_free(e->prog);
	engine_free(e->engine);
	free(e);
}

/* What extensions ask stands in the context, where their rows say. */
static void fill_context(struct filter_engine *e, const struct cbpf_packet *p)
{
	memset(e->context, 0, sizeof(e->context));
	e->context[SKB_LEN / 4] = p->length;
	for (uint32_t number = 0; number < sizeof(p->ext); number += 4) {
		const struct cbpf_ext *ext = cbpf_ext_find(CBPF_EXT_OFF + number);

		if (ext && ext->way == CEXT_ORDER)
			e->context[ext->offset / 4] = htons((uint16_t)p->ext[number / 4]);
		else if (ext && (ext->way == CEXT_FIELD || ext->way == CEXT_DEVICE))
			e->context[ext->offset / 4] = p->ext[number / 4];
	}
}

uint32_t filter_engine_run(struct filter_engine *e, const struct cbpf_packet *p)
{
	uint64_t result;

	fill_context(e, p);
	e->vm.packet = (struct vm_packet){ p->head, p->data, p->end, p->network, p->link };
	result = vm_run(&e->vm, e->prog, e->context, sizeof(e->context), NULL, 0);
	return e->vm.end == VM_DONE ? (uint32_t)result : 0;
}
