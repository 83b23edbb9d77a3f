/* client_list.c: see client_list.h.
 *
 * A listing is made in three steps: a walk formats one line per client, the lines of each worker lying in
 * the order of their ids; a merge puts all of them in that order; then the reply is copied together.
 * Nothing but the walk's single steps happens under a lock.
 *
 * Some fields have a meaning only in redis-server and are filled in so that tools can go on reading them:
 * the first chunk of waiting output stands for the fixed reply buffer (obl, rbs, rbp), what goes beyond
 * for the list (oll, omem).
 */
#include "server/cmd/client_list.h"

#include "repl/replicas.h"
#include "server/command.h"
#include "server/follow.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { REPLICAS_LISTED_MAX = 256 };
enum { FEW_IDS = 16 }; /* as many are compared with each client in the walk */

/* ---- types ---- */

bool client_type_argument(struct call *c, unsigned i, enum client_type *type) {
    static const struct {
        const char *word;
        enum client_type type;
    } types[] = {
        {"normal", CLIENT_TYPE_NORMAL}, {"slave", CLIENT_TYPE_REPLICA}, {"replica", CLIENT_TYPE_REPLICA},
        {"pubsub", CLIENT_TYPE_PUBSUB}, {"master", CLIENT_TYPE_MASTER},
    };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        if (!call_is(c, i, types[t].word)) continue;
        *type = types[t].type;
        return true;
    }
    reply_errorf(c->reply, "ERR Unknown client type '%.*s'",
                 (int)(c->argv[i].len < 128 ? c->argv[i].len : 128), c->argv[i].data);
    return false;
}

enum client_type client_type_of(uint32_t flags) {
    if (flags & CLIENT_REPLICA) return CLIENT_TYPE_REPLICA;
    if (flags & CLIENT_PRIMARY) return CLIENT_TYPE_MASTER;
    return flags & CLIENT_PUBSUB ? CLIENT_TYPE_PUBSUB : CLIENT_TYPE_NORMAL;
}

/* ---- one line ---- */

static void flag_letters(uint32_t flags, char *out) {
    static const struct {
        uint32_t flag;
        char letter;
    } letters[] = {
        {CLIENT_REPLICA, 'S'},
        {CLIENT_PRIMARY, 'M'},
        {CLIENT_MONITOR, 'O'},
        {CLIENT_PUBSUB, 'P'},
        {CLIENT_MULTI, 'x'},
        {CLIENT_BLOCKED, 'b'},
        {CLIENT_CLOSE_AFTER_REPLY, 'c'},
        {CLIENT_CLOSE_ASAP, 'A'},
        {CLIENT_UNIX_SOCKET, 'U'},
        {CLIENT_NO_EVICT, 'e'},
        {CLIENT_NO_TOUCH, 'T'},
    };
    char *p = out;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (flags & letters[i].flag) *p++ = letters[i].letter;
    if (p == out) *p++ = 'N';
    *p = 0;
}

static int64_t seconds_since(int64_t now_ms, int64_t then_ms) {
    return now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
}

static void append_line(struct buf *out, const struct client_view *v, int64_t now_ms) {
    char flags[16];
    uint64_t first = v->output_bytes < REPLY_CHUNK_BYTES ? v->output_bytes : REPLY_CHUNK_BYTES;
    uint64_t more = v->output_bytes - first;
    size_t texts = strlen(v->name) + strlen(v->library_name) + strlen(v->library_version);
    flag_letters(v->flags, flags);
    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=%s db=%u",
               (unsigned long long)v->id, v->peer, v->local, v->fd, v->name,
               (long long)seconds_since(now_ms, v->created_ms),
               (long long)seconds_since(now_ms, v->active_ms), flags, (unsigned)v->database);
    buf_printf(out, " sub=%u psub=%u ssub=%u", (unsigned)v->subscriptions[PUBSUB_CHANNEL],
               (unsigned)v->subscriptions[PUBSUB_PATTERN], (unsigned)v->subscriptions[PUBSUB_SHARD]);
    buf_printf(out, " multi=%d qbuf=%llu qbuf-free=0 argv-mem=0 multi-mem=0", (int)v->queued,
               (unsigned long long)v->input_bytes);
    buf_printf(out, " rbs=%llu rbp=%llu obl=%llu oll=%llu omem=%llu tot-mem=%llu events=%s",
               v->output_bytes ? (unsigned long long)REPLY_CHUNK_BYTES : 0ull, (unsigned long long)first,
               (unsigned long long)first,
               (unsigned long long)((more + REPLY_CHUNK_BYTES - 1) / REPLY_CHUNK_BYTES),
               (unsigned long long)more,
               (unsigned long long)(sizeof(struct client) + texts + v->input_bytes + v->output_bytes),
               v->output_bytes ? "rw" : "r");
    buf_printf(out, " cmd=%s user=%s redir=-1 resp=%d lib-name=%s lib-ver=%s\n",
               v->last_command ? v->last_command->full_name : "NULL",
               v->flags & CLIENT_PRIMARY ? "(superuser)" : "default", v->flags & CLIENT_RESP3 ? 3 : 2,
               v->library_name, v->library_version);
}

