/* rdb_dump.c: see rdb_dump.h. */
#include "persist/rdb_dump.h"

#include "persist/rdb_save.h"
#include "shard/base/crc64.h"

enum { VERSION_BYTES = 2, SUM_BYTES = 8, FOOTER_BYTES = VERSION_BYTES + SUM_BYTES, SMALL_BYTES = 2048 };

static void gather(void *arg, struct rdb_chunk *chunk) {
    buf_append(arg, chunk->bytes, chunk->len);
    rdb_chunk_free(chunk);
}

static void append_little_endian(struct buf *to, uint64_t n, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) buf_append_char(to, (char)(n >> 8 * i));
}

static uint64_t little_endian(const unsigned char *at, unsigned bytes) {
    uint64_t n = 0;
    for (unsigned i = bytes; i-- > 0;) n = n << 8 | at[i];
    return n;
}

void rdb_dump(struct buf *to, const struct entry *e, bool compress) {
    struct rdb_writer w;
    size_t start = to->len;
    rdb_writer_init(&w, gather, to);
    w.compress = compress;
    if (entry_bytes(e) + entry_payload_bytes(e) < SMALL_BYTES) w.chunk_bytes = SMALL_BYTES;
    rdb_save_value(&w, e);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
    append_little_endian(to, RDB_VERSION, VERSION_BYTES);
    append_little_endian(to, crc64(0, to->data + start, to->len - start), SUM_BYTES);
}

enum rdb_payload rdb_restore(struct rdb_reader *r, const void *bytes, size_t len,
                             const struct rdb_limits *limits, struct value *value) {
    const unsigned char *footer =
        (const unsigned char *)bytes + (len < FOOTER_BYTES ? len : len - FOOTER_BYTES);
    rdb_reader_on_span(r, bytes, (size_t)(footer - (const unsigned char *)bytes), 0);
    if (len < FOOTER_BYTES || little_endian(footer, VERSION_BYTES) > RDB_VERSION_NEWEST ||
        little_endian(footer + VERSION_BYTES, SUM_BYTES) != crc64(0, bytes, len - SUM_BYTES))
        return RDB_PAYLOAD_FOREIGN;
    r->reading = "a payload";
    if (!rdb_need(r, 1)) return RDB_PAYLOAD_DAMAGED;
    unsigned type = *r->at++;
    enum rdb_loaded result = rdb_load_value(r, type, limits, value);
    if (result == RDB_LOADED_EMPTY) rdb_fail(r, "a value of no elements");
    if (result != RDB_LOADED) return RDB_PAYLOAD_DAMAGED;
    if (r->at == r->end) return RDB_PAYLOAD_VALUE;
    rdb_value_free(value);
    rdb_fail(r, "bytes behind the value");
    return RDB_PAYLOAD_DAMAGED;
}
