/*
 * Filter expressions, through libpcap. The library is loaded when an expression comes: skep itself
 * must start in a millisecond and on machines that have no libpcap. A static skep holds it where
 * the build found it (PCAP_LINKED).
 * Needs: the few functions below, whose shapes pcap(3PCAP) fixes. Called by filter.c.
 */
#include <dlfcn.h>
#include <errno.h>

#include "cmd/filter.h"

enum { SNAPLEN = 262144 }; /* what a filter that accepts returns, as tcpdump's do */

#define NETMASK_UNKNOWN 0xffffffffu

struct pcap;

/* struct bpf_program of pcap/bpf.h; its instructions have the shape of struct cinsn. */
struct pcap_program {
	unsigned n;
	struct pcap_insn {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} * insns;
};

#define PCAP_FUNCTIONS(X)                                                               \
	X(struct pcap *, open_dead, (int link, int snaplen))                            \
	X(int, compile,                                                                 \
	  (struct pcap * p, struct pcap_program * prog, const char *text, int optimize, \
	   uint32_t netmask))                                                           \
	X(void, freecode, (struct pcap_program * prog))                                 \
	X(char *, geterr, (struct pcap * p))                                            \
	X(void, close, (struct pcap * p))

struct pcap_library {
	void *handle;
#define X(type, name, args) type(*name) args;
	PCAP_FUNCTIONS(X)
#undef X
};

#ifdef PCAP_LINKED
#define X(type, name, args) type pcap_##name args;
PCAP_FUNCTIONS(X)
#undef X

static int load(struct pcap_library *lib)
{
#define X(type, name, args) lib->name = pcap_##name;
	PCAP_FUNCTIONS(X)
#undef X
	return 0;
}
#elif defined(SKEP_STATIC)
static int load(struct pcap_library *lib)
{
	(void)lib;
	return -EOPNOTSUPP;
}
#else
static int load(struct pcap_library *lib)
{
	static const char *const names[] = { "libpcap.so.1", "libpcap.so.0.8", "libpcap.so" };

	for (size_t i = 0; i < ARRAY_LEN(names) && !lib->handle; i++)
		lib->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle)
		return -EOPNOTSUPP;
#define X(type, name, args)                                       \
	*(void **)&lib->name = dlsym(lib->handle, "pcap_" #name); \
	if (!lib->name)                                           \
		return -EOPNOTSUPP;
	PCAP_FUNCTIONS(X)
#undef X
	return 0;
}
#endif

static int compile(const struct pcap_library *lib, struct cbpf *out, struct arena *arena,
		   const char *expression, const struct link_type *link, struct buf *why)
{
	struct pcap *p = lib->open_dead(link->dlt, SNAPLEN);
	struct pcap_program prog;

	if (!p)
		return -ENOMEM;
	if (lib->compile(p, &prog, expression, 1, NETMASK_UNKNOWN)) {
		buf_printf(why, "%s: %s", expression, lib->geterr(p));
		lib->close(p);
		return -EINVAL;
	}
	for (unsigned i = 0; i < prog.n; i++) {
		const struct pcap_insn *from = &prog.insns[i];
		struct cinsn insn = { from->code, from->jt, from->jf, from->k };

		vec_push(arena, out, insn);
	}
	lib->freecode(&prog);
	lib->close(p);
	return 0;
}

int filter_compile(struct cbpf *out, struct arena *arena, const char *expression,
		   const struct link_type *link, struct buf *why)
{
	struct pcap_library lib = { 0 };
	int err = load(&lib);

	if (err)
		buf_printf(why,
			   "%s: expressions need libpcap (package libpcap0.8 or libpcap), which "
			   "is not here; --from reads filters in other forms",
			   expression);
	else
		err = compile(&lib, out, arena, expression, link, why);
	if (lib.handle)
		dlclose(lib.handle);
	return err;
}
