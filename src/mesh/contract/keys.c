#include "mesh/contract/keys.h"

static const struct key *
key_at(const struct block *b, size_t i)
{
	return i < b->n ? &b->keys[i] : i < b->n + b->common_n ? &b->common[i - b->n] : NULL;
}

static const struct key *
key_find(const struct block *b, Str name)
{
	const struct key *k;

	for (size_t i = 0; (k = key_at(b, i)); i++)
		if (str_eqc(name, k->name)) return k;
	return NULL;
}

/* Levenshtein's distance, or 3 when it is more than 2 or a text is too long to bother. */
static unsigned
distance(Str a, Str b)
{
	unsigned row[65];

	if (a.n > 64 || b.n > 64) return 3;
	for (unsigned j = 0; j <= b.n; j++) row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned up = row[j], best = diagonal + (a.p[i - 1] != b.p[j - 1]);
			if (up + 1 < best) best = up + 1;
			if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
			diagonal = up;
			row[j] = best;
		}
	}
	return row[b.n] < 3 ? row[b.n] : 3;
}

static Err
unknown_key(struct ctx *c, const struct block *b, const struct node *n)
{
	const char *meant = NULL;
	unsigned best = 3;
	const struct key *k;

	for (size_t i = 0; (k = key_at(b, i)); i++) {
		unsigned d = str_ieq(n->key, str_c(k->name)) ? 0 : distance(n->key, str_c(k->name));
		if (d < best) best = d, meant = k->name;
	}
	if (meant)
		return err_set(
		    c, ERR_INVALID, AT "unknown key '%.*s' in %s: did you mean '%s'?", KEY_PLACE(n), STR(n->key), b->name, meant);
	if (!key_find(b, S("customProperties"))) return err_set(c, ERR_INVALID, AT "unknown key '%.*s' in %s", KEY_PLACE(n), STR(n->key), b->name);
	return err_set(c, ERR_INVALID, AT "unknown key '%.*s' in %s; what the standard does not know belongs into customProperties",
	    KEY_PLACE(n), STR(n->key), b->name);
}

static bool
word_in(const char *words, Str word)
{
	Str rest = str_c(words), head;

	while (rest.p) {
		rest = str_cut(rest, '|', &head);
		if (str_eq(head, word)) return true;
	}
	return false;
}

static Err
wrong(struct ctx *c, const struct node *n, const char *wanted)
{
	const char *has = n->kind == NODE_MAP ? "a map" : n->kind == NODE_SEQ ? "a list" : n->type == SCALAR_NULL ? "nothing" : NULL;

	if (has) return err_set(c, ERR_INVALID, AT "'%.*s' must be %s, not %s", PLACE(n), STR(n->key), wanted, has);
	return err_set(c, ERR_INVALID, AT "'%.*s' must be %s, not %.*s", PLACE(n), STR(n->key), wanted, STR(n->text));
}

static Err
text_check(struct ctx *c, const struct key *k, const struct node *n)
{
	if (n->kind != NODE_SCALAR || n->type == SCALAR_NULL) return wrong(c, n, "text");
	ENSURE(c, n->type == SCALAR_TEXT, INVALID, AT "'%s' must be text: put %.*s in quotes", PLACE(n), k->name, STR(n->text));
	ENSURE(c, !k->values || word_in(k->values, n->text), INVALID, AT "'%s' is '%.*s', must be one of %s", PLACE(n), k->name,
	    STR(n->text), k->values);
	if (k->shape != ID) return OK;
	ENSURE(c, n->text.n > 0, INVALID, AT "an id must not be empty", PLACE(n));
	for (size_t i = 0; i < n->text.n; i++) {
		char ch = n->text.p[i];
		bool fine = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-';
		ENSURE(c, fine, INVALID, AT "id '%.*s' may only have letters, digits, '_' and '-'", PLACE(n), STR(n->text));
	}
	return OK;
}

static Err
texts_check(struct ctx *c, const struct key *k, const struct node *n)
{
	if (n->kind != NODE_SEQ) return wrong(c, n, "a list of texts");
	for (const struct node *m = n->first; m; m = m->next)
		ENSURE(c, m->kind == NODE_SCALAR && m->type == SCALAR_TEXT, INVALID,
		    AT "'%s' must be a list of texts (in quotes where needed)", PLACE(m), k->name);
	return OK;
}

static Err
numbers_check(struct ctx *c, const struct key *k, const struct node *n)
{
	double low, high;

	ENSURE(c, n->kind == NODE_SEQ && n->count == 2 && node_number(n->first, &low) && node_number(n->first->next, &high) && low < high,
	    INVALID, AT "'%s' must be a list of two numbers, the smaller first", PLACE(n), k->name);
	return OK;
}

