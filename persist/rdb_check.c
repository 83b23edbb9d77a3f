/* rdb_check.c: see rdb_check.h. */
#include "persist/rdb_check.h"

#include "persist/rdb_load.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/store/value_methods.h"

#include <stdio.h>
#include <string.h>

enum { DATABASES_MAX = 1024, FACTS_MAX = 16 * 1024, FACT_SHOWN_MAX = 200, LIST_NODE_BYTES = 8192 };

/* Collections stay as small as Redis keeps them by default: what is checked is the file, not the form. */
static const struct rdb_limits limits = {
    .hash = {512, 64},
    .zset = {128, 64},
    .list = {.node_bytes = LIST_NODE_BYTES, .node_count = UINT32_MAX, .alone_bytes = UINT32_MAX},
    .intset_max = 512,
};

/* ---- counting ---- */

/* The database that keys are being read of; they may come and go. What comes after too many counts for the
 * last. */
static struct rdb_check_database *database(struct rdb_summary *s, uint64_t number) {
    for (size_t i = s->database_count; i-- > 0;)
        if (s->databases[i].number == number) return &s->databases[i];
    if (s->database_count == DATABASES_MAX) return &s->databases[DATABASES_MAX - 1];
    if (s->database_count == s->database_cap) {
        s->database_cap = s->database_cap ? s->database_cap * 2 : 4;
        s->databases = mem_realloc(s->databases, s->database_cap * sizeof *s->databases);
    }
    s->databases[s->database_count] = (struct rdb_check_database){.number = number};
    return &s->databases[s->database_count++];
}

static void printable(char *to, size_t room, const struct rdb_text *text) {
    size_t n = text->len < room - 1 ? text->len : room - 1;
    for (size_t i = 0; i < n; i++) to[i] = text->data[i] >= ' ' && text->data[i] <= '~' ? text->data[i] : '?';
    to[n] = '\0';
}

static void count_fact(struct rdb_summary *s, const struct rdb_record *record) {
    char name[FACT_SHOWN_MAX], value[FACT_SHOWN_MAX];
    if (s->facts.len > FACTS_MAX) return;
    printable(name, sizeof name, &record->key);
    printable(value, sizeof value, &record->text);
    buf_printf(&s->facts, "  %s: %s\n", name, value);
}

static void tally(struct rdb_check_tally *t, uint64_t elements, uint64_t bytes) {
    t->keys++;
    t->elements += elements;
    t->bytes += bytes;
}

static void count_key(struct rdb_summary *s, const struct rdb_record *record, const struct value *value,
                      uint64_t bytes) {
    uint64_t elements = 1;
    if (value->form == VALUE_OBJECT)
        elements = value_methods_get(value->object.type)->count(value->object.pointer);
    tally(&s->by_form[record->type], elements, bytes);
    tally(&s->by_type[rdb_value_type(record->type)], elements, bytes);
    if (bytes > s->largest_bytes) {
        s->largest_bytes = bytes;
        printable(s->largest_key, sizeof s->largest_key, &record->key);
    }
}

/* ---- reading ---- */

static bool check_key(struct rdb_summary *s, struct rdb_reader *r, const struct rdb_record *record,
                      uint64_t start, int64_t now_ms) {
    struct value value;
    enum rdb_loaded result = rdb_load_value(r, record->type, &limits, &value);
    if (result == RDB_LOAD_BROKEN) return false;
    struct rdb_check_database *db = database(s, record->database);
    db->keys++;
    db->expiring += record->expires_ms >= 0;
    db->expired += record->expires_ms >= 0 && record->expires_ms < now_ms;
    if (result == RDB_LOADED_EMPTY) {
        s->empty_keys++;
        return true;
    }
    count_key(s, record, &value, rdb_reader_offset(r) - start);
    rdb_value_free(&value);
    return true;
}

