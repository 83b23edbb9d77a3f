/* plain_criterion.c: runs criterion tests without criterion's own runner.
 *
 * Criterion starts each test in a process made from an image of itself (boxfort), which the thread sanitizer
 * does not survive: its runner crashes before the first test. So the tsan variant links this file as well.
 * It defines main and the few functions through which a test talks to the runner, walks the sections in
 * which the Test() macro registers its tests, and runs each of them in a plain forked child.
 *
 * Output: one TAP line a test ("ok - suite::name", "not ok - suite::name why"), then the number of tests.
 * Exit status 0 only when all passed. Parameterized tests and theories are not supported and fail loudly.
 */
#include <criterion/criterion.h>
#include <criterion/event.h>
#include <criterion/new/assert.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern struct criterion_test *__start_cr_tst[] __attribute__((weak));
extern struct criterion_test *__stop_cr_tst[] __attribute__((weak));
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

enum { TIMEOUT_DEFAULT_S = 120, EXIT_FAILED = 123, EXIT_SKIPPED = 124 };

static const struct criterion_test_extra_data *suite_data, *test_data;
static volatile bool failed;

/* What tests call: these take the place of the library's functions of the same names. */

void criterion_internal_test_setup(void) {
    if (suite_data != NULL && suite_data->init != NULL) suite_data->init();
    if (test_data->init != NULL) test_data->init();
}

void criterion_internal_test_main(void (*run)(void)) {
    run();
}

void criterion_internal_test_teardown(void) {
    if (test_data->fini != NULL) test_data->fini();
    if (suite_data != NULL && suite_data->fini != NULL) suite_data->fini();
}

void cri_asserts_passed_incr(void) {}

void criterion_send_assert(struct criterion_assert_stats *stats) {
    if (!stats->passed) fprintf(stderr, "# %s:%u: %s\n", stats->file, stats->line, stats->message);
}

void cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree) {
    if (tree->pass) return;
    fprintf(stderr, "# %s:%zu: %s\n", file, line, tree->message != NULL ? tree->message : "assertion failed");
    for (unsigned i = 0; i < tree->nchild; i++) {
        fprintf(stderr, "#   %s\n", tree->children[i].repr != NULL ? tree->children[i].repr : "?");
    }
}

void criterion_abort_test(void) {
    _exit(EXIT_FAILED);
}

void criterion_continue_test(void) {
    failed = true;
}

void criterion_skip_test(const char *format, ...) {
    (void)format;
    _exit(EXIT_SKIPPED);
}

void criterion_test_die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    _exit(EXIT_FAILED);
}

static const struct criterion_test_extra_data *suite_find(const char *name) {
    for (struct criterion_suite **s = __start_cr_sts; s != NULL && s < __stop_cr_sts; s++) {
        if (*s != NULL && strcmp((*s)->name, name) == 0) return (*s)->data;
    }
    return NULL;
}

/* In the child. Exits as the sanitizer wants it (exit, not _exit), so that its findings decide the status. */
static _Noreturn void test_run(const struct criterion_test *test) {
    double timeout_s = test->data->timeout > 0 ? test->data->timeout * 10 : TIMEOUT_DEFAULT_S;
    alarm((unsigned)timeout_s + 1);
    test->test();
    fflush(NULL);
    exit(failed ? EXIT_FAILED : 0);
}

/* Writes why the child's end is not what the test promised, or "" when it is. */
static void test_judge(const struct criterion_test *test, int status, char *why, size_t why_cap) {
    why[0] = 0;
    if (WIFSIGNALED(status)) {
        if (WTERMSIG(status) != test->data->signal) snprintf(why, why_cap, "signal %d", WTERMSIG(status));
    } else if (test->data->signal != 0) {
        /* The sanitizer reports deadly signals itself and exits with a status of its own. */
        if (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_FAILED) {
            snprintf(why, why_cap, "ended without signal %d", test->data->signal);
        }
    } else if (WEXITSTATUS(status) != test->data->exit_code && WEXITSTATUS(status) != EXIT_SKIPPED) {
        snprintf(why, why_cap, "exit status %d", WEXITSTATUS(status));
    }
}

static bool test_one(const struct criterion_test *test) {
    if (test->data->kind_ != CR_TEST_NORMAL) {
        printf("not ok - %s::%s only plain tests can be run here\n", test->category, test->name);
        return false;
    }
    suite_data = suite_find(test->category);
    test_data = test->data;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) test_run(test);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        printf("not ok - %s::%s cannot fork\n", test->category, test->name);
        return false;
    }
    char why[64];
    test_judge(test, status, why, sizeof why);
    printf("%sok - %s::%s %s\n", why[0] ? "not " : "", test->category, test->name, why);
    return why[0] == 0;
}

int main(void) {
    unsigned count = 0;
    bool all = true;
    for (struct criterion_test **t = __start_cr_tst; t != NULL && t < __stop_cr_tst; t++) {
        if (*t == NULL || (*t)->data->disabled) continue;
        count++;
        if (!test_one(*t)) all = false;
    }
    printf("1..%u\n", count);
    return all ? 0 : 1;
}
