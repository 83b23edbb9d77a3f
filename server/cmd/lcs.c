/* lcs.c: LCS: the longest common subsequence of two strings.
 *
 * Runs on the client's thread with the slices of both keys held, and looks at the two values where they
 * lie.
 *
 * The textbook table L (L[i][j]: the length of the longest common subsequence of the first i bytes of a
 * and the first j of b) is not kept. Each of its rows rises by 0 or 1 from column to column, so a row is
 * a string of bits, D[i], and 64 cells are computed by a handful of word operations (the bit-vector
 * algorithm of Allison and Dix, Crochemore and others):
 *
 *     S = D[i-1],  M = the positions of a[i] in b        D[i] = X & ((X - (S << 1 | 1)) ^ X)  where X = S | M
 *
 * That is enough for the way back, too. From cell (i, j), where the bytes differ, Redis goes up if
 * L[i-1][j] > L[i][j-1] and left otherwise; L[i][j] is the larger of the two, and L[i][j-1] = L[i][j] -
 * D[i][j], so it goes up just where D[i][j] is 1. The same matches are chosen, from one bit for each
 * cell instead of Redis's 32, in about a hundredth of its time.
 *
 * Redis's limit on its table (4 bytes a cell within proto-max-bulk-len) is kept: it gives the same
 * errors, and by default bounds the time under the holds to a few milliseconds for strings of like
 * lengths (to some hundred for one of 60 MB against one of a few bytes).
 */
#include "server/cmd/lookup.h"
#include "server/config.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <string.h>

enum { WORD_BITS = 64, BYTE_VALUES = 256 };

struct text {
    const char *bytes;
    size_t len;
    char digits[TEXT_I64_MAX];
};

struct options {
    bool length, index, with_length;
    int64_t match_min; /* shorter matches are not listed */
};

/* The rows D[1..a.len], each of `words` words; with LEN alone there is just one, overwritten. */
struct rows {
    uint64_t *bits;
    size_t words;
    bool all;
};

static uint64_t *row(const struct rows *rows, size_t i) {
    return rows->bits + (rows->all ? i * rows->words : 0);
}

/* For every byte value in a, the positions in b where it stands: `words` words each. */
struct positions {
    uint64_t *bits;
    uint16_t row_of[BYTE_VALUES]; /* 0: the value is not in a */
};

static void positions_make(struct positions *p, const struct text *a, const struct text *b, size_t words) {
    unsigned rows = 1;
    memset(p->row_of, 0, sizeof p->row_of);
    for (size_t i = 0; i < a->len && rows <= BYTE_VALUES; i++) {
        uint16_t *row_of = &p->row_of[(unsigned char)a->bytes[i]];
        if (*row_of == 0) *row_of = (uint16_t)rows++;
    }
    p->bits = mem_zalloc(rows * words * sizeof(uint64_t));
    for (size_t j = 0; j < b->len; j++) {
        uint64_t *bits = p->bits + p->row_of[(unsigned char)b->bytes[j]] * words;
        bits[j / WORD_BITS] |= UINT64_C(1) << j % WORD_BITS;
    }
}

/* One row from the one before it (`before` may be `out`). */
static void next_row(const uint64_t *before, const uint64_t *match, uint64_t *out, size_t words) {
    uint64_t shifted_in = 1, borrow = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t s = before[w], x = s | match[w];
        uint64_t shifted = s << 1 | shifted_in, difference;
        shifted_in = s >> (WORD_BITS - 1);
        uint64_t borrowed = __builtin_sub_overflow(x, shifted, &difference);
        borrowed |= __builtin_sub_overflow(difference, borrow, &difference);
        borrow = borrowed;
        out[w] = x & (difference ^ x);
    }
}

/* Fills the rows (none where a string is empty); returns the length of the subsequence. The unused high
 * bits of the last word stay 0 in every match, and a row never has a bit that neither the match nor the
 * row before it has, so they stay 0 in the rows. */
static size_t rows_fill(struct rows *rows, const struct text *a, const struct text *b) {
    if (a->len == 0 || b->len == 0) return 0;
    struct positions positions;
    positions_make(&positions, a, b, rows->words);
    size_t count = rows->all ? a->len + 1 : 1;
    rows->bits = mem_zalloc(count * rows->words * sizeof(uint64_t));
    for (size_t i = 1; i <= a->len; i++) {
        const uint64_t *match =
            positions.bits + positions.row_of[(unsigned char)a->bytes[i - 1]] * rows->words;
        next_row(row(rows, i - 1), match, row(rows, i), rows->words);
    }
    size_t length = 0;
    const uint64_t *last = row(rows, a->len);
    for (size_t w = 0; w < rows->words; w++) length += (size_t)__builtin_popcountll(last[w]);
    mem_free(positions.bits);
    return length;
}

/* The way back through the rows, one run of adjacent matching bytes at a time. */
struct walk {
    const struct text *a, *b;
    const struct rows *rows;
    size_t i, j;
};

/* The next run, from the end on: *a_at and *b_at are where it starts in either string. Returns its
 * length, 0 at the end. */
