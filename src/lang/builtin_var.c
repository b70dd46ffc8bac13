/*
 * Builtin variables: who runs, where, and random numbers. See builtin.h.
 */
#include "lang/builtin.h"

/* ---- words that a helper gives ---- */

static struct value helper_word(struct lower *l, const struct node *n, uint32_t helper)
{
	return value_of_word(n->type, ir_call_helper0(l->f, helper));
}

static struct value lower_cpu(struct lower *l, struct node *n)
{
	return helper_word(l, n, BPF_FUNC_get_smp_processor_id);
}

static struct value lower_numaid(struct lower *l, struct node *n)
{
	return helper_word(l, n, BPF_FUNC_get_numa_node_id);
}

static struct value lower_rand(struct lower *l, struct node *n)
{
	return helper_word(l, n, BPF_FUNC_get_prandom_u32);
}

static struct value lower_cgroup(struct lower *l, struct node *n)
{
	return helper_word(l, n, BPF_FUNC_get_current_cgroup_id);
}

static struct value lower_ncpus(struct lower *l, struct node *n)
{
	return value_of_word(n->type, word_const(l, l->s->env->target->ncpus));
}

/* ---- ids ---- */

static struct ir_value *low_half(struct lower *l, struct ir_value *v)
{
	return ir_unary(l->f, IR_ZEXT32, v);
}

static struct ir_value *high_half(struct lower *l, struct ir_value *v)
{
	return ir_binary(l->f, IR_LSHR, v, word_const(l, 32));
}

/*
 * The host fills in the device of the tracer's pid namespace, 0 for the first one: the kernel's
 * verifier then drops the branch that is not taken. struct bpf_pidns_info { u32 tid, pid; } read
 * as a word is what the plain helper gives.
 */
struct ir_value *lower_pid_tgid(struct lower *l)
{
	struct ir_block *plain = block_new(l, "plain"), *inside = block_new(l, "pidns"),
			*done = block_new(l, "pids");
	struct ir_value *dev = ir_image_param(l->f, PARAM_PIDNS_DEV), *slot = temp_slot(l, 8);
	struct ir_var *var = ir_var_new(l->f, "pids");

	ir_branch(l->f, dev, inside, plain);
	block_start(l, plain);
	ir_var_set(l->f, var, ir_call_helper0(l->f, BPF_FUNC_get_current_pid_tgid));
	ir_jump(l->f, done);
	block_start(l, inside);
	ir_call_helper(l->f, BPF_FUNC_get_ns_current_pid_tgid, dev,
		       ir_image_param(l->f, PARAM_PIDNS_INO), slot, word_const(l, 8));
	ir_var_set(l->f, var, ir_load(l->f, IR_LOAD64, slot, 0));
	block_start(l, done);
	return ir_var_get(l->f, var);
}

/* pid(init), tid(curr_ns) */
static void check_pid(struct check *c, struct node *n)
{
	struct node *mode = node_kid(n, 0);

	n->number = 0;
	if (!mode)
		return;
	if (mode->kind != NODE_IDENT ||
	    !(streq(mode->name, "init") || streq(mode->name, "curr_ns")))
		diag_error(c->diags, mode->span, "%s() takes init or curr_ns", n->name);
	else
		n->number = streq(mode->name, "init");
}

static struct ir_value *pids(struct lower *l, const struct node *n)
{
	return n->number ? ir_call_helper0(l->f, BPF_FUNC_get_current_pid_tgid) : lower_pid_tgid(l);
}

static struct value lower_pid(struct lower *l, struct node *n)
{
	return value_of_word(n->type, high_half(l, pids(l, n)));
}

static struct value lower_tid(struct lower *l, struct node *n)
{
	return value_of_word(n->type, low_half(l, pids(l, n)));
}

static struct value lower_uid(struct lower *l, struct node *n)
{
	struct ir_value *ids = ir_call_helper0(l->f, BPF_FUNC_get_current_uid_gid);

	return value_of_word(n->type, low_half(l, ids));
}

static struct value lower_gid(struct lower *l, struct node *n)
{
	struct ir_value *ids = ir_call_helper0(l->f, BPF_FUNC_get_current_uid_gid);

	return value_of_word(n->type, high_half(l, ids));
}

static void check_username(struct check *c, struct node *n)
{
	n->type = type_simple(c->s->types, TYPE_USERNAME, 0);
}

static struct value lower_cpid(struct lower *l, struct node *n)
{
	return value_of_word(n->type, word_const(l, l->s->opt->child_pid));
}

static void check_cpid(struct check *c, struct node *n)
{
	if (!c->s->opt->child_pid)
		diag_warning(c->diags, n->span, "cpid is 0: there is no command of -c");
}

static struct value lower_has_cpid(struct lower *l, struct node *n)
{
	return value_of_word(n->type, word_const(l, l->s->opt->child_pid != 0));
}

/* ---- names ---- */

enum { COMM_SIZE = 16 };

static void check_comm(struct check *c, struct node *n)
{
	n->type = type_string(c->s->types, COMM_SIZE);
}

static struct ir_value *comm_into(struct lower *l, struct node *n, struct dest to)
{
	(void)n;
	if (to.padded)
		zero_bytes(l, to.base, to.offset, to.type->size);
	ir_call_helper(l->f, BPF_FUNC_get_current_comm, word_add(l, to.base, to.offset),
		       word_const(l, COMM_SIZE));
	return NULL;
}

/* ---- the task ---- */

static const struct type *task_type(struct check *c, struct node *n)
{
	const struct type *t;

	script_btf(c->s);
	t = type_find(c->s->types, "struct task_struct");
	if (!t)
		diag_error(c->diags, n->span,
			   "%s needs the kernel's types (BTF), which are not "
			   "at hand",
			   n->name);
	return t;
}

