/* Values of every kind, as text and as JSON. */
#include "out_testing.h"

#include <arpa/inet.h>
#include <stdio.h>

static const char *text(const struct type *t, const void *data, size_t bytes)
{
	env.format = OUT_TEXT;
	return shown(t, data, bytes);
}

static const char *json(const struct type *t, const void *data, size_t bytes)
{
	env.format = OUT_JSON;
	return shown(t, data, bytes);
}

/* Text, then JSON; "=" as JSON: the same. */
#define check(t, data, as_text, as_json)                                          \
	do {                                                                      \
		assert_string_equal(text((t), (data), sizeof(*(data))), as_text); \
		assert_string_equal(json((t), (data), sizeof(*(data))),           \
				    (as_json)[0] == '=' ? (as_text) : (as_json)); \
	} while (0)

static const struct type *simple(enum type_kind kind, uint32_t size)
{
	return type_simple(&types, kind, size);
}

static void integers_of_all_widths(void **state)
{
	(void)state;
	check(type_int(&types, 1, true), &(int8_t){ -128 }, "-128", "=");
	check(type_int(&types, 1, false), &(uint8_t){ 255 }, "255", "=");
	check(type_int(&types, 2, true), &(int16_t){ -32768 }, "-32768", "=");
	check(type_int(&types, 4, true), &(int32_t){ INT32_MIN }, "-2147483648", "=");
	check(type_int(&types, 4, false), &(uint32_t){ UINT32_MAX }, "4294967295", "=");
	check(type_int(&types, 8, true), &(int64_t){ INT64_MIN }, "-9223372036854775808", "=");
	check(type_int(&types, 8, true), &(int64_t){ 0 }, "0", "=");
	check(type_int(&types, 8, true), &(int64_t){ 10 }, "10", "=");
	check(type_int(&types, 8, true), &(int64_t){ 99 }, "99", "=");
	check(type_int(&types, 8, true), &(int64_t){ 100 }, "100", "=");
}

/* Beyond 53 bits a reader's double would change the number. */
static void json_numbers_that_no_double_holds_are_strings(void **state)
{
	(void)state;
	check(type_int(&types, 8, false), &(uint64_t){ UINT64_MAX }, "18446744073709551615",
	      "\"18446744073709551615\"");
	check(type_int(&types, 8, true), &(int64_t){ INT64_MAX }, "9223372036854775807",
	      "\"9223372036854775807\"");
	check(type_int(&types, 8, true), &(int64_t){ 9007199254740992 }, "9007199254740992", "=");
	check(type_int(&types, 8, true), &(int64_t){ 9007199254740993 }, "9007199254740993",
	      "\"9007199254740993\"");
	check(type_int(&types, 8, true), &(int64_t){ -9007199254740993 }, "-9007199254740993",
	      "\"-9007199254740993\"");
	check(type_int(&types, 8, true), &(int64_t){ 9007199254740994 }, "9007199254740994", "=");
}

/* A map stores integers in 8 bytes: only those of the type count. */
static void map_values_may_be_wider_than_their_type(void **state)
{
	(void)state;
	check(type_int(&types, 4, true), &(int64_t){ -5 }, "-5", "=");
	check(type_int(&types, 1, false), &(uint64_t){ 200 }, "200", "=");
}

static void bools_pointers_floats(void **state)
{
	const struct type *pointer = type_pointer(&types, type_void(&types), SPACE_KERNEL);

	(void)state;
	check(type_bool(&types), &(uint8_t){ 1 }, "true", "=");
	check(type_bool(&types), &(uint8_t){ 0 }, "false", "=");
	check(pointer, &(uint64_t){ 0 }, "0x0", "0");
	check(pointer, &(uint64_t){ 0x1f00 }, "0x1f00", "7936");
	check(pointer, &(uint64_t){ UINT64_MAX }, "0xffffffffffffffff", "\"18446744073709551615\"");
	check(simple(TYPE_FLOAT, 8), &(double){ 1.5 }, "1.5", "=");
	check(simple(TYPE_FLOAT, 4), &(float){ -0.25 }, "-0.25", "=");
	check(simple(TYPE_FLOAT, 8), &(double){ 1.0 / 0.0 }, "inf", "\"inf\"");
}

