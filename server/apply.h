/* apply.h: running commands that no client sent: those of an append-only file, and of a primary's stream.
 *
 * One thread applies them, in order, by visiting slices as any client does; its own client is nobody's: it is not
 * registered, and what it is replied is dropped. No check is made that is made of clients.
 *
 * What a primary sends is applied as it was done there: a key is there until the primary deletes it, a transaction
 * is one instant for all readers, and clients' statistics, MONITOR and the slow log see the commands as they would see
 * a client's.
 */
#ifndef GYRE_SERVER_APPLY_H
#define GYRE_SERVER_APPLY_H

#include "server/call.h"

#include <stdbool.h>

struct worker;

struct applier {
    struct worker *worker;
    struct client *client;
    bool follows; /* a primary's stream */
    /* Set by the owner, or NULL: called when a command or transaction has been applied, with its slices still held; so a
     * cut sees either nothing of it or all. */
    void (*applied)(void *context);
    void *context;
    unsigned passes; /* see hold_take_set */
    uint64_t errors; /* commands that were answered by an error */
    char why[160];
};

void applier_open(struct applier *a, struct worker *w, bool follows);
void applier_close(struct applier *a);

enum apply_result {
    APPLY_DONE,
    APPLY_LATER,   /* slices were refused: nothing done; in a later turn */
    APPLY_REFUSED, /* not a command that we know, or not as it has to be: nothing done; applier.why */
};
struct apply_command {
    struct arg *argv;
    unsigned argc;
    struct command *command; /* applier_run's own */
};
/* All of them at one instant. On the worker's thread, which holds nothing. The arguments stay the caller's. */
enum apply_result applier_run(struct applier *a, struct apply_command *commands, unsigned count);

#endif
