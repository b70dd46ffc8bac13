/*
 * Access to tracefs through one directory descriptor. See tracefs.h for the contract.
 *
 * Needs: Linux 5.2 (fsopen) for the private mount; a mounted tracefs needs nothing special.
 * Called by probe (names, formats) and by tests, which give a folder instead.
 */
#include "types/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAX_FILE = 64 << 20 }; /* available_events has 60 KB, a format 2 KB */

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The folder exists without a mount too, so what is there must be asked for. */
static int open_mounted(const char *path)
{
	struct statfs st;
	int fd = open_directory(path);

	if (fd < 0 || (!fstatfs(fd, &st) && st.f_type == TRACEFS_MAGIC))
		return fd;
	close(fd);
	return -ENOENT;
}

static int mount_privately(void)
{
	int fs = syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return -errno;
	fd = syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (!fd)
		fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	close(fs);
	return fd;
}

int tracefs_open(struct tracefs *fs)
{
	int fd, mounted;

	if (fs->dirfd >= 0)
		return fs->dirfd;
	if (fs->root) {
		fd = open_directory(fs->root);
	} else {
		fd = mounted = open_mounted("/sys/kernel/tracing");
		if (fd < 0)
			fd = open_mounted("/sys/kernel/debug/tracing");
		if (fd < 0)
			fd = mount_privately();
		if (fd < 0 && mounted == -EACCES)
			fd = mounted; /* the nearer of the two reasons */
	}
	if (fd >= 0)
		fs->dirfd = fd;
	return fd;
}

int tracefs_read(struct tracefs *fs, const char *path, struct buf *out)
{
	int fd = tracefs_open(fs);

	return fd < 0 ? fd : buf_read_file(out, fd, path, MAX_FILE);
}

void tracefs_done(struct tracefs *fs)
{
	if (fs->dirfd >= 0)
		close(fs->dirfd);
	fs->dirfd = -1;
}

const char *tracefs_why(int err)
{
	switch (err < 0 ? -err : err) {
	case EACCES:
		return "tracefs may not be read: it takes CAP_DAC_READ_SEARCH; run as root or "
		       "give the program that capability";
	case EPERM:
		return "tracefs is not mounted, and mounting it takes CAP_SYS_ADMIN; run as root "
		       "or have it mounted: mount -t tracefs none /sys/kernel/tracing";
	case ENODEV:
	case ENOSYS:
		return "this kernel has no tracefs; tracepoints need one built with CONFIG_TRACING";
	case ENOENT: return "tracefs has no such file; the event may belong to another kernel";
	default: return "tracefs could not be read";
	}
}
