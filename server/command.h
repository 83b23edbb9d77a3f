/* command.h: what a command is: one declaration from which dispatch, routing, COMMAND, ACL categories and
 * docs are made.
 *
 * Every family file (server/cmd/<family>.c) ends with a table of struct command and is listed in
 * command_table.c. The tables are complete before threads start and never change afterwards (rename-command
 * edits the lookup, not the tables).
 */
#ifndef GYRE_SERVER_COMMAND_H
#define GYRE_SERVER_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arg;
struct call;

/* The flags that COMMAND INFO shows, under Redis's names, and (from CMD_ALL_SLICES on) our own for
 * routing. */
enum command_flag {
    CMD_WRITE = 1 << 0,
    CMD_READONLY = 1 << 1,
    CMD_DENYOOM = 1 << 2,
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_BLOCKING = 1 << 6,
    CMD_LOADING = 1 << 7,
    CMD_STALE = 1 << 8,
    CMD_SKIP_MONITOR = 1 << 9,
    CMD_SKIP_SLOWLOG = 1 << 10,
    CMD_ASKING = 1 << 11,
    CMD_FAST = 1 << 12,
    CMD_NO_AUTH = 1 << 13,
    CMD_MAY_REPLICATE = 1 << 14, /* replicas may be told of it though it writes nothing; not shown */
    CMD_SENTINEL = 1 << 15,
    CMD_ONLY_SENTINEL = 1 << 16,
    CMD_NO_MANDATORY_KEYS = 1 << 17,
    CMD_PROTECTED = 1 << 18,
    CMD_NO_ASYNC_LOADING = 1 << 19,
    CMD_NO_MULTI = 1 << 20,
    CMD_ALLOW_BUSY = 1 << 21,
    CMD_MOVABLE_KEYS = 1 << 22,
    /* Our own. */
    CMD_ALL_SLICES = 1 << 24, /* runs with every slice held: KEYS, FLUSHALL, SWAPDB */
    CMD_SUBSCRIBER = 1 << 28, /* may be sent by a RESP2 client that has subscriptions */
    CMD_VISITS = 1 << 25, /* takes slices one at a time by itself: SCAN, DBSIZE; within EXEC it gets all */
    CMD_NOT_QUEUED = 1 << 26,  /* runs at once within MULTI */
    CMD_TRANSACTION = 1 << 27, /* EXEC */
    CMD_IN_PLACE = 1 << 29,    /* changes a value where it lies; worked out by commands_init */
};

/* The ACL categories, in the order COMMAND INFO lists them. */
enum command_category {
    ACL_KEYSPACE = 1 << 0,
    ACL_READ = 1 << 1,
    ACL_WRITE = 1 << 2,
    ACL_SET = 1 << 3,
    ACL_SORTEDSET = 1 << 4,
    ACL_LIST = 1 << 5,
    ACL_HASH = 1 << 6,
    ACL_STRING = 1 << 7,
    ACL_BITMAP = 1 << 8,
    ACL_HYPERLOGLOG = 1 << 9,
    ACL_GEO = 1 << 10,
    ACL_STREAM = 1 << 11,
    ACL_PUBSUB = 1 << 12,
    ACL_ADMIN = 1 << 13,
    ACL_FAST = 1 << 14,
    ACL_SLOW = 1 << 15,
    ACL_BLOCKING = 1 << 16,
    ACL_DANGEROUS = 1 << 17,
    ACL_CONNECTION = 1 << 18,
    ACL_TRANSACTION = 1 << 19,
    ACL_SCRIPTING = 1 << 20,
};

/* Flags of a key specification, under the names of COMMAND INFO. */
enum key_flag {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_NOT_KEY = 1 << 8,
    KEY_INCOMPLETE = 1 << 9,
    KEY_VARIABLE_FLAGS = 1 << 10,
};

/* Where keys stand among the arguments: Redis's key specifications (begin_search, find_keys). */
struct key_spec {
    uint32_t flags; /* 0 ends the list */
    enum { BEGIN_INDEX, BEGIN_KEYWORD, BEGIN_UNKNOWN } begin;
    /* BEGIN_INDEX: argument number; BEGIN_KEYWORD: where the search starts (negative: from the end). */
    int index;
    const char *keyword;
    enum { FIND_RANGE, FIND_KEYNUM, FIND_UNKNOWN } find;
    int last, step, limit;       /* FIND_RANGE: relative to the first key; last negative: from the end */
    int keynum_index, first_key; /* FIND_KEYNUM: with step */
};
enum { KEY_SPECS_MAX = 4 };

#define KEYS_AT(i, l, s, f)                                                                                  \
    { .flags = (f), .begin = BEGIN_INDEX, .index = (i), .find = FIND_RANGE, .last = (l), .step = (s) }
#define KEYS_FIRST(f) KEYS_AT(1, 0, 1, f) /* one key, the first argument */
#define KEYS_REST(f) KEYS_AT(1, -1, 1, f) /* all arguments are keys */

struct command {
    const char *name; /* lower case; of a subcommand, its own word */
    int arity;        /* with the name; negative: at least */
    uint32_t flags, categories;
    struct key_spec keys[KEY_SPECS_MAX];
    /* KEY_VARIABLE_FLAGS: how a call with these arguments really uses its keys. */
    uint32_t (*key_flags)(const struct arg *argv, unsigned argc);
    /* The one key that no specification can find (SORT's STORE): its argument, or 0 for none; *flags are its
     * key flags. */
    unsigned (*hidden_key)(const struct arg *argv, unsigned argc, uint32_t *flags);
    /* Whether a call with these arguments looks at keys that no argument names (SORT's BY and GET): it runs
     * with every slice held. */
    bool (*roams)(const struct arg *argv, unsigned argc);
    void (*handler)(struct call *call);
    /* The argument that is looked up within the key's object, for what runs ahead of the command
     * (foresee.h); 0: none. */
    unsigned member;
    struct command *subcommands; /* a container's; ends with name == NULL */
    /* Like subcommands, told apart by the next argument, but only in what they touch: to COMMAND, statistics
     * and access lists they are the one command (DEBUG). Each has keys, a handler and flags of our own; ends
     * with name == NULL. */
    struct command *variants;
    /* Documentation. */
    const char *group, *summary, *since, *complexity;
    const char *const *tips; /* NULL-terminated; arguments and past stand in docs_table.c */
    /* Filled in by commands_init. */
    uint16_t id;
    struct command *parent;
    const char *full_name; /* "config|get" */
};

/* Builds the lookup from the families' tables. Once, before threads start. */
void commands_init(void);
/* rename-command: takes a command's name away, or gives it another ("" disables it). False when there is no
 * such command or the new name is taken. Before threads start. */
bool commands_rename(const char *name, const char *to);

/* By name in any case; NULL when unknown. Subcommands are found through commands_find_sub. */
struct command *commands_find(const char *name, size_t len);
struct command *commands_find_sub(const struct command *container, const char *name, size_t len);
/* The variant of a command that this argument stands for; the command itself where there is none. */
struct command *commands_find_variant(struct command *command, const char *word, size_t len);
/* "get", "config|get"; NULL when unknown. */
struct command *commands_find_full(const char *name, size_t len);
/* All commands, subcommands included, by id from 0 on. */
unsigned commands_count(void);
struct command *commands_by_id(unsigned id);
/* Top-level commands in a fixed order. */
unsigned commands_top_count(void);
struct command *commands_top(unsigned i);
/* The name it is called by now (rename-command). */
const char *commands_current_name(const struct command *command);

#endif
