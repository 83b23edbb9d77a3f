/* rdb_save.c: records and strings in steps: see rdb_save.h. What collections are made of is
 * rdb_save_collection.c's.
 *
 * A step goes on with the string under way; when there is none, with the items collected; when there are
 * none, collects some more. An item that is too long for one go becomes the string under way.
 */
#include "persist/rdb_save.h"

#include "persist/rdb_compress.h"
#include "persist/rdb_save_parts.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/store/evict.h"

#include <string.h>

enum {
    ITEM_COST = 16,    /* of an item beside its bytes, in bytes of budget */
    LITERALS_MAX = 32, /* bytes that LZF copies behind one byte that counts them */
    MS_PER_S = 1000,
};

/* ---- the head of a record ---- */

static bool policy_is_lru(const struct policy *p) {
    return p->eviction == EVICT_ALL_LRU || p->eviction == EVICT_VOLATILE_LRU;
}

void rdb_save_head(struct rdb_writer *w, const struct entry *e, const struct rdb_save_how *how) {
    const struct policy *policy = how->policy;
    int64_t when_ms = entry_when(e);
    if (when_ms >= 0) {
        rdb_write_byte(w, RDB_EXPIRETIME_MS);
        rdb_write_raw(w, &when_ms, sizeof when_ms);
    }
    if (policy && policy_is_lfu(policy)) {
        rdb_write_byte(w, RDB_FREQ);
        rdb_write_byte(w, access_frequency(policy, e->access, how->now_ms));
    } else if (policy && policy_is_lru(policy)) {
        rdb_write_byte(w, RDB_IDLE);
        rdb_write_length(w, access_idle_ms(e->access, how->now_ms) / MS_PER_S);
    }
    size_t len;
    const char *key = entry_key(e, &len);
    rdb_write_byte(w, rdb_save_type(e));
    rdb_write_string(w, key, len);
}

/* ---- long strings ---- */

void rdb_save_text(struct rdb_save *s, const char *data, size_t len) {
    ASSERT(!s->text.data);
    if (len <= RDB_PIECE_BYTES) {
        rdb_write_string(s->out, data, len);
        return;
    }
    s->text = (struct rdb_save_text){.data = data, .len = len, .phase = TEXT_COMPRESSING};
    if (s->out->compress && len <= RDB_COMPRESS_MAX) return;
    s->text.phase = TEXT_WRITING;
    rdb_write_length(s->out, len);
}

/* What LZF has for bytes that it cannot shorten. */
static size_t literals(const char *data, size_t len, unsigned char *to) {
    size_t n = 0;
    for (size_t part; len > 0; data += part, len -= part) {
        part = len < LITERALS_MAX ? len : LITERALS_MAX;
        to[n++] = (unsigned char)(part - 1);
        memcpy(to + n, data, part);
        n += part;
    }
    return n;
}

static void text_end(struct rdb_save_text *t) {
    mem_free(t->packed);
    *t = (struct rdb_save_text){0};
}

/* The next piece, and with the last one the decision. */
static void text_compress(struct rdb_save *s) {
    struct rdb_save_text *t = &s->text;
    size_t left = t->len - t->done, part = left < RDB_PIECE_BYTES ? left : RDB_PIECE_BYTES;
    size_t room = part + part / LITERALS_MAX + 1;
    if (t->packed_cap - t->packed_len < room) {
        t->packed_cap = t->packed_cap + t->packed_cap / 2 + room;
        t->packed = mem_realloc(t->packed, t->packed_cap);
    }
    unsigned char *to = t->packed + t->packed_len;
    size_t n = rdb_compress(t->data + t->done, part, to, part - 1);
    t->packed_len += n > 0 ? n : literals(t->data + t->done, part, to);
    t->done += part;
    if (t->done < t->len) return;
    t->done = 0;
    t->phase = TEXT_WRITING;
    if (t->packed_len < t->len) {
        rdb_write_lzf_head(s->out, t->packed_len, t->len);
        t->data = (const char *)t->packed;
        t->len = t->packed_len;
    } else {
        rdb_write_length(s->out, t->len);
    }
}

/* Goes on with the string under way; returns what that cost. */
static size_t text_step(struct rdb_save *s, size_t budget) {
    struct rdb_save_text *t = &s->text;
    if (t->phase == TEXT_COMPRESSING) {
        text_compress(s);
        return RDB_PIECE_BYTES;
    }
    size_t left = t->len - t->done, part = left < budget ? left : budget;
    rdb_write_raw(s->out, t->data + t->done, part);
    t->done += part;
    if (t->done == t->len) text_end(t);
    return part;
}

/* ---- values ---- */

enum rdb_type rdb_save_type(const struct entry *e) {
    return entry_type(e) == TYPE_STRING ? RDB_STRING : rdb_collection_type(entry_type(e), entry_object(e));
}

void rdb_save_begin(struct rdb_save *s, struct rdb_writer *w, const struct entry *e) {
    *s = (struct rdb_save){.out = w, .type = entry_type(e)};
    size_t len;
    switch (entry_encoding(e)) {
    case ENC_INT: rdb_write_integer(w, entry_int(e)); break;
    case ENC_INLINE: {
        const char *data = entry_inline(e, &len);
        rdb_write_string(w, data, len);
        break;
    }
    case ENC_BLOB:
        s->blob = blob_ref(entry_blob(e));
        rdb_save_text(s, s->blob->data, s->blob->len);
        break;
    case ENC_OBJECT:
        s->object = entry_object(e);
        rdb_collection_begin(s);
        return;
    }
    s->walked = true;
}

/* The next of the items collected; returns what that cost. */
static size_t item_step(struct rdb_save *s) {
    const struct walk_item *item = &s->walk.items[s->next++];
    switch (item->kind) {
    case ITEM_INTEGER: rdb_write_integer(s->out, item->integer); break;
    case ITEM_SCORE: rdb_write_double(s->out, item->score); break;
    case ITEM_TEXT:
        rdb_save_text(s, item->text, item->len);
        if (!s->text.data) return ITEM_COST + item->len;
        break;
    }
    return ITEM_COST;
}

bool rdb_save_step(struct rdb_save *s, size_t budget) {
    ASSERT(s->out && budget > 0);
    for (size_t spent = 0; spent < budget;) {
        if (s->text.data) {
            spent += text_step(s, budget - spent);
        } else if (s->next < s->walk.count) {
            spent += item_step(s);
        } else if (s->walked) {
            return false;
        } else {
            s->next = s->walk.count = 0;
            rdb_collection_collect(s);
            spent += ITEM_COST;
        }
    }
    return s->text.data || s->next < s->walk.count || !s->walked;
}

void rdb_save_end(struct rdb_save *s) {
    text_end(&s->text);
    value_walk_end(&s->walk);
    if (s->blob) blob_unref(s->blob);
    *s = (struct rdb_save){0};
}

void rdb_save_value(struct rdb_writer *w, const struct entry *e) {
    struct rdb_save s;
    rdb_write_byte(w, rdb_save_type(e));
    rdb_save_begin(&s, w, e);
    while (rdb_save_step(&s, SIZE_MAX)) {
    }
    rdb_save_end(&s);
}
