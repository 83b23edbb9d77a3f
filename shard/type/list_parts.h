/* list_parts.h: what list.c and list_edit.c know of a list and nobody else needs. */
#ifndef GYRE_TYPE_LIST_PARTS_H
#define GYRE_TYPE_LIST_PARTS_H

#include "shard/type/list.h"

static inline bool list_is_packed(const struct list *l) {
    return object_encoding(l) == OBJECT_PACKED;
}
static inline struct packed *list_packed(const struct list *l) {
    return (struct packed *)(uintptr_t)l;
}
static inline struct chain *list_chain(const struct list *l) {
    return (struct chain *)(uintptr_t)l;
}

/* A value made ready to be stored: as an element, or as a blob (with a reference that is the list's). */
struct list_item {
    struct element element;
    struct blob *blob; /* NULL: an element */
};
struct list_item list_item(struct list_value v, const struct list_limits *limits);

/* The list as a chain, whatever it was. */
struct chain *list_to_chain(struct list *l);
/* Whether a packed list stays packed with that element. */
bool list_stays_packed(const struct packed *p, const struct list_item *item,
                       const struct list_limits *limits);
/* An element's value as text, for what takes no integers: into digits[TEXT_I64_MAX] where it is one. */
const char *list_text(struct list_value v, char *digits, size_t *len);
/* How far into a node its element `index` begins. */
uint32_t list_offset(const struct chain_node *n, uint32_t index);

#endif
