/* cmd/config.c: CONFIG GET, SET, REWRITE, RESETSTAT, HELP.
 *
 * None of them has keys, so none runs under a hold of its own: SET may make short system calls (a listener's
 * socket, a change of directory) and REWRITE may wait for the disk. Inside a transaction slices may be held:
 * SET's calls are short enough for that, REWRITE refuses (config_rewrite checks).
 *
 * GET answers each option once, whatever number of patterns it matches: an exact name as it was typed, a
 * pattern's matches under their own names. An alias is a name like any other.
 */
#include "server/call.h"
#include "server/client.h"
#include "server/config_load.h"
#include "server/config_option.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <string.h>

/* ---- GET ---- */

struct found {
    const struct option *option;
    const char *name; /* not terminated: it may be an argument */
    size_t len;
};

struct found_list {
    struct found *items; /* room for every name there is */
    unsigned count;
};

static void add_found(struct found_list *list, const struct option *o, const char *name, size_t len) {
    for (unsigned i = 0; i < list->count; i++) {
        if (text_casecmp(list->items[i].name, list->items[i].len, name, len) == 0) return;
    }
    ASSERT(list->count < 2 * option_count);
    list->items[list->count++] = (struct found){o, name, len};
}

static void find_matching(struct found_list *list, const struct arg *pattern) {
    bool is_pattern = memchr(pattern->data, '*', pattern->len) || memchr(pattern->data, '?', pattern->len) ||
                      memchr(pattern->data, '[', pattern->len);
    if (!is_pattern) {
        const struct option *o = option_find(pattern->data, pattern->len);
        if (o) add_found(list, o, pattern->data, pattern->len);
        return;
    }
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        const char *names[] = {o->name, o->alias};
        for (unsigned n = 0; n < 2 && names[n]; n++) {
            size_t len = strlen(names[n]);
            if (text_glob(pattern->data, pattern->len, names[n], len, true))
                add_found(list, o, names[n], len);
        }
    }
}

static void cmd_config_get(struct call *c) {
    const struct config *config = config_get();
    struct found_list list = {.items = mem_alloc(2 * option_count * sizeof *list.items)};
    struct buf value = {0};
    for (unsigned i = 2; i < c->argc; i++) find_matching(&list, &c->argv[i]);
    reply_map(c->reply, list.count);
    for (unsigned i = 0; i < list.count; i++) {
        buf_clear(&value);
        option_print(list.items[i].option, config, &value);
        reply_bulk(c->reply, list.items[i].name, list.items[i].len);
        reply_bulk(c->reply, value.len ? value.data : "", value.len);
    }
    buf_free(&value);
    mem_free(list.items);
}

/* ---- SET ---- */

static bool is_local(struct client *client) {
    return client_has(client, CLIENT_UNIX_SOCKET) || strncmp(client->peer, "127.", 4) == 0 ||
           strncmp(client->peer, "[::1]", 5) == 0;
}

static void cmd_config_set(struct call *c) {
    ASSERT(c->argc >= 4);
    if (c->argc % 2 != 0) {
        reply_syntax_error(c->reply);
        return;
    }
    unsigned count = (c->argc - 2) / 2;
    struct config_setting *settings = mem_alloc(count * sizeof *settings);
    for (unsigned i = 0; i < count; i++) {
        const struct arg *name = &c->argv[2 + 2 * i], *value = name + 1;
        settings[i] = (struct config_setting){name->data, value->data, name->len, value->len};
    }
    struct config_change change = {settings, count, is_local(c->client)};
    struct buf error = {0};
    if (config_set(&change, &error))
        reply_ok(c->reply);
    else
        reply_error(c->reply, error.data);
    buf_free(&error);
    mem_free(settings);
}

/* ---- the others ---- */

static void cmd_config_rewrite(struct call *c) {
    struct buf error = {0};
    if (config_rewrite(&error)) {
        log_notice("CONFIG REWRITE executed with success.");
        reply_ok(c->reply);
    } else {
        log_warning("CONFIG REWRITE failed: %s", error.data);
        reply_error(c->reply, error.data);
    }
    buf_free(&error);
}

void (*config_reset_statistics)(void);

static void cmd_config_resetstat(struct call *c) {
    if (config_reset_statistics) config_reset_statistics();
    reply_ok(c->reply);
}

static void cmd_config_help(struct call *c) {
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        NULL};
    reply_help(c->reply, "CONFIG", lines);
}

enum {
    CONFIG_FLAGS = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    CONFIG_CATEGORIES = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
};

static const char *const set_tips[] = {"request_policy:all_nodes", "response_policy:all_succeeded", NULL};

static struct command subcommands[] = {
    {.name = "get",
     .arity = -3,
     .flags = CONFIG_FLAGS,
     .categories = CONFIG_CATEGORIES,
     .handler = cmd_config_get,
     .group = "server",
     .summary = "Get the values of configuration parameters",
     .since = "2.0.0",
     .complexity = "O(N) when N is the number of configuration parameters provided"},
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW,
     .handler = cmd_config_help,
     .group = "server",
     .summary = "Show helpful text about the different subcommands",
     .since = "5.0.0",
     .complexity = "O(1)"},
    {.name = "resetstat",
     .arity = 2,
     .flags = CONFIG_FLAGS,
     .categories = CONFIG_CATEGORIES,
     .handler = cmd_config_resetstat,
     .group = "server",
     .summary = "Reset the stats returned by INFO",
     .since = "2.0.0",
     .complexity = "O(1)"},
    {.name = "rewrite",
     .arity = 2,
     .flags = CONFIG_FLAGS,
     .categories = CONFIG_CATEGORIES,
     .handler = cmd_config_rewrite,
     .group = "server",
     .summary = "Rewrite the configuration file with the in memory configuration",
     .since = "2.8.0",
     .complexity = "O(1)"},
    {.name = "set",
     .arity = -4,
     .flags = CONFIG_FLAGS,
     .categories = CONFIG_CATEGORIES,
     .handler = cmd_config_set,
     .group = "server",
     .summary = "Set configuration parameters to the given values",
     .since = "2.0.0",
     .complexity = "O(N) when N is the number of configuration parameters provided",
     .tips = set_tips},
    {0},
};

struct command config_commands[] = {
    {.name = "config",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = subcommands,
     .group = "server",
     .summary = "A container for server configuration commands",
     .since = "2.0.0",
     .complexity = "Depends on subcommand."},
    {0},
};
