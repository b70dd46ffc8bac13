/*
 * Builtins of time. See builtin.h.
 */
#include "lang/builtin.h"

static const struct clock {
	const char *name;
	uint32_t helper;
} clocks[] = {
	{ "boot", BPF_FUNC_ktime_get_boot_ns },
	{ "monotonic", BPF_FUNC_ktime_get_ns },
	{ "tai", BPF_FUNC_ktime_get_tai_ns },
};

/* nsecs(monotonic); without an argument, boot time */
static void check_nsecs(struct check *c, struct node *n)
{
	struct node *mode = node_kid(n, 0);
	size_t i = 0;

	n->number = 0;
	if (!mode)
		return;
	while (i < ARRAY_LEN(clocks) &&
	       (mode->kind != NODE_IDENT || !streq(mode->name, clocks[i].name)))
		i++;
	if (i == ARRAY_LEN(clocks))
		diag_error(c->diags, mode->span, "nsecs() takes boot, monotonic or tai");
	else if (clocks[i].helper == BPF_FUNC_ktime_get_tai_ns &&
		 c->s->env->target->kernel < KERNEL(6, 1))
		diag_error(c->diags, mode->span, "nsecs(tai) needs Linux 6.1: nsecs(boot) works");
	else
		n->number = i;
}

static struct value lower_nsecs(struct lower *l, struct node *n)
{
	return value_of_word(n->type, ir_call_helper0(l->f, clocks[n->number].helper));
}

static struct value lower_elapsed(struct lower *l, struct node *n)
{
	struct ir_value *now = ir_call_helper0(l->f, BPF_FUNC_ktime_get_boot_ns);
	struct ir_value *start = ir_load(l->f, IR_LOAD64,
					 globals(l, offsetof(struct image_globals, start_ns)), 0);

	return value_of_word(n->type, ir_binary(l->f, IR_SUB, now, start));
}

static void check_jiffies(struct check *c, struct node *n)
{
	if (c->s->env->target->kernel < KERNEL(5, 9))
		diag_error(c->diags, n->span, "jiffies needs Linux 5.9: nsecs works");
}

static struct value lower_jiffies(struct lower *l, struct node *n)
{
	return value_of_word(n->type, ir_call_helper0(l->f, BPF_FUNC_jiffies64));
}

static struct value lower_time(struct lower *l, struct node *n)
{
	const struct node *format = node_kid(n, 0);

	record_write(l, n,
		     (struct image_site){ .kind = RENDER_TIME,
					  .format = format ? format->text : "%H:%M:%S\n" },
		     0, 0);
	return value_nothing();
}

static void check_strftime(struct check *c, struct node *n)
{
	struct type *t = type_copy(c->s->types, type_simple(c->s->types, TYPE_TIMESTAMP, 0));
	const struct node *when = node_kid(n, 1);

	t->name = node_kid(n, 0)->text;
	n->type = t;
	if ((when->kind == NODE_CALL || when->kind == NODE_IDENT) && when->name &&
	    streq(when->name, "nsecs") && when->number != 0)
		diag_error(c->diags, when->span,
			   "strftime() takes boot time: nsecs, or nsecs(boot)");
}

static struct value lower_strftime(struct lower *l, struct node *n)
{
	return value_of_word(n->type, lower_word(l, node_kid(n, 1)));
}

const struct builtin builtin_time[] = {
	{ .name = "nsecs",
	  .sign = "(node?) -> uint64",
	  .flags = BUILTIN_VARIABLE,
	  .check = check_nsecs,
	  .lower = lower_nsecs,
	  .doc = "nanoseconds since boot",
	  .example = "@start[tid] = nsecs" },
	{ .name = "elapsed",
	  .sign = "uint64",
	  .lower = lower_elapsed,
	  .doc = "nanoseconds since tracing began",
	  .example = "print(elapsed)" },
	{ .name = "jiffies",
	  .sign = "uint64",
	  .check = check_jiffies,
	  .lower = lower_jiffies,
	  .doc = "the kernel's 64-bit jiffies",
	  .example = "print(jiffies)" },
	{ .name = "time",
	  .sign = "(text?) -> void",
	  .flags = BUILTIN_RECORD,
	  .lower = lower_time,
	  .doc = "prints the time of day",
	  .example = "time(\"%H:%M:%S\\n\")" },
	{ .name = "strftime",
	  .sign = "(text, int) -> *",
	  .check = check_strftime,
	  .lower = lower_strftime,
	  .doc = "a time since boot as text",
	  .example = "print(strftime(\"%H:%M:%S\", nsecs))" },
	{ 0 },
};
