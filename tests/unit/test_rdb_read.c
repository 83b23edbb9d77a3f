/* test_rdb_read.c: the frame of RDB files: written as redis-server writes it, read in every version; and what is said of
 * damage: truncation and corruption at every byte. */
#include "rdb_helper.h"

#include "persist/rdb_check.h"
#include "persist/rdb_skim.h"
#include "shard/base/crc64.h"
#include "shard/store/policy.h"

#include <stdio.h>

enum { NOW_MS = 1000000 };

static const char header[] = "REDIS0010";

/* ---- writing ---- */

static struct buf written(void (*write)(struct rdb_writer *w)) {
    struct buf b = {0};
    struct rdb_writer w;
    rdb_writer_init(&w, rdb_test_take, &b);
    write(&w);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
    return b;
}

static void assert_written(void (*write)(struct rdb_writer *w), const char *bytes, size_t len) {
    struct buf b = written(write);
    cr_assert_eq(b.len, len, "%zu bytes", b.len);
    cr_assert_eq(memcmp(b.data, bytes, len), 0);
    buf_free(&b);
}
#define assert_writes(write, bytes) assert_written(write, bytes, sizeof(bytes) - 1)

static void write_lengths(struct rdb_writer *w) {
    static const uint64_t lengths[] = {0, 63, 64, 16383, 16384, UINT32_MAX, (uint64_t)UINT32_MAX + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) rdb_write_length(w, lengths[i]);
}

static void write_integers(struct rdb_writer *w) {
    static const int64_t numbers[] = {
        0, -128, 127, 128, -32768, 32768, INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) rdb_write_integer(w, numbers[i]);
}

static void write_strings(struct rdb_writer *w) {
    rdb_write_string(w, "", 0);
    rdb_write_string(w, "12", 2);
    rdb_write_string(w, "-0", 2);
    rdb_write_string(w, "012", 3);
    rdb_write_string(w, "2147483648", 10);
    w->compress = true;
    rdb_write_string(w, "aaaaaaaaaaaaaaaaaaaa", 20); /* not worth it */
}

static void write_frame(struct rdb_writer *w) {
    rdb_write_header(w);
    rdb_write_aux(w, "redis-ver", "7.0.15", 6);
    rdb_write_aux_int(w, "redis-bits", 64);
    rdb_write_select(w, 3);
    rdb_write_resize(w, 2, 1);
    rdb_write_end(w);
    rdb_write_checksum(w, UINT64_C(0x0102030405060708));
}

Test(rdb_read, writes_what_redis_writes) {
    assert_writes(write_lengths, "\x00\x3f\x40\x40\x7f\xff\x80\x00\x00\x40\x00\x80\xff\xff\xff\xff\x81\x00"
                                 "\x00\x00\x01\x00\x00\x00\x00");
    assert_writes(write_integers, "\xc0\x00\xc0\x80\xc0\x7f\xc1\x80\x00\xc1\x00\x80\xc2\x00\x80\x00\x00\xc2"
                                  "\xff\xff\xff\x7f\xc2\x00\x00\x00\x80"
                                  "\x0a"
                                  "2147483648");
    assert_writes(write_strings, "\x00\xc0\x0c\x02-0\x03"
                                 "012\x0a"
                                 "2147483648\x14"
                                 "aaaaaaaaaaaaaaaaaaaa");
    assert_writes(write_frame, "REDIS0010\xfa\x09redis-ver\x06"
                               "7.0.15\xfa\x0aredis-bits\xc0\x40\xfe\x03\xfb\x02\x01\xff"
                               "\x08\x07\x06\x05\x04\x03\x02\x01");
}

Test(rdb_read, counts_its_bytes_across_chunks) {
    struct buf b = {0};
    struct rdb_writer w;
    rdb_writer_init(&w, rdb_test_take, &b);
    w.chunk_bytes = 10;
    for (int i = 0; i < 100; i++) rdb_write_string(&w, "abcdefghijklmnopqrstuvwxyz", (size_t)i % 27);
    cr_assert_eq(rdb_writer_bytes(&w), b.len + w.chunk->len);
    rdb_write_flush(&w);
    cr_assert_eq(rdb_writer_bytes(&w), b.len);
    rdb_write_flush(&w); /* nothing */
    rdb_writer_close(&w);
    buf_free(&b);
}

