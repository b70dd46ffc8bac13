/*
 * Seccomp filters in plain words: which calls a filter allows, and on what terms.
 *
 * A filter is followed for every number that a system call may have, with architecture and
 * number known and the arguments not: what is left is a tree of questions on arguments. Calls
 * with the same tree stand together.
 */
#ifndef SKEP_BPF_SECCOMP_H
#define SKEP_BPF_SECCOMP_H

#include "bpf/cbpf.h"

/* Names, which bpf/ does not know. */
struct seccomp_names {
	void *ctx;
	const char *(*arch)(void *ctx, uint32_t arch);              /* NULL: unknown */
	const char *(*call)(void *ctx, uint32_t arch, uint32_t nr); /* NULL: unknown */
	uint32_t native; /* architecture of filters that ask for none */
	uint32_t calls;  /* no call has this number or a higher one, with a name */
};

/* seccomp_action - what the kernel does on a filter's @result: "fail with errno 1 (...)". */
void seccomp_action(struct buf *out, uint32_t result);

/* seccomp_explain - the filter (checked, CBPF_SECCOMP) in words. Works in @arena. */
void seccomp_explain(struct buf *out, const struct cinsn *insns, size_t n,
		     const struct seccomp_names *names, struct arena *arena);

/* seccomp_field - what the word at @offset of struct seccomp_data is: "arch", "arg0 >> 32". */
const char *seccomp_field(uint32_t offset);

#endif
