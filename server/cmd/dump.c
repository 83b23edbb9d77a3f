/* dump.c: DUMP, RESTORE and RESTORE-ASKING: a value as bytes that other servers take, and the other way.
 *
 * On the client's thread, under the hold of the key's slice. The bytes are those of RDB files
 * (persist/rdb_dump.h); RESTORE looks at every one of them whatever sanitize-dump-payload says, so a payload
 * can be refused but do no harm. One that has bytes behind its value is refused too, where redis-server would
 * not notice.
 */
#include "server/cmd/dump.h"

#include "persist/rdb_dump.h"
#include "server/cmd/argument.h"
#include "server/cmd/list.h"
#include "server/cmd/lookup.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/log.h"
#include "shard/store/evict.h"
#include "shard/store/grave.h"
#include "shard/store/policy.h"

enum { FREQUENCY_MAX = 255, MS_PER_S = 1000 };

struct rdb_limits dump_limits_now(void) {
    const struct config *config = config_get();
    return (struct rdb_limits){
        .hash = {config->hash_max_listpack_entries, config->hash_max_listpack_value},
        .zset = {config->zset_max_listpack_entries, config->zset_max_listpack_value},
        .list = list_limits_now(),
        .intset_max = config->set_max_intset_entries,
    };
}

static void cmd_dump(struct call *c) {
    struct entry **at = call_read(c, 0);
    if (at == NULL) {
        reply_null(c->reply);
        return;
    }
    struct buf payload = {0};
    rdb_dump(&payload, *at, config_get()->rdbcompression);
    reply_bulk(c->reply, payload.data, payload.len);
    buf_free(&payload);
}

/* ---- RESTORE ---- */

struct restore {
    bool replace, absolute;
    int64_t ttl_ms;            /* 0: none; then the time the key ends */
    int64_t idle_s, frequency; /* -1: not said */
};

static bool parse_idle(struct call *c, unsigned i, struct restore *restore) {
    if (!call_int(c, i, &restore->idle_s, NULL)) return false;
    if (restore->idle_s >= 0) return true;
    reply_error(c->reply, "ERR Invalid IDLETIME value, must be >= 0");
    return false;
}

static bool parse_frequency(struct call *c, unsigned i, struct restore *restore) {
    if (!call_int(c, i, &restore->frequency, NULL)) return false;
    if (restore->frequency >= 0 && restore->frequency <= FREQUENCY_MAX) return true;
    reply_error(c->reply, "ERR Invalid FREQ value, must be >= 0 and <= 255");
    return false;
}

