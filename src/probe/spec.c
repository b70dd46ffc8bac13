/*
 * Attach points: text to spec.
 *
 *	uprobe : /bin/bash : "operator::x" + 4      split at ':' outside quotes
 *	provider   target       func      offset     the provider's own parse() takes the parts
 *
 * Needs: providers.c. Called by front ends through probe_parse(), and by list.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe/probe_priv.h"

enum { PARTS_MAX = 8 };

struct parts {
	char *v[PARTS_MAX];
	unsigned n;
};

bool has_wildcard(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

/* Digits with '_' between them; NULL when there is none or they are too many. */
static const char *read_digits(const char *s, unsigned base, uint64_t *ret)
{
	const char *start = s;
	uint64_t n = 0;

	for (;; s++) {
		unsigned digit;

		if (*s == '_' && s > start)
			continue;
		if (*s >= '0' && *s <= '9')
			digit = *s - '0';
		else if (base == 16 && (*s | 32) >= 'a' && (*s | 32) <= 'f')
			digit = (*s | 32) - 'a' + 10;
		else
			break;
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n))
			return NULL;
	}
	*ret = n;
	return s > start ? s : NULL;
}

bool parse_address(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] | 32) == 'x';
	const char *end = read_digits(hex ? text + 2 : text, hex ? 16 : 10, ret);

	return end && !*end;
}

bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t n, power;
	const char *end;

	if (parse_address(text, ret))
		return true;
	end = read_digits(text, 10, &n);
	if (!end || (*end | 32) != 'e')
		return false;
	end = read_digits(end + 1, 10, &power);
	if (!end || *end)
		return false;
	for (; power; power--)
		if (__builtin_mul_overflow(n, 10, &n) || power > 20)
			return false;
	*ret = n;
	return true;
}

bool split_offset(char *func, uint64_t *ret)
{
	char *plus = strrchr(func, '+');

	*ret = 0;
	if (!plus)
		return true;
	if (!parse_address(plus + 1, ret))
		return false;
	*plus = '\0';
	return true;
}

static int too_many(struct probe_env *env, struct span span)
{
	return diag_error(env->diags, span, "an attach point has at most %u parts", PARTS_MAX);
}

/* Cuts a copy of @text into unquoted parts. */
static int split(struct probe_env *env, const char *text, struct span span, struct parts *ret)
{
	char *out = arena_strdup(env->arena, text);
	bool quoted = false;

	ret->v[0] = out;
	ret->n = 1;
	for (; *text; text++) {
		if (*text == '"') {
			quoted = !quoted;
		} else if (*text == '\\' && text[1]) {
			*out++ = *++text;
		} else if (*text == ':' && !quoted) {
			if (ret->n == PARTS_MAX)
				return too_many(env, span);
			*out++ = '\0';
			ret->v[ret->n++] = out;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
	if (quoted)
		return diag_error(env->diags, span, "a quote is missing at the end of %s",
				  ret->v[ret->n - 1]);
	return 0;
}

static int unknown_provider(struct probe_env *env, const char *name, struct span span)
{
	struct name_list names = { 0 };

	diag_error(env->diags, span, "unknown probe type: %s", name);
	if (has_wildcard(name)) {
		diag_hint(env->diags, "wildcards may stand for events, but not for the probe type");
		return -EINVAL;
	}
	for (const struct provider *const *p = providers; *p; p++)
		vec_push(env->arena, &names, (*p)->name);
	diag_hint_nearest(env->diags, name, names.v, names.n);
	return -EINVAL;
}

static const char *how_many(struct probe_env *env, const struct provider *p)
{
	if (p->min_parts == p->max_parts)
		return arena_printf(env->arena, "%u argument%s", p->min_parts,
				    p->min_parts == 1 ? "" : "s");
	return arena_printf(env->arena, "%u %s %u arguments", p->min_parts,
			    p->max_parts == p->min_parts + 1 ? "or" : "to", p->max_parts);
}

static int wrong_count(struct probe_env *env, const struct provider *p, unsigned n,
		       struct span span)
{
	diag_error(env->diags, span, "%s probe type requires %s, found %u", p->name,
		   how_many(env, p), n);
	diag_hint(env->diags, "write it as %s", p->forms);
	return -EINVAL;
}

int probe_parse(struct probe_env *env, const char *text, struct span span, struct probe_spec *ret)
{
	struct probe_spec spec = { .text = text, .span = span };
	struct parts parts;
	int err = split(env, text, span, &parts);
	unsigned n;

	if (err)
		return err;
	n = parts.n - 1;
	spec.provider = provider_find(parts.v[0]);
	if (!spec.provider)
		return unknown_provider(env, parts.v[0], span);
	if (n < spec.provider->min_parts || n > spec.provider->max_parts)
		return wrong_count(env, spec.provider, n, span);
	err = spec.provider->parse(env, parts.v + 1, n, &spec);
	if (!err)
		*ret = spec;
	return err;
}
