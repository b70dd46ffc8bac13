/*
 * Reasons, as the caller of the library gets them, and errors as they leave it.
 * Needs: diagnostics. Called by all of api/.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"

void why_clear(struct skep_why *why)
{
	if (why)
		why->text[0] = '\0';
}

void why_text(struct skep_why *why, const char *text, size_t len)
{
	if (!why)
		return;
	len = MIN(len, sizeof(why->text) - 1);
	while (len && text[len - 1] == '\n')
		len--;
	memcpy(why->text, len ? text : "", len);
	why->text[len] = '\0';
}

void why_diags(struct skep_why *why, const struct diags *diags)
{
	struct buf text = { 0 };

	for (const struct diag *one = diags->first; one && why; one = one->next)
		if (one->level == DIAG_ERROR)
			diag_render(&text, diags, one, false);
	why_text(why, text.data, text.len);
	buf_done(&text);
}

int why_printf(struct skep_why *why, int err, const char *fmt, ...)
{
	va_list args;

	if (why) {
		va_start(args, fmt);
		vsnprintf(why->text, sizeof(why->text), fmt, args);
		va_end(args);
	}
	return err;
}

int api_error(int err)
{
	return err == -MAP_ENOTSUPP ? -EOPNOTSUPP : err;
}

int why_error(struct skep_why *why, int err)
{
	err = api_error(err);
	if (err < 0 && why && !why->text[0])
		why_printf(why, err, "%s",
			   strerrordesc_np(-err) ? strerrordesc_np(-err) : "failed");
	return err;
}

const char *skep_version(void)
{
	return SKEP_VERSION;
}
