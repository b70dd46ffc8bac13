/* -l: lists probes by pattern, or those that a script would attach. Called by main. */
#include <string.h>
#include <unistd.h>

#include "cmd/child.h"
#include "cmd/unit.h"

static int print(const struct unit *u, struct buf *text)
{
	int err = text->err ? text->err : write_all(STDOUT_FILENO, text->data, text->len);

	return err ? complain(u->opt, "cannot write: %s", strerror(-err)) : EXIT_DONE;
}

static int list_script(struct unit *u)
{
	struct lang_options lang = { .settings = u->settings, .list_only = true };
	struct lang_result result = { 0 };
	struct buf text = { 0 };
	int status = unit_read(u);

	if (!status)
		status = unit_compile(u, &lang, &result);
	for (uint32_t i = 0; i < result.probes.n; i++)
		buf_printf(&text, "%s\n", result.probes.v[i]);
	if (!status)
		status = print(u, &text);
	buf_done(&text);
	return status;
}

static int list_pattern(struct unit *u, const char *pattern)
{
	struct buf text = { 0 };
	int err = probe_list(&u->env, pattern, u->opt->verbose, &text);
	int status;

	unit_report(u);
	if (err)
		status = EXIT_FAILED;
	else
		status = print(u, &text);
	buf_done(&text);
	return status;
}

static int set_pid(struct unit *u)
{
	struct child process = CHILD_NONE;
	struct buf why = { 0 };
	int err = child_follow(&process, u->opt->pid, &why);

	if (err)
		complain(u->opt, "%s", why.data ? why.data : strerror(-err));
	u->env.pid = process.pid;
	child_done(&process);
	buf_done(&why);
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* An argument without ':' and '*' that names a readable file is a script. */
static bool is_script(const char *argument)
{
	return !strpbrk(argument, ":*") && !strchr(argument, ' ') && access(argument, R_OK) == 0;
}

static int list(struct unit *u, void *state)
{
	const struct options *opt = u->opt;
	int status = opt->pid ? set_pid(u) : EXIT_DONE;

	(void)state;
	if (status)
		return status;
	if (opt->script || (opt->nargs && is_script(opt->args[0])))
		return list_script(u);
	return list_pattern(u, opt->nargs ? opt->args[0] : NULL);
}

int cmd_list(const struct options *opt)
{
	return unit_run(opt, list, NULL);
}
