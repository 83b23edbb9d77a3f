/* replicas.h: those who follow this server: taking them over, bringing them up to date, keeping them so.
 *
 *    (a shard's connection asks for PSYNC)
 *        │ replicas_attach
 *        ├── may go on ──────────────────────────────┐
 *        ▼                                           │
 *     WAITS     for a dump to begin                  │
 *        │ the cut: its place in the stream is noted │
 *        ▼                                           │
 *     LOADS     gets the dump, as fast as it takes it│
 *        │                                           ▼
 *        └───────────────────────────────────────> ONLINE     gets the stream
 *
 * All of a replica belongs to the coordinator's thread, as the stream does; every replica is a reader of it at a pace
 * of its own, and refers to the same bytes. All who wait when a dump begins share it (spool.h). Nothing here ever
 * waits, and no writer is slowed down for a replica; one that lags more than the limit allows is cut off, but for what
 * a replica misses during its dump and until it has once been level: that goes on in a file (replica_lag.c).
 */
#ifndef GYRE_REPL_REPLICAS_H
#define GYRE_REPL_REPLICAS_H

#include "repl/coordinator.h"
#include "repl/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLICA_NAME_MAX = 48, REPLICA_HOST_MAX = 256 };

/* A connection that has asked for PSYNC or SYNC, handed over with all that is known of it. */
struct replica_request {
    struct message message;
    int fd;
    uint64_t client_id;
    char peer[REPLICA_NAME_MAX], local[REPLICA_NAME_MAX];
    char host
        [REPLICA_HOST_MAX]; /* where it says that it listens: REPLCONF ip-address; "": where it comes from */
    int port;               /* and listening-port; 0: unknown */
    bool psync;             /* PSYNC, not SYNC: it sends acknowledgements */
    bool knows_eof, knows_psync2; /* REPLCONF capa */
    bool dump_only;               /* REPLCONF rdb-only: no stream */
    bool no_keys;                 /* REPLCONF rdb-filter-only: a dump without data */
    char id[REPLICATION_ID_LEN + 1];
    int64_t from; /* the first byte it wants: see psync.h */
};

/* How: as configured just now. */
struct replicas_settings {
    uint64_t backlog_bytes, backlog_ttl_s;
    uint64_t lag_hard_bytes, lag_soft_bytes, lag_soft_s; /* client-output-buffer-limit replica; 0: none */
    uint64_t spill_bytes_max;                            /* in a file, for replicas that catch up; 0: none */
    int64_t ping_s, timeout_s, delay_s;
    int64_t period_s;        /* from the beginning of one dump to that of the next, at least */
    unsigned enough_waiting; /* the delay is over when so many wait; 0: no number is enough */
    bool compress, checksum;
};
void replicas_set(const struct replicas_settings *settings);

/* How far into the stream (STREAM_REPLICAS) replicas are sent it for now; UINT64_MAX: to its end. Before
 * replicas_turn. */
void replicas_may_have(uint64_t at);

/* ---- while this server follows another: what its own followers are given ---- */

/* With all slices held: there is a backlog from here on, which begins at the identity's offset; one that exists goes on. */
void replicas_begin_backlog(struct coordinator *c);
/* With all slices held: a backlog of the identity's history begins at its offset; what there was is given up. */
void replicas_renew_backlog(struct coordinator *c);
bool replicas_has_backlog(void);
/* The identity's offset is where the stream ends now. */
void replicas_note_offset(void);
/* Whether there is any. On the coordinator's thread. */
bool replicas_are_there(void);
/* A replica that has acknowledged all there is, where it says that it listens; the one with this address, unless host is
 * "". False: there is none. */
bool replicas_find_level(const char *host, int port, char found[static REPLICA_HOST_MAX], int *found_port);
/* Cuts all off: they will ask anew. */
void replicas_drop_all(const char *why);

/* Takes the connection over: frees the request, closes it in the end. On the coordinator's thread. */
void replicas_attach(struct coordinator *c, struct replica_request *request);
/* Whether a completion was of a replica; then it has been dealt with. */
bool replicas_completion(struct coordinator *c, const struct completion *done);
/* Every turn, after the stream was merged; and every beat. */
void replicas_turn(struct coordinator *c);
void replicas_beat(struct coordinator *c);

/* ---- for others to see: any thread ---- */

enum replica_state { REPLICA_WAITS, REPLICA_LOADS, REPLICA_ONLINE };
struct replica_view {
    uint64_t client_id;
    int fd;
    enum replica_state state;
    char host[REPLICA_HOST_MAX], peer[REPLICA_NAME_MAX], local[REPLICA_NAME_MAX];
    int port;
    int64_t offset;         /* acknowledged */
    int64_t durable_offset; /* and said to be in its append-only file, for good; -1: it has none */
    int64_t ack_ms;         /* when, in Unix time; 0: never */
    int64_t since_ms, heard_ms;
    int64_t
        lag_ms; /* how old the oldest is that it has not acknowledged, to a tenth of a second; 0: nothing is */
    unsigned below;         /* nodes that follow it, as it says; stock servers do not */
    uint64_t waiting_bytes; /* of texts and the stream: to be sent */
    bool sends_acks;
};
/* Copies at most `most` of them, oldest first; returns how many there are. */
unsigned replicas_view(struct replica_view *to, unsigned most);

/* Nodes that follow this server, directly or not. */
unsigned replicas_below(void);

/* Cuts off the replica that was the client with this id, soon. `me` is the caller's thread. */
void replicas_kill(struct thread *me, uint64_t client_id);
/* Where it is: as it said, or where it comes from. */
void replica_view_host(const struct replica_view *view, char *host, size_t cap);

struct replicas_state {
    bool backlog;
    int64_t backlog_first, backlog_bytes; /* the number of its first byte */
    uint64_t full_syncs, partial_syncs, refused_partial_syncs;
    uint64_t spilled_bytes; /* in a file, for replicas that catch up */
    /* All tickets before this one are in the stream up to this offset. An acknowledgement that was asked for does not
     * count the question. */
    uint64_t next_ticket;
    int64_t offset;
};
struct replicas_state replicas_state(void);
/* How many replicas that are online have acknowledged this offset; or, durable, have it in their append-only files. */
unsigned replicas_having(int64_t offset, bool durable);
/* How many are online and have said something to that effect within so many seconds. */
unsigned replicas_present(int64_t max_lag_s);
/* Has all replicas asked for an acknowledgement. `me` is the caller's thread. */
void replicas_ask(struct thread *me);
/* Whether an acknowledgement has come since the last call. On the coordinator's thread. */
bool replicas_have_answered(void);

#endif
