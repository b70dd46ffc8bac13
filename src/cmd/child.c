/* The command of -c and the process of -p. See child.h. Called by trace.c. */
#include "cmd/child.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

enum { PID_LIMIT = 0x400000 }; /* PID_MAX_LIMIT of include/linux/threads.h */

static int open_pidfd(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

/* The program that execvp() would run for @name, so that a wrong name is told before tracing. */
static bool can_run(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	for (path = path ? path : "/usr/bin:/bin"; *path; path += strspn(path, ":")) {
		size_t len = strcspn(path, ":");

		if (len + strlen(name) + 2 <= sizeof(file)) {
			memcpy(file, path, len);
			file[len] = '/';
			strcpy(file + len + 1, name);
			if (access(file, X_OK) == 0)
				return true;
		}
		path += len;
	}
	return false;
}

static NORETURN void run_command(char **words, int wait_fd)
{
	sigset_t none;
	char byte;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Nothing comes when the tracer gave up: its end of the pipe closes. */
	if (read(wait_fd, &byte, 1) != 1)
		_exit(127);
	execvp(words[0], words);
	_exit(127);
}

static int start_words(struct child *c, char **words, struct buf *why)
{
	int ends[2], err;

	if (!can_run(words[0])) {
		buf_printf(why, "cannot run '%s': no such program, or it may not be executed",
			   words[0]);
		return -ENOENT;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		goto failed;
	c->pid = fork();
	if (c->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		c->pid = 0;
		goto failed;
	}
	if (c->pid == 0) {
		close(ends[1]);
		run_command(words, ends[0]);
	}
	close(ends[0]);
	c->go = ends[1];
	c->is_ours = true;
	c->pidfd = open_pidfd(c->pid);
	if (c->pidfd >= 0)
		return 0;
	errno = -c->pidfd;
failed:
	err = -errno;
	buf_printf(why, "cannot start '%s': %s", words[0], strerror(errno));
	return err;
}

int child_start(struct child *c, const char *command, struct buf *why)
{
	wordexp_t words;
	int err;

	*c = CHILD_NONE;
	if (wordexp(command, &words, WRDE_NOCMD) || !words.we_wordc) {
		buf_printf(why, "cannot split '%s' into words: it wants plain words and quotes",
			   command);
		return -EINVAL;
	}
	err = start_words(c, words.we_wordv, why);
	wordfree(&words);
	return err;
}

int child_follow(struct child *c, const char *text, struct buf *why)
{
	char *end;
	long pid;

	*c = CHILD_NONE;
	errno = 0;
	pid = strtol(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno) {
		buf_printf(why, "pid '%s' is not a valid decimal number", text);
		return -EINVAL;
	}
	if (pid < 1 || pid > PID_LIMIT) {
		buf_printf(why, "pid '%s' out of valid pid range [1,%d]", text, PID_LIMIT);
		return -EINVAL;
	}
	c->pidfd = open_pidfd(pid);
	if (c->pidfd < 0) {
		buf_printf(why, "cannot follow pid %ld: %s", pid, strerror(-c->pidfd));
		return c->pidfd;
	}
	c->pid = pid;
	return 0;
}

int child_go(struct child *c)
{
	int err = 0;

	if (c->go < 0)
		return 0;
	if (write(c->go, "", 1) != 1)
		err = -errno;
	close(c->go);
	c->go = -1;
	return err;
}

/* A command that ignores SIGTERM is not waited for longer than this. */
enum { PATIENCE_MS = 1000 };

static void end_command(struct child *c)
{
	struct pollfd ended = { .fd = c->pidfd, .events = POLLIN };

	kill(c->pid, SIGTERM);
	if (poll(&ended, 1, PATIENCE_MS) == 0)
		kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

void child_done(struct child *c)
{
	if (c->go >= 0)
		close(c->go);
	if (c->is_ours)
		end_command(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	*c = CHILD_NONE;
}
