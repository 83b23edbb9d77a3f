/* html.c: the report as one page that opens anywhere: style and charts are in it, nothing is fetched, no
 * script. */
#include "bench/report.h"

#include "bench/chart.h"
#include "bench/format.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CURVE_POINTS = 400 };
static const double CURVE_NINES_MAX = 7;

static const char HEAD[] =
    "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
    "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
    "<title>gyre-bench</title>\n<style>\n"
    ":root { --ground:#fff; --ink:#1c2024; --faint:#68707a; --grid:#e4e7ea; --s0:#1f6feb; --s1:#d1570d; "
    "--s2:#1a8754;\n"
    "  --s3:#8a3ffc; --s4:#c2185b; --s5:#007d8a; --s6:#7a5c00; --s7:#5c6670; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ground:#14171a; --ink:#e6e9ec; --faint:#98a1ab; "
    "--grid:#2a3036;\n"
    "  --s0:#6aa6ff; --s1:#ff9a57; --s2:#53c78c; --s3:#b794ff; --s4:#ff7fab; --s5:#4cc9d6; --s6:#d9b84a; "
    "--s7:#a7b0b9; } }\n"
    "body { background:var(--ground); color:var(--ink); font:15px/1.5 system-ui, sans-serif; "
    "max-width:960px;\n"
    "  margin:2rem auto; padding:0 1rem; }\n"
    "h1 { font-size:1.4rem; margin:0; } h2 { font-size:1.1rem; margin:2.2rem 0 .4rem; }\n"
    "code { font:13px/1.4 ui-monospace, monospace; color:var(--faint); overflow-wrap:anywhere; }\n"
    ".big { display:flex; flex-wrap:wrap; gap:.5rem 2.5rem; margin:.8rem 0; } .big div { color:var(--faint); "
    "}\n"
    ".big b { display:block; font-size:1.6rem; color:var(--ink); font-variant-numeric:tabular-nums; }\n"
    ".bad { color:var(--s4); } .scroll { overflow-x:auto; }\n"
    "table { border-collapse:collapse; font-variant-numeric:tabular-nums; } th { font-weight:600; }\n"
    "td, th { padding:.25rem .7rem; text-align:right; border-bottom:1px solid var(--grid); "
    "white-space:nowrap; }\n"
    "td:first-child, th:first-child { text-align:left; padding-left:0; } .set td { text-align:left; "
    "white-space:normal; }\n"
    "figure { margin:1.4rem 0; } figcaption { color:var(--faint); } figcaption b { color:var(--ink); "
    "margin-right:.4rem; }\n"
    ".key { margin-left:1rem; white-space:nowrap; } .key i { display:inline-block; width:14px; height:3px;\n"
    "  vertical-align:middle; margin-right:.35rem; }\n"
    "svg { width:100%; height:auto; display:block; } .grid { stroke:var(--grid); } .line { fill:none; "
    "stroke-width:2;\n"
    "  stroke-linejoin:round; } .tick { font-size:12px; fill:var(--faint); "
    "font-variant-numeric:tabular-nums; }\n"
    "</style></head><body>\n";

static void put_figure(struct buf *out, const char *name, const char *value) {
    buf_printf(out, "<div><b>%s</b>%s</div>", value, name);
}

static void put_figures(struct buf *out, const struct run_result *r) {
    char text[64];
    buf_append_text(out, "<div class=big>");
    put_figure(out, "requests a second",
               format_count((uint64_t)(r->seconds > 0 ? (double)r->replies / r->seconds : 0)).text);
    snprintf(text, sizeof text, "%s ms", format_ms(histogram_quantile(&r->latency, 0.5)).text);
    put_figure(out, "half of them within", text);
    snprintf(text, sizeof text, "%s ms", format_ms(histogram_quantile(&r->latency, 0.99)).text);
    put_figure(out, "99% within", text);
    snprintf(text, sizeof text, "%s ms", format_ms(histogram_max(&r->latency)).text);
    put_figure(out, "the slowest", text);
    put_figure(out, "errors", format_count(r->errors).text);
    buf_append_text(out, "</div>\n");
}

