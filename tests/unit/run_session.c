/* Sessions, driven over a host that plays back: order, actions, ends, losses, failing sinks. */
#include "fake_host.h"

#include <stdio.h>

#include "run/session.h"

static struct fake_host host;
static struct session_options options;
static struct session_result result;
static struct buf written, told;
static int write_error, writes, starts;
static int stop_pipe[2], watch_pipe[2];

static int take(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	writes++;
	if (write_error)
		return write_error;
	buf_add(&written, data, len);
	return 0;
}

static void hear(void *ctx, const char *text)
{
	(void)ctx;
	buf_puts(&told, text);
}

static int start(void *ctx)
{
	(void)ctx;
	starts++;
	return 0;
}

static int setup(void **state)
{
	struct sources *sources;

	testing_setup(state);
	sources = arena_new(&arena, struct sources);
	sources->arena = &arena;
	sources_add(sources, "x.bt", "BEGIN { printf(\"a\"); }\nEND { }\n", 30);
	image->sources = sources;
	fake_start(&host);
	host.attached = 1;
	written = told = (struct buf){ 0 };
	write_error = writes = starts = 0;
	assert_int_equal(pipe(stop_pipe), 0);
	assert_int_equal(pipe(watch_pipe), 0);
	options = (struct session_options){ .settings = &settings,
					    .stop_fd = stop_pipe[0],
					    .watch_fd = watch_pipe[0],
					    .started = start,
					    .write = take,
					    .tell = hear };
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		close(stop_pipe[i]);
		close(watch_pipe[i]);
	}
	buf_done(&written);
	buf_done(&told);
	fake_done(&host);
	return testing_teardown(state);
}

/* ---- making images ---- */

static void attach_kind(enum attach_kind kind)
{
	vec_push(&arena, &image->attaches, (struct attach){ .kind = kind, .name = "probe" });
}

/* A site whose members start behind the record's head. */
static uint32_t site(enum render_kind kind, const char *format, const struct type *first,
		     const struct type *second)
{
	struct image_site s = { .kind = kind, .format = format, .span = { 9, 20 } };

	if (first) {
		struct type *args = type_copy(&types, testing_tuple(first, second));

		for (uint32_t i = 0; i < args->nmembers; i++)
			args->members[i].offset += sizeof(struct record_head);
		s.args = args;
	}
	return image_site_add(image, &s);
}

static const struct type *i64(void)
{
	return type_int(&types, 8, true);
}

static void number_record(enum fake_step step, uint32_t where, int64_t n)
{
	fake_record(&host, step, where, &n, sizeof(n));
}

static void exit_record(enum fake_step step, int64_t code)
{
	static uint32_t where;

	where = site(RENDER_EXIT, NULL, i64(), NULL);
	number_record(step, where, code);
}

static int run(void)
{
	struct diags diags;

	diags_init(&diags, &arena, image->sources);
	return session_run(&host.host, image, NULL, &options, &diags, &result);
}

static const char *text(const struct buf *b)
{
	return b->data ? b->data : "";
}

/* ---- order ---- */

static void steps_come_in_order(void **state)
{
	uint32_t p;

	(void)state;
	attach_kind(ATTACH_BEGIN);
	attach_kind(ATTACH_TRACEPOINT);
	attach_kind(ATTACH_END);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	number_record(FAKE_BEGIN, p, 1);
	number_record(FAKE_TRACE, p, 2);
	exit_record(FAKE_TRACE, 3);
	number_record(FAKE_TRACE, p, 4); /* was in the ring when exit() came */
	number_record(FAKE_STOP, p, 5);  /* was being written */
	number_record(FAKE_END, p, 6);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin attach stop end ");
	assert_string_equal(text(&written), "1\n2\n4\n5\n6\n");
	assert_string_equal(text(&told), "Attached 3 probes\n");
	assert_int_equal(result.exit_code, 3);
	assert_int_equal(result.lost, 0);
	assert_int_equal(starts, 1);
	assert_true(host.globals.start_ns > 0);
}

static void exit_in_begin_attaches_nothing(void **state)
{
	(void)state;
	attach_kind(ATTACH_BEGIN);
	attach_kind(ATTACH_TRACEPOINT);
	exit_record(FAKE_BEGIN, 7);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin stop end ");
	assert_string_equal(text(&told), "Attached 1 probe\n");
	assert_int_equal(result.exit_code, 7);
	assert_int_equal(starts, 0);
}

