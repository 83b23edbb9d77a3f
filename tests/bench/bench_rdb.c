/* bench_rdb.c: what saving and loading cost one core, by kind of value: bench_rdb [KEYS].
 *
 *     make build/release/tests/bench_rdb && build/release/tests/bench_rdb 5000000
 *
 * Strings of 100 random bytes (which LZF cannot shorten, but has to try) go from entries to bytes in memory, are summed,
 * skimmed, and loaded into one table as the keyspace would; collections are saved and loaded whole.
 */
#include "persist/rdb_load.h"
#include "persist/rdb_save.h"
#include "persist/rdb_skim.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/table.h"
#include "shard/store/value_methods.h"
#include "shard/type/set.h"
#include "shard/type/types.h"
#include "shard/type/zset_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VALUE_BYTES_EACH = 100, KEY_MAX = 32 };

static const struct rdb_limits limits = {
    .hash = {512, 64},
    .zset = {128, 64},
    .list = {.node_bytes = 8192, .node_count = UINT32_MAX, .alone_bytes = UINT32_MAX},
    .intset_max = 512,
};
static struct random rng;
static size_t keys = 1000000;

struct bytes {
    char *data;
    size_t len, cap;
};

static void take(void *arg, struct rdb_chunk *chunk) {
    struct bytes *to = arg;
    if (to->len + chunk->len > to->cap) {
        to->cap = to->cap * 2 + chunk->len;
        to->data = mem_realloc(to->data, to->cap);
    }
    memcpy(to->data + to->len, chunk->bytes, chunk->len);
    to->len += chunk->len;
    rdb_chunk_free(chunk);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *what, double seconds, size_t count, size_t bytes) {
    printf("%-46s %6.0f ns each  %8.1f MB/s\n", what, seconds * 1e9 / (double)count,
           (double)bytes / seconds / 1e6);
}

static size_t name(char *to, const char *prefix, size_t i) {
    return (size_t)snprintf(to, KEY_MAX, "%s%zu", prefix, i);
}

static struct entry *string_entry(size_t i) {
    struct entry_shape shape = {.encoding = ENC_INLINE, .inline_len = VALUE_BYTES_EACH};
    char key[KEY_MAX];
    struct entry *e = entry_new(&shape, key, name(key, "key:", i));
    for (int k = 0; k < VALUE_BYTES_EACH; k++) entry_inline_at(e)[k] = (char)random_next(&rng);
    return e;
}

static void save_strings(struct entry **entries, struct bytes *to, bool compress) {
    struct rdb_writer w;
    const struct rdb_save_how how = {0};
    rdb_writer_init(&w, take, to);
    w.compress = compress;
    w.checksum = true;
    double start = now();
    for (size_t i = 0; i < keys; i++) {
        struct rdb_save s;
        rdb_save_head(&w, entries[i], &how);
        rdb_save_begin(&s, &w, entries[i]);
        while (rdb_save_step(&s, SIZE_MAX)) {
        }
        rdb_save_end(&s);
    }
    rdb_write_flush(&w);
    rdb_writer_close(&w);
    say(compress ? "strings saved, compression tried" : "strings saved", now() - start, keys, to->len);
}

static struct entry *file(struct table *t, const struct rdb_record *record, const struct value *value) {
    struct entry_shape shape = {.encoding = ENC_INLINE, .inline_len = value->bytes.len};
    uint64_t hash = table_hash(record->key.data, record->key.len);
    ASSERT(value->form == VALUE_BYTES && !table_find(t, record->key.data, record->key.len, hash));
    struct entry *e = entry_new(&shape, record->key.data, record->key.len);
    memcpy(entry_inline_at(e), value->bytes.data, value->bytes.len);
    table_insert(t, e, hash);
    return e;
}

static void read_strings(const struct bytes *from, bool store, bool reserve) {
    struct rdb_reader r;
    struct rdb_record record = {0};
    struct value value;
    struct table table = {0};
    size_t count = 0;
    double start = now();
    if (reserve) table_reserve(&table, keys);
    rdb_reader_on_span(&r, from->data, from->len, 0);
    for (; rdb_read_next(&r, &record) == RDB_EVENT_KEY; count++) {
        enum rdb_loaded result = rdb_load_value(&r, record.type, &limits, &value);
        ASSERT(result == RDB_LOADED);
        if (store) file(&table, &record, &value);
    }
    ASSERT(count == keys);
    say(!store    ? "strings read"
        : reserve ? "strings read and filed, room made"
                  : "strings read and filed",
        now() - start, keys, from->len);
}

