/* Program kinds: what contexts show, what programs may touch, what helpers do to packets. */
#include "engine_testing.h"

#include <errno.h>

#include "bpf/uapi.h"
#include "engine/context.h"

static const char frame[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50 };

struct trial {
	struct machine m;
	struct context c;
};

/* Runs @text as a program of @type on the frame, as @set says. */
static uint64_t try(struct trial *t, uint32_t type, const char *text, const char *set)
{
	struct buf why = { 0 };
	uint64_t result;

	machine_init(&t->m, NULL);
	assert_int_equal(context_add_helpers(t->m.engine), 0);
	struct vm_prog *p = assemble(&t->m, text);
	if (!p)
		fail_msg("%s", t->m.why.data);
	context_init(&t->c, context_kind_of(type));
	if (t->c.kind->packet)
		assert_int_equal(context_packet(&t->c, frame, sizeof(frame)), 0);
	if (context_set(&t->c, set, &why))
		fail_msg("%s", why.data);
	result = context_run(&t->m.vm, p, &t->c);
	vm_prog_free(p);
	buf_done(&why);
	return result;
}

static void done(struct trial *t)
{
	context_done(&t->c);
	machine_done(&t->m);
}

static void expect(uint32_t type, const char *text, const char *set, uint64_t result)
{
	struct trial t;
	uint64_t got = try(&t, type, text, set);

	assert_int_equal(t.m.vm.end, VM_DONE);
	assert_int_equal(got, result);
	done(&t);
}

static void expect_fault(uint32_t type, const char *text)
{
	struct trial t;

	try(&t, type, text, "");
	assert_int_equal(t.m.vm.end, VM_BAD_ACCESS);
	done(&t);
}

static void xdp_programs_see_the_packet(void **state)
{
	(void)state;
	expect(BPF_PROG_TYPE_XDP,
	       "r2 = *(u32 *)(r1 +0)\n r3 = *(u32 *)(r1 +4)\n r0 = *(u8 *)(r2 +14)\n"
	       "r3 -= r2\n r0 <<= 8\n r0 |= r3\n exit",
	       "", 0x4540);
	expect(BPF_PROG_TYPE_XDP, "r0 = *(u32 *)(r1 +12)\n exit", "ingress_ifindex=7", 7);
	expect_fault(BPF_PROG_TYPE_XDP, "r2 = *(u32 *)(r1 +4)\n r0 = *(u8 *)(r2 +0)\n exit");
	expect_fault(BPF_PROG_TYPE_XDP, "r2 = *(u32 *)(r1 +0)\n r0 = *(u8 *)(r2 -1)\n exit");
	expect_fault(BPF_PROG_TYPE_XDP, "r0 = *(u32 *)(r1 +24)\n exit");
}

static void rights_are_those_of_the_kind(void **state)
{
	(void)state;
	const char *write_mark = "r2 = 9\n *(u32 *)(r1 +8) = r2\n r0 = *(u32 *)(r1 +8)\n exit";

	expect(BPF_PROG_TYPE_SCHED_CLS, write_mark, "mark=5", 9);
	expect_fault(BPF_PROG_TYPE_SOCKET_FILTER, write_mark);
	expect_fault(BPF_PROG_TYPE_SOCKET_FILTER, "r0 = *(u32 *)(r1 +76)\n exit");
	expect_fault(BPF_PROG_TYPE_XDP, "*(u32 *)(r1 +12) = 1\n r0 = 0\n exit");
	expect_fault(BPF_PROG_TYPE_CGROUP_SKB,
		     "r2 = *(u32 *)(r1 +76)\n *(u8 *)(r2 +0) = 1\n r0 = 1\n exit");
	expect(BPF_PROG_TYPE_SCHED_CLS,
	       "r2 = *(u32 *)(r1 +76)\n *(u8 *)(r2 +0) = 1\n r0 = *(u8 *)(r2 +0)\n exit", "", 1);
}

static void kinds_have_their_members(void **state)
{
	(void)state;
	expect(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "r0 = *(u32 *)(r1 +4)\n exit", "user_ip4=10.0.0.1",
	       0x0100000a);
	expect(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "r0 = *(u32 *)(r1 +24)\n exit", "user_port=80",
	       0x5000);
	expect(BPF_PROG_TYPE_SOCK_OPS, "r0 = *(u32 *)(r1 +64)\n exit", "remote_port=80",
	       0x50000000);
	expect(BPF_PROG_TYPE_SK_LOOKUP, "r0 = *(u32 *)(r1 +60)\n exit", "local_port=80", 80);
	expect(BPF_PROG_TYPE_RAW_TRACEPOINT, "r0 = *(u64 *)(r1 +8)\n exit", "args[1]=0x1234567890",
	       0x1234567890);
	expect(BPF_PROG_TYPE_KPROBE, "r0 = *(u64 *)(r1 +112)\n exit",
#if defined(__x86_64__)
	       "parm1=77",
#else
	       "regs[14]=77",
#endif
	       77);
	expect(BPF_PROG_TYPE_TRACEPOINT, "r0 = *(u32 *)(r1 +20)\n exit", "u32@20=3", 3);
	expect(BPF_PROG_TYPE_SYSCALL, "*(u64 *)(r1 +8) = 4\n r0 = *(u64 *)(r1 +8)\n exit", "", 4);
	expect(BPF_PROG_TYPE_SCHED_CLS, "r0 = *(u32 *)(r1 +16)\n exit", "", 8);
	expect(BPF_PROG_TYPE_CGROUP_SKB, "r2 = *(u32 *)(r1 +76)\n r0 = *(u8 *)(r2 +0)\n exit", "",
	       0x45);
	expect(BPF_PROG_TYPE_FLOW_DISSECTOR,
	       "r2 = *(u64 *)(r1 +144)\n *(u16 *)(r2 +0) = 14\n r0 = *(u16 *)(r2 +0)\n exit", "",
	       14);
}

