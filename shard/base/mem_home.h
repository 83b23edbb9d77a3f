/* mem_home.h: blocks that are freed by the thread whose heap they came from, whoever lets go of them.
 *
 * A block belongs to the heap of the thread that allocated it. mem_free on another thread works, but
 * leaves the work to the owner, who does it in one go at some later allocation of his: after another thread
 * freed a collection of ten million elements that took up to a second, with a client waiting.
 *
 * So a thread may send blocks home: between mem_home_send and mem_home_sent, mem_free only puts those of
 * others on a list per owner; at the end each list is handed over, and the owners free what has arrived in
 * steps of a size they choose. A list is chained through the blocks themselves: it takes no memory, and its
 * bound is what is being freed.
 *
 * A home is opened by a thread that means to look at what arrives; blocks of all other threads are freed
 * at once.
 */
#ifndef GYRE_BASE_MEM_HOME_H
#define GYRE_BASE_MEM_HOME_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MEM_HOMES_MAX = 128,
    MEM_HOME_MANY = 512, /* blocks that a sleeping thread is woken for; fewer lie until it wakes of itself */
};

struct mem_homes {
    uint64_t bits[MEM_HOMES_MAX / 64];
};

/* The calling thread's heap becomes home `number`; each number and each thread has at most one. */
void mem_home_open(unsigned number);
/* Frees what has arrived; from now on nothing more is sent here. Waits for those that are just sending (a
 * turn of theirs). The thread calls it before it ends, and not while it sends itself. */
void mem_home_close(void);

/* From now on mem_free of this thread, which has a home, sends the blocks of others home. */
void mem_home_send(void);
/* No longer. Returns the homes where many lie by now: their threads must be woken. */
struct mem_homes mem_home_sent(void);

/* Whether blocks have come back that this thread has still to free; false if it has no home. */
bool mem_home_is_due(void);
/* Frees up to `count` of them, true while there are more. Not while sending. */
bool mem_home_free_some(unsigned count);

/* For mem_free: whether this thread is sending, and, if so, to send this block: false if it is to be freed
 * here. */
extern _Thread_local bool mem_home_sends;
bool mem_home_take(void *block);
/* For mem_home.c: frees a block that mem_free has taken off the account when it sent it home. Then, not
 * now: whoever frees to make room must see at once what he gained. */
void mem_home_release(void *block);

#endif
