/* crc64.h: the checksum at the end of RDB files and DUMP payloads: CRC-64/Jones, reflected.
 *
 * Polynomial ad93d23594c935a9, start 0, nothing inverted: so sums can be taken of pieces, on different
 * threads, and put together afterwards (crc64_combine). Uses carry-less multiplication where the processor
 * has it (several bytes a cycle), otherwise tables of sixteen bytes at a time; the tables are built before
 * main runs. Pure; any thread.
 */
#ifndef GYRE_BASE_CRC64_H
#define GYRE_BASE_CRC64_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` is the sum of (0: of nothing), followed by these bytes. */
uint64_t crc64(uint64_t crc, const void *bytes, size_t len);
/* The same by tables alone: for tests, and what other ways are measured by. */
uint64_t crc64_by_table(uint64_t crc, const void *bytes, size_t len);
/* The sum of A followed by B, by their own sums and the length of B. O(log len). */
uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b);

#endif
