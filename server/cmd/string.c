/* string.c: whole strings: SET and its relatives, GET and its relatives, MGET and MSET.
 *
 * A handler runs on the client's thread with the slices of all its keys held, so MSET and MGET are
 * atomic without doing anything for it. The order inside each: options, then the key and its type, then
 * whatever can still be refused, then the change. Where the old value is part of the reply it is replied
 * before it is overwritten; a large one then lives on in the reply alone, and is freed once sent.
 *
 * SET with a deadline that has already passed leaves no key behind (Redis stores one that no reader can
 * see): replies and events are the same, and nothing waits to be collected.
 *
 * Values go in through call_value: a large argument was received into a blob of its own, which becomes
 * the key's value without a copy.
 */
#include "server/client.h"
#include "server/cmd/argument.h"
#include "server/cmd/lookup.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"

/* What follows SET's value and GETEX's key. */
struct options {
    bool if_absent, if_present, get, keep_ttl, persist;
    enum deadline_form form;
    unsigned deadline; /* the argument that says when, unless form is DEADLINE_NONE */
};

static enum deadline_form deadline_form_of(const struct call *c, unsigned i) {
    if (call_is(c, i, "EX")) return DEADLINE_EX;
    if (call_is(c, i, "PX")) return DEADLINE_PX;
    if (call_is(c, i, "EXAT")) return DEADLINE_EXAT;
    if (call_is(c, i, "PXAT")) return DEADLINE_PXAT;
    return DEADLINE_NONE;
}

/* One way of saying what becomes of the deadline excludes the others; the same way twice is accepted,
 * the last counts. */
static bool parse_deadline_option(struct call *c, unsigned *i, struct options *o) {
    enum deadline_form form = deadline_form_of(c, *i);
    if (form == DEADLINE_NONE || o->keep_ttl || o->persist) return false;
    if ((o->form != DEADLINE_NONE && o->form != form) || *i + 1 >= c->argc) return false;
    o->form = form;
    o->deadline = ++*i;
    return true;
}

static bool parse_set_option(struct call *c, unsigned i, struct options *o) {
    if (call_is(c, i, "NX")) return o->if_absent = !o->if_present;
    if (call_is(c, i, "XX")) return o->if_present = !o->if_absent;
    if (call_is(c, i, "GET")) return o->get = true;
    if (call_is(c, i, "KEEPTTL")) return o->keep_ttl = o->form == DEADLINE_NONE;
    return false;
}

static bool parse_set_options(struct call *c, struct options *o) {
    for (unsigned i = 3; i < c->argc; i++) {
        if (parse_set_option(c, i, o) || parse_deadline_option(c, &i, o)) continue;
        reply_syntax_error(c->reply);
        return false;
    }
    return true;
}

