/* What policy has to know of DuckDB's type texts ("DECIMAL(18,2)", "TIMESTAMP WITH TIME ZONE", "STRUCT(a INTEGER)[]"). */
#ifndef HEDDLE_POLICY_TYPE_H
#define HEDDLE_POLICY_TYPE_H

#include "base/str.h"

/* Numbers stand together, and so do days and times: rows.c compares by range. */
enum type_class {
	TYPE_OTHER,     /* ENUM, INTERVAL, nested and unknown ones */
	TYPE_TEXT,
	TYPE_INTEGER,   /* up to 64 bits */
	TYPE_HUGE,      /* 128 bits */
	TYPE_UHUGE,
	TYPE_DECIMAL,
	TYPE_FLOAT,
	TYPE_BOOL,
	TYPE_DATE,
	TYPE_TIMESTAMP, /* without zone, microseconds or coarser */
	TYPE_TIMESTAMP_NS,
	TYPE_TIMESTAMP_TZ,
	TYPE_TIME,
	TYPE_UUID,
	TYPE_BLOB,
};

struct type_info {
	enum type_class class;
	unsigned width, scale; /* DECIMAL */
};

/* Any case. Anything not known to the letter is TYPE_OTHER. */
struct type_info type_of(Str type);

#endif
