/* cmd/list.h: what commands do at the ends of lists, for those that do it at once and for those that may wait
 * (BLPOP and its kin).
 *
 * All of it runs in a handler, or in what serves a client that waits, under the holds of the keys that it is
 * given: numbers of the call's keys. Lists that become empty are deleted, events are told, changes counted.
 */
#ifndef GYRE_SERVER_CMD_LIST_H
#define GYRE_SERVER_CMD_LIST_H

#include "server/call.h"
#include "shard/type/list.h"

#include <stdbool.h>
#include <stdint.h>

/* How large nodes may become, as the configuration has it now. */
struct list_limits list_limits_now(void);
/* DEBUG QUICKLIST-PACKED-THRESHOLD: values of so many bytes or more get a node of their own, in lists that
 * change from now on. */
void list_set_alone_bytes(uint32_t bytes);
/* Argument i as a value to store. */
struct list_value list_argument(const struct call *c, unsigned i);
void list_reply_value(struct reply *r, struct list_value v);

/* Argument i as LEFT or RIGHT. False: a syntax error has been replied. */
bool list_end_argument(struct call *c, unsigned i, enum list_end *end);

/* The first of the call's first `count` keys that is there, which must be a list. */
enum { LIST_NOWHERE = -1, LIST_WRONG_TYPE = -2 /* has been replied */ };
int list_find_first(struct call *c, unsigned count);

/* Each for a key that holds a list. LPOP: replies the value. BLPOP: an array of the key and the value. LPOP
 * with a count: an array of up to `count` values (> 0). LMPOP: an array of the key and that. Those with the
 * key travel as LPOP (propagate.h). Returns how many were popped. */
void list_pop(struct call *c, unsigned key, enum list_end end);
void list_pop_with_key(struct call *c, unsigned key, enum list_end end);
uint64_t list_pop_range(struct call *c, unsigned key, enum list_end end, uint64_t count);
void list_pop_range_with_key(struct call *c, unsigned key, enum list_end end, uint64_t count);

/* LMOVE: from one end of the list at key `source` to an end of that at `target`, which is made if need be;
 * replies the value. A null where the source is not there; WRONGTYPE where either is something
 * else. They may be the same key. */
struct list_move {
    unsigned source, target;
    enum list_end from, to;
};
void list_move(struct call *c, const struct list_move *move);

/* LMPOP and BLMPOP: what stands from their argument numkeys, number `at`, on. False: it was no good, as
 * has been replied. */
struct list_mpop {
    unsigned key_count;
    enum list_end end;
    uint64_t count;
};
bool list_mpop_arguments(struct call *c, unsigned at, struct list_mpop *mpop);

#endif
