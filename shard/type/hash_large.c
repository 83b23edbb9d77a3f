/* hash_large.c: a hash of many fields, or of long ones: a table of entries. See hash.h.
 *
 * The table and the entries are those of the keyspace. An entry is laid out like a string key's: the value
 * beside the field up to ENTRY_INLINE_MAX bytes, in a blob from there on, and as an integer where that is
 * shorter than its text. So a field costs one allocation and a lookup two cache lines.
 *
 * Under the hold of the slice whose key the hash belongs to, or by its only owner.
 */
#include "shard/base/mem.h"
#include "shard/store/blob.h"
#include "shard/type/hash_parts.h"
#include "shard/type/walk.h"

#include <string.h>

enum {
    STEPS_AFTER_REMOVAL = 2,
    INTEGER_TEXT_MIN = 7, /* shorter texts take no more room than an integer */
    INTEGER_TEXT_MAX = 20,
};

/* ---- entries ---- */

struct hash_value fields_name(const struct entry *e) {
    size_t len;
    const char *text = entry_key(e, &len);
    return hash_value_bytes(text, len);
}

struct hash_value fields_value(const struct entry *e) {
    struct hash_value v = {0};
    switch (entry_encoding(e)) {
    case ENC_INT: v.integer = entry_int(e); return v;
    case ENC_INLINE: v.data = entry_inline(e, &v.len); return v;
    case ENC_BLOB:
        v.blob = entry_blob(e);
        v.data = v.blob->data;
        v.len = v.blob->len;
        return v;
    case ENC_OBJECT: break;
    }
    ASSERT(false);
    return v;
}

/* How a value will be kept, and which integer it is if it is kept as one. */
static struct entry_shape shape_for(const struct hash_value *v, int64_t *integer) {
    struct entry_shape shape = {.encoding = ENC_INT};
    *integer = v->integer;
    if (!v->data) return shape;
    bool short_enough = v->len >= INTEGER_TEXT_MIN && v->len <= INTEGER_TEXT_MAX;
    if (short_enough && text_to_i64(v->data, v->len, integer)) return shape;
    if (v->blob || v->len > ENTRY_INLINE_MAX) {
        shape.encoding = ENC_BLOB;
    } else {
        shape.encoding = ENC_INLINE;
        shape.inline_len = v->len;
    }
    return shape;
}

static uint32_t blob_effort(const struct blob *blob) {
    return (uint32_t)(blob_footprint(blob) / FIELDS_EFFORT_BYTES);
}

/* Writes the value into an entry that has the shape for it. */
static void write_value(struct fields *t, struct entry *e, const struct hash_value *v, int64_t integer) {
    if (entry_encoding(e) == ENC_INT) {
        entry_set_int(e, integer);
    } else if (entry_encoding(e) == ENC_INLINE) {
        if (v->len) memcpy(entry_inline_at(e), v->data, v->len);
    } else {
        struct blob *blob = v->blob ? blob_ref(v->blob) : blob_new_from(v->data, v->len);
        entry_set_pointer(e, blob);
        t->blob_effort += blob_effort(blob);
        t->bytes += blob_footprint(blob);
    }
}

/* Hands the blob of an entry that is to be freed or reshaped to the caller. */
static struct blob *take_blob(struct fields *t, const struct entry *e) {
    if (entry_encoding(e) != ENC_BLOB) return NULL;
    struct blob *blob = entry_blob(e);
    ASSERT(t->blob_effort >= blob_effort(blob) && t->bytes > blob_footprint(blob));
    t->blob_effort -= blob_effort(blob);
    t->bytes -= blob_footprint(blob);
    return blob;
}

/* ---- fields ---- */

struct fields *fields_new(size_t count) {
    struct fields *t = mem_zalloc(sizeof *t);
    t->encoding = OBJECT_TABLE;
    t->bytes = mem_size(t);
    t->table.private = true;
    table_reserve(&t->table, count);
    return t;
}

static uint64_t field_hash(const struct hash_field *f) {
    return f->hash ? f->hash : table_hash(f->text, f->len);
}

bool fields_find(struct fields *t, struct hash_field *f) {
    f->hash = field_hash(f);
    f->at = table_find(&t->table, f->text, f->len, f->hash);
    f->state = f->at ? FIELD_PRESENT : FIELD_ABSENT;
    return f->at != NULL;
}

