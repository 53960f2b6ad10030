/* What `serve` can be told by a YAML file (--config), and how the core hears of it. */
#ifndef HEDDLE_CMD_SETTINGS_H
#define HEDDLE_CMD_SETTINGS_H

#include "core/core.h"

struct settings {
	const char *http;                    /* ADDR:PORT; NULL: the default */
	const char *root_key_file;           /* NULL: not given, as the next */
	const char *const *root_key_command; /* program and arguments, NULL at the end */
	const char *tls_certificate, *tls_key; /* paths, both or neither; as written, relative to the current folder */
	struct core_limits limits;
};

enum { SETTINGS_ARGS_MAX = 24, SETTINGS_FILE_MAX = 64 * 1024 };

void settings_default(struct settings *ret);
/* Change what the text sets. INVALID names key, line and column; what is unknown is refused. Texts are in the arena of c. */
NODISCARD Err settings_parse(struct ctx *c, Str yaml, struct settings *s);

/* "worker_memory=1073741824" … as arguments for the core, in the arena; returns how many of SETTINGS_ARGS_MAX. */
size_t settings_args(struct arena *a, const struct core_limits *limits, const char **ret);
/* The same read back. */
void settings_from_args(char *const *argv, struct core_limits *ret);

/* "2GiB", "500 MB", "1024" → bytes; "250ms", "30s", "5min", "2h", "30" (seconds) → milliseconds. False: none of them, or too large. */
bool settings_size(Str text, uint64_t *ret);
bool settings_time(Str text, uint64_t *ret);

#endif
