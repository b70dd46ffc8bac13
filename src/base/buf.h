/*
 * A growing byte buffer on the heap, for text and binary that is written piece by piece.
 *
 * Writing never returns a status: the first failure sticks in `err` (-ENOMEM) and later
 * writes do nothing, so a writer checks once at the end. `data` is always followed by a NUL
 * that `len` does not count. The owner calls buf_done().
 */
#ifndef SKEP_BASE_BUF_H
#define SKEP_BASE_BUF_H

#include <stdarg.h>

#include "base/base.h"

struct buf {
	char *data;
	size_t len, cap;
	int err;
};

void buf_done(struct buf *b);
/* buf_clear - forgets the content and the error, keeps the memory. */
void buf_clear(struct buf *b);
/* buf_reserve - room for @extra more bytes; a pointer to it, or NULL (err is set). The caller
 * adds what it used to len itself. */
char *buf_reserve(struct buf *b, size_t extra);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
/* buf_pad - @count times the byte @c. */
void buf_pad(struct buf *b, char c, size_t count);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/* buf_read_fd - appends all that @fd has, at most @limit bytes (-EFBIG beyond it). 0 or -errno. */
int buf_read_fd(struct buf *b, int fd, size_t limit);
/* buf_read_file - the same for the file at @path, relative to @dirfd (AT_FDCWD allowed). */
int buf_read_file(struct buf *b, int dirfd, const char *path, size_t limit);

#endif
