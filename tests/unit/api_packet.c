/* Packets: contexts of program types, what is left of a packet, names of results. */
#include "api_testing.h"

struct lab {
	struct skep_engine *engine;
	struct skep_prog *prog;
	struct skep_run *run;
};

static void lab_init(struct lab *l, const char *text, uint32_t type)
{
	const struct skep_open_options opt = { .type = type };
	struct skep_object *o;

	assert_int_equal(skep_engine_new(NULL, &l->engine), 0);
	assert_done(skep_open_memory("p", text, strlen(text), &opt, &o, &why));
	assert_done(skep_prog_new(l->engine, o, 0, NULL, &l->prog, &why));
	assert_int_equal(skep_run_new(l->engine, 0, &l->run), 0);
	skep_object_free(o);
}

static void lab_done(struct lab *l)
{
	skep_run_free(l->run);
	skep_prog_free(l->prog);
	skep_engine_free(l->engine);
}

/* data in r2, data_end in r3; the first byte is changed if it is there. */
static const char xdp_text[] = "r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr0 = 1\nr4 = r2\n"
			       "r4 += 1\nif r4 > r3 goto out\n*(u8 *)(r2 +0) = 0xab\n"
			       "r0 = *(u32 *)(r1 +12)\nout: exit\n";

static void xdp_sees_and_changes_the_packet(void **state)
{
	struct lab l;
	const uint8_t frame[20] = { 1, 2, 3 };
	const uint8_t *out;
	uint64_t r0 = 0;
	size_t size = 0;

	(void)state;
	lab_init(&l, xdp_text, BPF_PROG_TYPE_XDP);
	assert_null(skep_run_packet_out(l.run, &size));
	assert_done(skep_run_packet(l.run, l.prog, frame, 20, "ingress_ifindex=2", &r0, &why));
	assert_int_equal(r0, 2);
	assert_string_equal(skep_result_name(l.prog, r0), "XDP_PASS");
	assert_null(skep_result_name(l.prog, 77));
	out = skep_run_packet_out(l.run, &size);
	assert_int_equal(size, 20);
	assert_int_equal(out[0], 0xab);
	assert_int_equal(out[1], 2);
	assert_int_equal(frame[0], 1);
	lab_done(&l);
}

static void wrong_packets_are_refused(void **state)
{
	struct lab l;
	static const uint8_t frame[70000];
	uint64_t r0;

	(void)state;
	lab_init(&l, "r0 = 2\nexit\n", BPF_PROG_TYPE_XDP);
	assert_int_equal(skep_run_packet(l.run, l.prog, frame, 13, NULL, &r0, &why), -EINVAL);
	assert_why("13 bytes");
	assert_int_equal(skep_run_packet(l.run, l.prog, frame, 70000, NULL, &r0, &why), -E2BIG);
	assert_int_equal(skep_run_packet(l.run, l.prog, frame, 60, "no_such=1", &r0, &why),
			 -EINVAL);
	assert_why("no_such");
	lab_done(&l);
	lab_init(&l, "r0 = 2\nexit\n", BPF_PROG_TYPE_KPROBE);
	assert_int_equal(skep_run_packet(l.run, l.prog, frame, 60, NULL, &r0, &why), -EINVAL);
	assert_why("no packets");
	lab_done(&l);
}

static void reading_behind_the_packet_is_an_error(void **state)
{
	struct lab l;
	const uint8_t frame[20] = { 0 };

	(void)state;
	lab_init(&l, "r2 = *(u32 *)(r1 +0)\nr0 = *(u64 *)(r2 +13)\nexit\n", BPF_PROG_TYPE_XDP);
	assert_int_equal(skep_run_packet(l.run, l.prog, frame, 20, NULL, NULL, &why), -EFAULT);
	assert_why("p:2:");
	lab_done(&l);
}

static void socket_filters_load_bytes(void **state)
{
	struct lab l;
	const uint8_t frame[20] = { [12] = 0x08, [13] = 0x06 };
	uint64_t r0;

	(void)state;
	lab_init(&l, "r6 = r1\nr0 = *(u16 *)skb[12]\nexit\n", BPF_PROG_TYPE_SOCKET_FILTER);
	assert_done(skep_run_packet(l.run, l.prog, frame, 20, NULL, &r0, &why));
	assert_int_equal(r0, 0x0806);
	lab_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xdp_sees_and_changes_the_packet),
		cmocka_unit_test(wrong_packets_are_refused),
		cmocka_unit_test(reading_behind_the_packet_is_an_error),
		cmocka_unit_test(socket_filters_load_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
