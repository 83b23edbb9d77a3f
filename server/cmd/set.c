/* set.c: single sets: members added, removed, asked for, drawn, listed, and moved between two.
 *
 * On the client's thread, under the holds of the keys' slices. Whole sets are replied straight from where
 * they lie. An argument becomes a struct set_member once, which carries its number and hash along to wherever
 * it is looked up.
 *
 * SPOP with a count that leaves little of a set does not take members out one by one: it moves those that
 * stay into a new set, replies all that are left in the old one and has it freed bit by bit. It does so from
 * the same share on as Redis, because it shows: the new set may be an intset again.
 */
#include "server/cmd/set.h"

#include "server/cmd/collection.h"
#include "server/cmd/element_scan.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/store/grave.h"

#include <string.h>

enum {
    KEEP_SHARE = 5,      /* SPOP leaves at most this part of what it takes: it moves those that stay */
    DRAWS_MAX = 1 << 24, /* members that SRANDMEMBER replies with repetitions, at most */
};

static struct random *dice(struct call *c) {
    return &c->visit.thread->random;
}

static struct set_member argument_member(const struct call *c, unsigned i) {
    struct set_member m;
    set_member_from_text(&m, c->argv[i].data, c->argv[i].len);
    if (i == c->command->member) m.hash = c->member_hash;
    return m;
}

bool set_read(struct call *c, unsigned i, const struct set **set) {
    const void *object;
    if (!collection_read(c, i, TYPE_SET, &object)) return false;
    *set = object;
    return true;
}

void set_reply_member(struct reply *r, const struct set_member *m) {
    if (m->text)
        reply_bulk(r, m->text, m->len);
    else
        reply_bulk_int(r, m->integer);
}

bool set_visit_reply(void *arg, struct set_member *m) {
    set_reply_member(arg, m);
    return true;
}

/* ---- members that are named ---- */

static void cmd_sadd(struct call *c) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_SET, &col)) return;
    size_t intset_max = config_get()->set_max_intset_entries;
    struct set *set = col.object;
    uint64_t count = 0;
    for (unsigned i = 2; i < c->argc; i++) {
        struct set_member m = argument_member(c, i);
        bool added;
        set = set_add(set, &m, intset_max, &added);
        count += added;
    }
    collection_close(c, &col, set, count);
    if (count) notify(c, NOTIFY_SET, "sadd", &c->keys[0]);
    reply_int(c->reply, (int64_t)count);
}

static void cmd_srem(struct call *c) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_SET, &col)) return;
    struct set *set = col.object;
    uint64_t count = 0;
    for (unsigned i = 2; i < c->argc && set && set_count(set) > 0; i++) {
        struct set_member m = argument_member(c, i);
        bool removed;
        set = set_remove(set, &m, &removed);
        count += removed;
    }
    bool emptied = collection_close(c, &col, set, count);
    if (count) notify(c, NOTIFY_SET, "srem", &c->keys[0]);
    if (emptied) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    reply_int(c->reply, (int64_t)count);
}

