/* Following the ids in BTF's records. Needs: records that btf.c has checked. Called by relocation
 * and linking of ELF objects. */
#include "types/btf_record.h"

enum { MAX_HOPS = 64, POINTER_SIZE = 8 };

static bool is_modifier(enum btf_kind kind)
{
	return kind == BTF_CONST || kind == BTF_VOLATILE || kind == BTF_RESTRICT ||
	       kind == BTF_TYPE_TAG;
}

uint32_t btf_strip(const struct btf *btf, uint32_t id, bool typedefs)
{
	for (int hops = 0; hops < MAX_HOPS; hops++) {
		const uint32_t *record = btf_record(btf, id);

		if (!record)
			return 0;
		if (!is_modifier(btf_kind(record)) &&
		    !(typedefs && btf_kind(record) == BTF_TYPEDEF))
			return id;
		id = record[BTF_TYPE_ID];
	}
	return 0;
}

int64_t btf_size(const struct btf *btf, uint32_t id)
{
	uint64_t count = 1, size = 0;

	for (int hops = 0; hops < MAX_HOPS; hops++) {
		const uint32_t *record = btf_record(btf, btf_strip(btf, id, true));

		if (!record)
			return -1;
		switch (btf_kind(record)) {
		case BTF_INT:
		case BTF_FLOAT:
		case BTF_STRUCT:
		case BTF_UNION:
		case BTF_ENUM:
		case BTF_ENUM64:
		case BTF_DATASEC: size = record[BTF_SIZE]; break;
		case BTF_PTR: size = POINTER_SIZE; break;
		case BTF_VAR: id = record[BTF_TYPE_ID]; continue;
		case BTF_ARRAY:
			id = record[BTF_COMMON];
			count *= record[BTF_COMMON + 2];
			if (count > UINT32_MAX)
				return -1;
			continue;
		default: return -1;
		}
		return size * count > UINT32_MAX ? -1 : (int64_t)(size * count);
	}
	return -1;
}
