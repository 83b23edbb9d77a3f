/* test_rdb_save.c: values of every type and encoding written, in steps of any size, and read again; and written as the
 * commands that make them. */
#include "rdb_helper.h"

#include "persist/aof_read.h"
#include "persist/aof_save.h"
#include "persist/rdb_skim.h"
#include "shard/type/hash.h"
#include "shard/type/list.h"
#include "shard/type/zset.h"

#include <math.h>

/* ---- random values ---- */

enum { TEXT_MAX = 300000 };

/* A text: an integer, random bytes, or one that can be compressed; into `to`. */
static size_t random_text(struct random *r, char *to, size_t max) {
    size_t len = random_below(r, max);
    switch (random_below(r, 4)) {
    case 0: return text_from_i64(to, (int64_t)random_next(r) >> random_below(r, 64));
    case 1: memset(to, 'a' + (int)random_below(r, 26), len); return len;
    case 2:
        for (size_t i = 0; i < len; i++) to[i] = (char)random_next(r);
        return len;
    default:
        for (size_t i = 0; i < len; i++) to[i] = "abcdefgh"[random_below(r, 2 + i / 1000 % 6)];
        return len;
    }
}

static void *random_list(struct random *r, size_t count, size_t longest, char *text) {
    struct list *l = list_new(0);
    for (size_t i = 0; i < count; i++) {
        struct list_value v = {.data = text};
        v.len = random_text(r, text, longest);
        l = list_push(l, random_below(r, 2) ? LIST_HEAD : LIST_TAIL, v, &rdb_limits_default.list);
    }
    return l;
}

static void *random_set(struct random *r, size_t count, size_t longest, char *text) {
    struct set *s = NULL;
    bool added, integers = random_below(r, 3) == 0;
    while (!s || set_count(s) < count) {
        struct set_member m;
        size_t len = random_text(r, text, longest);
        if (integers) len = text_from_i64(text, (int64_t)random_next(r) >> random_below(r, 48));
        set_member_from_text(&m, text, len);
        s = set_add(s, &m, rdb_limits_default.intset_max, &added);
    }
    return s;
}

static void *random_hash(struct random *r, size_t count, size_t longest, char *text) {
    struct hash *h = NULL;
    while (!h || hash_count(h) < count) {
        struct hash_change change;
        size_t len = random_text(r, text, longest);
        struct hash_field f = hash_field(text, len);
        struct hash_value v = hash_value_bytes(text + TEXT_MAX, random_text(r, text + TEXT_MAX, longest));
        h = hash_set(h, &f, &v, &rdb_limits_default.hash, &change);
        if (change.left) blob_unref(change.left);
    }
    return h;
}

static double random_score(struct random *r) {
    static const double special[] = {0, 1, -1, 1e300, -1e-300, HUGE_VAL, -HUGE_VAL, 0.1, 9007199254740993.0,
                                     3};
    if (random_below(r, 2)) return special[random_below(r, sizeof special / sizeof *special)];
    return (random_unit(r) - 0.5) * 1000;
}

static void *random_zset(struct random *r, size_t count, size_t longest, char *text) {
    struct zset *z = NULL;
    while (!z || zset_count(z) < count) {
        struct zset_put put = {.member = text, .limits = rdb_limits_default.zset};
        put.len = random_text(r, text, longest);
        put.score = random_score(r);
        z = zset_put(z, &put);
    }
    return z;
}

static struct entry *random_entry(struct random *r, enum value_type type, size_t count, size_t longest,
                                  char *text) {
    struct value value = {.form = VALUE_OBJECT, .object = {.type = type}};
    switch (type) {
    case TYPE_LIST: value.object.pointer = random_list(r, count, longest, text); break;
    case TYPE_SET: value.object.pointer = random_set(r, count, longest, text); break;
    case TYPE_HASH: value.object.pointer = random_hash(r, count, longest, text); break;
    case TYPE_ZSET: value.object.pointer = random_zset(r, count, longest, text); break;
    default: value = value_bytes(text, random_text(r, text, longest));
    }
    return rdb_test_entry("some key", &value);
}

/* ---- equal ---- */

static void assert_same_string(const struct entry *a, const struct entry *b) {
    char digits_a[TEXT_I64_MAX], digits_b[TEXT_I64_MAX];
    size_t alen, blen;
    const char *atext = entry_string(a, digits_a, &alen), *btext = entry_string(b, digits_b, &blen);
    cr_assert_eq(alen, blen);
    cr_assert_eq(memcmp(atext, btext, alen), 0);
}

