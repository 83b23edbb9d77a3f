/* cmd/sort_parts.h: what the files of SORT share: the options, the elements, and the keys that patterns name.
 *
 * All of it lives for one run of the command, under its holds: elements and weights are not copied but point
 * into the collection that is sorted and into other keys. That holds because nothing is changed before the
 * result is complete.
 */
#ifndef GYRE_SERVER_CMD_SORT_PARTS_H
#define GYRE_SERVER_CMD_SORT_PARTS_H

#include "server/call.h"
#include "shard/store/blob.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes somewhere in the keyspace, or of this command. */
struct sort_text {
    const char *data; /* NULL: there is nothing */
    size_t len;
    struct blob *blob; /* where they lie, all of it, if that is a blob */
};

struct sort_item {
    struct sort_text element;
    union {
        double score;
        struct sort_text weight; /* ALPHA: what it is sorted by */
    };
};

/* A pattern of BY or GET: the key is `before`, the element, `behind`; of a hash, `field`. */
struct sort_pattern {
    bool is_element; /* "#" */
    bool is_key;     /* it has a place for the element */
    struct sort_text before, behind, field;
};

struct sort {
    struct call *call;
    bool descending, alpha;
    bool unsorted;  /* BY a pattern without a place for the element: as they stand */
    bool has_by;    /* and it names keys */
    unsigned by;    /* its argument */
    unsigned store; /* the argument that names the target; 0: none */
    unsigned *gets; /* arguments of GET */
    unsigned get_count;
    int64_t limit_start, limit_count; /* count < 0: no limit */

    struct sort_item *items;
    size_t count;
    size_t from, to;         /* which of them are the result */
    struct sort_page *pages; /* texts of integers */
};

struct sort_pattern sort_pattern_parse(const struct arg *a);
/* What stands at the key (or its field) that the pattern names for an element; data is NULL where that is
 * nothing, or no string. */
struct sort_text sort_look_up(struct sort *s, const struct sort_pattern *p, const struct sort_text *element);

/* Reads the elements of `object` and works out which part of them is the result. */
void sort_read(struct sort *s, enum value_type type, const void *object);
/* Finds what each is sorted by. False: one of those is no number. */
bool sort_weigh(struct sort *s);
void sort_order(struct sort *s);
/* The text of an integer, kept as long as the command runs. */
struct sort_text sort_keep_int(struct sort *s, int64_t n);
void sort_free(struct sort *s);

#endif
