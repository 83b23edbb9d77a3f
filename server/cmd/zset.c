/* zset.c: single sorted sets: members added, updated, removed, asked for, drawn and scanned.
 *
 * On the client's thread, under the hold of the key's slice. Ranges are in zset_range.c, pops in zset_pop.c,
 * what takes several sets together in zset_algebra.c. Replies are written straight from where the set lies.
 */
#include "server/cmd/zset.h"

#include "server/cmd/element_scan.h"
#include "server/notify.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/store/grave.h"

#include <string.h>

enum {
    SCORES_ON_STACK = 16,
    DRAWS_MAX = 1 << 24, /* items that ZRANDMEMBER replies with repetitions, at most */
};

/* ---- shared ---- */

bool zset_read(struct call *c, unsigned i, const struct zset **z) {
    const void *object;
    if (!collection_read(c, i, TYPE_ZSET, &object)) return false;
    *z = object;
    return true;
}

void zset_reply_head(struct reply *r, size_t n, bool with_scores) {
    reply_array(r, with_scores && r->protocol == 2 ? n * 2 : n);
}

void zset_reply_item(struct reply *r, const struct zset_item *item, bool with_scores) {
    if (with_scores && r->protocol > 2) reply_array(r, 2);
    reply_bulk(r, item->member, item->len);
    if (with_scores) reply_double(r, item->score);
}

void zset_reply_span(struct reply *r, const struct zset *z, struct zset_span span, bool reverse,
                     bool with_scores) {
    size_t n = span.to - span.from;
    zset_reply_head(r, n, with_scores);
    if (n == 0) return;
    struct zset_cursor cursor = zset_cursor_at(z, reverse ? span.to - 1 : span.from);
    for (; n > 0; n--) {
        struct zset_item item;
        bool there = zset_cursor_get(&cursor, &item);
        ASSERT(there);
        zset_reply_item(r, &item, with_scores);
        if (reverse)
            zset_cursor_prev(&cursor);
        else
            zset_cursor_next(&cursor);
    }
}

bool zset_close_without(struct call *c, struct collection *col, struct zset_span span) {
    size_t n = span.to - span.from;
    ASSERT(col->at && span.from < span.to);
    if (n < zset_count(col->object) && zset_rest_is_less(col->object, span)) {
        /* Little stays: what is taken away goes to the grave as a whole. */
        struct zset *before = col->object;
        bool emptied = collection_close(c, col, zset_rest(before, span), n);
        grave_free(c->visit.thread, TYPE_ZSET, before);
        return emptied;
    }
    if (n < zset_count(col->object)) return collection_close(c, col, zset_remove_span(col->object, span), n);
    keyspace_delete(&c->visit, &c->keys[col->key], col->at);
    call_dirty(c, n);
    return true;
}

void zset_store(struct call *c, struct zset *z, const char *event) {
    if (z) {
        size_t count = zset_count(z);
        collection_store(c, 0, TYPE_ZSET, z, 1);
        reply_int(c->reply, (int64_t)count);
        notify(c, NOTIFY_ZSET, event, &c->keys[0]);
        return;
    }
    reply_int(c->reply, 0);
    bool existed = call_write(c, 0) != NULL;
    collection_store(c, 0, TYPE_ZSET, NULL, 1);
    if (existed) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
}

/* ---- adding ---- */

struct zadd {
    unsigned flags;  /* zset_put_flag */
    bool count_both; /* CH: added and updated ones */
    unsigned pairs;  /* argument of the first score */
    unsigned count;  /* pairs */
    double *scores;  /* NULL until they are read */
    double few[SCORES_ON_STACK];
};

