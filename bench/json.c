/* json.c: the report as one JSON document. */
#include "bench/report.h"

#include "shard/base/buf.h"

#include <stdio.h>

static void put_string(struct buf *out, const char *text) {
    buf_append_char(out, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            buf_printf(out, "\\%c", *at);
        else if (*at < 0x20 || *at >= 0x7f) /* what a server says need not be UTF-8 */
            buf_printf(out, "\\u%04x", *at);
        else
            buf_append_char(out, (char)*at);
    }
    buf_append_char(out, '"');
}

static void put_field(struct buf *out, const char *name, const char *value) {
    put_string(out, name);
    buf_append_text(out, ": ");
    put_string(out, value);
}

static void put_latency(struct buf *out, const struct histogram *h) {
    uint64_t values[REPORT_SHARES];
    histogram_quantiles(h, report_shares, values, REPORT_SHARES);
    buf_printf(out, "\"latency_ms\": {\"mean\": %.6f, \"min\": %.6f", histogram_mean(h) / 1e6,
               (double)histogram_min(h) / 1e6);
    for (unsigned i = 0; i < REPORT_SHARES; i++)
        buf_printf(out, ", \"%s\": %.6f", report_share_names[i], (double)values[i] / 1e6);
    buf_printf(out, ", \"max\": %.6f}", (double)histogram_max(h) / 1e6);
}

static void put_command(struct buf *out, const struct run_command_result *c, double seconds) {
    buf_append_text(out, "        {");
    put_field(out, "command", c->title);
    buf_printf(out,
               ", \"requests\": %llu, \"ops_per_second\": %.2f, \"errors\": %llu, \"nulls\": %llu, "
               "\"wrong\": %llu, ",
               (unsigned long long)c->replies, seconds > 0 ? (double)c->replies / seconds : 0,
               (unsigned long long)c->errors, (unsigned long long)c->nulls, (unsigned long long)c->wrong);
    put_latency(out, &c->latency);
    buf_append_char(out, '}');
}

static void put_samples(struct buf *out, const struct run_result *r) {
    buf_append_text(out, "      \"samples\": [");
    for (unsigned i = 0; i < r->samples; i++) {
        const struct run_sample *s = &r->sample[i];
        buf_printf(out,
                   "%s\n        {\"at_s\": %.3f, \"seconds\": %.3f, \"requests\": %llu, \"errors\": %llu, "
                   "\"p50_ms\": %.6f, \"p99_ms\": %.6f, \"max_ms\": %.6f}",
                   i ? "," : "", s->at_s, s->seconds, (unsigned long long)s->replies,
                   (unsigned long long)s->errors, (double)s->p50_ns / 1e6, (double)s->p99_ns / 1e6,
                   (double)s->max_ns / 1e6);
    }
    buf_append_text(out, "\n      ]\n");
}

static void put_run(struct buf *out, const struct report_run *run) {
    const struct run_result *r = run->result;
    buf_append_text(out, "    {\n      ");
    put_field(out, "title", run->title);
    buf_printf(
        out,
        ",\n      \"seconds\": %.6f, \"requests\": %llu, \"ops_per_second\": %.2f, \"clean\": %s,\n"
        "      \"errors\": %llu, \"wrong\": %llu, \"unanswered\": %llu, \"unsent\": %llu, "
        "\"connections_lost\": %llu, \"interrupted\": %s,\n"
        "      \"bytes_sent\": %llu, \"bytes_received\": %llu, \"generator_cpu_seconds\": %.3f,\n      ",
        r->seconds, (unsigned long long)r->replies, r->seconds > 0 ? (double)r->replies / r->seconds : 0,
        run_result_clean(r) ? "true" : "false", (unsigned long long)r->errors, (unsigned long long)r->wrong,
        (unsigned long long)r->unanswered, (unsigned long long)r->unsent, (unsigned long long)r->lost,
        r->interrupted ? "true" : "false", (unsigned long long)r->bytes_sent,
        (unsigned long long)r->bytes_received, r->cpu_seconds);
    put_field(out, "first_error", r->first_error);
    buf_append_text(out, ",\n      ");
    put_latency(out, &r->latency);
    buf_append_text(out, ",\n      \"commands\": [\n");
    for (unsigned i = 0; i < r->count; i++) {
        put_command(out, &r->command[i], r->seconds);
        buf_append_text(out, i + 1 < r->count ? ",\n" : "\n");
    }
    buf_append_text(out, "      ],\n");
    put_samples(out, r);
    buf_append_text(out, "    }");
}

void json_print(const struct report *report) {
    struct buf out = {0};
    struct report_setting setting;
    buf_append_text(&out, "{\n  \"gyre_bench\": \"" GYRE_VERSION "\",\n  ");
    put_field(&out, "command_line", report->command_line);
    buf_printf(&out, ",\n  \"began_unix_ms\": %lld,\n  \"settings\": {\n", (long long)report->began_unix_ms);
    for (unsigned n = 0; report_setting(report, n, &setting); n++) {
        buf_append_text(&out, n ? ",\n    " : "    ");
        put_field(&out, setting.name, setting.value);
    }
    buf_append_text(&out, "\n  },\n  \"runs\": [\n");
    for (unsigned i = 0; i < report->count; i++) {
        put_run(&out, &report->run[i]);
        buf_append_text(&out, i + 1 < report->count ? ",\n" : "\n");
    }
    buf_append_text(&out, "  ]\n}\n");
    fwrite(out.data, 1, out.len, stdout);
    fflush(stdout);
    buf_free(&out);
}
