/* debug_object.c: DEBUG OBJECT, HOLD, HTSTATS-KEY, LISTPACK, QUICKLIST, SDSLEN: what looks at one key,
 * under the hold of its slice. */
#include "server/cmd/debug_parts.h"
#include "server/cmd/lookup.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/rt/pause.h"
#include "shard/store/evict.h"
#include "shard/store/value_methods.h"

#include <liblzf/lzf.h>
#include <stdio.h>
#include <string.h>

enum {
    HOLD_SECONDS_MAX = 60,
    LRU_CLOCK_MASK = 0xffffff,
    /* How a string is written to an RDB file. */
    RDB_INTEGER_TEXT_MAX = 11, /* longer texts are not tried as integers */
    RDB_COMPRESSED_FROM = 21,  /* bytes */
    RDB_COMPRESSION_LOOK_MAX =
        1 << 20, /* larger strings are reported as if not compressible: it would take too long here */
    RDB_COMPRESSION_GAIN = 4, /* bytes that must be saved */
};

static struct entry *find(struct call *c) {
    struct entry **at = keyspace_find(&c->visit, &c->keys[0], KEYSPACE_PEEK);
    if (at) return *at;
    reply_no_such_key(c->reply);
    return NULL;
}

/* ---- OBJECT ---- */

static size_t rdb_length_bytes(size_t n) {
    return n < 1 << 6 ? 1 : n < 1 << 14 ? 2 : n <= UINT32_MAX ? 5 : 9;
}

/* An integer in 1, 2 or 4 bytes behind its type; 0 when it needs more. */
static size_t rdb_integer_bytes(int64_t n) {
    return n >= INT8_MIN && n <= INT8_MAX     ? 2
           : n >= INT16_MIN && n <= INT16_MAX ? 3
           : n >= INT32_MIN && n <= INT32_MAX ? 5
                                              : 0;
}

static size_t rdb_compressed_bytes(const char *bytes, size_t len) {
    if (len < RDB_COMPRESSED_FROM || len > RDB_COMPRESSION_LOOK_MAX) return 0;
    size_t room = len - RDB_COMPRESSION_GAIN;
    void *out = mem_alloc(room);
    size_t packed = lzf_compress(bytes, (unsigned)len, out, (unsigned)room);
    mem_free(out);
    return packed ? 1 + rdb_length_bytes(packed) + rdb_length_bytes(len) + packed : 0;
}

/* The length of a string in an RDB file; of anything else what it takes in memory, not far from that. */
static size_t serialized_bytes(const struct entry *e) {
    if (entry_type(e) != TYPE_STRING) return value_methods_get(entry_type(e))->bytes(entry_object(e));
    char digits[TEXT_I64_MAX];
    size_t len, n = 0;
    int64_t number;
    const char *bytes = entry_string(e, digits, &len);
    if (len <= RDB_INTEGER_TEXT_MAX && text_to_i64(bytes, len, &number)) n = rdb_integer_bytes(number);
    if (!n) n = rdb_compressed_bytes(bytes, len);
    return n ? n : rdb_length_bytes(len) + len;
}

void debug_object(struct call *c) {
    if (c->argc != 3 || c->key_count != 1) {
        debug_reply_syntax(c);
        return;
    }
    const struct entry *e = find(c);
    if (!e) return;
    int64_t now_ms = visit_now(&c->visit);
    /* Under an LFU policy the field counts uses, and Redis shows what it would mean as a time. */
    uint64_t idle_s = policy_is_lfu(policy_get()) ? 0 : access_idle_ms(e->access, now_ms) / 1000;
    uint64_t clock = ((uint64_t)now_ms / 1000 - idle_s) & LRU_CLOCK_MASK;
    char text[256];
    snprintf(text, sizeof text,
             "Value at:%p refcount:%d encoding:%s serializedlength:%zu lru:%llu lru_seconds_idle:%llu",
             (const void *)e, lookup_refcount(e), lookup_encoding(e), serialized_bytes(e),
             (unsigned long long)clock, (unsigned long long)idle_s);
    reply_simple(c->reply, text);
}

