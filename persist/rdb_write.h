/* rdb_write.h: RDB bytes going out: lengths, strings and the frame of a file, into bounded chunks.
 *
 *     struct rdb_writer w;
 *     rdb_writer_init(&w, take, arg);
 *     w.compress = ...; w.checksum = ...;
 *     rdb_write_...(&w, ...);
 *     rdb_write_flush(&w);
 *
 * What is written gathers in a chunk; a full one is handed to `take`, which owns it from then on (a list, a
 * mailbox, a file; it must not fail, and frees the chunk with rdb_chunk_free when it is done). With
 * `checksum` each chunk carries the CRC-64 of its bytes, so that whoever puts the chunks of several writers
 * into one file can combine them. A writer may be left for any time between two calls.
 *
 * A writer belongs to one thread at a time; chunks may be freed on any. Nothing here can fail but for want
 * of memory.
 */
#ifndef GYRE_PERSIST_RDB_WRITE_H
#define GYRE_PERSIST_RDB_WRITE_H

#include "persist/rdb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RDB_CHUNK_BYTES = 65536 - 64, /* what a chunk holds, unless the writer was told otherwise */
    RDB_PIECE_BYTES = 32 * 1024,  /* a longer string is compressed and written in pieces: rdb_save.h */
    RDB_COMPRESS_MIN = 21,        /* shorter strings are not compressed, as in Redis */
};

struct rdb_chunk {
    struct rdb_chunk *next; /* the taker's */
    uint64_t crc;           /* of the bytes, where the writer sums; otherwise 0 */
    uint32_t len, cap;
    unsigned char bytes[];
};

typedef void rdb_chunk_take(void *arg, struct rdb_chunk *chunk);

struct rdb_writer {
    rdb_chunk_take *take;
    void *arg;
    bool compress, checksum; /* rdbcompression, rdbchecksum */
    uint32_t chunk_bytes;    /* RDB_CHUNK_BYTES; may be set to less */
    struct rdb_chunk *chunk; /* being filled; NULL: none */
    uint64_t taken;          /* bytes handed over so far */
    unsigned char *scratch;  /* for compression; NULL until needed */
};

void rdb_writer_init(struct rdb_writer *w, rdb_chunk_take *take, void *arg);
/* Hands over what was written and not handed over yet. */
void rdb_write_flush(struct rdb_writer *w);
/* Drops what was not handed over, and frees what the writer has. */
void rdb_writer_close(struct rdb_writer *w);
void rdb_chunk_free(struct rdb_chunk *chunk);
/* All bytes written so far. */
static inline uint64_t rdb_writer_bytes(const struct rdb_writer *w) {
    return w->taken + (w->chunk ? w->chunk->len : 0);
}

/* ---- what everything is made of ---- */

void rdb_write_raw(struct rdb_writer *w, const void *bytes, size_t n);
void rdb_write_byte(struct rdb_writer *w, unsigned byte);
void rdb_write_length(struct rdb_writer *w, uint64_t n);
/* A string as Redis writes it: as an integer if it spells one of up to 32 bits, compressed if that is wanted
 * and shortens it, else as it is. Of any length; above RDB_COMPRESS_INPUT_MAX (64 KiB) only rdb_save.h, which
 * does it in steps, compresses. */
void rdb_write_string(struct rdb_writer *w, const char *data, size_t len);
/* The string that spells this integer. */
void rdb_write_integer(struct rdb_writer *w, int64_t n);
/* 8 bytes, little endian. */
void rdb_write_double(struct rdb_writer *w, double value);
/* How a compressed string begins; its `packed` bytes follow. */
void rdb_write_lzf_head(struct rdb_writer *w, uint64_t packed, uint64_t len);

/* ---- the frame ---- */

void rdb_write_header(struct rdb_writer *w);
void rdb_write_aux(struct rdb_writer *w, const char *name, const char *value, size_t len);
void rdb_write_aux_int(struct rdb_writer *w, const char *name, int64_t value);
void rdb_write_select(struct rdb_writer *w, uint64_t database);
void rdb_write_resize(struct rdb_writer *w, uint64_t keys, uint64_t expiring);
/* The opcode that ends a file, and then, apart from it because it has to be summed first, the checksum. */
void rdb_write_end(struct rdb_writer *w);
void rdb_write_checksum(struct rdb_writer *w, uint64_t crc);

#endif
