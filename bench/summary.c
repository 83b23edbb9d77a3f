/* summary.c: see summary.h. */
#include "bench/summary.h"

#include "bench/format.h"

#include <stdio.h>
#include <string.h>

static const double SHARES[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
enum { SHARES_COUNT = sizeof SHARES / sizeof SHARES[0], TITLE_WIDTH = 14 };
static const double SATURATED = 0.95;

static double rate(uint64_t count, double seconds) {
    return seconds > 0 ? (double)count / seconds : 0;
}

/* A command's row, or that of all of them. */
struct row {
    const char *title;
    const struct histogram *latency;
    uint64_t replies, errors;
};

static void print_row(const struct row *row, double seconds) {
    uint64_t values[SHARES_COUNT];
    histogram_quantiles(row->latency, SHARES, values, SHARES_COUNT);
    printf("%-*s %12s %9s", TITLE_WIDTH, row->title,
           format_count((uint64_t)(rate(row->replies, seconds) + 0.5)).text,
           format_ms((uint64_t)histogram_mean(row->latency)).text);
    for (unsigned i = 0; i < SHARES_COUNT; i++) printf(" %9s", format_ms(values[i]).text);
    printf(" %9s %8s\n", format_ms(histogram_max(row->latency)).text, format_count(row->errors).text);
}

static void print_rows(const struct run_result *r) {
    printf("%-*s %12s %9s %9s %9s %9s %9s %9s %9s %8s\n", TITLE_WIDTH, "ms", "ops/s", "mean", "p50", "p90",
           "p99", "p99.9", "p99.99", "max", "errors");
    for (unsigned i = 0; i < r->count; i++) {
        const struct run_command_result *c = &r->command[i];
        print_row(&(struct row){c->title, &c->latency, c->replies, c->errors}, r->seconds);
    }
    if (r->count > 1) print_row(&(struct row){"all", &r->latency, r->replies, r->errors}, r->seconds);
}

static void print_settings(const struct run_plan *plan) {
    printf("%s: %u clients, pipeline %u, %u thread%s, ", plan->primary->name, plan->clients, plan->pipeline,
           plan->threads, plan->threads == 1 ? "" : "s");
    if (plan->rate > 0)
        printf("open loop at %s requests/s (latency from the intended time)\n",
               format_count((uint64_t)plan->rate).text);
    else
        printf("closed loop\n");
}

static void print_misses(const struct run_result *r) {
    for (unsigned i = 0; i < r->count; i++) {
        const struct run_command_result *c = &r->command[i];
        if (c->nulls)
            printf("%s found nothing %s times (in %s replies)\n", c->title, format_count(c->nulls).text,
                   format_count(c->replies).text);
    }
}

static void print_trouble(FILE *out, const struct run_result *r) {
    if (r->errors)
        fprintf(out, "%s error replies; the first: %s\n", format_count(r->errors).text, r->first_error);
    if (r->wrong)
        fprintf(out, "%s wrong replies; the first: %s\n", format_count(r->wrong).text, r->first_wrong);
    if (r->lost)
        fprintf(out, "%s connections lost; the first: %s\n", format_count(r->lost).text, r->first_loss);
    if (r->unanswered) fprintf(out, "%s requests got no reply\n", format_count(r->unanswered).text);
    if (r->unsent)
        fprintf(
            out,
            "%s requests were due but could not be sent in time: the server does not keep up with the rate\n",
            format_count(r->unsent).text);
    if (r->interrupted) fprintf(out, "interrupted: these are the figures up to then\n");
}

void summary_print_trouble(const struct run_result *r) {
    print_trouble(stderr, r);
}

void summary_print(const struct run_plan *plan, const struct run_result *r) {
    print_settings(plan);
    printf("\n");
    print_rows(r);
    printf("\n%s requests in %.2f s; sent %s/s, received %s/s; errors %s\n", format_count(r->replies).text,
           r->seconds, format_bytes((double)r->bytes_sent / (r->seconds > 0 ? r->seconds : 1)).text,
           format_bytes((double)r->bytes_received / (r->seconds > 0 ? r->seconds : 1)).text,
           format_count(r->errors).text);
    print_misses(r);
    print_trouble(stdout, r);
    if (r->busiest > SATURATED && r->replies > 0)
        printf("note: a load thread was busy %.0f%% of the time: this program may have been the limit "
               "(--threads)\n",
               r->busiest * 100 > 100 ? 100.0 : r->busiest * 100);
    fflush(stdout);
}

void summary_print_quiet(const struct run_result *r) {
    for (unsigned i = 0; i < r->count; i++) {
        const struct run_command_result *c = &r->command[i];
        printf("%s: %.2f requests per second, p50=%.3f msec\n", c->title, rate(c->replies, r->seconds),
               (double)histogram_quantile(&c->latency, 0.5) / 1e6);
    }
    fflush(stdout);
}

void summary_print_csv_head(void) {
    printf("\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\","
           "\"p99_latency_ms\",\"max_latency_ms\"\n");
}

void summary_print_csv(const struct run_result *r) {
    static const double shares[] = {0.5, 0.95, 0.99};
    for (unsigned i = 0; i < r->count; i++) {
        const struct run_command_result *c = &r->command[i];
        uint64_t values[3];
        histogram_quantiles(&c->latency, shares, values, 3);
        printf("\"%s\",\"%.2f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\"\n", c->title,
               rate(c->replies, r->seconds), histogram_mean(&c->latency) / 1e6,
               (double)histogram_min(&c->latency) / 1e6, (double)values[0] / 1e6, (double)values[1] / 1e6,
               (double)values[2] / 1e6, (double)histogram_max(&c->latency) / 1e6);
    }
    fflush(stdout);
}
