/* batch.h: the commands parsed in this turn, of all clients whose bytes have come, waiting to be run in
 * order.
 *
 * Parsing goes first for a whole batch, so that the cache lines of all its keys are on their way before the
 * first command runs. A request refers to bytes in receive buffers (or to a partial that it owns); the batch
 * owns those buffers until it has run.
 */
#ifndef GYRE_SERVER_BATCH_H
#define GYRE_SERVER_BATCH_H

#include "server/call.h"

#include <stdbool.h>
#include <stddef.h>

struct worker;
struct client;
struct resp_partial;

enum { BATCH_REQUESTS = 128, BATCH_ARGS = 4096, BATCH_INPUTS = 128, BATCH_ARGS_EACH = 1024 };

struct request {
    struct client *client;
    struct command *command; /* NULL: unknown */
    struct arg *argv;
    unsigned argc;
    bool has_key; /* `key` is the command's only key */
    struct key key;
    uint64_t member_hash;         /* of the argument command->member; 0: not worked out (foresee.h) */
    struct resp_partial *partial; /* owns the arguments; NULL when they lie in a receive buffer */
    struct input *input;          /* where it came from; NULL when from a partial kept from earlier */
    size_t end;                   /* offset in the input of what comes after it */
};

struct input {
    struct client *client;
    char *data;
    size_t len;
    int buffer; /* to be given back to the ring; -1 when the bytes are the client's own `raw` */
};

struct batch {
    unsigned count, args, inputs;
    struct slice *held; /* while running: kept from one command to the next of the same slice */
    unsigned held_commands;
    unsigned foreseen;   /* requests before this one need not be looked ahead for again */
    uint64_t held_since; /* in ticks */
    struct request requests[BATCH_REQUESTS];
    struct arg arguments[BATCH_ARGS];
    struct input input[BATCH_INPUTS];
};

/* Bytes for a client have come (`buffer` lends them): parses them into the batch, running it whenever it is
 * full. */
void batch_receive(struct worker *w, struct client *c, int buffer, size_t n);
/* Runs what is waiting. */
void batch_run(struct worker *w);
/* A client that waited goes on: first the command it waited with, then what came meanwhile. */
void batch_resume(struct worker *w, struct client *c);

#endif
