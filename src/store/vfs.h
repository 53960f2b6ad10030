/* SQLite's way to the disk, with our fault points in it (base/fault.h), so that the sweeps reach every read, write, sync and truncation
 * of the store and the directory; and with the rule of the log: behind a failed sync nothing more is written to that file, because
 * the kernel may have dropped the pages and a later sync would not tell. Private to store/. */
#ifndef HEDDLE_STORE_VFS_H
#define HEDDLE_STORE_VFS_H

/* The name to open with; made known to SQLite at the first call. */
const char *vfs_name(void);

#endif
