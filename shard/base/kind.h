/* kind.h: the types of value a key can hold, by the numbers that everything in the server agrees on. */
#ifndef GYRE_BASE_KIND_H
#define GYRE_BASE_KIND_H

enum value_type { TYPE_STRING, TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_HASH, TYPE_STREAM, TYPE_COUNT };

#endif
