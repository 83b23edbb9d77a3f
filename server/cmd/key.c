/* key.c: keys as such, whatever they hold: deleting, renaming, copying, moving, listing them, looking at
 * them.
 *
 * On the client's thread. A command that names keys runs with all their slices held. One key has the
 * same slice in every database, so COPY ... DB and MOVE need no further hold: they look into the other
 * database by turning the visit to it for a moment. KEYS runs with every slice held (it is one instant);
 * DBSIZE and RANDOMKEY take one slice at a time.
 *
 * EXISTS, TYPE and OBJECT leave the access clock alone, as in Redis; TOUCH moves it even for a client
 * that asked for NO-TOUCH.
 */
#include "server/client.h"
#include "server/cmd/argument.h"
#include "server/cmd/lookup.h"
#include "server/notify.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"
#include "shard/store/evict.h"

#include <limits.h>
#include <string.h>

/* ---- deleting, counting, touching ---- */

/* DEL, and UNLINK, which is the same here: what a key holds is freed in bounded steps either way. */
static void cmd_del(struct call *c) {
    uint64_t deleted = 0;
    for (unsigned i = 0; i < c->key_count; i++) {
        struct entry **at = call_write(c, i);
        if (at == NULL) continue;
        keyspace_delete(&c->visit, &c->keys[i], at);
        notify(c, NOTIFY_GENERIC, "del", &c->keys[i]);
        deleted++;
    }
    call_dirty(c, deleted);
    reply_int(c->reply, (int64_t)deleted);
}

static void cmd_exists(struct call *c) {
    int64_t found = 0;
    for (unsigned i = 0; i < c->key_count; i++) found += lookup_glance(c, i) != NULL;
    reply_int(c->reply, found);
}

static void cmd_touch(struct call *c) {
    int64_t found = 0;
    c->visit.no_touch = false;
    for (unsigned i = 0; i < c->key_count; i++) found += call_read(c, i) != NULL;
    reply_int(c->reply, found);
}

static void cmd_type(struct call *c) {
    struct entry **at = lookup_glance(c, 0);
    reply_simple(c->reply, at != NULL ? value_type_name(entry_type(*at)) : "none");
}

/* ---- renaming, copying, moving ---- */

static struct entry **find_in(struct call *c, unsigned database, const struct key *key,
                              enum keyspace_mode mode) {
    unsigned own = c->visit.database;
    c->visit.database = database;
    struct entry **at = keyspace_find(&c->visit, key, mode);
    c->visit.database = own;
    return at;
}

static void delete_in(struct call *c, unsigned database, const struct key *key, struct entry **at) {
    unsigned own = c->visit.database;
    c->visit.database = database;
    keyspace_delete(&c->visit, key, at);
    c->visit.database = own;
}

static void notify_in(struct call *c, unsigned database, const char *event, const struct key *key) {
    unsigned own = c->visit.database;
    c->visit.database = database;
    notify(c, NOTIFY_GENERIC, event, key);
    c->visit.database = own;
}

