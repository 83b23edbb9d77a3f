/* cmd/list.c: the ends of lists: LPUSH, LPOP, LMOVE, LMPOP and their relatives, and LLEN.
 *
 * Handlers run on the client's thread with the slices of their keys held. A value is replied from where it
 * lies in the list before it is taken out, a large one without a copy (it then belongs to the reply alone).
 * What was deleted and takes time to free goes to the thread's grave.
 *
 * What these commands do at an end is in functions of list.h, because the commands that may wait do the same
 * once there is something to do.
 */
#include "server/cmd/list.h"

#include "server/client.h"
#include "server/cmd/collection.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/propagate.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/store/grave.h"

#include <stdatomic.h>

static _Atomic uint32_t alone_bytes = UINT32_MAX;

void list_set_alone_bytes(uint32_t bytes) {
    atomic_store_explicit(&alone_bytes, bytes, memory_order_relaxed);
}

struct list_limits list_limits_now(void) {
    return list_limits_make(config_get()->list_max_listpack_size,
                            atomic_load_explicit(&alone_bytes, memory_order_relaxed));
}

struct list_value list_argument(const struct call *c, unsigned i) {
    ASSERT(i < c->argc);
    return (struct list_value){
        .data = c->argv[i].data, .len = c->argv[i].len, .blob = c->blobs ? c->blobs[i] : NULL};
}

void list_reply_value(struct reply *r, struct list_value v) {
    if (v.blob)
        reply_bulk_blob(r, v.blob, 0, v.len);
    else if (v.data)
        reply_bulk(r, v.data, v.len);
    else
        reply_bulk_int(r, v.integer);
}

bool list_end_argument(struct call *c, unsigned i, enum list_end *end) {
    bool left = call_is(c, i, "left");
    if (!left && !call_is(c, i, "right")) {
        reply_syntax_error(c->reply);
        return false;
    }
    *end = left ? LIST_HEAD : LIST_TAIL;
    return true;
}

/* ---- pushing ---- */

static void notify_push(struct call *c, enum list_end end, unsigned key) {
    notify(c, NOTIFY_LIST, end == LIST_HEAD ? "lpush" : "rpush", &c->keys[key]);
}

static void push(struct call *c, enum list_end end, bool only_if_there) {
    struct collection col;
    if (!collection_open(c, 0, TYPE_LIST, &col)) return;
    if (UNLIKELY(!col.object && only_if_there)) {
        reply_int(c->reply, 0);
        return;
    }
    struct list_limits limits = list_limits_now();
    struct list *list = col.object ? col.object : list_new(c->argv[2].len);
    for (unsigned i = 2; i < c->argc; i++) list = list_push(list, end, list_argument(c, i), &limits);
    size_t count = list_count(list);
    collection_close(c, &col, list, c->argc - 2);
    reply_int(c->reply, (int64_t)count);
    notify_push(c, end, 0);
}

static void cmd_lpush(struct call *c) {
    push(c, LIST_HEAD, false);
}

static void cmd_rpush(struct call *c) {
    push(c, LIST_TAIL, false);
}

static void cmd_lpushx(struct call *c) {
    push(c, LIST_HEAD, true);
}

static void cmd_rpushx(struct call *c) {
    push(c, LIST_TAIL, true);
}

/* ---- popping ---- */

/* Ends a change that took `count` elements from an end. */
static void close_popped(struct call *c, struct collection *col, struct list *list, enum list_end end,
                         uint64_t count) {
    const struct key *key = &c->keys[col->key];
    bool emptied = collection_close(c, col, list, count);
    notify(c, NOTIFY_LIST, end == LIST_HEAD ? "lpop" : "rpop", key);
    if (emptied) notify(c, NOTIFY_GENERIC, "del", key);
}

static void pop_one(struct call *c, struct collection *col, enum list_end end) {
    list_reply_value(c->reply, list_peek(col->object, end));
    close_popped(c, col, list_drop(col->object, end), end, 1);
}

