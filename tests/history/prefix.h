/* prefix.h: judges what readers of a primary and of its replicas saw: only prefixes of one history, in order.
 *
 * Everything that is written moves one of these on, and each is spread over as many slices as chance gives it:
 *
 *    transfers   from one cell to another in MULTI, which count a clock up: the clock tells the order, so that the cells
 *                at each of its values are known afterwards
 *    ladders     counters that are counted up one after the other, from the first rung to the last and from the
 *                first again, each by a command of its own: at any instant no rung is ahead of the one before it, and the
 *                last is behind the first by one at most
 *
 * A view is a read of all of these at one instant. The clock and the counts of all ladders added up say how much of
 * the history it saw: its position. Views are legal when
 *    - each saw the cells as they were at its clock, and rungs as a ladder can be,
 *    - of any two, wherever they were read, the one at the lower position saw less or the same of everything: they are
 *      prefixes of the same order, and
 *    - a node never goes back: who asks it after another was answered sees at least as much. The primary (node 0)
 *      is ahead of all others in this sense. How far behind the others are is not judged.
 *
 * It is fed round by round; what the next rounds are compared with is kept. Pure, but for memory; any one thread.
 */
#ifndef GYRE_HISTORY_PREFIX_H
#define GYRE_HISTORY_PREFIX_H

#include <stddef.h>
#include <stdint.h>

enum { PREFIX_CELLS = 8, PREFIX_LADDERS = 4, PREFIX_RUNGS = 3, PREFIX_NODES = 8 };
/* What a view reads: the clock, the cells, the rungs of the first ladder, of the second, ... */
enum { PREFIX_VALUES = 1 + PREFIX_CELLS + PREFIX_LADDERS * PREFIX_RUNGS };

/* A transfer that was made. */
struct prefix_change {
    uint64_t serial; /* what the clock said: 1 for the first */
    uint8_t from, to;
    int16_t amount;
    int64_t left, arrived; /* in these cells afterwards */
};

struct prefix_view {
    unsigned node;    /* 0: the primary */
    unsigned missing; /* values that were not there: none, or all of a node that never had any */
    uint64_t invoked_ns, completed_ns;
    int64_t values[PREFIX_VALUES]; /* 0 where missing */
};

enum prefix_fault {
    PREFIX_FINE,
    PREFIX_SERIAL, /* a transfer's serial is taken by another, or those before it are not all there */
    PREFIX_STATE,  /* something was seen that was never there at one instant */
    PREFIX_LADDER, /* a command was seen, and one before it was not */
    PREFIX_ORDER,  /* of two views each saw something that the other did not */
    PREFIX_TIME,   /* a node went back */
};

struct prefix_verdict {
    enum prefix_fault fault;
    char text[1500]; /* what was wrong, for people */
};

struct prefix_history;

/* A history of so many nodes, in which nothing has happened. */
struct prefix_history *prefix_make(unsigned nodes);
void prefix_free(struct prefix_history *h);
/* All transfers that were made since the last call, in any order; sorts them. */
struct prefix_verdict prefix_add_changes(struct prefix_history *h, struct prefix_change *changes,
                                         size_t count);
/* All views since the last call, in any order, once the changes that they may have seen were added. */
struct prefix_verdict prefix_add_views(struct prefix_history *h, const struct prefix_view *views,
                                       size_t count);

#endif
