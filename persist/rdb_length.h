/* rdb_length.h: how lengths and strings of RDB begin: for rdb_read.c and rdb_skim.c.
 *
 * Pure functions over bytes that are there; "short" says that more are needed to tell.
 */
#ifndef GYRE_PERSIST_RDB_LENGTH_H
#define GYRE_PERSIST_RDB_LENGTH_H

#include "persist/rdb.h"

#include <stddef.h>
#include <stdint.h>

enum rdb_head { RDB_HEAD_FOUND, RDB_HEAD_SHORT, RDB_HEAD_WRONG };

struct rdb_string_head {
    enum { RDB_FORM_RAW, RDB_FORM_INTEGER, RDB_FORM_LZF } form;
    size_t bytes;  /* of this head */
    uint64_t body; /* bytes that follow */
    uint64_t len;  /* of the string; of an integer: not known */
};

static inline uint64_t rdb_big_endian(const unsigned char *at, unsigned bytes) {
    uint64_t n = 0;
    for (unsigned i = 0; i < bytes; i++) n = n << 8 | at[i];
    return n;
}

/* A length that is no encoding of a string. */
static inline enum rdb_head rdb_length_head(const unsigned char *at, size_t present, uint64_t *n,
                                            size_t *bytes) {
    if (present == 0) return RDB_HEAD_SHORT;
    switch (*at >> 6) {
    case RDB_LEN_6:
        *n = *at & 63;
        *bytes = 1;
        return RDB_HEAD_FOUND;
    case RDB_LEN_14:
        if (present < 2) return RDB_HEAD_SHORT;
        *n = rdb_big_endian(at, 2) & 0x3fff;
        *bytes = 2;
        return RDB_HEAD_FOUND;
    case RDB_LEN_LONG: break;
    default: return RDB_HEAD_WRONG;
    }
    if (*at != RDB_LEN_32 && *at != RDB_LEN_64) return RDB_HEAD_WRONG;
    unsigned width = *at == RDB_LEN_32 ? 4 : 8;
    if (present < 1 + width) return RDB_HEAD_SHORT;
    *n = rdb_big_endian(at + 1, width);
    *bytes = 1 + width;
    return RDB_HEAD_FOUND;
}

static inline enum rdb_head rdb_string_head(const unsigned char *at, size_t present,
                                            struct rdb_string_head *head) {
    *head = (struct rdb_string_head){.form = RDB_FORM_RAW};
    if (present == 0) return RDB_HEAD_SHORT;
    if (*at >> 6 != RDB_LEN_ENCODED) {
        enum rdb_head result = rdb_length_head(at, present, &head->body, &head->bytes);
        head->len = head->body;
        return result;
    }
    unsigned kind = *at & 63;
    if (kind > RDB_ENC_LZF) return RDB_HEAD_WRONG;
    if (kind != RDB_ENC_LZF) {
        *head = (struct rdb_string_head){.form = RDB_FORM_INTEGER, .bytes = 1, .body = UINT64_C(1) << kind};
        return RDB_HEAD_FOUND;
    }
    size_t first = 0, second = 0;
    enum rdb_head result = rdb_length_head(at + 1, present - 1, &head->body, &first);
    if (result != RDB_HEAD_FOUND) return result;
    result = rdb_length_head(at + 1 + first, present - 1 - first, &head->len, &second);
    head->form = RDB_FORM_LZF;
    head->bytes = 1 + first + second;
    return result;
}

#endif