static void take_sum(void *arg, struct rdb_chunk *chunk) {
    uint64_t *sums = arg;
    cr_assert(chunk->len > 0 && chunk->len <= chunk->cap);
    sums[0] = crc64_combine(sums[0], chunk->crc, chunk->len);
    sums[1] = crc64(sums[1], chunk->bytes, chunk->len);
    rdb_chunk_free(chunk);
}

Test(rdb_read, sums_of_chunks_combine) {
    uint64_t sums[2] = {0};
    struct rdb_writer w;
    rdb_writer_init(&w, take_sum, sums);
    w.checksum = true;
    for (int i = 0; i < 50000; i++) rdb_write_integer(&w, (int64_t)i * i);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
    cr_assert_eq(sums[0], sums[1]);
    cr_assert_neq(sums[0], 0);
}

static struct buf record_under(enum eviction eviction, uint32_t access) {
    struct policy policy = {.eviction = eviction};
    struct rdb_save_how how = {.policy = &policy, .now_ms = NOW_MS};
    struct value value = value_int(1);
    struct entry *e = rdb_test_entry("k", &value);
    struct buf b = {0};
    struct rdb_writer w;
    e->access = access;
    rdb_writer_init(&w, rdb_test_take, &b);
    rdb_save_head(&w, e, &how);
    rdb_write_flush(&w);
    rdb_writer_close(&w);
    entry_free(e);
    return b;
}

Test(rdb_read, a_record_tells_of_access_as_the_policy_has_it) {
    struct buf none = record_under(EVICT_NONE, 0), lru = record_under(EVICT_ALL_LRU, 0);
    struct buf lfu = record_under(EVICT_VOLATILE_LFU, 77);
    cr_assert_eq(none.len, 3);
    cr_assert_eq(memcmp(none.data, "\x00\x01k", 3), 0);
    cr_assert_eq(lru.len, 6);
    cr_assert_eq(memcmp(lru.data, "\xf8\x43\xe8\x00\x01k", 6), 0); /* 1000 s */
    cr_assert_eq(memcmp(lfu.data, "\xf9\x4d\x00\x01k", 5), 0);
    buf_free(&none);
    buf_free(&lru);
    buf_free(&lfu);
}

/* ---- reading ---- */

static struct rdb_record next_of(const char *bytes, size_t len, enum rdb_event event) {
    struct rdb_reader r;
    struct rdb_record record = {0};
    rdb_reader_on_span(&r, bytes, len, 0);
    cr_assert_eq(rdb_read_next(&r, &record), event, "%s", rdb_error(&r));
    rdb_reader_close(&r);
    return record;
}
#define next(bytes, event) next_of(bytes, sizeof(bytes) - 1, event)

Test(rdb_read, heads_of_records) {
    cr_assert_eq(next("\xfd\x10\x00\x00\x00\x00\x01k", RDB_EVENT_KEY).expires_ms, 16000);
    cr_assert_eq(next("\xfc\x10\x00\x00\x00\x00\x00\x00\x00\x00\x01k", RDB_EVENT_KEY).expires_ms, 16);
    cr_assert_eq(next("\xfd\xff\xff\xff\xff\x00\x01k", RDB_EVENT_KEY).expires_ms, 0);
    cr_assert_eq(next("\xf8\x05\x00\x01k", RDB_EVENT_KEY).idle_s, 5);
    cr_assert_eq(next("\xf9\xff\x00\x01k", RDB_EVENT_KEY).frequency, 255);
    struct rdb_record plain = next("\x00\x01k", RDB_EVENT_KEY);
    cr_assert(plain.expires_ms == -1 && plain.idle_s == -1 && plain.frequency == -1);
    cr_assert_eq(next("\xfe\x07", RDB_EVENT_SELECT).database, 7);
    struct rdb_record resize = next("\xfb\x05\x02", RDB_EVENT_RESIZE);
    cr_assert(resize.keys == 5 && resize.expiring == 2);
    struct rdb_record slot = next("\xf4\x01\x05\x02", RDB_EVENT_SLOT);
    cr_assert(slot.number == 1 && slot.keys == 5 && slot.expiring == 2);
    next("\xf5\x03"
         "lib",
         RDB_EVENT_FUNCTION);
    next("", RDB_EVENT_NONE);
}

