/* failover.h: FAILOVER: the primary hands its role to a replica, with nothing lost.
 *
 *     NONE ──FAILOVER──> WAITS ──a replica has everything──> IN_PROGRESS ──it has taken over──> NONE
 *                         │ writes wait                        │ this server follows it
 *                         └──ABORT, the time is over──> NONE   └──ABORT, or it refuses──> primary again, NONE
 *
 * Writes wait from a cut on, so there is an end of the stream that a replica can reach. Then this server asks to
 * follow it ("PSYNC id offset FAILOVER"), which is what makes it the primary, and the writes that waited are answered that
 * this is a replica now.
 *
 * The work is the coordinator's; requests reach it by message.
 */
#ifndef GYRE_SERVER_FAILOVER_H
#define GYRE_SERVER_FAILOVER_H

#include "repl/coordinator.h"
#include "repl/link.h"

#include <stdbool.h>
#include <stdint.h>

enum failover_state { FAILOVER_NONE, FAILOVER_WAITS, FAILOVER_IN_PROGRESS };

struct failover_order {
    bool abort;
    char host[LINK_HOST_MAX]; /* "": any replica */
    int port;
    int64_t timeout_ms; /* until a replica has everything; 0: no limit */
    bool force;         /* then go on nevertheless */
};

/* Any thread: what there is now; false: one is under way already (or, to abort: none is). */
enum failover_state failover_state(void);
bool failover_request(struct thread *from, const struct failover_order *order);

/* Whether what was requested holds: no write slips in any more, or it is over already. */
bool failover_holds(void);

/* On the coordinator's thread: every turn. */
void failover_turn(struct coordinator *c);
/* The replica has taken over; or it has refused to. */
void failover_taken_over(void);
void failover_refused(void);

#endif
