/* zset_algebra.c: several sorted sets (or sets, whose members count as of score 1) together: union,
 * intersection, difference, replied or stored, and ZINTERCARD.
 *
 * On the client's thread, with the slices of all keys held, so the result is of one instant. A result is
 * always built, beside the sources, which may include the destination, and put in order at the end; one that
 * was built for a reply is freed bit by bit.
 *
 *     union          gathers all sets in a table, the smallest first
 *     intersection   walks the smallest, looks each member up in the others, the smaller first
 *     difference     walks the first, looks each member up in the others; where these are many and small, in
 *                    one set that is made of them
 *
 * The order of the sources is Redis's, since sums of floating-point numbers depend on it.
 */
#include "server/cmd/set.h"
#include "server/cmd/zset.h"
#include "server/notify.h"
#include "shard/base/mem.h"
#include "shard/store/grave.h"
#include "shard/type/zset_build.h"

#include <math.h>
#include <stdlib.h>

enum algebra { UNION, INTERSECTION, DIFFERENCE, CARDINALITY };

struct source {
    const struct zset *zset; /* one of the two, or neither where the key is absent */
    const struct set *set;
    double weight;
    size_t count;
    unsigned place; /* among the arguments */
};

struct algebra_call {
    struct call *call;
    enum algebra op;
    bool store, with_scores;
    unsigned numkeys; /* the argument */
    unsigned count;
    struct source *sources;
    zset_aggregate *aggregate;
    uint64_t limit, found; /* of CARDINALITY; limit 0: none */
    struct zset_builder *builder;
    struct set *others; /* of DIFFERENCE: the members of all sources but the first, where it is built */
};

enum { BUILD_COST = 4 }; /* of filing a member, in look-ups */

/* ---- scores ---- */

static double aggregate_sum(double a, double b) {
    double sum = a + b;
    return isnan(sum) ? 0 : sum; /* inf - inf */
}

static double aggregate_min(double a, double b) {
    return b < a ? b : a;
}

static double aggregate_max(double a, double b) {
    return b > a ? b : a;
}

/* ---- sources ---- */

/* False: a key holds something else, which was replied. */
static bool source_read(struct call *c, unsigned i, struct source *source) {
    struct entry **at = call_read(c, i);
    *source = (struct source){.weight = 1, .place = i};
    if (!at) return true;
    if (entry_type(*at) == TYPE_ZSET) {
        source->zset = entry_object(*at);
        source->count = zset_count(source->zset);
    } else if (entry_type(*at) == TYPE_SET) {
        source->set = entry_object(*at);
        source->count = set_count(source->set);
    } else {
        reply_wrong_type(c->reply);
        return false;
    }
    return true;
}

static bool source_score(const struct source *source, struct set_member *m, double *score) {
    *score = 1;
    if (source->set) return set_has(source->set, m);
    size_t len;
    const char *text = set_member_text(m, &len);
    return source->zset && zset_score(source->zset, text, len, score);
}

