/* rdb_load_parts.h: what rdb_load*.c have in common and nobody else needs.
 *
 * Each function reads a value of the types in its name; *object is made if it returns RDB_LOADED.
 */
#ifndef GYRE_PERSIST_RDB_LOAD_PARTS_H
#define GYRE_PERSIST_RDB_LOAD_PARTS_H

#include "persist/rdb_elements.h"
#include "persist/rdb_load.h"

enum rdb_loaded rdb_load_list(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                              void **object);
enum rdb_loaded rdb_load_set(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                             void **object);
enum rdb_loaded rdb_load_zset(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                              void **object);
enum rdb_loaded rdb_load_hash(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                              void **object);

/* Reads a string that is a listpack, ziplist or zipmap, and opens it. */
bool rdb_read_elements(struct rdb_reader *r, unsigned kind, struct rdb_elements *e);
/* A count, or why there is no value: 0 is RDB_LOADED_EMPTY. */
enum rdb_loaded rdb_load_count(struct rdb_reader *r, unsigned least, uint64_t *n);

/* An element as text: in place, or spelled into digits[PACKED_DIGITS]. */
const char *rdb_element_text(const struct packed_value *v, char *digits, size_t *len);

#endif