static void assert_same_list(const struct list *a, const struct list *b) {
    struct list_cursor ca, cb;
    cr_assert_eq(list_count(a), list_count(b));
    cr_assert(list_seek(a, 0, &ca) && list_seek(b, 0, &cb));
    do {
        char digits_a[TEXT_I64_MAX], digits_b[TEXT_I64_MAX];
        struct list_value va = list_get(&ca), vb = list_get(&cb);
        struct hash_value ha = {va.data, va.len, va.integer, NULL}, hb = {vb.data, vb.len, vb.integer, NULL};
        size_t alen, blen;
        const char *atext = hash_value_text(&ha, digits_a, &alen),
                   *btext = hash_value_text(&hb, digits_b, &blen);
        cr_assert_eq(alen, blen);
        cr_assert_eq(memcmp(atext, btext, alen), 0);
    } while (list_next(&ca) && list_next(&cb));
}

static bool assert_has_member(void *arg, struct set_member *m) {
    cr_assert(set_has(arg, m));
    return true;
}

static bool assert_has_field(void *arg, const struct hash_value *field, const struct hash_value *value) {
    char digits[TEXT_I64_MAX], digits_a[TEXT_I64_MAX], digits_b[TEXT_I64_MAX];
    size_t len, alen, blen;
    const char *text = hash_value_text(field, digits, &len);
    struct hash_field f = hash_field(text, len);
    struct hash_value found;
    cr_assert(hash_get(arg, &f, &found));
    const char *atext = hash_value_text(value, digits_a, &alen),
               *btext = hash_value_text(&found, digits_b, &blen);
    cr_assert_eq(alen, blen);
    cr_assert_eq(memcmp(atext, btext, alen), 0);
    return true;
}

static void assert_same_zset(const struct zset *a, const struct zset *b) {
    cr_assert_eq(zset_count(a), zset_count(b));
    struct zset_cursor ca = zset_cursor_at(a, 0), cb = zset_cursor_at(b, 0);
    struct zset_item ia, ib;
    for (; zset_cursor_get(&ca, &ia); zset_cursor_next(&ca), zset_cursor_next(&cb)) {
        cr_assert(zset_cursor_get(&cb, &ib));
        cr_assert_eq(ia.len, ib.len);
        cr_assert_eq(memcmp(ia.member, ib.member, ia.len), 0);
        cr_assert_eq(ia.score, ib.score);
    }
}

static void assert_same(const struct entry *a, const struct entry *b) {
    cr_assert_eq(entry_type(a), entry_type(b));
    if (entry_type(a) == TYPE_STRING) {
        assert_same_string(a, b);
        return;
    }
    void *x = entry_object(a), *y = entry_object(b);
    const struct value_methods *methods = value_methods_get(entry_type(a));
    cr_assert_eq(methods->count(x), methods->count(y));
    cr_assert_str_eq(methods->encoding(x), methods->encoding(y));
    switch (entry_type(a)) {
    case TYPE_LIST: assert_same_list(x, y); break;
    case TYPE_SET:
        set_check(y);
        set_each(x, assert_has_member, y);
        break;
    case TYPE_HASH:
        hash_check(y);
        hash_each(x, assert_has_field, y);
        break;
    default: zset_check(y); assert_same_zset(x, y);
    }
}

/* ---- there and back ---- */

/* Reads a record from a span and from a stream that comes in bits, passes over it, and skims it. */
static void read_back(const struct buf *b, const struct entry *e, size_t step) {
    struct rdb_test_stream stream = {.bytes = b->data, .len = b->len, .step = step};
    for (int way = 0; way < 4; way++) {
        struct rdb_reader r;
        struct rdb_record record = {0};
        struct value value;
        stream.at = 0;
        if (way < 2)
            rdb_reader_on_span(&r, b->data, b->len, 0);
        else
            rdb_reader_on_stream(&r, rdb_test_pull, &stream);
        cr_assert_eq(rdb_read_next(&r, &record), RDB_EVENT_KEY, "%s", rdb_error(&r));
        cr_assert_eq(record.key.len, strlen("some key"));
        cr_assert_eq(record.type, rdb_save_type(e));
        if (way % 2) {
            cr_assert(rdb_skip_value(&r, record.type), "%s", rdb_error(&r));
        } else {
            cr_assert_eq(rdb_load_value(&r, record.type, &rdb_limits_default, &value), RDB_LOADED, "%s",
                         rdb_error(&r));
            struct entry *again = rdb_test_entry("key", &value);
            assert_same(e, again);
            entry_free(again);
        }
        cr_assert_eq(memcmp(record.key.data, "some key", record.key.len), 0,
                     "the key stays while the value is read");
        cr_assert_eq(rdb_reader_offset(&r), b->len);
        cr_assert_eq(rdb_read_next(&r, &record), RDB_EVENT_NONE);
        rdb_reader_close(&r);
    }
}

