/* cmd/slowlog.c: SLOWLOG GET, LEN, RESET, HELP. Needs no hold: the log belongs to no slice. */
#include "server/slowlog.h"
#include "server/call.h"

enum { GET_DEFAULT = 10 };

static void reply_entry(struct reply *r, const struct slowlog_entry *e) {
    reply_array(r, 6);
    reply_int(r, e->id);
    reply_int(r, e->unix_s);
    reply_int(r, e->us);
    reply_array(r, e->argc);
    for (unsigned i = 0; i < e->argc; i++) reply_bulk(r, e->argv[i].data, e->argv[i].len);
    reply_bulk_text(r, e->peer);
    reply_bulk_text(r, e->name);
}

static void cmd_slowlog_get(struct call *c) {
    static const char error[] = "ERR count should be greater than or equal to -1";
    int64_t count = GET_DEFAULT;
    if (c->argc > 3) {
        reply_subcommand_syntax(c->reply, "SLOWLOG", c->argv[1].data, c->argv[1].len);
        return;
    }
    if (c->argc == 3 && !call_int(c, 2, &count, error)) return;
    if (count < -1) {
        reply_error(c->reply, error);
        return;
    }
    if (count == -1) count = INT64_MAX;
    struct slowlog_reader reader = {0};
    struct reply_mark mark = reply_mark(c->reply);
    const struct slowlog_entry *e;
    size_t n = 0;
    for (; n < (uint64_t)count && (e = slowlog_read(&reader)); n++) reply_entry(c->reply, e);
    reply_mark_array(c->reply, mark, n);
    slowlog_read_end(&reader);
}

static void cmd_slowlog_len(struct call *c) {
    reply_int(c->reply, (int64_t)slowlog_len());
}

static void cmd_slowlog_reset(struct call *c) {
    slowlog_reset();
    reply_ok(c->reply);
}

static void cmd_slowlog_help(struct call *c) {
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
        NULL,
    };
    reply_help(c->reply, "SLOWLOG", lines);
}

enum {
    SLOWLOG_FLAGS = CMD_ADMIN | CMD_LOADING | CMD_STALE,
    SLOWLOG_CATEGORIES = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
};

static const char *const get_tips[] = {"request_policy:all_nodes", "nondeterministic_output", NULL};
static const char *const len_tips[] = {"request_policy:all_nodes", "response_policy:agg_sum",
                                       "nondeterministic_output", NULL};
static const char *const reset_tips[] = {"request_policy:all_nodes", "response_policy:all_succeeded", NULL};

static struct command subcommands[] = {
    {.name = "get",
     .arity = -2,
     .flags = SLOWLOG_FLAGS,
     .categories = SLOWLOG_CATEGORIES,
     .handler = cmd_slowlog_get,
     .group = "server",
     .summary = "Get the slow log's entries",
     .since = "2.2.12",
     .complexity = "O(N) where N is the number of entries returned",
     .tips = get_tips},
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW,
     .handler = cmd_slowlog_help,
     .group = "server",
     .summary = "Show helpful text about the different subcommands",
     .since = "6.2.0",
     .complexity = "O(1)"},
    {.name = "len",
     .arity = 2,
     .flags = SLOWLOG_FLAGS,
     .categories = SLOWLOG_CATEGORIES,
     .handler = cmd_slowlog_len,
     .group = "server",
     .summary = "Get the slow log's length",
     .since = "2.2.12",
     .complexity = "O(1)",
     .tips = len_tips},
    {.name = "reset",
     .arity = 2,
     .flags = SLOWLOG_FLAGS,
     .categories = SLOWLOG_CATEGORIES,
     .handler = cmd_slowlog_reset,
     .group = "server",
     .summary = "Clear all entries from the slow log",
     .since = "2.2.12",
     .complexity = "O(N) where N is the number of entries in the slowlog",
     .tips = reset_tips},
    {0},
};

struct command slowlog_commands[] = {
    {.name = "slowlog",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = subcommands,
     .group = "server",
     .summary = "A container for slow log commands",
     .since = "2.2.12",
     .complexity = "Depends on subcommand."},
    {0},
};
