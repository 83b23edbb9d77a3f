/* test_hash.c: hashes in both forms against an array of values: every change, walks, chance, memory.
 *
 * A field is a number in [0, UNIVERSE); `style` says how it is spelled. The model keeps each value's text.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"
#include "shard/store/blob.h"
#include "shard/store/value_methods.h"
#include "shard/type/hash.h"
#include "shard/type/object.h"
#include "shard/type/types.h"

enum { UNIVERSE = 700, FIELD_MAX = 400, VALUE_MAX = 5000, BLOB_FROM = 3000 };
enum style { SHORT_FIELDS, LONG_FIELDS, NUMBERS, STYLES };

static const struct hash_limits usual = {128, 64}, none = {0, 64}, unlimited = {SIZE_MAX, SIZE_MAX};
static struct random dice;

static void setup(void) {
    static bool registered;
    if (!registered) types_register();
    registered = true;
    random_seed(&dice, 1);
}

TestSuite(hash, .init = setup);

static size_t below(size_t bound) {
    return random_below(&dice, bound);
}

struct model {
    enum style style;
    struct hash *hash;
    struct hash_limits limits;
    size_t count;
    struct {
        bool there;
        size_t len;
        char text[VALUE_MAX];
    } fields[UNIVERSE];
};

static size_t spell(char *out, unsigned n, enum style style) {
    switch (style) {
    case SHORT_FIELDS: return (size_t)snprintf(out, FIELD_MAX, "f%u", n);
    case NUMBERS: return (size_t)snprintf(out, FIELD_MAX, "%ld", ((long)n - UNIVERSE / 2) * 1000003);
    default: return (size_t)snprintf(out, FIELD_MAX, "%0*u", 1 + (int)n % 399, n);
    }
}

/* Texts that end up in every form: none, integers short and long, what nearly is one, inline, in a blob. */
static size_t make_value(char *out) {
    static const char *const special[] = {"",
                                          "0",
                                          "-1",
                                          "1234567",
                                          "12345678901234",
                                          "01234567",
                                          "1234567890 ",
                                          "-0",
                                          "123456789",
                                          "-9223372036854775808",
                                          "9223372036854775807",
                                          "9223372036854775808"};
    size_t kind = below(100), len;
    if (kind < 30) {
        return (size_t)snprintf(out, VALUE_MAX, "%s", special[below(sizeof special / sizeof *special)]);
    }
    len = kind < 70   ? below(20)
          : kind < 85 ? 55 + below(20)
          : kind < 95 ? 1000 + below(50)
                      : below(VALUE_MAX);
    memset(out, 'a' + (int)below(26), len);
    return len;
}

static bool same_text(const struct hash_value *v, const char *text, size_t len) {
    char digits[TEXT_I64_MAX];
    size_t own;
    const char *bytes = hash_value_text(v, digits, &own);
    return own == len && memcmp(bytes, text, len) == 0;
}

static void release(struct hash_change *change) {
    if (change->left) blob_unref(change->left);
}

static void set(struct model *m, unsigned n) {
    char text[FIELD_MAX], value[VALUE_MAX];
    struct hash_field f = hash_field(text, spell(text, n, m->style));
    size_t len = make_value(value);
    struct hash_value v = hash_value_bytes(value, len);
    struct hash_change change;
    int64_t integer;
    if (text_to_i64(value, len, &integer) && below(2)) v = hash_value_int(integer);
    if (v.data && len >= BLOB_FROM) {
        v.blob = blob_new_from(value, len);
        v.data = v.blob->data;
    }
    if (m->hash && below(2)) {
        struct hash_value old;
        cr_assert_eq(hash_get(m->hash, &f, &old), m->fields[n].there);
    }
    m->hash = hash_set(m->hash, &f, &v, &m->limits, &change);
    cr_assert_eq(change.done, !m->fields[n].there);
    if (v.blob) blob_unref(v.blob);
    release(&change);
    m->count += change.done;
    m->fields[n].there = true;
    m->fields[n].len = len;
    memcpy(m->fields[n].text, value, len);
}

static void remove_one(struct model *m, unsigned n) {
    char text[FIELD_MAX];
    struct hash_field f = hash_field(text, spell(text, n, m->style));
    struct hash_change change;
    m->hash = hash_remove(m->hash, &f, &change);
    cr_assert_eq(change.done, m->fields[n].there);
    release(&change);
    m->count -= change.done;
    m->fields[n].there = false;
}

static void look(struct model *m, unsigned n) {
    char text[FIELD_MAX];
    struct hash_field f = hash_field(text, spell(text, n, m->style));
    struct hash_value v;
    bool there = hash_get(m->hash, &f, &v);
    cr_assert_eq(there, m->fields[n].there);
    if (there) cr_assert(same_text(&v, m->fields[n].text, m->fields[n].len));
}

