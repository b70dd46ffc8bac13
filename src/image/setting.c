/*
 * Settings: reading their text forms. Rows are in setting.def; what text each accepts is the
 * table below. Needs: nothing. Called by cmd (environment) and lang (config blocks).
 */
#include "image/setting.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* A word and the number that it stands for; lists end with a NULL word. */
struct word {
	const char *word;
	int64_t value;
};

static const struct word bool_words[] = { { "true", 1 }, { "false", 0 }, { "1", 1 },
					  { "0", 0 },    { "yes", 1 },   { "no", 0 },
					  { "on", 1 },   { "off", 0 },   { 0 } };
static const struct word missing_words[] = {
	{ "error", 0 }, { "warn", 1 }, { "ignore", 2 }, { 0 }
};
static const struct word stack_words[] = {
	{ "bpftrace", 0 }, { "perf", 1 }, { "raw", 2 }, { "build_id", 3 }, { 0 }
};
static const struct word cache_words[] = {
	{ "none", 0 }, { "per_pid", 1 }, { "per_program", 2 }, { 0 }
};
/* What the kernel takes as GPL-compatible. */
static const struct word license_words[] = { { "GPL", 0 },
					     { "GPL v2", 0 },
					     { "GPL and additional rights", 0 },
					     { "Dual BSD/GPL", 0 },
					     { "Dual MIT/GPL", 0 },
					     { "Dual MPL/GPL", 0 },
					     { 0 } };

enum form { FORM_NUMBER, FORM_WORD, FORM_TEXT };

static const struct {
	const char *name;
	int64_t initial;
} rows[SETTING_COUNT] = {
#define SETTING(id, name, value) { name, value },
#include "image/setting.def"
};

#define NUMBER(from, to)                                         \
	{                                                        \
		.form = FORM_NUMBER, .min = (from), .max = (to), \
		.why = "is not a number from " #from " to " #to  \
	}
#define WORD(list, says)                                                   \
	{                                                                  \
		.form = FORM_WORD, .words = (list), .why = "must be " says \
	}

static const struct {
	enum form form;
	int64_t min, max;
	const struct word *words;
	const char *why; /* follows the setting's name in a message */
} forms[] = {
	[SETTING_MAX_STRLEN] = NUMBER(1, 65536),
	[SETTING_MAX_MAP_KEYS] = NUMBER(1, 100000000),
	[SETTING_MAX_CAT_BYTES] = NUMBER(0, 1073741824),
	[SETTING_MAX_BPF_PROGS] = NUMBER(1, 1000000),
	[SETTING_MAX_PROBES] = NUMBER(1, 1000000),
	[SETTING_PERF_RB_PAGES] = NUMBER(0, 262144),
	[SETTING_LOG_SIZE] = NUMBER(1, 1073741824),
	[SETTING_PRINT_MAPS_ON_EXIT] = WORD(bool_words, "true or false"),
	[SETTING_CPP_DEMANGLE] = WORD(bool_words, "true or false"),
	[SETTING_MISSING_PROBES] = WORD(missing_words, "error, warn or ignore"),
	[SETTING_STACK_MODE] = WORD(stack_words, "bpftrace, perf, raw or build_id"),
	[SETTING_ON_STACK_LIMIT] = NUMBER(0, 512),
	[SETTING_STR_TRUNC_TRAILER] = { .form = FORM_TEXT },
	[SETTING_LICENSE] = WORD(license_words,
				 "a licence that the kernel takes as GPL, such as \"GPL\" or "
				 "\"Dual MIT/GPL\""),
	[SETTING_CACHE_USER_SYMBOLS] = WORD(cache_words, "NONE, PER_PID or PER_PROGRAM"),
	[SETTING_LAZY_SYMBOLICATION] = WORD(bool_words, "true or false"),
	[SETTING_SHOW_DEBUG_INFO] = WORD(bool_words, "true or false"),
	[SETTING_USE_BLAZESYM] = WORD(bool_words, "true or false"),
};

_Static_assert(ARRAY_LEN(forms) == SETTING_COUNT, "every setting says what text it takes");
_Static_assert(SETTING_COUNT <= 32, "settings.from_env has a bit for each");