static bool parse_options(struct call *c, struct restore *restore) {
    *restore = (struct restore){.idle_s = -1, .frequency = -1};
    for (unsigned i = 4; i < c->argc; i++) {
        bool one_more = i + 1 < c->argc;
        if (call_is(c, i, "REPLACE")) {
            restore->replace = true;
        } else if (call_is(c, i, "ABSTTL")) {
            restore->absolute = true;
        } else if (call_is(c, i, "IDLETIME") && one_more && restore->frequency < 0) {
            if (!parse_idle(c, ++i, restore)) return false;
        } else if (call_is(c, i, "FREQ") && one_more && restore->idle_s < 0) {
            if (!parse_frequency(c, ++i, restore)) return false;
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    return true;
}

static bool parse_ttl(struct call *c, struct restore *restore) {
    if (!call_int(c, 2, &restore->ttl_ms, NULL)) return false;
    if (restore->ttl_ms < 0) {
        reply_error(c->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    if (restore->ttl_ms > 0 && !restore->absolute &&
        __builtin_add_overflow(restore->ttl_ms, visit_now(&c->visit), &restore->ttl_ms))
        restore->ttl_ms = 1; /* such a time is long past for redis-server too: there it has wrapped around */
    return true;
}

static bool read_payload(struct call *c, struct rdb_reader *r, struct value *value) {
    struct rdb_limits limits = dump_limits_now();
    switch (rdb_restore(r, c->argv[3].data, c->argv[3].len, &limits, value)) {
    case RDB_PAYLOAD_VALUE: return true;
    case RDB_PAYLOAD_FOREIGN: reply_error(c->reply, "ERR DUMP payload version or checksum are wrong"); break;
    case RDB_PAYLOAD_DAMAGED:
        log_verbose("RESTORE refused a payload: %s", rdb_error(r));
        reply_error(c->reply, "ERR Bad data format");
        break;
    }
    return false;
}

static void set_access(struct call *c, struct entry *e, const struct restore *restore) {
    int64_t now_ms = visit_now(&c->visit);
    bool lfu = policy_is_lfu(policy_get());
    if (lfu && restore->frequency >= 0)
        e->access = access_from_frequency((unsigned)restore->frequency, now_ms);
    else if (!lfu && restore->idle_s >= 0)
        e->access = access_from_idle_ms(
            restore->idle_s < INT64_MAX / MS_PER_S ? (uint64_t)restore->idle_s * MS_PER_S : INT64_MAX,
            now_ms);
}

/* The time that was given in relation to now, as a point in time. */
static void propagate_restore(struct call *c, int64_t when_ms) {
    propagate_command(c, "RESTORE", c->argc + 1);
    propagate_key(c, 0);
    propagate_number(c, when_ms);
    for (unsigned i = 3; i < c->argc; i++) propagate_argument(c, i);
    propagate_text(c, "ABSTTL");
}

/* Puts the value in place of whatever the key holds (`at`). */
static void store(struct call *c, struct entry **at, struct value value, const struct restore *restore) {
    const struct key *key = &c->keys[0];
    bool ends = restore->ttl_ms > 0;
    if (at != NULL) keyspace_delete(&c->visit, key, at);
    if (ends && deadline_is_past(c, key, restore->ttl_ms)) {
        if (value.form == VALUE_OBJECT) grave_free(c->visit.thread, value.object.type, value.object.pointer);
        if (at != NULL) {
            notify(c, NOTIFY_GENERIC, "del", key);
            call_dirty(c, 1);
            propagate_on_key(c, config_get()->lazyfree_lazy_server_del ? "UNLINK" : "DEL", 0);
        }
        reply_ok(c->reply);
        return;
    }
    struct entry **made = keyspace_set(&c->visit, key, NULL, value, ends ? restore->ttl_ms : NO_TTL);
    set_access(c, *made, restore);
    notify(c, NOTIFY_GENERIC, "restore", key);
    reply_ok(c->reply);
    call_dirty(c, 1);
    if (ends && !restore->absolute) propagate_restore(c, restore->ttl_ms);
}

static void cmd_restore(struct call *c) {
    struct restore restore;
    struct rdb_reader r;
    struct value value;
    if (!parse_options(c, &restore)) return;
    struct entry **at = call_write(c, 0);
    if (at != NULL && !restore.replace) {
        reply_error(c->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!parse_ttl(c, &restore)) return;
    if (read_payload(c, &r, &value)) store(c, at, value, &restore);
    rdb_reader_close(&r);
}

/* ---- the commands ---- */

#define RESTORE_COMPLEXITY                                                                                   \
    "O(1) to create the key and O(N*M) to rebuild the value, N being its elements and M their mean size; "   \
    "O(N*M*log(N)) for a sorted set."

struct command dump_commands[] = {
    {.name = "dump",
     .arity = 2,
     .flags = CMD_READONLY,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_dump,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Return a serialized version of the value stored at a key",
     .complexity = "O(1) to find the key and O(N*M) to serialize its value, N being its elements and M their "
                   "mean size.",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "restore",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW | ACL_DANGEROUS,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE)},
     .handler = cmd_restore,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Create a key from a value serialized by DUMP",
     .complexity = RESTORE_COMPLEXITY},
    {.name = "restore-asking",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_ASKING,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW | ACL_DANGEROUS,
     .keys = {KEYS_FIRST(KEY_OW | KEY_UPDATE)},
     .handler = cmd_restore,
     .group = "server",
     .since = "3.0.0",
     .summary = "An internal command for migrating keys in a cluster",
     .complexity = RESTORE_COMPLEXITY},
    {0},
};