static void parse_zadd_options(struct call *c, struct zadd *add) {
    static const struct {
        const char *word;
        unsigned flag;
    } options[] = {{"NX", ZSET_NX}, {"XX", ZSET_XX}, {"GT", ZSET_GT}, {"LT", ZSET_LT}, {"INCR", ZSET_INCR}};
    for (add->pairs = 2; add->pairs < c->argc; add->pairs++) {
        unsigned i = 0;
        while (i < sizeof options / sizeof *options && !call_is(c, add->pairs, options[i].word)) i++;
        if (i < sizeof options / sizeof *options)
            add->flags |= options[i].flag;
        else if (call_is(c, add->pairs, "CH"))
            add->count_both = true;
        else
            return;
    }
}

static bool zadd_options_agree(struct call *c, const struct zadd *add) {
    unsigned rest = c->argc - add->pairs, flags = add->flags;
    bool nx = flags & ZSET_NX, gt = flags & ZSET_GT, lt = flags & ZSET_LT;
    const char *error = NULL;
    if (rest == 0 || rest % 2) {
        reply_syntax_error(c->reply);
        return false;
    }
    if (nx && (flags & ZSET_XX))
        error = "ERR XX and NX options at the same time are not compatible";
    else if ((gt && nx) || (lt && nx) || (gt && lt))
        error = "ERR GT, LT, and/or NX options at the same time are not compatible";
    else if ((flags & ZSET_INCR) && rest > 2)
        error = "ERR INCR option supports a single increment-element pair";
    if (error) reply_error(c->reply, error);
    return !error;
}

/* All scores are read before anything is changed. */
static bool parse_scores(struct call *c, struct zadd *add) {
    add->count = (c->argc - add->pairs) / 2;
    add->scores = add->count <= SCORES_ON_STACK ? add->few : mem_alloc(add->count * sizeof *add->scores);
    for (unsigned i = 0; i < add->count; i++)
        if (!call_double(c, add->pairs + i * 2, &add->scores[i], NULL)) return false;
    return true;
}

static void reply_added(struct call *c, const struct zadd *add, const struct zset_put *last, uint64_t added,
                        uint64_t updated) {
    if (!(add->flags & ZSET_INCR))
        reply_int(c->reply, (int64_t)(add->count_both ? added + updated : added));
    else if (last->outcome == ZSET_NAN)
        reply_error(c->reply, "ERR resulting score is not a number (NaN)");
    else if (last->outcome == ZSET_REFUSED)
        reply_null(c->reply);
    else
        reply_double(c->reply, last->score);
}

static void add_all(struct call *c, const struct zadd *add) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_ZSET, &col)) return;
    struct zset *z = col.object;
    struct zset_put put = {.flags = add->flags, .limits = zset_limits()};
    uint64_t added = 0, updated = 0;
    for (unsigned i = 0; i < add->count; i++) {
        const struct arg *member = &c->argv[add->pairs + i * 2 + 1];
        put.member = member->data;
        put.len = member->len;
        put.score = add->scores[i];
        z = zset_put(z, &put);
        added += put.outcome == ZSET_ADDED;
        updated += put.outcome == ZSET_UPDATED;
    }
    collection_close(c, &col, z, added + updated);
    reply_added(c, add, &put, added, updated);
    if (added + updated) notify(c, NOTIFY_ZSET, add->flags & ZSET_INCR ? "zincr" : "zadd", &c->keys[0]);
}

static void zadd(struct call *c, unsigned flags) {
    struct zadd add = {.flags = flags};
    parse_zadd_options(c, &add);
    if (!zadd_options_agree(c, &add)) return;
    if (parse_scores(c, &add)) add_all(c, &add);
    if (add.scores != add.few) mem_free(add.scores);
}

static void cmd_zadd(struct call *c) {
    zadd(c, 0);
}

/* Takes ZADD's options too, as in Redis, though there is never room for both an option and a member. */
static void cmd_zincrby(struct call *c) {
    zadd(c, ZSET_INCR);
}

