/* debug_digest.c: DEBUG DIGEST and DIGEST-VALUE: whether two servers, or two moments, hold the same.
 *
 * The digests are redis-server's, so that the two can be compared. They are built of SHA-1 in two ways:
 *   add     exclusive or with the hash of some bytes: what was added may come in any order
 *   follow  add, then the hash of the whole: the order matters
 * A digest says what a value is, not how it is stored. DIGEST runs with every slice held, so it is of one
 * instant; it takes as long as it takes to read everything.
 */
#include "server/cmd/debug_parts.h"
#include "shard/base/assert.h"
#include "shard/base/sha1.h"
#include "shard/base/text.h"
#include "shard/store/entry.h"
#include "shard/type/hash.h"
#include "shard/type/list.h"
#include "shard/type/set.h"
#include "shard/type/zset.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { SCORE_TEXT_MAX = 32 };

struct digest {
    unsigned char bytes[SHA1_BYTES];
};

static void digest_add(struct digest *d, const void *bytes, size_t len) {
    unsigned char hash[SHA1_BYTES];
    sha1(bytes, len, hash);
    for (int i = 0; i < SHA1_BYTES; i++) d->bytes[i] ^= hash[i];
}

static void digest_follow(struct digest *d, const void *bytes, size_t len) {
    digest_add(d, bytes, len);
    sha1(d->bytes, sizeof d->bytes, d->bytes);
}

static void digest_follow_number(struct digest *d, uint32_t n) {
    uint32_t big = htonl(n);
    digest_follow(d, &big, sizeof big);
}

/* Bytes, or an integer as its text. */
static void digest_follow_text(struct digest *d, const char *data, size_t len, int64_t integer) {
    char digits[TEXT_I64_MAX];
    if (data)
        digest_follow(d, data, len);
    else
        digest_follow(d, digits, text_from_i64(digits, integer));
}

/* ---- values ---- */

static void digest_string(struct digest *d, const struct entry *e) {
    char digits[TEXT_I64_MAX];
    size_t len;
    const char *bytes = entry_string(e, digits, &len);
    digest_follow(d, bytes, len);
}

static void digest_list(struct digest *d, const struct list *list) {
    struct list_cursor at;
    for (bool more = list_seek(list, 0, &at); more; more = list_next(&at)) {
        struct list_value v = list_get(&at);
        digest_follow_text(d, v.data, v.len, v.integer);
    }
}

static bool digest_member(void *arg, struct set_member *m) {
    size_t len;
    const char *text = set_member_text(m, &len);
    digest_add(arg, text, len);
    return true;
}

static bool digest_field(void *arg, const struct hash_value *field, const struct hash_value *value) {
    struct digest both = {{0}};
    digest_follow_text(&both, field->data, field->len, field->integer);
    digest_follow_text(&both, value->data, value->len, value->integer);
    digest_add(arg, both.bytes, sizeof both.bytes);
    return true;
}

static void digest_zset(struct digest *d, const struct zset *zset) {
    struct zset_cursor at = zset_cursor_at(zset, 0);
    struct zset_item item;
    for (; zset_cursor_get(&at, &item); zset_cursor_next(&at)) {
        char score[SCORE_TEXT_MAX];
        int len = snprintf(score, sizeof score, "%.17g", item.score);
        struct digest both = {{0}};
        digest_follow(&both, item.member, item.len);
        digest_follow(&both, score, (size_t)len);
        digest_add(d, both.bytes, sizeof both.bytes);
    }
}

static void digest_content(struct digest *d, const struct entry *e) {
    switch (entry_type(e)) {
    case TYPE_STRING: digest_string(d, e); return;
    case TYPE_LIST: digest_list(d, entry_object(e)); return;
    case TYPE_SET: set_each(entry_object(e), digest_member, d); return;
    case TYPE_ZSET: digest_zset(d, entry_object(e)); return;
    case TYPE_HASH: hash_each(entry_object(e), digest_field, d); return;
    default: ASSERT(false);
    }
}

/* The type (there is one before streams that is not here), the value, and whether it expires. */
static void digest_value(struct digest *d, const struct entry *e) {
    static const char expires[] = "!!expire!!";
    enum value_type type = entry_type(e);
    _Static_assert(TYPE_STRING == 0 && TYPE_HASH == 4, "the numbers are those of redis-server");
    digest_follow_number(d, type <= TYPE_HASH ? (uint32_t)type : (uint32_t)type + 1);
    digest_content(d, e);
    if (entry_expires(e)) digest_add(d, expires, sizeof expires - 1);
}

/* ---- keys ---- */

static void digest_entry(void *arg, struct entry **at) {
    struct digest whole = {{0}};
    size_t len;
    const char *key = entry_key(*at, &len);
    digest_follow(&whole, key, len);
    digest_value(&whole, *at);
    digest_add(arg, whole.bytes, sizeof whole.bytes);
}

static void reply_digest(struct reply *r, const struct digest *d) {
    char text[2 * SHA1_BYTES + 1];
    for (int i = 0; i < SHA1_BYTES; i++) snprintf(text + (size_t)i * 2, 3, "%02x", d->bytes[i]);
    reply_simple(r, text);
}

/* Adds the visit's database, if anything is in it. */
static void digest_database(struct digest *d, struct visit *v) {
    size_t keys = 0;
    for (unsigned i = 0; i < slices.count; i++) keys += keyspace_count(&slices.all[i], v->database);
    if (keys == 0) return;
    digest_follow_number(d, v->database);
    for (unsigned i = 0; i < slices.count; i++) {
        struct slice *s = &slices.all[i];
        ASSERT(hold_is_mine(&s->hold, v->thread));
        uint64_t cursor = 0;
        do cursor = keyspace_scan(v, s, cursor, digest_entry, d);
        while (cursor != 0);
    }
}

/* All zeros for an empty server. */
void debug_digest(struct call *c) {
    if (c->argc != 2) {
        debug_reply_syntax(c);
        return;
    }
    struct digest d = {{0}};
    unsigned was = c->visit.database;
    for (unsigned database = 0; database < slices.databases; database++) {
        c->visit.database = database;
        digest_database(&d, &c->visit);
    }
    c->visit.database = was;
    reply_digest(c->reply, &d);
}

void debug_digest_value(struct call *c) {
    reply_array(c->reply, c->key_count);
    for (unsigned i = 0; i < c->key_count; i++) {
        struct digest d = {{0}};
        struct entry **at = keyspace_find(&c->visit, &c->keys[i], KEYSPACE_PEEK);
        if (at) digest_value(&d, *at);
        reply_digest(c->reply, &d);
    }
}
