/* Classic BPF: text and numbers there and back, what is refused, what filters give. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/cbpf.h"
#include "bpf/form.h"

struct fixture {
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources;
	struct diags diags;
	struct cbpf prog;
	int err;
};

static void read_bytes(struct fixture *x, const char *text, size_t len)
{
	memset(x, 0, sizeof(*x));
	arena_init(&x->arena, &x->no_memory);
	x->sources.arena = &x->arena;
	diags_init(&x->diags, &x->arena, &x->sources);
	x->err = cbpf_read(&x->prog, sources_add(&x->sources, "t", text, len), &x->diags);
	assert_int_equal(x->err != 0, x->diags.errors != 0);
}

static void read_text(struct fixture *x, const char *text)
{
	read_bytes(x, text, strlen(text));
}

static void done(struct fixture *x)
{
	arena_done(&x->arena);
}

static void assert_insns(const struct fixture *x, const struct cinsn *insns, size_t n)
{
	if (x->err)
		fail_msg("refused: %s", x->diags.first->text);
	assert_int_equal(x->prog.n, n);
	assert_memory_equal(x->prog.v, insns, n * sizeof(*insns));
}

/* ---- there and back ---- */

typedef void writer(struct buf *out, const struct cinsn *insns, size_t n);

static void as_tcpdump(struct buf *out, const struct cinsn *insns, size_t n)
{
	cbpf_list(out, insns, n, CBPF_TCPDUMP);
}

static void as_asm(struct buf *out, const struct cinsn *insns, size_t n)
{
	cbpf_list(out, insns, n, CBPF_ASM);
}

static void as_raw(struct buf *out, const struct cinsn *insns, size_t n)
{
	buf_add(out, insns, n * sizeof(*insns));
}

static writer *const writers[] = { as_tcpdump,         as_asm,       cbpf_write_bytecode,
				   cbpf_write_decimal, cbpf_write_c, as_raw };

/* Reads what is written; unless it has labels, jump targets may be anywhere. */
static void assert_comes_back(const struct cinsn *insns, size_t n, bool labels)
{
	for (size_t w = 0; w < ARRAY_LEN(writers); w++) {
		struct buf text = { 0 };
		struct fixture x;

		if (writers[w] == as_asm && !labels)
			continue;
		writers[w](&text, insns, n);
		read_bytes(&x, text.data, text.len);
		assert_insns(&x, insns, n);
		done(&x);
		buf_done(&text);
	}
}

static void every_code_with_any_fields_comes_back(void **state)
{
	static const uint32_t ks[] = { 0,          1,          12,         0x7fffffff, 0x80000000,
				       0xfffff000, 0xfffff038, 0xfffff0ff, 0xffffffff };

	(void)state;
	for (unsigned code = 0; code < 260; code++) {
		for (size_t k = 0; k < ARRAY_LEN(ks); k++) {
			struct cinsn insns[3] = { { (uint16_t)code, 0, 0, ks[k] },
						  { (uint16_t)code, 0, 255, ks[k] },
						  { (uint16_t)code, 7, 0, ks[k] } };

			assert_comes_back(insns, 3, false);
		}
	}
}

static void checked_filters_come_back_from_every_form(void **state)
{
	static const struct cinsn filter[] = {
		{ 0x28, 0, 0, 12 }, { 0x15, 0, 4, 0x800 },      { 0x30, 0, 0, 23 },
		{ 0x15, 1, 2, 6 },  { 0x20, 0, 0, 0xfffff000 }, { 0x06, 0, 0, 0xffffffff },
		{ 0x16, 0, 0, 0 },  { 0x05, 0, 0, 0 },          { 0x06, 0, 0, 0 },
	};

	(void)state;
	assert_comes_back(filter, ARRAY_LEN(filter), true);
	assert_int_equal(cbpf_check(filter, ARRAY_LEN(filter), CBPF_SOCKET, NULL, NULL), 0);
}

/* ---- texts ---- */

static void assert_lists(const struct cinsn *insns, size_t n, enum cbpf_text form, const char *text)
{
	struct buf out = { 0 };

	cbpf_list(&out, insns, n, form);
	assert_string_equal(out.data, text);
	buf_done(&out);
}