/* The record of exit() found no room; the word that stops all programs is still set. */
static void an_exit_whose_record_was_lost_still_ends(void **state)
{
	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	host.globals.stop = 1;
	host.globals.exit_code = 9;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin stop end ");
	assert_int_equal(result.exit_code, 9);
}

static void stop_word(struct fake_host *f, uint32_t n)
{
	if (n == 3)
		f->globals.stop = 1;
}

static void the_stop_word_ends_tracing_behind_its_records(void **state)
{
	uint32_t p;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	for (int i = 0; i < 5; i++)
		number_record(FAKE_TRACE, p, i);
	host.on_record = stop_word;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "0\n1\n2\n3\n4\n");
	assert_string_equal(text(&host.log), "load begin attach stop end ");
}

static void begin_and_end_alone_end_by_themselves(void **state)
{
	uint32_t p;

	(void)state;
	attach_kind(ATTACH_BEGIN);
	attach_kind(ATTACH_END);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	number_record(FAKE_BEGIN, p, 1);
	number_record(FAKE_END, p, 2);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin stop end ");
	assert_string_equal(text(&written), "1\n2\n");
}

static void a_dry_run_attaches_and_runs_nothing(void **state)
{
	(void)state;
	attach_kind(ATTACH_BEGIN);
	attach_kind(ATTACH_TRACEPOINT);
	options.dry_run = true;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load attach stop ");
	assert_string_equal(text(&written), "");
}

static void quiet_says_nothing(void **state)
{
	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	exit_record(FAKE_TRACE, 0);
	options.quiet = true;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&told), "");
	assert_string_equal(text(&written), "");
}

static void failures_stop_what_was_begun(void **state)
{
	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	host.attach_error = -EPERM;
	assert_int_equal(run(), -EPERM);
	assert_string_equal(text(&host.log), "load begin attach stop ");
	buf_clear(&host.log);
	host.load_error = -EINVAL;
	assert_int_equal(run(), -EINVAL);
	assert_string_equal(text(&host.log), "load ");
}

static void missing_probes_may_be_allowed(void **state)
{
	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	settings.value[SETTING_MISSING_PROBES] = 1;
	exit_record(FAKE_TRACE, 0);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin attach-what-is-there stop end ");
}

/* ---- how it ends ---- */

static void a_signal_ends_in_order(void **state)
{
	uint32_t p;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	number_record(FAKE_TRACE, p, 1);
	number_record(FAKE_STOP, p, 2);
	number_record(FAKE_END, p, 3);
	assert_int_equal(write(stop_pipe[1], "x", 1), 1);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "1\n2\n3\n");
	assert_int_equal(result.exit_code, 0);
}

static void the_end_of_the_watched_process_ends_it(void **state)
{
	uint32_t p;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	number_record(FAKE_STOP, p, 2);
	assert_int_equal(write(watch_pipe[1], "x", 1), 1);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "2\n");
}

/* Sends a signal before record 100 and another before record 20000. */
static void signal_twice(struct fake_host *f, uint32_t n)
{
	(void)f;
	if (n == 100 || n == 20000)
		assert_int_equal(write(stop_pipe[1], "x", 1), 1);
}

static void a_second_signal_ends_at_once(void **state)
{
	uint32_t p, lines = 0;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	for (int i = 0; i < 30000; i++)
		number_record(FAKE_TRACE, p, i);
	number_record(FAKE_END, p, -1);
	host.on_record = signal_twice;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin attach stop ");
	for (const char *c = text(&written); *c; c++)
		lines += *c == '\n';
	assert_in_range(lines, 20000, 20000 + 8192);
	assert_null(strstr(text(&written), "-1\n"));
}

static void signal_once(struct fake_host *f, uint32_t n)
{
	(void)f;
	if (n == 5)
		assert_int_equal(write(stop_pipe[1], "x", 1), 1);
}

