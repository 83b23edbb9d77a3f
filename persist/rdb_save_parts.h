/* rdb_save_parts.h: what rdb_save.c and rdb_save_collection.c have in common and nobody else needs. */
#ifndef GYRE_PERSIST_RDB_SAVE_PARTS_H
#define GYRE_PERSIST_RDB_SAVE_PARTS_H

#include "persist/rdb_save.h"

/* Writes a string, or makes it the one under way. There is none under way. */
void rdb_save_text(struct rdb_save *s, const char *data, size_t len);

/* ---- rdb_save_collection.c ---- */

enum rdb_type rdb_collection_type(enum value_type type, const void *object);
/* Writes what stands before the elements; a small object is written, or begun, as a whole (and `walked` is
 * true). */
void rdb_collection_begin(struct rdb_save *s);
/* Collects some of the elements that are left, or writes them; sets `walked` after the last. */
void rdb_collection_collect(struct rdb_save *s);

#endif
