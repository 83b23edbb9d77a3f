/* test_rdb_elements.c: the small sequences of older files: read as they were written, and refused for each kind of damage. */
#include "persist/rdb_elements.h"

#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"
#include "shard/type/packed.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ZIPLIST_HEAD = 10 };

/* ---- writing what we do not write any more ---- */

static void put(struct buf *b, uint64_t n, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) buf_append_char(b, (char)(n >> 8 * i));
}

static void set_32(struct buf *b, size_t at, uint32_t n) {
    for (unsigned i = 0; i < 4; i++) b->data[at + i] = (char)(n >> 8 * i);
}

static void put_integer(struct buf *b, int64_t n) {
    static const struct {
        unsigned code, bytes;
    } forms[] = {{0xfe, 1}, {0xc0, 2}, {0xf0, 3}, {0xd0, 4}, {0xe0, 8}};
    if (n >= 0 && n <= 12) {
        put(b, 0xf1 + (uint64_t)n, 1);
        return;
    }
    unsigned form = 0;
    while (forms[form].bytes < 8 && (n < -(INT64_C(1) << (8 * forms[form].bytes - 1)) ||
                                     n >= INT64_C(1) << (8 * forms[form].bytes - 1)))
        form++;
    put(b, forms[form].code, 1);
    put(b, (uint64_t)n, forms[form].bytes);
}

struct zip {
    struct buf b;
    size_t last, before;
    unsigned count;
};

static void zip_begin(struct zip *z) {
    *z = (struct zip){.last = ZIPLIST_HEAD};
    for (int i = 0; i < ZIPLIST_HEAD; i++) put(&z->b, 0, 1);
}

static void zip_add(struct zip *z, const char *text, size_t len) {
    size_t at = z->b.len;
    int64_t n;
    put(&z->b, z->before < 254 ? z->before : 254, 1);
    if (z->before >= 254) put(&z->b, z->before, 4);
    if (text_to_i64(text, len, &n)) {
        put_integer(&z->b, n);
    } else {
        if (len < 64) {
            put(&z->b, len, 1);
        } else if (len < 16384) {
            put(&z->b, 0x40 | len >> 8, 1);
            put(&z->b, len & 255, 1);
        } else {
            put(&z->b, 0x80, 1);
            for (int i = 3; i >= 0; i--) put(&z->b, len >> 8 * i & 255, 1);
        }
        buf_append(&z->b, text, len);
    }
    z->before = z->b.len - at;
    z->last = at;
    z->count++;
}

static void zip_end(struct zip *z) {
    put(&z->b, 0xff, 1);
    set_32(&z->b, 0, (uint32_t)z->b.len);
    set_32(&z->b, 4, (uint32_t)z->last);
    z->b.data[8] = (char)z->count;
    z->b.data[9] = (char)(z->count >> 8);
}

static size_t random_text(struct random *r, char *to) {
    if (random_below(r, 2)) return text_from_i64(to, (int64_t)random_next(r) >> random_below(r, 64));
    size_t len = random_below(r, 20) ? random_below(r, 300) : random_below(r, 20000);
    for (size_t i = 0; i < len; i++) to[i] = (char)random_next(r);
    return len;
}

/* ---- reading ---- */

static bool opens(unsigned kind, const void *bytes, size_t len) {
    struct rdb_elements e;
    void *exactly = mem_dup(bytes, len ? len : 1); /* so that a step beyond is seen */
    bool fine = rdb_elements_open(&e, kind, exactly, len);
    mem_free(exactly);
    return fine;
}

