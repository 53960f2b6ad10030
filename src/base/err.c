#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
	const char *name, *sqlstate, *text;
	int http, exit;
};

static const struct err_row rows[ERR_COUNT] = {
    [ERR_NONE] = {"OK", "00000", "done", 200, 0},
#define ERR(name, http, exit, sqlstate, text) [ERR_##name] = {#name, sqlstate, text, http, exit},
#include "base/err.def"
#undef ERR
};

static const struct err_row *
row_of(Err e)
{
	return &rows[e.code < ERR_COUNT ? e.code : ERR_INTERNAL];
}

const char *err_name(Err e) { return row_of(e)->name; }
const char *err_text(Err e) { return row_of(e)->text; }
const char *err_sqlstate(Err e) { return row_of(e)->sqlstate; }
int err_http(Err e) { return row_of(e)->http; }
int err_exit(Err e) { return row_of(e)->exit; }

Err
err_by_name(const char *name)
{
	for (uint16_t i = 0; i < ERR_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0) return (Err){i};
	return (Err){ERR_INTERNAL};
}

Err
err_set(struct ctx *c, enum err_code code, const char *fmt, ...)
{
	char line[CTX_DETAIL_MAX]; /* the arguments may point into c->detail */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	memcpy(c->detail, line, sizeof line);
	for (char *p = c->detail; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
	return (Err){(uint16_t)code};
}

const char *
err_detail(const struct ctx *c, Err e)
{
	return c->detail[0] ? c->detail : err_text(e);
}
