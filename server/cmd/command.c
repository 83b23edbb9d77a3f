/* command.c: COMMAND: what the server can do, told to clients: from the tables of command.h and docs.h
 * alone. No keys, no holds. */
#include "server/command.h"
#include "server/call.h"
#include "server/command_keys.h"
#include "server/docs.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <string.h>

struct named_bit {
    uint32_t bit;
    const char *name;
};

static const struct named_bit flag_names[] = {
    {CMD_WRITE, "write"},
    {CMD_READONLY, "readonly"},
    {CMD_DENYOOM, "denyoom"},
    {CMD_ADMIN, "admin"},
    {CMD_PUBSUB, "pubsub"},
    {CMD_NOSCRIPT, "noscript"},
    {CMD_BLOCKING, "blocking"},
    {CMD_LOADING, "loading"},
    {CMD_STALE, "stale"},
    {CMD_SKIP_MONITOR, "skip_monitor"},
    {CMD_SKIP_SLOWLOG, "skip_slowlog"},
    {CMD_ASKING, "asking"},
    {CMD_FAST, "fast"},
    {CMD_NO_AUTH, "no_auth"},
    {CMD_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {CMD_NO_ASYNC_LOADING, "no_async_loading"},
    {CMD_NO_MULTI, "no_multi"},
    {CMD_MOVABLE_KEYS, "movablekeys"},
    {CMD_ALLOW_BUSY, "allow_busy"},
    {0, NULL},
};

static const struct named_bit category_names[] = {
    {ACL_KEYSPACE, "@keyspace"},
    {ACL_READ, "@read"},
    {ACL_WRITE, "@write"},
    {ACL_SET, "@set"},
    {ACL_SORTEDSET, "@sortedset"},
    {ACL_LIST, "@list"},
    {ACL_HASH, "@hash"},
    {ACL_STRING, "@string"},
    {ACL_BITMAP, "@bitmap"},
    {ACL_HYPERLOGLOG, "@hyperloglog"},
    {ACL_GEO, "@geo"},
    {ACL_STREAM, "@stream"},
    {ACL_PUBSUB, "@pubsub"},
    {ACL_ADMIN, "@admin"},
    {ACL_FAST, "@fast"},
    {ACL_SLOW, "@slow"},
    {ACL_BLOCKING, "@blocking"},
    {ACL_DANGEROUS, "@dangerous"},
    {ACL_CONNECTION, "@connection"},
    {ACL_TRANSACTION, "@transaction"},
    {ACL_SCRIPTING, "@scripting"},
    {0, NULL},
};

static const struct named_bit key_flag_names[] = {
    {KEY_RO, "RO"},
    {KEY_RW, "RW"},
    {KEY_OW, "OW"},
    {KEY_RM, "RM"},
    {KEY_ACCESS, "access"},
    {KEY_UPDATE, "update"},
    {KEY_INSERT, "insert"},
    {KEY_DELETE, "delete"},
    {KEY_NOT_KEY, "not_key"},
    {KEY_INCOMPLETE, "incomplete"},
    {KEY_VARIABLE_FLAGS, "variable_flags"},
    {0, NULL},
};

static void reply_bits(struct reply *r, uint32_t bits, const struct named_bit *names) {
    size_t n = 0;
    for (const struct named_bit *b = names; b->name; b++) n += (bits & b->bit) != 0;
    reply_set(r, n);
    for (const struct named_bit *b = names; b->name; b++)
        if (bits & b->bit) reply_simple(r, b->name);
}

static void reply_pair_text(struct reply *r, const char *name, const char *value) {
    reply_bulk_text(r, name);
    reply_bulk_text(r, value);
}

static void reply_pair_int(struct reply *r, const char *name, int value) {
    reply_bulk_text(r, name);
    reply_int(r, value);
}

static void reply_begin_search(struct reply *r, const struct key_spec *spec) {
    reply_bulk_text(r, "begin_search");
    reply_map(r, 2);
    reply_pair_text(r, "type",
                    spec->begin == BEGIN_INDEX     ? "index"
                    : spec->begin == BEGIN_KEYWORD ? "keyword"
                                                   : "unknown");
    reply_bulk_text(r, "spec");
    if (spec->begin == BEGIN_INDEX) {
        reply_map(r, 1);
        reply_pair_int(r, "index", spec->index);
    } else if (spec->begin == BEGIN_KEYWORD) {
        reply_map(r, 2);
        reply_pair_text(r, "keyword", spec->keyword);
        reply_pair_int(r, "startfrom", spec->index);
    } else {
        reply_map(r, 0);
    }
}

static void reply_find_keys(struct reply *r, const struct key_spec *spec) {
    reply_bulk_text(r, "find_keys");
    reply_map(r, 2);
    reply_pair_text(r, "type",
                    spec->find == FIND_RANGE    ? "range"
                    : spec->find == FIND_KEYNUM ? "keynum"
                                                : "unknown");
    reply_bulk_text(r, "spec");
    if (spec->find == FIND_RANGE) {
        reply_map(r, 3);
        reply_pair_int(r, "lastkey", spec->last);
        reply_pair_int(r, "keystep", spec->step);
        reply_pair_int(r, "limit", spec->limit);
    } else if (spec->find == FIND_KEYNUM) {
        reply_map(r, 3);
        reply_pair_int(r, "keynumidx", spec->keynum_index);
        reply_pair_int(r, "firstkey", spec->first_key);
        reply_pair_int(r, "keystep", spec->step);
    } else {
        reply_map(r, 0);
    }
}

static void reply_key_specs(struct reply *r, const struct command *cmd) {
    unsigned n = 0;
    while (n < KEY_SPECS_MAX && cmd->keys[n].flags) n++;
    reply_set(r, n);
    for (unsigned i = 0; i < n; i++) {
        reply_map(r, 3);
        reply_bulk_text(r, "flags");
        reply_bits(r, cmd->keys[i].flags, key_flag_names);
        reply_begin_search(r, &cmd->keys[i]);
        reply_find_keys(r, &cmd->keys[i]);
    }
}

/* The old way of saying where keys are: one range that spans all specifications of that kind. */
static void reply_key_range(struct reply *r, const struct command *cmd) {
    int first = 0, last = 0, step = 0;
    for (unsigned i = 0; i < KEY_SPECS_MAX && cmd->keys[i].flags; i++) {
        const struct key_spec *spec = &cmd->keys[i];
        if (spec->begin != BEGIN_INDEX || spec->find != FIND_RANGE) continue;
        int end = spec->last >= 0 ? spec->index + spec->last : spec->last;
        if (!first || spec->index < first) first = spec->index;
        if (!last || end < 0 || (last > 0 && end > last)) last = end;
        step = step ? 1 : spec->step;
    }
    reply_int(r, first);
    reply_int(r, last);
    reply_int(r, step);
}

static void reply_tips(struct reply *r, const struct command *cmd) {
    size_t n = 0;
    while (cmd->tips && cmd->tips[n]) n++;
    reply_set(r, n);
    for (size_t i = 0; i < n; i++) reply_bulk_text(r, cmd->tips[i]);
}

static unsigned count_subcommands(const struct command *cmd) {
    unsigned n = 0;
    for (const struct command *sub = cmd->subcommands; sub && sub->name; sub++) n++;
    return n;
}

static void reply_info(struct reply *r, const struct command *cmd) {
    reply_array(r, 10);
    reply_bulk_text(r, cmd->full_name);
    reply_int(r, cmd->arity);
    reply_bits(r, cmd->flags, flag_names);
    reply_key_range(r, cmd);
    reply_bits(r, cmd->categories, category_names);
    reply_tips(r, cmd);
    reply_key_specs(r, cmd);
    reply_set(r, count_subcommands(cmd));
    for (const struct command *sub = cmd->subcommands; sub && sub->name; sub++) reply_info(r, sub);
}

static void reply_history(struct reply *r, const char *const *history) {
    size_t n = 0;
    while (history[n]) n++;
    reply_bulk_text(r, "history");
    reply_set(r, n / 2);
    for (size_t i = 0; i + 1 < n; i += 2) {
        reply_array(r, 2);
        reply_bulk_text(r, history[i]);
        reply_bulk_text(r, history[i + 1]);
    }
}

static void reply_docs(struct reply *r, const struct command *cmd) {
    static const struct docs none = {.name = "", .syntax = ""};
    const struct docs *docs = docs_find(cmd->full_name);
    if (!docs) docs = &none;
    bool arguments = *docs->syntax;
    reply_map(r, 3 + (size_t)(cmd->complexity != NULL) + (docs->flag != NULL) +
                     (docs->deprecated_since != NULL) + (docs->replaced_by != NULL) +
                     (docs->history != NULL) + arguments + (cmd->subcommands != NULL));
    reply_pair_text(r, "summary", cmd->summary ? cmd->summary : "");
    reply_pair_text(r, "since", cmd->since ? cmd->since : "");
    reply_pair_text(r, "group", cmd->group ? cmd->group : "");
    if (cmd->complexity) reply_pair_text(r, "complexity", cmd->complexity);
    if (docs->flag) {
        reply_bulk_text(r, "doc_flags");
        reply_set(r, 1);
        reply_simple(r, docs->flag);
    }
    if (docs->deprecated_since) reply_pair_text(r, "deprecated_since", docs->deprecated_since);
    if (docs->replaced_by) reply_pair_text(r, "replaced_by", docs->replaced_by);
    if (docs->history) reply_history(r, docs->history);
    if (arguments) {
        reply_bulk_text(r, "arguments");
        docs_reply_arguments(r, docs->syntax);
    }
    if (!cmd->subcommands) return;
    reply_bulk_text(r, "subcommands");
    reply_map(r, count_subcommands(cmd));
    for (const struct command *sub = cmd->subcommands; sub->name; sub++) {
        reply_bulk_text(r, sub->full_name);
        reply_docs(r, sub);
    }
}

static void cmd_command(struct call *c) {
    reply_array(c->reply, commands_top_count());
    for (unsigned i = 0; i < commands_top_count(); i++) reply_info(c->reply, commands_top(i));
}

static void cmd_command_count(struct call *c) {
    reply_int(c->reply, commands_top_count());
}

static void cmd_command_info(struct call *c) {
    if (c->argc == 2) {
        cmd_command(c);
        return;
    }
    reply_array(c->reply, c->argc - 2);
    for (unsigned i = 2; i < c->argc; i++) {
        const struct command *cmd = commands_find_full(c->argv[i].data, c->argv[i].len);
        if (cmd)
            reply_info(c->reply, cmd);
        else
            reply_null(c->reply);
    }
}

static void cmd_command_docs(struct call *c) {
    if (c->argc == 2) {
        reply_map(c->reply, commands_top_count());
        for (unsigned i = 0; i < commands_top_count(); i++) {
            reply_bulk_text(c->reply, commands_top(i)->full_name);
            reply_docs(c->reply, commands_top(i));
        }
        return;
    }
    struct reply_mark mark = reply_mark(c->reply);
    size_t found = 0;
    for (unsigned i = 2; i < c->argc; i++) {
        const struct command *cmd = commands_find_full(c->argv[i].data, c->argv[i].len);
        if (!cmd) continue;
        found++;
        reply_bulk_text(c->reply, cmd->full_name);
        reply_docs(c->reply, cmd);
    }
    reply_mark_map(c->reply, mark, found);
}

/* ---- COMMAND LIST ---- */

struct filter {
    enum { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN } by;
    const struct arg *text;
    uint32_t category;
};

static bool passes(const struct filter *f, const struct command *cmd) {
    switch (f->by) {
    case FILTER_NONE: return true;
    case FILTER_MODULE: return false; /* there are no modules */
    case FILTER_CATEGORY: return cmd->categories & f->category;
    case FILTER_PATTERN:
        return text_glob(f->text->data, f->text->len, cmd->full_name, strlen(cmd->full_name), true);
    }
    return false;
}

static uint32_t category_bit(const struct arg *text) {
    for (const struct named_bit *b = category_names; b->name; b++)
        if (text_is(text->data, text->len, b->name + 1)) return b->bit;
    return 0;
}

static void cmd_command_list(struct call *c) {
    struct filter filter = {.by = FILTER_NONE};
    if (c->argc == 5 && call_is(c, 2, "filterby")) {
        filter.text = &c->argv[4];
        if (call_is(c, 3, "module"))
            filter.by = FILTER_MODULE;
        else if (call_is(c, 3, "aclcat"))
            filter.by = FILTER_CATEGORY;
        else if (call_is(c, 3, "pattern"))
            filter.by = FILTER_PATTERN;
        filter.category = category_bit(filter.text);
    }
    if (c->argc != 2 && filter.by == FILTER_NONE) {
        reply_syntax_error(c->reply);
        return;
    }
    struct reply_mark mark = reply_mark(c->reply);
    size_t found = 0;
    for (unsigned i = 0; i < commands_count(); i++) {
        const struct command *cmd = commands_by_id(i);
        /* Without a filter only whole commands are listed, as Redis does. */
        if (filter.by == FILTER_NONE && cmd->parent) continue;
        if (!passes(&filter, cmd)) continue;
        found++;
        reply_bulk_text(c->reply, cmd->full_name);
    }
    reply_mark_array(c->reply, mark, found);
}

/* ---- COMMAND GETKEYS ---- */

/* Finds the keys of the command that begins at argument 2. Returns how many, or 0 with the error written. */
static int inner_keys(struct call *c, unsigned *positions, uint32_t *flags) {
    struct arg *argv = c->argv + 2;
    unsigned argc = c->argc - 2;
    struct command *cmd = commands_find(argv[0].data, argv[0].len);
    if (cmd && cmd->subcommands) cmd = argc > 1 ? commands_find_sub(cmd, argv[1].data, argv[1].len) : NULL;
    if (!cmd) {
        reply_error(c->reply, "ERR Invalid command specified");
        return 0;
    }
    if (!cmd->keys[0].flags || (cmd->keys[0].flags & KEY_NOT_KEY)) {
        reply_error(c->reply, "ERR The command has no key arguments");
        return 0;
    }
    if (cmd->arity > 0 ? argc != (unsigned)cmd->arity : argc < (unsigned)-cmd->arity) {
        reply_error(c->reply, "ERR Invalid number of arguments specified for command");
        return 0;
    }
    int n = command_find_keys(cmd, argv, argc, positions, flags, argc);
    if (n <= 0) reply_error(c->reply, "ERR Invalid arguments specified for command");
    return n < 0 ? 0 : n;
}

static void get_keys(struct call *c, bool with_flags) {
    unsigned *positions = mem_alloc(c->argc * sizeof *positions);
    uint32_t *flags = mem_alloc(c->argc * sizeof *flags);
    int n = inner_keys(c, positions, flags);
    if (n > 0) reply_array(c->reply, (size_t)n);
    for (int i = 0; i < n; i++) {
        const struct arg *key = &c->argv[2 + positions[i]];
        if (with_flags) reply_array(c->reply, 2);
        reply_bulk(c->reply, key->data, key->len);
        if (with_flags) reply_bits(c->reply, flags[i], key_flag_names);
    }
    mem_free(positions);
    mem_free(flags);
}

static void cmd_command_getkeys(struct call *c) {
    get_keys(c, false);
}

static void cmd_command_getkeysandflags(struct call *c) {
    get_keys(c, true);
}

static void cmd_command_help(struct call *c) {
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return how many commands this server has.",
        "LIST [FILTERBY (MODULE|ACLCAT|PATTERN) <text>]",
        "    Return the names of all commands, or of those that the filter lets through.",
        "INFO [<command-name> ...]",
        "    Return details about the named commands, or about all of them.",
        "DOCS [<command-name> ...]",
        "    Return the documentation of the named commands, or of all of them.",
        "GETKEYS <full-command>",
        "    Return the keys of a full command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys of a full command and how it uses each.",
        NULL,
    };
    reply_help(c->reply, "command", lines);
}

