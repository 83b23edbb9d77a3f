/* rdb.h: the RDB format: the numbers that files and DUMP payloads are made of.
 *
 *     "REDIS" "0010"                    magic and version
 *     AUX name value ...                facts about the file; unknown ones are ignored
 *     SELECTDB n, RESIZEDB keys expiring
 *     [EXPIRETIME_MS when] [IDLE seconds | FREQ count] type key value      for every key
 *     EOF checksum                      CRC-64 of all that precedes it; 0: none was taken
 *
 * A length is one of (first bits)  00: 6 bits; 01: 14 bits; 10000000: 32 bits; 10000001: 64 bits (both big
 * endian). A string is a length and its bytes, or, beginning with the bits 11, an integer of 8, 16 or 32 bits
 * (little endian) or compressed by LZF: compressed length, length, bytes.
 *
 * We write version 10, that of redis-server 7.0, and read versions 1 to 12.
 *
 * Parts: rdb_write.h (bytes and framing out), rdb_save.h (values to bytes), rdb_read.h (bytes and framing
 * in), rdb_load.h (bytes to values), rdb_skim.h (where a record ends, without reading it), rdb_check.h (a
 * file's summary), rdb_dump.h (DUMP payloads).
 */
#ifndef GYRE_PERSIST_RDB_H
#define GYRE_PERSIST_RDB_H

#include "shard/base/kind.h"

#include <stdint.h>

enum { RDB_VERSION = 10, RDB_VERSION_NEWEST = 12, RDB_VERSION_WITH_CHECKSUM = 5, RDB_HEADER_BYTES = 9 };

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3, /* scores as text */
    RDB_HASH = 4,
    RDB_ZSET_2 = 5, /* scores as 8 bytes */
    RDB_MODULE_PRE_GA = 6,
    RDB_MODULE_2 = 7,
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14, /* of ziplists */
    RDB_STREAM = 15,
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18, /* of listpacks and plain strings */
    RDB_STREAM_2 = 19,
    RDB_SET_LISTPACK = 20,
    RDB_STREAM_3 = 21,
    RDB_HASH_FIELDS_EXPIRE_PRE_GA = 22,
    RDB_HASH_FIELDS_EXPIRE_LISTPACK_PRE_GA = 23,
    RDB_HASH_FIELDS_EXPIRE = 24,
    RDB_HASH_FIELDS_EXPIRE_LISTPACK = 25,
    RDB_TYPE_COUNT,
};

enum rdb_opcode {
    RDB_SLOT_INFO = 244, /* slot, keys in it, those of them that expire: version 12 */
    RDB_FUNCTION = 245,
    RDB_FUNCTION_PRE_GA = 246,
    RDB_MODULE_AUX = 247,
    RDB_IDLE = 248,
    RDB_FREQ = 249,
    RDB_AUX = 250,
    RDB_RESIZEDB = 251,
    RDB_EXPIRETIME_MS = 252,
    RDB_EXPIRETIME = 253,
    RDB_SELECTDB = 254,
    RDB_EOF = 255,
    RDB_OPCODE_FIRST = RDB_SLOT_INFO,
};

/* The first two bits of a length, and what may follow 11. */
enum { RDB_LEN_6 = 0, RDB_LEN_14 = 1, RDB_LEN_LONG = 2, RDB_LEN_ENCODED = 3 };
enum { RDB_LEN_32 = 0x80, RDB_LEN_64 = 0x81 };
enum { RDB_ENC_INT8 = 0, RDB_ENC_INT16 = 1, RDB_ENC_INT32 = 2, RDB_ENC_LZF = 3 };

/* How a node of a quicklist is kept. */
enum { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };
/* The first byte of an old score, instead of its length. */
enum { RDB_SCORE_NAN = 253, RDB_SCORE_INF = 254, RDB_SCORE_MINUS_INF = 255 };

/* What a type is, in words; "type 99" is "an unknown type". Never NULL. */
const char *rdb_type_text(unsigned type);
/* Which type of value it makes; TYPE_COUNT where we have none for it (modules, hashes whose fields
 * expire, unknown ones). */
enum value_type rdb_value_type(unsigned type);

#endif
