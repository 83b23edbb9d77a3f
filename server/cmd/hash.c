/* cmd/hash.c: fields by name: HSET, HGET, HDEL, HINCRBY and their relatives, HLEN, HSTRLEN, HEXISTS.
 *
 * On the client's thread, under the hold of the key's slice. An argument becomes a struct hash_field once,
 * which brings along the hash that was worked out ahead of the command (foresee.h) and remembers where the
 * field stands between looking and changing. A large argument was received into a blob of its own, which
 * becomes the field's value without a copy; a large value that is replaced or deleted is freed where no slice
 * is held.
 *
 * Replies and events follow each other as in Redis, where a client may be told of what it does itself.
 */
#include "server/cmd/hash.h"

#include "server/cmd/collection.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/text.h"
#include "shard/store/grave.h"

#include <math.h>

bool hash_read(struct call *c, const struct hash **hash) {
    const void *object;
    if (!collection_read(c, 0, TYPE_HASH, &object)) return false;
    *hash = object;
    return true;
}

void hash_reply_value(struct reply *r, const struct hash_value *v) {
    if (v->blob)
        reply_bulk_blob(r, v->blob, 0, v->len);
    else if (v->data)
        reply_bulk(r, v->data, v->len);
    else
        reply_bulk_int(r, v->integer);
}

static struct hash_field argument_field(const struct call *c, unsigned i) {
    struct hash_field f = hash_field(c->argv[i].data, c->argv[i].len);
    if (i == c->command->member) f.hash = c->member_hash;
    return f;
}

static struct hash_value argument_value(const struct call *c, unsigned i) {
    struct blob *blob = c->blobs ? c->blobs[i] : NULL;
    return (struct hash_value){.data = c->argv[i].data, .len = c->argv[i].len, .blob = blob};
}

/* ---- setting ---- */

/* Returns whether the field is new. */
static bool set_field(struct call *c, struct hash **hash, struct hash_field *f, const struct hash_value *v) {
    const struct config *config = config_get();
    struct hash_limits limits = {config->hash_max_listpack_entries, config->hash_max_listpack_value};
    struct hash_change change;
    *hash = hash_set(*hash, f, v, &limits, &change);
    if (UNLIKELY(change.left != NULL)) grave_unref(c->visit.thread, change.left);
    return change.done;
}

/* HSET and HMSET up to the reply. False: an error was replied. */
static bool set_pairs(struct call *c, uint64_t *added) {
    struct collection col;
    if (c->argc % 2 == 1) {
        reply_errorf(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
        return false;
    }
    if (!collection_open(c, 0, TYPE_HASH, &col)) return false;
    struct hash *hash = col.object;
    *added = 0;
    for (unsigned i = 2; i < c->argc; i += 2) {
        struct hash_field f = argument_field(c, i);
        struct hash_value v = argument_value(c, i + 1);
        *added += set_field(c, &hash, &f, &v);
    }
    collection_close(c, &col, hash, (c->argc - 2) / 2);
    return true;
}

static void cmd_hset(struct call *c) {
    uint64_t added;
    if (!set_pairs(c, &added)) return;
    reply_int(c->reply, (int64_t)added);
    notify(c, NOTIFY_HASH, "hset", &c->keys[0]);
}

static void cmd_hmset(struct call *c) {
    uint64_t added;
    if (!set_pairs(c, &added)) return;
    reply_ok(c->reply);
    notify(c, NOTIFY_HASH, "hset", &c->keys[0]);
}

static void cmd_hsetnx(struct call *c) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_HASH, &col)) return;
    struct hash *hash = col.object;
    struct hash_field f = argument_field(c, 2);
    struct hash_value v;
    if (hash && hash_get(hash, &f, &v)) {
        collection_close(c, &col, hash, 0);
        reply_int(c->reply, 0);
        return;
    }
    v = argument_value(c, 3);
    set_field(c, &hash, &f, &v);
    collection_close(c, &col, hash, 1);
    reply_int(c->reply, 1);
    notify(c, NOTIFY_HASH, "hset", &c->keys[0]);
}

/* ---- numbers ---- */

static bool add_int(struct call *c, const struct hash_value *old, int64_t by, int64_t *sum) {
    int64_t n = old->integer;
    if (old->data && !text_to_i64(old->data, old->len, &n)) {
        reply_error(c->reply, "ERR hash value is not an integer");
        return false;
    }
    if (!__builtin_add_overflow(n, by, sum)) return true;
    reply_error(c->reply, "ERR increment or decrement would overflow");
    return false;
}

static void cmd_hincrby(struct call *c) {
    struct collection col;
    int64_t by, sum = 0;
    if (!call_int(c, 3, &by, NULL) || !collection_open(c, 0, TYPE_HASH, &col)) return;
    struct hash *hash = col.object;
    struct hash_field f = argument_field(c, 2);
    struct hash_value v = hash_value_int(0);
    if (hash) hash_get(hash, &f, &v);
    if (!add_int(c, &v, by, &sum)) {
        collection_close(c, &col, hash, 0);
        return;
    }
    v = hash_value_int(sum);
    set_field(c, &hash, &f, &v);
    collection_close(c, &col, hash, 1);
    reply_int(c->reply, sum);
    notify(c, NOTIFY_HASH, "hincrby", &c->keys[0]);
}

/* The increment, argument 3. */
static bool parse_float(struct call *c, long double *by) {
    const char *error = NULL;
    if (!text_to_long_double(c->argv[3].data, c->argv[3].len, by))
        error = "ERR value is not a valid float";
    else if (isnan(*by) || isinf(*by))
        error = "ERR value is NaN or Infinity";
    if (error) reply_error(c->reply, error);
    return !error;
}

