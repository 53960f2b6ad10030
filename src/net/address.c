#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Not to be reached from outside their own network, or no single host at all. */
static const char *const special[] = {
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
};

/* The only IPv6 addresses given out to hosts; what is special among them. */
static const char GLOBAL[] = "2000::/3";
static const char *const special_global[] = {"2001::/23", "2001:db8::/32", "3fff::/20"};

static bool
within(const uint8_t a[static 16], const struct address_range *r)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(a, r->bytes, whole) != 0) return false;
	return rest == 0 || ((a[whole] ^ r->bytes[whole]) >> (8 - rest)) == 0;
}

static bool
range_parse(Str text, struct address_range *ret)
{
	char host[INET6_ADDRSTRLEN];
	Str name, bits = str_cut(text, '/', &name);
	uint64_t n = 0;

	if (name.n >= sizeof host || (bits.p && (!str_u64(bits, &n) || n > 128))) return false;
	memcpy(host, name.p, name.n);
	host[name.n] = 0;
	*ret = (struct address_range){0};
	if (inet_pton(AF_INET6, host, ret->bytes) == 1) {
		ret->bits = bits.p ? (unsigned)n : 128;
		return true;
	}
	memcpy(ret->bytes, MAPPED, sizeof MAPPED);
	if (inet_pton(AF_INET, host, ret->bytes + 12) != 1 || n > 32) return false;
	ret->bits = 96 + (bits.p ? (unsigned)n : 32);
	return true;
}

Err
address_list_parse(struct ctx *c, Str text, struct address_list *ret)
{
	struct address_list list = {0};
	Str one;

	while (text.n) {
		text = str_cut(text, ',', &one);
		one = str_trim(one);
		ENSURE(c, list.count < ADDRESS_RANGES_MAX, INVALID, "more than %d addresses", ADDRESS_RANGES_MAX);
		ENSURE(c, range_parse(one, &list.ranges[list.count]), INVALID, "'%.*s' is no address or range like 10.1.0.0/16", STR(one));
		list.count++;
	}
	*ret = list;
	return OK;
}

static bool
in_table(const uint8_t a[static 16], const char *const *table, size_t n)
{
	struct address_range r;

	for (size_t i = 0; i < n; i++)
		if (range_parse(str_c(table[i]), &r) && within(a, &r)) return true;
	return false;
}

static bool
is_public(const uint8_t a[static 16])
{
	if (memcmp(a, MAPPED, sizeof MAPPED) == 0) return !in_table(a, special, ARRAY_LEN(special));
	if (a[0] == 0x20 && a[1] == 0x02) { /* 6to4: an IPv4 address is inside, and its relays are gone (RFC 7526) */
		return false;
	}
	return in_table(a, (const char *const[]){GLOBAL}, 1) && !in_table(a, special_global, ARRAY_LEN(special_global));
}

enum address_kind
address_judge(const struct sockaddr *sa, const struct address_list *listed)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	uint8_t a[16];

	if (sa->sa_family == AF_INET) {
		memcpy(&four, sa, sizeof four);
		memcpy(a, MAPPED, sizeof MAPPED);
		memcpy(a + 12, &four.sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&six, sa, sizeof six);
		memcpy(a, &six.sin6_addr, 16);
	} else {
		return ADDRESS_REFUSED;
	}
	for (size_t i = 0; i < listed->count; i++)
		if (within(a, &listed->ranges[i])) return ADDRESS_LISTED;
	return is_public(a) ? ADDRESS_PUBLIC : ADDRESS_REFUSED;
}