/* A command's row, or that of all of them. */
struct row {
    const char *title;
    const struct histogram *latency;
    uint64_t replies, errors;
};

static void put_row(struct buf *out, const struct row *row, double seconds) {
    uint64_t values[REPORT_SHARES];
    histogram_quantiles(row->latency, report_shares, values, REPORT_SHARES);
    buf_append_text(out, "<tr><td>");
    chart_write_text(out, row->title);
    buf_printf(out, "<td>%s<td>%s",
               format_count((uint64_t)(seconds > 0 ? (double)row->replies / seconds : 0)).text,
               format_ms((uint64_t)histogram_mean(row->latency)).text);
    for (unsigned i = 0; i < REPORT_SHARES; i++) buf_printf(out, "<td>%s", format_ms(values[i]).text);
    buf_printf(out, "<td>%s<td>%s</tr>\n", format_ms(histogram_max(row->latency)).text,
               format_count(row->errors).text);
}

static void put_table(struct buf *out, const struct run_result *r) {
    buf_append_text(out, "<div class=scroll><table><tr><th>ms<th>ops/s<th>mean");
    for (unsigned i = 0; i < REPORT_SHARES; i++) buf_printf(out, "<th>%s", report_share_names[i]);
    buf_append_text(out, "<th>max<th>errors</tr>\n");
    for (unsigned i = 0; i < r->count; i++) {
        const struct run_command_result *c = &r->command[i];
        put_row(out, &(struct row){c->title, &c->latency, c->replies, c->errors}, r->seconds);
    }
    if (r->count > 1) put_row(out, &(struct row){"all", &r->latency, r->replies, r->errors}, r->seconds);
    buf_append_text(out, "</table></div>\n");
}

static void put_trouble(struct buf *out, const struct run_result *r) {
    if (run_result_clean(r)) return;
    buf_printf(out,
               "<p class=bad>Not clean: %s errors, %s wrong replies, %s connections lost, %s requests "
               "without a reply, "
               "%s not sent%s.",
               format_count(r->errors).text, format_count(r->wrong).text, format_count(r->lost).text,
               format_count(r->unanswered).text, format_count(r->unsent).text,
               r->interrupted ? ", interrupted" : "");
    if (r->first_error[0]) {
        buf_append_text(out, " The first error: ");
        chart_write_text(out, r->first_error);
    }
    buf_append_text(out, "</p>\n");
}

/* Throughput, and latency, over time. */
static void put_time_charts(struct buf *out, const struct run_result *r) {
    const unsigned n = r->samples;
    double *x = mem_alloc((n + 1) * 4 * sizeof *x), *rate = x + n + 1, *p50 = rate + n + 1,
           *p99 = p50 + n + 1;
    unsigned used = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct run_sample *s = &r->sample[i];
        if (s->replies == 0 && used == 0) continue; /* the warm-up is not counted */
        x[used] = s->at_s;
        rate[used] = s->seconds > 0 ? (double)s->replies / s->seconds : 0;
        p50[used] = (double)s->p50_ns / 1e6;
        p99[used++] = (double)s->p99_ns / 1e6;
    }
    const struct chart throughput = {
        "Throughput over time",           "requests a second", CHART_X_SECONDS, CHART_Y_COUNT, 1,
        {{"all commands", used, x, rate}}};
    const struct chart latency = {"Latency over time",
                                  "ms, log scale",
                                  CHART_X_SECONDS,
                                  CHART_Y_MS_LOG,
                                  2,
                                  {{"p50", used, x, p50}, {"p99", used, x, p99}}};
    chart_write(out, &throughput);
    chart_write(out, &latency);
    mem_free(x);
}

