/* rdb_save_collection.c: lists, sets, hashes and sorted sets on their way out: see rdb_save.h.
 *
 * Only what lies in memory as Redis writes it goes out as a whole: listpacks and intsets. Everything else is
 * collected a few elements at a time, as pointers into the value, and written by rdb_save.c.
 */
#include "persist/rdb_save_parts.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/type/chain.h"
#include "shard/type/hash.h"
#include "shard/type/intset.h"
#include "shard/type/object.h"
#include "shard/type/packed.h"
#include "shard/type/set.h"

#include <string.h>

enum {
    ITEMS_FIRST = 64,
    ZSET_ITEMS = 64,         /* members collected at a time */
    LISTPACK_HEAD_BYTES = 6, /* of a listpack: its length and its count */
    LISTPACK_COUNT_UNKNOWN = 65535,
    LISTPACK_END = 0xff,
};

enum rdb_type rdb_collection_type(enum value_type type, const void *object) {
    enum object_encoding encoding = object_encoding(object);
    switch (type) {
    case TYPE_LIST: return RDB_LIST_QUICKLIST_2;
    case TYPE_SET: return encoding == OBJECT_INTSET ? RDB_SET_INTSET : RDB_SET;
    case TYPE_ZSET: return encoding == OBJECT_PACKED ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
    case TYPE_HASH: return encoding == OBJECT_PACKED ? RDB_HASH_LISTPACK : RDB_HASH;
    case TYPE_STRING:
    case TYPE_STREAM:
    case TYPE_COUNT: break;
    }
    ASSERT(false);
    return RDB_STRING;
}

/* ---- collecting ---- */

static struct rdb_save_item *item_new(struct rdb_save *s) {
    if (s->item_count == s->item_cap) {
        s->item_cap = s->item_cap > 0 ? s->item_cap * 2 : ITEMS_FIRST;
        s->items = mem_realloc(s->items, s->item_cap * sizeof *s->items);
    }
    return &s->items[s->item_count++];
}

static void collect_text(struct rdb_save *s, const char *text, size_t len) {
    *item_new(s) = (struct rdb_save_item){.kind = ITEM_TEXT, .text = text, .len = len};
}

static void collect_integer(struct rdb_save *s, int64_t n) {
    *item_new(s) = (struct rdb_save_item){.kind = ITEM_INTEGER, .integer = n};
}

static void collect_value(struct rdb_save *s, const struct hash_value *v) {
    if (v->data)
        collect_text(s, v->data, v->len);
    else
        collect_integer(s, v->integer);
}

static bool collect_field(void *arg, const struct hash_value *field, const struct hash_value *value) {
    collect_value(arg, field);
    collect_value(arg, value);
    return true;
}

static bool collect_member(void *arg, struct set_member *m) {
    if (m->text)
        collect_text(arg, m->text, m->len);
    else
        collect_integer(arg, m->integer);
    return true;
}

static void collect_scored(struct rdb_save *s) {
    struct zset_item item;
    for (int i = 0; i < ZSET_ITEMS; i++) {
        if (!zset_cursor_get(&s->cursor, &item)) {
            s->walked = true;
            return;
        }
        collect_text(s, item.member, item.len); /* which lies in an entry: the set is a large one */
        *item_new(s) = (struct rdb_save_item){.kind = ITEM_SCORE, .score = item.score};
        zset_cursor_prev(&s->cursor);
    }
}

/* ---- lists ---- */

/* Elements of a node get a head and an end, and are a listpack. They are at most 64 KiB. */
static void write_node(struct rdb_save *s, const struct chain_node *n) {
    uint32_t bytes = n->end - n->begin, total = LISTPACK_HEAD_BYTES + bytes + 1;
    unsigned count = n->count < LISTPACK_COUNT_UNKNOWN ? n->count : LISTPACK_COUNT_UNKNOWN;
    unsigned char *listpack = mem_alloc(total);
    for (int i = 0; i < 4; i++) listpack[i] = (unsigned char)(total >> 8 * i);
    listpack[4] = (unsigned char)count;
    listpack[5] = (unsigned char)(count >> 8);
    memcpy(listpack + LISTPACK_HEAD_BYTES, chain_node_first(n), bytes);
    listpack[total - 1] = LISTPACK_END;
    rdb_write_length(s->out, RDB_NODE_PACKED);
    rdb_write_string(s->out, (const char *)listpack, total);
    mem_free(listpack);
}

static void write_next_node(struct rdb_save *s) {
    const struct chain *c = s->object;
    const struct chain_node *n = chain_node(c, (uint32_t)s->place++);
    s->walked = s->place == c->nodes;
    if (!chain_node_is_blob(n)) {
        write_node(s, n);
        return;
    }
    const struct blob *blob = n->block;
    rdb_write_length(s->out, RDB_NODE_PLAIN);
    rdb_save_text(s, blob->data, blob->len);
}

/* ---- from the beginning ---- */

static void begin_listpack(struct rdb_save *s) {
    const struct packed *p = s->object;
    rdb_save_text(s, (const char *)p->lp, packed_bytes(p));
    s->walked = true;
}

void rdb_collection_begin(struct rdb_save *s) {
    enum object_encoding encoding = object_encoding(s->object);
    if (s->type == TYPE_LIST) {
        bool small = encoding == OBJECT_PACKED;
        rdb_write_length(s->out, small ? 1 : ((const struct chain *)s->object)->nodes);
        if (small) rdb_write_length(s->out, RDB_NODE_PACKED);
    }
    if (encoding == OBJECT_PACKED && s->type != TYPE_SET) {
        begin_listpack(s);
    } else if (encoding == OBJECT_INTSET) {
        size_t bytes;
        const void *image = intset_image(s->object, &bytes);
        rdb_save_text(s, image, bytes);
        s->walked = true;
    } else if (s->type == TYPE_SET) {
        rdb_write_length(s->out, set_count(s->object));
    } else if (s->type == TYPE_HASH) {
        rdb_write_length(s->out, hash_count(s->object));
    } else if (s->type == TYPE_ZSET) {
        size_t count = zset_count(s->object);
        ASSERT(count > 0);
        rdb_write_length(s->out, count);
        s->cursor = zset_cursor_at(s->object, count - 1);
    }
}

void rdb_collection_collect(struct rdb_save *s) {
    switch (s->type) {
    case TYPE_LIST: write_next_node(s); return;
    case TYPE_ZSET: collect_scored(s); return;
    case TYPE_SET: s->place = set_scan(s->object, s->place, collect_member, s); break;
    case TYPE_HASH: s->place = hash_scan(s->object, s->place, collect_field, s); break;
    case TYPE_STRING:
    case TYPE_STREAM:
    case TYPE_COUNT: ASSERT(false);
    }
    s->walked = s->place == 0;
}
