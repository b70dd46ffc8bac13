/*
 * Classic BPF against the running kernel: random and mutated filters are taken or refused alike,
 * by sockets (as root and not) and by seccomp; those taken give the same on packets sent over a
 * socket pair, by the kernel's own translation, by the interpreter here, and by the translation
 * here, loaded as eBPF. CBPF_ROUNDS says how many filters each test tries.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/cbpf.h"
#include "bpf/disasm.h"

enum { MOST = 24, PACKET = 1100, ROUNDS = 1500, NOBODY_UID = 65534 };
enum { ATTACH_FILTER = 26, ATTACH_BPF = 50 };       /* SO_ATTACH_FILTER, SO_ATTACH_BPF */
enum { SOCKET_FILTER = 1, SCHED_CLS = 3, XDP = 6 }; /* BPF_PROG_TYPE_* */
enum { AUDIT_X86_64 = 0xc000003e, AUDIT_ARM64 = 0xc00000b7 };

struct fprog {
	unsigned short len;
	struct cinsn *filter;
};

struct filter {
	struct cinsn v[MOST + 16];
	uint32_t n;
};

static uint64_t dice = 0x9e3779b97f4a7c15;

static uint32_t roll(uint32_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 32) % sides;
}

static unsigned rounds(void)
{
	const char *s = getenv("CBPF_ROUNDS");

	return s ? (unsigned)atoi(s) : ROUNDS;
}

/* ---- filters ---- */

static uint32_t some_k(const struct cbpf_form *f, uint32_t left, enum cbpf_use use)
{
	static const uint32_t edges[] = { 0, 1, 2, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff };
	static const uint32_t offsets[] = { 0xfff00000, 0xfff00004, 0xffe00000, 0xffdfffff,
					    0xfff00450, 0xfffff028, 1098,       1100 };

	switch (f->op) {
	case COP_LOAD_MEM:
	case COP_STORE: return roll(4);
	case COP_JA: return roll(MIN(left, 5));
	case COP_LSH:
	case COP_RSH: return roll(32);
	case COP_DIV:
	case COP_MOD: return 1 + roll(9);
	case COP_LOAD_ABS:
	case COP_LOAD_IND:
	case COP_LOAD_MSH:
		if (use == CBPF_SECCOMP)
			return roll(2) * 4 + 16 * roll(4);
		return roll(6) ? roll(PACKET) : offsets[roll(ARRAY_LEN(offsets))];
	default: return roll(2) ? edges[roll(ARRAY_LEN(edges))] : roll(100);
	}
}

/* Ends a filter so that ten bits of A show in how much of a packet is accepted. */
static void add_end(struct filter *f, uint32_t shift)
{
	const struct cinsn end[] = {
		{ 0x74, 0, 0, shift }, { 0x54, 0, 0, 0x3ff }, { 0x04, 0, 0, 1 }, { 0x16, 0, 0, 0 }
	};

	memcpy(f->v + f->n, end, sizeof(end));
	f->n += ARRAY_LEN(end);
}

/* A filter that is likely to be right. */
static struct filter likely(enum cbpf_use use)
{
	struct filter f = { .n = 0 };
	uint32_t n = 4 + roll(MOST - 4);

	for (; f.n < 4; f.n++) /* most reads of memory find it written */
		f.v[f.n] = (struct cinsn){ 2 + roll(2), 0, 0, f.n };
	while (f.n < n) {
		const struct cbpf_form *form = &cbpf_forms[roll(CBPF_FORMS)];
		uint32_t left = n - f.n;

		if (!(form->users & 1 << use) || (form->op == COP_RET && roll(8)))
			continue;
		struct cinsn *i = &f.v[f.n++];
		*i = (struct cinsn){ form->code, 0, 0, some_k(form, left, use) };
		if (form->op >= COP_JEQ && form->op <= COP_JSET)
			i->jt = (uint8_t)roll(left), i->jf = (uint8_t)roll(left);
	}
	if (use == CBPF_SOCKET)
		add_end(&f, roll(3) * 10);
	return f;
}