/* From the head on, in the order of the list; from the tail, backwards. */
static void reply_from(struct reply *r, const struct list *list, enum list_end end, size_t count) {
    struct list_cursor at;
    bool more = list_seek(list, end == LIST_HEAD ? 0 : list_count(list) - 1, &at);
    reply_array(r, count);
    for (; more && count > 0; count--) {
        list_reply_value(r, list_get(&at));
        more = end == LIST_HEAD ? list_next(&at) : list_prev(&at);
    }
    ASSERT(count == 0);
}

static uint64_t pop_range(struct call *c, struct collection *col, enum list_end end, uint64_t count) {
    struct list *list = col->object, *rest;
    size_t there = list_count(list);
    ASSERT(count > 0 && there > 0);
    if (count > there) count = there;
    reply_from(c->reply, list, end, count);
    list = list_delete(list, end == LIST_HEAD ? 0 : there - count, count, &rest);
    close_popped(c, col, list, end, count);
    if (rest) grave_free(c->visit.thread, TYPE_LIST, rest);
    return count;
}

/* A list that is known to be there. */
static void open_list(struct call *c, unsigned key, struct collection *col) {
    bool is_list = collection_open(c, key, TYPE_LIST, col);
    ASSERT(is_list && col->object);
}

void list_pop(struct call *c, unsigned key, enum list_end end) {
    struct collection col;
    open_list(c, key, &col);
    pop_one(c, &col, end);
}

static void reply_key(struct call *c, unsigned key) {
    reply_array(c->reply, 2);
    reply_bulk(c->reply, c->keys[key].data, c->keys[key].len);
}

static const char *pop_name(enum list_end end) {
    return end == LIST_HEAD ? "LPOP" : "RPOP";
}

void list_pop_with_key(struct call *c, unsigned key, enum list_end end) {
    reply_key(c, key);
    list_pop(c, key, end);
    propagate_on_key(c, pop_name(end), key);
}

uint64_t list_pop_range(struct call *c, unsigned key, enum list_end end, uint64_t count) {
    struct collection col;
    open_list(c, key, &col);
    return pop_range(c, &col, end, count);
}

void list_pop_range_with_key(struct call *c, unsigned key, enum list_end end, uint64_t count) {
    reply_key(c, key);
    uint64_t popped = list_pop_range(c, key, end, count);
    propagate_on_key_number(c, pop_name(end), key, (int64_t)popped);
}

