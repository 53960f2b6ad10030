/* Controls about the node: keys, encryption, drills, the sandbox; and what this version has none of. */
#include "policy/controls_run.h"

static const Time KEY_DAYS = 365 * TIME_DAY, RECOVERY_DAYS = 180 * TIME_DAY, DRILL_DAYS = 30 * TIME_DAY, YEAR = 365 * TIME_DAY;

/* The newest record of what was done outside; NULL for none. */
static const struct posture_evidence *
newest_evidence(const struct control_run *r, bool ok_only)
{
	const struct posture_evidence *best = NULL;

	for (size_t i = 0; i < r->f->evidence_count; i++) {
		const struct posture_evidence *e = &r->f->evidence[i];
		if (!str_eqc(e->control, r->control->id) || e->at > r->now || (ok_only && !e->ok)) continue;
		if (!best || e->at > best->at || (e->at == best->at && str_cmp(e->id, best->id) > 0)) best = e;
	}
	return best;
}

/* --- C17 --- */

static void
check_keys(struct control_run *r, const struct posture_domain *d, Time recovered)
{
	if (r->now - d->key_since > KEY_DAYS) {
		struct finding *f = run_find(r, d->id, TEXT(r, "%.*s/age", STR(d->name)), d->key_since + KEY_DAYS, d->key_ref);
		f->text = TEXT(r, "the key of %.*s is in use since %.*s", STR(d->name), STR(run_date(r, d->key_since)));
		f->remedy = TEXT(r, "heddle key rotate %.*s", STR(d->name));
	}
	if (!d->next_key) {
		struct finding *f = run_find(r, d->id, TEXT(r, "%.*s/next", STR(d->name)), d->key_since, d->key_ref);
		f->text = TEXT(r, "%.*s has committed to no next key", STR(d->name));
		f->remedy = TEXT(r, "heddle key rotate %.*s", STR(d->name));
	}
	if (d->owner_keeps_key && d->recovery_keys == 0) {
		struct finding *f = run_find(r, d->id, TEXT(r, "%.*s/recovery", STR(d->name)), d->since, d->ref);
		f->text = TEXT(r, "%.*s keeps its own key and has no recovery keys: a lost key ends the domain", STR(d->name));
		f->remedy = S("make the domain anew with recovery keys: they are named at its beginning");
	}
	Time tried = recovered > d->since ? recovered : d->since;
	if (d->recovery_keys > 0 && r->now - tried > RECOVERY_DAYS) {
		struct finding *f = run_find(r, d->id, TEXT(r, "%.*s/recovery", STR(d->name)), tried + RECOVERY_DAYS, d->key_ref);
		f->text = TEXT(r, "recovery of the key of %.*s was last tried: %.*s", STR(d->name), STR(run_date(r, recovered)));
		f->remedy = S("heddle posture evidence C17 --outcome ok --document FILE  # after two of the three signed a trial");
	}
}

void
check_C17(struct control_run *r)
{
	const struct posture_evidence *e = newest_evidence(r, true);

	for (size_t i = 0; i < r->f->domains_count && run_goes_on(r); i++) {
		r->examined++;
		check_keys(r, &r->f->domains[i], e ? e->at : 0);
	}
}

/* --- C18 --- */

