/* info.h: what INFO says: facts that are fixed at start, values sampled over time, and the sections' texts.
 *
 * Sections and fields are redis-server 7.0.15's, in its order, so that exporters and dashboards find what
 * they look for; what Gyre adds has its own names (gyre_version, the section `shards`). A field whose
 * subsystem does not exist says what it says of an idle one there. Everything is read without holds: counters
 * from atomics, the rest from samples.
 */
#ifndef GYRE_SERVER_INFO_H
#define GYRE_SERVER_INFO_H

#include "shard/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

#define INFO_REDIS_VERSION "7.2.0"

enum { INFO_ID_CHARS = 40 };

/* Takes the samples that rates, peaks and averages are made of. The coordinator, every 100 ms. */
void info_sample(void);
/* Forgets the rates (CONFIG RESETSTAT). Any thread. */
void info_reset_samples(void);

/* Sampled values; any thread. */
struct info_samples {
    uint64_t commands_per_s, bytes_in_per_s, bytes_out_per_s;
    uint64_t resident_bytes;
    uint64_t startup_bytes; /* of memory, when the first sample was taken */
    uint64_t over_limit_ms,
        over_limit_now_ms; /* above maxmemory with a policy that evicts: in all, and since when */
};
struct info_samples info_samples(void);

/* Fixed at start, made when first asked for, on a thread of the server. */
struct info_facts {
    char run_id[INFO_ID_CHARS + 1];
    int64_t started_unix_s;
    uint64_t started_mono_ms;
};
const struct info_facts *info_facts(void);

/* Sections by name, in any case; several at once as bits. "default", "all" and "everything" stand for many;
 * 0: unknown. */
typedef uint32_t info_sections;
info_sections info_sections_named(const char *name, size_t len);
/* Appends the texts of these sections, an empty line between them. Runs in a handler that holds nothing or
 * whatever it was given. */
void info_append(struct buf *out, struct call *c, info_sections sections);

#endif