struct seen {
    struct model *m;
    unsigned times[UNIVERSE], total;
};

static bool see(void *arg, const struct hash_value *field, const struct hash_value *value) {
    struct seen *seen = arg;
    struct model *m = seen->m;
    char text[FIELD_MAX];
    for (unsigned n = 0; n < UNIVERSE; n++) {
        if (!m->fields[n].there || !same_text(field, text, spell(text, n, m->style))) continue;
        cr_assert(same_text(value, m->fields[n].text, m->fields[n].len));
        seen->times[n]++;
        seen->total++;
        return true;
    }
    cr_assert(false, "a field that should not be there");
    return false;
}

static void check_same(struct model *m) {
    static struct seen seen;
    const struct value_methods *methods = value_methods_get(TYPE_HASH);
    memset(&seen, 0, sizeof seen);
    seen.m = m;
    if (!m->hash) return;
    hash_check(m->hash);
    cr_assert_eq(methods->count(m->hash), m->count);
    cr_assert(hash_each(m->hash, see, &seen));
    cr_assert_eq(seen.total, m->count);
    for (unsigned n = 0; n < UNIVERSE; n++) cr_assert_eq(seen.times[n], m->fields[n].there);
    bool small = object_encoding(m->hash) == OBJECT_PACKED;
    cr_assert_str_eq(methods->encoding(m->hash), small ? "listpack" : "hashtable");
    cr_assert_eq(hash_elements(m->hash) != NULL, small && m->count > 0);
    if (small) cr_assert_leq(m->count, m->limits.entries_max);
}

static void sample(struct model *m) {
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.m = m;
    size_t count = below(2) ? below(m->count + 1) : below(m->count / 4 + 1);
    hash_sample(m->hash, &dice, count, see, &seen);
    cr_assert_eq(seen.total, count);
    for (unsigned n = 0; n < UNIVERSE; n++) cr_assert_leq(seen.times[n], 1);
    if (m->count > 0) hash_draw(m->hash, &dice, see, &seen);
}

static void replace_by_copy(struct model *m) {
    const struct value_methods *methods = value_methods_get(TYPE_HASH);
    struct hash *copy = methods->copy(m->hash);
    cr_assert_eq(object_encoding(copy), object_encoding(m->hash));
    hash_free(m->hash);
    m->hash = copy;
}

static void change(struct model *m, unsigned reach) {
    unsigned n = (unsigned)below(reach);
    size_t what = below(100);
    if (!m->hash || what < 55) {
        set(m, n);
    } else if (what < 85) {
        remove_one(m, n);
    } else if (what < 88) {
        sample(m);
    } else if (what < 89) {
        replace_by_copy(m);
    }
    look(m, n);
    look(m, (unsigned)below(reach));
}

Test(hash, random_changes_are_those_of_a_model, .timeout = 300) {
    static const struct hash_limits limits[] = {{128, 64}, {20, 5000}, {0, 64}, {SIZE_MAX, SIZE_MAX}};
    static struct model m;
    size_t before = mem_used();
    for (unsigned run = 0; run < 24; run++) {
        unsigned reach = run % 2 ? UNIVERSE : 40;
        memset(&m, 0, sizeof m);
        m.style = (enum style)(run % STYLES);
        m.limits = limits[run / 6];
        for (unsigned i = 0; i < 1500; i++) {
            change(&m, reach);
            if (i % 150 == 0) check_same(&m);
        }
        check_same(&m);
        hash_free(m.hash);
        cr_assert_eq(mem_used(), before);
    }
}

/* ---- forms ---- */

static struct hash *put(struct hash *h, const char *field, const char *value,
                        const struct hash_limits *limits) {
    struct hash_field f = hash_field(field, strlen(field));
    struct hash_value v = hash_value_bytes(value, strlen(value));
    struct hash_change change;
    h = hash_set(h, &f, &v, limits, &change);
    release(&change);
    return h;
}

static struct hash *hash_of_numbers(size_t count, const struct hash_limits *limits) {
    struct hash *h = NULL;
    char field[32], value[32];
    for (size_t i = 0; i < count; i++) {
        snprintf(field, sizeof field, "field:%zu", i);
        snprintf(value, sizeof value, "value:%zu", i);
        h = put(h, field, value, limits);
    }
    return h;
}

