/* latency.c: see latency.h. A sample is noted by command handlers' callers, perhaps while slices are held: it
 * costs a search among few names and allocates nothing. */
#include "server/latency.h"

#include "server/config.h"
#include "shard/base/assert.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"

#include <string.h>

/* The ring of an event's samples: the oldest stands at `next` once it is full. */
struct event {
    const char *name;
    uint64_t worst_ms;
    unsigned count, next;
    struct latency_sample samples[LATENCY_SAMPLES];
};

static struct {
    struct spin lock;
    unsigned count;
    struct event events[LATENCY_EVENTS_MAX];
} monitor;

static struct event *find(const char *name, size_t len) {
    for (unsigned i = 0; i < monitor.count; i++)
        if (strlen(monitor.events[i].name) == len && memcmp(monitor.events[i].name, name, len) == 0)
            return &monitor.events[i];
    return NULL;
}

static void add_sample(struct event *e, int64_t unix_s, uint64_t ms) {
    if (ms > e->worst_ms) e->worst_ms = ms;
    if (e->count > 0) {
        struct latency_sample *newest = &e->samples[(e->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
        if (newest->unix_s == unix_s) {
            if (ms > newest->ms) newest->ms = ms;
            return;
        }
    }
    e->samples[e->next] = (struct latency_sample){unix_s, ms};
    e->next = (e->next + 1) % LATENCY_SAMPLES;
    if (e->count < LATENCY_SAMPLES) e->count++;
}

void latency_note(const char *event, uint64_t ms) {
    int64_t threshold = config_get()->latency_monitor_threshold;
    if (threshold <= 0 || ms < (uint64_t)threshold) return;
    int64_t unix_s = clock_unix_ms() / 1000;
    spin_lock(&monitor.lock);
    struct event *e = find(event, strlen(event));
    if (!e) {
        ASSERT(monitor.count < LATENCY_EVENTS_MAX);
        e = &monitor.events[monitor.count++];
        *e = (struct event){.name = event};
    }
    add_sample(e, unix_s, ms);
    spin_unlock(&monitor.lock);
}

static void copy_event(const struct event *e, struct latency_event *out) {
    out->name = e->name;
    out->worst_ms = e->worst_ms;
    out->count = e->count;
    unsigned oldest = (e->next + LATENCY_SAMPLES - e->count) % LATENCY_SAMPLES;
    for (unsigned i = 0; i < e->count; i++) out->samples[i] = e->samples[(oldest + i) % LATENCY_SAMPLES];
}

unsigned latency_events(void) {
    spin_lock(&monitor.lock);
    unsigned count = monitor.count;
    spin_unlock(&monitor.lock);
    return count;
}

bool latency_event_at(unsigned place, struct latency_event *out) {
    spin_lock(&monitor.lock);
    bool found = place < monitor.count;
    if (found) copy_event(&monitor.events[place], out);
    spin_unlock(&monitor.lock);
    return found;
}

bool latency_event_named(const char *name, size_t len, struct latency_event *out) {
    spin_lock(&monitor.lock);
    const struct event *e = find(name, len);
    if (e) copy_event(e, out);
    spin_unlock(&monitor.lock);
    return e != NULL;
}

unsigned latency_reset(const char *name, size_t len) {
    spin_lock(&monitor.lock);
    struct event *e = find(name, len);
    if (e) {
        monitor.count--;
        memmove(e, e + 1, (size_t)(&monitor.events[monitor.count] - e) * sizeof *e);
    }
    spin_unlock(&monitor.lock);
    return e != NULL;
}

unsigned latency_reset_all(void) {
    spin_lock(&monitor.lock);
    unsigned count = monitor.count;
    monitor.count = 0;
    spin_unlock(&monitor.lock);
    return count;
}
