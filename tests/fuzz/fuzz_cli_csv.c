#include <stdio.h>

#include "cmd/cli/csv.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return freopen("/dev/null", "w", stdout) ? 0 : 1; /* the table goes there */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ctx c = {0};
	struct csv csv = CSV_INIT(&c);
	size_t half = n / 2; /* cut where it may hurt */

	if (err_ok(csv_add(&csv, str_of(p, half))) && err_ok(csv_add(&csv, str_of(p + half, n - half))) && !err_ok(csv_end(&csv))) c.detail[0] = 0;
	csv_fini(&csv);
	return 0;
}
