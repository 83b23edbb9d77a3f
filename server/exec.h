/* exec.h: EXEC: a client's queued commands as one, at one instant. */
#ifndef GYRE_SERVER_EXEC_H
#define GYRE_SERVER_EXEC_H

#include "server/route.h"

/* Takes the slices of the transaction of the request's client, which has one, and runs EXEC's handler under
 * them. */
enum route_result exec_run(struct worker *w, struct request *r, struct call *call, uint64_t *ticks);
/* What that handler does: runs the queue, or not, replies, and ends the transaction. */
void exec_handle(struct call *call);
/* EXEC was refused for what `text` says: the transaction is over. */
void exec_refuse(struct worker *w, struct client *c, const char *text);

#endif
