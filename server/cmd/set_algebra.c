/* set_algebra.c: several sets together: intersection, union, difference, replied or stored, and SINTERCARD.
 *
 * On the client's thread, with the slices of all keys held, so the result is of one instant. Nearly all of it
 * is one thing: a walk over a set that lets pass what is in all, or in none, of some other sets.
 *
 *     intersection   walks the smallest, looks each member up in the others, the smaller first
 *     union          walks all, each looking its members up in those before it, the larger first
 *     difference     walks the first, looks each member up in the others, the larger first
 *
 * Where the sets are so many that looking up costs more than building (union), or the others so small against
 * the first (difference), a set is built, from which the others' members are removed again, and replied. What
 * is stored is always built, beside the sources, which may include the destination; how a stored difference
 * is computed shows in its encoding, so that choice is made by Redis's rule. A set that was built for a reply
 * is freed bit by bit.
 */
#include "server/cmd/collection.h"
#include "server/cmd/set.h"
#include "server/config.h"
#include "server/notify.h"
#include "shard/base/mem.h"
#include "shard/store/grave.h"

#include <stdlib.h>

enum algebra { INTERSECTION, UNION, DIFFERENCE };

/* What a member costs that is added to a set, replied from there and freed again, in lookups. */
enum { BUILD_COST = 4 };

/* The sets of a command; missing keys are left out. */
struct operands {
    const struct set **sets;
    unsigned count;
    bool some_missing, first_missing;
};

/* What becomes of the members of a result: they are replied, put into a set, or only counted. */
struct result {
    struct reply *reply;
    struct set *set;
    bool builds;
    size_t intset_max;
    uint64_t count, limit; /* limit 0: none */
};

static void operands_free(struct operands *o) {
    mem_free(o->sets);
}

/* Reads the sets of keys `from` on. False: a key holds something else, which was replied. */
static bool operands_read(struct call *c, unsigned from, struct operands *o) {
    ASSERT(from < c->key_count);
    *o = (struct operands){.sets = mem_alloc((c->key_count - from) * sizeof *o->sets)};
    for (unsigned i = from; i < c->key_count; i++) {
        const struct set *set;
        if (!set_read(c, i, &set)) {
            operands_free(o);
            return false;
        }
        if (set) {
            o->sets[o->count++] = set;
        } else {
            o->some_missing = true;
            if (i == from) o->first_missing = true;
        }
    }
    return true;
}

static int by_count(const void *a, const void *b) {
    size_t x = set_count(*(const struct set *const *)a), y = set_count(*(const struct set *const *)b);
    return (x > y) - (x < y);
}

static int by_count_falling(const void *a, const void *b) {
    return by_count(b, a);
}

/* Puts the sets into the order in which they are asked. */
static void operands_sort(struct operands *o, enum algebra op) {
    unsigned fixed = op == DIFFERENCE ? 1 : 0;
    if (o->count <= fixed + 1) return;
    qsort(o->sets + fixed, o->count - fixed, sizeof *o->sets,
          op == INTERSECTION ? by_count : by_count_falling);
}

/* Whether there can be no member in the result, by the missing keys alone. */
static bool is_empty(const struct operands *o, enum algebra op) {
    if (op == INTERSECTION && o->some_missing) return true;
    return o->count == 0 || (op == DIFFERENCE && o->first_missing);
}

/* ---- walking ---- */

/* Lets a member pass that is in all (`inside`) or in none of the sets from `first` to before `end`. */
struct sieve {
    const struct operands *o;
    unsigned first, end;
    bool inside;
    struct result *result;
};

static bool result_add(struct result *result, struct set_member *m) {
    bool added = true;
    if (result->reply) set_reply_member(result->reply, m);
    if (result->builds) result->set = set_add(result->set, m, result->intset_max, &added);
    result->count += added;
    return result->count != result->limit || result->limit == 0;
}

static bool sift(void *arg, struct set_member *m) {
    const struct sieve *s = arg;
    for (unsigned i = s->first; i < s->end; i++)
        if (set_has(s->o->sets[i], m) != s->inside) return true;
    return result_add(s->result, m);
}

/* Sends all members of the i-th set through the sieve. */
static void sift_set(struct sieve s, unsigned i) {
    set_each(s.o->sets[i], sift, &s);
}

