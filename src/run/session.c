/*
 * A session, from load to the last map. Needs: a host, out. Called by cmd/.
 *
 *	load -> BEGIN -> attach -> wait and drain -> stop -> drain -> END -> drain -> maps
 *
 * Whatever ends it, all that is in the ring by then is still printed; only a second signal cuts
 * that short. Once the host has been loaded, it is always stopped.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run/run_priv.h"

/* While tracing, losses and new processes are looked at in intervals that begin short, for what
 * ends soon, and grow, because each look costs system calls. In ns. */
static const uint64_t look_first = 10000000, look_last = 1000000000;

/* ---- clocks ---- */

static uint64_t read_clock(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t session_now(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

/* ---- stacks ---- */

struct stack_request {
	uint64_t *frames;
	uint32_t max, value_size;
	int found;
};

/* A host_entry_fn: copies the frames of one struct stack_entry, as many as its map can hold. */
static int copy_stack(void *ctx, const void *key, const void *values, uint32_t n, uint32_t stride)
{
	struct stack_request *r = ctx;
	struct stack_entry entry;
	size_t head = offsetof(struct stack_entry, frames), room;

	(void)key;
	(void)stride;
	if (n == 0 || r->value_size < head)
		return 1;
	memcpy(&entry, values, head);
	room = (r->value_size - head) / sizeof(uint64_t);
	r->found = MIN(MIN((size_t)entry.nframes, room), (size_t)r->max);
	memcpy(r->frames, (const char *)values + head, r->found * sizeof(uint64_t));
	return 1;
}

static int find_stack(void *ctx, uint64_t id, uint64_t *frames, uint32_t max)
{
	struct session *s = ctx;
	struct stack_request r = { .frames = frames, .max = max };
	int map = image_role(s->img, MAP_STACKS), err;

	if (map < 0)
		return -ENOENT;
	r.value_size = s->img->maps.v[map].value_size;
	err = s->host->ops->map_lookup(s->host, map, &id, copy_stack, &r);
	return err < 0 ? err : r.found;
}

/* ---- signals ---- */

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

void session_signalled(struct session *s)
{
	char one[128]; /* a struct signalfd_siginfo; one read takes one signal */

	if (!is_readable(s->opt->stop_fd))
		return;
	if (read(s->opt->stop_fd, one, sizeof(one)) < 0)
		return;
	if (s->ending)
		s->aborted = true;
	s->ending = true;
}

/* ---- the steps ---- */

static int open_session(struct session *s, struct symbols *symbols)
{
	s->formats = out_formats_new(s->img);
	s->warned = calloc(MAX(s->img->sites.n, 1u), sizeof(*s->warned));
	s->env = (struct out_env){
		.format = s->opt->format,
		.formats = s->formats,
		.image = s->img,
		.settings = s->opt->settings,
		.symbols = symbols,
		.boot_ns = read_clock(CLOCK_REALTIME) - session_now(),
		.stack = find_stack,
		.stack_ctx = s,
	};
	return s->formats && s->warned ? 0 : -ENOMEM;
}

static void close_session(struct session *s)
{
	out_formats_free(s->formats);
	free(s->warned);
	pids_done(&s->seen);
	buf_done(&s->out);
	buf_done(&s->text);
}

/* exit() sets the stop word behind its record. Where that record found no room, the word is all
 * that we hear of it: @stopped is how it stood before the ring was found empty. */
static void look_for_exit(struct session *s, bool stopped)
{
	if (s->ending || !stopped)
		return;
	s->result->exit_code = (int)s->host->ops->globals(s->host)->exit_code;
	s->ending = true;
}

static bool is_stopped(const struct session *s)
{
	const struct image_globals *g = s->host->ops->globals(s->host);

	return g && __atomic_load_n(&g->stop, __ATOMIC_ACQUIRE);
}

/* Gives out what waits. Returns how many records that were, or -errno. */
static int drain_once(struct session *s)
{
	int n = s->host->ops->drain(s->host, action_record, s);

	return n == -ECANCELED ? 0 : n;
}

/* Drains until nothing is left: the host has stopped, so no more comes than was under way. */
static int drain_all(struct session *s)
{
	int n = 1;

	while (n > 0 && !s->aborted)
		n = drain_once(s);
	return n;
}

static uint32_t count_attaches(const struct image *img, bool at_ends)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < img->attaches.n; i++) {
		enum attach_kind kind = img->attaches.v[i].kind;

		n += (kind == ATTACH_BEGIN || kind == ATTACH_END) == at_ends;
	}
	return n;
}

static int run_begin(struct session *s)
{
	struct image_globals *g = s->host->ops->globals(s->host);
	int err;

	if (g)
		g->start_ns = session_now();
	err = s->host->ops->run(s->host, ATTACH_BEGIN);
	if (err < 0)
		return err;
	err = drain_once(s);
	look_for_exit(s, is_stopped(s));
	return err;
}

