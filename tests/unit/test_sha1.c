/* test_sha1.c: the examples of the standard, and every length around the ends of blocks. */
#include "shard/base/sha1.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *hex(const unsigned char *hash) {
    static char text[2 * SHA1_BYTES + 1];
    for (int i = 0; i < SHA1_BYTES; i++) snprintf(text + (size_t)2 * i, 3, "%02x", hash[i]);
    return text;
}

static const char *hash_of(const char *bytes, size_t len) {
    unsigned char out[SHA1_BYTES];
    sha1(bytes, len, out);
    return hex(out);
}

Test(sha1, examples_of_the_standard) {
    static char million[1000000];
    memset(million, 'a', sizeof million);
    cr_assert_str_eq(hash_of("", 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    cr_assert_str_eq(hash_of("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
    cr_assert_str_eq(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
                     "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    cr_assert_str_eq(hash_of(million, sizeof million), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

/* Of the hashes of 0 to 199 times "x", one after the other; by another implementation. */
Test(sha1, every_length) {
    char bytes[200];
    unsigned char all[200 * SHA1_BYTES];
    memset(bytes, 'x', sizeof bytes);
    for (size_t len = 0; len < 200; len++) sha1(bytes, len, all + len * SHA1_BYTES);
    cr_assert_str_eq(hash_of((const char *)all, sizeof all), "bbd580c3a0c872a603baa084a09981df9eb680e5");
}

Test(sha1, may_be_written_over_its_bytes) {
    unsigned char bytes[SHA1_BYTES] = "abcdefghijklmnopqrs", other[SHA1_BYTES];
    sha1(bytes, sizeof bytes, other);
    sha1(bytes, sizeof bytes, bytes);
    cr_assert_eq(memcmp(bytes, other, sizeof other), 0);
}