static int by_count(const void *a, const void *b) {
    const struct source *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* ---- what is done with each item of a source ---- */

/* False ends the walk. */
typedef bool each(struct algebra_call *a, const struct source *source, struct set_member *m, double score);

struct walk {
    struct algebra_call *algebra;
    const struct source *source;
    each *visit;
};

static bool walk_member(void *arg, struct set_member *m) {
    const struct walk *w = arg;
    return w->visit(w->algebra, w->source, m, 1);
}

static void source_each(struct algebra_call *a, const struct source *source, each *visit) {
    struct walk w = {a, source, visit};
    if (source->set) set_each(source->set, walk_member, &w);
    if (!source->zset) return;
    struct zset_cursor cursor = zset_cursor_at(source->zset, 0);
    struct zset_item item;
    struct set_member m;
    for (; zset_cursor_get(&cursor, &item); zset_cursor_next(&cursor)) {
        set_member_from_text(&m, item.member, item.len);
        if (!visit(a, source, &m, item.score)) return;
    }
}

static void add(struct algebra_call *a, struct set_member *m, double score) {
    size_t len;
    const char *text = set_member_text(m, &len);
    zset_builder_add(a->builder, text, len, score);
}

static double weighted(const struct source *source, double score) {
    double value = score * source->weight;
    return isnan(value) ? 0 : value; /* 0 * inf */
}

static bool unite(struct algebra_call *a, const struct source *source, struct set_member *m, double score) {
    add(a, m, weighted(source, score));
    return true;
}

static bool intersect(struct algebra_call *a, const struct source *source, struct set_member *m,
                      double score) {
    double sum = weighted(source, score), other;
    for (unsigned i = 1; i < a->count; i++) {
        if (!source_score(&a->sources[i], m, &other)) return true;
        sum = a->aggregate(sum, other * a->sources[i].weight);
    }
    if (a->op == CARDINALITY) return ++a->found != a->limit;
    add(a, m, sum);
    return true;
}

static bool subtract(struct algebra_call *a, const struct source *source, struct set_member *m,
                     double score) {
    double other;
    (void)source;
    for (unsigned i = 1; i < a->count; i++)
        if (source_score(&a->sources[i], m, &other)) return true;
    add(a, m, score);
    return true;
}

static bool merge(struct algebra_call *a, const struct source *source, struct set_member *m, double score) {
    bool added;
    (void)source, (void)score;
    a->others = set_add(a->others, m, 0, &added);
    return true;
}

/* Makes one source of all but the first, if that costs less than to look each member up in all of them. */
static void merge_others(struct algebra_call *a) {
    uint64_t first = a->sources[0].count, others = 0;
    for (unsigned i = 1; i < a->count; i++) others += a->sources[i].count;
    if (BUILD_COST * others + first >= first * (a->count - 1)) return;
    for (unsigned i = 1; i < a->count; i++) source_each(a, &a->sources[i], merge);
    a->sources[1] = (struct source){.set = a->others, .count = others};
    a->count = 2;
}

static void compute(struct algebra_call *a) {
    if (a->op == DIFFERENCE) merge_others(a);
    if (a->op != DIFFERENCE) qsort(a->sources, a->count, sizeof *a->sources, by_count);
    if (a->op == UNION) {
        for (unsigned i = 0; i < a->count; i++) source_each(a, &a->sources[i], unite);
    } else {
        source_each(a, &a->sources[0], a->op == DIFFERENCE ? subtract : intersect);
    }
}

/* ---- arguments ---- */

/* The router has found the keys where their number is sound. */
static bool parse_key_count(struct algebra_call *a) {
    struct call *c = a->call;
    int64_t n;
    if (!call_int(c, a->numkeys, &n, NULL)) return false;
    if (n < 1) {
        reply_errorf(c->reply, "ERR at least 1 input key is needed for '%s' command", c->command->full_name);
        return false;
    }
    if (n > (int64_t)c->argc - a->numkeys - 1) {
        reply_syntax_error(c->reply);
        return false;
    }
    a->count = (unsigned)n;
    return true;
}

static bool read_sources(struct algebra_call *a) {
    ASSERT(a->call->key_count == a->count + a->store);
    a->sources = mem_alloc(a->count * sizeof *a->sources);
    for (unsigned i = 0; i < a->count; i++)
        if (!source_read(a->call, i + a->store, &a->sources[i])) return false;
    return true;
}

static bool parse_weights(struct algebra_call *a, unsigned i) {
    for (unsigned n = 0; n < a->count; n++)
        if (!call_double(a->call, i + n, &a->sources[n].weight, "ERR weight value is not a float"))
            return false;
    return true;
}

static bool parse_aggregate(struct algebra_call *a, unsigned i) {
    if (call_is(a->call, i, "SUM"))
        a->aggregate = aggregate_sum;
    else if (call_is(a->call, i, "MIN"))
        a->aggregate = aggregate_min;
    else if (call_is(a->call, i, "MAX"))
        a->aggregate = aggregate_max;
    else
        reply_syntax_error(a->call->reply);
    return call_is(a->call, i, "SUM") || call_is(a->call, i, "MIN") || call_is(a->call, i, "MAX");
}

static bool parse_limit(struct algebra_call *a, unsigned i) {
    static const char error[] = "ERR LIMIT can't be negative";
    int64_t n;
    if (!call_int(a->call, i, &n, error)) return false;
    if (n < 0) reply_error(a->call->reply, error);
    a->limit = (uint64_t)n;
    return n >= 0;
}

static bool parse_options(struct algebra_call *a) {
    struct call *c = a->call;
    bool has_scores = a->op == UNION || a->op == INTERSECTION;
    for (unsigned i = a->numkeys + 1 + a->count; i < c->argc;) {
        unsigned left = c->argc - i;
        if (has_scores && left >= a->count + 1 && call_is(c, i, "WEIGHTS")) {
            if (!parse_weights(a, i + 1)) return false;
            i += 1 + a->count;
        } else if (has_scores && left >= 2 && call_is(c, i, "AGGREGATE")) {
            if (!parse_aggregate(a, i + 1)) return false;
            i += 2;
        } else if (!a->store && a->op != CARDINALITY && call_is(c, i, "WITHSCORES")) {
            a->with_scores = true;
            i++;
        } else if (a->op == CARDINALITY && left >= 2 && call_is(c, i, "LIMIT")) {
            if (!parse_limit(a, i + 1)) return false;
            i += 2;
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    return true;
}

/* ---- the handlers ---- */

/* A small set would have its scores written as text, only to be read again. */
static void reply_result(struct algebra_call *a) {
    struct zset *z = zset_builder_finish(a->builder, (struct zset_limits){0});
    struct zset_span span = {0, z ? zset_count(z) : 0};
    zset_reply_span(a->call->reply, z, span, false, a->with_scores);
    if (z) grave_free(a->call->visit.thread, TYPE_ZSET, z);
}

static void run(struct algebra_call *a, const char *event) {
    if (!read_sources(a) || !parse_options(a)) return;
    if (a->op == CARDINALITY) {
        compute(a);
        reply_int(a->call->reply, (int64_t)a->found);
        return;
    }
    a->builder = zset_builder_new(a->op == UNION ? a->aggregate : NULL);
    compute(a);
    if (a->store)
        zset_store(a->call, zset_builder_finish(a->builder, zset_limits()), event);
    else
        reply_result(a);
}

/* `event`: of what is stored; NULL: the result is replied. */
static void algebra(struct call *c, enum algebra op, const char *event) {
    struct algebra_call a = {
        .call = c, .op = op, .store = event != NULL, .numkeys = event ? 2 : 1, .aggregate = aggregate_sum};
    if (!parse_key_count(&a)) return;
    run(&a, event);
    if (a.others) grave_free(c->visit.thread, TYPE_SET, a.others);
    mem_free(a.sources);
}

static void cmd_zunion(struct call *c) {
    algebra(c, UNION, NULL);
}

static void cmd_zinter(struct call *c) {
    algebra(c, INTERSECTION, NULL);
}

static void cmd_zdiff(struct call *c) {
    algebra(c, DIFFERENCE, NULL);
}

static void cmd_zintercard(struct call *c) {
    algebra(c, CARDINALITY, NULL);
}

static void cmd_zunionstore(struct call *c) {
    algebra(c, UNION, "zunionstore");
}

static void cmd_zinterstore(struct call *c) {
    algebra(c, INTERSECTION, "zinterstore");
}

static void cmd_zdiffstore(struct call *c) {
    algebra(c, DIFFERENCE, "zdiffstore");
}

/* ---- the commands ---- */

/* Keys behind their number, which is argument `i`. */
#define KEYS_COUNTED(i, f)                                                                                   \
    {                                                                                                        \
        .flags = (f), .begin = BEGIN_INDEX, .index = (i), .find = FIND_KEYNUM, .keynum_index = 0,            \
        .first_key = 1, .step = 1                                                                            \
    }

struct command zset_algebra_commands[] = {
    {.name = "zunion",
     .arity = -3,
     .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_COUNTED(1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zunion,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Add multiple sorted sets",
     .complexity = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and "
                   "M being the number of elements in the resulting sorted set."},
    {.name = "zinter",
     .arity = -3,
     .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_COUNTED(1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zinter,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Intersect multiple sorted sets",
     .complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being "
                   "the number of input sorted sets and M being the number of elements in the "
                   "resulting sorted set."},
    {.name = "zdiff",
     .arity = -3,
     .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_COUNTED(1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zdiff,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Subtract multiple sorted sets",
     .complexity = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the "
                   "sets, N is the size of the first set, and K is the size of the result set."},
    {.name = "zintercard",
     .arity = -3,
     .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
     .categories = ACL_READ | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_COUNTED(1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zintercard,
     .group = "sorted-set",
     .since = "7.0.0",
     .summary = "Intersect multiple sorted sets and return the cardinality of the result",
     .complexity = "O(N*K) worst case with N being the smallest input sorted set, K being the number "
                   "of input sorted sets."},
    {.name = "zunionstore",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE), KEYS_COUNTED(2, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zunionstore,
     .group = "sorted-set",
     .since = "2.0.0",
     .summary = "Add multiple sorted sets and store the resulting sorted set in a new key",
     .complexity = "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and "
                   "M being the number of elements in the resulting sorted set."},
    {.name = "zinterstore",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE), KEYS_COUNTED(2, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zinterstore,
     .group = "sorted-set",
     .since = "2.0.0",
     .summary = "Intersect multiple sorted sets and store the resulting sorted set in a new key",
     .complexity = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being "
                   "the number of input sorted sets and M being the number of elements in the "
                   "resulting sorted set."},
    {.name = "zdiffstore",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_SORTEDSET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE), KEYS_COUNTED(2, KEY_RO | KEY_ACCESS)},
     .handler = cmd_zdiffstore,
     .group = "sorted-set",
     .since = "6.2.0",
     .summary = "Subtract multiple sorted sets and store the resulting sorted set in a new key",
     .complexity = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the "
                   "sets, N is the size of the first set, and K is the size of the result set."},
    {0},
};
