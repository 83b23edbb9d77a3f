/* compare.h: `gyre-bench compare A B`: the same workload on two servers in turn, and the ratio with its
 * spread.
 *
 * In every round each server is warmed up and then measured; which of the two goes first changes from
 * round to round, so that a machine that drifts does so under both alike. The ratio is the median of the
 * rounds' ratios, its spread the smallest and the largest of them. */
#ifndef GYRE_BENCH_COMPARE_H
#define GYRE_BENCH_COMPARE_H

#include "bench/plan.h"

#include <signal.h>

/* Runs it and prints the table (--csv and --json: the same figures). Returns an exit status. */
int compare_run(struct program *program, volatile sig_atomic_t *stop);

#endif
