/* choice.h: choosing several different ones of many by chance, every choice equally likely.
 *
 * There are two ways, and which is cheaper depends on the share that is wanted (choice_is_few):
 *
 *     few of many    draw one by one, and draw again what was drawn before (struct drawn remembers it)
 *     the rest       one walk, in which each is wanted with the chance of what is wanted in what is left
 *
 * Pure but for the caller's generator; owned by one thread.
 */
#ifndef GYRE_TYPE_CHOICE_H
#define GYRE_TYPE_CHOICE_H

#include "shard/base/assert.h"
#include "shard/base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHOICE_FEW_SHARE = 4 };

/* Whether `count` of `total` are better drawn than met on a walk. At most a quarter is, so that drawing again
 * is rare. */
static inline bool choice_is_few(size_t count, size_t total) {
    return count < total / CHOICE_FEW_SHARE;
}

/* A walk's choice: of the `left` that it has still to see, `wanted`. */
struct choice {
    struct random *random;
    size_t left, wanted;
};

/* Whether the next one is among the chosen. */
static inline bool choice_next(struct choice *c) {
    ASSERT(c->left > 0 && c->wanted <= c->left);
    bool chosen = random_below(c->random, c->left--) < c->wanted;
    c->wanted -= chosen;
    return chosen;
}

/* What was drawn so far, as numbers or addresses: open addressing, at most half full. */
struct drawn {
    uintptr_t *places;
    size_t mask;
};

/* For `count` draws. */
struct drawn drawn_new(size_t count);
/* False if it was there already. `place` is not UINTPTR_MAX. */
bool drawn_add(struct drawn *d, uintptr_t place);
void drawn_free(struct drawn *d);

#endif
