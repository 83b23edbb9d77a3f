/* list_edit.c: changing a list elsewhere than at its ends: see list.h.
 *
 * A value goes into the node where it belongs if that takes it, else into the neighbour on whose border it
 * stands, else the node is split there; what has become small is joined with what is beside it. Deleting
 * works on whole nodes where it can. Elements that match are deleted in one pass over each node, which moves
 * what is kept only once.
 */
#include "shard/type/list_parts.h"

/* ---- one element ---- */

static void write_element(struct chain *c, struct chain_node *n, uint32_t offset, const struct element *e,
                          const struct list_limits *l) {
    element_write(chain_node_open(c, n, offset, e->bytes, l), e);
}

/* Splits node i before its element `index`, unless that is one of its ends; returns the number of the node
 * that begins there. */
static uint32_t split_at(struct chain **c, uint32_t i, uint32_t index) {
    const struct chain_node *n = chain_node(*c, i);
    if (index == 0) return i;
    if (index < n->count) chain_split(c, i, index, list_offset(n, index));
    return i + 1;
}

/* Between nodes i - 1 and i, where neither may be there. */
static void insert_between(struct chain **c, uint32_t i, const struct list_item *item,
                           const struct list_limits *l) {
    struct chain_node *before = i > 0 ? chain_node(*c, i - 1) : NULL;
    struct chain_node *behind = i < (*c)->nodes ? chain_node(*c, i) : NULL;
    if (item->blob) {
        struct chain_node *n = chain_add(c, i);
        chain_fill_blob(*c, n, item->blob);
    } else if (before && chain_node_takes(before, item->element.bytes, l)) {
        write_element(*c, before, before->end - before->begin, &item->element, l);
    } else if (behind && chain_node_takes(behind, item->element.bytes, l)) {
        write_element(*c, behind, 0, &item->element, l);
    } else {
        struct chain_node *n = chain_add(c, i);
        chain_fill_block(*c, n, item->element.bytes, false);
        write_element(*c, n, 0, &item->element, l);
    }
}

/* Before element `index` of node i, which may be one past its last. */
static void insert_at(struct chain **c, uint32_t i, uint32_t index, const struct list_item *item,
                      const struct list_limits *l) {
    struct chain_node *n = chain_node(*c, i);
    if (!item->blob && chain_node_takes(n, item->element.bytes, l)) {
        write_element(*c, n, list_offset(n, index), &item->element, l);
        return;
    }
    uint32_t border = split_at(c, i, index), nodes = (*c)->nodes;
    insert_between(c, border, item, l);
    /* The halves of a split node, or what is now beside the value's own, from behind so that the numbers
     * hold. */
    chain_join(c, border + ((*c)->nodes - nodes), l);
    if (border > 0) chain_join(c, border - 1, l);
}

struct list *list_insert(struct list *l, const struct list_cursor *at, bool after, struct list_value v,
                         const struct list_limits *limits) {
    struct list_item item = list_item(v, limits);
    ASSERT(at->list == l);
    uint32_t node = at->node, index = at->index + after;
    if (list_is_packed(l) && list_stays_packed(list_packed(l), &item, limits)) {
        char digits[TEXT_I64_MAX];
        size_t len;
        const char *text = list_text(v, digits, &len);
        struct packed *p = list_packed(l);
        unsigned char *place = (unsigned char *)(uintptr_t)at->at;
        if (after) place = packed_next(p, place);
        return (struct list *)packed_insert(p, &place, text, len);
    }
    struct chain *c = list_to_chain(l);
    insert_at(&c, node, index, &item, limits);
    return (struct list *)c;
}

/* The element becomes another in its own node; false: it does not fit there. */
static bool replace_in_node(struct chain *c, struct chain_node *n, uint32_t index, const struct element *e,
                            const struct list_limits *l) {
    uint32_t offset = list_offset(n, index), old = element_bytes(chain_node_first(n) + offset);
    if (old == e->bytes) {
        element_write(chain_node_first(n) + offset, e);
        return true;
    }
    if (n->end - n->begin - old + (uint64_t)e->bytes > l->node_bytes) return false;
    chain_node_cut(c, n, offset, old, 1);
    write_element(c, n, offset, e, l);
    chain_node_trim(c, n);
    return true;
}

/* Elsewhere: the new one is put before the old one, which then is the next by index. */
static struct list *replace_by_node(struct chain *c, uint32_t node, uint32_t index,
                                    const struct list_item *item, const struct list_limits *limits) {
    struct list *rest;
    size_t at = index;
    for (uint32_t i = 0; i < node; i++) at += chain_node(c, i)->count;
    insert_at(&c, node, index, item, limits);
    struct list *l = list_delete((struct list *)c, at + 1, 1, &rest);
    ASSERT(!rest);
    return l;
}

struct list *list_replace(struct list *l, const struct list_cursor *at, struct list_value v,
                          const struct list_limits *limits) {
    struct list_item item = list_item(v, limits);
    ASSERT(at->list == l);
    uint32_t node = at->node, index = at->index;
    if (list_is_packed(l) && list_stays_packed(list_packed(l), &item, limits)) {
        char digits[TEXT_I64_MAX];
        size_t len;
        const char *text = list_text(v, digits, &len);
        unsigned char *place = (unsigned char *)(uintptr_t)at->at;
        return (struct list *)packed_replace(list_packed(l), &place, text, len);
    }
    struct chain *c = list_to_chain(l);
    struct chain_node *n = chain_node(c, node);
    if (!item.blob && n->room > 0 && replace_in_node(c, n, index, &item.element, limits))
        return (struct list *)c;
    return replace_by_node(c, node, index, &item, limits);
}

