/* cmd/list_edit.c: lists anywhere but at their ends: LINDEX, LRANGE, LPOS, LSET, LINSERT, LREM, LTRIM.
 *
 * Handlers run on the client's thread with the slice of their key held. A range is replied straight from the
 * list's nodes into the reply. What is only searched or read costs what lies between; what is deleted in
 * large pieces is detached and freed in steps by the thread's grave.
 */
#include "server/cmd/collection.h"
#include "server/cmd/list.h"
#include "server/notify.h"
#include "server/reply_elements.h"
#include "shard/base/assert.h"
#include "shard/store/grave.h"

/* An index that counts from the end where it is negative; false: before the first element. */
static bool from_start(int64_t index, size_t count, int64_t *at) {
    *at = index < 0 ? index + (int64_t)count : index;
    return *at >= 0;
}

/* The part of `count` elements from `start` to `end`, both included. */
struct range {
    size_t start, count;
};

static struct range range_of(int64_t start, int64_t end, size_t count) {
    int64_t first, last;
    if (!from_start(start, count, &first)) first = 0;
    if (!from_start(end, count, &last) || first > last || first >= (int64_t)count) return (struct range){0};
    if (last >= (int64_t)count) last = (int64_t)count - 1;
    return (struct range){(size_t)first, (size_t)(last - first + 1)};
}

/* ---- reading ---- */

static void cmd_lindex(struct call *c) {
    const void *list;
    int64_t index, at;
    struct list_cursor cursor;
    if (!collection_read(c, 0, TYPE_LIST, &list)) return;
    if (!list) {
        reply_null(c->reply);
        return;
    }
    if (!call_int(c, 2, &index, NULL)) return;
    if (from_start(index, list_count(list), &at) && list_seek(list, (size_t)at, &cursor))
        list_reply_value(c->reply, list_get(&cursor));
    else
        reply_null(c->reply);
}

static void reply_range(struct reply *r, const struct list *list, struct range range) {
    struct list_cursor at;
    reply_array(r, range.count);
    if (range.count == 0) return;
    bool more = list_seek(list, range.start, &at);
    for (size_t left = range.count; more && left > 0; more = list_skip(&at)) {
        struct list_run run = list_run(&at);
        size_t count = run.count < left ? run.count : left;
        if (run.at)
            reply_elements(r, run.at, count);
        else
            reply_bulk_blob(r, run.blob, 0, run.blob->len);
        left -= count;
    }
}

static void cmd_lrange(struct call *c) {
    const void *list;
    int64_t start, end;
    if (!call_int(c, 2, &start, NULL) || !call_int(c, 3, &end, NULL)) return;
    if (!collection_read(c, 0, TYPE_LIST, &list)) return;
    if (list)
        reply_range(c->reply, list, range_of(start, end, list_count(list)));
    else
        reply_array(c->reply, 0);
}

/* ---- LPOS ---- */

struct search {
    uint64_t rank;         /* the first match that counts, from 1 on */
    uint64_t max_compared; /* elements looked at; 0: all */
    enum list_end from;
    bool many;      /* COUNT was given: the reply is an array */
    uint64_t count; /* of matches at most; 0: all */
};

/* An argument that is a number from 0 on; otherwise replies `error`. */
static bool natural_argument(struct call *c, unsigned i, uint64_t *n, const char *error) {
    int64_t value;
    if (!call_int(c, i, &value, error)) return false;
    *n = (uint64_t)value;
    if (value >= 0) return true;
    reply_error(c->reply, error);
    return false;
}

