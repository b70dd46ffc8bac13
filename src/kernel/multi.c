/*
 * Attaching many kprobes (5.18) or uprobes (6.6) of one program through one link, each with its
 * cookie. Called by attach.c with records that may go together.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel/kernel_priv.h"

/* linux/bpf.h: flags of both kinds of link */
enum { MULTI_RETURN = 1 };

/* The lists that a link takes, one element a probe. */
struct multi {
	uint64_t *places, *cookies, *ref_ctrs;
	bool has_ref_ctrs;
};

static int multi_init(struct multi *m, const struct attach *const *records, uint32_t n)
{
	m->places = calloc(n, sizeof(*m->places));
	m->cookies = calloc(n, sizeof(*m->cookies));
	m->ref_ctrs = calloc(n, sizeof(*m->ref_ctrs));
	if (!m->places || !m->cookies || !m->ref_ctrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		m->cookies[i] = records[i]->cookie;
		m->ref_ctrs[i] = records[i]->ref_ctr_offset;
		m->has_ref_ctrs |= records[i]->ref_ctr_offset != 0;
	}
	return 0;
}

/* Ends an attempt: parks the link, frees the lists. */
static int multi_done(struct kernel *k, struct multi *m, int link, uint32_t n)
{
	free(m->places);
	free(m->cookies);
	free(m->ref_ctrs);
	int err = link < 0 ? link : park_link(&k->park, link);
	return err ? err : (int)n;
}

int multi_kprobe(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	struct multi m = { 0 };
	int link = multi_init(&m, records, n);

	if (link == 0) {
		for (uint32_t i = 0; i < n; i++)
			m.places[i] = sys_ptr(records[i]->func);
		const struct sys_link_create attr = {
			.prog_fd = (uint32_t)prog,
			.attach_type = BPF_TRACE_KPROBE_MULTI,
			.kprobe_multi = {
				.flags = records[0]->is_return ? MULTI_RETURN : 0,
				.cnt = n,
				.syms = sys_ptr(m.places),
				.cookies = sys_ptr(m.cookies),
			},
		};
		link = sys_link_create(&attr);
	}
	return multi_done(k, &m, link, n);
}

int multi_uprobe(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	struct multi m = { 0 };
	int32_t pid = attach_pid(k, records[0]);
	int link = multi_init(&m, records, n);

	if (link == 0) {
		for (uint32_t i = 0; i < n; i++)
			m.places[i] = records[i]->offset;
		const struct sys_link_create attr = {
			.prog_fd = (uint32_t)prog,
			.attach_type = BPF_TRACE_UPROBE_MULTI,
			.uprobe_multi = {
				.path = sys_ptr(records[0]->target),
				.offsets = sys_ptr(m.places),
				.ref_ctr_offsets = m.has_ref_ctrs ? sys_ptr(m.ref_ctrs) : 0,
				.cookies = sys_ptr(m.cookies),
				.cnt = n,
				.flags = records[0]->is_return ? MULTI_RETURN : 0,
				.pid = pid > 0 ? (uint32_t)pid : 0,
			},
		};
		link = sys_link_create(&attr);
	}
	return multi_done(k, &m, link, n);
}
