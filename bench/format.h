/* format.h: numbers as people read them: 1,234,567, 1.23 ms, 45.6 MB. */
#ifndef GYRE_BENCH_FORMAT_H
#define GYRE_BENCH_FORMAT_H

#include <stdint.h>

struct short_text {
    char text[40];
};

/* 1234567 -> "1,234,567" */
struct short_text format_count(uint64_t value);
/* Milliseconds with as many places as three to four figures need: "0.123", "12.34", "1234". */
struct short_text format_ms(uint64_t ns);
/* "1.2 kB", "45.6 MB": powers of 1000. */
struct short_text format_bytes(double bytes);

#endif
