/* How it went, day by day: once a day the counts go into the journal ("posture.daily"), where each can be proven; the journal's index finds them again. */
#include "core/posture/posture.h"

#include "codec/dsse.h"
#include "core/audit/audit.h"
#include "ledger/ledger.h"
#include "os/log.h"

static const Str JOURNAL = S("journal");
enum { DAYS_SHOWN = 400, AGAIN_S = 600 };

static int64_t day_of(Time t) { return t / TIME_DAY; }

static Str
day_text(struct arena *a, Time t)
{
	char text[TIME_TEXT_MAX];

	time_format(t, text);
	return arena_str(a, str_of(text, 10));
}

/* --- shown --- */

static Err
daily_body(struct core *core, struct ctx *c, uint64_t index, struct event *ret)
{
	struct dsse d;
	Str entry;

	TRY(ledger_entry(c, core->ledger, JOURNAL, index, &entry));
	TRY(dsse_parse(c, entry, &d));
	return event_parse(c, d.payload, ret);
}

static void
day_json(const struct event *e, struct arena *a, bool more, struct buf *b)
{
	static const char *const counts[] = {"critical", "high", "medium", "low", "accepted", "passed", "failed", "not_applicable"};
	bool first = true;

	buf_c(b, more ? ",{" : "{");
	member_text(b, "day", day_text(a, e->time), &first);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		json_int_t n = json_integer_value(json_object_get(e->body, counts[i]));
		member_u64(b, counts[i], n > 0 ? (uint64_t)n : 0, &first);
	}
	buf_char(b, '}');
}

/* The newest of each day counts; they come in the order of the journal. */
static Err
days_json(struct core *core, struct ctx *c, const uint64_t *indexes, size_t n, struct buf *b)
{
	struct event e, next;
	size_t shown = 0;

	if (n == 0) return OK;
	TRY(daily_body(core, c, indexes[0], &e));
	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n;
		Err err = last ? OK : daily_body(core, c, indexes[i + 1], &next);
		if (last || !err_ok(err) || day_of(next.time) != day_of(e.time)) day_json(&e, c->arena, shown++ > 0, b);
		event_fini(&e);
		TRY(err);
		if (!last) e = next;
	}
	return OK;
}

static Err
find_days(struct core *core, struct ctx *c, size_t limit, uint64_t *ret, size_t *ret_n)
{
	struct audit_filter f = {.operation = S("posture.daily"), .until = TIME_FOREVER, .first = 0, .end = core->audited, .newest = true};

	*ret_n = 0;
	return core->audit ? audit_find(c, core->audit, &f, limit, ret, ret_n) : OK;
}

Err
posture_trend_json(struct request *rq, Str scope, struct buf *b, bool *first)
{
	uint64_t *found = NEW_N(&rq->arena, DAYS_SHOWN, uint64_t);
	size_t n = 0;

	member_key(b, "trend", first);
	buf_char(b, '[');
	if (scope.n == 0) TRY(find_days(rq->core, &rq->c, DAYS_SHOWN, found, &n));
	for (size_t i = 0; i < n / 2; i++) { /* oldest first */
		uint64_t x = found[i];
		found[i] = found[n - 1 - i];
		found[n - 1 - i] = x;
	}
	TRY(days_json(rq->core, &rq->c, found, n, b));
	buf_char(b, ']');
	return OK;
}

/* --- kept --- */

static Err
note_day(struct core *core, struct ctx *c, const struct posture *p)
{
	BUF_AUTO b = BUF_INIT;
	uint64_t accepted = 0;
	bool first = true;

	buf_char(&b, '{');
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--) {
		member_u64(&b, severity_name((enum severity)s), p->open[s], &first);
		accepted += p->accepted[s];
	}
	member_u64(&b, "accepted", accepted, &first);
	member_u64(&b, "passed", p->passed, &first);
	member_u64(&b, "failed", p->failed, &first);
	member_u64(&b, "not_applicable", p->not_applicable, &first);
	buf_char(&b, '}');
	return core_note_later(core, c, "posture.daily", S(""), buf_view(&b));
}

/* Was today noted already, before a restart perhaps? */
static Err
noted_today(struct core *core, struct ctx *c, Time now, bool *ret)
{
	struct event e;
	uint64_t newest;
	size_t n;

	*ret = false;
	TRY(audit_catch_up(core, c));
	TRY(find_days(core, c, 1, &newest, &n));
	if (n == 0) return OK;
	TRY(daily_body(core, c, newest, &e));
	*ret = day_of(e.time) == day_of(now);
	event_fini(&e);
	return OK;
}

static Err
look(struct walk *w, void *arg)
{
	return posture_make(w, &(struct posture_wish){.most = 1}, arg); /* only counts are kept */
}

static Err
keep_day(struct core *core, struct ctx *c)
{
	WALK_AUTO w = {.core = core, .what = "the posture of the day"};
	struct posture p;
	bool noted;

	TRY(noted_today(core, c, core_now(), &noted));
	if (noted) return OK;
	posture_usage_complete(core);
	TRY(walk_run(&w, c, look, &p));
	return note_day(core, c, &p);
}

static void
daily_fiber(void *arg)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct core *core = arg;
	Err e = keep_day(core, &c);

	if (err_ok(e))
		core->posture_day = day_of(core_now());
	else
		log_line(LOG_ERROR, "the posture of the day could not be kept: %s", err_detail(&c, e));
	core->posture_under_way = false;
}

void
posture_tick(struct core *core)
{
	if (core->posture_under_way || !core->begun || !core->audit || core_ns() < core->posture_due_ns) return;
	core->posture_due_ns = core_ns() + AGAIN_S * INT64_C(1000000000);
	if (core->posture_day == day_of(core_now())) return;
	core->posture_under_way = true;
	if (!fiber_start(daily_fiber, core)) core->posture_under_way = false;
}