static uint64_t magnitude(int64_t n) {
    return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

static bool parse_rank(struct call *c, unsigned i, struct search *s) {
    int64_t n;
    if (!call_int(c, i, &n, NULL)) return false;
    if (n == 0) {
        reply_error(
            c->reply,
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
            "negative to start from the end of the list");
        return false;
    }
    s->from = n < 0 ? LIST_TAIL : LIST_HEAD;
    /* The smallest of all has no opposite: Redis then takes every match (see parse_search). */
    s->rank = n == INT64_MIN ? 0 : magnitude(n);
    return true;
}

static bool parse_search(struct call *c, struct search *s) {
    *s = (struct search){.rank = 1, .count = 1, .from = LIST_HEAD};
    for (unsigned i = 3; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (more && call_is(c, i, "RANK")) {
            if (!parse_rank(c, ++i, s)) return false;
        } else if (more && call_is(c, i, "COUNT")) {
            if (!natural_argument(c, ++i, &s->count, "ERR COUNT can't be negative")) return false;
            s->many = true;
        } else if (more && call_is(c, i, "MAXLEN")) {
            if (!natural_argument(c, ++i, &s->max_compared, "ERR MAXLEN can't be negative")) return false;
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    if (s->rank == 0 && s->many) s->count = 0; /* and never counts enough of them */
    return true;
}

/* Replies the places of what matches; returns how many. */
static size_t reply_matches(struct call *c, const struct list *list, const struct search *s) {
    struct list_needle needle = list_needle(c->argv[2].data, c->argv[2].len);
    size_t there = list_count(list), limit = there, matches = 0, replied = 0;
    struct list_cursor at;
    if (s->max_compared > 0 && s->max_compared < limit) limit = s->max_compared;
    bool more = list_seek(list, s->from == LIST_HEAD ? 0 : there - 1, &at);
    for (size_t i = 0; more && i < limit; i++) {
        if (list_matches(&at, &needle) && ++matches >= s->rank) {
            reply_int(c->reply, (int64_t)(s->from == LIST_HEAD ? i : there - 1 - i));
            replied++;
            if (s->count > 0 && replied >= s->count) break;
        }
        more = s->from == LIST_HEAD ? list_next(&at) : list_prev(&at);
    }
    return replied;
}

static void cmd_lpos(struct call *c) {
    struct search s;
    const void *list;
    if (!parse_search(c, &s) || !collection_read(c, 0, TYPE_LIST, &list)) return;
    if (s.many && list) {
        struct reply_mark mark = reply_mark(c->reply);
        reply_mark_array(c->reply, mark, reply_matches(c, list, &s));
    } else if (s.many) {
        reply_array(c->reply, 0);
    } else if (!list || reply_matches(c, list, &s) == 0) {
        reply_null(c->reply);
    }
}

/* ---- changing ---- */

static void cmd_lset(struct call *c) {
    struct collection col;
    struct list_cursor cursor;
    int64_t index, at;
    if (!collection_open(c, 0, TYPE_LIST, &col)) return;
    if (!col.object) {
        reply_no_such_key(c->reply);
        return;
    }
    if (!call_int(c, 2, &index, NULL)) return;
    if (!from_start(index, list_count(col.object), &at) || !list_seek(col.object, (size_t)at, &cursor)) {
        reply_error(c->reply, "ERR index out of range");
        return;
    }
    struct list_limits limits = list_limits_now();
    collection_close(c, &col, list_replace(col.object, &cursor, list_argument(c, 3), &limits), 1);
    reply_ok(c->reply);
    notify(c, NOTIFY_LIST, "lset", &c->keys[0]);
}

/* The first element that matches. */
static bool find(const struct list *list, const struct arg *pivot, struct list_cursor *at) {
    struct list_needle needle = list_needle(pivot->data, pivot->len);
    bool more = list_seek(list, 0, at);
    while (more && !list_matches(at, &needle)) more = list_next(at);
    return more;
}

static void cmd_linsert(struct call *c) {
    struct collection col;
    struct list_cursor at;
    bool after = call_is(c, 2, "after");
    if (!after && !call_is(c, 2, "before")) {
        reply_syntax_error(c->reply);
        return;
    }
    if (!collection_open(c, 0, TYPE_LIST, &col)) return;
    if (!col.object) {
        reply_int(c->reply, 0);
        return;
    }
    if (!find(col.object, &c->argv[3], &at)) {
        reply_int(c->reply, -1);
        return;
    }
    struct list_limits limits = list_limits_now();
    struct list *list = list_insert(col.object, &at, after, list_argument(c, 4), &limits);
    size_t count = list_count(list);
    collection_close(c, &col, list, 1);
    notify(c, NOTIFY_LIST, "linsert", &c->keys[0]);
    reply_int(c->reply, (int64_t)count);
}

static void cmd_lrem(struct call *c) {
    struct collection col;
    int64_t max;
    size_t removed;
    if (!call_int(c, 2, &max, NULL) || !collection_open(c, 0, TYPE_LIST, &col)) return;
    if (!col.object) {
        reply_int(c->reply, 0);
        return;
    }
    struct list_needle needle = list_needle(c->argv[3].data, c->argv[3].len);
    struct list *list = list_remove(col.object, &needle, max < 0 ? LIST_TAIL : LIST_HEAD,
                                    max == 0 ? SIZE_MAX : magnitude(max), &removed);
    if (removed > 0) {
        bool emptied = collection_close(c, &col, list, removed);
        notify(c, NOTIFY_LIST, "lrem", &c->keys[0]);
        if (emptied) notify(c, NOTIFY_GENERIC, "del", &c->keys[0]);
    }
    reply_int(c->reply, (int64_t)removed);
}

/* Keeps the range and lets the rest be freed. Even where that is nothing, the key counts as changed for those
 * who watch it. */
static void trim(struct call *c, struct collection *col, struct range keep) {
    const struct key *key = &c->keys[0];
    struct list *list = col->object, *before, *behind;
    size_t count = list_count(list);
    list = list_delete(list, keep.start + keep.count, count - keep.start - keep.count, &behind);
    list = list_delete(list, 0, keep.start, &before);
    keyspace_changed(&c->visit, key, col->at, col->change, list);
    call_dirty(c, count - keep.count);
    if (before) grave_free(c->visit.thread, TYPE_LIST, before);
    if (behind) grave_free(c->visit.thread, TYPE_LIST, behind);
    notify(c, NOTIFY_LIST, "ltrim", key);
    if (keep.count > 0) return;
    keyspace_delete(&c->visit, key, col->at);
    notify(c, NOTIFY_GENERIC, "del", key);
}

static void cmd_ltrim(struct call *c) {
    struct collection col;
    int64_t start, end;
    if (!call_int(c, 2, &start, NULL) || !call_int(c, 3, &end, NULL)) return;
    if (!collection_open(c, 0, TYPE_LIST, &col)) return;
    if (col.object) trim(c, &col, range_of(start, end, list_count(col.object)));
    reply_ok(c->reply);
}

/* ---- the commands ---- */

struct command list_edit_commands[] = {
    {.name = "lindex",
     .arity = 3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_lindex,
     .group = "list",
     .since = "1.0.0",
     .summary = "Get an element from a list by its index",
     .complexity = "O(N) where N is the number of elements to traverse to get to the element at index. This "
                   "makes asking for the first or the last element of the list O(1)."},
    {.name = "lset",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_UPDATE)},
     .handler = cmd_lset,
     .group = "list",
     .since = "1.0.0",
     .summary = "Set the value of an element in a list by its index",
     .complexity = "O(N) where N is the length of the list. Setting either the first or the last element of "
                   "the list is O(1)."},
    {.name = "lrange",
     .arity = 4,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_lrange,
     .group = "list",
     .since = "1.0.0",
     .summary = "Get a range of elements from a list",
     .complexity =
         "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD "
         "or TAIL) for large lists; and N is the number of elements in the specified range."},
    {.name = "ltrim",
     .arity = 4,
     .flags = CMD_WRITE,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_ltrim,
     .group = "list",
     .since = "1.0.0",
     .summary = "Trim a list to the specified range",
     .complexity = "O(N) where N is the number of elements to be removed by the operation."},
    {.name = "lrem",
     .arity = 4,
     .flags = CMD_WRITE,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_DELETE)},
     .handler = cmd_lrem,
     .group = "list",
     .since = "1.0.0",
     .summary = "Remove elements from a list",
     .complexity = "O(N+M) where N is the length of the list and M is the number of elements removed."},
    {.name = "linsert",
     .arity = 5,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_INSERT)},
     .handler = cmd_linsert,
     .group = "list",
     .since = "2.2.0",
     .summary = "Insert an element before or after another element in a list",
     .complexity = "O(N) where N is the number of elements to traverse before seeing the value pivot. This "
                   "means that inserting somewhere on the left end on the list (head) can be considered O(1) "
                   "and inserting somewhere on the right end (tail) is O(N)."},
    {.name = "lpos",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_LIST | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_lpos,
     .group = "list",
     .since = "6.0.6",
     .summary = "Return the index of matching elements on a list",
     .complexity = "O(N) where N is the number of elements in the list, for the average case. When searching "
                   "for elements near the head or the tail of the list, or when the MAXLEN option is "
                   "provided, the command may run in constant time."},
    {0},
};
