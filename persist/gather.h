/* gather.h: when the next group commit begins, so that it covers many and still nobody waits long for others.
 *
 * Clients that are held back until their write is durable come again soon after they are let go. So at the end
 * of a commit it is known how many writes may come within moments: those it has just let go, and those that
 * came while it was under way. The next one begins as soon as a share of them is there, at the latest when as
 * much time has passed as a commit takes. One client alone never waits for another.
 *
 * Only arithmetic: no clock, no thread.
 */
#ifndef GYRE_PERSIST_GATHER_H
#define GYRE_PERSIST_GATHER_H

#include <stdbool.h>
#include <stdint.h>

enum { GATHER_NS_MAX = 300000 }; /* nobody is waited for longer */

struct gather {
    uint64_t covers, began_ns; /* the commit under way, or the last one */
    uint64_t wanted;           /* so many writes are worth the next one */
    uint64_t until_ns;         /* it begins then at the latest; 0: with the first write that comes */
};

/* A commit of so many writes begins. */
void gather_commit_begins(struct gather *g, uint64_t writes, uint64_t now_ns);
/* It is over; `waiting` writes have come meanwhile. More are waited for from now on. */
void gather_commit_ends(struct gather *g, uint64_t waiting, uint64_t now_ns);
/* Whether the next one should not begin yet, `waiting` writes being there. Once it has said no, it says so until
 * the end of the next commit. */
bool gather_waits(struct gather *g, uint64_t waiting, uint64_t now_ns);

#endif
