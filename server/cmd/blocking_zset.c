/* blocking_zset.c: commands that wait for a sorted set to hold something: BZPOPMIN, BZPOPMAX, BZMPOP.
 *
 * As those of blocking.c, by the functions of zset.h.
 */
#include "server/blocked.h"
#include "server/cmd/zset.h"
#include "server/command.h"
#include "shard/base/assert.h"

/* Pops from the first of the call's first `keys` keys that is there, or waits for one. */
static void pop_or_wait(struct call *c, const struct zset_pop *pop, struct blocking *b) {
    unsigned found;
    b->type = TYPE_ZSET;
    if (!zset_find_first(c, 0, b->keys, &found)) return;
    if (found < b->keys)
        zset_pop(c, found, pop);
    else if (c->in_exec)
        reply_null_array(c->reply);
    else
        blocked_wait(c, b);
}

/* ---- BZPOPMIN, BZPOPMAX ---- */

static const struct zset_pop one_min = {.key_too = true, .count = 1};
static const struct zset_pop one_max = {.key_too = true, .count = 1, .max = true};

static void serve_bzpopmin(struct call *c, unsigned i) {
    zset_pop(c, i, &one_min);
}

static void serve_bzpopmax(struct call *c, unsigned i) {
    zset_pop(c, i, &one_max);
}

static void cmd_bzpopmin(struct call *c) {
    struct blocking b = {.keys = c->key_count, .serve = serve_bzpopmin};
    if (blocked_timeout(c, c->argc - 1, &b.timeout_ms)) pop_or_wait(c, &one_min, &b);
}

static void cmd_bzpopmax(struct call *c) {
    struct blocking b = {.keys = c->key_count, .serve = serve_bzpopmax};
    if (blocked_timeout(c, c->argc - 1, &b.timeout_ms)) pop_or_wait(c, &one_max, &b);
}

/* ---- BZMPOP ---- */

enum { MPOP_NUMKEYS = 2 }; /* its argument */

static bool bzmpop_arguments(struct call *c, unsigned *keys, struct zset_pop *pop) {
    if (!zset_parse_mpop(c, MPOP_NUMKEYS, keys, pop)) return false;
    pop->nested = pop->key_too = true;
    return true;
}

static void serve_bzmpop(struct call *c, unsigned i) {
    struct zset_pop pop = {0};
    unsigned keys;
    bool understood = bzmpop_arguments(c, &keys, &pop);
    ASSERT(understood && i < keys);
    zset_pop(c, i, &pop);
}

static void cmd_bzmpop(struct call *c) {
    struct blocking b = {.serve = serve_bzmpop};
    struct zset_pop pop = {0};
    if (!blocked_timeout(c, 1, &b.timeout_ms) || !bzmpop_arguments(c, &b.keys, &pop)) return;
    pop_or_wait(c, &pop, &b);
}

/* ---- the commands ---- */

enum {
    ZPOP_FLAGS = CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING | CMD_FAST,
    ZPOP_CATEGORIES = ACL_WRITE | ACL_SORTEDSET | ACL_FAST | ACL_BLOCKING,
    TAKEN = KEY_RW | KEY_ACCESS | KEY_DELETE,
};

struct command blocking_zset_commands[] = {
    {.name = "bzpopmin",
     .arity = -3,
     .flags = ZPOP_FLAGS,
     .categories = ZPOP_CATEGORIES,
     .keys = {KEYS_AT(1, -2, 1, TAKEN)},
     .handler = cmd_bzpopmin,
     .group = "sorted-set",
     .since = "5.0.0",
     .summary = "Remove and return the member with the lowest score from one or more sorted sets, or "
                "block until one is available",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set."},
    {.name = "bzpopmax",
     .arity = -3,
     .flags = ZPOP_FLAGS,
     .categories = ZPOP_CATEGORIES,
     .keys = {KEYS_AT(1, -2, 1, TAKEN)},
     .handler = cmd_bzpopmax,
     .group = "sorted-set",
     .since = "5.0.0",
     .summary = "Remove and return the member with the highest score from one or more sorted sets, or "
                "block until one is available",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set."},
    {.name = "bzmpop",
     .arity = -5,
     .flags = CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW | ACL_BLOCKING,
     .keys = {{.flags = TAKEN,
               .begin = BEGIN_INDEX,
               .index = MPOP_NUMKEYS,
               .find = FIND_KEYNUM,
               .first_key = 1,
               .step = 1}},
     .handler = cmd_bzmpop,
     .group = "sorted-set",
     .since = "7.0.0",
     .summary = "Remove and return members with scores in a sorted set or block until one is available",
     .complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of "
                   "elements in the sorted set, and M being the number of elements popped."},
    {0},
};