static const char *error_of(const char *bytes, size_t len) {
    static char error[RDB_ERROR_MAX];
    struct rdb_reader r;
    struct rdb_record record = {0};
    struct value value;
    rdb_reader_on_span(&r, bytes, len, 100);
    if (rdb_read_next(&r, &record) == RDB_EVENT_KEY)
        cr_assert_eq(rdb_load_value(&r, record.type, &rdb_limits_default, &value), RDB_LOAD_BROKEN);
    memcpy(error, rdb_error(&r), sizeof error);
    cr_assert_eq(rdb_read_next(&r, &record), RDB_EVENT_BROKEN, "it stays broken");
    rdb_reader_close(&r);
    return error;
}
#define assert_error(bytes, text) cr_assert_str_eq(error_of(bytes, sizeof(bytes) - 1), text)

Test(rdb_read, says_where_and_what_and_how, .init = rdb_test_set_up) {
    assert_error("\x00\x03k", "at offset 101, reading a key: the bytes end here, 2 more are needed");
    assert_error("\x00\x01k\x05v",
                 "at offset 103, reading a string of key 'k': the bytes end here, 4 more are needed");
    assert_error("\x00\x02k\x01\xc7",
                 "at offset 104, reading a string of key 'k?': an unknown encoding of a string (byte c7)");
    assert_error(
        "\x07\x01m",
        "at offset 101, reading a key: a value of a module (type 7), which this server does not have");
    assert_error(
        "\x13\x01s",
        "at offset 101, reading a key: a stream (version 2) (type 19), which this server does not have");
    assert_error("\x18\x01h", "at offset 101, reading a key: a hash whose fields expire (type 24), which "
                              "this server does not have");
    assert_error("\x63\x01s",
                 "at offset 101, reading a key: an unknown type (type 99), which this server does not have");
    assert_error(
        "\xf6",
        "at offset 101, reading what comes next: functions in a form that only previews of Redis 7.0 had");
    assert_error(
        "\xf7\x81\x04\x1c\x31\x4c\x61\x7a\xa4\x01",
        "at offset 110, reading data of a module: it needs the module 'BBwxTGF6p', and this server has none");
    assert_error("\x02\x01s\x02\x01"
                 "a\x01"
                 "a",
                 "at offset 108, reading a set of key 's': a member that is there twice");
    assert_error("\x02\x01s\x81\x10\x00\x00\x00\x00\x00\x00\x00",
                 "at offset 112, reading a set of key 's': 1152921504606846976 elements cannot be in the 0 "
                 "bytes that are left");
    assert_error("\x10\x01h\x07\x07\x00\x00\x00\x01\x00\xff",
                 "at offset 111, reading a hash in a listpack of key 'h': the listpack of 7 bytes before "
                 "this place is damaged");
    assert_error("\xfa\x04name\xc3\x01\x40\x7f\x00",
                 "at offset 110, reading a fact about the file (AUX): 1 compressed bytes cannot become 127");
}