/* The curve's points: equal steps in the number of nines, as far as the count of requests carries. */
static unsigned make_curve(const struct histogram *h, double *x, double *y) {
    const uint64_t total = histogram_count(h);
    if (!total) return 0;
    double nines = log10((double)total), shares[CURVE_POINTS];
    uint64_t values[CURVE_POINTS];
    if (nines > CURVE_NINES_MAX) nines = CURVE_NINES_MAX;
    for (unsigned i = 0; i < CURVE_POINTS; i++) {
        x[i] = nines * i / (CURVE_POINTS - 1);
        shares[i] = 1 - pow(10, -x[i]);
    }
    histogram_quantiles(h, shares, values, CURVE_POINTS);
    for (unsigned i = 0; i < CURVE_POINTS; i++) y[i] = (double)values[i] / 1e6;
    return CURVE_POINTS;
}

static void put_curve(struct buf *out, const struct run_result *r) {
    double *points = mem_alloc(2 * CHART_SERIES_MAX * CURVE_POINTS * sizeof *points);
    struct chart chart = {"Latency by percentile", "ms, log scale", CHART_X_SHARE, CHART_Y_MS_LOG, 0, {{0}}};
    const bool all = r->count > CHART_SERIES_MAX;
    for (unsigned i = 0; i < (all ? 1 : r->count); i++) {
        double *x = points + (size_t)2 * i * CURVE_POINTS, *y = x + CURVE_POINTS;
        const struct histogram *h = all ? &r->latency : &r->command[i].latency;
        chart.series[chart.count++] =
            (struct chart_series){all ? "all commands" : r->command[i].title, make_curve(h, x, y), x, y};
    }
    chart_write(out, &chart);
    mem_free(points);
}

static void put_settings(struct buf *out, const struct report *report) {
    struct report_setting setting;
    buf_append_text(out, "<h2>Settings</h2>\n<table class=set>\n");
    for (unsigned n = 0; report_setting(report, n, &setting); n++) {
        buf_printf(out, "<tr><td>%s<td>", setting.name);
        chart_write_text(out, setting.value);
        buf_append_text(out, "</tr>\n");
    }
    const struct workload *w = report->run[0].plan.workload;
    for (unsigned i = 0; i < w->count && report->count == 1; i++) {
        buf_printf(out, "<tr><td>%.1f%%<td>", (double)w->command[i].weight * 100 / (double)w->weight_total);
        chart_write_text(out, w->command[i].text);
        buf_append_text(out, "</tr>\n");
    }
    buf_append_text(out, "</table>\n");
}

static void put_page(struct buf *out, const struct report *report) {
    char when[64] = "";
    const time_t seconds = (time_t)(report->began_unix_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts)) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &parts);
    buf_append_text(out, HEAD);
    buf_append_text(out, "<h1>gyre-bench: ");
    chart_write_text(out, report->program->plan.primary->name);
    buf_printf(out, "</h1>\n<code>%s &middot; ", when);
    chart_write_text(out, report->command_line);
    buf_append_text(out, "</code>\n");
    for (unsigned i = 0; i < report->count; i++) {
        const struct run_result *r = report->run[i].result;
        if (report->count > 1) {
            buf_append_text(out, "<h2>");
            chart_write_text(out, report->run[i].title);
            buf_append_text(out, "</h2>\n");
        }
        put_figures(out, r);
        put_trouble(out, r);
        put_table(out, r);
        put_time_charts(out, r);
        put_curve(out, r);
    }
    put_settings(out, report);
    buf_append_text(out, "</body></html>\n");
}

bool html_write(const struct report *report, const char *path, struct problem *problem) {
    struct buf out = {0};
    if (report->count == 0) return problem_note(problem, "nothing was measured: %s is not written", path);
    FILE *file = fopen(path, "we");
    if (!file) return problem_note(problem, "cannot write %s: %s", path, strerror(errno));
    put_page(&out, report);
    const bool written = fwrite(out.data, 1, out.len, file) == out.len;
    buf_free(&out);
    if (fclose(file) == 0 && written) return true;
    return problem_note(problem, "cannot write %s: %s", path, strerror(errno));
}
