/*
 * Losses: what could not be shown is counted in the kernel, by call site, and told here. Needs:
 * the MAP_LOSS map, the globals, and the host's count of missed runs. Called by session.c.
 *
 * What was printed and what is told here add up to all that happened.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/run_priv.h"

static const char full_hint[] =
	"the ring buffer was full; filter in the script, or set perf_rb_pages to make it larger";

struct losses {
	uint64_t sum;
	uint64_t *sites; /* by site; NULL: only the sum is wanted */
	uint32_t nsites;
};

static uint64_t sum_cpus(const void *values, uint32_t n, uint32_t stride)
{
	uint64_t sum = 0, one;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(&one, (const char *)values + (size_t)i * stride, sizeof(one));
		sum += one;
	}
	return sum;
}

/* A host_entry_fn over MAP_LOSS: the key is the site's index. */
static int add_site(void *ctx, const void *key, const void *values, uint32_t n, uint32_t stride)
{
	struct losses *l = ctx;
	uint64_t lost = sum_cpus(values, n, stride);
	uint32_t site;

	memcpy(&site, key, sizeof(site));
	l->sum += lost;
	if (l->sites && site < l->nsites)
		l->sites[site] += lost;
	return 0;
}

static uint64_t count_records(struct session *s, uint64_t *sites)
{
	struct losses l = { .sites = sites, .nsites = s->img->sites.n };
	int map = image_role(s->img, MAP_LOSS);

	if (map >= 0)
		s->host->ops->map_each(s->host, map, add_site, &l);
	return l.sum;
}

/* One call of the script may be several sites, one for each program it went into. */
static void tell_place(struct session *s, uint64_t *sites, uint32_t first)
{
	struct span at = s->img->sites.v[first].span;
	uint64_t lost = 0;

	for (uint32_t i = first; i < s->img->sites.n; i++) {
		struct span other = s->img->sites.v[i].span;

		if (other.lo != at.lo || other.hi != at.hi)
			continue;
		lost += sites[i];
		sites[i] = 0;
	}
	output_warn(s, at, full_hint, "lost %" PRIu64 " event%s of this call", lost,
		    lost == 1 ? "" : "s");
}

static void tell_places(struct session *s)
{
	uint64_t *sites = calloc(MAX(s->img->sites.n, 1u), sizeof(*sites));

	if (!sites)
		return;
	count_records(s, sites);
	for (uint32_t i = 0; i < s->img->sites.n; i++)
		if (sites[i])
			tell_place(s, sites, i);
	free(sites);
}

static void tell_lost(struct session *s, uint64_t n)
{
	if (s->opt->format == OUT_JSON)
		buf_printf(&s->out,
			   "{\"type\": \"lost_events\", \"count\": %" PRIu64
			   ", \"data\": {\"events\": %" PRIu64 "}}\n",
			   n, n);
	else
		output_tell(s, "Lost %" PRIu64 " events", n);
}

static void tell_more(struct session *s, uint64_t sum)
{
	if (sum > s->lost_told)
		tell_lost(s, sum - s->lost_told);
	s->lost_told = sum;
}

void loss_look(struct session *s)
{
	tell_more(s, count_records(s, NULL));
}

/* Events that a program did not see because the CPU was already running it. */
static uint64_t count_missed(struct session *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->img->progs.n; i++) {
		uint64_t missed = s->host->ops->missed(s->host, i);

		sum += missed;
		if (missed)
			output_warn(s, prog_span(&s->img->progs.v[i], 0), NULL,
				    "missed %" PRIu64 " event%s: this probe was already running "
				    "on the same CPU",
				    missed, missed == 1 ? "" : "s");
	}
	return sum;
}

static uint64_t tell_globals(struct session *s)
{
	const struct image_globals *g = s->host->ops->globals(s->host);

	if (!g)
		return 0;
	if (g->stack_lost)
		output_warn(s, SPAN_NONE, NULL,
			    "lost %" PRIu64 " stack%s: the table of stacks was full", g->stack_lost,
			    g->stack_lost == 1 ? "" : "s");
	if (g->scratch_lost)
		output_warn(s, SPAN_NONE, NULL,
			    "lost %" PRIu64 " event%s: probes interrupted each other deeper than "
			    "there is memory for",
			    g->scratch_lost, g->scratch_lost == 1 ? "" : "s");
	return g->stack_lost + g->scratch_lost;
}

void loss_report(struct session *s)
{
	uint64_t records = count_records(s, NULL), others;

	tell_more(s, records);
	if (records)
		tell_places(s);
	others = count_missed(s) + tell_globals(s);
	s->result->lost = records + others;
	if (s->result->lost)
		output_tell(s, "Total lost: %" PRIu64 " events", s->result->lost);
}
