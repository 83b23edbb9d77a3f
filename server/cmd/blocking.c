/* blocking.c: commands that wait for a list to hold something: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP.
 *
 * Each looks at its keys under their holds and does at once what there is to do, by the functions of its family (list.h).
 * Where there is nothing it leaves a waiter (blocked.h), whose `serve` function does the same for one key later, on the
 * thread and under the holds of whoever has made that key. Within EXEC nothing waits: the reply is that of a time-out.
 */
#include "server/blocked.h"
#include "server/cmd/list.h"
#include "server/command.h"
#include "server/propagate.h"
#include "shard/base/assert.h"

/* ---- BLPOP, BRPOP ---- */

static void serve_blpop(struct call *c, unsigned i) {
    list_pop_with_key(c, i, LIST_HEAD);
}

static void serve_brpop(struct call *c, unsigned i) {
    list_pop_with_key(c, i, LIST_TAIL);
}

static void pop_or_wait(struct call *c, void (*serve)(struct call *c, unsigned i)) {
    struct blocking b = {.keys = c->key_count, .type = TYPE_LIST, .serve = serve};
    if (!blocked_timeout(c, c->argc - 1, &b.timeout_ms)) return;
    int found = list_find_first(c, c->key_count);
    if (found >= 0)
        serve(c, (unsigned)found);
    else if (found == LIST_NOWHERE && c->in_exec)
        reply_null_array(c->reply);
    else if (found == LIST_NOWHERE)
        blocked_wait(c, &b);
}

static void cmd_blpop(struct call *c) {
    pop_or_wait(c, serve_blpop);
}

static void cmd_brpop(struct call *c) {
    pop_or_wait(c, serve_brpop);
}

/* ---- BLMOVE, BRPOPLPUSH ---- */

enum { SOURCE, TARGET }; /* of the call's keys */

/* Moves, and says so in words that do not wait. */
static void move_blmove(struct call *c, const struct list_move *move) {
    list_move(c, move);
    if (!c->dirty) return;
    propagate_command(c, "LMOVE", 5);
    propagate_key(c, SOURCE);
    propagate_key(c, TARGET);
    if (c->client) {
        propagate_argument(c, 3);
        propagate_argument(c, 4);
    } else { /* it had to wait: the words of Redis then */
        propagate_text(c, move->from == LIST_HEAD ? "left" : "right");
        propagate_text(c, move->to == LIST_HEAD ? "left" : "right");
    }
}

static void move_brpoplpush(struct call *c, const struct list_move *move) {
    list_move(c, move);
    if (!c->dirty) return;
    propagate_command(c, "RPOPLPUSH", 3);
    propagate_key(c, SOURCE);
    propagate_key(c, TARGET);
}

static void move_or_wait(struct call *c, const struct list_move *move, struct blocking *b,
                         void (*move_now)(struct call *c, const struct list_move *move)) {
    int found = list_find_first(c, 1);
    b->keys = 1;
    b->moves = true;
    b->type = TYPE_LIST;
    if (found >= 0)
        move_now(c, move);
    else if (found == LIST_NOWHERE && c->in_exec)
        reply_null(c->reply);
    else if (found == LIST_NOWHERE)
        blocked_wait(c, b);
}

static bool blmove_arguments(struct call *c, struct list_move *move) {
    *move = (struct list_move){.source = SOURCE, .target = TARGET};
    return list_end_argument(c, 3, &move->from) && list_end_argument(c, 4, &move->to);
}

static void serve_blmove(struct call *c, unsigned i) {
    struct list_move move;
    bool understood = blmove_arguments(c, &move);
    ASSERT(understood && i == SOURCE);
    move_blmove(c, &move);
}

static void cmd_blmove(struct call *c) {
    struct list_move move;
    struct blocking b = {.serve = serve_blmove};
    if (!blmove_arguments(c, &move) || !blocked_timeout(c, 5, &b.timeout_ms)) return;
    move_or_wait(c, &move, &b, move_blmove);
}

static const struct list_move brpoplpush_move = {SOURCE, TARGET, LIST_TAIL, LIST_HEAD};

static void serve_brpoplpush(struct call *c, unsigned i) {
    ASSERT(i == SOURCE);
    move_brpoplpush(c, &brpoplpush_move);
}

