#include "cmd/cli/posture_html.h"

#include "cmd/cli/html.h"
#include "cmd/cli/out.h"

static const char *const SEVERITIES[] = {"critical", "high", "medium", "low"};

static void field(struct buf *b, const json_t *o, const char *key) { html_text(b, js_text(o, key)); }
static void number(struct buf *b, uint64_t n) { buf_printf(b, "%llu", (unsigned long long)n); }

/* What may stand in an attribute of ours: one of these words, never a text of the answer. */
static const char *
word(Str s)
{
	static const char *const known[] = {"critical", "high", "medium", "low", "pass", "fail", "not_applicable"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eqc(s, known[i])) return known[i];
	return "unknown";
}

static void
badge(struct buf *b, Str value)
{
	RAW(b, "<span class=\"badge ");
	buf_c(b, word(value));
	RAW(b, "\">");
	html_text(b, str_eqc(value, "not_applicable") ? S("not applicable") : value);
	RAW(b, "</span>");
}

static Str day(Str time) { return str_of(time.p, time.n < 10 ? time.n : 10); }

/* --- the head --- */

static void
style(struct buf *b)
{
	RAW(b, "<style>\n"
	       ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#59636e;--line:#d1d9e0;--paper:#fff;--soft:#f6f8fa;--critical:#a40e26;--high:#c4432b;"
	       "--medium:#9a6700;--low:#57606a;--good:#1a7f37}\n"
	       "@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--paper:#0d1117;--soft:#151b23;--critical:#ff7b8a;"
	       "--high:#ff9b78;--medium:#e3b341;--low:#9198a1;--good:#56d364}}\n"
	       "@media print{:root{color-scheme:light;--ink:#000;--dim:#444;--line:#999;--paper:#fff;--soft:#fff;--critical:#a40e26;--high:#c4432b;--medium:#7a5200;"
	       "--low:#444;--good:#116329}body{margin:0;max-width:none;font-size:9pt}h2{break-after:avoid}tr,.tile{break-inside:avoid}thead{display:table-header-group}"
	       "section.break{break-before:page}}\n"
	       "@page{size:A4 landscape;margin:14mm}\n"
	       "*{box-sizing:border-box}body{font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",sans-serif;color:var(--ink);background:var(--paper);max-width:1180px;"
	       "margin:2.5rem auto;padding:0 1.5rem}\n"
	       "h1{font-size:1.75rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.25rem 0 .75rem}h3{font-size:1rem;margin:1.5rem 0 .4rem}p{margin:.4rem 0}"
	       ".dim{color:var(--dim)}\n"
	       "table{border-collapse:collapse;width:100%;font-size:.87em}th,td{text-align:left;vertical-align:top;padding:.4rem .55rem;border-bottom:1px solid var(--line);"
	       "overflow-wrap:anywhere}th{color:var(--dim);font-weight:600;white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	       "code{font:.92em ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}\n"
	       ".tiles{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.25rem 0}.tile{flex:1 1 7.5rem;border:1px solid var(--line);border-top:4px solid var(--dim);"
	       "border-radius:6px;padding:.6rem .8rem;background:var(--soft)}.tile b{display:block;font-size:1.7rem;line-height:1.2;font-variant-numeric:tabular-nums}"
	       ".tile.critical{border-top-color:var(--critical)}.tile.high{border-top-color:var(--high)}.tile.medium{border-top-color:var(--medium)}"
	       ".tile.low{border-top-color:var(--low)}.tile.pass{border-top-color:var(--good)}\n"
	       ".badge{font-weight:600;white-space:nowrap}.badge.critical{color:var(--critical)}.badge.high,.badge.fail{color:var(--high)}.badge.medium{color:var(--medium)}"
	       ".badge.low,.badge.not_applicable{color:var(--low)}.badge.pass{color:var(--good)}\n"
	       "svg{width:100%;height:auto;border:1px solid var(--line);border-radius:6px;background:var(--soft)}svg text{fill:var(--dim);font:11px system-ui,sans-serif}\n"
	       ".s-critical{fill:var(--critical)}.s-high{fill:var(--high)}.s-medium{fill:var(--medium)}.s-low{fill:var(--low)}\n"
	       "</style>\n");
}