static void enums_by_name_and_by_number(void **state)
{
	struct type_enumerator names[] = { { "RED", 0 }, { "GREEN", 7 }, { "NONE", -1 } };
	struct type t = { .kind = TYPE_ENUM,
			  .size = 4,
			  .is_signed = true,
			  .enumerators = names,
			  .nenumerators = 3 };

	(void)state;
	check(&t, &(int32_t){ 7 }, "GREEN", "7");
	check(&t, &(int32_t){ -1 }, "NONE", "-1");
	check(&t, &(int32_t){ 8 }, "8", "=");
}

static void strings_end_at_nul_or_are_marked_as_cut(void **state)
{
	const struct type *t = type_string(&types, 8);

	(void)state;
	check(t, &(char[8]){ "abc" }, "abc", "\"abc\"");
	check(t, &(char[8]){ "" }, "", "\"\"");
	check(t, &(char[8]){ "seven.." }, "seven..", "\"seven..\"");
	check(t, &(char[8]){ "12345678" }, "12345678..", "\"12345678..\"");
	check(t, &(char[3]){ "abc" }, "abc", "\"abc\""); /* a record that ends early */
	settings.trailer = "[cut]";
	check(t, &(char[8]){ "12345678" }, "12345678[cut]", "\"12345678[cut]\"");
	settings.trailer = "..";
}

