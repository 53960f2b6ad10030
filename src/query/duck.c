#include "query/duck.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/hash.h"

Err
duck_path(struct ctx *c, char ret[static DUCK_PATH_MAX])
{
	static const char name[] = "libduckdb.so";
	char path[DUCK_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof name);

	ENSURE(c, n > 0, UNAVAILABLE, "readlink /proc/self/exe: %s", strerror(errno));
	while (n > 0 && path[n - 1] != '/') n--;
	memcpy(path + n, name, sizeof name);
	memcpy(ret, path, (size_t)n + sizeof name);
	return OK;
}

Err
duck_open(struct ctx *c, int *ret_fd)
{
	char path[DUCK_PATH_MAX];

	TRY(duck_path(c, path));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ENSURE(c, fd >= 0, UNAVAILABLE, "the engine '%s' can't be opened: %s", path, strerror(errno));
	*ret_fd = fd;
	return OK;
}

Err
duck_check(struct ctx *c, int fd, Str expected_hex)
{
	char hex[CRYPT_HASH_TEXT];
	struct stat st;

	ENSURE(c, fstat(fd, &st) == 0 && st.st_size > 0, IO, "the engine's library: %s", strerror(errno));
	size_t n = (size_t)st.st_size;
	void *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	ENSURE(c, bytes != MAP_FAILED, IO, "the engine's library: mmap: %s", strerror(errno));
	crypt_sha256_text(str_of(bytes, n), hex);
	munmap(bytes, n);
	ENSURE(c, str_eqc(expected_hex, hex), CORRUPT, "libduckdb.so has the SHA-256 %s, not the pinned %.*s", hex, STR(expected_hex));
	return OK;
}

static const struct {
	const char *name;
	size_t at;
} symbols[] = {
#define DUCK(name) {"duckdb_" #name, offsetof(struct duck, duckdb_##name)},
#include "query/duck.def"
#undef DUCK
};

Err
duck_load(struct ctx *c, int fd, struct duck *ret)
{
	struct duck d;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ENSURE(c, library, UNAVAILABLE, "the engine can't be loaded: %s", dlerror());
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *f = dlsym(library, symbols[i].name);
		ENSURE(c, f, UNAVAILABLE, "the engine lacks %s", symbols[i].name);
		memcpy((char *)&d + symbols[i].at, &f, sizeof f);
	}
	*ret = d;
	return OK;
}
