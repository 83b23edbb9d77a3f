/* chart.c: see chart.h. */
#include "bench/chart.h"

#include "shard/base/assert.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 900, HEIGHT = 320, LEFT = 70, RIGHT = 16, TOP = 14, BOTTOM = 44 };
static const double LOWEST_MS = 0.001;

/* What part of the plane is shown. */
struct frame {
    double x_min, x_max, y_min, y_max;
    bool log_y;
};

void chart_write_text(struct buf *out, const char *text) {
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '&')
            buf_append_text(out, "&amp;");
        else if (c == '<')
            buf_append_text(out, "&lt;");
        else if (c == '>')
            buf_append_text(out, "&gt;");
        else if (c == '"')
            buf_append_text(out, "&quot;");
        else if (c < 0x20 || c >= 0x7f)
            buf_printf(out, "&#%u;", c < 0x20 ? 0x20 : c);
        else
            buf_append_char(out, (char)c);
    }
}

static double place_x(const struct frame *f, double x) {
    return LEFT + (x - f->x_min) / (f->x_max - f->x_min) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct frame *f, double y) {
    if (f->log_y) y = log10(y < LOWEST_MS ? LOWEST_MS : y);
    return HEIGHT - BOTTOM - (y - f->y_min) / (f->y_max - f->y_min) * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, so that about `wanted` steps make up the range. */
static double nice_step(double range, int wanted) {
    const double raw = range / wanted, power = pow(10, floor(log10(raw)));
    const double multiple = raw / power;
    return power * (multiple <= 1 ? 1 : multiple <= 2 ? 2 : multiple <= 5 ? 5 : 10);
}

static struct frame find_frame(const struct chart *chart) {
    struct frame f = {.x_min = INFINITY, .x_max = -INFINITY, .log_y = chart->y_scale == CHART_Y_MS_LOG};
    double low = INFINITY, high = -INFINITY;
    for (unsigned s = 0; s < chart->count; s++) {
        for (unsigned i = 0; i < chart->series[s].count; i++) {
            f.x_min = fmin(f.x_min, chart->series[s].x[i]);
            f.x_max = fmax(f.x_max, chart->series[s].x[i]);
            low = fmin(low, chart->series[s].y[i]);
            high = fmax(high, chart->series[s].y[i]);
        }
    }
    if (!(f.x_max > f.x_min)) {
        f.x_min = 0;
        f.x_max = 1;
    }
    if (chart->x_scale == CHART_X_SECONDS) f.x_min = 0;
    if (f.log_y) {
        f.y_min = floor(log10(fmax(low, LOWEST_MS)));
        f.y_max = ceil(log10(fmax(high, LOWEST_MS)) + 1e-9);
        if (!(f.y_max > f.y_min)) f.y_max = f.y_min + 1;
    } else {
        const double step = nice_step(high > 0 ? high : 1, 4);
        f.y_max = ceil((high > 0 ? high : 1) / step) * step;
    }
    return f;
}

static void write_y_tick(struct buf *out, const struct frame *f, double value, const char *label) {
    const double y = place_y(f, value);
    buf_printf(out,
               "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=tick x=%d y=%.1f "
               "text-anchor=end>%s</text>\n",
               LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, label);
}

static void write_y_axis(struct buf *out, const struct frame *f) {
    char label[32];
    if (f->log_y) {
        for (int power = (int)lround(f->y_min); power <= (int)lround(f->y_max); power++) {
            /* In between as well, where few powers of ten are shown. */
            for (unsigned multiple = 1; multiple <= 5; multiple = multiple == 1   ? 2
                                                                  : multiple == 2 ? 5
                                                                                  : 10) {
                const double value = multiple * pow(10, power);
                if (multiple > 1 && (f->y_max - f->y_min > 2 || power >= f->y_max)) break;
                snprintf(label, sizeof label, "%g", value);
                write_y_tick(out, f, value, label);
            }
        }
        return;
    }
    const double step = nice_step(f->y_max, 4);
    for (unsigned i = 0; i * step <= f->y_max * 1.0001; i++) {
        const double value = i * step;
        if (value > 0 && f->y_max >= 2e6)
            snprintf(label, sizeof label, "%gM", value / 1e6);
        else if (value > 0 && f->y_max >= 2e3)
            snprintf(label, sizeof label, "%gk", value / 1e3);
        else
            snprintf(label, sizeof label, "%g", value);
        write_y_tick(out, f, value, label);
    }
}

static void write_x_tick(struct buf *out, const struct frame *f, double at, const char *label) {
    const double x = place_x(f, at);
    buf_printf(out,
               "<line class=grid x1=%.1f x2=%.1f y1=%d y2=%d /><text class=tick x=%.1f y=%d "
               "text-anchor=middle>%s</text>\n",
               x, x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 18, label);
}

static void write_x_axis(struct buf *out, const struct frame *f, enum chart_x scale) {
    static const char *const shares[] = {"0%",     "90%",     "99%",      "99.9%",
                                         "99.99%", "99.999%", "99.9999%", "99.99999%"};
    char label[32];
    if (scale == CHART_X_SHARE) {
        for (unsigned i = 0; i < sizeof shares / sizeof shares[0] && i <= f->x_max + 0.01; i++)
            write_x_tick(out, f, i, shares[i]);
        if (f->x_max > 0.31) write_x_tick(out, f, log10(2), "50%");
        return;
    }
    const double step = nice_step(f->x_max, 8);
    for (unsigned i = 0; i * step <= f->x_max * 1.0001; i++) {
        snprintf(label, sizeof label, "%g s", i * step);
        write_x_tick(out, f, i * step, label);
    }
}

static void write_series(struct buf *out, const struct frame *f, const struct chart_series *s, unsigned n) {
    if (s->count == 0) return;
    buf_printf(out, "<polyline class=line style=\"stroke:var(--s%u)\" points=\"", n);
    for (unsigned i = 0; i < s->count; i++)
        buf_printf(out, "%.1f,%.1f ", place_x(f, s->x[i]), place_y(f, s->y[i]));
    buf_append_text(out, "\" />\n");
}

void chart_write(struct buf *out, const struct chart *chart) {
    ASSERT(chart->count <= CHART_SERIES_MAX);
    const struct frame f = find_frame(chart);
    buf_append_text(out, "<figure><figcaption><b>");
    chart_write_text(out, chart->title);
    buf_append_text(out, "</b> ");
    chart_write_text(out, chart->y_name);
    for (unsigned s = 0; s < chart->count; s++) {
        buf_printf(out, "<span class=key><i style=\"background:var(--s%u)\"></i>", s);
        chart_write_text(out, chart->series[s].name);
        buf_append_text(out, "</span>");
    }
    buf_printf(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"", WIDTH, HEIGHT);
    chart_write_text(out, chart->title);
    buf_append_text(out, "\">\n");
    write_y_axis(out, &f);
    write_x_axis(out, &f, chart->x_scale);
    for (unsigned s = 0; s < chart->count; s++) write_series(out, &f, &chart->series[s], s);
    buf_append_text(out, "</svg></figure>\n");
}
