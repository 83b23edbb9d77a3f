/* cmd/sort.c: SORT and SORT_RO: their options, their result.
 *
 * On the client's thread. Patterns of BY and GET name keys only once the elements are known, so a call that
 * has such a pattern runs with all slices held (struct command's `roams`); others run with those of the
 * sorted key and of STORE's. Elements and weights are sorted where they lie (sort_parts.h); how is in
 * sort_items.c, and the keys of patterns in sort_pattern.c.
 *
 * What Redis leaves open (the order of a set that is not sorted, of elements with equal weights) is left open
 * here too, but sorting is stable.
 */
#include "server/cmd/collection.h"
#include "server/cmd/list.h"
#include "server/cmd/sort_parts.h"
#include "server/notify.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <string.h>

/* ---- options ---- */

static bool is_word(const struct arg *a, const char *word) {
    return text_is(a->data, a->len, word);
}

/* The last STORE counts, as it does for the handler. What other options take is no option. */
static unsigned find_store(const struct arg *argv, unsigned argc) {
    unsigned found = 0;
    for (unsigned i = 2; i < argc; i++) {
        if (is_word(&argv[i], "limit"))
            i += 2;
        else if (is_word(&argv[i], "by") || is_word(&argv[i], "get"))
            i++;
        else if (is_word(&argv[i], "store") && i + 1 < argc)
            found = ++i;
    }
    return found;
}

static unsigned sort_hidden_key(const struct arg *argv, unsigned argc, uint32_t *flags) {
    *flags = KEY_OW | KEY_UPDATE;
    return find_store(argv, argc);
}

/* Anything that may be a pattern. Once too often costs little. */
static bool sort_roams(const struct arg *argv, unsigned argc) {
    for (unsigned i = 3; i < argc; i++)
        if (memchr(argv[i].data, '*', argv[i].len)) return true;
    return false;
}

static void add_get(struct sort *s, unsigned argument) {
    if (!s->gets) s->gets = mem_alloc(s->call->argc * sizeof *s->gets);
    s->gets[s->get_count++] = argument;
}

static void set_by(struct sort *s, unsigned argument) {
    struct sort_pattern p = sort_pattern_parse(&s->call->argv[argument]);
    s->by = argument;
    s->has_by = true;
    if (!p.is_key) s->unsorted = true; /* and stays so, whatever BY follows */
}

/* One option and what it takes; *i is moved to its last argument. False: an error has been replied. */
static bool parse_option(struct sort *s, unsigned *i, bool may_store) {
    struct call *c = s->call;
    unsigned left = c->argc - *i - 1;
    if (call_is(c, *i, "asc")) {
        s->descending = false;
    } else if (call_is(c, *i, "desc")) {
        s->descending = true;
    } else if (call_is(c, *i, "alpha")) {
        s->alpha = true;
    } else if (call_is(c, *i, "limit") && left >= 2) {
        if (!call_int(c, *i + 1, &s->limit_start, NULL) || !call_int(c, *i + 2, &s->limit_count, NULL))
            return false;
        *i += 2;
    } else if (may_store && call_is(c, *i, "store") && left >= 1) {
        s->store = ++*i;
    } else if (call_is(c, *i, "by") && left >= 1) {
        set_by(s, ++*i);
    } else if (call_is(c, *i, "get") && left >= 1) {
        add_get(s, ++*i);
    } else {
        reply_syntax_error(c->reply);
        return false;
    }
    return true;
}

static bool parse(struct sort *s, bool may_store) {
    s->limit_count = -1;
    for (unsigned i = 2; i < s->call->argc; i++)
        if (!parse_option(s, &i, may_store)) return false;
    ASSERT(!may_store || s->store == find_store(s->call->argv, s->call->argc));
    return true;
}

/* ---- the result ---- */

/* Shows all values of the result in order: the elements, or what GET finds for each. */
static void each_value(struct sort *s, void (*show)(void *arg, const struct sort_text *value), void *arg) {
    struct sort_pattern *patterns = mem_alloc((s->get_count + 1) * sizeof *patterns);
    for (unsigned g = 0; g < s->get_count; g++) patterns[g] = sort_pattern_parse(&s->call->argv[s->gets[g]]);
    for (size_t i = s->from; i < s->to; i++) {
        const struct sort_text *element = &s->items[i].element;
        if (s->get_count == 0) show(arg, element);
        for (unsigned g = 0; g < s->get_count; g++) {
            struct sort_text value = sort_look_up(s, &patterns[g], element);
            show(arg, &value);
        }
    }
    mem_free(patterns);
}