static void mutate(struct filter *f)
{
	for (uint32_t times = 1 + roll(3); times; times--) {
		struct cinsn *i = &f->v[roll(f->n)];

		switch (roll(6)) {
		case 0: i->code ^= (uint16_t)(1 << roll(9)); break;
		case 1: i->k = roll(2) ? 1u << roll(32) : -1u << roll(32); break;
		case 2: i->jt = (uint8_t)roll(MOST); break;
		case 3: i->jf = (uint8_t)roll(MOST); break;
		case 4: f->n -= f->n > 1; break;
		case 5: *i = f->v[roll(f->n)]; break;
		}
	}
}

static void fail_filter(const struct filter *f, const char *what, long long ours, long long theirs)
{
	struct buf text = { 0 };

	cbpf_list(&text, f->v, f->n, CBPF_TCPDUMP);
	fail_msg("%s: %lld here, %lld by the kernel\n%s", what, ours, theirs, text.data);
}

static int attach(int fd, struct filter *f)
{
	struct fprog p = { (unsigned short)f->n, f->v };

	return setsockopt(fd, SOL_SOCKET, ATTACH_FILTER, &p, sizeof(p)) ? -errno : 0;
}

/* ---- validity ---- */

/* The first filter of many on which the verdicts differ; @f is it. */
static bool verdicts_differ(int fd, struct filter *f, int *ret_ours, int *ret_theirs)
{
	for (unsigned i = 0; i < rounds() * 4; i++) {
		*f = likely(CBPF_SOCKET);
		if (i % 4)
			mutate(f);
		*ret_ours = cbpf_check(f->v, f->n, CBPF_SOCKET, NULL, NULL);
		*ret_theirs = attach(fd, f);
		if (*ret_ours != *ret_theirs)
			return true;
	}
	return false;
}

static void sockets_take_and_refuse_the_same(void **state)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), ours, theirs;
	struct filter f;

	(void)state;
	if (verdicts_differ(fd, &f, &ours, &theirs))
		fail_filter(&f, "verdict", ours, theirs);
	f.n = 0;
	assert_int_equal(attach(fd, &f), cbpf_check(f.v, 0, CBPF_SOCKET, NULL, NULL));
	close(fd);
}

static void so_do_those_of_users_who_are_not_root(void **state)
{
	int status;

	(void)state;
	if (fork() == 0) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0), ours, theirs;
		struct filter f;

		if (geteuid() == 0 && setresuid(NOBODY_UID, NOBODY_UID, NOBODY_UID))
			_exit(2);
		_exit(verdicts_differ(fd, &f, &ours, &theirs));
	}
	wait(&status);
	assert_int_equal(status, 0);
}

static void every_code_is_judged_alike(void **state)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	for (unsigned code = 0; code < 0x300; code++) {
		for (unsigned k = 0; k < 40; k++) {
			struct filter f = { { { 2, 0, 0, 3 },
					      { (uint16_t)code, 0, 0, k < 36 ? k : 0xffffeff0 + k },
					      { 6, 0, 0, 0 } },
					    3 };
			int ours = cbpf_check(f.v, f.n, CBPF_SOCKET, NULL, NULL);
			int theirs = attach(fd, &f);

			if (ours != theirs)
				fail_filter(&f, "verdict", ours, theirs);
		}
	}
	close(fd);
}

static int seccomp_install(struct filter *f)
{
	struct fprog p = { (unsigned short)f->n, f->v };

	return syscall(SYS_seccomp, 1, 0, &p) ? -errno : 0;
}

/* Filters begin with "ret allow": the rest is checked and never run. */
static int seccomp_verdicts(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 2;
	for (unsigned i = 0; i < 200; i++) {
		struct filter f = likely(roll(4) ? CBPF_SECCOMP : CBPF_SOCKET);

		if (f.v[f.n - 1].code != 0x16)
			f.v[f.n++] = (struct cinsn){ 0x16, 0, 0, 0 };
		if (roll(2))
			mutate(&f);
		f.v[0] = (struct cinsn){ 0x06, 0, 0, 0x7fff0000 };
		if (cbpf_check(f.v, f.n, CBPF_SECCOMP, NULL, NULL) != seccomp_install(&f))
			return 1;
	}
	return 0;
}

static void seccomp_takes_and_refuses_the_same(void **state)
{
	int status;

	(void)state;
	for (unsigned i = 0; i < rounds() / 100; i++) {
		roll(2);
		if (fork() == 0)
			_exit(seccomp_verdicts());
		wait(&status);
		assert_int_equal(status, 0);
		dice += 0x1234567 * (i + 1);
	}
}

/* ---- results ---- */

