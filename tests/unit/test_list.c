/* Lists against a plain array: thousands of random changes under several limits, both encodings, all sizes of
 * values; and the single steps that chains take at their borders. */
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/value_methods.h"
#include "shard/type/list.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct list_limits usual = {
    .node_bytes = 8192, .node_count = UINT32_MAX, .alone_bytes = UINT32_MAX};

static struct list_value text_value(const char *data, size_t len) {
    return (struct list_value){.data = data, .len = len};
}

static struct list_value word(const char *text) {
    return text_value(text, strlen(text));
}

/* ---- the model ---- */

enum { MODEL_MAX = 6000 };

struct item {
    char *data;
    size_t len;
};

struct model {
    struct item items[MODEL_MAX];
    size_t count;
};

static void model_insert(struct model *m, size_t i, const char *data, size_t len) {
    cr_assert_lt(m->count, (size_t)MODEL_MAX);
    memmove(&m->items[i + 1], &m->items[i], (m->count - i) * sizeof *m->items);
    m->items[i] = (struct item){mem_dup(data, len), len};
    m->count++;
}

static void model_delete(struct model *m, size_t i, size_t count) {
    for (size_t k = i; k < i + count; k++) mem_free(m->items[k].data);
    memmove(&m->items[i], &m->items[i + count], (m->count - i - count) * sizeof *m->items);
    m->count -= count;
}

static bool item_is(const struct item *item, const char *data, size_t len) {
    return item->len == len && memcmp(item->data, data, len) == 0;
}

static size_t model_remove(struct model *m, const char *data, size_t len, enum list_end from, size_t max) {
    size_t removed = 0;
    for (size_t k = 0; k < m->count && removed < max;) {
        size_t i = from == LIST_HEAD ? k : m->count - 1 - k;
        if (item_is(&m->items[i], data, len)) {
            model_delete(m, i, 1);
            removed++;
        } else {
            k++;
        }
    }
    return removed;
}

/* ---- checks ---- */

static void check_value(struct list_value v, const struct item *item) {
    char digits[TEXT_I64_MAX];
    size_t len = v.data ? v.len : text_from_i64(digits, v.integer);
    cr_assert_eq(len, item->len);
    cr_assert_eq(memcmp(v.data ? v.data : digits, item->data, len), 0);
}

/* What every chain keeps to: see chain.h. */
static void check_chain(const struct chain *c) {
    size_t elements = 0, bytes = mem_size(c);
    cr_assert_leq(c->nodes, c->capacity);
    cr_assert_eq(c->capacity & (c->capacity - 1), 0);
    for (uint32_t i = 0; i < c->nodes; i++) {
        const struct chain_node *n = chain_node(c, i);
        cr_assert_gt(n->count, 0);
        elements += n->count;
        bytes += mem_size(n->block);
        if (chain_node_is_blob(n)) continue;
        cr_assert(n->begin < n->end && n->end <= n->room);
        uint32_t count = 0;
        const unsigned char *at = chain_node_first(n);
        for (; at < chain_node_end(n); at += element_bytes(at)) count++;
        cr_assert_eq(at, chain_node_end(n));
        cr_assert_eq(count, n->count);
    }
    cr_assert_eq(elements, c->elements);
    cr_assert_eq(bytes, c->bytes);
}

static void check_structure(const struct list *l) {
    if (object_encoding(l) == OBJECT_CHAIN) check_chain((const struct chain *)(const void *)l);
}

static void check_all(const struct list *l, const struct model *m) {
    struct list_cursor at;
    check_structure(l);
    cr_assert_eq(list_count(l), m->count);
    cr_assert_not(list_seek(l, m->count, &at));
    if (m->count == 0) return;
    size_t i = 0;
    bool more = list_seek(l, 0, &at);
    for (; more; more = list_next(&at)) check_value(list_get(&at), &m->items[i++]);
    cr_assert_eq(i, m->count);
    for (more = list_seek(l, m->count - 1, &at); more; more = list_prev(&at))
        check_value(list_get(&at), &m->items[--i]);
    cr_assert_eq(i, 0);
    for (more = list_seek(l, m->count / 2, &at), i = m->count / 2; more; more = list_skip(&at)) {
        struct list_run run = list_run(&at);
        cr_assert_gt(run.count, 0);
        const unsigned char *element = run.at;
        for (uint32_t k = 0; k < run.count && element; k++, element += element_bytes(element)) {
            struct packed_value v = element_get(element);
            check_value((struct list_value){.data = v.data, .len = v.len, .integer = v.integer},
                        &m->items[i + k]);
        }
        i += run.count;
    }
    cr_assert_eq(i, m->count);
}

