/* chart.h: a line chart as an SVG element, drawn here so that a page needs no script and no network.
 *
 * Colours come from the page's style sheet: --s0 to --s7 for the lines, --ink, --faint and --grid for the
 * rest. */
#ifndef GYRE_BENCH_CHART_H
#define GYRE_BENCH_CHART_H

#include "shard/base/buf.h"

#include <stdbool.h>

enum { CHART_SERIES_MAX = 8 };

enum chart_x {
    CHART_X_SECONDS,
    CHART_X_SHARE, /* x is -log10(1 - share): 0 is the median's side, 2 is 99%, 3 is 99.9% */
};

enum chart_y { CHART_Y_COUNT, CHART_Y_MS_LOG };

struct chart_series {
    const char *name;
    unsigned count;
    const double *x, *y;
};

struct chart {
    const char *title, *y_name;
    enum chart_x x_scale;
    enum chart_y y_scale;
    unsigned count;
    struct chart_series series[CHART_SERIES_MAX];
};

void chart_write(struct buf *out, const struct chart *chart);
/* Appends text with &, <, > and quotes escaped. */
void chart_write_text(struct buf *out, const char *text);

#endif
