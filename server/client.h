/* client.h: one connection and its session.
 *
 * A client belongs to the thread (worker) that serves it and is touched by no other, but for the members marked
 * shared: those are atomic, or guarded by the worker's registry lock, for CLIENT LIST, CLIENT KILL and the like. An idle client costs
 * this struct and nothing else: receive buffers, reply chunks and the parser's state exist only while in use.
 */
#ifndef GYRE_SERVER_CLIENT_H
#define GYRE_SERVER_CLIENT_H

#include "server/reply.h"
#include "shard/base/buf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;
struct command;
struct resp_partial;
struct slice;

/* Shared flags: set and read by anyone, atomically. */
enum client_flag {
    CLIENT_MONITOR = 1 << 0,
    CLIENT_KILLED = 1 << 1,          /* closes before its next command */
    CLIENT_CLOSE_AFTER_REPLY = 1 << 2,
    CLIENT_NO_EVICT = 1 << 3,
    CLIENT_NO_TOUCH = 1 << 4,
    CLIENT_REPLY_OFF = 1 << 5,
    CLIENT_REPLY_SKIP_NEXT = 1 << 6, /* the reply after this one */
    CLIENT_REPLY_SKIP = 1 << 7,      /* this reply */
    CLIENT_UNIX_SOCKET = 1 << 8,
    CLIENT_AUTHENTICATED = 1 << 9,
    CLIENT_BLOCKED = 1 << 10,
    CLIENT_CLOSING = 1 << 11, /* no command runs any more; waits for its last completions */
    CLIENT_CLOSE_ASAP = 1 << 12,
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
    struct resp_partial *partial; /* a command cut by the end of a buffer, or waiting to run; NULL otherwise */
    struct buf raw;               /* bytes received while the client waits */
    bool receiving;               /* a multishot receive is armed */
    bool end_of_input;
    /* Output. */
    struct reply reply;
    struct reply_chunk *sending; /* what the one send in flight refers to */
    size_t sending_bytes, sent_of_first;
    uint64_t soft_limit_since_ms; /* client-output-buffer-limit: when the soft limit was passed; 0: it is not */
    struct client *dirty_next;    /* list of clients with output to send this turn */
    bool dirty;
    /* Waiting. */
    enum client_wait wait;
    struct slice *parked_on;
    struct client *wait_prev, *wait_next;
    unsigned passes; /* refusals of the waiting command: see hold.h */
    unsigned in_flight; /* requests whose last completion is still to come */

    /* Session. */
    _Atomic uint32_t database; /* shared */
    _Atomic uint32_t flags;
    _Atomic(struct command *) last_command; /* shared */
    int64_t created_ms;
    _Atomic int64_t active_ms; /* shared: the last time it sent something */
    _Atomic uint64_t input_bytes, output_bytes; /* shared: what waits, for CLIENT LIST */
    _Atomic uint64_t bytes_in, bytes_out;       /* shared: totals */
    /* Guarded by the worker's registry lock when changed, or read by another thread. */
    char *name, *library_name, *library_version;
    struct client *registry_prev, *registry_next; /* by age */
    char peer[48], local[48]; /* "1.2.3.4:567", "[::1]:567", "/path:0" cut to fit */
};

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
