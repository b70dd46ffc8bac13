/*
 * Builtins of addresses and what is printed by name: ksym, usym, kaddr, kptr, uptr, cgroup_path.
 * See builtin.h.
 */
#include "lang/builtin.h"

#include <sys/stat.h>

static void check_ksym(struct check *c, struct node *n)
{
	n->type = type_simple(c->s->types, TYPE_KSYM, 0);
}

static struct value lower_ksym(struct lower *l, struct node *n)
{
	return value_of_word(n->type, lower_word(l, node_kid(n, 0)));
}

static void check_usym(struct check *c, struct node *n)
{
	n->type = type_simple(c->s->types, TYPE_USYM, 0);
}

/* u64 address, u32 pid, u32 0 */
static struct ir_value *usym_into(struct lower *l, struct node *n, struct dest to)
{
	struct ir_value *address = lower_word(l, node_kid(n, 0));
	struct ir_value *pid = ir_binary(l->f, IR_LSHR, lower_pid_tgid(l), word_const(l, 32));

	ir_store(l->f, IR_STORE64, to.base, to.offset, address);
	ir_store(l->f, IR_STORE64, to.base, to.offset + 8, pid);
	return NULL;
}

static struct value lower_kaddr(struct lower *l, struct node *n)
{
	return value_of_word(n->type, ir_ksym(l->f, node_kid(n, 0)->text, 0));
}

/* kptr, uptr: the same address, said to lie in the kernel or in the process */
static void check_space(struct check *c, struct node *n)
{
	const struct type *t = node_kid(n, 0)->type;
	enum address_space space = n->name[0] == 'k' ? SPACE_KERNEL : SPACE_USER;

	if (t->kind == TYPE_POINTER)
		t = t->elem;
	else
		t = type_void(c->s->types);
	n->type = type_pointer(c->s->types, t, space);
}

/* ---- cgroups ---- */

static void check_cgroup_path(struct check *c, struct node *n)
{
	struct type *t = type_copy(c->s->types, type_simple(c->s->types, TYPE_CGROUP_PATH, 0));
	const struct node *filter = node_kid(n, 1);

	t->name = filter ? filter->text : NULL;
	n->type = t;
}

/* The id of a cgroup of version 2 is the inode number of its directory. */
static void check_cgroupid(struct check *c, struct node *n)
{
	const struct node *path = node_kid(n, 0);
	struct stat st;

	if (stat(path->text, &st) == 0 && S_ISDIR(st.st_mode))
		n->number = st.st_ino;
	else
		diag_error(c->diags, path->span, "there is no cgroup at %s", path->text);
}

static struct value lower_cgroupid(struct lower *l, struct node *n)
{
	return value_of_word(n->type, word_const(l, n->number));
}

const struct builtin builtin_symbol[] = {
	{ .name = "ksym",
	  .sign = "(pointer) -> *",
	  .check = check_ksym,
	  .lower = lower_ksym,
	  .doc = "the kernel symbol at an address",
	  .example = "print(ksym(args.function))" },
	{ .name = "usym",
	  .sign = "(pointer) -> *",
	  .check = check_usym,
	  .into = usym_into,
	  .doc = "the symbol of the process at an address",
	  .example = "print(usym(arg0))" },
	{ .name = "kaddr",
	  .sign = "(text) -> uint64",
	  .lower = lower_kaddr,
	  .doc = "the address of a kernel symbol",
	  .example = "print(kaddr(\"jiffies\"))" },
	{ .name = "kptr",
	  .sign = "(pointer) -> *",
	  .check = check_space,
	  .lower = lower_ksym,
	  .doc = "a pointer into the kernel",
	  .example = "print(str(kptr(arg0)))" },
	{ .name = "uptr",
	  .sign = "(pointer) -> *",
	  .check = check_space,
	  .lower = lower_ksym,
	  .doc = "a pointer into the process",
	  .example = "print(str(uptr(arg0)))" },
	{ .name = "cgroup_path",
	  .sign = "(int, text?) -> *",
	  .check = check_cgroup_path,
	  .lower = lower_ksym,
	  .doc = "path of a cgroup, by its id",
	  .example = "print(cgroup_path(cgroup))" },
	{ .name = "cgroupid",
	  .sign = "(text) -> uint64",
	  .check = check_cgroupid,
	  .lower = lower_cgroupid,
	  .doc = "id of the cgroup at a path",
	  .example = "/cgroup == cgroupid(\"/sys/fs/cgroup/unified/mine\")/" },
	{ 0 },
};
