/* link.h: one connection of a load thread: its socket, what it sends, what it still waits for.
 *
 * Requests are rendered into the filling half of a double buffer; the other half is in the kernel's hands
 * while a send is under way. Both are allocated when the link is opened and can hold all requests that
 * may be waiting for a reply at a time, so nothing is allocated and nothing can overflow while it runs.
 * All of it belongs to the thread whose ring it uses.
 *
 * What has been sent and not yet answered stands in `waiting`, a ring: replies come in the order of
 * requests. */
#ifndef GYRE_BENCH_LINK_H
#define GYRE_BENCH_LINK_H

#include "bench/reply.h"
#include "bench/target.h"
#include "shard/rt/ring.h"

#include <stdbool.h>
#include <stdint.h>

/* Which request of a link a completion is for, in the top byte of its tag; the link's index below. */
enum link_tag { LINK_CONNECT = 1, LINK_RECEIVE, LINK_SEND };
static inline uint64_t link_tag(enum link_tag kind, uint32_t index) {
    return (uint64_t)kind << 32 | index;
}

enum link_state { LINK_CONNECTING, LINK_GREETING, LINK_READY, LINK_CLOSED };

struct waiting {
    uint64_t start_ns; /* when it was sent, or should have been */
    uint32_t command;
};

struct link {
    int fd;
    uint32_t index;  /* in its thread */
    uint32_t client; /* which client of the thread uses it */
    enum link_state state;
    const struct target *target;
    unsigned address_at; /* which of the target's addresses is tried */
    unsigned greetings;  /* replies to the greeting that are still to come */
    struct reply_parser parser;
    struct waiting *waiting;
    uint64_t *keys; /* of the waiting requests, keys_each a request; NULL unless replies are verified */
    unsigned keys_each;
    uint32_t first, count, mask; /* of `waiting` */
    char *half[2];
    size_t filled, in_flight; /* bytes in the filling half, and of the one that is being sent */
    size_t sent;              /* how much of that the kernel has taken */
    uint8_t filling;
    bool sending, receiving;
};

struct link_shape {
    unsigned depth;     /* requests that may wait for replies at a time */
    size_t request_max; /* bytes of the longest */
    unsigned keys_each; /* keys to remember of each; 0: none */
};
void link_make(struct link *l, uint32_t index, const struct link_shape *shape);
void link_free(struct link *l);

/* Begins to connect to the target's address number l->address_at. False with the reason in `problem`. */
bool link_connect(struct link *l, struct ring *ring, struct problem *problem);
/* The connection stands: says the greeting (state becomes LINK_GREETING) and begins to receive. */
void link_greet(struct link *l, struct ring *ring, const struct greeting *g, unsigned database);
void link_receive(struct link *l, struct ring *ring);

static inline char *link_room(const struct link *l) {
    return l->half[l->filling] + l->filled;
}
/* Sends the filling half, unless the other is still under way: then the end of that sends it. */
void link_flush(struct link *l, struct ring *ring);
/* A send has ended with this result. False when the connection is broken. */
bool link_sent(struct link *l, struct ring *ring, int32_t result);
/* Closes the socket. What the ring still holds of it ends with an error, and must be waited for (l->sending
 * and l->receiving) or the ring closed before link_free. */
void link_close(struct link *l);

#endif
