/* element.h: one element of a listpack: how a string or an integer is written, read and stepped over.
 *
 *     first byte     what follows it                     holds
 *     0xxxxxxx                                           integers 0 to 127
 *     10xxxxxx       the bytes                           a string shorter than 64
 *     110xxxxx       1 byte                              integers of 13 bits, signed
 *     1110xxxx       1 byte, the bytes                   a string shorter than 4096
 *     11110000       4 bytes of length, the bytes        a longer string
 *     11110001..100  2, 3, 4, 8 bytes, little endian     wider integers
 *
 * and then the length of all that, written backwards in groups of seven bits, so that one can step back from
 * the end of an element to its beginning. See packed.h for where the format is described.
 *
 * Elements written here are canonical: what spells a 64-bit integer is an integer, in the narrowest form. So
 * two elements that mean the same are the same bytes, and looking for one is a comparison of bytes.
 *
 * Pure functions over memory that the caller owns; any thread. Inline, because they are the inner loops of
 * lists (a node of a large list is a stretch of elements without header or end) and of replies.
 */
#ifndef GYRE_TYPE_ELEMENT_H
#define GYRE_TYPE_ELEMENT_H

#include "shard/base/assert.h"
#include "shard/base/text.h"
#include "shard/type/packed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ELEMENT_HEAD_MAX = 9, ELEMENT_DIGITS_MAX = 20 };

/* An element to be written: what stands before the string's bytes, the bytes, and how long all of it gets. */
struct element {
    const char *data; /* of a string; not looked at where len is 0 */
    uint32_t len;
    uint32_t bytes; /* in all, with the length behind it */
    uint8_t head_len;
    unsigned char head[ELEMENT_HEAD_MAX];
};

/* How many bytes the length behind `n` bytes takes. */
static inline uint32_t element_tail_bytes(uint32_t n) {
    return n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
}

static inline struct element element_from_int(int64_t n) {
    struct element e = {.head_len = 9};
    if (n >= 0 && n <= 127) {
        e.head[0] = (unsigned char)n;
        e.head_len = 1;
    } else if (n >= -4096 && n <= 4095) {
        e.head[0] = (unsigned char)(0xc0 | ((uint64_t)n >> 8 & 0x1f));
        e.head[1] = (unsigned char)n;
        e.head_len = 2;
    } else {
        uint64_t bits = (uint64_t)n;
        unsigned width = n >= INT16_MIN && n <= INT16_MAX            ? 2
                         : n >= -(1 << 23) && n <= (1 << 23) - 1     ? 3
                         : n >= INT32_MIN && n <= (int64_t)INT32_MAX ? 4
                                                                     : 8;
        e.head[0] = (unsigned char)(width == 8 ? 0xf4 : 0xef + width);
        for (unsigned i = 0; i < width; i++) e.head[1 + i] = (unsigned char)(bits >> 8 * i);
        e.head_len = (uint8_t)(1 + width);
    }
    e.bytes = e.head_len + 1U;
    return e;
}

/* A string that stays a string. */
static inline struct element element_from_string(const char *data, uint32_t len) {
    struct element e = {.data = data, .len = len, .head_len = 1};
    if (LIKELY(len < 64)) {
        e.head[0] = (unsigned char)(0x80 | len);
        e.bytes = len + 2;
        return e;
    }
    if (len < 4096) {
        e.head[0] = (unsigned char)(0xe0 | len >> 8);
        e.head[1] = (unsigned char)len;
        e.head_len = 2;
    } else {
        e.head[0] = 0xf0;
        for (unsigned i = 0; i < 4; i++) e.head[1 + i] = (unsigned char)(len >> 8 * i);
        e.head_len = 5;
    }
    e.bytes = e.head_len + len + element_tail_bytes(e.head_len + len);
    return e;
}

/* Whether bytes may spell an integer; what may not is a string. */
static inline bool element_may_be_int(const char *data, size_t len) {
    return len - 1 < ELEMENT_DIGITS_MAX && (data[0] == '-' || (data[0] >= '0' && data[0] <= '9'));
}

/* Bytes as they are stored: as the integer that they spell, or as a string. `len` is below
 * PACKED_BYTES_MAX; the bytes are not copied. */
static inline struct element element_from(const char *data, size_t len) {
    int64_t n;
    ASSERT(len < PACKED_BYTES_MAX);
    if (element_may_be_int(data, len) && text_to_i64(data, len, &n)) return element_from_int(n);
    return element_from_string(data, (uint32_t)len);
}

