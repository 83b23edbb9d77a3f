/* sha1.c: SHA-1, block by block, as FIPS 180-4 describes it. Plain C: it serves DEBUG DIGEST only. */
#include "shard/base/sha1.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, ROUNDS = 80, LENGTH_BYTES = 8 };

static uint32_t rotate(uint32_t x, unsigned by) {
    return x << by | x >> (32 - by);
}

static uint32_t load_big(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_big(unsigned char *at, uint32_t x) {
    for (unsigned i = 0; i < 4; i++) at[i] = (unsigned char)(x >> (24 - 8 * i));
}

/* What round i adds: a function of three words, and a constant. */
static uint32_t mix(unsigned i, uint32_t b, uint32_t c, uint32_t d) {
    if (i < 20) return ((b & c) | (~b & d)) + 0x5a827999;
    if (i < 40) return (b ^ c ^ d) + 0x6ed9eba1;
    if (i < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void add_block(uint32_t h[5], const unsigned char *block) {
    uint32_t w[ROUNDS], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (unsigned i = 0; i < 16; i++) w[i] = load_big(block + (size_t)4 * i);
    for (unsigned i = 16; i < ROUNDS; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t next = rotate(a, 5) + mix(i, b, c, d) + e + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1(const void *bytes, size_t len, unsigned char out[SHA1_BYTES]) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const unsigned char *at = bytes;
    size_t left = len;
    for (; left >= BLOCK; left -= BLOCK, at += BLOCK) add_block(h, at);
    /* The rest, a one bit, zeros, and the length in bits at the end of the last block. */
    unsigned char end[2 * BLOCK] = {0};
    if (left) memcpy(end, at, left);
    end[left] = 0x80;
    size_t end_bytes = left < BLOCK - LENGTH_BYTES ? BLOCK : 2 * BLOCK;
    store_big(end + end_bytes - 8, (uint32_t)((uint64_t)len >> 29));
    store_big(end + end_bytes - 4, (uint32_t)((uint64_t)len << 3));
    for (size_t i = 0; i < end_bytes; i += BLOCK) add_block(h, end + i);
    for (unsigned i = 0; i < 5; i++) store_big(out + (size_t)4 * i, h[i]);
}
