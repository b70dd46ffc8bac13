/* What btf.c (the blob: checks, records, names) and btf_type.c (records to types) share. */
#ifndef SKEP_TYPES_BTF_PRIV_H
#define SKEP_TYPES_BTF_PRIV_H

#include "types/btf_record.h"

struct btf {
	struct types *types;
	uint8_t *data; /* the blob: mapped, or from malloc */
	size_t size;
	bool is_mapped;
	bool is_lent; /* the blob is the caller's, the index the arena's */
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

#endif
