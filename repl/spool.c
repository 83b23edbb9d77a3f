/* spool.c: see spool.h. */
#include "repl/spool.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <stdio.h>
#include <string.h>

static struct spool *spool_of(struct file_operation *op) {
    return (struct spool *)(void *)((char *)op - offsetof(struct spool, op));
}

static void go_on(struct thread *t, struct spool *s);

static void fail(struct spool *s, const char *what, int64_t error) {
    if (!s->failed) snprintf(s->why, sizeof s->why, "%s: %s", what, strerror((int)-error));
    s->failed = true;
}

/* ---- writing ---- */

static void first_part_done(struct thread *t, struct spool *s) {
    struct dump_part *part = s->first;
    s->first = part->next;
    dump_part_done(t, part);
    s->chunk = s->first ? s->first->chunks : NULL;
}

static void written(struct thread *t, struct file_operation *op, int64_t result) {
    struct spool *s = spool_of(op);
    s->busy = false;
    if (result < 0) {
        fail(s, "writing the dump for replicas", result);
        if (!s->all_came) dump_abort();
    } else {
        s->written += (uint64_t)result;
        s->chunk = s->chunk->next;
        if (!s->chunk) first_part_done(t, s);
    }
    go_on(t, s);
    s->moved(t, s);
}

static void go_on(struct thread *t, struct spool *s) {
    if (s->busy) return;
    while (s->failed && s->first) first_part_done(t, s);
    if (s->first) {
        s->busy = true;
        s->op.done = written;
        file_write(t, &s->op, s->file.fd, s->chunk->bytes, s->chunk->len, s->written);
    } else if (s->all_came && !s->ended) {
        s->ended = true;
        s->whole = s->all_of_it && !s->failed;
        if (!s->whole && !s->failed) snprintf(s->why, sizeof s->why, "the dump was cancelled");
        spool_unref(t, s); /* the dump's */
    }
}

static void take(struct dump_sink *sink, struct thread *t, struct dump_part *part) {
    struct spool *s = (struct spool *)sink;
    ASSERT(part->chunks && !s->all_came);
    part->next = NULL;
    if (s->first) {
        s->last->next = part;
    } else {
        s->first = part;
        s->chunk = part->chunks;
    }
    s->last = part;
    go_on(t, s);
}

static void end(struct dump_sink *sink, struct thread *t, bool whole) {
    struct spool *s = (struct spool *)sink;
    s->all_came = true;
    s->all_of_it = whole;
    spool_ref(s); /* for the rest of this function */
    go_on(t, s);
    s->moved(t, s);
    spool_unref(t, s);
}

/* ---- the file ---- */

static void opened(struct thread *t, struct unnamed_file *file, int64_t error) {
    struct spool *s = (struct spool *)(void *)((char *)file - offsetof(struct spool, file));
    if (error) fail(s, file->path, error);
    s->busy = false;
    s->opened(t, s, !s->failed);
}

struct spool *spool_open(struct thread *t, void (*when_opened)(struct thread *t, struct spool *s, bool well),
                         void (*moved)(struct thread *t, struct spool *s)) {
    struct spool *s = mem_zalloc(sizeof *s);
    s->sink = (struct dump_sink){.take = take, .end = end};
    s->opened = when_opened;
    s->moved = moved;
    s->users = 1;
    s->busy = true;
    unnamed_file_open(t, &s->file, "rdb", opened);
    return s;
}

void spool_ref(struct spool *s) {
    s->users++;
}

void spool_unref(struct thread *t, struct spool *s) {
    ASSERT(s->users > 0);
    if (--s->users > 0) return;
    ASSERT(!s->busy && !s->first);
    unnamed_file_close(t, &s->file);
    mem_free(s);
}
