/*
 * BTF as it stands: records and their words, for those who need more than types: relocation and
 * linking of ELF objects. A record is a pointer to its first word; opening has checked that every
 * word of it is there, and that the ids and names in it exist.
 *
 * What a record refers to may be of any kind, or itself: whoever follows ids counts the steps.
 */
#ifndef SKEP_TYPES_BTF_RECORD_H
#define SKEP_TYPES_BTF_RECORD_H

#include "types/btf.h"

enum btf_kind {
#define KIND(number, NAME, name, extra, per_entry, refers) BTF_##NAME = number,
#include "types/btf_kind.def"
#undef KIND
	BTF_KIND_COUNT
};

/* Words common to all records, and where entries begin after the row's extra words. */
enum { BTF_NAME, BTF_INFO, BTF_SIZE, BTF_TYPE_ID = BTF_SIZE, BTF_COMMON };

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

/* btf_count - types have the ids 1 to this. */
uint32_t btf_count(const struct btf *btf);

/* btf_first, btf_after - walk all records, ids 1 to btf_count(). */
const uint32_t *btf_first(const struct btf *btf);
const uint32_t *btf_after(const uint32_t *record);

/* btf_strip - @id without qualifiers and tags, and with @typedefs without those; 0 when that leads
 * to void, to nothing, or in a circle. */
uint32_t btf_strip(const struct btf *btf, uint32_t id, bool typedefs);

/* btf_size - bytes of the type @id; -1 when it has no size. */
int64_t btf_size(const struct btf *btf, uint32_t id);

#endif
