/* Packets from text and captures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/packet_text.h"

static void expect(const char *text, const char *hex)
{
	struct buf out = { 0 }, why = { 0 }, got = { 0 };

	if (packet_text(&out, text, &why))
		fail_msg("%s: %s", text, why.data);
	for (size_t i = 0; i < out.len; i++)
		buf_printf(&got, "%02x", (uint8_t)out.data[i]);
	assert_string_equal(got.data, hex);
	buf_done(&out);
	buf_done(&why);
	buf_done(&got);
}

static void headers_have_defaults_lengths_and_checksums(void **state)
{
	(void)state;
	/* Checksums computed by hand from RFC 1071. */
	expect("eth ip(src=10.0.0.1, dst=10.0.0.2) udp(sport=1, dport=2) payload(\"hi\")",
	       "0200000000010200000000020800"
	       "4500001e00000000401166cd0a0000010a000002"
	       "00010002000a836b"
	       "6869");
	expect("arp(op=2)", "0200000000010200000000020806"
			    "0001080006040002"
			    "0200000000020a0000020000000000000a000001");
	expect("vlan(id=5, pcp=1) arp", "020000000001020000000002810020050806"
					"0001080006040001"
					"0200000000020a0000020000000000000a000001");
	expect("ip(proto=99,len=7,csum=0) zero(2)", "0200000000010200000000020800"
						    "45000007000000004063"
						    "0000"
						    "0a0000020a000001"
						    "0000");
}

static void a_receiver_accepts_the_checksums(void **state)
{
	(void)state;
	static const char *const texts[] = { "ip tcp(flags=SA) payload(\"odd\")",
					     "ip6 tcp payload(\"x\")", "ip6 udp", "ip6 icmp6",
					     "ip icmp payload(\"ping\")" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct buf out = { 0 }, why = { 0 };
		bool v6 = texts[i][2] == '6', icmp = strncmp(texts[i], "ip icmp", 7) == 0;
		size_t l4 = v6 ? 54 : 34, from = icmp ? l4 : v6 ? 22 : 26;

		assert_int_equal(packet_text(&out, texts[i], &why), 0);
		const uint8_t *p = (const uint8_t *)out.data;
		uint32_t sum = icmp ? 0 : (uint32_t)(out.len - l4) + p[v6 ? 20 : 23];

		for (size_t b = from; b < out.len; b++)
			sum += (b - from) % 2 ? p[b] : p[b] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
		assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
		buf_done(&out);
		buf_done(&why);
	}
}

static void raw_bytes(void **state)
{
	(void)state;
	expect("00 01:02 ff", "000102ff");
	expect("hex(0a0b) payload(\"\\x41\\n\") zero(1)", "0a0b410a00");
}

static void wrong_packets_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "ipp(src=1.2.3.4)", "did you mean ip?" },
		{ "ip(source=1.2.3.4)", "no field" },
		{ "ip(src=1.2.3)", "cannot be '1.2.3'" },
		{ "tcp(dport=65536)", "cannot be" },
		{ "tcp(dport", "name=value" },
		{ "tcp(dport=1", "not closed" },
		{ "payload(\"x", "not closed" },
		{ "", "empty" },
		{ "hex(0g)", "not a byte" },
		{ "0", "not a byte" },
		{ "zero(65535) zero(65535)", "at most" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = { 0 }, why = { 0 };

		assert_int_equal(packet_text(&out, cases[i].text, &why), -EINVAL);
		if (!strstr(why.data, cases[i].part))
			fail_msg("%s: %s", cases[i].text, why.data);
		buf_done(&out);
		buf_done(&why);
	}
}

static void captures(void **state)
{
	(void)state;
	uint8_t file[24 + 2 * 18] = { 0xd4,
				      0xc3,
				      0xb2,
				      0xa1,
				      2,
				      0,
				      4,
				      0,
				      [20] = 1,
				      [24 + 8] = 2,
				      [24 + 16] = 7,
				      8,
				      [24 + 18 + 8] = 2,
				      [24 + 18 + 16] = 9,
				      10 };
	struct buf out = { 0 }, why = { 0 };

	assert_true(packet_is_pcap(file, sizeof(file)));
	assert_int_equal(packet_pcap(&out, file, sizeof(file), 1, &why), 1);
	assert_int_equal(out.len, 2);
	assert_memory_equal(out.data, "\x09\x0a", 2);
	assert_int_equal(packet_pcap(&out, file, sizeof(file), 2, &why), 0);
	file[24 + 18 + 8] = 3;
	assert_int_equal(packet_pcap(&out, file, sizeof(file), 1, &why), -EINVAL);
	assert_false(packet_is_pcap(file, 23));
	buf_done(&out);
	buf_done(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_have_defaults_lengths_and_checksums),
		cmocka_unit_test(a_receiver_accepts_the_checksums),
		cmocka_unit_test(raw_bytes),
		cmocka_unit_test(wrong_packets_are_told),
		cmocka_unit_test(captures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
