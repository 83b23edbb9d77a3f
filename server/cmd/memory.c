/* cmd/memory.c: MEMORY USAGE, STATS, PURGE, DOCTOR, MALLOC-STATS, HELP.
 *
 * USAGE runs under the hold of its key's slice. The others need none: their figures are INFO's
 * (info_parts.h).
 */
#include "server/cmd/lookup.h"
#include "server/info_parts.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/mem_report.h"

#include <stdio.h>
#include <string.h>

/* ---- usage ---- */

/* A bucket of the table is a cache line for seven entries. */
enum { TABLE_BYTES_PER_KEY = CACHE_LINE / 7 };

/* SAMPLES matters to values made of many; it is checked all the same. */
static bool check_usage_options(struct call *c) {
    for (unsigned i = 3; i < c->argc; i += 2) {
        int64_t samples;
        if (!call_is(c, i, "SAMPLES") || i + 1 == c->argc) {
            reply_syntax_error(c->reply);
            return false;
        }
        if (!call_int(c, i + 1, &samples, NULL)) return false;
        if (samples < 0) {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    return true;
}

static void cmd_memory_usage(struct call *c) {
    if (!check_usage_options(c)) return;
    struct entry **at = keyspace_find(&c->visit, &c->keys[0], KEYSPACE_PEEK);
    if (at == NULL) {
        reply_null(c->reply);
        return;
    }
    reply_int(c->reply, (int64_t)entry_footprint(*at) + TABLE_BYTES_PER_KEY);
}

/* ---- stats ---- */

static void stat_int(struct reply *r, const char *name, int64_t value) {
    reply_bulk_text(r, name);
    reply_int(r, value);
}

static void stat_double(struct reply *r, const char *name, double value) {
    reply_bulk_text(r, name);
    reply_double(r, value);
}

static unsigned reply_databases(struct reply *r) {
    unsigned count = 0;
    for (unsigned database = 0; database < slices.databases; database++) {
        struct info_database d = info_database_now(database);
        if (!d.keys && !d.expiring) continue;
        char name[32];
        snprintf(name, sizeof name, "db.%u", database);
        reply_bulk_text(r, name);
        reply_map(r, 3);
        stat_int(r, "overhead.hashtable.main", (int64_t)d.table_bytes);
        stat_int(r, "overhead.hashtable.expires", (int64_t)d.wheel_bytes);
        stat_int(r, "overhead.hashtable.slot-to-keys", 0);
        count++;
    }
    return count;
}

/* The allocator's figures: as INFO memory explains them. */
static void reply_allocator(struct reply *r, const struct info_memory *m) {
    double ratio = info_ratio(m->resident, m->used);
    int64_t bytes = (int64_t)m->resident - (int64_t)m->used;
    stat_int(r, "allocator.allocated", (int64_t)m->used);
    stat_int(r, "allocator.active", (int64_t)m->resident);
    stat_int(r, "allocator.resident", (int64_t)m->resident);
    stat_double(r, "allocator-fragmentation.ratio", ratio);
    stat_int(r, "allocator-fragmentation.bytes", bytes);
    stat_double(r, "allocator-rss.ratio", 1);
    stat_int(r, "allocator-rss.bytes", 0);
    stat_double(r, "rss-overhead.ratio", 1);
    stat_int(r, "rss-overhead.bytes", 0);
    stat_double(r, "fragmentation", ratio);
    stat_int(r, "fragmentation.bytes", bytes);
}

static void cmd_memory_stats(struct call *c) {
    enum { FIELDS = 27 };
    struct reply *r = c->reply;
    struct info_memory m = info_memory_now();
    uint64_t since_start = m.used > m.startup ? m.used - m.startup : 0;
    struct reply_mark mark = reply_mark(r);
    stat_int(r, "peak.allocated", (int64_t)m.peak);
    stat_int(r, "total.allocated", (int64_t)m.used);
    stat_int(r, "startup.allocated", (int64_t)m.startup);
    stat_int(r, "replication.backlog", 0);
    stat_int(r, "clients.slaves", 0);
    stat_int(r, "clients.normal", (int64_t)m.clients);
    stat_int(r, "cluster.links", 0);
    stat_int(r, "aof.buffer", 0);
    stat_int(r, "lua.caches", 0);
    stat_int(r, "functions.caches", 0);
    unsigned databases = reply_databases(r);
    stat_int(r, "overhead.total", (int64_t)m.overhead);
    stat_int(r, "keys.count", (int64_t)m.keys);
    stat_int(r, "keys.bytes-per-key", m.keys ? (int64_t)(since_start / m.keys) : 0);
    stat_int(r, "dataset.bytes", (int64_t)m.entries);
    stat_double(r, "dataset.percentage", 100 * info_ratio(m.entries, since_start));
    stat_double(r, "peak.percentage", 100 * info_ratio(m.used, m.peak));
    reply_allocator(r, &m);
    reply_mark_map(r, mark, FIELDS + databases);
}

/* ---- purge ---- */

/* Each thread has its own heap, which only it may clean up, and they do it one after another: one message
 * goes round all threads. While it is on its way another PURGE adds nothing. */
static struct {
    struct message message;
    _Atomic bool under_way;
} purge;

/* Sends the message on to thread `index`, or to the next there is; ends its round behind the last. */
static void purge_pass_on(struct thread *from, unsigned index) {
    while (index < thread_count() && !thread_by_index(index)) index++;
    if (index < thread_count())
        thread_post(from, thread_by_index(index), &purge.message);
    else
        atomic_store(&purge.under_way, false);
}

static void purge_delivered(struct thread *to, struct message *message) {
    ASSERT(message == &purge.message);
    mem_purge();
    purge_pass_on(to, to->index + 1u);
}

static void cmd_memory_purge(struct call *c) {
    if (!atomic_exchange(&purge.under_way, true)) {
        purge.message.deliver = purge_delivered;
        purge_pass_on(c->visit.thread, 0);
    }
    reply_ok(c->reply);
}

/* ---- reports ---- */

static void take_report(const char *text, void *arg) {
    buf_append_text(arg, text);
}

static void cmd_memory_malloc_stats(struct call *c) {
    struct buf text = {0};
    mem_report(take_report, &text);
    reply_verbatim(c->reply, "txt", text.data ? text.data : "", text.len);
    buf_free(&text);
}

static void cmd_memory_doctor(struct call *c) {
    enum { SMALL_BYTES = 5 * 1024 * 1024 };
    struct info_memory m = info_memory_now();
    struct buf text = {0};
    uint64_t unused = m.resident > m.used ? m.resident - m.used : 0;
    if (m.used < SMALL_BYTES) {
        buf_append_text(&text,
                        "This server uses very little memory: there is nothing to be said about it yet.\n");
    } else {
        if (m.peak > m.used + m.used / 2)
            buf_printf(
                &text,
                "Peak: memory in use was once %.1f times what it is now; the process may keep what it took. "
                "MEMORY PURGE gives back what can be given.\n",
                info_ratio(m.peak, m.used));
        if (unused > SMALL_BYTES * 2 && info_ratio(m.resident, m.used) > 1.4)
            buf_printf(&text, "Fragmentation: the process has %.1f times the memory that is in use.\n",
                       info_ratio(m.resident, m.used));
        if (text.len == 0) buf_append_text(&text, "No memory problems found.\n");
    }
    reply_verbatim(c->reply, "txt", text.data, text.len);
    buf_free(&text);
}

static void cmd_memory_help(struct call *c) {
    static const char *const lines[] = {
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
        NULL,
    };
    reply_help(c->reply, "MEMORY", lines);
}

/* ---- table ---- */

static const char *const report_tips[] = {"nondeterministic_output", "request_policy:all_shards",
                                          "response_policy:special", NULL};
static const char *const purge_tips[] = {"request_policy:all_shards", "response_policy:all_succeeded", NULL};
static const char slow_cost[] = "Depends on how much memory is allocated, could be slow";

#define MEMORY_SUBCOMMAND(word, function, text, cost, hints)                                                 \
    {                                                                                                        \
        .name = word, .arity = 2, .categories = ACL_SLOW, .handler = function, .group = "server",            \
        .summary = text, .since = "4.0.0", .complexity = cost, .tips = hints                                 \
    }

static struct command subcommands[] = {
    MEMORY_SUBCOMMAND("doctor", cmd_memory_doctor, "Outputs memory problems report", "O(1)", report_tips),
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW,
     .handler = cmd_memory_help,
     .group = "server",
     .summary = "Show helpful text about the different subcommands",
     .since = "4.0.0",
     .complexity = "O(1)"},
    MEMORY_SUBCOMMAND("malloc-stats", cmd_memory_malloc_stats, "Show allocator internal stats", slow_cost,
                      report_tips),
    MEMORY_SUBCOMMAND("purge", cmd_memory_purge, "Ask the allocator to release memory", slow_cost,
                      purge_tips),
    MEMORY_SUBCOMMAND("stats", cmd_memory_stats, "Show memory usage details", "O(1)", report_tips),
    {.name = "usage",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_SLOW,
     .keys = {KEYS_AT(2, 0, 1, KEY_RO)},
     .handler = cmd_memory_usage,
     .group = "server",
     .summary = "Estimate the memory usage of a key",
     .since = "4.0.0",
     .complexity = "O(N) where N is the number of samples."},
    {0},
};

struct command memory_commands[] = {
    {.name = "memory",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = subcommands,
     .group = "server",
     .summary = "A container for memory diagnostics commands",
     .since = "4.0.0",
     .complexity = "Depends on subcommand."},
    {0},
};
