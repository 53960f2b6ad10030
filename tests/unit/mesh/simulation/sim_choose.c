/* What is said next, and where. Most of it happens between two domains, because a decision opens only where many things meet: a grant, who it is
 * for, what the center demands and who stood up for it. */
#include "simulation.h"

enum { START = 48, LIVE_RULES = 5 };

static const struct { enum event_type type; unsigned weight[THEMES]; } WEIGHTS[] = {
    /*                          all  appr. deleg. tags keys */
    {EVENT_GRANT_ADD,          {180, 150, 120, 140, 150}}, {EVENT_GRANT_REVOKE,     {60, 30, 20, 30, 40}},
    {EVENT_PRODUCT_PUBLISH,    {40, 10, 10, 30, 20}},      {EVENT_PRODUCT_RETIRE,   {1, 0, 0, 0, 0}},
    {EVENT_MEMBER_SET,         {80, 90, 50, 20, 60}},      {EVENT_MEMBER_END,       {25, 20, 15, 4, 15}},
    {EVENT_DOMAIN_SET,         {15, 5, 25, 5, 10}},        {EVENT_GROUP_SET,        {15, 5, 15, 3, 5}},
    {EVENT_GROUP_END,          {2, 1, 2, 1, 1}},           {EVENT_GROUP_JOIN,       {60, 20, 60, 10, 20}},
    {EVENT_GROUP_LEAVE,        {25, 5, 30, 4, 8}},         {EVENT_TAG_SET,          {40, 20, 5, 220, 10}},
    {EVENT_APPROVAL_ADD,       {60, 300, 20, 120, 40}},    {EVENT_DELEGATION_ADD,   {90, 10, 250, 10, 60}},
    {EVENT_DELEGATION_END,     {40, 4, 100, 4, 30}},       {EVENT_REQUEST_OPEN,     {15, 50, 5, 5, 5}},
    {EVENT_REQUEST_SUBMIT,     {3, 3, 1, 1, 1}},           {EVENT_REQUEST_WITHDRAW, {3, 3, 1, 1, 1}},
    {EVENT_REQUEST_DENY,       {3, 3, 1, 1, 1}},           {EVENT_REQUEST_COMMENT,  {3, 3, 1, 1, 1}},
    {EVENT_REVIEW_ADD,         {3, 1, 1, 1, 1}},           {EVENT_RESTRICTION_ADD,  {30, 40, 40, 60, 15}},
    {EVENT_RESTRICTION_LIFT,   {30, 30, 30, 40, 15}},      {EVENT_TAG_DEFINE,       {4, 1, 1, 4, 1}},
    {EVENT_TAG_RETIRE,         {3, 1, 1, 3, 1}},           {EVENT_PURPOSE_DEFINE,   {8, 0, 5, 0, 1}},
    {EVENT_PURPOSE_RETIRE,     {14, 0, 10, 0, 3}},          {EVENT_EXCEPTION_ADD,    {2, 1, 1, 1, 1}},
    {EVENT_EXCEPTION_END,      {1, 1, 1, 1, 1}},           {EVENT_EVIDENCE_ADD,     {2, 1, 1, 1, 1}},
    {EVENT_DIRECTORY_ERASE,    {2, 1, 1, 1, 1}},           {EVENT_KEY_ROTATE,       {5, 1, 1, 2, 12}},
    {EVENT_CONFIRM,            {10, 3, 3, 3, 60}},         {EVENT_FORK_REPORT,      {8, 1, 1, 1, 12}},
    {EVENT_FORK_RESOLVE,       {15, 1, 1, 1, 40}},
};

/* Something to begin with. */
static enum event_type
beginning(const struct sim *s, unsigned said)
{
	if (said < 12) return EVENT_PRODUCT_PUBLISH;
	if (said < 18) return EVENT_GROUP_SET;
	if (said % 6) return EVENT_MEMBER_SET;
	return s->theme == THEME_DELEGATIONS ? EVENT_DOMAIN_SET : EVENT_GROUP_JOIN;
}

