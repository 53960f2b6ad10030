#include "os/metrics.h"

#include <inttypes.h>

enum kind { COUNTER_KIND, GAUGE_KIND, HISTOGRAM_KIND };

struct row {
	const char *name, *help;
	enum kind kind;
};

static const struct row rows[METRIC_COUNT] = {
#define COUNTER(name, help) {"heddle_" #name "_total", help, COUNTER_KIND},
#define GAUGE(name, help) {"heddle_" #name, help, GAUGE_KIND},
#define HISTOGRAM(name, help) {"heddle_" #name "_seconds", help, HISTOGRAM_KIND},
#include "os/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const struct { uint64_t ns; const char *text; } bounds[METRIC_BUCKETS - 1] = {
    {100000, "0.0001"}, {300000, "0.0003"}, {1000000, "0.001"}, {3000000, "0.003"}, {10000000, "0.01"}, {30000000, "0.03"},
    {100000000, "0.1"}, {300000000, "0.3"}, {1000000000, "1"}, {3000000000, "3"}, {10000000000, "10"}, {100000000000, "100"}};

static struct metrics table_;

static void
add(uint64_t *at, uint64_t n)
{
	__atomic_fetch_add(at, n, __ATOMIC_RELAXED);
}

void metric_add(enum metric m, uint64_t n) { add(&table_.value[m], n); }
void metric_set(enum metric m, int64_t value) { __atomic_store_n(&table_.value[m], (uint64_t)value, __ATOMIC_RELAXED); }
void metric_shift(enum metric m, int64_t by) { add(&table_.value[m], (uint64_t)by); }

void
metric_observe_ns(enum metric m, uint64_t ns)
{
	size_t i = 0;

	while (i < ARRAY_LEN(bounds) && ns > bounds[i].ns) i++;
	add(&table_.value[m], ns);
	add(&table_.bucket[m][i], 1);
}

void
metrics_get(struct metrics *ret)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		ret->value[i] = __atomic_load_n(&table_.value[i], __ATOMIC_RELAXED);
		for (size_t k = 0; k < METRIC_BUCKETS; k++) ret->bucket[i][k] = __atomic_load_n(&table_.bucket[i][k], __ATOMIC_RELAXED);
	}
}

/* --- between roles: u16 count of metrics, then (u16 place, u64 value) for each cell that is not zero --- */

enum { CELLS = METRIC_COUNT * (METRIC_BUCKETS + 1), CELL_BYTES = 10 };

static uint64_t *
cell(struct metrics *m, size_t i)
{
	return i < METRIC_COUNT ? &m->value[i] : &m->bucket[(i - METRIC_COUNT) / METRIC_BUCKETS][(i - METRIC_COUNT) % METRIC_BUCKETS];
}

void
metrics_encode(const struct metrics *m, struct buf *out)
{
	struct metrics copy = *m;

	buf_u16be(out, METRIC_COUNT);
	for (size_t i = 0; i < CELLS; i++) {
		if (*cell(&copy, i) == 0) continue;
		buf_u16be(out, (uint16_t)i);
		buf_u64be(out, *cell(&copy, i));
	}
}

static uint64_t
number(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) v = v << 8 | (unsigned char)p[i];
	return v;
}

Err
metrics_decode(struct ctx *c, Str bytes, struct metrics *ret)
{
	struct metrics m = {0};

	ENSURE(c, bytes.n >= 2 && number(bytes.p, 2) == METRIC_COUNT && (bytes.n - 2) % CELL_BYTES == 0, INVALID, "metrics of another form");
	for (size_t at = 2; at < bytes.n; at += CELL_BYTES) {
		uint64_t i = number(bytes.p + at, 2);
		ENSURE(c, i < CELLS, INVALID, "metrics of another form");
		*cell(&m, i) = number(bytes.p + at + 2, 8);
	}
	*ret = m;
	return OK;
}

/* --- text --- */

static bool
untouched(const struct metrics *m, size_t i)
{
	uint64_t any = m->value[i];

	for (size_t k = 0; k < METRIC_BUCKETS; k++) any |= m->bucket[i][k];
	return any == 0;
}

static void
render_histogram(const struct row *row, const char *role, const struct metrics *m, size_t i, struct buf *out)
{
	uint64_t count = 0;

	for (size_t k = 0; k < METRIC_BUCKETS; k++) {
		count += m->bucket[i][k];
		buf_printf(out, "%s_bucket{role=\"%s\",le=\"%s\"} %" PRIu64 "\n", row->name, role,
		    k < ARRAY_LEN(bounds) ? bounds[k].text : "+Inf", count);
	}
	buf_printf(out, "%s_sum{role=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n", row->name, role, m->value[i] / 1000000000, m->value[i] % 1000000000);
	buf_printf(out, "%s_count{role=\"%s\"} %" PRIu64 "\n", row->name, role, count);
}

static void
render_one(const struct row *row, const char *role, const struct metrics *m, size_t i, struct buf *out)
{
	if (row->kind == HISTOGRAM_KIND)
		render_histogram(row, role, m, i, out);
	else if (row->kind == GAUGE_KIND)
		buf_printf(out, "%s{role=\"%s\"} %" PRId64 "\n", row->name, role, (int64_t)m->value[i]);
	else
		buf_printf(out, "%s{role=\"%s\"} %" PRIu64 "\n", row->name, role, m->value[i]);
}

void
metrics_render(const struct metrics_role *roles, size_t n, struct buf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	for (size_t i = 0; i < METRIC_COUNT; i++) {
		bool headed = false;
		for (size_t r = 0; r < n; r++) {
			if (untouched(roles[r].metrics, i)) continue; /* this role has no part in it */
			if (!headed) buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help, rows[i].name, types[rows[i].kind]);
			headed = true;
			render_one(&rows[i], roles[r].role, roles[r].metrics, i, out);
		}
	}
}
