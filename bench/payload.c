/* payload.c: see payload.h. */
#include "bench/payload.h"

#include "shard/base/mem.h"
#include "shard/base/random.h"

static const uint64_t NOISE_SEED = 0x6779726562656e63;

void payload_make(struct payload *p, size_t largest) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    struct random random;
    random_seed(&random, NOISE_SEED);
    p->largest = largest;
    p->noise = mem_alloc(largest + PAYLOAD_PLACES);
    for (size_t i = 0; i < largest + PAYLOAD_PLACES; i++) p->noise[i] = letters[random_next(&random) >> 58];
}

void payload_free(struct payload *p) {
    mem_free(p->noise);
    p->noise = NULL;
}