Test(rdb_read, refuses_what_is_no_file_of_a_known_version) {
    static const char *const headers[] = {"REDIS0000", "REDIS0013", "REDISx010", "VALKEY080", "REDIS001"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct rdb_reader r;
        rdb_reader_on_span(&r, headers[i], strlen(headers[i]), 0);
        cr_assert(!rdb_read_header(&r));
        rdb_reader_close(&r);
    }
    for (unsigned version = 1; version <= RDB_VERSION_NEWEST; version++) {
        char text[RDB_HEADER_BYTES + 8];
        struct rdb_reader r;
        snprintf(text, sizeof text, "REDIS%04u", version);
        rdb_reader_on_span(&r, text, RDB_HEADER_BYTES, 0);
        cr_assert(rdb_read_header(&r));
        rdb_reader_close(&r);
    }
}

/* ---- whole files, and damaged ones ---- */

/* A file with a value of every kind. */
static struct buf small_file(void) {
    static const char records[] = "\xfe\x00\xfb\x0a\x01"
                                  "\xfc\x00\x00\x00\x00\x00\x01\x00\x00\x00\x03str\xc3\x06\x14\x01"
                                  "ab\xe0\x09\x01"
                                  "\x01\x01l\x02\x01"
                                  "a\xc0\x05"
                                  "\x02\x01s\x02\x01"
                                  "a\x01"
                                  "b"
                                  "\x03\x01z\x02\x01"
                                  "a\x03"
                                  "1.5\x01"
                                  "b\xfe"
                                  "\x05\x02z2\x01\x01"
                                  "a\x00\x00\x00\x00\x00\x00\xf0\x3f"
                                  "\x04\x01h\x01\x01"
                                  "f\x01v"
                                  "\x09\x02zm\x07\x01\x01"
                                  "f\x01\x00v\xff"
                                  "\x0b\x02is\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"
                                  "\x0e\x01q\x01\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01"
                                  "a\x03\xf2\xff"
                                  "\x10\x02hl\x0d\x0d\x00\x00\x00\x02\x00\x81"
                                  "f\x02\x81v\x02\xff"
                                  "\x12\x02q2\x01\x01\x05plain";
    struct buf b = {0};
    buf_append(&b, header, RDB_HEADER_BYTES);
    buf_append(&b, records, sizeof records - 1);
    return b;
}

static struct buf with_end(const struct buf *b) {
    struct buf whole = {0};
    buf_append(&whole, b->data, b->len);
    buf_append_char(&whole, (char)RDB_EOF);
    uint64_t sum = crc64(0, whole.data, whole.len);
    buf_append(&whole, &sum, sizeof sum);
    return whole;
}

static bool check(const void *bytes, size_t len, size_t step, struct rdb_summary *s) {
    struct rdb_test_stream stream = {.bytes = bytes, .len = len, .step = step};
    bool fine = rdb_check(s, rdb_test_pull, &stream, NOW_MS);
    cr_assert_eq(fine, s->error[0] == '\0');
    return fine;
}

Test(rdb_read, a_truncated_file_is_refused_at_every_length, .init = rdb_test_set_up) {
    struct buf b = small_file(), whole = with_end(&b);
    struct rdb_summary s;
    for (size_t len = 0; len < whole.len; len++) {
        cr_assert(!check(whole.data, len, 7, &s), "%zu bytes", len);
        cr_assert_not_null(strstr(s.error, "at offset "));
        cr_assert_leq(s.bytes, len);
        rdb_summary_free(&s);
    }
    cr_assert(check(whole.data, whole.len, 7, &s), "%s", s.error);
    cr_assert_eq(s.bytes, whole.len);
    cr_assert(s.has_checksum);
    cr_assert_eq(s.databases[0].keys, 11);
    cr_assert_eq(s.databases[0].expiring, 1);
    rdb_summary_free(&s);
    buf_free(&b);
    buf_free(&whole);
}

Test(rdb_read, a_file_with_any_byte_changed_is_refused, .init = rdb_test_set_up) {
    struct buf b = small_file(), whole = with_end(&b);
    struct rdb_summary s;
    for (size_t at = 0; at < whole.len; at++) {
        for (unsigned change = 1; change < 256; change = change * 2 + 1) {
            whole.data[at] = (char)(whole.data[at] ^ (char)change);
            /* A header of another known version is one that does not say so, but the checksum does. */
            cr_assert(!check(whole.data, whole.len, 11, &s), "byte %zu, change %u", at, change);
            rdb_summary_free(&s);
            whole.data[at] = (char)(whole.data[at] ^ (char)change);
        }
    }
    buf_free(&b);
    buf_free(&whole);
}

