/* draw.c: see draw.h.
 *
 * Zipf is drawn by rejection-inversion (Hörmann and Derflinger, 1996): the sum of the weights is replaced
 * by the area under x^-theta, which can be inverted in closed form; a point of that area is drawn,
 * rounded to the nearest rank, and refused where the rounding took it out of that rank's bar. About one
 * draw in ten is refused; nothing depends on n, and the distribution is exact. */
#include "bench/draw.h"

#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { REFUSALS_MAX = 1000 };
static const double THETA_MAX = 20;

/* The area under t^-theta from 1 to x, in a form that holds at theta 1 as well. */
static double area(const struct draw *d, double x) {
    const double power = 1 - d->shape.theta, log_x = log(x);
    return fabs(power) < 1e-9 ? log_x : expm1(power * log_x) / power;
}

/* The x up to which the area is a. */
static double area_inverse(const struct draw *d, double a) {
    const double power = 1 - d->shape.theta;
    if (fabs(power) < 1e-9) return exp(a);
    double inside = a * power;
    if (inside < -1) inside = -1; /* rounding at the far end */
    return exp(log1p(inside) / power);
}

static void start_zipf(struct draw *d) {
    ASSERT(d->shape.theta > 0 && d->shape.theta <= THETA_MAX);
    /* Rank 1 gets a bar of exactly weight 1, standing to the left of 1.5. */
    d->low = area(d, 1.5) - 1;
    d->high = area(d, (double)d->n + 0.5);
    /* How near to its rank a point is accepted without computing an area: rank 2 is the narrowest. */
    d->flat = 2 - area_inverse(d, area(d, 2.5) - exp(-d->shape.theta * log(2)));
}

static uint64_t zipf_rank(struct draw *d, struct random *random) {
    for (unsigned i = 0; i < REFUSALS_MAX; i++) {
        const double a = d->high + random_unit(random) * (d->low - d->high), x = area_inverse(d, a);
        double rank = floor(x + 0.5);
        if (rank < 1) rank = 1;
        if (rank > (double)d->n) rank = (double)d->n;
        if (rank - x <= d->flat || a >= area(d, rank + 0.5) - exp(-d->shape.theta * log(rank)))
            return (uint64_t)rank - 1;
    }
    ASSERT(!"a distribution that refuses every draw");
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void draw_start(struct draw *d, const struct draw_shape *shape, uint64_t n, unsigned thread,
                unsigned threads) {
    ASSERT(n > 0 && thread < threads);
    *d = (struct draw){.shape = *shape, .n = n, .next = thread % n, .step = threads % n};
    /* Near n times the golden ratio, so that ranks that follow each other lie far apart. */
    d->scatter = (uint64_t)((double)n * 0.6180339887498949) | 1;
    while (greatest_common_divisor(d->scatter, n) != 1) d->scatter++;
    if (shape->kind == DRAW_ZIPF) start_zipf(d);
    if (shape->kind == DRAW_HOT_SET) {
        d->hot = (uint64_t)llround((double)n * shape->hot_keys);
        if (d->hot == 0) d->hot = 1;
        if (d->hot > n) d->hot = n;
    }
}

uint64_t draw_rank(struct draw *d, struct random *random) {
    switch (d->shape.kind) {
    case DRAW_UNIFORM: return random_below(random, d->n);
    case DRAW_ZIPF: return zipf_rank(d, random);
    case DRAW_SEQUENTIAL: {
        uint64_t now = d->next;
        d->next += d->step;
        if (d->next >= d->n) d->next -= d->n;
        return now;
    }
    case DRAW_HOT_SET:
        if (d->hot == d->n || random_unit(random) < d->shape.hot_share) return random_below(random, d->hot);
        return d->hot + random_below(random, d->n - d->hot);
    }
    ASSERT(!"a kind of distribution that is none");
}

uint64_t draw_next(struct draw *d, struct random *random) {
    const uint64_t rank = draw_rank(d, random);
    ASSERT(rank < d->n);
    if (d->shape.kind == DRAW_UNIFORM || d->shape.kind == DRAW_SEQUENTIAL) return rank;
    return (uint64_t)((__uint128_t)rank * d->scatter % d->n);
}

bool draw_parse(const char *text, struct draw_shape *shape, struct problem *problem) {
    const char *colon = strchr(text, ':'), *rest = colon ? colon + 1 : NULL;
    const size_t word = colon ? (size_t)(colon - text) : strlen(text);
    *shape = (struct draw_shape){.kind = DRAW_UNIFORM, .theta = 0.99, .hot_keys = 0.1, .hot_share = 0.9};
    if (text_is(text, word, "uniform") && !rest) return true;
    if (text_is(text, word, "sequential") && !rest) {
        shape->kind = DRAW_SEQUENTIAL;
        return true;
    }
    if (text_is(text, word, "zipf")) {
        shape->kind = DRAW_ZIPF;
        if (rest && (!text_to_double(rest, strlen(rest), &shape->theta) || !(shape->theta > 0) ||
                     shape->theta > THETA_MAX))
            return problem_note(problem, "zipf's theta is a number above 0 and up to 20 (zipf:0.99)");
        return true;
    }
    if (text_is(text, word, "hotset")) {
        const char *comma = rest ? strchr(rest, ',') : NULL;
        shape->kind = DRAW_HOT_SET;
        if (!rest) return true;
        if (!comma || !text_to_double(rest, (size_t)(comma - rest), &shape->hot_keys) ||
            !text_to_double(comma + 1, strlen(comma + 1), &shape->hot_share) || !(shape->hot_keys > 0) ||
            shape->hot_keys >= 1 || !(shape->hot_share >= 0) || shape->hot_share > 1)
            return problem_note(
                problem, "hotset takes a share of the keys and a share of the requests (hotset:0.1,0.9)");
        return true;
    }
    return problem_note(
        problem, "distributions are uniform, zipf[:THETA], sequential, hotset[:KEYS,REQUESTS] (shares)");
}