struct prog_load {
	uint32_t type, insn_cnt;
	uint64_t insns, license;
	uint32_t log_level, log_size;
	uint64_t log_buf;
};

/* Loads the translation; -1: this user may not load eBPF. */
static int load_translation(const struct filter *f, enum cbpf_way way, uint32_t type)
{
	const struct cbpf_translate opt = { .way = way };
	static char log[1 << 16];
	jmp_buf no_memory;
	struct arena arena;
	struct diags d;
	struct insn *insns;
	size_t n;

	arena_init(&arena, &no_memory);
	diags_init(&d, &arena, NULL);
	assert_int_equal(cbpf_translate(f->v, f->n, &opt, &insns, &n, &d), 0);
	struct prog_load attr = { type, (uint32_t)n, (uintptr_t)insns, (uintptr_t) "GPL",
				  1,    sizeof(log), (uintptr_t)log };
	int fd = (int)syscall(SYS_bpf, 5, &attr, sizeof(attr));
	if (fd < 0 && errno != EPERM)
		fail_msg("the translation is refused: %s", log);
	arena_done(&arena);
	return fd;
}

struct pair {
	int sockets[2];
};

static struct pair pair_new(void)
{
	struct pair p;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p.sockets), 0);
	return p;
}

static void pair_done(struct pair *p)
{
	close(p->sockets[0]);
	close(p->sockets[1]);
}

/* How much of the packet comes through. */
static long through(struct pair *p, const uint8_t *packet, size_t size)
{
	char got[PACKET];
	long n;

	assert_int_equal(send(p->sockets[0], packet, size, 0), size);
	n = recv(p->sockets[1], got, sizeof(got), 0);
	return n < 0 ? 0 : n;
}

static void compare(const struct filter *f, struct pair *classic, struct pair *translated)
{
	static const uint32_t sizes[] = { PACKET, 61, 7 };

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		uint8_t bytes[PACKET];
		struct cbpf_packet p = { .head = bytes, .end = sizes[s], .length = sizes[s] };

		for (size_t i = 0; i < sizes[s]; i++)
			bytes[i] = (uint8_t)(roll(3) ? roll(256) : 0);
		long ours = MIN(cbpf_run(f->v, &p), sizes[s]);
		long theirs = through(classic, bytes, sizes[s]);
		if (ours != theirs)
			fail_filter(f, "accepted by the interpreter", ours, theirs);
		ours = translated ? through(translated, bytes, sizes[s]) : theirs;
		if (ours != theirs)
			fail_filter(f, "accepted by the translation", ours, theirs);
	}
}

static bool depends_on_the_machine(const struct filter *f, bool translate)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct cbpf_form *form = cbpf_find(f->v[i].code);
		const struct cbpf_ext *e = form->op == COP_LOAD_ABS ? cbpf_ext_find(f->v[i].k)
								    : NULL;

		if (e && (e->number == CEXT_CPU || e->number == CEXT_RANDOM))
			return true;
		if (e && translate && e->way == CEXT_NONE)
			return true;
	}
	return false;
}

static void accepted_lengths_are_the_same(void **state)
{
	struct pair classic = pair_new(), translated = pair_new();
	bool may_load = true;

	(void)state;
	for (unsigned i = 0; i < rounds(); i++) {
		struct filter f = likely(CBPF_SOCKET);

		if (i % 3 == 2)
			mutate(&f);
		if (attach(classic.sockets[1], &f) || depends_on_the_machine(&f, may_load))
			continue;
		int fd = may_load ? load_translation(&f, CBPF_LEGACY, SOCKET_FILTER) : -1;
		may_load = fd >= 0;
		if (may_load)
			assert_int_equal(setsockopt(translated.sockets[1], SOL_SOCKET, ATTACH_BPF,
						    &fd, sizeof(fd)),
					 0);
		close(fd);
		compare(&f, &classic, may_load ? &translated : NULL);
	}
	pair_done(&classic);
	pair_done(&translated);
}

struct prog_run {
	uint32_t fd, retval, size_in, size_out;
	uint64_t in, out;
	uint32_t repeat, duration, ctx_size_in, ctx_size_out;
	uint64_t ctx_in, ctx_out;
};

static bool has_extension(const struct filter *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (cbpf_find(f->v[i].code)->op == COP_LOAD_ABS && cbpf_ext_find(f->v[i].k))
			return true;
	}
	return false;
}