static void cmd_zrem(struct call *c) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_ZSET, &col)) return;
    struct zset *z = col.object;
    uint64_t count = 0;
    for (unsigned i = 2; i < c->argc && z && zset_count(z) > 0; i++) {
        bool removed;
        z = zset_remove(z, c->argv[i].data, c->argv[i].len, &removed);
        count += removed;
    }
    bool emptied = collection_close(c, &col, z, count);
    if (count) notify(c, NOTIFY_ZSET, "zrem", &c->keys[0]);
    if (emptied) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    reply_int(c->reply, (int64_t)count);
}

/* ---- asking ---- */

static void cmd_zcard(struct call *c) {
    const struct zset *z;
    if (zset_read(c, 0, &z)) reply_int(c->reply, z ? (int64_t)zset_count(z) : 0);
}

static void reply_score(struct call *c, const struct zset *z, unsigned i) {
    double score;
    if (z && zset_score(z, c->argv[i].data, c->argv[i].len, &score))
        reply_double(c->reply, score);
    else
        reply_null(c->reply);
}

static void cmd_zscore(struct call *c) {
    const struct zset *z;
    if (zset_read(c, 0, &z)) reply_score(c, z, 2);
}

static void cmd_zmscore(struct call *c) {
    const struct zset *z;
    if (!zset_read(c, 0, &z)) return;
    reply_array(c->reply, c->argc - 2);
    for (unsigned i = 2; i < c->argc; i++) reply_score(c, z, i);
}

