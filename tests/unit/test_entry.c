/* test_entry.c: the layout of entries and blobs: every shape with every length of key, and changes of shape
 * in place. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"
#include "shard/store/entry.h"

enum { KEY_MAX = 600 };
static char key[KEY_MAX];
static char text[ENTRY_INLINE_MAX];

static struct entry_shape random_shape(struct random *random) {
    struct entry_shape shape = {.encoding = (enum entry_encoding)random_below(random, 3)};
    if (shape.encoding == ENC_INLINE) shape.inline_len = random_below(random, ENTRY_INLINE_MAX + 1);
    if (random_below(random, 2)) shape.flags |= ENTRY_EXPIRES;
    if (random_below(random, 4) == 0) shape.flags |= ENTRY_RAW;
    return shape;
}

static void fill(struct entry *e, const struct entry_shape *shape) {
    if (shape->flags & ENTRY_EXPIRES) entry_deadline(e)->when_ms = 77;
    if (shape->encoding == ENC_INLINE) {
        memcpy(entry_inline_at(e), text, shape->inline_len);
    } else {
        entry_set_int(e, -5);
    }
}

static void check(const struct entry *e, const struct entry_shape *shape, size_t key_len) {
    size_t len;
    const char *bytes = entry_key(e, &len);
    cr_assert_eq(len, key_len);
    cr_assert(memcmp(bytes, key, len) == 0);
    cr_assert_eq(entry_type(e), TYPE_STRING);
    cr_assert_eq(entry_encoding(e), shape->encoding);
    cr_assert_eq(entry_when(e), shape->flags & ENTRY_EXPIRES ? 77 : -1);
    cr_assert_eq((e->flags ^ shape->flags) & (ENTRY_RAW | ENTRY_EXPIRES), 0);
    cr_assert_eq(entry_bytes(e), entry_shape_bytes(shape, key_len));
    if (shape->encoding == ENC_INLINE) {
        bytes = entry_inline(e, &len);
        cr_assert_eq(len, shape->inline_len);
        cr_assert(memcmp(bytes, text, len) == 0);
    } else {
        cr_assert_eq(entry_int(e), -5);
    }
}

Test(entry, every_shape_and_key_length) {
    struct random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < KEY_MAX; i++) key[i] = (char)random_next(&random);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)random_next(&random);
    for (size_t key_len = 0; key_len <= KEY_MAX; key_len++) {
        for (unsigned i = 0; i < 6; i++) {
            struct entry_shape shape = random_shape(&random), other = random_shape(&random);
            struct entry *e = entry_new(&shape, key, key_len);
            fill(e, &shape);
            check(e, &shape, key_len);
            e->epoch = 9;
            e->access = 0xdeadbeef;
            if (entry_shape_bytes(&other, key_len) <= mem_size(e)) {
                entry_reshape(e, &other);
                if (!(shape.flags & other.flags & ENTRY_EXPIRES)) fill(e, &other);
                if (other.encoding == ENC_INLINE) memcpy(entry_inline_at(e), text, other.inline_len);
                if (other.encoding != ENC_INLINE) entry_set_int(e, -5);
                check(e, &other, key_len);
            }
            cr_assert_eq(e->epoch, 9);
            cr_assert_eq(e->access, 0xdeadbeef);
            mem_free(e);
        }
    }
}

Test(entry, a_short_key_and_value_take_one_cache_line) {
    struct entry_shape shape = {.encoding = ENC_INLINE, .inline_len = 32};
    cr_assert_eq(entry_shape_bytes(&shape, 16), 58);
    shape.inline_len = 100;
    cr_assert_eq(entry_shape_bytes(&shape, 16), 126);
}

Test(entry, strings_read_the_same_in_every_encoding) {
    struct entry_shape shape = {.encoding = ENC_INT};
    char digits[TEXT_I64_MAX];
    size_t len;
    struct entry *e = entry_new(&shape, "k", 1);
    entry_set_int(e, INT64_MIN);
    const char *bytes = entry_string(e, digits, &len);
    cr_assert(len == 20 && memcmp(bytes, "-9223372036854775808", 20) == 0);
    cr_assert_eq(entry_payload_bytes(e), 0);
    entry_free(e);

    shape.encoding = ENC_BLOB;
    e = entry_new(&shape, "k", 1);
    entry_set_pointer(e, blob_new_from("abc", 3));
    bytes = entry_string(e, digits, &len);
    cr_assert(len == 3 && memcmp(bytes, "abc", 3) == 0);
    cr_assert_eq(entry_footprint(e), mem_size(e) + blob_footprint(entry_blob(e)));
    size_t before = mem_used(), footprint = entry_footprint(e);
    entry_free(e);
    cr_assert_eq(before - mem_used(), footprint);
}

Test(blob, references_and_copies) {
    struct blob *b = blob_new_from("0123456789", 10);
    cr_assert_not(blob_is_shared(b));
    struct blob *other = blob_ref(b);
    cr_assert(blob_is_shared(b));
    struct blob *mine = blob_make_writable(b, 4);
    cr_assert_neq(mine, other);
    cr_assert_eq(mine->len, 4);
    cr_assert_eq(mine->cap, 4);
    cr_assert_not(blob_is_shared(other));
    cr_assert_eq(other->len, 10);
    mine = blob_make_writable(mine, 5000);
    cr_assert_eq(mine->len, 4);
    cr_assert_geq(mem_size(mine), sizeof *mine + 5000);
    cr_assert(memcmp(mine->data, "0123", 4) == 0);
    cr_assert_eq(blob_make_writable(mine, 5000), mine);
    size_t before = mem_used();
    blob_unref(mine);
    blob_unref(other);
    cr_assert_lt(mem_used(), before - 5000);
}

static bool all_zero(const struct blob *b, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (b->data[i]) return false;
    return true;
}

/* Pages of their own: zeros, what was written stays where they grow, the account is told. */
Test(blob, large_ones_have_pages_of_their_own) {
    enum { MIB = 1024 * 1024, ROOM = 3 * MIB };
    size_t before = mem_used();
    struct blob *b = blob_new_zeroed(ROOM), *other = blob_new(64 * MIB);
    cr_assert(b->mapped && other->mapped);
    cr_assert(all_zero(b, 0, ROOM));
    cr_assert_eq(mem_used() - before, blob_footprint(b) + blob_footprint(other));
    cr_assert_eq(blob_footprint(b), ROOM + 4096);
    memset(b->data, 'x', ROOM);
    b->len = ROOM;
    b = blob_make_writable(b, 100 * MIB);
    cr_assert(b->mapped && b->len == ROOM && b->data[ROOM - 1] == 'x');
    cr_assert(all_zero(b, ROOM, 100 * MIB));
    blob_ref(b);
    struct blob *copy = blob_make_writable(b, 4 * MIB);
    cr_assert(copy != b && !copy->mapped && copy->data[ROOM - 1] == 'x');
    blob_unref(copy);
    unsigned steps = 1;
    while (blob_unref_some(other)) steps++;
    cr_assert_geq(steps, 60);
    other = blob_ref(b);
    cr_assert_not(blob_unref_some(other), "the other reference has it");
    cr_assert_eq(b->data[0], 'x');
    blob_unref(b);
    cr_assert_eq(mem_used(), before);
    b = blob_new_zeroed(1000);
    cr_assert(!b->mapped && all_zero(b, 0, 1000));
    cr_assert_not(blob_unref_some(b));
}
