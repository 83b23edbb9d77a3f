/* report.c: see report.h. */
#include "bench/report.h"

#include "bench/format.h"
#include "shard/base/mem.h"

#include <stdio.h>

const double report_shares[REPORT_SHARES] = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999};
const char *const report_share_names[REPORT_SHARES] = {"p50", "p90", "p95", "p99", "p99.9", "p99.99"};

static void write_sizes(char *out, size_t cap, const struct sizes *sizes) {
    size_t at = 0;
    out[0] = 0;
    for (unsigned i = 0; i < sizes->count && at + 64 < cap; i++) {
        const struct size_part *p = &sizes->part[i];
        at += (size_t)snprintf(out + at, cap - at, p->low == p->high ? "%s%llu" : "%s%llu-%llu",
                               i ? ", " : "", (unsigned long long)p->low, (unsigned long long)p->high);
        if (sizes->count > 1)
            at += (size_t)snprintf(out + at, cap - at, " (%.0f%%)",
                                   (double)p->weight * 100 / (double)sizes->weight_total);
    }
}

static void write_distribution(char *out, size_t cap, const struct draw_shape *shape) {
    switch (shape->kind) {
    case DRAW_UNIFORM: snprintf(out, cap, "uniform"); break;
    case DRAW_SEQUENTIAL: snprintf(out, cap, "sequential"); break;
    case DRAW_ZIPF: snprintf(out, cap, "Zipf %g", shape->theta); break;
    case DRAW_HOT_SET:
        snprintf(out, cap, "hot set: %g%% of the keys get %g%% of the requests", shape->hot_keys * 100,
                 shape->hot_share * 100);
        break;
    }
}

static void write_load(char *out, size_t cap, const struct run_plan *plan) {
    if (plan->rate > 0)
        snprintf(out, cap, "open loop, %s requests/s, %s arrivals", format_count((uint64_t)plan->rate).text,
                 plan->poisson ? "Poisson" : "even");
    else
        snprintf(out, cap, "closed loop");
}

static void write_length(char *out, size_t cap, const struct run_plan *plan) {
    if (plan->requests)
        snprintf(out, cap, "%s requests", format_count(plan->requests).text);
    else
        snprintf(out, cap, "%g s after %g s of warm-up", (double)plan->duration_ns / 1e9,
                 (double)plan->warm_up_ns / 1e9);
}

bool report_setting(const struct report *report, unsigned n, struct report_setting *s) {
    const struct program *p = report->program;
    const struct run_plan *plan = &p->plan;
    const size_t cap = sizeof s->value;
    switch (n) {
    case 0: s->name = "server", snprintf(s->value, cap, "%.255s", plan->primary->name); return true;
    case 1: s->name = "load", write_load(s->value, cap, plan); return true;
    case 2: s->name = "length", write_length(s->value, cap, plan); return true;
    case 3: s->name = "clients", snprintf(s->value, cap, "%u", plan->clients); return true;
    case 4: s->name = "pipeline", snprintf(s->value, cap, "%u", plan->pipeline); return true;
    case 5: s->name = "threads", snprintf(s->value, cap, "%u", plan->threads); return true;
    case 6:
        s->name = "keys", snprintf(s->value, cap, "%llu", (unsigned long long)p->filling.keys);
        return true;
    case 7: s->name = "distribution", write_distribution(s->value, cap, &plan->distribution); return true;
    case 8: s->name = "value bytes", write_sizes(s->value, cap, &p->filling.value_sizes); return true;
    case 9:
        s->name = "protocol", snprintf(s->value, cap, plan->greeting.resp3 ? "RESP3" : "RESP2");
        return true;
    case 10: s->name = "seed", snprintf(s->value, cap, "%llu", (unsigned long long)plan->seed); return true;
    default: return false;
    }
}

void report_free(struct report *report) {
    for (unsigned i = 0; i < report->count; i++) {
        run_result_free(report->run[i].result);
        mem_free(report->run[i].result);
    }
    report->count = 0;
}