static void walk(const struct operands *o, enum algebra op, struct result *result) {
    struct sieve s = {.o = o, .result = result, .first = 1, .end = o->count, .inside = op == INTERSECTION};
    if (op != UNION) {
        sift_set(s, 0);
        return;
    }
    s.first = 0;
    for (unsigned i = 0; i < o->count; i++) {
        s.end = result->builds ? 0 : i;
        sift_set(s, i);
    }
}

static bool remove_member(void *arg, struct set_member *m) {
    struct result *result = arg;
    bool removed;
    result->set = set_remove(result->set, m, &removed);
    return set_count(result->set) > 0;
}

/* The difference the other way: all of the first set, from which the others' members are removed. */
static void build_by_removing(const struct operands *o, struct result *result) {
    struct sieve all = {.o = o, .result = result};
    ASSERT(result->builds);
    sift_set(all, 0);
    for (unsigned i = 1; i < o->count && set_count(result->set) > 0; i++)
        set_each(o->sets[i], remove_member, result);
}

/* ---- choosing ---- */

static uint64_t members_in_all(const struct operands *o) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < o->count; i++) sum += set_count(o->sets[i]);
    return sum;
}

/* Whether a reply is made from a set that is built for it. */
static bool building_is_cheaper(const struct operands *o, enum algebra op) {
    uint64_t all = members_in_all(o), lookups = 0, first = set_count(o->sets[0]);
    if (op == INTERSECTION) return false;
    if (op == DIFFERENCE) return BUILD_COST * first + all - first < first * (o->count - 1);
    for (unsigned i = 0; i < o->count; i++) lookups += i * set_count(o->sets[i]);
    return BUILD_COST * all < lookups;
}

/* Redis's rule for the two ways of a difference. */
static bool redis_would_remove(const struct operands *o) {
    return set_count(o->sets[0]) * o->count / 2 > members_in_all(o);
}

static void build(const struct operands *o, enum algebra op, struct result *result, bool by_removing) {
    ASSERT(result->builds && !result->reply);
    if (by_removing)
        build_by_removing(o, result);
    else
        walk(o, op, result);
}

/* ---- the handlers ---- */

static void reply_algebra(struct call *c, enum algebra op) {
    struct operands o;
    if (!operands_read(c, 0, &o)) return;
    if (is_empty(&o, op)) {
        reply_set(c->reply, 0);
        operands_free(&o);
        return;
    }
    operands_sort(&o, op);
    struct result result = {.intset_max = config_get()->set_max_intset_entries};
    if (building_is_cheaper(&o, op)) {
        result.builds = true;
        build(&o, op, &result, op == DIFFERENCE);
        reply_set(c->reply, set_count(result.set));
        set_each(result.set, set_visit_reply, c->reply);
        grave_free(c->visit.thread, TYPE_SET, result.set);
    } else {
        struct reply_mark mark = reply_mark(c->reply);
        result.reply = c->reply;
        walk(&o, op, &result);
        reply_mark_set(c->reply, mark, result.count);
    }
    operands_free(&o);
}

/* Stores an empty result: removes what the key holds. */
static void store_nothing(struct call *c) {
    bool existed = call_write(c, 0) != NULL;
    collection_store(c, 0, TYPE_SET, NULL, 1);
    if (existed) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
}

/* The event follows the reply, as in Redis, but for an intersection that a missing key leaves empty. */
static void store_algebra(struct call *c, enum algebra op, const char *event) {
    struct operands o;
    if (!operands_read(c, 1, &o)) return;
    struct result result = {.builds = true, .intset_max = config_get()->set_max_intset_entries};
    if (!is_empty(&o, op)) {
        operands_sort(&o, op);
        build(&o, op, &result, op == DIFFERENCE && redis_would_remove(&o));
    }
    size_t count = result.set ? set_count(result.set) : 0;
    if (count == 0 && result.set) set_free(result.set);
    bool early = op == INTERSECTION && o.some_missing;
    if (count > 0)
        collection_store(c, 0, TYPE_SET, result.set, 1);
    else if (early)
        store_nothing(c);
    reply_int(c->reply, (int64_t)count);
    if (count > 0)
        notify(c, NOTIFY_SET, event, &c->keys[0]);
    else if (!early)
        store_nothing(c);
    operands_free(&o);
}