Test(rdb_elements, ziplists_as_they_were_written) {
    static char texts[200][20100];
    size_t lens[200];
    struct random r;
    random_seed(&r, 1);
    for (int round = 0; round < 100; round++) {
        struct rdb_elements e;
        struct packed_value v;
        struct zip z;
        size_t count = random_below(&r, 200);
        zip_begin(&z);
        for (size_t i = 0; i < count; i++) zip_add(&z, texts[i], lens[i] = random_text(&r, texts[i]));
        zip_end(&z);
        cr_assert(rdb_elements_open(&e, ELEMENTS_ZIPLIST, z.b.data, z.b.len));
        cr_assert_eq(e.count, count);
        struct packed *p = rdb_elements_pack(&e);
        cr_assert(packed_is_sound(p->lp, packed_bytes(p)));
        cr_assert_eq(packed_count(p), count);
        rdb_elements_rewind(&e);
        const unsigned char *at = packed_first(p);
        for (size_t i = 0; i < count; i++, at = packed_next(p, at)) {
            char digits[PACKED_DIGITS];
            size_t len;
            cr_assert(rdb_elements_next(&e, &v));
            const char *text = packed_text(at, digits, &len);
            cr_assert_eq(len, lens[i]);
            cr_assert_eq(memcmp(text, texts[i], len), 0);
            cr_assert(v.data ? v.len == len : len <= TEXT_I64_MAX);
        }
        cr_assert(!rdb_elements_next(&e, &v));
        packed_free(p);
        buf_free(&z.b);
    }
}

/* A ziplist of two strings and an integer: 10 bytes of head, "abc" (5), "de" (4), 1000 (4), end. */
static struct zip small_zip(void) {
    struct zip z;
    zip_begin(&z);
    zip_add(&z, "abc", 3);
    zip_add(&z, "de", 2);
    zip_add(&z, "1000", 4);
    zip_end(&z);
    cr_assert_eq(z.b.len, 10 + 5 + 4 + 4 + 1);
    return z;
}

Test(rdb_elements, damaged_ziplists) {
    static const struct {
        size_t at;
        unsigned byte;
        const char *what;
    } damages[] = {
        {0, 23, "total too small"},
        {0, 25, "total too large"},
        {4, 18, "offset of the last is that of another"},
        {4, 24, "offset at the end"},
        {8, 2, "count too small"},
        {8, 4, "count too large"},
        {10, 1, "one before the first"},
        {11, 2, "shorter, so what follows is wrong"},
        {11, 4, "longer"},
        {11, 60, "beyond the end"},
        {11, 0xd1, "no encoding"},
        {15, 4, "length before too small"},
        {15, 6, "length before too large"},
        {15, 0xff, "an end in the middle"},
        {15, 0xfe, "a long length that is none"},
        {19, 3, "length before too small"},
        {20, 0xe0, "wider than what is left"},
        {20, 0xff, "an end"},
        {23, 0, "no end"},
    };
    struct zip z = small_zip();
    cr_assert(opens(ELEMENTS_ZIPLIST, z.b.data, z.b.len));
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char right = z.b.data[damages[i].at];
        z.b.data[damages[i].at] = (char)damages[i].byte;
        cr_assert(!opens(ELEMENTS_ZIPLIST, z.b.data, z.b.len), "%s", damages[i].what);
        z.b.data[damages[i].at] = right;
    }
    for (size_t len = 0; len < z.b.len; len++) cr_assert(!opens(ELEMENTS_ZIPLIST, z.b.data, len));
    z.b.data[8] = z.b.data[9] = (char)0xff; /* not counted */
    cr_assert(opens(ELEMENTS_ZIPLIST, z.b.data, z.b.len));
    buf_free(&z.b);
}

