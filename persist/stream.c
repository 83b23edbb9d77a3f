/* stream.c: see stream.h. */
#include "persist/stream.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 256 * 1024, SELECT_MAX = 48 };

struct stream_block {
    struct stream_block *next;
    unsigned refs;         /* readers that stand in it, the block before it, the stream for its last */
    uint64_t offset;       /* of its first byte in the stream */
    size_t used, capacity; /* the capacity may be cut to what is used */
    size_t room_bytes;
    const char *data; /* its room, or a blob's bytes */
    struct blob *blob;
    char room[];
};

/* ---- blocks ---- */

static void block_unref(struct stream_block *b) {
    while (b && --b->refs == 0) {
        struct stream_block *next = b->next;
        if (b->blob)
            blob_unref(b->blob);
        else
            oplog_count_buffer(-(ptrdiff_t)b->room_bytes);
        mem_free(b);
        b = next;
    }
}

static struct stream_block *block_new(uint64_t offset, size_t capacity) {
    struct stream_block *b = mem_alloc(sizeof *b + capacity);
    *b = (struct stream_block){
        .offset = offset, .capacity = capacity, .room_bytes = capacity, .data = b->room};
    oplog_count_buffer((ptrdiff_t)capacity);
    return b;
}

/* The stream goes on in `b`. */
static void append_block(struct stream *s, struct stream_block *b) {
    struct stream_block *before = s->last;
    ASSERT(before->offset + before->used == b->offset);
    before->next = b;
    b->refs = 2; /* the block before it, and the stream */
    s->last = b;
    block_unref(before);
}

static void append(struct stream *s, const char *bytes, size_t n) {
    while (n > 0) {
        struct stream_block *b = s->last;
        size_t room = b->capacity - b->used, part = n < room ? n : room;
        if (part == 0) {
            append_block(s, block_new(s->end, BLOCK_BYTES));
            continue;
        }
        memcpy(b->room + b->used, bytes, part);
        b->used += part;
        s->end += part;
        bytes += part;
        n -= part;
    }
}

static void append_text(struct stream *s, const char *text) {
    append(s, text, strlen(text));
}

/* A block that is full from the start, and closes the one before it. */
static void append_blob(struct stream *s, struct blob *blob) {
    struct stream_block *b = block_new(s->end, 0);
    b->blob = blob_ref(blob);
    b->data = blob->data;
    b->used = b->capacity = blob->len;
    s->last->capacity = s->last->used;
    append_block(s, b);
    s->end += b->used;
}

void stream_open(struct stream *s, struct thread *me, unsigned threads) {
    ASSERT(threads > 0 && threads <= THREADS_MAX);
    *s = (struct stream){.thread = me, .threads = threads, .database = -1};
    s->next_ticket = oplog_next_ticket();
    s->last = block_new(0, BLOCK_BYTES);
    s->last->refs = 1;
}

void stream_close(struct stream *s) {
    ASSERT(s->last && s->last->refs == 1);
    block_unref(s->last);
    s->last = NULL;
}

/* ---- merging ---- */

static void emit_command(struct stream *s, const struct oplog_command *command) {
    const char *words = oplog_words(command);
    const struct oplog_blob *blobs = oplog_blobs(command);
    uint64_t done = 0;
    if (UNLIKELY(s->database != (int64_t)command->database)) {
        char text[SELECT_MAX], digits[TEXT_I64_MAX];
        size_t n = text_from_u64(digits, command->database);
        int used = snprintf(text, sizeof text, "*2\r\n$6\r\nSELECT\r\n$%zu\r\n%.*s\r\n", n, (int)n, digits);
        ASSERT(used > 0 && used < SELECT_MAX);
        append(s, text, (size_t)used);
        s->database = command->database;
    }
    for (uint32_t i = 0; i < command->blobs; i++) {
        append(s, words + done, blobs[i].at - done);
        append_blob(s, blobs[i].blob);
        done = blobs[i].at;
    }
    append(s, words + done, command->bytes - done);
}