/* ---- ranges ---- */

/* Takes up to `count` elements from `index` on out of a node; returns how many. */
static uint32_t cut_node(struct chain *c, struct chain_node *n, uint32_t index, size_t count) {
    uint32_t cut = n->count - index;
    if (cut > count) cut = (uint32_t)count;
    uint32_t from = list_offset(n, index), to = list_offset(n, index + cut);
    chain_node_cut(c, n, from, to - from, cut);
    chain_node_trim(c, n);
    return cut;
}

static struct chain *delete_from_chain(struct chain *c, size_t start, size_t count, struct list **rest) {
    struct list_cursor at;
    bool there = list_seek((struct list *)c, start, &at);
    ASSERT(there);
    uint32_t i = at.node, whole = 0;
    if (at.index > 0) {
        count -= cut_node(c, chain_node(c, i), at.index, count);
        i++;
    }
    while (i + whole < c->nodes && chain_node(c, i + whole)->count <= count)
        count -= chain_node(c, i + whole++)->count;
    if (whole > 0) *rest = (struct list *)chain_drop_range(&c, i, whole);
    if (count > 0) cut_node(c, chain_node(c, i), 0, count);
    return c;
}

struct list *list_delete(struct list *l, size_t start, size_t count, struct list **rest) {
    ASSERT(start + count <= list_count(l));
    *rest = NULL;
    if (count == 0) return l;
    if (!list_is_packed(l)) return (struct list *)delete_from_chain(list_chain(l), start, count, rest);
    struct packed *p = list_packed(l);
    unsigned char *at = packed_at(p, (int64_t)start);
    return (struct list *)packed_delete(p, &at, count);
}

/* ---- elements that match ---- */

/* Deletes up to `max` of a row of elements [*begin, *end) that match, from its start on; what is kept closes
 * up towards the start. Returns how many were deleted. */
static uint32_t sweep_forwards(unsigned char *begin, unsigned char **end, const struct element *e,
                               size_t max) {
    unsigned char *to = begin, *kept = begin, *at = begin; /* [kept, at) is yet to be moved to `to` */
    uint32_t removed = 0;
    while (at < *end && removed < max) {
        if (LIKELY(!element_equals(at, e))) {
            at += element_bytes(at);
            continue;
        }
        memmove(to, kept, (size_t)(at - kept));
        to += at - kept;
        at += e->bytes;
        kept = at;
        removed++;
    }
    memmove(to, kept, (size_t)(*end - kept));
    *end = to + (*end - kept);
    return removed;
}

/* The same from the end on; what is kept closes up towards the end. */
static uint32_t sweep_backwards(unsigned char **begin, unsigned char *end, const struct element *e,
                                size_t max) {
    unsigned char *to = end, *kept = end, *at = end; /* [at, kept) is yet to be moved to end at `to` */
    uint32_t removed = 0;
    while (at > *begin && removed < max) {
        at -= element_bytes_before(at);
        if (LIKELY(!element_equals(at, e))) continue;
        unsigned char *behind = at + e->bytes;
        to -= kept - behind;
        memmove(to, behind, (size_t)(kept - behind));
        kept = at;
        removed++;
    }
    to -= kept - *begin;
    memmove(to, *begin, (size_t)(kept - *begin));
    *begin = to;
    return removed;
}

static uint32_t sweep_node(struct chain *c, struct chain_node *n, const struct list_needle *needle,
                           enum list_end from, size_t max) {
    uint32_t removed;
    if (chain_node_is_blob(n)) {
        const struct blob *b = n->block;
        removed = b->len == needle->len && memcmp(b->data, needle->data, b->len) == 0;
    } else if (!needle->fits) {
        return 0;
    } else {
        unsigned char *begin = chain_node_first(n), *end = chain_node_end(n);
        removed = from == LIST_HEAD ? sweep_forwards(begin, &end, &needle->element, max)
                                    : sweep_backwards(&begin, end, &needle->element, max);
        n->begin = (uint32_t)(begin - (unsigned char *)n->block);
        n->end = (uint32_t)(end - (unsigned char *)n->block);
    }
    n->count -= removed;
    c->elements -= removed;
    if (removed > 0 && n->count > 0) chain_node_trim(c, n);
    return removed;
}

static struct packed *remove_from_packed(struct packed *p, const struct list_needle *needle,
                                         enum list_end from, size_t max, size_t *removed) {
    unsigned char *at = from == LIST_HEAD ? packed_first(p) : packed_last(p);
    while (at && needle->fits && *removed < max) {
        if (!element_equals(at, &needle->element)) {
            at = from == LIST_HEAD ? packed_next(p, at) : packed_prev(p, at);
            continue;
        }
        p = packed_delete(p, &at, 1);
        if (from == LIST_TAIL) at = at ? packed_prev(p, at) : packed_last(p);
        ++*removed;
    }
    return p;
}

struct list *list_remove(struct list *l, const struct list_needle *needle, enum list_end from, size_t max,
                         size_t *removed) {
    *removed = 0;
    if (list_is_packed(l))
        return (struct list *)remove_from_packed(list_packed(l), needle, from, max, removed);
    struct chain *c = list_chain(l);
    bool emptied = false;
    for (uint32_t k = 0; k < c->nodes && *removed < max; k++) {
        struct chain_node *n = chain_node(c, from == LIST_HEAD ? k : c->nodes - 1 - k);
        *removed += sweep_node(c, n, needle, from, max - *removed);
        emptied |= n->count == 0;
    }
    if (emptied) chain_drop_empty(&c);
    return (struct list *)c;
}
