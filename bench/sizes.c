/* sizes.c: see sizes.h. */
#include "bench/sizes.h"

#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>

static bool parse_part(const char *text, size_t len, struct size_part *part) {
    const char *colon = memchr(text, ':', len);
    size_t range = colon ? (size_t)(colon - text) : len;
    const char *dash = memchr(text, '-', range);
    size_t first = dash ? (size_t)(dash - text) : range;
    part->weight = 1;
    if (colon && (!text_to_u64(colon + 1, len - range - 1, &part->weight) || part->weight > UINT32_MAX))
        return false;
    if (first == 0 || !text_to_memory(text, first, &part->low)) return false;
    part->high = part->low;
    if (!dash) return true;
    size_t second = range - first - 1;
    return second > 0 && text_to_memory(dash + 1, second, &part->high) && part->high >= part->low;
}

bool sizes_parse(const char *text, uint64_t max, struct sizes *sizes, struct problem *problem) {
    memset(sizes, 0, sizeof *sizes);
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ",");
        if (sizes->count == SIZES_PARTS_MAX) {
            return problem_note(problem, "at most %d ranges can be weighted", SIZES_PARTS_MAX);
        }
        struct size_part *part = &sizes->part[sizes->count++];
        if (!parse_part(at, len, part)) {
            return problem_note(problem, "'%.*s' is neither N, LOW-HIGH, nor one of them with :WEIGHT",
                                (int)len, at);
        }
        if (part->high > max) {
            return problem_note(problem, "%llu is above the largest allowed, %llu",
                                (unsigned long long)part->high, (unsigned long long)max);
        }
        sizes->weight_total += part->weight;
        at += len;
        if (!*at) break;
    }
    if (sizes->weight_total) return true;
    return problem_note(problem, "all weights are 0");
}

uint64_t sizes_draw(const struct sizes *sizes, struct random *random) {
    ASSERT(sizes->count > 0);
    unsigned chosen = 0;
    if (sizes->count > 1) {
        uint64_t at = random_below(random, sizes->weight_total);
        while (at >= sizes->part[chosen].weight) at -= sizes->part[chosen++].weight;
    }
    ASSERT(chosen < sizes->count);
    const struct size_part *part = &sizes->part[chosen];
    return part->low == part->high ? part->low : part->low + random_below(random, part->high - part->low + 1);
}

uint64_t sizes_largest(const struct sizes *sizes) {
    uint64_t largest = 0;
    for (unsigned i = 0; i < sizes->count; i++) {
        if (sizes->part[i].weight && sizes->part[i].high > largest) largest = sizes->part[i].high;
    }
    return largest;
}

bool sizes_fixed(const struct sizes *sizes) {
    return sizes->count == 1 && sizes->part[0].low == sizes->part[0].high;
}
