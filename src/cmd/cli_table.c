/* Every option and every command, once. */
#include "cmd/cli.h"

const struct option cli_options[OPT_COUNT] = {
	[OPT_HELP] = {"help", NULL, OPTION_FLAG, "this text"},
	[OPT_JSON] = {"json", NULL, OPTION_FLAG, "print one JSON document"},
	[OPT_AS] = {"as", "NAME", OPTION_ONE, "act as this person, with the token saved for them"},
	[OPT_URL] = {"url", "URL", OPTION_ONE, "the node (else HEDDLE_URL, else http://127.0.0.1:7878)"},
	[OPT_CA] = {"ca", "FILE", OPTION_ONE, "trust this certificate authority (PEM) for https (else HEDDLE_CA)"},

	[OPT_DATA_DIR] = {"data", "DIR", OPTION_ONE, "the node's data folder"},
	[OPT_HTTP] = {"http", "ADDR:PORT", OPTION_ONE, "where to listen (default 127.0.0.1:7878; port 0 takes a free one)"},
	[OPT_CONFIG] = {"config", "FILE", OPTION_ONE, "settings: TLS, limits, lowest sandbox level"},
	[OPT_OWNER] = {"owner", "USER", OPTION_ONE, "who owns the domain; made known when not known yet"},
	[OPT_DOMAIN] = {"domain", "D", OPTION_ONE, "the domain the person belongs to"},
	[OPT_ROLE] = {"role", "ROLE", OPTION_ONE, "owner, engineer, analyst, steward or auditor"},
	[OPT_FILES] = {"data-files", "DIR", OPTION_ONE, "folder with the demo's Parquet files (fetched when not given)"},
	[OPT_PURPOSE] = {"purpose", "P", OPTION_ONE, "what the data is used for"},
	[OPT_FROM] = {"from", "T", OPTION_ONE, "begins at: 2026-12-31 or 2026-12-31T18:00:00Z"},
	[OPT_UNTIL] = {"until", "T", OPTION_ONE, "ends at: 2026-12-31 (through that day) or 2026-12-31T18:00:00Z"},
	[OPT_REASON] = {"reason", "TEXT", OPTION_ONE, "why, for the people concerned"},
	[OPT_ROWS] = {"rows", "EXPR", OPTION_ONE, "only rows for which this holds: \"store_id = 367 AND quantity > 0\""},
	[OPT_MASK] = {"mask", "COL=KIND", OPTION_MANY, "mask a column: null, constant, hash, last4 or year (repeatable)"},
	[OPT_HIDE] = {"hide", "COL", OPTION_MANY, "leave a column out (repeatable)"},
	[OPT_TO] = {"to", "PRINCIPAL", OPTION_ONE, "a domain, domain:NAME or user:NAME"},
	[OPT_FORMAT] = {"format", "F", OPTION_ONE, "table (default), csv, json, ndjson or parquet"},
	[OPT_DIR] = {"dir", "DIR", OPTION_ONE, "verify this copy offline: a data folder, or its logs"},
	[OPT_LIMIT] = {"limit", "N", OPTION_ONE, "how many of the newest entries (default 50)"},
	[OPT_CLASS_MASK] = {"mask", "KIND", OPTION_ONE, "mask with null, constant, hash, last4 or year"},
	[OPT_PRODUCT] = {"product", "D.P", OPTION_ONE, "only in this product"},
	[OPT_SUSPEND] = {"suspend", "D.P", OPTION_ONE, "close this product for everyone"},
	[OPT_DATA_FILES] = {"data", "TABLE=FILE…", OPTION_FILES, "Parquet files of a table; more files and patterns may follow (repeatable)"},
	[OPT_KEEP] = {"keep", NULL, OPTION_FLAG, "keep the node running after the story"},
	[OPT_NO_KEEP] = {"no-keep", NULL, OPTION_FLAG, "end after the story"},
	[OPT_BY_PERSON] = {"person", "WHO", OPTION_ONE, "done by this person"},
	[OPT_OUTCOME] = {"outcome", "O", OPTION_ONE, "ok, refused (policy said no) or failed"},
	[OPT_OPERATION] = {"operation", "OP", OPTION_ONE, "as in /openapi.json, e.g. grant_add; query for all that queries leave"},
	[OPT_OUT] = {"out", "FILE", OPTION_ONE, "write it to this file"},
	[OPT_LOG] = {"log", "LOG", OPTION_ONE, "of this log: a domain's name, a log's id, or journal (default)"},
	[OPT_OF_GRANT] = {"grant", "GRANT", OPTION_ONE, "under this grant"},
	[OPT_DAYS] = {"days", "N", OPTION_ONE, "of so many days until now (default 90)"},
	[OPT_UNUSED] = {"unused", "DAYS", OPTION_ONE, "instead: grants and products that nobody used for so many days"},
	[OPT_BASIS] = {"basis", "WORD", OPTION_ONE, "why, in one word for the log: request (default), retention, mistake, …"},
};