/* The same without a checksum to rely on: anything may come out, but nothing may break (the sanitizers look). */
Test(rdb_read, any_byte_changed_does_no_harm_without_a_checksum, .init = rdb_test_set_up) {
    struct buf b = small_file();
    struct rdb_summary s;
    buf_append(&b, "\xff\0\0\0\0\0\0\0\0", 9);
    size_t taken = 0, before = mem_used();
    for (size_t at = 0; at < b.len; at++) {
        char right = b.data[at];
        for (unsigned byte = 0; byte < 256; byte++) {
            b.data[at] = (char)byte;
            taken += check(b.data, b.len, 1000, &s);
            rdb_summary_free(&s);
        }
        b.data[at] = right;
    }
    cr_assert_gt(taken, b.len); /* at the very least, each byte's right value */
    cr_assert_eq(mem_used(), before);
    buf_free(&b);
}

Test(rdb_read, a_wrong_checksum_is_named, .init = rdb_test_set_up) {
    struct buf b = small_file(), whole = with_end(&b);
    struct rdb_summary s;
    whole.data[whole.len - 1] ^= 1;
    cr_assert(!check(whole.data, whole.len, 100, &s));
    cr_assert_not_null(strstr(s.error, "reading the checksum: it is "), "%s", s.error);
    rdb_summary_free(&s);
    memset(whole.data + whole.len - 8, 0, 8); /* none was taken */
    cr_assert(check(whole.data, whole.len, 100, &s), "%s", s.error);
    cr_assert(!s.has_checksum);
    rdb_summary_free(&s);
    buf_free(&b);
    buf_free(&whole);
}

Test(rdb_read, the_summary_says_what_there_is, .init = rdb_test_set_up) {
    struct buf b = small_file(), whole = with_end(&b), text = {0};
    struct rdb_summary s;
    buf_append_text(&whole, "more");
    cr_assert(check(whole.data, whole.len, 100, &s));
    rdb_summary_print(&s, &text);
    static const char *const parts[] = {"RDB version 10",
                                        "database 0: 11 keys, 1 with a deadline, 0 of them past it",
                                        "a quicklist of ziplists",
                                        "largest: key 'str' with 23 bytes",
                                        "4 bytes stand behind the end",
                                        "The file is sound (its checksum is right)."};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert_not_null(strstr(text.data, parts[i]), "%s in\n%s", parts[i], text.data);
    rdb_summary_free(&s);
    buf_free(&b);
    buf_free(&whole);
    buf_free(&text);
}

Test(rdb_read, a_file_without_keys_is_told_apart, .init = rdb_test_set_up) {
    static const char facts[] = "\xfa\x09redis-ver\x05"
                                "7.0.1\xfa\x08"
                                "aof-base\xc0\x00\xfe\x00\xfb\x00\x00";
    struct buf empty = {0}, full = small_file();
    buf_append(&empty, header, RDB_HEADER_BYTES);
    buf_append(&empty, facts, sizeof facts - 1);
    struct buf whole = with_end(&empty), with_keys = with_end(&full);
    cr_assert(rdb_is_empty((const unsigned char *)whole.data, whole.len));
    cr_assert_not(rdb_is_empty((const unsigned char *)with_keys.data, with_keys.len));
    for (size_t len = 0; len < whole.len; len++)
        cr_assert_not(rdb_is_empty((const unsigned char *)whole.data, len), "only %zu bytes of it are there",
                      len);
    whole.data[0] = 'X';
    cr_assert_not(rdb_is_empty((const unsigned char *)whole.data, whole.len), "it is no such file");
    buf_free(&empty);
    buf_free(&full);
    buf_free(&whole);
    buf_free(&with_keys);
}
