#include "net/deliver.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/curl.h"

enum { URL_MAX = 2048, ANSWER_MAX = 64 * 1024, CONNECT_TIMEOUT_S = 5 };

static struct curl_api curl;

struct sending {
	const struct delivery *d;
	bool plain;      /* no TLS */
	bool refused;    /* by the address */
	size_t received;
};

Err
deliver_init(struct ctx *c)
{
	return curl_load(c, &curl);
}

Err
deliver_url_check(struct ctx *c, Str url)
{
	bool plain = str_starts(url, S("http://"));

	ENSURE(c, url.n <= URL_MAX, INVALID, "the URL has more than %d bytes", URL_MAX);
	ENSURE(c, plain || str_starts(url, S("https://")), INVALID, "the URL must begin with https://");
	for (size_t i = 0; i < url.n; i++)
		ENSURE(c, url.p[i] > ' ' && url.p[i] < 0x7f && url.p[i] != '"' && url.p[i] != '\\', INVALID, "the URL has a character that URLs have escaped, at byte %zu", i);
	size_t scheme = plain ? 7 : 8, n = 0;
	Str authority = str_of(url.p + scheme, url.n - scheme);
	while (n < authority.n && authority.p[n] != '/' && authority.p[n] != '?' && authority.p[n] != '#') n++;
	authority.n = n;
	ENSURE(c, authority.n > 0, INVALID, "the URL names no host");
	ENSURE(c, !memchr(authority.p, '@', authority.n), INVALID, "a URL with a name or password in it is not taken: the receiver checks the signature instead");
	return OK;
}

/* The last moment: the name is resolved, and this is where the connection would go. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct sending *s = arg;
	enum address_kind kind = address_judge(&to->addr, s->d->listed);

	if (purpose != CURLSOCKTYPE_IPCXN || kind == ADDRESS_REFUSED || (s->plain && kind != ADDRESS_LISTED)) {
		s->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Headers, trailers, body: thrown away; more than anybody needs to say thanks ends it. The library would keep trailers without a limit. */
static size_t
on_answer(char *p UNUSED, size_t size, size_t n, void *arg)
{
	struct sending *s = arg;

	s->received += size * n;
	return s->received <= ANSWER_MAX ? size * n : 0;
}

static struct curl_slist *
header_lines(const struct delivery *d)
{
	struct curl_slist *list = curl.slist_append(NULL, "Content-Type: application/json");
	BUF_AUTO line = BUF_INIT;

	list = curl.slist_append(list, "Expect:");
	list = curl.slist_append(list, "User-Agent: heddle");
	for (size_t i = 0; i < d->header_count; i++) {
		line.n = 0;
		buf_str(&line, d->headers[i]);
		list = curl.slist_append(list, buf_z(&line));
	}
	if (!list) abort();
	return list;
}

static void
set(CURL *e, struct sending *s, const char *url, struct curl_slist *headers)
{
	curl.easy_setopt(e, CURLOPT_URL, url);
	curl.easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(e, CURLOPT_PROXY, "");
	curl.easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl.easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl.easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->d->timeout_ms);
	curl.easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl.easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
	curl.easy_setopt(e, CURLOPT_HEADERFUNCTION, on_answer);
	curl.easy_setopt(e, CURLOPT_HEADERDATA, s);
	curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer);
	curl.easy_setopt(e, CURLOPT_WRITEDATA, s);
	curl.easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl.easy_setopt(e, CURLOPT_POST, 1L);
	curl.easy_setopt(e, CURLOPT_POSTFIELDS, s->d->body.p);
	curl.easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->d->body.n);
}

void
deliver(const struct delivery *d, struct delivery_result *ret)
{
	struct sending s = {.d = d, .plain = str_starts(d->url, S("http://"))};
	struct curl_slist *headers = header_lines(d);
	BUF_AUTO url = BUF_INIT;
	CURL *e = curl.easy_init();
	long status = 0;

	if (!e) abort();
	buf_str(&url, d->url);
	set(e, &s, buf_z(&url), headers);
	CURLcode code = curl.easy_perform(e);
	curl.easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	*ret = (struct delivery_result){.status = (int)status};
	if (s.refused)
		snprintf(ret->note, sizeof ret->note, "%s", s.plain ? "without TLS only to addresses listed in webhook_allow" : "the address is not a public one; webhook_allow can list it");
	else if (code != CURLE_OK && status == 0)
		snprintf(ret->note, sizeof ret->note, "%s", curl.easy_strerror(code));
	else if (status < 200 || status > 299)
		snprintf(ret->note, sizeof ret->note, "answered with status %ld", status);
	curl.easy_cleanup(e);
	curl.slist_free_all(headers);
}
