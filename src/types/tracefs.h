/*
 * The kernel's tracefs, read through one directory descriptor: the mount at /sys/kernel/tracing
 * or /sys/kernel/debug/tracing where there is one, else a private mount (fsopen, fsmount) that
 * shows nowhere and goes with the descriptor. Tests give a directory of files instead.
 */
#ifndef SKEP_TYPES_TRACEFS_H
#define SKEP_TYPES_TRACEFS_H

#include "base/buf.h"

struct tracefs {
	int dirfd;        /* -1: not opened yet */
	const char *root; /* a directory that stands in for tracefs, or NULL */
};

/* tracefs_read - appends the file at @path (relative, such as "available_events"). Opens tracefs
 * on first use. 0 or -errno (-EACCES, -EPERM: see tracefs_why). */
int tracefs_read(struct tracefs *fs, const char *path, struct buf *out);

/* tracefs_open - the directory descriptor, or -errno. */
int tracefs_open(struct tracefs *fs);
void tracefs_done(struct tracefs *fs);

/* tracefs_why - one line for a user: why @err (errno or -errno) came, and what to do about it. */
const char *tracefs_why(int err);

#endif
