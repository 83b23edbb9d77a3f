/* stream.c: see stream.h. */
#include "persist/stream.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>

/* Blocks begin small again where one audience hears something else: else one PING for each write would make a
 * backlog of a megabyte take gigabytes. They double, so that what is cut off at the end is not more than what is used.
 * With their heads, so that an allocator has nothing to round up. */
enum { BLOCK_BYTES_MIN = 512, BLOCK_BYTES_MAX = 256 * 1024, BLOCK_GROWTH = 2 };
enum { SELECT_MAX = 48 };
enum { FOR_BOTH = 1 << STREAM_FILE | 1 << STREAM_REPLICAS };

struct stream_block {
    struct stream_block *next;
    unsigned refs;     /* readers that stand in it, the block before it, the stream for its last */
    unsigned audience; /* whom its bytes are for: a set of 1 << enum stream_audience */
    uint64_t offset[STREAM_AUDIENCES]; /* of its first byte in the stream */
    size_t used, capacity;             /* the capacity may be cut to what is used */
    size_t room_bytes;
    const char *data; /* its room, or a blob's bytes */
    struct blob *blob;
    char room[];
};

/* ---- blocks ---- */

static void block_unref(struct stream_block *b) {
    while (b && --b->refs == 0) {
        struct stream_block *next = b->next;
        if (b->blob) blob_unref(b->blob);
        mem_passing_free(b);
        b = next;
    }
}

static struct stream_block *block_new(const struct stream *s, size_t capacity) {
    struct stream_block *b = mem_passing_alloc(sizeof *b + capacity);
    *b = (struct stream_block){
        .audience = FOR_BOTH, .capacity = capacity, .room_bytes = capacity, .data = b->room};
    memcpy(b->offset, s->end, sizeof b->offset);
    return b;
}

static bool is_for(const struct stream_block *b, enum stream_audience audience) {
    return b->audience >> audience & 1;
}

/* Bytes of the block that an audience hears. */
static size_t heard_by(const struct stream_block *b, enum stream_audience audience) {
    return is_for(b, audience) ? b->used : 0;
}

static void count_end(struct stream *s, unsigned audience, size_t n) {
    for (unsigned a = 0; a < STREAM_AUDIENCES; a++)
        if (audience >> a & 1) s->end[a] += n;
}

/* The stream goes on in `b`. */
static void append_block(struct stream *s, struct stream_block *b) {
    struct stream_block *before = s->last;
    ASSERT(before->offset[STREAM_FILE] + heard_by(before, STREAM_FILE) == b->offset[STREAM_FILE]);
    ASSERT(before->offset[STREAM_REPLICAS] + heard_by(before, STREAM_REPLICAS) == b->offset[STREAM_REPLICAS]);
    before->next = b;
    b->refs = 2; /* the block before it, and the stream */
    s->last = b;
    block_unref(before);
}

/* The next block for text, of which `n` bytes are known: larger each time while the audience stays. */
static struct stream_block *block_for_text(const struct stream *s, unsigned audience, size_t n) {
    bool same = s->last->audience == audience && s->last->room_bytes;
    size_t bytes = same ? (sizeof *s->last + s->last->room_bytes) * BLOCK_GROWTH : BLOCK_BYTES_MIN;
    if (bytes < sizeof *s->last + n) bytes = sizeof *s->last + n;
    struct stream_block *b = block_new(s, (bytes < BLOCK_BYTES_MAX ? bytes : BLOCK_BYTES_MAX) - sizeof *b);
    b->audience = audience;
    return b;
}

static void append_to(struct stream *s, unsigned audience, const char *bytes, size_t n) {
    while (n > 0) {
        struct stream_block *b = s->last;
        size_t room = b->audience == audience ? b->capacity - b->used : 0, part = n < room ? n : room;
        if (part == 0) {
            b->capacity = b->used;
            append_block(s, block_for_text(s, audience, n));
            continue;
        }
        memcpy(b->room + b->used, bytes, part);
        b->used += part;
        count_end(s, audience, part);
        bytes += part;
        n -= part;
    }
}

static void append(struct stream *s, const char *bytes, size_t n) {
    append_to(s, s->audience, bytes, n);
}

static void append_text(struct stream *s, const char *text) {
    append(s, text, strlen(text));
}

/* A block that is full from the start, and closes the one before it. */
static void append_blob(struct stream *s, struct blob *blob) {
    struct stream_block *b = block_new(s, 0);
    b->audience = s->audience;
    b->blob = blob_ref(blob);
    b->data = blob->data;
    b->used = b->capacity = blob->len;
    s->last->capacity = s->last->used;
    append_block(s, b);
    count_end(s, s->audience, b->used);
}

void stream_open(struct stream *s, struct thread *me, unsigned threads) {
    ASSERT(threads > 0 && threads <= THREADS_MAX);
    *s = (struct stream){.thread = me, .threads = threads, .database = -1, .audience = FOR_BOTH};
    s->next_ticket = oplog_next_ticket();
    s->last = block_new(s, BLOCK_BYTES_MAX - sizeof *s->last);
    s->last->refs = 1;
}

