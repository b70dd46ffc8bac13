/*
 * BTF, written: records one behind the other, strings kept once, types with all that they are
 * made of. Used for what the kernel is given with programs and maps, and for ELF objects.
 *
 * A zeroed writer is empty. It lives on the heap; the first failure sticks, and btf_write_finish
 * tells of it. The owner calls btf_write_done().
 */
#ifndef SKEP_TYPES_BTF_WRITE_H
#define SKEP_TYPES_BTF_WRITE_H

#include "types/btf_record.h"

enum btf_encoding { BTF_UNSIGNED = 0, BTF_SIGNED = 1, BTF_CHAR = 2, BTF_BOOL = 4 };
enum btf_linkage { BTF_STATIC, BTF_GLOBAL, BTF_EXTERN };

struct btf_writer {
	struct buf types, strings;
	uint32_t ntypes;
	uint32_t *slots; /* strings by hash: offset + 1 */
	uint32_t nslots, nstrings;
	struct btf_made *made; /* types written so far */
	uint32_t nmade, cap_made;
	int err;
};

void btf_write_done(struct btf_writer *w);

/* btf_write_string - the offset of @len bytes of @s. */
uint32_t btf_write_string(struct btf_writer *w, const char *s, size_t len);
/* btf_write_name - the same for an identifier; what no identifier may have becomes '_'. */
uint32_t btf_write_name(struct btf_writer *w, const char *name);

/* btf_write_record - begins a record, whose entries or extra words follow by btf_write_words; its
 * id. @count is the number of entries, with BTF_FLAG for records that have one. */
enum { BTF_FLAG = 1u << 31 };
uint32_t btf_write_record(struct btf_writer *w, enum btf_kind kind, uint32_t name, uint32_t count,
			  uint32_t size_or_type);
void btf_write_words(struct btf_writer *w, const uint32_t *words, uint32_t n);

uint32_t btf_write_int(struct btf_writer *w, const char *name, uint32_t size,
		       enum btf_encoding encoding);
uint32_t btf_write_pointer(struct btf_writer *w, uint32_t to);
uint32_t btf_write_array(struct btf_writer *w, uint32_t of, uint32_t count);

/* btf_write_type - @t and all that it consists of, each once; its id. What is only pointed to and
 * was never looked into is declared. False when no C type has the shape of @t. */
bool btf_write_type(struct btf_writer *w, struct types *types, const struct type *t,
		    uint32_t *ret_id);

/* btf_write_finish - appends the blob to @out. 0 or -ENOMEM. */
int btf_write_finish(struct btf_writer *w, struct buf *out);

#endif