static const struct cinsn http[] = {
	{ 0x28, 0, 0, 12 },         { 0x15, 0, 6, 0x800 },  { 0x30, 0, 0, 0xfffff004 },
	{ 0xb1, 0, 0, 14 },         { 0x48, 0, 0, 16 },     { 0x15, 0, 2, 80 },
	{ 0x04, 0, 0, 0xfffffff0 }, { 0x06, 0, 0, 262144 }, { 0x06, 0, 0, 0 },
};

static void listings_are_the_usual_ones(void **state)
{
	(void)state;
	assert_lists(http, ARRAY_LEN(http), CBPF_TCPDUMP,
		     "(000) ldh      [12]\n"
		     "(001) jeq      #0x800           jt 2\tjf 8\n"
		     "(002) ldb      [type]\n"
		     "(003) ldxb     4*([14]&0xf)\n"
		     "(004) ldh      [x + 16]\n"
		     "(005) jeq      #0x50            jt 6\tjf 8\n"
		     "(006) add      #-16\n"
		     "(007) ret      #262144\n"
		     "(008) ret      #0\n");
	assert_lists(http, ARRAY_LEN(http), CBPF_ASM,
		     "l0:\tldh [12]\n"
		     "l1:\tjeq #0x800, l2, l8\n"
		     "l2:\tldb type\n"
		     "l3:\tldxb 4*([14]&0xf)\n"
		     "l4:\tldh [x + 16]\n"
		     "l5:\tjeq #0x50, l6, l8\n"
		     "l6:\tadd #-16\n"
		     "l7:\tret #262144\n"
		     "l8:\tret #0\n");
}

static void assert_assembles(const char *text, const struct cinsn *insns, size_t n)
{
	struct fixture x;

	read_text(&x, text);
	assert_insns(&x, insns, n);
	done(&x);
}

#define ASSEMBLES(text, ...)                                          \
	assert_assembles(text, (const struct cinsn[]){ __VA_ARGS__ }, \
			 sizeof((const struct cinsn[]){ __VA_ARGS__ }) / sizeof(struct cinsn))

static void spellings_of_bpf_asm(void **state)
{
	(void)state;
	ASSEMBLES("ldh [12] ; ether type\njne #0x806, drop\nret #-1\ndrop: ret #0\n",
		  { 0x28, 0, 0, 12 }, { 0x15, 0, 1, 0x806 }, { 0x06, 0, 0, -1u }, { 6, 0, 0, 0 });
	ASSEMBLES("jlt #5, a, b\na: ret a\nb: ret %a", { 0x35, 1, 0, 5 }, { 0x16, 0, 0, 0 },
		  { 0x16, 0, 0, 0 });
	ASSEMBLES("jle x, a\nret #0\na: ret #1", { 0x2d, 0, 1, 0 }, { 6, 0, 0, 0 }, { 6, 0, 0, 1 });
	ASSEMBLES("ld len\nld #len\nld #pktlen", { 0x80, 0, 0, 0 }, { 0x80, 0, 0, 0 },
		  { 0x80, 0, 0, 0 });
	ASSEMBLES("ld vlan_avail\nldb #rand\nldh [poff]", { 0x20, 0, 0, 0xfffff030 },
		  { 0x30, 0, 0, 0xfffff038 }, { 0x28, 0, 0, 0xfffff034 });
	ASSEMBLES("ldi #0x10\nldxi #010\nldx 4*([2]&0xf)\nldx M[ 3 ]", { 0, 0, 0, 16 },
		  { 1, 0, 0, 8 }, { 0xb1, 0, 0, 2 }, { 0x61, 0, 0, 3 });
	ASSEMBLES("/* a\n comment */ LDB [ X + 0xff ] // more\n add %x\n jmp end\nend:\nret #0b11",
		  { 0x50, 0, 0, 255 }, { 0x0c, 0, 0, 0 }, { 5, 0, 0, 0 }, { 6, 0, 0, 3 });
	ASSEMBLES("ldb [-4096]", { 0x30, 0, 0, 0xfffff000 });
}