void cmd_client_info(struct call *c) {
    struct client_view view;
    struct buf text = {0}, line = {0};
    registry_view(c->client, &view, &text);
    append_line(&line, &view, c->worker->thread.turn_unix_ms);
    reply_verbatim(c->reply, "txt", line.data, line.len);
    buf_free(&line);
    buf_free(&text);
}

/* ---- many lines ---- */

struct line {
    uint64_t id;
    size_t at, len;
};

struct listing {
    struct buf text;
    struct line *lines;
    size_t count, capacity;
    /* Where each worker's lines begin, the replicas', and the primary's; ids rise within a run. */
    size_t runs[THREADS_MAX + 3];
};

static void add_line(struct listing *l, const struct client_view *view, int64_t now_ms) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 64;
        l->lines = mem_realloc(l->lines, l->capacity * sizeof *l->lines);
    }
    size_t at = l->text.len;
    append_line(&l->text, view, now_ms);
    l->lines[l->count++] = (struct line){view->id, at, l->text.len - at};
}

static void collect(struct listing *l, registry_filter *filter, void *arg, int64_t now_ms) {
    struct registry_cursor cursor;
    unsigned worker = 0;
    registry_begin(&cursor, filter, arg);
    while (registry_next(&cursor)) {
        while (worker < cursor.worker) l->runs[++worker] = l->count;
        add_line(l, &cursor.view, now_ms);
    }
    registry_end(&cursor);
    while (worker < workers_count) l->runs[++worker] = l->count;
    l->runs[workers_count + 1] = l->runs[workers_count + 2] = l->count;
}

void client_view_of_replica(struct client_view *view, const struct replica_view *replica) {
    *view = (struct client_view){
        .id = replica->client_id,
        .fd = replica->fd,
        .flags = CLIENT_REPLICA | CLIENT_AUTHENTICATED,
        .created_ms = replica->since_ms,
        .active_ms = replica->heard_ms,
        .output_bytes = replica->waiting_bytes,
        .queued = -1,
        .last_command = commands_find(replica->sends_acks ? "psync" : "sync", replica->sends_acks ? 5 : 4),
        .name = "",
        .library_name = "",
        .library_version = ""};
    memcpy(view->peer, replica->peer, sizeof view->peer);
    memcpy(view->local, replica->local, sizeof view->local);
}

static int compare_ids(const void *a, const void *b) {
    const struct replica_view *x = a, *y = b;
    return x->client_id < y->client_id ? -1 : x->client_id > y->client_id;
}

/* After collect. */
static void collect_replicas(struct listing *l, int64_t now_ms) {
    struct replica_view *replicas = mem_alloc(REPLICAS_LISTED_MAX * sizeof *replicas);
    struct client_view view;
    unsigned count = replicas_view(replicas, REPLICAS_LISTED_MAX);
    if (count > REPLICAS_LISTED_MAX) count = REPLICAS_LISTED_MAX;
    qsort(replicas, count, sizeof *replicas, compare_ids);
    for (unsigned i = 0; i < count; i++) {
        client_view_of_replica(&view, &replicas[i]);
        add_line(l, &view, now_ms);
    }
    l->runs[workers_count + 1] = l->runs[workers_count + 2] = l->count;
    mem_free(replicas);
}

/* After collect_replicas. */
static void collect_primary(struct listing *l, int64_t now_ms) {
    struct follow_view us = follow_view();
    struct client_view view = {.id = us.client_id,
                               .fd = us.link.fd,
                               .flags = CLIENT_PRIMARY | CLIENT_AUTHENTICATED,
                               .created_ms = us.link.connected_ms,
                               .active_ms = us.link.heard_ms,
                               .queued = -1,
                               .name = "",
                               .library_name = "",
                               .library_version = ""};
    if (!us.replica || us.link.state != LINK_ONLINE) return;
    memcpy(view.peer, us.link.peer, sizeof view.peer);
    memcpy(view.local, us.link.local, sizeof view.local);
    add_line(l, &view, now_ms);
    l->runs[workers_count + 2] = l->count;
}

