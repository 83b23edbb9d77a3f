/* zset.h: what the commands of sorted sets share, and the pops that the blocking ones are made of.
 *
 * In a handler, under the hold of the slices of the sets concerned.
 */
#ifndef GYRE_SERVER_CMD_ZSET_H
#define GYRE_SERVER_CMD_ZSET_H

#include "server/call.h"
#include "server/cmd/collection.h"
#include "server/config.h"
#include "shard/type/zset.h"

#include <stdbool.h>
#include <stddef.h>

/* The sorted set of key i for reading, NULL where there is none. False: another type, which was replied. */
bool zset_read(struct call *c, unsigned i, const struct zset **z);
/* Up to which size a set stays small, by the configuration. */
static inline struct zset_limits zset_limits(void) {
    const struct config *config = config_get();
    return (struct zset_limits){config->zset_max_listpack_entries, config->zset_max_listpack_value};
}

/* The head of an array of `n` items: with their scores it is one flat array in RESP2, one of pairs in
 * RESP3. And one item of it. */
void zset_reply_head(struct reply *r, size_t n, bool with_scores);
void zset_reply_item(struct reply *r, const struct zset_item *item, bool with_scores);
/* The items of a span with their head, backwards if `reverse`. */
void zset_reply_span(struct reply *r, const struct zset *z, struct zset_span span, bool reverse,
                     bool with_scores);

/* Removes a span (not an empty one) of the set that `col` was opened with, closes it, and counts the changes.
 * A set that loses all its items is not emptied one by one. Returns whether the key is gone. */
bool zset_close_without(struct call *c, struct collection *col, struct zset_span span);
/* Replies the number of items in a set that was made, stores it as the value of key 0, and tells of `event`;
 * NULL deletes the key. Takes `z` over. */
void zset_store(struct call *c, struct zset *z, const char *event);

/* How ZPOPMIN and its relatives pop and reply. */
struct zset_pop {
    bool max;     /* from the high end */
    bool nested;  /* an array of pairs, in RESP2 as well */
    bool key_too; /* the reply begins with the key: key, member, score, or (nested) key, pairs */
    size_t count; /* how many at most, > 0 */
};
/* Pops from key i, which is known to hold a sorted set, and replies: all of BZPOPMIN's, BZPOPMAX's and
 * BZMPOP's effect when there is something to pop. */
void zset_pop(struct call *c, unsigned i, const struct zset_pop *pop);
/* The first of `count` keys, from key `from` on, that holds a sorted set; *found is `count` keys further on
 * where there is none. False: the first that exists holds another type, which was replied. */
bool zset_find_first(struct call *c, unsigned from, unsigned count, unsigned *found);
/* The arguments of ZMPOP and BZMPOP from their number of keys, which is argument i, on: how many keys and
 * what to pop. False: an error was replied. */
bool zset_parse_mpop(struct call *c, unsigned i, unsigned *keys, struct zset_pop *pop);

#endif
