/* Shared by the tests of crypt/: what each process does before anything else of it. */
#ifndef CRYPT_KIT_H
#define CRYPT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypt/hash.h"

static inline int
kit_start(void **state)
{
	struct ctx c = {0};

	(void)state;
	return err_ok(crypt_init(&c)) ? 0 : -1;
}

#endif
