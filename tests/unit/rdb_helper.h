/* rdb_helper.h: values in and out of RDB bytes, for the tests of persist/. */
#ifndef GYRE_TESTS_RDB_HELPER_H
#define GYRE_TESTS_RDB_HELPER_H

#include "persist/rdb_load.h"
#include "persist/rdb_save.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/value_methods.h"
#include "shard/type/set.h"
#include "shard/type/types.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct rdb_limits rdb_limits_default = {
    .hash = {128, 64},
    .zset = {128, 64},
    .list = {.node_bytes = 8192, .node_count = UINT32_MAX, .alone_bytes = 8192},
    .intset_max = 512,
};

static inline void rdb_test_set_up(void) {
    types_register();
}

/* The taker of chunks: gathers their bytes in a struct buf. */
static inline void rdb_test_take(void *arg, struct rdb_chunk *chunk) {
    buf_append(arg, chunk->bytes, chunk->len);
    rdb_chunk_free(chunk);
}

/* An entry that holds the value (whose bytes are copied; a blob or object is taken over). */
static inline struct entry *rdb_test_entry(const char *key, const struct value *value) {
    struct entry_shape shape = {.type = TYPE_STRING, .encoding = ENC_INT};
    struct blob *blob = NULL;
    if (value->form == VALUE_OBJECT) {
        shape.type = value->object.type;
        shape.encoding = ENC_OBJECT;
    } else if (value->form == VALUE_BYTES && value->bytes.len <= ENTRY_INLINE_MAX) {
        shape.encoding = ENC_INLINE;
        shape.inline_len = value->bytes.len;
    } else if (value->form != VALUE_INT) {
        shape.encoding = ENC_BLOB;
        blob = value->form == VALUE_BLOB ? value->blob : blob_new_from(value->bytes.data, value->bytes.len);
    }
    struct entry *e = entry_new(&shape, key, strlen(key));
    if (shape.encoding == ENC_INT) entry_set_int(e, value->integer);
    if (shape.encoding == ENC_INLINE && shape.inline_len > 0)
        memcpy(entry_inline_at(e), value->bytes.data, value->bytes.len);
    if (shape.encoding == ENC_BLOB) entry_set_pointer(e, blob);
    if (shape.encoding == ENC_OBJECT) entry_set_pointer(e, value->object.pointer);
    return e;
}

/* Writes a record in steps of `budget` bytes. */
static inline void rdb_test_save(struct buf *to, const struct entry *e, bool compress, size_t budget) {
    struct rdb_writer w;
    struct rdb_save s;
    const struct rdb_save_how how = {0};
    rdb_writer_init(&w, rdb_test_take, to);
    w.compress = compress;
    rdb_save_head(&w, e, &how);
    rdb_save_begin(&s, &w, e);
    while (rdb_save_step(&s, budget)) {
    }
    rdb_save_end(&s);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
}

/* Hands out a buffer a few bytes at a time. */
struct rdb_test_stream {
    const char *bytes;
    size_t len, at, step;
};
static inline ptrdiff_t rdb_test_pull(void *arg, unsigned char *to, size_t room) {
    struct rdb_test_stream *s = arg;
    size_t n = s->len - s->at;
    if (n > s->step) n = s->step;
    if (n > room) n = room;
    memcpy(to, s->bytes + s->at, n);
    s->at += n;
    return (ptrdiff_t)n;
}

/* The value of type `type` in these bytes, as an entry of that key; NULL: it could not be read (`result`). */
static inline struct entry *rdb_test_load(const void *bytes, size_t len, unsigned type,
                                          const struct rdb_limits *limits, enum rdb_loaded *result) {
    struct rdb_reader r;
    struct value value = value_int(0);
    struct entry *e = NULL;
    rdb_reader_on_span(&r, bytes, len, 0);
    *result = rdb_load_value(&r, type, limits, &value);
    if (*result == RDB_LOADED) e = rdb_test_entry("key", &value);
    cr_assert(*result != RDB_LOAD_BROKEN || strlen(rdb_error(&r)) > 0);
    rdb_reader_close(&r);
    return e;
}

#endif