static const char *const prefixes[] = { "BPFTRACE_", "SKEP_" };

void settings_default(struct settings *s)
{
	*s = (struct settings){ .trailer = "..", .license = "GPL" };
	for (int i = 0; i < SETTING_COUNT; i++)
		s->value[i] = rows[i].initial;
}

int setting_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
			name += strlen(prefixes[i]);
			break;
		}
	}
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strcasecmp(name, rows[i].name) == 0)
			return i;
	return -1;
}

const char *setting_name(enum setting which)
{
	return rows[which].name;
}

const char *setting_renamed(const char *name)
{
	static const char *const renamed[][2] = {
		{ "strlen", "max_strlen" },
		{ "no_cpp_demangle", "cpp_demangle" },
		{ "cat_bytes_max", "max_cat_bytes" },
		{ "map_keys_max", "max_map_keys" },
	};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			name += strlen(prefixes[i]);
	for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
		if (strcasecmp(name, renamed[i][0]) == 0)
			return renamed[i][1];
	return NULL;
}

/* Decimal or 0x digits with an optional K, M or G (1024 each). */
static bool parse_number(const char *text, int64_t *ret)
{
	unsigned base = 10, shift = 0;
	uint64_t n = 0;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (!isxdigit((unsigned char)*p))
		return false;
	for (; isxdigit((unsigned char)*p); p++) {
		unsigned digit = *p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10;

		if (digit >= base || n > INT64_MAX / 32)
			return false;
		n = n * base + digit;
	}
	switch (*p) {
	case 'k':
	case 'K': shift = 10; break;
	case 'm':
	case 'M': shift = 20; break;
	case 'g':
	case 'G': shift = 30; break;
	default: break;
	}
	if (p[shift != 0] != '\0' || n > (uint64_t)INT64_MAX >> shift)
		return false;
	*ret = n << shift;
	return true;
}

static bool parse_word(const struct word *words, const char *text, const struct word **ret)
{
	for (; words->word; words++) {
		if (strcasecmp(words->word, text) == 0) {
			*ret = words;
			return true;
		}
	}
	return false;
}

int setting_put(struct settings *s, enum setting which, const char *text, const char **ret_why)
{
	const struct word *word = NULL;
	int64_t n = 0;
	bool good = true;

	if (forms[which].form == FORM_NUMBER)
		good = parse_number(text, &n) && n >= forms[which].min && n <= forms[which].max;
	else if (forms[which].form == FORM_WORD)
		good = parse_word(forms[which].words, text, &word);
	if (!good) {
		*ret_why = forms[which].why;
		return -EINVAL;
	}
	if (s->from_env & 1u << which)
		return 0;
	s->value[which] = word ? word->value : n;
	if (which == SETTING_LICENSE)
		s->license = word->word;
	if (which == SETTING_STR_TRUNC_TRAILER)
		s->trailer = text;
	return 0;
}

/* The row that the variable "PREFIX_NAME=..." sets, or -1. */
static int find_variable(const char *variable, const char *prefix, const char **ret_text)
{
	size_t len = strlen(prefix);

	if (strncmp(variable, prefix, len) != 0)
		return -1;
	for (int i = 0; i < SETTING_COUNT; i++) {
		size_t n = strlen(rows[i].name);

		if (strncasecmp(variable + len, rows[i].name, n) == 0 && variable[len + n] == '=') {
			*ret_text = variable + len + n + 1;
			return i;
		}
	}
	return -1;
}

/* SKEP_ variables are read last, so that they win over BPFTRACE_ ones. */
int settings_env(struct settings *s, char *const *environ, const char **ret_bad)
{
	uint32_t found = 0;

	for (size_t p = 0; p < ARRAY_LEN(prefixes); p++) {
		for (char *const *e = environ; *e; e++) {
			const char *text, *why;
			int which = find_variable(*e, prefixes[p], &text);

			if (which < 0)
				continue;
			if (setting_put(s, which, text, &why)) {
				*ret_bad = *e;
				return -EINVAL;
			}
			found |= 1u << which;
		}
	}
	s->from_env |= found;
	return 0;
}
