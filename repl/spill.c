/* spill.c: see spill.h. */
#include "repl/spill.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <string.h>

struct spill {
    struct unnamed_file file; /* first */
    struct file_operation op;
    struct thread *thread;
    struct stream_reader from; /* behind all that was copied */
    uint64_t first,
        written; /* places of the stream: the file has what lies between, as far as it goes back */
    uint64_t capacity;
    char *bytes; /* of these, n behind `written` are on their way to the file */
    size_t n;
    bool busy; /* an operation is under way */
    int64_t error;
    struct spill_user *users;
    void (*moved)(struct thread *t, struct spill *s);
};

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Once nobody uses it and nothing is under way. */
static void release_if_over(struct spill *s) {
    if (s->users || s->busy) return;
    unnamed_file_close(s->thread, &s->file);
    mem_free(s->bytes);
    mem_free(s);
}

/* ---- copying ---- */

uint64_t spill_tail(const struct spill *s) {
    uint64_t tail = UINT64_MAX;
    for (const struct spill_user *user = s->users; user; user = user->next) tail = least(tail, user->at);
    return tail;
}

uint64_t spill_end(const struct spill *s) {
    return s->from.at;
}

int64_t spill_error(const struct spill *s) {
    return s->error;
}

uint64_t spill_bytes(const struct spill *s) {
    return s->written - least(spill_tail(s), s->written);
}

/* Bytes that may be written without overwriting what is still to be read. */
static uint64_t room(const struct spill *s) {
    ASSERT(spill_bytes(s) <= s->capacity);
    return s->capacity - spill_bytes(s);
}

bool spill_is_full(const struct spill *s) {
    return !s->busy && !s->error && room(s) == 0;
}

/* Takes bytes of the stream, at most so many. */
static void gather(struct spill *s, uint64_t most) {
    const char *data;
    size_t n;
    ASSERT(s->n == 0 && most <= SPILL_WRITE_BYTES);
    while (s->n < most && (n = stream_look(&s->from, &data)) > 0) {
        if (n > most - s->n) n = (size_t)most - s->n;
        memcpy(s->bytes + s->n, data, n);
        stream_advance(&s->from, n);
        s->n += n;
    }
}

static void written(struct thread *t, struct file_operation *op, int64_t result) {
    struct spill *s = (struct spill *)(void *)((char *)op - offsetof(struct spill, op));
    s->busy = false;
    if (!s->users) {
        release_if_over(s);
        return;
    }
    if (result < 0) {
        s->error = result; /* what was to be written is still there to be read */
    } else {
        ASSERT((size_t)result == s->n);
        s->written += s->n;
        s->n = 0;
        spill_copy(s);
    }
    s->moved(t, s);
}

void spill_copy(struct spill *s) {
    if (s->busy || s->error || !s->users) return;
    uint64_t offset = s->written % s->capacity;
    uint64_t most = least(least(room(s), s->capacity - offset), SPILL_WRITE_BYTES);
    if (most > 0) gather(s, most);
    if (s->n == 0) return;
    s->busy = true;
    s->op.done = written;
    file_write(s->thread, &s->op, s->file.fd, s->bytes, s->n, offset);
}

/* ---- users ---- */

static void opened(struct thread *t, struct unnamed_file *file, int64_t error) {
    struct spill *s = (struct spill *)file;
    s->busy = false;
    if (!s->users) {
        release_if_over(s);
        return;
    }
    s->error = error;
    spill_copy(s);
    s->moved(t, s);
}

struct spill *spill_open(struct thread *t, const struct stream_reader *from, uint64_t capacity,
                         void (*moved)(struct thread *t, struct spill *s)) {
    struct spill *s = mem_zalloc(sizeof *s);
    s->thread = t;
    s->capacity = capacity < SPILL_CAPACITY_MIN ? SPILL_CAPACITY_MIN : capacity;
    s->moved = moved;
    s->bytes = mem_alloc(SPILL_WRITE_BYTES);
    stream_join_at(&s->from, from);
    s->first = s->written = from->at;
    s->busy = true;
    unnamed_file_open(t, &s->file, "stream", opened);
    return s;
}

bool spill_join(struct spill *s, struct spill_user *user, uint64_t at) {
    ASSERT(!user->spill);
    bool is_kept = at >= s->first && at + s->capacity >= s->written + s->n;
    if (!is_kept) return false;
    *user = (struct spill_user){.spill = s, .at = at, .next = s->users};
    s->users = user;
    return true;
}

bool spill_leave(struct spill_user *user) {
    struct spill *s = user->spill;
    struct spill_user **link = &s->users;
    while (*link && *link != user) link = &(*link)->next;
    ASSERT(*link);
    *link = user->next;
    user->spill = NULL;
    if (s->users) return false;
    stream_leave(&s->from); /* a write under way has bytes of its own */
    release_if_over(s);
    return true;
}

bool spill_leave_for_stream(struct spill_user *user, struct stream_reader *reader) {
    const char *data;
    ASSERT(user->at >= user->spill->from.at);
    stream_join_at(reader, &user->spill->from);
    while (reader->at < user->at) {
        size_t n = stream_look(reader, &data);
        ASSERT(n > 0);
        stream_advance(reader, (size_t)least(n, user->at - reader->at));
    }
    return spill_leave(user);
}

struct spill_span spill_look(const struct spill_user *user) {
    const struct spill *s = user->spill;
    ASSERT(s && user->at >= s->first);
    if (user->at < s->written) {
        uint64_t offset = user->at % s->capacity;
        return (struct spill_span){.fd = s->file.fd,
                                   .offset = offset,
                                   .n = (size_t)least(s->written - user->at, s->capacity - offset)};
    }
    size_t passed = (size_t)(user->at - s->written);
    if (passed >= s->n) return (struct spill_span){0};
    return (struct spill_span){.bytes = s->bytes + passed, .n = s->n - passed};
}