static void
head(struct buf *b, const json_t *p)
{
	RAW(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>Governance posture, ");
	html_text(b, day(js_text(p, "as_of")));
	RAW(b, "</title>\n");
	style(b);
	RAW(b, "</head>\n<body>\n<header>\n<h1>Governance posture</h1>\n<p class=\"dim\">");
	field(b, p, "as_of");
	if (js_true(p, "past")) {
		RAW(b, ", as the logs say that it was then; written at ");
		field(b, p, "made_at");
	}
	RAW(b, " · node <code>");
	field(b, p, "node");
	RAW(b, "</code> · Heddle ");
	field(b, p, "version");
	RAW(b, " · ");
	if (str_eqc(js_text(p, "scope"), "all")) {
		RAW(b, "all domains");
	} else {
		RAW(b, "domain ");
		field(b, p, "scope");
	}
	RAW(b, "</p>\n</header>\n");
}

static void
tile(struct buf *b, const char *kind, uint64_t n, const char *label, uint64_t overdue)
{
	RAW(b, "<div class=\"tile ");
	buf_c(b, kind);
	RAW(b, "\"><b>");
	number(b, n);
	RAW(b, "</b>");
	buf_c(b, label);
	if (overdue) {
		RAW(b, "<br><span class=\"dim\">");
		number(b, overdue);
		RAW(b, " overdue</span>");
	}
	RAW(b, "</div>\n");
}

static void
tiles(struct buf *b, const json_t *p)
{
	const json_t *counts = json_object_get(p, "counts"), *open = json_object_get(counts, "open"), *overdue = json_object_get(counts, "overdue"),
	             *accepted = json_object_get(counts, "accepted");
	uint64_t set_aside = 0;

	RAW(b, "<div class=\"tiles\">\n");
	for (size_t i = 0; i < ARRAY_LEN(SEVERITIES); i++) {
		tile(b, SEVERITIES[i], js_count(open, SEVERITIES[i]), SEVERITIES[i], js_count(overdue, SEVERITIES[i]));
		set_aside += js_count(accepted, SEVERITIES[i]);
	}
	tile(b, "low", set_aside, "accepted for a time", 0);
	tile(b, "pass", js_count(counts, "passed"), "controls pass", 0);
	tile(b, "high", js_count(counts, "failed"), "controls fail", 0);
	tile(b, "low", js_count(counts, "not_applicable"), "do not apply", 0);
	RAW(b, "</div>\n");
}

/* --- controls and findings --- */

static void
control_row(struct buf *b, const json_t *c)
{
	RAW(b, "<tr>");
	html_cell(b, js_text(c, "id"));
	RAW(b, "<td><strong>");
	field(b, c, "title");
	RAW(b, "</strong><br><span class=\"dim\">");
	field(b, c, "checked");
	RAW(b, "</span>");
	if (js_text(c, "note").n) {
		RAW(b, "<br>");
		field(b, c, "note");
	}
	RAW(b, "</td><td>");
	badge(b, js_text(c, "status"));
	RAW(b, "</td><td class=\"n\">");
	number(b, js_count(c, "examined"));
	RAW(b, "</td><td class=\"n\">");
	number(b, js_count(c, "open"));
	RAW(b, "</td><td class=\"n\">");
	number(b, js_count(c, "accepted_count"));
	RAW(b, "</td><td>");
	badge(b, js_text(c, "severity"));
	RAW(b, "</td><td class=\"n\">");
	number(b, js_count(c, "days"));
	RAW(b, "</td>");
	html_cell(b, js_text(c, "gdpr"));
	html_cell(b, js_text(c, "soc2"));
	html_cell(b, js_text(c, "iso27001"));
	RAW(b, "</tr>\n");
}

static void
controls_table(struct buf *b, const json_t *p)
{
	json_t *c;
	size_t i;

	RAW(b, "<section>\n<h2>Controls</h2>\n<table>\n<thead><tr><th>Id</th><th>Control</th><th>Status</th><th class=\"n\">Looked at</th><th class=\"n\">Open</th>"
	       "<th class=\"n\">Accepted</th><th>Severity</th><th class=\"n\">Days</th><th>GDPR</th><th>SOC 2</th><th>ISO 27001:2022</th></tr></thead>\n<tbody>\n");
	json_array_foreach(json_object_get(p, "controls"), i, c) control_row(b, c);
	RAW(b, "</tbody>\n</table>\n<p class=\"dim\">Days: within which a finding is to be remedied. The mapping to GDPR, SOC 2 and ISO 27001 is Heddle's own and to be confirmed "
	       "by the auditor.</p>\n</section>\n");
}

static void
evidence_cell(struct buf *b, const json_t *f)
{
	const json_t *e = json_object_get(f, "evidence");

	RAW(b, "<td>");
	if (json_is_object(e)) {
		RAW(b, "log ");
		field(b, e, "name");
		RAW(b, ", entry ");
		number(b, js_count(e, "index"));
	}
	RAW(b, "</td>");
}

static void
finding_row(struct buf *b, const json_t *f, bool accepted)
{
	RAW(b, "<tr><td>");
	badge(b, js_text(f, "severity"));
	RAW(b, "</td>");
	html_cell_code(b, js_text(f, "subject"));
	RAW(b, "<td>");
	field(b, f, "text");
	if (js_text(f, "person").n) {
		RAW(b, " (");
		field(b, f, "person");
		RAW(b, ")");
	}
	if (!accepted) {
		RAW(b, "<br><code>");
		field(b, f, "remedy");
		RAW(b, "</code>");
	}
	RAW(b, "</td><td>");
	field(b, f, "owner");
	RAW(b, "<br><span class=\"dim\">");
	field(b, f, "domain");
	RAW(b, "</span></td>");
	html_cell(b, day(js_text(f, "since")));
	RAW(b, "<td>");
	html_text(b, day(js_text(f, accepted ? "accepted_until" : "due")));
	if (!accepted && js_true(f, "overdue")) RAW(b, " <span class=\"badge high\">overdue</span>");
	RAW(b, "</td>");
	evidence_cell(b, f);
	RAW(b, "</tr>\n");
}

static void
findings_of(struct buf *b, const json_t *c, const char *key, bool accepted)
{
	const json_t *list = json_object_get(c, key);
	uint64_t all = js_count(c, accepted ? "accepted_count" : "open");
	json_t *f;
	size_t i;

	if (json_array_size(list) == 0) return;
	RAW(b, "<h3>");
	field(b, c, "id");
	RAW(b, " ");
	field(b, c, "title");
	RAW(b, "</h3>\n<table>\n<thead><tr><th>Severity</th><th>Subject</th><th>Finding</th><th>To act</th><th>Since</th><th>");
	buf_c(b, accepted ? "Accepted until" : "Due");
	RAW(b, "</th><th>Evidence</th></tr></thead>\n<tbody>\n");
	json_array_foreach(list, i, f) finding_row(b, f, accepted);
	RAW(b, "</tbody>\n</table>\n");
	if (all > json_array_size(list)) {
		RAW(b, "<p class=\"dim\">and ");
		number(b, all - json_array_size(list));
		RAW(b, " more</p>\n");
	}
}

static void
findings(struct buf *b, const json_t *p, const char *key, bool accepted)
{
	json_t *c;
	size_t i, any = 0;

	RAW(b, "<section>\n<h2>");
	buf_c(b, accepted ? "Accepted findings" : "Open findings");
	RAW(b, "</h2>\n");
	json_array_foreach(json_object_get(p, "controls"), i, c) {
		any += json_array_size(json_object_get(c, key));
		findings_of(b, c, key, accepted);
	}
	if (any == 0) RAW(b, "<p>None.</p>\n");
	RAW(b, "</section>\n");
}

/* --- what was said --- */

/* A text of each item of a list, in a column of its own. */
struct column { const char *head, *key; enum { PLAIN, CODE, DAY } as; };

static void
column_cell(struct buf *b, const struct column *c, const json_t *item)
{
	Str value = js_text(item, c->key);

	if (c->as == CODE)
		html_cell_code(b, value);
	else
		html_cell(b, c->as == DAY ? day(value) : value);
}

static void
list_section(struct buf *b, const char *title, const json_t *list, const struct column *columns, size_t n)
{
	json_t *item;
	size_t i;

	RAW(b, "<section>\n<h2>");
	buf_c(b, title);
	RAW(b, "</h2>\n");
	if (json_array_size(list) == 0) {
		RAW(b, "<p>None.</p>\n</section>\n");
		return;
	}
	RAW(b, "<table>\n<thead><tr>");
	for (size_t k = 0; k < n; k++) buf_printf(b, "<th>%s</th>", columns[k].head);
	RAW(b, "</tr></thead>\n<tbody>\n");
	json_array_foreach(list, i, item) {
		RAW(b, "<tr>");
		for (size_t k = 0; k < n; k++) column_cell(b, &columns[k], item);
		RAW(b, "</tr>\n");
	}
	RAW(b, "</tbody>\n</table>\n</section>\n");
}

static const struct column EXCEPTION_COLUMNS[] = {
    {"Id", "id", CODE},   {"Control", "control", PLAIN}, {"Subject", "subject", CODE}, {"State", "state", PLAIN},
    {"Until", "until", DAY}, {"Said by", "by", PLAIN},   {"On", "added", DAY},         {"Reason", "reason", PLAIN},
};
static const struct column RECORD_COLUMNS[] = {
    {"Id", "id", CODE}, {"Control", "control", PLAIN}, {"Outcome", "outcome", PLAIN},
    {"By", "by", PLAIN}, {"On", "at", DAY},            {"Document (SHA-256)", "document", CODE},
};

/* --- trend --- */

enum { CHART_WIDTH = 1000, CHART_HEIGHT = 200, CHART_DAYS = 120, CHART_LEFT = 44, CHART_FOOT = 24, CHART_TOP = 10 };

static uint64_t
open_on(const json_t *d)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(SEVERITIES); i++) n += js_count(d, SEVERITIES[i]);
	return n;
}

