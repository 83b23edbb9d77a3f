/* entry.h: a key and its value in one allocation.
 *
 *   0        1       2       3         4                    8
 *   +--------+-------+-------+---------+--------------------+
 *   | kind   | flags | epoch | key_len | access (24) | spare|
 *   +--------+-------+-------+---------+--------------------+
 *   | deadline: 16 bytes, if ENTRY_EXPIRES (time, place in the expiry wheel)
 *   | value:    8 bytes (integer, or pointer to a blob or object), or 2 bytes (length of an inline string)
 *   | key_len:  4 bytes, if ENTRY_LONG_KEY (key_len above is then 0)
 *   | the key's bytes
 *   | the inline string's bytes, if that is its encoding
 *
 * kind:   low half the type (base/kind.h), high half the encoding.
 * access: the clock of the last access or LFU's (minutes << 8 | counter), all 32 bits: see evict.h.
 * epoch:  the snapshot that last saw this entry: see snap.h.
 *
 * An entry belongs to one table and is touched only under its slice's hold. Changing its size may move it:
 * whoever changes one goes through keyspace.h, which keeps table, wheel and account in step.
 */
#ifndef GYRE_STORE_ENTRY_H
#define GYRE_STORE_ENTRY_H

#include "shard/base/kind.h"
#include "shard/store/blob.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum entry_encoding {
    ENC_INT,    /* a 64-bit integer in place */
    ENC_INLINE, /* a string beside its key */
    ENC_BLOB,   /* a string of its own allocation */
    ENC_OBJECT, /* a pointer to a value of another type; that value knows its own encoding */
};

enum entry_flag {
    ENTRY_EXPIRES = 1,
    ENTRY_LONG_KEY = 2, /* longer than 255 bytes */
    ENTRY_RAW = 4,      /* a string changed in place: OBJECT ENCODING says raw whatever its length */
    ENTRY_SAVING = 8,   /* its value may be half saved: see snap.h */
};

enum { ENTRY_INLINE_MAX = 1024 }; /* the longest string kept beside its key */

struct entry {
    uint8_t kind;
    uint8_t flags;
    uint8_t epoch;
    uint8_t key_len;
    uint32_t access;
    unsigned char body[];
};
_Static_assert(sizeof(struct entry) == 8, "the header of an entry is one word");

/* When a key ends, and where the wheel keeps it (see wheel.h). */
struct deadline {
    int64_t when_ms;
    uint32_t place;
    uint16_t slot;
    bool set_here; /* on a replica, by a client: no primary will say that the key is gone */
    uint8_t spare;
};
_Static_assert(sizeof(struct deadline) == 16, "two words");

static inline enum value_type entry_type(const struct entry *e) {
    return (enum value_type)(e->kind & 15);
}
static inline enum entry_encoding entry_encoding(const struct entry *e) {
    return (enum entry_encoding)(e->kind >> 4);
}
static inline bool entry_expires(const struct entry *e) {
    return e->flags & ENTRY_EXPIRES;
}
static inline struct deadline *entry_deadline(struct entry *e) {
    return (struct deadline *)(void *)e->body;
}
/* The time the key ends, unix ms; -1 if it does not. */
static inline int64_t entry_when(const struct entry *e) {
    int64_t when = -1;
    if (e->flags & ENTRY_EXPIRES) memcpy(&when, e->body, sizeof when);
    return when;
}
static inline unsigned char *entry_value_at(const struct entry *e) {
    return (unsigned char *)e->body + (e->flags & ENTRY_EXPIRES ? sizeof(struct deadline) : 0);
}
static inline size_t entry_value_bytes(const struct entry *e) {
    return entry_encoding(e) == ENC_INLINE ? 2 : 8;
}
static inline const char *entry_key(const struct entry *e, size_t *len) {
    const unsigned char *at = entry_value_at(e) + entry_value_bytes(e);
    *len = e->key_len;
    if (e->flags & ENTRY_LONG_KEY) {
        uint32_t n;
        memcpy(&n, at, sizeof n);
        *len = n;
        at += sizeof n;
    }
    return (const char *)at;
}
static inline int64_t entry_int(const struct entry *e) {
    int64_t v;
    memcpy(&v, entry_value_at(e), sizeof v);
    return v;
}
static inline struct blob *entry_blob(const struct entry *e) {
    struct blob *b;
    memcpy(&b, entry_value_at(e), sizeof b);
    return b;
}
static inline void *entry_object(const struct entry *e) {
    void *object;
    memcpy(&object, entry_value_at(e), sizeof object);
    return object;
}
static inline const char *entry_inline(const struct entry *e, size_t *len) {
    uint16_t n;
    memcpy(&n, entry_value_at(e), sizeof n);
    *len = n;
    size_t key_len;
    const char *key = entry_key(e, &key_len);
    return key + key_len;
}

/* A string value as bytes: `digits` (TEXT_I64_MAX bytes of room) is used when it is stored as an integer. */
const char *entry_string(const struct entry *e, char *digits, size_t *len);
/* The length of a string value. */
size_t entry_string_len(const struct entry *e);

static inline uint8_t entry_kind(enum value_type type, enum entry_encoding encoding) {
    return (uint8_t)((unsigned)type | (unsigned)encoding << 4);
}

/* What decides the layout of an entry, beside its key. */
struct entry_shape {
    enum value_type type;
    enum entry_encoding encoding;
    uint8_t flags;     /* ENTRY_EXPIRES, ENTRY_RAW (ENTRY_LONG_KEY follows from the key) */
    size_t inline_len; /* ENC_INLINE: at most ENTRY_INLINE_MAX; otherwise 0 */
};

/* The bytes that an entry takes. */
size_t entry_shape_bytes(const struct entry_shape *shape, size_t key_len);
/* A new entry with its key; deadline, value word or inline bytes are the caller's to write, access and epoch
 * are 0. */
struct entry *entry_new(const struct entry_shape *shape, const char *key, size_t key_len);
/* Gives an entry another shape in its own memory, which has room for it (mem_size). The key stays and, if
 * both shapes expire, the deadline; the old value is overwritten, so whatever it pointed to has been let go.
 */
void entry_reshape(struct entry *e, const struct entry_shape *shape);
/* Writes the value word of ENC_INT, ENC_BLOB and ENC_OBJECT. */
static inline void entry_set_int(struct entry *e, int64_t n) {
    memcpy(entry_value_at(e), &n, sizeof n);
}
static inline void entry_set_pointer(struct entry *e, void *pointer) {
    memcpy(entry_value_at(e), &pointer, sizeof pointer);
}
/* Where the bytes of an inline value stand. */
static inline char *entry_inline_at(struct entry *e) {
    size_t len;
    return (char *)entry_inline(e, &len);
}
/* The bytes it takes now by its shape (its block may be larger). */
size_t entry_bytes(const struct entry *e);
/* Memory of the value that lies outside the entry: a blob's or an object's; 0 for the rest. */
size_t entry_payload_bytes(const struct entry *e);
/* All memory of an entry and its value, as the account has it. */
size_t entry_footprint(const struct entry *e);
/* Lets go of what the value points to; the entry is then to be freed or reshaped. */
void entry_free_payload(struct entry *e);
/* Frees an entry and its value. */
void entry_free(struct entry *e);

#endif
