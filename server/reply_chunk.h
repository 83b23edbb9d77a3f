/* reply_chunk.h: the pieces that a reply's output is queued in, for reply.c that fills them and output.c
 * that sends them. */
#ifndef GYRE_SERVER_REPLY_CHUNK_H
#define GYRE_SERVER_REPLY_CHUNK_H

#include "server/reply.h"
#include "shard/store/blob.h"

#include <stddef.h>

/* Bytes of its own (data == room), or a stretch of a blob. */
struct reply_chunk {
    struct reply_chunk *next;
    struct blob *blob;
    const char *data;
    size_t len, cap; /* equal where nothing may be appended any more */
    bool pooled;
    char room[];
};

/* A thread's stock of empty chunks. Bounded: what does not fit goes back to the allocator. */
enum { REPLY_POOL_MAX = 64 };
struct reply_pool {
    struct reply_chunk *free;
    unsigned count;
};

/* Gives back the first chunk of a chain; returns the next. */
struct reply_chunk *reply_chunk_free(struct reply_pool *pool, struct reply_chunk *chunk);
void reply_pool_empty(struct reply_pool *pool);
/* Takes everything that was written so far out of the reply. */
struct reply_chunk *reply_take(struct reply *r, size_t *bytes);

#endif
