/* lookup.h: what the handlers of many families ask of a key and its string value.
 *
 * All of these run in a handler, under the hold of the key's slice. They reply only where they say so.
 */
#ifndef GYRE_SERVER_CMD_LOOKUP_H
#define GYRE_SERVER_CMD_LOOKUP_H

#include "server/call.h"
#include "shard/base/assert.h"
#include "shard/store/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The live entry of key i: counted as a hit or miss, but its access clock stays as it is (EXISTS, TYPE,
 * TTL, OBJECT). */
struct entry **lookup_glance(struct call *c, unsigned i);

/* True when there is nothing at `at` (NULL) or a string; otherwise replies WRONGTYPE. */
static inline bool lookup_is_string(struct call *c, struct entry **at) {
    if (LIKELY(at == NULL || entry_type(*at) == TYPE_STRING)) return true;
    reply_wrong_type(c->reply);
    return false;
}

/* What OBJECT ENCODING and OBJECT REFCOUNT say of an entry. */
const char *lookup_encoding(const struct entry *e);
int lookup_refcount(const struct entry *e);

/* Replies the string at `at`, or a null where `at` is NULL. Large ones are sent from where they lie. */
void lookup_reply_string(struct call *c, struct entry **at);

#endif