/* WITHSCORE is an option of 7.2; anything else there is refused as 7.0 refuses it. */
static void rank(struct call *c, bool reverse) {
    const struct zset *z;
    size_t place;
    double score;
    bool with_score = c->argc == 4;
    if (c->argc > 4 || (with_score && !call_is(c, 3, "WITHSCORE"))) {
        reply_errorf(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
        return;
    }
    if (!zset_read(c, 0, &z)) return;
    if (!z || !zset_rank(z, c->argv[2].data, c->argv[2].len, &place, &score)) {
        if (with_score)
            reply_null_array(c->reply);
        else
            reply_null(c->reply);
        return;
    }
    if (with_score) reply_array(c->reply, 2);
    reply_int(c->reply, (int64_t)(reverse ? zset_count(z) - 1 - place : place));
    if (with_score) reply_double(c->reply, score);
}

static void cmd_zrank(struct call *c) {
    rank(c, false);
}

static void cmd_zrevrank(struct call *c) {
    rank(c, true);
}

/* ---- by chance ---- */

struct draw {
    struct reply *reply;
    bool with_scores;
};

static void visit_drawn(void *arg, const struct zset_item *item) {
    const struct draw *draw = arg;
    zset_reply_item(draw->reply, item, draw->with_scores);
}

/* The count: from -INT64_MAX on, by Redis's rule; with scores the half of it; but so many repetitions that
 * the reply could not be sent are refused. */
static bool parse_draws(struct call *c, int64_t *n, bool *with_scores) {
    if (!call_int(c, 2, n, NULL)) return false;
    if (*n == INT64_MIN) {
        reply_errorf(c->reply, "ERR value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
        return false;
    }
    *with_scores = c->argc == 4;
    if (c->argc > 4 || (*with_scores && !call_is(c, 3, "WITHSCORES"))) {
        reply_syntax_error(c->reply);
        return false;
    }
    bool too_many = *with_scores && (*n < -INT64_MAX / 2 || *n > INT64_MAX / 2);
    if (!too_many && *n >= -DRAWS_MAX) return true;
    reply_error(c->reply, "ERR value is out of range");
    return false;
}

static void draw_several(struct call *c) {
    const struct zset *z;
    struct draw draw = {.reply = c->reply};
    int64_t n;
    if (!parse_draws(c, &n, &draw.with_scores) || !zset_read(c, 0, &z)) return;
    size_t total = z ? zset_count(z) : 0, count = n < 0 ? (size_t)-n : (size_t)n;
    if (total == 0 || n == 0) {
        reply_array(c->reply, 0);
        return;
    }
    if (n > 0 && count > total) count = total;
    zset_reply_head(c->reply, count, draw.with_scores);
    if (n > 0) zset_sample(z, &c->worker->thread.random, count, visit_drawn, &draw);
    for (; n < 0; n++) zset_draw(z, &c->worker->thread.random, visit_drawn, &draw);
}

static void cmd_zrandmember(struct call *c) {
    const struct zset *z;
    if (c->argc > 2) {
        draw_several(c);
    } else if (zset_read(c, 0, &z)) {
        struct draw draw = {.reply = c->reply};
        if (z)
            zset_draw(z, &c->worker->thread.random, visit_drawn, &draw);
        else
            reply_null(c->reply);
    }
}

/* ---- scanning ---- */

struct zscan {
    struct element_scan scan;
    const struct zset *z;
};

static void visit_scanned(void *arg, const struct zset_item *item) {
    struct zscan *zscan = arg;
    char digits[TEXT_DOUBLE_MAX];
    if (!element_scan_wants(&zscan->scan, item->member, item->len)) return;
    element_scan_add(&zscan->scan, item->member, item->len);
    element_scan_add(&zscan->scan, digits, zset_score_text(zscan->z, digits, item->score));
}

static void cmd_zscan(struct call *c) {
    struct zscan zscan;
    struct element_scan *scan = &zscan.scan;
    uint64_t next;
    if (!element_scan_begin(c, scan) || !zset_read(c, 0, &zscan.z)) return;
    if (!zscan.z)
        scan->cursor = 0;
    else if (!element_scan_options(scan))
        return;
    else
        do next = zset_scan(zscan.z, scan->cursor, visit_scanned, &zscan);
        while (element_scan_goes_on(scan, next));
    element_scan_end(scan);
}

/* ---- the commands ---- */

struct command zset_commands[] = {
    {.name = "zadd",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_zadd,
     .member = 3,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Add one or more members to a sorted set, or update its score if it already exists",
     .complexity = "O(log(N)) for each item added, where N is the number of elements in the sorted "
                   "set."},
    {.name = "zincrby",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_zincrby,
     .member = 3,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Increment the score of a member in a sorted set",
     .complexity = "O(log(N)) where N is the number of elements in the sorted set."},
    {.name = "zrem",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_zrem,
     .member = 2,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Remove one or more members from a sorted set",
     .complexity = "O(M*log(N)) with N being the number of elements in the sorted set and M the "
                   "number of elements to be removed."},
    {.name = "zcard",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_zcard,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Get the number of members in a sorted set",
     .complexity = "O(1)"},
    {.name = "zscore",
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zscore,
     .member = 2,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Get the score associated with the given member in a sorted set",
     .complexity = "O(1)"},
    {.name = "zmscore",
     .arity = -3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zmscore,
     .member = 2,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Get the score associated with the given members in a sorted set",
     .complexity = "O(N) where N is the number of members being requested."},
    {.name = "zrank",
     .arity = -3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrank,
     .member = 2,
     .group = "sorted-set",
     .since = "2.0.0",
     .summary = "Determine the index of a member in a sorted set",
     .complexity = "O(log(N))"},
    {.name = "zrevrank",
     .arity = -3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrevrank,
     .member = 2,
     .group = "sorted-set",
     .since = "2.0.0",
     .summary = "Determine the index of a member in a sorted set, with scores ordered from high to "
                "low",
     .complexity = "O(log(N))"},
    {.name = "zrandmember",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrandmember,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Get one or multiple random elements from a sorted set",
     .complexity = "O(N) where N is the number of elements returned",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "zscan",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zscan,
     .group = "sorted-set",
     .since = "2.8.0",
     .summary = "Incrementally iterate sorted sets elements and associated scores",
     .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command "
                   "calls for the cursor to return back to 0. N is the number of elements inside the "
                   "collection..",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {0},
};