/* ---- random changes ---- */

struct trial {
    struct random random;
    struct list *list;
    struct model model;
    struct list_limits limits;
    size_t len_max;
    char bytes[70000];
};

static size_t below(struct trial *t, size_t n) {
    return (size_t)random_below(&t->random, n);
}

/* Words of few letters, so that some are alike; integers; now and then a long one. */
static struct list_value random_value(struct trial *t) {
    size_t kind = below(t, 20), len;
    if (kind < 6) {
        len = (size_t)snprintf(t->bytes, sizeof t->bytes, "%lld",
                               (long long)(random_next(&t->random) >> below(t, 64)) * (below(t, 2) ? 1 : -1));
    } else {
        len = kind < 15 ? below(t, 4) : kind < 19 ? below(t, 100) : below(t, t->len_max);
        memset(t->bytes, 'a' + (int)below(t, 3), len);
    }
    struct list_value v = text_value(t->bytes, len);
    if (len > 0 && below(t, 4) == 0) v.blob = blob_new_from(t->bytes, len);
    if (v.blob) v.data = v.blob->data;
    return v;
}

static void forget(struct list_value v) {
    if (v.blob) blob_unref(v.blob);
}

static void remember(struct trial *t, size_t i, struct list_value v) {
    model_insert(&t->model, i, v.data, v.len);
}

static void change_in_place(struct trial *t, size_t kind) {
    struct list_cursor at;
    struct model *m = &t->model;
    size_t i = below(t, m->count);
    bool there = list_seek(t->list, i, &at);
    struct list_value v = random_value(t);
    cr_assert(there);
    if (kind < 3) {
        remember(t, i + (kind == 1), v);
        t->list = list_insert(t->list, &at, kind == 1, v, &t->limits);
    } else {
        model_delete(m, i, 1);
        remember(t, i, v);
        t->list = list_replace(t->list, &at, v, &t->limits);
    }
    forget(v);
}

static void delete_range(struct trial *t) {
    struct list *rest;
    size_t start = below(t, t->model.count), count = below(t, t->model.count - start + 1);
    if (below(t, 4) > 0 && count > 20) count = 20;
    model_delete(&t->model, start, count);
    t->list = list_delete(t->list, start, count, &rest);
    if (!rest) return;
    check_structure(rest);
    list_free(rest);
}

static void remove_alike(struct trial *t) {
    size_t removed, max = below(t, 2) ? SIZE_MAX : below(t, 5);
    enum list_end from = below(t, 2) ? LIST_HEAD : LIST_TAIL;
    const struct item *like = &t->model.items[below(t, t->model.count)];
    char *data = mem_dup(like->data, like->len);
    struct list_needle needle = list_needle(data, like->len);
    size_t expected = model_remove(&t->model, data, like->len, from, max);
    t->list = list_remove(t->list, &needle, from, max, &removed);
    cr_assert_eq(removed, expected);
    mem_free(data);
}

static void push_or_drop(struct trial *t, bool push) {
    enum list_end end = below(t, 2) ? LIST_HEAD : LIST_TAIL;
    if (push) {
        struct list_value v = random_value(t);
        remember(t, end == LIST_HEAD ? 0 : t->model.count, v);
        t->list = list_push(t->list, end, v, &t->limits);
        forget(v);
        check_value(list_peek(t->list, end), &t->model.items[end == LIST_HEAD ? 0 : t->model.count - 1]);
    } else {
        check_value(list_peek(t->list, end), &t->model.items[end == LIST_HEAD ? 0 : t->model.count - 1]);
        model_delete(&t->model, end == LIST_HEAD ? 0 : t->model.count - 1, 1);
        t->list = list_drop(t->list, end);
    }
}

