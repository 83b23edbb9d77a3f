/* problem.h: why something cannot be done, in one line for the user. */
#ifndef GYRE_BENCH_PROBLEM_H
#define GYRE_BENCH_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct problem {
    char text[512];
};

/* Notes the problem and returns false, which is what the caller then returns. */
static inline bool __attribute__((format(printf, 2, 3)))
problem_note(struct problem *problem, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return false;
}

#endif