static bool add_float(struct call *c, const struct hash_value *old, long double by, long double *sum) {
    char digits[TEXT_I64_MAX];
    size_t len;
    const char *text = hash_value_text(old, digits, &len), *error = NULL;
    if (!text_to_long_double(text, len, sum)) {
        error = "ERR hash value is not a float";
    } else {
        *sum += by;
        if (isnan(*sum) || isinf(*sum)) error = "ERR increment would produce NaN or Infinity";
    }
    if (error) reply_error(c->reply, error);
    return !error;
}

static void cmd_hincrbyfloat(struct call *c) {
    struct collection col;
    long double by, sum;
    if (!parse_float(c, &by) || !collection_open(c, 0, TYPE_HASH, &col)) return;
    struct hash *hash = col.object;
    struct hash_field f = argument_field(c, 2);
    struct hash_value v = hash_value_int(0);
    if (hash) hash_get(hash, &f, &v);
    if (!add_float(c, &v, by, &sum)) {
        collection_close(c, &col, hash, 0);
        return;
    }
    char text[TEXT_LONG_DOUBLE_MAX];
    v = hash_value_bytes(text, text_from_long_double(text, sizeof text, sum));
    set_field(c, &hash, &f, &v);
    collection_close(c, &col, hash, 1);
    propagate_command(c, "HSET", 4);
    propagate_key(c, 0);
    propagate_argument(c, 2);
    propagate_bytes(c, v.data, v.len);
    reply_bulk(c->reply, v.data, v.len);
    notify(c, NOTIFY_HASH, "hincrbyfloat", &c->keys[0]);
}

/* ---- asking ---- */

static void reply_field(struct call *c, const struct hash *hash, unsigned i) {
    struct hash_field f = argument_field(c, i);
    struct hash_value v;
    if (hash && hash_get(hash, &f, &v))
        hash_reply_value(c->reply, &v);
    else
        reply_null(c->reply);
}

static void cmd_hget(struct call *c) {
    const struct hash *hash;
    if (hash_read(c, &hash)) reply_field(c, hash, 2);
}

static void cmd_hmget(struct call *c) {
    const struct hash *hash;
    if (!hash_read(c, &hash)) return;
    reply_array(c->reply, c->argc - 2);
    for (unsigned i = 2; i < c->argc; i++) reply_field(c, hash, i);
}

static void cmd_hexists(struct call *c) {
    const struct hash *hash;
    if (!hash_read(c, &hash)) return;
    struct hash_field f = argument_field(c, 2);
    struct hash_value v;
    reply_int(c->reply, hash && hash_get(hash, &f, &v));
}

static void cmd_hstrlen(struct call *c) {
    const struct hash *hash;
    if (!hash_read(c, &hash)) return;
    struct hash_field f = argument_field(c, 2);
    struct hash_value v;
    char digits[TEXT_I64_MAX];
    size_t len = 0;
    if (hash && hash_get(hash, &f, &v)) hash_value_text(&v, digits, &len);
    reply_int(c->reply, (int64_t)len);
}

static void cmd_hlen(struct call *c) {
    const struct hash *hash;
    if (hash_read(c, &hash)) reply_int(c->reply, hash ? (int64_t)hash_count(hash) : 0);
}

/* ---- deleting ---- */

static void cmd_hdel(struct call *c) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_HASH, &col)) return;
    struct hash *hash = col.object;
    uint64_t count = 0;
    for (unsigned i = 2; i < c->argc && hash && hash_count(hash) > 0; i++) {
        struct hash_field f = argument_field(c, i);
        struct hash_change change;
        hash = hash_remove(hash, &f, &change);
        if (change.left) grave_unref(c->visit.thread, change.left);
        count += change.done;
    }
    bool emptied = collection_close(c, &col, hash, count);
    if (count) notify(c, NOTIFY_HASH, "hdel", &c->keys[0]);
    if (emptied) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    reply_int(c->reply, (int64_t)count);
}

/* ---- the commands ---- */

struct command hash_commands[] = {
    {.name = "hset",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_hset,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Set the string value of a hash field",
     .complexity =
         "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command "
         "is called with multiple field/value pairs."},
    {.name = "hmset",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_hmset,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Set multiple hash fields to multiple values",
     .complexity = "O(N) where N is the number of fields being set."},
    {.name = "hsetnx",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_hsetnx,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Set the value of a hash field, only if the field does not exist",
     .complexity = "O(1)"},
    {.name = "hincrby",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_hincrby,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Increment the integer value of a hash field by the given number",
     .complexity = "O(1)"},
    {.name = "hincrbyfloat",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_hincrbyfloat,
     .member = 2,
     .group = "hash",
     .since = "2.6.0",
     .summary = "Increment the float value of a hash field by the given amount",
     .complexity = "O(1)"},
    {.name = "hget",
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hget,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Get the value of a hash field",
     .complexity = "O(1)"},
    {.name = "hmget",
     .arity = -3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hmget,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Get the values of all the given hash fields",
     .complexity = "O(N) where N is the number of fields being requested."},
    {.name = "hexists",
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_hexists,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Determine if a hash field exists",
     .complexity = "O(1)"},
    {.name = "hstrlen",
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_hstrlen,
     .member = 2,
     .group = "hash",
     .since = "3.2.0",
     .summary = "Get the length of the value of a hash field",
     .complexity = "O(1)"},
    {.name = "hlen",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_hlen,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Get the number of fields in a hash",
     .complexity = "O(1)"},
    {.name = "hdel",
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_HASH | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_hdel,
     .member = 2,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Delete one or more hash fields",
     .complexity = "O(N) where N is the number of fields to be removed."},
    {0},
};
