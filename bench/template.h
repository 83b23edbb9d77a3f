/* template.h: requests prepared ahead: a command with placeholders, cut into pieces that need only be copied.
 *
 * A template is made once from a command's words. Everything that is the same in every request, the lengths
 * of words of fixed width included, becomes literal bytes; a request is made by copying the literals and
 * filling in the rest. Making one allocates nothing.
 *
 *   __key__       a key: prefix and 12 digits, by the distribution (with its hash tag, where tags are wanted)
 *   __id__        the 12 digits alone
 *   __rand_int__  12 digits, uniform over the keys (as redis-benchmark's)
 *   __data__      a value, as long as the sizes say, that belongs to the last key of the request
 *   __seq__       12 digits that count up, different in every request
 *   __field__     6 digits, uniform over the fields
 *   __score__     a number, uniform from 0 to 999999
 *   __ttl__       a time to live in seconds
 *   __time__      the time now, in milliseconds since 1970
 *
 * A word followed by *N (__key__*10, or "__key__ __data__"*10 for a group) is repeated N times; see
 * template_make. Every placeholder is drawn anew each time it stands in a request.
 */
#ifndef GYRE_BENCH_TEMPLATE_H
#define GYRE_BENCH_TEMPLATE_H

#include "bench/draw.h"
#include "bench/payload.h"
#include "bench/problem.h"
#include "bench/sizes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEMPLATE_WORDS_MAX = 4096,
    TEMPLATE_DIGITS = 12,
    TEMPLATE_FIELD_DIGITS = 6,
    TEMPLATE_TAG_DIGITS = 5,
    TEMPLATE_SCORES = 1000000,
};

/* What the placeholders of all templates of a run are filled in by. Read-only while it runs. */
struct filling {
    const char *key_prefix;
    const char *set_tail; /* what every SET of the catalog gets behind it (" EX __ttl__"), or NULL */
    unsigned hash_tags;   /* 0: keys have none */
    uint64_t keys, fields;
    struct sizes value_sizes, ttl;
    struct payload payload;
};

/* What one thread draws with. */
struct drawing {
    struct random random;
    struct draw keys;
    uint64_t sequence, sequence_step;
    uint64_t now_ms;
};

struct template;

/* `words` are NUL-terminated. Returns NULL with the reason in `problem`. The filling outlives the
 * template. */
struct template *template_make(const struct filling *filling, char *const *words, unsigned count,
                               struct problem *problem);
/* The same from one line, split by the rules of redis-cli (quotes). */
struct template *template_make_line(const struct filling *filling, const char *line, struct problem *problem);
/* A request as it is sent when it is no RESP array: PING's inline form. */
struct template *template_make_inline(const char *line);
void template_free(struct template *t);

/* The longest request that can come of it, and how many keys (__key__, __id__) stand in it. */
size_t template_largest(const struct template *t);
unsigned template_keys(const struct template *t);
bool template_has_data(const struct template *t);
/* Writes one request to `out` (template_largest bytes) and returns its length. The numbers of its keys go to
 * `keys` (template_keys of them), in order, unless it is NULL. */
size_t template_render(const struct template *t, struct drawing *drawing, char *out, uint64_t *keys);

#endif
