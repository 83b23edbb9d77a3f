/* foresee.c: members looked up in advance, a window of commands at a time: see foresee.h.
 *
 * On the thread whose batch it is, under the hold of the slice. A lookup in a large table waits for two cache
 * lines, the bucket and then the entry, that are nowhere near. In a window of commands all buckets are asked
 * for first and then all entries, so the waits of the window pass side by side instead of one after the
 * other. A window of one is not worth it.
 */
#include "server/foresee.h"

#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/store/value_methods.h"

enum { WINDOW = 16 };

/* The table in which a command's member will be looked up, NULL if there is none. `same` is the request
 * before it, whose key is often the same. */
static const struct table *table_of(const struct request *r, const struct request *same,
                                    const struct table *table) {
    if (same && same->key.hash == r->key.hash && same->client->database == r->client->database) return table;
    struct keyspace *ks = slice_keyspace(r->key.slice, r->client->database);
    struct entry **at = ks ? table_find(&ks->table, r->key.data, r->key.len, r->key.hash) : NULL;
    if (!at || entry_encoding(*at) != ENC_OBJECT) return NULL;
    const struct value_methods *methods = value_methods_get(entry_type(*at));
    return methods->table ? methods->table(entry_object(*at)) : NULL;
}

static bool has_member(const struct request *r, const struct slice *s) {
    return r->has_key && r->key.slice == s && r->command->member && r->command->member < r->argc;
}

void foresee(struct worker *w, struct request *r) {
    struct batch *b = &w->batch;
    const struct slice *s = r->key.slice;
    const struct request *end = &b->requests[b->count], *last = NULL;
    const struct table *table = NULL, *tables[WINDOW];
    ASSERT(r >= b->requests && r < end && b->held == s);
    if (r + 1 == end || !has_member(r + 1, s)) return;
    unsigned n = 0;
    struct request *window[WINDOW];
    for (; r < end && n < WINDOW && has_member(r, s); r++) {
        const struct arg *member = &r->argv[r->command->member];
        table = table_of(r, last, table);
        last = r;
        if (!table) continue;
        r->member_hash = table_hash(member->data, member->len);
        table_prefetch(table, r->member_hash);
        window[n] = r;
        tables[n++] = table;
    }
    b->foreseen = (unsigned)(r - b->requests);
    for (unsigned i = 0; i < n; i++) table_prefetch_entry(tables[i], window[i]->member_hash);
}