static void skim_strings(const struct bytes *from) {
    struct rdb_skim s = {0};
    size_t at = 0, len;
    double start = now();
    for (; at < from->len; at += len) {
        enum rdb_skimmed result =
            rdb_skim(&s, RDB_VERSION, (unsigned char *)from->data + at, from->len - at, &len);
        ASSERT(result == RDB_SKIM_WHOLE);
    }
    say("strings skimmed", now() - start, keys, from->len);
    start = now();
    uint64_t sum = crc64(0, from->data, from->len);
    say(sum ? "summed" : "", now() - start, keys, from->len);
}

/* ---- collections ---- */

static void *make_zset(void) {
    struct zset_builder *b = zset_builder_new_for(NULL, keys);
    char member[KEY_MAX];
    for (size_t i = 0; i < keys; i++)
        zset_builder_add(b, member, name(member, "member:", i), (double)random_below(&rng, keys));
    return zset_builder_finish(b, limits.zset);
}

static void *make_set(void) {
    struct set *set = set_new_large(keys);
    char member[KEY_MAX];
    bool added;
    for (size_t i = 0; i < keys; i++) {
        struct set_member m;
        set_member_from_text(&m, member, name(member, "member:", i));
        set = set_add(set, &m, limits.intset_max, &added);
    }
    return set;
}

static void *make_hash(void) {
    struct hash *hash = hash_new_large(keys);
    char text[KEY_MAX], value[KEY_MAX];
    struct hash_change change;
    for (size_t i = 0; i < keys; i++) {
        struct hash_field f = hash_field(text, name(text, "field:", i));
        struct hash_value v = hash_value_bytes(value, name(value, "value:", i));
        hash = hash_set(hash, &f, &v, &limits.hash, &change);
    }
    return hash;
}

static void *make_list(void) {
    struct list *list = list_new(0);
    char text[KEY_MAX];
    for (size_t i = 0; i < keys; i++) {
        struct list_value v = {.data = text, .len = name(text, "element:", i)};
        list = list_push(list, LIST_TAIL, v, &limits.list);
    }
    return list;
}

static void collection(enum value_type type, void *object) {
    struct entry_shape shape = {.type = type, .encoding = ENC_OBJECT};
    struct entry *e = entry_new(&shape, "k", 1);
    struct bytes bytes = {.cap = keys * 64};
    struct rdb_writer w;
    struct rdb_reader r;
    struct value value;
    char what[KEY_MAX];
    bytes.data = mem_alloc(bytes.cap);
    memset(bytes.data, 1, bytes.cap);
    entry_set_pointer(e, object);
    for (int compress = 0; compress < 2; compress++) {
        bytes.len = 0;
        rdb_writer_init(&w, take, &bytes);
        w.compress = compress;
        double start = now();
        rdb_save_value(&w, e);
        rdb_write_flush(&w);
        rdb_writer_close(&w);
        snprintf(what, sizeof what, "%s saved%s", value_type_name(type), compress ? ", compressed" : "");
        say(what, now() - start, keys, bytes.len);
    }
    entry_free(e);
    double start = now();
    rdb_reader_on_span(&r, bytes.data + 1, bytes.len - 1, 0);
    enum rdb_loaded result = rdb_load_value(&r, (unsigned char)bytes.data[0], &limits, &value);
    ASSERT(result == RDB_LOADED);
    rdb_reader_close(&r);
    snprintf(what, sizeof what, "%s loaded", value_type_name(type));
    say(what, now() - start, keys, bytes.len);
    rdb_value_free(&value);
    mem_free(bytes.data);
}

int main(int argc, char **argv) {
    if (argc > 1) keys = (size_t)atoll(argv[1]);
    types_register();
    table_set_seed(1);
    random_seed(&rng, 1);
    struct entry **entries = mem_alloc(keys * sizeof(struct entry *));
    struct bytes bytes = {.cap = keys * 160}, again = {.cap = keys * 160};
    bytes.data = mem_alloc(bytes.cap);
    again.data = mem_alloc(again.cap);
    memset(bytes.data, 1, bytes.cap); /* its pages are there */
    memset(again.data, 1, again.cap);
    for (size_t i = 0; i < keys; i++) entries[i] = string_entry(i);
    printf("%zu keys or elements\n", keys);
    save_strings(entries, &bytes, false);
    save_strings(entries, &again, true);
    for (size_t i = 0; i < keys; i++) entry_free(entries[i]);
    skim_strings(&bytes);
    read_strings(&bytes, false, false);
    read_strings(&bytes, true, false);
    read_strings(&bytes, true, true);
    mem_free(bytes.data);
    mem_free(again.data);
    collection(TYPE_LIST, make_list());
    collection(TYPE_SET, make_set());
    collection(TYPE_HASH, make_hash());
    collection(TYPE_ZSET, make_zset());
    return 0;
}
