/*
 * ELF objects of clang and gcc, to images and back.
 *
 * Reading links: several objects become one image, their symbols resolved against each other as a
 * static linker does, sections of variables of one name put together. Programs are what stands in
 * named sections of code; functions in .text are appended to the programs that call them.
 *
 * The bytes are not trusted: what is damaged is refused with a reason.
 */
#ifndef SKEP_IMAGE_OBJECT_H
#define SKEP_IMAGE_OBJECT_H

#include "base/diag.h"
#include "image/image.h"
#include "types/btf.h"

struct object_file {
	const char *name; /* for messages */
	const void *data; /* not needed after reading */
	size_t size;
};

struct object_options {
	struct btf *target;  /* whose types CO-RE relocates to; NULL: as compiled */
	const char *config;  /* the kernel's configuration as text, for CONFIG_* variables */
	uint32_t kernel;     /* KERNEL(major, minor) + patch level, for LINUX_KERNEL_VERSION */
	bool has_bpf_cookie; /* for LINUX_HAS_BPF_COOKIE */
	bool is_listing;     /* only looked at: what is not known of a kernel or not defined
			      * anywhere does not matter */
};

/* object_read - the image that @files (at least one) make together, in the arena of @types. Source
 * lines that the objects carry are added to @sources, as far as there are any. @opt may be NULL.
 * 0, or -EINVAL with the reasons in @diags. */
int object_read(const struct object_file *files, uint32_t nfiles, const struct object_options *opt,
		struct types *types, struct sources *sources, struct diags *diags,
		struct image **ret);

/* object_is_elf - whether @data begins as an ELF file does. */
bool object_is_elf(const void *data, size_t size);

/* object_write - appends @img as a relocatable object that object_read() reads back to an equal
 * image, and that libbpf loads. -EINVAL with the reason in @diags when it holds what an object
 * cannot say; -ENOMEM. */
int object_write(const struct image *img, struct diags *diags, struct buf *out);

/* What the name of a section of code says of its programs. */
struct section_kind {
	const char *name;
	uint32_t type, attach_type, flags;
	const char *btf; /* prefix of the function or typedef that is attached to, NULL: none */
};

/* section_kind - the row for @section ("kprobe/vfs_read"); NULL: nothing is known by that name.
 * *ret_arg (may be NULL) is what follows the first '/', or NULL. */
const struct section_kind *section_kind(const char *section, const char **ret_arg);

/* section_for - a section name for programs of @type and @attach_type; NULL: there is none. */
const char *section_for(uint32_t type, uint32_t attach_type);

/* section_hint - adds the nearest section name to the newest message. */
void section_hint(struct diags *diags, const char *section);

#endif