static void skim(const struct buf *b, struct random *r) {
    struct rdb_skim s = {0};
    size_t present = 0, len;
    for (;;) {
        char *moved = mem_dup(b->data, present); /* so that a read beyond it is seen */
        enum rdb_skimmed result = rdb_skim(&s, RDB_VERSION, (unsigned char *)moved, present, &len);
        mem_free(moved);
        if (result == RDB_SKIM_WHOLE) break;
        cr_assert_eq(result, RDB_SKIM_MORE);
        cr_assert(present < b->len);
        present += 1 + random_below(r, 1 + b->len / 20);
        if (present > b->len) present = b->len;
    }
    cr_assert_eq(len, b->len);
    cr_assert_eq(present, b->len);
}

/* ---- as commands ---- */

static void save_commands(struct buf *to, const struct entry *e, size_t budget) {
    struct rdb_writer w;
    struct aof_save s;
    rdb_writer_init(&w, rdb_test_take, to);
    aof_save_begin(&s, &w, e);
    while (aof_save_step(&s, budget)) continue;
    aof_save_end(&s);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
}

static bool has_element(const struct entry *e, const struct aof_word *words) {
    void *object = entry_object(e);
    struct set_member m;
    struct hash_value found;
    double score, told;
    char digits[TEXT_I64_MAX];
    size_t len;
    switch (entry_type(e)) {
    case TYPE_LIST: return true; /* their order is looked at in the e2e tests */
    case TYPE_SET: set_member_from_text(&m, words[0].data, words[0].len); return set_has(object, &m);
    case TYPE_ZSET:
        return zset_score(object, words[1].data, words[1].len, &score) &&
               text_to_double(words[0].data, words[0].len, &told) && told == score;
    default: break;
    }
    struct hash_field f = hash_field(words[0].data, words[0].len);
    if (!hash_get(object, &f, &found)) return false;
    const char *text = hash_value_text(&found, digits, &len);
    return len == words[1].len && memcmp(text, words[1].data, len) == 0;
}

/* Every command is one that makes elements which the value has, and they are as many. */
static void check_commands(struct buf *b, const struct entry *e) {
    struct aof_reader reader = {0};
    size_t at = 0, found = 0, width = entry_type(e) == TYPE_HASH || entry_type(e) == TYPE_ZSET ? 2 : 1;
    for (; at < b->len; at += reader.used) {
        cr_assert_eq(aof_read(&reader, b->data + at, b->len - at), AOF_READ_COMMAND);
        cr_assert_eq(reader.words[1].len, strlen("some key"));
        unsigned elements = reader.count - 2;
        cr_assert(elements > 0 && elements % width == 0 && elements <= 64 * width);
        for (unsigned i = 2; i < reader.count && entry_type(e) != TYPE_STRING; i += width)
            cr_assert(has_element(e, &reader.words[i]));
        found += elements / width;
    }
    cr_assert_eq(found,
                 entry_type(e) == TYPE_STRING ? 1 : value_methods_get(entry_type(e))->count(entry_object(e)));
    aof_reader_free(&reader);
}

static void as_commands(struct random *r, const struct entry *e) {
    struct buf b = {0}, in_steps = {0};
    save_commands(&b, e, SIZE_MAX);
    save_commands(&in_steps, e, 1 + random_below(r, 5000));
    cr_assert_eq(b.len, in_steps.len);
    cr_assert_eq(memcmp(b.data, in_steps.data, b.len), 0);
    check_commands(&b, e);
    buf_free(&b);
    buf_free(&in_steps);
}