static void a_signal_while_draining_loses_nothing(void **state)
{
	uint32_t p, lines = 0;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	for (int i = 0; i < 30000; i++)
		number_record(FAKE_TRACE, p, i);
	host.on_record = signal_once;
	host.per_drain = 1000;
	assert_int_equal(run(), 0);
	for (const char *c = text(&written); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 30000);
}

/* ---- the sink ---- */

static void a_failing_sink_ends_in_order(void **state)
{
	uint32_t p;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	for (int i = 0; i < 10; i++)
		number_record(FAKE_TRACE, p, i);
	write_error = -EPIPE;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin attach stop end ");
	assert_int_equal(result.write_error, -EPIPE);
	assert_int_equal(writes, 1); /* and is not tried again */
}

static void flushes_follow_the_policy(void **state)
{
	uint32_t line, part;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	line = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	part = site(RENDER_PRINTF, "%d ", i64(), NULL);
	for (int i = 0; i < 3; i++) {
		number_record(FAKE_TRACE, part, i);
		number_record(FAKE_TRACE, line, i);
	}
	exit_record(FAKE_TRACE, 0);
	assert_int_equal(run(), 0);
	assert_int_equal(writes, 1);
	for (int flush = FLUSH_LINE; flush <= FLUSH_NONE; flush++) {
		static const int expected[] = {
			[FLUSH_LINE] = 3, [FLUSH_FULL] = 1, [FLUSH_NONE] = 6
		};

		host.next = 0;
		host.reached = FAKE_BEGIN;
		writes = 0;
		options.flush = flush;
		assert_int_equal(run(), 0);
		assert_int_equal(writes, expected[flush]);
	}
}

/* ---- actions ---- */

static void printing_actions(void **state)
{
	const struct type *s16 = type_string(&types, 16);
	uint32_t joined = site(RENDER_JOIN, ",", i64(), type_array(&types, s16, 3));
	uint32_t print = site(RENDER_PRINT, NULL, s16, NULL);
	uint32_t when = site(RENDER_TIME, "%%H\n", NULL, NULL);
	struct {
		int64_t n;
		char s[3][16];
	} list = { 2, { "a b", "c", "d" } };

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	fake_record(&host, FAKE_BEGIN, print, "hello", 5); /* as long as it is */
	fake_record(&host, FAKE_BEGIN, joined, &list, sizeof(list));
	list.n = 1000;
	fake_record(&host, FAKE_BEGIN, joined, &list, sizeof(list) - 8);
	fake_record(&host, FAKE_BEGIN, when, NULL, 0);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "hello\na b,c\na b,c,d\n%H\n");
	host.next = 0;
	buf_clear(&written);
	options.format = OUT_JSON;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "{\"type\": \"value\", \"data\": \"hello\"}\n"
					    "{\"type\": \"join\", \"data\": \"a b,c\"}\n"
					    "{\"type\": \"join\", \"data\": \"a b,c,d\"}\n"
					    "{\"type\": \"time\", \"data\": \"%H\\n\"}\n");
}

static void cat_stops_at_its_limit(void **state)
{
	char path[] = "/tmp/skep-cat-XXXXXX", members[64] = { 0 };
	int fd = mkstemp(path);
	uint32_t cat = site(RENDER_CAT, "%s", type_string(&types, 64), NULL);

	(void)state;
	assert_int_equal(write(fd, "one\ntwo\n", 8), 8);
	close(fd);
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	strcpy(members, path);
	fake_record(&host, FAKE_BEGIN, cat, members, sizeof(members));
	fake_record(&host, FAKE_BEGIN, cat, "/nonexistent/x", 15);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "one\ntwo\n");
	assert_string_equal(text(&told),
			    "x.bt:1:9-19: WARNING: cannot read /nonexistent/x: No such "
			    "file or directory\nBEGIN { printf(\"a\"); }\n"
			    "        ^~~~~~~~~~~\n");
	host.next = 0;
	buf_clear(&written);
	settings.value[SETTING_MAX_CAT_BYTES] = 5;
	options.format = OUT_JSON;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "{\"type\": \"cat\", \"data\": \"one\\nt\"}\n");
	unlink(path);
}

