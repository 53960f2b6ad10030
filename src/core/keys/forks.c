/* Forks: reported by whoever holds two histories of a log, settled by the recovery keys of the domain. */
#include "core/keys/drafts.h"
#include "crypt/encode.h"

Err
handle_fork_report(struct request *rq)
{
	List a = api_arg_list(&rq->args, &rq->arena, "a"), b = api_arg_list(&rq->args, &rq->arena, "b");
	char id[CRYPT_SHORT_ID_MAX];
	bool first = true;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO out = BUF_INIT;

	crypt_short_id("frk_", id);
	body_fork(&body, str_c(id), arg(rq, "log"), a.v, a.n, b.v, b.n);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_FORK_REPORT, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core);
	buf_char(&out, '{');
	member_text(&out, "id", str_c(id), &first);
	member_text(&out, "domain", domain_name(rq, arg(rq, "log")), &first);
	buf_char(&out, '}');
	reply_json(rq, 201, &out);
	return OK;
}

Err
handle_forks(struct request *rq)
{
	struct mesh_fork *forks;
	size_t n = mesh_forks(rq->core->mesh, &rq->arena, &forks);
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"forks\":[");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		buf_c(&b, i ? ",{" : "{");
		member_text(&b, "id", forks[i].report_id, &first);
		member_text(&b, "log", forks[i].log_id, &first);
		member_text(&b, "domain", domain_name(rq, forks[i].log_id), &first);
		member_u64(&b, "at", forks[i].at, &first);
		member_text(&b, "state", forks[i].settled ? S("settled") : S("open"), &first);
		member_text(&b, "reporter", domain_name(rq, forks[i].reporter_domain_id), &first);
		member_text(&b, "by", person_name(rq, forks[i].by), &first);
		member_time(&b, "reported", forks[i].reported, &first);
		buf_char(&b, '}');
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}
