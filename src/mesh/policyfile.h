/* A policy as a person writes it down: YAML (codec/yaml.h, with its limits), names in place of ids.
 *
 *   name: contact_data_needs_two      # an identifier
 *   scope:                            # all that is given must fit; or `scope: everything`
 *     product: sales.orders
 *     domain: sales
 *     tags: personal_data in (email, phone)
 *     classification: confidential
 *   effects:                          # at least one
 *     mask: hash                      # hash, null, constant, last4, year
 *     hide: true
 *     max_days: 90
 *     approvals: {count: 2, roles: [owner, steward], people: [sam]}
 *     purpose: true                   # a use must name one
 *     handing: true                   # grants to a domain count where they were handed on by name
 *     level: 3                        # of the sandbox, at least
 *     suspend: true
 *     freeze: true                    # of the domain in the scope
 *
 * Whether names exist, and what the tag expression means, is asked of the mesh by who adds the policy; `at_…` tell the place. */
#ifndef HEDDLE_MESH_POLICYFILE_H
#define HEDDLE_MESH_POLICYFILE_H

#include "mesh/mesh.h"

enum { POLICY_BYTES_MAX = 256 * 1024, POLICY_DAYS_MAX = 36500, POLICY_LEVEL_MAX = 3 };

struct policy_place { uint32_t line, column; };

struct policy_file {
	Str name;
	Str product, domain, tags, classification; /* "" when not given */
	struct policy_place at_product, at_domain, at_tags;
	Str people[POLICY_APPROVERS_MAX];          /* names */
	struct policy_place at_people[POLICY_APPROVERS_MAX];
	/* id, product_id, domain_id, tags, approvers are empty; approver_count counts people */
	struct policy_restriction effects;
};

/* INVALID and TOO_LARGE name line, column and key. Strings borrow from the arena of c. O(n log n) in the bytes given. */
NODISCARD Err policy_file_parse(struct ctx *c, Str text, struct policy_file *ret);

#endif
