/* worker.h: a load thread: its ring, its connections, what it has counted.
 *
 * The main thread makes it, starts it, and reads its counters while it runs (they are atomics with this
 * thread as their only writer) and the rest after it has ended. See worker.c for the loop. */
#ifndef GYRE_BENCH_WORKER_H
#define GYRE_BENCH_WORKER_H

#include "bench/link.h"
#include "bench/run.h"
#include "bench/schedule.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the main thread and the load threads tell each other. */
struct run_signals {
    _Atomic unsigned ready;    /* threads whose connections stand */
    _Atomic unsigned failed;   /* threads that could not get so far */
    _Atomic uint64_t start_ns; /* 0 until it may begin; then when */
    _Atomic bool stop;
};

struct command_counters {
    struct histogram latency;
    _Atomic uint64_t replies, errors, nulls, wrong;
};

/* One simulated client: a connection to the primary and, where reads go to replicas, one to a replica. */
struct bench_client {
    struct link *primary, *reader;
    uint32_t outstanding;
    bool ended;  /* one of its connections is lost: it sends nothing any more */
    bool queued; /* in the queue of those that may send (open loop) */
};

struct worker {
    const struct run_plan *plan;
    struct run_signals *signals;
    unsigned index, threads;
    pthread_t thread;
    struct ring *ring;
    struct drawing drawing;
    struct schedule schedule;
    struct bench_client *clients;
    struct link *links;
    const char **expected; /* room for the values of one request */
    unsigned client_count, first_client, link_count, opened, standing;
    unsigned alive;  /* clients that have all of their connections */
    uint32_t *queue; /* clients that may send, oldest first (open loop) */
    uint32_t queue_first, queue_count;
    uint64_t from_ns, until_ns; /* what is measured: requests of this time */
    uint64_t quota;             /* requests still to be sent; UINT64_MAX without a number */
    uint64_t outstanding;
    uint64_t progress_ns; /* when the last bytes came */
    /* Counters, read by the main thread meanwhile. */
    struct command_counters *counters; /* one a command */
    _Atomic uint64_t bytes_sent, bytes_received, last_reply_ns;
    _Atomic bool ended;
    /* Valid when the thread has ended. */
    uint64_t unanswered, unsent, lost;
    uint64_t cpu_ns; /* what the thread used from the sign to begin */
    bool failed;
    struct problem problem;
    char first_error[REPLY_LINE_MAX + 1], first_wrong[256], first_loss[512];
};

/* Prepares thread `index` of `threads` and allocates what it will need. */
void worker_make(struct worker *w, const struct run_plan *plan, struct run_signals *signals, unsigned index,
                 unsigned threads);
void worker_free(struct worker *w);
/* The thread's function. */
void *worker_main(void *worker);

#endif
