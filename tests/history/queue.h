/* queue.h: judges histories of queues from which clients take, and for which they wait (BLPOP, BZPOPMIN).
 *
 * Every element is pushed once. Of a list it is pushed to one end and popped from the other, of a sorted set the
 * lowest is popped; so each is a queue with a known order. Looked for is what no legal order of the recorded
 * commands can have:
 *
 *    - an element popped that was not there, or popped twice; one that is gone and nobody has (each client that
 *      hung up while it waited may have taken one along),
 *    - an element popped before another that was ahead of it,
 *    - a client that took from a later one of its keys, or ran out of time, while an element lay in an earlier one (in
 *      any one) throughout,
 *    - a client served from a list although another had been seen waiting for it before, and went on waiting.
 *
 * Pure, but for memory; any thread.
 */
#ifndef GYRE_HISTORY_QUEUE_H
#define GYRE_HISTORY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUEUE_LISTS = 16, QUEUE_KEYS = 3 };

enum queue_kind {
    QUEUE_PUSH,
    QUEUE_POP,
    QUEUE_TIMEOUT, /* a pop that got nothing */
    QUEUE_GONE,    /* a pop whose client hung up without looking */
};

struct queue_op {
    enum queue_kind kind;
    unsigned connection, list; /* list: pushed to, popped from */
    uint64_t value;
    unsigned lists[QUEUE_KEYS], list_count; /* of a pop: the keys it named, in order */
    uint64_t invoked_ns, completed_ns;
    uint64_t waits_ns;   /* of a pop: it had been seen waiting by then; UINT64_MAX: it never was */
    uint64_t patient_ns; /* of one that timed out: it cannot have given up before */
};

enum queue_fault {
    QUEUE_FINE,
    QUEUE_UNKNOWN, /* popped what was not pushed there */
    QUEUE_TWICE,   /* popped twice */
    QUEUE_LOST,    /* pushed, and nowhere */
    QUEUE_ORDER,   /* culprit[0] popped what was behind the element of culprit[1] */
    QUEUE_PASSED,  /* culprit[0] left the element of culprit[1] lying */
    QUEUE_TURN,    /* culprit[0] was served before culprit[1], who had been waiting longer */
    QUEUE_FAULTS,
};

struct queue_verdict {
    enum queue_fault fault;
    size_t culprit[2];
    unsigned culprits;
};

/* `ops` lists those of each connection in the order they were sent. `sorted`: a bit per list that is a sorted set. What is left
 * at the end has to be among the pops. */
struct queue_verdict queue_check(const struct queue_op *ops, size_t count, uint32_t sorted);
const char *queue_fault_text(enum queue_fault fault);
const char *queue_describe(const struct queue_op *op, char *buffer, size_t cap);

#endif