/* Direct access: the kernel's verifier takes it, and test runs give the same. */
static void compare_direct(const struct filter *f, enum cbpf_way way, uint32_t type)
{
	static const uint32_t sizes[] = { PACKET, 61, 14 };
	int fd = load_translation(f, way, type);

	if (fd < 0)
		skip();
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		uint8_t bytes[PACKET] = { [12] = 0x12, [13] = 0x34 };
		struct cbpf_packet p = { .head = bytes,
					 .end = sizes[s],
					 .length = sizes[s],
					 .network = 14,
					 .has_link = true };
		struct prog_run attr = { .fd = (uint32_t)fd,
					 .size_in = sizes[s],
					 .in = (uintptr_t)bytes };

		for (size_t i = 14; i < sizes[s]; i++)
			bytes[i] = (uint8_t)(roll(3) ? roll(256) : 0);
		if (syscall(SYS_bpf, 10, &attr, sizeof(attr)))
			fail_msg("test run: %s", strerror(errno));
		if (attr.retval != cbpf_run(f->v, &p))
			fail_filter(f, "direct access", cbpf_run(f->v, &p), attr.retval);
	}
	close(fd);
}

static void direct_access_gives_the_same(void **state)
{
	(void)state;
	for (unsigned i = 0; i < rounds() / 3; i++) {
		struct filter f = likely(CBPF_SOCKET);

		if (cbpf_check(f.v, f.n, CBPF_SOCKET, NULL, NULL) || has_extension(&f))
			continue;
		compare_direct(&f, CBPF_XDP, XDP);
		compare_direct(&f, CBPF_TC, SCHED_CLS);
	}
}

/* Attributes: loads and searches in packets made of them. */
static void attributes_are_found_where_the_kernel_finds_them(void **state)
{
	struct pair classic = pair_new();

	(void)state;
	for (unsigned i = 0; i < rounds(); i++) {
		struct filter f = { { { 0x00, 0, 0, roll(40) },
				      { 0x01, 0, 0, roll(5) },
				      { 0x20, 0, 0,
					CBPF_EXT_OFF + (roll(2) ? CEXT_NLATTR : CEXT_NLATTR_NEST) },
				      { 0x04, 0, 0, 1 },
				      { 0x16, 0, 0, 0 } },
				    5 };
		uint8_t bytes[64] = { 0 };
		struct cbpf_packet p = { .head = bytes, .end = sizeof(bytes) };

		for (size_t at = 0; at < sizeof(bytes); at += 4) {
			bytes[at] = (uint8_t)roll(24);
			bytes[at + 2] = (uint8_t)roll(4);
		}
		assert_int_equal(attach(classic.sockets[1], &f), 0);
		long ours = cbpf_run(f.v, &p), theirs = through(&classic, bytes, sizeof(bytes));
		if (ours != theirs)
			fail_filter(&f, "attribute", ours, theirs);
	}
	pair_done(&classic);
}

/* ---- a datagram through the loopback device ---- */

static long accepts(int from, int to, uint32_t k, uint32_t code, const char *packet, size_t size)
{
	struct filter f = {
		{ { (uint16_t)code, 0, 0, k }, { 0x54, 0, 0, 0xffff }, { 0x16, 0, 0, 0 } }, 3
	};
	char got[2048];
	long n;

	assert_int_equal(attach(to, &f), 0);
	assert_int_equal(send(from, packet, size, 0), size);
	n = recv(to, got, sizeof(got), 0);
	return n < 0 ? 0 : n;
}

