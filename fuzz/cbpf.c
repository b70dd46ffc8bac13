/*
 * Fuzzes classic BPF: any bytes are a filter or are refused; what is read can be listed and read
 * back; what passes the check runs on a packet, is translated to a whole eBPF program, and can be
 * told in words. Corpus: fuzz/corpus/cbpf.
 */
#include <stdlib.h>
#include <string.h>

#include "bpf/form.h"
#include "bpf/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_arch(void *ctx, uint32_t arch)
{
	(void)ctx;
	return arch == 0xc000003e ? "x86_64" : NULL;
}

static const char *no_call(void *ctx, uint32_t arch, uint32_t nr)
{
	(void)ctx;
	(void)arch;
	return nr == 0 ? "read" : NULL;
}

static void come_back(const struct cbpf *f, enum cbpf_text form, struct sources *sources,
		      struct diags *d)
{
	struct buf text = { 0 };
	struct cbpf again = { 0 };

	cbpf_list(&text, f->v, f->n, form);
	if (cbpf_parse(&again, sources_add(sources, "again", text.data ? text.data : "", text.len),
		       d) ||
	    again.n != f->n || memcmp(again.v, f->v, f->n * sizeof(*f->v)) != 0)
		abort();
	buf_done(&text);
}

static void use(const struct cbpf *f, struct arena *arena, struct sources *sources, struct diags *d)
{
	const struct seccomp_names names = { NULL, no_arch, no_call, 0xc000003e, 4 };
	struct cbpf_packet p = { .head = (const uint8_t *)f->v,
				 .end = (uint32_t)(f->n * sizeof(*f->v)) };
	struct cbpf_call call = { .nr = 1 };
	struct buf text = { 0 };

	come_back(f, CBPF_TCPDUMP, sources, d);
	if (!cbpf_check(f->v, f->n, CBPF_SOCKET, NULL, NULL)) {
		come_back(f, CBPF_ASM, sources, d);
		cbpf_run(f->v, &p);
		for (int way = CBPF_LEGACY; way <= CBPF_TC; way++) {
			const struct cbpf_translate opt = { way, way == CBPF_XDP, 2, 1 };
			struct insn *insns;
			size_t n, at;

			if (!cbpf_translate(f->v, f->n, &opt, &insns, &n, d) &&
			    insn_check_prog(insns, n, &at, NULL))
				abort();
		}
	}
	if (!cbpf_check(f->v, f->n, CBPF_SECCOMP, NULL, NULL)) {
		cbpf_run_seccomp(f->v, &call);
		seccomp_explain(&text, f->v, f->n, &names, arena);
	}
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct diags d;
	struct cbpf f = { 0 };

	arena_init(&arena, &no_memory);
	if (setjmp(no_memory))
		abort();
	diags_init(&d, &arena, &sources);
	if (!cbpf_read(&f, sources_add(&sources, "in", (const char *)data, size), &d) && f.n)
		use(&f, &arena, &sources, &d);
	arena_done(&arena);
	return 0;
}
