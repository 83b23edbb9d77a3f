/* route.h: from a parsed request to a command that has run: the checks every command passes, its holds, its
 * statistics.
 *
 * The order of the checks is Redis's (known, arity, permission, memory, server state), so the same wrong
 * command gets the same error. A command of one key runs under the hold that the batch may already have; one
 * of several keys takes its slices as a set; one of none runs free.
 */
#ifndef GYRE_SERVER_ROUTE_H
#define GYRE_SERVER_ROUTE_H

#include "server/batch.h"

enum route_result {
    ROUTE_DONE,
    ROUTE_WAITS, /* client->wait says why; a parked or paused command is to run again */
};

/* Finds the request's command and, where it has exactly one key at a fixed place, works that out and
 * prefetches. */
void route_prepare(struct worker *w, struct request *request);
/* Runs it. `ticks` is the processor's counter at its start, moved to its end. */
enum route_result route_run(struct worker *w, struct request *request, uint64_t *ticks);
/* Lets go of the slice that the batch holds from one command to the next. */
void route_let_go(struct worker *w);

#endif
