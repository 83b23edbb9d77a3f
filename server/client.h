/* client.h: one connection and its session.
 *
 * A client belongs to the thread (worker) that serves it and is touched by no other, but for the members
 * marked shared: those are atomic, or guarded by the worker's registry lock, for CLIENT LIST, CLIENT KILL
 * and the like. An idle client costs this struct and nothing else: receive buffers, reply chunks and the
 * parser's state exist only while in use.
 */
#ifndef GYRE_SERVER_CLIENT_H
#define GYRE_SERVER_CLIENT_H

#include "server/pubsub.h"
#include "server/reply.h"
#include "shard/base/buf.h"
#include "shard/rt/tag.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;
struct command;
struct output_vector;
struct replica_request;
struct pubsub_client;
struct resp_partial;
struct transaction;
struct interest_set;
struct waiter;
struct slice;

/* Shared flags: set and read by anyone, atomically.
 *
 * CLIENT REPLY, in three flags that its handler sets and the router acts on:
 *  - before every command (also one that will be refused): reply.mute = REPLY_OFF or REPLY_SKIP is set;
 *  - after every command that does not wait: REPLY_SKIP is cleared, then REPLY_SKIP_NEXT, if set, becomes
 *    REPLY_SKIP.
 * So SKIP drops the one reply after it, and OFF drops all until ON (or RESET), which unmutes before it
 * replies. Of what monitors are sent (deliver.h), OFF drops everything and SKIP nothing; of what subscribers
 * are sent (pubsub.h), neither drops anything.
 */
enum client_flag {
    CLIENT_MONITOR = 1 << 0,
    CLIENT_KILLED = 1 << 1, /* closes before its next command */
    CLIENT_CLOSE_AFTER_REPLY = 1 << 2,
    CLIENT_NO_EVICT = 1 << 3,
    CLIENT_NO_TOUCH = 1 << 4,
    CLIENT_REPLY_OFF = 1 << 5,
    CLIENT_REPLY_SKIP_NEXT = 1 << 6, /* the reply after this one */
    CLIENT_REPLY_SKIP = 1 << 7,      /* this reply */
    CLIENT_UNIX_SOCKET = 1 << 8,
    CLIENT_AUTHENTICATED = 1 << 9,
    CLIENT_BLOCKED = 1 << 10,    /* waits, other than for a slice: for others to see */
    CLIENT_CLOSING = 1 << 11,    /* no command runs any more; waits for its last completions */
    CLIENT_RESP3 = 1 << 12,      /* what reply.protocol says, for other threads */
    CLIENT_MULTI = 1 << 13,      /* in a transaction */
    CLIENT_REPLICA = 1 << 14,    /* a replica: only in what is told of it (it is no struct client any more) */
    CLIENT_PRIMARY = 1 << 15,    /* whom this server follows: likewise */
    CLIENT_PUBSUB = 1 << 24,     /* has subscriptions */
    CLIENT_CLOSE_ASAP = 1 << 25, /* passed its output limit: closes at the end of the turn */
};

/* Why a client is not being served its next command. */
enum client_wait {
    WAIT_NOTHING,
    WAIT_SLICE,  /* parked on client->parked_on */
    WAIT_PAUSE,  /* CLIENT PAUSE */
    WAIT_BLOCKED /* a blocking command */
};

struct client {
    uint32_t slot, generation; /* its place in the worker's table: together they make the ring's tags */
    int fd;
    struct worker *worker;
    uint64_t id;

