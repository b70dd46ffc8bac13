/*
 * Features of a target: the rows of feature.def, tried, decided by version or forced.
 * Needs: target.h. Called by every maker of images (probe, lang, ir) and by cmd/ for --kernel
 * and for the option that forces features.
 */
#include <errno.h>
#include <string.h>

#include "bpf/target.h"

const struct feature_row feature_rows[FEATURE_COUNT] = {
#define FEATURE(id, name, since_major, since_minor, fallback) \
	[FEATURE_##id] = { name, KERNEL(since_major, since_minor), fallback },
#include "bpf/feature.def"
#undef FEATURE
};

bool target_has(struct target *t, enum feature f)
{
	if (t->features[f] == FEATURE_UNTRIED) {
		bool has = t->trial ? t->trial(t->trial_ctx, f)
				    : t->kernel >= feature_rows[f].since;

		t->features[f] = has ? FEATURE_PRESENT : FEATURE_ABSENT;
	}
	return t->features[f] == FEATURE_PRESENT;
}

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(word, name, len) == 0;
}

/* The state that "=on" or "=off" asks for; a bare name switches its feature off. */
static enum feature_state forced_state(const char *value, size_t len)
{
	if (len == 0 || word_is(value, len, "=off"))
		return FEATURE_ABSENT;
	return word_is(value, len, "=on") ? FEATURE_PRESENT : FEATURE_UNTRIED;
}

static bool force_one(struct target *t, const char *word, size_t len)
{
	size_t name_len = strcspn(word, "=,");
	enum feature_state state = forced_state(word + name_len, len - name_len);

	for (unsigned f = 0; f < FEATURE_COUNT && state != FEATURE_UNTRIED; f++) {
		if (word_is(word, name_len, feature_rows[f].name)) {
			t->features[f] = state;
			return true;
		}
	}
	return false;
}

int target_force(struct target *t, const char *list, const char **ret_bad)
{
	while (*list) {
		size_t len = strcspn(list, ",");

		if (!force_one(t, list, len)) {
			*ret_bad = list;
			return -EINVAL;
		}
		list += len;
		list += *list == ',';
	}
	return 0;
}

/* Reads up to three digits; returns the end, or NULL without any. */
static const char *read_number(const char *s, uint32_t *ret)
{
	uint32_t n = 0;
	int digits = 0;

	for (; *s >= '0' && *s <= '9' && digits < 4; s++, digits++)
		n = n * 10 + (uint32_t)(*s - '0');
	if (digits == 0 || digits > 3 || n > 255)
		return NULL;
	*ret = n;
	return s;
}

uint32_t target_parse_kernel(const char *release)
{
	uint32_t major, minor;
	const char *s = read_number(release, &major);

	if (!s || *s != '.')
		return 0;
	s = read_number(s + 1, &minor);
	/* what distributions put behind the two numbers that count */
	if (!s || !memchr(".-+~_", *s, 6))
		return 0;
	return KERNEL(major, minor);
}

enum arch target_native_arch(void)
{
#if defined(__x86_64__)
	return ARCH_X86_64;
#elif defined(__aarch64__)
	return ARCH_ARM64;
#else
#error "skep runs on x86-64 and arm64"
#endif
}
