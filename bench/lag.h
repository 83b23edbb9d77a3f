/* lag.h: `gyre-bench lag`: how long until replicas show what was written to their primary.
 *
 * One thread and one ring. Stamps, ever higher numbers, are written to one key of the primary at a chosen
 * rate; each replica, however deep in the tree, is asked for that key over and over. When it shows stamp
 * n, all stamps up to n have arrived: each counts with the time from when its write was sent until this
 * reply was read. So a figure holds the write's and the read's round trips and up to one pause between
 * two reads (--poll): it never flatters. */
#ifndef GYRE_BENCH_LAG_H
#define GYRE_BENCH_LAG_H

#include "bench/flags.h"

#include <signal.h>

/* Runs it and prints the table (--csv and --json: the same figures). Returns an exit status. */
int lag_run(const struct flags *flags, volatile sig_atomic_t *stop);

#endif