void fields_add(struct fields *t, const struct hash_field *f, const struct hash_value *v) {
    int64_t integer;
    struct entry_shape shape = shape_for(v, &integer);
    struct entry *e = entry_new(&shape, f->text, f->len);
    t->bytes += mem_size(e);
    write_value(t, e, v, integer);
    table_insert(&t->table, e, field_hash(f));
}

/* Whether an entry of this shape fits the block of another, without wasting more than half of it. */
static bool fits_block(const struct entry *e, const struct entry_shape *shape, size_t field_len) {
    size_t bytes = entry_shape_bytes(shape, field_len), room = mem_size(e);
    return bytes <= room && bytes * 2 >= room;
}

void fields_replace(struct fields *t, const struct hash_field *f, const struct hash_value *v,
                    struct blob **left) {
    ASSERT(f->state == FIELD_PRESENT);
    struct entry **at = f->at, *e = *at;
    int64_t integer;
    struct entry_shape shape = shape_for(v, &integer);
    struct hash_value old = fields_value(e);
    *left = take_blob(t, e);
    bool same = shape.encoding == entry_encoding(e) && (shape.encoding != ENC_INLINE || v->len == old.len);
    if (same) {
        write_value(t, e, v, integer);
    } else if (fits_block(e, &shape, f->len)) {
        entry_reshape(e, &shape);
        write_value(t, e, v, integer);
    } else {
        struct entry *fresh = entry_new(&shape, f->text, f->len);
        t->bytes += mem_size(fresh) - mem_size(e);
        write_value(t, fresh, v, integer);
        table_replace(at, fresh);
        mem_free(e);
    }
}

void fields_remove(struct fields *t, const struct hash_field *f, struct blob **left) {
    ASSERT(f->state == FIELD_PRESENT);
    struct entry **at = f->at, *e = *at;
    size_t bytes = mem_size(e);
    *left = take_blob(t, e);
    ASSERT(t->bytes > bytes);
    t->bytes -= bytes;
    table_remove(&t->table, at, field_hash(f));
    mem_free(e);
    table_step(&t->table, STEPS_AFTER_REMOVAL);
}

/* ---- whole hashes ---- */

struct fields *fields_from_packed(const struct packed *p) {
    struct fields *t = fields_new(packed_count(p) / 2 + 1);
    for (const unsigned char *at = packed_first(p); at; at = packed_next(p, at)) {
        char digits[PACKED_DIGITS];
        size_t len;
        const char *text = packed_text(at, digits, &len);
        struct hash_field f = hash_field(text, len);
        at = packed_next(p, at);
        struct hash_value v = hash_value_at(at);
        fields_add(t, &f, &v);
    }
    return t;
}

static bool add_copy(void *arg, const struct entry *e) {
    struct hash_value name = fields_name(e), value = fields_value(e);
    struct hash_field f = hash_field(name.data, name.len);
    fields_add(arg, &f, &value);
    return true;
}

/* Blobs are shared: nobody changes one in place. */
struct fields *fields_copy(const struct fields *t) {
    struct fields *to = fields_new(table_count(&t->table));
    walk_table(&t->table, add_copy, to);
    return to;
}

size_t fields_effort(const struct fields *t) {
    return 1 + table_count(&t->table) + t->blob_effort;
}

static void free_entry(void *arg, struct entry *e) {
    size_t *spent = arg;
    *spent += 1 + (entry_encoding(e) == ENC_BLOB ? blob_effort(entry_blob(e)) : 0);
    entry_free(e);
}

/* A bucket at a time, since what its entries cost is known only afterwards. */
bool fields_free_some(struct fields *t, size_t effort) {
    for (size_t spent = 0; spent < effort; spent++) {
        if (table_drain(&t->table, 1, free_entry, &spent)) continue;
        mem_free(t);
        return false;
    }
    return true;
}

/* ---- the check ---- */

struct sums {
    size_t bytes;
    uint32_t blob_effort;
};

static bool sum_entry(void *arg, const struct entry *e) {
    struct sums *sums = arg;
    ASSERT(!entry_expires(e) && entry_encoding(e) != ENC_OBJECT);
    sums->bytes += mem_size(e);
    if (entry_encoding(e) == ENC_BLOB) {
        sums->bytes += blob_footprint(entry_blob(e));
        sums->blob_effort += blob_effort(entry_blob(e));
    }
    return true;
}

void fields_check(const struct fields *t) {
    struct sums sums = {.bytes = mem_size(t)};
    table_check(&t->table);
    ASSERT(t->table.private);
    walk_table(&t->table, sum_entry, &sums);
    ASSERT(sums.blob_effort == t->blob_effort && sums.bytes == t->bytes);
}