Test(hash, becomes_large_at_its_limits) {
    for (size_t count = 1; count < 131; count++) {
        struct hash *h = hash_of_numbers(count, &usual);
        cr_assert_eq(object_encoding(h), count <= 128 ? OBJECT_PACKED : OBJECT_TABLE);
        h = put(h, "field:0", "again", &usual);
        cr_assert_eq(object_encoding(h), count <= 128 ? OBJECT_PACKED : OBJECT_TABLE);
        hash_free(h);
    }
    char text[66];
    memset(text, 'x', 65);
    text[65] = 0;
    for (int which = 0; which < 4; which++) {
        const char *of_64 = text + 1, *of_65 = text;
        struct hash *h = put(put(NULL, "a", "1", &usual), of_64, of_64, &usual);
        cr_assert_eq(object_encoding(h), OBJECT_PACKED);
        if (which == 3) hash_free(h);
        if (which == 3) h = NULL;
        h = put(h, which == 0 ? of_65 : "a", which == 0 ? "1" : of_65, &usual);
        cr_assert_eq(object_encoding(h), OBJECT_TABLE);
        h = put(h, of_65, "1", &usual);
        hash_check(h);
        hash_free(h);
    }
    /* Lowered in the meantime: the next change notices. */
    struct hash *h = hash_of_numbers(10, &usual);
    h = put(h, "field:3", "x", &(struct hash_limits){5, 64});
    cr_assert_eq(object_encoding(h), OBJECT_TABLE);
    cr_assert_eq(hash_count(h), 10);
    hash_free(h);
    h = put(NULL, "a", "1", &none);
    cr_assert_eq(object_encoding(h), OBJECT_TABLE);
    hash_free(h);
}

Test(hash, a_field_too_long_to_be_there_is_not_looked_for) {
    struct hash *h = put(NULL, "a", "1", &unlimited);
    struct hash_field f = hash_field("a", (size_t)1 << 31);
    struct hash_value v;
    cr_assert_not(hash_get(h, &f, &v));
    hash_free(h);
}

/* ---- memory ---- */

Test(hash, keeps_integers_where_they_are_shorter) {
    const struct value_methods *methods = value_methods_get(TYPE_HASH);
    struct hash *digits = NULL, *letters = NULL;
    char field[32];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(field, sizeof field, "field:%u", i);
        digits = put(digits, field, "1234567890123456789", &none);
        letters = put(letters, field, "123456789012345678x", &none);
    }
    cr_assert_leq(methods->bytes(digits) + 1000 * 8, methods->bytes(letters));
    hash_free(digits);
    hash_free(letters);
}

Test(hash, refers_to_blobs_and_hands_back_what_it_gives_up) {
    struct blob *blob = blob_new(100000);
    memset(blob->data, 'b', 100000);
    blob->len = 100000;
    struct hash_value v = {.data = blob->data, .len = blob->len, .blob = blob}, got;
    struct hash_field f = hash_field("f", 1);
    struct hash_change change;
    struct hash *h = hash_set(NULL, &f, &v, &usual, &change);
    cr_assert(change.done && !change.left && blob_is_shared(blob));
    cr_assert(hash_get(h, &f, &got));
    cr_assert_eq(got.blob, blob);
    struct hash_value small = hash_value_bytes("x", 1);
    h = hash_set(h, &f, &small, &usual, &change);
    cr_assert(!change.done && change.left == blob);
    blob_unref(change.left);
    cr_assert_not(blob_is_shared(blob));
    h = hash_set(h, &f, &v, &usual, &change);
    cr_assert_null(change.left);
    h = hash_remove(h, &f, &change);
    cr_assert(change.done && change.left == blob && hash_count(h) == 0);
    hash_check(h);
    blob_unref(change.left);
    blob_unref(blob);
    hash_free(h);
}

Test(hash, is_freed_in_steps) {
    const struct value_methods *methods = value_methods_get(TYPE_HASH);
    size_t before = mem_used();
    struct hash *h = hash_of_numbers(20000, &usual);
    cr_assert_geq(methods->effort(h), 20000);
    cr_assert_leq(methods->bytes(h), mem_used() - before);
    cr_assert_geq(methods->bytes(h) * 100, (mem_used() - before) * 97);
    unsigned steps = 1;
    while (methods->free_some(h, 100)) steps++;
    cr_assert_geq(steps, 150);
    cr_assert_eq(mem_used(), before);
    struct hash *small = hash_of_numbers(20, &usual);
    cr_assert_leq(methods->effort(small), 2);
    cr_assert_not(methods->free_some(small, 1));
    cr_assert_eq(mem_used(), before);
}

Test(hash, large_values_cost_effort) {
    const struct value_methods *methods = value_methods_get(TYPE_HASH);
    size_t before = mem_used();
    struct hash *h = NULL;
    static char text[1 << 20];
    char field[32];
    memset(text, 'x', sizeof text - 1);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(field, sizeof field, "field:%u", i);
        h = put(h, field, text, &usual);
    }
    cr_assert_gt(methods->effort(h), 40 * 16);
    unsigned steps = 1;
    while (methods->free_some(h, 32)) steps++;
    cr_assert_geq(steps, 5);
    cr_assert_eq(mem_used(), before);
}