static void emit(struct stream *s, const struct oplog_entry *entry) {
    bool together = entry->commands > 1 && !entry->loose;
    const struct oplog_command *command = oplog_first(entry);
    ASSERT(entry->ticket == s->next_ticket);
    if (together) append_text(s, "*1\r\n$5\r\nMULTI\r\n");
    for (uint32_t i = 0; i < entry->commands; i++, command = oplog_after(command)) emit_command(s, command);
    if (together) append_text(s, "*1\r\n$4\r\nEXEC\r\n");
    s->next_ticket++;
}

/* Remembers what the thread's log has next. */
static void note_guess(struct stream *s, unsigned thread) {
    const struct oplog_entry *entry = oplog_peek(thread);
    if (entry) s->guesses[entry->ticket % STREAM_GUESSES] = (uint16_t)thread;
}

/* The entry with the next ticket and whose it is; NULL: it is not published yet. */
static const struct oplog_entry *find_next(struct stream *s, unsigned *thread) {
    *thread = s->guesses[s->next_ticket % STREAM_GUESSES];
    const struct oplog_entry *entry = oplog_peek(*thread);
    if (entry && entry->ticket == s->next_ticket) return entry;
    for (*thread = 0; *thread < s->threads; ++*thread) {
        entry = oplog_peek(*thread);
        if (entry && entry->ticket == s->next_ticket) return entry;
        if (entry) s->guesses[entry->ticket % STREAM_GUESSES] = (uint16_t)*thread;
    }
    return NULL;
}

/* All cuts that have nothing before them any more that is not in the stream. */
static void reach_cuts(struct stream *s) {
    while (s->cuts && s->cuts->ticket == s->next_ticket) {
        struct stream_cut *cut = s->cuts;
        s->cuts = cut->next;
        cut->at = s->end;
        cut->reached = true;
        s->database = -1;
    }
}

void stream_note_cut(struct stream *s, struct stream_cut *cut) {
    *cut = (struct stream_cut){.ticket = oplog_next_ticket()};
    *(s->cuts ? &s->cuts_last->next : &s->cuts) = cut;
    s->cuts_last = cut;
    reach_cuts(s);
}

uint64_t stream_merge(struct stream *s, uint64_t bytes_max) {
    uint64_t began = s->end;
    const struct oplog_entry *entry;
    unsigned thread;
    while (s->end - began < bytes_max && (entry = find_next(s, &thread))) {
        emit(s, entry);
        oplog_take(thread);
        note_guess(s, thread);
        if (UNLIKELY(s->cuts != NULL)) reach_cuts(s);
    }
    for (thread = 0; thread < s->threads && s->end != began; thread++) oplog_make_room(s->thread, thread);
    return s->end - began;
}

/* ---- reading ---- */

void stream_join(struct stream *s, struct stream_reader *reader) {
    *reader = (struct stream_reader){.block = s->last, .at = s->end};
    s->last->refs++;
}

void stream_join_at(struct stream_reader *reader, const struct stream_reader *other) {
    *reader = *other;
    reader->block->refs++;
}

void stream_leave(struct stream_reader *reader) {
    block_unref(reader->block);
    reader->block = NULL;
}

size_t stream_look(struct stream_reader *reader, const char **bytes) {
    struct stream_block *b = reader->block;
    ASSERT(b && reader->at >= b->offset && reader->at <= b->offset + b->used);
    while (reader->at == b->offset + b->used && b->next) {
        struct stream_block *next = b->next;
        next->refs++;
        block_unref(b);
        reader->block = b = next;
    }
    size_t from = (size_t)(reader->at - b->offset);
    *bytes = b->data + from;
    return b->used - from;
}

void stream_advance(struct stream_reader *reader, size_t n) {
    ASSERT(reader->at + n <= reader->block->offset + reader->block->used);
    reader->at += n;
}
