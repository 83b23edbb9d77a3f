/* catalog.c: see catalog.h. */
#include "bench/catalog.h"

#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char FILL_STRING[] = "SET __key__ __data__";
static const char FILL_COUNTER[] = "SET counter:__id__ 0";
static const char FILL_HASH[] =
    "HSET hash:__id__ field:000000 __data__ field:000001 __data__ field:000002 __data__";
static const char FILL_LIST[] = "RPUSH list:__id__ __data__*10";
static const char FILL_SET[] = "SADD set:__id__ member:__rand_int__*10";
static const char FILL_ZSET[] = "ZADD zset:__id__ __score__,member:__rand_int__*10";

static const struct known_command COMMANDS[] = {
    {"get", "GET __key__", FILL_STRING},
    {"set", "SET __key__ __data__", FILL_STRING},
    {"setex", "SETEX __key__ __ttl__ __data__", FILL_STRING},
    {"setnx", "SET __key__ __data__ NX", NULL},
    {"getset", "GETSET __key__ __data__", FILL_STRING},
    {"getdel", "GETDEL __key__", FILL_STRING},
    {"mget", "MGET __key__*10", FILL_STRING},
    {"mset", "MSET __key__,__data__*10", FILL_STRING},
    {"append", "APPEND __key__ x", FILL_STRING},
    {"strlen", "STRLEN __key__", FILL_STRING},
    {"getrange", "GETRANGE __key__ 0 9", FILL_STRING},
    {"incr", "INCR counter:__id__", FILL_COUNTER},
    {"incrby", "INCRBY counter:__id__ __score__", FILL_COUNTER},
    {"del", "DEL __key__", FILL_STRING},
    {"unlink", "UNLINK __key__", FILL_STRING},
    {"exists", "EXISTS __key__", FILL_STRING},
    {"type", "TYPE __key__", FILL_STRING},
    {"expire", "EXPIRE __key__ __ttl__", FILL_STRING},
    {"ttl", "TTL __key__", FILL_STRING},
    {"touch", "TOUCH __key__", FILL_STRING},
    {"hset", "HSET hash:__id__ field:__field__ __data__", FILL_HASH},
    {"hget", "HGET hash:__id__ field:__field__", FILL_HASH},
    {"hmget", "HMGET hash:__id__ field:__field__ field:__field__ field:__field__", FILL_HASH},
    {"hgetall", "HGETALL hash:__id__", FILL_HASH},
    {"hdel", "HDEL hash:__id__ field:__field__", FILL_HASH},
    {"hincrby", "HINCRBY counts:__id__ field:__field__ 1", NULL},
    {"lpush", "LPUSH list:__id__ __data__", FILL_LIST},
    {"rpush", "RPUSH list:__id__ __data__", FILL_LIST},
    {"lpop", "LPOP list:__id__", FILL_LIST},
    {"rpop", "RPOP list:__id__", FILL_LIST},
    {"llen", "LLEN list:__id__", FILL_LIST},
    {"lrange", "LRANGE list:__id__ 0 9", FILL_LIST},
    {"sadd", "SADD set:__id__ member:__rand_int__", FILL_SET},
    {"srem", "SREM set:__id__ member:__rand_int__", FILL_SET},
    {"spop", "SPOP set:__id__", FILL_SET},
    {"scard", "SCARD set:__id__", FILL_SET},
    {"sismember", "SISMEMBER set:__id__ member:__rand_int__", FILL_SET},
    {"smembers", "SMEMBERS set:__id__", FILL_SET},
    {"zadd", "ZADD zset:__id__ __score__ member:__rand_int__", FILL_ZSET},
    {"zincrby", "ZINCRBY zset:__id__ __score__ member:__rand_int__", FILL_ZSET},
    {"zrem", "ZREM zset:__id__ member:__rand_int__", FILL_ZSET},
    {"zscore", "ZSCORE zset:__id__ member:__rand_int__", FILL_ZSET},
    {"zrank", "ZRANK zset:__id__ member:__rand_int__", FILL_ZSET},
    {"zcard", "ZCARD zset:__id__", FILL_ZSET},
    {"zrange", "ZRANGE zset:__id__ 0 9", FILL_ZSET},
    {"zrangebyscore", "ZRANGEBYSCORE zset:__id__ 0 __score__ LIMIT 0 10", FILL_ZSET},
    {"zpopmin", "ZPOPMIN zset:__id__", FILL_ZSET},
    {"xadd", "XADD stream:__id__ MAXLEN ~ 1000 * field __data__", NULL},
    {"publish", "PUBLISH channel:__id__ __data__", NULL},
    {"ping", "PING", NULL},
};

