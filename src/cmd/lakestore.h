/* The lake's folders: uploads on their way in, objects that stay, and the folders of hard links that readers and workers see.
 *
 *   staging/<upload>       what is being uploaded or waits to be kept
 *   objects/<sha256>       kept: immutable, named by content
 *   quarantine/<batch>/    files/<upload>…, report.json
 *   views/<view>/          links for one reader or worker
 *   extracts/<name>        the cache of extracts; extracts/.new-<view>/ is one being filled
 * staging, views and extracts hold nothing across a restart: they are emptied at open.
 *
 * Names from outside are [a-z0-9_.-]{1,128} without a leading dot, else INVALID; nothing ever follows a symbolic link. Files are
 * mode 0444 from their first moment, and may be linked into a folder that another uid reads. FULL when the disk is full: what was
 * begun is undone. Single-threaded. */
#ifndef HEDDLE_CMD_LAKESTORE_H
#define HEDDLE_CMD_LAKESTORE_H

#include "base/map.h"
#include "crypt/hash.h"
#include "ipc/msg.h"

enum { LAKE_NAME_MAX = 128 };

struct lake {
	int dir, staging, objects, quarantine, views, extracts; /* owned, but for dir */
	struct map sealed;                                       /* upload → struct lake_sealed */
};

struct lake_sealed {
	char sha256[CRYPT_HASH_TEXT];
	uint64_t bytes;
};

/* dirfd is borrowed for the lifetime; the six folders exist. */
NODISCARD Err lake_open(struct ctx *c, int dirfd, struct lake *ret);
void lake_close(struct lake *l);

/* The name with a NUL behind it, when it is one. */
typedef struct { char z[LAKE_NAME_MAX + 1]; } LakeName;
NODISCARD Err lake_name(struct ctx *c, Str s, LakeName *ret);

/* A new staging file, open for writing. CONFLICT when there is one. */
NODISCARD Err lake_upload(struct ctx *c, struct lake *l, Str upload, int *ret_fd);

/* Sealing: hash and sync a staging file, a step at a time (2 MiB), so that others need not wait. CONFLICT while somebody can still
 * write to it. */
struct lake_seal {
	char upload[LAKE_NAME_MAX + 1];
	int fd;
	uint64_t done_bytes, total_bytes;
	struct crypt_sha256 hash;
};
NODISCARD Err lake_seal_begin(struct ctx *c, struct lake *l, Str upload, struct lake_seal *ret);
NODISCARD Err lake_seal_step(struct ctx *c, struct lake *l, struct lake_seal *s, bool *ret_done);
void lake_seal_fini(struct lake_seal *s);
/* What sealing found; NULL when it was not sealed. */
const struct lake_sealed *lake_sealed(const struct lake *l, Str upload);

/* Sealed uploads become objects, durable on return; their staging files go. Again: OK. */
NODISCARD Err lake_keep(struct ctx *c, struct lake *l, List uploads);
/* They and a report are set aside under the batch's name, durable on return. Again: OK. */
NODISCARD Err lake_quarantine(struct ctx *c, struct lake *l, Str batch, List uploads, Str report);
NODISCARD Err lake_discard(struct ctx *c, struct lake *l, List uploads);

/* A new empty folder; *ret_fd to read it. */
NODISCARD Err lake_view(struct ctx *c, struct lake *l, Str view, int *ret_fd);
/* sources: triples of kind (object, upload, extract), name, name in the view. All of them or none. */
NODISCARD Err lake_link(struct ctx *c, struct lake *l, Str view, List sources);
/* The view goes, and what was being extracted under its name. */
NODISCARD Err lake_view_drop(struct ctx *c, struct lake *l, Str view);

/* Empty files (added to those there are) for a reader to fill; *ret_fd is their folder, in which it can make no others. */
NODISCARD Err lake_extract(struct ctx *c, struct lake *l, Str view, List names, int *ret_fd);
/* They join the cache under their names; the folder stays for more. All must be regular files with bytes in them. */
NODISCARD Err lake_extract_keep(struct ctx *c, struct lake *l, Str view, List names, uint64_t *ret_bytes);
NODISCARD Err lake_extract_drop(struct ctx *c, struct lake *l, List names);

#endif
