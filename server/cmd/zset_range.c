/* zset_range.c: ranges of sorted sets by rank, score and member: listed, stored, counted, removed.
 *
 * On the client's thread, under the holds of the keys' slices. Whatever a range is given by, it becomes a
 * span of ranks (zset.h); LIMIT is arithmetic on that. ZRANGE and its seven older relatives are one function:
 * they differ in what is fixed by the name and what may be chosen by options.
 */
#include "server/cmd/zset.h"
#include "server/notify.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/type/zset_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_ON_STACK = 256 };

enum range_by { BY_RANK, BY_SCORE, BY_LEX };

struct range {
    enum range_by by;
    bool reverse;
    union {
        struct {
            int64_t from, to; /* negative: from the end */
        } rank;
        struct zset_score_range score;
        struct zset_lex_range lex;
    };
};

/* ---- bounds ---- */

/* As strtod reads it, which is more than a score may be: blanks before it, nothing at all (0), and what
 * follows a NUL does not matter. */
static bool parse_number(const char *text, size_t len, double *value) {
    char on_stack[NUMBER_ON_STACK], *end;
    len = strnlen(text, len);
    char *copy = len < sizeof on_stack ? on_stack : mem_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    *value = strtod(copy, &end);
    bool sound = *end == '\0' && !isnan(*value);
    if (copy != on_stack) mem_free(copy);
    return sound;
}

static bool parse_score(const struct arg *arg, double *value, bool *open) {
    *open = arg->len > 0 && arg->data[0] == '(';
    return parse_number(arg->data + *open, arg->len - *open, value);
}

static bool parse_lex(const struct arg *arg, struct zset_lex_bound *bound) {
    char first = arg->len > 0 ? arg->data[0] : '\0';
    bool alone = arg->len == 1 || (arg->len > 1 && arg->data[1] == '\0');
    switch (first) {
    case '-': bound->kind = LEX_FIRST; return alone;
    case '+': bound->kind = LEX_LAST; return alone;
    case '[': bound->kind = LEX_CLOSED; break;
    case '(': bound->kind = LEX_OPEN; break;
    default: return false;
    }
    bound->text = arg->data + 1;
    bound->len = arg->len - 1;
    return true;
}

/* Reads the range's low bound from argument `min`, its high one from argument `max`. */
static bool parse_range(struct call *c, unsigned min, unsigned max, struct range *range) {
    ASSERT(min < c->argc && max < c->argc);
    switch (range->by) {
    case BY_RANK: return call_int(c, min, &range->rank.from, NULL) && call_int(c, max, &range->rank.to, NULL);
    case BY_SCORE:
        if (parse_score(&c->argv[min], &range->score.min, &range->score.min_open) &&
            parse_score(&c->argv[max], &range->score.max, &range->score.max_open))
            return true;
        reply_error(c->reply, "ERR min or max is not a float");
        return false;
    default:
        if (parse_lex(&c->argv[min], &range->lex.min) && parse_lex(&c->argv[max], &range->lex.max))
            return true;
        reply_error(c->reply, "ERR min or max not valid string range item");
        return false;
    }
}

/* ---- spans ---- */

static struct zset_span span_by_rank(const struct zset *z, int64_t from, int64_t to, bool reverse) {
    int64_t count = (int64_t)zset_count(z);
    if (from < 0) from = from < -count ? 0 : from + count;
    if (to < 0) to = to < -count ? -1 : to + count;
    if (to >= count) to = count - 1;
    if (from > to || from >= count) return (struct zset_span){0};
    struct zset_span span = {(size_t)from, (size_t)to + 1};
    if (reverse) span = (struct zset_span){(size_t)(count - 1 - to), (size_t)(count - from)};
    return span;
}

static struct zset_span range_span(const struct zset *z, const struct range *range) {
    switch (range->by) {
    case BY_RANK: return span_by_rank(z, range->rank.from, range->rank.to, range->reverse);
    case BY_SCORE: return zset_span_by_score(z, &range->score);
    default: return zset_span_by_lex(z, &range->lex, range->reverse);
    }
}

/* LIMIT: `skip` items at the end where the range begins are left out (all, if negative), and what is beyond
 * `count` (if that is not negative). */
static struct zset_span span_limit(struct zset_span span, int64_t skip, int64_t count, bool reverse) {
    uint64_t n = span.to - span.from;
    uint64_t skipped = skip < 0 || (uint64_t)skip > n ? n : (uint64_t)skip;
    uint64_t kept = n - skipped;
    if (count >= 0 && (uint64_t)count < kept) kept = (uint64_t)count;
    if (reverse) return (struct zset_span){span.to - skipped - kept, span.to - skipped};
    return (struct zset_span){span.from + skipped, span.from + skipped + kept};
}

