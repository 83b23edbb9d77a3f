/* string_edit.c: strings changed in place: APPEND and SETRANGE on bytes, INCR and its relatives on
 * numbers.
 *
 * On the client's thread, under the hold of the one key's slice. All of them keep the deadline. What can
 * be refused (type, number, overflow, the length limit proto-max-bulk-len) is refused before anything
 * changes; the memory for a longer string is the one thing still needed after that, and memory never
 * fails (mem.h).
 *
 * Encodings follow Redis, since OBJECT ENCODING shows them: APPEND and SETRANGE leave raw strings, but
 * for the APPEND that makes a key; INCR leaves an integer; INCRBYFLOAT leaves text even where that text
 * spells an integer.
 */
#include "server/cmd/lookup.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <math.h>
#include <string.h>

/* Whether a string may have `len` + `more` bytes; replies the error if not. */
static bool length_allowed(struct call *c, uint64_t len, uint64_t more) {
    uint64_t total;
    if (!__builtin_add_overflow(len, more, &total) && total <= config_get()->proto_max_bulk_len) return true;
    reply_error(c->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

static void cmd_append(struct call *c) {
    const struct arg *tail = &c->argv[2];
    struct entry **at = call_write(c, 0);
    size_t len = 0;
    if (at == NULL) {
        keyspace_set(&c->visit, &c->keys[0], NULL, call_value(c, 2), NO_TTL);
    } else {
        if (!lookup_is_string(c, at)) return;
        len = entry_string_len(*at);
        if (!length_allowed(c, len, tail->len)) return;
        char *data;
        keyspace_writable(&c->visit, &c->keys[0], at, len + tail->len, &data);
        memcpy(data + len, tail->data, tail->len);
    }
    call_dirty(c, 1);
    notify(c, NOTIFY_STRING, "append", &c->keys[0]);
    reply_int(c->reply, (int64_t)(len + tail->len));
}

static void cmd_setrange(struct call *c) {
    const struct arg *part = &c->argv[3];
    int64_t offset;
    if (!call_int(c, 2, &offset, NULL)) return;
    if (offset < 0) {
        reply_error(c->reply, "ERR offset is out of range");
        return;
    }
    struct entry **at = call_write(c, 0);
    if (!lookup_is_string(c, at)) return;
    size_t len = at != NULL ? entry_string_len(*at) : 0;
    if (part->len == 0) {
        reply_int(c->reply, (int64_t)len);
        return;
    }
    if (!length_allowed(c, (uint64_t)offset, part->len)) return;
    size_t end = (size_t)offset + part->len;
    if (end > len) len = end;
    if (at == NULL) {
        struct value nothing = value_bytes("", 0);
        at = keyspace_set(&c->visit, &c->keys[0], NULL, nothing, NO_TTL);
    }
    char *data;
    keyspace_writable(&c->visit, &c->keys[0], at, len, &data);
    memcpy(data + offset, part->data, part->len);
    call_dirty(c, 1);
    notify(c, NOTIFY_STRING, "setrange", &c->keys[0]);
    reply_int(c->reply, (int64_t)len);
}

/* The string at `at` as an integer; replies the error where it is none. */
static bool read_integer(struct call *c, struct entry **at, int64_t *n) {
    *n = 0;
    if (at == NULL) return true;
    if (!lookup_is_string(c, at)) return false;
    if (entry_encoding(*at) == ENC_INT) {
        *n = entry_int(*at);
        return true;
    }
    char digits[TEXT_I64_MAX];
    size_t len;
    const char *bytes = entry_string(*at, digits, &len);
    if (text_to_i64(bytes, len, n)) return true;
    reply_not_an_integer(c->reply);
    return false;
}

static void increment(struct call *c, int64_t by) {
    struct entry **at = call_write(c, 0);
    int64_t n;
    if (!read_integer(c, at, &n)) return;
    if (__builtin_add_overflow(n, by, &n)) {
        reply_error(c->reply, "ERR increment or decrement would overflow");
        return;
    }
    if (at != NULL)
        keyspace_set_int(&c->visit, &c->keys[0], at, n);
    else
        keyspace_set(&c->visit, &c->keys[0], NULL, value_int(n), NO_TTL);
    call_dirty(c, 1);
    notify(c, NOTIFY_STRING, "incrby", &c->keys[0]); /* whichever way it went */
    reply_int(c->reply, n);
}

static void cmd_incr(struct call *c) {
    increment(c, 1);
}

static void cmd_decr(struct call *c) {
    increment(c, -1);
}

static void cmd_incrby(struct call *c) {
    int64_t by;
    if (call_int(c, 2, &by, NULL)) increment(c, by);
}

static void cmd_decrby(struct call *c) {
    int64_t by;
    if (!call_int(c, 2, &by, NULL)) return;
    if (by == INT64_MIN) {
        reply_error(c->reply, "ERR decrement would overflow");
        return;
    }
    increment(c, -by);
}

/* The sum of the key's number and the argument; replies the error where either is none or the sum has no
 * place. */
static bool add_floats(struct call *c, struct entry **at, long double *sum) {
    long double by;
    *sum = 0;
    bool valid = true;
    if (at != NULL) {
        char digits[TEXT_I64_MAX];
        size_t len;
        const char *bytes = entry_string(*at, digits, &len);
        valid = text_to_long_double(bytes, len, sum);
    }
    if (!valid || !text_to_long_double(c->argv[2].data, c->argv[2].len, &by)) {
        reply_error(c->reply, "ERR value is not a valid float");
        return false;
    }
    *sum += by;
    if (!isnan(*sum) && !isinf(*sum)) return true;
    reply_error(c->reply, "ERR increment would produce NaN or Infinity");
    return false;
}

static void cmd_incrbyfloat(struct call *c) {
    struct entry **at = call_write(c, 0);
    long double sum;
    if (!lookup_is_string(c, at) || !add_floats(c, at, &sum)) return;
    char text[TEXT_LONG_DOUBLE_MAX];
    size_t len = text_from_long_double(text, sizeof text, sum);
    struct value value = value_bytes(text, len);
    value.text = true;
    keyspace_set(&c->visit, &c->keys[0], at, value, at != NULL ? KEEP_TTL : NO_TTL);
    call_dirty(c, 1);
    propagate_command(c, "SET", 4);
    propagate_key(c, 0);
    propagate_bytes(c, text, len);
    propagate_text(c, "KEEPTTL");
    notify(c, NOTIFY_STRING, "incrbyfloat", &c->keys[0]);
    reply_bulk(c->reply, text, len);
}

/* ---- the commands ---- */

struct command string_edit_commands[] = {
    {.name = "append",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_append,
     .group = "string",
     .since = "2.0.0",
     .summary = "Append a value to a key",
     .complexity = "O(1). The amortized time complexity is O(1) assuming the appended value is small and "
                   "the already present value is of any size, since the dynamic string library used by "
                   "Redis will double the free space available on every reallocation."},
    {.name = "setrange",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_setrange,
     .group = "string",
     .since = "2.2.0",
     .summary = "Overwrite part of a string at key starting at the specified offset",
     .complexity = "O(1), not counting the time taken to copy the new string in place. Usually, this "
                   "string is very small so the amortized complexity is O(1). Otherwise, complexity is "
                   "O(M) with M being the length of the value argument."},
    {.name = "incr",
     .arity = 2,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_incr,
     .group = "string",
     .since = "1.0.0",
     .summary = "Increment the integer value of a key by one",
     .complexity = "O(1)"},
    {.name = "decr",
     .arity = 2,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_decr,
     .group = "string",
     .since = "1.0.0",
     .summary = "Decrement the integer value of a key by one",
     .complexity = "O(1)"},
    {.name = "incrby",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_incrby,
     .group = "string",
     .since = "1.0.0",
     .summary = "Increment the integer value of a key by the given amount",
     .complexity = "O(1)"},
    {.name = "decrby",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_decrby,
     .group = "string",
     .since = "1.0.0",
     .summary = "Decrement the integer value of a key by the given number",
     .complexity = "O(1)"},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_STRING | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_incrbyfloat,
     .group = "string",
     .since = "2.6.0",
     .summary = "Increment the float value of a key by the given amount",
     .complexity = "O(1)"},
    {0},
};
