/* list.c: lists: their ends, the places in them, what the keyspace asks of them: see list.h. Changes in
 * between are list_edit.c's. */
#include "shard/type/list.h"

#include "shard/base/mem.h"
#include "shard/store/value_methods.h"
#include "shard/type/list_parts.h"

enum { NODE_BYTES_SMALLEST = 4096, NODE_BYTES_SAFE = 8192, NODE_BYTES_CLASSES = 5 };

/* ---- limits ---- */

struct list_limits list_limits_make(int max_listpack_size, uint32_t alone_bytes) {
    struct list_limits l = {
        .node_bytes = NODE_BYTES_SAFE, .node_count = UINT32_MAX, .alone_bytes = alone_bytes};
    if (max_listpack_size >= 0) {
        l.node_count = max_listpack_size > 0 ? (uint32_t)max_listpack_size : 1;
    } else {
        int class = max_listpack_size < -NODE_BYTES_CLASSES ? NODE_BYTES_CLASSES : -max_listpack_size;
        l.node_bytes = (uint32_t)NODE_BYTES_SMALLEST << (class - 1);
    }
    return l;
}

/* ---- values ---- */

static struct list_value value_of_blob(struct blob *b) {
    return (struct list_value){.data = b->data, .len = b->len, .blob = b};
}

static struct list_value value_of_element(const unsigned char *at) {
    struct packed_value v = element_get(at);
    return (struct list_value){.data = v.data, .len = v.len, .integer = v.integer};
}

const char *list_text(struct list_value v, char *digits, size_t *len) {
    *len = v.data ? v.len : text_from_i64(digits, v.integer);
    return v.data ? v.data : digits;
}

struct list_item list_item(struct list_value v, const struct list_limits *limits) {
    if (!v.data) return (struct list_item){.element = element_from_int(v.integer)};
    if (LIKELY(v.len < limits->alone_bytes && v.len < limits->node_bytes)) {
        struct list_item item = {.element = element_from(v.data, v.len)};
        if (LIKELY(item.element.bytes <= limits->node_bytes)) return item;
    }
    return (struct list_item){.blob = v.blob ? blob_ref(v.blob) : blob_new_from(v.data, v.len)};
}

/* ---- packed or chain ---- */

struct list *list_new(size_t bytes) {
    return (struct list *)packed_new(OBJECT_PACKED, bytes < LIST_PACKED_BYTES ? bytes : 0);
}

size_t list_count(const struct list *l) {
    return list_is_packed(l) ? packed_count(list_packed(l)) : list_chain(l)->elements;
}

bool list_stays_packed(const struct packed *p, const struct list_item *item,
                       const struct list_limits *limits) {
    return !item->blob && packed_bytes(p) + item->element.bytes <= LIST_PACKED_BYTES &&
           packed_count(p) < limits->node_count;
}

struct chain *list_to_chain(struct list *l) {
    if (!list_is_packed(l)) return list_chain(l);
    struct packed *p = list_packed(l);
    struct chain *c = chain_new(0);
    const unsigned char *first = packed_first(p), *last = packed_last(p);
    if (first) {
        uint32_t bytes = (uint32_t)(last + element_bytes(last) - first);
        struct chain_node *n = chain_add(&c, 0);
        chain_fill_block(c, n, bytes + bytes / 8, false);
        memcpy(n->block, first, bytes);
        n->end = bytes;
        n->count = (uint32_t)packed_count(p);
        c->elements = n->count;
    }
    packed_free(p);
    return c;
}

/* ---- the ends ---- */

/* Whether the node at an end takes one more there. A node that has no room on this side and little on the
 * other is left as it is: to move all its elements for a few more would be done again and again. */
static bool end_takes(const struct chain_node *n, enum list_end end, uint32_t bytes,
                      const struct list_limits *l) {
    if (!chain_node_takes(n, bytes, l)) return false;
    uint32_t here = end == LIST_HEAD ? n->begin : n->room - n->end, used = n->end - n->begin;
    return here >= bytes || n->room - used < bytes || n->room - used >= used / 4;
}

/* What nearly every push is: a short string that is no integer, and room for it in the node at that end.
 * False: it is something else, and nothing was done. */
static inline bool push_short(struct chain *c, enum list_end end, const struct list_value *v,
                              const struct list_limits *l) {
    if (!v->data || v->len >= 64 || v->len >= l->alone_bytes || c->nodes == 0 ||
        element_may_be_int(v->data, v->len))
        return false;
    struct chain_node *n = chain_node(c, end == LIST_HEAD ? 0 : c->nodes - 1);
    uint32_t len = (uint32_t)v->len, bytes = len + 2;
    if (!chain_node_takes(n, bytes, l) || (end == LIST_HEAD ? n->begin : n->room - n->end) < bytes)
        return false;
    if (end == LIST_HEAD) n->begin -= bytes;
    element_write_short(end == LIST_HEAD ? chain_node_first(n) : chain_node_end(n), v->data, len);
    if (end == LIST_TAIL) n->end += bytes;
    n->count++;
    c->elements++;
    return true;
}

