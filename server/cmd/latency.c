/* cmd/latency.c: LATENCY: what the latency monitor has seen, and the commands' own histograms.
 *
 * None of it needs a hold. HISTOGRAM adds up the workers' counters (statistics.h); the rest copies one event
 * after another out of latency.h, so a reply of several events is of no single instant.
 */
#include "server/latency.h"
#include "server/call.h"
#include "server/config.h"
#include "server/statistics.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <stdio.h>
#include <string.h>

/* ---- events ---- */

/* A copy of an event is too large for the stack of a busy thread. */
static struct latency_event *event_room(void) {
    return mem_alloc(sizeof(struct latency_event));
}

static void cmd_latency_latest(struct call *c) {
    struct latency_event *e = event_room();
    struct reply_mark mark = reply_mark(c->reply);
    unsigned n = 0;
    for (; latency_event_at(n, e); n++) {
        ASSERT(e->count > 0);
        reply_array(c->reply, 4);
        reply_bulk_text(c->reply, e->name);
        reply_int(c->reply, e->samples[e->count - 1].unix_s);
        reply_int(c->reply, (int64_t)e->samples[e->count - 1].ms);
        reply_int(c->reply, (int64_t)e->worst_ms);
    }
    reply_mark_array(c->reply, mark, n);
    mem_free(e);
}

static void cmd_latency_history(struct call *c) {
    struct latency_event *e = event_room();
    unsigned count = latency_event_named(c->argv[2].data, c->argv[2].len, e) ? e->count : 0;
    reply_array(c->reply, count);
    for (unsigned i = 0; i < count; i++) {
        reply_array(c->reply, 2);
        reply_int(c->reply, e->samples[i].unix_s);
        reply_int(c->reply, (int64_t)e->samples[i].ms);
    }
    mem_free(e);
}

static void cmd_latency_reset(struct call *c) {
    unsigned count = 0;
    if (c->argc == 2) count = latency_reset_all();
    for (unsigned i = 2; i < c->argc; i++) count += latency_reset(c->argv[i].data, c->argv[i].len);
    reply_int(c->reply, count);
}

/* ---- graph ---- */

enum { GRAPH_COLUMNS = 80, GRAPH_ROWS = 4, GRAPH_SHADES = 3, LABEL_MAX = 16 };

/* One sample as a column: how many of GRAPH_ROWS * GRAPH_SHADES steps high, and how long ago, written
 * downwards. */
struct column {
    unsigned steps;
    char label[LABEL_MAX];
    size_t label_len;
};

static struct column make_column(const struct latency_sample *s, uint64_t low, uint64_t high, int64_t now_s) {
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    enum { STEPS = GRAPH_ROWS * GRAPH_SHADES };
    struct column col;
    int64_t ago = now_s > s->unix_s ? now_s - s->unix_s : 0;
    unsigned u = 0;
    while (u < 3 && ago < units[u].seconds) u++;
    int n =
        snprintf(col.label, sizeof col.label, "%lld%c", (long long)(ago / units[u].seconds), units[u].unit);
    ASSERT(n > 0 && (size_t)n < sizeof col.label);
    col.label_len = (size_t)n;
    col.steps = high > low ? (unsigned)((s->ms - low) * STEPS / (high - low)) : 0;
    if (col.steps >= STEPS) col.steps = STEPS - 1;
    return col;
}

static char column_char(const struct column *col, unsigned row) {
    int shade = (int)col->steps - (int)((GRAPH_ROWS - row - 1) * GRAPH_SHADES);
    if (shade < 0) return ' ';
    return shade < GRAPH_SHADES ? "_o#"[shade] : '|';
}

/* The columns side by side, an empty line, and the labels. */
static void append_columns(struct buf *out, const struct column *columns, unsigned count) {
    size_t label_rows = 0;
    for (unsigned i = 0; i < count; i++)
        if (columns[i].label_len > label_rows) label_rows = columns[i].label_len;
    for (unsigned row = 0; row < GRAPH_ROWS; row++) {
        for (unsigned i = 0; i < count; i++) buf_append_char(out, column_char(&columns[i], row));
        buf_append_char(out, '\n');
    }
    for (size_t row = 0; row <= label_rows; row++) {
        for (unsigned i = 0; i < count; i++)
            buf_append_char(out, row > 0 && row <= columns[i].label_len ? columns[i].label[row - 1] : ' ');
        buf_append_char(out, '\n');
    }
}

