/* blocked.h: clients that wait for a key to hold something (BLPOP and its kin), and how they are served.
 *
 * A blocking command that finds nothing leaves a waiter: its arguments, its keys, a deadline, linked into
 * the waiting lists of its keys (interest.h) under the holds it ran with. Whoever makes such a key serves
 * the waiters, first come first served, when his command (or transaction) is over and its slices are still
 * held: he claims the waiter, runs its `serve` function on its behalf, and posts the reply to the thread of
 * its client. So no other command comes in between, as in Redis.
 *
 * The claim is one compare-and-swap from waiting to claimed; time-out, CLIENT UNBLOCK and the end of the
 * client have to win the same one. So a waiter is served once, and no element is given to a client whose end
 * was dealt with before.
 *
 * A waiter whose command moves an element to another key needs that key's slice too: blocked_want_more names
 * it before the writer runs, so that nothing is changed before all is held. Where it was not foreseen
 * (another database, a long chain), the waiting command is run again by its own thread instead; should it
 * have to wait once more, it does so until the time that it was given at first.
 *
 * A waiter belongs to its client's thread, which also takes it out of the lists afterwards (blocked_leave).
 */
#ifndef GYRE_SERVER_BLOCKED_H
#define GYRE_SERVER_BLOCKED_H

#include "server/call.h"

#include <stdbool.h>
#include <stdint.h>

struct client;
struct interest_set;
struct waiter;
struct worker;

struct blocking {
    unsigned keys;        /* the call's first ones, that are waited for */
    bool moves;           /* the key after them is where elements go */
    enum value_type type; /* what they have to hold */
    int64_t timeout_ms;   /* 0: none */
    uint8_t protocol;     /* of the reply; filled in by blocked_wait */
    /* Does for key i, which holds something of the type, what the command does, and replies; never blocks.
     * Runs on any thread, under the hold of key i (and of the key that elements go to): call->client is
     * NULL. */
    void (*serve)(struct call *call, unsigned i);
};

/* Argument i as a timeout in seconds, >= 0, as all blocking commands take it. False: an error has been
 * replied. */
bool blocked_timeout(struct call *c, unsigned i, int64_t *timeout_ms);
/* Lets the call's client wait; the handler returns right afterwards. Under the holds; not within EXEC
 * (call->in_exec). */
void blocked_wait(struct call *c, const struct blocking *b);

/* Serves those who wait for the keys on v->ready. Under the holds that the command or transaction ran
 * with; they are told by blocked_tell, once what was done has its ticket. */
void blocked_serve(struct worker *w, struct visit *v);
void blocked_tell(struct worker *w, uint64_t ticket);
/* The keys that a call may make, and how many elements, at most, it may put into one of them. */
struct blocked_outlook {
    const struct key *keys;
    unsigned count, database, most;
};
/* Adds to `wanted` the slices that clients will want who may be served because of the call, and those who may be
 * served because of them; all slices where these are many. True when that was any. Under the holds of the
 * wanted slices, which `me` has. */
bool blocked_want_more(const struct thread *me, const struct blocked_outlook *outlook, uint64_t *wanted);
/* Whether anybody who waits for one of these keys, in any database, moves elements on to another key. Under
 * the holds of the keys' slices. */
bool blocked_has_movers(const struct key *keys, unsigned count);

/* The client ends while it waits. Own thread. */
void blocked_forget(struct worker *w, struct client *c);
/* CLIENT UNBLOCK, from any thread: ends a wait as by time-out, or with an error. The lock of the client's
 * registry is held; `from` is the caller's own. False: it does not wait (any more). */
bool blocked_unblock(struct worker *from, struct client *c, bool error);

/* This server has become a replica: nobody may wait for elements to take. All who do are told so, and disconnected. Any
 * thread of the server. */
void blocked_release_all(struct thread *from);

/* The worker's upkeep: waits whose time is over, sets to be left. Own thread, no slice held. */
void blocked_upkeep(struct worker *w);
/* How long upkeep may wait, in ns; UINT64_MAX: for ever. */
uint64_t blocked_wait_ns(const struct worker *w);
/* Takes over a set of links that nobody needs any more and takes them out of the slices as these are free.
 * Frees the set (mem_free) when that is done. */
void blocked_leave(struct worker *w, struct interest_set *set);

#endif
