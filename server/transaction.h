/* transaction.h: MULTI's queue of commands, and the keys a client watches.
 *
 * A transaction collects whole commands with copies of their arguments, their keys worked out once, and the
 * union of the slices and flags they will need. EXEC (exec.c) takes all of those slices, and those of the
 * watched keys, and runs it as one. Own thread only, but for the counters marked shared in client.h.
 */
#ifndef GYRE_SERVER_TRANSACTION_H
#define GYRE_SERVER_TRANSACTION_H

#include "server/batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct worker;
struct resp_partial;

struct queued {
    struct command *command;
    struct resp_partial *partial; /* owns argv */
    struct arg *argv;
    unsigned argc;
    struct key *keys; /* NULL: none */
    unsigned key_count;
};

struct transaction {
    struct queued *queued;
    unsigned count, capacity;
    bool aborted;    /* a command was refused: EXEC will not run the others */
    bool all_slices; /* one of them wants all */
    uint32_t flags;  /* of all commands */
    uint32_t common; /* flags that every one of them has */
    size_t bytes;    /* held by the queue */
    uint64_t wanted[SLICES_MAX / 64];
};

/* MULTI. */
void transaction_begin(struct client *c);
/* Forgets the queue (DISCARD, EXEC, RESET, the end of the client). Does nothing without one. */
void transaction_end(struct client *c);
/* Queues a command that passed its checks and replies QUEUED; its arguments are taken over or copied. */
void transaction_queue(struct worker *w, struct request *r, struct call *call);
/* A command was refused: EXEC will abort. Does nothing outside a transaction. */
void transaction_abort(struct client *c);

/* WATCH of key i of the call; under its hold. */
void transaction_watch(struct call *call, unsigned i);
/* UNWATCH, DISCARD, EXEC, RESET, the end of the client. Links that are in slices busy just now are left
 * later. */
void transaction_unwatch(struct worker *w, struct client *c);
/* Whether a watched key has changed. Under the holds of all of them. */
bool transaction_is_stale(struct client *c);

#endif
