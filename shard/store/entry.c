/* entry.c: laying out entries: see the picture in entry.h. Under the hold of the entry's slice, or before the
 * entry is in a table. */
#include "shard/store/entry.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/store/value_methods.h"

enum { KEY_SHORT_MAX = 255 };

const char *entry_string(const struct entry *e, char *digits, size_t *len) {
    ASSERT(entry_type(e) == TYPE_STRING);
    switch (entry_encoding(e)) {
    case ENC_INT: *len = text_from_i64(digits, entry_int(e)); return digits;
    case ENC_INLINE: return entry_inline(e, len);
    case ENC_BLOB: *len = entry_blob(e)->len; return entry_blob(e)->data;
    case ENC_OBJECT: break;
    }
    ASSERT(false);
    return NULL;
}

size_t entry_string_len(const struct entry *e) {
    char digits[TEXT_I64_MAX];
    size_t len;
    entry_string(e, digits, &len);
    return len;
}

static size_t shape_key_offset(const struct entry_shape *shape, size_t key_len) {
    size_t at = sizeof(struct entry);
    if (shape->flags & ENTRY_EXPIRES) at += sizeof(struct deadline);
    at += shape->encoding == ENC_INLINE ? sizeof(uint16_t) : sizeof(int64_t);
    if (key_len > KEY_SHORT_MAX) at += sizeof(uint32_t);
    return at;
}

size_t entry_shape_bytes(const struct entry_shape *shape, size_t key_len) {
    return shape_key_offset(shape, key_len) + key_len + shape->inline_len;
}

/* Writes all that surrounds the key, which stands in its place already. */
static void entry_write_shape(struct entry *e, const struct entry_shape *shape, size_t key_len) {
    ASSERT(shape->encoding == ENC_INLINE ? shape->inline_len <= ENTRY_INLINE_MAX : shape->inline_len == 0);
    ASSERT(shape->encoding == ENC_OBJECT || shape->type == TYPE_STRING);
    e->kind = entry_kind(shape->type, shape->encoding);
    e->flags = shape->flags;
    if (UNLIKELY(key_len > KEY_SHORT_MAX)) {
        uint32_t n = (uint32_t)key_len;
        e->flags |= ENTRY_LONG_KEY;
        e->key_len = 0;
        memcpy(entry_value_at(e) + entry_value_bytes(e), &n, sizeof n);
    } else {
        e->key_len = (uint8_t)key_len;
    }
    if (shape->encoding == ENC_INLINE) {
        uint16_t n = (uint16_t)shape->inline_len;
        memcpy(entry_value_at(e), &n, sizeof n);
    }
}

struct entry *entry_new(const struct entry_shape *shape, const char *key, size_t key_len) {
    ASSERT(key_len <= UINT32_MAX);
    ASSERT(!(shape->flags & ENTRY_LONG_KEY));
    struct entry *e = mem_alloc(entry_shape_bytes(shape, key_len));
    e->epoch = 0;
    e->access = 0;
    if (key_len) memcpy((char *)e + shape_key_offset(shape, key_len), key, key_len);
    entry_write_shape(e, shape, key_len);
    return e;
}

void entry_reshape(struct entry *e, const struct entry_shape *shape) {
    size_t key_len;
    const char *key = entry_key(e, &key_len);
    char *to = (char *)e + shape_key_offset(shape, key_len);
    DASSERT(entry_shape_bytes(shape, key_len) <= mem_size(e));
    if (to != key) memmove(to, key, key_len);
    entry_write_shape(e, shape, key_len);
}

size_t entry_bytes(const struct entry *e) {
    size_t len, inline_len = 0;
    const char *end = entry_key(e, &len) + len;
    if (entry_encoding(e) == ENC_INLINE) entry_inline(e, &inline_len);
    return (size_t)(end - (const char *)e) + inline_len;
}

size_t entry_payload_bytes(const struct entry *e) {
    switch (entry_encoding(e)) {
    case ENC_INT:
    case ENC_INLINE: return 0;
    case ENC_BLOB: return blob_footprint(entry_blob(e));
    case ENC_OBJECT: return value_methods_get(entry_type(e))->bytes(entry_object(e));
    }
    ASSERT(false);
    return 0;
}

size_t entry_footprint(const struct entry *e) {
    return mem_size(e) + entry_payload_bytes(e);
}

void entry_free_payload(struct entry *e) {
    if (entry_encoding(e) == ENC_BLOB) {
        blob_unref(entry_blob(e));
    } else if (entry_encoding(e) == ENC_OBJECT) {
        value_free(entry_type(e), entry_object(e));
    }
}

void entry_free(struct entry *e) {
    entry_free_payload(e);
    mem_free(e);
}
