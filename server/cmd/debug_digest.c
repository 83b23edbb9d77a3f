/* debug_digest.c: DEBUG DIGEST and DIGEST-VALUE: whether two servers, or two moments, hold the same.
 *
 * DIGEST runs with every slice held, so it is of one instant; it takes as long as it takes to read
 * everything. A digest says what a value is, not how it is stored: the members of a set, the fields of a hash
 * and the keys of a database are added up in whatever order they stand, the elements of a list one upon the
 * other. An empty server's is all zeros, as in Redis; others are not Redis's.
 */
#include "server/cmd/debug_parts.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"
#include "shard/store/entry.h"
#include "shard/type/hash.h"
#include "shard/type/list.h"
#include "shard/type/set.h"
#include "shard/type/zset.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DIGEST_BYTES = 20 };

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

/* Of two 128-bit hashes, the first and a part of the second. Equal in every process: the seeds are fixed. */
static struct digest digest_of(const void *bytes, size_t len) {
    XXH128_canonical_t high, low;
    struct digest d;
    XXH128_canonicalFromHash(&high, XXH3_128bits_withSeed(bytes, len, 1));
    XXH128_canonicalFromHash(&low, XXH3_128bits_withSeed(bytes, len, 2));
    memcpy(d.bytes, high.digest, sizeof high.digest);
    memcpy(d.bytes + sizeof high.digest, low.digest, DIGEST_BYTES - sizeof high.digest);
    return d;
}

static void digest_mix(struct digest *d, const struct digest *other) {
    for (int i = 0; i < DIGEST_BYTES; i++) d->bytes[i] ^= other->bytes[i];
}

/* ---- values ---- */

/* Bytes, or an integer as its text. */
static struct digest digest_of_text(const char *data, size_t len, int64_t integer) {
    char digits[TEXT_I64_MAX];
    if (data) return digest_of(data, len);
    return digest_of(digits, text_from_i64(digits, integer));
}

static struct digest digest_of_pair(const struct digest *a, const struct digest *b) {
    struct digest both[] = {*a, *b};
    return digest_of(both, sizeof both);
}

static struct digest digest_of_string(const struct entry *e) {
    char digits[TEXT_I64_MAX];
    size_t len;
    const char *bytes = entry_string(e, digits, &len);
    return digest_of(bytes, len);
}

static struct digest digest_of_list(const struct list *list) {
    struct digest sum = {{0}};
    struct list_cursor at;
    for (bool more = list_seek(list, 0, &at); more; more = list_next(&at)) {
        struct list_value v = list_get(&at);
        struct digest element = digest_of_text(v.data, v.len, v.integer);
        sum = digest_of_pair(&sum, &element);
    }
    return sum;
}

static bool add_member(void *arg, struct set_member *m) {
    size_t len;
    const char *text = set_member_text(m, &len);
    struct digest member = digest_of(text, len);
    digest_mix(arg, &member);
    return true;
}

static bool add_field(void *arg, const struct hash_value *field, const struct hash_value *value) {
    struct digest name = digest_of_text(field->data, field->len, field->integer);
    struct digest content = digest_of_text(value->data, value->len, value->integer);
    struct digest both = digest_of_pair(&name, &content);
    digest_mix(arg, &both);
    return true;
}

static struct digest digest_of_zset(const struct zset *zset) {
    struct digest sum = {{0}};
    struct zset_cursor at = zset_cursor_at(zset, 0);
    struct zset_item item;
    for (; zset_cursor_get(&at, &item); zset_cursor_next(&at)) {
        double zero_is_zero = item.score + 0.0; /* -0 becomes 0 */
        struct digest member = digest_of(item.member, item.len);
        struct digest score = digest_of(&zero_is_zero, sizeof zero_is_zero);
        struct digest both = digest_of_pair(&member, &score);
        digest_mix(&sum, &both);
    }
    return sum;
}

static struct digest digest_of_content(const struct entry *e) {
    struct digest sum = {{0}};
    switch (entry_type(e)) {
    case TYPE_STRING: return digest_of_string(e);
    case TYPE_LIST: return digest_of_list(entry_object(e));
    case TYPE_ZSET: return digest_of_zset(entry_object(e));
    case TYPE_SET: set_each(entry_object(e), add_member, &sum); return sum;
    case TYPE_HASH: hash_each(entry_object(e), add_field, &sum); return sum;
    default: ASSERT(false);
    }
}

/* The type, whether it expires, and the value. */
static struct digest digest_of_value(const struct entry *e) {
    struct {
        struct digest value;
        unsigned char type, expires;
    } whole = {digest_of_content(e), (unsigned char)entry_type(e), entry_expires(e)};
    return digest_of(&whole, sizeof whole);
}

/* ---- keys ---- */

struct digest_walk {
    struct digest sum;
    unsigned database;
};

static void digest_entry(void *arg, struct entry **at) {
    struct digest_walk *walk = arg;
    size_t len;
    const char *key = entry_key(*at, &len);
    struct {
        struct digest key, value;
        uint32_t database;
    } whole = {digest_of(key, len), digest_of_value(*at), walk->database};
    struct digest d = digest_of(&whole, sizeof whole);
    digest_mix(&walk->sum, &d);
}

static void reply_digest(struct reply *r, const struct digest *d) {
    char text[2 * DIGEST_BYTES + 1];
    for (int i = 0; i < DIGEST_BYTES; i++) snprintf(text + (size_t)i * 2, 3, "%02x", d->bytes[i]);
    reply_simple(r, text);
}

/* The sum over all entries, in whatever order they stand; all zeros for an empty server, as in Redis. */
void debug_digest(struct call *c) {
    if (c->argc != 2) {
        debug_reply_syntax(c);
        return;
    }
    struct digest_walk walk = {0};
    unsigned was = c->visit.database;
    for (; walk.database < slices.databases; walk.database++) {
        c->visit.database = walk.database;
        for (unsigned i = 0; i < slices.count; i++) {
            struct slice *s = &slices.all[i];
            ASSERT(hold_is_mine(&s->hold, c->visit.thread));
            uint64_t cursor = 0;
            do cursor = keyspace_scan(&c->visit, s, cursor, digest_entry, &walk);
            while (cursor != 0);
        }
    }
    c->visit.database = was;
    reply_digest(c->reply, &walk.sum);
}

void debug_digest_value(struct call *c) {
    reply_array(c->reply, c->key_count);
    for (unsigned i = 0; i < c->key_count; i++) {
        struct digest d = {{0}};
        struct entry **at = keyspace_find(&c->visit, &c->keys[i], KEYSPACE_PEEK);
        if (at) d = digest_of_value(*at);
        reply_digest(c->reply, &d);
    }
}
