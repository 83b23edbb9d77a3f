/* zset_small.c: a sorted set in one packed sequence, member and score in turn: see zset.h.
 *
 * Finding a member compares bytes only (element.h: equal means the same bytes). Finding a place in the order
 * reads scores, which are text where they are no integers; short decimals are read by hand, since strtod
 * would cost more than the rest. What comes at the end of the order, as when scores are times, is seen there
 * at once.
 */
#include "shard/type/element.h"
#include "shard/type/zset_parts.h"

enum { EXACT_DIGITS_MAX = 15, PACKED_END = 0xff };

/* ---- reading ---- */

/* Digits with a point among them: up to 15 make an exact double, and so does a power of ten up to 22; the
 * quotient of two exact numbers is rounded as strtod rounds. */
static bool parse_short_decimal(const char *text, size_t len, double *score) {
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t i = len > 0 && text[0] == '-', digits = 0, behind = 0;
    bool negative = i > 0, point = false;
    int64_t sum = 0;
    if (len > EXACT_DIGITS_MAX + 1 + i) return false;
    for (; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (digit > 9) return false;
        sum = sum * 10 + digit;
        digits++;
        behind += point;
    }
    if (digits == 0 || digits > EXACT_DIGITS_MAX) return false;
    double value = (double)sum / powers[behind];
    *score = negative ? -value : value;
    return true;
}

static double score_at(const unsigned char *at) {
    struct packed_value value = element_get(at);
    double score;
    if (!value.data) return (double)value.integer;
    if (parse_short_decimal(value.data, value.len, &score)) return score;
    bool is_number = text_to_double(value.data, value.len, &score);
    ASSERT(is_number);
    return score;
}

double zset_small_score(const struct packed *p, const unsigned char *at) {
    return score_at(packed_next(p, at));
}

void zset_small_get(const struct packed *p, const unsigned char *at, struct zset_item *item) {
    struct packed_value value = element_get(at);
    item->member = value.data;
    item->len = value.len;
    if (!value.data) {
        item->member = item->digits;
        item->len = text_from_i64(item->digits, value.integer);
    }
    item->score = zset_small_score(p, at);
}

/* element_equals, with a look at the last byte first: members often begin alike. */
static inline bool is_wanted(const unsigned char *at, const struct element *wanted) {
    if (*at != wanted->head[0]) return false;
    if (wanted->head_len == 1 && wanted->len &&
        at[wanted->len] != (unsigned char)wanted->data[wanted->len - 1])
        return false;
    return element_equals(at, wanted);
}

/* The inner loop of nearly everything: steps are taken here, not by calls of packed_next. */
unsigned char *zset_small_find(const struct packed *p, const char *member, size_t len, size_t *rank) {
    if (len >= PACKED_BYTES_MAX) return NULL;
    struct element wanted = element_from(member, len);
    unsigned char *at = packed_first(p);
    for (*rank = 0; at; (*rank)++) {
        if (is_wanted(at, &wanted)) return at;
        at += element_bytes(at);
        at += element_bytes(at);
        if (*at == PACKED_END) break;
    }
    return NULL;
}

unsigned char *zset_small_at(const struct packed *p, size_t rank) {
    return packed_at(p, (int64_t)rank * 2);
}

/* The order of what stands at `at` beside a member and score: below, at or above 0. */
static int compare_at(const struct packed *p, const unsigned char *at, double score, const char *member,
                      size_t len) {
    double own = zset_small_score(p, at);
    if (own != score) return own < score ? -1 : 1;
    char digits[PACKED_DIGITS];
    size_t own_len;
    const char *text = packed_text(at, digits, &own_len);
    return zset_compare_members(text, own_len, member, len);
}

/* ---- changing ---- */

/* The item that comes after; NULL at the end. */
static unsigned char *place_for(const struct packed *p, double score, const char *member, size_t len) {
    unsigned char *last = packed_last(p);
    if (last && compare_at(p, packed_prev(p, last), score, member, len) < 0) return NULL;
    unsigned char *at = packed_first(p);
    while (at && compare_at(p, at, score, member, len) < 0) at = zset_small_next(p, at);
    return at;
}

