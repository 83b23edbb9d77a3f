/* psync.h: whether a replica that asks can go on where it was, or has to get everything anew.
 *
 * A replica asks for the history that it holds a prefix of (an id) and the first byte that it has not
 * (counted from 1, as PSYNC does it). It may go on when that history is ours too up to there, and the bytes
 * from there are still in the backlog. Pure.
 *
 * Source: the PSYNC2 rules as redis-server 7.0 follows them.
 */
#ifndef GYRE_REPL_PSYNC_H
#define GYRE_REPL_PSYNC_H

#include "repl/identity.h"

#include <stdbool.h>
#include <stdint.h>

enum psync_answer {
    PSYNC_CONTINUE,
    /* Everything anew, because */
    PSYNC_ASKED,      /* it asked for that ("?") */
    PSYNC_UNKNOWN_ID, /* its history is not ours */
    PSYNC_DIVERGED,   /* its history was ours, but it has more of it than we took over */
    PSYNC_NO_BACKLOG, /* there is none */
    PSYNC_TOO_OLD,    /* the backlog begins later */
    PSYNC_AHEAD,      /* it has more than we have */
};

/* The bytes first + 1 to identity->offset of the stream are at hand. */
struct psync_backlog {
    bool exists;
    int64_t first;
};

/* `from`: the number of the first byte it wants, as PSYNC says it. */
enum psync_answer psync_decide(const struct identity *ours, const struct psync_backlog *backlog,
                               const char *id, int64_t from);
/* For the log: "the backlog begins at a later offset". */
const char *psync_reason(enum psync_answer answer);

#endif
