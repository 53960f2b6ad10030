/* Any payload, as a domain or a center (first byte) would say it that has a product, a member and a group: what the sink is told of it can be
 * put back. */
#include <assert.h>
#include "codec/dsse.h"
#include "mesh/mesh.h"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define SEEN "\"by\":\"person00\",\"seq\":1,\"since\":1"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static Err load(struct ctx *c, void *arg, Str kind, Str id, Str body) { return mesh_load(c, arg, kind, id, body); }

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const Str domain[] = {S("{\"name\":\"d\",\"pub\":\"" ZERO "\",\"next\":\"" ZERO "\",\"center\":false}"),
	    S("{\"name\":\"d\",\"pub\":\"" ZERO "\",\"next\":\"" ZERO "\",\"center\":true}")};
	static const struct { Str kind, id, body; } there[] = {
	    {S("position"), S(ZERO), S("{\"size\":1,\"head\":\"" ZERO "\"}")},
	    {S("member"), S(ZERO "/person00"), S("{\"active\":true," SEEN ",\"body\":{\"person\":\"person00\",\"role\":\"owner\"}}")},
	    {S("group"), S(ZERO "/grp_00000001"), S("{\"ended\":false,\"body\":{\"id\":\"grp_00000001\",\"name\":\"g\"}}")},
	    {S("product"), S(ZERO "/prd_00000001"), S("{\"seq\":1,\"published\":1,\"retired\":false,\"since\":1,\"by\":\"\",\"body\":{\"id\":\"prd_00000001\",\"name\":\"p\","
	        "\"version\":\"\",\"status\":\"active\",\"title\":\"\",\"purpose\":\"\",\"contract\":\"" ZERO "\",\"report\":\"\",\"snapshot\":\"\",\"discoverable\":true,"
	        "\"tables\":[{\"name\":\"t\",\"manifest\":\"\",\"rows\":1,\"columns\":[[\"a\",\"INT\",\"internal\"]]}]}}")}};
	BUF_AUTO out = BUF_INIT;
	struct ctx c = {0};
	struct mesh_outcome outcome;
	if (size == 0 || size > 40000) return 0;
	struct mesh *m = mesh_new(), *again = mesh_new();
	assert(err_ok(mesh_load(&c, m, S("domain"), S(ZERO), domain[data[0] & 1])));
	for (size_t i = 0; i < ARRAY_LEN(there); i++) assert(err_ok(mesh_load(&c, m, there[i].kind, there[i].id, there[i].body)));
	dsse_encode(S(DSSE_EVENT_TYPE), str_of(data + 1, size - 1), S(""), (const uint8_t[64]){0}, &out);
	assert(err_ok(mesh_apply(&c, m, S(ZERO), 1, buf_view(&out), false, load, again, &outcome)));
	mesh_free(m);
	mesh_free(again);
	return 0;
}
