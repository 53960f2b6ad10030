/* The reader: a process for one task, with one snapshot's files, running only our own SQL. It writes extracts and ends. */
#ifndef HEDDLE_QUERY_READER_H
#define HEDDLE_QUERY_READER_H

#include "crypt/hash.h"
#include "ipc/msg.h"
#include "os/sandbox.h"
#include "query/engine.h"

struct reader_setup {
	int channel_fd, read_dir_fd, write_dir_fd, library_fd, temp_dir_fd; /* taken */
	uid_t uid; /* 0: stay */
	gid_t gid;
	uint64_t as_bytes; /* address space; 0: 4 GiB */
};

/* The role: load the engine, enter the sandbox, READY, answer one R_EXTRACT by R_DONE or FAILED, end the process. */
int reader_main(const struct reader_setup *setup);

/* The work, for main and tests. jobs: pairs (SELECT of extract_sql(), name of the file in the write folder). Rows written per job into
 * ret_rows, which has job_count entries. When it fails no file of the list stays. */
NODISCARD Err reader_extract(struct ctx *c, struct engine *e, const struct secret32 *key, List jobs, uint64_t *ret_rows);

#endif
