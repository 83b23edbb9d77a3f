/* plan.h: from the flags to the runs: addresses looked up, defaults filled in, templates made.
 *
 * A program is the sequence of runs that the flags ask for: the filling, then one run (or one for each of
 * redis-benchmark's tests). Its parts point into the flags and into itself: neither moves while it lives.
 */
#ifndef GYRE_BENCH_PLAN_H
#define GYRE_BENCH_PLAN_H

#include "bench/flags.h"
#include "bench/run.h"

enum { PLAN_RUNS_MAX = 32, PLAN_FILLS_MAX = 16 };

struct program {
    const struct flags *flags;
    struct filling filling;
    struct target primary, replicas[RUN_REPLICAS_MAX];
    unsigned fill_count, run_count;
    struct workload fills[PLAN_FILLS_MAX], runs[PLAN_RUNS_MAX];
    struct run_plan plan; /* what all runs share; its workload is set for each */
    bool own_titles;      /* each run is one of redis-benchmark's tests */
};

/* False with one clear line in `problem`; program_free frees what was made, in either case. The primary is
 * not looked up for compare, which brings its own two. */
bool program_make(const struct flags *flags, struct program *program, struct problem *problem);
void program_free(struct program *program);

/* The plans of the n-th filling and run. `database` counts from 0: every database is filled. */
struct run_plan program_fill_plan(const struct program *program, unsigned n, unsigned database);
struct run_plan program_run_plan(const struct program *program, unsigned n);
/* Whether everything is to be filled first. */
bool program_fills(const struct program *program);

#endif
