/*
 * The way to the sink: one buffer, given out when it is full, when nothing more waits, or by the
 * line. Needs: diag (to show a place). Called by all of run/.
 *
 * A sink that fails (a closed pipe, a full disk) is not tried again: the session ends in order
 * and what comes after goes nowhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/run_priv.h"

enum { FULL = 64 * 1024 };

void output_flush(struct session *s)
{
	int err = s->out.err;

	if (!err && s->out.len && !s->result->write_error)
		err = s->opt->write(s->opt->ctx, s->out.data, s->out.len);
	buf_clear(&s->out);
	if (err && !s->result->write_error) {
		s->result->write_error = err;
		s->ending = true;
	}
}

void output_done_record(struct session *s, size_t start)
{
	bool now = s->out.len >= FULL || s->out.err;

	if (s->out.len > start && !now) {
		if (s->opt->flush == FLUSH_NONE)
			now = true;
		else if (s->opt->flush == FLUSH_LINE)
			now = memchr(s->out.data + start, '\n', s->out.len - start);
	}
	if (now)
		output_flush(s);
}

static void tell(struct session *s, struct buf *text)
{
	output_flush(s);
	if (!text->err && text->len)
		s->opt->tell(s->opt->ctx, text->data);
	buf_done(text);
}

void output_tell(struct session *s, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	buf_putc(&text, '\n');
	tell(s, &text);
}

void output_warn(struct session *s, struct span at, const char *hint, const char *fmt, ...)
{
	const struct diags list = { .sources = s->img->sources };
	struct diag one = { .level = DIAG_WARNING, .span = at };
	struct buf message = { 0 }, text = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&message, fmt, args);
	va_end(args);
	one.text = message.data ? message.data : "out of memory";
	if (hint) {
		one.hints.v = &hint;
		one.hints.n = 1;
	}
	diag_render(&text, &list, &one, false);
	tell(s, &text);
	buf_done(&message);
}