static bool same_key(const struct key *a, const struct key *b) {
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* RENAME, and RENAMENX (only_if_free). A key renamed to itself stays as it is. */
static void rename_key(struct call *c, bool only_if_free) {
    ASSERT(c->key_count == 2);
    const struct key *from = &c->keys[0], *to = &c->keys[1];
    struct entry **at = call_write(c, 0);
    if (at == NULL) {
        reply_no_such_key(c->reply);
        return;
    }
    bool same = same_key(from, to);
    struct entry **taken = same ? NULL : call_write(c, 1);
    if (only_if_free && (same || taken != NULL)) {
        reply_int(c->reply, 0);
        return;
    }
    if (!same) {
        if (taken != NULL) keyspace_delete(&c->visit, to, taken);
        keyspace_move(&c->visit, from, at, c->visit.database, to);
        call_dirty(c, 1);
        notify(c, NOTIFY_GENERIC, "rename_from", from);
        notify(c, NOTIFY_GENERIC, "rename_to", to);
    }
    if (only_if_free)
        reply_int(c->reply, 1);
    else
        reply_ok(c->reply);
}

static void cmd_rename(struct call *c) {
    rename_key(c, false);
}

static void cmd_renamenx(struct call *c) {
    rename_key(c, true);
}

static void reply_same_object(struct call *c) {
    reply_error(c->reply, "ERR source and destination objects are the same");
}

static void cmd_copy(struct call *c) {
    ASSERT(c->key_count == 2);
    const struct key *from = &c->keys[0], *to = &c->keys[1];
    unsigned database = c->visit.database;
    bool replace = false;
    for (unsigned i = 3; i < c->argc; i++) {
        if (call_is(c, i, "REPLACE")) {
            replace = true;
        } else if (call_is(c, i, "DB") && i + 1 < c->argc) {
            if (!argument_database(c, ++i, &database)) return;
        } else {
            reply_syntax_error(c->reply);
            return;
        }
    }
    if (database == c->visit.database && same_key(from, to)) {
        reply_same_object(c);
        return;
    }
    struct entry **at = call_read(c, 0);
    struct entry **taken = at != NULL ? find_in(c, database, to, KEYSPACE_WRITE) : NULL;
    if (at == NULL || (taken != NULL && !replace)) {
        reply_int(c->reply, 0);
        return;
    }
    if (taken != NULL) delete_in(c, database, to, taken);
    keyspace_copy(&c->visit, from, at, database, to);
    call_dirty(c, 1);
    notify_in(c, database, "copy_to", to);
    reply_int(c->reply, 1);
}

static void cmd_move(struct call *c) {
    const struct key *key = &c->keys[0];
    unsigned database;
    if (!argument_database(c, 2, &database)) return;
    if (database == c->visit.database) {
        reply_same_object(c);
        return;
    }
    struct entry **at = call_write(c, 0);
    if (at == NULL || find_in(c, database, key, KEYSPACE_WRITE) != NULL) {
        reply_int(c->reply, 0);
        return;
    }
    keyspace_move(&c->visit, key, at, database, key);
    call_dirty(c, 1);
    notify(c, NOTIFY_GENERIC, "move_from", key);
    notify_in(c, database, "move_to", key);
    reply_int(c->reply, 1);
}

/* ---- the keyspace as a whole ---- */

struct listing {
    struct reply *reply;
    const struct arg *pattern; /* NULL: all keys */
    size_t count;
};

static void list_key(void *arg, struct entry **at) {
    struct listing *l = arg;
    size_t len;
    const char *key = entry_key(*at, &len);
    if (l->pattern != NULL && !text_glob(l->pattern->data, l->pattern->len, key, len, false)) return;
    reply_bulk(l->reply, key, len);
    l->count++;
}

static void cmd_keys(struct call *c) {
    const struct arg *pattern = &c->argv[1];
    bool all = pattern->len == 1 && pattern->data[0] == '*';
    struct listing listing = {.reply = c->reply, .pattern = all ? NULL : pattern};
    struct reply_mark mark = reply_mark(c->reply);
    for (unsigned i = 0; i < slices.count; i++) {
        uint64_t cursor = 0;
        do cursor = keyspace_scan(&c->visit, &slices.all[i], cursor, list_key, &listing);
        while (cursor != 0);
    }
    reply_mark_array(c->reply, mark, listing.count);
}

/* How many keys each slice has, counted one slice after another. */
struct tally {
    uint64_t counts[SLICES_MAX], sum;
};

enum { TALLY_PASSES = 8 };

/* A slice that refuses is come back to after the others: to begin anew at every refusal would take for
 * ever where many threads are busy. False: some slice refused every time, and the command is parked on
 * it. */
static bool tally_take(struct call *c, struct tally *tally) {
    uint16_t left[SLICES_MAX];
    unsigned count = slices.count;
    ASSERT(count <= SLICES_MAX);
    for (unsigned i = 0; i < count; i++) left[i] = (uint16_t)i;
    tally->sum = 0;
    for (unsigned pass = 0; pass < TALLY_PASSES && count > 0; pass++) {
        unsigned refused = 0;
        for (unsigned i = 0; i < count; i++) {
            struct slice *s = &slices.all[left[i]];
            if (!call_enter(c, s)) {
                left[refused++] = left[i];
                continue;
            }
            tally->counts[left[i]] = keyspace_count(s, c->visit.database);
            tally->sum += tally->counts[left[i]];
            call_leave(c, s);
        }
        count = refused;
    }
    if (count > 0) return false;
    c->outcome = CALL_DONE;
    c->refused = NULL;
    return true;
}

static void cmd_dbsize(struct call *c) {
    struct tally tally;
    if (tally_take(c, &tally)) reply_int(c->reply, (int64_t)tally.sum);
}

/* Replies a random key of one slice, every one equally likely. *found: there was one. False: the slice
 * was refused. */
static bool reply_random_of(struct call *c, struct slice *s, bool *found) {
    if (!call_enter(c, s)) return false;
    struct entry **at = keyspace_random(&c->visit, s);
    if (at != NULL) {
        size_t len;
        const char *key = entry_key(*at, &len);
        reply_bulk(c->reply, key, len);
    }
    *found = at != NULL;
    call_leave(c, s);
    return true;
}

enum { RANDOM_TRIES = 8 };

/* A slice is drawn by its share of the keys, then a key in it, so that all keys are equally likely. A
 * slice may turn out to have only keys past their time (which then are gone): drawn again a few times,
 * before the slices are gone through from a random one on: a null means that there really was no live
 * key in any. */
static void cmd_randomkey(struct call *c) {
    struct tally tally = {0};
    struct random *random = &c->visit.thread->random;
    bool found = false;
    for (unsigned try = 0; try < RANDOM_TRIES; try++) {
        if (!tally_take(c, &tally)) return;
        if (tally.sum == 0) break;
        uint64_t draw = random_below(random, tally.sum);
        unsigned i = 0;
        for (; i + 1 < slices.count && draw >= tally.counts[i]; i++) draw -= tally.counts[i];
        if (!reply_random_of(c, &slices.all[i], &found) || found) return;
    }
    uint64_t start = random_below(random, slices.count);
    for (unsigned i = 0; tally.sum > 0 && i < slices.count; i++) {
        if (!reply_random_of(c, &slices.all[(start + i) % slices.count], &found) || found) return;
    }
    reply_null(c->reply);
}

/* ---- OBJECT ---- */

/* The entry of OBJECT's key; replies a null where there is none. */
static struct entry *object_entry(struct call *c) {
    c->visit.quiet = true;
    struct entry **at = lookup_glance(c, 0);
    if (at != NULL) return *at;
    reply_null(c->reply);
    return NULL;
}

static void cmd_object_encoding(struct call *c) {
    const struct entry *e = object_entry(c);
    if (e == NULL) return;
    reply_bulk_text(c->reply, lookup_encoding(e));
}

static void cmd_object_refcount(struct call *c) {
    const struct entry *e = object_entry(c);
    if (e == NULL) return;
    reply_int(c->reply, lookup_refcount(e));
}

static void cmd_object_idletime(struct call *c) {
    const struct entry *e = object_entry(c);
    if (e == NULL) return;
    if (policy_is_lfu(policy_get())) {
        reply_error(
            c->reply,
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "
            "between policies at runtime LRU and LFU data will take some time to adjust.");
        return;
    }
    reply_int(c->reply, (int64_t)(access_idle_ms(e->access, visit_now(&c->visit)) / 1000));
}

static void cmd_object_freq(struct call *c) {
    const struct entry *e = object_entry(c);
    if (e == NULL) return;
    const struct policy *policy = policy_get();
    if (!policy_is_lfu(policy)) {
        reply_error(c->reply,
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
                    "that when "
                    "switching between policies at runtime LRU and LFU data will take some time to adjust.");
        return;
    }
    reply_int(c->reply, access_frequency(policy, e->access, visit_now(&c->visit)));
}

static void cmd_object_help(struct call *c) {
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        NULL,
    };
    reply_help(c->reply, "OBJECT", lines);
}

