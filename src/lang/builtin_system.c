/*
 * Builtins that act: exit, signal. See builtin.h.
 */
#include "lang/builtin.h"

#include <signal.h>

/* ---- exit ---- */

static struct value lower_exit(struct lower *l, struct node *n)
{
	const struct node *code = node_kid(n, 0);

	record_exit(l, n, code ? lower_word(l, code) : word_const(l, 0));
	l->leaves = true;
	ir_jump(l->f, l->leave);
	return value_nothing();
}

/* ---- signal ---- */

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },       { "QUIT", SIGQUIT },   { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT },     { "BUS", SIGBUS },     { "FPE", SIGFPE },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV },   { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM },     { "TERM", SIGTERM },   { "CHLD", SIGCHLD },
	{ "CONT", SIGCONT }, { "STOP", SIGSTOP },     { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU }, { "URG", SIGURG },       { "XCPU", SIGXCPU },   { "XFSZ", SIGXFSZ },
	{ "PROF", SIGPROF }, { "VTALRM", SIGVTALRM }, { "WINCH", SIGWINCH }, { "IO", SIGIO },
	{ "PWR", SIGPWR },   { "SYS", SIGSYS },
};

enum { SIGNAL_MAX = 64 };

/* By name, with or without SIG; 0: unknown. */
static int signal_number(const char *name)
{
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (streq(signals[i].name, name))
			return signals[i].number;
	return 0;
}

static void check_signal(struct check *c, struct node *n)
{
	const struct node *which = node_kid(n, 0);
	int64_t number;

	n->number = 0;
	if (which->kind == NODE_STRING) {
		n->number = signal_number(which->text);
		if (!n->number)
			diag_error(c->diags, which->span, "%s is not a signal", which->text);
	} else if (!type_is_int(which->type)) {
		diag_error(c->diags, which->span,
			   "signal only accepts string literals or integers ('%s' provided)",
			   type_name(c->s->types, which->type));
	} else if (node_constant(which, &number) && (number < 1 || number > SIGNAL_MAX)) {
		diag_error(c->diags, which->span, "%lld is not a signal", (long long)number);
	}
}

static struct ir_value *signal_word(struct lower *l, const struct node *n)
{
	return n->number ? word_const(l, n->number) : lower_word(l, node_kid(n, 0));
}

static struct value lower_signal(struct lower *l, struct node *n)
{
	ir_call_helper(l->f, BPF_FUNC_send_signal, signal_word(l, n));
	return value_nothing();
}

static struct value lower_signal_thread(struct lower *l, struct node *n)
{
	ir_call_helper(l->f, BPF_FUNC_send_signal_thread, signal_word(l, n));
	return value_nothing();
}

const struct builtin builtin_system[] = {
	{ .name = "exit",
	  .sign = "(int?) -> void",
	  .lower = lower_exit,
	  .doc = "ends the session, with a status",
	  .example = "exit(1)" },
	{ .name = "signal",
	  .sign = "(any) -> void",
	  .flags = BUILTIN_UNSAFE,
	  .check = check_signal,
	  .lower = lower_signal,
	  .doc = "sends a signal to the process that runs",
	  .example = "signal(\"KILL\")" },
	{ .name = "signal_thread",
	  .sign = "(any) -> void",
	  .flags = BUILTIN_UNSAFE,
	  .check = check_signal,
	  .lower = lower_signal_thread,
	  .doc = "sends a signal to the thread that runs",
	  .example = "signal_thread(\"USR1\")" },
	{ 0 },
};