#define GRANT_OPTIONS (BIT(OPT_UNTIL) | BIT(OPT_ROWS) | BIT(OPT_MASK) | BIT(OPT_HIDE))
#define AUDIT_OPTIONS (BIT(OPT_BY_PERSON) | BIT(OPT_PRODUCT) | BIT(OPT_FROM) | BIT(OPT_UNTIL) | BIT(OPT_OUTCOME) | BIT(OPT_OPERATION))
#define TOKENS \
    "The token is printed and saved for --as, readable by you alone, below\n" \
    "${HEDDLE_HOME:-~/.config/heddle}/tokens/. It is shown this once; the node keeps only its hash."
#define ROWS \
    "EXPR compares columns with constants: =, <>, <, <=, >, >=, IN (…), BETWEEN … AND …, IS NULL,\n" \
    "LIKE 'x%', joined by AND, OR, NOT."

const struct command cli_commands[] = {
	{"Node", "init", "--data DIR", "make a data folder with its keys and its center, governance", NULL,
	 BIT(OPT_DATA_DIR), BIT(OPT_DATA_DIR), 0, 0, "heddle init --data ./node\nexport HEDDLE_TOKEN=$(cat ./node/admin.token)",
	 "The administrator's token is left in DIR/admin.token, readable by you alone."},
	{"Node", "serve", "--data DIR [--http ADDR:PORT] [--config FILE]", "run the node", NULL,
	 BIT(OPT_DATA_DIR) | BIT(OPT_HTTP) | BIT(OPT_CONFIG), BIT(OPT_DATA_DIR), 0, 0, "heddle serve --data ./node --http 127.0.0.1:7878",
	 "Ctrl-C stops it; nothing that was acknowledged is lost.\n"
	 "Without a certificate it listens on loopback addresses only."},
	{"Node", "status", "", "the node, its roles and their sandbox, its logs, what was refused", cli_run_status, 0, 0, 0, 0,
	 "heddle status", NULL},
	{"Node", "log verify", "[--dir DIR]", "prove the logs: every hash, every signature", cli_run_log_verify, BIT(OPT_DIR), 0, 0, 0,
	 "cp -r ./node ./copy && heddle log verify --dir ./copy",
	 "With --dir it needs neither the node nor a key. Without, it fetches the logs of the node and proves those.\n"
	 "Exit status 5 when anything does not check; the entry is named."},
	{"Node", "rebuild", "", "fold the catalog anew from the logs and compare", cli_run_rebuild, 0, 0, 0, 0, "heddle rebuild", NULL},
	{"Node", "journal", "[--limit N]", "who did what: every decision, query and failed try", cli_run_journal, BIT(OPT_LIMIT), 0, 0, 0,
	 "heddle journal --limit 20", "For auditors and the administrator."},
	{"Node", "audit search", "[--person WHO] [--product D.P] [--from T] [--until T] [--outcome O] [--operation OP] [--limit N]", "who did what, when, under which grant",
	 cli_run_audit_search, AUDIT_OPTIONS | BIT(OPT_LIMIT), 0, 0, 0, "heddle audit search --person ana --outcome refused",
	 "The center and its auditors find everything; owners and auditors of a domain what concerns it; everybody what they did themselves."},
	{"Node", "audit export", "--out FILE [filters as of audit search]", "the same, all of it, as JSON lines with the proof of each", cli_run_audit_export,
	 AUDIT_OPTIONS | BIT(OPT_OUT), BIT(OPT_OUT), 0, 0, "heddle audit export --product stores.transactions --out journal.jsonl",
	 "Each line has the entry's number in the log and its leaf hash, and the entry byte for byte where all of it is yours to see."},
	{"Node", "audit proof", "INDEX [--log LOG] [--out FILE]", "the proof that an entry stands in a log (C2SP tlog-proof)", cli_run_audit_proof,
	 BIT(OPT_LOG) | BIT(OPT_OUT), 0, 1, 1, "heddle audit proof 0 --out entry-0.tlog-proof",
	 "Checked offline with the log's key (file `keys` of the log) and the entry's bytes, by any verifier of c2sp.org/tlog-proof."},
	{"Node", "usage", "[DOMAIN.PRODUCT] [--grant GRANT] [--days N] | --unused DAYS", "who used what, how often, when last; and what nobody uses", cli_run_usage,
	 BIT(OPT_OF_GRANT) | BIT(OPT_DAYS) | BIT(OPT_UNUSED), 0, 0, 1, "heddle usage stores.transactions\nheddle usage --unused 90", NULL},
	{"Node", "erase", "REQUEST | COMMENT | COMMITMENT [--basis WORD]", "erase what somebody wrote: reasons, comments", cli_run_erase, BIT(OPT_BASIS), 0, 1, 1,
	 "heddle erase req_x4ce5ad7qz2m", "The log keeps that something was said, and that it was erased; nobody can tell what."},
	{"Node", "demo", "[--data-files DIR] [--keep | --no-keep] [--http ADDR:PORT]", "the whole story on real data, in a node of its own",
	 cli_run_demo, BIT(OPT_FILES) | BIT(OPT_KEEP) | BIT(OPT_NO_KEEP) | BIT(OPT_HTTP), 0, 0, 0, "heddle demo",
	 "Keeps its node until Ctrl-C on a terminal; ends after the story without one or with CI set.\n"
	 "Exit status 0 only if every step of the story held."},
	{"Node", "version", "", "the version of this program", cli_run_version, 0, 0, 0, 0, "heddle version", NULL},

	{"Domains and people", "domain add", "NAME --owner USER", "make a domain with its own log, key and owner", cli_run_domain_add,
	 BIT(OPT_OWNER), BIT(OPT_OWNER), 1, 1, "heddle domain add stores --owner sam\nheddle user add sam --domain stores --role owner",
	 "Only the administrator makes domains. `user add` gives the owner their token; once they have it, only they can give another."},
	{"Domains and people", "domains", "", "the domains, their owners and products", cli_run_domains, 0, 0, 0, 0, "heddle domains", NULL},
	{"Domains and people", "user add", "NAME --domain D --role ROLE", "add a person to a domain; prints their token", cli_run_user_add,
	 BIT(OPT_DOMAIN) | BIT(OPT_ROLE), BIT(OPT_DOMAIN) | BIT(OPT_ROLE), 1, 1,
	 "heddle user add ana --domain insights --role analyst --as ivy", TOKENS},
	{"Domains and people", "user erase", "NAME [--basis WORD]", "erase the name of somebody who left", cli_run_user_erase, BIT(OPT_BASIS), 0, 1, 1,
	 "heddle user erase ana", "What they did stays in the logs under a random id; who that was can be told no more. The name may be given again."},
	{"Domains and people", "users", "", "the people and their roles", cli_run_users, 0, 0, 0, 0, "heddle users", NULL},

	{"Publish", "contract check", "FILE", "judge a data contract without a node", cli_run_contract_check, 0, 0, 1, 1,
	 "heddle contract check examples/cpg/transactions.yaml", NULL},
	{"Publish", "publish", "CONTRACT.yaml --data TABLE=FILE…", "check files against their contract and make them the new snapshot",
	 cli_run_publish, BIT(OPT_DATA_FILES), BIT(OPT_DATA_FILES), 1, 1,
	 "heddle publish transactions.yaml --data transactions=jan.parquet feb.parquet --as sam",
	 "A batch that breaks its contract reaches nobody: it is set aside, the rows at fault are named, consumers keep the\n"
	 "last good snapshot, and the exit status is 2."},

	{"Find", "products", "[TEXT]", "search the data products", cli_run_products, 0, 0, 0, 1, "heddle products \"grocery trips\"", NULL},
	{"Find", "show", "DOMAIN.PRODUCT", "a product's page: tables, contract, quality, owner, how to ask", cli_run_show, 0, 0, 1, 1,
	 "heddle show stores.transactions", NULL},

	{"Access", "request", "DOMAIN.PRODUCT --purpose P [--until T] [--reason TEXT]", "ask the owner for access", cli_run_request,
	 BIT(OPT_PURPOSE) | BIT(OPT_UNTIL) | BIT(OPT_REASON), BIT(OPT_PURPOSE), 1, 1,
	 "heddle request stores.transactions --purpose campaign_analysis --until 2027-06-30 --as ana", NULL},
	{"Access", "requests", "", "your requests, and those that wait for you", cli_run_requests, 0, 0, 0, 0, "heddle requests", NULL},
	{"Access", "approve", "REQ [--until T] [--rows EXPR] [--mask COL=KIND]… [--hide COL]…", "grant what a request asks for, or less",
	 cli_run_approve, GRANT_OPTIONS, 0, 1, 1,
	 "heddle approve req_x4ce5ad7qz2m --mask household_id=hash --hide transaction_timestamp --as sam", ROWS},
	{"Access", "deny", "REQ [--reason TEXT]", "turn a request down", cli_run_deny, BIT(OPT_REASON), 0, 1, 1,
	 "heddle deny req_x4ce5ad7qz2m --reason \"ask for fewer columns\" --as sam", NULL},
	{"Access", "grant", "DOMAIN.PRODUCT[.TABLE] --to PRINCIPAL --purpose P [--from T] [--until T] [--rows EXPR] [--mask COL=KIND]… [--hide COL]…",
	 "grant without a request", cli_run_grant, GRANT_OPTIONS | BIT(OPT_TO) | BIT(OPT_PURPOSE) | BIT(OPT_FROM),
	 BIT(OPT_TO) | BIT(OPT_PURPOSE), 1, 1,
	 "heddle grant households.demographics --to insights --purpose campaign_analysis --mask household_id=hash --as hal",
	 "Only the domain that owns the product can grant; nobody else, not even the center.\n" ROWS},
	{"Access", "grants", "", "the grants you gave or hold", cli_run_grants, 0, 0, 0, 0, "heddle grants", NULL},
	{"Access", "revoke", "GRANT", "take a grant back; holds for the next query", cli_run_revoke, 0, 0, 1, 1,
	 "heddle revoke grt_b7qxk2m5wz4a --as sam", NULL},
	{"Access", "explain", "PRINCIPAL DOMAIN.PRODUCT.TABLE [--purpose P]", "why someone may or may not read a table", cli_run_explain,
	 BIT(OPT_PURPOSE), 0, 2, 2, "heddle explain ana stores.transactions.transactions --purpose campaign_analysis", NULL},

	{"Query", "query", "\"SQL\" [--purpose P] [--format F]", "run a statement; - reads it from standard input", cli_run_query,
	 BIT(OPT_PURPOSE) | BIT(OPT_FORMAT), 0, 1, 1,
	 "heddle query \"SELECT store_id, sum(sales_value) AS sales FROM stores.transactions.transactions GROUP BY ALL\" \\\n"
	 "    --purpose campaign_analysis --as ana",
	 "A table is called domain.product.table. What was applied (grant, row filter, masks) is told on standard error.\n"
	 "Ctrl-C cancels the statement on the node. Exit status 3 when it is refused, with the way to ask."},

	{"Center", "restrict", "CLASSIFICATION --mask KIND [--product D.P] | --suspend D.P", "tighten: mask a class of columns, or close a product",
	 cli_run_restrict, BIT(OPT_CLASS_MASK) | BIT(OPT_PRODUCT) | BIT(OPT_SUSPEND), 0, 0, 1, "heddle restrict personal --mask null",
	 "The center can only close: nothing it says opens what a producer did not grant."},
	{"Center", "restrictions", "", "the center's restrictions", cli_run_restrictions, 0, 0, 0, 0, "heddle restrictions", NULL},
	{"Center", "lift", "ID", "lift a restriction of the center", cli_run_lift, 0, 0, 1, 1, "heddle lift rst_c2mzk5qa7wbx", NULL},
};

const size_t cli_command_count = ARRAY_LEN(cli_commands);