/* A day's bar, the worst at the bottom. */
static void
bar(struct buf *b, const json_t *d, double x, double width, uint64_t most)
{
	double y = CHART_HEIGHT - CHART_FOOT, scale = (double)(CHART_HEIGHT - CHART_FOOT - CHART_TOP) / (double)most;

	RAW(b, "<g><title>");
	field(b, d, "day");
	for (size_t i = 0; i < ARRAY_LEN(SEVERITIES); i++) buf_printf(b, ", %s %llu", SEVERITIES[i], (unsigned long long)js_count(d, SEVERITIES[i]));
	RAW(b, "</title>");
	for (size_t i = 0; i < ARRAY_LEN(SEVERITIES); i++) {
		double h = (double)js_count(d, SEVERITIES[i]) * scale;
		if (h <= 0) continue;
		y -= h;
		buf_printf(b, "<rect class=\"s-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", SEVERITIES[i], x, y, width, h);
	}
	RAW(b, "</g>\n");
}

static void
trend(struct buf *b, const json_t *p)
{
	const json_t *days = json_object_get(p, "trend");
	size_t n = json_array_size(days), from = n > CHART_DAYS ? n - CHART_DAYS : 0;
	uint64_t most = 1;

	RAW(b, "<section>\n<h2>Open findings by day</h2>\n");
	if (n == 0) {
		RAW(b, "<p>No day is on record for this scope.</p>\n</section>\n");
		return;
	}
	for (size_t i = from; i < n; i++)
		if (open_on(json_array_get(days, i)) > most) most = open_on(json_array_get(days, i));
	buf_printf(b, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Open findings by day and severity\">\n", CHART_WIDTH, CHART_HEIGHT);
	buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%llu</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>\n", CHART_LEFT - 8, CHART_TOP + 10,
	           (unsigned long long)most, CHART_LEFT - 8, CHART_HEIGHT - CHART_FOOT);
	double step = (double)(CHART_WIDTH - CHART_LEFT - 10) / (double)(n - from), width = step > 40 ? 32 : step * 0.8;
	for (size_t i = from; i < n; i++) bar(b, json_array_get(days, i), CHART_LEFT + (double)(i - from) * step, width, most);
	buf_printf(b, "<text x=\"%d\" y=\"%d\">", CHART_LEFT, CHART_HEIGHT - 7);
	field(b, json_array_get(days, from), "day");
	buf_printf(b, "</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">", CHART_WIDTH - 10, CHART_HEIGHT - 7);
	field(b, json_array_get(days, n - 1), "day");
	RAW(b, "</text>\n</svg>\n<p class=\"dim\">Counted on each day at the time, with the controls of that day's version. Days before the first were not counted.</p>\n</section>\n");
}