static void system_output_stands_in_its_place(void **state)
{
	uint32_t p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	uint32_t sh = site(RENDER_SYSTEM, "echo %d; echo two; exit 3", i64(), NULL);

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	number_record(FAKE_BEGIN, p, 1);
	number_record(FAKE_BEGIN, sh, 42);
	number_record(FAKE_BEGIN, p, 2);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "1\n42\ntwo\n2\n");
	host.next = 0;
	buf_clear(&written);
	options.format = OUT_JSON;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "{\"type\": \"printf\", \"data\": \"1\\n\"}\n"
					    "{\"type\": \"syscall\", \"data\": \"42\\ntwo\\n\"}\n"
					    "{\"type\": \"printf\", \"data\": \"2\\n\"}\n");
}

static void warnings_are_told_once_a_site(void **state)
{
	uint32_t a = site(RENDER_WARNING, "the map is full: %d", i64(), NULL);
	uint32_t b = site(RENDER_WARNING, "division by 0", NULL, NULL);

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	for (int i = 0; i < 5; i++) {
		number_record(FAKE_BEGIN, a, i);
		fake_record(&host, FAKE_BEGIN, b, NULL, 0);
	}
	assert_int_equal(run(), 0);
	assert_string_equal(text(&told), "x.bt:1:9-19: WARNING: the map is full: 0\n"
					 "BEGIN { printf(\"a\"); }\n        ^~~~~~~~~~~\n"
					 "x.bt:1:9-19: WARNING: division by 0\n"
					 "BEGIN { printf(\"a\"); }\n        ^~~~~~~~~~~\n");
	host.next = 0;
	buf_clear(&told);
	options.format = OUT_JSON;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&told), "");
	assert_string_equal(text(&written),
			    "{\"type\": \"runtime_error\", \"msg\": \"the map is full: 0\", "
			    "\"filename\": \"x.bt\", \"line\": 1, \"col\": 9}\n"
			    "{\"type\": \"runtime_error\", \"msg\": \"division by 0\", "
			    "\"filename\": \"x.bt\", \"line\": 1, \"col\": 9}\n");
	host.next = 0;
	buf_clear(&written);
	options.no_warnings = true;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "");
	assert_string_equal(text(&told), "");
}

static void clear_and_zero_reach_the_host(void **state)
{
	uint32_t clear = site(RENDER_CLEAR, NULL, NULL, NULL),
		 zero = site(RENDER_ZERO, NULL, NULL, NULL);

	(void)state;
	attach_kind(ATTACH_BEGIN);
	image->sites.v[zero].map = 2;
	fake_record(&host, FAKE_BEGIN, zero, NULL, 0);
	fake_record(&host, FAKE_BEGIN, clear, NULL, 0);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&host.log), "load begin zero2 clear0 stop end ");
}

static void records_that_make_no_sense_are_passed_over(void **state)
{
	uint32_t p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	struct fake_record tiny = { .step = FAKE_BEGIN, .size = 4 };

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	fake_record(&host, FAKE_BEGIN, 4711, NULL, 0);
	vec_push(&arena, &host.records, tiny);
	fake_record(&host, FAKE_BEGIN, p, NULL, 0);
	number_record(FAKE_BEGIN, p, 5);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "\n5\n");
}

/* ---- maps ---- */

static uint32_t user_map(const char *name, const struct type *key, const struct type *value,
			 uint32_t value_size)
{
	return image_map_add(image, &(struct image_map){ .name = name,
							 .role = MAP_USER,
							 .key = key,
							 .value = value,
							 .key_size = key ? 8 : 4,
							 .value_size = value_size });
}

static void fill_maps(void)
{
	uint32_t x = user_map("@x", NULL, i64(), 16), unset = user_map("@none", NULL, i64(), 16);
	uint32_t keyed = user_map("@", i64(), i64(), 8);

	user_map("@empty", i64(), i64(), 8);
	fake_entry(&host, x, "\0\0\0", 4, ((int64_t[2]){ 5, 1 }), 16, 1);
	fake_entry(&host, unset, "\0\0\0", 4, ((int64_t[2]){ 5, 0 }), 16, 1);
	fake_entry(&host, keyed, &(int64_t){ 2 }, 8, &(int64_t){ 20 }, 8, 1);
	fake_entry(&host, keyed, &(int64_t){ 1 }, 8, &(int64_t){ 10 }, 8, 1);
}