static bool same_key(const struct key *a, const struct key *b) {
    return a->hash == b->hash && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool is_set(struct call *c, struct entry **at) {
    if (!at || entry_type(*at) == TYPE_SET) return true;
    reply_wrong_type(c->reply);
    return false;
}

/* Takes a member out of the first key's set, which is there. False: it was not in it. */
static bool move_from(struct call *c, struct set_member *m) {
    struct collection col;
    bool removed;
    if (!collection_open(c, 0, TYPE_SET, &col)) return false;
    struct set *set = set_remove(col.object, m, &removed);
    bool emptied = collection_close(c, &col, set, removed);
    if (removed) notify(c, NOTIFY_SET, "srem", &c->keys[0]);
    if (emptied) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    return removed;
}

static void move_to(struct call *c, struct set_member *m) {
    struct collection col;
    bool added;
    if (!collection_open(c, 1, TYPE_SET, &col)) return;
    struct set *set = set_add(col.object, m, config_get()->set_max_intset_entries, &added);
    collection_close(c, &col, set, added);
    if (added) notify(c, NOTIFY_SET, "sadd", &c->keys[1]);
}

static void cmd_smove(struct call *c) {
    ASSERT(c->key_count == 2);
    struct entry **from = call_write(c, 0), **to = call_write(c, 1);
    struct set_member m = argument_member(c, 3);
    if (!from) {
        reply_int(c->reply, 0);
        return;
    }
    if (!is_set(c, from) || !is_set(c, to)) return;
    bool moved;
    if (same_key(&c->keys[0], &c->keys[1])) {
        moved = set_has(entry_object(*from), &m);
    } else {
        moved = move_from(c, &m);
        if (moved) move_to(c, &m);
    }
    reply_int(c->reply, moved);
}

static void cmd_scard(struct call *c) {
    const struct set *set;
    if (!set_read(c, 0, &set)) return;
    reply_int(c->reply, set ? (int64_t)set_count(set) : 0);
}

static void reply_is_member(struct call *c, const struct set *set, unsigned i) {
    struct set_member m = argument_member(c, i);
    reply_int(c->reply, set && set_has(set, &m));
}

static void cmd_sismember(struct call *c) {
    const struct set *set;
    if (set_read(c, 0, &set)) reply_is_member(c, set, 2);
}

static void cmd_smismember(struct call *c) {
    const struct set *set;
    if (!set_read(c, 0, &set)) return;
    reply_array(c->reply, c->argc - 2);
    for (unsigned i = 2; i < c->argc; i++) reply_is_member(c, set, i);
}

static void cmd_smembers(struct call *c) {
    const struct set *set;
    if (!set_read(c, 0, &set)) return;
    reply_set(c->reply, set ? set_count(set) : 0);
    if (set) set_each(set, set_visit_reply, c->reply);
}

/* ---- members by chance ---- */

static bool has_too_many(struct call *c) {
    if (c->argc <= 3) return false;
    reply_syntax_error(c->reply);
    return true;
}

/* A member was drawn and goes: to others it is named. */
static void propagate_popped(struct call *c, const struct set_member *m) {
    size_t len;
    struct set_member named = *m;
    const char *text = set_member_text(&named, &len);
    propagate_command(c, "SREM", 3);
    propagate_key(c, 0);
    propagate_bytes(c, text, len);
}

static bool visit_popped_of_many(void *arg, struct set_member *m) {
    struct call *c = arg;
    propagate_popped(c, m);
    set_reply_member(c->reply, m);
    return true;
}

/* The event comes before the member, as in Redis. */
static bool visit_popped(void *arg, struct set_member *m) {
    struct call *c = arg;
    notify(c, NOTIFY_SET, "spop", &c->keys[0]);
    propagate_popped(c, m);
    set_reply_member(c->reply, m);
    return true;
}

static void pop_one(struct call *c) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_SET, &col)) return;
    if (!col.object) {
        reply_null(c->reply);
        return;
    }
    struct set *set = set_take(col.object, dice(c), 1, visit_popped, c);
    if (collection_close(c, &col, set, 1)) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
}

static void pop_all(struct call *c, struct collection *col) {
    size_t count = set_count(col->object);
    reply_set(c->reply, count);
    set_each(col->object, set_visit_reply, c->reply);
    keyspace_delete(&c->visit, &c->keys[0], col->at);
    call_dirty(c, count);
    propagate_on_key(c, "DEL", 0);
    notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
}

struct kept {
    struct set *set;
    size_t intset_max;
};

static bool visit_kept(void *arg, struct set_member *m) {
    struct kept *kept = arg;
    bool added;
    kept->set = set_add(kept->set, m, kept->intset_max, &added);
    ASSERT(added);
    return true;
}

/* Pops all but a few, which go into a set of their own. */
static void pop_most(struct call *c, struct collection *col, size_t count) {
    struct kept kept = {.intset_max = config_get()->set_max_intset_entries};
    size_t total = set_count(col->object);
    struct set *old = set_take(col->object, dice(c), total - count, visit_kept, &kept);
    ASSERT(set_count(old) == count && kept.set);
    reply_set(c->reply, count);
    set_each(old, visit_popped_of_many, c);
    collection_close(c, col, kept.set, count);
    grave_free(c->visit.thread, TYPE_SET, old);
}

static void pop_several(struct call *c) {
    struct collection col;
    int64_t n;
    if (!call_int(c, 2, &n, "ERR value is out of range, must be positive")) return;
    if (n < 0) {
        reply_error(c->reply, "ERR value is out of range, must be positive");
        return;
    }
    if (!collection_open(c, 0, TYPE_SET, &col)) return;
    if (!col.object || n == 0) {
        reply_set(c->reply, 0);
        return;
    }
    size_t count = (size_t)n, total = set_count(col.object);
    notify(c, NOTIFY_SET, "spop", &c->keys[0]);
    if (count >= total) {
        pop_all(c, &col);
    } else if ((total - count) * KEEP_SHARE <= count) {
        pop_most(c, &col, count);
    } else {
        reply_set(c->reply, count);
        struct set *set = set_take(col.object, dice(c), count, visit_popped_of_many, c);
        collection_close(c, &col, set, count);
    }
}

