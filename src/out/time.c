/*
 * Times as text. The clock of records counts from boot; the wall clock at boot makes dates of
 * it. Needs: libc's strftime. Called by value.c and run/.
 */
#include <stdio.h>
#include <time.h>

#include "out/out_priv.h"

enum { STRFTIME_MAX = 1024 };

/* @format with %f replaced by six digits of microseconds, which strftime does not know. */
static void expand_micros(struct buf *out, const char *format, uint32_t micros)
{
	for (const char *p = format; *p; p++) {
		if (p[0] != '%' || p[1] == '\0') {
			buf_putc(out, *p);
			continue;
		}
		p++;
		if (*p == 'f') {
			buf_printf(out, "%06u", micros);
		} else {
			buf_putc(out, '%');
			buf_putc(out, *p);
		}
	}
}

void out_strftime(struct buf *out, const struct out_env *env, const char *format, uint64_t ns)
{
	uint64_t wall = env->boot_ns + ns;
	time_t seconds = wall / 1000000000;
	struct buf full = { 0 };
	char text[STRFTIME_MAX];
	struct tm tm;

	expand_micros(&full, format, wall % 1000000000 / 1000);
	if (full.err)
		out->err = full.err;
	else if (full.len && localtime_r(&seconds, &tm))
		buf_add(out, text, strftime(text, sizeof(text), full.data, &tm));
	buf_done(&full);
}