static void json_strings_are_escaped_and_valid_utf8(void **state)
{
	const struct type *t = type_string(&types, 32);

	(void)state;
	check(t, &(char[32]){ "q\"b\\n\nt\tr\rx\x01" }, "q\"b\\n\nt\tr\rx\x01",
	      "\"q\\\"b\\\\n\\nt\\tr\\rx\\u0001\"");
	check(t, &(char[32]){ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	      "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	/* a stray byte, a broken sequence, an overlong form, a surrogate */
	check(t, &(char[32]){ "\xff|\xc3|\xc0\xaf|\xed\xa0\x80" },
	      "\xff|\xc3|\xc0\xaf|\xed\xa0\x80",
	      "\"\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|"
	      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void buffers_are_escaped_bytes(void **state)
{
	const struct type *t = simple(TYPE_BUFFER, 12);
	struct {
		uint32_t len;
		char data[8];
	} b = { 5, "a\0b\"\n" };

	(void)state;
	check(t, &b, "a\\x00b\"\\x0a", "\"a\\\\x00b\\\"\\\\x0a\"");
	b.len = 0;
	check(t, &b, "", "\"\"");
	b.len = 4000000000; /* what the length says is not believed */
	check(t, &b, "a\\x00b\"\\x0a\\x00\\x00\\x00",
	      "\"a\\\\x00b\\\"\\\\x0a\\\\x00\\\\x00\\\\x00\"");
}

static void arrays_tuples_records(void **state)
{
	const struct type *i32 = type_int(&types, 4, true), *s4 = type_string(&types, 4);
	const struct type *pair = testing_tuple(i32, s4);
	struct {
		int32_t a;
		char b[4];
		int32_t c;
		char d[4];
	} nested = { 1, "x", -2, "y" };
	struct type_member members[] = { { .name = "a", .type = i32 },
					 { .name = "b", .type = s4, .offset = 4 } };
	struct type record = { .kind = TYPE_RECORD, .size = 8, .members = members, .nmembers = 2 };

	(void)state;
	check(type_array(&types, i32, 3), &((int32_t[3]){ 1, -2, 3 }), "[1,-2,3]", "=");
	check(type_array(&types, type_array(&types, i32, 2), 2), &((int32_t[4]){ 1, 2, 3, 4 }),
	      "[[1,2],[3,4]]", "=");
	check(type_array(&types, type_int(&types, 1, false), 2), &((uint8_t[2]){ 65, 66 }),
	      "[65,66]", "=");
	check(type_array(&types, type_int(&types, 1, true), 4), &((char[4]){ "hi" }), "hi",
	      "\"hi\"");
	check(pair, &nested, "(1, x)", "[1,\"x\"]");
	check(testing_tuple(pair, pair), &nested, "((1, x), (-2, y))", "[[1,\"x\"],[-2,\"y\"]]");
	check(testing_tuple(i32, NULL), &nested, "(1)", "[1]");
	check(&record, &nested, "{ .a = 1, .b = x }", "{\"a\": 1, \"b\": \"x\"}");
}

static void structs_with_all_that_c_has(void **state)
{
	const struct type *i32 = type_int(&types, 4, true), *u32 = type_int(&types, 4, false);
	struct type_member in[] = { { .name = "q", .type = i32 } };
	struct type inner = { .kind = TYPE_STRUCT, .size = 4, .members = in, .nmembers = 1 };
	struct type hollow = { .kind = TYPE_STRUCT, .name = "unknown" };
	struct type_member members[] = {
		{ .name = "low", .type = u32, .offset = 0, .bit_offset = 0, .bit_size = 3 },
		{ .name = "high", .type = i32, .offset = 0, .bit_offset = 3, .bit_size = 4 },
		{ .name = NULL, .type = &inner, .offset = 4 },
		{ .name = "in", .type = &inner, .offset = 8 },
		{ .name = "h", .type = &hollow, .offset = 12 },
	};
	struct type t = { .kind = TYPE_STRUCT, .size = 12, .members = members, .nmembers = 5 };

	(void)state;
	check(&t, &((uint32_t[3]){ 5 | 0xe << 3, 8, 9 }),
	      "{ .low = 5, .high = -2, .q = 8, .in = { .q = 9 }, .h = {} }",
	      "{\"low\": 5, \"high\": -2, \"q\": 8, \"in\": {\"q\": 9}, \"h\": {}}");
}

/* A string of a tracepoint record: a word says where it lies behind the fields. */
static void located_fields_stay_inside(void **state)
{
	struct type_member members[] = {
		{ .name = "name", .type = type_int(&types, 4, false), .data_loc = true },
		{ .name = "rel",
		  .type = type_int(&types, 4, false),
		  .offset = 4,
		  .data_rel = true },
	};
	struct type t = { .kind = TYPE_STRUCT, .size = 8, .members = members, .nmembers = 2 };
	struct {
		uint32_t name, rel;
		char text[8];
	} r = { 4 << 16 | 8, 4 << 16 | 4, "abc\0xyz" };

	(void)state;
	check(&t, &r, "{ .name = abc, .rel = xyz }", "{\"name\": \"abc\", \"rel\": \"xyz\"}");
	r.name = 0xffffu << 16 | 8;
	check(&t, &r, "{ .name = , .rel = xyz }", "{\"name\": \"\", \"rel\": \"xyz\"}");
}

static void addresses_of_networks(void **state)
{
	const struct type *t = simple(TYPE_INET, 20);
	struct {
		uint32_t family;
		uint8_t bytes[16];
	} v4 = { AF_INET, { 127, 0, 0, 1 } };
	struct {
		uint32_t family;
		uint8_t bytes[16];
	} v6 = { AF_INET6, { [15] = 1 } };

	(void)state;
	check(t, &v4, "127.0.0.1", "\"127.0.0.1\"");
	check(t, &v6, "::1", "\"::1\"");
	v4.family = 4711;
	check(t, &v4, "", "\"\"");
	check(simple(TYPE_MAC, 6), &((uint8_t[6]){ 0x0f, 0x1f, 0x44, 0, 0, 0xab }),
	      "0F:1F:44:00:00:AB", "\"0F:1F:44:00:00:AB\"");
}

static void symbols_by_name_alone(void **state)
{
	struct {
		uint64_t address;
		uint32_t pid, zero;
	} user = { 0x2005, 1, 0 };

	(void)state;
	check(simple(TYPE_KSYM, 8), &(uint64_t){ 0x1005 }, "kernel_fn", "\"kernel_fn\"");
	check(simple(TYPE_KSYM, 8), &(uint64_t){ 0x9005 }, "0x9005", "\"0x9005\"");
	check(simple(TYPE_KSYM, 8), &(uint64_t){ 0 }, "0", "\"0\"");
	check(simple(TYPE_USYM, 16), &user, "user_fn", "\"user_fn\"");
	user.address = 0x77;
	check(simple(TYPE_USYM, 16), &user, "0x77", "\"0x77\"");
}

static struct type stack_type(enum type_kind kind, enum stack_mode mode)
{
	return (struct type){ .kind = kind, .mode = mode, .size = sizeof(struct stack_value) };
}

static void stacks_in_each_mode(void **state)
{
	struct type kernel = stack_type(TYPE_KSTACK, STACK_BPFTRACE);
	struct type user = stack_type(TYPE_USTACK, STACK_BPFTRACE);
	struct type user_perf = stack_type(TYPE_USTACK, STACK_PERF);
	struct type kernel_perf = stack_type(TYPE_KSTACK, STACK_PERF);
	struct type raw = stack_type(TYPE_KSTACK, STACK_RAW);
	struct stack_value v = { .id = 7, .pid = 5, .limit = 127 };

	(void)state;
	check(&kernel, &v, "\n        kernel_fn+5\n        0x2010\n        0xdead0000\n",
	      "\"\\n        kernel_fn+5\\n        0x2010\\n        0xdead0000\\n\"");
	check(&user, &v, "\n        0x1005\n        user_fn+16\n        0xdead0000\n",
	      "\"\\n        0x1005\\n        user_fn+16\\n        0xdead0000\\n\"");
	assert_string_equal(text(&user_perf, &v, sizeof(v)),
			    "\n\t1005 0x1005 ([unknown])\n\t2010 user_fn+16 (/bin/prog)\n"
			    "\tdead0000 0xdead0000 ([unknown])\n");
	assert_string_equal(text(&kernel_perf, &v, sizeof(v)),
			    "\n\t1005 kernel_fn+5\n\t2010 0x2010\n\tdead0000 0xdead0000\n");
	assert_string_equal(text(&raw, &v, sizeof(v)), "\n1005\n2010\ndead0000\n");
}

static void stacks_have_no_more_frames_than_their_limit(void **state)
{
	struct type t = stack_type(TYPE_KSTACK, STACK_RAW);
	struct stack_value v = { .id = 9, .limit = 2 };

	(void)state;
	assert_string_equal(text(&t, &v, sizeof(v)), "\n1000\n1000\n");
	v.limit = 0;
	assert_int_equal(strlen(text(&t, &v, sizeof(v))), 1 + 1024 * 5);
	v.id = 0;
	assert_string_equal(text(&t, &v, sizeof(v)), "\n");
	v.id = 4711; /* nobody has it */
	assert_string_equal(text(&t, &v, sizeof(v)), "\n");
}

static void names_of_users_probes_times(void **state)
{
	struct type stamp = { .kind = TYPE_TIMESTAMP, .size = 8, .name = "%H:%M:%S.%f %%f %Y" };

	(void)state;
	vec_push(&arena, &image->probes, "BEGIN");
	vec_push(&arena, &image->probes, "interval:s:1");
	check(simple(TYPE_PROBE, 8), &(uint64_t){ 1 }, "interval:s:1", "\"interval:s:1\"");
	check(simple(TYPE_PROBE, 8), &(uint64_t){ 99 }, "99", "\"99\"");
	check(simple(TYPE_USERNAME, 8), &(uint64_t){ 0 }, "root", "\"root\"");
	check(simple(TYPE_USERNAME, 8), &(uint64_t){ 3999999999 }, "3999999999", "\"3999999999\"");
	check(&stamp, &(uint64_t){ 1000042000 }, "22:13:21.000042 %f 2023",
	      "\"22:13:21.000042 %f 2023\"");
	check(simple(TYPE_CGROUP_PATH, 8), &(uint64_t){ 0xffffffffffff }, "281474976710655",
	      "\"281474976710655\"");
}

static void aggregations_as_values(void **state)
{
	struct type stats = { .kind = TYPE_STATS, .size = 16, .is_signed = true };
	struct type avg = { .kind = TYPE_AVG, .size = 16, .is_signed = true };
	struct type sum = { .kind = TYPE_SUM, .size = 8 };

	(void)state;
	check(&stats, &((int64_t[2]){ 2, -15 }), "{ .count = 2, .average = -7, .total = -15 }",
	      "{\"count\": 2, \"average\": -7, \"total\": -15}");
	check(&avg, &((int64_t[2]){ 2, 15 }), "7", "=");
	check(&sum, &((uint64_t[1]){ UINT64_MAX }), "18446744073709551615",
	      "\"18446744073709551615\"");
}

/* A record may be shorter than its types: nothing is read that is not there. Run under
 * AddressSanitizer, the exact-size copies show it. */
static void cut_records_print_as_empty(void **state)
{
	const struct type *i64 = type_int(&types, 8, true);
	const struct type *t = testing_tuple(i64, i64);
	struct {
		int64_t a;
		char half[4];
	} __attribute__((packed)) cut = { 5, "xxx" };
	const struct type *all[] = { i64,
				     type_bool(&types),
				     simple(TYPE_MAC, 6),
				     simple(TYPE_INET, 20),
				     simple(TYPE_USYM, 16),
				     simple(TYPE_BUFFER, 64),
				     type_string(&types, 64),
				     type_array(&types, i64, 3),
				     t };

	(void)state;
	assert_string_equal(text(t, &cut, sizeof(cut)), "(5, )");
	assert_string_equal(json(t, &cut, sizeof(cut)), "[5,null]");
	assert_string_equal(text(t, &cut, 0), "");
	assert_string_equal(json(t, &cut, 0), "null");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t n = 0; n <= 64; n++) {
			char *copy = calloc(1, MAX(n, (size_t)1));

			text(all[i], copy, n);
			json(all[i], copy, n);
			free(copy);
		}
	}
}

static void types_that_hold_themselves_end(void **state)
{
	struct type_member members[1];
	struct type t = { .kind = TYPE_STRUCT, .size = 8, .members = members, .nmembers = 1 };

	(void)state;
	members[0] = (struct type_member){ .name = "a", .type = &t };
	assert_true(strlen(text(&t, "12345678", 8)) > 0);
	members[0] = (struct type_member){ .name = NULL, .type = &t };
	text(&t, "12345678", 8);
}

static void value_records(void **state)
{
	struct buf out = { 0 };

	(void)state;
	env.format = OUT_TEXT;
	out_value_record(&out, &env, type_int(&types, 4, true), &(int32_t){ -3 }, 4);
	env.format = OUT_JSON;
	out_value_record(&out, &env, type_int(&types, 4, true), &(int32_t){ -3 }, 4);
	out_text_record(&out, "printf", "a\n", 2);
	assert_string_equal(out.data, "-3\n{\"type\": \"value\", \"data\": -3}\n"
				      "{\"type\": \"printf\", \"data\": \"a\\n\"}\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_all_widths),
		cmocka_unit_test(json_numbers_that_no_double_holds_are_strings),
		cmocka_unit_test(map_values_may_be_wider_than_their_type),
		cmocka_unit_test(bools_pointers_floats),
		cmocka_unit_test(enums_by_name_and_by_number),
		cmocka_unit_test(strings_end_at_nul_or_are_marked_as_cut),
		cmocka_unit_test(json_strings_are_escaped_and_valid_utf8),
		cmocka_unit_test(buffers_are_escaped_bytes),
		cmocka_unit_test(arrays_tuples_records),
		cmocka_unit_test(structs_with_all_that_c_has),
		cmocka_unit_test(located_fields_stay_inside),
		cmocka_unit_test(addresses_of_networks),
		cmocka_unit_test(symbols_by_name_alone),
		cmocka_unit_test(stacks_in_each_mode),
		cmocka_unit_test(stacks_have_no_more_frames_than_their_limit),
		cmocka_unit_test(names_of_users_probes_times),
		cmocka_unit_test(aggregations_as_values),
		cmocka_unit_test(cut_records_print_as_empty),
		cmocka_unit_test(types_that_hold_themselves_end),
		cmocka_unit_test(value_records),
	};

	return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