/* Writes e->bytes bytes. */
static inline void element_write(unsigned char *at, const struct element *e) {
    uint32_t n = e->head_len + e->len;
    if (LIKELY(e->head_len == 1))
        *at = e->head[0];
    else
        memcpy(at, e->head, e->head_len);
    at += e->head_len;
    if (e->len) memcpy(at, e->data, e->len);
    at += e->len;
    if (LIKELY(n <= 127)) {
        *at = (unsigned char)n;
        return;
    }
    unsigned tail = e->bytes - n;
    for (unsigned i = 0; i < tail; i++)
        at[i] = (unsigned char)((n >> 7 * (tail - 1 - i) & 127) | (i > 0 ? 128 : 0));
}

/* Writes a string shorter than 64 bytes that is no integer: len + 2 bytes. */
static inline void element_write_short(unsigned char *at, const char *data, uint32_t len) {
    DASSERT(len < 64);
    at[0] = (unsigned char)(0x80 | len);
    memcpy(at + 1, data, len);
    at[1 + len] = (unsigned char)(1 + len);
}

/* The length of a string that is not shorter than 64, and where its bytes begin. */
static inline uint32_t element_long_string(const unsigned char *at, unsigned *head_len) {
    if (*at < 0xf0) {
        *head_len = 2;
        return (uint32_t)(at[0] & 15) << 8 | at[1];
    }
    *head_len = 5;
    return (uint32_t)at[1] | (uint32_t)at[2] << 8 | (uint32_t)at[3] << 16 | (uint32_t)at[4] << 24;
}

static inline bool element_is_long_string(const unsigned char *at) {
    return *at >= 0xe0 && *at <= 0xf0;
}

/* The bytes of the element at `at`, all of it. */
static inline uint32_t element_bytes(const unsigned char *at) {
    static const uint8_t wide_ints[] = {3, 4, 5, 9}; /* from 0xf1 on */
    if (LIKELY(*at < 0xc0)) return *at < 0x80 ? 2 : (*at & 63) + 2U;
    if (*at < 0xe0) return 3;
    if (element_is_long_string(at)) {
        unsigned head_len;
        uint32_t n = element_long_string(at, &head_len);
        n += head_len;
        return n + element_tail_bytes(n);
    }
    ASSERT(*at <= 0xf4);
    return wide_ints[*at - 0xf1] + 1U;
}

/* The bytes of the element that ends at `end`, all of it. */
static inline uint32_t element_bytes_before(const unsigned char *end) {
    uint32_t n = 0;
    unsigned shift = 0;
    do {
        end--;
        n |= (uint32_t)(*end & 127) << shift;
        shift += 7;
    } while ((*end & 128) && shift < 35);
    return n + element_tail_bytes(n);
}

static inline int64_t element_int(const unsigned char *at) {
    if (*at < 0x80) return *at;
    if (*at < 0xe0) {
        int64_t n = (at[0] & 31) << 8 | at[1];
        return n >= 4096 ? n - 8192 : n;
    }
    ASSERT(*at >= 0xf1 && *at <= 0xf4);
    unsigned width = *at == 0xf4 ? 8 : *at - 0xefU;
    uint64_t bits = 0;
    for (unsigned i = 0; i < width; i++) bits |= (uint64_t)at[1 + i] << 8 * i;
    return (int64_t)(bits << (64 - 8 * width)) >> (64 - 8 * width);
}

static inline struct packed_value element_get(const unsigned char *at) {
    if (LIKELY((*at & 0xc0) == 0x80))
        return (struct packed_value){.data = (const char *)at + 1, .len = *at & 63};
    if (element_is_long_string(at)) {
        unsigned head_len;
        uint32_t len = element_long_string(at, &head_len);
        return (struct packed_value){.data = (const char *)at + head_len, .len = len};
    }
    return (struct packed_value){.integer = element_int(at)};
}

/* Whether the element at `at` is the one that `e` would be written as. */
static inline bool element_equals(const unsigned char *at, const struct element *e) {
    return *at == e->head[0] && (e->head_len == 1 || memcmp(at, e->head, e->head_len) == 0) &&
           (e->len == 0 || memcmp(at + e->head_len, e->data, e->len) == 0);
}

#endif