static const char *const any_order[] = {"nondeterministic_output_order", NULL};

static struct command subcommands[] = {
    {.name = "docs",
     .arity = -2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_docs,
     .group = "server",
     .since = "7.0.0",
     .summary = "Get the documentation of commands",
     .complexity = "O(N) where N is the number of commands to look up",
     .tips = any_order},
    {.name = "info",
     .arity = -2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_info,
     .group = "server",
     .since = "2.8.13",
     .summary = "Get details about commands",
     .complexity = "O(N) where N is the number of commands to look up",
     .tips = any_order},
    {.name = "list",
     .arity = -2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_list,
     .group = "server",
     .since = "7.0.0",
     .summary = "Get the names of commands",
     .complexity = "O(N) where N is the total number of commands",
     .tips = any_order},
    {.name = "count",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_count,
     .group = "server",
     .since = "2.8.13",
     .summary = "Get the number of commands",
     .complexity = "O(1)"},
    {.name = "getkeys",
     .arity = -4,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_getkeys,
     .group = "server",
     .since = "2.8.13",
     .summary = "Get the keys of a full command",
     .complexity = "O(N) where N is the number of arguments to the command"},
    {.name = "getkeysandflags",
     .arity = -4,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_getkeysandflags,
     .group = "server",
     .since = "7.0.0",
     .summary = "Get the keys of a full command and how each is used",
     .complexity = "O(N) where N is the number of arguments to the command"},
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command_help,
     .group = "server",
     .since = "5.0.0",
     .summary = "Show what COMMAND can do",
     .complexity = "O(1)"},
    {.name = NULL},
};

struct command command_commands[] = {
    {.name = "command",
     .arity = -1,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_command,
     .subcommands = subcommands,
     .group = "server",
     .since = "2.8.13",
     .summary = "Get details about all commands",
     .complexity = "O(N) where N is the total number of commands",
     .tips = any_order},
    {.name = NULL},
};
