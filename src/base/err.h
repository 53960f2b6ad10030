/* Errors: returned, never ignored, told once.
 *
 * A function that can fail returns Err. OK is the zero value. The detail (one line for a person) is recorded once, where the
 * failure is noticed, in the caller's struct ctx; outer layers pass the Err on unchanged with TRY(). Bugs are not errors: they
 * assert(), the role dies and the parent restarts it. Running out of memory aborts (limits are kept at the door). */
#ifndef HEDDLE_BASE_ERR_H
#define HEDDLE_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))

enum err_code {
	ERR_NONE = 0,
#define ERR(name, http, exit, sqlstate, text) ERR_##name,
#include "base/err.def"
#undef ERR
	ERR_COUNT
};

/* The value itself. Compare `.code`; test for success with err_ok(). */
typedef struct { uint16_t code; } Err;

#define OK ((Err){ERR_NONE})

static inline int err_ok(Err e) { return e.code == ERR_NONE; }

const char *err_name(Err e);     /* "NOT_FOUND" */
const char *err_text(Err e);     /* the general sentence of err.def */
const char *err_sqlstate(Err e); /* five characters */
int err_http(Err e);             /* HTTP status, 200 for OK */
int err_exit(Err e);             /* exit status of the command line, 0 for OK */
/* The error of that name; ERR_INTERNAL when there is none. */
Err err_by_name(const char *name);

enum { CTX_DETAIL_MAX = 1024 };

struct arena;

/* Travels with a request: where to allocate and where to tell what went wrong. */
struct ctx {
	struct arena *arena;             /* freed when the request ends; may be NULL for code that does not allocate */
	char detail[CTX_DETAIL_MAX];     /* the first failure, one line, no trailing newline; "" when none */
};

/* Record the detail and return the error. Long details are cut at CTX_DETAIL_MAX, control characters become spaces. */
NODISCARD Err err_set(struct ctx *c, enum err_code code, const char *fmt, ...) PRINTF(3, 4);

/* The detail if one was recorded, else the general text. */
const char *err_detail(const struct ctx *c, Err e);

#define TRY(expr)                                                                                                              \
	do {                                                                                                                   \
		Err try_err_ = (expr);                                                                                         \
		if (!err_ok(try_err_)) return try_err_;                                                                        \
	} while (0)

#define ENSURE(c, cond, kind, ...)                                                                                             \
	do {                                                                                                                   \
		if (!(cond)) return err_set((c), ERR_##kind, __VA_ARGS__);                                                     \
	} while (0)

/* Leave an owner without its value: fd = TAKE(x.fd, -1). */
#define TAKE(lvalue, empty)                                                                                                    \
	__extension__({                                                                                                        \
		__typeof__(lvalue) taken_ = (lvalue);                                                                          \
		(lvalue) = (empty);                                                                                            \
		taken_;                                                                                                        \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
