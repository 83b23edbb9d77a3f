/* live.c: see live.h. */
#include "bench/live.h"

#include "bench/format.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

void live_start(struct live *live, const char *title, bool quiet) {
    *live = (struct live){.terminal = isatty(STDERR_FILENO), .quiet = quiet, .title = title};
}

static void draw_bar(char *bar, double share) {
    const int full = (int)(share * BAR_WIDTH + 0.5);
    for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = 0;
}

void live_tell(void *context, const struct run_sample *s, double share, bool warming_up) {
    struct live *live = context;
    char bar[BAR_WIDTH + 1];
    live->errors += s->errors;
    if (live->quiet) return;
    if (!live->terminal && s->at_s - live->told_s < 0.99) return;
    live->told_s = s->at_s;
    draw_bar(bar, share);
    live->open = live->terminal;
    if (warming_up) {
        fprintf(stderr, "%s%s [%s] %5.1f s  warming up%s", live->terminal ? "\r" : "", live->title, bar,
                s->at_s, live->terminal ? "\033[K" : "\n");
        return;
    }
    fprintf(stderr, "%s%s [%s] %5.1f s  %s ops/s  p50 %s ms  p99 %s ms  errors %s%s",
            live->terminal ? "\r" : "", live->title, bar, s->at_s,
            format_count((uint64_t)((double)s->replies / s->seconds)).text, format_ms(s->p50_ns).text,
            format_ms(s->p99_ns).text, format_count(live->errors).text, live->terminal ? "\033[K" : "\n");
    fflush(stderr);
}

void live_end(struct live *live) {
    if (live->open) fprintf(stderr, "\r\033[K");
    live->open = false;
}
