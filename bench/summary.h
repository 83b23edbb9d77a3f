/* summary.h: what is printed when a run is over: the table for people, and the lines of -q and --csv,
 * which are redis-benchmark's. To standard output. */
#ifndef GYRE_BENCH_SUMMARY_H
#define GYRE_BENCH_SUMMARY_H

#include "bench/run.h"

/* The table: throughput and latency by command, bytes, what went wrong, and whether this program was the
 * limit. */
void summary_print(const struct run_plan *plan, const struct run_result *result);
/* "GET: 123456.00 requests per second, p50=0.143 msec" */
void summary_print_quiet(const struct run_result *result);
void summary_print_csv_head(void);
void summary_print_csv(const struct run_result *result);
/* What went wrong, a line each, to standard error: for the forms above that have no room for it. */
void summary_print_trouble(const struct run_result *result);

#endif
