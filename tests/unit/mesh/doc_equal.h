/* Do two documents say the same? Members of objects in any order. */
#ifndef TESTS_MESH_DOC_EQUAL_H
#define TESTS_MESH_DOC_EQUAL_H

#include "mesh/doc.h"

static inline bool
doc_equal(const struct doc_node *a, const struct doc_node *b)
{
	if (a->kind != b->kind || a->count != b->count || a->skip != b->skip) return false;
	if (a->kind == DOC_TEXT) return str_eq(a->text, b->text);
	if (a->kind == DOC_NUMBER) return a->number == b->number;
	if (a->kind == DOC_BOOL) return a->truth == b->truth;
	const struct doc_node *y = doc_first(b);
	for (const struct doc_node *x = doc_first(a); x; x = doc_next(a, x)) {
		if (a->kind == DOC_OBJECT)
			for (y = doc_first(b); y && !str_eq(x->key, y->key);) y = doc_next(b, y);
		if (!y || !doc_equal(x, y)) return false;
		y = doc_next(b, y);
	}
	return true;
}

#endif
