/* value_walk.c: see value_walk.h. */
#include "persist/value_walk.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/type/chain.h"
#include "shard/type/element.h"
#include "shard/type/hash.h"
#include "shard/type/object.h"
#include "shard/type/packed.h"
#include "shard/type/set.h"

enum {
    ITEMS_FIRST = 64,
    ZSET_ITEMS = 64, /* members collected at a time */
};

/* ---- items ---- */

static struct walk_item *item_new(struct value_walk *w) {
    if (w->count == w->capacity) {
        w->capacity = w->capacity > 0 ? w->capacity * 2 : ITEMS_FIRST;
        w->items = mem_realloc(w->items, w->capacity * sizeof *w->items);
    }
    return &w->items[w->count++];
}

static void collect_text(struct value_walk *w, const char *text, size_t len) {
    *item_new(w) = (struct walk_item){.kind = ITEM_TEXT, .text = text, .len = len};
}

static void collect_integer(struct value_walk *w, int64_t n) {
    *item_new(w) = (struct walk_item){.kind = ITEM_INTEGER, .integer = n};
}

static void collect(struct value_walk *w, const char *text, size_t len, int64_t integer) {
    if (text)
        collect_text(w, text, len);
    else
        collect_integer(w, integer);
}

/* ---- large ones ---- */

static bool collect_field(void *arg, const struct hash_value *field, const struct hash_value *value) {
    collect(arg, field->data, field->len, field->integer);
    collect(arg, value->data, value->len, value->integer);
    return true;
}

static bool collect_member(void *arg, struct set_member *m) {
    collect(arg, m->text, m->len, m->integer);
    return true;
}

static void collect_scored(struct value_walk *w) {
    struct zset_item item;
    for (int i = 0; i < ZSET_ITEMS; i++) {
        if (!zset_cursor_get(&w->cursor, &item)) {
            w->over = true;
            return;
        }
        collect_text(w, item.member, item.len); /* which lies in an entry: the set is a large one */
        *item_new(w) = (struct walk_item){.kind = ITEM_SCORE, .score = item.score};
        zset_cursor_prev(&w->cursor);
    }
}

/* ---- what consists of listpack elements ---- */

static void collect_element(struct value_walk *w, const unsigned char *at) {
    struct packed_value v = element_get(at);
    collect(w, v.data, v.len, v.integer);
}

static void collect_packed(struct value_walk *w) {
    const struct packed *p = w->object;
    for (const unsigned char *at = packed_first(p); at; at = packed_next(p, at)) collect_element(w, at);
    w->over = true;
}

static void collect_node(struct value_walk *w) {
    const struct chain *c = w->object;
    const struct chain_node *n = chain_node(c, (uint32_t)w->place++);
    w->over = w->place == c->nodes;
    if (chain_node_is_blob(n)) {
        const struct blob *blob = n->block;
        collect_text(w, blob->data, blob->len);
        return;
    }
    const unsigned char *end = chain_node_end(n);
    for (const unsigned char *at = chain_node_first(n); at < end; at += element_bytes(at))
        collect_element(w, at);
}

/* ---- all ---- */

void value_walk_begin(struct value_walk *w, enum value_type type, const void *object) {
    *w = (struct value_walk){.type = type, .object = object};
    if (type != TYPE_ZSET || object_encoding(object) == OBJECT_PACKED) return;
    size_t count = zset_count(object);
    ASSERT(count > 0);
    w->cursor = zset_cursor_at(object, count - 1);
}

void value_walk_collect(struct value_walk *w) {
    ASSERT(!w->over);
    w->count = 0;
    if (w->type != TYPE_SET && object_encoding(w->object) == OBJECT_PACKED) {
        collect_packed(w);
        return;
    }
    switch (w->type) {
    case TYPE_LIST: collect_node(w); return;
    case TYPE_ZSET: collect_scored(w); return;
    case TYPE_SET: w->place = set_scan(w->object, w->place, collect_member, w); break;
    case TYPE_HASH: w->place = hash_scan(w->object, w->place, collect_field, w); break;
    case TYPE_STRING:
    case TYPE_STREAM:
    case TYPE_COUNT: ASSERT(false);
    }
    w->over = w->place == 0;
}

void value_walk_end(struct value_walk *w) {
    mem_free(w->items);
    *w = (struct value_walk){0};
}
