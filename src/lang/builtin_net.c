/*
 * Builtins of networks: ntop, macaddr, bswap. See builtin.h.
 */
#include "lang/builtin.h"

#include <sys/socket.h>

enum { IPV4 = 4, IPV6 = 16, MAC = 6 };

/* An address as its bytes, or an IPv4 one as an integer. */
static bool is_address(const struct type *t)
{
	bool bytes = t->kind == TYPE_ARRAY || t->kind == TYPE_STRING || t->kind == TYPE_BUFFER;

	return type_is_int(t) || (bytes && (t->size == IPV4 || t->size == IPV6));
}

static const struct node *address(const struct node *n)
{
	return node_kid(n, n->kids.n - 1);
}

static void check_ntop(struct check *c, struct node *n)
{
	const struct type *t = address(n)->type;

	if (n->kids.n == 2 && !type_is_int(node_kid(n, 0)->type))
		diag_error(c->diags, node_kid(n, 0)->span,
			   "ntop() expects an integer as address family");
	if (!is_address(t))
		diag_error(c->diags, address(n)->span,
			   "ntop() expects an integer or an array of 4 or 16 bytes ('%s' provided)",
			   type_name(c->s->types, t));
	n->type = type_simple(c->s->types, TYPE_INET, 0);
}

/* u32 family, 16 bytes of address */
static struct ir_value *ntop_into(struct lower *l, struct node *n, struct dest to)
{
	const struct type *t = address(n)->type;
	bool is_int = type_is_int(t);
	struct ir_value *family;

	family = n->kids.n == 2 ? lower_word(l, node_kid(n, 0))
				: word_const(l, is_int || t->size == IPV4 ? AF_INET : AF_INET6);
	zero_bytes(l, to.base, to.offset, to.type->size);
	ir_store(l->f, IR_STORE32, to.base, to.offset, family);
	to.offset += 4;
	to.padded = false;
	to.type = is_int ? type_int(l->s->types, 4, false) : t;
	value_store(l, lower_value(l, address(n)), to);
	return NULL;
}

static void check_macaddr(struct check *c, struct node *n)
{
	const struct type *t = node_kid(n, 0)->type;

	if ((t->kind != TYPE_ARRAY && t->kind != TYPE_STRING) || t->size != MAC)
		diag_error(c->diags, node_kid(n, 0)->span,
			   "macaddr() expects an array of 6 bytes ('%s' provided)",
			   type_name(c->s->types, t));
	n->type = type_simple(c->s->types, TYPE_MAC, 0);
}

static struct ir_value *macaddr_into(struct lower *l, struct node *n, struct dest to)
{
	struct value v = lower_value(l, node_kid(n, 0));

	v.type = n->type;
	return value_store(l, v, to);
}

static void check_bswap(struct check *c, struct node *n)
{
	const struct type *t = node_kid(n, 0)->type;

	n->type = type_int(c->s->types, t->kind == TYPE_INT ? t->size : 8, false);
}

static struct value lower_bswap(struct lower *l, struct node *n)
{
	static const enum ir_op ops[] = { [2] = IR_BSWAP16, [4] = IR_BSWAP32, [8] = IR_BSWAP64 };
	struct ir_value *v = lower_word(l, node_kid(n, 0));

	return value_of_word(n->type,
			     n->type->size == 1 ? v : ir_unary(l->f, ops[n->type->size], v));
}

const struct builtin builtin_net[] = {
	{ .name = "ntop",
	  .sign = "(any, any?) -> *",
	  .check = check_ntop,
	  .into = ntop_into,
	  .doc = "an IPv4 or IPv6 address as text",
	  .example = "print(ntop(args.saddr))" },
	{ .name = "macaddr",
	  .sign = "(any) -> *",
	  .check = check_macaddr,
	  .into = macaddr_into,
	  .doc = "six bytes as a hardware address",
	  .example = "print(macaddr(args.addr))" },
	{ .name = "bswap",
	  .sign = "(int) -> *",
	  .check = check_bswap,
	  .lower = lower_bswap,
	  .doc = "the bytes of an integer the other way round",
	  .example = "print(bswap((uint16)args.dport))" },
	{ 0 },
};
