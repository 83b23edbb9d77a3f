/* compare.c: see compare.h. */
#include "bench/compare.h"

#include "bench/format.h"
#include "bench/live.h"
#include "bench/process.h"
#include "bench/summary.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_DEFAULT = 5, ROUNDS_MAX = 1000, DURATION_DEFAULT_S = 3, SIDES = 2 };
static const uint64_t SECOND_NS = 1000000000;

enum measure { OPS, P50, P99, P999, CPU, MEMORY, MEASURES };
static const struct {
    const char *name, *key;
    unsigned places;
} MEASURE[MEASURES] = {{"ops/s", "ops_per_second", 0},
                       {"p50 ms", "p50_ms", 3},
                       {"p99 ms", "p99_ms", 3},
                       {"p99.9 ms", "p99.9_ms", 3},
                       {"server CPU us/op", "cpu_us_per_op", 3},
                       {"server memory MB", "memory_mb", 1}};

struct comparison {
    struct program *program;
    struct target servers[SIDES];
    volatile sig_atomic_t *stop;
    unsigned rounds;
    double (*value)[SIDES][MEASURES]; /* by round */
    bool clean;
};

static bool look(const struct comparison *c, unsigned side, struct process_use *use,
                 struct problem *problem) {
    const struct flags *f = c->program->flags;
    *use = (struct process_use){0};
    return f->pid_count == 0 || process_look(f->pids[side], use, problem);
}

/* One run on one server, with what its process used meanwhile. */
static bool run_side(struct comparison *c, const struct run_plan *plan, struct run_result *result,
                     struct process_use *used, struct problem *problem) {
    const unsigned side = (unsigned)(plan->primary - c->servers);
    struct process_use before;
    struct live live;
    live_start(&live, c->servers[side].name, c->program->flags->quiet);
    const bool ran = look(c, side, &before, problem) &&
                     run_execute(plan, &(struct run_watcher){live_tell, &live}, c->stop, result, problem);
    live_end(&live);
    if (!ran) return false;
    if (!look(c, side, used, problem)) {
        run_result_free(result);
        return false;
    }
    used->cpu_seconds -= before.cpu_seconds;
    return true;
}

