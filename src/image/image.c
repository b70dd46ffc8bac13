/*
 * Building and asking an image. Needs: arena. Called by the front ends and the plan, which fill
 * an image in, and by whoever maps an instruction back to the script.
 */
#include "image/image.h"

struct image *image_new(struct arena *arena, const struct sources *sources)
{
	struct image *img = arena_new(arena, struct image);

	img->arena = arena;
	img->sources = sources;
	img->license = "GPL";
	return img;
}

uint32_t image_map_add(struct image *img, const struct image_map *map)
{
	vec_push(img->arena, &img->maps, *map);
	return img->maps.n - 1;
}

uint32_t image_site_add(struct image *img, const struct image_site *site)
{
	vec_push(img->arena, &img->sites, *site);
	return img->sites.n - 1;
}

int image_role(const struct image *img, enum map_role role)
{
	for (uint32_t i = 0; i < img->maps.n; i++)
		if (img->maps.v[i].role == role)
			return i;
	return -1;
}

/* The records are in instruction order: the last one that does not lie behind @insn holds. */
struct span prog_span(const struct image_prog *prog, uint32_t insn)
{
	uint32_t lo = 0, hi = prog->spans.n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (prog->spans.v[mid].insn <= insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? prog->spans.v[lo - 1].span : SPAN_NONE;
}

const char *prog_poison(const struct image_prog *prog, uint32_t insn)
{
	for (uint32_t i = 0; i < prog->poisons.n; i++)
		if (prog->poisons.v[i].insn == insn)
			return prog->poisons.v[i].why;
	return NULL;
}
