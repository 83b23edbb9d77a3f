/* slot.c: CRC16 by table, eight bytes a step, and the hash tag rule.
 *
 * Every key of every command passes through here, so the cost on short keys is what matters: a 16-byte key
 * takes two table steps, and the search for '{' looks at whole words, since nearly all keys have none.
 *
 * crc_table[0] is the plain one-byte table; crc_table[k][b] is the CRC of byte b followed by k zero bytes.
 * Since CRC is linear, eight bytes are folded at once by xoring one entry of each table (slicing by eight).
 * The tables take 4 KiB, are written once by slot_init before threads start, and are only read after that.
 */
#include "shard/base/slot.h"

#include <stdbool.h>
#include <string.h>

#include "shard/base/assert.h"

enum { CRC_POLYNOMIAL = 0x1021, CRC_SLICES = 8 };

static uint16_t crc_table[CRC_SLICES][256] __attribute__((aligned(64)));

void slot_init(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint16_t crc = (uint16_t)(byte << 8);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc << 1) ^ ((crc & 0x8000) ? CRC_POLYNOMIAL : 0));
        }
        crc_table[0][byte] = crc;
    }
    for (unsigned k = 1; k < CRC_SLICES; k++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint16_t before = crc_table[k - 1][byte];
            crc_table[k][byte] = (uint16_t)((before << 8) ^ crc_table[0][before >> 8]);
        }
    }
    ASSERT(slot_crc16("123456789", 9) == 0x31c3); /* the check value of CRC-16/XMODEM */
}

static inline uint64_t load_big_endian_64(const unsigned char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return __builtin_bswap64(word);
}

static inline uint32_t load_big_endian_32(const unsigned char *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return __builtin_bswap32(word);
}

uint16_t slot_crc16(const void *bytes, size_t len) {
    DASSERT(crc_table[0][1] == CRC_POLYNOMIAL); /* slot_init has run */
    const unsigned char *p = bytes;
    uint16_t crc = 0;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word = load_big_endian_64(p);
        /* Only the first two bytes depend on the step before: the six other lookups run ahead of it. */
        uint16_t tail = crc_table[5][word >> 40 & 0xff] ^ crc_table[4][word >> 32 & 0xff] ^
                        crc_table[3][word >> 24 & 0xff] ^ crc_table[2][word >> 16 & 0xff] ^
                        crc_table[1][word >> 8 & 0xff] ^ crc_table[0][word & 0xff];
        uint16_t head = (uint16_t)(word >> 48) ^ crc;
        crc = tail ^ crc_table[6][head & 0xff] ^ crc_table[7][head >> 8];
    }
    if (len >= 4) {
        uint32_t word = load_big_endian_32(p);
        uint16_t head = (uint16_t)(word >> 16) ^ crc;
        crc = crc_table[1][word >> 8 & 0xff] ^ crc_table[0][word & 0xff] ^ crc_table[2][head & 0xff] ^
              crc_table[3][head >> 8];
        p += 4;
        len -= 4;
    }
    for (; len > 0; p++, len--) crc = (uint16_t)((crc << 8) ^ crc_table[0][(crc >> 8) ^ *p]);
    return crc;
}

/* Whether a byte of the word equals the byte that `pattern` repeats. */
static inline bool word_has(uint64_t word, uint64_t pattern) {
    uint64_t x = word ^ pattern;
    return ((x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080)) != 0;
}

/* Whether the key has a '{' at all. The last word overlaps the one before it, so only keys shorter than a
 * word are looked at byte by byte. */
static inline bool has_brace(const unsigned char *key, size_t len) {
    const uint64_t braces = UINT64_C(0x7b7b7b7b7b7b7b7b);
    if (len < 8) {
        for (size_t i = 0; i < len; i++) {
            if (key[i] == '{') return true;
        }
        return false;
    }
    uint64_t word;
    for (size_t i = 0; i + 8 < len; i += 8) {
        memcpy(&word, key + i, sizeof word);
        if (word_has(word, braces)) return true;
    }
    memcpy(&word, key + len - 8, sizeof word);
    return word_has(word, braces);
}

/* Narrows a key that has a '{' to its hash tag: what stands between the first '{' and the next '}', if
 * that is not empty. */
static __attribute__((noinline)) uint16_t slot_of_tagged_key(const unsigned char *key, size_t len) {
    const unsigned char *open = memchr(key, '{', len);
    ASSERT(open != NULL);
    const unsigned char *tag = open + 1;
    const unsigned char *close = memchr(tag, '}', len - (size_t)(tag - key));
    if (close != NULL && close > tag) {
        key = tag;
        len = (size_t)(close - tag);
    }
    return slot_crc16(key, len) & (SLOT_COUNT - 1);
}

uint16_t slot_of_key(const void *key, size_t len) {
    if (UNLIKELY(has_brace(key, len))) return slot_of_tagged_key(key, len);
    return slot_crc16(key, len) & (SLOT_COUNT - 1);
}
