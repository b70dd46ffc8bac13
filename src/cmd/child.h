/*
 * The processes that a run follows: the command of -c, which stands still at exec until all probes
 * are attached and is ended with us, or the process of -p, which is left alone.
 */
#ifndef SKEP_CMD_CHILD_H
#define SKEP_CMD_CHILD_H

#include <sys/types.h>

#include "base/buf.h"

struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* readable when it has ended; -1: none */
	bool is_ours;
	bool is_stopped; /* at exec, by ptrace */
};

#define CHILD_NONE ((struct child){ .pidfd = -1 })

/* child_start - forks @command (words as in a shell, no shell in between), stopped at exec.
 * 0, or -errno with a line in @why. */
int child_start(struct child *c, const char *command, struct buf *why);

/* child_follow - the running process whose number @text holds. */
int child_follow(struct child *c, const char *text, struct buf *why);

/* child_go - lets the command of -c go. 0 or -errno. */
int child_go(struct child *c);

/* child_done - ends (SIGTERM) and reaps the command of -c; closes descriptors. */
void child_done(struct child *c);

#endif
