/*
 * Actions: what records ask user space to do, one row for each render kind. Needs: out, output,
 * command, the host's maps. Called by the host's drain, once for each record.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "run/run_priv.h"

/* How many records pass between looks at the signals while draining. */
enum { RECORDS_PER_LOOK = 4096 };

struct action {
	const struct image_site *site;
	uint32_t index; /* of the site */
	const char *record;
	size_t size;
};

typedef void action_fn(struct session *s, const struct action *a);

/* ---- reading records ---- */

static const struct type_member *member(const struct action *a, uint32_t i)
{
	const struct type *args = a->site->args;

	return args && i < args->nmembers ? &args->members[i] : NULL;
}

/* How many bytes of @m the record holds. */
static size_t member_bytes(const struct action *a, const struct type_member *m)
{
	return m->offset < a->size ? MIN(a->size - m->offset, (size_t)m->type->size) : 0;
}

static int64_t member_integer(const struct action *a, uint32_t i, int64_t otherwise)
{
	const struct type_member *m = member(a, i);
	int64_t n = 0;

	if (!m || m->type->size > sizeof(n) || member_bytes(a, m) < m->type->size)
		return otherwise;
	memcpy(&n, a->record + m->offset, m->type->size);
	return n;
}

/* ---- writing ---- */

/* The record's text, made in s->text. */
static bool format_text(struct session *s, const struct action *a)
{
	buf_clear(&s->text);
	out_printf(&s->text, &s->env, a->site, a->record, a->size);
	if (s->text.err)
		s->out.err = s->text.err;
	return !s->text.err && s->text.data;
}

/* s->text as the output of @a: as it stands, or as a JSON record. */
static void put_text(struct session *s, const char *type)
{
	const char *text = s->text.data ? s->text.data : "";

	if (s->text.err)
		s->out.err = s->text.err;
	else if (s->opt->format == OUT_JSON)
		out_text_record(&s->out, type, text, s->text.len);
	else
		buf_add(&s->out, text, s->text.len);
}

static void warn_at(struct session *s, const struct action *a, const char *what, int err)
{
	if (!s->opt->no_warnings)
		output_warn(s, a->site->span, NULL, "%s: %s", what, strerror(-err));
}

/* ---- the rows ---- */

static void do_printf(struct session *s, const struct action *a)
{
	if (s->opt->format == OUT_TEXT)
		out_printf(&s->out, &s->env, a->site, a->record, a->size);
	else if (format_text(s, a))
		put_text(s, "printf");
}

static void do_print(struct session *s, const struct action *a)
{
	const struct type_member *m = member(a, 0);

	if (m)
		out_value_record(&s->out, &s->env, m->type,
				 a->record + MIN((size_t)m->offset, a->size), member_bytes(a, m));
}

bool action_print_map(struct session *s, uint32_t map, int64_t top, int64_t div, const char *lead)
{
	struct out_map entries = { 0 };
	bool any;
	int err;

	if (map >= s->img->maps.n)
		return false;
	entries.map = &s->img->maps.v[map];
	err = s->host->ops->map_each(s->host, map, out_map_add, &entries);
	if (err < 0)
		output_warn(s, entries.map->span, NULL, "cannot read %s: %s", entries.map->name,
			    strerror(-err));
	any = err >= 0 && entries.n > 0;
	if (any)
		buf_puts(&s->out, lead);
	if (err >= 0)
		out_map_print(&s->out, &s->env, &entries, top, div);
	out_map_done(&entries);
	return any;
}

static void do_print_map(struct session *s, const struct action *a)
{
	action_print_map(s, a->site->map, a->site->top, a->site->div, "");
}

static void do_clear(struct session *s, const struct action *a)
{
	int err = s->host->ops->map_clear(s->host, a->site->map);

	if (err < 0)
		warn_at(s, a, "cannot clear the map", err);
}

static void do_zero(struct session *s, const struct action *a)
{
	int err = s->host->ops->map_zero(s->host, a->site->map);

	if (err < 0)
		warn_at(s, a, "cannot zero the map", err);
}

static void do_time(struct session *s, const struct action *a)
{
	const char *format = a->site->format ? a->site->format : "%H:%M:%S\n";

	buf_clear(&s->text);
	out_strftime(&s->text, &s->env, format, session_now());
	put_text(s, "time");
}

