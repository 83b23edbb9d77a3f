/* rdb_write.c: see rdb_write.h, and rdb.h for the format. */
#include "persist/rdb_write.h"

#include "persist/rdb_compress.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>

enum {
    INTEGER_TEXT_MAX = 11, /* "-2147483648" */
    LZF_GAIN_MIN = 4,      /* bytes that compression has to save, as in Redis */
};

/* ---- chunks ---- */

void rdb_writer_init(struct rdb_writer *w, rdb_chunk_take *take, void *arg) {
    *w = (struct rdb_writer){.take = take, .arg = arg, .chunk_bytes = RDB_CHUNK_BYTES};
}

void rdb_chunk_free(struct rdb_chunk *chunk) {
    mem_free(chunk);
}

void rdb_write_flush(struct rdb_writer *w) {
    struct rdb_chunk *chunk = w->chunk;
    if (!chunk) return;
    ASSERT(chunk->len <= chunk->cap);
    if (w->checksum) chunk->crc = crc64(0, chunk->bytes, chunk->len);
    w->taken += chunk->len;
    w->chunk = NULL;
    w->take(w->arg, chunk);
}

void rdb_writer_close(struct rdb_writer *w) {
    rdb_chunk_free(w->chunk);
    mem_free(w->scratch);
    w->chunk = NULL;
    w->scratch = NULL;
}

/* A chunk with at least one byte of room. */
static struct rdb_chunk *chunk_with_room(struct rdb_writer *w) {
    if (w->chunk && w->chunk->len == w->chunk->cap) rdb_write_flush(w);
    if (!w->chunk) {
        ASSERT(w->chunk_bytes > 0);
        w->chunk = mem_alloc(sizeof *w->chunk + w->chunk_bytes);
        *w->chunk = (struct rdb_chunk){.cap = w->chunk_bytes};
    }
    return w->chunk;
}

static void write_across_chunks(struct rdb_writer *w, const unsigned char *bytes, size_t n) {
    while (n > 0) {
        struct rdb_chunk *chunk = chunk_with_room(w);
        size_t part = chunk->cap - chunk->len;
        if (part > n) part = n;
        memcpy(chunk->bytes + chunk->len, bytes, part);
        chunk->len += (uint32_t)part;
        bytes += part;
        n -= part;
    }
}

static inline void put(struct rdb_writer *w, const void *bytes, size_t n) {
    struct rdb_chunk *chunk = w->chunk;
    if (UNLIKELY(!chunk || chunk->cap - chunk->len < n)) {
        write_across_chunks(w, bytes, n);
        return;
    }
    memcpy(chunk->bytes + chunk->len, bytes, n);
    chunk->len += (uint32_t)n;
}

void rdb_write_raw(struct rdb_writer *w, const void *bytes, size_t n) {
    if (n > 0) put(w, bytes, n);
}

void rdb_write_byte(struct rdb_writer *w, unsigned byte) {
    ASSERT(byte <= UINT8_MAX);
    put(w, &(unsigned char){(unsigned char)byte}, 1);
}

/* ---- lengths, strings, numbers ---- */

static size_t big_endian(unsigned char *to, uint64_t n, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) to[i] = (unsigned char)(n >> 8 * (bytes - 1 - i));
    return bytes;
}

void rdb_write_length(struct rdb_writer *w, uint64_t n) {
    unsigned char head[9];
    size_t len = 1;
    if (n < 1 << 6) {
        head[0] = (unsigned char)n;
    } else if (n < 1 << 14) {
        head[0] = (unsigned char)(RDB_LEN_14 << 6 | n >> 8);
        head[len++] = (unsigned char)n;
    } else if (n <= UINT32_MAX) {
        head[0] = RDB_LEN_32;
        len += big_endian(head + 1, n, 4);
    } else {
        head[0] = RDB_LEN_64;
        len += big_endian(head + 1, n, 8);
    }
    put(w, head, len);
}

