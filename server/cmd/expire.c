/* expire.c: when keys end: EXPIRE and its relatives, TTL and its relatives, PERSIST.
 *
 * On the client's thread, under the hold of the key's slice. All times are compared with the visit's one
 * instant, so what one command sees is consistent. A deadline that has passed deletes the key at once.
 * TTL and its relatives leave the access clock alone.
 */
#include "server/cmd/argument.h"
#include "server/cmd/lookup.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/assert.h"

enum condition { IF_NONE_YET = 1, IF_ONE_YET = 2, IF_LATER = 4, IF_EARLIER = 8 }; /* NX XX GT LT */

static bool parse_conditions(struct call *c, unsigned *conditions) {
    *conditions = 0;
    for (unsigned i = 3; i < c->argc; i++) {
        if (call_is(c, i, "NX")) {
            *conditions |= IF_NONE_YET;
        } else if (call_is(c, i, "XX")) {
            *conditions |= IF_ONE_YET;
        } else if (call_is(c, i, "GT")) {
            *conditions |= IF_LATER;
        } else if (call_is(c, i, "LT")) {
            *conditions |= IF_EARLIER;
        } else {
            reply_errorf(c->reply, "ERR Unsupported option %.*s", (int)c->argv[i].len, c->argv[i].data);
            return false;
        }
    }
    if ((*conditions & IF_NONE_YET) && *conditions != IF_NONE_YET) {
        reply_error(c->reply, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*conditions & IF_LATER) && (*conditions & IF_EARLIER)) {
        reply_error(c->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* A key without a deadline (present_ms is NO_TTL) counts as one that never ends. */
static bool conditions_met(unsigned conditions, int64_t present_ms, int64_t when_ms) {
    bool ends = present_ms != NO_TTL;
    if ((conditions & IF_NONE_YET) && ends) return false;
    if ((conditions & IF_ONE_YET) && !ends) return false;
    if ((conditions & IF_LATER) && (!ends || when_ms <= present_ms)) return false;
    if ((conditions & IF_EARLIER) && ends && when_ms >= present_ms) return false;
    return true;
}

/* Unlike SET's, these times may be negative. */
static bool parse_when(struct call *c, enum deadline_form form, int64_t *when_ms) {
    bool seconds = form == DEADLINE_EX || form == DEADLINE_EXAT;
    bool relative = form == DEADLINE_EX || form == DEADLINE_PX;
    int64_t n;
    if (!call_int(c, 2, &n, NULL)) return false;
    if ((seconds && __builtin_mul_overflow(n, 1000, &n)) ||
        (relative && __builtin_add_overflow(n, visit_now(&c->visit), &n))) {
        reply_invalid_deadline(c);
        return false;
    }
    *when_ms = n;
    return true;
}

/* With an absolute time, and the conditions that it had. */
static void propagate_expiry(struct call *c, int64_t when_ms) {
    propagate_command(c, "PEXPIREAT", c->argc);
    propagate_key(c, 0);
    propagate_number(c, when_ms);
    for (unsigned i = 3; i < c->argc; i++) propagate_argument(c, i);
}

static void expire(struct call *c, enum deadline_form form) {
    unsigned conditions;
    int64_t when_ms;
    if (!parse_conditions(c, &conditions) || !parse_when(c, form, &when_ms)) return;
    struct entry **at = call_write(c, 0);
    if (at == NULL || !conditions_met(conditions, entry_when(*at), when_ms)) {
        reply_int(c->reply, 0);
        return;
    }
    /* Where the past does not delete (see deadline_is_past), a time before 1970 must not read as "no
     * deadline". */
    bool is_past = deadline_is_past(c, &c->keys[0], when_ms);
    if (is_past)
        keyspace_delete(&c->visit, &c->keys[0], at);
    else
        keyspace_set_deadline(&c->visit, &c->keys[0], at, when_ms < 0 ? 0 : when_ms);
    call_dirty(c, 1);
    if (is_past)
        propagate_expired(c, 0);
    else if (form != DEADLINE_PXAT)
        propagate_expiry(c, when_ms);
    /* The order that a client sees which listens to its own doing. */
    if (is_past) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    reply_int(c->reply, 1);
    if (!is_past) notify(c, NOTIFY_GENERIC, "expire", &c->keys[0]);
}

static void cmd_expire(struct call *c) {
    expire(c, DEADLINE_EX);
}

static void cmd_pexpire(struct call *c) {
    expire(c, DEADLINE_PX);
}

static void cmd_expireat(struct call *c) {
    expire(c, DEADLINE_EXAT);
}

static void cmd_pexpireat(struct call *c) {
    expire(c, DEADLINE_PXAT);
}

static void cmd_persist(struct call *c) {
    struct entry **at = call_write(c, 0);
    bool ends = at != NULL && entry_expires(*at);
    if (ends) {
        keyspace_set_deadline(&c->visit, &c->keys[0], at, NO_TTL);
        call_dirty(c, 1);
        notify(c, NOTIFY_GENERIC, "persist", &c->keys[0]);
    }
    reply_int(c->reply, ends);
}

/* Replies -2 (no such key), -1 (it has no deadline), or the time; seconds are rounded to the nearest. */
static void reply_time(struct call *c, bool seconds, bool absolute) {
    struct entry **at = lookup_glance(c, 0);
    int64_t when_ms = at != NULL ? entry_when(*at) : NO_TTL;
    if (when_ms == NO_TTL) {
        reply_int(c->reply, at != NULL ? -1 : -2);
        return;
    }
    int64_t time = when_ms;
    if (!absolute) time = when_ms > visit_now(&c->visit) ? when_ms - visit_now(&c->visit) : 0;
    ASSERT(time >= 0);
    /* Not (time + 500) / 1000: that overflows for the last half second of time. */
    reply_int(c->reply, seconds ? time / 1000 + (time % 1000 >= 500) : time);
}

static void cmd_ttl(struct call *c) {
    reply_time(c, true, false);
}

static void cmd_pttl(struct call *c) {
    reply_time(c, false, false);
}

static void cmd_expiretime(struct call *c) {
    reply_time(c, true, true);
}

static void cmd_pexpiretime(struct call *c) {
    reply_time(c, false, true);
}

/* ---- the commands ---- */

struct command expire_commands[] = {
    {.name = "expire",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_expire,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Set a key's time to live in seconds",
     .complexity = "O(1)"},
    {.name = "pexpire",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_pexpire,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Set a key's time to live in milliseconds",
     .complexity = "O(1)"},
    {.name = "expireat",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_expireat,
     .group = "generic",
     .since = "1.2.0",
     .summary = "Set the expiration for a key as a UNIX timestamp",
     .complexity = "O(1)"},
    {.name = "pexpireat",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_pexpireat,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
     .complexity = "O(1)"},
    {.name = "ttl",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_ttl,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Get the time to live for a key in seconds",
     .complexity = "O(1)",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "pttl",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_pttl,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Get the time to live for a key in milliseconds",
     .complexity = "O(1)",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "expiretime",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_expiretime,
     .group = "generic",
     .since = "7.0.0",
     .summary = "Get the expiration Unix timestamp for a key",
     .complexity = "O(1)"},
    {.name = "pexpiretime",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_pexpiretime,
     .group = "generic",
     .since = "7.0.0",
     .summary = "Get the expiration Unix timestamp for a key in milliseconds",
     .complexity = "O(1)"},
    {.name = "persist",
     .arity = 2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_persist,
     .group = "generic",
     .since = "2.2.0",
     .summary = "Remove the expiration from a key",
     .complexity = "O(1)"},
    {0},
};
