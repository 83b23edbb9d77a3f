/* link_dump.c: the dump of a primary, received into a temporary file of the working directory.
 *
 * It ends after so many bytes as were announced ("$<bytes>"), or where what was received last is the mark that was
 * announced ("$EOF:<mark>"), which no primary follows up before it has heard of us. Until it is there as a whole
 * nothing is done with it. */
#include "repl/link_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct link *const l = &the_link;

static void failed(const char *what, int64_t error) {
    char why[LINK_WHY_MAX];
    snprintf(why, sizeof why, "the file for the dump, '%s': %s: %s", l->dump.path, what,
             strerror((int)-error));
    link_fail(why);
}

static void opened(struct thread *t, struct file_operation *op, int64_t result) {
    (void)t;
    (void)op;
    l->dump.busy = false;
    if (result >= 0) l->dump.fd = (int)result;
    if (l->state == LINK_CLOSES) {
        link_request_over();
    } else if (result < 0) {
        failed("open", result);
    } else {
        l->dump.opened = true;
        link_dump_go();
    }
}

void link_dump_begin(void) {
    struct link_dump *d = &l->dump;
    ASSERT(d->fd < 0 && !d->busy);
    *d = (struct link_dump){.fd = -1, .busy = true};
    l->state = LINK_RECEIVES;
    l->dump_heard_ms = clock_unix_ms();
    snprintf(d->path, sizeof d->path, "temp-%lld.%d.rdb", (long long)(clock_unix_ms() / 1000), (int)getpid());
    d->op.done = opened;
    file_open(&l->coordinator->thread, &d->op, d->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

bool link_dump_announced(const char *line) {
    struct link_dump *d = &l->dump;
    size_t n = strlen(line);
    if (strncmp(line, "$EOF:", 5) == 0 && n == 5 + LINK_MARK_BYTES) {
        d->has_mark = l->hears = true;
        memcpy(d->mark, line + 5, LINK_MARK_BYTES);
        log_notice("PRIMARY <-> REPLICA sync: receiving streamed RDB from the primary to disk");
    } else if (*line != '$' || !text_to_u64(line + 1, n - 1, &d->length)) {
        return false;
    } else {
        log_notice("PRIMARY <-> REPLICA sync: receiving %llu bytes from the primary to disk",
                   (unsigned long long)d->length);
    }
    d->known = true;
    /* What has come behind the line is the dump's. */
    struct buf rest = l->input;
    l->input = (struct buf){.passing = true};
    if (rest.len) link_dump_take(rest.data, rest.len);
    buf_free(&rest);
    link_dump_go();
    return true;
}

static void note_tail(const char *bytes, size_t n) {
    char *tail = l->dump.tail;
    if (n < LINK_MARK_BYTES) {
        memmove(tail, tail + n, LINK_MARK_BYTES - n);
        memcpy(tail + LINK_MARK_BYTES - n, bytes, n);
    } else {
        memcpy(tail, bytes + n - LINK_MARK_BYTES, LINK_MARK_BYTES);
    }
}

void link_dump_take(const char *bytes, size_t n) {
    struct link_dump *d = &l->dump;
    ASSERT(d->known);
    buf_append(&l->input, bytes, n);
    if (d->received <= LINK_SMALL_DUMP) buf_append(&d->head, bytes, n);
    if (!d->has_mark) {
        uint64_t left = d->length - d->received;
        d->received += n < left ? n : left;
        d->arrived = d->received == d->length;
        return;
    }
    note_tail(bytes, n);
    d->received += n;
    d->arrived = d->received >= LINK_MARK_BYTES && memcmp(d->tail, d->mark, LINK_MARK_BYTES) == 0;
}

static void finish(void) {
    struct link_dump *d = &l->dump;
    l->state = LINK_LOADS;
    file_close(&l->coordinator->thread, d->fd);
    d->fd = -1;
    uint64_t bytes = d->received - (d->has_mark ? LINK_MARK_BYTES : 0);
    l->host->dump_is_here(d->path, bytes, bytes <= LINK_SMALL_DUMP ? d->head.data : NULL);
}

static void written(struct thread *t, struct file_operation *op, int64_t result) {
    (void)t;
    (void)op;
    l->dump.busy = false;
    if (l->state == LINK_CLOSES) {
        link_request_over();
    } else if (result < 0) {
        failed("write", result);
    } else {
        l->dump.written += (uint64_t)result;
        buf_clear(&l->dump.writing);
        link_receive();
        link_dump_go();
    }
}

/* Writes what has arrived, all that belongs to the dump. */
void link_dump_go(void) {
    struct link_dump *d = &l->dump;
    if (l->state != LINK_RECEIVES || d->busy || !d->opened || !d->known) return;
    uint64_t left = d->received - d->written;
    if (left == 0) {
        if (d->arrived) finish();
        return;
    }
    struct buf rest = {0};
    if (l->input.len > left) { /* the stream, behind a dump of known length */
        buf_append(&rest, l->input.data + left, l->input.len - (size_t)left);
        l->input.len = (size_t)left;
    }
    struct buf spare = d->writing;
    d->writing = l->input;
    l->input = spare;
    buf_clear(&l->input);
    if (rest.len) buf_append(&l->input, rest.data, rest.len);
    buf_free(&rest);
    d->busy = true;
    d->op.done = written;
    file_write(&l->coordinator->thread, &d->op, d->fd, d->writing.data, d->writing.len, d->written);
}

struct removal {
    struct file_operation op;
    char path[NAME_MAX];
};

static void removed(struct thread *t, struct file_operation *op, int64_t result) {
    struct removal *removal = (struct removal *)op;
    (void)t;
    if (result < 0 && result != -ENOENT)
        log_warning("The file '%s' cannot be removed: %s", removal->path, strerror((int)-result));
    mem_free(removal);
}

void link_remove_file(void) {
    if (*l->dump.path) unlink(l->dump.path); /* it may not be there yet, or not any more */
}

void link_dump_end(void) {
    struct link_dump *d = &l->dump;
    ASSERT(!d->busy);
    if (d->fd >= 0) file_close(&l->coordinator->thread, d->fd);
    buf_free(&d->writing);
    buf_free(&d->head);
    if (*d->path) {
        struct removal *removal = mem_zalloc(sizeof *removal);
        memcpy(removal->path, d->path, sizeof removal->path);
        removal->op.done = removed;
        file_remove(&l->coordinator->thread, &removal->op, removal->path);
    }
    *d = (struct link_dump){.fd = -1};
}