static void cmd_sinter(struct call *c) {
    reply_algebra(c, INTERSECTION);
}

static void cmd_sinterstore(struct call *c) {
    store_algebra(c, INTERSECTION, "sinterstore");
}

static void cmd_sunion(struct call *c) {
    reply_algebra(c, UNION);
}

static void cmd_sunionstore(struct call *c) {
    store_algebra(c, UNION, "sunionstore");
}

static void cmd_sdiff(struct call *c) {
    reply_algebra(c, DIFFERENCE);
}

static void cmd_sdiffstore(struct call *c) {
    store_algebra(c, DIFFERENCE, "sdiffstore");
}

/* SINTERCARD's number of keys, which the router has found already where it is sound. */
static bool parse_key_count(struct call *c, unsigned *count) {
    static const char error[] = "ERR numkeys should be greater than 0";
    int64_t n;
    if (!call_int(c, 1, &n, error)) return false;
    if (n < 1) {
        reply_error(c->reply, error);
        return false;
    }
    if (n > (int64_t)c->argc - 2) {
        reply_error(c->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    *count = (unsigned)n;
    return true;
}

static bool parse_limit(struct call *c, unsigned i, uint64_t *limit) {
    static const char error[] = "ERR LIMIT can't be negative";
    int64_t n;
    *limit = 0;
    for (; i < c->argc; i += 2) {
        if (i + 1 >= c->argc || !call_is(c, i, "LIMIT")) {
            reply_syntax_error(c->reply);
            return false;
        }
        if (!call_int(c, i + 1, &n, error)) return false;
        if (n < 0) {
            reply_error(c->reply, error);
            return false;
        }
        *limit = (uint64_t)n;
    }
    return true;
}

static void cmd_sintercard(struct call *c) {
    unsigned count;
    struct operands o;
    struct result result = {.count = 0};
    if (!parse_key_count(c, &count) || !parse_limit(c, 2 + count, &result.limit)) return;
    ASSERT(c->key_count == count);
    if (!operands_read(c, 0, &o)) return;
    if (!is_empty(&o, INTERSECTION)) {
        operands_sort(&o, INTERSECTION);
        walk(&o, INTERSECTION, &result);
    }
    reply_int(c->reply, (int64_t)result.count);
    operands_free(&o);
}

/* ---- the commands ---- */

struct command set_algebra_commands[] = {
    {.name = "sinter",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {KEYS_REST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_sinter,
     .group = "set",
     .since = "1.0.0",
     .summary = "Intersect multiple sets",
     .complexity =
         "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "sinterstore",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_SET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE), KEYS_AT(2, -1, 1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_sinterstore,
     .group = "set",
     .since = "1.0.0",
     .summary = "Intersect multiple sets and store the resulting set in a key",
     .complexity =
         "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."},
    {.name = "sintercard",
     .arity = -3,
     .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {{.flags = KEY_RO | KEY_ACCESS,
               .begin = BEGIN_INDEX,
               .index = 1,
               .find = FIND_KEYNUM,
               .keynum_index = 0,
               .first_key = 1,
               .step = 1}},
     .handler = cmd_sintercard,
     .group = "set",
     .since = "7.0.0",
     .summary = "Intersect multiple sets and return the cardinality of the result",
     .complexity =
         "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."},
    {.name = "sunion",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {KEYS_REST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_sunion,
     .group = "set",
     .since = "1.0.0",
     .summary = "Add multiple sets",
     .complexity = "O(N) where N is the total number of elements in all given sets.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "sunionstore",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_SET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE), KEYS_AT(2, -1, 1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_sunionstore,
     .group = "set",
     .since = "1.0.0",
     .summary = "Add multiple sets and store the resulting set in a key",
     .complexity = "O(N) where N is the total number of elements in all given sets."},
    {.name = "sdiff",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {KEYS_REST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_sdiff,
     .group = "set",
     .since = "1.0.0",
     .summary = "Subtract multiple sets",
     .complexity = "O(N) where N is the total number of elements in all given sets.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "sdiffstore",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_SET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE), KEYS_AT(2, -1, 1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_sdiffstore,
     .group = "set",
     .since = "1.0.0",
     .summary = "Subtract multiple sets and store the resulting set in a key",
     .complexity = "O(N) where N is the total number of elements in all given sets."},
    {0},
};