const struct known_command *catalog_command(const char *name, size_t len) {
    for (size_t i = 0; i < COUNT(COMMANDS); i++) {
        if (text_is(name, len, COMMANDS[i].name)) return &COMMANDS[i];
    }
    return NULL;
}

const char *catalog_command_names(void) {
    static char names[1024]; /* made anew each time, always the same */
    size_t len = 0;
    for (size_t i = 0; i < COUNT(COMMANDS); i++) {
        const size_t more = strlen(COMMANDS[i].name);
        ASSERT(len + more + 2 < sizeof names);
        if (len) names[len++] = ' ';
        memcpy(names + len, COMMANDS[i].name, more + 1);
        len += more;
    }
    return names;
}

static const struct known_test TESTS[] = {
    {"ping_inline", "PING_INLINE", "PING", true},
    {"ping_mbulk", "PING_MBULK", "PING", false},
    {"set", "SET", "SET __key__ __data__", false},
    {"get", "GET", "GET __key__", false},
    {"incr", "INCR", "INCR counter:__rand_int__", false},
    {"lpush", "LPUSH", "LPUSH mylist __data__", false},
    {"rpush", "RPUSH", "RPUSH mylist __data__", false},
    {"lpop", "LPOP", "LPOP mylist", false},
    {"rpop", "RPOP", "RPOP mylist", false},
    {"sadd", "SADD", "SADD myset element:__rand_int__", false},
    {"hset", "HSET", "HSET myhash element:__rand_int__ __data__", false},
    {"spop", "SPOP", "SPOP myset", false},
    {"zadd", "ZADD", "ZADD myzset __rand_int__ element:__rand_int__", false},
    {"zpopmin", "ZPOPMIN", "ZPOPMIN myzset", false},
    {"lrange_fill", "LPUSH (needed to benchmark LRANGE)", "LPUSH mylist __data__", false},
    {"lrange_100", "LRANGE_100 (first 100 elements)", "LRANGE mylist 0 99", false},
    {"lrange_300", "LRANGE_300 (first 300 elements)", "LRANGE mylist 0 299", false},
    {"lrange_500", "LRANGE_500 (first 500 elements)", "LRANGE mylist 0 499", false},
    {"lrange_600", "LRANGE_600 (first 600 elements)", "LRANGE mylist 0 599", false},
    {"mset", "MSET (10 keys)", "MSET __key__,__data__*10", false},
    {"xadd", "XADD", "XADD mystream * myfield __data__", false},
};

const struct known_test *catalog_test(unsigned i) {
    return i < COUNT(TESTS) ? &TESTS[i] : NULL;
}

bool catalog_test_matches(const struct known_test *test, const char *word, size_t len) {
    if (text_is(word, len, "all") || text_is(word, len, test->name)) return true;
    if (!strncmp(test->name, "ping", 4)) return text_is(word, len, "ping");
    if (strncmp(test->name, "lrange", 6) != 0) return false;
    if (text_is(word, len, "lrange")) return true;
    /* Each of them needs a list to read from. */
    return !strcmp(test->name, "lrange_fill") && len > 7 && text_is(word, 7, "lrange_");
}