    /* Input. */
    struct resp_partial *partial; /* a command cut by the end of a buffer; NULL otherwise */
    struct resp_partial
        *waiting;      /* a whole command that is to run again when the wait is over; NULL otherwise */
    struct buf raw;    /* bytes received while the client waits */
    size_t raw_used;   /* how many of them have been run */
    bool receiving;    /* a multishot receive is armed */
    bool end_of_input; /* the other side will send no more */
    bool in_batch;     /* the batch has bytes of this client */
    /* Output. */
    struct reply reply;
    struct reply_chunk *sending; /* what the one send in flight refers to */
    size_t sending_bytes, sent_of_first;
    struct output_vector *vector; /* the send in flight, when it has several pieces */
    uint64_t
        soft_limit_since_ms;   /* client-output-buffer-limit: when the soft limit was passed; 0: it is not */
    uint64_t saw_ticket;       /* the last change that its replies may tell of: see oplog_may_tell */
    struct client *dirty_next; /* list of clients with output to send this turn, or not to be told yet */
    bool dirty;
    bool pushed; /* what others did is in its output, and is not in saw_ticket yet: see output_note_push */
    /* Waiting. */
    enum client_wait wait;
    struct slice *parked_on;
    struct client *wait_prev,
        *wait_next;             /* the worker's list of parked or paused clients; of closed ones at the end */
    struct waiter *waiter;      /* a blocking command's wait; set and cleared under the registry lock */
    uint64_t first_deadline_ns; /* of a blocking command that is run again: as it was at first; 0: none */
    unsigned passes;            /* refusals of the waiting command: see hold.h */
    int64_t awaits_offset;      /* of WAIT: that replicas are to acknowledge, and one; 0: not known yet */
    uint64_t awaits; /* what a command that is run again (CALL_LATER) waits for, by number; 0: nothing yet */
    unsigned in_flight; /* requests whose last completion is still to come */

    /* Transactions. */
    struct transaction *transaction; /* MULTI's queue; NULL outside */
    struct interest_set *watches;    /* WATCH; NULL: nothing */
    _Atomic int32_t queued;          /* shared: commands in the queue; -1 outside MULTI */

    /* Session. */
    struct replica_request *replica; /* what it said of itself by REPLCONF; NULL: nothing */
    bool hands_over;                 /* closing hands the connection to the coordinator: it is a replica */
    struct pubsub_client *pubsub;    /* its subscriptions; NULL without any */
    _Atomic uint32_t subscriptions[PUBSUB_KINDS]; /* shared: how many */
    _Atomic uint32_t database;                    /* shared */
    _Atomic uint32_t flags;
    _Atomic(struct command *) last_command; /* shared */
    int64_t created_ms;
    _Atomic int64_t active_ms;                  /* shared: the last time it sent something */
    _Atomic uint64_t input_bytes, output_bytes; /* shared: what waits, for CLIENT LIST */
    _Atomic uint64_t bytes_in, bytes_out;       /* shared: totals */
    /* Guarded by the worker's registry lock when changed, or read by another thread. */
    char *name, *library_name, *library_version;
    struct client *registry_prev, *registry_next; /* by age */
    char peer[48], local[48];                     /* "1.2.3.4:567", "[::1]:567", "/path:0" cut to fit */
};

struct thread;

/* A descriptor that the acceptor hands to a worker, with what it found out about it. */
struct client_origin {
    int fd;
    bool unix_socket;
    char peer[48], local[48];
};

/* Takes over a new connection: registers it with the worker and starts receiving. */
struct client *client_create(struct worker *w, const struct client_origin *origin);
/* A number that no other client has. Any thread. */
uint64_t client_new_id(void);
/* The client of a tag, or NULL when it is gone. */
struct client *client_of_tag(struct worker *w, uint64_t tag);
/* Begins to close: no command runs and nothing is sent any more; freed once the ring has let go of it and
 * the turn ends. */
void client_close(struct worker *w, struct client *c);
/* The last completion of one of its requests has been seen. */
void client_request_over(struct worker *w, struct client *c);
/* Frees what has been closed; at the end of a turn, when nothing refers to it any more. */
void clients_bury(struct worker *w);
void client_start_receiving(struct worker *w, struct client *c);
void client_stop_receiving(struct worker *w, struct client *c);
/* Closes once what it has been told is sent. */
void client_close_after_reply(struct worker *w, struct client *c);
/* Moves the client into one of the worker's waiting lists, or out of it. */
void client_wait_in(struct worker *w, struct client *c, enum client_wait why);
void client_wait_over(struct worker *w, struct client *c);

static inline bool client_has(struct client *c, uint32_t flags) {
    return atomic_load_explicit(&c->flags, memory_order_relaxed) & flags;
}
static inline void client_set(struct client *c, uint32_t flags) {
    atomic_fetch_or_explicit(&c->flags, flags, memory_order_relaxed);
}
static inline void client_unset(struct client *c, uint32_t flags) {
    atomic_fetch_and_explicit(&c->flags, ~flags, memory_order_relaxed);
}

#endif
