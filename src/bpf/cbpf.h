/*
 * Classic BPF: what sockets, seccomp, tc, xtables and tcpdump mean by a filter.
 *
 *	text, numbers ──cbpf_parse, cbpf_read──► struct cinsn[] ──cbpf_check──► run, list, translate
 *
 * A filter has an accumulator A, an index X, 16 words of memory, and jumps forward only. It
 * returns how many bytes of the packet are accepted, 0: none; for seccomp, an action.
 */
#ifndef SKEP_BPF_CBPF_H
#define SKEP_BPF_CBPF_H

#include "base/diag.h"
#include "bpf/insn.h"

/* As the kernel takes it: struct sock_filter. */
struct cinsn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
_Static_assert(sizeof(struct cinsn) == 8, "struct sock_filter has 64 bits");

enum {
	CBPF_MAX = 4096,  /* BPF_MAXINSNS of include/uapi/linux/bpf_common.h */
	CBPF_WORDS = 16,  /* BPF_MEMWORDS */
	CBPF_XT_MAX = 64, /* XT_BPF_MAX_NUM_INSTR: what xtables takes */
};

/* Where offsets of packet loads begin to mean something else (include/uapi/linux/filter.h). */
#define CBPF_EXT_OFF ((uint32_t)-0x1000)    /* SKF_AD_OFF: extensions */
#define CBPF_NET_OFF ((uint32_t)-0x100000)  /* SKF_NET_OFF: from the network header */
#define CBPF_LINK_OFF ((uint32_t)-0x200000) /* SKF_LL_OFF: from the link header */

enum cbpf_op {
	COP_NONE,
	COP_LOAD_ABS,
	COP_LOAD_IND,
	COP_LOAD_LEN,
	COP_LOAD_IMM,
	COP_LOAD_MEM,
	COP_LOAD_MSH,
	COP_STORE,
	COP_ADD,
	COP_SUB,
	COP_MUL,
	COP_DIV,
	COP_MOD,
	COP_AND,
	COP_OR,
	COP_XOR,
	COP_LSH,
	COP_RSH,
	COP_NEG,
	COP_JA,
	COP_JEQ,
	COP_JGT,
	COP_JGE,
	COP_JSET,
	COP_RET,
	COP_TAX,
	COP_TXA,
};

enum cbpf_use { CBPF_SOCKET, CBPF_SECCOMP };

struct cbpf_form {
	const char *name, *operand; /* see cbpf.def */
	uint16_t code;
	uint8_t op;    /* enum cbpf_op */
	uint8_t width; /* bits */
	uint8_t users; /* bits: 1 << enum cbpf_use */
	bool to_x;     /* loads and stores: of X, not A */
	bool from_x;   /* second operand is X, not k; RET: see returns_a */
	bool returns_a;
};

enum { CBPF_FORMS = 50 };
extern const struct cbpf_form cbpf_forms[CBPF_FORMS];

/* cbpf_find - the form with that code, NULL: there is none. */
const struct cbpf_form *cbpf_find(uint16_t code);

enum cbpf_ext_id {
#define EXTENSION(id, number, ...) CEXT_##id = number,
#include "bpf/cbpf_ext.def"
#undef EXTENSION
};

enum cbpf_ext_way { CEXT_FIELD, CEXT_ORDER, CEXT_DEVICE, CEXT_CALL, CEXT_SELF, CEXT_NONE };

struct cbpf_ext {
	uint32_t number;
	const char *name, *alias;
	enum cbpf_ext_way way;
	uint16_t offset, size;
};

/* cbpf_ext_find - the extension that an absolute load of @k asks, cbpf_ext_named - by a name of
 * @len bytes; NULL: none. */
const struct cbpf_ext *cbpf_ext_find(uint32_t k);
const struct cbpf_ext *cbpf_ext_named(const char *name, size_t len);

