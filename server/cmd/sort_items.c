/* cmd/sort_items.c: SORT's elements: reading them, weighing them, putting them in order: see sort_parts.h.
 *
 * The sort is a stable merge over pointers, O(n log n) whatever it is given, and never more than two pointers
 * of room for each element beside the elements themselves.
 */
#include "server/cmd/sort_parts.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/type/list.h"
#include "shard/type/set.h"
#include "shard/type/zset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts of integers ---- */

enum { PAGE_BYTES = 16384, RUN_SHORT = 8, NUMBER_USUAL = 128 };

struct sort_page {
    struct sort_page *next;
    size_t used;
    char room[];
};

struct sort_text sort_keep_int(struct sort *s, int64_t n) {
    struct sort_page *page = s->pages;
    if (!page || page->used + TEXT_I64_MAX > PAGE_BYTES - sizeof *page) {
        page = mem_alloc(PAGE_BYTES);
        page->next = s->pages;
        page->used = 0;
        s->pages = page;
    }
    char *at = page->room + page->used;
    size_t len = text_from_i64(at, n);
    page->used += len;
    return (struct sort_text){.data = at, .len = len};
}

void sort_free(struct sort *s) {
    while (s->pages) {
        struct sort_page *next = s->pages->next;
        mem_free(s->pages);
        s->pages = next;
    }
    mem_free(s->items);
    mem_free(s->gets);
}

/* ---- reading ---- */

static void add(struct sort *s, struct sort_text element) {
    s->items[s->count++] = (struct sort_item){.element = element};
}

/* LIMIT's part of `count` elements. */
static void limit(struct sort *s, size_t count) {
    size_t start = s->limit_start < 0 ? 0 : (uint64_t)s->limit_start < count ? (size_t)s->limit_start : count;
    size_t left = count - start;
    s->from = start;
    s->to = s->limit_count < 0 || (uint64_t)s->limit_count > left ? count : start + (size_t)s->limit_count;
}

/* Of what keeps its order only the part that is asked for is read. */
static void read_list(struct sort *s, const struct list *list) {
    size_t from = s->unsorted ? s->from : 0, to = s->unsorted ? s->to : list_count(list);
    bool backwards = s->unsorted && s->descending;
    struct list_cursor at;
    bool more = from < to && list_seek(list, backwards ? list_count(list) - 1 - from : from, &at);
    for (size_t left = to - from; more && left > 0; left--) {
        struct list_value v = list_get(&at);
        add(s, v.data ? (struct sort_text){.data = v.data, .len = v.len, .blob = v.blob}
                      : sort_keep_int(s, v.integer));
        more = backwards ? list_prev(&at) : list_next(&at);
    }
}

static void read_zset(struct sort *s, const struct zset *zset) {
    size_t from = s->unsorted ? s->from : 0, to = s->unsorted ? s->to : zset_count(zset);
    bool backwards = s->unsorted && s->descending;
    struct zset_item item;
    if (from >= to) return;
    struct zset_cursor at = zset_cursor_at(zset, backwards ? zset_count(zset) - 1 - from : from);
    for (size_t left = to - from; left > 0 && zset_cursor_get(&at, &item); left--) {
        int64_t n;
        bool in_place = item.member != item.digits;
        if (in_place)
            add(s, (struct sort_text){.data = item.member, .len = item.len});
        else if (text_to_i64(item.member, item.len, &n))
            add(s, sort_keep_int(s, n));
        if (backwards)
            zset_cursor_prev(&at);
        else
            zset_cursor_next(&at);
    }
}

static bool read_member(void *arg, struct set_member *m) {
    struct sort *s = arg;
    struct sort_text t = {0};
    if (m->text && m->text != m->digits)
        t = (struct sort_text){.data = m->text, .len = m->len};
    else
        t = sort_keep_int(s, m->integer);
    add(s, t);
    return true;
}

void sort_read(struct sort *s, enum value_type type, const void *object) {
    size_t count = type == TYPE_LIST  ? list_count(object)
                   : type == TYPE_SET ? set_count(object)
                                      : zset_count(object);
    limit(s, count);
    s->items = mem_alloc(count * sizeof *s->items);
    if (type == TYPE_LIST)
        read_list(s, object);
    else if (type == TYPE_SET)
        set_each(object, read_member, s);
    else
        read_zset(s, object);
    if (s->unsorted && type != TYPE_SET) {
        s->to -= s->from;
        s->from = 0;
    }
    ASSERT(s->to <= s->count);
}