/* Never so many restrictions that nothing is left to see, and seldom a word about forks that there are not. */
static enum event_type
choose_type(struct sim *s)
{
	unsigned said = s->told_count - DOMAINS, sum = 0;
	size_t i = 0;

	if (said < START) return beginning(s, said);
	for (i = 0; i < ARRAY_LEN(WEIGHTS); i++) sum += WEIGHTS[i].weight[s->theme];
	unsigned n = roll(s, sum);
	for (i = 0; n >= WEIGHTS[i].weight[s->theme]; i++) n -= WEIGHTS[i].weight[s->theme];
	enum event_type type = WEIGHTS[i].type;
	if (type == EVENT_RESTRICTION_ADD && sim_live_rules(s) >= LIVE_RULES) return EVENT_RESTRICTION_LIFT;
	bool idle = (type == EVENT_FORK_REPORT || type == EVENT_FORK_RESOLVE) && s->t.fork_count == 0;
	return idle && !one_in(s, 16) ? EVENT_GRANT_ADD : type;
}

static int
choose_domain(struct sim *s, enum event_type type)
{
	switch (type) {
	case EVENT_RESTRICTION_ADD: case EVENT_RESTRICTION_LIFT: case EVENT_TAG_DEFINE: case EVENT_TAG_RETIRE: case EVENT_PURPOSE_DEFINE:
	case EVENT_PURPOSE_RETIRE: case EVENT_EXCEPTION_ADD: case EVENT_EXCEPTION_END: case EVENT_EVIDENCE_ADD:
		return roll(s, 8) ? OUR_CENTER : (int)roll(s, DOMAINS);
	case EVENT_GRANT_ADD: case EVENT_GRANT_REVOKE: case EVENT_PRODUCT_PUBLISH: case EVENT_PRODUCT_RETIRE: case EVENT_TAG_SET: case EVENT_REVIEW_ADD:
		return roll(s, 3) ? s->producer : (int)roll(s, DOMAINS);
	case EVENT_DELEGATION_ADD: case EVENT_DELEGATION_END: return roll(s, 12) ? s->consumer : (int)roll(s, DOMAINS);
	case EVENT_DOMAIN_SET: case EVENT_GROUP_SET: case EVENT_GROUP_END: case EVENT_GROUP_JOIN: case EVENT_GROUP_LEAVE: case EVENT_REQUEST_OPEN:
	case EVENT_REQUEST_SUBMIT: case EVENT_REQUEST_WITHDRAW:
		return roll(s, 3) ? s->consumer : (int)roll(s, DOMAINS);
	default: return one_in(s, 3) ? (int)roll(s, DOMAINS) : one_in(s, 2) ? s->producer : s->consumer;
	}
}

struct choice
sim_choose(struct sim *s)
{
	static const int purposes[] = {PURPOSE_CAMPAIGN, PURPOSE_CAMPAIGN, PURPOSE_CAMPAIGN, PURPOSE_MARKETING, PURPOSE_PART, PURPOSE_PART, PURPOSE_NONE,
	    PURPOSE_OTHER};
	enum event_type type = choose_type(s);
	struct choice c = {.type = type, .domain = choose_domain(s, type), .product = one_in(s, 2) ? 0 : (int)roll(s, PRODUCTS), .table = (int)roll(s, 3) - 1,
	    .column = (int)roll(s, 4) - 1, .person = (int)roll(s, PERSONS), .human = -1, .grant = (int)roll(s, GRANTS), .group = (int)roll(s, GROUPS),
	    .delegation = (int)roll(s, DELEGATIONS), .request = (int)roll(s, REQUESTS), .restriction = (int)roll(s, RESTRICTIONS), .tag = (int)roll(s, TAGS),
	    .value = (int)roll(s, 3), .purpose = purposes[roll(s, 8)], .to_log = (int)roll(s, DOMAINS), .subject = (int)roll(s, GRANTS + TAGS), .fork = -1,
	    .named = roll(s, s->theme == THEME_DELEGATIONS ? 8 : 2) > 0, .draft = one_in(s, 2), .second_table = roll(s, 4) > 0,
	    .personal = {one_in(s, 3), one_in(s, 3)}, .word = (int)roll(s, 16), .recovery = (int)roll(s, 2)};

	if (one_in(s, 2)) c.snapshot = one_in(s, 4) ? (enum snapshot)(SNAPSHOT_OF_ANOTHER_LOG + roll(s, 3)) : SNAPSHOT_OWN;
	if (c.table < 0 || one_in(s, 2)) c.column = -1;
	sim_aim(s, &c);
	return c;
}