/* Puts the lines in the order of their ids: a merge of the workers' runs. */
static void sort_lines(struct listing *l) {
    size_t heads[THREADS_MAX + 3];
    struct line *sorted = mem_alloc(l->count * sizeof *sorted + 1);
    memcpy(heads, l->runs, sizeof heads);
    for (size_t n = 0; n < l->count; n++) {
        unsigned lowest = THREADS_MAX + 2;
        for (unsigned w = 0; w <= workers_count + 1; w++) {
            if (heads[w] == l->runs[w + 1]) continue;
            if (lowest > THREADS_MAX + 1 || l->lines[heads[w]].id < l->lines[heads[lowest]].id) lowest = w;
        }
        ASSERT(lowest <= THREADS_MAX + 1);
        sorted[n] = l->lines[heads[lowest]++];
    }
    mem_free(l->lines);
    l->lines = sorted;
}

static const struct line *find_line(const struct listing *l, uint64_t id) {
    size_t from = 0, to = l->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (l->lines[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < l->count && l->lines[from].id == id ? &l->lines[from] : NULL;
}

static void free_listing(struct listing *l) {
    buf_free(&l->text);
    mem_free(l->lines);
}

static void append_found(struct buf *out, const struct listing *l, const struct line *line) {
    if (line) buf_append(out, l->text.data + line->at, line->len);
}

static bool is_of_type(void *arg, struct client *c) {
    const enum client_type *type = arg;
    return client_type_of(atomic_load_explicit(&c->flags, memory_order_relaxed)) == *type;
}

static void list_all(struct call *c, const enum client_type *type) {
    struct listing l = {0};
    struct buf out = {0};
    int64_t now_ms = c->worker->thread.turn_unix_ms;
    collect(&l, type ? is_of_type : NULL, (void *)type, now_ms);
    if (!type || *type == CLIENT_TYPE_REPLICA) collect_replicas(&l, now_ms);
    if (!type || *type == CLIENT_TYPE_MASTER) collect_primary(&l, now_ms);
    sort_lines(&l);
    for (size_t i = 0; i < l.count; i++) append_found(&out, &l, &l.lines[i]);
    reply_verbatim(c->reply, "txt", out.data ? out.data : "", out.len);
    buf_free(&out);
    free_listing(&l);
}

struct ids {
    const uint64_t *ids;
    size_t count;
};

static bool is_one_of(void *arg, struct client *c) {
    const struct ids *wanted = arg;
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->ids[i] == c->id) return true;
    return false;
}

/* In the order asked for, as often as asked for. Of many, all clients are listed and the right ones
 * picked. */
static void list_ids(struct call *c, const struct ids *wanted) {
    struct listing l = {0};
    struct buf out = {0};
    collect(&l, wanted->count <= FEW_IDS ? is_one_of : NULL, (void *)wanted, c->worker->thread.turn_unix_ms);
    collect_replicas(&l, c->worker->thread.turn_unix_ms);
    collect_primary(&l, c->worker->thread.turn_unix_ms);
    sort_lines(&l);
    for (size_t i = 0; i < wanted->count; i++) append_found(&out, &l, find_line(&l, wanted->ids[i]));
    reply_verbatim(c->reply, "txt", out.data ? out.data : "", out.len);
    buf_free(&out);
    free_listing(&l);
}

void cmd_client_list(struct call *c) {
    if (c->argc == 2) {
        list_all(c, NULL);
    } else if (c->argc == 4 && call_is(c, 2, "type")) {
        enum client_type type;
        if (client_type_argument(c, 3, &type)) list_all(c, &type);
    } else if (c->argc > 3 && call_is(c, 2, "id")) {
        uint64_t *ids = mem_alloc((c->argc - 3) * sizeof *ids);
        struct ids wanted = {ids, 0};
        int64_t id;
        while (wanted.count < c->argc - 3 &&
               call_int(c, (unsigned)wanted.count + 3, &id, "ERR Invalid client ID"))
            ids[wanted.count++] = (uint64_t)id;
        if (wanted.count == c->argc - 3) list_ids(c, &wanted);
        mem_free(ids);
    } else {
        reply_syntax_error(c->reply);
    }
}
