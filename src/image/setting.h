/* Settings: what config blocks and the environment may change. Rows are in setting.def. */
#ifndef SKEP_IMAGE_SETTING_H
#define SKEP_IMAGE_SETTING_H

#include "base/base.h"

enum setting {
#define SETTING(id, name, value) SETTING_##id,
#include "image/setting.def"
	SETTING_COUNT
};

struct settings {
	int64_t value[SETTING_COUNT];
	const char *trailer; /* what marks a cut string: ".." */
	const char *license; /* "GPL" */
	uint32_t from_env;   /* bit i: setting i came from the environment and wins */
};

/* settings_default - every row's default. */
void settings_default(struct settings *s);

/* settings_env - takes SKEP_* and BPFTRACE_* variables of @environ. 0, or -EINVAL with
 * *ret_bad naming the variable at fault. */
int settings_env(struct settings *s, char *const *environ, const char **ret_bad);

/* setting_find - by name in any case, with or without the prefix BPFTRACE_ or SKEP_; -1: none. */
int setting_find(const char *name);
const char *setting_name(enum setting which);

/* setting_renamed - the name of today for a name that older scripts use ("strlen"); NULL when
 * @name was never one. */
const char *setting_renamed(const char *name);

/* setting_put - sets from text ("64", "true", "warn", "perf", "4M"). 0, or -EINVAL with *ret_why.
 * A row that came from the environment keeps its value. Text is kept, not copied. */
int setting_put(struct settings *s, enum setting which, const char *text, const char **ret_why);

#endif
