/* load_parts.h: what load.c (the reader: cuts the file) and load_span.c (a shard: stores keys) share. */
#ifndef GYRE_PERSIST_LOAD_PARTS_H
#define GYRE_PERSIST_LOAD_PARTS_H

#include "persist/load.h"
#include "shard/store/slice.h"

/* Bytes of the file, shared by the spans cut from it; counted by the reader alone. */
struct load_block {
    unsigned refs;
    size_t len, cap;
    uint64_t offset; /* of its first byte in the file */
    unsigned char bytes[];
};

/* Some records, on their way to a shard and back. Or (no block) bytes that the reader dealt with itself, here to be
 * summed in their turn. */
struct load_span {
    struct message message;
    struct load_span *next; /* in the order of the file */
    struct load *load;
    struct load_block *block;
    const unsigned char *at;
    size_t len;
    uint64_t offset, database;
    struct thread *reader;
    unsigned shard; /* that it was given to, when loading beside */
    /* What came of it. */
    uint64_t crc;
    bool done;
    char *error; /* NULL: all went well */
};

/* Where the keys of a database go. */
static inline unsigned load_database(const struct load *load, uint64_t database) {
    return load->beside ? slice_database_beside((unsigned)database) : (unsigned)database;
}

/* The shard's part: stores all keys of the span, and hands it back to `returned`. */
void load_span_run(struct thread *t, struct message *message);
/* On the reader. */
void load_span_returned(struct thread *t, struct message *message);

#endif
