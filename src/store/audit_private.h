/* What the writer and the reader of the journal's index share. Not for other modules. */
#ifndef HEDDLE_STORE_AUDIT_PRIVATE_H
#define HEDDLE_STORE_AUDIT_PRIVATE_H

#include "store/audit.h"
#include "store/db.h"

struct audit {
	struct db db;
};

enum {
	POSITION_GET, POSITION_PUT, ENTRY_PUT, THING_PUT, FIND, FIND_NEWEST, FIND_ACTOR, FIND_ACTOR_NEWEST, FIND_THING, FIND_THING_NEWEST, FIRST_AT, USE_PUT, OPEN_PUT, OPEN_TABLES, OPEN_END, OPEN_DEL,
	USE_ALLOWED, USE_EACH, GRANT_LAST, PRODUCT_LAST, GRANTS_LAST, CHARGED, AUDIT_STATEMENTS
};

#endif
