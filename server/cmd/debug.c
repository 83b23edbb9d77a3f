/* cmd/debug.c: DEBUG: what test suites need to look inside, to be in the way, and to crash the server.
 *
 * One command for COMMAND and statistics, as in Redis. Subcommands that touch keys are variants (command.h),
 * so that the router takes their slices first: see debug_parts.h for who holds what. Only clients that
 * enable-debug-command allows come here (protection.h).
 */
#include "repl/identity.h"
#include "server/cmd/debug_parts.h"
#include "server/cmd/list.h"
#include "server/config.h"
#include "server/info.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/rt/file.h"
#include "shard/store/policy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64 };
#define PACKED_THRESHOLD_MAX ((UINT64_C(1) << 32) - (1 << 20))

void debug_reply_syntax(struct call *c) {
    reply_subcommand_syntax(c->reply, "DEBUG", c->argv[1].data, c->argv[1].len);
}

/* An argument as atoi and strtod take it: what is no number is 0. */
static double loose_number(const struct arg *a) {
    char text[NUMBER_MAX];
    size_t len = a->len < sizeof text ? a->len : sizeof text - 1;
    memcpy(text, a->data, len);
    text[len] = 0;
    return strtod(text, NULL);
}

/* ---- being in the way ---- */

/* The thread with all its clients; no slice is held. */
static void debug_sleep(struct call *c) {
    double seconds = loose_number(&c->argv[2]);
    if (seconds > 0 && seconds < 1e9) clock_sleep_ns((uint64_t)(seconds * 1e9));
    reply_ok(c->reply);
}

static void debug_set_active_expire(struct call *c) {
    config_lock();
    struct policy policy = *policy_get();
    policy.active_expire = (int)loose_number(&c->argv[2]) != 0;
    policy_publish(&policy);
    config_unlock();
    reply_ok(c->reply);
}

/* From how many bytes on a value gets a node of its own in a list; 0: as it was at the start. */
static void debug_quicklist_packed_threshold(struct call *c) {
    uint64_t bytes;
    if (!text_to_memory(c->argv[2].data, c->argv[2].len, &bytes) || bytes > PACKED_THRESHOLD_MAX) {
        reply_error(c->reply, "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
        return;
    }
    list_set_alone_bytes(bytes ? (uint32_t)bytes : UINT32_MAX);
    reply_ok(c->reply);
}

/* ---- saying something ---- */

/* As it was sent: it is not counted as an error of the server's. */
static void debug_error(struct call *c) {
    reply_raw(c->reply, "-", 1);
    for (size_t i = 0; i < c->argv[2].len; i++) {
        char ch = c->argv[2].data[i];
        reply_raw(c->reply, ch == '\r' || ch == '\n' ? " " : &ch, 1);
    }
    reply_raw(c->reply, "\r\n", 2);
}

static void debug_log(struct call *c) {
    log_warning("DEBUG LOG: %.*s", (int)(c->argv[2].len < LOG_LINE_MAX ? c->argv[2].len : LOG_LINE_MAX),
                c->argv[2].data);
    reply_ok(c->reply);
}

static const struct {
    const char *name;
    int number;
} file_errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EACCES", EACCES}, {"EMFILE", EMFILE},
                   {"EROFS", EROFS},   {"ENOENT", ENOENT}, {"HANG", 0}};

/* FILE-FAULT kind after error | HEAL: see file_fault. */
static void debug_file_fault(struct call *c) {
    char name[NUMBER_MAX];
    if (c->argc == 3 && call_is(c, 2, "HEAL")) {
        file_heal();
        reply_ok(c->reply);
        return;
    }
    if (c->argc != 5) {
        debug_reply_syntax(c);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(c->argv[2].len < NUMBER_MAX ? c->argv[2].len : 0),
             c->argv[2].data);
    enum file_kind kind = file_kind_named(name);
    double after = loose_number(&c->argv[3]);
    for (size_t i = 0; kind < FILE_KINDS && i < sizeof file_errors / sizeof *file_errors; i++) {
        if (!call_is(c, 4, file_errors[i].name)) continue;
        file_fault(kind, after > 0 && after < UINT32_MAX ? (unsigned)after : 0, file_errors[i].number);
        reply_ok(c->reply);
        return;
    }
    reply_error(c->reply, "ERR no such kind of operation or error");
}

static void debug_change_repl_id(struct call *c) {
    log_notice("Changing replication IDs after receiving change-repl-id");
    identity_begin(&c->visit.thread->random);
    reply_ok(c->reply);
}

/* ---- crashing ---- */

static void debug_panic(struct call *c) {
    (void)c;
    log_warning("DEBUG PANIC called");
    abort();
}

static void debug_segfault(struct call *c) {
    (void)c;
    raise(SIGSEGV);
}

static void debug_assert(struct call *c) {
    ASSERT(c == NULL);
}

/* ---- which ---- */