/* Writes an integer that fits 32 bits; false, and nothing written, if it does not. */
static bool write_small_integer(struct rdb_writer *w, int64_t n) {
    unsigned char bytes[5];
    unsigned kind, width;
    if (n >= INT8_MIN && n <= INT8_MAX) {
        kind = RDB_ENC_INT8;
        width = 1;
    } else if (n >= INT16_MIN && n <= INT16_MAX) {
        kind = RDB_ENC_INT16;
        width = 2;
    } else if (n >= INT32_MIN && n <= INT32_MAX) {
        kind = RDB_ENC_INT32;
        width = 4;
    } else {
        return false;
    }
    bytes[0] = (unsigned char)(RDB_LEN_ENCODED << 6 | kind);
    for (unsigned i = 0; i < width; i++) bytes[1 + i] = (unsigned char)((uint64_t)n >> 8 * i);
    put(w, bytes, 1 + width);
    return true;
}

void rdb_write_integer(struct rdb_writer *w, int64_t n) {
    char digits[TEXT_I64_MAX];
    if (write_small_integer(w, n)) return;
    size_t len = text_from_i64(digits, n);
    rdb_write_length(w, len);
    put(w, digits, len);
}

void rdb_write_lzf_head(struct rdb_writer *w, uint64_t packed, uint64_t len) {
    rdb_write_byte(w, RDB_LEN_ENCODED << 6 | RDB_ENC_LZF);
    rdb_write_length(w, packed);
    rdb_write_length(w, len);
}

/* Writes a string compressed, if that saves anything. */
static bool write_compressed(struct rdb_writer *w, const char *data, size_t len) {
    if (!w->scratch) w->scratch = mem_alloc(RDB_COMPRESS_INPUT_MAX);
    size_t packed = rdb_compress(data, len, w->scratch, len - LZF_GAIN_MIN);
    if (packed == 0) return false;
    rdb_write_lzf_head(w, packed, len);
    put(w, w->scratch, packed);
    return true;
}

void rdb_write_string(struct rdb_writer *w, const char *data, size_t len) {
    int64_t n;
    if (len - 1 < INTEGER_TEXT_MAX && (unsigned char)data[0] <= '9' && text_to_i64(data, len, &n) &&
        write_small_integer(w, n))
        return;
    bool may_shrink = len >= RDB_COMPRESS_MIN && len <= RDB_COMPRESS_INPUT_MAX;
    if (w->compress && may_shrink && write_compressed(w, data, len)) return;
    rdb_write_length(w, len);
    if (len > 0) put(w, data, len);
}

void rdb_write_double(struct rdb_writer *w, double value) {
    uint64_t bits;
    unsigned char bytes[sizeof bits];
    memcpy(&bits, &value, sizeof bits);
    for (unsigned i = 0; i < sizeof bits; i++) bytes[i] = (unsigned char)(bits >> 8 * i);
    put(w, bytes, sizeof bytes);
}

/* ---- the frame ---- */

void rdb_write_header(struct rdb_writer *w) {
    char text[RDB_HEADER_BYTES + 1];
    int n = snprintf(text, sizeof text, "REDIS%04d", RDB_VERSION);
    ASSERT(n == RDB_HEADER_BYTES);
    put(w, text, (size_t)n);
}

void rdb_write_aux(struct rdb_writer *w, const char *name, const char *value, size_t len) {
    rdb_write_byte(w, RDB_AUX);
    rdb_write_string(w, name, strlen(name));
    rdb_write_string(w, value, len);
}

void rdb_write_aux_int(struct rdb_writer *w, const char *name, int64_t value) {
    char digits[TEXT_I64_MAX];
    rdb_write_aux(w, name, digits, text_from_i64(digits, value));
}

void rdb_write_select(struct rdb_writer *w, uint64_t database) {
    rdb_write_byte(w, RDB_SELECTDB);
    rdb_write_length(w, database);
}

void rdb_write_resize(struct rdb_writer *w, uint64_t keys, uint64_t expiring) {
    rdb_write_byte(w, RDB_RESIZEDB);
    rdb_write_length(w, keys);
    rdb_write_length(w, expiring);
}

void rdb_write_end(struct rdb_writer *w) {
    rdb_write_byte(w, RDB_EOF);
}

void rdb_write_checksum(struct rdb_writer *w, uint64_t crc) {
    unsigned char bytes[sizeof crc];
    for (unsigned i = 0; i < sizeof crc; i++) bytes[i] = (unsigned char)(crc >> 8 * i);
    put(w, bytes, sizeof bytes);
}
