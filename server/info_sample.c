/* info_sample.c: facts of this start, rates, and what is read from the system at the coordinator's beat: see
 * info.h.
 *
 * A rate is the mean of the last RATE_SAMPLES samples, 1.6 seconds, as in Redis. All is under one spin lock;
 * the coordinator writes ten times a second, INFO copies.
 */
#include "server/info.h"

#include "server/config.h"
#include "server/host.h"
#include "server/statistics.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"
#include "shard/rt/thread.h"
#include "shard/store/policy.h"

#include <string.h>

enum { RATE_SAMPLES = 16 };
enum rate { RATE_COMMANDS, RATE_BYTES_IN, RATE_BYTES_OUT, RATES };

static struct {
    struct spin lock;
    bool begun;
    struct info_facts facts;

    uint64_t last_ms;
    uint64_t last[RATES];
    uint64_t per_s[RATES][RATE_SAMPLES];
    unsigned next;
    uint64_t resident_bytes, startup_bytes;
    uint64_t over_limit_ms, over_since_ms;
} state;

/* ---- facts ---- */

static void make_id(char *id) {
    static const char digits[] = "0123456789abcdef";
    struct thread *self = thread_self();
    ASSERT(self);
    for (int i = 0; i < INFO_ID_CHARS; i++) id[i] = digits[random_below(&self->random, 16)];
    id[INFO_ID_CHARS] = 0;
}

const struct info_facts *info_facts(void) {
    spin_lock(&state.lock);
    if (!state.begun) {
        host_init();
        make_id(state.facts.run_id);
        state.facts.started_unix_s = clock_unix_ms() / 1000;
        state.facts.started_mono_ms = clock_mono_ms();
        state.startup_bytes = mem_used();
        state.begun = true;
    }
    spin_unlock(&state.lock);
    return &state.facts;
}

/* ---- samples ---- */

static void sample_rates(uint64_t now_ms, const struct statistics_total *total) {
    const uint64_t now[RATES] = {total->commands_processed, total->bytes_in, total->bytes_out};
    uint64_t passed = now_ms - state.last_ms;
    for (int r = 0; r < RATES; r++) {
        bool first = state.last_ms == 0;
        state.per_s[r][state.next] = first || passed == 0 ? 0 : (now[r] - state.last[r]) * 1000 / passed;
        state.last[r] = now[r];
    }
    state.next = (state.next + 1) % RATE_SAMPLES;
    state.last_ms = now_ms;
}

/* How long memory has been above its limit although a policy makes room: evicting does not keep up. */
static void sample_limit(uint64_t now_ms, uint64_t used) {
    const struct policy *policy = policy_get();
    bool over = policy->maxmemory_bytes && policy->eviction != EVICT_NONE && used > policy->maxmemory_bytes;
    if (over && !state.over_since_ms) state.over_since_ms = now_ms;
    if (!over && state.over_since_ms) {
        state.over_limit_ms += now_ms - state.over_since_ms;
        state.over_since_ms = 0;
    }
}

void info_sample(void) {
    struct statistics_total total;
    info_facts();
    mem_peak_note();
    statistics_sum_ever(&total);
    uint64_t resident = host_resident_bytes(), now_ms = clock_mono_ms();
    spin_lock(&state.lock);
    if (resident) state.resident_bytes = resident;
    sample_rates(now_ms, &total);
    sample_limit(now_ms, mem_used());
    spin_unlock(&state.lock);
}

void info_reset_samples(void) {
    spin_lock(&state.lock);
    memset(state.per_s, 0, sizeof state.per_s);
    state.over_limit_ms = 0;
    if (state.over_since_ms) state.over_since_ms = clock_mono_ms();
    spin_unlock(&state.lock);
}

static uint64_t mean(const uint64_t *samples) {
    uint64_t sum = 0;
    for (int i = 0; i < RATE_SAMPLES; i++) sum += samples[i];
    return sum / RATE_SAMPLES;
}

struct info_samples info_samples(void) {
    struct info_samples s;
    info_facts();
    uint64_t now_ms = clock_mono_ms();
    spin_lock(&state.lock);
    s.commands_per_s = mean(state.per_s[RATE_COMMANDS]);
    s.bytes_in_per_s = mean(state.per_s[RATE_BYTES_IN]);
    s.bytes_out_per_s = mean(state.per_s[RATE_BYTES_OUT]);
    s.resident_bytes = state.resident_bytes;
    s.startup_bytes = state.startup_bytes;
    /* The last sample may be younger than our look at the clock. */
    bool over = state.over_since_ms && state.over_since_ms < now_ms;
    s.over_limit_now_ms = over ? now_ms - state.over_since_ms : 0;
    s.over_limit_ms = state.over_limit_ms + s.over_limit_now_ms;
    spin_unlock(&state.lock);
    return s;
}