static void reply_value(void *arg, const struct sort_text *value) {
    struct reply *r = arg;
    if (!value->data)
        reply_null(r);
    else if (value->blob)
        reply_bulk_blob(r, value->blob, 0, value->len);
    else
        reply_bulk(r, value->data, value->len);
}

static size_t result_count(const struct sort *s) {
    return (s->to - s->from) * (s->get_count ? s->get_count : 1);
}

struct target {
    struct list *list;
    struct list_limits limits;
};

static void store_value(void *arg, const struct sort_text *value) {
    struct target *target = arg;
    struct list_value v = {.data = value->data ? value->data : "", .len = value->len, .blob = value->blob};
    target->list = list_push(target->list, LIST_TAIL, v, &target->limits);
}

static void store_result(struct sort *s) {
    struct call *c = s->call;
    struct target target = {.list = list_new(0), .limits = list_limits_now()};
    size_t count = result_count(s);
    ASSERT(c->key_count == 2);
    each_value(s, store_value, &target);
    bool was_there = call_write(c, 1) != NULL;
    if (collection_store(c, 1, TYPE_LIST, (struct list *)target.list, count ? count : 1))
        notify(c, NOTIFY_LIST, "sortstore", &c->keys[1]);
    else if (was_there)
        notify(c, NOTIFY_GENERIC, "del", &c->keys[1]);
    reply_int(c->reply, (int64_t)count);
}

static bool is_sortable(enum value_type type) {
    return type == TYPE_LIST || type == TYPE_SET || type == TYPE_ZSET;
}

static void run(struct sort *s) {
    struct call *c = s->call;
    struct entry **at = call_read(c, 0);
    if (at && !is_sortable(entry_type(*at))) {
        reply_wrong_type(c->reply);
        return;
    }
    /* A set has no order to be kept. What is stored shall be the same wherever it is done again. */
    if (at && entry_type(*at) == TYPE_SET && s->unsorted && s->store) {
        s->unsorted = s->has_by = false;
        s->alpha = true;
    }
    if (at) sort_read(s, entry_type(*at), entry_object(*at));
    if (!s->unsorted) {
        if (!sort_weigh(s)) {
            reply_error(c->reply, "ERR One or more scores can't be converted into double");
            return;
        }
        sort_order(s);
    }
    if (s->store) {
        store_result(s);
        return;
    }
    reply_array(c->reply, result_count(s));
    each_value(s, reply_value, c->reply);
}

static void sort(struct call *c, bool may_store) {
    struct sort s = {.call = c};
    if (parse(&s, may_store)) run(&s);
    sort_free(&s);
}

static void cmd_sort(struct call *c) {
    sort(c, true);
}

static void cmd_sort_ro(struct call *c) {
    sort(c, false);
}

/* ---- the commands ---- */

struct command sort_commands[] = {
    {.name = "sort",
     .arity = -2,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
     .categories = ACL_WRITE | ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_SLOW | ACL_DANGEROUS,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS),
              {.flags = KEY_RO | KEY_ACCESS, .begin = BEGIN_UNKNOWN, .find = FIND_UNKNOWN},
              {.flags = KEY_OW | KEY_UPDATE, .begin = BEGIN_UNKNOWN, .find = FIND_UNKNOWN}},
     .hidden_key = sort_hidden_key,
     .roams = sort_roams,
     .handler = cmd_sort,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Sort the elements in a list, set or sorted set",
     .complexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the "
                   "number of returned elements. When the elements are not sorted, complexity is O(N)."},
    {.name = "sort_ro",
     .arity = -2,
     .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
     .categories = ACL_READ | ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_SLOW | ACL_DANGEROUS,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS),
              {.flags = KEY_RO | KEY_ACCESS, .begin = BEGIN_UNKNOWN, .find = FIND_UNKNOWN}},
     .roams = sort_roams,
     .handler = cmd_sort_ro,
     .group = "generic",
     .since = "7.0.0",
     .summary = "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
     .complexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the "
                   "number of returned elements. When the elements are not sorted, complexity is O(N)."},
    {0},
};