static void packets_grow_and_shrink(void **state)
{
	(void)state;
	struct trial t;
	size_t size;

	assert_int_equal(try(&t, BPF_PROG_TYPE_XDP,
			     "r6 = r1\n r2 = -4\n call bpf_xdp_adjust_head\n"
			     "r2 = *(u32 *)(r6 +0)\n *(u32 *)(r2 +0) = 1\n"
			     "r1 = r6\n r2 = -10\n call bpf_xdp_adjust_tail\n"
			     "r1 = r6\n r2 = -8\n call bpf_xdp_adjust_meta\n"
			     "r2 = *(u32 *)(r6 +8)\n *(u64 *)(r2 +0) = 3\n exit",
			     ""),
			 0);
	assert_int_equal(t.m.vm.end, VM_DONE);
	assert_int_equal(*context_packet_out(&t.c, &size), 1);
	assert_int_equal(size, sizeof(frame) + 4 - 10);
	done(&t);
	expect(BPF_PROG_TYPE_XDP, "r2 = -260\n call bpf_xdp_adjust_head\n exit", "",
	       (uint64_t)-EINVAL);
	/* A pointer from before an adjustment leads nowhere it should not. */
	expect_fault(BPF_PROG_TYPE_XDP, "r6 = *(u32 *)(r1 +0)\n r0 = *(u8 *)(r6 +0)\n r2 = 4\n"
					"call bpf_xdp_adjust_head\n r0 = *(u8 *)(r6 +0)\n exit");
}

static void skb_bytes_and_tags(void **state)
{
	(void)state;
	expect(BPF_PROG_TYPE_SCHED_CLS,
	       "r2 = 14\n r3 = r10\n r3 += -8\n r4 = 4\n call bpf_skb_load_bytes\n"
	       "r0 = *(u32 *)(r10 -8)\n exit",
	       "", 0x32000045);
	expect(BPF_PROG_TYPE_SCHED_CLS,
	       "r2 = 62\n r3 = r10\n r3 += -8\n r4 = 4\n call bpf_skb_load_bytes\n exit", "",
	       (uint64_t)-EFAULT);
	expect(BPF_PROG_TYPE_SCHED_CLS,
	       "r6 = r1\n r2 = 0x81\n r3 = 5\n call bpf_skb_vlan_push\n r1 = r6\n r2 = 0x81\n"
	       "r3 = 6\n call bpf_skb_vlan_push\n r0 = *(u32 *)(r6 +24)\n r0 <<= 8\n"
	       "r2 = *(u32 *)(r6 +76)\n r2 = *(u8 *)(r2 +15)\n r0 |= r2\n exit",
	       "", 0x605);
	expect(BPF_PROG_TYPE_SOCKET_FILTER, "r6 = r1\n r0 = *(u16 *)skb[12]\n exit", "", 0x800);
}

static void helpers_of_other_kinds_end_the_run(void **state)
{
	(void)state;
	struct trial t;

	try(&t, BPF_PROG_TYPE_XDP, "r2 = 5\n call bpf_set_hash\n exit", "");
	assert_int_equal(t.m.vm.end, VM_BAD_ARGUMENT);
	done(&t);
	try(&t, BPF_PROG_TYPE_SCHED_CLS, "r2 = 4\n call bpf_xdp_adjust_head\n exit", "");
	assert_int_equal(t.m.vm.end, VM_BAD_ARGUMENT);
	done(&t);
}

static void redirects_are_recorded(void **state)
{
	(void)state;
	struct trial t;

	assert_int_equal(
		try(&t, BPF_PROG_TYPE_XDP, "r1 = 3\n r2 = 0\n call bpf_redirect\n exit", ""), 4);
	assert_string_equal(t.c.redirect.helper, "redirect");
	assert_int_equal(t.c.redirect.ifindex, 3);
	assert_string_equal(context_result(t.c.kind, 4), "XDP_REDIRECT");
	done(&t);
}

static void wrong_text_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "marc=5", "did you mean mark" }, { "mark", "field=value" },
		{ "mark=x", "takes a number" },    { "mark=0x100000000", "fits" },
		{ "cb[5]=1", "5 elements" },       { "data=1", "fills in" },
	};
	struct context c;
	struct buf why = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		context_init(&c, context_kind_of(BPF_PROG_TYPE_SCHED_CLS));
		buf_clear(&why);
		assert_int_equal(context_set(&c, cases[i].text, &why), -EINVAL);
		if (!strstr(why.data, cases[i].part))
			fail_msg("%s: %s", cases[i].text, why.data);
	}
	buf_clear(&why);
	assert_int_equal(context_set(&c, "mark=5", &why), 0);
	assert_int_equal(context_check(&c, "mark=6", &why), -ERANGE);
	assert_string_equal(why.data, "mark: expected 6, got 5\n");
	buf_done(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xdp_programs_see_the_packet),
		cmocka_unit_test(rights_are_those_of_the_kind),
		cmocka_unit_test(kinds_have_their_members),
		cmocka_unit_test(packets_grow_and_shrink),
		cmocka_unit_test(skb_bytes_and_tags),
		cmocka_unit_test(helpers_of_other_kinds_end_the_run),
		cmocka_unit_test(redirects_are_recorded),
		cmocka_unit_test(wrong_text_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
