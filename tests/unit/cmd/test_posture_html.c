/* The page for an auditor: whatever the texts of an answer hold, the page's markup is that of the page with harmless texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "cmd/cli/posture_html.h"

static const char answer[] =
    "{'node':'n1','version':'0.1.0','made_at':'2026-11-21T09:00:00Z','as_of':'2026-11-20T09:00:00Z','past':true,'scope':'all','mark':'7',"
    "'counts':{'open':{'critical':1,'high':0,'medium':0,'low':2},'overdue':{'critical':1},'accepted':{'low':1},'passed':3,'failed':1,'not_applicable':1},"
    "'controls':[{'id':'C02','title':'T','checked':'K','severity':'critical','days':3,'gdpr':'G','soc2':'S','iso27001':'I','status':'fail','note':'N','examined':4,'open':2,"
    "'accepted_count':1,'findings':[{'control':'C02','subject':'sales/grt_1','severity':'critical','text':'X','domain':'sales','owner':'sam','person':'ana','remedy':'R',"
    "'since':'2026-11-01T00:00:00Z','due':'2026-11-04T00:00:00Z','overdue':true,'evidence':{'log':'aa','name':'sales','index':4}}],"
    "'accepted':[{'control':'C02','subject':'sales/grt_2','severity':'low','text':'X','domain':'sales','owner':'sam','remedy':'R','since':'2026-11-01T00:00:00Z',"
    "'due':'2026-11-04T00:00:00Z','overdue':false,'evidence':null,'exception':'exc_1','accepted_until':'2027-01-01T00:00:00Z'}]}],"
    "'exceptions':[{'id':'exc_1','control':'C02','subject':'sales/grt_2','until':'2027-01-01T00:00:00Z','reason':'W','by':'gov','added':'2026-11-02T00:00:00Z','state':'active'}],"
    "'evidence':[{'id':'evd_1','control':'C19','outcome':'ok','document':'ab','by':'gov','at':'2026-11-02T00:00:00Z'}],"
    "'logs':[{'log':'aa','name':'sales','size':9,'root':'cc','damaged':''},{'log':'bb','name':'crm','size':9,'root':'','damaged':'D'}],"
    "'trend':[{'day':'2026-11-20','critical':1,'high':0,'medium':0,'low':2},{'day':'2026-11-21','critical':1,'high':2,'medium':3,'low':4}]}";

static const char *const payloads[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</td></table></style></title><iframe src=//evil.example>",
    "--><!--",
    "]]><![CDATA[",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "</svg><script>1</script>",
    "critical\" onmouseover=\"alert(1)",
    "</style><style>@import url(//evil.example)",
    "\xe2\x80\xae" "egap tsenoh\xe2\x81\xa6",
};

static json_t *
parse(void)
{
	char *text = strdup(answer);
	json_error_t error;

	for (char *p = text; *p; p++)
		if (*p == '\'') *p = '"';
	json_t *doc = json_loads(text, 0, &error);
	free(text);
	if (!doc) fail_msg("%s at %d", error.text, error.position);
	return doc;
}

/* Every text of the answer, one after the other, becomes `with`; returns how many there are. -1 replaces all. */
static int
replace(json_t *v, int which, const char *with, int seen)
{
	const char *key;
	json_t *m;
	size_t i;

	if (json_is_string(v)) {
		if (which < 0 || which == seen) json_string_set(v, with);
		return seen + 1;
	}
	json_array_foreach(v, i, m) seen = replace(m, which, with, seen);
	json_object_foreach(v, key, m) seen = replace(m, which, with, seen);
	return seen;
}

/* What of the page is markup: everything between < and >, in order. */
static void
markup(Str page, struct buf *out)
{
	bool in = false;

	for (size_t i = 0; i < page.n; i++) {
		if (page.p[i] == '<') in = true;
		if (in) buf_char(out, page.p[i]);
		if (page.p[i] == '>') in = false;
	}
}

static void
render(int which, const char *with, struct buf *page, struct buf *tags)
{
	json_t *doc = parse();

	if (with) replace(doc, which, with, 0);
	posture_html(doc, page);
	markup(buf_view(page), tags);
	json_decref(doc);
}

static void
texts_stay_texts(void **state)
{
	json_t *doc = parse();
	int n = replace(doc, 1 << 20, "", 0);

	(void)state;
	json_decref(doc);
	assert_true(n > 50);
	for (int which = -1; which < n; which++)
		for (size_t k = 0; k < ARRAY_LEN(payloads); k++) {
			BUF_AUTO page = BUF_INIT;
			BUF_AUTO tags = BUF_INIT;
			BUF_AUTO harmless = BUF_INIT;
			BUF_AUTO plain = BUF_INIT;
			render(which, "harmless", &harmless, &plain);
			render(which, payloads[k], &page, &tags);
			assert_string_equal(buf_z(&tags), buf_z(&plain));
			assert_null(strstr(buf_z(&page), "\xe2\x80\xae"));
		}
}

/* The same check on a page that does paste a text: it must see it. */
static void
the_check_sees_a_pasted_text(void **state)
{
	BUF_AUTO page = BUF_INIT;
	BUF_AUTO tags = BUF_INIT;
	BUF_AUTO plain = BUF_INIT;

	(void)state;
	buf_c(&page, "<p>harmless</p>");
	markup(buf_view(&page), &plain);
	page.n = 0;
	buf_printf(&page, "<p>%s</p>", payloads[0]);
	markup(buf_view(&page), &tags);
	assert_string_not_equal(buf_z(&tags), buf_z(&plain));
}

static void
nothing_from_outside(void **state)
{
	static const char *const never[] = {"<script", "src=", "href=", "url(", "@import", "http:", "https:", "<link", "<iframe", "<object", "<form", " on"};
	BUF_AUTO page = BUF_INIT;
	BUF_AUTO tags = BUF_INIT;

	(void)state;
	render(0, NULL, &page, &tags);
	for (size_t i = 0; i < ARRAY_LEN(never) - 1; i++) assert_null(strcasestr(buf_z(&tags), never[i]));
	assert_null(strstr(buf_z(&page), "@import"));
	assert_null(strstr(buf_z(&page), "url("));
}

static void
an_empty_answer_makes_a_page(void **state)
{
	json_t *doc = json_object();
	BUF_AUTO page = BUF_INIT;

	(void)state;
	posture_html(doc, &page);
	json_decref(doc);
	assert_non_null(strstr(buf_z(&page), "</html>"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_stay_texts),
	    cmocka_unit_test(the_check_sees_a_pasted_text),
	    cmocka_unit_test(nothing_from_outside),
	    cmocka_unit_test(an_empty_answer_makes_a_page),
	};

	return cmocka_run_group_tests_name("posture_html", tests, NULL, NULL);
}