void stream_close(struct stream *s) {
    ASSERT(s->last && s->last->refs == 1);
    block_unref(s->last);
    s->last = NULL;
}

/* ---- merging ---- */

static void append_select(struct stream *s, unsigned audience, int64_t database) {
    char text[SELECT_MAX], digits[TEXT_I64_MAX];
    size_t n = text_from_u64(digits, (uint64_t)database);
    int used = snprintf(text, sizeof text, "*2\r\n$6\r\nSELECT\r\n$%zu\r\n%.*s\r\n", n, (int)n, digits);
    ASSERT(used > 0 && used < SELECT_MAX);
    append_to(s, audience, text, (size_t)used);
}

static void emit_command(struct stream *s, const struct oplog_command *command) {
    const char *words = oplog_words(command);
    const struct oplog_blob *blobs = oplog_blobs(command);
    uint64_t done = 0;
    if (UNLIKELY(s->database != (int64_t)command->database)) {
        append_select(s, s->audience, command->database);
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
        memcpy(cut->at, s->end, sizeof cut->at);
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
    const uint64_t *end = &s->end[STREAM_FILE]; /* entries are for both */
    uint64_t began = *end;
    const struct oplog_entry *entry;
    unsigned thread;
    while (*end - began < bytes_max && (entry = find_next(s, &thread))) {
        if (UNLIKELY(s->relay_up_to != NULL)) s->relay_up_to(entry->behind);
        emit(s, entry);
        oplog_take(thread);
        note_guess(s, thread);
        if (UNLIKELY(s->cuts != NULL)) reach_cuts(s);
    }
    for (thread = 0; thread < s->threads && *end != began; thread++) oplog_make_room(s->thread, thread);
    return *end - began;
}

/* ---- what is no entry ---- */

void stream_say(struct stream *s, enum stream_audience to, const char *bytes, size_t n) {
    append_to(s, 1U << to, bytes, n);
}

void stream_relay(struct stream *s, const char *bytes, size_t n, int64_t before, int64_t after) {
    /* A cut came between. Replicas know what is selected: they get the primary's stream without a gap. */
    if (UNLIKELY(s->database != before) && before >= 0) append_select(s, 1U << STREAM_FILE, before);
    append_to(s, FOR_BOTH, bytes, n);
    s->database = after;
}

void stream_set_relayed(struct stream *s, void (*relay_up_to)(uint64_t place)) {
    ASSERT(s->next_ticket == oplog_next_ticket());
    s->relay_up_to = relay_up_to;
    s->audience = relay_up_to ? 1U << STREAM_FILE : FOR_BOTH;
    s->database = -1; /* what is merged begins with a SELECT */
}

/* ---- reading ---- */

void stream_join(struct stream *s, struct stream_reader *reader, enum stream_audience audience) {
    ASSERT(audience < STREAM_AUDIENCES);
    *reader = (struct stream_reader){.block = s->last, .audience = audience, .at = s->end[audience]};
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
    enum stream_audience who = reader->audience;
    ASSERT(b && reader->at >= b->offset[who] && reader->at <= b->offset[who] + heard_by(b, who));
    while (reader->at == b->offset[who] + heard_by(b, who) && b->next) {
        struct stream_block *next = b->next;
        next->refs++;
        block_unref(b);
        reader->block = b = next;
    }
    size_t from = (size_t)(reader->at - b->offset[who]);
    *bytes = b->data + from;
    return heard_by(b, who) - from;
}

void stream_advance(struct stream_reader *reader, size_t n) {
    enum stream_audience who = reader->audience;
    ASSERT(reader->at + n <= reader->block->offset[who] + heard_by(reader->block, who));
    reader->at += n;
}

unsigned stream_look_ahead(const struct stream_reader *reader, struct iovec *pieces, unsigned most,
                           uint64_t bytes_max) {
    enum stream_audience who = reader->audience;
    uint64_t at = reader->at;
    unsigned count = 0;
    for (const struct stream_block *b = reader->block; b && count < most && bytes_max > 0; b = b->next) {
        size_t from = (size_t)(at - b->offset[who]), n = heard_by(b, who) - from;
        ASSERT(at >= b->offset[who] && from <= heard_by(b, who));
        if (n > bytes_max) n = (size_t)bytes_max;
        if (n) pieces[count++] = (struct iovec){(char *)(uintptr_t)b->data + from, n};
        at += n;
        bytes_max -= n;
    }
    return count;
}

void stream_advance_to(struct stream_reader *reader, uint64_t at) {
    const char *bytes;
    size_t n;
    while (reader->at < at && (n = stream_look(reader, &bytes)) > 0) {
        uint64_t left = at - reader->at;
        stream_advance(reader, n < left ? n : (size_t)left);
    }
    ASSERT(reader->at >= at);
}
