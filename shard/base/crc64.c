/* crc64.c: see crc64.h.
 *
 * A CRC is the remainder of the message, taken as a polynomial over GF(2), by a fixed one. "Reflected" means
 * that bit 63 of a word is the coefficient of x^0. Three ways to the same number:
 *
 * tables      tables[k][b] is the remainder of byte b followed by k zero bytes; sixteen lookups that do not
 *             wait for each other take the sum sixteen bytes further.
 * folding     128 bits of the message that stand n bits before others may be replaced by bits that stand
 *             right at those: multiplied by x^n mod P they leave the same remainder. Four such windows go
 *             through the message side by side; what is left in the end, 16 bytes, goes through the tables.
 *             (The method of Intel's "Fast CRC Computation Using PCLMULQDQ Instruction".)
 * combining   the sum of A, moved forward by B's length: multiplied by x^(8 * length) mod P.
 *
 * A product of two reflected 64-bit words comes out shifted by one bit, hence the exponents that are one
 * short in the constants of folding.
 */
#include "shard/base/crc64.h"

#include "shard/base/assert.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_FOLDING 1
#else
#define HAVE_FOLDING 0
#endif

enum { TABLES = 16, POWERS = 64, LANE_BYTES = 16, LANES = 4, FOLD_MIN = 2 * LANES * LANE_BYTES };

#define POLYNOMIAL UINT64_C(0x95ac9329ac4bc9b5) /* reflected */
#define ONE (UINT64_C(1) << 63)                 /* x^0 */

static uint64_t tables[TABLES][256];
static uint64_t powers[POWERS]; /* x^(8 * 2^i) */
static uint64_t fold_lanes[2];  /* x^(512 + 64 - 1), x^(512 - 1) */
static uint64_t fold_one[2];    /* x^(128 + 64 - 1), x^(128 - 1) */
static bool can_fold;

static uint64_t times_x(uint64_t v) {
    return v & 1 ? v >> 1 ^ POLYNOMIAL : v >> 1;
}

static uint64_t x_to_the(unsigned n) {
    uint64_t v = ONE;
    while (n-- > 0) v = times_x(v);
    return v;
}

static uint64_t multiply(uint64_t a, uint64_t b) {
    uint64_t product = 0;
    for (uint64_t bit = ONE; bit; bit >>= 1) {
        if (a & bit) product ^= b;
        b = times_x(b);
    }
    return product;
}

__attribute__((constructor)) static void build(void) {
    for (unsigned b = 0; b < 256; b++) {
        uint64_t v = b;
        for (int i = 0; i < 8; i++) v = times_x(v);
        tables[0][b] = v;
    }
    for (unsigned k = 1; k < TABLES; k++)
        for (unsigned b = 0; b < 256; b++)
            tables[k][b] = tables[0][tables[k - 1][b] & 0xff] ^ tables[k - 1][b] >> 8;
    powers[0] = x_to_the(8);
    for (unsigned i = 1; i < POWERS; i++) powers[i] = multiply(powers[i - 1], powers[i - 1]);
    fold_lanes[0] = x_to_the(LANES * LANE_BYTES * 8 + 64 - 1);
    fold_lanes[1] = x_to_the(LANES * LANE_BYTES * 8 - 1);
    fold_one[0] = x_to_the(LANE_BYTES * 8 + 64 - 1);
    fold_one[1] = x_to_the(LANE_BYTES * 8 - 1);
#if HAVE_FOLDING
    __builtin_cpu_init();
    can_fold = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
#endif
}

static uint64_t load_64(const unsigned char *at) {
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Eight bytes that are followed by `after` more of the same step. */
static inline uint64_t eight(uint64_t v, unsigned after) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < 8; i++) sum ^= tables[after + 7 - i][v >> 8 * i & 0xff];
    return sum;
}

uint64_t crc64_by_table(uint64_t crc, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    for (; len >= TABLES; at += TABLES, len -= TABLES)
        crc = eight(load_64(at) ^ crc, 8) ^ eight(load_64(at + 8), 0);
    for (; len > 0; at++, len--) crc = tables[0][(crc ^ *at) & 0xff] ^ crc >> 8;
    return crc;
}

#if HAVE_FOLDING
#define FOLDING __attribute__((target("pclmul,sse4.1")))

FOLDING static inline __m128i fold(__m128i state, __m128i by, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(state, by, 0x00), high = _mm_clmulepi64_si128(state, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

FOLDING static inline __m128i lane(const unsigned char *at) {
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* At least FOLD_MIN bytes. */
FOLDING static uint64_t by_folding(uint64_t crc, const unsigned char *at, size_t len) {
    __m128i by = _mm_set_epi64x((int64_t)fold_lanes[1], (int64_t)fold_lanes[0]), state[LANES];
    ASSERT(len >= FOLD_MIN);
    for (unsigned i = 0; i < LANES; i++) state[i] = lane(at + LANE_BYTES * i);
    state[0] = _mm_xor_si128(state[0], _mm_set_epi64x(0, (int64_t)crc));
    const size_t stride = (size_t)LANES * LANE_BYTES;
    for (at += stride, len -= stride; len >= stride; at += stride, len -= stride)
        for (unsigned i = 0; i < LANES; i++) state[i] = fold(state[i], by, lane(at + LANE_BYTES * i));
    by = _mm_set_epi64x((int64_t)fold_one[1], (int64_t)fold_one[0]);
    for (unsigned i = 1; i < LANES; i++) state[0] = fold(state[0], by, state[i]);
    unsigned char rest[LANE_BYTES];
    _mm_storeu_si128((__m128i *)(void *)rest, state[0]);
    return crc64_by_table(crc64_by_table(0, rest, sizeof rest), at, len);
}
#endif

uint64_t crc64(uint64_t crc, const void *bytes, size_t len) {
#if HAVE_FOLDING
    if (len >= FOLD_MIN && can_fold) return by_folding(crc, bytes, len);
#endif
    return crc64_by_table(crc, bytes, len);
}

uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b) {
    for (unsigned i = 0; len_b > 0; i++, len_b >>= 1)
        if (len_b & 1) crc_a = multiply(crc_a, powers[i]);
    return crc_a ^ crc_b;
}
