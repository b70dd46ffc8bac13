/*
 * system(): a shell command whose output takes its place among the other output. Needs: sh.
 * Called by action.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/run_priv.h"

enum { OUTPUT_LIMIT = 64 << 20 };

extern char **environ;

/* The tracer blocks the signals that it reads from a descriptor and ignores SIGPIPE; a command
 * gets them as any other process has them. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, defaults;
	int err;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	err = posix_spawnattr_setsigmask(attr, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(attr, &defaults);
	if (!err)
		err = posix_spawnattr_setflags(attr,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return err;
}

static int start(const char *command, int out_fd, pid_t *ret_pid)
{
	char *const argv[] = { "sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	err = posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
	if (!err)
		err = set_signals(&attr);
	if (!err)
		err = posix_spawn(ret_pid, "/bin/sh", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

int command_run(const char *command, struct buf *out)
{
	int fds[2], status, err;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	err = start(command, fds[1], &pid);
	close(fds[1]);
	if (!err) {
		err = buf_read_fd(out, fds[0], OUTPUT_LIMIT);
		close(fds[0]); /* what it still has to say, it says to nobody */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} else {
		close(fds[0]);
	}
	return err;
}
