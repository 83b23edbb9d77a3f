/* payload.h: the bytes of values, such that a reply can be checked without remembering what was written.
 *
 * One block of printable noise is made at the start. The value of a key is a stretch of it that begins at a
 * place derived from the key, whatever its length: so writing a value is one copy, and checking one, even in
 * pieces, is one comparison. Shared and read-only once made.
 */
#ifndef GYRE_BENCH_PAYLOAD_H
#define GYRE_BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

enum { PAYLOAD_PLACES = 4096 };

struct payload {
    char *noise;
    size_t largest; /* values up to here can be made */
};

/* The noise is the same in every process, so that one run can check what another wrote. */
void payload_make(struct payload *p, size_t largest);
void payload_free(struct payload *p);

/* Where the value of this key begins; `largest` bytes follow. */
static inline const char *payload_of(const struct payload *p, uint64_t key) {
    return p->noise + (key * UINT64_C(0x9e3779b97f4a7c15) >> 52) % PAYLOAD_PLACES;
}

#endif
