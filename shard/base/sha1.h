/* sha1.h: the SHA-1 of some bytes (FIPS 180-4): for digests that other servers compute as well, not for
 * secrets. */
#ifndef GYRE_BASE_SHA1_H
#define GYRE_BASE_SHA1_H

#include <stddef.h>

enum { SHA1_BYTES = 20 };

/* Writes the hash of `len` bytes to `out`, which may lie among them. */
void sha1(const void *bytes, size_t len, unsigned char out[SHA1_BYTES]);

#endif
