/* What the scanner takes, jansson takes too, and both give the same document; then the whole frame is read. */
#include <assert.h>

#include "base/arena.h"
#include "mesh/payload.h"

#include "../unit/mesh/doc_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO arena = ARENA_INIT;
	DOC_AUTO fast;
	DOC_AUTO slow;
	struct ctx c = {.arena = &arena};
	struct payload p;

	doc_init(&fast);
	doc_init(&slow);
	if (doc_scan(str_of(data, size), &fast))
		assert(err_ok(doc_parse(&c, str_of(data, size), size, &slow)) && doc_equal(doc_root(&fast), doc_root(&slow)));
	doc_fini(&slow);
	if (err_ok(payload_read(&c, str_of(data, size), &slow, &p))) assert(p.body);
	return 0;
}