/* ---- the commands ---- */

static struct command object_subcommands[] = {
    {.name = "encoding",
     .arity = 3,
     .flags = CMD_READONLY,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .keys = {KEYS_AT(2, 0, 1, KEY_RO)},
     .handler = cmd_object_encoding,
     .group = "generic",
     .since = "2.2.3",
     .summary = "Inspect the internal encoding of a Redis object",
     .complexity = "O(1)",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "freq",
     .arity = 3,
     .flags = CMD_READONLY,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .keys = {KEYS_AT(2, 0, 1, KEY_RO)},
     .handler = cmd_object_freq,
     .group = "generic",
     .since = "4.0.0",
     .summary = "Get the logarithmic access frequency counter of a Redis object",
     .complexity = "O(1)",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_KEYSPACE | ACL_SLOW,
     .handler = cmd_object_help,
     .group = "generic",
     .since = "6.2.0",
     .summary = "Show helpful text about the different subcommands",
     .complexity = "O(1)"},
    {.name = "idletime",
     .arity = 3,
     .flags = CMD_READONLY,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .keys = {KEYS_AT(2, 0, 1, KEY_RO)},
     .handler = cmd_object_idletime,
     .group = "generic",
     .since = "2.2.3",
     .summary = "Get the time since a Redis object was last accessed",
     .complexity = "O(1)",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "refcount",
     .arity = 3,
     .flags = CMD_READONLY,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .keys = {KEYS_AT(2, 0, 1, KEY_RO)},
     .handler = cmd_object_refcount,
     .group = "generic",
     .since = "2.2.3",
     .summary = "Get the number of references to the value of the key",
     .complexity = "O(1)",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {0},
};

struct command key_commands[] = {
    {.name = "del",
     .arity = -2,
     .flags = CMD_WRITE,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW,
     .keys = {KEYS_REST(KEY_RM | KEY_DELETE)},
     .handler = cmd_del,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Delete a key",
     .complexity = "O(N) where N is the number of keys that will be removed. When a key to remove holds a "
                   "value other than a string, the individual complexity for this key is O(M) where M is "
                   "the number of elements in the list, set, sorted set or hash. Removing a single key "
                   "that holds a string value is O(1).",
     .tips = (const char *const[]){"request_policy:multi_shard", "response_policy:agg_sum", NULL}},
    {.name = "unlink",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_REST(KEY_RM | KEY_DELETE)},
     .handler = cmd_del,
     .group = "generic",
     .since = "4.0.0",
     .summary = "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non "
                "blocking.",
     .complexity = "O(1) for each key removed regardless of its size. Then the command does O(N) work in "
                   "a different thread in order to reclaim memory, where N is the number of allocations "
                   "the deleted objects where composed of.",
     .tips = (const char *const[]){"request_policy:multi_shard", "response_policy:agg_sum", NULL}},
    {.name = "exists",
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_REST(KEY_RO)},
     .handler = cmd_exists,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Determine if a key exists",
     .complexity = "O(N) where N is the number of keys to check.",
     .tips = (const char *const[]){"request_policy:multi_shard", "response_policy:agg_sum", NULL}},
    {.name = "type",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_type,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Determine the type stored at key",
     .complexity = "O(1)"},
    {.name = "touch",
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_REST(KEY_RO)},
     .handler = cmd_touch,
     .group = "generic",
     .since = "3.2.1",
     .summary = "Alters the last access time of a key(s). Returns the number of existing keys specified.",
     .complexity = "O(N) where N is the number of keys that will be touched.",
     .tips = (const char *const[]){"request_policy:multi_shard", "response_policy:agg_sum", NULL}},
    {.name = "rename",
     .arity = 3,
     .flags = CMD_WRITE,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE), KEYS_AT(2, 0, 1, KEY_OW | KEY_UPDATE)},
     .handler = cmd_rename,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Rename a key",
     .complexity = "O(1)"},
    {.name = "renamenx",
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE), KEYS_AT(2, 0, 1, KEY_OW | KEY_INSERT)},
     .handler = cmd_renamenx,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Rename a key, only if the new key does not exist",
     .complexity = "O(1)"},
    {.name = "copy",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS), KEYS_AT(2, 0, 1, KEY_OW | KEY_UPDATE)},
     .handler = cmd_copy,
     .group = "generic",
     .since = "6.2.0",
     .summary = "Copy a key",
     .complexity = "O(N) worst case for collections, where N is the number of nested items. O(1) for "
                   "string values."},
    {.name = "move",
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_move,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Move a key to another database",
     .complexity = "O(1)"},
    {.name = "randomkey",
     .arity = 1,
     .flags = CMD_READONLY | CMD_VISITS,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .handler = cmd_randomkey,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Return a random key from the keyspace",
     .complexity = "O(1)",
     .tips = (const char *const[]){"request_policy:all_shards", "nondeterministic_output", NULL}},
    {.name = "keys",
     .arity = 2,
     .flags = CMD_READONLY | CMD_ALL_SLICES,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_keys,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Find all keys matching the given pattern",
     .complexity = "O(N) with N being the number of keys in the database, under the assumption that the "
                   "key names in the database and the given pattern have limited length.",
     .tips = (const char *const[]){"request_policy:all_shards", "nondeterministic_output_order", NULL}},
    {.name = "dbsize",
     .arity = 1,
     .flags = CMD_READONLY | CMD_FAST | CMD_VISITS,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .handler = cmd_dbsize,
     .group = "server",
     .since = "1.0.0",
     .summary = "Return the number of keys in the selected database",
     .complexity = "O(1)",
     .tips = (const char *const[]){"request_policy:all_shards", "response_policy:agg_sum", NULL}},
    {.name = "object",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = object_subcommands,
     .group = "generic",
     .since = "2.2.3",
     .summary = "A container for object introspection commands",
     .complexity = "Depends on subcommand."},
    {0},
};
