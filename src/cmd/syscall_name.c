/*
 * Names of system calls, from the rows that the tracepoint provider has.
 * Needs: probe/syscall_*.def, syscall_more.def. Called by filter_seccomp.c.
 */
#include "cmd/syscall_name.h"

#include <string.h>

struct row {
	const char *name;
	int32_t number;
};

static const struct row x86_64[] = {
#define SYSCALL(name, number) { #name, number },
#include "cmd/syscall_more.def"
#include "probe/syscall_x86_64.def"
};

static const struct row arm64[] = {
#include "probe/syscall_arm64.def"
#undef SYSCALL
};

/* The rows have the names of the kernel's functions; these differ from the calls'. */
static const struct {
	const char *kernel, *user;
} renamed[] = {
	{ "newstat", "stat" },   { "newfstat", "fstat" },      { "newlstat", "lstat" },
	{ "newuname", "uname" }, { "sendfile64", "sendfile" }, { "umount", "umount2" },
};

/* AUDIT_ARCH_* of include/uapi/linux/audit.h. */
static const struct arch {
	const char *name;
	uint32_t value;
	const struct row *rows;
	size_t nrows;
} archs[] = {
	{ "x86_64", 0xc000003e, x86_64, ARRAY_LEN(x86_64) },
	{ "aarch64", 0xc00000b7, arm64, ARRAY_LEN(arm64) },
	{ "i386", 0x40000003, NULL, 0 },
	{ "arm", 0x40000028, NULL, 0 },
	{ "riscv64", 0xc00000f3, NULL, 0 },
	{ "s390x", 0x80000016, NULL, 0 },
	{ "s390", 0x00000016, NULL, 0 },
	{ "ppc64le", 0xc0000015, NULL, 0 },
	{ "ppc64", 0x80000015, NULL, 0 },
	{ "ppc", 0x00000014, NULL, 0 },
	{ "loongarch64", 0xc0000102, NULL, 0 },
	{ "mips", 0x00000008, NULL, 0 },
	{ "mipsel", 0x40000008, NULL, 0 },
	{ "mips64", 0x80000008, NULL, 0 },
	{ "mipsel64", 0xc0000008, NULL, 0 },
	{ "mips64n32", 0xa0000008, NULL, 0 },
	{ "mipsel64n32", 0xe0000008, NULL, 0 },
};

static const struct arch *arch_find(uint32_t value)
{
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (archs[i].value == value)
			return &archs[i];
	}
	return NULL;
}

static const char *user_name(const char *kernel)
{
	for (size_t i = 0; i < ARRAY_LEN(renamed); i++) {
		if (streq(renamed[i].kernel, kernel))
			return renamed[i].user;
	}
	return kernel;
}

const char *syscall_name_find(uint32_t arch, uint32_t nr)
{
	const struct arch *a = arch_find(arch);

	for (size_t i = 0; a && i < a->nrows; i++) {
		if ((uint32_t)a->rows[i].number == nr)
			return user_name(a->rows[i].name);
	}
	return NULL;
}

static bool is_name(const char *a, const char *name, size_t len)
{
	return strlen(a) == len && memcmp(a, name, len) == 0;
}

int32_t syscall_name_number(uint32_t arch, const char *name, size_t len)
{
	const struct arch *a = arch_find(arch);

	for (size_t i = 0; a && i < a->nrows; i++) {
		const struct row *row = &a->rows[i];

		if (is_name(user_name(row->name), name, len) || is_name(row->name, name, len))
			return row->number;
	}
	return -1;
}

uint32_t syscall_name_limit(void)
{
	int32_t most = 0;

	for (size_t a = 0; a < ARRAY_LEN(archs); a++) {
		for (size_t i = 0; i < archs[a].nrows; i++)
			most = MAX(most, archs[a].rows[i].number);
	}
	return (uint32_t)most + 1;
}

const char *syscall_arch_name(uint32_t arch)
{
	const struct arch *a = arch_find(arch);

	return a ? a->name : NULL;
}

bool syscall_arch_find(const char *name, uint32_t *ret)
{
#ifdef __aarch64__
	static const char native[] = "aarch64";
#else
	static const char native[] = "x86_64";
#endif
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (streq(archs[i].name, name ? name : native)) {
			*ret = archs[i].value;
			return true;
		}
	}
	return false;
}