static void cmd_brpoplpush(struct call *c) {
    struct blocking b = {.serve = serve_brpoplpush};
    if (!blocked_timeout(c, 3, &b.timeout_ms)) return;
    move_or_wait(c, &brpoplpush_move, &b, move_brpoplpush);
}

/* ---- BLMPOP ---- */

enum { MPOP_NUMKEYS = 2 }; /* its argument */

static void serve_blmpop(struct call *c, unsigned i) {
    struct list_mpop mpop;
    bool understood = list_mpop_arguments(c, MPOP_NUMKEYS, &mpop);
    ASSERT(understood);
    list_pop_range_with_key(c, i, mpop.end, mpop.count);
}

static void cmd_blmpop(struct call *c) {
    struct blocking b = {.type = TYPE_LIST, .serve = serve_blmpop};
    struct list_mpop mpop;
    if (!blocked_timeout(c, 1, &b.timeout_ms) || !list_mpop_arguments(c, MPOP_NUMKEYS, &mpop)) return;
    int found = list_find_first(c, mpop.key_count);
    b.keys = mpop.key_count;
    if (found >= 0)
        list_pop_range_with_key(c, (unsigned)found, mpop.end, mpop.count);
    else if (found == LIST_NOWHERE && c->in_exec)
        reply_null_array(c->reply);
    else if (found == LIST_NOWHERE)
        blocked_wait(c, &b);
}

/* ---- the commands ---- */

enum {
    BLOCKING_FLAGS = CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING,
    LIST_CATEGORIES = ACL_WRITE | ACL_LIST | ACL_SLOW | ACL_BLOCKING,
    TAKEN = KEY_RW | KEY_ACCESS | KEY_DELETE,
};

struct command blocking_commands[] = {
    {.name = "blpop",
     .arity = -3,
     .flags = BLOCKING_FLAGS,
     .categories = LIST_CATEGORIES,
     .keys = {KEYS_AT(1, -2, 1, TAKEN)},
     .handler = cmd_blpop,
     .group = "list",
     .since = "2.0.0",
     .summary = "Remove and get the first element in a list, or block until one is available",
     .complexity = "O(N) where N is the number of provided keys."},
    {.name = "brpop",
     .arity = -3,
     .flags = BLOCKING_FLAGS,
     .categories = LIST_CATEGORIES,
     .keys = {KEYS_AT(1, -2, 1, TAKEN)},
     .handler = cmd_brpop,
     .group = "list",
     .since = "2.0.0",
     .summary = "Remove and get the last element in a list, or block until one is available",
     .complexity = "O(N) where N is the number of provided keys."},
    {.name = "blmove",
     .arity = 6,
     .flags = BLOCKING_FLAGS | CMD_DENYOOM,
     .categories = LIST_CATEGORIES,
     .keys = {KEYS_FIRST(TAKEN), KEYS_AT(2, 0, 1, KEY_RW | KEY_INSERT)},
     .handler = cmd_blmove,
     .group = "list",
     .since = "6.2.0",
     .summary = "Pop an element from a list, push it to another list and return it; or block until one "
                "is available",
     .complexity = "O(1)"},
    {.name = "brpoplpush",
     .arity = 4,
     .flags = BLOCKING_FLAGS | CMD_DENYOOM,
     .categories = LIST_CATEGORIES,
     .keys = {KEYS_FIRST(TAKEN), KEYS_AT(2, 0, 1, KEY_RW | KEY_INSERT)},
     .handler = cmd_brpoplpush,
     .group = "list",
     .since = "2.2.0",
     .summary = "Pop an element from a list, push it to another list and return it; or block until one "
                "is available",
     .complexity = "O(1)"},
    {.name = "blmpop",
     .arity = -5,
     .flags = CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS,
     .categories = LIST_CATEGORIES,
     .keys = {{.flags = TAKEN,
               .begin = BEGIN_INDEX,
               .index = MPOP_NUMKEYS,
               .find = FIND_KEYNUM,
               .first_key = 1,
               .step = 1}},
     .handler = cmd_blmpop,
     .group = "list",
     .since = "7.0.0",
     .summary = "Pop elements from a list, or block until one is available",
     .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned."},
    {0},
};
