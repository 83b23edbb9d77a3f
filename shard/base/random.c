/* random.c: xoshiro256** (Blackman and Vigna), seeded by splitmix64.
 *
 * Chosen over rand_r and the like because it is a handful of instructions, passes the usual test batteries
 * and has all of its state in one struct: a thread's choices replay exactly from its seed.
 */
#include "shard/base/random.h"

#include "shard/base/assert.h"

static uint64_t rotate_left(uint64_t x, unsigned bits) {
    return (x << bits) | (x >> (64 - bits));
}

/* One step of splitmix64: spreads a poor seed (0, 1, a clock) over all bits of the state. */
static uint64_t splitmix(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void random_seed(struct random *r, uint64_t seed) {
    for (unsigned i = 0; i < 4; i++) r->s[i] = splitmix(&seed);
    /* All zero would be a fixed point; four outputs of a bijection over distinct inputs cannot all be
     * zero. */
    ASSERT((r->s[0] | r->s[1] | r->s[2] | r->s[3]) != 0);
}

uint64_t random_next(struct random *r) {
    uint64_t *s = r->s;
    DASSERT((s[0] | s[1] | s[2] | s[3]) != 0);
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire's method: the high half of next * bound is uniform once the few low halves that would make some
 * values likelier are drawn again. The division is paid only when the first draw is suspicious. */
uint64_t random_below(struct random *r, uint64_t bound) {
    ASSERT(bound > 0);
    __uint128_t product = (__uint128_t)random_next(r) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = -bound % bound; /* 2^64 mod bound */
        while ((uint64_t)product < threshold) product = (__uint128_t)random_next(r) * bound;
    }
    return (uint64_t)(product >> 64);
}

double random_unit(struct random *r) {
    return (double)(random_next(r) >> 11) * 0x1p-53;
}
