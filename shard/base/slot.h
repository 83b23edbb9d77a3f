/* slot.h: which of the 16384 slots a key belongs to.
 *
 * CRC16 (XMODEM: polynomial 0x1021, no reflection, start 0) of the key, or of what stands between its first
 * '{' and the next '}' when that is not empty, modulo 16384: the rule of the Redis Cluster specification.
 * Pure; any thread.
 */
#ifndef GYRE_BASE_SLOT_H
#define GYRE_BASE_SLOT_H

#include <stddef.h>
#include <stdint.h>

enum { SLOT_COUNT = 16384, SLOT_BITS = 14 };

/* Builds the CRC tables; called once before threads start. */
void slot_init(void);
uint16_t slot_crc16(const void *bytes, size_t len);
uint16_t slot_of_key(const void *key, size_t len);

#endif
