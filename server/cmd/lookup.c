/* lookup.c: what the handlers of many families ask of a key and its string value: see lookup.h. */
#include "server/cmd/lookup.h"

#include "shard/base/assert.h"
#include "shard/store/policy.h"
#include "shard/store/value_methods.h"

#include <limits.h>

enum { EMBSTR_MAX = 44, SHARED_INTEGERS = 10000 };

struct entry **lookup_glance(struct call *c, unsigned i) {
    ASSERT(i < c->key_count);
    bool no_touch = c->visit.no_touch;
    c->visit.no_touch = true;
    struct entry **at = keyspace_find(&c->visit, &c->keys[i], KEYSPACE_READ);
    c->visit.no_touch = no_touch;
    return at;
}

const char *lookup_encoding(const struct entry *e) {
    if (entry_type(e) != TYPE_STRING) return value_methods_get(entry_type(e))->encoding(entry_object(e));
    if (entry_encoding(e) == ENC_INT) return "int";
    return !(e->flags & ENTRY_RAW) && entry_string_len(e) <= EMBSTR_MAX ? "embstr" : "raw";
}

/* Redis shares the objects of small integers while no policy needs an access clock in each, and shows it
 * here. */
int lookup_refcount(const struct entry *e) {
    const struct policy *policy = policy_get();
    bool clocks =
        policy->maxmemory_bytes != 0 && (policy_is_lfu(policy) || policy->eviction == EVICT_ALL_LRU ||
                                         policy->eviction == EVICT_VOLATILE_LRU);
    bool shared = !clocks && entry_type(e) == TYPE_STRING && entry_encoding(e) == ENC_INT &&
                  entry_int(e) >= 0 && entry_int(e) < SHARED_INTEGERS;
    return shared ? INT_MAX : 1;
}

void lookup_reply_string(struct call *c, struct entry **at) {
    if (at == NULL) {
        reply_null(c->reply);
        return;
    }
    const struct entry *e = *at;
    ASSERT(entry_type(e) == TYPE_STRING);
    switch (entry_encoding(e)) {
    case ENC_INT: reply_bulk_int(c->reply, entry_int(e)); break;
    case ENC_BLOB: reply_bulk_blob(c->reply, entry_blob(e), 0, entry_blob(e)->len); break;
    default: {
        size_t len;
        const char *bytes = entry_inline(e, &len);
        reply_bulk(c->reply, bytes, len);
    }
    }
}