static void maps_are_printed_at_the_end_by_name(void **state)
{
	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	fill_maps();
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "\n\n@[1]: 10\n@[2]: 20\n@x: 5\n");
	buf_clear(&written);
	options.format = OUT_JSON;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written),
			    "{\"type\": \"map\", \"data\": {\"@\": {\"1\": 10, \"2\": 20}}}\n"
			    "{\"type\": \"map\", \"data\": {\"@x\": 5}}\n");
	buf_clear(&written);
	settings.value[SETTING_PRINT_MAPS_ON_EXIT] = 0;
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "");
}

static void print_of_a_map_reads_it_then(void **state)
{
	uint32_t print = site(RENDER_PRINT_MAP, NULL, NULL, NULL);

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	fill_maps();
	settings.value[SETTING_PRINT_MAPS_ON_EXIT] = 0;
	image->sites.v[print].map = 2;
	image->sites.v[print].top = 1;
	image->sites.v[print].div = 5;
	fake_record(&host, FAKE_BEGIN, print, NULL, 0);
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "@[2]: 4\n");
}

static void stacks_come_from_their_map(void **state)
{
	struct type kstack = { .kind = TYPE_KSTACK,
			       .size = sizeof(struct stack_value),
			       .align = 8 };
	uint32_t print = site(RENDER_PRINT, NULL, &kstack, NULL), stacks;
	struct stack_value v = { .id = 77, .limit = 100 };
	struct {
		uint32_t n, pid;
		uint64_t frames[3];
	} entry = { 3, 0, { 0x1001, 0x1002, 0x1003 } };

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	stacks = image_map_add(image, &(struct image_map){ .name = ".stacks",
							   .role = MAP_STACKS,
							   .key_size = 8,
							   .value_size = sizeof(entry) });
	fake_entry(&host, stacks, &v.id, 8, &entry, sizeof(entry), 1);
	fake_record(&host, FAKE_BEGIN, print, &v, sizeof(v));
	assert_int_equal(run(), 0);
	assert_string_equal(text(&written), "\n        kernel_fn+1\n        kernel_fn+2\n"
					    "        kernel_fn+3\n\n");
	/* an entry that claims more frames than it can hold has what it can hold */
	memcpy(host.entries.v[0].values, &(uint32_t){ 1000000 }, 4);
	host.next = 0;
	buf_clear(&written);
	assert_int_equal(run(), 0);
	assert_int_equal(strlen(text(&written)), 1 + 3 * 20 + 1);
}

/* Each process that a user stack came from is looked at once, while it may still be there. */
static void processes_of_stacks_are_looked_at_while_tracing(void **state)
{
	uint32_t stacks, p = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	int marker;

	(void)state;
	attach_kind(ATTACH_TRACEPOINT);
	stacks = image_map_add(image, &(struct image_map){ .name = ".stacks",
							   .role = MAP_STACKS,
							   .key_size = 8,
							   .value_size = 16 });
	for (uint64_t id = 1; id <= 300; id++) {
		uint32_t entry[4] = { 1, id % 100 };

		fake_entry(&host, stacks, &id, 8, entry, sizeof(entry), 1);
	}
	number_record(FAKE_TRACE, p, 1);
	exit_record(FAKE_TRACE, 0);
	assert_int_equal(
		session_run(&host.host, image, (struct symbols *)&marker, &options, NULL, &result),
		0);
	assert_int_equal(strncmp(text(&seen), "1 2 3 4 5 ", 10), 0);
	for (int i = 0, n = 0; i < (int)seen.len; i++) {
		n += seen.data[i] == ' ';
		assert_true(n <= 99);
	}
	assert_non_null(strstr(text(&seen), " 99 "));
}

/* ---- losses ---- */

static uint64_t sum_told(const char *line_start)
{
	uint64_t sum = 0;

	for (const char *at = text(&told); at && *at; at = strchr(at, '\n'), at += at ? 1 : 0)
		if (strncmp(at, line_start, strlen(line_start)) == 0)
			sum += strtoull(at + strlen(line_start), NULL, 10);
	return sum;
}

