/* info_parts.h: what the files of INFO share: info*.c and cmd/memory.c only. */
#ifndef GYRE_SERVER_INFO_PARTS_H
#define GYRE_SERVER_INFO_PARTS_H

#include "server/config_load.h"
#include "server/info.h"
#include "server/statistics.h"

#include <stdatomic.h>

/* One INFO being written. */
struct info {
    struct buf *out;
    struct call *call;
    const struct config *config;
};

/* Each appends its section's lines, without the heading. */
void info_server(struct info *in);
void info_clients(struct info *in);
void info_memory(struct info *in);
void info_persistence(struct info *in);
void info_stats(struct info *in);
void info_replication(struct info *in);
void info_cpu(struct info *in);
void info_modules(struct info *in);
void info_commandstats(struct info *in);
void info_errorstats(struct info *in);
void info_latencystats(struct info *in);
void info_cluster(struct info *in);
void info_keyspace(struct info *in);
void info_shards(struct info *in);

/* "name:value" */
void info_text(struct info *in, const char *name, const char *value);
void info_int(struct info *in, const char *name, int64_t value);
void info_percent(struct info *in, const char *name, double value);
/* Fields that say the same as long as their subsystem does not exist. A NULL name ends them. */
struct info_fixed {
    const char *name, *value;
};
void info_fixed(struct info *in, const struct info_fixed *fields);
/* Bytes, and again for people: "name:1536" and "name_human:1.50K". */
void info_bytes(struct info *in, const char *name, uint64_t bytes);

/* The same gauge of all workers, added up or the largest. `member` is a member of struct statistics. */
uint64_t info_sum_gauge(size_t offset);
uint64_t info_max_gauge(size_t offset);
#define INFO_SUM(member) info_sum_gauge(offsetof(struct statistics, member))
#define INFO_MAX(member) info_max_gauge(offsetof(struct statistics, member))

/* Memory, as INFO memory and MEMORY STATS report it. */
struct info_memory {
    uint64_t used, peak, startup, resident;
    uint64_t clients;  /* of connections */
    uint64_t entries;  /* keys with their values */
    uint64_t overhead; /* used for everything else */
    uint64_t keys;
};
struct info_memory info_memory_now(void);

/* Keys of a database over all slices, without holds. */
struct info_database {
    uint64_t keys, expiring, table_bytes, wheel_bytes;
};
struct info_database info_database_now(unsigned database);

double info_ratio(uint64_t a, uint64_t b); /* 0 where b is */

#endif
