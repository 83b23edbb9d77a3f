/* cmd/server.c: TIME, SHUTDOWN, LOLWUT. None of them needs a hold. */
#include "server/call.h"
#include "server/client.h"
#include "server/config.h"
#include "server/process.h"
#include "server/shutdown.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/rt/clock.h"

#include <math.h>
#include <string.h>

static void cmd_time(struct call *c) {
    int64_t now_us = clock_unix_us();
    reply_array(c->reply, 2);
    reply_bulk_int(c->reply, now_us / 1000000);
    reply_bulk_int(c->reply, now_us % 1000000);
}

/* ---- SHUTDOWN ---- */

struct shutdown_options {
    bool save, nosave, now, force, abort;
};

static bool parse_shutdown(struct call *c, struct shutdown_options *o) {
    for (unsigned i = 1; i < c->argc; i++) {
        bool *option = call_is(c, i, "SAVE")     ? &o->save
                       : call_is(c, i, "NOSAVE") ? &o->nosave
                       : call_is(c, i, "NOW")    ? &o->now
                       : call_is(c, i, "FORCE")  ? &o->force
                       : call_is(c, i, "ABORT")  ? &o->abort
                                                 : NULL;
        if (!option) return false;
        *option = true;
    }
    if (o->abort && (o->save || o->nosave || o->now || o->force)) return false;
    return !(o->save && o->nosave);
}

/* The client waits for the end, or for its failure; also where somebody else has asked for it before. */
static void cmd_shutdown(struct call *c) {
    struct shutdown_options o = {0};
    if (!parse_shutdown(c, &o)) {
        reply_syntax_error(c->reply);
        return;
    }
    if (o.abort) {
        if (shutdown_abort(&c->worker->thread))
            reply_ok(c->reply);
        else
            reply_error(c->reply, "ERR No shutdown in progress.");
        return;
    }
    struct client *client = c->client;
    if (client->awaits) {
        if (shutdown_failures() < client->awaits) {
            c->outcome = CALL_LATER;
            return;
        }
        client->awaits = 0;
        reply_error(c->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
        return;
    }
    unsigned how = (o.save ? SHUTDOWN_SAVE : 0u) | (o.nosave ? SHUTDOWN_NOSAVE : 0u) |
                   (o.now ? SHUTDOWN_NOW : 0u) | (o.force ? SHUTDOWN_FORCE : 0u);
    uint64_t number;
    if (!shutdown_has_begun(&number) && !server_shutdown_request(how)) {
        reply_error(c->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
        return;
    }
    /* No reply: the connection ends with the server, and runs nothing more until then. */
    client->awaits = number;
    c->outcome = CALL_LATER;
}

/* ---- LOLWUT ---- */

enum { CANVAS_COLUMNS = 47, CANVAS_ROWS = 15, ARMS = 4, DOTS = 120 };

/* A gyre: spiral arms that thin out as they turn outwards. */
static void draw_gyre(char canvas[CANVAS_ROWS][CANVAS_COLUMNS + 1]) {
    for (int row = 0; row < CANVAS_ROWS; row++) {
        memset(canvas[row], ' ', CANVAS_COLUMNS);
        canvas[row][CANVAS_COLUMNS] = 0;
    }
    for (int arm = 0; arm < ARMS; arm++) {
        for (int i = 0; i < DOTS; i++) {
            double way = (double)i / DOTS, angle = 2 * M_PI * arm / ARMS + 1.5 * M_PI * way;
            int column = (int)lround(CANVAS_COLUMNS / 2.0 + (CANVAS_COLUMNS / 2.0 - 1) * way * cos(angle));
            int row = (int)lround(CANVAS_ROWS / 2.0 - 0.5 + (CANVAS_ROWS / 2.0 - 1) * way * sin(angle));
            ASSERT(row >= 0 && row < CANVAS_ROWS && column >= 0 && column < CANVAS_COLUMNS);
            canvas[row][column] = "@Oo*~-."[i * 7 / DOTS];
        }
    }
}

/* LOLWUT [VERSION n [arg ...]]: there is one picture, whatever the version; its arguments must be numbers. */
static void cmd_lolwut(struct call *c) {
    int64_t ignored;
    if (call_is(c, 1, "VERSION"))
        for (unsigned i = 2; i < c->argc; i++)
            if (!call_int(c, i, &ignored, NULL)) return;
    char canvas[CANVAS_ROWS][CANVAS_COLUMNS + 1];
    draw_gyre(canvas);
    struct buf text = {0};
    for (int row = 0; row < CANVAS_ROWS; row++) {
        size_t len = CANVAS_COLUMNS;
        while (len > 0 && canvas[row][len - 1] == ' ') len--;
        buf_append(&text, canvas[row], len);
        buf_append_char(&text, '\n');
    }
    buf_append_text(&text, "\nGyre ver. " GYRE_VERSION "\n");
    reply_verbatim(c->reply, "txt", text.data, text.len);
    buf_free(&text);
}

/* ---- table ---- */

static const char *const time_tips[] = {"nondeterministic_output", NULL};

struct command server_commands[] = {
    {.name = "time",
     .arity = 1,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .categories = ACL_FAST,
     .handler = cmd_time,
     .group = "server",
     .summary = "Return the current server time",
     .since = "2.6.0",
     .complexity = "O(1)",
     .tips = time_tips},
    {.name = "shutdown",
     .arity = -1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_shutdown,
     .group = "server",
     .summary = "Synchronously save the dataset to disk and then shut down the server",
     .since = "1.0.0",
     .complexity =
         "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise "
         "O(1)"},
    {.name = "lolwut",
     .arity = -1,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_FAST,
     .handler = cmd_lolwut,
     .group = "server",
     .summary = "Display some computer art and the Redis version",
     .since = "5.0.0"},
    {0},
};
