/* What is taken must be written and read back as the same bytes. */
#include <assert.h>

#include "table/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO arena = ARENA_INIT;
	BUF_AUTO once = BUF_INIT;
	BUF_AUTO twice = BUF_INIT;
	struct ctx c = {.arena = &arena};
	struct manifest m;

	if (!err_ok(manifest_read(&c, str_of(data, size), &m))) return 0;
	manifest_write(&m, &once);
	assert(err_ok(manifest_read(&c, buf_view(&once), &m)));
	manifest_write(&m, &twice);
	assert(str_eq(buf_view(&once), buf_view(&twice)));
	return 0;
}
