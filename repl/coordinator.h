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

struct coordinator {
    struct thread thread; /* first: the coordinator is a thread */
    void (*started)(struct coordinator *c);
    void (*completion)(struct coordinator *c, const struct completion *done);
    void (*beat)(struct coordinator *c); /* every COORDINATOR_BEAT_MS */
    _Atomic bool stop;
};

/* The body of its thread. Returns false (reason in `why`) when it could not start. */
bool coordinator_run(struct coordinator *c, char *why, size_t why_cap);

#endif
