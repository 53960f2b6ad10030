#include "cmd/cli/said.h"

#include <string.h>

#include "cmd/cli/out.h"
#include "mesh/mesh.h"

static const char *const words[EVENT_TYPE_COUNT] = {
    [EVENT_DOMAIN_INCEPTION] = "founds the domain: its name and keys",
    [EVENT_DOMAIN_SET] = "says who in the domain uses what it was granted",
    [EVENT_MEMBER_SET] = "makes somebody a member of the domain, in this role",
    [EVENT_MEMBER_END] = "takes somebody out of the domain",
    [EVENT_GROUP_SET] = "names a group",
    [EVENT_GROUP_END] = "ends a group",
    [EVENT_GROUP_JOIN] = "puts somebody into a group, with all that the group may read",
    [EVENT_GROUP_LEAVE] = "takes somebody out of a group",
    [EVENT_PRODUCT_PUBLISH] = "publishes data: who was granted the product reads it from now on",
    [EVENT_TAG_SET] = "says what data is: grants by tags and policies follow it",
    [EVENT_REVIEW_ADD] = "says that you looked at who has access",
    [EVENT_GRANT_ADD] = "opens data of the domain to somebody",
    [EVENT_GRANT_REVOKE] = "takes a grant back",
    [EVENT_APPROVAL_ADD] = "says that you stand behind a grant or a change of a tag",
    [EVENT_DELEGATION_ADD] = "hands on to somebody what the domain was granted",
    [EVENT_DELEGATION_END] = "takes back what was handed on",
    [EVENT_REQUEST_OPEN] = "asks for access, in the name of the domain",
    [EVENT_REQUEST_SUBMIT] = "asks for access, as drafted",
    [EVENT_REQUEST_COMMENT] = "comments on a request",
    [EVENT_REQUEST_WITHDRAW] = "withdraws a request",
    [EVENT_REQUEST_DENY] = "denies a request",
    [EVENT_EXCEPTION_ADD] = "accepts a finding until then",
    [EVENT_EXCEPTION_END] = "accepts a finding no longer",
    [EVENT_EVIDENCE_ADD] = "records what was done outside",
    [EVENT_KEY_ROTATE] = "puts the next key in force",
    [EVENT_CONFIRM] = "lets entries count again that were void",
    [EVENT_FORK_REPORT] = "proves that a log has two histories",
    [EVENT_FORK_RESOLVE] = "says which history of this log is the one",
    [EVENT_DIRECTORY_ERASE] = "notes that a name or text was erased",
};

const char *
said_words(enum event_type t)
{
	return words[t] ? words[t] : "does what this program has no words for";
}

/* --- is it what was asked? --- */

/* Where what was asked and what is to be signed say the same in the same words. PARTS: each of the event's is among those asked, commas between. */
static const struct { enum event_type type; const char *key, *asked; enum { SAME, PARTS } how; } rules[] = {
    {EVENT_GRANT_ADD, "purposes", "purpose", PARTS},
    {EVENT_DELEGATION_ADD, "purposes", "purpose", PARTS},
    {EVENT_DELEGATION_ADD, "table", "table", SAME},
    {EVENT_REQUEST_OPEN, "purpose", "purpose", SAME},
    {EVENT_MEMBER_SET, "role", "role", SAME},
    {EVENT_DOMAIN_SET, "handing", "handing", SAME},
    {EVENT_GROUP_SET, "name", "name", SAME},
    {EVENT_TAG_SET, "tag", "tag", SAME},
    {EVENT_TAG_SET, "value", "value", SAME},
};

static bool
among(Str list, Str one)
{
	Str part;

	for (Str rest = list; rest.p;) {
		rest = str_cut(rest, ',', &part);
		if (str_eq(str_trim(part), one)) return true;
	}
	return false;
}

static bool
all_among(const json_t *said, Str asked)
{
	const json_t *v;
	size_t i;

	json_array_foreach(said, i, v)
		if (!json_is_string(v) || !among(asked, str_of(json_string_value(v), json_string_length(v)))) return false;
	return json_is_array(said);
}

/* A grant to one person must not become one to a domain. A bare name is a domain's or a person's: who it is cannot be known here. */
static bool
kind_fits(Str to, Str kind)
{
	if (str_starts(to, S("user:")) || str_starts(to, S("service:"))) return str_eqc(kind, "person");
	if (str_starts(to, S("group:"))) return str_eqc(kind, "group");
	if (str_starts(to, S("domain:"))) return str_eqc(kind, "domain");
	return !str_eqc(kind, "group");
}

/* domain.product, domain.product.table, domain.product.table.column */
static bool
object_fits(Str object, const struct event *e)
{
	Str domain, product, table = {"", 0}, column = {"", 0};

	Str rest = str_cut(str_cut(object, '.', &domain), '.', &product);
	if (rest.p) column = str_cut(rest, '.', &table);
	if (!column.p) column = S("");
	return str_ieq(js_text(e->body, "table"), table) && (e->type != EVENT_TAG_SET || str_ieq(js_text(e->body, "column"), column));
}

