/*
 * What btf.c (the blob: checks, records, names) and btf_type.c (records to types) share.
 * A record is a pointer to its first word; btf_check has seen that every word of it is there.
 */
#ifndef SKEP_TYPES_BTF_PRIV_H
#define SKEP_TYPES_BTF_PRIV_H

#include "types/btf.h"

enum btf_kind {
#define KIND(number, NAME, name, extra, per_entry, refers) BTF_##NAME = number,
#include "types/btf_kind.def"
#undef KIND
	BTF_KIND_COUNT
};

/* Words common to all records, and where entries begin after the row's extra words. */
enum { BTF_NAME, BTF_INFO, BTF_SIZE, BTF_TYPE_ID = BTF_SIZE, BTF_COMMON };

struct btf {
	struct types *types;
	uint8_t *data; /* the blob: mapped, or from malloc */
	size_t size;
	bool is_mapped;
	const uint32_t *records;
	uint32_t nwords;
	const char *strings;
	uint32_t strings_len;
	uint32_t ntypes;     /* ids are 1 .. ntypes */
	uint32_t *index;     /* word of every BTF_STRIDE-th record */
	struct type ***made; /* converted types by id, in pages of BTF_PAGE */
	struct table found;  /* "struct x": id of earlier searches */
};

enum { BTF_STRIDE = 16, BTF_PAGE = 64 };

static inline enum btf_kind btf_kind(const uint32_t *record)
{
	return record[BTF_INFO] >> 24 & 0x1f;
}

static inline uint32_t btf_entries(const uint32_t *record)
{
	return record[BTF_INFO] & 0xffff;
}

static inline bool btf_flag(const uint32_t *record)
{
	return record[BTF_INFO] >> 31;
}

/* btf_record - the record of type @id, or NULL (0 is void, and has none). */
const uint32_t *btf_record(const struct btf *btf, uint32_t id);

/* btf_string - the name at @offset; "" for none. */
const char *btf_string(const struct btf *btf, uint32_t offset);

/* btf_enumerator_value - the value in @entry of the enum @record. */
int64_t btf_enumerator_value(const uint32_t *record, const uint32_t *entry);

#endif
