/* Every part with its length or a tag in front, so that no two decisions give the same bytes. */
#include "crypt/hash.h"
#include "policy/decide.h"

/* Gathers small pieces: the hash function is costly to enter. */
struct hasher {
	struct crypt_sha256 h;
	size_t n;
	char bytes[1024];
};

static void
hash_bytes(struct hasher *h, Str s)
{
	if (h->n + s.n > sizeof h->bytes) {
		crypt_sha256_add(&h->h, str_of(h->bytes, h->n));
		h->n = 0;
	}
	if (s.n > sizeof h->bytes) {
		crypt_sha256_add(&h->h, s);
	} else if (s.n) {
		memcpy(h->bytes + h->n, s.p, s.n);
		h->n += s.n;
	}
}

static void
hash_number(struct hasher *h, uint32_t v)
{
	const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	hash_bytes(h, str_of(b, sizeof b));
}

static void
hash_text(struct hasher *h, Str s)
{
	hash_number(h, (uint32_t)s.n);
	hash_bytes(h, s);
}

static void
hash_rows(struct hasher *h, const struct predicate *p)
{
	if (!p) {
		hash_number(h, UINT32_MAX);
		return;
	}
	hash_number(h, (uint32_t)p->op);
	if (p->op == PRED_AND || p->op == PRED_OR || p->op == PRED_NOT) {
		hash_rows(h, p->left);
		if (p->op != PRED_NOT) hash_rows(h, p->right);
		return;
	}
	hash_text(h, p->column);
	hash_number(h, (uint32_t)p->literal_count);
	for (size_t i = 0; i < p->literal_count; i++) {
		hash_number(h, (uint32_t)p->literals[i].kind);
		hash_text(h, p->literals[i].text);
	}
}

/* Groups change what the extract holds; where there are none nothing is added, so that what was kept before is found. */
static void
hash_groups(struct hasher *h, const struct policy_terms *t)
{
	if (t->min_group == 0 || FAULT(GROUPS)) return;
	hash_text(h, S("groups"));
	hash_number(h, t->min_group);
	hash_number(h, (uint32_t)t->group_by_count);
	for (size_t i = 0; i < t->group_by_count; i++) hash_text(h, t->group_by[i]);
	hash_text(h, t->unit);
}

void
digest(const struct policy_question *q, struct policy_decision *d)
{
	struct hasher h;
	bool keyed = false;

	h.n = 0;
	crypt_sha256_init(&h.h);
	hash_text(&h, S("heddle decision v1"));
	hash_rows(&h, d->rows);
	for (size_t i = 0; i < q->table->column_count; i++) {
		const struct policy_column_rule *r = &d->columns[i];
		if (!r->hidden && r->mask == MASK_NONE) continue;
		hash_text(&h, q->table->columns[i].name);
		hash_number(&h, r->hidden ? UINT32_MAX : (uint32_t)r->mask);
		keyed |= !r->hidden && r->mask == MASK_HASH;
	}
	hash_number(&h, keyed);
	if (keyed && !FAULT(KEYED)) {
		hash_text(&h, q->who->domain_id);
		hash_text(&h, q->purpose);
		if (d->apart) hash_text(&h, S("apart"));
	}
	hash_groups(&h, &d->terms);
	crypt_sha256_add(&h.h, str_of(h.bytes, h.n));
	crypt_sha256_end(&h.h, d->hash);
}