/* Whole numbers up to 2^62 are stored as integers and any other as it is replied, as in Redis. So a minus
 * zero loses its sign. */
size_t zset_small_score_text(char *text, double score) {
    const double whole_max = 0x1p62;
    if (score >= -whole_max && score <= whole_max && score == (double)(int64_t)score)
        return text_from_i64(text, (int64_t)score);
    return text_from_double(text, TEXT_DOUBLE_MAX, score);
}

struct packed *zset_small_insert(struct packed *p, const char *member, size_t len, double score) {
    char text[TEXT_DOUBLE_MAX];
    unsigned char *at = place_for(p, score, member, len);
    p = packed_insert(p, &at, member, len);
    at = packed_next(p, at);
    return packed_insert(p, &at, text, zset_small_score_text(text, score));
}

struct packed *zset_small_remove(struct packed *p, unsigned char *at, size_t count) {
    return packed_delete(p, &at, count * 2);
}

struct packed *zset_small_move(struct packed *p, unsigned char *at, const char *member, size_t len,
                               double score) {
    unsigned char *prev = zset_small_prev(p, at), *next = zset_small_next(p, at);
    bool stays = (!prev || compare_at(p, prev, score, member, len) < 0) &&
                 (!next || compare_at(p, next, score, member, len) > 0);
    if (!stays) return zset_small_insert(zset_small_remove(p, at, 1), member, len, score);
    char text[TEXT_DOUBLE_MAX];
    unsigned char *score_place = packed_next(p, at);
    return packed_replace(p, &score_place, text, zset_small_score_text(text, score));
}

/* ---- ranges ---- */

struct zset_span zset_small_by_score(const struct packed *p, const struct zset_score_range *range) {
    struct zset_span span = {0};
    for (unsigned char *at = packed_first(p); at; at = zset_small_next(p, at)) {
        double score = zset_small_score(p, at);
        bool above = range->min_open ? score > range->min : score >= range->min;
        bool below = range->max_open ? score < range->max : score <= range->max;
        if (!below) break;
        span.to++;
        if (!above) span.from++;
    }
    return span;
}

bool zset_lex_is_above(const struct zset_lex_bound *min, const char *member, size_t len) {
    if (min->kind == LEX_FIRST || min->kind == LEX_LAST) return min->kind == LEX_FIRST;
    int order = zset_compare_members(member, len, min->text, min->len);
    return min->kind == LEX_OPEN ? order > 0 : order >= 0;
}

bool zset_lex_is_below(const struct zset_lex_bound *max, const char *member, size_t len) {
    if (max->kind == LEX_FIRST || max->kind == LEX_LAST) return max->kind == LEX_LAST;
    int order = zset_compare_members(member, len, max->text, max->len);
    return max->kind == LEX_OPEN ? order < 0 : order <= 0;
}

static bool is_above(const struct zset_lex_range *range, const unsigned char *at) {
    char digits[PACKED_DIGITS];
    size_t len;
    const char *text = packed_text(at, digits, &len);
    return zset_lex_is_above(&range->min, text, len);
}

static bool is_below(const struct zset_lex_range *range, const unsigned char *at) {
    char digits[PACKED_DIGITS];
    size_t len;
    const char *text = packed_text(at, digits, &len);
    return zset_lex_is_below(&range->max, text, len);
}

struct zset_span zset_small_by_lex(const struct packed *p, const struct zset_lex_range *range, bool reverse) {
    size_t count = packed_count(p) / 2;
    struct zset_span span = {0};
    if (count == 0) return span;
    unsigned char *first = packed_first(p), *last = packed_prev(p, packed_last(p));
    if (!is_below(range, first) || !is_above(range, last)) return span;
    if (reverse) {
        unsigned char *at = last;
        span.to = count;
        for (; at && !is_below(range, at); at = zset_small_prev(p, at)) span.to--;
        span.from = span.to;
        for (; at && is_above(range, at); at = zset_small_prev(p, at)) span.from--;
    } else {
        unsigned char *at = first;
        for (; at && !is_above(range, at); at = zset_small_next(p, at)) span.from++;
        span.to = span.from;
        for (; at && is_below(range, at); at = zset_small_next(p, at)) span.to++;
    }
    return span;
}