static void check_curtask(struct check *c, struct node *n)
{
	const struct type *t;

	script_btf(c->s);
	t = type_find(c->s->types, "struct task_struct");
	n->type = t ? type_pointer(c->s->types, t, SPACE_KERNEL) : type_int(c->s->types, 8, false);
}

static struct value lower_curtask(struct lower *l, struct node *n)
{
	return helper_word(l, n, BPF_FUNC_get_current_task);
}

/* curtask->real_parent->@member, its type and offset in n->bound's place: looked up again here,
 * where the checker has made sure of it. */
static struct value parent_member(struct lower *l, const char *member)
{
	const struct type *task = type_find(l->s->types, "struct task_struct");
	struct type_member parent, m;
	struct value v = { .place = VALUE_KERNEL,
			   .v = ir_call_helper0(l->f, BPF_FUNC_get_current_task) };

	task = type_complete(l->s->types, task);
	type_member(l->s->types, task, "real_parent", &parent);
	type_member(l->s->types, task, member, &m);
	v.type = parent.type;
	v.offset = parent.offset;
	v.v = value_word(l, v);
	v.type = m.type;
	v.offset = m.offset;
	return v;
}

static bool check_parent(struct check *c, struct node *n, const char *member)
{
	const struct type *task = task_type(c, n);
	struct type_member m;

	if (!task)
		return false;
	task = type_complete(c->s->types, task);
	if (type_member(c->s->types, task, "real_parent", &m) && m.type->kind == TYPE_POINTER &&
	    type_member(c->s->types, task, member, &m))
		return true;
	diag_error(c->diags, n->span, "the kernel's struct task_struct has no %s", member);
	return false;
}

static void check_ppid(struct check *c, struct node *n)
{
	check_parent(c, n, "tgid");
}

static struct value lower_ppid(struct lower *l, struct node *n)
{
	return value_of_word(n->type, low_half(l, value_word(l, parent_member(l, "tgid"))));
}

static void check_pcomm(struct check *c, struct node *n)
{
	if (check_parent(c, n, "comm"))
		n->type = type_string(c->s->types, COMM_SIZE);
}

static struct value lower_pcomm(struct lower *l, struct node *n)
{
	struct value v = parent_member(l, "comm");

	v.type = n->type;
	return v;
}

const struct builtin builtin_var[] = {
	{ .name = "pid",
	  .sign = "(node?) -> uint32",
	  .flags = BUILTIN_VARIABLE,
	  .check = check_pid,
	  .lower = lower_pid,
	  .doc = "process id (thread group)",
	  .example = "@[pid] = count()" },
	{ .name = "tid",
	  .sign = "(node?) -> uint32",
	  .flags = BUILTIN_VARIABLE,
	  .check = check_pid,
	  .lower = lower_tid,
	  .doc = "thread id",
	  .example = "@start[tid] = nsecs" },
	{ .name = "uid",
	  .sign = "uint32",
	  .lower = lower_uid,
	  .doc = "user id",
	  .example = "/uid == 0/" },
	{ .name = "gid",
	  .sign = "uint32",
	  .lower = lower_gid,
	  .doc = "group id",
	  .example = "@[gid] = count()" },
	{ .name = "username",
	  .sign = "*",
	  .check = check_username,
	  .lower = lower_uid,
	  .doc = "name of the user id",
	  .example = "print(username)" },
	{ .name = "comm",
	  .sign = "*",
	  .flags = BUILTIN_INLINE,
	  .check = check_comm,
	  .into = comm_into,
	  .doc = "name of the thread",
	  .example = "@[comm] = count()" },
	{ .name = "cpu",
	  .sign = "uint32",
	  .lower = lower_cpu,
	  .doc = "the CPU that runs",
	  .example = "@[cpu] = count()" },
	{ .name = "ncpus",
	  .sign = "uint64",
	  .lower = lower_ncpus,
	  .doc = "how many CPUs there are",
	  .example = "print(ncpus)" },
	{ .name = "numaid",
	  .sign = "uint32",
	  .lower = lower_numaid,
	  .doc = "the NUMA node that runs",
	  .example = "@[numaid] = count()" },
	{ .name = "rand",
	  .sign = "uint32",
	  .lower = lower_rand,
	  .doc = "a random number",
	  .example = "/rand % 100 == 0/" },
	{ .name = "cgroup",
	  .sign = "uint64",
	  .lower = lower_cgroup,
	  .doc = "id of the cgroup (version 2)",
	  .example = "@[cgroup] = count()" },
	{ .name = "curtask",
	  .sign = "*",
	  .check = check_curtask,
	  .lower = lower_curtask,
	  .doc = "the kernel's task that runs",
	  .example = "print(curtask->pid)" },
	{ .name = "ppid",
	  .sign = "uint32",
	  .check = check_ppid,
	  .lower = lower_ppid,
	  .doc = "process id of the parent",
	  .example = "print(ppid)" },
	{ .name = "pcomm",
	  .sign = "*",
	  .check = check_pcomm,
	  .lower = lower_pcomm,
	  .doc = "name of the parent",
	  .example = "@[pcomm] = count()" },
	{ .name = "cpid",
	  .sign = "uint32",
	  .check = check_cpid,
	  .lower = lower_cpid,
	  .doc = "process id of the command of -c",
	  .example = "/pid == cpid/" },
	{ .name = "has_cpid",
	  .sign = "bool",
	  .lower = lower_has_cpid,
	  .doc = "whether there is a command of -c",
	  .example = "if (has_cpid) { print(cpid) }" },
	{ 0 },
};
