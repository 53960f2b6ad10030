/* Any payload, as a domain or a center (first byte) would say it: what the sink is told of it can be put back. */
#include <assert.h>
#include "codec/dsse.h"
#include "mesh/mesh.h"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static Err load(struct ctx *c, void *arg, Str kind, Str id, Str body) { return mesh_load(c, arg, kind, id, body); }

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const Str domain[] = {S("{\"name\":\"d\",\"pub\":\"" ZERO "\",\"next\":\"" ZERO "\",\"center\":false}"),
	    S("{\"name\":\"d\",\"pub\":\"" ZERO "\",\"next\":\"" ZERO "\",\"center\":true}")};
	BUF_AUTO out = BUF_INIT;
	struct ctx c = {0};
	struct mesh_outcome outcome;
	if (size == 0 || size > 40000) return 0;
	struct mesh *m = mesh_new(), *again = mesh_new();
	assert(err_ok(mesh_load(&c, m, S("domain"), S(ZERO), domain[data[0] & 1])));
	assert(err_ok(mesh_load(&c, m, S("position"), S(ZERO), S("{\"size\":1,\"head\":\"" ZERO "\"}"))));
	dsse_encode(S(DSSE_EVENT_TYPE), str_of(data + 1, size - 1), S(""), (const uint8_t[64]){0}, &out);
	assert(err_ok(mesh_apply(&c, m, S(ZERO), 1, buf_view(&out), false, load, again, &outcome)));
	mesh_free(m);
	mesh_free(again);
	return 0;
}