static const struct preset PRESETS[] = {
    {"cache",
     "90% GET, 10% SET; a few keys are asked for most (Zipf 0.99); values of 100 to 1000 bytes",
     {{90, "GET __key__"}, {10, "SET __key__ __data__"}},
     {FILL_STRING},
     "zipf:0.99",
     "100-1000",
     NULL},
    {"session",
     "a hash per session: 70% HGETALL, 20% HSET, 10% EXPIRE; values of 30 to 200 bytes",
     {{70, "HGETALL session:__id__"},
      {20, "HSET session:__id__ field:__field__ __data__"},
      {10, "EXPIRE session:__id__ __ttl__"}},
     {"HSET session:__id__ field:000000 __data__ field:000001 __data__ field:000002 __data__"},
     "hotset:0.2,0.8",
     "30-200",
     "600-3600"},
    {"counter",
     "80% INCR, 20% GET of counters, a few of them hot (Zipf 0.99)",
     {{80, "INCR counter:__id__"}, {20, "GET counter:__id__"}},
     {FILL_COUNTER},
     "zipf:0.99",
     NULL,
     NULL},
    {"leaderboard",
     "one sorted set: 50% ZADD, 20% the ten best, 30% ranks",
     {{50, "ZADD leaderboard __score__ player:__id__"},
      {20, "ZREVRANGE leaderboard 0 9 WITHSCORES"},
      {30, "ZREVRANK leaderboard player:__id__"}},
     {"ZADD leaderboard __score__ player:__id__"},
     "uniform",
     NULL,
     NULL},
    {"queue",
     "lists as queues: 50% LPUSH, 50% RPOP; values of 100 to 1000 bytes",
     {{50, "LPUSH queue:__field__ __data__"}, {50, "RPOP queue:__field__"}},
     {NULL},
     "uniform",
     "100-1000",
     NULL},
    {"mixed",
     "all of it: strings, counters, hashes, lists, sets, sorted sets; two thirds reads; values of 10 to 1000 "
     "bytes",
     {{40, "GET __key__"},
      {10, "SET __key__ __data__"},
      {5, "MGET __key__*10"},
      {5, "INCR counter:__id__"},
      {10, "HGETALL hash:__id__"},
      {5, "HSET hash:__id__ field:__field__ __data__"},
      {5, "LRANGE list:__id__ 0 9"},
      {3, "LPUSH list:__id__ __data__"},
      {3, "RPOP list:__id__"},
      {5, "SISMEMBER set:__id__ member:__rand_int__"},
      {4, "ZADD zset:__id__ __score__ member:__rand_int__"},
      {5, "ZRANGE zset:__id__ 0 9"}},
     {FILL_STRING, FILL_COUNTER, FILL_HASH, FILL_LIST, FILL_SET, FILL_ZSET},
     "zipf:0.99",
     "10-1000",
     NULL},
};

const struct preset *catalog_preset_at(unsigned i) {
    return i < COUNT(PRESETS) ? &PRESETS[i] : NULL;
}

const struct preset *catalog_preset(const char *name) {
    for (size_t i = 0; i < COUNT(PRESETS); i++) {
        if (text_is(name, strlen(name), PRESETS[i].name)) return &PRESETS[i];
    }
    return NULL;
}

/* Whether a list of words separated by blanks has this one, in any case. */
static bool among(const char *list, const char *name) {
    const size_t len = strlen(name);
    for (const char *at = list; *at; at += strcspn(at, " "), at += *at == ' ') {
        if (text_is(name, len, "") || strcspn(at, " ") != len) continue;
        if (text_casecmp(at, len, name, len) == 0) return true;
    }
    return false;
}

bool catalog_reads(const char *name) {
    return among(
        "get mget strlen getrange substr getbit bitcount bitpos exists type ttl pttl expiretime touch dbsize "
        "randomkey keys scan hget hmget hgetall hkeys hvals hlen hexists hstrlen hscan hrandfield llen "
        "lrange lindex lpos scard sismember smismember smembers srandmember sscan sinter sunion sdiff "
        "sintercard zscore zmscore zrank zrevrank zcard zcount zlexcount zrange zrevrange zrangebyscore "
        "zrevrangebyscore zrangebylex zrevrangebylex zrandmember zscan xlen xrange xrevrange xread "
        "pfcount geopos geodist geosearch geohash lcs dump object memory echo",
        name);
}

enum answer catalog_answer(const char *name) {
    if (among("set setex psetex mset ltrim lset rename flushall flushdb", name)) return ANSWER_OK;
    if (among("get getex getdel", name)) return ANSWER_VALUE;
    if (among("mget", name)) return ANSWER_VALUES;
    if (among("incr incrby decr decrby append strlen del unlink exists expire pexpire ttl pttl touch hset "
              "hdel hlen "
              "hincrby lpush rpush llen sadd srem scard sismember zadd zrem zcard zcount publish dbsize",
              name))
        return ANSWER_NUMBER;
    if (among("hmget lrange", name)) return ANSWER_ARRAY;
    return ANSWER_ANY;
}
