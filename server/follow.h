/* follow.h: this server as a replica: whom it follows, how it comes to, and how it ends.
 *
 *     primary ──REPLICAOF──> [link and batch drained] ──cut──> replica: the link is made (repl/link.h)
 *        ^                                                       │ dump: loaded at a cut's distance (persistence.h)
 *        └──────cut── REPLICAOF NO ONE ──────────────────────────┘ stream: applied (apply_stream.h), relayed (feed.h)
 *
 * The role changes only at a cut: the switches of all slices (SWITCH_REPLICA, SWITCH_READONLY) and what is told here
 * change in the same instant, so no write slips past. What has been applied is in the stream, byte for byte and
 * under the primary's id, before anybody can see another cut: so whoever follows this server, a dump of it, or the server
 * itself after a restart goes on where it was. A short batch is in the stream before it is applied, where nothing but replicas
 * hears the stream; then no cut comes before it has been, and until then it is not in the offset that we tell.
 *
 * On the coordinator's thread, except where said otherwise.
 */
#ifndef GYRE_SERVER_FOLLOW_H
#define GYRE_SERVER_FOLLOW_H

#include "repl/coordinator.h"
#include "repl/link.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct config;

/* Registers what CONFIG SET does here. Before threads start. */
void follow_register_hooks(void);
/* Before threads start: a server that is configured to be a replica is one from its first instant. */
void follow_prepare(const struct config *config);
/* As the coordinator starts. */
void follow_begin(struct coordinator *c);
/* At the cut with which the data there was at the start is whole: it is this history up to there. */
void follow_recover(struct coordinator *c, const struct history *history);
/* And when all is ready for clients. */
void follow_start(void);
void follow_turn(void);
void follow_beat(void);

/* Any thread: asks for the role to change; host NULL: to follow nobody. Returns a number for follow_is_done. */
uint64_t follow_request(struct thread *from, const char *host, int port);
bool follow_is_done(uint64_t request);
/* To follow a server that is to be the primary from then on (failover.h). */
void follow_after_failover(struct thread *from, const char *host, int port);

/* Any thread, for every command. */
extern _Atomic bool follow_is_replica;     /* it follows somebody */
extern _Atomic bool follow_refuses_writes; /* and its clients may only read */
extern _Atomic bool follow_is_stale;       /* the link is not online, and replica-serve-stale-data is no */
extern _Atomic bool follow_keeps_memory;   /* the primary sees to maxmemory */

struct follow_view {
    bool replica;
    char host[LINK_HOST_MAX];
    int port;
    bool loads;
    uint64_t client_id; /* the link's, among the clients' */
    struct link_view link;
    bool counts;        /* what there is, is of a known history: */
    int64_t offset;     /* of which so much is read and applied, up to this moment; else 0 */
    bool refused_empty; /* the primary has lost everything, and we keep what we have */
    bool stopped;       /* for good, or until REPLICAOF: link.why */
};
struct follow_view follow_view(void);
/* Drops the link, which is made again. `me` is the caller's thread. */
void follow_kill_link(struct thread *me);
/* Whether nothing of the stream is being applied. On the coordinator's thread. */
bool follow_is_idle(void);
/* Whether those who want to follow this server can be served. On the coordinator's thread. */
bool follow_can_be_followed(void);

#endif