static void cmd_spop(struct call *c) {
    if (has_too_many(c)) return;
    if (c->argc == 3)
        pop_several(c);
    else
        pop_one(c);
}

/* SRANDMEMBER's count: from -INT64_MAX on, by Redis's rule; but so many repetitions that the reply could
 * not be sent are refused. */
static bool parse_draws(struct call *c, int64_t *n) {
    if (!call_int(c, 2, n, NULL)) return false;
    if (*n == INT64_MIN) {
        reply_errorf(c->reply, "ERR value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
        return false;
    }
    if (*n >= -DRAWS_MAX) return true;
    reply_error(c->reply, "ERR value is out of range");
    return false;
}

static void draw_several(struct call *c) {
    const struct set *set;
    int64_t n;
    if (!parse_draws(c, &n) || !set_read(c, 0, &set)) return;
    size_t total = set ? set_count(set) : 0;
    if (total == 0 || n == 0) {
        reply_array(c->reply, 0);
    } else if (n < 0) {
        reply_array(c->reply, (size_t)-n);
        for (; n < 0; n++) set_draw(set, dice(c), set_visit_reply, c->reply);
    } else {
        size_t count = (uint64_t)n < total ? (size_t)n : total;
        reply_array(c->reply, count);
        set_sample(set, dice(c), count, set_visit_reply, c->reply);
    }
}

static void cmd_srandmember(struct call *c) {
    const struct set *set;
    if (has_too_many(c)) return;
    if (c->argc == 3) {
        draw_several(c);
    } else if (set_read(c, 0, &set)) {
        if (set)
            set_draw(set, dice(c), set_visit_reply, c->reply);
        else
            reply_null(c->reply);
    }
}

/* ---- scanning ---- */

static bool visit_scanned(void *arg, struct set_member *m) {
    struct element_scan *scan = arg;
    size_t len;
    const char *text = set_member_text(m, &len);
    if (element_scan_wants(scan, text, len)) element_scan_add(scan, text, len);
    return true;
}

static void cmd_sscan(struct call *c) {
    struct element_scan scan;
    const struct set *set;
    uint64_t next;
    if (!element_scan_begin(c, &scan) || !set_read(c, 0, &set)) return;
    if (!set)
        scan.cursor = 0;
    else if (!element_scan_options(&scan))
        return;
    else
        do next = set_scan(set, scan.cursor, visit_scanned, &scan);
        while (element_scan_goes_on(&scan, next));
    element_scan_end(&scan);
}

/* ---- the commands ---- */

struct command set_commands[] = {
    {.name = "sadd",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_sadd,
     .member = 2,
     .group = "set",
     .since = "1.0.0",
     .summary = "Add one or more members to a set",
     .complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with "
                   "multiple arguments."},
    {.name = "srem",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_srem,
     .member = 2,
     .group = "set",
     .since = "1.0.0",
     .summary = "Remove one or more members from a set",
     .complexity = "O(N) where N is the number of members to be removed."},
    {.name = "scard",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_scard,
     .group = "set",
     .since = "1.0.0",
     .summary = "Get the number of members in a set",
     .complexity = "O(1)"},
    {.name = "sismember",
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_sismember,
     .member = 2,
     .group = "set",
     .since = "1.0.0",
     .summary = "Determine if a given value is a member of a set",
     .complexity = "O(1)"},
    {.name = "smismember",
     .arity = -3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_smismember,
     .member = 2,
     .group = "set",
     .since = "6.2.0",
     .summary = "Returns the membership associated with the given elements for a set",
     .complexity = "O(N) where N is the number of elements being checked for membership"},
    {.name = "smembers",
     .arity = 2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_smembers,
     .group = "set",
     .since = "1.0.0",
     .summary = "Get all the members in a set",
     .complexity = "O(N) where N is the set cardinality.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "spop",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_spop,
     .group = "set",
     .since = "1.0.0",
     .summary = "Remove and return one or multiple random members from a set",
     .complexity =
         "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "srandmember",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_srandmember,
     .group = "set",
     .since = "1.0.0",
     .summary = "Get one or multiple random members from a set",
     .complexity =
         "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "smove",
     .arity = 4,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_SET | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE), KEYS_AT(2, 0, 1, KEY_RW | KEY_INSERT)},
     .handler = cmd_smove,
     .group = "set",
     .since = "1.0.0",
     .summary = "Move a member from one set to another",
     .complexity = "O(1)"},
    {.name = "sscan",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SET | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_sscan,
     .group = "set",
     .since = "2.8.0",
     .summary = "Incrementally iterate Set elements",
     .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for "
                   "the cursor to return back to 0. N is the number of elements inside the collection..",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {0},
};