/* Warms a server up and measures it. */
static bool measure_side(struct comparison *c, unsigned run, unsigned round, unsigned side,
                         struct problem *problem) {
    struct run_result *result = mem_zalloc(sizeof *result);
    struct run_plan plan = program_run_plan(c->program, run);
    struct process_use used;
    const uint64_t warm_up_ns = plan.warm_up_ns;
    plan.primary = &c->servers[side];
    if (!c->program->flags->duration_ns && !plan.requests) plan.duration_ns = DURATION_DEFAULT_S * SECOND_NS;
    plan.warm_up_ns = 0;
    plan.seed += round; /* the same requests for both */
    bool ran = true;
    if (warm_up_ns) {
        struct run_plan warm_up = plan;
        warm_up.requests = 0;
        warm_up.duration_ns = warm_up_ns;
        ran = run_side(c, &warm_up, result, &used, problem);
        if (ran) run_result_free(result);
    }
    if (ran) ran = run_side(c, &plan, result, &used, problem);
    if (ran) {
        static const double shares[] = {0.5, 0.99, 0.999};
        uint64_t values[3];
        double *to = c->value[round][side];
        histogram_quantiles(&result->latency, shares, values, 3);
        to[OPS] = result->seconds > 0 ? (double)result->replies / result->seconds : 0;
        for (unsigned i = 0; i < 3; i++) to[P50 + i] = (double)values[i] / 1e6;
        to[CPU] = result->replies ? used.cpu_seconds * 1e6 / (double)result->replies : 0;
        to[MEMORY] = (double)used.resident_bytes / 1e6;
        if (!run_result_clean(result)) {
            c->clean = false;
            fprintf(stderr, "%s:\n", c->servers[side].name);
            summary_print_trouble(result);
        }
        run_result_free(result);
    }
    mem_free(result);
    return ran;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct spread {
    double low, median, high;
};

static struct spread spread_of(double *values, unsigned count) {
    ASSERT(count > 0);
    qsort(values, count, sizeof *values, ascending);
    const double middle = count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (struct spread){values[0], middle, values[count - 1]};
}

/* One measure of both sides, and of the rounds' ratios of the second to the first. */
static void summarize(const struct comparison *c, enum measure m, struct spread side[SIDES],
                      struct spread *ratio) {
    double *values = mem_alloc(c->rounds * sizeof *values);
    for (unsigned s = 0; s < SIDES; s++) {
        for (unsigned i = 0; i < c->rounds; i++) values[i] = c->value[i][s][m];
        side[s] = spread_of(values, c->rounds);
    }
    for (unsigned i = 0; i < c->rounds; i++)
        values[i] = c->value[i][0][m] > 0 ? c->value[i][1][m] / c->value[i][0][m] : 0;
    *ratio = spread_of(values, c->rounds);
    mem_free(values);
}

static bool is_shown(const struct comparison *c, enum measure m) {
    return m < CPU || c->program->flags->pid_count > 0;
}

static void print_table(const struct comparison *c, const struct workload *workload) {
    printf("%s, %u rounds; A is %s, B is %s\n\n",
           c->program->own_titles ? workload->command[0].title : "the same load", c->rounds,
           c->servers[0].name, c->servers[1].name);
    printf("%-18s %14s %14s %8s   %s\n", "", "A", "B", "B/A", "lowest and highest of the rounds");
    for (enum measure m = 0; m < MEASURES; m++) {
        struct spread side[SIDES], ratio;
        if (!is_shown(c, m)) continue;
        summarize(c, m, side, &ratio);
        printf("%-18s ", MEASURE[m].name);
        for (unsigned s = 0; s < SIDES; s++) {
            if (m == OPS)
                printf("%14s ", format_count((uint64_t)llround(side[s].median)).text);
            else
                printf("%14.*f ", (int)MEASURE[m].places, side[s].median);
        }
        printf("%8.3f   %.3f to %.3f\n", ratio.median, ratio.low, ratio.high);
    }
    printf("\n");
    fflush(stdout);
}

static void print_csv(const struct comparison *c, const struct workload *workload) {
    for (enum measure m = 0; m < MEASURES; m++) {
        struct spread side[SIDES], ratio;
        if (!is_shown(c, m)) continue;
        summarize(c, m, side, &ratio);
        printf("\"%s\",\"%s\",\"%.6f\",\"%.6f\",\"%.6f\",\"%.6f\",\"%.6f\"\n",
               c->program->own_titles ? workload->command[0].title : "run", MEASURE[m].key, side[0].median,
               side[1].median, ratio.median, ratio.low, ratio.high);
    }
    fflush(stdout);
}

static void print_json(const struct comparison *c, const struct workload *workload, bool last) {
    printf("    {\"title\": \"%s\", \"rounds\": %u, \"measures\": {",
           c->program->own_titles ? workload->command[0].title : "run", c->rounds);
    bool first = true;
    for (enum measure m = 0; m < MEASURES; m++) {
        struct spread side[SIDES], ratio;
        if (!is_shown(c, m)) continue;
        summarize(c, m, side, &ratio);
        printf("%s\n      \"%s\": {\"a\": %.6f, \"b\": %.6f, \"ratio\": %.6f, \"ratio_low\": %.6f, "
               "\"ratio_high\": %.6f}",
               first ? "" : ",", MEASURE[m].key, side[0].median, side[1].median, ratio.median, ratio.low,
               ratio.high);
        first = false;
    }
    printf("\n    }}%s\n", last ? "" : ",");
}

/* All rounds of one of the program's runs. False with the reason in `problem`. */
static bool compare_one(struct comparison *c, unsigned run, struct problem *problem) {
    for (unsigned round = 0; round < c->rounds; round++) {
        for (unsigned i = 0; i < SIDES; i++) {
            const unsigned side = (i + round) % SIDES;
            if (!measure_side(c, run, round, side, problem)) return false;
            if (*c->stop) return problem_note(problem, "interrupted");
        }
    }
    const struct flags *f = c->program->flags;
    const struct workload *workload = &c->program->runs[run];
    if (f->json)
        print_json(c, workload, run + 1 == c->program->run_count);
    else if (f->csv)
        print_csv(c, workload);
    else
        print_table(c, workload);
    return true;
}

/* One kind of key, into one database of one server. */
static bool fill_one(struct comparison *c, const struct run_plan *plan, struct problem *problem) {
    struct run_result *result = mem_zalloc(sizeof *result);
    const bool ran = run_execute(plan, NULL, c->stop, result, problem);
    const bool clean = ran && run_result_clean(result);
    if (ran && !clean)
        problem_note(problem, "filling %s failed %.200s", plan->primary->name, result->first_error);
    if (ran) run_result_free(result);
    mem_free(result);
    return clean;
}

static bool fill_both(struct comparison *c, struct problem *problem) {
    const unsigned kinds = c->program->fill_count, databases = c->program->plan.databases;
    for (unsigned i = 0; i < SIDES * kinds * databases; i++) {
        struct run_plan plan = program_fill_plan(c->program, i / SIDES / databases, i / SIDES % databases);
        plan.primary = &c->servers[i % SIDES];
        if (!fill_one(c, &plan, problem)) return false;
    }
    return true;
}

static bool compare_all(struct comparison *c, struct problem *problem) {
    const struct flags *f = c->program->flags;
    for (unsigned side = 0; side < SIDES; side++) {
        struct process_use use;
        if (!target_parse(f->servers[side], &c->servers[side], problem) || !look(c, side, &use, problem))
            return false;
    }
    if (program_fills(c->program) && !fill_both(c, problem)) return false;
    if (f->json)
        printf("{\n  \"a\": \"%s\", \"b\": \"%s\",\n  \"runs\": [\n", c->servers[0].name, c->servers[1].name);
    if (f->csv) printf("\"test\",\"measure\",\"a\",\"b\",\"ratio\",\"ratio_low\",\"ratio_high\"\n");
    for (unsigned run = 0; run < c->program->run_count; run++) {
        if (!compare_one(c, run, problem)) return false;
    }
    if (f->json) printf("  ]\n}\n");
    return true;
}

int compare_run(struct program *program, volatile sig_atomic_t *stop) {
    struct comparison *c = mem_zalloc(sizeof *c);
    struct problem problem;
    c->program = program;
    c->stop = stop;
    c->clean = true;
    c->rounds = program->flags->rounds ? (unsigned)program->flags->rounds : ROUNDS_DEFAULT;
    ASSERT(c->rounds <= ROUNDS_MAX);
    c->value = mem_zalloc(c->rounds * sizeof *c->value);
    const bool done = compare_all(c, &problem);
    fflush(stdout);
    if (!done) fprintf(stderr, "gyre-bench: %s\n", problem.text);
    const int status = *stop ? 130 : done && c->clean ? 0 : 1;
    mem_free(c->value);
    mem_free(c);
    return status;
}