/* ---- ZRANGE and its relatives ---- */

struct zrange {
    struct range range;
    unsigned min;           /* the argument where the range begins */
    bool may_choose, store; /* the options BYSCORE, BYLEX and REV are known; ZRANGESTORE */
    bool chose_by, with_scores;
    int64_t skip, count;
};

static bool parse_limit(struct call *c, unsigned i, struct zrange *z) {
    return call_int(c, i + 1, &z->skip, NULL) && call_int(c, i + 2, &z->count, NULL);
}

/* A word that chooses what ZRANGE is. */
static bool parse_choice(struct call *c, unsigned i, struct zrange *z) {
    if (!z->may_choose) return false;
    if (!z->range.reverse && call_is(c, i, "REV")) {
        z->range.reverse = true;
        return true;
    }
    if (z->chose_by) return false;
    bool by_lex = call_is(c, i, "BYLEX");
    if (!by_lex && !call_is(c, i, "BYSCORE")) return false;
    z->range.by = by_lex ? BY_LEX : BY_SCORE;
    z->chose_by = true;
    return true;
}

static bool parse_range_options(struct call *c, struct zrange *z) {
    for (unsigned i = z->min + 2; i < c->argc; i++) {
        if (!z->store && call_is(c, i, "WITHSCORES")) {
            z->with_scores = true;
        } else if (i + 2 < c->argc && call_is(c, i, "LIMIT")) {
            if (!parse_limit(c, i, z)) return false;
            i += 2;
        } else if (!parse_choice(c, i, z)) {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    const char *error = NULL;
    if (z->count != -1 && z->range.by == BY_RANK)
        error = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    else if (z->with_scores && z->range.by == BY_LEX)
        error = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    if (error) reply_error(c->reply, error);
    return !error;
}

/* A copy of the items of a span. */
static struct zset *copy_span(const struct zset *z, struct zset_span span) {
    struct zset_builder *b = zset_builder_new(NULL);
    struct zset_cursor cursor = zset_cursor_at(z, span.from);
    for (size_t i = span.from; i < span.to; i++, zset_cursor_next(&cursor)) {
        struct zset_item item;
        bool there = zset_cursor_get(&cursor, &item);
        ASSERT(there);
        zset_builder_add(b, item.member, item.len, item.score);
    }
    return zset_builder_finish(b, zset_limits());
}

static void zrange(struct call *c, struct zrange z) {
    const struct zset *set;
    z.count = -1;
    if (!parse_range_options(c, &z)) return;
    bool high_first = z.range.reverse && z.range.by != BY_RANK;
    if (!parse_range(c, z.min + high_first, z.min + !high_first, &z.range)) return;
    if (!zset_read(c, z.store ? 1 : 0, &set)) return;
    struct zset_span span = {0};
    if (set) span = range_span(set, &z.range);
    if (z.range.by != BY_RANK) span = span_limit(span, z.skip, z.count, z.range.reverse);
    if (z.store)
        zset_store(c, span.from < span.to ? copy_span(set, span) : NULL, "zrangestore");
    else
        zset_reply_span(c->reply, set, span, z.range.reverse, z.with_scores);
}

static void cmd_zrange(struct call *c) {
    zrange(c, (struct zrange){.min = 2, .may_choose = true});
}

static void cmd_zrangestore(struct call *c) {
    zrange(c, (struct zrange){.min = 3, .may_choose = true, .store = true});
}

static void cmd_zrevrange(struct call *c) {
    zrange(c, (struct zrange){.min = 2, .range = {.reverse = true}});
}

static void cmd_zrangebyscore(struct call *c) {
    zrange(c, (struct zrange){.min = 2, .range = {.by = BY_SCORE}});
}

static void cmd_zrevrangebyscore(struct call *c) {
    zrange(c, (struct zrange){.min = 2, .range = {.by = BY_SCORE, .reverse = true}});
}

static void cmd_zrangebylex(struct call *c) {
    zrange(c, (struct zrange){.min = 2, .range = {.by = BY_LEX}});
}

static void cmd_zrevrangebylex(struct call *c) {
    zrange(c, (struct zrange){.min = 2, .range = {.by = BY_LEX, .reverse = true}});
}

/* ---- counting and removing ---- */

static void count_range(struct call *c, enum range_by by) {
    const struct zset *z;
    struct range range = {.by = by};
    if (!parse_range(c, 2, 3, &range) || !zset_read(c, 0, &z)) return;
    struct zset_span span = {0};
    if (z) span = range_span(z, &range);
    reply_int(c->reply, (int64_t)(span.to - span.from));
}

static void cmd_zcount(struct call *c) {
    count_range(c, BY_SCORE);
}

static void cmd_zlexcount(struct call *c) {
    count_range(c, BY_LEX);
}

static void remove_range(struct call *c, enum range_by by, const char *event) {
    struct collection col;
    struct range range = {.by = by};
    if (!parse_range(c, 2, 3, &range) || !collection_open(c, 0, TYPE_ZSET, &col)) return;
    struct zset_span span = {0};
    if (col.object) span = range_span(col.object, &range);
    size_t count = span.to - span.from;
    if (count > 0) {
        bool emptied = zset_close_without(c, &col, span);
        notify(c, NOTIFY_ZSET, event, &c->keys[0]);
        if (emptied) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    }
    reply_int(c->reply, (int64_t)count);
}

static void cmd_zremrangebyrank(struct call *c) {
    remove_range(c, BY_RANK, "zremrangebyrank");
}

static void cmd_zremrangebyscore(struct call *c) {
    remove_range(c, BY_SCORE, "zremrangebyscore");
}

static void cmd_zremrangebylex(struct call *c) {
    remove_range(c, BY_LEX, "zremrangebylex");
}

/* ---- the commands ---- */

struct command zset_range_commands[] = {
    {.name = "zrange",
     .arity = -4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrange,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Return a range of members in a sorted set",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements returned."},
    {.name = "zrangestore",
     .arity = -5,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE), KEYS_AT(2, 0, 1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrangestore,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Store a range of members from sorted set into another key",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements stored into the destination key."},
    {.name = "zrevrange",
     .arity = -4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrevrange,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Return a range of members in a sorted set, by index, with scores ordered from "
                "high to low",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements returned."},
    {.name = "zrangebyscore",
     .arity = -4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrangebyscore,
     .group = "sorted-set",
     .since = "1.0.5",
     .summary = "Return a range of members in a sorted set, by score",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements being returned. If M is constant (e.g. always asking for the "
                   "first 10 elements with LIMIT), you can consider it O(log(N))."},
    {.name = "zrevrangebyscore",
     .arity = -4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrevrangebyscore,
     .group = "sorted-set",
     .since = "2.2.0",
     .summary = "Return a range of members in a sorted set, by score, with scores ordered from "
                "high to low",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements being returned. If M is constant (e.g. always asking for the "
                   "first 10 elements with LIMIT), you can consider it O(log(N))."},
    {.name = "zrangebylex",
     .arity = -4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrangebylex,
     .group = "sorted-set",
     .since = "2.8.9",
     .summary = "Return a range of members in a sorted set, by lexicographical range",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements being returned. If M is constant (e.g. always asking for the "
                   "first 10 elements with LIMIT), you can consider it O(log(N))."},
    {.name = "zrevrangebylex",
     .arity = -4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zrevrangebylex,
     .group = "sorted-set",
     .since = "2.8.9",
     .summary = "Return a range of members in a sorted set, by lexicographical range, ordered from "
                "higher to lower strings.",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements being returned. If M is constant (e.g. always asking for the "
                   "first 10 elements with LIMIT), you can consider it O(log(N))."},
    {.name = "zcount",
     .arity = 4,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zcount,
     .group = "sorted-set",
     .since = "2.0.0",
     .summary = "Count the members in a sorted set with scores within the given values",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set."},
    {.name = "zlexcount",
     .arity = 4,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_zlexcount,
     .group = "sorted-set",
     .since = "2.8.9",
     .summary = "Count the number of members in a sorted set between a given lexicographical range",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set."},
    {.name = "zremrangebyrank",
     .arity = 4,
     .flags = CMD_WRITE,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_zremrangebyrank,
     .group = "sorted-set",
     .since = "2.0.0",
     .summary = "Remove all members in a sorted set within the given indexes",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements removed by the operation."},
    {.name = "zremrangebyscore",
     .arity = 4,
     .flags = CMD_WRITE,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_zremrangebyscore,
     .group = "sorted-set",
     .since = "1.2.0",
     .summary = "Remove all members in a sorted set within the given scores",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements removed by the operation."},
    {.name = "zremrangebylex",
     .arity = 4,
     .flags = CMD_WRITE,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_zremrangebylex,
     .group = "sorted-set",
     .since = "2.8.9",
     .summary = "Remove all members in a sorted set between the given lexicographical range",
     .complexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the "
                   "number of elements removed by the operation."},
    {0},
};
