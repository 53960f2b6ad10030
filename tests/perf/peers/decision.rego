# The verdict of Heddle's decision over the same grants, for OPA. data: as decision.py lays it out.
package heddle

default allow := false

# product -> principal -> grants; a grant to a domain is used by those whom their domain hands it to
allow if {
	not data.closed[input.product]
	some principal in input.principals
	some grant in data.grants[input.product][principal]
	covers(grant)
}

allow if {
	not data.closed[input.product]
	some principal in input.principals
	some grant in data.by_tag[input.producer][input.tag][principal]
	covers(grant)
}

allow if {
	not data.closed[input.product]
	some group in input.groups
	some grant in data.handed_on[input.product][group]
	covers(grant)
}

covers(grant) if {
	input.now < grant.until
	table_fits(grant.table)
	some purpose in grant.purposes
	purpose_fits(purpose)
}

table_fits("")

table_fits(table) if table == input.table

purpose_fits(purpose) if purpose == input.purpose

purpose_fits(purpose) if startswith(input.purpose, concat("", [purpose, "/"]))
