/* backlog.c: see backlog.h. */
#include "repl/backlog.h"

#include "shard/base/assert.h"

/* Passes over so many bytes that are there. */
static void skip(struct stream_reader *reader, uint64_t bytes) {
    while (bytes > 0) {
        const char *data;
        size_t n = stream_look(reader, &data);
        ASSERT(n > 0);
        if (n > bytes) n = (size_t)bytes;
        stream_advance(reader, n);
        bytes -= n;
    }
}

void backlog_open(struct backlog *b, struct stream *s, int64_t offset) {
    ASSERT(!b->stream && offset >= 0);
    b->stream = s;
    b->base = offset - (int64_t)s->end[STREAM_REPLICAS];
    stream_join(s, &b->first, STREAM_REPLICAS);
}

void backlog_close(struct backlog *b) {
    ASSERT(b->stream);
    stream_leave(&b->first);
    b->stream = NULL;
}

void backlog_rebase(struct backlog *b, int64_t offset) {
    struct stream *s = b->stream;
    backlog_close(b);
    backlog_open(b, s, offset);
}

void backlog_trim(struct backlog *b, uint64_t size) {
    uint64_t kept = b->stream->end[STREAM_REPLICAS] - b->first.at;
    if (kept > size) skip(&b->first, kept - size);
}

int64_t backlog_end(const struct backlog *b) {
    return b->base + (int64_t)b->stream->end[STREAM_REPLICAS];
}

int64_t backlog_first(const struct backlog *b) {
    return backlog_offset_of(b, &b->first);
}

int64_t backlog_offset_of(const struct backlog *b, const struct stream_reader *reader) {
    ASSERT(b->stream && reader->audience == STREAM_REPLICAS);
    return b->base + (int64_t)reader->at;
}

void backlog_join(const struct backlog *b, int64_t offset, struct stream_reader *reader) {
    ASSERT(offset >= backlog_first(b) && offset <= backlog_end(b));
    stream_join_at(reader, &b->first);
    skip(reader, (uint64_t)(offset - backlog_first(b)));
}
