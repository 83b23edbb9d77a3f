/* bits.h: a run of bytes as a row of bits, the highest bit of the first byte first: bit 0 is 0x80 of byte 0.
 *
 * Pure functions on memory that the caller may read or write; any thread may call them. Positions count bits
 * from the first byte; a range is [from, to).
 */
#ifndef GYRE_BASE_BITS_H
#define GYRE_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BITS_FIELD_MAX = 64 };

/* How many bits of the range are set. */
uint64_t bits_count(const unsigned char *bytes, uint64_t from, uint64_t to);
/* The first bit of the range that equals `bit`; `to` when there is none. */
uint64_t bits_find(const unsigned char *bytes, uint64_t from, uint64_t to, bool bit);

/* The `width` (1 to 64) bits at `at` as an unsigned number; what lies beyond the `len` bytes reads as 0. */
uint64_t bits_get(const unsigned char *bytes, size_t len, uint64_t at, unsigned width);
/* Writes the low `width` bits of `value` there; all of them lie within the bytes. */
void bits_set(unsigned char *bytes, uint64_t at, unsigned width, uint64_t value);

enum bits_operation { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT };
/* to = to op from, byte by byte; BITS_NOT: to = ~from. The two do not overlap unless they are the same. */
void bits_combine(enum bits_operation operation, unsigned char *to, const unsigned char *from, size_t n);

#endif