/* args: how many strings, then an array of them; the format is what stands between them. */
static void do_join(struct session *s, const struct action *a)
{
	const struct type_member *list = member(a, 1);
	const char *separator = a->site->format ? a->site->format : " ";
	int64_t n = member_integer(a, 0, 0);

	buf_clear(&s->text);
	if (list && list->type->kind == TYPE_ARRAY)
		n = MIN(n, (int64_t)list->type->count);
	else
		n = 0;
	for (int64_t i = 0; i < n; i++) {
		uint32_t size = list->type->elem->size;
		size_t at = list->offset + (size_t)i * size;

		if (at >= a->size)
			break;
		if (i)
			buf_puts(&s->text, separator);
		buf_add(&s->text, a->record + at,
			strnlen(a->record + at, MIN((size_t)size, a->size - at)));
	}
	if (s->opt->format == OUT_TEXT)
		buf_putc(&s->text, '\n');
	put_text(s, "join");
}

/* Appends at most @limit bytes of the file. 0 or -errno. */
static int read_some(const char *path, struct buf *out, size_t limit)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;

	if (fd < 0)
		return -errno;
	while (limit > 0) {
		size_t step = MIN(limit, (size_t)65536);
		char *p = buf_reserve(out, step);
		ssize_t n = p ? read(fd, p, step) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		out->len += n;
		limit -= n;
	}
	close(fd);
	return err;
}

static void do_cat(struct session *s, const struct action *a)
{
	struct buf content = { 0 };
	struct buf path;
	int err;

	if (!format_text(s, a))
		return;
	err = read_some(s->text.data, &content, s->opt->settings->value[SETTING_MAX_CAT_BYTES]);
	if (err && !s->opt->no_warnings)
		output_warn(s, a->site->span, NULL, "cannot read %s: %s", s->text.data,
			    strerror(-err));
	path = s->text;
	s->text = content;
	if (!err || content.len)
		put_text(s, "cat");
	s->text = path;
	buf_done(&content);
}

static void do_system(struct session *s, const struct action *a)
{
	struct buf said = { 0 };
	struct buf command;
	int err;

	if (!format_text(s, a))
		return;
	output_flush(s); /* the command may write to the same terminal by other ways */
	err = command_run(s->text.data, &said);
	if (err && !s->opt->no_warnings)
		output_warn(s, a->site->span, NULL, "cannot run the command: %s", strerror(-err));
	command = s->text;
	s->text = said;
	put_text(s, "syscall");
	s->text = command;
	buf_done(&said);
}

static void do_exit(struct session *s, const struct action *a)
{
	const struct image_globals *g = s->host->ops->globals(s->host);

	s->result->exit_code = (int)member_integer(a, 0, g ? g->exit_code : 0);
	s->ending = true;
}

static void put_warning_record(struct session *s, const struct action *a)
{
	struct place at = { 0 };

	if (s->img->sources && a->site->span.lo)
		at = sources_place(s->img->sources, a->site->span.lo);
	buf_puts(&s->out, "{\"type\": \"runtime_error\", \"msg\": ");
	out_json_string(&s->out, s->text.data, s->text.len);
	buf_puts(&s->out, ", \"filename\": ");
	out_json_string(&s->out, at.source ? at.source->name : "",
			at.source ? strlen(at.source->name) : 0);
	buf_printf(&s->out, ", \"line\": %u, \"col\": %u}\n", at.line, at.column);
}

/* Told once a call site: what goes wrong in a probe goes wrong a million times. */
static void do_warning(struct session *s, const struct action *a)
{
	if (s->opt->no_warnings || s->warned[a->index]++ || !format_text(s, a))
		return;
	if (s->opt->format == OUT_JSON)
		put_warning_record(s, a);
	else
		output_warn(s, a->site->span, NULL, "%s", s->text.data);
}

static action_fn *const rows[] = {
	[RENDER_PRINTF] = do_printf,       [RENDER_PRINT] = do_print,
	[RENDER_PRINT_MAP] = do_print_map, [RENDER_CLEAR] = do_clear,
	[RENDER_ZERO] = do_zero,           [RENDER_TIME] = do_time,
	[RENDER_JOIN] = do_join,           [RENDER_CAT] = do_cat,
	[RENDER_SYSTEM] = do_system,       [RENDER_EXIT] = do_exit,
	[RENDER_WARNING] = do_warning,
};

_Static_assert(ARRAY_LEN(rows) == RENDER_KIND_COUNT, "every render kind has a row");

int action_record(void *ctx, const void *record, size_t size)
{
	struct session *s = ctx;
	struct action a = { .record = record, .size = size };
	size_t start = s->out.len;

	if (++s->records >= RECORDS_PER_LOOK) {
		s->records = 0;
		session_signalled(s);
	}
	if (s->aborted)
		return -ECANCELED;
	if (size < sizeof(struct record_head) || s->result->write_error)
		return 0;
	memcpy(&a.index, record, sizeof(a.index));
	if (a.index >= s->img->sites.n)
		return 0;
	a.site = &s->img->sites.v[a.index];
	rows[a.site->kind](s, &a);
	output_done_record(s, MIN(start, s->out.len));
	return 0;
}
