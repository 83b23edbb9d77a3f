/* debug_data.c: DEBUG HTSTATS, POPULATE: what looks at, or makes, many keys.
 *
 * HTSTATS and POPULATE take one slice at a time: the first only counts, the second is for tests,
 * and is the one DEBUG command that other clients can see half done.
 */
#include "server/cmd/debug_parts.h"
#include "server/propagate.h"
#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/text.h"
#include "shard/store/entry.h"

#include <stdio.h>
#include <string.h>

/* ---- HTSTATS ---- */

struct table_sums {
    uint64_t buckets, chained, keys, resizing, expiring, wheel_bytes;
};

static bool add_slice(struct call *c, struct slice *s, unsigned database, struct table_sums *sums) {
    if (!call_enter(c, s)) return false;
    const struct keyspace *ks = slice_keyspace(s, database);
    if (ks) {
        sums->buckets += atomic_load_explicit(&ks->table.live, memory_order_relaxed);
        sums->chained += ks->table.children;
        sums->resizing += ks->table.resizing != 0;
        sums->keys += table_count(&ks->table);
        sums->expiring += wheel_count(ks->wheel);
        if (ks->wheel) sums->wheel_bytes += wheel_bytes(ks->wheel);
    }
    call_leave(c, s);
    return true;
}

static void append_sums(struct buf *out, const struct table_sums *sums) {
    buf_append_text(out, "[Dictionary HT]\n");
    if (sums->keys == 0) {
        buf_append_text(out, "No stats available for empty dictionaries\n");
    } else {
        buf_printf(out, " slices: %u (%llu of them resizing)\n table size: %llu\n number of elements: %llu\n",
                   slices.count, (unsigned long long)sums->resizing, (unsigned long long)sums->buckets * 7,
                   (unsigned long long)sums->keys);
        buf_printf(out, " buckets: %llu\n chained buckets: %llu\n avg elements per bucket: %.2f\n",
                   (unsigned long long)sums->buckets, (unsigned long long)sums->chained,
                   (double)sums->keys / (double)sums->buckets);
    }
    buf_append_text(out, "[Expires HT]\n");
    if (sums->expiring == 0)
        buf_append_text(out, "No stats available for empty dictionaries\n");
    else
        buf_printf(out, " number of elements: %llu\n bytes: %llu\n", (unsigned long long)sums->expiring,
                   (unsigned long long)sums->wheel_bytes);
}

void debug_htstats(struct call *c) {
    int64_t database;
    if (!call_int(c, 2, &database, NULL)) return;
    if (database < 0 || database >= slices.databases) {
        reply_error(c->reply, "ERR Out of range database");
        return;
    }
    struct table_sums sums = {0};
    for (unsigned i = 0; i < slices.count; i++)
        if (!add_slice(c, &slices.all[i], (unsigned)database, &sums)) return;
    struct buf text = {0};
    append_sums(&text, &sums);
    reply_verbatim(c->reply, "txt", text.data, text.len);
    buf_free(&text);
}

/* ---- POPULATE ---- */

enum { POPULATE_VALUE_MAX = 512 * 1024 * 1024 };

struct populate {
    int64_t count, size;
    const char *prefix;
    size_t prefix_len;
};

static bool parse_populate(struct call *c, struct populate *p) {
    static const char error[] = "ERR value is out of range, must be positive";
    *p = (struct populate){.prefix = "key", .prefix_len = 3};
    if (!call_int(c, 2, &p->count, error)) return false;
    if (c->argc > 3) {
        p->prefix = c->argv[3].data;
        p->prefix_len = c->argv[3].len;
    }
    if (c->argc > 4 && !call_int(c, 4, &p->size, error)) return false;
    if (p->count >= 0 && p->size >= 0 && p->size <= POPULATE_VALUE_MAX) return true;
    reply_error(c->reply, error);
    return false;
}

/* The value "value:<n>", filled up with zeros or cut to the wanted size. */
static void write_value(struct buf *value, const struct populate *p, int64_t n) {
    buf_clear(value);
    buf_printf(value, "value:%lld", (long long)n);
    if (p->size == 0) return;
    if ((size_t)p->size > value->len) {
        size_t more = (size_t)p->size - value->len;
        memset(buf_reserve(value, more), 0, more);
    }
    value->len = (size_t)p->size;
}

/* Makes one key where there is none. False: its slice was refused. */
static bool populate_one(struct call *c, const struct buf *name, const struct buf *value) {
    struct key key = key_make(name->data, name->len);
    c->visit.writes = true;
    if (!call_enter(c, key.slice)) return false;
    if (!keyspace_find(&c->visit, &key, KEYSPACE_PEEK)) {
        keyspace_set(&c->visit, &key, NULL, value_bytes(value->data, value->len), NO_TTL);
        call_dirty(c, 1);
        propagate_command(c, "SET", 3);
        propagate_bytes(c, name->data, name->len);
        propagate_bytes(c, value->data, value->len);
    }
    call_leave(c, key.slice);
    return true;
}

/* A refused slice means starting anew: keys that were made are passed over then. */
void debug_populate(struct call *c) {
    struct populate p;
    if (!parse_populate(c, &p)) return;
    struct buf name = {0}, value = {0};
    bool refused = false;
    for (int64_t n = 0; n < p.count && !refused; n++) {
        buf_clear(&name);
        buf_append(&name, p.prefix, p.prefix_len);
        buf_printf(&name, ":%lld", (long long)n);
        write_value(&value, &p, n);
        refused = !populate_one(c, &name, &value);
    }
    buf_free(&name);
    buf_free(&value);
    if (!refused) reply_ok(c->reply);
}
