/* rdb_compress.c: see rdb_compress.h.
 *
 *     000lllll                        l + 1 bytes as they are follow
 *     lllooooo oooooooo               l + 2 bytes from o + 1 bytes back       l: 1 to 6
 *     111ooooo llllllll oooooooo      l + 9 bytes from o + 1 bytes back
 *
 * Greedy: at each position the last place where (by a hash) the same three bytes stood is looked at; if they
 * did, as much as matches is referred to. After a while without a match only every second position is
 * looked at, then every third, and so on.
 */
#include "persist/rdb_compress.h"

#include "shard/base/assert.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LITERALS_MAX = 32,
    MATCH_MIN = 3,
    MATCH_MAX = 264,
    SHORT_MAX = 8, /* the longest match that takes two bytes */
    BACK_MAX = 8192,
    BITS_MIN = 8,
    BITS_MAX = 13,
    MISSES_SHIFT = 5, /* 32 misses lengthen the step by one */
};

struct packer {
    const unsigned char *start, *end;
    unsigned char *out, *out_end;
    unsigned shift; /* of the hash */
    uint16_t places[1 << BITS_MAX];
};

static inline uint32_t load_32(const unsigned char *at) {
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline uint64_t load_64(const unsigned char *at) {
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Of the three bytes at `at`; a fourth can be read. */
static inline uint32_t hash(const struct packer *p, const unsigned char *at) {
    return (load_32(at) << 8) * UINT32_C(2654435761) >> p->shift;
}

/* Bytes that go out as they are. */
static bool put_literals(struct packer *p, const unsigned char *at, size_t n) {
    while (n > 0) {
        size_t part = n < LITERALS_MAX ? n : LITERALS_MAX;
        if ((size_t)(p->out_end - p->out) < part + 1) return false;
        *p->out++ = (unsigned char)(part - 1);
        memcpy(p->out, at, part);
        p->out += part;
        at += part;
        n -= part;
    }
    return true;
}

static bool put_match(struct packer *p, size_t back, size_t len) {
    size_t o = back - 1;
    if (p->out_end - p->out < 3) return false;
    if (len <= SHORT_MAX) {
        *p->out++ = (unsigned char)((len - 2) << 5 | o >> 8);
    } else {
        *p->out++ = (unsigned char)(7 << 5 | o >> 8);
        *p->out++ = (unsigned char)(len - 9);
    }
    *p->out++ = (unsigned char)o;
    return true;
}

/* How many bytes at `at` are those at `from`, which comes before it; the first three are. */
static inline size_t match_length(const struct packer *p, const unsigned char *from,
                                  const unsigned char *at) {
    size_t n = MATCH_MIN, most = (size_t)(p->end - at);
    if (most > MATCH_MAX) most = MATCH_MAX;
    while (n + sizeof(uint64_t) <= most) {
        uint64_t differ = load_64(from + n) ^ load_64(at + n);
        if (differ) return n + (size_t)__builtin_ctzll(differ) / 8;
        n += sizeof(uint64_t);
    }
    while (n < most && from[n] == at[n]) n++;
    return n;
}

/* Where the three bytes at `at` stood before, or NULL; remembers them. */
static inline const unsigned char *find(struct packer *p, const unsigned char *at) {
    uint16_t *place = &p->places[hash(p, at)];
    const unsigned char *from = p->start + *place;
    *place = (uint16_t)(at - p->start);
    bool same = (load_32(from) << 8) == (load_32(at) << 8);
    return same && from < at && at - from <= BACK_MAX ? from : NULL;
}

static bool pack(struct packer *p) {
    const unsigned char *at = p->start, *done = at;        /* everything before is written */
    const unsigned char *last = p->end - sizeof(uint32_t); /* the last position that can be looked at */
    size_t misses = 0;
    while (at <= last) {
        const unsigned char *from = find(p, at);
        if (LIKELY(!from)) {
            size_t step = 1 + (misses++ >> MISSES_SHIFT);
            if ((size_t)(last - at) < step) break;
            at += step;
            continue;
        }
        size_t len = match_length(p, from, at);
        if (!put_literals(p, done, (size_t)(at - done)) || !put_match(p, (size_t)(at - from), len))
            return false;
        at += len;
        done = at;
        misses = 0;
        for (const unsigned char *k = at - 2; k < at && k <= last; k++)
            p->places[hash(p, k)] = (uint16_t)(k - p->start);
    }
    return put_literals(p, done, (size_t)(p->end - done));
}

size_t rdb_compress(const void *bytes, size_t len, unsigned char *out, size_t room) {
    struct packer p;
    unsigned bits = BITS_MIN;
    ASSERT(len <= RDB_COMPRESS_INPUT_MAX);
    if (len < sizeof(uint32_t)) return 0;
    while (bits < BITS_MAX && (size_t)1 << bits < len) bits++;
    memset(p.places, 0, sizeof *p.places << bits);
    p.start = bytes;
    p.end = p.start + len;
    p.out = out;
    p.out_end = out + room;
    p.shift = 32 - bits;
    return pack(&p) ? (size_t)(p.out - out) : 0;
}