static void numbers_as_others_write_them(void **state)
{
	const struct cinsn two[] = { { 48, 0, 0, 9 }, { 6, 0, 0, 1 } };

	(void)state;
	assert_assembles("2,48 0 0 9,6 0 0 1,", two, 2);
	assert_assembles("2\n48 0 0 9\n6 0 0 1\n", two, 2);
	assert_assembles("tc filter add dev a parent 1: bpf bytecode '2,48 0 0 9,6 0 0 1'", two, 2);
	assert_assembles("{ 0x30,  0,  0, 0x00000009 },\n{ 0x6, 0, 0, 1 },\n", two, 2);
	assert_assembles("struct sock_filter f[] = { /* { */\n{48,0,0,9}, // ldb\n{6,0,0,1} };",
			 two, 2);
}

/* ---- refusals ---- */

static void refused(const char *text, const char *message)
{
	struct fixture x;

	read_text(&x, text);
	if (!x.err)
		fail_msg("%s is taken", text);
	assert_string_equal(x.diags.first->text, message);
	done(&x);
}

static void wrong_texts_are_refused_with_the_reason(void **state)
{
	(void)state;
	refused("ldq [1]", "there is no instruction ldq");
	refused("ld 12", "[OFFSET] or the name of an extension is expected here");
	refused("ld [x + y]", "a number is expected here");
	refused("add", "#NUMBER is expected here");
	refused("ld #1 2", "the end of the line is expected here");
	refused("ld #0x100000000", "a number of at most 32 bits is expected here");
	refused("jeq #1, nowhere\nret #0", "there is no label nowhere");
	refused("a: ret #0\nja a", "a lies behind; filters jump forward only");
	refused("a: ld #0\na: ret #0", "the label a is already defined");
	refused("jeq #1, 300\nret #0",
		"a conditional jump reaches the next 256 instructions, not 300");
	refused(".insn 1, 256, 0, 0", "a number up to 255 is expected here");
	refused("3,6 0 0 0", "it says 3 instructions and has 1");
	refused("1,6 0 0 0,6 0 0 0", "there is more than it says");
	refused("1,6 0 256 0", "the number is too big for its field");
	refused("{ 6, 0, 0 }", "',' is expected here");
}

static void broken_bytes_are_refused(void **state)
{
	struct fixture x;

	(void)state;
	read_bytes(&x, "\x06\0\0\0\0\0\0", 7);
	assert_int_equal(x.err, -EINVAL);
	done(&x);
}

static void any_cut_and_changed_byte_is_survived(void **state)
{
	static const char *const texts[] = {
		"(000) ldh [12]\nx: jeq #0x800 jt 2 jf 5\nldxb 4*([14]&0xf)\njne x, x, y\nld proto",
		"2,48 0 0 9,6 0 0 1,",
		"{ 0x30, 0, 0, 9 }, /* x */ { 6, 0, 0, 1 }",
	};
	char copy[128];

	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		for (size_t i = 0; i < strlen(texts[t]); i++) {
			struct fixture x;

			read_bytes(&x, texts[t], i);
			done(&x);
			for (unsigned c = 0; c < 256; c += 3) {
				strcpy(copy, texts[t]);
				copy[i] = (char)c;
				read_bytes(&x, copy, strlen(texts[t]));
				done(&x);
			}
		}
	}
}

/* ---- checks ---- */

static void check_refuses(const char *text, enum cbpf_use use, size_t at, const char *reason)
{
	struct buf why = { 0 };
	struct fixture x;
	size_t where = 99;

	read_text(&x, text);
	assert_int_equal(x.err, 0);
	assert_int_equal(cbpf_check(x.prog.v, x.prog.n, use, &where, &why), -EINVAL);
	assert_string_equal(why.data, reason);
	assert_int_equal(where, at);
	buf_done(&why);
	done(&x);
}