/* LPOP key [count] */
static void pop(struct call *c, enum list_end end) {
    struct collection col;
    int64_t count = 0;
    bool counted = c->argc == 3;
    static const char *const negative = "ERR value is out of range, must be positive";
    if (UNLIKELY(c->argc > 3)) {
        reply_errorf(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
        return;
    }
    if (counted && !call_int(c, 2, &count, negative)) return;
    if (counted && count < 0) {
        reply_error(c->reply, negative);
        return;
    }
    if (!collection_open(c, 0, TYPE_LIST, &col)) return;
    if (!col.object && counted)
        reply_null_array(c->reply);
    else if (!col.object)
        reply_null(c->reply);
    else if (!counted)
        pop_one(c, &col, end);
    else if (count == 0)
        reply_array(c->reply, 0);
    else
        pop_range(c, &col, end, (uint64_t)count);
}

static void cmd_lpop(struct call *c) {
    pop(c, LIST_HEAD);
}

static void cmd_rpop(struct call *c) {
    pop(c, LIST_TAIL);
}

static void cmd_llen(struct call *c) {
    const void *list;
    if (!collection_read(c, 0, TYPE_LIST, &list)) return;
    reply_int(c->reply, list ? (int64_t)list_count(list) : 0);
}

/* ---- moving ---- */

static bool is_same_key(const struct call *c, unsigned a, unsigned b) {
    return c->keys[a].len == c->keys[b].len && memcmp(c->keys[a].data, c->keys[b].data, c->keys[a].len) == 0;
}

/* Within one list. The value must not be pushed from where it lies. */
static void rotate(struct call *c, struct collection *col, const struct list_move *move) {
    struct list_limits limits = list_limits_now();
    struct list *list = col->object;
    struct list_value v = list_peek(list, move->from);
    char *copy = NULL;
    if (v.blob)
        blob_ref(v.blob);
    else if (v.data)
        v.data = copy = mem_dup(v.data, v.len);
    list = list_push(list_drop(list, move->from), move->to, v, &limits);
    ASSERT(list_count(list) > 0);
    collection_close(c, col, list, 1);
    notify_push(c, move->to, move->target);
    list_reply_value(c->reply, v);
    notify(c, NOTIFY_LIST, move->from == LIST_HEAD ? "lpop" : "rpop", &c->keys[move->source]);
    if (v.blob) blob_unref(v.blob);
    mem_free(copy);
}

/* The source's part of a move between lists, which is not counted: both together are one change. */
static void drop_moved(struct call *c, const struct list_move *move) {
    const struct key *key = &c->keys[move->source];
    struct collection col;
    open_list(c, move->source, &col);
    struct list *list = list_drop(col.object, move->from);
    keyspace_changed(&c->visit, key, col.at, col.change, list);
    notify(c, NOTIFY_LIST, move->from == LIST_HEAD ? "lpop" : "rpop", key);
    if (list_count(list) > 0) return;
    keyspace_delete(&c->visit, key, col.at);
    notify(c, NOTIFY_GENERIC, "del", key);
}

/* From a list into another. That may move the entry of the first, which is why that is opened anew. */
static void move_between(struct call *c, const struct list *from, struct collection *to,
                         const struct list_move *move) {
    struct list_limits limits = list_limits_now();
    struct list_value v = list_peek(from, move->from);
    struct list *list = to->object ? to->object : list_new(v.len);
    collection_close(c, to, list_push(list, move->to, v, &limits), 1);
    notify_push(c, move->to, move->target);
    list_reply_value(c->reply, v);
    drop_moved(c, move);
}

void list_move(struct call *c, const struct list_move *move) {
    struct collection from, to;
    if (!collection_open(c, move->source, TYPE_LIST, &from)) return;
    if (!from.object)
        reply_null(c->reply);
    else if (is_same_key(c, move->source, move->target))
        rotate(c, &from, move);
    else if (collection_open(c, move->target, TYPE_LIST, &to))
        move_between(c, from.object, &to, move);
}

static void cmd_lmove(struct call *c) {
    struct list_move move = {.source = 0, .target = 1};
    if (list_end_argument(c, 3, &move.from) && list_end_argument(c, 4, &move.to)) list_move(c, &move);
}

static void cmd_rpoplpush(struct call *c) {
    list_move(c, &(struct list_move){.source = 0, .target = 1, .from = LIST_TAIL, .to = LIST_HEAD});
}

/* ---- popping from the first of several ---- */

int list_find_first(struct call *c, unsigned count) {
    ASSERT(count <= c->key_count);
    for (unsigned i = 0; i < count; i++) {
        struct entry **at = call_write(c, i);
        if (!at) continue;
        if (entry_type(*at) == TYPE_LIST) return (int)i;
        reply_wrong_type(c->reply);
        return LIST_WRONG_TYPE;
    }
    return LIST_NOWHERE;
}

/* Argument i as a number above 0; otherwise replies `error`. */
static bool positive_argument(struct call *c, unsigned i, int64_t *n, const char *error) {
    if (!call_int(c, i, n, error)) return false;
    if (*n > 0) return true;
    reply_error(c->reply, error);
    return false;
}

bool list_mpop_arguments(struct call *c, unsigned at, struct list_mpop *mpop) {
    int64_t keys, count = 1;
    if (!positive_argument(c, at, &keys, "ERR numkeys should be greater than 0")) return false;
    if (keys >= c->argc || at + 1 + (unsigned)keys >= c->argc) {
        reply_syntax_error(c->reply);
        return false;
    }
    unsigned i = at + 1 + (unsigned)keys;
    if (!list_end_argument(c, i, &mpop->end)) return false;
    bool counted = false;
    for (i++; i < c->argc; i++) {
        if (counted || !call_is(c, i, "COUNT") || i + 1 >= c->argc) {
            reply_syntax_error(c->reply);
            return false;
        }
        if (!positive_argument(c, ++i, &count, "ERR count should be greater than 0")) return false;
        counted = true;
    }
    mpop->key_count = (unsigned)keys;
    mpop->count = (uint64_t)count;
    return true;
}

static void cmd_lmpop(struct call *c) {
    struct list_mpop mpop;
    if (!list_mpop_arguments(c, 1, &mpop)) return;
    int i = list_find_first(c, mpop.key_count);
    if (i >= 0)
        list_pop_range_with_key(c, (unsigned)i, mpop.end, mpop.count);
    else if (i == LIST_NOWHERE)
        reply_null_array(c->reply);
}

/* ---- the commands ---- */

struct command list_commands[] = {
    {.name = "lpush",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_lpush,
     .group = "list",
     .since = "1.0.0",
     .summary = "Prepend one or multiple elements to a list",
     .complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with "
                   "multiple arguments."},
    {.name = "rpush",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_rpush,
     .group = "list",
     .since = "1.0.0",
     .summary = "Append one or multiple elements to a list",
     .complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with "
                   "multiple arguments."},
    {.name = "lpushx",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_lpushx,
     .group = "list",
     .since = "2.2.0",
     .summary = "Prepend an element to a list, only if the list exists",
     .complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with "
                   "multiple arguments."},
    {.name = "rpushx",
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .categories = ACL_WRITE | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_rpushx,
     .group = "list",
     .since = "2.2.0",
     .summary = "Append an element to a list, only if the list exists",
     .complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with "
                   "multiple arguments."},
    {.name = "lpop",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_lpop,
     .group = "list",
     .since = "1.0.0",
     .summary = "Remove and get the first elements in a list",
     .complexity = "O(N) where N is the number of elements returned"},
    {.name = "rpop",
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .categories = ACL_WRITE | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .handler = cmd_rpop,
     .group = "list",
     .since = "1.0.0",
     .summary = "Remove and get the last elements in a list",
     .complexity = "O(N) where N is the number of elements returned"},
    {.name = "llen",
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_LIST | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO)},
     .handler = cmd_llen,
     .group = "list",
     .since = "1.0.0",
     .summary = "Get the length of a list",
     .complexity = "O(1)"},
    {.name = "lmove",
     .arity = 5,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE), KEYS_AT(2, 0, 1, KEY_RW | KEY_INSERT)},
     .handler = cmd_lmove,
     .group = "list",
     .since = "6.2.0",
     .summary = "Pop an element from a list, push it to another list and return it",
     .complexity = "O(1)"},
    {.name = "rpoplpush",
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE), KEYS_AT(2, 0, 1, KEY_RW | KEY_INSERT)},
     .handler = cmd_rpoplpush,
     .group = "list",
     .since = "1.2.0",
     .summary = "Remove the last element in a list, prepend it to another list and return it",
     .complexity = "O(1)"},
    {.name = "lmpop",
     .arity = -4,
     .flags = CMD_WRITE | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
               .begin = BEGIN_INDEX,
               .index = 1,
               .find = FIND_KEYNUM,
               .keynum_index = 0,
               .first_key = 1,
               .step = 1}},
     .handler = cmd_lmpop,
     .group = "list",
     .since = "7.0.0",
     .summary = "Pop elements from a list",
     .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned."},
    {0},
};