static void check_search(struct trial *t) {
    const struct item *like = &t->model.items[below(t, t->model.count)];
    struct list_needle needle = list_needle(like->data, like->len);
    struct list_cursor at;
    size_t i = 0;
    for (bool more = list_seek(t->list, 0, &at); more; more = list_next(&at), i++)
        cr_assert_eq(list_matches(&at, &needle), item_is(&t->model.items[i], like->data, like->len));
}

static void check_copy(struct trial *t) {
    const struct value_methods *methods = value_methods_get(TYPE_LIST);
    struct list *copy = methods->copy(t->list);
    check_all(copy, &t->model);
    list_free(copy);
    cr_assert_geq(methods->bytes(t->list), t->model.count);
    cr_assert_eq(methods->count(t->list), t->model.count);
}

static void change(struct trial *t, unsigned step) {
    size_t kind = below(t, 16);
    /* Grows in one half of a round, shrinks in the other. */
    bool rare = below(t, t->model.count < 50 ? 2 : 20) == 0;
    bool grows = step % 8000 < 5500 && t->model.count < MODEL_MAX - 10;
    if (t->model.count == 0 || kind < 8)
        push_or_drop(t, t->model.count == 0 || (below(t, 8) < 6) == grows);
    else if (kind < 13 && (grows || kind > 10))
        change_in_place(t, kind - 8);
    else if (kind == 13 && rare)
        delete_range(t);
    else if (kind == 14 && rare)
        remove_alike(t);
}

static void run_trial(uint64_t seed, struct list_limits limits, size_t len_max, unsigned steps) {
    struct trial *t = mem_zalloc(sizeof *t);
    random_seed(&t->random, seed);
    t->limits = limits;
    t->len_max = len_max;
    t->list = list_new(0);
    for (unsigned step = 0; step < steps; step++) {
        change(t, step);
        cr_assert_eq(list_count(t->list), t->model.count);
        if (step % 64 == 0) check_all(t->list, &t->model);
        if (step % 256 == 0 && t->model.count > 0) check_search(t);
        if (step % 512 == 0) check_copy(t);
    }
    check_all(t->list, &t->model);
    list_free(t->list);
    model_delete(&t->model, 0, t->model.count);
    mem_free(t);
}

TestSuite(list, .timeout = 120, .init = list_register);

Test(list, behaves_like_an_array_with_usual_nodes) {
    run_trial(1, usual, 500, 30000);
    run_trial(2, usual, 70000, 30000);
}

Test(list, behaves_like_an_array_with_small_nodes) {
    struct list_limits small = {.node_bytes = 64, .node_count = UINT32_MAX, .alone_bytes = UINT32_MAX};
    run_trial(3, small, 100, 30000);
}

Test(list, behaves_like_an_array_with_nodes_of_few_elements) {
    run_trial(4, list_limits_make(1, UINT32_MAX), 500, 30000);
    run_trial(5, list_limits_make(3, UINT32_MAX), 9000, 30000);
    run_trial(6, list_limits_make(128, UINT32_MAX), 500, 30000);
}

Test(list, behaves_like_an_array_when_most_values_stand_alone) {
    run_trial(7, list_limits_make(-2, 2), 500, 30000);
    run_trial(8, list_limits_make(-1, 50), 500, 30000);
}

Test(list, behaves_like_an_array_with_large_nodes) {
    run_trial(9, list_limits_make(-5, UINT32_MAX), 300, 30000);
}

Test(list, behaves_like_an_array_while_packed) {
    for (uint64_t seed = 100; seed < 400; seed++) run_trial(seed, usual, 300, 200);
}

/* ---- single steps ---- */

Test(list, limits_follow_the_option) {
    cr_assert_eq(list_limits_make(-1, 1).node_bytes, 4096);
    cr_assert_eq(list_limits_make(-2, 1).node_bytes, 8192);
    cr_assert_eq(list_limits_make(-5, 1).node_bytes, 65536);
    cr_assert_eq(list_limits_make(-6, 1).node_bytes, 65536);
    cr_assert_eq(list_limits_make(INT32_MIN, 1).node_bytes, 65536);
    cr_assert_eq(list_limits_make(10, 1).node_bytes, 8192);
    cr_assert_eq(list_limits_make(10, 1).node_count, 10);
    cr_assert_eq(list_limits_make(0, 7).node_count, 1);
    cr_assert_eq(list_limits_make(0, 7).alone_bytes, 7);
}

