/* coordinator.h: the thread that is no shard: it accepts connections and keeps the server's cron.
 *
 * What it does with a completion or at a beat of its cron is an upcall, set by server/main.c: this layer
 * knows neither connections nor commands. It holds slices only for cuts, and never waits for anything but
 * its ring.
 */
#ifndef GYRE_REPL_COORDINATOR_H
#define GYRE_REPL_COORDINATOR_H

#include "shard/rt/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { COORDINATOR_BEAT_MS = 100 };

struct coordinator;

/* What is to be done at an instant at which all slices are held: see coordinator_cut. */
struct cut {
    struct cut *next;
    /* Every slice is held: it may run for microseconds only, wait for nothing, and ask for no other cut to be
     * waited for. */
    void (*run)(struct coordinator *c, struct cut *cut);
};

struct coordinator {
    struct thread thread;         /* first: the coordinator is a thread */
    struct cut *cuts, *cuts_last; /* wanted, oldest first */
    bool keeps_cuts;              /* they wait: see coordinator_keep_cuts */
    unsigned passes;              /* see hold_take_set */
    void (*started)(struct coordinator *c);
    void (*completion)(struct coordinator *c, const struct completion *done);
    void (*turn)(struct coordinator *c); /* every turn of the loop, after its completions */
    void (*beat)(struct coordinator *c); /* every COORDINATOR_BEAT_MS */
    uint64_t
        wanted_ns; /* a turn is wanted by then even if nothing happens (monotonic); 0: the next beat will do */
    _Atomic bool stop;
};

/* Has `cut` run as soon as all slices can be had, once; cuts asked for before run before it, in the same instant
 * if need be. On the coordinator's thread; `cut` stays the caller's and where it is until it has run. */
void coordinator_cut(struct coordinator *c, struct cut *cut);

/* Has cuts wait, or not any more: for as long as it takes another thread to do what it was given, which must not depend
 * on a cut. None may be wanted when it begins. On the coordinator's thread. */
void coordinator_keep_cuts(struct coordinator *c, bool keep);

/* The body of its thread. Returns false (reason in `why`) when it could not start. */
bool coordinator_run(struct coordinator *c, char *why, size_t why_cap);

#endif