void
check_C18(struct control_run *r)
{
	const struct posture_node *n = &r->f->node;
	const struct posture_evidence *e = newest_evidence(r, false);
	bool told = e && r->now - e->at <= YEAR;

	if (run_unknown(r, S("encryption"))) return;
	r->examined = 3;
	if (!n->keys_wrapped) {
		struct finding *f = run_find(r, S(""), S("node/keys"), n->since, (struct posture_ref){0});
		f->text = S("the keys of this node are not wrapped by a root key");
		f->remedy = S("heddle serve --data DIR --config FILE  # with the root key from a file, the environment or a command");
	}
	if (!n->tls && !n->loopback) {
		struct finding *f = run_find(r, S(""), S("node/tls"), n->since, (struct posture_ref){0});
		f->text = S("this node answers the network without TLS");
		f->remedy = S("heddle serve --data DIR --config FILE  # with tls.certificate and tls.key");
	}
	if (told && !e->ok) {
		struct finding *f = run_find(r, S(""), S("node/disk"), e->at, e->ref);
		f->text = TEXT(r, "the check of encryption on disk failed on %.*s", STR(run_date(r, e->at)));
		f->remedy = S("heddle posture evidence C18 --outcome ok --document FILE  # once it holds");
	}
	if (n->objects_encrypted || r->count) return;
	r->not_applicable = !told;
	r->note = told ? TEXT(r, "keys are wrapped, TLS is 1.2 or later or loopback; for the disk it rests on the record %.*s of %.*s", STR(e->id), STR(run_date(r, e->at)))
	               : S("keys are wrapped, TLS is 1.2 or later or loopback; but this version does not encrypt data itself: keep its folder on an "
	                   "encrypted disk and record that with `heddle posture evidence C18 --outcome ok --document FILE`");
}

/* --- C19 --- */

void
check_C19(struct control_run *r)
{
	const struct posture_evidence *e = newest_evidence(r, false);

	r->examined = 1;
	if (e && e->ok && r->now - e->at <= DRILL_DAYS) {
		r->note = TEXT(r, "it rests on the record %.*s of %.*s", STR(e->id), STR(run_date(r, e->at)));
		return;
	}
	Time since = !e ? r->f->node.since : e->ok ? e->at + DRILL_DAYS : e->at;
	struct finding *f = run_find(r, S(""), S("node"), since, e ? e->ref : (struct posture_ref){0});
	f->text = !e ? S("no restore drill is on record") : TEXT(r, "the newest restore drill, of %.*s, %s", STR(run_date(r, e->at)), e->ok ? "is older than 30 days" : "failed");
	f->remedy = S("heddle posture evidence C19 --outcome ok --document FILE  # after restoring a copy and `heddle log verify --dir COPY`");
}

/* --- C24 --- */

static void
sandbox_finding(struct control_run *r, Str subject, Time since, Str text)
{
	struct finding *f = run_find(r, S(""), subject, since, (struct posture_ref){0});

	f->text = text;
	f->remedy = S("heddle status  # then restart the node on a kernel with Landlock and seccomp: each process tests its sandbox as it starts");
}

void
check_C24(struct control_run *r)
{
	const struct posture_node *n = &r->f->node;

	if (run_unknown(r, S("the sandbox"))) return;
	r->examined = 3 + r->f->restrictions_count;
	if (n->level < n->minimum)
		sandbox_finding(r, S("node/level"), n->since, TEXT(r, "people's statements would run at level L%d; L%d is demanded", n->level < 0 ? 0 : n->level, n->minimum));
	if (n->tested == 0 || r->now - n->tested > TIME_DAY)
		sandbox_finding(r, S("node/test"), n->tested ? n->tested + TIME_DAY : n->since, TEXT(r, "a sandbox was last tested: %.*s", STR(run_date(r, n->tested))));
	if (!n->engine_pinned) sandbox_finding(r, S("node/engine"), n->since, S("the engine is not the one this program was built for"));
	for (size_t i = 0; i < r->f->restrictions_count; i++) {
		const struct policy_restriction *x = r->f->restrictions[i];
		if (x->lifted || n->level >= (int)x->min_level || x->min_level == 0) continue;
		sandbox_finding(r, x->id, n->since, TEXT(r, "policy %.*s demands L%u, this node has L%d: what it is about can't be queried here", STR(x->id), x->min_level,
		                                         n->level < 0 ? 0 : n->level));
	}
}

/* --- not there yet --- */

void
check_C25(struct control_run *r)
{
	r->not_applicable = true;
	r->note = S("this version has no emergency access: nobody, the administrator included, can go round a decision");
}

void
check_C26(struct control_run *r)
{
	r->not_applicable = true;
	r->note = S("this version derives no products from others; all products are published from files");
}
