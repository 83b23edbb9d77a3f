/* slowlog.c: see slowlog.h.
 *
 * An entry leaves the log only from its old end, or all leave at once. So a reader that stands at an entry
 * which is still logged can go on from it, and one whose entry has left knows that everything older has left
 * too.
 */
#include "server/slowlog.h"

#include "server/client.h"
#include "server/config.h"
#include "server/redact.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    MORE_TEXT_MAX = 48,  /* "... (123 more bytes)" */
    TRIM_PER_LOCK = 128, /* entries that leave within one hold of the lock */
    TRIM_ROUNDS_MAX = 8, /* holds of the lock for one noted command, which may hold slices */
};

static struct {
    struct spin lock;
    struct slowlog_entry *newest, *oldest;
    size_t count;
    int64_t next_id;
} log_list;

static void log_entry_release(struct slowlog_entry *e) {
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1) mem_free(e);
}

/* ---- making an entry ---- */

/* What is kept of one argument. `more` has room for MORE_TEXT_MAX. */
struct kept {
    const char *data;
    size_t len;
    char more[MORE_TEXT_MAX];
    size_t more_len;
};

static struct kept keep_argument(const struct command *command, const struct arg *argv, unsigned argc,
                                 unsigned i) {
    struct kept k = {.data = argv[i].data, .len = argv[i].len};
    if (argc > SLOWLOG_ARGS && i == SLOWLOG_ARGS - 1) {
        k.len = 0;
        k.more_len =
            (size_t)snprintf(k.more, sizeof k.more, "... (%u more arguments)", argc - SLOWLOG_ARGS + 1);
    } else if (redact_hides(command, argv, argc, i)) {
        k.data = REDACTED_TEXT;
        k.len = strlen(REDACTED_TEXT);
    } else if (k.len > SLOWLOG_BYTES) {
        k.more_len = (size_t)snprintf(k.more, sizeof k.more, "... (%zu more bytes)", k.len - SLOWLOG_BYTES);
        k.len = SLOWLOG_BYTES;
    }
    return k;
}

static struct slowlog_entry *log_entry_new(struct client *c, const struct arg *argv, unsigned argc) {
    const struct command *command = atomic_load_explicit(&c->last_command, memory_order_relaxed);
    const char *name = c->name ? c->name : "";
    unsigned kept_count = argc < SLOWLOG_ARGS ? argc : SLOWLOG_ARGS;
    struct kept kept[SLOWLOG_ARGS];
    struct slowlog_entry *e;
    size_t bytes = sizeof *e + kept_count * sizeof e->argv[0] + strlen(name) + 1;
    for (unsigned i = 0; i < kept_count; i++) {
        kept[i] = keep_argument(command, argv, argc, i);
        bytes += kept[i].len + kept[i].more_len;
    }
    e = mem_zalloc(bytes);
    char *to = (char *)&e->argv[kept_count];
    for (unsigned i = 0; i < kept_count; i++) {
        const struct kept *k = &kept[i];
        e->argv[i] = (struct arg){to, k->len + k->more_len};
        memcpy(to, k->data, k->len);
        memcpy(to + k->len, k->more, k->more_len);
        to += k->len + k->more_len;
    }
    e->name = memcpy(to, name, strlen(name) + 1);
    ASSERT(to + strlen(name) + 1 == (char *)e + bytes);
    e->argc = kept_count;
    memcpy(e->peer, c->peer, sizeof e->peer);
    return e;
}

/* ---- the list ---- */

static void push(struct slowlog_entry *e) {
    spin_lock(&log_list.lock);
    e->id = log_list.next_id++;
    e->older = log_list.newest;
    e->logged = true;
    *(log_list.newest ? &log_list.newest->newer : &log_list.oldest) = e;
    log_list.newest = e;
    log_list.count++;
    spin_unlock(&log_list.lock);
}

/* Takes out the oldest entry, under the lock. */
static struct slowlog_entry *unlink_oldest(void) {
    struct slowlog_entry *e = log_list.oldest;
    ASSERT(e && e->logged && log_list.count > 0);
    log_list.oldest = e->newer;
    *(e->newer ? &e->newer->older : &log_list.newest) = NULL;
    e->newer = e->older = NULL;
    e->logged = false;
    log_list.count--;
    return e;
}

/* Lets the oldest go until `max` are left, or `rounds` have passed. */
static void trim(size_t max, unsigned rounds) {
    struct slowlog_entry *gone[TRIM_PER_LOCK];
    unsigned count = TRIM_PER_LOCK;
    for (; count == TRIM_PER_LOCK && rounds > 0; rounds--) {
        count = 0;
        spin_lock(&log_list.lock);
        while (log_list.count > max && count < TRIM_PER_LOCK) gone[count++] = unlink_oldest();
        spin_unlock(&log_list.lock);
        for (unsigned i = 0; i < count; i++) log_entry_release(gone[i]);
    }
}

void slowlog_note(struct client *c, const struct arg *argv, unsigned argc, uint64_t us) {
    ASSERT(argc > 0);
    struct slowlog_entry *e = log_entry_new(c, argv, argc);
    atomic_store_explicit(&e->refs, 1, memory_order_relaxed);
    e->unix_s = clock_unix_ms() / 1000;
    e->us = (int64_t)us;
    push(e);
    trim(config_get()->slowlog_max_len, TRIM_ROUNDS_MAX);
}

size_t slowlog_len(void) {
    spin_lock(&log_list.lock);
    size_t count = log_list.count;
    spin_unlock(&log_list.lock);
    return count;
}

void slowlog_reset(void) {
    trim(0, UINT_MAX);
}

/* ---- reading ---- */

static void drop_batch(struct slowlog_reader *r) {
    for (unsigned i = 0; i < r->count; i++) log_entry_release(r->batch[i]);
    r->count = r->next = 0;
}

static void fill_batch(struct slowlog_reader *r) {
    struct slowlog_entry *last = r->count ? r->batch[r->count - 1] : NULL;
    struct slowlog_entry *batch[SLOWLOG_READ_BATCH];
    unsigned count = 0;
    spin_lock(&log_list.lock);
    struct slowlog_entry *e = last ? last->older : r->started ? NULL : log_list.newest;
    for (; e && count < SLOWLOG_READ_BATCH; e = e->older) {
        ASSERT(e->logged);
        atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
        batch[count++] = e;
    }
    spin_unlock(&log_list.lock);
    drop_batch(r);
    for (; r->count < count; r->count++) r->batch[r->count] = batch[r->count];
    r->started = true;
}

const struct slowlog_entry *slowlog_read(struct slowlog_reader *r) {
    if (r->next == r->count) fill_batch(r);
    return r->next < r->count ? r->batch[r->next++] : NULL;
}

void slowlog_read_end(struct slowlog_reader *r) {
    drop_batch(r);
}