static struct list *filled(size_t count, enum list_end end) {
    struct list *l = list_new(0);
    for (size_t i = 0; i < count; i++)
        l = list_push(l, end, (struct list_value){.integer = (int64_t)i}, &usual);
    return l;
}

Test(list, stays_packed_while_small_and_never_returns) {
    struct list *l = filled(10, LIST_TAIL);
    cr_assert_eq(object_encoding(l), OBJECT_PACKED);
    cr_assert_str_eq(value_methods_get(TYPE_LIST)->encoding(l), "quicklist");
    for (int i = 0; i < 300; i++) l = list_push(l, LIST_TAIL, word("abc"), &usual);
    cr_assert_eq(object_encoding(l), OBJECT_CHAIN);
    while (list_count(l) > 0) l = list_drop(l, LIST_HEAD);
    cr_assert_eq(object_encoding(l), OBJECT_CHAIN);
    check_structure(l);
    list_free(l);
}

Test(list, a_large_value_is_taken_and_given_without_a_copy) {
    struct blob *blob = blob_new_from((char[20000]){1}, 20000);
    struct list *l = list_new(0);
    l = list_push(l, LIST_TAIL, word("before"), &usual);
    l = list_push(l, LIST_TAIL, (struct list_value){.data = blob->data, .len = 20000, .blob = blob}, &usual);
    l = list_push(l, LIST_TAIL, word("behind"), &usual);
    struct list_cursor at;
    cr_assert(list_seek(l, 1, &at));
    cr_assert_eq(list_get(&at).blob, blob);
    cr_assert_eq(list_run(&at).blob, blob);
    blob_unref(blob);
    check_structure(l);
    list_free(l);
}

/* A queue: elements come at one end and go at the other. Its memory does not grow with what has passed. */
Test(list, queues_do_not_grow_with_time) {
    for (int direction = 0; direction < 2; direction++) {
        enum list_end in = direction ? LIST_HEAD : LIST_TAIL, out = direction ? LIST_TAIL : LIST_HEAD;
        struct list *l = filled(1500, in);
        for (int64_t i = 1500; i < 200000; i++) {
            l = list_push(l, in, (struct list_value){.integer = i}, &usual);
            cr_assert_eq(list_peek(l, out).integer, i - 1500);
            l = list_drop(l, out);
        }
        check_structure(l);
        cr_assert_lt(value_methods_get(TYPE_LIST)->bytes(l), (size_t)40000);
        list_free(l);
    }
}

Test(list, memory_per_element_is_that_of_the_elements) {
    const struct value_methods *methods = value_methods_get(TYPE_LIST);
    for (int end = LIST_HEAD; end <= LIST_TAIL; end++) {
        struct list *l = list_new(0);
        for (int i = 0; i < 100000; i++) l = list_push(l, end, word("0123456789abcdef"), &usual);
        cr_assert_lt(methods->bytes(l), (size_t)100000 * 18 * 103 / 100);
        list_free(l);
    }
}

Test(list, a_list_cut_down_gives_its_memory_back) {
    const struct value_methods *methods = value_methods_get(TYPE_LIST);
    struct list *l = filled(100000, LIST_TAIL), *rest;
    size_t before = mem_used();
    l = list_delete(l, 10, 99980, &rest);
    cr_assert_not_null(rest);
    cr_assert_eq(list_count(rest) + 20, 100000 - (99980 - list_count(rest)));
    cr_assert_gt(methods->effort(rest), methods->effort(l));
    cr_assert_eq(list_count(l), 20);
    cr_assert_lt(methods->bytes(l), (size_t)20000);
    unsigned steps = 0;
    while (methods->free_some(rest, 8)) steps++;
    cr_assert_gt(steps, 2);
    cr_assert_lt(mem_used(), before);
    check_structure(l);
    list_free(l);
}

Test(list, popping_down_to_a_few_gives_memory_back) {
    struct list *l = filled(3000, LIST_TAIL);
    while (list_count(l) > 5) l = list_drop(l, LIST_HEAD);
    cr_assert_lt(value_methods_get(TYPE_LIST)->bytes(l), (size_t)1000);
    list_free(l);
}
