/* hash_parts.h: what the files of the hash share: hash*.c only. */
#ifndef GYRE_TYPE_HASH_PARTS_H
#define GYRE_TYPE_HASH_PARTS_H

#include "shard/base/assert.h"
#include "shard/store/table.h"
#include "shard/type/element.h"
#include "shard/type/hash.h"
#include "shard/type/object.h"
#include "shard/type/packed.h"

/* A large hash. An entry's key is the field; its value is kept like that of a string key. */
struct fields {
    uint8_t encoding;
    uint32_t blob_effort; /* what freeing the blobs costs, in units of FIELDS_EFFORT_BYTES */
    struct table table;
    size_t bytes; /* of this struct, all entries and all blobs, by mem_size */
};
_Static_assert(sizeof(struct fields) == 64, "there is one for every hash with a longer value");

enum { FIELDS_EFFORT_BYTES = 64 * 1024 }; /* of a blob that cost as much as a block to free */

static inline bool hash_is_small(const struct hash *h) {
    return object_encoding(h) == OBJECT_PACKED;
}
/* The hash as what it is. Reading one takes it const; what it is made of does not, though it changes nothing
 * then. */
static inline struct packed *hash_small(const struct hash *h) {
    ASSERT(hash_is_small(h));
    return (struct packed *)(uintptr_t)h;
}
static inline struct fields *hash_large(const struct hash *h) {
    ASSERT(object_encoding(h) == OBJECT_TABLE);
    return (struct fields *)(uintptr_t)h;
}
static inline struct hash *hash_of(void *object) {
    return object;
}

static inline struct hash_value hash_value_at(const unsigned char *element) {
    struct packed_value v = element_get(element);
    return (struct hash_value){.data = v.data, .len = v.len, .integer = v.integer};
}

/* ---- hash_large.c ---- */

struct fields *fields_new(size_t count);
struct fields *fields_from_packed(const struct packed *p);
struct fields *fields_copy(const struct fields *t);
/* Looks a field up, leaving what it found in it. */
bool fields_find(struct fields *t, struct hash_field *f);
/* Adds a field that was not found, or sets one that was; *left becomes the blob it had, or NULL. */
void fields_add(struct fields *t, const struct hash_field *f, const struct hash_value *v);
void fields_replace(struct fields *t, const struct hash_field *f, const struct hash_value *v,
                    struct blob **left);
/* Takes a field that was found out. */
void fields_remove(struct fields *t, const struct hash_field *f, struct blob **left);
size_t fields_effort(const struct fields *t);
bool fields_free_some(struct fields *t, size_t effort);
void fields_check(const struct fields *t);

/* The field and the value of an entry. */
struct hash_value fields_name(const struct entry *e);
struct hash_value fields_value(const struct entry *e);

#endif
