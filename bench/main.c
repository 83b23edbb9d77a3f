/* main.c: gyre-bench, the load generator: reads the command line, runs what it asks for, prints what came of it.
 *
 * This thread starts the load threads (run.h) and otherwise sleeps. SIGINT and SIGTERM end a run early, with the
 * figures so far; a second one ends the process.
 */
#include "bench/flags.h"
#include "bench/live.h"
#include "bench/plan.h"
#include "bench/run.h"
#include "bench/summary.h"
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
    if (p->flags->csv || p->flags->quiet) {
        if (p->flags->csv)
            summary_print_csv(result);
        else
            summary_print_quiet(result);
        summary_print_trouble(result);
    } else {
        summary_print(plan, result);
    }
}

static int run_all(const struct program *p) {
    int status = EXIT_CLEAN;
    if (program_fills(p)) status = fill(p);
    if (p->flags->fill_only || status) return status;
    if (p->flags->csv) summary_print_csv_head();
    for (unsigned n = 0; n < p->run_count && !interrupted; n++) {
        struct run_plan plan = program_run_plan(p, n);
        struct problem problem;
        struct live live;
        struct run_result *result = mem_zalloc(sizeof *result);
        live_start(&live, p->own_titles ? plan.workload->command[0].title : "running", p->flags->quiet);
        const bool began =
            run_execute(&plan, &(struct run_watcher){live_tell, &live}, &interrupted, result, &problem);
        live_end(&live);
        if (began) {
            show(p, &plan, result);
            if (!run_result_clean(result)) status = EXIT_TROUBLE;
            run_result_free(result);
        }
        mem_free(result);
        if (!began) return interrupted ? EXIT_INTERRUPTED : complain(&problem, EXIT_TROUBLE);
    }
    return interrupted ? EXIT_INTERRUPTED : status;
}

int main(int argc, char **argv) {
    struct flags flags;
    struct problem problem;
    clock_init();
    if (!flags_parse(argc, argv, &flags, &problem)) return complain(&problem, EXIT_USAGE);
    if (flags.action == ACTION_HELP) {
        help_print();
        return EXIT_CLEAN;
    }
    if (flags.action == ACTION_VERSION) {
        printf("gyre-bench %s\n", GYRE_VERSION);
        return EXIT_CLEAN;
    }
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    struct program *program = mem_zalloc(sizeof *program);
    const int status =
        program_make(&flags, program, &problem) ? run_all(program) : complain(&problem, EXIT_USAGE);
    program_free(program);
    mem_free(program);
    flags_free(&flags);
    return status;
}
