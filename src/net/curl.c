#include "net/curl.h"

#include <dlfcn.h>
#include <string.h>

static const struct {
	const char *name;
	size_t at;
} symbols[] = {
#define CURL(name) {"curl_" #name, offsetof(struct curl_api, name)},
#include "net/curl.def"
#undef CURL
};

Err
curl_load(struct ctx *c, struct curl_api *ret)
{
	static const char *const names[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};
	struct curl_api api;
	void *library = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names) && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	ENSURE(c, library, UNAVAILABLE, "libcurl is not installed: %s", dlerror());
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *f = dlsym(library, symbols[i].name);
		ENSURE(c, f, UNAVAILABLE, "libcurl lacks %s", symbols[i].name);
		memcpy((char *)&api + symbols[i].at, &f, sizeof f);
	}
	*ret = api;
	return OK;
}