static void append_graph(struct buf *out, const struct latency_event *e) {
    uint64_t low = UINT64_MAX, high = 0;
    for (unsigned i = 0; i < e->count; i++) {
        if (e->samples[i].ms < low) low = e->samples[i].ms;
        if (e->samples[i].ms > high) high = e->samples[i].ms;
    }
    buf_printf(out, "%s - high %llu ms, low %llu ms (all time high %llu ms)\n", e->name,
               (unsigned long long)high, (unsigned long long)low, (unsigned long long)e->worst_ms);
    for (int i = 0; i < GRAPH_COLUMNS; i++) buf_append_char(out, '-');
    buf_append_char(out, '\n');
    int64_t now_s = clock_unix_ms() / 1000;
    for (unsigned from = 0; from < e->count; from += GRAPH_COLUMNS) {
        struct column columns[GRAPH_COLUMNS];
        unsigned count = e->count - from < GRAPH_COLUMNS ? e->count - from : GRAPH_COLUMNS;
        for (unsigned i = 0; i < count; i++)
            columns[i] = make_column(&e->samples[from + i], low, high, now_s);
        if (from) buf_append_char(out, '\n');
        append_columns(out, columns, count);
    }
}

static void cmd_latency_graph(struct call *c) {
    struct latency_event *e = event_room();
    if (latency_event_named(c->argv[2].data, c->argv[2].len, e)) {
        struct buf text = {0};
        append_graph(&text, e);
        reply_verbatim(c->reply, "txt", text.data, text.len);
        buf_free(&text);
    } else {
        reply_errorf(c->reply, "ERR No samples available for event '%.*s'", (int)c->argv[2].len,
                     c->argv[2].data);
    }
    mem_free(e);
}

/* ---- doctor ---- */

static void append_event_report(struct buf *out, unsigned number, const struct latency_event *e) {
    uint64_t sum = 0, deviation = 0;
    ASSERT(e->count > 0);
    for (unsigned i = 0; i < e->count; i++) sum += e->samples[i].ms;
    uint64_t mean = sum / e->count;
    for (unsigned i = 0; i < e->count; i++)
        deviation += e->samples[i].ms > mean ? e->samples[i].ms - mean : mean - e->samples[i].ms;
    int64_t span_s = clock_unix_ms() / 1000 - e->samples[0].unix_s;
    buf_printf(
        out,
        "%u. %s: %u latency spikes (average %llums, mean deviation %llums, period %.2f sec). Worst all time "
        "event %llums.\n",
        number, e->name, e->count, (unsigned long long)mean, (unsigned long long)(deviation / e->count),
        (double)span_s / e->count, (unsigned long long)e->worst_ms);
}

static void cmd_latency_doctor(struct call *c) {
    struct latency_event *e = event_room();
    struct buf text = {0};
    int64_t threshold_ms = config_get()->latency_monitor_threshold;
    unsigned n = 0;
    for (; latency_event_at(n, e); n++) append_event_report(&text, n + 1, e);
    if (n > 0) {
        buf_append_text(
            &text, "\nSLOWLOG GET shows which commands were slow; commands that touch many or large keys "
                   "hold their slices for as long as they run.\n");
    } else if (threshold_ms > 0) {
        buf_printf(&text, "Nothing has taken %lld ms or more since the latency monitor was reset.\n",
                   (long long)threshold_ms);
    }
    if (threshold_ms <= 0)
        buf_append_text(&text, "The latency monitor is disabled. \"CONFIG SET latency-monitor-threshold "
                               "<milliseconds>\" enables it.\n");
    reply_verbatim(c->reply, "txt", text.data, text.len);
    buf_free(&text);
    mem_free(e);
}

/* ---- histograms ---- */

enum { HISTOGRAM_FIRST_BIT = 10 };

/* Redis's buckets: a doubling each, from 1024 ns on, named by the largest time in microseconds that its own
 * histogram cannot tell from the bound: 1, 2, 4, 8, 16, 33, 66, ... */
static int64_t bound_name_us(unsigned doubling) {
    return (int64_t)((((uint64_t)1024 + 8) << doubling) - 1) / 1000;
}