static void losses_are_told_by_site_and_add_up(void **state)
{
	uint32_t a = site(RENDER_PRINTF, "%d\n", i64(), NULL),
		 b = site(RENDER_PRINTF, "b\n", NULL, NULL),
		 again = site(RENDER_PRINTF, "%d\n", i64(), NULL); /* the same call */
	uint32_t map = image_map_add(
		image, &(struct image_map){ .role = MAP_LOSS, .key_size = 4, .value_size = 8 });

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	number_record(FAKE_BEGIN, a, 1);
	fake_entry(&host, map, &a, 4, ((uint64_t[2]){ 3, 4 }), 16, 2); /* two CPUs */
	fake_entry(&host, map, &b, 4, ((uint64_t[2]){ 0, 1 }), 16, 2);
	fake_entry(&host, map, &again, 4, ((uint64_t[2]){ 2, 0 }), 16, 2);
	image->sites.v[b].span = (struct span){ 28, 31 };
	assert_int_equal(run(), 0);
	assert_int_equal(result.lost, 10);
	assert_int_equal(sum_told("Lost "), 10);
	assert_non_null(strstr(text(&told), "x.bt:1:9-19: WARNING: lost 9 events of this call\n"));
	assert_non_null(strstr(text(&told), "x.bt:2:5-7: WARNING: lost 1 event of this call\n"));
	assert_non_null(strstr(text(&told), "\nTotal lost: 10 events\n"));
	assert_string_equal(text(&written), "1\n");
}

static void json_tells_losses_as_records(void **state)
{
	uint32_t a = site(RENDER_PRINTF, "%d\n", i64(), NULL);
	uint32_t map = image_map_add(
		image, &(struct image_map){ .role = MAP_LOSS, .key_size = 4, .value_size = 8 });

	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.format = OUT_JSON;
	fake_entry(&host, map, &a, 4, &(uint64_t){ 5 }, 8, 1);
	assert_int_equal(run(), 0);
	assert_string_equal(
		text(&written),
		"{\"type\": \"attached_probes\", \"count\": 1, \"data\": {\"probes\": 1}}\n"
		"{\"type\": \"lost_events\", \"count\": 5, \"data\": {\"events\": 5}}\n");
}

static void other_losses_count_too(void **state)
{
	(void)state;
	attach_kind(ATTACH_BEGIN);
	options.quiet = true;
	vec_push(&arena, &image->progs, (struct image_prog){ .name = "p" });
	host.missed[0] = 4;
	host.globals.stack_lost = 2;
	host.globals.scratch_lost = 1;
	assert_int_equal(run(), 0);
	assert_int_equal(result.lost, 7);
	assert_non_null(strstr(text(&told), "missed 4 events"));
	assert_non_null(strstr(text(&told), "lost 2 stacks"));
	assert_non_null(strstr(text(&told), "lost 1 event: probes interrupted"));
	assert_non_null(strstr(text(&told), "Total lost: 7 events\n"));
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(steps_come_in_order),
		session_test(exit_in_begin_attaches_nothing),
		session_test(an_exit_whose_record_was_lost_still_ends),
		session_test(the_stop_word_ends_tracing_behind_its_records),
		session_test(begin_and_end_alone_end_by_themselves),
		session_test(a_dry_run_attaches_and_runs_nothing),
		session_test(quiet_says_nothing),
		session_test(failures_stop_what_was_begun),
		session_test(missing_probes_may_be_allowed),
		session_test(a_signal_ends_in_order),
		session_test(the_end_of_the_watched_process_ends_it),
		session_test(a_second_signal_ends_at_once),
		session_test(a_signal_while_draining_loses_nothing),
		session_test(a_failing_sink_ends_in_order),
		session_test(flushes_follow_the_policy),
		session_test(printing_actions),
		session_test(cat_stops_at_its_limit),
		session_test(system_output_stands_in_its_place),
		session_test(warnings_are_told_once_a_site),
		session_test(clear_and_zero_reach_the_host),
		session_test(records_that_make_no_sense_are_passed_over),
		session_test(maps_are_printed_at_the_end_by_name),
		session_test(print_of_a_map_reads_it_then),
		session_test(stacks_come_from_their_map),
		session_test(processes_of_stacks_are_looked_at_while_tracing),
		session_test(losses_are_told_by_site_and_add_up),
		session_test(json_tells_losses_as_records),
		session_test(other_losses_count_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
