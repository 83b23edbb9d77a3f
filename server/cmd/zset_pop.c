/* zset_pop.c: taking the lowest or highest items out: ZPOPMIN, ZPOPMAX, ZMPOP, and what their blocking
 * relatives are made of.
 *
 * On the client's thread, under the holds of the keys' slices.
 */
#include "server/cmd/zset.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/assert.h"

/* ---- popping ---- */

static void reply_pop_head(struct call *c, unsigned i, const struct zset_pop *pop, size_t n) {
    const struct key *key = &c->keys[i];
    if (!pop->key_too) {
        reply_array(c->reply, pop->nested ? n : n * 2);
        return;
    }
    reply_array(c->reply, pop->nested ? 2 : n * 2 + 1);
    reply_bulk(c->reply, key->data, key->len);
    if (pop->nested) reply_array(c->reply, n);
}

void zset_pop(struct call *c, unsigned i, const struct zset_pop *pop) {
    struct collection col;
    bool opened = collection_open(c, i, TYPE_ZSET, &col);
    ASSERT(opened && col.object && pop->count > 0);
    size_t total = zset_count(col.object), n = pop->count < total ? pop->count : total;
    reply_pop_head(c, i, pop, n);
    notify(c, NOTIFY_ZSET, pop->max ? "zpopmax" : "zpopmin", &c->keys[i]);
    struct zset_cursor cursor = zset_cursor_at(col.object, pop->max ? total - 1 : 0);
    for (size_t left = n; left > 0; left--) {
        struct zset_item item;
        bool there = zset_cursor_get(&cursor, &item);
        ASSERT(there);
        if (pop->nested) reply_array(c->reply, 2);
        reply_bulk(c->reply, item.member, item.len);
        reply_double(c->reply, item.score);
        if (pop->max)
            zset_cursor_prev(&cursor);
        else
            zset_cursor_next(&cursor);
    }
    struct zset_span span = {.from = pop->max ? total - n : 0, .to = pop->max ? total : n};
    if (zset_close_without(c, &col, span)) notify(c, NOTIFY_GENERIC, "del", &c->keys[i]);
    const char *name = pop->max ? "ZPOPMAX" : "ZPOPMIN";
    if (pop->key_too && pop->nested)
        propagate_on_key_number(c, name, i, (int64_t)n);
    else if (pop->key_too)
        propagate_on_key(c, name, i);
}

bool zset_find_first(struct call *c, unsigned from, unsigned count, unsigned *found) {
    ASSERT(from + count <= c->key_count);
    for (*found = from; *found < from + count; (*found)++) {
        struct entry **at = call_write(c, *found);
        if (!at) continue;
        if (entry_type(*at) == TYPE_ZSET) return true;
        reply_wrong_type(c->reply);
        return false;
    }
    return true;
}

/* ---- ZPOPMIN, ZPOPMAX ---- */

/* A count, even of one, makes RESP3 nest the pairs. */
static void pop_ends(struct call *c, bool max) {
    struct zset_pop pop = {.max = max, .count = 1};
    int64_t count = 1;
    unsigned key;
    if (c->argc > 3) {
        reply_syntax_error(c->reply);
        return;
    }
    if (c->argc == 3) {
        static const char error[] = "ERR value is out of range, must be positive";
        if (!call_int(c, 2, &count, error)) return;
        if (count < 0) {
            reply_error(c->reply, error);
            return;
        }
        pop.nested = c->reply->protocol > 2;
    }
    if (!zset_find_first(c, 0, 1, &key)) return;
    if (key == 1 || count == 0) {
        reply_array(c->reply, 0);
        return;
    }
    pop.count = (size_t)count;
    zset_pop(c, 0, &pop);
}

static void cmd_zpopmin(struct call *c) {
    pop_ends(c, false);
}

static void cmd_zpopmax(struct call *c) {
    pop_ends(c, true);
}

/* ---- ZMPOP ---- */

static bool parse_positive(struct call *c, unsigned i, int64_t *n, const char *error) {
    if (!call_int(c, i, n, error)) return false;
    if (*n > 0) return true;
    reply_error(c->reply, error);
    return false;
}

bool zset_parse_mpop(struct call *c, unsigned i, unsigned *keys, struct zset_pop *pop) {
    int64_t n, count = 0;
    if (!parse_positive(c, i, &n, "ERR numkeys should be greater than 0")) return false;
    uint64_t where = n < (int64_t)c->argc ? (uint64_t)n + i + 1 : c->argc;
    bool max = where < c->argc && call_is(c, (unsigned)where, "MAX");
    if (where >= c->argc || (!max && !call_is(c, (unsigned)where, "MIN"))) {
        reply_syntax_error(c->reply);
        return false;
    }
    for (unsigned at = (unsigned)where + 1; at < c->argc; at += 2) {
        if (count || at + 1 >= c->argc || !call_is(c, at, "COUNT")) {
            reply_syntax_error(c->reply);
            return false;
        }
        if (!parse_positive(c, at + 1, &count, "ERR count should be greater than 0")) return false;
    }
    *keys = (unsigned)n;
    *pop = (struct zset_pop){.max = max, .nested = true, .key_too = true, .count = count ? (size_t)count : 1};
    return true;
}

static void cmd_zmpop(struct call *c) {
    struct zset_pop pop;
    unsigned keys, key;
    if (!zset_parse_mpop(c, 1, &keys, &pop)) return;
    ASSERT(c->key_count == keys);
    if (!zset_find_first(c, 0, keys, &key)) return;
    if (key < keys)
        zset_pop(c, key, &pop);
    else
        reply_null_array(c->reply);
}

/* ---- the commands ---- */

/* Keys behind their number, which is argument `i`. */
#define KEYS_COUNTED(i, f)                                                                                   \
    {                                                                                                        \
        .flags = (f), .begin = BEGIN_INDEX, .index = (i), .find = FIND_KEYNUM, .keynum_index = 0,            \
        .first_key = 1, .step = 1                                                                            \
    }

struct command zset_pop_commands[] = {
    {.name = "zpopmin",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_zpopmin,
     .group = "sorted-set",
     .since = "5.0.0",
     .summary = "Remove and return members with the lowest scores in a sorted set",
     .complexity = "O(log(N)*M) with N being the number of elements in the sorted set, and M being "
                   "the number of elements popped."},
    {.name = "zpopmax",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_zpopmax,
     .group = "sorted-set",
     .since = "5.0.0",
     .summary = "Remove and return members with the highest scores in a sorted set",
     .complexity = "O(log(N)*M) with N being the number of elements in the sorted set, and M being "
                   "the number of elements popped."},
    {.name = "zmpop",
     .arity = -4,
     .flags = CMD_WRITE | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_COUNTED(1, KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_zmpop,
     .group = "sorted-set",
     .since = "7.0.0",
     .summary = "Remove and return members with scores in a sorted set",
     .complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of "
                   "elements in the sorted set, and M being the number of elements popped."},
    {0},
};