/* ---- weighing ---- */

/* As strtod reads it: blanks before it, and what follows a zero byte, do not matter; neither does nothing at
 * all, which is 0. */
static bool number_from(const struct sort_text *t, double *n) {
    char usual[NUMBER_USUAL];
    int64_t integer;
    if (text_to_i64(t->data, t->len, &integer)) {
        *n = (double)integer;
        return true;
    }
    char *text = t->len < sizeof usual ? usual : mem_alloc(t->len + 1), *end;
    if (t->len > 0) memcpy(text, t->data, t->len);
    text[t->len] = 0;
    errno = 0;
    *n = strtod(text, &end);
    bool is_number = *end == 0 && errno != ERANGE && !isnan(*n);
    if (text != usual) mem_free(text);
    return is_number;
}

bool sort_weigh(struct sort *s) {
    struct sort_pattern by = {0};
    if (s->has_by) by = sort_pattern_parse(&s->call->argv[s->by]);
    for (size_t i = 0; i < s->count; i++) {
        struct sort_item *item = &s->items[i];
        struct sort_text weight = s->has_by ? sort_look_up(s, &by, &item->element) : item->element;
        if (s->alpha) {
            item->weight = weight;
        } else {
            double score = 0;
            if (weight.data && !number_from(&weight, &score)) return false;
            item->score = score;
        }
    }
    return true;
}

/* ---- ordering ---- */

static int compare_bytes(const struct sort_text *a, const struct sort_text *b) {
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = shorter > 0 ? memcmp(a->data, b->data, shorter) : 0;
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* What is replied is collated as C strings, what is stored compared as bytes: so it is in Redis. */
static int compare_alpha(const struct sort *s, const struct sort_text *a, const struct sort_text *b) {
    if (!a->data || !b->data) return (a->data != NULL) - (b->data != NULL);
    if (s->store) return compare_bytes(a, b);
    struct sort_text before_zero_a = {.data = a->data, .len = strnlen(a->data, a->len)};
    struct sort_text before_zero_b = {.data = b->data, .len = strnlen(b->data, b->len)};
    return compare_bytes(&before_zero_a, &before_zero_b);
}

static int compare(const struct sort *s, const struct sort_item *a, const struct sort_item *b) {
    int order;
    if (s->alpha)
        order = compare_alpha(s, &a->weight, &b->weight);
    else if (a->score != b->score)
        order = a->score > b->score ? 1 : -1;
    else
        order = compare_bytes(&a->element, &b->element);
    return s->descending ? -order : order;
}

static void insert_run(const struct sort *s, struct sort_item **run, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct sort_item *item = run[i];
        size_t at = i;
        for (; at > 0 && compare(s, run[at - 1], item) > 0; at--) run[at] = run[at - 1];
        run[at] = item;
    }
}

static void merge(const struct sort *s, struct sort_item **from, struct sort_item **to, size_t left,
                  size_t count) {
    size_t a = 0, b = left;
    for (size_t i = 0; i < count; i++) {
        bool take_left = b >= count || (a < left && compare(s, from[a], from[b]) <= 0);
        to[i] = from[take_left ? a++ : b++];
    }
}

/* Runs of a few by insertion, then pairs of runs merged back and forth between two arrays. */
void sort_order(struct sort *s) {
    size_t n = s->count;
    if (n < 2) return;
    struct sort_item **from = mem_alloc(n * sizeof(struct sort_item *)),
                     **to = mem_alloc(n * sizeof(struct sort_item *));
    for (size_t i = 0; i < n; i++) from[i] = &s->items[i];
    for (size_t i = 0; i < n; i += RUN_SHORT) insert_run(s, from + i, n - i < RUN_SHORT ? n - i : RUN_SHORT);
    for (size_t width = RUN_SHORT; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            size_t count = n - i < 2 * width ? n - i : 2 * width;
            merge(s, from + i, to + i, count < width ? count : width, count);
        }
        struct sort_item **swap = from;
        from = to;
        to = swap;
    }
    struct sort_item *sorted = mem_alloc(n * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = *from[i];
    mem_free(s->items);
    s->items = sorted;
    mem_free(from);
    mem_free(to);
}
