/* text_glob.c: glob patterns, as KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE know them.
 *
 * The pattern is walked with one point to return to: when something after a '*' does not match, that star
 * takes one more byte and the walk goes on behind it. An earlier star never has to be tried again, since
 * whatever it could reach by taking more, the later one reaches as well. So the time is bounded by pattern
 * length times text length, however many stars there are, and nothing recurses.
 *
 * What the oracle does in the corners, kept here: a '\' at the end stands for itself; "[" without "]" ends
 * with the pattern; a range may be reversed, compares bytes as signed, and its ends are ordered before case
 * is folded; an escaped byte in a class is compared with its case; no pattern but the empty one matches the
 * empty text; a pattern with more than GLOB_STARS_MAX stars that have something behind them matches nothing
 * (there, a guard of the stack).
 */
#include "shard/base/text.h"

#include "shard/base/assert.h"

enum { GLOB_STARS_MAX = 1000 };

struct glob {
    const char *pattern, *pattern_end;
    bool nocase;
};

/* A byte as the oracle compares it: signed, and in its small form where case does not count. */
static inline int fold(char c, bool nocase) {
    return nocase ? (signed char)text_lower_byte((unsigned char)c) : (signed char)c;
}

/* Matches c against the class whose '[' is at p. Sets *after to the first byte behind the class. */
static bool match_class(const struct glob *g, const char *p, char c, const char **after) {
    ASSERT(p < g->pattern_end && *p == '[');
    const char *end = g->pattern_end;
    bool matched = false;
    p++;
    bool negated = p < end && *p == '^';
    if (negated) p++;
    while (p < end && *p != ']') {
        if (*p == '\\' && end - p >= 2) {
            matched |= p[1] == c;
            p += 2;
        } else if (end - p >= 3 && p[1] == '-') {
            int low = fold(p[0], false), high = fold(p[2], false);
            if (low > high) {
                int swapped = low;
                low = high;
                high = swapped;
            }
            low = fold((char)low, g->nocase);
            high = fold((char)high, g->nocase);
            int byte = fold(c, g->nocase);
            matched |= byte >= low && byte <= high;
            p += 3;
        } else {
            matched |= fold(*p, g->nocase) == fold(c, g->nocase);
            p++;
        }
    }
    *after = p < end ? p + 1 : p;
    return matched != negated;
}

/* Matches c against the one element (not a star) at p. Sets *after to what follows the element. */
static bool match_one(const struct glob *g, const char *p, char c, const char **after) {
    DASSERT(p < g->pattern_end && *p != '*');
    if (*p == '[') return match_class(g, p, c, after);
    if (*p == '?') {
        *after = p + 1;
        return true;
    }
    if (*p == '\\' && g->pattern_end - p >= 2) p++;
    *after = p + 1;
    return fold(*p, g->nocase) == fold(c, g->nocase);
}

bool text_glob(const char *pattern, size_t plen, const char *text, size_t len, bool nocase) {
    const struct glob g = {pattern, pattern + plen, nocase};
    const char *p = pattern, *t = text, *text_end = text + len;
    const char *star = NULL,
               *star_text = NULL; /* behind the last star met, and where its rest was last tried */
    unsigned stars = 0;
    if (len == 0) return plen == 0;
    while (t < text_end) {
        const char *after;
        if (p < g.pattern_end && *p == '*') {
            while (p < g.pattern_end && *p == '*') p++;
            if (p == g.pattern_end) return true;
            if (++stars > GLOB_STARS_MAX)
                return false; /* each run of stars is met once: only the last is returned to */
            star = p;
            star_text = t;
        } else if (p < g.pattern_end && match_one(&g, p, *t, &after)) {
            p = after;
            t++;
        } else if (star != NULL) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < g.pattern_end && *p == '*') p++;
    return p == g.pattern_end;
}
