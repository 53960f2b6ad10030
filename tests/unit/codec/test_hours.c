#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/hours.h"

/* The canonical text; NULL where it is refused. */
static const struct { const char *text, *canonical; } table[] = {
    {"mon-fri/08:00-18:00", "mon-fri/08:00-18:00"},
    {"MON/00:00-24:00", "mon/00:00-24:00"},
    {"sat,sun/09:30-09:31", "sat,sun/09:30-09:31"},
    {"sat-mon/10:00-11:00", "mon,sat,sun/10:00-11:00"},
    {"mon,tue,wed/10:00-11:00", "mon-wed/10:00-11:00"},
    {"sun,mon,mon/10:00-11:00", "mon,sun/10:00-11:00"},
    {"tue-mon/01:00-02:00", "mon-sun/01:00-02:00"},
    {"", NULL},
    {"mon", NULL},
    {"mon/", NULL},
    {"/08:00-18:00", NULL},
    {"mon-/08:00-18:00", NULL},
    {"monday/08:00-18:00", NULL},
    {"mon/8:00-18:00", NULL},
    {"mon/08:00-18:60", NULL},
    {"mon/08:00-24:01", NULL},
    {"mon/18:00-08:00", NULL},
    {"mon/08:00-08:00", NULL},
    {"mon/08:00", NULL},
    {"mon/08:00-18:00 ", NULL},
    {"mon,/08:00-18:00", NULL},
};

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		ARENA_AUTO arena = ARENA_INIT;
		BUF_AUTO text = BUF_INIT;
		struct ctx c = {.arena = &arena};
		struct hours h;
		Err e = hours_parse(&c, str_c(table[i].text), &h);
		if (err_ok(e) != (table[i].canonical != NULL)) fail_msg("'%s': %s", table[i].text, err_ok(e) ? "taken" : c.detail);
		if (!err_ok(e)) continue;
		hours_print(&h, &text);
		assert_string_equal(buf_z(&text), table[i].canonical);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
