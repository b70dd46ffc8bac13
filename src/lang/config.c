/*
 * The config block and map declarations: what a script says about itself.
 *
 *	config = { max_strlen = 128; stack_mode = perf }
 *	let @recent = lruhash(100);
 *
 * Needs: a parsed tree. Called by compile.c, and by lowering for the maps.
 */
#include "lang/check.h"

#include <inttypes.h>

#include "image/agg.h"

/* ---- settings ---- */

static const char *setting_text(struct script *s, const struct node *value)
{
	switch (value->kind) {
	case NODE_STRING: return value->text;
	case NODE_IDENT: return value->name;
	case NODE_BOOL: return value->number ? "true" : "false";
	case NODE_INTEGER: return arena_printf(s->arena, "%" PRIu64, value->number);
	default: return NULL;
	}
}

static void unknown_setting(struct script *s, const struct node *n)
{
	const char *names[SETTING_COUNT], *today = setting_renamed(n->name);

	for (int i = 0; i < SETTING_COUNT; i++)
		names[i] = setting_name(i);
	if (today) {
		diag_error(s->env->diags, n->name_span, "%s was renamed: it is %s now", n->name,
			   today);
		return;
	}
	diag_error(s->env->diags, n->name_span, "Unrecognized config variable: %s", n->name);
	diag_hint_nearest(s->env->diags, n->name, names, SETTING_COUNT);
}

static void apply(struct script *s, const struct node *n)
{
	const char *why = "cannot have this value";
	const char *text = setting_text(s, node_kid(n, 0));
	int which = setting_find(n->name);

	if (which < 0)
		unknown_setting(s, n);
	else if (!text || setting_put(&s->settings, which, text, &why) != 0)
		diag_error(s->env->diags, n->span, "%s %s", setting_name(which), why);
}

void config_apply(struct script *s)
{
	s->settings = s->opt->settings;
	if (!s->tree->config)
		return;
	for (uint32_t i = 0; i < s->tree->config->kids.n; i++)
		apply(s, s->tree->config->kids.v[i]);
}

/* ---- map declarations ---- */

static const struct kind {
	const char *name;
	uint32_t kind;
	bool percpu;
} kinds[] = {
	{ "hash", BPF_MAP_TYPE_HASH, false },
	{ "lruhash", BPF_MAP_TYPE_LRU_HASH, false },
	{ "percpuhash", BPF_MAP_TYPE_PERCPU_HASH, true },
	{ "percpulruhash", BPF_MAP_TYPE_LRU_PERCPU_HASH, true },
};

static const struct kind *find_kind(struct script *s, const struct node *decl)
{
	const char *names[ARRAY_LEN(kinds)];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (streq(kinds[i].name, decl->text))
			return &kinds[i];
		names[i] = kinds[i].name;
	}
	diag_error(s->env->diags, decl->span, "Invalid map type: %s", decl->text);
	diag_hint_nearest(s->env->diags, decl->text, names, ARRAY_LEN(kinds));
	return NULL;
}

void config_map(struct script *s, const struct script_map *m, struct image_map *map)
{
	const struct kind *kind;
	int64_t entries = 0;
	const struct node *count;

	if (!m->decl)
		return;
	kind = find_kind(s, m->decl);
	count = node_kid(m->decl, 0);
	if (!kind)
		return;
	if (!count || m->decl->kids.n != 1 || !node_constant(count, &entries) || entries < 1 ||
	    entries > UINT32_MAX)
		diag_error(s->env->diags, m->decl->span,
			   "%s needs the number of keys that it has room for", kind->name);
	else if (!m->is_keyed)
		diag_error(s->env->diags, m->decl->span, "%s is declared but used without keys",
			   m->name);
	else if (kind->percpu != map->percpu)
		diag_error(s->env->diags, m->decl->span,
			   "%s cannot keep values of type '%s': its kind must be %s", m->name,
			   type_name(s->types, m->value), map->percpu ? "percpuhash" : "hash");
	map->kind = kind->kind;
	map->max_entries = entries;
}

void config_maps(struct script *s)
{
	for (uint32_t i = 0; i < s->tree->map_decls.n; i++) {
		struct node *decl = s->tree->map_decls.v[i];
		struct script_map *m = script_map(s, decl->name, decl->span);

		if (m->decl)
			diag_error(s->env->diags, decl->span, "%s is declared twice", m->name);
		m->decl = decl;
	}
}