static void checks_say_why(void **state)
{
	(void)state;
	check_refuses("ld #0", CBPF_SOCKET, 0, "the last instruction is no ret");
	check_refuses("ld #0\nret x", CBPF_SOCKET, 1, "Linux has no \"ret x\"");
	check_refuses("div #0\nret a", CBPF_SOCKET, 0, "it divides by zero");
	check_refuses("lsh #32\nret a", CBPF_SOCKET, 0, "it shifts by 32, over 31");
	check_refuses("st M[16]\nret a", CBPF_SOCKET, 0, "memory has words 0 to 15, not 16");
	check_refuses("ja 9\nret a", CBPF_SOCKET, 0, "it jumps past the end");
	check_refuses("jeq #0, 1, 2\nret a", CBPF_SOCKET, 0, "it jumps past the end");
	check_refuses("ld [-4032]\nret a", CBPF_SOCKET, 0, "there is no extension number 64");
	check_refuses(".insn 0x99, 0, 0, 0\nret a", CBPF_SOCKET, 0,
		      "0x99 is no code of classic BPF");
	check_refuses("jeq #1, 1, 2\nst M[3]\nld M[3]\nret a", CBPF_SOCKET, 2,
		      "M[3] is read but not written on every way there");
	check_refuses("ldh [0]\nret a", CBPF_SECCOMP, 0,
		      "a seccomp filter may not have code 0x28 (ldh)");
	check_refuses("ld [64]\nret a", CBPF_SECCOMP, 0,
		      "offset 64 is no word of struct seccomp_data (0, 4, ... 60)");
	assert_int_equal(cbpf_check(NULL, 0, CBPF_SOCKET, NULL, NULL), -EINVAL);
}

/* ---- running ---- */

static uint32_t run_on(const char *text, const struct cbpf_packet *p)
{
	struct fixture x;
	uint32_t result;

	read_text(&x, text);
	if (x.err)
		fail_msg("refused: %s", x.diags.first->text);
	assert_int_equal(cbpf_check(x.prog.v, x.prog.n, CBPF_SOCKET, NULL, NULL), 0);
	result = cbpf_run(x.prog.v, p);
	done(&x);
	return result;
}

static uint32_t run(const char *text)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 0x45, 6, 7, 8 };
	const struct cbpf_packet p = { .head = bytes,
				       .end = sizeof(bytes),
				       .length = 100,
				       .network = 4,
				       .has_link = true,
				       .has_device = true,
				       .ext = { [0] = 0x800, [2] = 3, [9] = 7 } };

	return run_on(text, &p);
}

static void filters_give_what_they_should(void **state)
{
	(void)state;
	assert_int_equal(run("ld [0]\nret a"), 0x01020304);
	assert_int_equal(run("ldh [6]\nret a"), 0x0708);
	assert_int_equal(run("ldx #3\nldb [x + 1]\nret a"), 0x45);
	assert_int_equal(run("ldx #-1\nldb [x + 1]\nret a"), 1);
	assert_int_equal(run("ldxb 4*([4]&0xf)\ntxa\nret a"), 20);
	assert_int_equal(run("ld len\nret a"), 100);
	assert_int_equal(run("ld [-0x100000]\nret a"), 0x45060708);
	assert_int_equal(run("ldb [-0x200000]\nret a"), 1);
	assert_int_equal(run("ldh proto\nret a"), 0x800);
	assert_int_equal(run("ld cpu\nret a"), 7);
	assert_int_equal(run("ld ifidx\nret a"), 3);
	assert_int_equal(run("ldi #6\nldx #3\nld xor_x\nret a"), 5);
	assert_int_equal(run("ldx #33\nldi #1\nlsh x\nret a"), 2);
	assert_int_equal(run("ldi #7\nst M[15]\nldx M[15]\nneg\nsub x\nret a"), (uint32_t)-14);
	assert_int_equal(run("ldi #7\nldx #4\nmod x\nret a"), 3);
	assert_int_equal(run("ldi #7\njgt #0x80000000, 2, 3\nret #1\nret #2"), 2);
}

static void what_fails_gives_zero(void **state)
{
	(void)state;
	assert_int_equal(run("ld [5]\nret #9"), 0);
	assert_int_equal(run("ldb [8]\nret #9"), 0);
	assert_int_equal(run("ldx #-2\nldh [x + 0]\nret #9"), 0);
	assert_int_equal(run("ldi #7\ndiv x\nret #9"), 0);
	assert_int_equal(run("ldi #7\nmod x\nret #9"), 0);
	assert_int_equal(run("ld [0x7fffffff]\nret #9"), 0);
}

