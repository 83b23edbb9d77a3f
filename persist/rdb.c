/* rdb.c: the types of RDB files in words: see rdb.h. */
#include "persist/rdb.h"

static const struct {
    const char *text;
    enum value_type type;
} types[RDB_TYPE_COUNT] = {
    [RDB_STRING] = {"a string", TYPE_STRING},
    [RDB_LIST] = {"a list", TYPE_LIST},
    [RDB_SET] = {"a set", TYPE_SET},
    [RDB_ZSET] = {"a sorted set with scores as text", TYPE_ZSET},
    [RDB_HASH] = {"a hash", TYPE_HASH},
    [RDB_ZSET_2] = {"a sorted set", TYPE_ZSET},
    [RDB_MODULE_PRE_GA] = {"a value of a module (old form)", TYPE_COUNT},
    [RDB_MODULE_2] = {"a value of a module", TYPE_COUNT},
    [RDB_HASH_ZIPMAP] = {"a hash in a zipmap", TYPE_HASH},
    [RDB_LIST_ZIPLIST] = {"a list in a ziplist", TYPE_LIST},
    [RDB_SET_INTSET] = {"a set in an intset", TYPE_SET},
    [RDB_ZSET_ZIPLIST] = {"a sorted set in a ziplist", TYPE_ZSET},
    [RDB_HASH_ZIPLIST] = {"a hash in a ziplist", TYPE_HASH},
    [RDB_LIST_QUICKLIST] = {"a quicklist of ziplists", TYPE_LIST},
    [RDB_STREAM] = {"a stream", TYPE_STREAM},
    [RDB_HASH_LISTPACK] = {"a hash in a listpack", TYPE_HASH},
    [RDB_ZSET_LISTPACK] = {"a sorted set in a listpack", TYPE_ZSET},
    [RDB_LIST_QUICKLIST_2] = {"a quicklist", TYPE_LIST},
    [RDB_STREAM_2] = {"a stream (version 2)", TYPE_STREAM},
    [RDB_SET_LISTPACK] = {"a set in a listpack", TYPE_SET},
    [RDB_STREAM_3] = {"a stream (version 3)", TYPE_STREAM},
    [RDB_HASH_FIELDS_EXPIRE_PRE_GA] = {"a hash whose fields expire (preview form)", TYPE_COUNT},
    [RDB_HASH_FIELDS_EXPIRE_LISTPACK_PRE_GA] = {"a hash in a listpack whose fields expire (preview form)",
                                                TYPE_COUNT},
    [RDB_HASH_FIELDS_EXPIRE] = {"a hash whose fields expire", TYPE_COUNT},
    [RDB_HASH_FIELDS_EXPIRE_LISTPACK] = {"a hash in a listpack whose fields expire", TYPE_COUNT},
};

const char *rdb_type_text(unsigned type) {
    return type < RDB_TYPE_COUNT && types[type].text ? types[type].text : "an unknown type";
}

enum value_type rdb_value_type(unsigned type) {
    return type < RDB_TYPE_COUNT && types[type].text ? types[type].type : TYPE_COUNT;
}