static Err
blocks_check(struct ctx *c, const struct block *b, const struct node *n)
{
	if (n->kind != NODE_SEQ) return wrong(c, n, "a list");
	for (const struct node *m = n->first; m; m = m->next) TRY(contract_block_check(c, b, m));
	return OK;
}

static Err
single_check(struct ctx *c, const struct key *k, const struct node *n)
{
	double number;
	int64_t whole;
	bool truth;

	switch (k->shape) {
	case NUMBER: return node_number(n, &number) ? OK : wrong(c, n, "a number");
	case INT: return node_int(n, &whole) ? OK : wrong(c, n, "a whole number");
	case BOOL: return node_bool(n, &truth) ? OK : wrong(c, n, "true or false");
	case SCALAR: return n->kind == NODE_SCALAR ? OK : wrong(c, n, "a single value");
	case PORT: return node_int(n, &whole) ? OK : text_check(c, k, n);
	case OBJECT: return n->kind == NODE_MAP ? OK : wrong(c, n, "a map");
	case ANYS: return n->kind == NODE_SEQ ? OK : wrong(c, n, "a list");
	case TEXTS: return texts_check(c, k, n);
	case NUMBERS2: return numbers_check(c, k, n);
	case TEXT_OR_TEXTS: return n->kind == NODE_SEQ ? texts_check(c, k, n) : text_check(c, k, n);
	case TEXT_OR_OBJECT: return n->kind == NODE_MAP ? OK : text_check(c, k, n);
	case ANY: return OK;
	default: return text_check(c, k, n);
	}
}

static Err
value_check(struct ctx *c, const struct key *k, const struct node *n)
{
	switch (k->shape) {
	case BLOCK: return contract_block_check(c, k->block, n);
	case BLOCKS: return blocks_check(c, k->block, n);
	case TEXT_OR_BLOCK: return n->kind == NODE_MAP ? contract_block_check(c, k->block, n) : text_check(c, k, n);
	case BLOCK_OR_BLOCKS:
		return n->kind == NODE_SEQ ? blocks_check(c, k->block->keys[0].block, n) : contract_block_check(c, k->block, n);
	default: return single_check(c, k, n);
	}
}

/* Is `name` among "a b! c"? Tells whether it is marked. */
static bool
server_key(Str keys, Str name, bool *ret_must)
{
	Str head;

	while (keys.p) {
		keys = str_cut(keys, ' ', &head);
		bool must = str_ends(head, S("!"));
		if (must) head.n--;
		if (!str_eq(head, name)) continue;
		*ret_must = must;
		return true;
	}
	return false;
}

/* The keys of a server depend on its type. */
static Err
server_check(struct ctx *c, const struct node *n)
{
	const struct node *type = node_get(n, S("type"));
	const char *keys = NULL;
	bool must;

	for (size_t i = 0; i < contract_server_type_count; i++)
		if (str_eqc(type->text, contract_server_types[i].type)) keys = contract_server_types[i].keys;
	ENSURE(c, keys, INVALID, AT "unknown type of server '%.*s' (use custom)", PLACE(type), STR(type->text));
	for (const struct node *m = n->first; m; m = m->next) {
		bool common = false;
		for (size_t i = 0; i < CONTRACT_SERVER_COMMON; i++) common = common || str_eqc(m->key, contract_block_server.keys[i].name);
		ENSURE(c, common || server_key(str_c(keys), m->key, &must), INVALID, AT "a server of type %.*s has no key '%.*s'",
		    KEY_PLACE(m), STR(type->text), STR(m->key));
	}
	for (size_t i = CONTRACT_SERVER_COMMON; i < contract_block_server.n; i++)
		ENSURE(c,
		    !server_key(str_c(keys), str_c(contract_block_server.keys[i].name), &must) || !must ||
		        node_get(n, str_c(contract_block_server.keys[i].name)),
		    INVALID, AT "a server of type %.*s needs the key '%s'", PLACE(n), STR(type->text), contract_block_server.keys[i].name);
	return OK;
}

Err
contract_block_check(struct ctx *c, const struct block *b, const struct node *n)
{
	const struct key *k;

	ENSURE(c, n->kind == NODE_MAP, INVALID, AT "here should stand %s: a map of keys and values", PLACE(n), b->name);
	for (const struct node *m = n->first; m; m = m->next) {
		k = key_find(b, m->key);
		if (!k) return unknown_key(c, b, m);
		TRY(value_check(c, k, m));
	}
	for (size_t i = 0; (k = key_at(b, i)); i++)
		ENSURE(c, !k->must || node_get(n, str_c(k->name)), INVALID, AT "%s needs the key '%s'", PLACE(n), b->name, k->name);
	return b == &contract_block_server ? server_check(c, n) : OK;
}

Err
contract_keys_check(struct ctx *c, const struct node *root)
{
	return contract_block_check(c, &contract_block_top, root);
}
