/* rdb_save_collection.c: lists, sets, hashes and sorted sets on their way out: see rdb_save.h.
 *
 * What lies in memory as Redis writes it goes out as a whole: listpacks, a list's nodes, intsets. Everything else is
 * collected some elements at a time (value_walk.h) and written by rdb_save.c.
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
    const struct chain_node *n = chain_node(c, s->node++);
    s->walked = s->node == c->nodes;
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
        rdb_write_length(s->out, zset_count(s->object));
    }
    if (!s->walked && s->type != TYPE_LIST) value_walk_begin(&s->walk, s->type, s->object);
}

void rdb_collection_collect(struct rdb_save *s) {
    if (s->type == TYPE_LIST) {
        write_next_node(s);
        return;
    }
    value_walk_collect(&s->walk);
    s->walked = s->walk.over;
}
