/* worker.h: a shard's thread: its loop, its clients, its batch of parsed commands, its statistics.
 *
 * One turn of the loop (worker_run):
 *
 *    thread_turn ── submits sends and receives, sleeps if there is nothing to do, collects completions
 *        │
 *    completions ── received bytes are parsed in place into the batch; sends done, connections closed
 *        │
 *    batch ──────── cache lines of all its keys are prefetched, then the commands run in order (batch.c)
 *        │
 *    woken ──────── connections parked on slices, paused or blocked go on
 *        │
 *    output ─────── every client with replies gets one send of all that is ready (output.c)
 *        │
 *    upkeep ─────── the shard's slices in bounded steps: expiry, resizing; clients' timeouts
 *
 * All members belong to the thread, but for the ones marked shared. The registry lock guards the list of
 * clients against other threads that walk it (CLIENT LIST, KILL): whoever links, unlinks, frees a client, or
 * changes its name takes it.
 */
#ifndef GYRE_SERVER_WORKER_H
#define GYRE_SERVER_WORKER_H

#include "server/batch.h"
#include "server/census.h"
#include "server/client.h"
#include "server/output.h"
#include "server/reply_chunk.h"
#include "server/statistics.h"
#include "shard/rt/spin.h"
#include "shard/rt/thread.h"
#include "shard/store/keyspace.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Detached tables waiting to be freed piece by piece. */
struct discard {
    struct discard *next;
    struct keyspace *keyspace;
};

/* Room for working out a command's keys and holds. */
struct scratch {
    struct hold *holds[SLICES_MAX];
    uint64_t wanted[SLICES_MAX / 64];
    struct key *keys;
    unsigned *positions;
    unsigned keys_capacity;
};

/* Blocked clients with a deadline, soonest first: see blocked.c. */
struct deadlines {
    struct waiter **waiters;
    unsigned count, capacity;
};

struct client_list {
    struct client *first, *last;
};

struct worker {
    struct thread thread; /* first: a worker is a thread */
    struct batch batch;
    struct scratch scratch;
    _Atomic(struct command *) last_command; /* shared: for the crash report */
    uint64_t slow_ticks; /* a command that took this long may concern the slow log or the latency monitor */
    uint64_t hold_ticks_max; /* for so long consecutive commands may run under one hold */
    struct reply_pool reply_pool;
    struct statistics statistics; /* shared, relaxed */

    /* Clients by slot. */
    struct client **clients;
    uint32_t *generations;
    uint32_t *free_slots;
    uint32_t clients_capacity, free_count;
    _Atomic unsigned connections; /* shared: counted up by the acceptor as it deals */
    struct spin registry_lock;    /* shared */
    struct client *registry_first, *registry_last;

    struct client *dirty;  /* has output to send at the end of this turn */
    struct client *untold; /* has output that may not be sent before what it tells of is durable */
    uint64_t durable_seen; /* when the untold were last looked at */
    struct push_sources pushes;
    struct waiter *served; /* blocked clients that the running command served */
    struct client_list parked, paused;
    struct deadlines deadlines;
    struct interest_set *leaving; /* interests of no more use, in slices that were busy */
    struct client *closed;        /* freed at the end of this turn */
    _Atomic bool poked;           /* shared: look at the clients' flags: somebody asked to close one */
    uint32_t timeout_cursor;      /* slot where the search for idle clients goes on */
    struct census census;         /* of the clients seen on the way */
    uint64_t next_cron_ms;
    struct discard *discards;
    unsigned upkeep_slice;               /* owned slice where upkeep goes on */
    unsigned upkeep_left;                /* owned slices still to be looked at */
    unsigned first_slice, last_slice;    /* owned: [first, last) */
    bool dumping;                        /* there is more to do for a dump, */
    uint64_t dump_next_ns;               /* but not before this time */
    uint64_t served_ns;                  /* when commands ran the last time */
    uint64_t free_next_ns, freed_for_ns; /* when freeing goes on, and how long it took in this turn */
    _Atomic bool stop;                   /* shared */
};

/* Number of shards, and a shard's worker. */
extern unsigned workers_count;
struct worker *worker_by_index(unsigned index);
static inline struct worker *worker_of(struct thread *t) {
    return (struct worker *)t;
}

/* Allocates the workers (before threads start) and assigns slices to them. */
void workers_create(unsigned count);
/* The body of a shard's thread: starts, serves until `stop`, closes its clients. Returns false (reason in
 * `why`) when it could not start. `started` is called once it can take connections. */
bool worker_run(struct worker *w, void (*started)(struct worker *w), char *why, size_t why_cap);

/* Asks another worker to look at its clients' flags (CLIENT_KILLED), its paused clients and `stop`. */
void worker_poke(struct worker *from, struct worker *to);
void worker_poke_by(struct thread *from, struct worker *to); /* any thread of the server */
void worker_poke_from_outside(struct worker *to);

/* Lets the paused clients try again: the pause is over. */
void worker_resume_paused(struct worker *w);

/* Frees a detached table bit by bit in later turns. Takes `ks` over. Called by its own thread. */
void worker_discard(struct worker *w, struct keyspace *ks);

#endif