static void extensions_of_a_datagram(void **state)
{
	static const struct {
		uint32_t code, k, value;
	} rows[] = {
		{ 0x20, CBPF_EXT_OFF + CEXT_PROTOCOL, 0x800 },
		{ 0x20, CBPF_EXT_OFF + CEXT_HATYPE, 772 },
		{ 0x20, CBPF_EXT_OFF + CEXT_IFINDEX, 1 },
		{ 0x30, CBPF_NET_OFF + 0, 0x45 },
		{ 0x28, CBPF_NET_OFF + 2, 1528 },
		{ 0x30, CBPF_NET_OFF + 9, 17 },
		{ 0x28, CBPF_NET_OFF + 24, 1508 }, /* the datagram's length */
		{ 0x28, 4, 1508 },
		{ 0x80, 0, 1508 },
	};
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int from = socket(AF_INET, SOCK_DGRAM, 0),
	    to = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(at);
	uint8_t frame[1528] = { [0] = 0x45, [2] = 1528 >> 8,  [3] = 1528 & 0xff,
				[9] = 17,   [24] = 1508 >> 8, [25] = 1508 & 0xff };
	static const char payload[1500];
	struct cbpf_packet p = { .head = frame,
				 .data = 20,
				 .end = sizeof(frame),
				 .length = 1508,
				 .has_device = true,
				 .ext = { [0] = 0x800, [7] = 772, [2] = 1 } };

	(void)state;
	if (bind(to, (struct sockaddr *)&at, len) ||
	    getsockname(to, (struct sockaddr *)&at, &len) ||
	    connect(from, (struct sockaddr *)&at, len))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct cinsn f[] = { { (uint16_t)rows[i].code, 0, 0, rows[i].k },
					   { 0x16, 0, 0, 0 } };
		long theirs = accepts(from, to, rows[i].k, rows[i].code, payload, sizeof(payload));
		long expected = rows[i].value <= 8 ? 0 : MIN(rows[i].value - 8, 1500);

		assert_int_equal(cbpf_run(f, &p), rows[i].value);
		assert_int_equal(theirs, expected);
	}
	close(from);
	close(to);
}

/* ---- seccomp ---- */

/* ld nr; jeq 1000: else allow; BODY; and 0xfff; or ERRNO; ret a */
static struct filter seccomp_filter(void)
{
	const struct cinsn start[] = { { 0x20, 0, 0, 0 },
				       { 0x15, 1, 0, 1000 },
				       { 0x06, 0, 0, 0x7fff0000 } };
	const struct cinsn end[] = { { 0x54, 0, 0, 0xff },
				     { 0x44, 0, 0, 0x50000 },
				     { 0x16, 0, 0, 0 } };
	struct filter body = likely(CBPF_SECCOMP), f = { .n = 0 };

	memcpy(f.v, start, sizeof(start));
	for (uint32_t i = 0; i < body.n; i++) {
		struct cinsn *to = &f.v[3 + i];

		*to = cbpf_find(body.v[i].code)->op == COP_RET
			      ? (struct cinsn){ 0x05, 0, 0, body.n - i - 1 }
			      : body.v[i];
	}
	memcpy(f.v + 3 + body.n, end, sizeof(end));
	f.n = 6 + body.n;
	return f;
}

static int seccomp_result(struct filter *f, const struct cbpf_call *c)
{
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_install(f))
		return 255;
	err = syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5])
		      ? errno
		      : 0;
	return err == (int)(cbpf_run_seccomp(f->v, c) & 0xffff) ? 0 : 1;
}

static void seccomp_actions_are_the_same(void **state)
{
	struct cbpf_call call = { .nr = 1000 };
	int status;

	(void)state;
#if defined(__x86_64__)
	call.arch = AUDIT_X86_64;
#else
	call.arch = AUDIT_ARM64;
#endif
	for (unsigned i = 0; i < rounds() / 4; i++) {
		struct filter f = seccomp_filter();

		if (cbpf_check(f.v, f.n, CBPF_SECCOMP, NULL, NULL))
			continue;
		for (unsigned a = 0; a < 6; a++)
			call.args[a] = (uint64_t)roll(300) << (roll(2) * 32);
		if (fork() == 0)
			_exit(seccomp_result(&f, &call));
		wait(&status);
		/* a load or division that fails gives 0, which is "kill the thread" */
		bool kills = cbpf_run_seccomp(f.v, &call) == 0;
		if (kills ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS : status)
			fail_filter(&f, "seccomp", (int)cbpf_run_seccomp(f.v, &call), status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_take_and_refuse_the_same),
		cmocka_unit_test(so_do_those_of_users_who_are_not_root),
		cmocka_unit_test(every_code_is_judged_alike),
		cmocka_unit_test(seccomp_takes_and_refuses_the_same),
		cmocka_unit_test(accepted_lengths_are_the_same),
		cmocka_unit_test(direct_access_gives_the_same),
		cmocka_unit_test(attributes_are_found_where_the_kernel_finds_them),
		cmocka_unit_test(extensions_of_a_datagram),
		cmocka_unit_test(seccomp_actions_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