Test(rdb_elements, zipmaps) {
    static const unsigned char good[] = "\x02\x01"
                                        "a\x02\x01"
                                        "bc?\x00\x00\x00\xff";
    struct rdb_elements e;
    struct packed_value v;
    size_t len = sizeof good - 1;
    cr_assert(rdb_elements_open(&e, ELEMENTS_ZIPMAP, good, len));
    cr_assert_eq(e.count, 4);
    cr_assert(rdb_elements_next(&e, &v) && v.len == 1 && *v.data == 'a');
    cr_assert(rdb_elements_next(&e, &v) && v.len == 2 && memcmp(v.data, "bc", 2) == 0);
    cr_assert(rdb_elements_next(&e, &v) && v.len == 0);
    cr_assert(rdb_elements_next(&e, &v) && v.len == 0);
    cr_assert(!rdb_elements_next(&e, &v));
    for (size_t n = 0; n < len; n++) cr_assert(!opens(ELEMENTS_ZIPMAP, good, n));
    static const struct {
        const char *bytes;
        size_t len;
    } damaged[] = {
        {"\x01\xff\xff", 3},
        {"\x01\x01"
         "a\xff",
         4},
        {"\x02\x01"
         "a\x01\x00"
         "b\xff",
         7},
        {"\x01\x05"
         "a\x01\x00"
         "b\xff",
         7},
        {"\x01\x01"
         "a\x05\x00"
         "b\xff",
         7},
        {"\x01\x01"
         "a\x01\x05"
         "b\xff",
         7},
        {"\x01\xfe\x01\x00\x00", 5},
        {"\x01\xfe\xff\xff\xff\xff"
         "a\xff",
         8},
        {"\x01\x01"
         "a\x01\x00"
         "b\x00",
         7},
        {"\x01\x01"
         "a\x01\x00"
         "bc\xff",
         8},
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        cr_assert(!opens(ELEMENTS_ZIPMAP, damaged[i].bytes, damaged[i].len), "%zu", i);
    cr_assert(opens(ELEMENTS_ZIPMAP,
                    "\x01\x01"
                    "a\x01\x00"
                    "b\xff",
                    7));
    cr_assert(opens(ELEMENTS_ZIPMAP,
                    "\xfe\x01"
                    "a\x01\x00"
                    "b\xff",
                    7),
              "not counted");
    cr_assert(opens(ELEMENTS_ZIPMAP,
                    "\x01\xfe\x01\x00\x00\x00"
                    "a\x01\x00"
                    "b\xff",
                    11),
              "a long length");
}

Test(rdb_elements, finds_what_is_there_twice) {
    for (size_t count = 0; count < 60; count++) {
        struct packed *p = packed_new(1, 0);
        for (size_t i = 0; i < count; i++) {
            p = packed_append_int(p, (int64_t)i * 37); /* a field, and always the same value */
            p = packed_append(p, "v", 1);
        }
        cr_assert(rdb_elements_differ(p, 2));
        cr_assert_eq(rdb_elements_differ(p, 1), count < 2);
        for (size_t twice = 0; twice < count; twice++) {
            struct packed *q = packed_append_int(packed_copy(p), (int64_t)twice * 37);
            q = packed_append(q, "w", 1);
            cr_assert(!rdb_elements_differ(q, 2), "%zu of %zu", twice, count);
            packed_free(q);
        }
        packed_free(p);
    }
}

Test(rdb_elements, sees_which_listpacks_are_not_ours) {
    struct rdb_elements e;
    static const char ours[] = "\x0c\0\0\0\x02\0\x81"
                               "a\x02\x05\x01\xff",
                      digits[] = "\x0a\0\0\0\x01\0\x81"
                                 "5\x02\xff";
    static const char wide[] = "\x0b\0\0\0\x01\0\xf1\x05\x00\x03\xff";
    cr_assert(rdb_elements_open(&e, ELEMENTS_LISTPACK, ours, sizeof ours - 1) && e.canonical);
    cr_assert(rdb_elements_open(&e, ELEMENTS_LISTPACK, digits, sizeof digits - 1) && !e.canonical);
    cr_assert(rdb_elements_open(&e, ELEMENTS_LISTPACK, wide, sizeof wide - 1) && !e.canonical);
    struct packed *p = rdb_elements_pack(&e);
    cr_assert_eq(packed_bytes(p), 9);
    packed_free(p);
}
