/* Uploads: files sent for a publish that has not come yet. Known by person, forgotten after an hour, gone with the lake. */
#ifndef HEDDLE_CORE_UPLOADS_H
#define HEDDLE_CORE_UPLOADS_H

#include "core/request.h"

struct upload {
	char id[CRYPT_SHORT_ID_MAX];
	char person_id[CRYPT_ID_MAX];
	char sha256[CRYPT_HASH_TEXT];
	uint64_t bytes;
	int64_t since_ns;
	bool taken; /* a publish works on it */
};

void upload_forget(struct core *core, Str id); /* the lake keeps or discards the file itself */

#endif
