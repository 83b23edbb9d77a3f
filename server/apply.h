/* apply.h: running commands that no client sent: those of an append-only file (and, later, of a primary's
 * stream).
 *
 * One thread applies them, in order, by visiting slices as any client does; its own client is nobody's: it is not
 * registered, and what it is replied is dropped. No check is made that is made of clients.
 */
#ifndef GYRE_SERVER_APPLY_H
#define GYRE_SERVER_APPLY_H

#include "server/call.h"

#include <stdbool.h>

struct worker;

struct applier {
    struct worker *worker;
    struct client *client;
    unsigned passes; /* see hold_take_set */
    char why[160];
};

void applier_open(struct applier *a, struct worker *w);
void applier_close(struct applier *a);

enum apply_result {
    APPLY_DONE,
    APPLY_LATER,   /* slices were refused: nothing done; in a later turn */
    APPLY_REFUSED, /* not a command that we know, or not as it has to be: applier.why */
};
/* On the worker's thread, which holds nothing. The arguments stay the caller's. */
enum apply_result applier_run(struct applier *a, struct arg *argv, unsigned argc);

#endif
