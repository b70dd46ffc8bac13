/* All providers in one ordered table, and finding one by name. Called by spec.c and list.c. */
#include <string.h>
#include <strings.h>

#include "probe/probe_priv.h"

/* The order is the order of listings. */
const struct provider *const providers[] = {
	&provider_begin,     &provider_end,        &provider_interval,      &provider_profile,
	&provider_software,  &provider_tracepoint, &provider_rawtracepoint, &provider_kprobe,
	&provider_kretprobe, &provider_uprobe,     &provider_uretprobe,     NULL,
};

static bool has_alias(const struct provider *p, const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(p->aliases) && p->aliases[i]; i++)
		if (streq(p->aliases[i], name))
			return true;
	return false;
}

const struct provider *provider_find(const char *name)
{
	for (const struct provider *const *p = providers; *p; p++)
		if (strcasecmp((*p)->name, name) == 0 || has_alias(*p, name))
			return *p;
	return NULL;
}