static void tell_attached(struct session *s, uint32_t n)
{
	if (s->opt->quiet)
		return;
	if (s->opt->format == OUT_JSON)
		buf_printf(&s->out,
			   "{\"type\": \"attached_probes\", \"count\": %u, "
			   "\"data\": {\"probes\": %u}}\n",
			   n, n);
	else
		output_tell(s, "Attached %u probe%s", n, n == 1 ? "" : "s");
}

/* A script that has ended in BEGIN attaches nothing. */
static int attach(struct session *s)
{
	bool missing_ok = s->opt->settings->value[SETTING_MISSING_PROBES] != 0;
	int n = 0;

	if (!s->ending && count_attaches(s->img, false))
		n = s->host->ops->attach(s->host, s->diags, missing_ok, NULL, NULL);
	if (n < 0)
		return n;
	for (uint32_t i = 0; n && i < s->img->attaches.n; i++)
		n += s->img->attaches.v[i].more;
	tell_attached(s, n + count_attaches(s->img, true));
	output_flush(s);
	return s->opt->started && !s->ending ? s->opt->started(s->opt->ctx) : 0;
}

/* Waits for records, a signal, or the end of the watched process. */
static void wait_for_something(struct session *s)
{
	struct pollfd fds[] = {
		{ .fd = s->host->ops->poll_fd(s->host), .events = POLLIN },
		{ .fd = s->opt->stop_fd, .events = POLLIN },
		{ .fd = s->opt->watch_fd, .events = POLLIN },
	};
	bool looks = image_role(s->img, MAP_LOSS) >= 0 || image_role(s->img, MAP_STACKS) >= 0;

	if (poll(fds, ARRAY_LEN(fds), looks ? (int)(s->interval / 1000000) : -1) <= 0)
		return;
	if (fds[1].revents)
		session_signalled(s);
	if (fds[2].revents)
		s->ending = true;
}

static void look_around(struct session *s)
{
	uint64_t now = session_now();

	if (now < s->next_look)
		return;
	loss_look(s);
	process_look(s);
	s->next_look = now + s->interval;
	s->interval = MIN(s->interval * 2, look_last);
}

static int trace(struct session *s)
{
	int n = 0;

	s->interval = look_first;

	while (!s->ending && n >= 0) {
		bool stopped;

		wait_for_something(s);
		stopped = is_stopped(s);
		n = drain_once(s);
		if (n == 0)
			look_for_exit(s, stopped);
		look_around(s);
		output_flush(s); /* idle, or the host gave us the time to see to it */
	}
	return n;
}

static int finish(struct session *s)
{
	int err = drain_all(s);

	if (err >= 0 && !s->aborted) {
		err = s->host->ops->run(s->host, ATTACH_END);
		if (err >= 0)
			err = drain_all(s);
	}
	output_flush(s);
	return err;
}

static int by_name(const void *left, const void *right)
{
	const struct image_map *a = *(const struct image_map *const *)left;
	const struct image_map *b = *(const struct image_map *const *)right;

	return strcmp(a->name, b->name);
}

/* The script's maps by name, two blank lines before the first that has something to show. */
static int print_maps(struct session *s)
{
	const struct image_map **maps = calloc(MAX(s->img->maps.n, 1u), sizeof(*maps));
	const char *lead = s->opt->format == OUT_TEXT ? "\n\n" : "";
	size_t n = 0;

	if (!maps)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->img->maps.n; i++)
		if (s->img->maps.v[i].role == MAP_USER)
			maps[n++] = &s->img->maps.v[i];
	qsort(maps, n, sizeof(*maps), by_name);
	for (size_t i = 0; i < n && !s->result->write_error; i++) {
		if (action_print_map(s, maps[i] - s->img->maps.v, 0, 0, lead))
			lead = "";
		output_done_record(s, 0);
	}
	free(maps);
	return 0;
}

static int conclude(struct session *s)
{
	int err = 0;

	if (s->aborted)
		return 0;
	if (s->opt->settings->value[SETTING_PRINT_MAPS_ON_EXIT])
		err = print_maps(s);
	loss_report(s);
	output_flush(s);
	return err;
}

/* Between load and stop. A dry run attaches, and runs nothing. */
static int run_loaded(struct session *s)
{
	int err = s->opt->dry_run ? 0 : run_begin(s);

	if (err >= 0)
		err = attach(s);
	if (err >= 0 && !s->opt->dry_run && count_attaches(s->img, false))
		err = trace(s);
	return err;
}

int session_run(struct host *host, const struct image *img, struct symbols *symbols,
		const struct session_options *opt, struct diags *diags, struct session_result *ret)
{
	struct session s = {
		.host = host,
		.img = img,
		.opt = opt,
		.diags = diags,
		.result = ret,
	};
	int err;

	*ret = (struct session_result){ 0 };
	err = open_session(&s, symbols);
	if (!err)
		err = host->ops->load(host, img, diags);
	if (!err) {
		err = run_loaded(&s);
		host->ops->stop(host);
		if (err >= 0 && !opt->dry_run)
			err = finish(&s);
		if (err >= 0 && !opt->dry_run)
			err = conclude(&s);
	}
	output_flush(&s);
	close_session(&s);
	return err < 0 ? err : 0;
}