/* The entries to be confirmed, numbers here and texts there. */
static bool
seqs_fit(const json_t *asked, const json_t *said)
{
	const json_t *v, *w;
	size_t i, k, known = 0;

	json_array_foreach(said, i, v)
		json_array_foreach(asked, k, w) {
			uint64_t seq;
			if (!str_u64(str_c(json_string_value(w)), &seq) || (json_int_t)seq != json_integer_value(v)) continue;
			known++;
			break;
		}
	return json_is_array(said) && known == json_array_size(said);
}

/* --- what narrows a grant must still be there --- */

static Str
text_of(const json_t *v)
{
	return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : S("");
}

/* The node writes names of columns as the table has them, in whichever case they were asked for. */
static bool
holds(const json_t *list, Str name)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (str_ieq(text_of(v), name)) return true;
	return false;
}

static bool
holds_all(const json_t *said, const json_t *asked)
{
	const json_t *v;
	size_t i;

	json_array_foreach(asked, i, v)
		if (!holds(said, text_of(v))) return false;
	return true;
}

static bool
masks_hold(const json_t *said, const json_t *asked)
{
	const json_t *v;
	size_t i, found = 0;

	json_array_foreach(said, i, v) {
		const char *column = json_string_value(json_array_get(v, 0)), *name;
		json_t *kind;
		json_object_foreach((json_t *)(uintptr_t)asked, name, kind)
			found += column && str_ieq(str_c(column), str_c(name)) && json_equal(kind, json_array_get(v, 1));
	}
	return found == json_object_size(asked);
}

static const char *
narrower_missing(const json_t *asked, const json_t *body)
{
	static const char *const same[] = {"min_group", "row_budget", "no_export"}, *const any[] = {"rows", "hours"};
	const json_t *by = json_object_get(asked, "group_by");

	if (!masks_hold(json_object_get(body, "masks"), json_object_get(asked, "masks"))) return "masks";
	if (!holds_all(json_object_get(body, "hidden"), json_object_get(asked, "hide"))) return "hidden";
	if (json_object_get(asked, "via") && !holds_all(json_object_get(asked, "via"), json_object_get(body, "interactions"))) return "interactions";
	if (by && (json_array_size(by) != json_array_size(json_object_get(body, "group_by")) || !holds_all(json_object_get(body, "group_by"), by))) return "group_by";
	if (!str_ieq(js_text(asked, "unit"), js_text(body, "unit")) && json_object_get(asked, "unit")) return "unit";
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (json_object_get(asked, same[i]) && !json_equal(json_object_get(asked, same[i]), json_object_get(body, same[i]))) return same[i];
	for (size_t i = 0; i < ARRAY_LEN(any); i++) {
		const json_t *said = json_object_get(body, any[i]);
		if (json_object_get(asked, any[i]) && (!said || (json_is_string(said) && json_string_length(said) == 0))) return any[i];
	}
	Str until = js_text(asked, "until");
	return until.n && !str_eqc(until, "forever") && str_eqc(js_text(body, "until"), "forever") ? "until" : NULL;
}

static Err
grant_check(struct cli *cli, const struct event *e)
{
	const char *missing = narrower_missing(cli->asked, e->body);

	ENSURE(&cli->c, !json_object_get(cli->asked, "to") || kind_fits(js_text(cli->asked, "to"), js_text(e->body, "to")), DENIED,
	       "the node asks to sign it for another kind of receiver than was asked for; nothing was signed");
	ENSURE(&cli->c, !missing, DENIED, "the node asks to sign it with less in '%s' than was asked for; nothing was signed", missing);
	return OK;
}

static Err
asked_check(struct cli *cli, const struct event *e)
{
	const json_t *asked = cli->asked;
	bool grants = e->type == EVENT_GRANT_ADD || e->type == EVENT_DELEGATION_ADD, object = e->type == EVENT_GRANT_ADD || e->type == EVENT_TAG_SET;

	for (size_t i = 0; asked && i < ARRAY_LEN(rules); i++) {
		if (rules[i].type != e->type || !json_object_get(asked, rules[i].asked)) continue;
		Str want = js_text(asked, rules[i].asked);
		bool same = rules[i].how == PARTS ? all_among(json_object_get(e->body, rules[i].key), want) : str_ieq(js_text(e->body, rules[i].key), str_trim(want));
		ENSURE(&cli->c, same, DENIED, "the node asks to sign another '%s' than was asked for; nothing was signed", rules[i].key);
	}
	ENSURE(&cli->c, !object || !json_object_get(asked, "object") || object_fits(js_text(asked, "object"), e), DENIED,
	       "the node asks to sign it for another table or column than was asked for; nothing was signed");
	ENSURE(&cli->c, e->type != EVENT_CONFIRM || seqs_fit(json_object_get(asked, "seqs"), json_object_get(e->body, "seqs")), DENIED,
	       "the node asks to confirm other entries than were asked for; nothing was signed");
	return asked && grants ? grant_check(cli, e) : OK;
}

Err
said_check(struct cli *cli, const struct event *e, Str payload)
{
	struct ctx quiet = {.arena = &cli->arena};

	if (!err_ok(mesh_body_check(&quiet, payload)))
		return err_set(&cli->c, ERR_DENIED, "the node asks to sign a %s that this program does not understand (%s); nothing was signed",
		               event_type_name(e->type), err_detail(&quiet, (Err){ERR_INVALID}));
	return asked_check(cli, e);
}
