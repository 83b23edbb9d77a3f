/* hash.h: the value of a hash key: fields and their values.
 *
 *     struct packed    field, value, field, value, ... while small    OBJECT ENCODING: listpack
 *     struct fields    a struct table of entries                      hashtable
 *
 * A small one is one allocation, byte for byte what Redis has in its listpack; it becomes a large one at the
 * thresholds that the caller hands over (struct hash_limits), and never a small one again. In a large one a
 * field and its value are one entry, as a key and its string are in the keyspace; a value that spells an
 * integer may be kept as one, a long one has a blob of its own. No hash is empty but between its last removal
 * and its deletion.
 *
 * Under the hold of the slice whose key it belongs to, or by its only owner. What changes one may move it:
 * the functions take and return its pointer.
 */
#ifndef GYRE_TYPE_HASH_H
#define GYRE_TYPE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct random;
struct hash; /* either of the two: an object's first byte says which (object.h) */

/* Up to which number of fields, and length of each field and value, one stays small. */
struct hash_limits {
    size_t entries_max, value_max;
};

/* A field in hand: its text, which is not copied and must stay where it is, and what was worked out so far,
 * so that looking and then changing pays once. What it knows of a place is void when the hash changes
 * otherwise than through it. */
struct hash_field {
    const char *text;
    size_t len;
    uint64_t hash; /* table_hash of the text; 0: not worked out yet */
    enum { FIELD_UNKNOWN, FIELD_ABSENT, FIELD_PRESENT } state;
    void *at; /* FIELD_PRESENT: where */
};
static inline struct hash_field hash_field(const char *text, size_t len) {
    return (struct hash_field){.text = text, .len = len};
}

/* Bytes going in or coming out. They are the hash's or the caller's: a value that comes out is valid until
 * the hash changes, one that goes in must not lie in the same hash. */
struct hash_value {
    const char *data; /* NULL: an integer */
    size_t len;
    int64_t integer;
    struct blob *blob; /* where `data` lies, all of it, if that is a blob; who keeps it takes a reference */
};
static inline struct hash_value hash_value_bytes(const char *data, size_t len) {
    return (struct hash_value){.data = data, .len = len};
}
static inline struct hash_value hash_value_int(int64_t n) {
    return (struct hash_value){.integer = n};
}
/* As text: in place, or spelled out into digits[TEXT_I64_MAX]. */
const char *hash_value_text(const struct hash_value *v, char *digits, size_t *len);

/* Makes the type known to the keyspace. Once, before threads start. */
void hash_register(void);

/* An empty large one with room for `count` fields, which is to be filled at once. */
struct hash *hash_new_large(size_t count);
/* False: there is no such field. */
bool hash_get(const struct hash *h, struct hash_field *f, struct hash_value *value);
/* What a change did. */
struct hash_change {
    bool done;         /* set: the field is new; removed: it was there */
    struct blob *left; /* a large value that is in the hash no more: the reference is the caller's now */
};
/* Sets a field, new or not, to a copy of the value (or a reference to its blob). NULL stands for a hash that
 * does not exist yet. */
struct hash *hash_set(struct hash *h, struct hash_field *f, const struct hash_value *v,
                      const struct hash_limits *limits, struct hash_change *change);
struct hash *hash_remove(struct hash *h, struct hash_field *f, struct hash_change *change);
size_t hash_count(const struct hash *h);
/* Frees it all at once; NULL is allowed. */
void hash_free(struct hash *h);

/* The elements of a small hash side by side (element.h), field, value, and so on; NULL: it is a large one. */
const unsigned char *hash_elements(const struct hash *h);

/* Is shown a field and its value, which are valid until it returns; must not change the hash. False ends the
 * walk. */
typedef bool hash_visit(void *arg, const struct hash_value *field, const struct hash_value *value);

/* Shows every field once, in any order. False if the walk was ended. */
bool hash_each(const struct hash *h, hash_visit *visit, void *arg);
/* Shows some fields and returns where to go on, 0 at the end; begins with cursor 0. What is in the hash from
 * the beginning to the end of such a walk is shown at least once. `visit` must return true. */
uint64_t hash_scan(const struct hash *h, uint64_t cursor, hash_visit *visit, void *arg);

/* Fields by chance. Every field is equally likely, and so is every choice of `count` different ones. What
 * `visit` returns is not looked at. */
/* Shows one of a hash that is not empty. O(1) in a large one. */
void hash_draw(const struct hash *h, struct random *random, hash_visit *visit, void *arg);
/* Shows `count` different ones, at most all. O(count), expected, in a large one. */
void hash_sample(const struct hash *h, struct random *random, size_t count, hash_visit *visit, void *arg);

/* Asserts every invariant; O(n), for tests. */
void hash_check(const struct hash *h);

#endif
