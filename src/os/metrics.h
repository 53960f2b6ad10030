/* Counters, gauges and histograms, from os/metrics.def, shown in Prometheus' text format (version 0.0.4).
 *
 * Each role counts in one table of its own, process-wide state; any thread may add. The gate collects the tables of all roles as
 * bytes and renders them together, because the format wants all lines of a metric in one place. */
#ifndef HEDDLE_OS_METRICS_H
#define HEDDLE_OS_METRICS_H

#include "base/buf.h"

enum metric {
#define COUNTER(name, help) METRIC_##name,
#define GAUGE(name, help) METRIC_##name,
#define HISTOGRAM(name, help) METRIC_##name,
#include "os/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	METRIC_COUNT
};

void metric_add(enum metric m, uint64_t n);        /* a counter */
void metric_set(enum metric m, int64_t value);     /* a gauge */
void metric_shift(enum metric m, int64_t by);      /* a gauge, up or down */
void metric_observe_ns(enum metric m, uint64_t ns); /* a histogram; buckets from 0.1 ms to 100 s */

enum { METRIC_BUCKETS = 13 }; /* the last one is +Inf */

/* A table as it stood. For gauges value is signed. Histograms: buckets are not cumulative; value is the sum in ns. */
struct metrics {
	uint64_t value[METRIC_COUNT];
	uint64_t bucket[METRIC_COUNT][METRIC_BUCKETS];
};
void metrics_get(struct metrics *ret);

/* For the way between roles: only what is not zero. A table made by another build, or damaged, is INVALID. */
void metrics_encode(const struct metrics *m, struct buf *out);
NODISCARD Err metrics_decode(struct ctx *c, Str bytes, struct metrics *ret);

struct metrics_role { const char *role; const struct metrics *metrics; };
void metrics_render(const struct metrics_role *roles, size_t n, struct buf *out);

#endif
