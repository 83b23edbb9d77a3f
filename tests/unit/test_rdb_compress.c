/* test_rdb_compress.c: what persist/rdb_compress.c packs, liblzf unpacks to the same bytes. */
#include "persist/rdb_compress.h"

#include "shard/base/mem.h"
#include "shard/base/random.h"

#include <criterion/criterion.h>
#include <liblzf/lzf.h>
#include <string.h>

/* Blocks of exactly the sizes in question, so that the address sanitizer sees a step beyond. */
static size_t there_and_back(const unsigned char *bytes, size_t len, size_t room) {
    unsigned char *in = mem_dup(bytes, len ? len : 1), *out = mem_alloc(room ? room : 1),
                  *again = mem_alloc(len ? len : 1);
    size_t packed = rdb_compress(in, len, out, room);
    cr_assert_leq(packed, room);
    if (packed > 0) {
        cr_assert_eq(lzf_decompress(out, (unsigned)packed, again, (unsigned)len), len);
        cr_assert_eq(memcmp(again, bytes, len), 0);
    }
    mem_free(in);
    mem_free(out);
    mem_free(again);
    return packed;
}

/* Random bytes, of an alphabet of `letters`, with repetitions from up to `back` bytes ago. */
static void fill(struct random *r, unsigned char *bytes, size_t len, size_t letters, size_t back) {
    for (size_t i = 0; i < len;) {
        size_t from = 1 + random_below(r, back), n = 1 + random_below(r, 400);
        bool copies = from <= i && random_below(r, 8);
        for (; n > 0 && i < len; n--, i++)
            bytes[i] = copies ? bytes[i - from] : (unsigned char)random_below(r, letters);
    }
}

Test(rdb_compress, everything_comes_back) {
    static unsigned char bytes[RDB_COMPRESS_INPUT_MAX];
    struct random r;
    random_seed(&r, 1);
    size_t shorter = 0, rounds = 4000;
    for (size_t round = 0; round < rounds; round++) {
        size_t len = random_below(&r, round % 50 ? 600 : RDB_COMPRESS_INPUT_MAX + 1);
        fill(&r, bytes, len, 1 + random_below(&r, round % 2 ? 256 : 20),
             1 + random_below(&r, round % 3 ? 40 : 20000));
        size_t packed = there_and_back(bytes, len, len > 4 ? len - 4 : 0);
        shorter += packed > 0;
        cr_assert_eq(packed, there_and_back(bytes, len, len > 4 ? len - 4 : 0), "the same bytes every time");
    }
    cr_assert_gt(shorter, rounds / 3);
    cr_assert_lt(shorter, rounds);
}

Test(rdb_compress, any_room_is_kept_to) {
    unsigned char bytes[300];
    struct random r;
    random_seed(&r, 2);
    for (int round = 0; round < 20; round++) {
        fill(&r, bytes, sizeof bytes, 1 + random_below(&r, 30), 50);
        size_t needed = there_and_back(bytes, sizeof bytes, sizeof bytes * 2);
        cr_assert_gt(needed, 0);
        for (size_t room = 0; room < needed + 5; room++) {
            size_t packed = there_and_back(bytes, sizeof bytes, room);
            cr_assert(packed == needed || (packed == 0 && room < needed + 2), "room %zu of %zu", room,
                      needed);
        }
    }
}

Test(rdb_compress, lengths_of_runs_and_matches) {
    static unsigned char bytes[900];
    for (size_t literals = 0; literals < 70; literals++) {
        for (size_t match = 0; match < 600; match += match < 20 || match > 255 ? 1 : 37) {
            for (size_t i = 0; i < literals + match; i++)
                bytes[i] = i < literals   ? (unsigned char)(i * 7 + 1)
                           : literals > 0 ? bytes[i - literals]
                                          : 'a';
            there_and_back(bytes, literals + match, 900);
        }
    }
}

Test(rdb_compress, what_repeats_shrinks_as_liblzf_shrinks_it) {
    static unsigned char bytes[32 * 1024], out[sizeof bytes];
    struct random r;
    random_seed(&r, 3);
    static const char *const words[] = {
        "{\"name\": \"", "\", \"email\": \"", "@example.com\", ", "\"tags\": [", "green", "blue", "], ", "0.",
        "\"score\": "};
    size_t len = 0;
    while (len + 40 < sizeof bytes) {
        const char *word = words[random_below(&r, sizeof words / sizeof *words)];
        memcpy(bytes + len, word, strlen(word));
        len += strlen(word);
        for (int i = 0; i < 3; i++) bytes[len++] = (unsigned char)('0' + random_below(&r, 10));
    }
    size_t ours = there_and_back(bytes, len, len),
           theirs = lzf_compress(bytes, (unsigned)len, out, (unsigned)len);
    cr_assert_lt(ours, theirs + theirs / 20, "%zu bytes, liblzf %zu", ours, theirs);
    memset(bytes, 'x', sizeof bytes);
    cr_assert_lt(there_and_back(bytes, sizeof bytes, sizeof bytes), sizeof bytes / 60);
}
