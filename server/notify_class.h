/* notify_class.h: the classes of keyspace events, as the letters of notify-keyspace-events name them, and
 * which of them are wanted now.
 *
 * Apart from notify.h because the configuration needs this and knows no commands. Any thread.
 */
#ifndef GYRE_SERVER_NOTIFY_CLASS_H
#define GYRE_SERVER_NOTIFY_CLASS_H

#include "shard/base/buf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The letters of notify-keyspace-events. */
enum notify_class {
    NOTIFY_KEYSPACE = 1 << 0,  /* K */
    NOTIFY_KEYEVENT = 1 << 1,  /* E */
    NOTIFY_GENERIC = 1 << 2,   /* g */
    NOTIFY_STRING = 1 << 3,    /* $ */
    NOTIFY_LIST = 1 << 4,      /* l */
    NOTIFY_SET = 1 << 5,       /* s */
    NOTIFY_HASH = 1 << 6,      /* h */
    NOTIFY_ZSET = 1 << 7,      /* z */
    NOTIFY_EXPIRED = 1 << 8,   /* x */
    NOTIFY_EVICTED = 1 << 9,   /* e */
    NOTIFY_STREAM = 1 << 10,   /* t */
    NOTIFY_KEY_MISS = 1 << 11, /* m: not one of A */
    NOTIFY_MODULE = 1 << 12,   /* d */
    NOTIFY_NEW = 1 << 13,      /* n: not one of A */
    NOTIFY_ALL = NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH | NOTIFY_ZSET |
                 NOTIFY_EXPIRED | NOTIFY_EVICTED | NOTIFY_STREAM | NOTIFY_MODULE, /* A */
};

/* The classes that are wanted; 0 when no event would be told to anybody. */
extern _Atomic uint32_t notify_classes_active;

/* The configuration has changed: `classes` as the option has them. */
void notify_set_classes(uint32_t classes);

/* The classes that letters stand for; false when there is another character among them. */
bool notify_classes_parse(const char *letters, size_t n, uint32_t *classes);
/* Appends their letters as Redis orders and abbreviates them. */
void notify_classes_print(uint32_t classes, struct buf *out);

#endif