/* --- what it was computed from --- */

static void
positions(struct buf *b, const json_t *p)
{
	json_t *l;
	size_t i;

	RAW(b, "<section>\n<h2>Computed from</h2>\n<table>\n<thead><tr><th>Log</th><th class=\"n\">Entries</th><th>Root of the Merkle tree (RFC 6962, SHA-256)</th><th>Log id</th></tr>"
	       "</thead>\n<tbody>\n");
	json_array_foreach(json_object_get(p, "logs"), i, l) {
		RAW(b, "<tr>");
		html_cell(b, js_text(l, "name"));
		RAW(b, "<td class=\"n\">");
		number(b, js_count(l, "size"));
		RAW(b, "</td>");
		html_cell_code(b, js_text(l, "damaged").n ? js_text(l, "damaged") : js_text(l, "root"));
		html_cell_code(b, js_text(l, "log"));
		RAW(b, "</tr>\n");
	}
	RAW(b, "</tbody>\n</table>\n<p class=\"dim\">The controls are pure functions of these entries, of the record of use in the journal, of the documents that the entries name by "
	       "hash, and of the time above. To check: take a copy of the logs, <code>heddle log verify --dir COPY</code>, compare sizes and roots; an entry named as evidence is proven "
	       "with <code>heddle audit proof ENTRY --log LOG</code>.</p>\n</section>\n</body>\n</html>\n");
}

void
posture_html(const json_t *posture, struct buf *out)
{
	head(out, posture);
	tiles(out, posture);
	trend(out, posture);
	controls_table(out, posture);
	findings(out, posture, "findings", false);
	findings(out, posture, "accepted", true);
	list_section(out, "Exceptions", json_object_get(posture, "exceptions"), EXCEPTION_COLUMNS, ARRAY_LEN(EXCEPTION_COLUMNS));
	list_section(out, "Records of what was done outside", json_object_get(posture, "evidence"), RECORD_COLUMNS, ARRAY_LEN(RECORD_COLUMNS));
	positions(out, posture);
}