/* ---- HOLD ---- */

/* DEBUG HOLD key seconds: a slow command at will. Its slice stays held and its thread busy, not asleep, as
 * long as it takes. */
void debug_hold(struct call *c) {
    double seconds;
    if (c->argc != 4 || c->key_count != 1) {
        debug_reply_syntax(c);
        return;
    }
    if (!call_double(c, 3, &seconds, NULL)) return;
    if (!(seconds >= 0 && seconds <= HOLD_SECONDS_MAX)) {
        reply_errorf(c->reply, "ERR seconds must be between 0 and %d", HOLD_SECONDS_MAX);
        return;
    }
    ASSERT(hold_is_mine(&c->keys[0].slice->hold, c->visit.thread));
    uint64_t end = clock_mono_ns() + (uint64_t)(seconds * 1e9);
    while (clock_mono_ns() < end) cpu_pause();
    reply_ok(c->reply);
}

/* ---- HTSTATS-KEY ---- */

void debug_htstats_key(struct call *c) {
    if (c->argc != 3 || c->key_count != 1) {
        debug_reply_syntax(c);
        return;
    }
    if (!find(c)) return;
    reply_error(c->reply, "ERR The value stored at the specified key is not represented using an hash table");
}

/* ---- LISTPACK, QUICKLIST, SDSLEN ---- */

/* Where Redis prints every element to its standard output, this says in the log what there is. Returns
 * without a reply unless the value has this encoding. */
static bool log_structure(struct call *c, const char *encoding) {
    const struct entry *e = find(c);
    if (!e) return false;
    if (entry_type(e) == TYPE_STRING || strcmp(lookup_encoding(e), encoding) != 0) {
        reply_errorf(c->reply, "ERR Not a %s encoded object.", encoding);
        return false;
    }
    const struct value_methods *methods = value_methods_get(entry_type(e));
    log_notice("DEBUG: %s of %zu elements in %zu bytes", encoding, methods->count(entry_object(e)),
               methods->bytes(entry_object(e)));
    return true;
}

void debug_listpack(struct call *c) {
    if (c->argc != 3 || c->key_count != 1)
        debug_reply_syntax(c);
    else if (log_structure(c, "listpack"))
        reply_simple(c->reply, "Listpack structure printed on stdout");
}

/* How much detail is asked for makes no difference, nor whether it is a number. */
void debug_quicklist(struct call *c) {
    if (c->argc < 3 || c->argc > 4 || c->key_count != 1)
        debug_reply_syntax(c);
    else if (log_structure(c, "quicklist"))
        reply_simple(c->reply, "Quicklist structure printed on stdout");
}

/* Strings have no room to spare here but in large blobs, so what is free is said to be nothing; key and
 * value lie in one block, or the value in its own. */
void debug_sdslen(struct call *c) {
    if (c->argc != 3 || c->key_count != 1) {
        debug_reply_syntax(c);
        return;
    }
    const struct entry *e = find(c);
    if (!e) return;
    if (entry_type(e) != TYPE_STRING || entry_encoding(e) == ENC_INT) {
        reply_error(c->reply, "ERR Not an sds encoded string.");
        return;
    }
    char digits[TEXT_I64_MAX], text[256];
    size_t key_len, len, payload = entry_payload_bytes(e), all = entry_footprint(e);
    entry_key(e, &key_len);
    entry_string(e, digits, &len);
    snprintf(text, sizeof text,
             "key_sds_len:%zu, key_sds_avail:0, key_zmalloc: %zu, val_sds_len:%zu, val_sds_avail:0, "
             "val_zmalloc: %zu",
             key_len, all - payload, len, payload);
    reply_simple(c->reply, text);
}