static void debug_help(struct call *c) {
    static const char *const lines[] = {
        "ASSERT",
        "    Crash by assertion failed.",
        "CHANGE-REPL-ID",
        "    Change the replication IDs of the instance.",
        "    Dangerous: should be used only for testing the replication subsystem.",
        "DIGEST",
        "    Output a hex signature representing the current DB content.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Output a hex signature of the values of all the specified keys.",
        "ERROR <string>",
        "    Return a Redis protocol error with <string> as message. Useful for clients",
        "    unit tests to simulate Redis errors.",
        "FILE-FAULT <operation> <after> <error>|HEAL",
        "    After so many more, operations on files of this kind (open, read, write, sync,",
        "    sync-range, rename, remove, mkdir) fail with this error (ENOSPC, EIO, EACCES,",
        "    EMFILE, EROFS, ENOENT), or wait (HANG), until HEAL.",
        "HOLD <key> <seconds>",
        "    Keep the slice of <key> held and the thread that serves this connection busy",
        "    for <seconds> (at most 60). Decimals allowed. Other slices are not affected.",
        "LISTPACK <key>",
        "    Write to the server log what the listpack encoding of <key> holds.",
        "LOG <message>",
        "    Write <message> to the server log.",
        "HTSTATS <dbid>",
        "    Return hash table statistics of the specified Redis database.",
        "HTSTATS-KEY <key>",
        "    Like HTSTATS but for the hash table stored at <key>'s value.",
        "OBJECT <key>",
        "    Show low level info about `key` and associated value.",
        "PANIC",
        "    Crash the server simulating a panic.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Create <count> string keys named key:<num>. If <prefix> is specified then",
        "    it is used instead of the 'key' prefix.",
        "PROTOCOL <type>",
        "    Reply with a test value of the specified type. <type> can be: string,",
        "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
        "    true, false.",
        "QUICKLIST <key> [<0|1>]",
        "    Write to the server log what the quicklist encoding of <key> holds.",
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "    Give elements of lists that are at least <size> bytes long nodes of their own.",
        "    Default of 0: only those that fit into no node.",
        "SDSLEN <key>",
        "    Show the lengths of the string `key` and its value, and the memory they take.",
        "SEGFAULT",
        "    Crash the server with sigsegv.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 disables expiring keys in background when they are not",
        "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
        "    default.",
        "SLEEP <seconds>",
        "    Stop the thread that serves this connection for <seconds>. Decimals allowed.",
        NULL,
    };
    reply_help(c->reply, "DEBUG", lines);
}

static const struct {
    const char *name;
    unsigned args_min, args_max; /* with DEBUG and the name */
    void (*run)(struct call *c);
} actions[] = {
    {"help", 2, 2, debug_help},
    {"assert", 2, 2, debug_assert},
    {"change-repl-id", 2, 2, debug_change_repl_id},
    {"error", 3, 3, debug_error},
    {"file-fault", 3, 5, debug_file_fault},
    {"htstats", 3, 3, debug_htstats},
    {"log", 3, 3, debug_log},
    {"panic", 2, 2, debug_panic},
    {"populate", 3, 5, debug_populate},
    {"protocol", 3, 3, debug_protocol},
    {"quicklist-packed-threshold", 3, 3, debug_quicklist_packed_threshold},
    {"segfault", 2, 2, debug_segfault},
    {"set-active-expire", 3, 3, debug_set_active_expire},
    {"sleep", 3, 3, debug_sleep},
};

static void cmd_debug(struct call *c) {
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!call_is(c, 1, actions[i].name)) continue;
        if (c->argc < actions[i].args_min || c->argc > actions[i].args_max) break;
        actions[i].run(c);
        return;
    }
    debug_reply_syntax(c);
}

static struct command variants[] = {
    {.name = "object", .keys = {KEYS_AT(2, 0, 1, KEY_RO)}, .handler = debug_object},
    {.name = "hold", .keys = {KEYS_AT(2, 0, 1, KEY_RO)}, .handler = debug_hold},
    {.name = "htstats-key", .keys = {KEYS_AT(2, 0, 1, KEY_RO)}, .handler = debug_htstats_key},
    {.name = "listpack", .keys = {KEYS_AT(2, 0, 1, KEY_RO)}, .handler = debug_listpack},
    {.name = "quicklist", .keys = {KEYS_AT(2, 0, 1, KEY_RO)}, .handler = debug_quicklist},
    {.name = "sdslen", .keys = {KEYS_AT(2, 0, 1, KEY_RO)}, .handler = debug_sdslen},
    {.name = "digest", .flags = CMD_ALL_SLICES, .handler = debug_digest},
    {.name = "digest-value", .keys = {KEYS_AT(2, -1, 1, KEY_RO)}, .handler = debug_digest_value},
    {0},
};

struct command debug_commands[] = {
    {.name = "debug",
     .arity = -2,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_PROTECTED | CMD_VISITS,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_debug,
     .variants = variants,
     .group = "server",
     .summary = "A container for debugging commands",
     .since = "1.0.0",
     .complexity = "Depends on subcommand."},
    {0},
};
