/* The command of -c and the process of -p. See child.h. Called by trace.c. */
#include "cmd/child.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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

/* Stops itself at exec: the tracer attaches to the program that it becomes, and can look at its
 * mappings, before its first instruction. */
static NORETURN void run_command(char **words)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		execvp(words[0], words);
	_exit(127);
}

/* Waits for the stop at exec; -ECHILD when the command ended instead. */
static int wait_for_exec(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSTOPPED(status) ? 0 : -ECHILD;
}

static int start_words(struct child *c, char **words, struct buf *why)
{
	int err;

	if (!can_run(words[0])) {
		buf_printf(why, "cannot run '%s': no such program, or it may not be executed",
			   words[0]);
		return -ENOENT;
	}
	c->pid = fork();
	if (c->pid == 0)
		run_command(words);
	err = c->pid < 0 ? -errno : wait_for_exec(c->pid);
	if (err) {
		c->pid = 0;
		buf_printf(why, "cannot start '%s': %s", words[0],
			   err == -ECHILD ? "it did not come to exec" : strerror(-err));
		return err;
	}
	c->is_ours = c->is_stopped = true;
	c->pidfd = open_pidfd(c->pid);
	if (c->pidfd < 0)
		buf_printf(why, "cannot follow '%s': %s", words[0], strerror(-c->pidfd));
	return MIN(c->pidfd, 0);
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
	if (!c->is_stopped)
		return 0;
	c->is_stopped = false;
	return ptrace(PTRACE_DETACH, c->pid, NULL, NULL) < 0 ? -errno : 0;
}

/* A command that ignores SIGTERM is not waited for longer than this. */
enum { PATIENCE_MS = 1000 };

static void end_command(struct child *c)
{
	struct pollfd ended = { .fd = c->pidfd, .events = POLLIN };

	kill(c->pid, SIGTERM);
	child_go(c);
	if (poll(&ended, 1, PATIENCE_MS) == 0)
		kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

void child_done(struct child *c)
{
	if (c->is_ours)
		end_command(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	*c = CHILD_NONE;
}
