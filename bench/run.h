/* run.h: one run of a workload: from connecting to the merged result.
 *
 * The plan says what to do and is only read while the run goes on. The main thread starts the load
 * threads, waits until all of their connections stand, gives the sign to begin, takes samples for the
 * live line, and merges what the threads have counted when they have ended. Several runs may follow each
 * other; one at a time. */
#ifndef GYRE_BENCH_RUN_H
#define GYRE_BENCH_RUN_H

#include "bench/histogram.h"
#include "bench/problem.h"
#include "bench/reply.h"
#include "bench/target.h"
#include "bench/workload.h"
#include "shard/rt/cpus.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum { RUN_REPLICAS_MAX = 16, RUN_SAMPLES_MAX = 1200, RUN_THREADS_MAX = 256 };

struct run_plan {
    const struct target *primary;
    const struct target *replicas; /* that answer what only reads, in turn */
    unsigned replica_count;
    struct greeting greeting;
    const struct workload *workload;
    const struct filling *filling;
    struct draw_shape distribution;
    unsigned clients, pipeline, threads, database, databases;
    uint64_t requests;                /* 0: until the time is over */
    uint64_t duration_ns, warm_up_ns; /* the first is UINT64_MAX with a number of requests */
    double rate;                      /* requests a second; 0: the closed loop */
    bool poisson, verify;
    uint64_t drain_ns; /* how long to wait for the last replies */
    uint64_t seed;
    const struct cpu_list *cpus; /* to pin threads to, or NULL */
};

/* How it went since the sample before. */
struct run_sample {
    double at_s, seconds; /* when it was taken, and what it covers */
    uint64_t replies, errors;
    uint64_t p50_ns, p99_ns, p999_ns, max_ns;
};

struct run_command_result {
    char title[WORKLOAD_TITLE_MAX];
    struct histogram latency;
    uint64_t errors, nulls, wrong, replies;
};

struct run_result {
    unsigned count;
    struct run_command_result *command;     /* one for each of the workload's */
    struct histogram latency;               /* of all of them */
    uint64_t replies, errors, nulls, wrong; /* errors are among the replies */
    uint64_t bytes_sent, bytes_received;
    uint64_t unanswered, unsent; /* when the run ended: sent without a reply; due but not sent */
    uint64_t lost;               /* connections that ended before their time */
    double seconds;              /* what was measured: from the end of the warm-up to the last reply */
    double cpu_seconds;          /* of this process, in that time */
    double busiest;              /* the share of that time for which the busiest thread was not idle */
    bool interrupted;
    char first_error[REPLY_LINE_MAX + 1];
    char first_wrong[256];
    char first_loss[512];
    unsigned samples;
    double sample_seconds;
    struct run_sample sample[RUN_SAMPLES_MAX];
};

/* What is told about a run while it goes on. `share` is how much of it is over, from 0 to 1. */
struct run_watcher {
    void (*tell)(void *context, const struct run_sample *sample, double share, bool warming_up);
    void *context;
};

/* False when it could not be begun, with the reason in `problem`. Set *stop (a signal handler may) to end it
 * early. The result is made anew; run_result_free frees what is in it. */
bool run_execute(const struct run_plan *plan, const struct run_watcher *watcher, volatile sig_atomic_t *stop,
                 struct run_result *result, struct problem *problem);
void run_result_free(struct run_result *result);
/* Whether nothing went wrong. */
bool run_result_clean(const struct run_result *result);

#endif
