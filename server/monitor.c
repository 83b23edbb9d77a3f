/* monitor.c: see monitor.h. */
#include "server/monitor.h"

#include "server/config.h"
#include "server/deliver.h"
#include "server/redact.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <string.h>

struct monitor_set {
    unsigned count;
    struct deliver_target targets[];
};

_Atomic unsigned monitors_active;
static _Atomic(struct monitor_set *) monitors; /* NULL: nobody */
static struct spin monitors_lock;              /* of those who replace it */

/* ---- the set ---- */

static struct monitor_set *new_set(unsigned count) {
    struct monitor_set *set = mem_alloc(sizeof *set + count * sizeof set->targets[0]);
    set->count = count;
    return set;
}

/* Under the lock. The old set is freed when no thread can be reading it. */
static void publish(struct thread *me, struct monitor_set *set) {
    struct monitor_set *old = atomic_exchange(&monitors, set);
    atomic_store(&monitors_active, set ? set->count : 0);
    if (old) thread_retire(me, old, mem_free);
}

void monitor_add(struct client *c) {
    if (client_has(c, CLIENT_MONITOR)) return;
    client_set(c, CLIENT_MONITOR);
    spin_lock(&monitors_lock);
    struct monitor_set *old = atomic_load(&monitors);
    unsigned count = old ? old->count : 0;
    struct monitor_set *set = new_set(count + 1);
    if (count) memcpy(set->targets, old->targets, count * sizeof set->targets[0]);
    set->targets[count] = deliver_target_of(c, CLIENT_MONITOR);
    publish(&c->worker->thread, set);
    spin_unlock(&monitors_lock);
}

void monitor_remove(struct client *c) {
    if (!client_has(c, CLIENT_MONITOR)) return;
    client_unset(c, CLIENT_MONITOR);
    spin_lock(&monitors_lock);
    struct monitor_set *old = atomic_load(&monitors);
    ASSERT(old && old->count > 0);
    struct monitor_set *set = old->count > 1 ? new_set(old->count - 1) : NULL;
    unsigned kept = 0;
    for (unsigned i = 0; i < old->count; i++)
        if (old->targets[i].id != c->id) {
            ASSERT(set && kept < set->count);
            set->targets[kept++] = old->targets[i];
        }
    ASSERT(kept == old->count - 1);
    publish(&c->worker->thread, set);
    spin_unlock(&monitors_lock);
}

/* ---- lines ---- */

static void append_origin(struct buf *line, struct client *c) {
    int64_t now_us = clock_unix_us();
    buf_printf(line, "+%lld.%06lld [%u ", (long long)(now_us / 1000000), (long long)(now_us % 1000000),
               (unsigned)atomic_load_explicit(&c->database, memory_order_relaxed));
    if (client_has(c, CLIENT_UNIX_SOCKET))
        buf_printf(line, "unix:%s]", config_get()->unixsocket);
    else
        buf_printf(line, "%s]", c->peer);
}

static void append_argument(struct buf *line, const struct arg *arg, size_t room) {
    size_t shown = arg->len < room ? arg->len : room;
    buf_append_quoted(line, arg->data, shown);
    if (shown < arg->len) buf_printf(line, "... (%zu more bytes)", arg->len - shown);
}

void monitor_feed(struct worker *w, struct client *c, const struct command *command, const struct arg *argv,
                  unsigned argc) {
    const struct monitor_set *set = atomic_load(&monitors);
    if (!set || (command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN))) return;
    struct buf line = {0};
    size_t room = MONITOR_BYTES_MAX;
    append_origin(&line, c);
    for (unsigned i = 0; i < argc; i++) {
        if (UNLIKELY(room == 0)) {
            buf_printf(&line, " ... (%u more arguments)", argc - i);
            break;
        }
        buf_append_char(&line, ' ');
        if (redact_hides(command, argv, argc, i)) {
            buf_append_text(&line, "\"" REDACTED_TEXT "\"");
            continue;
        }
        append_argument(&line, &argv[i], room);
        room -= argv[i].len < room ? argv[i].len : room;
    }
    buf_append_text(&line, "\r\n");
    for (unsigned i = 0; i < set->count; i++) deliver_bytes(w, &set->targets[i], line.data, line.len);
    buf_free(&line);
}