static void reply_histogram(struct reply *r, const struct command_total *t) {
    unsigned bucket = 0, pairs = 0;
    uint64_t seen = 0, told = 0;
    reply_map(r, 2);
    reply_bulk_text(r, "calls");
    reply_int(r, (int64_t)t->samples);
    reply_bulk_text(r, "histogram_usec");
    struct reply_mark mark = reply_mark(r);
    for (unsigned doubling = 0; seen < t->samples; doubling++) {
        unsigned bit = HISTOGRAM_FIRST_BIT + doubling;
        unsigned end = bit <= LATENCY_LAST_BIT ? latency_bucket((uint64_t)1 << bit) : LATENCY_BUCKETS;
        while (bucket < end) seen += t->histogram[bucket++];
        if (seen == told) continue;
        reply_int(r, bound_name_us(doubling));
        reply_int(r, (int64_t)seen);
        told = seen;
        pairs++;
    }
    reply_mark_map(r, mark, pairs);
}

/* One command's, if it was called. Returns how many were replied. */
static unsigned reply_command(struct reply *r, const struct command *command) {
    struct command_total total;
    statistics_sum_command(command->id, &total);
    if (total.samples == 0) return 0;
    reply_bulk_text(r, command->full_name);
    reply_histogram(r, &total);
    return 1;
}

static void cmd_latency_histogram(struct call *c) {
    struct reply_mark mark = reply_mark(c->reply);
    unsigned n = 0;
    if (c->argc == 2) {
        for (unsigned id = 0; id < commands_count(); id++) n += reply_command(c->reply, commands_by_id(id));
    }
    for (unsigned i = 2; i < c->argc; i++) {
        const struct command *command = commands_find_full(c->argv[i].data, c->argv[i].len);
        if (!command) continue;
        n += reply_command(c->reply, command);
        for (const struct command *sub = command->subcommands; sub && sub->name; sub++)
            n += reply_command(c->reply, sub);
    }
    reply_mark_map(c->reply, mark, n);
}

/* ---- help, table ---- */

static void cmd_latency_help(struct call *c) {
    static const char histogram_line[] =
        "    Return a cumulative distribution of latencies in the format of a "
        "histogram for the specified command names.";
    static const char *const lines[] = {
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        histogram_line,
        "    If no commands are specified then all histograms are replied.",
        NULL,
    };
    reply_help(c->reply, "LATENCY", lines);
}

enum {
    LATENCY_FLAGS = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    LATENCY_CATEGORIES = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
};

static const char *const read_tips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                        "response_policy:special", NULL};
static const char *const reset_tips[] = {"request_policy:all_nodes", "response_policy:all_succeeded", NULL};

#define LATENCY_SUBCOMMAND(word, args, function, text, version, cost, hints)                                 \
    {                                                                                                        \
        .name = word, .arity = args, .flags = LATENCY_FLAGS, .categories = LATENCY_CATEGORIES,               \
        .handler = function, .group = "server", .summary = text, .since = version, .complexity = cost,       \
        .tips = hints                                                                                        \
    }

static struct command subcommands[] = {
    LATENCY_SUBCOMMAND("doctor", 2, cmd_latency_doctor, "Return a human readable latency analysis report.",
                       "2.8.13", "O(1)", read_tips),
    LATENCY_SUBCOMMAND("graph", 3, cmd_latency_graph, "Return a latency graph for the event.", "2.8.13",
                       "O(1)", read_tips),
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW,
     .handler = cmd_latency_help,
     .group = "server",
     .summary = "Show helpful text about the different subcommands.",
     .since = "2.8.13",
     .complexity = "O(1)"},
    LATENCY_SUBCOMMAND(
        "histogram", -2, cmd_latency_histogram,
        "Return the cumulative distribution of latencies of a subset of commands or all.", "7.0.0",
        "O(N) where N is the number of commands with latency information being retrieved.", read_tips),
    LATENCY_SUBCOMMAND("history", 3, cmd_latency_history, "Return timestamp-latency samples for the event.",
                       "2.8.13", "O(1)", read_tips),
    LATENCY_SUBCOMMAND("latest", 2, cmd_latency_latest, "Return the latest latency samples for all events.",
                       "2.8.13", "O(1)", read_tips),
    LATENCY_SUBCOMMAND("reset", -2, cmd_latency_reset, "Reset latency data for one or more events.", "2.8.13",
                       "O(1)", reset_tips),
    {0},
};

struct command latency_commands[] = {
    {.name = "latency",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = subcommands,
     .group = "server",
     .summary = "A container for latency diagnostics commands",
     .since = "2.8.13",
     .complexity = "Depends on subcommand."},
    {0},
};
