#include "policy/decide.h"

static Str
time_text(struct arena *a, Time t)
{
	char z[TIME_TEXT_MAX];

	time_format(t, z);
	return arena_str(a, str_c(z));
}

static Str
purposes_text(struct arena *a, const Str *list, size_t n)
{
	Str text = S("");

	for (size_t i = 0; i < n; i++) text = arena_printf(a, "%.*s%s'%.*s'", STR(text), i ? ", " : "", STR(list[i]));
	return text;
}

static Str
purpose_words(const struct work *w, const struct candidate *x)
{
	Str covers = purposes_text(w->a, x->g->purposes, x->g->purpose_count), purpose = w->q->purpose;

	if (x->d && x->d->purpose_count)
		covers = arena_printf(w->a, "%.*s, handed on for %.*s", STR(covers), STR(purposes_text(w->a, x->d->purposes, x->d->purpose_count)));
	if (purpose.n == 0) return arena_printf(w->a, "no purpose was named; it covers %.*s", STR(covers));
	return arena_printf(w->a, "it does not cover purpose '%.*s' but %.*s", STR(purpose), STR(covers));
}

static Str
begins(const struct work *w, const struct candidate *x)
{
	Time from = x->d && x->d->from > x->g->from ? x->d->from : x->g->from;

	return arena_printf(w->a, "it begins at %.*s", STR(time_text(w->a, from)));
}

static Str
hours_words(const struct work *w, const struct policy_hours *h)
{
	static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	Str days = S("");

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (h->days >> i & 1) days = arena_printf(w->a, "%.*s%s%s", STR(days), days.n ? ", " : "", names[i]);
	return arena_printf(w->a, "it is outside its hours (%.*s, %02u:%02u to %02u:%02u UTC)", STR(days), h->from_minute / 60u, h->from_minute % 60u,
	    h->until_minute / 60u, h->until_minute % 60u);
}

static Str
handing_words(const struct work *w, const struct candidate *x)
{
	if (x->by)
		return arena_printf(w->a, "it is to the domain, and counts only for those it was handed on to by name (restriction %.*s)", STR(x->by->id));
	return S("it is to the domain, whose owners have not handed it on to this person");
}

/* Who may approve under r. */
static Str
approvers(const struct work *w, const struct policy_restriction *r)
{
	static const char *const names[] = {"owners", "engineers", "analysts", "stewards", "auditors"};
	uint32_t roles = r->approver_roles || r->approver_count ? r->approver_roles : 1u << 0 | 1u << 3;
	Str text = S("");

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (roles >> i & 1) text = arena_printf(w->a, "%.*s%s%s", STR(text), text.n ? " or " : "", names[i]);
	if (text.n) text = arena_printf(w->a, "%.*s of the producer", STR(text));
	if (r->approver_count) text = arena_printf(w->a, "%.*s%s%zu it names", STR(text), text.n ? ", or of the " : "of the ", r->approver_count);
	return text;
}

static Str
approval_words(const struct work *w, const struct candidate *x)
{
	return arena_printf(w->a, "it waits for %u more approval%s (restriction %.*s: %u different %s, %.*s)", x->missing, x->missing == 1 ? "" : "s",
	    STR(x->by->id), x->by->approvals, x->by->approvals == 1 ? "person" : "people", STR(approvers(w, x->by)));
}

static Str
misfit_words(const struct work *w, const struct candidate *x)
{
	if (x->misfit_column.n == 0) return str_c(x->misfit);
	return arena_printf(w->a, "%s: column '%.*s'", x->misfit, STR(x->misfit_column));
}

Str
words_of(const struct work *w, const struct candidate *x)
{
	switch (x->stage) {
	case NOT_ABOUT: return S("it is about another product, or does not stand in the producer's log");
	case NOT_TO: return S("it is made out to somebody else");
	case NOT_TABLE: return arena_printf(w->a, "it is for the table '%.*s' alone", STR(x->g->table));
	case NOT_TAGGED: return S("no column has the tags that it names");
	case TOO_NEW: return S("the table was published after it, and it does not reach into the future");
	case REVOKED: return x->d && x->d->ended ? S("it was ended") : S("it was revoked");
	case VOIDED: return S("it was said with a key that was stolen by then, or behind a fork, and not confirmed since");
	case NOT_DELEGATED: return arena_printf(w->a, "it is for the table '%.*s' alone", STR(x->d->table));
	case TOO_EARLY: return begins(w, x);
	case TOO_LATE: return arena_printf(w->a, "it ended at %.*s", STR(time_text(w->a, x->until)));
	case CAPPED:
		return arena_printf(w->a, "it ended at %.*s, %u day%s after its beginning (restriction %.*s)", STR(time_text(w->a, x->until)), x->by->max_days, x->by->max_days == 1 ? "" : "s",
		    STR(x->by->id));
	case NOT_PURPOSE: return purpose_words(w, x);
	case ANY_PURPOSE: return arena_printf(w->a, "it is for any purpose, and restriction %.*s demands one that is named", STR(x->by->id));
	case NOT_INTERACTION: return S("it does not allow this way of use");
	case NOT_HOURS: return hours_words(w, &x->g->terms.hours);
	case NOT_HANDED: return handing_words(w, x);
	case UNAPPROVED: return approval_words(w, x);
	case MALFORMED: return misfit_words(w, x);
	case COVERS: break;
	}
	return S("it covers");
}

Str
words_name(const struct work *w, const struct candidate *x)
{
	if (x->d) return arena_printf(w->a, "delegation %.*s of grant %.*s", STR(x->d->id), STR(x->g->id));
	return arena_printf(w->a, "grant %.*s", STR(x->g->id));
}