Test(hash, tables_shrink_when_fields_leave) {
    const struct value_methods *methods = value_methods_get(TYPE_HASH);
    struct hash *h = hash_of_numbers(50000, &usual);
    size_t full = methods->bytes(h);
    char text[32];
    for (unsigned i = 0; i < 49900; i++) {
        struct hash_field f = hash_field(text, (size_t)snprintf(text, sizeof text, "field:%u", i));
        struct hash_change change;
        h = hash_remove(h, &f, &change);
        cr_assert(change.done);
    }
    cr_assert_leq(methods->bytes(h), full / 50);
    hash_check(h);
    hash_free(h);
}

/* ---- walks and chance ---- */

static bool see_until(void *arg, const struct hash_value *field, const struct hash_value *value) {
    (void)field, (void)value;
    size_t *left = arg;
    return --*left > 0;
}

Test(hash, a_walk_ends_where_it_is_told_to) {
    for (size_t count = 30; count <= 300; count *= 10) {
        struct hash *h = hash_of_numbers(count, &usual);
        size_t left = 7;
        cr_assert_not(hash_each(h, see_until, &left));
        cr_assert_eq(left, 0);
        left = count + 1;
        cr_assert(hash_each(h, see_until, &left));
        cr_assert_eq(left, 1);
        hash_free(h);
    }
}

static unsigned number_in(const struct hash_value *v) {
    unsigned n = 0;
    for (size_t i = 0; i < v->len; i++)
        if (v->data[i] >= '0' && v->data[i] <= '9') n = n * 10 + (unsigned)(v->data[i] - '0');
    return n;
}

static bool see_number(void *arg, const struct hash_value *field, const struct hash_value *value) {
    unsigned *times = arg;
    cr_assert_eq(number_in(field), number_in(value));
    times[number_in(field)]++;
    return true;
}

Test(hash, scan_shows_what_stays_while_the_hash_changes) {
    enum { STAY = 1000, ALL = 6000 };
    static unsigned times[ALL];
    struct hash *h = hash_of_numbers(STAY, &usual);
    uint64_t cursor = 0;
    unsigned round = 0;
    char field[32], value[32];
    do {
        cursor = hash_scan(h, cursor, see_number, times);
        for (unsigned i = 0; i < 40; i++) {
            unsigned n = STAY + (unsigned)below(ALL - STAY);
            snprintf(field, sizeof field, "field:%u", n);
            snprintf(value, sizeof value, "value:%u", n);
            struct hash_field f = hash_field(field, strlen(field));
            struct hash_change done;
            /* It grows, then it shrinks. */
            h = round % 300 < 150 ? put(h, field, value, &usual) : hash_remove(h, &f, &done);
        }
        cr_assert_lt(++round, 100000);
    } while (cursor);
    for (unsigned n = 0; n < STAY; n++) cr_assert_geq(times[n], 1, "field %u", n);
    hash_free(h);
    h = hash_of_numbers(100, &usual);
    memset(times, 0, sizeof times);
    cr_assert_eq(hash_scan(h, 0, see_number, times), 0);
    for (unsigned n = 0; n < 100; n++) cr_assert_eq(times[n], 1);
    hash_free(h);
}

/* Chi squared of `count` counts, with so many draws that a fair result beyond the bound is one in a
 * million. */
static void check_fair(const unsigned *times, size_t count, size_t draws) {
    double expected = (double)draws / (double)count, sum = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = times[i] - expected;
        sum += difference * difference / expected;
    }
    double degrees = (double)count - 1;
    cr_assert_lt(sum, degrees + 5 * 1.4142 * __builtin_sqrt(degrees) + 20, "%zu fields", count);
}

Test(hash, every_field_is_as_likely) {
    static const size_t sizes[] = {1, 5, 100, 128, 400};
    for (unsigned i = 0; i < 5; i++) {
        static unsigned times[400];
        size_t size = sizes[i];
        struct hash *h = hash_of_numbers(size, &usual);
        memset(times, 0, sizeof times);
        for (size_t draw = 0; draw < size * 200; draw++) hash_draw(h, &dice, see_number, times);
        check_fair(times, size, size * 200);
        size_t counts[] = {(size + 9) / 10, (size + 1) / 2, size};
        for (unsigned k = 0; k < 3; k++) {
            memset(times, 0, sizeof times);
            for (unsigned round = 0; round < 1000; round++)
                hash_sample(h, &dice, counts[k], see_number, times);
            /* A sample's fields are not independent: that only narrows the spread. */
            check_fair(times, size, counts[k] * 1000);
        }
        hash_free(h);
    }
}
