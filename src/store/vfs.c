#include "store/vfs.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/fault.h"

/* What stands before SQLite's own file, which begins behind it. */
struct file {
	sqlite3_file base;
	bool dead;          /* a sync has failed */
	sqlite3_file *real; /* in the same piece of memory */
};

static struct file *
file_of(sqlite3_file *f)
{
	return (struct file *)f;
}

/* One hit; SQLITE_OK for none. *ret_short: let half of it happen first. */
static int
fault(const char *what, int failure, bool *ret_short)
{
	switch (os_fault_hit(what)) {
	case FAULT_KILL: kill(getpid(), SIGKILL); abort();
	case FAULT_ERRNO: return fault_armed.error == ENOSPC ? SQLITE_FULL : failure;
	case FAULT_SHORT:
		if (ret_short) *ret_short = true;
		return ret_short ? SQLITE_FULL : failure;
	case FAULT_NONE: break;
	}
	return SQLITE_OK;
}

static int
file_close(sqlite3_file *f)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int
file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	sqlite3_file *real = file_of(f)->real;
	int failed = fault("read", SQLITE_IOERR_READ, NULL);

	return failed ? failed : real->pMethods->xRead(real, p, n, at);
}

static int
file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	sqlite3_file *real = file_of(f)->real;
	bool half = false;
	int failed = file_of(f)->dead ? SQLITE_IOERR_WRITE : fault("write", SQLITE_IOERR_WRITE, &half);

	if (failed && !half) return failed;
	int result = real->pMethods->xWrite(real, p, half ? n / 2 : n, at);
	return failed ? failed : result;
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	sqlite3_file *real = file_of(f)->real;
	int failed = file_of(f)->dead ? SQLITE_IOERR_TRUNCATE : fault("truncate", SQLITE_IOERR_TRUNCATE, NULL);

	return failed ? failed : real->pMethods->xTruncate(real, size);
}

static int
file_sync(sqlite3_file *f, int flags)
{
	sqlite3_file *real = file_of(f)->real;
	int failed = file_of(f)->dead ? SQLITE_IOERR_FSYNC : fault("sync", SQLITE_IOERR_FSYNC, NULL);

	if (!failed) failed = real->pMethods->xSync(real, flags);
	if (failed) file_of(f)->dead = true;
	return failed;
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xFileSize(real, ret);
}

static int
file_lock(sqlite3_file *f, int level)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xLock(real, level);
}

static int
file_unlock(sqlite3_file *f, int level)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xUnlock(real, level);
}

static int
file_is_reserved(sqlite3_file *f, int *ret)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xCheckReservedLock(real, ret);
}

static int
file_control(sqlite3_file *f, int op, void *arg)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xFileControl(real, op, arg);
}

static int
file_sector_size(sqlite3_file *f)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xSectorSize(real);
}

static int
file_characteristics(sqlite3_file *f)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods->xDeviceCharacteristics(real);
}

/* Version 1: no shared memory, which locking_mode=EXCLUSIVE does without, and no mapping of files. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

static int
vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	sqlite3_vfs *under = v->pAppData;
	struct file *file = file_of(f);
	int failed = fault("open", SQLITE_CANTOPEN, NULL);

	*file = (struct file){.real = (sqlite3_file *)(file + 1)};
	if (failed) return failed; /* without methods: SQLite does not close it */
	int result = under->xOpen(under, name, file->real, flags, ret_flags);
	if (result == SQLITE_OK || file->real->pMethods) file->base.pMethods = &methods;
	return result;
}

static int
vfs_delete(sqlite3_vfs *v, const char *name, int sync_dir)
{
	sqlite3_vfs *under = v->pAppData;
	int failed = fault("unlink", SQLITE_IOERR_DELETE, NULL);

	return failed ? failed : under->xDelete(under, name, sync_dir);
}

const char *
vfs_name(void)
{
	static sqlite3_vfs vfs; /* SQLite keeps a list of them for the process */
	sqlite3_vfs *under = sqlite3_vfs_find(NULL);

	if (vfs.zName) return vfs.zName;
	vfs = *under;
	vfs.zName = "heddle";
	vfs.pNext = NULL;
	vfs.pAppData = under;
	vfs.szOsFile = (int)sizeof(struct file) + under->szOsFile;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) abort();
	return vfs.zName;
}