static struct chain *push_to_chain(struct chain *c, enum list_end end, const struct list_item *item,
                                   const struct list_limits *l) {
    uint32_t i = end == LIST_HEAD ? 0 : c->nodes;
    if (UNLIKELY(item->blob != NULL)) {
        struct chain_node *n = chain_add(&c, i);
        chain_fill_blob(c, n, item->blob);
        return c;
    }
    struct chain_node *n = c->nodes > 0 ? chain_node(c, end == LIST_HEAD ? 0 : c->nodes - 1) : NULL;
    if (UNLIKELY(!n || !end_takes(n, end, item->element.bytes, l))) {
        if (n) chain_node_fit(c, n);
        n = chain_add(&c, i);
        chain_fill_block(c, n, chain_room_for(c, 0, item->element.bytes, l), end == LIST_HEAD);
    }
    uint32_t offset = end == LIST_HEAD ? 0 : n->end - n->begin;
    element_write(chain_node_open(c, n, offset, item->element.bytes, l), &item->element);
    return c;
}

struct list *list_push(struct list *l, enum list_end end, struct list_value v,
                       const struct list_limits *limits) {
    if (!list_is_packed(l) && LIKELY(push_short(list_chain(l), end, &v, limits))) return l;
    struct list_item item = list_item(v, limits);
    if (list_is_packed(l) && list_stays_packed(list_packed(l), &item, limits)) {
        char digits[TEXT_I64_MAX];
        size_t len;
        const char *text = list_text(v, digits, &len);
        struct packed *p = list_packed(l);
        return (struct list *)(end == LIST_HEAD ? packed_prepend(p, text, len) : packed_append(p, text, len));
    }
    return (struct list *)push_to_chain(list_to_chain(l), end, &item, limits);
}

struct list_value list_peek(const struct list *l, enum list_end end) {
    if (list_is_packed(l)) {
        const struct packed *p = list_packed(l);
        const unsigned char *at = end == LIST_HEAD ? packed_first(p) : packed_last(p);
        ASSERT(at);
        return value_of_element(at);
    }
    const struct chain *c = list_chain(l);
    ASSERT(c->nodes > 0);
    const struct chain_node *n = chain_node(c, end == LIST_HEAD ? 0 : c->nodes - 1);
    if (UNLIKELY(chain_node_is_blob(n))) return value_of_blob(n->block);
    if (end == LIST_HEAD) return value_of_element(chain_node_first(n));
    const unsigned char *end_at = chain_node_end(n);
    return value_of_element(end_at - element_bytes_before(end_at));
}

struct list *list_drop(struct list *l, enum list_end end) {
    if (list_is_packed(l)) {
        struct packed *p = list_packed(l);
        unsigned char *at = end == LIST_HEAD ? packed_first(p) : packed_last(p);
        ASSERT(at);
        return (struct list *)packed_delete(p, &at, 1);
    }
    struct chain *c = list_chain(l);
    ASSERT(c->nodes > 0);
    uint32_t i = end == LIST_HEAD ? 0 : c->nodes - 1;
    struct chain_node *n = chain_node(c, i);
    if (n->count == 1) {
        chain_drop(&c, i);
        return (struct list *)c;
    }
    if (end == LIST_HEAD)
        n->begin += element_bytes(chain_node_first(n));
    else
        n->end -= element_bytes_before(chain_node_end(n));
    n->count--;
    c->elements--;
    chain_node_trim(c, n);
    return (struct list *)c;
}

/* ---- places ---- */

/* Walks from the nearer end of the node. */
uint32_t list_offset(const struct chain_node *n, uint32_t index) {
    ASSERT(index <= n->count && n->room > 0);
    const unsigned char *first = chain_node_first(n), *at = first;
    if (index <= n->count / 2) {
        while (index-- > 0) at += element_bytes(at);
    } else {
        at = chain_node_end(n);
        for (uint32_t back = n->count - index; back > 0; back--) at -= element_bytes_before(at);
    }
    return (uint32_t)(at - first);
}

/* The node of an index, which becomes the index in it; counted from the nearer end. */
static uint32_t find_node(const struct chain *c, size_t *index) {
    if (*index <= c->elements / 2) {
        uint32_t i = 0;
        for (; *index >= chain_node(c, i)->count; i++) *index -= chain_node(c, i)->count;
        return i;
    }
    size_t start = c->elements;
    uint32_t i = c->nodes;
    while (start > *index) start -= chain_node(c, --i)->count;
    *index -= start;
    return i;
}

