/*
 * Scripts in one layout: a statement a line, tabs by depth, spaces around operators. Comments stay
 * where they are, lines that break inside an expression stay broken, blocks on one line stay so.
 * The tokens are never changed but for a ';' where a newline stood for it; so what comes out parses
 * to the same tree, and formatting it again changes nothing.
 */
#ifndef SKEP_LANG_FORMAT_H
#define SKEP_LANG_FORMAT_H

#include "base/buf.h"
#include "base/diag.h"

/* lang_format - appends the formatted text of @src to @out. 0, or -EINVAL with the reasons in
 * @diags; then @out is as it was. The caller checks out->err. */
int lang_format(struct arena *arena, const struct source *src, struct diags *diags,
		struct buf *out);

#endif
