/*
 * lang_compile: the stages in order. Needs: a probe_env, and an arena whose owner catches the jump
 * when memory runs out. Called by cmd/, tests and the fuzzer.
 */
#include <errno.h>

#include "lang/script.h"

static bool wanted(const struct script *s, char stage)
{
	return s->opt->dump && s->opt->stages && strchr(s->opt->stages, stage);
}

static void dump(const struct script *s, char stage, const char *title, struct buf *text)
{
	if (!text->err)
		s->opt->dump(s->opt->dump_ctx, stage, title, text->data ? text->data : "");
	buf_done(text);
}

/* ---- dumps ---- */

static void dump_tokens(struct script *s, const struct source *src)
{
	struct buf text = { 0 };

	if (!wanted(s, 't'))
		return;
	lang_dump_tokens(s->arena, src, &text);
	dump(s, 't', "tokens", &text);
}

static void dump_tree(struct script *s)
{
	struct buf text = { 0 };

	if (!wanted(s, 'a'))
		return;
	tree_dump(&text, s->tree);
	dump(s, 'a', "tree", &text);
}

static void dump_typed(struct script *s)
{
	struct buf text = { 0 };

	if (!wanted(s, 's'))
		return;
	for (uint32_t i = 0; i < s->nclauses; i++)
		for (uint32_t j = 0; j < s->clauses[i].nshapes; j++)
			if (s->clauses[i].shapes[j])
				node_dump(&text, s->clauses[i].shapes[j], 0);
	dump(s, 's', "typed tree", &text);
}

static void dump_plan(struct script *s)
{
	static const char *const which[] = { "one event", "any event", "cookie", "parameter",
					     "dispatch" };
	struct buf text = { 0 };

	if (!wanted(s, 'p'))
		return;
	for (uint32_t i = 0; i < s->plan.progs.n; i++) {
		const struct plan_prog *prog = &s->plan.progs.v[i];

		buf_printf(&text, "program %u %s: %s\n", i, prog->name, which[prog->which]);
		for (uint32_t j = 0; j < prog->cases.n; j++) {
			const struct plan_case *one = &prog->cases.v[j];

			for (uint32_t k = 0; k < one->events.n; k++)
				buf_printf(&text, "  %s\n", one->events.v[k]->name);
			for (uint32_t k = 0; k < one->steps.n; k++)
				buf_printf(&text, "    clause %u shape %u\n",
					   one->steps.v[k].clause, one->steps.v[k].shape);
		}
	}
	dump(s, 'p', "plan", &text);
}

/* ---- stages ---- */

static bool failed(const struct script *s)
{
	return s->env->diags->errors > 0;
}

static int parse(struct script *s, const struct source *src)
{
	dump_tokens(s, src);
	if (lang_parse(s->arena, src, s->env->diags, &s->tree) != 0)
		return -EINVAL;
	dump_tree(s);
	config_apply(s);
	config_maps(s);
	return failed(s) ? -EINVAL : 0;
}

static int expand(struct script *s)
{
	expand_parameters(s);
	if (!failed(s))
		expand_probes(s);
	return failed(s) ? -EINVAL : 0;
}

static int plan(struct script *s)
{
	int err = plan_make(s->env, s->uses, s->nclauses, &s->plan);

	if (err || failed(s))
		return err ? err : -EINVAL;
	dump_plan(s);
	expand_shapes(s);
	return 0;
}

static int check(struct script *s)
{
	check_script(s);
	dump_typed(s);
	return failed(s) ? -EINVAL : 0;
}

static int lower(struct script *s)
{
	lower_script(s);
	script_finish(s);
	return failed(s) ? -EINVAL : 0;
}

static void list_probes(struct script *s, struct lang_result *ret)
{
	for (uint32_t i = 0; i < s->nclauses; i++)
		for (uint32_t j = 0; j < s->uses[i].events.n; j++)
			vec_push(s->arena, &ret->probes, s->uses[i].events.v[j]->name);
}

int lang_compile(struct probe_env *env, struct sources *sources, const struct source *src,
		 const struct lang_options *opt, struct lang_result *ret)
{
	struct script s = { .arena = env->arena, .env = env, .types = env->types, .opt = opt };
	int err = parse(&s, src);

	*ret = (struct lang_result){ .settings = s.settings };
	if (!err)
		err = expand(&s);
	if (!err && opt->list_only) {
		list_probes(&s, ret);
		return 0;
	}
	if (!err)
		err = plan(&s);
	if (!err)
		err = check(&s);
	s.image = image_new(s.arena, sources);
	if (!err)
		err = lower(&s);
	if (err)
		return err;
	for (uint32_t i = 0; i < s.plan.notes.n; i++)
		vec_push(s.arena, &ret->notes, s.plan.notes.v[i]);
	ret->image = s.image;
	return 0;
}