/* Reads records up to the end of the file. */
static bool check_records(struct rdb_summary *s, struct rdb_reader *r, int64_t now_ms) {
    struct rdb_record record = {0};
    for (;;) {
        uint64_t start = rdb_reader_offset(r);
        switch (rdb_read_next(r, &record)) {
        case RDB_EVENT_KEY:
            if (!check_key(s, r, &record, start, now_ms)) return false;
            break;
        case RDB_EVENT_AUX: count_fact(s, &record); break;
        case RDB_EVENT_FUNCTION: s->functions++; break;
        case RDB_EVENT_SELECT:
        case RDB_EVENT_RESIZE:
        case RDB_EVENT_SLOT: break;
        case RDB_EVENT_END: s->has_checksum = record.has_checksum; return true;
        case RDB_EVENT_NONE: return rdb_fail(r, "the file ends without its end mark");
        case RDB_EVENT_BROKEN: return false;
        }
    }
}

bool rdb_check(struct rdb_summary *s, rdb_pull *pull, void *arg, int64_t now_ms) {
    struct rdb_reader r;
    *s = (struct rdb_summary){0};
    rdb_reader_on_stream(&r, pull, arg);
    r.checksum = true;
    bool fine = rdb_read_header(&r);
    if (fine) {
        s->version = r.version;
        fine = check_records(s, &r, now_ms);
    }
    s->bytes = rdb_reader_offset(&r);
    if (!fine) memcpy(s->error, rdb_error(&r), sizeof s->error);
    while (fine && rdb_more(&r)) {
        s->behind += (uint64_t)(r.end - r.at);
        r.at = r.end;
    }
    rdb_reader_close(&r);
    return fine;
}

void rdb_summary_free(struct rdb_summary *s) {
    mem_free(s->databases);
    buf_free(&s->facts);
    s->databases = NULL;
}

/* ---- showing ---- */

static void print_tally(struct buf *out, const char *name, const struct rdb_check_tally *t) {
    if (t->keys == 0) return;
    buf_printf(out, "  %-34s %12llu %14llu %16llu\n", name, (unsigned long long)t->keys,
               (unsigned long long)t->elements, (unsigned long long)t->bytes);
}

static void print_verdict(const struct rdb_summary *s, struct buf *out) {
    if (s->error[0]) {
        buf_printf(out, "\nDAMAGED %s\n", s->error);
        return;
    }
    if (s->behind)
        buf_printf(out, "%llu bytes stand behind the end and are no part of it\n",
                   (unsigned long long)s->behind);
    buf_printf(out, "\nThe file is sound (%s).\n",
               s->has_checksum                          ? "its checksum is right"
               : s->version < RDB_VERSION_WITH_CHECKSUM ? "this version has no checksum"
                                                        : "it was written without a checksum");
}

void rdb_summary_print(const struct rdb_summary *s, struct buf *out) {
    if (s->version)
        buf_printf(out, "RDB version %u, %llu bytes%s\n", s->version, (unsigned long long)s->bytes,
                   s->error[0] ? " up to the damage" : "");
    if (s->facts.len) buf_append(out, s->facts.data, s->facts.len);
    for (size_t i = 0; i < s->database_count; i++) {
        const struct rdb_check_database *db = &s->databases[i];
        buf_printf(out, "database %llu: %llu keys, %llu with a deadline, %llu of them past it\n",
                   (unsigned long long)db->number, (unsigned long long)db->keys,
                   (unsigned long long)db->expiring, (unsigned long long)db->expired);
    }
    if (s->largest_bytes) {
        buf_printf(out, "\n  %-34s %12s %14s %16s\n", "type", "keys", "elements", "bytes in the file");
        for (int type = 0; type < TYPE_COUNT; type++)
            print_tally(out, value_type_name((enum value_type)type), &s->by_type[type]);
        buf_printf(out, "\n  %-34s %12s %14s %16s\n", "written as", "keys", "elements", "bytes in the file");
        for (unsigned type = 0; type < RDB_TYPE_COUNT; type++)
            print_tally(out, rdb_type_text(type), &s->by_form[type]);
        buf_printf(out, "\nlargest: key '%s' with %llu bytes\n", s->largest_key,
                   (unsigned long long)s->largest_bytes);
    }
    if (s->functions) buf_printf(out, "%llu libraries of functions\n", (unsigned long long)s->functions);
    if (s->empty_keys) buf_printf(out, "%llu keys with nothing in them\n", (unsigned long long)s->empty_keys);
    print_verdict(s, out);
}