static void there_and_back(struct random *r, enum value_type type, size_t count, size_t longest) {
    char *text = mem_alloc((size_t)2 * TEXT_MAX + TEXT_I64_MAX);
    struct entry *e = random_entry(r, type, count, longest, text);
    for (int compress = 0; compress < 2; compress++) {
        struct buf b = {0}, in_steps = {0};
        rdb_test_save(&b, e, compress, SIZE_MAX);
        rdb_test_save(&in_steps, e, compress, 1 + random_below(r, 5000));
        cr_assert_eq(b.len, in_steps.len);
        if (!compress) cr_assert_eq(memcmp(b.data, in_steps.data, b.len), 0);
        read_back(&b, e, 1 + random_below(r, b.len));
        read_back(&in_steps, e, 1 + random_below(r, b.len));
        skim(&b, r);
        buf_free(&b);
        buf_free(&in_steps);
    }
    as_commands(r, e);
    entry_free(e);
    mem_free(text);
}

TestSuite(rdb_save, .init = rdb_test_set_up);

Test(rdb_save, strings_there_and_back) {
    struct random r;
    random_seed(&r, 1);
    for (int i = 0; i < 300; i++) there_and_back(&r, TYPE_STRING, 0, i < 250 ? 3000 : TEXT_MAX);
}

Test(rdb_save, small_collections_there_and_back) {
    struct random r;
    random_seed(&r, 2);
    for (int i = 0; i < 150; i++)
        for (enum value_type type = TYPE_LIST; type <= TYPE_HASH; type++)
            there_and_back(&r, type, 1 + random_below(&r, 100), 60);
}

Test(rdb_save, large_collections_there_and_back) {
    struct random r;
    random_seed(&r, 3);
    for (int i = 0; i < 6; i++)
        for (enum value_type type = TYPE_LIST; type <= TYPE_HASH; type++)
            there_and_back(&r, type, 300 + random_below(&r, 5000), 100);
}

Test(rdb_save, collections_of_long_strings_there_and_back) {
    struct random r;
    random_seed(&r, 4);
    for (int i = 0; i < 6; i++)
        for (enum value_type type = TYPE_LIST; type <= TYPE_HASH; type++)
            there_and_back(&r, type, 1 + random_below(&r, 8), TEXT_MAX);
}

/* ---- steps ---- */

Test(rdb_save, no_step_writes_much_more_than_its_budget) {
    enum { BYTES = 20 * 1024 * 1024, BUDGET = 10000 };
    struct value value = {.form = VALUE_BLOB, .blob = blob_new(BYTES)};
    memset(value.blob->data, 'x', BYTES);
    value.blob->len = BYTES;
    struct entry *e = rdb_test_entry("k", &value);
    struct buf b = {0};
    struct rdb_writer w;
    struct rdb_save s;
    rdb_writer_init(&w, rdb_test_take, &b);
    w.compress = true; /* which is too long to be done */
    rdb_save_begin(&s, &w, e);
    entry_free(e); /* the value is kept by a reference of its own */
    size_t steps = 0;
    for (bool more = true; more; steps++) {
        uint64_t before = rdb_writer_bytes(&w);
        more = rdb_save_step(&s, BUDGET);
        cr_assert_leq(rdb_writer_bytes(&w) - before, BUDGET);
    }
    cr_assert_geq(steps, BYTES / BUDGET);
    rdb_save_end(&s);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
    cr_assert_gt(b.len, BYTES);
    buf_free(&b);
}

Test(rdb_save, may_be_given_up_at_any_step) {
    struct random r;
    random_seed(&r, 5);
    char *text = mem_alloc((size_t)2 * TEXT_MAX + TEXT_I64_MAX);
    for (enum value_type type = TYPE_STRING; type <= TYPE_HASH; type++) {
        struct entry *e = random_entry(&r, type, 20, TEXT_MAX, text);
        for (unsigned steps = 0; steps < 12; steps++) {
            struct buf b = {0};
            struct rdb_writer w;
            struct rdb_save s;
            rdb_writer_init(&w, rdb_test_take, &b);
            w.compress = steps % 2;
            rdb_save_begin(&s, &w, e);
            for (unsigned i = 0; i < steps && rdb_save_step(&s, 30000); i++) {
            }
            rdb_save_end(&s);
            rdb_writer_close(&w);
            buf_free(&b);
        }
        entry_free(e);
    }
    mem_free(text);
}