bool list_seek(const struct list *l, size_t index, struct list_cursor *at) {
    if (index >= list_count(l)) return false;
    *at = (struct list_cursor){.list = l};
    if (list_is_packed(l)) {
        at->index = (uint32_t)index;
        at->at = packed_at(list_packed(l), (int64_t)index);
        return true;
    }
    const struct chain *c = list_chain(l);
    at->node = find_node(c, &index);
    at->index = (uint32_t)index;
    const struct chain_node *n = chain_node(c, at->node);
    if (!chain_node_is_blob(n)) at->at = chain_node_first(n) + list_offset(n, at->index);
    return true;
}

/* The first or last element of a node of a chain. */
static bool enter_node(struct list_cursor *at, uint32_t i, enum list_end end) {
    const struct chain *c = list_chain(at->list);
    if (i >= c->nodes) return false; /* or it was 0 and one less */
    const struct chain_node *n = chain_node(c, i);
    at->node = i;
    at->index = end == LIST_HEAD ? 0 : n->count - 1;
    if (chain_node_is_blob(n)) {
        at->at = NULL;
    } else if (end == LIST_HEAD) {
        at->at = chain_node_first(n);
    } else {
        const unsigned char *end_at = chain_node_end(n);
        at->at = end_at - element_bytes_before(end_at);
    }
    return true;
}

static uint32_t count_here(const struct list_cursor *at) {
    return list_is_packed(at->list) ? (uint32_t)packed_count(list_packed(at->list))
                                    : chain_node(list_chain(at->list), at->node)->count;
}

bool list_next(struct list_cursor *at) {
    if (at->index + 1 == count_here(at)) return list_skip(at);
    at->at += element_bytes(at->at);
    at->index++;
    return true;
}

bool list_prev(struct list_cursor *at) {
    if (at->index == 0) return !list_is_packed(at->list) && enter_node(at, at->node - 1, LIST_TAIL);
    at->at -= element_bytes_before(at->at);
    at->index--;
    return true;
}

static struct blob *blob_here(const struct list_cursor *at) {
    return chain_node(list_chain(at->list), at->node)->block;
}

struct list_value list_get(const struct list_cursor *at) {
    return at->at ? value_of_element(at->at) : value_of_blob(blob_here(at));
}

struct list_run list_run(const struct list_cursor *at) {
    if (!at->at) return (struct list_run){.blob = blob_here(at), .count = 1};
    return (struct list_run){.at = at->at, .count = count_here(at) - at->index};
}

bool list_skip(struct list_cursor *at) {
    return !list_is_packed(at->list) && enter_node(at, at->node + 1, LIST_HEAD);
}

struct list_needle list_needle(const char *data, size_t len) {
    struct list_needle n = {.data = data, .len = len, .fits = len < PACKED_BYTES_MAX};
    if (n.fits) n.element = element_from(data, len);
    return n;
}

bool list_matches(const struct list_cursor *at, const struct list_needle *n) {
    if (LIKELY(at->at != NULL)) return n->fits && element_equals(at->at, &n->element);
    const struct blob *b = blob_here(at);
    return b->len == n->len && memcmp(b->data, n->data, n->len) == 0;
}

/* ---- what the keyspace asks ---- */

static size_t method_bytes(const void *object) {
    return list_is_packed(object) ? packed_footprint(object) : list_chain(object)->bytes;
}

static size_t method_effort(const void *object) {
    if (list_is_packed(object)) return 1;
    const struct chain *c = object;
    return c->nodes + c->bytes / CHAIN_BLOB_PIECE;
}

static bool method_free_some(void *object, size_t effort) {
    if (!list_is_packed(object)) return chain_free_some(object, effort);
    packed_free(object);
    return false;
}

static void *method_copy(const void *object) {
    return list_is_packed(object) ? (void *)packed_copy(object) : chain_copy(object);
}

static size_t method_count(const void *object) {
    return list_count(object);
}

static const char *method_encoding(const void *object) {
    (void)object;
    return "quicklist"; /* of every list, in 7.0 */
}

void list_free(struct list *l) {
    while (method_free_some(l, SIZE_MAX)) {
    }
}

void list_register(void) {
    static const struct value_methods methods = {.effort = method_effort,
                                                 .free_some = method_free_some,
                                                 .copy = method_copy,
                                                 .bytes = method_bytes,
                                                 .count = method_count,
                                                 .encoding = method_encoding};
    value_methods_register(TYPE_LIST, &methods);
}
