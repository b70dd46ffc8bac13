/*
 * Filter expressions, through libpcap where the build found it.
 * Needs: libpcap (HAVE_PCAP). Called by filter.c. libpcap's headers stay in this file: their names
 * are those of bpf/uapi.h.
 */
#include <errno.h>

#include "cmd/filter.h"

#ifdef HAVE_PCAP
#include <pcap.h>

enum { SNAPLEN = 262144 }; /* what a filter that accepts returns, as tcpdump's do */

int filter_compile(struct cbpf *out, struct arena *arena, const char *expression,
		   const struct link_type *link, struct buf *why)
{
	pcap_t *p = pcap_open_dead(link->dlt, SNAPLEN);
	struct bpf_program prog;

	if (!p)
		return -ENOMEM;
	if (pcap_compile(p, &prog, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		buf_printf(why, "%s: %s", expression, pcap_geterr(p));
		pcap_close(p);
		return -EINVAL;
	}
	for (unsigned i = 0; i < prog.bf_len; i++) {
		const struct bpf_insn *from = &prog.bf_insns[i];
		struct cinsn insn = { from->code, from->jt, from->jf, from->k };

		vec_push(arena, out, insn);
	}
	pcap_freecode(&prog);
	pcap_close(p);
	return 0;
}
#else
int filter_compile(struct cbpf *out, struct arena *arena, const char *expression,
		   const struct link_type *link, struct buf *why)
{
	(void)out;
	(void)arena;
	(void)link;
	buf_printf(why,
		   "%s: this skep was built without libpcap, which compiles expressions; "
		   "--from reads filters in other forms",
		   expression);
	return -EOPNOTSUPP;
}
#endif
