/* format.c: see format.h. */
#include "bench/format.h"

#include <stdio.h>
#include <string.h>

struct short_text format_count(uint64_t value) {
    char digits[24];
    struct short_text out;
    const int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out.text[at++] = ',';
        out.text[at++] = digits[i];
    }
    out.text[at] = 0;
    return out;
}

struct short_text format_ms(uint64_t ns) {
    struct short_text out;
    const double ms = (double)ns / 1e6;
    snprintf(out.text, sizeof out.text, "%.*f", ms < 10 ? 3 : ms < 100 ? 2 : ms < 1000 ? 1 : 0, ms);
    return out;
}

struct short_text format_bytes(double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    struct short_text out;
    unsigned unit = 0;
    while (bytes >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out.text, sizeof out.text, "%.*f %s", unit && bytes < 100 ? 1 : 0, bytes, units[unit]);
    return out;
}