static size_t walk_run(struct walk *w, size_t *a_at, size_t *b_at) {
    size_t run = 0;
    while (w->i > 0 && w->j > 0) {
        if (w->a->bytes[w->i - 1] == w->b->bytes[w->j - 1]) {
            w->i--;
            w->j--;
            run++;
            continue;
        }
        if (run > 0) break;
        const uint64_t *bits = row(w->rows, w->i);
        if (bits[(w->j - 1) / WORD_BITS] >> (w->j - 1) % WORD_BITS & 1)
            w->i--;
        else
            w->j--;
    }
    *a_at = w->i;
    *b_at = w->j;
    return run;
}

static void reply_subsequence(struct call *c, struct walk *w, size_t length) {
    char *text = mem_alloc(length + 1);
    size_t a_at, b_at, run, left = length;
    while ((run = walk_run(w, &a_at, &b_at)) > 0) {
        ASSERT(run <= left);
        left -= run;
        memcpy(text + left, w->a->bytes + a_at, run);
    }
    ASSERT(left == 0);
    reply_bulk(c->reply, text, length);
    mem_free(text);
}

static void reply_range(struct call *c, size_t start, size_t len) {
    reply_array(c->reply, 2);
    reply_int(c->reply, (int64_t)start);
    reply_int(c->reply, (int64_t)(start + len - 1));
}

static void reply_matches(struct call *c, struct walk *w, size_t length, const struct options *o) {
    reply_map(c->reply, 2);
    reply_bulk_text(c->reply, "matches");
    struct reply_mark mark = reply_mark(c->reply);
    size_t a_at, b_at, run, matches = 0;
    while ((run = walk_run(w, &a_at, &b_at)) > 0) {
        if ((int64_t)run < o->match_min) continue;
        reply_array(c->reply, o->with_length ? 3 : 2);
        reply_range(c, a_at, run);
        reply_range(c, b_at, run);
        if (o->with_length) reply_int(c->reply, (int64_t)run);
        matches++;
    }
    reply_mark_array(c->reply, mark, matches);
    reply_bulk_text(c->reply, "len");
    reply_int(c->reply, (int64_t)length);
}

static bool parse_options(struct call *c, struct options *o) {
    for (unsigned i = 3; i < c->argc; i++) {
        if (call_is(c, i, "IDX")) {
            o->index = true;
        } else if (call_is(c, i, "LEN")) {
            o->length = true;
        } else if (call_is(c, i, "WITHMATCHLEN")) {
            o->with_length = true;
        } else if (call_is(c, i, "MINMATCHLEN") && i + 1 < c->argc) {
            if (!call_int(c, ++i, &o->match_min, NULL)) return false;
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    if (!o->index || !o->length) return true;
    reply_error(c->reply, "ERR If you want both the length and indexes, please just use IDX.");
    return false;
}

/* The value of an entry; of none (NULL), the empty string. */
static void text_of(const struct entry *e, struct text *text) {
    text->bytes = "";
    text->len = 0;
    if (e != NULL) text->bytes = entry_string(e, text->digits, &text->len);
}

/* Redis's limits, for a table of 4 bytes a cell. */
static bool check_sizes(struct call *c, const struct text *a, const struct text *b) {
    if (a->len >= UINT32_MAX - 1 || b->len >= UINT32_MAX - 1) {
        reply_error(c->reply, "ERR String too long for LCS");
        return false;
    }
    uint64_t cells = (uint64_t)(a->len + 1) * (b->len + 1), limit = config_get()->proto_max_bulk_len;
    if (cells <= limit / sizeof(uint32_t)) return true;
    reply_error(c->reply, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return false;
}

static void cmd_lcs(struct call *c) {
    struct options o = {0};
    struct text a, b;
    const struct entry *entries[2];
    ASSERT(c->key_count == 2);
    for (unsigned i = 0; i < 2; i++) {
        struct entry **at = call_read(c, i);
        entries[i] = at != NULL ? *at : NULL;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (entries[i] == NULL || entry_type(entries[i]) == TYPE_STRING) continue;
        reply_error(c->reply, "ERR The specified keys must contain string values");
        return;
    }
    if (!parse_options(c, &o)) return;
    text_of(entries[0], &a);
    text_of(entries[1], &b);
    if (!check_sizes(c, &a, &b)) return;

    struct rows rows = {.words = b.len / WORD_BITS + 1, .all = !o.length};
    size_t length = rows_fill(&rows, &a, &b);
    struct walk walk = {.a = &a, .b = &b, .rows = &rows, .i = a.len, .j = b.len};
    if (o.index)
        reply_matches(c, &walk, length, &o);
    else if (o.length)
        reply_int(c->reply, (int64_t)length);
    else
        reply_subsequence(c, &walk, length);
    mem_free(rows.bits);
}

/* ---- the commands ---- */

struct command lcs_commands[] = {
    {.name = "lcs",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_STRING | ACL_SLOW,
     .keys = {KEYS_AT(1, 1, 1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_lcs,
     .group = "string",
     .since = "7.0.0",
     .summary = "Find longest common substring",
     .complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively"},
    {0},
};
