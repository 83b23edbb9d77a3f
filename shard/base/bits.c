/* bits.c: counting, searching and combining bits, a machine word at a time: see bits.h.
 *
 * Pure functions, no thread or hold of their own. Words are loaded by memcpy, so nothing need be aligned, and
 * read as big-endian where the order of bits counts, so that the first bit is the highest of the word.
 *
 * Counting uses the processor's popcnt where it has one (asked once per call: the program itself is built for
 * processors without), otherwise the sum of bits in parallel. Both go on in strides of four words, which
 * keeps several loads and counts under way.
 */
#include "shard/base/bits.h"

#include "shard/base/assert.h"

#include <string.h>

enum { WORD = sizeof(uint64_t), STRIDE = 4 * WORD };

static inline uint64_t load(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* In which the first bit is the highest. */
static inline uint64_t load_in_order(const unsigned char *at) {
    return __builtin_bswap64(load(at));
}

/* ---- counting ---- */

static inline uint64_t word_count(uint64_t w) {
    w -= w >> 1 & UINT64_C(0x5555555555555555);
    w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
    w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (w * UINT64_C(0x0101010101010101)) >> 56;
}

static uint64_t count_words_portably(const unsigned char *at, size_t words) {
    uint64_t n = 0;
    for (; words; words--, at += WORD) n += word_count(load(at));
    return n;
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static uint64_t count_words_fast(const unsigned char *at, size_t words) {
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; words >= 4; words -= 4, at += STRIDE) {
        a += (uint64_t)__builtin_popcountll(load(at));
        b += (uint64_t)__builtin_popcountll(load(at + WORD));
        c += (uint64_t)__builtin_popcountll(load(at + 2 * WORD));
        d += (uint64_t)__builtin_popcountll(load(at + 3 * WORD));
    }
    for (; words; words--, at += WORD) a += (uint64_t)__builtin_popcountll(load(at));
    return a + b + c + d;
}

static uint64_t count_words(const unsigned char *at, size_t words) {
    return __builtin_cpu_supports("popcnt") ? count_words_fast(at, words) : count_words_portably(at, words);
}
#else
static uint64_t count_words(const unsigned char *at, size_t words) {
    return count_words_portably(at, words);
}
#endif

static uint64_t count_bytes(const unsigned char *at, size_t n) {
    uint64_t tail = 0;
    memcpy(&tail, at + n / WORD * WORD, n % WORD);
    return count_words(at, n / WORD) + word_count(tail);
}

/* The bits of a byte from its i-th on, and those before its i-th. */
static inline unsigned mask_from(uint64_t i) {
    return 0xffu >> (i & 7);
}
static inline unsigned mask_before(uint64_t i) {
    return ~mask_from(i) & 0xff;
}

uint64_t bits_count(const unsigned char *bytes, uint64_t from, uint64_t to) {
    if (from >= to) return 0;
    uint64_t first = from >> 3,
             end = to >> 3; /* of the bytes that are wholly in it, once the first is dealt with */
    if (first == end) return word_count(bytes[first] & mask_from(from) & mask_before(to));
    uint64_t n = 0;
    if (from & 7) n += word_count(bytes[first++] & mask_from(from));
    n += count_bytes(bytes + first, end - first);
    if (to & 7) n += word_count(bytes[end] & mask_before(to));
    return n;
}

/* ---- searching ---- */

/* The first byte from `at` on that is not wholly made of the other bit, or `end`. */
static uint64_t skip_bytes(const unsigned char *bytes, uint64_t at, uint64_t end, uint64_t dull) {
    for (; at + STRIDE <= end; at += STRIDE) {
        const unsigned char *p = bytes + at;
        uint64_t odd = (load(p) ^ dull) | (load(p + WORD) ^ dull) | (load(p + 2 * WORD) ^ dull) |
                       (load(p + 3 * WORD) ^ dull);
        if (odd) break;
    }
    for (; at + WORD <= end; at += WORD) {
        uint64_t odd = load_in_order(bytes + at) ^ dull;
        if (odd) return at + (uint64_t)__builtin_clzll(odd) / 8;
    }
    while (at < end && bytes[at] == (unsigned char)dull) at++;
    return at;
}

uint64_t bits_find(const unsigned char *bytes, uint64_t from, uint64_t to, bool bit) {
    if (from >= to) return to;
    uint64_t dull = bit ? 0 : UINT64_MAX;
    uint64_t at = from >> 3, end = (to + 7) >> 3;
    unsigned odd = (bytes[at] ^ (unsigned)dull) & mask_from(from);
    if (odd == 0) {
        at = skip_bytes(bytes, at + 1, end, dull);
        if (at == end) return to;
        odd = (bytes[at] ^ (unsigned)dull) & 0xff;
    }
    ASSERT(odd != 0);
    uint64_t found = at * 8 + (uint64_t)__builtin_clz(odd) - 24;
    return found < to ? found : to;
}

/* ---- fields ---- */

/* A field of 64 bits that does not begin with a byte touches nine. */
static inline size_t field_bytes(uint64_t at, unsigned width) {
    return ((at & 7) + width + 7) / 8;
}

uint64_t bits_get(const unsigned char *bytes, size_t len, uint64_t at, unsigned width) {
    ASSERT(width >= 1 && width <= BITS_FIELD_MAX);
    unsigned char near[WORD + 1] = {0};
    uint64_t first = at >> 3;
    size_t n = field_bytes(at, width);
    if (first < len) memcpy(near, bytes + first, n < len - first ? n : len - first);
    unsigned skip = (unsigned)(at & 7);
    uint64_t value = load_in_order(near) << skip;
    if (skip) value |= (uint64_t)near[WORD] >> (8 - skip);
    return value >> (BITS_FIELD_MAX - width);
}

void bits_set(unsigned char *bytes, uint64_t at, unsigned width, uint64_t value) {
    ASSERT(width >= 1 && width <= BITS_FIELD_MAX);
    unsigned char *first = bytes + (at >> 3);
    size_t n = field_bytes(at, width);
    unsigned behind =
        (unsigned)(n * 8 - (at & 7) - width); /* bits of the last byte that are not the field's */
    ASSERT(behind < 8);
    for (size_t i = n; i > 0; i--) {
        unsigned mask = i == n ? 0xffu << behind & 0xff : 0xff;
        if (i == 1) mask &= mask_from(at);
        unsigned part = (unsigned)(i == n ? value << behind : value) & 0xff;
        first[i - 1] = (unsigned char)((first[i - 1] & ~mask) | (part & mask));
        value = i == n ? value >> (8 - behind) : value >> 8;
    }
}

/* ---- combining ---- */

#define COMBINE(name, expression)                                                                            \
    static void name(unsigned char *to, const unsigned char *from, size_t n) {                               \
        size_t i = 0;                                                                                        \
        for (; i + STRIDE <= n; i += STRIDE) {                                                               \
            uint64_t x[4], y[4];                                                                             \
            memcpy(x, to + i, STRIDE);                                                                       \
            memcpy(y, from + i, STRIDE);                                                                     \
            for (int k = 0; k < 4; k++) {                                                                    \
                uint64_t a = x[k], b = y[k];                                                                 \
                x[k] = (expression);                                                                         \
            }                                                                                                \
            memcpy(to + i, x, STRIDE);                                                                       \
        }                                                                                                    \
        for (; i < n; i++) {                                                                                 \
            unsigned a = to[i], b = from[i];                                                                 \
            to[i] = (unsigned char)(expression);                                                             \
        }                                                                                                    \
    }
COMBINE(combine_and, a &b)
COMBINE(combine_or, a | b)
COMBINE(combine_xor, a ^ b)
COMBINE(combine_not, ((void)a, ~b))
#undef COMBINE

void bits_combine(enum bits_operation operation, unsigned char *to, const unsigned char *from, size_t n) {
    switch (operation) {
    case BITS_AND: combine_and(to, from, n); return;
    case BITS_OR: combine_or(to, from, n); return;
    case BITS_XOR: combine_xor(to, from, n); return;
    case BITS_NOT: combine_not(to, from, n); return;
    }
    ASSERT(false);
}
