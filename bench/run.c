/* run.c: see run.h. Everything here is on the main thread. */
#include "bench/run.h"

#include "bench/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

enum { WATCH_NS = 20000000, SECOND_NS = 1000000000 };
static const double SHORT_RUN_S = 20, SHORT_SAMPLE_S = 0.25;

/* A run that goes on. */
struct running {
    const struct run_plan *plan;
    const struct run_watcher *watcher;
    struct run_signals signals;
    struct worker *workers;
    unsigned threads;
    uint64_t start_ns, sampled_ns;
    struct histogram *now, *before; /* what all threads had counted at this and the last sample */
    uint64_t errors_before;
    struct run_result *result;
};

static uint64_t load(const _Atomic uint64_t *cell) {
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static double process_cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Two neighbours become one, twice as long. Of the quantiles the worse one stands for both. */
static void thin_samples(struct run_result *r) {
    for (unsigned i = 0; i + 1 < r->samples; i += 2) {
        struct run_sample *a = &r->sample[i], *b = &r->sample[i + 1], *to = &r->sample[i / 2];
        struct run_sample both = *b;
        both.seconds += a->seconds;
        both.replies += a->replies;
        both.errors += a->errors;
        if (a->p50_ns > both.p50_ns) both.p50_ns = a->p50_ns;
        if (a->p99_ns > both.p99_ns) both.p99_ns = a->p99_ns;
        if (a->p999_ns > both.p999_ns) both.p999_ns = a->p999_ns;
        if (a->max_ns > both.max_ns) both.max_ns = a->max_ns;
        *to = both;
    }
    r->samples /= 2;
    r->sample_seconds *= 2;
}

/* Where what a sample counts begins: requests of the warm-up are not counted. */
static uint64_t counted_from(const struct running *g, uint64_t now_ns) {
    const uint64_t from_ns = g->start_ns + g->plan->warm_up_ns;
    return g->sampled_ns < from_ns && from_ns < now_ns ? from_ns : g->sampled_ns;
}

static void take_sample(struct running *g, uint64_t now_ns) {
    struct run_sample s = {.at_s = (double)(now_ns - g->start_ns) / SECOND_NS,
                           .seconds = (double)(now_ns - counted_from(g, now_ns)) / SECOND_NS};
    static const double shares[] = {0.5, 0.99, 0.999, 1};
    uint64_t values[4], errors = 0;
    histogram_clear(g->now);
    for (unsigned t = 0; t < g->threads; t++) {
        for (unsigned i = 0; i < g->plan->workload->count; i++) {
            histogram_add(g->now, &g->workers[t].counters[i].latency);
            errors += load(&g->workers[t].counters[i].errors);
        }
    }
    /* The difference to the last sample; the copy of the sum becomes the next one's `before`. */
    struct histogram *difference = g->before;
    struct histogram *sum = mem_dup(g->now, sizeof *g->now);
    histogram_subtract(g->now, difference);
    s.replies = histogram_count(g->now);
    histogram_quantiles(g->now, shares, values, 4);
    s.p50_ns = values[0];
    s.p99_ns = values[1];
    s.p999_ns = values[2];
    s.max_ns = values[3];
    s.errors = errors - g->errors_before;
    g->errors_before = errors;
    mem_free(g->before);
    g->before = sum;
    g->sampled_ns = now_ns;
    if (g->result->samples == RUN_SAMPLES_MAX) thin_samples(g->result);
    g->result->sample[g->result->samples++] = s;
}

/* How much of the run is over. */
static double share_done(const struct running *g, uint64_t now_ns) {
    const struct run_plan *plan = g->plan;
    double share;
    if (plan->requests) {
        uint64_t replies = histogram_count(g->before);
        share = (double)replies / (double)plan->requests;
    } else {
        share = (double)(now_ns - g->start_ns) / (double)(plan->warm_up_ns + plan->duration_ns);
    }
    return share > 1 ? 1 : share;
}

static bool all_ended(const struct running *g) {
    for (unsigned t = 0; t < g->threads; t++) {
        if (!atomic_load(&g->workers[t].ended)) return false;
    }
    return true;
}

static void watch(struct running *g, volatile sig_atomic_t *stop) {
    const uint64_t interval_ns = (uint64_t)(g->result->sample_seconds * SECOND_NS);
    while (!all_ended(g)) {
        clock_sleep_ns(WATCH_NS);
        const uint64_t now_ns = clock_mono_ns();
        if (*stop && !atomic_load(&g->signals.stop)) {
            atomic_store(&g->signals.stop, true);
            g->result->interrupted = true;
        }
        if (now_ns - g->sampled_ns < interval_ns) continue;
        take_sample(g, now_ns);
        const bool warming_up = now_ns - g->start_ns < g->plan->warm_up_ns;
        if (g->watcher)
            g->watcher->tell(g->watcher->context, &g->result->sample[g->result->samples - 1],
                             share_done(g, now_ns), warming_up);
    }
}

static void merge_worker(struct run_result *r, const struct worker *w) {
    for (unsigned i = 0; i < r->count; i++) {
        struct run_command_result *to = &r->command[i];
        histogram_add(&to->latency, &w->counters[i].latency);
        to->replies += load(&w->counters[i].replies);
        to->errors += load(&w->counters[i].errors);
        to->nulls += load(&w->counters[i].nulls);
        to->wrong += load(&w->counters[i].wrong);
    }
    r->bytes_sent += load(&w->bytes_sent);
    r->bytes_received += load(&w->bytes_received);
    r->unanswered += w->unanswered;
    r->unsent += w->unsent;
    r->lost += w->lost;
    if (!r->first_error[0]) memcpy(r->first_error, w->first_error, sizeof r->first_error);
    if (!r->first_wrong[0]) memcpy(r->first_wrong, w->first_wrong, sizeof r->first_wrong);
    if (!r->first_loss[0]) memcpy(r->first_loss, w->first_loss, sizeof r->first_loss);
}

/* All threads have ended: sums up. */
static void merge(struct running *g, double cpu_seconds) {
    struct run_result *r = g->result;
    uint64_t last_ns = 0, busiest_ns = 0;
    for (unsigned t = 0; t < g->threads; t++) {
        const struct worker *w = &g->workers[t];
        merge_worker(r, w);
        if (load(&w->last_reply_ns) > last_ns) last_ns = load(&w->last_reply_ns);
        if (w->cpu_ns > busiest_ns) busiest_ns = w->cpu_ns;
    }
    for (unsigned i = 0; i < r->count; i++) {
        histogram_add(&r->latency, &r->command[i].latency);
        r->replies += r->command[i].replies;
        r->errors += r->command[i].errors;
        r->nulls += r->command[i].nulls;
        r->wrong += r->command[i].wrong;
    }
    const uint64_t from_ns = g->start_ns + g->plan->warm_up_ns;
    /* A run by the clock lasts as long as it was told to even if the last reply came earlier. */
    if (g->plan->duration_ns != UINT64_MAX && !r->interrupted && r->lost == 0 &&
        last_ns < from_ns + g->plan->duration_ns)
        last_ns = from_ns + g->plan->duration_ns;
    r->seconds = last_ns > from_ns ? (double)(last_ns - from_ns) / SECOND_NS : 0;
    r->cpu_seconds = cpu_seconds;
    const uint64_t whole_ns = last_ns > g->start_ns ? last_ns - g->start_ns : 1;
    r->busiest = (double)busiest_ns / (double)whole_ns;
}

/* Waits until all connections stand. False when a thread has failed. */
static bool wait_ready(struct running *g, volatile sig_atomic_t *stop) {
    while (atomic_load(&g->signals.ready) + atomic_load(&g->signals.failed) < g->threads) {
        if (*stop) atomic_store(&g->signals.stop, true);
        clock_sleep_ns(SECOND_NS / 1000);
    }
    if (!atomic_load(&g->signals.failed)) return true;
    atomic_store(&g->signals.stop, true);
    return false;
}

/* Why it could not begin, when all threads have ended. */
static void find_problem(const struct running *g, struct problem *problem) {
    problem_note(problem, "interrupted");
    for (unsigned t = 0; t < g->threads; t++) {
        if (g->workers[t].failed && g->workers[t].problem.text[0]) *problem = g->workers[t].problem;
    }
}

static void start_threads(struct running *g) {
    g->workers = mem_zalloc_aligned(g->threads * sizeof *g->workers, 64);
    for (unsigned t = 0; t < g->threads; t++)
        worker_make(&g->workers[t], g->plan, &g->signals, t, g->threads);
    for (unsigned t = 0; t < g->threads; t++) {
        int error = pthread_create(&g->workers[t].thread, NULL, worker_main, &g->workers[t]);
        ASSERT(error == 0);
    }
}

static void end_threads(struct running *g) {
    for (unsigned t = 0; t < g->threads; t++) pthread_join(g->workers[t].thread, NULL);
}

static void make_result(const struct run_plan *plan, struct run_result *r) {
    memset(r, 0, sizeof *r);
    r->count = plan->workload->count;
    r->command = mem_zalloc(r->count * sizeof *r->command);
    for (unsigned i = 0; i < r->count; i++)
        memcpy(r->command[i].title, plan->workload->command[i].title, WORKLOAD_TITLE_MAX);
    const bool brief =
        plan->requests || (double)(plan->duration_ns + plan->warm_up_ns) < SHORT_RUN_S * SECOND_NS;
    r->sample_seconds = brief ? SHORT_SAMPLE_S : 1;
}

bool run_execute(const struct run_plan *plan, const struct run_watcher *watcher, volatile sig_atomic_t *stop,
                 struct run_result *result, struct problem *problem) {
    ASSERT(plan->clients > 0 && plan->pipeline > 0 && plan->workload->count > 0);
    struct running g = {.plan = plan, .watcher = watcher, .result = result};
    g.threads = plan->threads < plan->clients ? plan->threads : plan->clients;
    g.now = mem_zalloc(sizeof *g.now);
    g.before = mem_zalloc(sizeof *g.before);
    make_result(plan, result);
    start_threads(&g);
    const bool ready = wait_ready(&g, stop);
    if (ready) {
        const double cpu_seconds = process_cpu_seconds();
        g.start_ns = g.sampled_ns = clock_mono_ns();
        atomic_store(&g.signals.start_ns, g.start_ns);
        watch(&g, stop);
        end_threads(&g);
        merge(&g, process_cpu_seconds() - cpu_seconds);
    } else {
        end_threads(&g);
        find_problem(&g, problem);
        run_result_free(result);
    }
    for (unsigned t = 0; t < g.threads; t++) worker_free(&g.workers[t]);
    mem_free(g.workers);
    mem_free(g.now);
    mem_free(g.before);
    return ready;
}

void run_result_free(struct run_result *result) {
    mem_free(result->command);
    memset(result, 0, sizeof *result);
}

bool run_result_clean(const struct run_result *r) {
    return !r->interrupted && r->errors == 0 && r->wrong == 0 && r->unanswered == 0 && r->unsent == 0 &&
           r->lost == 0;
}