static bool parse_getex_options(struct call *c, struct options *o) {
    for (unsigned i = 2; i < c->argc; i++) {
        if (call_is(c, i, "PERSIST") && o->form == DEADLINE_NONE)
            o->persist = true;
        else if (!parse_deadline_option(c, &i, o)) {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    return true;
}

/* Argument `value` was stored with a deadline: whatever was said about it, it travels as a point in time. */
static void propagate_set(struct call *c, unsigned value, int64_t when_ms) {
    propagate_command(c, "SET", 5);
    propagate_key(c, 0);
    propagate_argument(c, value);
    propagate_text(c, "PXAT");
    propagate_number(c, when_ms);
}

/* SET without GET, which says nothing about what is stored. */
static void propagate_set_without_get(struct call *c) {
    unsigned words = c->argc;
    for (unsigned i = 3; i < c->argc; i++) words -= call_is(c, i, "GET");
    propagate_command(c, "SET", words);
    for (unsigned i = 1; i < c->argc; i++)
        if (i < 3 || !call_is(c, i, "GET")) propagate_argument(c, i);
}

/* Stores argument `value` under the command's one key, unless it would be past its time at once. */
static void store(struct call *c, struct entry **at, unsigned value, int64_t when_ms) {
    struct key *key = &c->keys[0];
    ASSERT(c->key_count == 1 && value < c->argc);
    bool is_past = UNLIKELY(when_ms >= 0 && deadline_is_past(c, key, when_ms));
    if (!is_past)
        keyspace_set(&c->visit, key, at, call_value(c, value), when_ms);
    else if (at != NULL)
        keyspace_delete(&c->visit, key, at);
    else
        notify(c, NOTIFY_NEW, "new", key);
    call_dirty(c, 1);
    if (UNLIKELY(is_past && at != NULL))
        propagate_expired(c, 0);
    else if (UNLIKELY(is_past))
        propagate_nothing(c);
    else if (UNLIKELY(when_ms >= 0))
        propagate_set(c, value, when_ms);
    notify(c, NOTIFY_STRING, "set", key);
    if (when_ms >= 0) notify(c, NOTIFY_GENERIC, "expire", key);
    if (is_past) notify(c, NOTIFY_EXPIRED, "expired", key);
}

static void cmd_set(struct call *c) {
    struct options o = {0};
    int64_t when_ms = NO_TTL;
    if (UNLIKELY(c->argc > 3)) {
        if (!parse_set_options(c, &o)) return;
        if (o.form != DEADLINE_NONE && !argument_deadline(c, o.deadline, o.form, &when_ms)) return;
        if (o.keep_ttl) when_ms = KEEP_TTL;
    }
    struct entry **at = o.get ? call_read(c, 0) : call_write(c, 0);
    if (o.get) {
        if (!lookup_is_string(c, at)) return;
        lookup_reply_string(c, at);
    }
    if ((o.if_absent && at != NULL) || (o.if_present && at == NULL)) {
        if (!o.get) reply_null(c->reply);
        return;
    }
    store(c, at, 2, when_ms);
    if (o.get && o.form == DEADLINE_NONE) propagate_set_without_get(c);
    if (!o.get) reply_ok(c->reply);
}

/* Without GET the old value is not looked at. */
static uint32_t set_key_flags(const struct arg *argv, unsigned argc) {
    for (unsigned i = 3; i < argc; i++)
        if (text_is(argv[i].data, argv[i].len, "GET")) return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    return KEY_OW | KEY_UPDATE;
}

static void cmd_setnx(struct call *c) {
    if (call_write(c, 0) != NULL) {
        reply_int(c->reply, 0);
        return;
    }
    store(c, NULL, 2, NO_TTL);
    reply_int(c->reply, 1);
}

static void set_with_deadline(struct call *c, enum deadline_form form) {
    int64_t when_ms;
    if (!argument_deadline(c, 2, form, &when_ms)) return;
    store(c, call_write(c, 0), 3, when_ms);
    reply_ok(c->reply);
}

static void cmd_setex(struct call *c) {
    set_with_deadline(c, DEADLINE_EX);
}

static void cmd_psetex(struct call *c) {
    set_with_deadline(c, DEADLINE_PX);
}

static void cmd_get(struct call *c) {
    struct entry **at = call_read(c, 0);
    if (lookup_is_string(c, at)) lookup_reply_string(c, at);
}

static void cmd_getset(struct call *c) {
    struct entry **at = call_read(c, 0);
    if (!lookup_is_string(c, at)) return;
    lookup_reply_string(c, at);
    store(c, at, 2, NO_TTL);
    propagate_command(c, "SET", 3);
    propagate_key(c, 0);
    propagate_argument(c, 2);
}

static void cmd_getdel(struct call *c) {
    struct entry **at = call_read(c, 0);
    if (!lookup_is_string(c, at)) return;
    lookup_reply_string(c, at);
    if (at == NULL) return;
    keyspace_delete(&c->visit, &c->keys[0], at);
    call_dirty(c, 1);
    propagate_on_key(c, config_get()->lazyfree_lazy_user_del ? "UNLINK" : "DEL", 0);
    notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
}

static void cmd_getex(struct call *c) {
    struct options o = {0};
    if (!parse_getex_options(c, &o)) return;
    struct entry **at = call_read(c, 0);
    int64_t when_ms = NO_TTL;
    if (!lookup_is_string(c, at)) return;
    if (at != NULL && o.form != DEADLINE_NONE && !argument_deadline(c, o.deadline, o.form, &when_ms)) return;
    lookup_reply_string(c, at);
    if (at == NULL) return;
    struct key *key = &c->keys[0];
    const char *event = when_ms != NO_TTL ? "expire" : "persist";
    if (when_ms != NO_TTL && deadline_is_past(c, key, when_ms)) {
        keyspace_delete(&c->visit, key, at);
        propagate_expired(c, 0);
        event = "del";
    } else if (when_ms != NO_TTL) {
        keyspace_set_deadline(&c->visit, key, at, when_ms);
        propagate_on_key_number(c, "PEXPIREAT", 0, when_ms);
    } else if (o.persist && entry_expires(*at)) {
        keyspace_set_deadline(&c->visit, key, at, NO_TTL);
        propagate_on_key(c, "PERSIST", 0);
    } else {
        return;
    }
    call_dirty(c, 1);
    notify(c, NOTIFY_GENERIC, event, key);
}

static void cmd_mget(struct call *c) {
    reply_array(c->reply, c->key_count);
    for (unsigned i = 0; i < c->key_count; i++) {
        struct entry **at = call_read(c, i);
        lookup_reply_string(c, at != NULL && entry_type(*at) == TYPE_STRING ? at : NULL);
    }
}

/* Keys and values alternate, so the number of arguments, name included, is odd. */
static bool check_pairs(struct call *c) {
    if (c->argc % 2 == 1) return true;
    reply_errorf(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
    return false;
}

static void set_pairs(struct call *c) {
    ASSERT(c->key_count == c->argc / 2);
    for (unsigned i = 0; i < c->key_count; i++) {
        struct value value = call_value(c, 2 * i + 2);
        keyspace_set(&c->visit, &c->keys[i], call_write(c, i), value, NO_TTL);
        notify(c, NOTIFY_STRING, "set", &c->keys[i]);
    }
    call_dirty(c, c->key_count);
}

static void cmd_mset(struct call *c) {
    if (!check_pairs(c)) return;
    set_pairs(c);
    reply_ok(c->reply);
}

static void cmd_msetnx(struct call *c) {
    if (!check_pairs(c)) return;
    for (unsigned i = 0; i < c->key_count; i++) {
        if (call_write(c, i) == NULL) continue;
        reply_int(c->reply, 0);
        return;
    }
    set_pairs(c);
    reply_int(c->reply, 1);
}

static void cmd_strlen(struct call *c) {
    struct entry **at = call_read(c, 0);
    if (!lookup_is_string(c, at)) return;
    reply_int(c->reply, at != NULL ? (int64_t)entry_string_len(*at) : 0);
}

static void reply_part(struct call *c, const struct entry *e, size_t from, size_t n) {
    if (entry_encoding(e) == ENC_BLOB) {
        reply_bulk_blob(c->reply, entry_blob(e), from, n);
        return;
    }
    char digits[TEXT_I64_MAX];
    size_t len;
    const char *bytes = entry_string(e, digits, &len);
    ASSERT(from + n <= len);
    reply_bulk(c->reply, bytes + from, n);
}

/* GETRANGE, and SUBSTR, its old name. Negative positions count from the end; both ends are included. */
static void cmd_getrange(struct call *c) {
    int64_t start, end;
    if (!call_int(c, 2, &start, NULL) || !call_int(c, 3, &end, NULL)) return;
    struct entry **at = call_read(c, 0);
    if (!lookup_is_string(c, at)) return;
    int64_t len = at != NULL ? (int64_t)entry_string_len(*at) : 0;
    bool reversed = start < 0 && end < 0 && start > end;
    if (start < 0) start = len + start < 0 ? 0 : len + start;
    if (end < 0) end = len + end < 0 ? 0 : len + end;
    if (end >= len) end = len - 1;
    if (reversed || start > end || len == 0)
        reply_bulk(c->reply, "", 0);
    else
        reply_part(c, *at, (size_t)start, (size_t)(end - start + 1));
}

/* ---- the commands ---- */

struct command string_commands[] = {
    {.name = "set",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS)},
     .key_flags = set_key_flags,
     .handler = cmd_set,
     .group = "string",
     .since = "1.0.0",
     .summary = "Set the string value of a key",
     .complexity = "O(1)"},
    {.name = "get",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_get,
     .group = "string",
     .since = "1.0.0",
     .summary = "Get the value of a key",
     .complexity = "O(1)"},
    {.name = "setnx",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_OW | KEY_INSERT)},
     .handler = cmd_setnx,
     .group = "string",
     .since = "1.0.0",
     .summary = "Set the value of a key, only if the key does not exist",
     .complexity = "O(1)"},
    {.name = "setex",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE)},
     .handler = cmd_setex,
     .group = "string",
     .since = "2.0.0",
     .summary = "Set the value and expiration of a key",
     .complexity = "O(1)"},
    {.name = "psetex",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE)},
     .handler = cmd_psetex,
     .group = "string",
     .since = "2.6.0",
     .summary = "Set the value and expiration in milliseconds of a key",
     .complexity = "O(1)"},
    {.name = "getset",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_getset,
     .group = "string",
     .since = "1.0.0",
     .summary = "Set the string value of a key and return its old value",
     .complexity = "O(1)"},
    {.name = "getdel",
     .arity = 2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_getdel,
     .group = "string",
     .since = "6.2.0",
     .summary = "Get the value of a key and delete the key",
     .complexity = "O(1)"},
    {.name = "getex",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_getex,
     .group = "string",
     .since = "6.2.0",
     .summary = "Get the value of a key and optionally set its expiration",
     .complexity = "O(1)"},
    {.name = "mget",
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_STRING | ACL_FAST,
     .keys = {KEYS_REST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_mget,
     .group = "string",
     .since = "1.0.0",
     .summary = "Get the values of all the given keys",
     .complexity = "O(N) where N is the number of keys to retrieve.",
     .tips = (const char *const[]){"request_policy:multi_shard", NULL}},
    {.name = "mset",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_AT(1, -1, 2, KEY_OW | KEY_UPDATE)},
     .handler = cmd_mset,
     .group = "string",
     .since = "1.0.1",
     .summary = "Set multiple keys to multiple values",
     .complexity = "O(N) where N is the number of keys to set.",
     .tips = (const char *const[]){"request_policy:multi_shard", "response_policy:all_succeeded", NULL}},
    {.name = "msetnx",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_AT(1, -1, 2, KEY_OW | KEY_INSERT)},
     .handler = cmd_msetnx,
     .group = "string",
     .since = "1.0.1",
     .summary = "Set multiple keys to multiple values, only if none of the keys exist",
     .complexity = "O(N) where N is the number of keys to set.",
     .tips = (const char *const[]){"request_policy:multi_shard", "response_policy:agg_min", NULL}},
    {.name = "strlen",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_strlen,
     .group = "string",
     .since = "2.2.0",
     .summary = "Get the length of the value stored in a key",
     .complexity = "O(1)"},
    {.name = "getrange",
     .arity = 4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_getrange,
     .group = "string",
     .since = "2.4.0",
     .summary = "Get a substring of the string stored at a key",
     .complexity = "O(N) where N is the length of the returned string. The complexity is ultimately "
                   "determined by the returned length, but because creating a substring from an existing "
                   "string is very cheap, it can be considered O(1) for small strings."},
    {.name = "substr",
     .arity = 4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_getrange,
     .group = "string",
     .since = "1.0.0",
     .summary = "Get a substring of the string stored at a key",
     .complexity = "O(N) where N is the length of the returned string. The complexity is ultimately "
                   "determined by the returned length, but because creating a substring from an existing "
                   "string is very cheap, it can be considered O(1) for small strings."},
    {0},
};
