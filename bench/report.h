/* report.h: all that is known when the runs are over, for the forms in which it can be written out.
 *
 * The plans and results belong to the report. One thread.
 */
#ifndef GYRE_BENCH_REPORT_H
#define GYRE_BENCH_REPORT_H

#include "bench/plan.h"
#include "bench/run.h"

#include <stdint.h>

struct report_run {
    const char *title; /* of one of redis-benchmark's tests, else "run" */
    struct run_plan plan;
    struct run_result *result;
};

struct report {
    const struct program *program;
    const char *command_line; /* as it was typed */
    int64_t began_unix_ms;
    unsigned count;
    struct report_run run[PLAN_RUNS_MAX];
};

/* What quantiles are told in tables. */
enum { REPORT_SHARES = 6 };
extern const double report_shares[REPORT_SHARES];
extern const char *const report_share_names[REPORT_SHARES];

/* What was asked for, as name and value. Returns false when there is no n-th. */
struct report_setting {
    const char *name;
    char value[256];
};
bool report_setting(const struct report *report, unsigned n, struct report_setting *setting);

/* One JSON document, to standard output. */
void json_print(const struct report *report);
/* One page that needs nothing else. False with the reason in `problem`. */
bool html_write(const struct report *report, const char *path, struct problem *problem);

void report_free(struct report *report);

#endif