/* cbpf_check - whether Linux takes the filter: what bpf_check_classic() of net/core/filter.c
 * checks and, for CBPF_SECCOMP, seccomp_check_filter() of kernel/seccomp.c. 0 or -EINVAL, the
 * only error that either gives, with the reason appended to @why (may be NULL) and the offending
 * instruction in *ret_at (may be NULL). */
int cbpf_check(const struct cinsn *insns, size_t n, enum cbpf_use use, size_t *ret_at,
	       struct buf *why);

/* A packet as a filter sees it; places are offsets from head. */
struct cbpf_packet {
	const uint8_t *head;
	uint32_t data, end; /* where it begins and ends: for sockets behind some headers */
	uint32_t network;   /* where the network header begins */
	uint32_t link;      /* where the link header begins */
	bool has_link;      /* it has one: not between processes of one machine */
	bool has_device;    /* it came through a device; else IFINDEX and HATYPE end the filter */
	uint32_t length;    /* what `ld #pktlen` gives: more than end - data if it was cut */
	uint32_t ext[16];   /* what extensions give, by number / 4; those on A, X or data: unused */
};

/* cbpf_run - runs a filter that cbpf_check() accepted. How many bytes it accepts. */
uint32_t cbpf_run(const struct cinsn *insns, const struct cbpf_packet *p);

/* A system call as a seccomp filter sees it: struct seccomp_data. */
struct cbpf_call {
	int32_t nr;
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t ip, args[6];
};

/* cbpf_run_seccomp - runs a filter that cbpf_check(CBPF_SECCOMP) accepted; its return value. */
uint32_t cbpf_run_seccomp(const struct cinsn *insns, const struct cbpf_call *call);

/* How a translated filter reaches the packet. */
enum cbpf_way {
	CBPF_LEGACY, /* LD_ABS and LD_IND: socket filters, tc */
	CBPF_XDP,    /* direct access through struct xdp_md */
	CBPF_TC,     /* direct access through struct __sk_buff */
};

struct cbpf_translate {
	enum cbpf_way way;
	bool verdict; /* return accept or reject, not the number of bytes */
	int32_t accept, reject;
};

/* cbpf_translate - eBPF that does the same as the checked socket filter @insns, allocated in the
 * arena of @d (*ret_n slots). -EOPNOTSUPP with a diagnostic where eBPF cannot say it; -E2BIG
 * where a jump would get too long. */
int cbpf_translate(const struct cinsn *insns, size_t n, const struct cbpf_translate *opt,
		   struct insn **ret, size_t *ret_n, struct diags *d);

/* Listings. What no text tells (unknown codes, reserved fields that are not zero) is written as
 * ".insn CODE, JT, JF, K", so every listing can be read back without loss. */
enum cbpf_text {
	CBPF_TCPDUMP, /* "(001) jeq      #0x800           jt 2	jf 5" */
	CBPF_ASM,     /* "l1:	jeq #0x800, l2, l5", as bpf_asm and bpf_dbg have it */
};

void cbpf_list_one(struct buf *out, const struct cinsn *insns, size_t at, enum cbpf_text form);
void cbpf_list(struct buf *out, const struct cinsn *insns, size_t n, enum cbpf_text form);

/* Numbers. */
void cbpf_write_bytecode(struct buf *out, const struct cinsn *insns, size_t n); /* tc, xtables */
void cbpf_write_decimal(struct buf *out, const struct cinsn *insns, size_t n);  /* tcpdump -ddd */
void cbpf_write_c(struct buf *out, const struct cinsn *insns, size_t n);        /* an array in C */

VEC_TYPE(struct cinsn, cbpf);

/* cbpf_parse - assembles text in either listing form, mixed as one likes. cbpf_read - that, or
 * numbers of any of the above, or raw struct sock_filter bytes, whatever it is. Into @out
 * (zeroed), in the arena of @d; wrong lines get diagnostics. 0 or -EINVAL. */
int cbpf_parse(struct cbpf *out, const struct source *src, struct diags *d);
int cbpf_read(struct cbpf *out, const struct source *src, struct diags *d);

#endif
