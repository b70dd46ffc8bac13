/* Names of sections and the kinds of program in them. Needs: object_section.def. Called by the
 * reader and writer of objects, and by whoever is told a section's name by a user. */
#include <string.h>

#include "image/object.h"

enum { SLEEPABLE = BPF_F_SLEEPABLE, FRAGS = BPF_F_XDP_HAS_FRAGS };

static const struct section_kind rows[] = {
#define SECTION(name, type, attach, flags, btf) { name, BPF_PROG_TYPE_##type, attach, flags, btf },
#include "image/object_section.def"
#undef SECTION
};

static bool ends_name(char c)
{
	return c == '\0' || c == '/';
}

/* What old objects put behind a name instead of a '/'. */
static bool ends_old_name(char c)
{
	return c == '_' || (c >= '0' && c <= '9');
}

const struct section_kind *section_kind(const char *section, const char **ret_arg)
{
	const struct section_kind *best = NULL, *loose = NULL;
	size_t best_len = 0, loose_len = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].name);

		if (strncmp(section, rows[i].name, len) != 0)
			continue;
		if (ends_name(section[len]) && len > best_len) {
			best = &rows[i];
			best_len = len;
		} else if (ends_old_name(section[len]) && len > loose_len) {
			loose = &rows[i];
			loose_len = len;
		}
	}
	if (!best) {
		best = loose;
		best_len = loose_len;
	}
	if (ret_arg)
		*ret_arg = best && section[best_len] == '/' ? section + best_len + 1 : NULL;
	return best;
}

const char *section_for(uint32_t type, uint32_t attach_type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type && rows[i].attach_type == attach_type)
			return rows[i].name;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].name;
	return NULL;
}

void section_hint(struct diags *diags, const char *section)
{
	const char *names[ARRAY_LEN(rows)];
	size_t len = strcspn(section, "/");
	char *word = arena_strndup(diags->arena, section, len);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		names[i] = rows[i].name;
	diag_hint_nearest(diags, word, names, ARRAY_LEN(rows));
}