static void a_packet_without_device_ends_the_filter(void **state)
{
	const struct cbpf_packet p = { .head = (const uint8_t *)"" };

	(void)state;
	assert_int_equal(run_on("ldi #5\nld ifidx\nret #9", &p), 5);
	assert_int_equal(run_on("ldi #5\nld hatype\nret #9", &p), 5);
	assert_int_equal(run_on("ldb [-0x200000]\nret #9", &p), 0);
}

static void attributes_are_found(void **state)
{
	static const uint8_t bytes[] = { 5,  0, 1, 0,    9, 0, 0, 0, /* type 1 */
					 12, 0, 2, 0x80, 8, 0, 7, 0, /* type 2, with 7 inside */
					 1,  2, 3, 4 };
	const struct cbpf_packet p = { .head = bytes, .end = sizeof(bytes) };

	(void)state;
	assert_int_equal(run_on("ldx #2\nld nla\nret a", &p), 8);
	assert_int_equal(run_on("ldx #3\nld nla\nret a", &p), 0);
	assert_int_equal(run_on("ldi #8\nldx #7\nld nlan\nret a", &p), 12);
	assert_int_equal(run_on("ldi #18\nldx #7\nld nla\nret a", &p), 0);
}

/* ---- translation ---- */

static void cannot_translate(const char *text, enum cbpf_way way, const char *reason)
{
	const struct cbpf_translate opt = { .way = way };
	struct insn *insns;
	struct fixture x;
	size_t n;

	read_text(&x, text);
	assert_int_equal(cbpf_translate(x.prog.v, x.prog.n, &opt, &insns, &n, &x.diags),
			 -EOPNOTSUPP);
	assert_string_equal(x.diags.first->text, reason);
	done(&x);
}

static void what_ebpf_lacks_is_named(void **state)
{
	(void)state;
	cannot_translate("ldi #1\nld nla\nret a", CBPF_LEGACY,
			 "instruction 1: nla has no counterpart in eBPF");
	cannot_translate("ld mark\nret a", CBPF_XDP,
			 "instruction 0: mark has no counterpart in XDP programs");
}

static void translations_are_whole_programs(void **state)
{
	static const char *const texts[] = {
		"ld [4]\nret a",
		"ldx #1\nldh [x + 7]\ndiv x\nret a",
		"jeq #1, 1, 2\nret #3\nret #4",
		"ld [0x7fffffff]\nld cpu\nret a",
		"ja 2\nld #1\nret #2",
		"ldxb 4*([9]&0xf)\nret a",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (int way = CBPF_LEGACY; way <= CBPF_TC; way++) {
			const struct cbpf_translate opt = { way, way == CBPF_XDP, 2, 1 };
			struct insn *insns;
			struct fixture x;
			size_t n, at;

			read_text(&x, texts[i]);
			assert_int_equal(
				cbpf_translate(x.prog.v, x.prog.n, &opt, &insns, &n, &x.diags), 0);
			assert_int_equal(insn_check_prog(insns, n, &at, NULL), 0);
			done(&x);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_with_any_fields_comes_back),
		cmocka_unit_test(checked_filters_come_back_from_every_form),
		cmocka_unit_test(listings_are_the_usual_ones),
		cmocka_unit_test(spellings_of_bpf_asm),
		cmocka_unit_test(numbers_as_others_write_them),
		cmocka_unit_test(wrong_texts_are_refused_with_the_reason),
		cmocka_unit_test(broken_bytes_are_refused),
		cmocka_unit_test(any_cut_and_changed_byte_is_survived),
		cmocka_unit_test(checks_say_why),
		cmocka_unit_test(filters_give_what_they_should),
		cmocka_unit_test(what_fails_gives_zero),
		cmocka_unit_test(a_packet_without_device_ends_the_filter),
		cmocka_unit_test(attributes_are_found),
		cmocka_unit_test(what_ebpf_lacks_is_named),
		cmocka_unit_test(translations_are_whole_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
