/* latency.h: the latency monitor: what took at least latency-monitor-threshold ms, by event, second by
 * second.
 *
 * Events are named as in Redis: "command" and "fast-command" (by the command's own flag), "expire-cycle",
 * "eviction-cycle", and what later modules add. Each keeps its last LATENCY_SAMPLES seconds in which
 * something happened, with the worst of each second. One table for the server under a spin lock: only what
 * was slow comes here. Any thread.
 */
#ifndef GYRE_SERVER_LATENCY_H
#define GYRE_SERVER_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LATENCY_SAMPLES = 160, LATENCY_EVENTS_MAX = 32 };

/* Notes that an event took so long. Nothing happens while the monitor is off or the time is below its
 * threshold. `event` must be a constant of the program. */
void latency_note(const char *event, uint64_t ms);

struct latency_sample {
    int64_t unix_s;
    uint64_t ms;
};
struct latency_event {
    const char *name;
    uint64_t worst_ms; /* ever, or since the reset */
    unsigned count;
    struct latency_sample samples[LATENCY_SAMPLES]; /* oldest first */
};

/* How many events there are, and a copy of one of them (by place, in the order of their first appearance; by
 * exact name). False: there is none. */
unsigned latency_events(void);
bool latency_event_at(unsigned place, struct latency_event *out);
bool latency_event_named(const char *name, size_t len, struct latency_event *out);
/* Forgets one event, or all: returns how many. */
unsigned latency_reset(const char *name, size_t len);
unsigned latency_reset_all(void);

#endif
