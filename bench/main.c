/* main.c: gyre-bench, the load generator: reads the command line, runs what it asks for, prints what came
 * of it.
 *
 * This thread starts the load threads (run.h) and otherwise sleeps. SIGINT and SIGTERM end a run early,
 * with the figures so far; a second one ends the process. */
#include "bench/compare.h"
#include "bench/flags.h"
#include "bench/lag.h"
#include "bench/live.h"
#include "bench/plan.h"
#include "bench/report.h"
#include "bench/run.h"
#include "bench/summary.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_CLEAN = 0, EXIT_TROUBLE = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    interrupted = 1;
    signal(number, SIG_DFL);
}

static int complain(const struct problem *problem, int status) {
    fflush(stdout);
    fprintf(stderr, "gyre-bench: %s\n", problem->text);
    return status;
}

/* Fills every database with every kind of key. Returns an exit status. */
static int fill(const struct program *p) {
    for (unsigned n = 0; n < p->fill_count; n++) {
        for (unsigned database = 0; database < p->plan.databases; database++) {
            struct run_plan plan = program_fill_plan(p, n, database);
            struct problem problem;
            struct live live;
            struct run_result *result = mem_zalloc(sizeof *result);
            live_start(&live, "filling", p->flags->quiet);
            const bool began =
                run_execute(&plan, &(struct run_watcher){live_tell, &live}, &interrupted, result, &problem);
            live_end(&live);
            int status = !began ? complain(&problem, EXIT_TROUBLE) : EXIT_CLEAN;
            if (began && !run_result_clean(result)) {
                fprintf(stderr, "gyre-bench: filling failed\n");
                summary_print_trouble(result);
                status = EXIT_TROUBLE;
            }
            if (began) run_result_free(result);
            mem_free(result);
            if (status) return interrupted ? EXIT_INTERRUPTED : status;
        }
    }
    return EXIT_CLEAN;
}

static void show(const struct program *p, const struct run_plan *plan, const struct run_result *result) {
    if (p->flags->csv)
        summary_print_csv(result);
    else if (p->flags->quiet && !p->flags->json)
        summary_print_quiet(result);
    else if (!p->flags->json)
        summary_print(plan, result);
    if (p->flags->csv || p->flags->quiet || p->flags->json) summary_print_trouble(result);
}

/* One run, whose result is kept in the report. Returns an exit status. */
static int run_one(struct report *report, unsigned n) {
    const struct program *p = report->program;
    struct report_run *run = &report->run[report->count];
    struct problem problem;
    struct live live;
    run->plan = program_run_plan(p, n);
    run->title = p->own_titles ? run->plan.workload->command[0].title : "run";
    run->result = mem_zalloc(sizeof *run->result);
    live_start(&live, p->own_titles ? run->title : "running", p->flags->quiet);
    const bool began =
        run_execute(&run->plan, &(struct run_watcher){live_tell, &live}, &interrupted, run->result, &problem);
    live_end(&live);
    if (!began) {
        mem_free(run->result);
        return interrupted ? EXIT_INTERRUPTED : complain(&problem, EXIT_TROUBLE);
    }
    report->count++;
    show(p, &run->plan, run->result);
    return run_result_clean(run->result) ? EXIT_CLEAN : EXIT_TROUBLE;
}

static int run_all(const struct program *p, const char *command_line) {
    struct report *report = mem_zalloc(sizeof *report);
    struct problem problem;
    report->program = p;
    report->command_line = command_line;
    report->began_unix_ms = clock_unix_ms();
    if (p->flags->csv) summary_print_csv_head();
    int status = EXIT_CLEAN;
    for (unsigned n = 0; n < p->run_count && !interrupted; n++) {
        const unsigned before = report->count;
        const int one = run_one(report, n);
        if (one) status = one;
        if (report->count == before) break;
    }
    if (p->flags->json) json_print(report);
    if (p->flags->html && !html_write(report, p->flags->html, &problem))
        status = complain(&problem, EXIT_TROUBLE);
    report_free(report);
    mem_free(report);
    return interrupted ? EXIT_INTERRUPTED : status;
}

static int measure(const struct flags *flags, const char *command_line) {
    struct problem problem;
    struct program *program = mem_zalloc(sizeof *program);
    int status = EXIT_CLEAN;
    if (!program_make(flags, program, &problem))
        status = complain(&problem, EXIT_USAGE);
    else if (flags->action == ACTION_COMPARE)
        status = compare_run(program, &interrupted);
    else if (program_fills(program))
        status = fill(program);
    if (status == EXIT_CLEAN && !flags->fill_only && flags->action == ACTION_RUN)
        status = run_all(program, command_line);
    program_free(program);
    mem_free(program);
    return status;
}

static void join_words(struct buf *out, int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        /* A password has no place in a report. */
        const bool secret = i > 0 && (!strcmp(argv[i - 1], "-a") || !strcmp(argv[i - 1], "--pass"));
        if (i) buf_append_char(out, ' ');
        buf_append_text(out, secret || !strncmp(argv[i], "--pass=", 7) ? "***" : argv[i]);
    }
}

int main(int argc, char **argv) {
    struct flags flags;
    struct problem problem;
    clock_init();
    int status = EXIT_CLEAN;
    if (!flags_parse(argc, argv, &flags, &problem)) {
        status = complain(&problem, EXIT_USAGE);
    } else if (flags.action == ACTION_HELP) {
        help_print();
    } else if (flags.action == ACTION_VERSION) {
        printf("gyre-bench %s\n", GYRE_VERSION);
    } else {
        struct buf command_line = {0};
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
        join_words(&command_line, argc, argv);
        status =
            flags.action == ACTION_LAG ? lag_run(&flags, &interrupted) : measure(&flags, command_line.data);
        buf_free(&command_line);
    }
    flags_free(&flags);
    return status;
}
